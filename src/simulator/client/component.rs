//! Buttons and menus: those on messages that are there and seen.

use serde_json::{Map, Value, json};

use super::resolved::{Resolved, id_in};
use super::{Chosen, Spot, UseRefused};
use crate::simulator::rest::component_kind as kind;
use crate::simulator::world::{Message, Snowflake};

/// A button that was pressed, or a menu something was chosen from.
pub(super) fn pressed(spot: &Spot<'_>, message: Option<Snowflake>, data: &Value) -> Result<Chosen, UseRefused> {
    let id = message.ok_or_else(|| UseRefused::wrong("message_id", "components are on messages"))?;
    let own = |message: &&Message| message.author_id == spot.bot;
    let message = spot.world.message_seen_by(spot.user, spot.channel.id, id).filter(own);
    let message = message.ok_or_else(|| UseRefused::nothing("message", id))?;
    let custom_id = data["custom_id"].as_str().unwrap_or_default();
    let component = message.component(custom_id).ok_or_else(|| UseRefused::nothing("component", custom_id))?;
    spot.require_free()?;
    if component["disabled"] == true {
        return Err(UseRefused::wrong(custom_id, "it is disabled"));
    }
    let given = &data["component_type"];
    if !given.is_null() && *given != component["type"] {
        return Err(UseRefused::wrong(custom_id, format!("its type is {}", component["type"])));
    }
    let mut told = Map::new();
    told.insert("custom_id".to_owned(), json!(custom_id));
    told.insert("component_type".to_owned(), component["type"].clone());
    told.insert("id".to_owned(), component["id"].clone());
    if component["type"] != kind::BUTTON {
        let mut resolved = Resolved::default();
        let values = chosen(spot, component, &data["values"], custom_id, &mut resolved)?;
        told.insert("values".to_owned(), json!(values));
        resolved.put_into(&mut told);
    } else if !data["values"].is_null() {
        return Err(UseRefused::wrong(custom_id, "a button has no values"));
    }
    Ok(Chosen { data: Value::Object(told), message_id: Some(id), opened_by: None })
}

/// The values chosen from a menu: as many as it wants, and only what it offers.
fn chosen(
    spot: &Spot<'_>,
    menu: &Value,
    values: &Value,
    place: &str,
    resolved: &mut Resolved,
) -> Result<Vec<String>, UseRefused> {
    let list = values.as_array().map_or(&[][..], Vec::as_slice);
    let (least, most) = (menu["min_values"].as_u64().unwrap_or(1), menu["max_values"].as_u64().unwrap_or(1));
    if !(least..=most).contains(&(list.len() as u64)) {
        return Err(UseRefused::wrong(place, format!("{least} to {most} values are chosen")));
    }
    let mut told: Vec<String> = Vec::new();
    for value in list {
        match menu["type"].as_u64() {
            Some(kind::STRING_SELECT) => {
                let offered = menu["options"].as_array().into_iter().flatten();
                if !offered.into_iter().any(|option| option["value"] == *value) {
                    return Err(UseRefused::wrong(place, format!("it does not offer {value}")));
                }
            }
            Some(kind::USER_SELECT) => resolved.add_user(spot, id_in(value, place)?)?,
            Some(kind::ROLE_SELECT) => resolved.add_role(spot, id_in(value, place)?)?,
            Some(kind::CHANNEL_SELECT) => resolved.add_channel(spot, id_in(value, place)?, &menu["channel_types"])?,
            Some(kind::MENTIONABLE_SELECT) => resolved.add_mentionable(spot, id_in(value, place)?)?,
            _ => return Err(UseRefused::wrong(place, "it is no menu")),
        }
        let text = value.as_str().unwrap_or_default().to_owned();
        if told.contains(&text) {
            return Err(UseRefused::wrong(place, format!("{value} is chosen twice")));
        }
        told.push(text);
    }
    Ok(told)
}

//! Values of options: what a client accepts for each kind.

use serde_json::Value;

use super::resolved::{Resolved, id_in};
use super::{Spot, UseRefused};
use crate::simulator::rest::{INT53, option_kind};
use crate::simulator::world::Snowflake;

/// Most characters of a text: documented.
const MOST_TEXT: u64 = 6000;

/// A value for a registered option, as the application is told.
pub(super) fn checked(
    spot: &Spot<'_>,
    option: &Value,
    given: &Value,
    place: &str,
    resolved: &mut Resolved,
) -> Result<Value, UseRefused> {
    let wrong = |problem: &str| UseRefused::wrong(place, problem);
    match option["type"].as_u64().unwrap_or_default() {
        option_kind::STRING => {
            let text = given.as_str().ok_or_else(|| wrong("it is a text"))?;
            let length = text.chars().count() as u64;
            let [least, most] = [("min_length", 1), ("max_length", MOST_TEXT)]
                .map(|(key, otherwise)| option[key].as_u64().unwrap_or(otherwise));
            if !(least.max(1)..=most).contains(&length) {
                return Err(wrong(&format!("it has {least} to {most} characters")));
            }
        }
        option_kind::INTEGER => {
            let number = given.as_i64().filter(|number| (-INT53..=INT53).contains(number));
            let number = number.ok_or_else(|| wrong("it is a whole number"))?;
            in_range(option, number as f64, place)?;
        }
        option_kind::NUMBER => {
            let number = given.as_f64().filter(|number| number.abs() <= INT53 as f64);
            in_range(option, number.ok_or_else(|| wrong("it is a number"))?, place)?;
        }
        option_kind::BOOLEAN if given.is_boolean() => {}
        option_kind::BOOLEAN => return Err(wrong("it is true or false")),
        option_kind::USER => resolved.add_user(spot, id_in(given, place)?)?,
        option_kind::ROLE => resolved.add_role(spot, id_in(given, place)?)?,
        option_kind::CHANNEL => resolved.add_channel(spot, id_in(given, place)?, &option["channel_types"])?,
        option_kind::MENTIONABLE => resolved.add_mentionable(spot, id_in(given, place)?)?,
        _ => return Err(wrong("the simulated Discord does not implement options of this type")),
    }
    let choices = option["choices"].as_array().filter(|choices| !choices.is_empty());
    if choices.is_some_and(|choices| !choices.iter().any(|choice| equal(&choice["value"], given))) {
        return Err(wrong("it is none of the choices"));
    }
    Ok(match id_in(given, place) {
        Ok(Snowflake(_)) if is_id(option) => Value::String(id_in(given, place)?.to_string()),
        _ => given.clone(),
    })
}

fn is_id(option: &Value) -> bool {
    let kinds = [option_kind::USER, option_kind::ROLE, option_kind::CHANNEL, option_kind::MENTIONABLE];
    option["type"].as_u64().is_some_and(|kind| kinds.contains(&kind))
}

/// 1 and 1.0 are one number.
fn equal(choice: &Value, given: &Value) -> bool {
    choice == given || choice.is_number() && choice.as_f64() == given.as_f64()
}

fn in_range(option: &Value, number: f64, place: &str) -> Result<(), UseRefused> {
    let (least, most) = (option["min_value"].as_f64(), option["max_value"].as_f64());
    if least.is_some_and(|least| number < least) {
        return Err(UseRefused::wrong(place, format!("it is at least {}", option["min_value"])));
    }
    if most.is_some_and(|most| number > most) {
        return Err(UseRefused::wrong(place, format!("it is at most {}", option["max_value"])));
    }
    Ok(())
}

//! Modals: forms that were opened for a user, filled in and submitted.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{Chosen, Spot, UseRefused};
use crate::simulator::rest::component_kind as kind;
use crate::simulator::world::{Answer, Interaction, Snowflake};

/// A modal that was filled in. It must have been opened for that user, and not be submitted already.
pub(super) fn submitted(spot: &Spot<'_>, data: &Value) -> Result<Chosen, UseRefused> {
    spot.require_free()?;
    let custom_id = data["custom_id"].as_str().unwrap_or_default();
    let (opener, modal) = open(spot, custom_id).ok_or_else(|| UseRefused::nothing("open modal", custom_id))?;
    let mut written = BTreeMap::new();
    collect(&data["components"], &mut written)?;
    let mut parts = Vec::new();
    for part in modal["components"].as_array().into_iter().flatten() {
        parts.push(fill(part, &mut written)?);
    }
    if let Some(unknown) = written.keys().next() {
        return Err(UseRefused::nothing("text input", unknown));
    }
    let data = json!({"custom_id": custom_id, "components": parts});
    Ok(Chosen { data, message_id: opener.message_id, opened_by: Some(opener.id) })
}

/// The newest modal of that name the user has open here.
fn open<'a>(spot: &Spot<'a>, custom_id: &str) -> Option<(&'a Interaction, &'a Value)> {
    let own = spot.world.interactions.values().rev().filter(|begun| {
        let same = begun.user_id == spot.user && begun.channel_id == spot.channel.id;
        same && begun.application_id == spot.application.id
    });
    let modals = own.filter_map(|begun| match &begun.answer {
        Answer::Modal { modal } => Some((begun, modal)),
        _ => None,
    });
    modals.into_iter().find(|(begun, modal)| modal["custom_id"] == custom_id && is_open(spot, begun.id))
}

/// A submission that was answered closes the modal; one that waits for its answer cannot be repeated.
fn is_open(spot: &Spot<'_>, opener: Snowflake) -> bool {
    let mut submissions = spot.world.interactions.values().filter(|begun| begun.opened_by == Some(opener));
    submissions.all(|begun| !begun.is_acknowledged() && begun.is_late(spot.now))
}

/// Every text that was written, by the input it is in, however deep that lies.
fn collect(components: &Value, written: &mut BTreeMap<String, String>) -> Result<(), UseRefused> {
    for component in components.as_array().into_iter().flatten() {
        collect(&component["components"], written)?;
        if component["component"].is_object() {
            collect(&json!([component["component"]]), written)?;
        }
        let Some(custom_id) = component["custom_id"].as_str() else { continue };
        let text = component["value"].as_str();
        let text = text.ok_or_else(|| UseRefused::wrong(custom_id, "a text input holds a text"))?;
        if written.insert(custom_id.to_owned(), text.to_owned()).is_some() {
            return Err(UseRefused::wrong(custom_id, "it was filled in twice"));
        }
    }
    Ok(())
}

/// A part of a modal with what was written into it.
fn fill(part: &Value, written: &mut BTreeMap<String, String>) -> Result<Value, UseRefused> {
    if part["type"] == kind::TEXT_INPUT {
        let custom_id = part["custom_id"].as_str().unwrap_or_default();
        let given = written.remove(custom_id);
        let text = given.or_else(|| part["value"].as_str().map(str::to_owned)).unwrap_or_default();
        check(part, &text, custom_id)?;
        return Ok(json!({"type": kind::TEXT_INPUT, "id": part["id"], "custom_id": custom_id, "value": text}));
    }
    if part["type"] == kind::LABEL {
        let inside = fill(&part["component"], written)?;
        return Ok(json!({"type": kind::LABEL, "id": part["id"], "component": inside}));
    }
    let inside = part["components"].as_array().into_iter().flatten();
    let inside = inside.map(|input| fill(input, written)).collect::<Result<Vec<_>, _>>()?;
    Ok(json!({"type": kind::ROW, "id": part["id"], "components": inside}))
}

/// As long as the input wants it. One that need not be filled in may be left empty.
fn check(input: &Value, text: &str, custom_id: &str) -> Result<(), UseRefused> {
    let length = text.chars().count() as u64;
    if length == 0 {
        let required = input["required"] == true;
        return if required { Err(UseRefused::wrong(custom_id, "it is required")) } else { Ok(()) };
    }
    let (least, most) = (input["min_length"].as_u64().unwrap_or(0), input["max_length"].as_u64().unwrap_or(4000));
    if !(least..=most).contains(&length) {
        return Err(UseRefused::wrong(custom_id, format!("it has {least} to {most} characters")));
    }
    Ok(())
}

/// The label and the `custom_id` of every text input, in order.
pub(super) fn inputs(modal: &Value) -> Vec<(String, String)> {
    let parts = modal["components"].as_array().into_iter().flatten();
    let inputs = parts.map(|part| match part["component"].is_object() {
        true => (&part["label"], &part["component"]),
        false => (&part["components"][0]["label"], &part["components"][0]),
    });
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    inputs.map(|(label, input)| (text(label), text(&input["custom_id"]))).collect()
}

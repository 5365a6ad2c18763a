//! Modals: forms an application lets a user fill in.

use serde_json::{Map, Value, json};

use super::component::{Names, kind};
use super::form::{Form, Given};

/// Most parts of a modal: documented.
const MOST_PARTS: usize = 5;
/// Most characters of a text input.
const MOST_INPUT: i64 = 4000;

/// Reads the data of a modal, in the form a client shows it.
pub(crate) fn read_modal(form: &mut Form<'_>) -> Value {
    let mut shown = Map::new();
    for (key, most) in [("custom_id", 100), ("title", 45)] {
        form.require(key);
        if let Given::Value(text) = form.text(key, 1..=most) {
            shown.insert(key.to_owned(), json!(text));
        }
    }
    form.require("components");
    let list = form.list("components", MOST_PARTS).value().unwrap_or_default();
    if list.is_empty() {
        form.wrong("components", "BASE_TYPE_BAD_LENGTH", "Must be between 1 and 5 in length.");
    }
    let (mut names, mut parts) = (Names::default(), Vec::new());
    for (index, value) in list.iter().enumerate() {
        parts.extend(form.inside(&["components", &index.to_string()], value, |part| read_part(part, &mut names)));
    }
    names.number(&mut parts);
    shown.insert("components".to_owned(), json!(parts));
    Value::Object(shown)
}

/// A row with one text input, or a label with one.
fn read_part(form: &mut Form<'_>, names: &mut Names) -> Value {
    form.require("type");
    let number = form.choice::<u64>("type", &[1, 18]).value().unwrap_or(kind::ROW);
    let mut shown = Map::from_iter([("type".to_owned(), json!(number))]);
    names.id(form, &mut shown);
    if number == kind::LABEL {
        form.require("label");
        for (key, most) in [("label", 45), ("description", 100)] {
            if let Given::Value(text) = form.text(key, 1..=most) {
                shown.insert(key.to_owned(), json!(text));
            }
        }
        form.require("component");
        if let Given::Value(value) = form.raw("component") {
            let input = form.inside(&["component"], value, |input| read_input(input, names, false));
            shown.insert("component".to_owned(), json!(input));
        }
        return Value::Object(shown);
    }
    form.require("components");
    let list = form.list("components", 1).value().unwrap_or_default();
    if list.is_empty() {
        form.wrong("components", "BASE_TYPE_BAD_LENGTH", "Must be 1 in length.");
    }
    let mut inputs = Vec::new();
    for (index, value) in list.iter().enumerate() {
        let path = ["components", &index.to_string()];
        inputs.extend(form.inside(&path, value, |input| read_input(input, names, true)));
    }
    shown.insert("components".to_owned(), json!(inputs));
    Value::Object(shown)
}

/// A text input; its label is its own only in a row.
fn read_input(form: &mut Form<'_>, names: &mut Names, has_label: bool) -> Value {
    let mut shown = Map::from_iter([("type".to_owned(), json!(kind::TEXT_INPUT))]);
    form.require("type");
    form.choice::<u8>("type", &[4]);
    names.id(form, &mut shown);
    names.custom_id(form, &mut shown);
    form.require("style");
    if let Given::Value(style) = form.choice::<u8>("style", &[1, 2]) {
        shown.insert("style".to_owned(), json!(style));
    }
    if has_label {
        form.require("label");
    } else if form.raw("label").value().is_some() {
        form.wrong("label", "TEXT_INPUT_LABEL_NOT_ALLOWED", "A text input in a label has no label of its own");
    }
    for (key, least, most) in [("label", 1, 45), ("placeholder", 0, 100), ("value", 0, 4000)] {
        if let Given::Value(text) = form.text(key, least..=most) {
            shown.insert(key.to_owned(), json!(text));
        }
    }
    let least = form.int("min_length", 0..=MOST_INPUT).value();
    let most = form.int("max_length", 1..=MOST_INPUT).value();
    if let (Some(least), Some(most)) = (least, most)
        && least > most
    {
        form.wrong("min_length", "NUMBER_TYPE_MAX", &format!("int value should be less than or equal to {most}."));
    }
    let written = shown.get("value").and_then(Value::as_str).map_or(0, |text| text.chars().count());
    if most.is_some_and(|most| written as i64 > most) {
        form.wrong("value", "BASE_TYPE_BAD_LENGTH", "Must be as short as the input demands.");
    }
    shown.insert("min_length".to_owned(), json!(least.unwrap_or(0)));
    shown.insert("max_length".to_owned(), json!(most.unwrap_or(MOST_INPUT)));
    shown.insert("required".to_owned(), json!(form.flag("required").value().unwrap_or(true)));
    Value::Object(shown)
}

//! Rows of buttons and menus below a message, as they are sent and as they are read back.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::form::{Form, Given};

/// Most rows, and most components of one: documented.
const MOST_ROWS: usize = 5;
const MOST_IN_ROW: usize = 5;
const MOST_OPTIONS: usize = 25;

/// Discord's numbers for kinds of component.
pub(crate) mod kind {
    pub(crate) const ROW: u64 = 1;
    pub(crate) const BUTTON: u64 = 2;
    pub(crate) const STRING_SELECT: u64 = 3;
    pub(crate) const TEXT_INPUT: u64 = 4;
    pub(crate) const USER_SELECT: u64 = 5;
    pub(crate) const ROLE_SELECT: u64 = 6;
    pub(crate) const MENTIONABLE_SELECT: u64 = 7;
    pub(crate) const CHANNEL_SELECT: u64 = 8;
    pub(crate) const LABEL: u64 = 18;
}

/// The style of a button that opens an address.
pub(crate) const LINK: i64 = 5;

/// What must differ between the components of one message or modal.
#[derive(Debug, Default)]
pub(crate) struct Names {
    custom_ids: BTreeSet<String>,
    taken: BTreeSet<i64>,
}

impl Names {
    /// The text a component is told apart by: needed, and unlike all others.
    pub(crate) fn custom_id(&mut self, form: &mut Form<'_>, shown: &mut Map<String, Value>) {
        form.require("custom_id");
        if let Given::Value(custom_id) = form.text("custom_id", 1..=100) {
            if !self.custom_ids.insert(custom_id.clone()) {
                let message = "Component custom id cannot be duplicated";
                form.wrong("custom_id", "COMPONENT_CUSTOM_ID_DUPLICATED", message);
            }
            shown.insert("custom_id".to_owned(), json!(custom_id));
        }
    }

    /// The number a component was given; 0 is none.
    pub(crate) fn id(&mut self, form: &mut Form<'_>, shown: &mut Map<String, Value>) {
        if let Given::Value(id) = form.int("id", 0..=i64::from(i32::MAX))
            && id != 0
        {
            if !self.taken.insert(id) {
                form.wrong("id", "COMPONENT_ID_DUPLICATED", "Component ids must be unique");
            }
            shown.insert("id".to_owned(), json!(id));
        }
    }

    /// Numbers all components that have no number, in order.
    pub(crate) fn number(&self, components: &mut [Value]) {
        let mut free = (1..).filter(|id| !self.taken.contains(id));
        number(components, &mut free);
    }
}

fn number(components: &mut [Value], free: &mut impl Iterator<Item = i64>) {
    for component in components {
        if component["id"].is_null() {
            component["id"] = json!(free.next());
        }
        if let Some(Value::Array(inside)) = component.get_mut("components") {
            number(inside, free);
        }
        if let Some(inside) = component.get_mut("component") {
            number(std::slice::from_mut(inside), free);
        }
    }
}

/// Reads the field `components` of a message, in the form it is read back in.
pub(crate) fn read_rows(form: &mut Form<'_>) -> Given<Vec<Value>> {
    let list = match form.list("components", MOST_ROWS) {
        Given::Absent => return Given::Absent,
        Given::Null => return Given::Null,
        Given::Value(list) => list,
    };
    let (mut names, mut rows) = (Names::default(), Vec::new());
    for (index, value) in list.iter().enumerate() {
        rows.extend(form.inside(&["components", &index.to_string()], value, |row| read_row(row, &mut names)));
    }
    names.number(&mut rows);
    Given::Value(rows)
}

fn read_row(form: &mut Form<'_>, names: &mut Names) -> Value {
    let mut shown = Map::from_iter([("type".to_owned(), json!(kind::ROW))]);
    form.require("type");
    form.choice::<u8>("type", &[1]);
    names.id(form, &mut shown);
    form.require("components");
    let list = form.list("components", MOST_IN_ROW).value().unwrap_or_default();
    if list.is_empty() {
        form.wrong("components", "BASE_TYPE_BAD_LENGTH", "Must be between 1 and 5 in length.");
    }
    if list.len() > 1 && list.iter().any(|component| component["type"].as_u64() != Some(kind::BUTTON)) {
        let message = "The specified component exceeds the maximum width";
        form.wrong("components", "COMPONENT_LAYOUT_WIDTH_EXCEEDED", message);
    }
    let mut components = Vec::new();
    for (index, value) in list.iter().enumerate() {
        let path = ["components", &index.to_string()];
        components.extend(form.inside(&path, value, |component| read_component(component, names)));
    }
    shown.insert("components".to_owned(), json!(components));
    Value::Object(shown)
}

fn read_component(form: &mut Form<'_>, names: &mut Names) -> Value {
    let mut shown = Map::new();
    form.require("type");
    let number = form.choice::<u64>("type", &[2, 3, 5, 6, 7, 8]).value().unwrap_or(kind::BUTTON);
    shown.insert("type".to_owned(), json!(number));
    names.id(form, &mut shown);
    if let Given::Value(disabled) = form.flag("disabled") {
        shown.insert("disabled".to_owned(), json!(disabled));
    }
    if number == kind::BUTTON {
        read_button(form, names, &mut shown);
    } else {
        read_select(form, names, &mut shown);
    }
    Value::Object(shown)
}

fn read_button(form: &mut Form<'_>, names: &mut Names, shown: &mut Map<String, Value>) {
    form.require("style");
    let style = form.choice::<i64>("style", &[1, 2, 3, 4, 5]).value().unwrap_or(1);
    shown.insert("style".to_owned(), json!(style));
    if let Given::Value(label) = form.text("label", 0..=80)
        && !label.is_empty()
    {
        shown.insert("label".to_owned(), json!(label));
    }
    read_emoji(form, shown);
    if !shown.contains_key("label") && !shown.contains_key("emoji") {
        form.wrong("label", "BUTTON_COMPONENT_LABEL_REQUIRED", "A label or an emoji is required");
    }
    let (custom_id, url) = (form.raw("custom_id").value(), form.raw("url").value());
    match (style == LINK, custom_id, url) {
        (true, None, Some(_)) => {
            if let Given::Value(url) = form.url("url", 512, &["http", "https", "discord"]) {
                shown.insert("url".to_owned(), json!(url));
            }
        }
        (true, _, None) => form.wrong("url", "BUTTON_COMPONENT_URL_REQUIRED", "A url is required"),
        (false, Some(_), None) => names.custom_id(form, shown),
        (false, None, _) => {
            form.wrong("custom_id", "BUTTON_COMPONENT_CUSTOM_ID_REQUIRED", "A custom id is required");
        }
        (_, Some(_), Some(_)) => {
            let message = "A custom id and url cannot both be specified";
            form.wrong("custom_id", "BUTTON_COMPONENT_CUSTOM_ID_URL_MUTUALLY_EXCLUSIVE", message);
        }
    }
}

fn read_emoji(form: &mut Form<'_>, shown: &mut Map<String, Value>) {
    let Given::Value(value) = form.raw("emoji") else { return };
    let emoji = form.inside(&["emoji"], value, |form| {
        form.require("name");
        let name = form.text("name", 1..=32).value();
        let mut emoji = json!({"name": name});
        if let Given::Value(id) = form.snowflake("id") {
            emoji["id"] = json!(id);
        }
        emoji
    });
    shown.extend(emoji.map(|emoji| ("emoji".to_owned(), emoji)));
}

fn read_select(form: &mut Form<'_>, names: &mut Names, shown: &mut Map<String, Value>) {
    names.custom_id(form, shown);
    if let Given::Value(placeholder) = form.text("placeholder", 0..=150) {
        shown.insert("placeholder".to_owned(), json!(placeholder));
    }
    let least = form.int("min_values", 0..=25).value().unwrap_or(1);
    let most = form.int("max_values", 1..=25).value().unwrap_or(1);
    if least > most {
        form.wrong("min_values", "NUMBER_TYPE_MAX", &format!("int value should be less than or equal to {most}."));
    }
    shown.insert("min_values".to_owned(), json!(least));
    shown.insert("max_values".to_owned(), json!(most));
    if let Given::Value(types) = form.list("channel_types", MOST_OPTIONS) {
        shown.insert("channel_types".to_owned(), json!(types));
    }
    if shown["type"] == kind::STRING_SELECT {
        form.require("options");
        read_options(form, usize::try_from(most).unwrap_or(1), shown);
    }
}

fn read_options(form: &mut Form<'_>, most: usize, shown: &mut Map<String, Value>) {
    let list = form.list("options", MOST_OPTIONS).value().unwrap_or_default();
    if list.len() < most.max(1) {
        form.wrong("options", "BASE_TYPE_BAD_LENGTH", &format!("Must be between {} and 25 in length.", most.max(1)));
    }
    let (mut values, mut chosen, mut options) = (BTreeSet::new(), 0, Vec::new());
    for (index, value) in list.iter().enumerate() {
        options.extend(form.inside(&["options", &index.to_string()], value, |form| {
            let mut option = Map::new();
            for (key, least) in [("label", 1), ("value", 1), ("description", 0)] {
                if least == 1 {
                    form.require(key);
                }
                if let Given::Value(text) = form.text(key, least..=100) {
                    option.insert(key.to_owned(), json!(text));
                }
            }
            if option.get("value").is_some_and(|value| !values.insert(value.to_string())) {
                let message = "The specified option value is already used";
                form.wrong("value", "SELECT_COMPONENT_OPTION_VALUE_DUPLICATED", message);
            }
            read_emoji(form, &mut option);
            let is_default = form.flag("default").value().unwrap_or(false);
            chosen += usize::from(is_default);
            option.insert("default".to_owned(), json!(is_default));
            Value::Object(option)
        }));
    }
    if chosen > most {
        let message = "The number of default values is larger than the number of values that can be chosen";
        form.wrong("options", "SELECT_COMPONENT_TOO_MANY_DEFAULT_VALUES", message);
    }
    shown.insert("options".to_owned(), json!(options));
}

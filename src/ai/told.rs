//! An edit in words, for people who do not read YAML.

use crate::manifest::edit::{Edit, Place, Subject, Value};

/// What sort of change it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sign {
    /// Something new.
    Create,
    /// Something goes.
    Delete,
    /// Something goes elsewhere.
    Move,
    /// Something changes.
    Update,
}

impl Sign {
    /// The character for it, as in plans.
    pub fn symbol(self) -> char {
        match self {
            Self::Create => '+',
            Self::Delete => '-',
            Self::Move => '>',
            Self::Update => '~',
        }
    }
}

/// An edit in a line of words.
pub fn told(edit: &Edit) -> (Sign, String) {
    match edit {
        Edit::Add { object, category, fields, place } => {
            let said: Vec<String> = fields.iter().map(|(field, value)| format!("{field} {}", short(value))).collect();
            let said = if said.is_empty() { String::new() } else { format!(": {}", said.join(", ")) };
            (Sign::Create, format!("{object}{}{}{said}", inside(category.as_deref()), beside(place)))
        }
        Edit::Remove { object } => (Sign::Delete, object.to_string()),
        Edit::Rename { object, to } => (Sign::Update, format!("{object} gets the key {to}")),
        Edit::Move { object, category, place } => {
            let home = match object {
                Subject::Channel(_) if category.is_none() => " outside the categories".to_owned(),
                _ => inside(category.as_deref()),
            };
            let place = if *place == Place::Last { " last".to_owned() } else { beside(place) };
            (Sign::Move, format!("{object}{home}{place}"))
        }
        Edit::Set { object, field, value: Value::Null } => (Sign::Update, format!("{object}: no {field}")),
        Edit::Set { object, field, value } => (Sign::Update, format!("{object}: {field} {}", short(value))),
        Edit::Unset { object, field } => (Sign::Update, format!("{object}: {field} is not managed any more")),
        Edit::SetOverwrite { object, target, value } => {
            (Sign::Update, format!("{object}: {target} has {}", short(value)))
        }
        Edit::UnsetOverwrite { object, target } => {
            (Sign::Update, format!("{object}: {target} has nothing of its own any more"))
        }
        Edit::SetTag { channel, tag, .. } => (Sign::Create, format!("tag {tag} of channels.{channel}")),
        Edit::UnsetTag { channel, tag } => (Sign::Delete, format!("tag {tag} of channels.{channel}")),
        Edit::Expect { .. } => (Sign::Create, "an expectation".to_owned()),
        Edit::Unexpect { index } => (Sign::Delete, format!("expectation {index}")),
    }
}

fn inside(category: Option<&str>) -> String {
    category.map_or_else(String::new, |category| format!(" in {category}"))
}

fn beside(place: &Place) -> String {
    match place {
        Place::First => " at the top".to_owned(),
        Place::Last => String::new(),
        Place::Before(other) => format!(" before {other}"),
        Place::After(other) => format!(" after {other}"),
    }
}

/// A value on one line.
fn short(value: &Value) -> String {
    match value {
        Value::Null => "nothing".to_owned(),
        Value::Bool(value) => value.to_string(),
        Value::Number(number) => number.to_string(),
        Value::Text(text) => format!("`{}`", text.replace('\n', " ")),
        Value::List(items) => items.iter().map(|item| short(item).replace('`', "")).collect::<Vec<_>>().join(", "),
        Value::Map(entries) => {
            let entries: Vec<String> = entries.iter().map(|(key, value)| format!("{key} {}", short(value))).collect();
            format!("({})", entries.join("; "))
        }
    }
}

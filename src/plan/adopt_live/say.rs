//! Values of the model as a manifest spells them.

use indexmap::IndexMap;
use serde::Serialize;

use crate::manifest::edit::Value;
use crate::model::{Colors, Emoji, ForumTag, Image};

/// A value of an enumeration by its name.
pub(super) fn word(word: &impl Serialize) -> Value {
    let name = serde_json::to_value(word).ok().and_then(|value| value.as_str().map(str::to_owned));
    Value::Text(name.unwrap_or_default())
}

/// Discord tells only the hash of an image: of one that is there nothing can be said.
pub(super) fn image(image: &Option<Image>) -> Option<Value> {
    match image {
        None => Some(Value::Null),
        Some(Image::Upload(source)) => Some(Value::Text(source.path.clone())),
        Some(Image::Hash(_)) => None,
    }
}

pub(super) fn emoji(emoji: &Emoji) -> Value {
    match emoji {
        Emoji::Unicode(characters) => Value::Text(characters.clone()),
        Emoji::Custom(id) => Value::Text(format!("<:emoji:{id}>")),
    }
}

pub(super) fn tag(tag: &ForumTag) -> Value {
    let ForumTag { id: _, name, moderated, emoji: sign } = tag;
    if !moderated && sign.is_none() {
        return Value::from(name.as_str());
    }
    let mut fields = IndexMap::from([("name".to_owned(), Value::from(name.as_str()))]);
    fields.extend(moderated.then(|| ("moderated".to_owned(), Value::Bool(true))));
    fields.extend(sign.as_ref().map(|sign| ("emoji".to_owned(), emoji(sign))));
    Value::Map(fields)
}

/// The field and the value of a role's colours.
pub(super) fn color(colors: &Colors, is_blend: bool) -> (&'static str, Value) {
    let Colors { primary, secondary, tertiary } = colors;
    let hex = |color: &u32| Value::Text(format!("#{color:06x}"));
    if secondary.is_none() && tertiary.is_none() && !(is_blend && *primary != 0) {
        return ("color", if *primary == 0 { Value::Null } else { hex(primary) });
    }
    let mut fields = IndexMap::from([("primary".to_owned(), hex(primary))]);
    fields.extend(secondary.as_ref().map(|color| ("secondary".to_owned(), hex(color))));
    fields.extend(tertiary.as_ref().map(|color| ("tertiary".to_owned(), hex(color))));
    ("colors", Value::Map(fields))
}

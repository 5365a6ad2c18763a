//! The language of manifests in a page, for whoever has to write edits and cannot look anything up.
//!
//! Decides nothing: it is drawn from the schema editors use, so that a model is never told of another language.

use std::fmt::Write as _;

use serde_json::Value;

use crate::manifest::schema::schema;
use crate::model::Permission;

/// Parts of the schema an edit can be about, and what they are called in edits.
const PARTS: [(&str, &str); 5] = [
    ("Role", "Fields of `roles.KEY`"),
    ("Category", "Fields of `categories.KEY`"),
    ("Channel", "Fields of `channels.KEY`"),
    ("Tag", "A tag of a forum"),
    ("Settings", "Fields of `settings`"),
];

/// Fields that say which object is meant, or that edits have other words for.
const OTHERS: [&str; 3] = ["id", "previously", "channels"];

/// More words than this are not listed at every field that takes them.
const MANY: usize = 16;

/// Every field with what it takes and what it is for, and every permission.
pub(super) fn reference() -> String {
    let schema = schema();
    let defs = &schema["$defs"];
    let mut page = String::new();
    for (part, title) in PARTS {
        _ = writeln!(page, "{title}:");
        for (field, said) in fields(&defs[part], defs) {
            let about = said.get("description").and_then(Value::as_str).unwrap_or_default();
            _ = writeln!(page, "- {field} ({}): {about}", shape(said, defs, 0));
        }
    }
    let grantable = Permission::ALL.iter().map(|permission| permission.name).filter(|name| *name != "administrator");
    let names: Vec<&str> = grantable.collect();
    _ = write!(page, "Permissions: {}.", names.join(", "));
    page
}

fn fields<'s>(part: &'s Value, defs: &'s Value) -> Vec<(&'s str, &'s Value)> {
    let own = part.get("properties").and_then(Value::as_object);
    let fields: Vec<_> = own.into_iter().flatten().map(|(name, said)| (name.as_str(), said)).collect();
    if fields.is_empty() {
        // A short form or a long one: the long one has the fields.
        let forms = part.get("anyOf").and_then(Value::as_array);
        return forms.into_iter().flatten().flat_map(|form| properties(resolved(form, defs))).collect();
    }
    fields.into_iter().filter(|(name, _)| !OTHERS.contains(name)).collect()
}

fn properties(part: &Value) -> Vec<(&str, &Value)> {
    let own = part.get("properties").and_then(Value::as_object);
    own.into_iter().flatten().map(|(name, said)| (name.as_str(), said)).collect()
}

fn resolved<'s>(schema: &'s Value, defs: &'s Value) -> &'s Value {
    let name = schema.get("$ref").and_then(Value::as_str).and_then(|name| name.strip_prefix("#/$defs/"));
    name.and_then(|name| defs.get(name)).unwrap_or(schema)
}

/// What a field takes, in a few words.
fn shape(schema: &Value, defs: &Value, depth: usize) -> String {
    let schema = resolved(schema, defs);
    let list = |field: &str| schema.get(field).and_then(Value::as_array);
    if let Some(words) = list("enum") {
        // Permissions are listed once, below.
        let all = words.iter().map(|word| word.as_str().map_or_else(|| word.to_string(), str::to_owned));
        return if words.len() > MANY { "name".to_owned() } else { all.collect::<Vec<_>>().join(" | ") };
    }
    if let Some(word) = schema.get("const") {
        return word.as_str().map_or_else(|| word.to_string(), str::to_owned);
    }
    if let Some(forms) = list("anyOf").or_else(|| list("oneOf")) {
        let mut forms: Vec<String> = forms.iter().map(|form| shape(form, defs, depth + 1)).collect();
        forms.dedup();
        return forms.join(" | ");
    }
    match schema.get("type") {
        Some(Value::String(kind)) => kinds(kind, schema, defs, depth),
        Some(Value::Array(several)) => {
            let several = several.iter().filter_map(Value::as_str).map(|kind| kinds(kind, schema, defs, depth));
            several.collect::<Vec<_>>().join(" | ")
        }
        _ => "any".to_owned(),
    }
}

fn kinds(kind: &str, schema: &Value, defs: &Value, depth: usize) -> String {
    let bound = |field: &str| schema.get(field).and_then(Value::as_u64);
    match kind {
        "array" if depth < 3 => schema
            .get("items")
            .map_or_else(|| "list".to_owned(), |items| format!("list of {}", shape(items, defs, depth + 1))),
        "array" => "list".to_owned(),
        "object" if depth < 2 => {
            let fields: Vec<&str> = properties(schema).into_iter().map(|(name, _)| name).collect();
            if fields.is_empty() { "map".to_owned() } else { format!("map with {}", fields.join(", ")) }
        }
        "object" => "map".to_owned(),
        "integer" => match (bound("minimum"), bound("maximum")) {
            (Some(least), Some(most)) => format!("{least} to {most}"),
            _ => "number".to_owned(),
        },
        "string" => bound("maxLength").map_or_else(|| "text".to_owned(), |most| format!("text of at most {most}")),
        "boolean" => "true | false".to_owned(),
        other => other.to_owned(),
    }
}

//! Values of edits, and how they are written.
//!
//! Decides on the spelling of what is new. What is there keeps its own.

use std::borrow::Cow;

use granit_parser::ScalarStyle;
use indexmap::IndexMap;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

use crate::manifest::diagnostic::Spot;
use crate::manifest::document::{CategoryDoc, ChannelDoc, GuildDoc, PolicyDoc, RoleDoc, SettingsDoc};
use crate::manifest::read::Object as _;
use crate::manifest::render::yaml::{Yaml, is_printable, quote, spell};
use crate::manifest::tree::{Node, Value as Tree, is_number};

use super::model::{Step, entry, is_boolean};

/// Something a manifest can say, as JSON has it: `null` clears a field.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Value {
    /// Nothing: what the field held is cleared.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A whole number.
    Number(i64),
    /// A text, a key, an id or a name.
    Text(String),
    /// A list.
    List(Vec<Self>),
    /// A map, in order.
    Map(IndexMap<String, Self>),
}

impl JsonSchema for Value {
    fn schema_name() -> Cow<'static, str> {
        "Value".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let own = generator.subschema_for::<Self>();
        json_schema!({
            "description": "A value as the language has it: nothing, a switch, a whole number, a text, a list or a map.",
            "anyOf": [
                { "type": ["null", "boolean", "integer", "string"] },
                { "type": "array", "items": own },
                { "type": "object", "additionalProperties": own },
            ],
        })
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl Value {
    /// A map of these.
    pub fn map<const N: usize>(entries: [(&str, Self); N]) -> Self {
        Self::Map(entries.into_iter().map(|(key, value)| (key.to_owned(), value)).collect())
    }

    /// A list of texts.
    pub fn texts<T: AsRef<str>>(texts: impl IntoIterator<Item = T>) -> Self {
        Self::List(texts.into_iter().map(|text| text.as_ref().into()).collect())
    }

    /// As a tree that was read.
    pub(super) fn node(&self, spot: Spot) -> Node<'static> {
        let word = |text: String| Tree::Scalar { text: Cow::Owned(text), plain: true };
        let value = match self {
            Self::Null => word("null".to_owned()),
            Self::Bool(value) => word(value.to_string()),
            Self::Number(number) => word(number.to_string()),
            Self::Text(text) => Tree::Scalar { text: Cow::Owned(text.clone()), plain: false },
            Self::List(items) => Tree::List(items.iter().map(|item| item.node(spot)).collect()),
            Self::Map(entries) => Tree::Map(entries.iter().map(|(key, value)| entry(key, value.node(spot))).collect()),
        };
        Node { spot, value }
    }
}

/// A text as a tree.
pub(super) fn text_node(text: &str, spot: Spot) -> Node<'static> {
    Value::from(text).node(spot)
}

/// `null` as a tree.
pub(super) fn null_node(spot: Spot) -> Node<'static> {
    Value::Null.node(spot)
}

/// What is to be written for a tree that stands at a path: sections, categories and their channels have lines of their
/// own.
pub(super) fn yaml_of(node: &Node<'_>, path: &[Step]) -> Yaml {
    let keys: Vec<&str> = keys_of(path);
    match &node.value {
        _ if node.is_null() => Yaml::plain("null"),
        Tree::Scalar { text, plain: true } if is_number(text) || is_boolean(text) => Yaml::plain(text),
        Tree::Scalar { text, .. } if text.contains('\n') => Yaml::prose(text),
        Tree::Scalar { text, .. } => Yaml::text(text),
        Tree::List(items) => {
            let item = |(at, item)| yaml_of(item, &[path, &[Step::Item(at)]].concat());
            Yaml::List(items.iter().enumerate().map(item).collect())
        }
        Tree::Map(entries) => {
            let entry = |entry: &crate::manifest::tree::Entry<'_>| {
                let path = [path, &[Step::Key(entry.key.to_string())]].concat();
                (entry.key.to_string(), yaml_of(&entry.node, &path))
            };
            let map = Yaml::Map(entries.iter().map(entry).collect());
            match keys.as_slice() {
                [] | [_] | ["categories", _] | ["categories", _, "channels"] => map.in_block(),
                _ => map,
            }
        }
    }
}

fn keys_of(path: &[Step]) -> Vec<&str> {
    let mut keys = Vec::with_capacity(path.len());
    for step in path {
        keys.push(match step {
            Step::Key(key) => key.as_str(),
            Step::Item(_) => "",
        });
    }
    keys
}

/// A value on one line.
pub(super) fn flow(node: &Node<'_>) -> String {
    yaml_of(node, &[Step::Item(0)]).flow()
}

/// A scalar in the quotes that the one before it had, where it can.
pub(super) fn respelled(node: &Node<'_>, old: ScalarStyle) -> String {
    match (&node.value, old) {
        (Tree::Scalar { text, plain: false }, ScalarStyle::SingleQuoted) if is_fit_for_single_quotes(text) => {
            format!("'{}'", text.replace('\'', "''"))
        }
        (Tree::Scalar { text, plain: false }, ScalarStyle::DoubleQuoted) => quote(text),
        _ => flow(node),
    }
}

fn is_fit_for_single_quotes(text: &str) -> bool {
    text.chars().all(is_printable)
}

/// A key in the quotes that the one before it had.
pub(super) fn respelled_key(key: &str, old: ScalarStyle) -> String {
    match old {
        ScalarStyle::SingleQuoted if is_fit_for_single_quotes(key) => format!("'{}'", key.replace('\'', "''")),
        ScalarStyle::DoubleQuoted => quote(key),
        _ => spell(key),
    }
}

/// A value as lines of a block: what stands behind the colon, and the lines below.
pub(super) fn block(key: &str, node: &Node<'_>, path: &[Step], in_block: bool, indent: usize) -> (String, String) {
    let yaml = yaml_of(node, path);
    let yaml = if in_block { yaml.in_block() } else { yaml };
    let mut out = String::new();
    yaml.write_entry(key, indent, &mut out);
    let behind = out.get(indent + spell(key).len() + 1..).unwrap_or_default();
    let (head, rest) = behind.split_once('\n').unwrap_or((behind, ""));
    (head.to_owned(), rest.to_owned())
}

/// The order in which the fields of a map are usually written.
pub(super) fn usual_order(path: &[Step]) -> &'static [&'static str] {
    match keys_of(path).as_slice() {
        [] => GuildDoc::FIELDS,
        ["settings"] => SettingsDoc::FIELDS,
        ["policy"] => PolicyDoc::FIELDS,
        ["roles", _] => RoleDoc::FIELDS,
        ["categories", _] => CategoryDoc::FIELDS,
        ["channels", _] | ["categories", _, "channels", _] => ChannelDoc::FIELDS,
        [.., "permissions"] | ["access", _] | ["permission_sets", _] => {
            &["use", "extends", "everyone", "allow", "deny"]
        }
        _ => &[],
    }
}

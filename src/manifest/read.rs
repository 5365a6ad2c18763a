//! From a tree to typed documents, reporting every value that does not fit and going on.
//!
//! Decides how texts, numbers, lists and maps are written, and gives each type its JSON Schema, so that reader and
//! schema cannot part. Knows nothing of guilds.

use std::borrow::Cow;
use std::ops::Deref;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use serde::de::value::StrDeserializer;

use crate::model::Key;

use super::diagnostic::{Problem, Problems, Spot, rule};
use super::tree::{Entry, Node, Value, is_number};

/// Something that can be read from a tree.
pub(crate) trait Read: Sized + JsonSchema {
    /// Reads a value; `None` when it does not fit, and then that was reported.
    fn read(node: &Node<'_>, problems: &mut Problems) -> Option<Self>;

    /// What an object says of which nothing but the key is written; `None` where that means nothing.
    fn blank(_: Spot) -> Option<Self> {
        None
    }
}

/// A value that was written, and where.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Said<T> {
    pub(crate) value: T,
    /// Where the value stands.
    pub(crate) spot: Spot,
    /// Where its key stands; the same in a list.
    pub(crate) key: Spot,
}

impl<T> Deref for Said<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T: Read> Said<T> {
    /// Reads the value of a field.
    pub(crate) fn read_field(entry: &Entry<'_>, problems: &mut Problems) -> Option<Self> {
        let value = T::read(&entry.node, problems)?;
        Some(Self { value, spot: entry.node.spot, key: entry.key_spot })
    }
}

impl<T: JsonSchema> JsonSchema for Said<T> {
    fn inline_schema() -> bool {
        T::inline_schema()
    }

    fn schema_name() -> Cow<'static, str> {
        T::schema_name()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        T::json_schema(generator)
    }
}

impl<T: Read> Read for Said<T> {
    fn read(node: &Node<'_>, problems: &mut Problems) -> Option<Self> {
        let value = T::read(node, problems)?;
        Some(Self { value, spot: node.spot, key: node.spot })
    }
}

/// `null` clears the field.
impl<T: Read> Read for Option<T> {
    fn read(node: &Node<'_>, problems: &mut Problems) -> Option<Self> {
        if node.is_null() { Some(None) } else { T::read(node, problems).map(Some) }
    }
}

impl<T: Read> Read for Vec<T> {
    fn read(node: &Node<'_>, problems: &mut Problems) -> Option<Self> {
        match &node.value {
            Value::List(items) => Some(items.iter().filter_map(|item| T::read(item, problems)).collect()),
            Value::Scalar { .. } | Value::Map(_) => wrong_type(node, "a list", problems),
        }
    }
}

impl Read for bool {
    fn read(node: &Node<'_>, problems: &mut Problems) -> Option<Self> {
        match &node.value {
            Value::Scalar { text, plain: true } => match &**text {
                "true" | "True" | "TRUE" => Some(true),
                "false" | "False" | "FALSE" => Some(false),
                other => {
                    let meant = match other.to_lowercase().as_str() {
                        "yes" | "y" | "on" => "true",
                        "no" | "n" | "off" => "false",
                        _ => return wrong_type(node, "`true` or `false`", problems),
                    };
                    let problem = Problem::new(rule::WRONG_TYPE, format!("`{other}` is a text in YAML 1.2"));
                    let problem = problem.help(format!("write `{meant}`")).suggest(node.spot, meant);
                    problems.report(problem.at(node.spot, "expected `true` or `false`"));
                    None
                }
            },
            _ => wrong_type(node, "`true` or `false`", problems),
        }
    }
}

/// Reports a value of another type than expected.
pub(crate) fn wrong_type<T>(node: &Node<'_>, expected: &str, problems: &mut Problems) -> Option<T> {
    if node.is_null() {
        let problem = Problem::new(rule::NOT_NULL, "nothing is written here");
        problems
            .report(problem.at(node.spot, format!("expected {expected}")).help("remove the line, or give it a value"));
    } else {
        let problem = Problem::new(rule::WRONG_TYPE, format!("expected {expected}, found {}", node.noun()));
        problems.report(problem.at(node.spot, format!("this is {}", node.noun())));
    }
    None
}

/// The text of a scalar. What stands without quotes and is no text to YAML is taken as it is written, with a warning:
/// an editor or another reader would see a number.
pub(crate) fn text<'n>(node: &'n Node<'_>, problems: &mut Problems) -> Option<&'n str> {
    let Value::Scalar { text, plain } = &node.value else { return wrong_type(node, "a text", problems) };
    if node.is_null() {
        return wrong_type(node, "a text", problems);
    }
    if *plain && (is_number(text) || matches!(&**text, "true" | "false" | "True" | "False" | "TRUE" | "FALSE")) {
        let problem = Problem::new(rule::UNQUOTED, format!("`{text}` is {} without quotes", node.noun()));
        let problem = problem.help("put quotes around it").suggest(node.spot, format!("\"{text}\""));
        problems.report(problem.at(node.spot, "a text is meant here"));
    }
    if let Some(bad) = text.chars().find(|c| c.is_control() && !matches!(c, '\n' | '\t' | '\r')) {
        let message = format!("the text holds the control character U+{:04X}", u32::from(bad));
        problems.report(Problem::new(rule::CONTROL_CHARACTER, message).at(node.spot, "in here"));
    }
    Some(text)
}

/// A text of any length.
impl Read for String {
    fn read(node: &Node<'_>, problems: &mut Problems) -> Option<Self> {
        text(node, problems).map(str::to_owned)
    }
}

/// A text of `MIN` to `MAX` characters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Text<const MIN: usize, const MAX: usize>(pub(crate) String);

impl<const MIN: usize, const MAX: usize> Read for Text<MIN, MAX> {
    fn read(node: &Node<'_>, problems: &mut Problems) -> Option<Self> {
        let text = text(node, problems)?;
        let length = text.chars().count();
        if (MIN..=MAX).contains(&length) {
            return Some(Self(text.to_owned()));
        }
        let problem = Problem::new(rule::BAD_LENGTH, format!("Discord takes {MIN} to {MAX} characters here"));
        problems.report(problem.at(node.spot, format!("these are {length}")));
        None
    }
}

impl<const MIN: usize, const MAX: usize> JsonSchema for Text<MIN, MAX> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        format!("Text{MIN}To{MAX}").into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        if MIN == 0 {
            json_schema!({ "type": "string", "maxLength": MAX })
        } else {
            json_schema!({ "type": "string", "minLength": MIN, "maxLength": MAX })
        }
    }
}

/// A whole number of `MIN` to `MAX`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Number<const MIN: u32, const MAX: u32>(pub(crate) u32);

impl<const MIN: u32, const MAX: u32> Read for Number<MIN, MAX> {
    fn read(node: &Node<'_>, problems: &mut Problems) -> Option<Self> {
        let number = whole_number(node, problems)?;
        match u32::try_from(number).ok().filter(|n| (MIN..=MAX).contains(n)) {
            Some(number) => Some(Self(number)),
            None => {
                let problem = Problem::new(rule::OUT_OF_RANGE, format!("Discord takes {MIN} to {MAX} here"));
                problems.report(problem.at(node.spot, "out of range"));
                None
            }
        }
    }
}

impl<const MIN: u32, const MAX: u32> JsonSchema for Number<MIN, MAX> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        format!("Number{MIN}To{MAX}").into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "integer", "minimum": MIN, "maximum": MAX })
    }
}

/// A whole number without quotes, in any of YAML's spellings. Numbers too large for the type come out as its ends.
pub(crate) fn whole_number(node: &Node<'_>, problems: &mut Problems) -> Option<i64> {
    let Value::Scalar { text, plain: true } = &node.value else { return wrong_type(node, "a number", problems) };
    let parsed = match (text.strip_prefix("0x"), text.strip_prefix("0o")) {
        (Some(hex), _) => i64::from_str_radix(hex, 16),
        (_, Some(octal)) => i64::from_str_radix(octal, 8),
        _ => text.parse(),
    };
    match parsed {
        Ok(number) => Some(number),
        Err(error) if matches!(error.kind(), std::num::IntErrorKind::PosOverflow) => Some(i64::MAX),
        Err(error) if matches!(error.kind(), std::num::IntErrorKind::NegOverflow) => Some(i64::MIN),
        Err(_) => wrong_type(node, "a whole number", problems),
    }
}

/// One of a few words.
pub(crate) trait Word: for<'de> Deserialize<'de> + JsonSchema {}

impl<T: Word> Read for T {
    fn read(node: &Node<'_>, problems: &mut Problems) -> Option<Self> {
        let word = text(node, problems)?;
        match Self::deserialize(StrDeserializer::<NotOneOf>::new(word)) {
            Ok(value) => Some(value),
            Err(NotOneOf(words)) => {
                let list = words.iter().map(|w| format!("`{w}`")).collect::<Vec<_>>().join(", ");
                let problem = Problem::new(rule::UNKNOWN_WORD, format!("`{word}` is none of {list}"));
                let problem = problem.at(node.spot, "not known here");
                let guess = problems.guess(word, words.iter().copied());
                problems.report(problem.did_you_mean(node.spot, guess));
                None
            }
        }
    }
}

/// The words an enumeration knows, as its deserialiser tells them when it meets another.
#[derive(Debug, thiserror::Error)]
#[error("not one of {0:?}")]
struct NotOneOf(&'static [&'static str]);

impl serde::de::Error for NotOneOf {
    fn custom<T: std::fmt::Display>(_: T) -> Self {
        Self(&[])
    }

    fn unknown_variant(_: &str, expected: &'static [&'static str]) -> Self {
        Self(expected)
    }
}

/// Keys and values in the order they were written.
#[derive(Clone, Debug)]
pub(crate) struct Table<T>(pub(crate) Vec<(Said<String>, T)>);

impl<T> Default for Table<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T: Read> Read for Table<T> {
    fn read(node: &Node<'_>, problems: &mut Problems) -> Option<Self> {
        let Value::Map(entries) = &node.value else { return wrong_type(node, "a map", problems) };
        let read = entries.iter().filter_map(|entry| {
            let blank = T::blank(entry.node.spot);
            let value = match blank.is_some() && entry.node.is_null() {
                true => blank,
                // The key stays, so that what refers to it is not reported as well.
                false => T::read(&entry.node, problems).or(blank),
            };
            let value = value?;
            let key = Said { value: entry.key.to_string(), spot: entry.key_spot, key: entry.key_spot };
            Some((key, value))
        });
        Some(Self(read.collect()))
    }
}

impl<T: Read> JsonSchema for Table<T> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        format!("TableOf{}", T::schema_name()).into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let values = generator.subschema_for::<T>();
        if T::blank(Spot::default()).is_none() {
            return json_schema!({ "type": "object", "additionalProperties": values });
        }
        // A key is made of letters, digits, `-` and `_`; JSON Schema knows letters only by what is none.
        json_schema!({
            "type": "object",
            "propertyNames": { "pattern": "^[^\\s!-,./:-@\\[-^`{-~]+$", "maxLength": Key::MAX },
            "additionalProperties": { "anyOf": [values, { "type": "null" }] },
        })
    }
}

/// The fields of an object, for its reader and its schema.
pub(crate) type FieldSchema = (&'static str, &'static str, fn(&mut SchemaGenerator) -> Schema);

/// Writes the schema of an object.
pub(crate) fn object_schema(generator: &mut SchemaGenerator, description: &str, fields: &[FieldSchema]) -> Schema {
    let mut properties = serde_json::Map::new();
    for (name, description, schema) in fields {
        let mut schema = schema(generator);
        schema.insert("description".to_owned(), description.trim().into());
        properties.insert((*name).to_owned(), schema.to_value());
    }
    json_schema!({
        "description": description.trim(), "type": "object", "properties": properties, "additionalProperties": false,
    })
}

/// What other tools, or Discord's clients, call our fields.
const SYNONYMS: [(&str, &str); 11] = [
    ("allowed", "allow"),
    ("auto_archive_duration", "default_auto_archive_duration"),
    ("available_tags", "tags"),
    ("denied", "deny"),
    ("description", "topic"),
    ("hoisted", "hoist"),
    ("kind", "type"),
    ("overwrites", "permissions"),
    ("permission_overwrites", "permissions"),
    ("region", "rtc_region"),
    ("slowmode", "rate_limit_per_user"),
];

/// Things other tools write as fields, and that here are a matter of place.
const PLACES: [(&str, &str); 4] = [
    ("position", "the order in the file is the order in Discord"),
    ("parent_id", "a channel belongs to the category it is written under"),
    ("category", "a channel belongs to the category it is written under"),
    ("children", "the channels of a category stand under `channels`"),
];

/// Reports the entries that are no fields of an object.
pub(crate) fn unknown_fields(entries: &[Entry<'_>], noun: &str, fields: &[&str], problems: &mut Problems) {
    let is_field = |entry: &Entry<'_>| fields.contains(&&*entry.key);
    let mut at = 0;
    while let Some(entry) = entries.get(at) {
        let pieces = entries[at..].iter().take_while(|e| e.bare && !is_field(e)).count();
        let torn = at.checked_sub(1).and_then(|before| Torn::of(&entries[before], &entries[at..at + pieces]));
        at += 1;
        if !is_field(entry) && unknown_field(entry, torn, noun, fields, problems) {
            // The rest of a torn text is reported with its first piece.
            at += pieces - 1;
        }
    }
}

/// A text without quotes in a flow map, which its commas cut into a value and keys without values.
struct Torn {
    text: String,
    spot: Spot,
}

impl Torn {
    fn of(before: &Entry<'_>, pieces: &[Entry<'_>]) -> Option<Self> {
        let Value::Scalar { text, .. } = &before.node.value else { return None };
        let (start, end) = (before.node.spot, pieces.last()?.key_spot);
        let is_one_place = start.file == end.file && start.start < end.end && !before.node.is_null();
        let all = std::iter::once(text).chain(pieces.iter().map(|piece| &piece.key));
        let text = all.map(|part| &**part).collect::<Vec<_>>().join(", ");
        is_one_place.then_some(Self { text, spot: Spot { end: end.end, ..start } })
    }
}

/// Reports a field that does not exist; true when it is more likely a piece of the text before it.
fn unknown_field(entry: &Entry<'_>, torn: Option<Torn>, noun: &str, fields: &[&str], problems: &mut Problems) -> bool {
    let problem = Problem::new(rule::UNKNOWN_FIELD, format!("unknown field `{}`", entry.key));
    let problem = problem.at(entry.key_spot, format!("not a field of {noun}"));
    let synonym = SYNONYMS.iter().find(|(word, field)| *word == entry.key && fields.contains(field));
    let place = PLACES.iter().find(|(word, _)| *word == entry.key);
    let guess = synonym.map(|(_, field)| *field).or_else(|| problems.guess(&entry.key, fields.iter().copied()));
    let is_torn = guess.is_none() && place.is_none() && torn.is_some();
    problems.report(match (guess, place, torn) {
        (None, Some((_, help)), _) => problem.help(*help),
        (None, None, Some(Torn { text, spot })) => {
            let quoted = text.replace('\\', "\\\\").replace('"', "\\\"");
            problem
                .help("inside `{ }` a comma ends a text; put quotes around it")
                .suggest(spot, format!("\"{quoted}\""))
        }
        (guess, ..) => problem.did_you_mean(entry.key_spot, guess),
    });
    is_torn
}

/// A map with a fixed list of fields.
pub(crate) trait Object {
    /// The names of all fields.
    const FIELDS: &'static [&'static str];

    /// Where the object stands.
    fn spot(&self) -> Spot;

    /// The fields that were written, and where.
    fn said(&self) -> Vec<(&'static str, Spot)>;
}

/// Defines objects: their fields, how they are read, and their schema, from one list.
macro_rules! objects {
    ($(
        $(#[doc = $doc:literal])+ $name:ident $(: $blank:ident)? = $noun:literal {
            $( $(#[doc = $fdoc:literal])+ $field:ident: $type:ty, )*
        }
    )+) => {$(
        $(#[doc = $doc])+
        #[derive(Clone, Debug, Default)]
        pub(crate) struct $name {
            /// Where the object stands.
            pub(crate) spot: Spot,
            $( $(#[doc = $fdoc])+ pub(crate) $field: Option<Said<$type>>, )*
        }

        impl Object for $name {
            const FIELDS: &'static [&'static str] = &[$( crate::manifest::read::name(stringify!($field)) ),*];

            fn spot(&self) -> Spot {
                self.spot
            }

            fn said(&self) -> Vec<(&'static str, Spot)> {
                let Self { spot: _, $( $field, )* } = self;
                let places = [$( $field.as_ref().map(|said| said.key) ),*];
                Self::FIELDS.iter().copied().zip(places).filter_map(|(name, place)| Some((name, place?))).collect()
            }
        }

        impl Read for $name {
            fn read(node: &Node<'_>, problems: &mut Problems) -> Option<Self> {
                let Value::Map(entries) = &node.value else { return wrong_type(node, "a map", problems) };
                let mut object = Self { spot: node.spot, ..Self::default() };
                let mut are_known = true;
                for entry in entries {
                    $(
                        if entry.key == crate::manifest::read::name(stringify!($field)) {
                            object.$field = Said::read_field(entry, problems);
                            continue;
                        }
                    )*
                    are_known = false;
                }
                if !are_known {
                    unknown_fields(entries, $noun, Self::FIELDS, problems);
                }
                Some(object)
            }

            $(
                fn $blank(spot: Spot) -> Option<Self> {
                    Some(Self { spot, ..Self::default() })
                }
            )?
        }

        impl JsonSchema for $name {
            fn schema_name() -> Cow<'static, str> {
                stringify!($name).trim_end_matches("Doc").into()
            }

            fn json_schema(generator: &mut SchemaGenerator) -> Schema {
                object_schema(generator, concat!($($doc, "\n"),+), &[$( (
                    crate::manifest::read::name(stringify!($field)),
                    concat!($($fdoc, "\n"),+),
                    |generator| generator.subschema_for::<$type>(),
                ) ),*])
            }
        }
    )+};
}

pub(crate) use objects;

/// A field's name as it is written: `type`, not `r#type`.
pub(crate) const fn name(field: &'static str) -> &'static str {
    match field.as_bytes() {
        [b'r', b'#', ..] => field.split_at(2).1,
        _ => field,
    }
}

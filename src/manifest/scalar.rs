//! Values with a spelling of their own: ids, colours, emoji, permissions, limits.
//!
//! Decides which texts they are written as. Knows nothing of the objects they stand in.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;

use crate::model::{
    ChannelKind, Emoji, ForumLayout, NotificationLevel, Permission, Permissions, SortOrder, TagMatching, VideoQuality,
};
use crate::model::{ContentFilter, VerificationLevel};

use super::diagnostic::{Problem, Problems, rule};
use super::policy::{ApprovalMode, DeletionLimit, DriftMode, OnRemove, Prune};
use super::read::{Read, Word, text, whole_number, wrong_type};
use super::tree::{Node, Value};
use super::window::{InvalidWindow, Window, WindowProblem, zones};

impl Word for ApprovalMode {}
impl Word for ContentFilter {}
impl Word for DriftMode {}
impl Word for ForumLayout {}
impl Word for KindWord {}
impl Word for NotificationLevel {}
impl Word for OnRemove {}
impl Word for Prune {}
impl Word for SortOrder {}
impl Word for TagMatching {}
impl Word for VerificationLevel {}
impl Word for VideoQuality {}

/// Gives a scalar its schema.
macro_rules! scalar_schema {
    ($name:ident: $schema:tt) => {
        impl JsonSchema for $name {
            fn inline_schema() -> bool {
                true
            }

            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!($schema)
            }
        }
    };
}

/// What a channel is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "ChannelKind")]
pub(super) enum KindWord {
    /// Messages.
    Text,
    /// Talk.
    Voice,
    /// Messages other guilds can follow; Community guilds only.
    Announcement,
    /// Talk with an audience; Community guilds only.
    Stage,
    /// Posts with tags.
    Forum,
    /// Posts with pictures.
    Media,
}

impl From<KindWord> for ChannelKind {
    fn from(word: KindWord) -> Self {
        match word {
            KindWord::Text => Self::Text,
            KindWord::Voice => Self::Voice,
            KindWord::Announcement => Self::Announcement,
            KindWord::Stage => Self::Stage,
            KindWord::Forum => Self::Forum,
            KindWord::Media => Self::Media,
        }
    }
}

/// Discord's id of something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Snowflake(pub(super) u64);

scalar_schema!(Snowflake: { "type": "string", "pattern": "^[1-9][0-9]{0,19}$" });

impl Snowflake {
    /// Reads the digits of an id.
    pub(super) fn parse(digits: &str) -> Option<Self> {
        let plain = digits.bytes().all(|b| b.is_ascii_digit());
        digits.parse().ok().filter(|id| plain && *id != 0).map(Self)
    }
}

/// Digits without quotes are read exactly as they are written, with a warning: other readers would round them.
impl Read for Snowflake {
    fn read(node: &Node<'_>, problems: &mut Problems) -> Option<Self> {
        let digits = text(node, problems)?;
        let found = Self::parse(digits);
        if found.is_none() {
            let problem = Problem::new(rule::NOT_A_SNOWFLAKE, format!("`{digits}` is not a Discord id"));
            let problem = problem.at(node.spot, "an id is a number of 17 to 20 digits, in quotes");
            problems.report(problem.help("turn on developer mode in Discord, right-click the object, copy its ID"));
        }
        found
    }
}

/// A colour as 0xRRGGBB.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Color(pub(super) u32);

impl Color {
    const MAX: u32 = 0xFF_FFFF;
}

scalar_schema!(Color: { "anyOf": [
    { "type": "string", "pattern": "^#[0-9A-Fa-f]{6}$" },
    { "type": "integer", "minimum": 0, "maximum": 0xFF_FFFF },
] });

impl Read for Color {
    fn read(node: &Node<'_>, problems: &mut Problems) -> Option<Self> {
        let Value::Scalar { text, plain } = &node.value else { return wrong_type(node, "a colour", problems) };
        let problem = Problem::new(rule::NOT_A_COLOR, format!("`{text}` is not a colour"));
        let problem = problem.at(node.spot, "expected `\"#rrggbb\"` or a number");
        let hex = |digits: &str| {
            u32::from_str_radix(digits, 16).ok().filter(|_| digits.bytes().all(|b| b.is_ascii_hexdigit()))
        };
        match text.strip_prefix('#') {
            Some(digits) if digits.len() == 6 && hex(digits).is_some() => return hex(digits).map(Self),
            Some(digits) if digits.len() == 3 && hex(digits).is_some() => {
                let long: String = digits.chars().flat_map(|c| [c, c]).collect();
                problems.report(problem.help("write all six digits").suggest(node.spot, format!("\"#{long}\"")));
            }
            None if *plain && text.starts_with(|c: char| c.is_ascii_digit()) => {
                let number = u32::try_from(whole_number(node, problems)?).ok().filter(|n| *n <= Self::MAX);
                if number.is_some() {
                    return number.map(Self);
                }
                problems.report(problem);
            }
            None if text.len() == 6 && hex(text).is_some() => {
                problems.report(problem.help("it lacks the `#`").suggest(node.spot, format!("\"#{text}\"")));
            }
            _ => problems.report(problem),
        }
        None
    }
}

/// An emoji: the characters of a Unicode one, or the id of a custom one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct EmojiText(pub(super) Emoji);

scalar_schema!(EmojiText: { "type": "string", "minLength": 1, "maxLength": 100 });

impl EmojiText {
    /// Reads `⚙️`, `"1234"` or `<:name:1234>`.
    fn parse(text: &str) -> Option<Emoji> {
        let custom = text.strip_prefix("<a:").or_else(|| text.strip_prefix("<:")).and_then(|t| t.strip_suffix('>'));
        let digits = custom.and_then(|t| t.split_once(':')).map_or(text, |(_, id)| id);
        let by_id = Snowflake::parse(digits).filter(|_| custom.is_some() || digits.len() >= 15);
        let unicode = || (!text.is_ascii() && text.chars().count() <= 32).then(|| Emoji::Unicode(text.to_owned()));
        by_id.and_then(|id| twilight_model::id::Id::new_checked(id.0)).map(Emoji::Custom).or_else(unicode)
    }
}

impl Read for EmojiText {
    fn read(node: &Node<'_>, problems: &mut Problems) -> Option<Self> {
        let text = text(node, problems)?;
        let emoji = Self::parse(text);
        if emoji.is_none() {
            let problem = Problem::new(rule::NOT_AN_EMOJI, format!("`{text}` is not an emoji"));
            let problem = problem.at(node.spot, "expected an emoji");
            problems.report(problem.help("write the emoji itself, or the id of a custom one in quotes"));
        }
        emoji.map(Self)
    }
}

/// One permission by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct PermissionName(pub(super) Permissions);

impl JsonSchema for PermissionName {
    fn schema_name() -> Cow<'static, str> {
        "Permission".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let names: Vec<&str> = Permission::ALL.iter().map(|p| p.name).collect();
        let aliases: Vec<&str> = Permission::ALL.iter().flat_map(|p| p.aliases.iter().copied()).collect();
        json_schema!({
            "description": "A permission by Discord's name, another known spelling of it, or `bit_NN`.",
            "type": "string",
            "anyOf": [{ "enum": names }, { "enum": aliases }, { "pattern": "^bit_([0-9]|[0-5][0-9]|6[0-3])$" }],
        })
    }
}

impl Read for PermissionName {
    fn read(node: &Node<'_>, problems: &mut Problems) -> Option<Self> {
        let name = text(node, problems)?;
        match Permission::parse(name) {
            Ok(permissions) => Some(Self(permissions)),
            Err(unknown) => {
                let problem = Problem::new(rule::UNKNOWN_PERMISSION, unknown.to_string());
                let problem = problem.at(node.spot, "no permission has this name");
                problems.report(match unknown.nearest {
                    Some(near) => problem.help(format!("did you mean `{near}`?")).suggest(node.spot, near),
                    None => problem.help("to use a permission set, write `{ use: [...], allow: [...] }`"),
                });
                None
            }
        }
    }
}

/// `10%`, or a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Limit(pub(super) DeletionLimit);

scalar_schema!(Limit: { "anyOf": [
    { "type": "integer", "minimum": 0 },
    { "type": "string", "pattern": "^([0-9]|[1-9][0-9]|100)%$" },
] });

impl Read for Limit {
    fn read(node: &Node<'_>, problems: &mut Problems) -> Option<Self> {
        let Value::Scalar { text, plain } = &node.value else { return wrong_type(node, "a limit", problems) };
        let percent = |text: &str| text.parse().ok().filter(|percent| *percent <= 100).map(DeletionLimit::Percent);
        let limit = match text.strip_suffix('%') {
            Some(number) => percent(number),
            None if *plain => text.parse().ok().map(DeletionLimit::Count),
            None => None,
        };
        if limit.is_none() {
            let problem = Problem::new(rule::BAD_LIMIT, format!("`{text}` is not a limit"));
            problems.report(problem.at(node.spot, "expected a number, or a percentage such as `10%`"));
        }
        limit.map(Self)
    }
}

/// Minutes after which clients archive a silent thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ArchiveMinutes(pub(super) u32);

/// Seconds of silence after which a member is moved to the AFK channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct AfkSeconds(pub(super) u32);

/// Numbers of which Discord takes only a few.
macro_rules! one_of {
    ($name:ident [$($number:literal),+]) => {
        scalar_schema!($name: { "enum": [$($number),+] });

        impl Read for $name {
            fn read(node: &Node<'_>, problems: &mut Problems) -> Option<Self> {
                match whole_number(node, problems)? {
                    $( $number => Some(Self($number)), )+
                    _ => {
                        let list = [$(stringify!($number)),+].join(", ");
                        let problem = Problem::new(rule::OUT_OF_RANGE, format!("Discord takes only {list} here"));
                        problems.report(problem.at(node.spot, "not one of them"));
                        None
                    }
                }
            }
        }
    };
}

one_of!(ArchiveMinutes [60, 1440, 4320, 10080]);
one_of!(AfkSeconds [60, 300, 900, 1800, 3600]);

/// A window of time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct WindowText(pub(super) Window);

scalar_schema!(WindowText: { "type": "string", "examples": ["Mon-Fri 09:00-18:00 Europe/Berlin"] });

impl Read for WindowText {
    fn read(node: &Node<'_>, problems: &mut Problems) -> Option<Self> {
        const HELP: &str = "write it like `Mon-Fri 09:00-18:00 Europe/Berlin`; `daily` stands for all days";
        let text = text(node, problems)?;
        let InvalidWindow { text, problem: wrong } = match text.parse() {
            Ok(window) => return Some(Self(window)),
            Err(invalid) => invalid,
        };
        let near = match &wrong {
            WindowProblem::Zone(zone) => problems.guess(zone, zones()),
            _ => None,
        };
        let problem = Problem::new(rule::BAD_WINDOW, format!("`{text}` is not a window of time"));
        let problem = problem.at(node.spot, wrong.to_string());
        problems.report(problem.help(near.map_or(HELP.to_owned(), |zone| format!("did you mean `{zone}`?"))));
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn emoji_are_characters_or_ids() {
        assert_eq!(EmojiText::parse("⚙️"), Some(Emoji::Unicode("⚙️".to_owned())));
        assert_eq!(EmojiText::parse("1️⃣"), Some(Emoji::Unicode("1️⃣".to_owned())));
        let custom = twilight_model::id::Id::new_checked(123_456_789_012_345_678).map(Emoji::Custom);
        assert_eq!(EmojiText::parse("123456789012345678"), custom);
        assert_eq!(EmojiText::parse("<a:party:123456789012345678>"), custom);
        for bad in ["", ":gear:", "gear", "12"] {
            assert_eq!(EmojiText::parse(bad), None, "{bad}");
        }
    }
}

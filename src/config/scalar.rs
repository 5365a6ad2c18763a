//! Values of the file with a spelling of their own: spans of time, addresses, ids, paths.
//!
//! Decides which texts they are written as. A value that may hold a secret is not repeated in a problem.

use std::borrow::Cow;
use std::net::SocketAddr;
use std::time::Duration;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};

use crate::manifest::diagnostic::{Problem, Problems};
use crate::manifest::read::{Read, Said, Word, text, whole_number, wrong_type};
use crate::manifest::tree::{Node, Value};
use crate::model::{GuildId, Occasion, RoleId, UserId};

use super::{AiProvider, Approver, ForgeKind, LogFormat, ProposalKind, SETTING, duration};

impl Word for AiProvider {}
impl Word for ForgeKind {}
impl Word for LogFormat {}
impl Word for ProposalKind {}
impl Word for Occasion {}

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

/// Reads a text that has a form, or says which.
fn formed<T>(
    node: &Node<'_>,
    problems: &mut Problems,
    expected: &str,
    parse: impl FnOnce(&str) -> Option<T>,
) -> Option<T> {
    let said = text(node, problems)?;
    let parsed = parse(said);
    if parsed.is_none() {
        let problem = Problem::new(SETTING, format!("`{said}` is not {expected}"));
        problems.report(problem.at(node.spot, format!("expected {expected}")));
    }
    parsed
}

/// A span of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Span(pub(super) Duration);

scalar_schema!(Span: { "type": "string", "pattern": "^([0-9]+d)?([0-9]+h)?([0-9]+m)?([0-9]+s)?$", "minLength": 2 });

impl Read for Span {
    fn read(node: &Node<'_>, problems: &mut Problems) -> Option<Self> {
        if let Value::Scalar { text, plain: true } = &node.value
            && !text.is_empty()
            && text.bytes().all(|b| b.is_ascii_digit())
        {
            let problem = Problem::new(SETTING, format!("`{text}` has no unit")).at(node.spot, "a span of time");
            problems.report(problem.help("write `30s`, `10m`, `24h` or `7d`").suggest(node.spot, format!("{text}s")));
            return None;
        }
        formed(node, problems, "a span of time such as `30s`, `10m`, `24h` or `7d`", duration::parse).map(Self)
    }
}

/// A whole number of `MIN` to `MAX`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Count<const MIN: u32, const MAX: u32>(pub(super) u32);

impl<const MIN: u32, const MAX: u32> Read for Count<MIN, MAX> {
    fn read(node: &Node<'_>, problems: &mut Problems) -> Option<Self> {
        let number = whole_number(node, problems)?;
        let fits = u32::try_from(number).ok().filter(|number| (MIN..=MAX).contains(number));
        if fits.is_none() {
            let expected = if MIN == MAX { format!("{MIN}") } else { format!("a number from {MIN} to {MAX}") };
            problems.report(Problem::new(SETTING, format!("expected {expected}")).at(node.spot, "out of range"));
        }
        fits.map(Self)
    }
}

impl<const MIN: u32, const MAX: u32> JsonSchema for Count<MIN, MAX> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        format!("Count{MIN}To{MAX}").into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "integer", "minimum": MIN, "maximum": MAX })
    }
}

/// A share of something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Percent(pub(super) u8);

scalar_schema!(Percent: { "type": "string", "pattern": "^([0-9]|[1-9][0-9]|100)%$" });

impl Read for Percent {
    fn read(node: &Node<'_>, problems: &mut Problems) -> Option<Self> {
        let parse = |text: &str| text.strip_suffix('%')?.parse().ok().filter(|percent| *percent <= 100);
        formed(node, problems, "a share such as `10%`", parse).map(Self)
    }
}

/// An amount of money in whatever currency, in millionths.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Money(pub(super) u64);

scalar_schema!(Money: {
    "anyOf": [{ "type": "number", "minimum": 0 }, { "type": "string", "pattern": "^[0-9]+([.][0-9]{1,6})?$" }]
});

impl Read for Money {
    fn read(node: &Node<'_>, problems: &mut Problems) -> Option<Self> {
        let Value::Scalar { text, .. } = &node.value else { return wrong_type(node, "an amount", problems) };
        let money = money(text);
        if money.is_none() {
            let problem = Problem::new(SETTING, format!("`{text}` is not an amount"));
            problems.report(
                problem.at(node.spot, "expected an amount such as `0.25`, with six digits after the point at most"),
            );
        }
        money.map(Self)
    }
}

fn money(text: &str) -> Option<u64> {
    let (whole, part) = text.split_once('.').unwrap_or((text, "0"));
    let is_number = |digits: &str| !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    if !is_number(whole) || !is_number(part) || part.len() > 6 {
        return None;
    }
    let (whole, part): (u64, u64) = (whole.parse().ok()?, format!("{part:0<6}").parse().ok()?);
    whole.checked_mul(1_000_000)?.checked_add(part)
}

/// Where to listen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Listen(pub(super) SocketAddr);

scalar_schema!(Listen: { "type": "string", "examples": ["127.0.0.1:8080", "0.0.0.0:8080", "[::]:8080"] });

impl Read for Listen {
    fn read(node: &Node<'_>, problems: &mut Problems) -> Option<Self> {
        let parse = |text: &str| text.parse().ok();
        formed(node, problems, "an address and a port such as `127.0.0.1:8080`", parse).map(Self)
    }
}

/// An address that may hold a password, so it is neither shown nor repeated.
#[derive(Clone, Debug)]
pub(super) struct Address(pub(super) SecretString);

scalar_schema!(Address: { "type": "string", "minLength": 1 });

impl Read for Address {
    fn read(node: &Node<'_>, problems: &mut Problems) -> Option<Self> {
        let said = text(node, problems)?;
        if said.contains(':') {
            return Some(Self(SecretString::from(said)));
        }
        let problem = Problem::new(SETTING, "this is not an address").at(node.spot, "expected `SCHEME:...`");
        problems.report(problem.help("a database is `sqlite:PATH` or `mysql://...`, a Redis `redis://HOST:PORT/DB`"));
        None
    }
}

/// The address of a server that is spoken to by HTTP, without anything secret in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct HttpUrl(pub(super) String);

scalar_schema!(HttpUrl: { "type": "string", "pattern": "^https?://[^@]+$" });

impl Read for HttpUrl {
    fn read(node: &Node<'_>, problems: &mut Problems) -> Option<Self> {
        let said = text(node, problems)?;
        let url = url::Url::parse(said).ok().filter(|url| matches!(url.scheme(), "http" | "https"));
        match url {
            Some(url) if url.username().is_empty() && url.password().is_none() => Some(Self(said.to_owned())),
            Some(_) => {
                let problem = Problem::new(SETTING, "there is a user or a password in this address");
                let problem = problem.at(node.spot, "is not for addresses");
                problems.report(problem.help("take it out: what stands in an address is shown"));
                None
            }
            None => {
                let problem = Problem::new(SETTING, "this is not the address of an HTTP server");
                problems.report(problem.at(node.spot, "expected `http://...` or `https://...`"));
                None
            }
        }
    }
}

/// The address of a server that takes spans.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct CollectorUrl(pub(super) String);

scalar_schema!(CollectorUrl: { "type": "string", "pattern": "^https?://[^@?#]+$" });

impl Read for CollectorUrl {
    fn read(node: &Node<'_>, problems: &mut Problems) -> Option<Self> {
        let HttpUrl(said) = HttpUrl::read(node, problems)?;
        if !said.contains(['?', '#']) {
            return Some(Self(said));
        }
        let problem = Problem::new(SETTING, "there is more than a path in the address of this collector");
        let problem = problem.at(node.spot, "expected no `?` and no `#`");
        problems.report(problem.help(
            "a key a collector asks for belongs into the variable OTEL_EXPORTER_OTLP_HEADERS, such as `api-key=...`",
        ));
        None
    }
}

/// The path of a file, from the folder of the configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct PathText(pub(super) String);

scalar_schema!(PathText: { "type": "string", "minLength": 1 });

impl Read for PathText {
    fn read(node: &Node<'_>, problems: &mut Problems) -> Option<Self> {
        let said = text(node, problems)?;
        // A path is repeated when it cannot be read; what is none may be a secret in the wrong place.
        if !said.trim().is_empty() && !said.contains(['\n', '\0']) && !said.contains("://") {
            return Some(Self(said.to_owned()));
        }
        problems.report(Problem::new(SETTING, "this is not a path").at(node.spot, "expected the path of a file"));
        None
    }
}

/// What a source is called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Name(pub(super) String);

scalar_schema!(Name: { "type": "string", "pattern": "^[A-Za-z0-9_-]{1,64}$" });

impl Read for Name {
    fn read(node: &Node<'_>, problems: &mut Problems) -> Option<Self> {
        let parse = |text: &str| {
            let fits = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
            ((1..=64).contains(&text.len()) && text.chars().all(fits)).then(|| text.to_owned())
        };
        formed(node, problems, "a name of letters, digits, `-` and `_`", parse).map(Self)
    }
}

/// A guild by its id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct GuildText(pub(super) GuildId);

scalar_schema!(GuildText: { "type": "string", "pattern": "^[1-9][0-9]{0,19}$" });

/// The id that digits stand for.
pub(super) fn id(digits: &str) -> Option<u64> {
    let plain = digits.bytes().all(|b| b.is_ascii_digit());
    digits.parse().ok().filter(|id| plain && *id != 0)
}

impl Read for GuildText {
    fn read(node: &Node<'_>, problems: &mut Problems) -> Option<Self> {
        let parse = |text: &str| id(text).and_then(GuildId::new_checked);
        formed(node, problems, "the id of a guild, in quotes", parse).map(Self)
    }
}

/// A channel and the guild it is in: `GUILD/CHANNEL`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ChannelText(pub(super) GuildId, pub(super) u64);

scalar_schema!(ChannelText: { "type": "string", "pattern": "^[1-9][0-9]{0,19}/[1-9][0-9]{0,19}$" });

impl Read for ChannelText {
    fn read(node: &Node<'_>, problems: &mut Problems) -> Option<Self> {
        let parse = |text: &str| {
            let (guild, channel) = text.split_once('/')?;
            Some((GuildId::new_checked(id(guild)?)?, id(channel)?))
        };
        let expected = "a guild's and a channel's id: `\"GUILD/CHANNEL\"`";
        formed(node, problems, expected, parse).map(|(guild, channel)| Self(guild, channel))
    }
}

/// Somebody who may approve: `user:ID` or `role:ID`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ApproverText(pub(super) Approver);

scalar_schema!(ApproverText: { "type": "string", "pattern": "^(user|role):[1-9][0-9]{0,19}$" });

impl Read for ApproverText {
    fn read(node: &Node<'_>, problems: &mut Problems) -> Option<Self> {
        let parse = |text: &str| match text.split_once(':')? {
            ("user", digits) => UserId::new_checked(id(digits)?).map(Approver::User),
            ("role", digits) => RoleId::new_checked(id(digits)?).map(Approver::Role),
            _ => None,
        };
        formed(node, problems, "`user:ID` or `role:ID`", parse).map(Self)
    }
}

/// Which guilds a source may manage.
#[derive(Clone, Debug)]
pub(super) enum ScopeDoc {
    /// Whichever it describes.
    All,
    /// These.
    These(Vec<Said<GuildText>>),
}

impl JsonSchema for ScopeDoc {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Scope".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let guild = generator.subschema_for::<GuildText>();
        json_schema!({ "anyOf": [{ "const": "all" }, { "type": "array", "items": guild }] })
    }
}

impl Read for ScopeDoc {
    fn read(node: &Node<'_>, problems: &mut Problems) -> Option<Self> {
        match &node.value {
            Value::List(_) => Vec::read(node, problems).map(Self::These),
            Value::Scalar { text, .. } if text == "all" => Some(Self::All),
            Value::Scalar { .. } | Value::Map(_) => wrong_type(node, "`all`, or a list of guilds' ids", problems),
        }
    }
}

/// A time of day and week, as cron has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct CronText(pub(super) String);

scalar_schema!(CronText: { "type": "string", "examples": ["0 4 * * *", "*/30 9-17 * * MON-FRI"] });

impl Read for CronText {
    fn read(node: &Node<'_>, problems: &mut Problems) -> Option<Self> {
        let parse = |text: &str| text.parse::<croner::Cron>().ok().map(|_| text.to_owned());
        formed(node, problems, "a cron expression such as `0 4 * * *`", parse).map(Self)
    }
}

/// A time zone by its name in the IANA database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ZoneText(pub(super) chrono_tz::Tz);

scalar_schema!(ZoneText: { "type": "string", "examples": ["Europe/Berlin", "UTC"] });

impl Read for ZoneText {
    fn read(node: &Node<'_>, problems: &mut Problems) -> Option<Self> {
        formed(node, problems, "a time zone such as `Europe/Berlin`", |text| text.parse().ok()).map(Self)
    }
}

/// What is logged: a level, or levels of parts of the program.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct LevelText(pub(super) String);

scalar_schema!(LevelText: { "type": "string", "examples": ["info", "warn,setai::discord=debug"] });

impl Read for LevelText {
    fn read(node: &Node<'_>, problems: &mut Problems) -> Option<Self> {
        let parse = |text: &str| {
            let is_filter = !text.trim().is_empty() && tracing_subscriber::EnvFilter::try_new(text).is_ok();
            is_filter.then(|| text.to_owned())
        };
        formed(node, problems, "a level such as `info`, or `warn,setai::discord=debug`", parse).map(Self)
    }
}

//! The audit trail as a chain: what the hash of a row covers, and whether a trail is still what was written.
//!
//! Pure: knows rows and heads as they are stored, value for value, and nothing of databases. Each guild has a chain of its
//! own. The encoding is described for others in `docs/audit.md`; a row says which format it is in.

use std::str::FromStr;

use chrono::{DateTime, SecondsFormat, Utc};
use serde::Serialize;
use sha2::{Digest, Sha256};

use super::audit::Pruning;
use super::migration::hex;
use super::sql::Value;
use crate::model::GuildId;

mod inspect;

pub(super) use inspect::Inspector;
pub use inspect::{Finding, Inspection};

/// The format rows are written in.
pub(super) const FORMAT: i64 = 1;

/// What the first row of a chain names as the hash before it.
pub(super) const GENESIS: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// How the values of a column are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Text,
    Number,
    Snowflake,
    Time,
}

macro_rules! mark {
    ($name:literal) => {
        "?, "
    };
}

macro_rules! columns {
    ($($kind:ident $name:literal,)*) => {
        /// Every column a hash covers, in the order in which it does.
        pub(super) const COLUMNS: &[(&str, Kind)] = &[$(($name, Kind::$kind)),*];

        /// The names of all columns, the hash last, as statements list them.
        pub(super) const NAMES: &str = concat!($($name, ", ",)* "hash");

        /// As many question marks.
        pub(super) const MARKS: &str = concat!($(mark!($name),)* "?");
    };
}

columns! {
    Number "format",
    Snowflake "server_id",
    Number "number",
    Text "previous_hash",
    Text "log_id",
    Time "logged_at",
    Text "action_type",
    Text "phase",
    Text "actor",
    Snowflake "user_id",
    Text "execution_id",
    Text "correlation_id",
    Text "operation_id",
    Text "source_revision",
    Snowflake "target_id",
    Text "action_details",
    Text "before_state",
    Text "after_state",
    Text "reason",
    Text "metadata",
    Text "ip_address",
    Text "user_agent",
}

/// The columns of the audit trail that a row's hash covers, in the order in which it does. With `hash` they are all.
pub fn covered_columns() -> impl Iterator<Item = &'static str> {
    COLUMNS.iter().map(|(name, _)| *name)
}

/// A row of the audit trail as it is stored, value for value: what its hash is about, and what others can check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChainRow {
    /// As in [`COLUMNS`]; numbers in decimal, times with microseconds and a `Z`, everything else byte for byte.
    pub(super) values: Vec<Option<Vec<u8>>>,
    pub(super) hash: Option<Vec<u8>>,
    /// A column whose value is not stored as SetAI stores it, though it may look the same.
    pub(super) odd: Option<&'static str>,
}

impl ChainRow {
    /// A row of these values, in the order of [`COLUMNS`], with its hash.
    pub(super) fn sealed(values: &[Value]) -> Self {
        let mut row = Self { values: values.iter().map(bytes).collect(), hash: None, odd: None };
        row.hash = Some(row.digest().into_bytes());
        row
    }

    /// Every column with its value; none is not the same as an empty one.
    pub fn fields(&self) -> impl Iterator<Item = (&'static str, Option<&[u8]>)> {
        let covered = COLUMNS.iter().zip(&self.values).map(|((name, _), value)| (*name, value.as_deref()));
        covered.chain([("hash", self.hash.as_deref())])
    }

    /// The hash these values have, whatever is stored as such.
    pub fn digest(&self) -> String {
        let mut hasher = Sha256::new();
        for value in &self.values {
            match value {
                Some(value) => {
                    hasher.update(format!("{}:", value.len()));
                    hasher.update(value);
                }
                None => hasher.update("-"),
            }
        }
        hex(&hasher.finalize())
    }

    fn text(&self, column: &str) -> Option<String> {
        let value = self.fields().find(|(name, _)| *name == column)?.1?;
        Some(String::from_utf8_lossy(value).into_owned())
    }

    /// Its place in the chain of its guild.
    pub fn number(&self) -> Option<u64> {
        self.text("number")?.parse().ok()
    }

    /// Its id, as it is stored.
    pub fn log_id(&self) -> String {
        self.text("log_id").unwrap_or_default()
    }

    fn previous_hash(&self) -> String {
        self.text("previous_hash").unwrap_or_default()
    }

    fn stored_hash(&self) -> String {
        self.text("hash").unwrap_or_default()
    }

    fn is_itself(&self) -> bool {
        self.odd.is_none() && self.hash.as_deref() == Some(self.digest().as_bytes())
    }

    /// The place this row was written for, when it is one of these.
    fn place_among(&self, numbers: &[u64]) -> Option<u64> {
        let at = COLUMNS.iter().position(|(name, _)| *name == "number")?;
        let fits = |number: &&u64| {
            let mut moved = self.clone();
            moved.values[at] = Some(number.to_string().into_bytes());
            moved.is_itself()
        };
        numbers.iter().find(fits).copied()
    }

    /// What the row says was pruned, when it says that.
    fn pruning(&self) -> Option<Pruning> {
        Pruning::of(&self.text("action_details")?)
    }
}

/// A value as a hash covers it.
fn bytes(value: &Value) -> Option<Vec<u8>> {
    let text = match value {
        Value::Nothing => return None,
        Value::Flag(flag) => i64::from(*flag).to_string(),
        Value::Number(number) => number.to_string(),
        Value::Snowflake(id) => id.to_string(),
        Value::Text(text) => text.clone(),
        Value::Time(time) => time_text(*time),
    };
    Some(text.into_bytes())
}

/// A time as a hash covers it and as it is exported.
pub(super) fn time_text(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Micros, true)
}

/// Where the chain of a guild ends, and where it begins since its oldest rows were pruned.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ChainHead {
    /// The number of the last row; 0 when there is none.
    pub length: u64,
    /// Its hash.
    pub hash: String,
    /// The number of the last row that was pruned; 0 when none was.
    pub pruned_through: u64,
    /// Its hash, which the first row that is left names.
    pub pruned_hash: String,
    /// When that was.
    pub pruned_at: Option<DateTime<Utc>>,
    /// On whose word.
    pub pruned_by: Option<String>,
}

/// A stretch of a chain and its head, both of the same moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChainPage {
    /// The head; none when the guild has none.
    pub head: Option<ChainHead>,
    /// Rows in order.
    pub rows: Vec<ChainRow>,
    /// Where the next page begins; none when this is the last.
    pub next: Option<Place>,
}

/// A place in a chain to read on from: the smallest number that was not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place(pub(super) u64);

impl Place {
    /// Before the first row.
    pub const BEGINNING: Self = Self(0);
}

/// A head that was kept elsewhere: whoever cuts off or rewrites the trail up to it is found out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Pin {
    /// Whose chain.
    pub guild: GuildId,
    /// The number of a row.
    pub number: u64,
    /// Its hash.
    pub hash: String,
}

/// A text that is not `GUILD:NUMBER:HASH`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not GUILD:NUMBER:HASH, with all 64 digits of the hash")]
pub struct InvalidPin(pub String);

impl std::fmt::Display for Pin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { guild, number, hash } = self;
        write!(f, "{guild}:{number}:{hash}")
    }
}

impl FromStr for Pin {
    type Err = InvalidPin;

    fn from_str(text: &str) -> Result<Self, InvalidPin> {
        let invalid = || InvalidPin(text.to_owned());
        let mut parts = text.splitn(3, ':');
        let mut part = || parts.next().ok_or_else(invalid);
        let guild = part()?.parse().ok().and_then(GuildId::new_checked).ok_or_else(invalid)?;
        let number = part()?.parse().ok().filter(|number| *number > 0).ok_or_else(invalid)?;
        let hash = part()?.to_ascii_lowercase();
        let is_whole = hash.len() == GENESIS.len() && hash.bytes().all(|byte| byte.is_ascii_hexdigit());
        if is_whole { Ok(Self { guild, number, hash }) } else { Err(invalid()) }
    }
}

/// What a row is called by people: by its id, or by its place in the chain of a guild.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RowName {
    /// The beginning or end of its id.
    Id(String),
    /// Its number; without a guild it has to be the only one of that number.
    Number {
        /// Whose chain.
        guild: Option<GuildId>,
        /// The number.
        number: u64,
    },
}

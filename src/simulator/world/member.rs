//! People and bots, and their place in a guild.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::listed::is_default;
use super::{Bits, Snowflake};

/// An account.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct User {
    /// Snowflake.
    pub id: Snowflake,
    /// Login name.
    pub username: String,
    /// Shown name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub global_name: Option<String>,
    /// An application's account.
    #[serde(default, skip_serializing_if = "is_default")]
    pub bot: bool,
    /// Bot tokens that log in as this user.
    #[serde(default, skip_serializing_if = "is_default")]
    pub tokens: Vec<String>,
    /// Avatar hash.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub avatar: Option<String>,
    /// Banner hash.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub banner: Option<String>,
    /// The application behind a bot.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub application: Option<Application>,
    /// Fields this version knows nothing of, given out as they are.
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}

/// What stands behind a bot user.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Application {
    /// Snowflake; as a rule that of the bot user.
    pub id: Snowflake,
    /// Shown name.
    pub name: String,
    /// About text.
    #[serde(default, skip_serializing_if = "is_default")]
    pub description: String,
    /// Application flags, all bits.
    #[serde(default, skip_serializing_if = "is_default")]
    pub flags: u64,
    /// Who made it.
    pub owner_id: Snowflake,
    /// Its owner uses two-factor authentication; without it, guilds with `mfa_level` 1 refuse powerful actions.
    #[serde(default = "yes", skip_serializing_if = "is_true")]
    pub owner_mfa: bool,
    /// Where interactions are sent by HTTP instead of over the Gateway.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interactions_endpoint_url: Option<String>,
    /// Its commands, everywhere.
    #[serde(default, skip_serializing_if = "is_default")]
    pub commands: Vec<Command>,
    /// When commands were made in the last day, and in which guild.
    #[serde(default, skip_serializing_if = "is_default")]
    pub command_creates: Vec<(Option<Snowflake>, DateTime<Utc>)>,
}

/// A slash command or an entry of a context menu.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Command {
    /// Snowflake.
    pub id: Snowflake,
    /// Changes with each edit.
    pub version: Snowflake,
    /// The only guild that has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub guild_id: Option<Snowflake>,
    /// 1 slash, 2 user, 3 message.
    #[serde(rename = "type")]
    pub kind: u8,
    /// What people type or click.
    pub name: String,
    /// Everything else, as sent.
    #[serde(default, skip_serializing_if = "is_default")]
    pub fields: Map<String, Value>,
}

impl Command {
    /// What a member must hold to be offered it, unless somebody decided otherwise for the guild; no bit means
    /// administrators.
    pub fn default_member_permissions(&self) -> Option<Bits> {
        let value = self.fields.get("default_member_permissions")?;
        value.as_u64().or_else(|| value.as_str()?.parse().ok()).map(Bits)
    }
}

fn yes() -> bool {
    true
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_true(value: &bool) -> bool {
    *value
}

/// A user in a guild.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Member {
    /// Who.
    pub user_id: Snowflake,
    /// Roles besides @everyone.
    #[serde(default, skip_serializing_if = "is_default")]
    pub roles: Vec<Snowflake>,
    /// Name in this guild.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nick: Option<String>,
    /// Since when.
    #[serde(default)]
    pub joined_at: DateTime<Utc>,
    /// Timed out until then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub communication_disabled_until: Option<DateTime<Utc>>,
    /// Silenced in voice.
    #[serde(default, skip_serializing_if = "is_default")]
    pub mute: bool,
    /// Deafened in voice.
    #[serde(default, skip_serializing_if = "is_default")]
    pub deaf: bool,
    /// Member flags, all bits.
    #[serde(default, skip_serializing_if = "is_default")]
    pub flags: u64,
    /// Fields this version knows nothing of, given out as they are.
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}

impl Member {
    /// A timeout is in force.
    pub fn timed_out(&self, now: DateTime<Utc>) -> bool {
        self.communication_disabled_until.is_some_and(|until| until > now)
    }
}

//! The audit log of a guild.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::Snowflake;

/// Discord's numbers for audited actions.
pub mod action {
    /// Guild settings changed.
    pub const GUILD_UPDATE: u32 = 1;
    /// Channel made.
    pub const CHANNEL_CREATE: u32 = 10;
    /// Channel changed.
    pub const CHANNEL_UPDATE: u32 = 11;
    /// Channel gone.
    pub const CHANNEL_DELETE: u32 = 12;
    /// Overwrite added.
    pub const OVERWRITE_CREATE: u32 = 13;
    /// Overwrite changed.
    pub const OVERWRITE_UPDATE: u32 = 14;
    /// Overwrite gone.
    pub const OVERWRITE_DELETE: u32 = 15;
    /// Member changed.
    pub const MEMBER_UPDATE: u32 = 24;
    /// Roles of a member changed.
    pub const MEMBER_ROLE_UPDATE: u32 = 25;
    /// Role made.
    pub const ROLE_CREATE: u32 = 30;
    /// Role changed.
    pub const ROLE_UPDATE: u32 = 31;
    /// Role gone.
    pub const ROLE_DELETE: u32 = 32;
}

/// Who did what, and why.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AuditEntry {
    /// Snowflake.
    pub id: Snowflake,
    /// One of [`action`].
    pub action_type: u32,
    /// Who did it.
    pub user_id: Snowflake,
    /// To what.
    pub target_id: Option<Snowflake>,
    /// `{key, old_value?, new_value?}`; a missing side was or became null.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub changes: Vec<Value>,
    /// More about the action, such as the target of an overwrite.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub options: Option<Map<String, Value>>,
    /// What `X-Audit-Log-Reason` said, decoded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

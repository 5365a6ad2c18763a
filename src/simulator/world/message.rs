//! Messages: what they say, and what hangs on them.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Snowflake;
use super::listed::is_default;

/// Discord's flags of messages.
pub mod flag {
    /// No previews of links.
    pub const SUPPRESS_EMBEDS: u64 = 1 << 2;
    /// Only whoever used the application sees it.
    pub const EPHEMERAL: u64 = 1 << 6;
    /// A promise: the application is "thinking".
    pub const LOADING: u64 = 1 << 7;
    /// Nobody's telephone rings.
    pub const SUPPRESS_NOTIFICATIONS: u64 = 1 << 12;
    /// Recorded.
    pub const IS_VOICE_MESSAGE: u64 = 1 << 13;
    /// Made of components alone.
    pub const IS_COMPONENTS_V2: u64 = 1 << 15;
}

/// A message.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// Snowflake.
    pub id: Snowflake,
    /// Who wrote it.
    pub author_id: Snowflake,
    /// 0 plain, 19 reply, 20 answer to a slash command, 23 answer to an entry of a context menu.
    #[serde(default, rename = "type", skip_serializing_if = "is_default")]
    pub kind: u8,
    /// Text.
    #[serde(default)]
    pub content: String,
    /// When.
    #[serde(default)]
    pub timestamp: DateTime<Utc>,
    /// When it was changed last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub edited_timestamp: Option<DateTime<Utc>>,
    /// What its author told it apart by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nonce: Option<String>,
    /// Read aloud.
    #[serde(default, skip_serializing_if = "is_default")]
    pub tts: bool,
    /// Bits of [`flag`].
    #[serde(default, skip_serializing_if = "is_default")]
    pub flags: u64,
    /// As Discord shows them.
    #[serde(default, skip_serializing_if = "is_default")]
    pub embeds: Vec<Value>,
    /// Rows of buttons and menus, as Discord shows them.
    #[serde(default, skip_serializing_if = "is_default")]
    pub components: Vec<Value>,
    /// Files.
    #[serde(default, skip_serializing_if = "is_default")]
    pub attachments: Vec<Attachment>,
    /// Users it calls.
    #[serde(default, skip_serializing_if = "is_default")]
    pub mentions: Vec<Snowflake>,
    /// Roles it calls.
    #[serde(default, skip_serializing_if = "is_default")]
    pub mention_roles: Vec<Snowflake>,
    /// It calls everyone.
    #[serde(default, skip_serializing_if = "is_default")]
    pub mention_everyone: bool,
    /// The message in the same channel it replies to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replies_to: Option<Snowflake>,
    /// The application that answered an interaction with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub application_id: Option<Snowflake>,
    /// That interaction, in Discord's words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interaction_metadata: Option<Value>,
}

impl Message {
    /// Has these flags.
    pub fn is(&self, flags: u64) -> bool {
        self.flags & flags == flags
    }

    /// It says and shows nothing.
    pub fn is_empty(&self) -> bool {
        self.content.is_empty() && self.embeds.is_empty() && self.components.is_empty() && self.attachments.is_empty()
    }

    /// The button or menu that is told apart by that text.
    pub fn component(&self, custom_id: &str) -> Option<&Value> {
        let rows = self.components.iter().filter_map(|row| row["components"].as_array()).flatten();
        rows.into_iter().find(|component| component["custom_id"] == custom_id)
    }
}

/// A file on a message.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attachment {
    /// Snowflake.
    pub id: Snowflake,
    /// As Discord keeps it.
    pub filename: String,
    /// For those who cannot see it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// What the sender says it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content_type: Option<String>,
    /// Bytes.
    pub size: u64,
    /// All of it, when it is text in UTF-8.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
}

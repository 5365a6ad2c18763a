//! Interactions: somebody uses a command or a button, and the application has little time to answer.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::listed::is_default;
use super::{Snowflake, World};

/// Something a user did with an application.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Interaction {
    /// Snowflake; holds the moment the user acted.
    pub id: Snowflake,
    /// The secret that answers it.
    pub token: String,
    /// Whose command it is.
    pub application_id: Snowflake,
    /// Where.
    pub channel_id: Snowflake,
    /// Who.
    pub user_id: Snowflake,
    /// 1 ping, 2 command, 3 component, 4 autocomplete, 5 modal.
    #[serde(rename = "type")]
    pub kind: u8,
    /// What was chosen or typed, as Discord tells it to the application.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub data: Value,
    /// The message a component is on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message_id: Option<Snowflake>,
    /// The first answer was given.
    #[serde(default, skip_serializing_if = "is_default")]
    pub acknowledged: bool,
    /// That answer was only the promise of one, which the next message keeps.
    #[serde(default, skip_serializing_if = "is_default")]
    pub deferred: bool,
    /// The message that first answer became.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub original: Option<Snowflake>,
}

impl World {
    /// A user uses a command of an application in a channel. The Gateway tells the application.
    pub fn begin_interaction(
        &mut self,
        application_id: Snowflake,
        user_id: Snowflake,
        channel_id: Snowflake,
        now: DateTime<Utc>,
    ) -> Interaction {
        let id = self.mint(now);
        let digest = Sha256::digest(format!("{id} {application_id}"));
        let token = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        let begun = Interaction {
            id,
            token,
            application_id,
            channel_id,
            user_id,
            kind: 2,
            data: Value::Null,
            message_id: None,
            acknowledged: false,
            deferred: false,
            original: None,
        };
        self.interactions.insert(id, begun.clone());
        begun
    }
}

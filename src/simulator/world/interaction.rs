//! Interactions: somebody uses a command or a button, and the application has little time to answer.

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::listed::is_default;
use super::{Channel, Message, Snowflake, World, flag};

/// How long the first answer may take.
pub(crate) const FIRST_ANSWER: TimeDelta = TimeDelta::seconds(3);
/// How long the token works after that.
const FOLLOW_UPS: TimeDelta = TimeDelta::minutes(15);

/// Something a user did with an application, and what became of it.
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
    /// The message a component is on, or a modal was opened from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message_id: Option<Snowflake>,
    /// The interaction whose answer was the modal that is submitted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub opened_by: Option<Snowflake>,
    /// The first answer.
    #[serde(default, skip_serializing_if = "is_default")]
    pub answer: Answer,
    /// The message that is `@original`: what the first answer became, or the message it changes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub original: Option<Snowflake>,
    /// All messages it was answered with, in order, deleted ones included.
    #[serde(default, skip_serializing_if = "is_default")]
    pub messages: Vec<Snowflake>,
    /// Those only its user sees. They are in no channel.
    #[serde(default, skip_serializing_if = "is_default")]
    pub ephemeral: Vec<Message>,
    /// Everything that was said about it, oldest first.
    #[serde(default, skip_serializing_if = "is_default")]
    pub history: Vec<Step>,
    /// Why it could not be delivered to the application's endpoint, or why the answer was none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<String>,
}

/// The first answer to an interaction.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Answer {
    /// None so far.
    #[default]
    Nothing,
    /// A message.
    Message,
    /// The promise of one.
    Deferred,
    /// The promise to change the component's message.
    DeferredUpdate,
    /// That message was changed.
    Update,
    /// Suggestions.
    Choices {
        /// As sent.
        choices: Vec<Value>,
    },
    /// A form to fill in.
    Modal {
        /// As Discord shows it.
        modal: Value,
    },
}

/// One request about an interaction that was carried out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// When.
    pub at: DateTime<Utc>,
    /// What.
    pub deed: Deed,
    /// Which message it was about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message_id: Option<Snowflake>,
    /// What was sent.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub body: Value,
}

/// What was done about an interaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Deed {
    /// The first answer.
    Callback,
    /// One more message.
    FollowUp,
    /// A message was changed.
    Edit,
    /// A message was deleted.
    Delete,
}

/// What became of an interaction, as its user sees it now.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Answers {
    /// The first answer.
    pub answer: Answer,
    /// Its message as it is now: none when it has none or that was deleted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub original: Option<Message>,
    /// The other messages that are left, oldest first.
    pub follow_ups: Vec<Message>,
    /// How it came about, oldest first.
    pub history: Vec<Step>,
    /// Why there is no answer, when that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure: Option<String>,
}

impl Answers {
    /// All messages to be seen, oldest first.
    pub fn messages(&self) -> impl Iterator<Item = &Message> {
        self.original.iter().chain(&self.follow_ups)
    }

    /// An answer was promised, and the promise is neither kept nor taken back.
    pub fn is_promised(&self) -> bool {
        match self.answer {
            Answer::Deferred => self.original.as_ref().is_some_and(|message| message.is(flag::LOADING)),
            Answer::DeferredUpdate => self.history.len() < 2,
            _ => false,
        }
    }
}

impl Interaction {
    /// The first answer was given.
    pub fn is_acknowledged(&self) -> bool {
        self.answer != Answer::Nothing
    }

    /// It is too late for the first answer.
    pub fn is_late(&self, now: DateTime<Utc>) -> bool {
        now > self.id.time() + FIRST_ANSWER
    }

    /// The token works no more.
    pub fn is_over(&self, now: DateTime<Utc>) -> bool {
        now >= self.id.time() + FOLLOW_UPS
    }
}

impl World {
    /// A user uses a command of an application in a channel. The application is told.
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
            opened_by: None,
            answer: Answer::Nothing,
            original: None,
            messages: Vec::new(),
            ephemeral: Vec::new(),
            history: Vec::new(),
            failure: None,
        };
        self.interactions.insert(id, begun.clone());
        begun
    }

    /// A channel, wherever it is.
    pub fn channel(&self, id: Snowflake) -> Option<&Channel> {
        self.guilds.get(&self.guild_of_channel(id)?)?.channels.get(&id)
    }

    /// A message somebody sees in a channel: one of the channel's, or one that is for that user alone.
    pub fn message_seen_by(&self, user: Snowflake, channel: Snowflake, message: Snowflake) -> Option<&Message> {
        let own = self.interactions.values().filter(|i| i.user_id == user && i.channel_id == channel);
        let mut private = own.flat_map(|interaction| &interaction.ephemeral);
        let shared = || self.channel(channel)?.messages.iter().find(|m| m.id == message);
        private.find(|m| m.id == message).or_else(shared)
    }

    /// The same, to be changed.
    pub(crate) fn message_mut(
        &mut self,
        user: Snowflake,
        channel: Snowflake,
        message: Snowflake,
    ) -> Option<&mut Message> {
        let guild = self.guild_of_channel(channel)?;
        let own = self.interactions.values_mut().filter(|i| i.user_id == user && i.channel_id == channel);
        let private = own.flat_map(|interaction| &mut interaction.ephemeral).find(|m| m.id == message);
        let shared = self.guilds.get_mut(&guild)?.channels.get_mut(&channel)?;
        private.or_else(|| shared.messages.iter_mut().find(|m| m.id == message))
    }

    /// What became of an interaction.
    pub fn answers(&self, id: Snowflake) -> Option<Answers> {
        let Interaction { user_id, channel_id, answer, original, messages, history, failure, .. } =
            self.interactions.get(&id)?;
        let seen = |id: &Snowflake| self.message_seen_by(*user_id, *channel_id, *id).cloned();
        Some(Answers {
            answer: answer.clone(),
            original: original.as_ref().and_then(seen),
            follow_ups: messages.iter().filter(|id| Some(**id) != *original).filter_map(seen).collect(),
            history: history.clone(),
            failure: failure.clone(),
        })
    }
}

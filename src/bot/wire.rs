//! What Discord tells of one use of a command, a button or a form, read tolerantly.
//!
//! The types of a library would refuse the whole message over a word this build does not know, and whoever waits for an answer
//! would get none. So only what is needed is read, and anything else may be whatever it likes.

use secrecy::SecretString;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use crate::discord::InteractionRef;
use crate::model::{ApplicationId, GuildId, InteractionId, Permissions, RoleId, UserId};

/// What happened, by Discord's numbers (its documentation, "Interaction Type").
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Discord asks whether anybody is there.
    Ping,
    /// A command was used.
    Command,
    /// A button was pressed.
    Component,
    /// Something is being typed.
    Autocomplete,
    /// A form was sent.
    Modal,
    /// Something this build does not know.
    Other,
}

/// One use of something.
#[derive(Debug, Deserialize)]
pub(super) struct Heard {
    pub(super) id: InteractionId,
    pub(super) application_id: ApplicationId,
    token: SecretString,
    #[serde(rename = "type", deserialize_with = "kind")]
    pub(super) kind: Kind,
    pub(super) guild_id: Option<GuildId>,
    member: Option<Member>,
    /// The language of whoever did it.
    locale: Option<String>,
    pub(super) data: Option<Data>,
    message: Option<Bearer>,
}

/// The message a button is on.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Bearer {
    embeds: Vec<Embed>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Embed {
    description: String,
}

/// Who did it.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Member {
    pub(super) user: User,
    #[serde(default)]
    pub(super) roles: Vec<RoleId>,
    /// What they may do in the channel, in which whoever owns the guild may do everything.
    #[serde(deserialize_with = "permissions")]
    pub(super) permissions: Permissions,
    /// The language of their Discord.
    #[serde(skip)]
    pub(super) locale: Option<String>,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct User {
    pub(super) id: UserId,
    pub(super) username: String,
    #[serde(default)]
    pub(super) discriminator: Option<String>,
    #[serde(default)]
    pub(super) avatar: Option<String>,
}

/// What was chosen, pressed or typed.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Data {
    pub(super) name: String,
    pub(super) options: Vec<Given>,
    pub(super) custom_id: String,
    components: Vec<Value>,
}

/// An option of a command.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Given {
    pub(super) name: String,
    #[serde(default)]
    pub(super) value: Value,
    #[serde(default)]
    pub(super) options: Vec<Self>,
    /// It is being typed.
    #[serde(default)]
    pub(super) focused: bool,
}

impl Heard {
    /// Reads what was told; nothing when nobody could answer it.
    pub(super) fn read(told: &Value) -> Option<Self> {
        Self::deserialize(told)
            .inspect_err(|error| {
                tracing::warn!(%error, "Discord told of an interaction in words this version does not know");
            })
            .ok()
    }

    /// Who did it, and where, when that is in a guild.
    pub(super) fn place(&self) -> Option<(GuildId, Member)> {
        let member = Member { locale: self.locale.clone(), ..self.member.clone()? };
        Some((self.guild_id?, member))
    }

    /// The text of the message the pressed button is on; none where somebody took it away.
    pub(super) fn text_beside(&self) -> Option<&str> {
        Some(&self.message.as_ref()?.embeds.first()?.description)
    }

    /// How answers name it.
    pub(super) fn reference(&self) -> InteractionRef {
        InteractionRef { id: self.id, application: self.application_id, token: self.token.clone() }
    }
}

impl Data {
    /// What was typed into a field of a form.
    pub(super) fn typed(&self, field: &str) -> Option<&str> {
        self.components.iter().find_map(|component| typed(component, field))
    }
}

/// Fields stand in rows or in labels, and Discord adds ways of nesting them now and then.
fn typed<'v>(component: &'v Value, field: &str) -> Option<&'v str> {
    if component["custom_id"] == field {
        return component["value"].as_str();
    }
    let inner = component["components"].as_array().into_iter().flatten().chain(component.get("component"));
    inner.into_iter().find_map(|inner| typed(inner, field))
}

fn kind<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Kind, D::Error> {
    Ok(match u64::deserialize(deserializer)? {
        1 => Kind::Ping,
        2 => Kind::Command,
        3 => Kind::Component,
        4 => Kind::Autocomplete,
        5 => Kind::Modal,
        _ => Kind::Other,
    })
}

fn permissions<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Permissions, D::Error> {
    let text = String::deserialize(deserializer)?;
    text.parse().map(Permissions::from_bits).map_err(serde::de::Error::custom)
}

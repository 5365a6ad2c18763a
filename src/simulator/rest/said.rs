//! What a message says, as it is sent: content, embeds, components, files and whom it may call.
//!
//! Decides which parts are allowed where, and how they change a message. Who may write is decided by the routes.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::attachment::{Kept, Upload, read_attachments};
use super::form::{Form, Given};
use super::mention::{AllowedMentions, Called};
use super::{ApiError, Call, component, embed};
use crate::simulator::world::{Bits, Channel, Guild, Message, Mint, Snowflake, User, flag};

/// Most characters of a message.
const MOST_CONTENT: usize = 2000;

/// What kind of request says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// A message in a channel.
    Channel,
    /// The first answer to an interaction.
    Callback,
    /// The promise of one: nothing but a flag.
    Promise,
    /// A further message about an interaction.
    FollowUp,
    /// A change of a message.
    Edit,
}

impl Place {
    /// Flags that can be set (Discord's documentation of each request).
    fn flags(self) -> u64 {
        let anew = flag::SUPPRESS_EMBEDS | flag::SUPPRESS_NOTIFICATIONS;
        match self {
            Self::Channel => anew,
            Self::Callback | Self::FollowUp => anew | flag::EPHEMERAL,
            Self::Promise => flag::EPHEMERAL,
            Self::Edit => flag::SUPPRESS_EMBEDS,
        }
    }
}

/// What was said. What is absent stays as it is.
#[derive(Debug)]
pub(crate) struct Said {
    place: Place,
    content: Given<String>,
    embeds: Given<Vec<Value>>,
    components: Given<Vec<Value>>,
    attachments: Given<Vec<Kept>>,
    flags: Given<u64>,
    tts: bool,
    pub(crate) allowed: Option<AllowedMentions>,
}

impl Said {
    /// Reads the body of a request.
    pub(crate) fn of(call: &Call<'_>, place: Place) -> Result<Self, ApiError> {
        let empty = Value::Object(Map::new());
        // A form of files alone has no other fields.
        let body = call.body.or((!call.files.is_empty()).then_some(&empty));
        refuse_unsimulated(body)?;
        let mut form = Form::of(body, call.switches)?;
        let said = Self::read(&mut form, place);
        form.finish()?;
        Ok(said)
    }

    /// Reads the same from a form that holds more.
    pub(crate) fn read(form: &mut Form<'_>, place: Place) -> Self {
        if place == Place::Promise {
            for key in ["content", "embeds", "components", "attachments"] {
                if form.raw(key).value().is_some_and(|value| *value != Value::Array(Vec::new())) {
                    form.wrong(key, "DEFERRED_RESPONSE_HAS_NO_CONTENT", "A deferred response takes flags only.");
                }
            }
        }
        Self {
            place,
            content: form.text("content", 0..=MOST_CONTENT).map(|text| Some(text.trim().to_owned())),
            embeds: embed::read_embeds(form),
            components: component::read_rows(form),
            attachments: read_attachments(form),
            flags: read_flags(form, place),
            tts: form.flag("tts").value().unwrap_or(false),
            allowed: AllowedMentions::read(form),
        }
    }

    /// Only the user of the interaction is to see it.
    pub(crate) fn is_ephemeral(&self) -> bool {
        matches!(self.flags, Given::Value(flags) if flags & flag::EPHEMERAL != 0)
    }

    pub(crate) fn has_embeds(&self) -> bool {
        matches!(&self.embeds, Given::Value(embeds) if !embeds.is_empty())
    }

    pub(crate) fn is_read_aloud(&self) -> bool {
        self.tts
    }

    /// Says it in a message. One that says nothing then is refused.
    pub(crate) fn put_into(self, message: &mut Message, writer: &mut Writer<'_>) -> Result<(), ApiError> {
        let is_new_text = self.content.is_present();
        self.content.store(&mut message.content, String::new());
        self.embeds.store(&mut message.embeds, Vec::new());
        self.components.store(&mut message.components, Vec::new());
        Kept::attach(self.attachments, writer.files, message, writer.ids, writer.call)?;
        if let Given::Value(flags) = self.flags {
            message.flags = message.flags & !self.place.flags() & !flag::LOADING | flags;
        }
        message.flags &= !flag::LOADING;
        message.tts |= self.tts;
        embed::find_files(message, writer.channel.id)?;
        if message.is_empty() {
            return Err(ApiError::empty_message());
        }
        if is_new_text {
            let Called { users, roles, everyone } = writer.called(&message.content, self.allowed.as_ref());
            (message.mentions, message.mention_roles, message.mention_everyone) = (users, roles, everyone);
        }
        if self.place == Place::Edit {
            message.edited_timestamp = Some(writer.call.now);
        }
        Ok(())
    }
}

/// Who writes, where, and with which files.
pub(crate) struct Writer<'a> {
    pub(crate) guild: &'a Guild,
    pub(crate) channel: &'a Channel,
    pub(crate) author: Snowflake,
    /// Whom a message calls that says nothing of it.
    pub(crate) default: AllowedMentions,
    pub(crate) users: &'a BTreeMap<Snowflake, User>,
    pub(crate) files: &'a [Upload],
    pub(crate) ids: &'a mut Mint,
    pub(crate) call: &'a Call<'a>,
}

impl Writer<'_> {
    fn called(&self, content: &str, allowed: Option<&AllowedMentions>) -> Called {
        let held = self.guild.permissions_in(self.author, self.channel, self.call.now);
        let allowed = allowed.unwrap_or(&self.default);
        Called::by(content, allowed, self.guild, self.users, held.has(Bits::MENTION_EVERYONE))
    }
}

fn read_flags(form: &mut Form<'_>, place: Place) -> Given<u64> {
    let flags = form.flags("flags");
    let allowed = place.flags();
    if let Given::Value(given) = flags
        && given & !allowed & !flag::IS_COMPONENTS_V2 != 0
    {
        form.wrong("flags", "MESSAGE_FLAGS_INVALID", &format!("Only these flags can be set here: {allowed}."));
        return Given::Absent;
    }
    flags
}

/// Says openly what of Discord is not here, so that nobody takes it for a mistake of theirs.
pub(crate) fn refuse_unsimulated(body: Option<&Value>) -> Result<(), ApiError> {
    let Some(body) = body else { return Ok(()) };
    let absent = [
        ("polls", !body["poll"].is_null()),
        ("stickers", body["sticker_ids"].as_array().is_some_and(|list| !list.is_empty())),
        ("components of version 2", body["flags"].as_u64().is_some_and(|f| f & flag::IS_COMPONENTS_V2 != 0)),
    ];
    let Some((what, _)) = absent.into_iter().find(|(_, is_wanted)| *is_wanted) else { return Ok(()) };
    Err(ApiError::new(501, 0, &format!("501: the simulated Discord does not implement {what} on messages")))
}

//! What a guild and its parts look like to one session.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::intents::Intents;
use super::session::Session;
use crate::simulator::rest::view;
use crate::simulator::world::{
    AuditEntry, Bits, Channel, Guild, Member, Message, Overwrite, Snowflake, Switches, User,
};

/// A client may ask to be shown hidden channels obfuscated before everybody is.
const OBFUSCATED_CHANNELS: u64 = 1 << 15;
/// The channel flag of one.
const OBFUSCATED: u64 = 1 << 17;
/// Its name.
const HIDDEN_NAME: &str = "___hidden___";

/// Who looks.
#[derive(Clone, Copy)]
pub(super) struct Observer<'a> {
    pub(super) bot: Snowflake,
    pub(super) intents: Intents,
    pub(super) users: &'a BTreeMap<Snowflake, User>,
    pub(super) now: DateTime<Utc>,
    large_threshold: u64,
    hidden_obfuscated: bool,
}

impl<'a> Observer<'a> {
    pub(super) fn new(
        session: &Session,
        users: &'a BTreeMap<Snowflake, User>,
        switches: &Switches,
        now: DateTime<Utc>,
    ) -> Self {
        Self {
            bot: session.bot,
            intents: session.intents,
            users,
            now,
            large_threshold: session.large_threshold,
            hidden_obfuscated: switches.hidden_channels_omitted || session.capabilities & OBFUSCATED_CHANNELS != 0,
        }
    }

    pub(super) fn sees(&self, channel: &Channel, guild: &Guild) -> bool {
        guild.can_view(self.bot, channel, self.now)
    }

    pub(super) fn may(&self, bits: Bits, guild: &Guild) -> bool {
        guild.permissions_of(self.bot, self.now).has(bits)
    }

    /// A channel: all of it, or of one that is hidden only where it stands.
    pub(super) fn channel(&self, channel: &Channel, guild: &Guild) -> Value {
        if !self.hidden_obfuscated || self.sees(channel, guild) {
            return view::channel(channel, guild);
        }
        let closed = Overwrite { id: guild.id, kind: Overwrite::ROLE, allow: Bits::NONE, deny: Bits::VIEW_CHANNEL };
        let hidden = Channel {
            id: channel.id,
            kind: channel.kind,
            position: channel.position,
            parent_id: channel.parent_id,
            name: HIDDEN_NAME.to_owned(),
            flags: OBFUSCATED,
            permission_overwrites: vec![closed],
            ..Channel::default()
        };
        view::channel(&hidden, guild)
    }

    /// A guild with everything in it, as it is told once. Its channels do not repeat whose they are.
    pub(super) fn whole_guild(&self, guild: &Guild) -> Value {
        let mut value = view::guild(guild);
        let channels = guild.channels.values().map(|channel| {
            let mut shown = self.channel(channel, guild);
            shown.as_object_mut().and_then(|map| map.shift_remove("guild_id"));
            shown
        });
        let listed = guild.members.len() as u64 <= self.large_threshold && self.intents.has(Intents::PRESENCES);
        let members = guild.members.values().filter(|member| listed || member.user_id == self.bot);
        value["channels"] = channels.collect();
        value["members"] = members.map(|member| view::member(member, self.users.get(&member.user_id))).collect();
        value["joined_at"] = json!(guild.members.get(&self.bot).map(|own| view::time(own.joined_at)));
        value["large"] = json!(guild.members.len() as u64 > self.large_threshold);
        value["member_count"] = json!(guild.members.len());
        value["unavailable"] = json!(false);
        for nothing in
            ["threads", "voice_states", "presences", "stage_instances", "guild_scheduled_events", "soundboard_sounds"]
        {
            value[nothing] = json!([]);
        }
        value
    }

    pub(super) fn member(&self, member: &Member, guild: &Guild) -> Value {
        with_guild(view::member(member, self.users.get(&member.user_id)), guild)
    }

    /// A message; what it says is for those who may read others' messages, for its author, and for whom it calls.
    pub(super) fn message(&self, message: &Message, channel: &Channel, guild: &Guild) -> Value {
        let mut value = view::message(message, channel, self.users);
        if !self.intents.has(Intents::CONTENT) && !view::is_meant_for(message, self.bot) {
            value = view::without_content(value);
        }
        value = with_guild(value, guild);
        for mention in value["mentions"].as_array_mut().into_iter().flatten() {
            let id = mention["id"].as_str().and_then(|id| id.parse::<Snowflake>().ok());
            if let Some(member) = id.and_then(|id| guild.members.get(&id)) {
                mention["member"] = partial_member(member);
            }
        }
        if let Some(member) = guild.members.get(&message.author_id) {
            value["member"] = partial_member(member);
        }
        value
    }
}

fn partial_member(member: &Member) -> Value {
    let mut member = view::member(member, None);
    member.as_object_mut().and_then(|map| map.shift_remove("user"));
    member
}

pub(super) fn audit_entry(entry: &AuditEntry, guild: &Guild) -> Value {
    with_guild(view::audit_entry(entry), guild)
}

fn with_guild(mut value: Value, guild: &Guild) -> Value {
    value["guild_id"] = json!(guild.id);
    value
}

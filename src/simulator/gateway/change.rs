//! What changed in a guild, as the events one session is told, in Discord's order.
//!
//! Roles come before the channels that name them; of channels, new ones first, then those that are gone, then the changed
//! ones, a category before what is in it.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::intents::Intents;
use super::session::Event;
use super::shape::{self, Observer};
use crate::simulator::rest::view;
use crate::simulator::world::{Bits, Channel, Guild, Message, Snowflake};

/// A guild as everybody was last told of it.
#[derive(Debug)]
pub(super) struct Image {
    /// Without its audit log.
    guild: Guild,
    last_audit: Snowflake,
}

impl Image {
    pub(super) fn of(guild: &mut Guild) -> Self {
        let log = std::mem::take(&mut guild.audit_log);
        let image = guild.clone();
        let last_audit = log.last().map(|entry| entry.id).unwrap_or_default();
        guild.audit_log = log;
        Self { guild: image, last_audit }
    }

    /// Nothing has changed since.
    pub(super) fn is_current(&self, guild: &mut Guild) -> bool {
        let log = std::mem::take(&mut guild.audit_log);
        let same = log.last().map(|entry| entry.id).unwrap_or_default() == self.last_audit && self.guild == *guild;
        guild.audit_log = log;
        same
    }
}

/// What somebody is told when a guild changes.
pub(super) fn events(before: Option<&Image>, after: Option<&Guild>, observer: &Observer<'_>) -> Vec<Event> {
    let before = before.filter(|image| image.guild.members.contains_key(&observer.bot));
    let after = after.filter(|guild| guild.members.contains_key(&observer.bot));
    if !observer.intents.has(Intents::GUILDS) {
        return Vec::new();
    }
    match (before, after) {
        (None, None) => Vec::new(),
        (None, Some(guild)) => vec![Event::new("GUILD_CREATE", observer.whole_guild(guild))],
        (Some(image), None) => vec![Event::new("GUILD_DELETE", json!({"id": image.guild.id}))],
        (Some(image), Some(guild)) => Change { before: &image.guild, after: guild, observer }.events(image.last_audit),
    }
}

/// Two states of a guild the observer is in.
struct Change<'a> {
    before: &'a Guild,
    after: &'a Guild,
    observer: &'a Observer<'a>,
}

impl Change<'_> {
    fn events(&self, last_audit: Snowflake) -> Vec<Event> {
        let mut events = self.roles();
        events.extend(self.channels());
        events.extend(self.settings());
        events.extend(self.members());
        events.extend(self.messages());
        events.extend(self.audit_entries(last_audit));
        events
    }

    fn roles(&self) -> Vec<Event> {
        let (before, after, guild) = (&self.before.roles, &self.after.roles, self.after.id);
        let told = |role| json!({"guild_id": guild, "role": view::role(role)});
        let made = after.values().filter(|role| !before.contains_key(&role.id));
        let gone = before.keys().filter(|id| !after.contains_key(id));
        let edited = after.values().filter(|role| before.get(&role.id).is_some_and(|old| old != *role));
        let mut events: Vec<Event> = made.map(|role| Event::new("GUILD_ROLE_CREATE", told(role))).collect();
        events.extend(edited.map(|role| Event::new("GUILD_ROLE_UPDATE", told(role))));
        events.extend(gone.map(|id| Event::new("GUILD_ROLE_DELETE", json!({"guild_id": guild, "role_id": id}))));
        events
    }

    fn channels(&self) -> Vec<Event> {
        let (before, after) = (&self.before.channels, &self.after.channels);
        let now = |channel: &&Channel| self.observer.channel(channel, self.after);
        let then = |channel: &&Channel| self.observer.channel(channel, self.before);
        let made = in_order(after).into_iter().filter(|channel| !before.contains_key(&channel.id));
        let gone = in_order(before).into_iter().filter(|channel| !after.contains_key(&channel.id));
        let mut events: Vec<Event> = made.map(|channel| Event::new("CHANNEL_CREATE", now(&channel))).collect();
        events.extend(gone.map(|channel| Event::new("CHANNEL_DELETE", then(&channel))));
        for channel in in_order(after) {
            let Some(old) = before.get(&channel.id).filter(|old| !self.looks_alike(old, channel)) else { continue };
            let (old, new) = (then(&old), now(&channel));
            if differ(&old, &new) {
                let old_overwrites = Some(old["permission_overwrites"].clone());
                events.push(Event { name: "CHANNEL_UPDATE", data: new, old_overwrites });
            }
        }
        events
    }

    /// Both channel and sight of it are what they were: the usual case, answered without writing JSON.
    fn looks_alike(&self, old: &Channel, new: &Channel) -> bool {
        old == new && self.observer.sees(old, self.before) == self.observer.sees(new, self.after)
    }

    fn settings(&self) -> Option<Event> {
        let changed = view::settings(self.before) != view::settings(self.after);
        changed.then(|| Event::new("GUILD_UPDATE", view::guild(self.after)))
    }

    /// The observer is told of itself; of others, if it wants to.
    fn members(&self) -> Vec<Event> {
        let (before, after, observer) = (&self.before.members, &self.after.members, self.observer);
        let all = observer.intents.has(Intents::MEMBERS);
        let mut events = Vec::new();
        for (id, member) in after.iter().filter(|(id, _)| all || **id == observer.bot) {
            match before.get(id) {
                None => events.push(Event::new("GUILD_MEMBER_ADD", observer.member(member, self.after))),
                Some(old) if old != member => {
                    events.push(Event::new("GUILD_MEMBER_UPDATE", observer.member(member, self.after)));
                }
                Some(_) => {}
            }
        }
        for id in before.keys().filter(|id| all && !after.contains_key(id)) {
            let user = observer.users.get(id).map(view::user);
            events.push(Event::new("GUILD_MEMBER_REMOVE", json!({"guild_id": self.after.id, "user": user})));
        }
        events
    }

    fn messages(&self) -> Vec<Event> {
        if !self.observer.intents.has(Intents::MESSAGES) {
            return Vec::new();
        }
        let mut events = Vec::new();
        for channel in self.after.channels.values().filter(|channel| self.observer.sees(channel, self.after)) {
            let old = self.before.channels.get(&channel.id).map_or(&[][..], |channel| &channel.messages);
            events.extend(self.messages_in(channel, old));
        }
        events
    }

    fn messages_in(&self, channel: &Channel, before: &[Message]) -> Vec<Event> {
        let mut events = Vec::new();
        let find = |among: &[Message], id| among.iter().position(|message| message.id == id);
        for message in &channel.messages {
            let name = match find(before, message.id) {
                None => "MESSAGE_CREATE",
                Some(at) if before[at] != *message => "MESSAGE_UPDATE",
                Some(_) => continue,
            };
            events.push(Event::new(name, self.observer.message(message, channel, self.after)));
        }
        for message in before.iter().filter(|message| find(&channel.messages, message.id).is_none()) {
            let data = json!({"id": message.id, "channel_id": channel.id, "guild_id": self.after.id});
            events.push(Event::new("MESSAGE_DELETE", data));
        }
        events
    }

    fn audit_entries(&self, last: Snowflake) -> Vec<Event> {
        let observer = self.observer;
        if !observer.intents.has(Intents::MODERATION) || !observer.may(Bits::VIEW_AUDIT_LOG, self.after) {
            return Vec::new();
        }
        let new = self.after.audit_log.iter().filter(|entry| entry.id > last);
        new.map(|entry| Event::new("GUILD_AUDIT_LOG_ENTRY_CREATE", shape::audit_entry(entry, self.after))).collect()
    }
}

/// Categories first, then by place.
fn in_order(channels: &BTreeMap<Snowflake, Channel>) -> Vec<&Channel> {
    let mut order: Vec<&Channel> = channels.values().collect();
    order.sort_by_key(|channel| (!channel.is_category(), channel.position, channel.id));
    order
}

/// A new message alone is no change of a channel.
fn differ(before: &Value, after: &Value) -> bool {
    let rest = |value: &Value| {
        let mut value = value.clone();
        value.as_object_mut().and_then(|map| map.shift_remove("last_message_id"));
        value
    };
    before != after && rest(before) != rest(after)
}

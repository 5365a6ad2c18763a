//! Carries out one operation of a plan: one request, no decisions.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use twilight_http::routing::Route;

use crate::model::{ChannelId, ChannelRef, FieldChange, GuildId, Key, Ref, RoleId, RoleRef};
use crate::plan::{Move, Operation};

use super::call::Call;
use super::client::Client;
use super::convert::{self, Images};
use super::error::Error;
use super::limits::Edits;
use super::permit::Permit;
use super::reason::AuditReason;

/// What the keys of a plan stand for by now: everything that is bound, and what earlier steps created.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Resolved {
    /// Roles by key.
    pub roles: BTreeMap<Key, RoleId>,
    /// Categories by key.
    pub categories: BTreeMap<Key, ChannelId>,
    /// Channels by key.
    pub channels: BTreeMap<Key, ChannelId>,
}

/// What Discord made of an operation.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Applied {
    /// The snowflake of what was created.
    pub created: Option<u64>,
    /// The name Discord stored, when a name was written.
    pub name_got: Option<String>,
    /// SHA-256 of every image that was uploaded, and the hash Discord gave it.
    pub images: Vec<(String, String)>,
}

/// Looks up references in one guild.
#[derive(Clone, Copy)]
pub(super) struct Names<'a> {
    pub(super) guild: GuildId,
    pub(super) resolved: &'a Resolved,
}

impl Names<'_> {
    /// A role; the key of @everyone always stands for it.
    pub(super) fn role(&self, role: &RoleRef) -> Result<RoleId, Error> {
        match role {
            RoleRef::Live(id) => Ok(*id),
            RoleRef::Planned(key) if key.is_everyone() => Ok(self.guild.cast()),
            RoleRef::Planned(key) => found(self.resolved.roles.get(key), key, "role"),
        }
    }

    /// A category, as a parent.
    pub(super) fn category(&self, category: &ChannelRef) -> Result<ChannelId, Error> {
        match category {
            ChannelRef::Live(id) => Ok(*id),
            ChannelRef::Planned(key) => found(self.resolved.categories.get(key), key, "category"),
        }
    }

    /// A channel, as a setting of the guild.
    pub(super) fn channel(&self, channel: &ChannelRef) -> Result<ChannelId, Error> {
        match channel {
            ChannelRef::Live(id) => Ok(*id),
            ChannelRef::Planned(key) => found(self.resolved.channels.get(key), key, "channel"),
        }
    }

    /// A channel or category that moves.
    pub(super) fn moved(&self, m: &Move<ChannelRef>) -> Result<ChannelId, Error> {
        if m.is_category { self.category(&m.object) } else { self.channel(&m.object) }
    }
}

fn found<T: Copy>(id: Option<&T>, key: &Key, what: &'static str) -> Result<T, Error> {
    id.copied().ok_or_else(|| Error::Unresolved { reference: key.to_string(), what })
}

/// An operation as a request, and what to read from the answer.
struct Request {
    call: Call,
    images: Images,
    creates: bool,
    names_it: bool,
}

impl Client {
    /// Carries out one operation with exactly one request (sent again only where that is safe). `permit` is asked again
    /// whenever the request has waited for its turn or is to be sent once more.
    ///
    /// # Errors
    /// [`Error::Unresolved`] and [`Error::NoImage`] before anything is sent; [`Error::Unknown`] when it may have
    /// happened; everything else as [`Error::disposition`] says.
    pub async fn apply(
        &self,
        guild: GuildId,
        operation: &Operation,
        names: &Resolved,
        reason: &AuditReason,
        permit: &dyn Permit,
    ) -> Result<Applied, Error> {
        let Request { call, images, creates, names_it } =
            describe(Names { guild, resolved: names }, operation, reason)?;
        let answer = self.transport.send_with(&call, permit).await?;
        if !creates && !names_it && images.is_empty() {
            return Ok(Applied::default());
        }
        // It happened; but without a whole answer nobody knows as what.
        let object: Value =
            answer.json().map_err(|error| Error::Unknown { request: call.label(), cause: error.to_string() })?;
        let created = object["id"].as_str().and_then(|id| id.parse().ok()).filter(|_| creates);
        if creates && created.is_none() {
            return Err(Error::Unknown { request: call.label(), cause: "the answer has no id".to_owned() });
        }
        let hash = |field: &str| object[field].as_str().map(str::to_owned);
        let images = images.into_iter().filter_map(|(field, source)| Some((source.sha256, hash(field)?))).collect();
        let name_got = object["name"].as_str().map(str::to_owned).filter(|_| names_it);
        Ok(Applied { created, name_got, images })
    }
}

fn describe(names: Names<'_>, operation: &Operation, reason: &AuditReason) -> Result<Request, Error> {
    let guild_id = names.guild.get();
    let because = reason.header(&in_words(operation));
    let request = match operation {
        Operation::UpdateGuild { changes } => {
            let (body, images) = convert::settings_patch(changes, names)?;
            let call = Call::to(&Route::UpdateGuild { guild_id }).json(&body).because(because);
            Request { call, images, creates: false, names_it: changes.name.is_some() }
        }
        Operation::CreateRole { key: _, role } => {
            let (body, images) = convert::role_body(role, names)?;
            let call = Call::to(&Route::CreateRole { guild_id }).json(&body).because(because);
            Request { call, images, creates: true, names_it: true }
        }
        Operation::UpdateRole { role, changes } => {
            let (body, images) = convert::role_patch(changes, names)?;
            let call = Call::to(&Route::UpdateRole { guild_id, role_id: role.id.get() }).json(&body).because(because);
            Request { call, images, creates: false, names_it: changes.name.is_some() }
        }
        Operation::DeleteRole { role, was: _ } => {
            plain(Call::to(&Route::DeleteRole { guild_id, role_id: role.id.get() }).because(because))
        }
        Operation::GiveRole { role, user, .. } => {
            let (user_id, role_id) = (user.get(), names.role(role)?.get());
            plain(Call::to(&Route::AddMemberRole { guild_id, role_id, user_id }).because(because))
        }
        Operation::MoveRoles { moves } => {
            let entry = |m: &Move<RoleRef>| names.role(&m.object).map(|id| (id.get(), m.to));
            let body = convert::moves(moves.iter().map(entry))?;
            plain(Call::to(&Route::UpdateRolePositions { guild_id }).json(&body).because(because))
        }
        Operation::CreateChannel { key: _, channel } => {
            let (body, images) = convert::channel_body(channel, names)?;
            let call = Call::to(&Route::CreateChannel { guild_id }).json(&body).because(because);
            Request { call, images, creates: true, names_it: true }
        }
        Operation::UpdateChannel { channel, changes } => {
            let (body, images) = convert::channel_patch(changes, names)?;
            let edits = Edits { name: changes.name.is_some(), topic: changes.topic.is_some() };
            let route = Route::UpdateChannel { channel_id: channel.id.get() };
            let call = Call::to(&route).json(&body).because(because).editing(edits).within(names.guild);
            Request { call, images, creates: false, names_it: changes.name.is_some() }
        }
        Operation::SetTopic { key, topic, .. } => {
            let channel_id = names.channel(&Ref::Planned(key.clone()))?.get();
            let call = Call::to(&Route::UpdateChannel { channel_id }).json(&json!({ "topic": topic })).because(because);
            plain(call.editing(Edits { name: false, topic: true }).within(names.guild))
        }
        Operation::DeleteChannel { channel, was: _ } => {
            let route = Route::DeleteChannel { channel_id: channel.id.get() };
            plain(Call::to(&route).because(because).within(names.guild))
        }
        Operation::MoveChannels { moves } => {
            let entry = |m: &Move<ChannelRef>| names.moved(m).map(|id| (id.get(), m.to));
            let body = convert::moves(moves.iter().map(entry))?;
            // Discord writes no audit-log entry for these, and takes no reason.
            plain(Call::to(&Route::UpdateGuildChannels { guild_id }).json(&body))
        }
    };
    Ok(request)
}

fn plain(call: Call) -> Request {
    Request { call, images: Images::new(), creates: false, names_it: false }
}

/// What is done, in a few words, as Discord's audit log says it.
pub fn in_words(operation: &Operation) -> String {
    match operation {
        Operation::UpdateGuild { changes } => format!("change {}", list(&changes.changes())),
        Operation::CreateRole { role, .. } => format!("create role {}", role.name),
        Operation::UpdateRole { role, changes } => format!("change {} of role {}", list(&changes.changes()), role.name),
        Operation::DeleteRole { role, .. } => format!("delete role {}", role.name),
        Operation::GiveRole { name, .. } => format!("give back role {name}"),
        Operation::MoveRoles { moves } => format!("move {} roles", moves.len()),
        Operation::CreateChannel { channel, .. } => format!("create {} {}", channel.kind.noun(), channel.name),
        Operation::UpdateChannel { channel, changes } => {
            format!("change {} of {} {}", list(&changes.changes()), channel.kind.noun(), channel.name)
        }
        Operation::SetTopic { kind, name, .. } => format!("give {} {name} its topic", kind.noun()),
        Operation::DeleteChannel { channel, .. } => format!("delete {} {}", channel.kind.noun(), channel.name),
        Operation::MoveChannels { moves } => format!("move {} channels", moves.len()),
    }
}

fn list(changes: &[FieldChange]) -> String {
    changes.iter().map(|change| change.field).collect::<Vec<_>>().join(", ")
}

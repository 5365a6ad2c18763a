//! Looks before anything is done twice: for what a create without an answer may have made, and for what is about to be
//! deleted.

use std::time::Duration;

use twilight_http::routing::Route;

use crate::model::{
    Access, Actor, Channel, ChannelAttributes, ChannelId, ChannelRef, Facet, GuildId, Permissions, Role,
    RoleAttributes, RoleId, RoleRef, Snapshot, Visibility, same_channel_name,
};
use crate::plan::Operation;

use super::apply::{Names, Resolved};
use super::call::Call;
use super::client::Client;
use super::convert;
use super::error::{Disposition, Error};
use super::hint;
use super::reason::AuditReason;
use super::wire::{WireAuditEntry, WireAuditLog, WireChannel, WireRole};

/// What came of a create that was not answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// It made this object.
    Exactly(u64),
    /// It made nothing; it can be sent again.
    No,
    /// A person has to look, for this reason.
    Uncertain(String),
}

/// What a create was to make.
enum Wanted<'a> {
    Role(&'a RoleAttributes),
    Channel(&'a ChannelAttributes),
}

impl Wanted<'_> {
    /// Discord's audit-log type of its creation.
    fn action(&self) -> u16 {
        match self {
            Self::Role(_) => 30,
            Self::Channel(_) => 10,
        }
    }

    /// True when the bot would be shown the object if it existed.
    fn would_be_shown(&self, before: &Snapshot) -> bool {
        let Self::Channel(channel) = self else { return true };
        let Facet::Known(bot) = &before.bot else { return false };
        if before.visibility() == Visibility::Complete {
            return true;
        }
        let actor = Actor { user: bot.user, roles: bot.roles.iter().copied().map(RoleRef::Live).collect() };
        let access = Access::of(&before.guild);
        access.with_overwrites(&actor, channel.kind, &channel.overwrites).contains(Permissions::VIEW_CHANNEL)
    }
}

impl Client {
    /// Between the first look and the last: an answer can be lost before Discord has done its work.
    const SETTLE: Duration = Duration::from_secs(5);
    /// Most entries of the audit log Discord gives at once.
    const LOG_PAGE: u16 = 100;

    /// Looks for what a create made whose outcome is [`Error::Unknown`]. One to four requests; waits some seconds before
    /// it says no. `names` is everything that is bound by now; `before` is the guild as it was read before the create
    /// (what a later one shows is taken for older than the create, and so for somebody else's).
    ///
    /// The audit log tells by the operation's id. Where it may not be read, or does not know, the one new object that
    /// looks as wanted, and that no entry says somebody else made, is taken for it.
    ///
    /// # Errors
    /// As of any read, and [`Error::Unresolved`].
    pub async fn find_created(
        &self,
        guild: GuildId,
        operation: &Operation,
        names: &Resolved,
        reason: &AuditReason,
        before: &Snapshot,
    ) -> Result<Found, Error> {
        let wanted = match operation {
            Operation::CreateRole { key: _, role } => Wanted::Role(role),
            Operation::CreateChannel { key: _, channel } => Wanted::Channel(channel),
            _ => return Ok(Found::Uncertain("the operation creates nothing".to_owned())),
        };
        let names = Names { guild, resolved: names };
        match self.look(&wanted, names, reason, before).await? {
            Found::No => {
                self.transport.clock().sleep(Self::SETTLE).await;
                self.look(&wanted, names, reason, before).await
            }
            found => Ok(found),
        }
    }

    async fn look(
        &self,
        wanted: &Wanted<'_>,
        names: Names<'_>,
        reason: &AuditReason,
        before: &Snapshot,
    ) -> Result<Found, Error> {
        let log = self.creations(names.guild, wanted.action()).await?;
        if let Some(id) = log.as_deref().and_then(|entries| ours(entries, reason, before)) {
            return Ok(Found::Exactly(id));
        }
        let claimed = |id: u64| log.iter().flatten().any(|entry| target(entry) == Some(id));
        let mut candidates = self.candidates(wanted, names, before).await?;
        candidates.retain(|id| !claimed(*id));
        Ok(match (candidates.as_slice(), log.is_some() || wanted.would_be_shown(before)) {
            ([id], _) => Found::Exactly(*id),
            ([], true) => Found::No,
            ([], false) => {
                Found::Uncertain("the bot can read neither the audit log nor, if it exists, the channel".to_owned())
            }
            (several, _) => Found::Uncertain(format!("{} new objects look the same: {several:?}", several.len())),
        })
    }

    /// True when the audit log says that the operation was carried out; false when it does not, or may not be read. One
    /// request. Only the latest entries are looked at.
    ///
    /// # Errors
    /// As of any read.
    pub async fn is_logged(&self, guild: GuildId, reason: &AuditReason) -> Result<bool, Error> {
        let entries = self.entries(guild, None).await?.unwrap_or_default();
        Ok(entries.iter().any(|entry| is_of(entry, reason)))
    }

    /// True when an object that the operation moves stands where it should. A reorder is carried out as a whole or not at
    /// all, and no log tells of it; one object is asked for by its id, because a list can be old. One request, and none for
    /// operations that move nothing. What the bot may not see is not known to stand anywhere.
    ///
    /// # Errors
    /// As of any read.
    pub async fn is_moved(&self, guild: GuildId, operation: &Operation, names: &Resolved) -> Result<bool, Error> {
        let names = Names { guild, resolved: names };
        let stands = match operation {
            Operation::MoveRoles { moves } => {
                let mut moved = moves.iter().filter(|m| m.from != Some(m.to));
                let Some((role, to)) = moved.find_map(|m| Some((names.role(&m.object).ok()?, m.to))) else {
                    return Ok(false);
                };
                let call = Call::to(&Route::GetRole { guild_id: guild.get(), role_id: role.get() });
                self.live::<WireRole>(&call).await.map(|role| role.is_some_and(|role| role.position == to))
            }
            Operation::MoveChannels { moves } => {
                let mut moved = moves.iter().filter(|m| m.from != Some(m.to));
                let Some((channel, to)) = moved.find_map(|m| Some((names.moved(m).ok()?, m.to))) else {
                    return Ok(false);
                };
                let call = Call::to(&Route::GetChannel { channel_id: channel.get() }).within(guild);
                self.live::<WireChannel>(&call).await.map(|channel| channel.is_some_and(|c| c.position == Some(to)))
            }
            _ => return Ok(false),
        };
        stands.or_else(|error| if error.disposition() == Disposition::Refused { Ok(false) } else { Err(error) })
    }

    /// The latest entries of a type, newest first; none when the bot may not read the log.
    async fn creations(&self, guild: GuildId, action: u16) -> Result<Option<Vec<WireAuditEntry>>, Error> {
        let mut entries = self.entries(guild, Some(action)).await?;
        entries.iter_mut().for_each(|entries| entries.retain(|entry| entry.action_type == u64::from(action)));
        Ok(entries)
    }

    /// The latest entries, of one type or of all, newest first; none when the bot may not read the log.
    async fn entries(&self, guild: GuildId, action: Option<u16>) -> Result<Option<Vec<WireAuditEntry>>, Error> {
        let route = Route::GetAuditLogs {
            action_type: action.map(u64::from),
            after: None,
            before: None,
            guild_id: guild.get(),
            limit: Some(Self::LOG_PAGE),
            user_id: None,
        };
        match self.transport.send(&Call::to(&route)).await {
            Ok(answer) => {
                let log: WireAuditLog = answer.json()?;
                Ok(Some(log.audit_log_entries))
            }
            Err(error) if matches!(error.code(), Some(hint::MISSING_PERMISSIONS | hint::MISSING_ACCESS)) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Objects that look as wanted, are newer than everything in `before`, and are not bound.
    async fn candidates(&self, wanted: &Wanted<'_>, names: Names<'_>, before: &Snapshot) -> Result<Vec<u64>, Error> {
        let Names { guild, resolved } = names;
        match wanted {
            Wanted::Role(role) => {
                let call = Call::to(&Route::GetGuildRoles { guild_id: guild.get() });
                let live: Vec<WireRole> = self.transport.send(&call).await?.json()?;
                let everyone = before.guild.everyone_id();
                let newest = before.guild.roles.iter().filter_map(|r| r.id.id()).filter(|id| *id != everyone).max();
                let fits = |id, r: &Role| {
                    Some(id) > newest
                        && r.is_ours_to_delete()
                        && r.attributes.name.trim() == role.name.trim()
                        && !resolved.roles.values().any(|bound| *bound == id)
                };
                let live = live.into_iter().map(|wire| (wire.id, convert::role(wire)));
                Ok(live.filter(|(id, role)| fits(*id, role)).map(|(id, _)| id.get()).collect())
            }
            Wanted::Channel(channel) => {
                let parent = channel.parent.as_ref().map(|parent| names.category(parent)).transpose()?;
                let call = Call::to(&Route::GetChannels { guild_id: guild.get() });
                let live: Vec<WireChannel> = self.transport.send(&call).await?.json()?;
                let seen = before.guild.channels.iter().filter_map(|c| c.id.id());
                let newest = seen.chain(before.hidden.iter().copied()).max();
                let fits = |wire: &WireChannel| {
                    Some(wire.id) > newest
                        && wire.kind == channel.kind.number()
                        && wire.parent_id == parent
                        && same_channel_name(channel.kind, &wire.name, &channel.name)
                        && !resolved.channels.values().chain(resolved.categories.values()).any(|id| *id == wire.id)
                };
                Ok(live.iter().filter(|wire| fits(wire)).map(|wire| wire.id.get()).collect())
            }
        }
    }

    /// Reads the object an operation is about live, and says whether it is gone. To be asked before a delete. One
    /// request; none, and `false`, for operations that are not about one existing object.
    ///
    /// # Errors
    /// As of any read: what cannot be seen is not gone. [`Error::Stale`] when the object is not what the plan took it
    /// for.
    pub async fn is_gone(&self, guild: GuildId, operation: &Operation) -> Result<bool, Error> {
        match operation {
            Operation::DeleteRole { role, .. } | Operation::UpdateRole { role, .. } => {
                let route = Route::GetRole { guild_id: guild.get(), role_id: role.id.get() };
                let live = self.live(&Call::to(&route)).await?.map(|wire: WireRole| convert::role(wire));
                match live {
                    Some(live) if live.id != RoleRef::Live(role.id) => {
                        Err(Error::Stale { what: format!("the role {} is another one", role.name) })
                    }
                    live => Ok(live.is_none()),
                }
            }
            Operation::DeleteChannel { channel, .. } | Operation::UpdateChannel { channel, .. } => {
                let call = Call::to(&Route::GetChannel { channel_id: channel.id.get() }).within(guild);
                let Some(wire): Option<WireChannel> = self.live(&call).await? else { return Ok(true) };
                let elsewhere = wire.guild_id.is_some_and(|other| other != guild);
                let malformed = |problem| Error::Malformed { request: call.label(), problem };
                let Channel { id, attributes, .. } = convert::channel(wire).map_err(malformed)?;
                if id != ChannelRef::Live(channel.id) || elsewhere || attributes.kind != channel.kind {
                    let (name, noun) = (&channel.name, attributes.kind.noun());
                    return Err(Error::Stale {
                        what: format!("the channel {name} is a {noun} now, or in another guild"),
                    });
                }
                Ok(false)
            }
            Operation::UpdateGuild { .. }
            | Operation::CreateRole { .. }
            | Operation::GiveRole { .. }
            | Operation::MoveRoles { .. }
            | Operation::CreateChannel { .. }
            | Operation::SetTopic { .. }
            | Operation::MoveChannels { .. } => Ok(false),
        }
    }

    /// What was read of a guild, with the one object an operation changes or deletes read anew by its id, because a list can be
    /// old. One request; none, and nothing, for operations that are not about one existing object. What may not be seen stays
    /// as it was read.
    ///
    /// # Errors
    /// As of any read.
    pub async fn with_object_of(&self, operation: &Operation, read: &Snapshot) -> Result<Option<Snapshot>, Error> {
        let (guild, mut fresh) = (read.guild.id, read.clone());
        let looked = match operation {
            Operation::UpdateRole { role, .. } | Operation::DeleteRole { role, .. } => {
                let route = Route::GetRole { guild_id: guild.get(), role_id: role.id.get() };
                let live = self.live::<WireRole>(&Call::to(&route)).await;
                live.map(|live| {
                    fresh.guild.roles.retain(|other| other.id != RoleRef::Live(role.id));
                    fresh.guild.roles.extend(live.map(convert::role));
                })
            }
            Operation::UpdateChannel { channel, .. } | Operation::DeleteChannel { channel, .. } => {
                let call = Call::to(&Route::GetChannel { channel_id: channel.id.get() }).within(guild);
                let live = self.live::<WireChannel>(&call).await;
                let malformed = |problem| Error::Malformed { request: call.label(), problem };
                let live = live.and_then(|live| live.map(|wire| convert::channel(wire).map_err(malformed)).transpose());
                live.map(|live| {
                    fresh.guild.channels.retain(|other| other.id != ChannelRef::Live(channel.id));
                    fresh.guild.channels.extend(live);
                })
            }
            Operation::UpdateGuild { .. }
            | Operation::CreateRole { .. }
            | Operation::GiveRole { .. }
            | Operation::MoveRoles { .. }
            | Operation::CreateChannel { .. }
            | Operation::SetTopic { .. }
            | Operation::MoveChannels { .. } => return Ok(None),
        };
        match looked {
            Ok(()) => Ok(Some(fresh)),
            Err(error) if error.disposition() == Disposition::Refused => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// True when the role exists. To be asked before a role a key is bound to is made again: a list can be old. One request.
    ///
    /// # Errors
    /// As of any read.
    pub async fn has_role(&self, guild: GuildId, role: RoleId) -> Result<bool, Error> {
        let route = Route::GetRole { guild_id: guild.get(), role_id: role.get() };
        Ok(self.live::<WireRole>(&Call::to(&route)).await?.is_some())
    }

    /// The same for a channel or category. What may not be seen is an error, because it is not gone.
    ///
    /// # Errors
    /// As of any read.
    pub async fn has_channel(&self, channel: ChannelId) -> Result<bool, Error> {
        Ok(self.live::<WireChannel>(&Call::to(&Route::GetChannel { channel_id: channel.get() })).await?.is_some())
    }

    async fn live<T: serde::de::DeserializeOwned>(&self, call: &Call) -> Result<Option<T>, Error> {
        match self.transport.send(call).await {
            Ok(answer) => answer.json().map(Some),
            Err(Error::Gone { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

/// What the operation made, by its entry in the log. Another's entry with the same text does not count.
fn ours(entries: &[WireAuditEntry], reason: &AuditReason, before: &Snapshot) -> Option<u64> {
    let us = before.bot.known().map(|bot| bot.user);
    let by_us = |entry: &&WireAuditEntry| us.is_none() || entry.user_id.is_none() || entry.user_id == us;
    entries.iter().filter(by_us).find(|entry| is_of(entry, reason)).and_then(target)
}

/// True when the entry is of the operation.
fn is_of(entry: &WireAuditEntry, reason: &AuditReason) -> bool {
    let read = entry.reason.as_deref().and_then(|text| text.parse::<AuditReason>().ok());
    read.is_some_and(|read| read.operation == reason.operation)
}

fn target(entry: &WireAuditEntry) -> Option<u64> {
    entry.target_id.as_deref().and_then(|id| id.parse().ok())
}

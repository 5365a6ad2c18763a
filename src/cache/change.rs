//! Guilds that change: what was seen of them is hidden while they do, and what is different afterwards is written alone.
//!
//! A change is made only to exactly what it was worked out from, so of two processes that change at once one finds that it
//! has to look again, and none puts something old over something new. What is changed alone gets a stamp of its own, which
//! stands in the guild's info: a change of which only a part arrives is a whole that does not fit together, and absent.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::entry::{Stamp, seal};
use super::object::Object;
use super::seen::{INFO, Info, Kept, Later, OBJECTS, PERMISSIONS, Sight, decode, keys};
use super::{Cache, Edit, Error, Seen, Source, Value};
use crate::model::{Guild, GuildId, Snapshot};

/// What a guild's info begins with while the guild changes; it is not the form of any value.
const CHANGING: &str = "changing ";

/// How often a change is worked out anew because others were at work.
const TRIES: usize = 3;

/// More places than this with stamps of their own cost every reader more than writing everything once.
const MOST_LATER: usize = 100;

impl Cache {
    /// Lets nobody believe what was seen of a guild, because it is about to change. What lies there stays, for
    /// [`renew`](Self::renew).
    ///
    /// # Errors
    /// When the cache cannot be reached.
    pub async fn hide(&self, guild: GuildId) -> Result<(), Error> {
        let [info, ..] = keys(guild);
        let found = self.shelf.fetch(std::slice::from_ref(&info)).await?.pop().flatten();
        if let Some(Value::Text(text)) = found {
            let hidden = Some(format!("{CHANGING}{}", shown(&text)));
            let edit = Edit { text: hidden, ..unchanged(info.key.clone(), INFO) };
            if self.shelf.swap(&info.key, &text, &[edit]).await? {
                return Ok(());
            }
        }
        self.forget(guild).await
    }

    /// Keeps what was seen, and writes only what is different from what lies there. What somebody saw later stays.
    ///
    /// # Errors
    /// When the cache cannot be reached, or what was seen cannot be written down.
    pub async fn renew(&self, seen: &Seen) -> Result<(), Error> {
        let guild = seen.snapshot.guild.id;
        let slots = keys(guild);
        for _ in 0..TRIES {
            let mut found = self.shelf.fetch(&slots).await?;
            let Some(Some(Value::Text(info))) = found.first().cloned() else { return self.keep(seen).await };
            found[0] = Some(Value::Text(shown(&info).to_owned()));
            let Some(kept) = decode(guild, &found) else { return self.keep(seen).await };
            if kept.seen.at > seen.at {
                return Ok(());
            }
            let Some(edits) = edits(&kept, seen)? else { return self.keep(seen).await };
            if self.shelf.swap(&slots[0].key, &info, &edits).await? {
                return Ok(());
            }
        }
        // Others are at work there, and what they write is as new.
        Ok(())
    }
}

/// What came of a change that was told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Told {
    /// What is kept is as told, or was seen later.
    Same,
    /// What is kept was something else, and is as told now.
    Different,
    /// Whether it is as told cannot be said; it is kept as it was.
    Unclear,
    /// Nothing that can be believed is kept.
    Absent,
    /// The guild changes, and what is kept is not believed until that is over.
    Changing,
}

impl Cache {
    /// Changes what is kept of a guild as was told at `at`. `change` says what a snapshot is after it, and nothing when
    /// that cannot be said. Only what is different is written, and only to exactly what it was worked out from.
    ///
    /// # Errors
    /// When the cache cannot be reached, or what was told cannot be written down.
    pub async fn change(
        &self,
        guild: GuildId,
        at: DateTime<Utc>,
        change: impl Fn(&Snapshot) -> Option<Snapshot> + Send + Sync,
    ) -> Result<Told, Error> {
        self.change_if(guild, at, |old| change(old).map(|new| (new != *old).then_some(new))).await
    }

    /// That a guild is at `at` as it is kept. It stays as long from then on as if it had been seen then.
    ///
    /// # Errors
    /// When the cache cannot be reached.
    pub async fn confirm(&self, guild: GuildId, at: DateTime<Utc>) -> Result<Told, Error> {
        self.change_if(guild, at, |old| Some(Some(old.clone()))).await
    }

    /// Writes what `change` says, if it says something.
    async fn change_if(
        &self,
        guild: GuildId,
        at: DateTime<Utc>,
        change: impl Fn(&Snapshot) -> Option<Option<Snapshot>> + Send + Sync,
    ) -> Result<Told, Error> {
        let slots = keys(guild);
        for _ in 0..TRIES {
            let found = self.shelf.fetch(&slots).await?;
            let Some(Some(Value::Text(info))) = found.first() else { return Ok(Told::Absent) };
            if shown(info) != info {
                return Ok(Told::Changing);
            }
            let Some(kept) = decode(guild, &found) else { return Ok(Told::Absent) };
            if kept.seen.at > at {
                return Ok(Told::Same);
            }
            let Some(changed) = change(&kept.seen.snapshot) else { return Ok(Told::Unclear) };
            let Some(snapshot) = changed else { return Ok(Told::Same) };
            let seen = Seen { snapshot, at, source: Source::Told };
            let Some(edits) = edits(&kept, &seen)? else {
                self.keep(&seen).await?;
                return Ok(Told::Different);
            };
            if self.shelf.swap(&slots[0].key, info, &edits).await? {
                return Ok(Told::Different);
            }
        }
        // Others are at work there, and nobody knows what they saw.
        Ok(Told::Unclear)
    }
}

fn shown(info: &str) -> &str {
    info.strip_prefix(CHANGING).unwrap_or(info)
}

fn unchanged(key: String, ttl: Duration) -> Edit {
    let ttl = u64::try_from(ttl.as_millis()).unwrap_or(u64::MAX);
    Edit { key, text: None, set: BTreeMap::new(), gone: Vec::new(), ttl }
}

/// What makes of what is kept what was seen; nothing when too much would have a stamp of its own. The info comes last: it
/// makes all the rest count.
fn edits(kept: &Kept, seen: &Seen) -> Result<Option<[Edit; 4]>, Error> {
    let Seen { snapshot: Snapshot { guild, bot, hidden }, at, source } = seen;
    let Snapshot { guild: old, bot: old_bot, hidden: old_hidden } = &kept.seen.snapshot;
    let [info, permissions, channels, roles] = keys(guild.id).map(|slot| slot.key);
    let (stamp, mut later) = (Uuid::now_v7(), kept.later.clone());
    let in_channels = objects(
        channels,
        old.channels.iter().map(|channel| (channel.id.to_string(), channel)),
        guild.channels.iter().map(|channel| (channel.id.to_string(), channel)),
        (stamp, &mut later),
    )?;
    let in_roles = objects(
        roles,
        old.roles.iter().map(|role| (role.id.to_string(), role)),
        guild.roles.iter().map(|role| (role.id.to_string(), role)),
        (stamp, &mut later),
    )?;
    let mut sight = unchanged(permissions.clone(), PERMISSIONS);
    if (old_bot, old_hidden) != (bot, hidden) {
        sight.text = Some(seal(&permissions, stamp, &Sight { bot: bot.clone(), hidden: hidden.clone() })?);
        later.insert(permissions, stamp);
    }
    if later.len() > MOST_LATER {
        return Ok(None);
    }
    let (role_count, channel_count) = (guild.roles.len(), guild.channels.len());
    let bare = Guild { roles: Vec::new(), channels: Vec::new(), ..guild.clone() };
    let about = Info { at: *at, source: *source, roles: role_count, channels: channel_count, guild: bare, later };
    let text = Some(seal(&info, kept.stamp, &about)?);
    Ok(Some([in_channels, in_roles, sight, Edit { text, ..unchanged(info, INFO) }]))
}

/// What makes of the old objects the new ones.
fn objects<'a, T: Object + 'a>(
    key: String,
    old: impl Iterator<Item = (String, &'a T)>,
    new: impl Iterator<Item = (String, &'a T)>,
    (stamp, later): (Stamp, &mut Later),
) -> Result<Edit, Error> {
    let old: BTreeMap<String, &T> = old.collect();
    let mut gone: BTreeSet<String> = old.keys().cloned().collect();
    let mut edit = unchanged(key, OBJECTS);
    for (id, object) in new {
        gone.remove(&id);
        if old.get(&id) != Some(&object) {
            let place = format!("{}/{id}", edit.key);
            edit.set.insert(id, seal(&place, stamp, &object.keep())?);
            later.insert(place, stamp);
        }
    }
    // What comes back from before is not taken for what is there.
    gone.iter().for_each(|id| _ = later.insert(format!("{}/{id}", edit.key), Uuid::nil()));
    edit.gone = gone.into_iter().collect();
    Ok(edit)
}

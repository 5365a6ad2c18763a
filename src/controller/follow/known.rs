//! The few words that are kept of each guild.

use std::collections::{BTreeMap, VecDeque};

use chrono::{DateTime, TimeDelta, Utc};

use crate::discord;
use crate::discord::gateway::{Change, shard_of};
use crate::model::GuildId;

use super::{Presence, Subject};

/// What is known besides what lies in the cache.
#[derive(Debug, Default)]
pub(super) struct Known {
    /// How many shards there are, and which of them are connected.
    shards: u32,
    connected: std::collections::BTreeSet<u32>,
    guilds: BTreeMap<GuildId, Guild>,
    /// What was told of guilds that are being changed.
    meanwhile: BTreeMap<GuildId, Vec<(DateTime<Utc>, Change)>>,
    log: VecDeque<(GuildId, discord::Change)>,
}

#[derive(Clone, Copy, Debug)]
struct Guild {
    presence: Presence,
    /// What was seen until then is not believed.
    doubted: Option<DateTime<Utc>>,
}

impl Known {
    /// Most changes that wait for the end of a run. Of more it is only known when the last of them was told.
    const MOST_MEANWHILE: usize = 32;
    /// Most entries of audit logs that are remembered, and for how long they explain a change.
    const MOST_LOGGED: usize = 256;
    const EXPLAINS: TimeDelta = TimeDelta::minutes(1);

    pub(super) fn presence(&self, guild: GuildId) -> Option<Presence> {
        self.guilds.get(&guild).map(|guild| guild.presence)
    }

    /// From now on it stands so; says how it stood before.
    pub(super) fn stand(&mut self, guild: GuildId, presence: Presence) -> Option<Presence> {
        let entry = self.guilds.entry(guild);
        let before = match &entry {
            std::collections::btree_map::Entry::Occupied(known) => Some(known.get().presence),
            std::collections::btree_map::Entry::Vacant(_) => None,
        };
        let known = entry.or_insert(Guild { presence, doubted: None });
        known.presence = presence;
        before
    }

    /// A shard is connected. When it was not resumed, nothing that was told of its guilds counts.
    pub(super) fn connected(&mut self, shard: u32, resumed: bool) {
        self.connected.insert(shard);
        if resumed {
            return;
        }
        let shards = self.shards;
        for (_, known) in self.guilds.iter_mut().filter(|(guild, _)| shard_of(**guild, shards) == shard) {
            *known = Guild { presence: Presence::Awaited, doubted: None };
        }
    }

    pub(super) fn disconnected(&mut self, shard: u32) {
        self.connected.remove(&shard);
    }

    /// The guilds of a shard; says which of those that were known are not among them.
    pub(super) fn listed(&mut self, shard: u32, of: u32, guilds: &[GuildId]) -> Vec<GuildId> {
        self.shards = of;
        let known = self.guilds.keys().copied().filter(|guild| shard_of(*guild, of) == shard);
        let gone = known.filter(|guild| !guilds.contains(guild)).collect();
        for guild in guilds {
            self.guilds.insert(*guild, Guild { presence: Presence::Awaited, doubted: None });
        }
        gone
    }

    /// Forgets a guild; false when it was not known.
    pub(super) fn drop_guild(&mut self, guild: GuildId) -> bool {
        self.meanwhile.remove(&guild);
        self.guilds.remove(&guild).is_some()
    }

    /// What was seen of the guild until then is not believed any more.
    pub(super) fn doubt(&mut self, guild: GuildId, at: DateTime<Utc>) {
        let known = self.guilds.entry(guild).or_insert(Guild { presence: Presence::Awaited, doubted: None });
        known.doubted = known.doubted.max(Some(at));
    }

    pub(super) fn doubted(&self, guild: GuildId) -> Option<DateTime<Utc>> {
        self.guilds.get(&guild).and_then(|known| known.doubted)
    }

    /// The guild was seen after all that was doubted until then.
    pub(super) fn believe(&mut self, guild: GuildId, doubted: DateTime<Utc>) {
        if let Some(known) = self.guilds.get_mut(&guild).filter(|known| known.doubted == Some(doubted)) {
            known.doubted = None;
        }
    }

    /// None unless the guild is followed without a gap; then the time until which what was seen is not believed.
    #[expect(clippy::option_option, reason = "whether it is followed, and whether something is doubted")]
    pub(super) fn followed_since(&self, guild: GuildId) -> Option<Option<DateTime<Utc>>> {
        let known = self.guilds.get(&guild)?;
        let is_followed =
            known.presence == Presence::Followed && self.connected.contains(&shard_of(guild, self.shards));
        let last = self.meanwhile.get(&guild).into_iter().flatten().map(|(at, _)| *at).max();
        is_followed.then_some(known.doubted.max(last))
    }

    /// Keeps for later what was told of a guild that is being changed.
    pub(super) fn meanwhile(&mut self, guild: GuildId, at: DateTime<Utc>, change: Change) {
        let waiting = self.meanwhile.entry(guild).or_default();
        if waiting.len() >= Self::MOST_MEANWHILE {
            *waiting = vec![(at, Change::Other)];
        } else {
            waiting.push((at, change));
        }
    }

    pub(super) fn take_meanwhile(&mut self, guild: GuildId) -> Vec<(DateTime<Utc>, Change)> {
        self.meanwhile.remove(&guild).unwrap_or_default()
    }

    pub(super) fn logged(&mut self, guild: GuildId, entry: discord::Change) {
        self.log.push_back((guild, entry));
        if self.log.len() > Self::MOST_LOGGED {
            self.log.pop_front();
        }
    }

    /// Who did that lately.
    pub(super) fn actor(&self, guild: GuildId, subject: Subject, at: DateTime<Utc>) -> Option<discord::Change> {
        let target = subject.target(guild)?;
        let explains = |(of, entry): &&(GuildId, discord::Change)| {
            *of == guild && entry.target == Some(target) && (at - entry.at).abs() <= Self::EXPLAINS
        };
        self.log.iter().rev().find(explains).map(|(_, entry)| entry.clone())
    }
}

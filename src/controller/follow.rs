//! Follows guilds by what Discord's gateway tells, and says which of them are worth a look.
//!
//! What is known of a guild lies in the cache and nowhere else; here there are a few words for each guild. Whatever is told
//! is only a hint: a change makes somebody look, and what is kept can show that there is nothing to do. Our own changes do
//! not make anybody look: while a run changes a guild nothing that is told of it counts, because the run reads the guild at
//! its end, and what is told afterwards and was read already is no change.

mod known;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, Utc};

use crate::cache::{Cache, Seen, Source, Told};
use crate::clock::Clock;
use crate::discord;
use crate::discord::gateway::{Change, Event, patched};
use crate::model::{ChannelId, Facet, GuildId, RoleId, Snapshot};

use known::Known;

/// A guild that is worth a look.
#[derive(Clone, Debug, PartialEq)]
pub struct Nudge {
    /// Which.
    pub guild: GuildId,
    /// Why.
    pub why: Why,
    /// Who did it and with which words, as far as Discord's audit log told so far.
    pub actor: Option<discord::Change>,
}

/// Why a guild is worth a look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// The guild was told in whole, and is not as it was kept, or was not kept. It is now: a
    /// [glance](super::Engine::glance) shows whether there is something to do.
    Arrived,
    /// This is not as it was. What was told may be old, so the guild has to be read.
    Changed(Subject),
    /// Something happened, and what the guild is now cannot be told without reading it.
    Unclear,
    /// Somebody else did something, says Discord's audit log.
    Logged,
    /// Discord has an outage that concerns the guild: it has to rest until it arrives again.
    Unavailable,
    /// The bot is not in the guild any more.
    Removed,
}

/// What changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subject {
    /// The guild's settings.
    Settings,
    /// A channel or category.
    Channel(ChannelId),
    /// A role.
    Role(RoleId),
    /// What the bot is there.
    Bot,
    /// Nobody knows.
    Something,
}

impl Subject {
    fn of(change: &Change) -> Self {
        match change {
            Change::Settings(_) => Self::Settings,
            Change::Channel(channel) => channel.id.id().map_or(Self::Something, Self::Channel),
            Change::Hidden(channel) | Change::ChannelDeleted(channel) => Self::Channel(*channel),
            Change::Role(role) => role.id.id().map_or(Self::Something, Self::Role),
            Change::RoleDeleted(role) => Self::Role(*role),
            Change::OwnMember(_) => Self::Bot,
            Change::Other => Self::Something,
        }
    }

    /// The snowflake of it that the audit log names.
    fn target(self, guild: GuildId) -> Option<u64> {
        match self {
            Self::Settings => Some(guild.get()),
            Self::Channel(channel) => Some(channel.get()),
            Self::Role(role) => Some(role.get()),
            Self::Bot | Self::Something => None,
        }
    }
}

/// How a guild stands with the gateway.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Presence {
    /// The bot is in it, and it was not told yet, or not since the connection was lost.
    Awaited,
    /// It was told, and every change is.
    Followed,
    /// Discord has an outage. Nothing is done to the guild.
    Unavailable,
}

/// Follows guilds. Clones follow together.
#[derive(Clone, Debug)]
pub struct Follower {
    cache: Cache,
    clock: Clock,
    known: Arc<Mutex<Known>>,
}

/// What Discord's audit log calls changes of a guild, its channels, their overwrites, and roles (its documentation, "Audit
/// Log Events").
const CONCERNS_US: [u64; 10] = [1, 10, 11, 12, 13, 14, 15, 30, 31, 32];

impl Follower {
    /// Follows nobody yet. What it learns it keeps in this cache, which should be the engine's.
    pub fn new(cache: Cache, clock: Clock) -> Self {
        Self { cache, clock, known: Arc::default() }
    }

    /// How a guild stands; none when the bot is not in it, as far as is known.
    pub fn presence(&self, guild: GuildId) -> Option<Presence> {
        self.known().presence(guild)
    }

    /// Hears an event, and says what is worth a look because of it.
    pub async fn hear(&self, event: Event) -> Vec<Nudge> {
        let now = self.clock.now();
        match event {
            Event::Connected { shard, resumed } => self.known().connected(shard, resumed),
            Event::Disconnected { shard, why: _ } => self.known().disconnected(shard),
            Event::Listed { shard, of, guilds } => {
                let removed = self.known().listed(shard, of, &guilds);
                let mut nudges = Vec::new();
                for guild in removed {
                    nudges.extend(self.removed(guild).await);
                }
                return nudges;
            }
            Event::Guild(snapshot) => return self.told(*snapshot, now).await,
            Event::Unavailable(guild) => {
                let was = self.known().stand(guild, Presence::Unavailable);
                return nudge(guild, Why::Unavailable, None)
                    .filter(|_| was != Some(Presence::Unavailable))
                    .into_iter()
                    .collect();
            }
            Event::Removed(guild) => return self.removed(guild).await,
            Event::Changed { guild, change } => {
                let mut nudges = self.settled(guild).await;
                nudges.extend(self.changed(guild, &change, now).await);
                return nudges;
            }
            Event::AuditEntry { guild, entry } => {
                if entry.ours || !CONCERNS_US.contains(&entry.action) {
                    return Vec::new();
                }
                self.known().logged(guild, entry.clone());
                return nudge(guild, Why::Logged, Some(entry)).into_iter().collect();
            }
            Event::Interaction(_) | Event::Message(_) => {}
        }
        Vec::new()
    }

    /// To be asked after a run: what was told during it and cannot have been read at its end.
    pub async fn settled(&self, guild: GuildId) -> Vec<Nudge> {
        let meanwhile = self.known().take_meanwhile(guild);
        let mut nudges = Vec::new();
        for (at, change) in meanwhile {
            nudges.extend(self.changed(guild, &change, at).await);
        }
        nudges
    }

    /// The guild as it is now, when that is known without asking Discord: it is followed without a gap, and nothing is
    /// unclear. None means: look.
    pub async fn current(&self, guild: GuildId) -> Option<Seen> {
        let since = self.known().followed_since(guild)?;
        let now = self.clock.now();
        let seen = self.cache.seen(guild, std::time::Duration::MAX).await.ok()??;
        let Seen { snapshot, at, source } = seen;
        // The end of a timeout is told nobody.
        let is_whole = snapshot.bot.known().is_none_or(|bot| !bot.timed_out);
        if !is_whole || since.is_some_and(|doubt| at <= doubt) {
            return None;
        }
        if (now - at).to_std().is_ok_and(|old| old >= STALE) {
            // So that it stays in the cache although nothing happens to it.
            self.cache.confirm(guild, now).await.ok().filter(|told| *told == Told::Different)?;
        }
        Some(Seen { snapshot, at: now, source })
    }

    /// A whole guild. It is believed where nothing else is known: otherwise it may be an old one.
    async fn told(&self, snapshot: Snapshot, now: DateTime<Utc>) -> Vec<Nudge> {
        let guild = snapshot.guild.id;
        let (before, doubted) = {
            let mut known = self.known();
            let doubted = known.doubted(guild).is_some();
            (known.stand(guild, Presence::Followed), doubted)
        };
        if before == Some(Presence::Followed) || doubted {
            // Something was told before it, so it is not known which of them is newer.
            let same = |old: &Snapshot| (!doubted && same_guild(old, &snapshot)).then(|| old.clone());
            let told = self.cache.change(guild, now, same).await;
            return self.judge(guild, told, Subject::Something, now).await;
        }
        let whole = |old: &Snapshot| Some(merged(old, &snapshot));
        match self.cache.change(guild, now, whole).await {
            // What was put off for an outage is done now.
            Ok(Told::Same) if before == Some(Presence::Unavailable) => {
                nudge(guild, Why::Arrived, None).into_iter().collect()
            }
            Ok(Told::Same) => Vec::new(),
            Ok(Told::Different) => nudge(guild, Why::Arrived, None).into_iter().collect(),
            Ok(Told::Absent) => {
                let seen = Seen { snapshot, at: now, source: Source::Told };
                match self.cache.keep(&seen).await {
                    Ok(()) => nudge(guild, Why::Arrived, None).into_iter().collect(),
                    Err(error) => self.judge(guild, Err(error), Subject::Something, now).await,
                }
            }
            Ok(Told::Changing) => {
                // The run will read it, and until then nothing is sure.
                self.known().doubt(guild, now);
                Vec::new()
            }
            unclear @ (Ok(Told::Unclear) | Err(_)) => self.judge(guild, unclear, Subject::Something, now).await,
        }
    }

    async fn removed(&self, guild: GuildId) -> Vec<Nudge> {
        if !self.known().drop_guild(guild) {
            return Vec::new();
        }
        if let Err(error) = self.cache.forget(guild).await {
            tell(guild, &error);
        }
        nudge(guild, Why::Removed, None).into_iter().collect()
    }

    async fn changed(&self, guild: GuildId, change: &Change, at: DateTime<Utc>) -> Vec<Nudge> {
        let subject = Subject::of(change);
        if self.known().presence(guild) != Some(Presence::Followed) {
            // The guild will be told in whole, but maybe as it was before this.
            self.known().doubt(guild, at);
            return Vec::new();
        }
        let told = match self.is_believed(guild).await {
            Ok(true) => self.cache.change(guild, at, |old| patched(old, change)).await,
            Ok(false) => Ok(Told::Unclear),
            Err(error) => Err(error),
        };
        if matches!(told, Ok(Told::Changing)) {
            self.known().meanwhile(guild, at, change.clone());
            return Vec::new();
        }
        self.judge(guild, told, subject, at).await
    }

    /// False when what is kept was seen before something happened that is not in it.
    async fn is_believed(&self, guild: GuildId) -> Result<bool, crate::cache::Error> {
        let Some(doubted) = self.known().doubted(guild) else { return Ok(true) };
        let seen = self.cache.seen(guild, std::time::Duration::MAX).await?;
        let is_newer = seen.is_none_or(|seen| seen.at > doubted);
        if is_newer {
            self.known().believe(guild, doubted);
        }
        Ok(is_newer)
    }

    /// What follows from what the cache made of a change.
    async fn judge(
        &self,
        guild: GuildId,
        told: Result<Told, crate::cache::Error>,
        subject: Subject,
        at: DateTime<Utc>,
    ) -> Vec<Nudge> {
        let why = match told {
            Ok(Told::Same) => return Vec::new(),
            Ok(Told::Different) => Why::Changed(subject),
            Ok(Told::Changing) => {
                self.known().meanwhile(guild, at, Change::Other);
                return Vec::new();
            }
            Ok(Told::Unclear | Told::Absent) => {
                self.known().doubt(guild, at);
                if let Err(error) = self.cache.forget(guild).await {
                    tell(guild, &error);
                }
                Why::Unclear
            }
            Err(error) => {
                tell(guild, &error);
                self.known().doubt(guild, at);
                Why::Unclear
            }
        };
        let actor = self.known().actor(guild, subject, at);
        nudge(guild, why, actor).into_iter().collect()
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        // Each change of it is whole.
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// After this time what is kept is confirmed, which keeps it in the cache: less than half of what the shortest value of it
/// stays there.
const STALE: std::time::Duration = std::time::Duration::from_mins(5);

fn nudge(guild: GuildId, why: Why, actor: Option<discord::Change>) -> Option<Nudge> {
    Some(Nudge { guild, why, actor })
}

/// True when both are the same guild. Of hidden channels the gateway may know more than a read shows.
fn same_guild(old: &Snapshot, told: &Snapshot) -> bool {
    let Snapshot { guild, bot, hidden } = merged(old, told);
    old.guild == guild && old.bot == bot && old.hidden.iter().all(|known| hidden.contains(known))
}

/// What was told, with what was known besides.
fn merged(old: &Snapshot, told: &Snapshot) -> Snapshot {
    let mut new = told.clone();
    if matches!(new.bot, Facet::Unknown(_)) {
        new.bot = old.bot.clone();
    }
    new
}

fn tell(guild: GuildId, error: &crate::cache::Error) {
    tracing::warn!(%guild, error = error as &dyn std::error::Error, "the cache failed at following a guild; it has to be looked at");
}

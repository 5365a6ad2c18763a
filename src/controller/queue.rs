//! Which guild is looked at next.
//!
//! Decides order and time alone: one entry per guild, the earliest time wins, never two looks at one guild at once, people
//! before sweeps, and nobody waits for ever. Knows nothing of what a look does. Time is an argument, counted from the start
//! of the process, so that a clock that is set has no say here.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::model::GuildId;
use crate::store::Trigger;

/// Events of a guild are one look once there was none for so long.
pub const QUIET: Duration = Duration::from_millis(50);

/// Events are looked at after so long, however many keep coming.
pub const LONGEST_PATIENCE: Duration = Duration::from_secs(5);

/// Who has been due for so long takes every [`FAIR_TURN`]th turn, whoever is more urgent.
const AGED: Duration = Duration::from_secs(10);

/// One turn in so many is the longest-waiting guild's.
const FAIR_TURN: u32 = 4;

/// The guilds that wait to be looked at, and those that are being looked at.
#[derive(Clone, Debug)]
pub struct Queue {
    workers: usize,
    slots: BTreeMap<GuildId, Slot>,
    /// Those that are not due yet, by time.
    later: BTreeSet<(Duration, GuildId)>,
    /// Those that are due, by urgency and then by how long they are.
    due: [BTreeSet<Place>; Urgency::COUNT],
    running: usize,
    /// Numbers places, so that of two guilds due at once the one asked for first comes first.
    count: u64,
    /// Turns since the longest-waiting guild had one.
    turns: u32,
    /// Whose turn it was last.
    latest: Option<GuildId>,
}

/// A guild to look at now. Whoever takes it says [`Queue::done`] when the look is over, however it ended.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "a guild that is taken and never done is never looked at again"]
pub struct Work {
    /// The guild.
    pub guild: GuildId,
    /// The reason that counts: the most urgent one.
    pub trigger: Trigger,
    /// Every reason it was asked for, most urgent first.
    pub triggers: Vec<Trigger>,
}

/// A place among those that are due: since when, and a number.
type Place = (Duration, u64, GuildId);

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Urgency {
    Person,
    Revision,
    Event,
    Sweep,
}

impl Urgency {
    const COUNT: usize = 4;

    fn of(trigger: Trigger) -> Self {
        match trigger {
            Trigger::Person => Self::Person,
            Trigger::Revision => Self::Revision,
            Trigger::Event => Self::Event,
            Trigger::Retry | Trigger::StartUp | Trigger::Schedule => Self::Sweep,
        }
    }
}

#[derive(Clone, Debug, Default)]
struct Slot {
    wish: Option<Wish>,
    /// Where the wish stands, when it stands anywhere: not while the guild is looked at.
    stand: Option<Stand>,
    running: bool,
}

#[derive(Clone, Copy, Debug)]
enum Stand {
    Later(Duration),
    Due(Urgency, Place),
}

/// That a guild be looked at.
#[derive(Clone, Debug, Default)]
struct Wish {
    triggers: BTreeSet<(Urgency, Trigger)>,
    /// The earliest time asked for, apart from events.
    at: Option<Duration>,
    /// The first event and the latest, which are one look.
    events: Option<(Duration, Duration)>,
}

impl Wish {
    fn add(&mut self, now: Duration, trigger: Trigger, not_before: Duration) {
        let was_due = self.due_at().is_some_and(|due| due <= now);
        self.triggers.insert((Urgency::of(trigger), trigger));
        let at = now.max(not_before);
        match (trigger, self.events) {
            (Trigger::Event, None) => self.events = Some((at, at)),
            // What is due once stays so, or a stream of events could postpone it.
            (Trigger::Event, Some((first, latest))) if !was_due => self.events = Some((first, latest.max(at))),
            (Trigger::Event, Some(_)) => {}
            _ => self.at = Some(self.at.map_or(at, |earlier| earlier.min(at))),
        }
    }

    fn due_at(&self) -> Option<Duration> {
        let settled =
            self.events.map(|(first, latest)| latest.saturating_add(QUIET).min(first.saturating_add(LONGEST_PATIENCE)));
        [self.at, settled].into_iter().flatten().min()
    }

    fn urgency(&self) -> Urgency {
        self.triggers.first().map_or(Urgency::Sweep, |(urgency, _)| *urgency)
    }
}

impl Queue {
    /// An empty queue for so many looks at once; at least one.
    pub fn new(workers: usize) -> Self {
        Self {
            workers: workers.max(1),
            slots: BTreeMap::new(),
            later: BTreeSet::new(),
            due: Default::default(),
            running: 0,
            count: 0,
            turns: 0,
            latest: None,
        }
    }

    /// Asks that a guild be looked at, not before a time. A guild that waits keeps its earliest time and all reasons; one
    /// that is being looked at is looked at once more afterwards. Events are one look as long as they keep coming, but for
    /// no longer than [`LONGEST_PATIENCE`].
    pub fn push(&mut self, now: Duration, guild: GuildId, trigger: Trigger, not_before: Duration) {
        let wish = self.slots.entry(guild).or_default().wish.get_or_insert_default();
        wish.add(now, trigger, not_before);
        self.stand_anew(now, guild, Duration::ZERO);
    }

    /// The guild whose turn it is; none while nobody is due or all workers are busy.
    pub fn pop(&mut self, now: Duration) -> Option<Work> {
        if self.running >= self.workers {
            return None;
        }
        self.mature(now);
        let (_, _, guild) = self.next(now)?;
        let slot = self.slots.get_mut(&guild)?;
        let wish = slot.wish.take()?;
        slot.running = true;
        self.running += 1;
        self.latest = Some(guild);
        self.leave(guild);
        let triggers: Vec<Trigger> = wish.triggers.iter().map(|(_, trigger)| *trigger).collect();
        let trigger = *triggers.first()?;
        Some(Work { guild, trigger, triggers })
    }

    /// When [`pop`](Self::pop) can give something, as far as is known now; in the past when it can at once. None while
    /// nobody waits or all workers are busy.
    pub fn next_due(&self) -> Option<Duration> {
        if self.running >= self.workers {
            return None;
        }
        let due = self.due.iter().filter_map(|places| places.first().map(|(since, _, _)| *since)).min();
        due.or_else(|| self.later.first().map(|(at, _)| *at))
    }

    /// A look is over. `again` is when the guild is to be looked at next and why, when that is known; what was asked for
    /// meanwhile counts besides.
    pub fn done(&mut self, now: Duration, guild: GuildId, again: Option<(Trigger, Duration)>) {
        let Some(slot) = self.slots.get_mut(&guild).filter(|slot| slot.running) else { return };
        slot.running = false;
        self.running -= 1;
        if let Some((trigger, not_before)) = again {
            slot.wish.get_or_insert_default().add(now, trigger, not_before);
        }
        // Who was asked for all the time stands behind those who waited meanwhile.
        self.stand_anew(now, guild, now);
        self.clear(guild);
    }

    /// What a guild waits for is due at once, because what was in its way is gone. Nothing else is asked for.
    pub fn hasten(&mut self, now: Duration, guild: GuildId) {
        let Some(wish) = self.slots.get_mut(&guild).and_then(|slot| slot.wish.as_mut()) else { return };
        wish.at = Some(wish.at.map_or(now, |at| at.min(now)));
        self.stand_anew(now, guild, Duration::ZERO);
    }

    /// Forgets a guild that is nobody's concern any more. A look under way goes on and is [`done`](Self::done) as usual.
    pub fn forget(&mut self, guild: GuildId) {
        let Some(slot) = self.slots.get_mut(&guild) else { return };
        slot.wish = None;
        self.leave(guild);
        self.clear(guild);
    }

    /// How many guilds are due and wait for a worker.
    pub fn depth(&self, now: Duration) -> usize {
        let matured = self.later.iter().take_while(|(at, _)| *at <= now).count();
        self.due.iter().map(BTreeSet::len).sum::<usize>() + matured
    }

    /// For how long the guild that is due longest has been; none when nobody is due.
    pub fn oldest(&self, now: Duration) -> Option<Duration> {
        let due = self.due.iter().filter_map(|places| places.first().map(|(since, _, _)| *since));
        let matured = self.later.first().map(|(at, _)| *at).filter(|at| *at <= now);
        due.chain(matured).min().map(|since| now.saturating_sub(since))
    }

    /// Moves those whose time has come among those that are due.
    fn mature(&mut self, now: Duration) {
        while let Some((at, guild)) = self.later.first().copied().filter(|(at, _)| *at <= now) {
            self.later.remove(&(at, guild));
            self.stand_due(guild, at);
        }
    }

    /// Whose turn it is among those that are due.
    fn next(&mut self, now: Duration) -> Option<Place> {
        let oldest = self.due.iter().filter_map(BTreeSet::first).min().copied()?;
        self.turns += 1;
        if self.turns >= FAIR_TURN && now.saturating_sub(oldest.0) >= AGED {
            self.turns = 0;
            return Some(oldest);
        }
        // Nobody has two turns in a row while others wait.
        let places = || self.due.iter().flatten().copied();
        let other = places().find(|(_, _, guild)| Some(*guild) != self.latest);
        other.or_else(|| places().next())
    }

    /// Puts a guild where its wish belongs. `behind` is the earliest time it may claim to have waited since.
    fn stand_anew(&mut self, now: Duration, guild: GuildId, behind: Duration) {
        let Some(slot) = self.slots.get(&guild) else { return };
        let Some(wish) = slot.wish.as_ref().filter(|_| !slot.running) else { return };
        let Some(at) = wish.due_at() else { return };
        let urgency = wish.urgency();
        match slot.stand {
            // Its place is kept; only more urgent it can become.
            Some(Stand::Due(was, _)) if was == urgency => {}
            Some(Stand::Due(_, (since, number, _))) => {
                self.leave(guild);
                self.enter_due(guild, urgency, (since, number, guild));
            }
            Some(Stand::Later(_)) | None => {
                self.leave(guild);
                if at <= now {
                    self.stand_due(guild, at.max(behind));
                } else {
                    self.later.insert((at, guild));
                    self.set_stand(guild, Some(Stand::Later(at)));
                }
            }
        }
    }

    fn stand_due(&mut self, guild: GuildId, since: Duration) {
        let wish = self.slots.get(&guild).and_then(|slot| slot.wish.as_ref());
        let Some(urgency) = wish.map(Wish::urgency) else { return };
        self.count += 1;
        self.enter_due(guild, urgency, (since, self.count, guild));
    }

    fn enter_due(&mut self, guild: GuildId, urgency: Urgency, place: Place) {
        self.due[urgency as usize].insert(place);
        self.set_stand(guild, Some(Stand::Due(urgency, place)));
    }

    /// Takes a guild from where it stands.
    fn leave(&mut self, guild: GuildId) {
        match self.slots.get(&guild).and_then(|slot| slot.stand) {
            Some(Stand::Later(at)) => _ = self.later.remove(&(at, guild)),
            Some(Stand::Due(urgency, place)) => _ = self.due[urgency as usize].remove(&place),
            None => {}
        }
        self.set_stand(guild, None);
    }

    fn set_stand(&mut self, guild: GuildId, stand: Option<Stand>) {
        if let Some(slot) = self.slots.get_mut(&guild) {
            slot.stand = stand;
        }
    }

    /// Drops a guild of which there is nothing to know.
    fn clear(&mut self, guild: GuildId) {
        let is_bare = |slot: &Slot| {
            let Slot { wish, stand: _, running } = slot;
            wish.is_none() && !running
        };
        if self.slots.get(&guild).is_some_and(is_bare) {
            self.slots.remove(&guild);
        }
    }
}

#[cfg(test)]
mod tests;

//! Who is told of what, and when: a pure account of what was said and what is still to be said.
//!
//! Two events are the same when guild, occasion, reason, revision and mark are, never by their words, so a time or a count in a
//! text cannot make a message of every look. What was wrong is told once, and its end once; what ended before anybody was told
//! is not told at all. Several things in a short time go out together, and there are only so many messages in ten minutes.

mod herald;
mod message;
mod outbox;

use std::collections::{BTreeMap, VecDeque};

use chrono::{DateTime, TimeDelta, Utc};

use crate::model::{GuildId, Occasion};

pub use herald::{Dependency, Herald, Sight};
pub use message::{Message, Notice};
pub use outbox::{Outbox, Outcome, Settled};

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// The guild; none for what everything depends on.
    pub guild: Option<GuildId>,
    /// What people call the guild, or what else it is about.
    pub name: String,
    /// What it is.
    pub occasion: Occasion,
    /// Why, as a word that stays the same: `MissingPermissions`, `database`, the name of a source. An end names that of its
    /// beginning.
    pub reason: String,
    /// The manifest's revision; none where that does not matter.
    pub revision: Option<String>,
    /// What tells two events apart that are alike in all of that: which differences there are, which run it was.
    pub mark: Option<String>,
    /// The digest of the plan it is about.
    pub plan: Option<String>,
    /// Why, in sentences for people; no secrets.
    pub text: String,
    /// The command that helps next.
    pub next: Option<String>,
    /// The occasion that tells the same of all guilds at once: whoever hears of that does not need this.
    pub part_of: Option<Occasion>,
}

/// What makes two events the same affair, from its beginning to its end.
type Affair = (Option<GuildId>, String);

/// What tells two events of one affair and one occasion apart.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Stage {
    revision: Option<String>,
    mark: Option<String>,
}

impl Stage {
    fn of(event: &Event) -> Self {
        Self { revision: event.revision.clone(), mark: event.mark.clone() }
    }
}

/// What is known of an affair.
#[derive(Clone, Debug)]
struct Open {
    occasion: Occasion,
    /// How far it is; none when only an earlier process knew.
    stage: Option<Stage>,
    /// False until a message of it was handed out.
    told: bool,
}

/// The account for one recipient.
#[derive(Clone, Debug)]
pub struct Desk {
    occasions: Vec<Occasion>,
    guilds: Vec<GuildId>,
    open: BTreeMap<Affair, Vec<Open>>,
    /// The last application of each guild that was heard of.
    applied: BTreeMap<Option<GuildId>, (String, Stage)>,
    waiting: Vec<Notice>,
    since: Option<DateTime<Utc>>,
    dropped: usize,
    sent: VecDeque<DateTime<Utc>>,
}

impl Desk {
    /// How long what happened waits for what happens next, so that both are told together.
    pub const TOGETHER: TimeDelta = TimeDelta::seconds(20);
    /// Most messages in [`Desk::SPAN`].
    pub const MOST: usize = 10;
    /// The span [`Desk::MOST`] is counted in.
    pub const SPAN: TimeDelta = TimeDelta::minutes(10);
    /// Most notices that wait; of more only the number is told.
    pub const MOST_WAITING: usize = 200;

    /// For somebody who wants to hear of these occasions, and of these guilds; none means all guilds.
    pub fn new(occasions: Vec<Occasion>, guilds: Vec<GuildId>) -> Self {
        Self {
            occasions,
            guilds,
            open: BTreeMap::new(),
            applied: BTreeMap::new(),
            waiting: Vec::new(),
            since: None,
            dropped: 0,
            sent: VecDeque::new(),
        }
    }

    /// Takes an event in. Taking it in again changes nothing.
    pub fn hear(&mut self, event: Event, now: DateTime<Utc>) {
        let concerns = event.guild.is_none_or(|guild| self.guilds.is_empty() || self.guilds.contains(&guild));
        if !concerns {
            return;
        }
        match event.occasion {
            Occasion::Recovered => self.end(event, now),
            Occasion::Applied => self.apply(event, now),
            Occasion::Failed
            | Occasion::Stalled
            | Occasion::Drifted
            | Occasion::AwaitingApproval
            | Occasion::SourceFailed
            | Occasion::Outage => self.begin(event, now),
        }
    }

    /// Takes in what was wrong when an earlier process ended, of which people were told then. Its end is told; and should it not
    /// have ended, it is told once more, because nobody knows whether the earlier process still came to it.
    pub fn recall(&mut self, event: &Event) {
        let is_wrong = !matches!(event.occasion, Occasion::Recovered | Occasion::Applied);
        if is_wrong && self.wants(event) {
            let open = self.open.entry((event.guild, event.reason.clone())).or_default();
            open.push(Open { occasion: event.occasion, stage: None, told: true });
        }
    }

    fn wants(&self, event: &Event) -> bool {
        let hears = |occasion| self.occasions.contains(&occasion);
        hears(event.occasion) && !event.part_of.is_some_and(hears)
    }

    fn begin(&mut self, event: Event, now: DateTime<Utc>) {
        if !self.wants(&event) {
            return;
        }
        let affair = (event.guild, event.reason.clone());
        let stage = Stage::of(&event);
        let open = self.open.entry(affair).or_default();
        match open.iter_mut().find(|open| open.occasion == event.occasion) {
            Some(same) if same.stage.as_ref() == Some(&stage) => return,
            // Whoever was told of the earlier stage is to hear of the end.
            Some(other) => other.stage = Some(stage),
            None => open.push(Open { occasion: event.occasion, stage: Some(stage), told: false }),
        }
        // Of an earlier revision that nobody was told of, nobody needs to hear.
        self.waiting.retain(|notice| {
            (notice.guild, notice.occasion, &notice.reason) != (event.guild, event.occasion, &event.reason)
        });
        self.put(event, now);
    }

    fn end(&mut self, event: Event, now: DateTime<Utc>) {
        let Some(open) = self.open.remove(&(event.guild, event.reason.clone())) else { return };
        self.waiting.retain(|notice| {
            let is_beginning = (notice.guild, &notice.reason) == (event.guild, &event.reason);
            !is_beginning || notice.occasion == Occasion::Recovered
        });
        if open.iter().any(|open| open.told) && self.occasions.contains(&Occasion::Recovered) {
            self.put(event, now);
        }
    }

    fn apply(&mut self, event: Event, now: DateTime<Utc>) {
        let what = (event.reason.clone(), Stage::of(&event));
        if !self.occasions.contains(&Occasion::Applied) || self.applied.get(&event.guild) == Some(&what) {
            return;
        }
        self.applied.insert(event.guild, what);
        self.put(event, now);
    }

    fn put(&mut self, event: Event, now: DateTime<Utc>) {
        let Event { guild, name, occasion, reason, revision, mark: _, plan, text, next, part_of: _ } = event;
        self.since.get_or_insert(now);
        if self.waiting.len() >= Self::MOST_WAITING {
            self.dropped += 1;
            return;
        }
        self.waiting.push(Notice { guild, name, occasion, reason, revision, plan, text, next, at: now });
    }

    /// The message that is to be sent now, if any. Whoever takes it sends it.
    pub fn due(&mut self, now: DateTime<Utc>) -> Option<Message> {
        if self.waiting.is_empty() {
            self.since = None;
            return None;
        }
        if self.next_due().is_none_or(|due| due > now) {
            return None;
        }
        self.flush(now)
    }

    /// All that waits, whether or not it is time: for whoever comes no more. Whoever takes it sends it.
    pub fn flush(&mut self, now: DateTime<Utc>) -> Option<Message> {
        if self.waiting.is_empty() {
            return None;
        }
        let notices = std::mem::take(&mut self.waiting);
        for notice in &notices {
            let affair = self.open.get_mut(&(notice.guild, notice.reason.clone()));
            affair
                .into_iter()
                .flatten()
                .filter(|open| open.occasion == notice.occasion)
                .for_each(|open| open.told = true);
        }
        self.since = None;
        self.sent.push_back(now);
        if self.sent.len() > Self::MOST {
            self.sent.pop_front();
        }
        Some(Message { notices, dropped: std::mem::take(&mut self.dropped) })
    }

    /// When there will be a message, as far as is known; none when nothing waits.
    pub fn next_due(&self) -> Option<DateTime<Utc>> {
        let since = self.since.filter(|_| !self.waiting.is_empty())?;
        let together = since + Self::TOGETHER;
        let full = self.sent.len() >= Self::MOST;
        let allowed = self.sent.front().filter(|_| full).map(|oldest| *oldest + Self::SPAN);
        Some(allowed.map_or(together, |allowed| allowed.max(together)))
    }
}

#[cfg(test)]
mod tests;

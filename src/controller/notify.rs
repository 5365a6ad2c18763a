//! Who is told of what, and when: a pure account of what was said and what is still to be said.
//!
//! Two events are the same when guild, occasion, reason and revision are, never by their words, so a time or a count in a text
//! cannot make a message of every look. What was wrong is told once, and its end once; what ended before anybody was told is not
//! told at all. Several things in a short time go out together, and there are only so many messages in ten minutes.

mod message;

use std::collections::{BTreeMap, VecDeque};

use chrono::{DateTime, TimeDelta, Utc};

use crate::model::{GuildId, Occasion};

pub use message::{Message, Notice};

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// The guild; none for what everything depends on.
    pub guild: Option<GuildId>,
    /// What it is.
    pub occasion: Occasion,
    /// Why, as a word that stays the same: `permission`, `database`, the name of a source. An end names that of its beginning.
    pub reason: String,
    /// The manifest's revision, or the digest of the plan; none where that does not matter.
    pub revision: Option<String>,
    /// What people read; no secrets.
    pub text: String,
}

/// What makes two events the same affair, from its beginning to its end.
type Affair = (Option<GuildId>, String);

/// What is known of an affair.
#[derive(Clone, Debug)]
struct Open {
    occasion: Occasion,
    revision: Option<String>,
    /// False until the message of its beginning was handed out.
    told: bool,
}

/// The account for one recipient.
#[derive(Clone, Debug)]
pub struct Desk {
    occasions: Vec<Occasion>,
    guilds: Vec<GuildId>,
    open: BTreeMap<Affair, Vec<Open>>,
    /// The revision of each guild whose application was told.
    applied: BTreeMap<Option<GuildId>, (String, Option<String>)>,
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

    fn begin(&mut self, event: Event, now: DateTime<Utc>) {
        if !self.occasions.contains(&event.occasion) {
            return;
        }
        let affair = (event.guild, event.reason.clone());
        let open = self.open.entry(affair).or_default();
        match open.iter_mut().find(|open| open.occasion == event.occasion) {
            Some(same) if same.revision == event.revision => return,
            Some(other) => {
                other.revision.clone_from(&event.revision);
                other.told = false;
            }
            None => {
                open.push(Open { occasion: event.occasion, revision: event.revision.clone(), told: false });
            }
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
        let what = (event.reason.clone(), event.revision.clone());
        if !self.occasions.contains(&Occasion::Applied) || self.applied.get(&event.guild) == Some(&what) {
            return;
        }
        self.applied.insert(event.guild, what);
        self.put(event, now);
    }

    fn put(&mut self, event: Event, now: DateTime<Utc>) {
        let Event { guild, occasion, reason, revision, text } = event;
        self.since.get_or_insert(now);
        if self.waiting.len() >= Self::MOST_WAITING {
            self.dropped += 1;
            return;
        }
        self.waiting.push(Notice { guild, occasion, reason, revision, text, at: now });
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

    /// Forgets a guild that is no longer managed.
    pub fn forget(&mut self, guild: GuildId) {
        self.open.retain(|(of, _), _| *of != Some(guild));
        self.applied.remove(&Some(guild));
        self.waiting.retain(|notice| notice.guild != Some(guild));
    }
}

#[cfg(test)]
mod tests;

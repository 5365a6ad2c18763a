//! When a request may be sent: a pure state machine over what Discord's answers said.
//!
//! Decides between sending, waiting a little and putting one resource aside. Knows neither sockets nor clocks: `now` is
//! the time since some fixed moment, and never goes back.
//!
//! Discord's headers are not the whole truth (they hide the limit on renames, and sometimes show limits that are not
//! enforced), so what a 429 says always wins, and a few limits are kept here from the start.

mod bucket;
mod notice;
mod pace;
mod reading;

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use bucket::Bucket;
use notice::Notices;
use pace::Pace;

pub use notice::Notice;
pub use reading::{BucketReading, Reading, Throttle, ThrottleScope};

/// How much may be asked of Discord.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Budget {
    /// Requests in any second. Discord allows 50 (its rate limit documentation); the rest is for jitter on the way.
    pub per_second: u32,
    /// Answers of 401, 403 and 429 in ten minutes before everything stops. Discord blocks an address at 10,000.
    pub invalid: usize,
    /// A longer wait than this is not waited for: the resource is put aside.
    pub park_after: Duration,
    /// Edits of the name, and likewise of the topic, of one channel. No header tells of this limit.
    pub channel_edits: Quota,
    /// Roles created in one guild, until an answer tells its real limit.
    pub role_creates: Quota,
}

impl Default for Budget {
    fn default() -> Self {
        Self {
            per_second: 45,
            invalid: 500,
            park_after: Duration::from_secs(15),
            channel_edits: Quota { count: 2, window: Duration::from_mins(10) },
            role_creates: Quota { count: 250, window: Duration::from_hours(48) },
        }
    }
}

/// So many in so much time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quota {
    /// How many.
    pub count: usize,
    /// In how much time.
    pub window: Duration,
}

/// The resource a limit is counted for: Discord counts each of them apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Major {
    /// Everything under `/channels/{id}`.
    Channel(u64),
    /// Everything under `/guilds/{id}`.
    Guild(u64),
    /// Everything under `/webhooks/{id}`.
    Webhook(u64),
}

/// Fields with a limit of their own that a request edits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Edits {
    /// The name of a channel.
    pub name: bool,
    /// The topic of a channel.
    pub topic: bool,
}

/// What the limits have to know of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Facts {
    /// Method and path with every snowflake replaced: `PATCH channels/:id`.
    pub route: String,
    /// The resource the limit is counted for.
    pub major: Option<Major>,
    /// The guild it is about, when that is known. Decides nothing here; it says who else has to know of a limit.
    pub guild: Option<u64>,
    /// Fields with a limit of their own.
    pub edits: Edits,
}

impl Facts {
    /// Reads them off a method and a path such as `channels/123?limit=1`.
    pub fn of(method: &http::Method, path: &str, edits: Edits) -> Self {
        let path = path.split('?').next().unwrap_or_default();
        let segments: Vec<&str> = path.trim_matches('/').split('/').collect();
        let is_id = |segment: &&str| !segment.is_empty() && segment.bytes().all(|b| b.is_ascii_digit());
        let template: Vec<&str> = segments.iter().map(|s| if is_id(s) { ":id" } else { s }).collect();
        let major = segments.get(1).and_then(|id| id.parse().ok()).and_then(|id| match segments[0] {
            "channels" => Some(Major::Channel(id)),
            "guilds" => Some(Major::Guild(id)),
            "webhooks" => Some(Major::Webhook(id)),
            _ => None,
        });
        let guild = match major {
            Some(Major::Guild(id)) => Some(id),
            Some(Major::Channel(_) | Major::Webhook(_)) | None => None,
        };
        Self { route: format!("{method} {}", template.join("/")), major, guild, edits }
    }

    fn tallies(&self) -> impl Iterator<Item = Tally> {
        let name = self.edits.name.then_some(Tally::Name);
        let topic = self.edits.topic.then_some(Tally::Topic);
        let role = (self.route == "POST guilds/:id/roles").then_some(Tally::RoleCreate);
        [name, topic, role].into_iter().flatten()
    }
}

/// Something that is counted here because no header counts it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Tally {
    Name,
    Topic,
    RoleCreate,
}

impl Tally {
    fn quota(self, budget: &Budget) -> (Quota, Hold) {
        match self {
            Self::Name => (budget.channel_edits, Hold::Renames),
            Self::Topic => (budget.channel_edits, Hold::Topics),
            Self::RoleCreate => (budget.role_creates, Hold::RoleCreates),
        }
    }
}

/// Why a request is put aside.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Hold {
    /// Discord said that this resource has had enough.
    Resource,
    /// Discord said that the bot as a whole has had enough.
    Everything,
    /// The address was blocked before the request reached Discord's API.
    Edge,
    /// Too many requests were refused lately; going on could get the address blocked.
    Refusals,
    /// The channel's name was edited as often as Discord allows.
    Renames,
    /// The channel's topic was edited as often as Discord allows.
    Topics,
    /// As many roles were created in the guild as Discord allows.
    RoleCreates,
}

impl fmt::Display for Hold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Resource => "Discord limits requests for this channel or guild",
            Self::Everything => "Discord limits all requests of this bot",
            Self::Edge => "this address is blocked in front of Discord's API",
            Self::Refusals => "too many requests were refused lately, and going on could get this address blocked",
            Self::Renames => "a channel can be renamed twice in 10 minutes",
            Self::Topics => "the topic of a channel can be changed twice in 10 minutes",
            Self::RoleCreates => "a guild can get 250 new roles in 48 hours",
        })
    }
}

/// What to do with a request now.
#[derive(Debug, PartialEq, Eq)]
pub enum Decision {
    /// Send it now and give the ticket back with what came of it.
    Send(Ticket),
    /// Ask again after this time.
    Wait(Duration),
    /// Ask again after the next outcome: what is under way decides.
    Behind,
    /// Put it aside until this moment.
    Park {
        /// When to ask again.
        until: Duration,
        /// Why.
        why: Hold,
    },
}

/// The right to send one request; [`Limits::observe`] takes it back.
#[derive(Debug, PartialEq, Eq)]
#[must_use = "a request that was sent has an outcome to observe"]
pub struct Ticket {
    facts: Facts,
    bucket: Name,
    sent: Duration,
}

/// What came of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It was answered.
    Answered(Reading),
    /// It was surely not received.
    NotSent,
    /// It may have been received.
    Lost,
}

/// Discord's name of a bucket, or ours for a route it has not named yet.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Name {
    Hash(String),
    Route(String),
}

/// Whose turn it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Turn {
    /// The next request's, from this moment on.
    At(Duration),
    /// That of the requests under way: what comes of them decides.
    Behind,
}

type Place = (Name, Option<Major>);

/// All that is known about what may be sent.
#[derive(Debug)]
pub struct Limits {
    budget: Budget,
    pace: Pace,
    pause: Option<(Duration, Hold)>,
    /// When each answer of 401, 403 or 429 stops to count.
    refusals: VecDeque<Duration>,
    /// The bucket of a route; none when answers to it name no bucket.
    routes: BTreeMap<String, Option<String>>,
    buckets: BTreeMap<Place, Bucket>,
    /// When each of what is counted stops to count.
    tallies: BTreeMap<(Tally, Option<Major>), VecDeque<Duration>>,
    notices: Notices,
    tidy_at: usize,
}

impl Limits {
    /// How long an answer of 401, 403 or 429 counts.
    pub const REFUSAL_WINDOW: Duration = Duration::from_mins(10);
    const TIDY_AT_LEAST: usize = 1024;

    /// Nothing sent yet, nothing known yet.
    pub fn new(budget: Budget) -> Self {
        Self::of(String::new(), budget)
    }

    /// The same for a process whose [notices](Self::notices) go by a name that no other's have.
    pub fn of(origin: String, budget: Budget) -> Self {
        Self {
            pace: Pace::new(budget.per_second),
            budget,
            pause: None,
            refusals: VecDeque::new(),
            routes: BTreeMap::new(),
            buckets: BTreeMap::new(),
            tallies: BTreeMap::new(),
            notices: Notices::of(origin),
            tidy_at: Self::TIDY_AT_LEAST,
        }
    }

    /// What to do with a request at `now`. [`Decision::Send`] takes its share of every limit.
    pub fn decide(&mut self, facts: &Facts, now: Duration) -> Decision {
        if let Some(obstacle) = self.obstacle(facts, now) {
            return obstacle;
        }
        let place = (self.name_of(facts), facts.major);
        self.pace.send(now);
        self.bucket(&place).send();
        for tally in facts.tallies() {
            self.count(tally, facts.major, now.saturating_add(tally.quota(&self.budget).0.window));
        }
        Decision::Send(Ticket { facts: facts.clone(), bucket: place.0, sent: now })
    }

    /// True when a request could be sent at `now`. Takes nothing.
    pub fn is_free(&mut self, facts: &Facts, now: Duration) -> bool {
        self.obstacle(facts, now).is_none()
    }

    /// How many requests there may be in any second.
    pub fn per_second(&self) -> u32 {
        self.budget.per_second
    }

    /// Why a request cannot be sent at `now`.
    fn obstacle(&mut self, facts: &Facts, now: Duration) -> Option<Decision> {
        if let Some((until, why)) = self.held_until(facts, now) {
            let wait = until.saturating_sub(now);
            return Some(if wait > self.budget.park_after {
                Decision::Park { until, why }
            } else {
                Decision::Wait(wait)
            });
        }
        let place = (self.name_of(facts), facts.major);
        let turns = (self.bucket(&place).turn(now), self.pace.turn(now));
        let (Turn::At(bucket), Turn::At(pace)) = turns else { return Some(Decision::Behind) };
        if bucket > now + self.budget.park_after {
            return Some(Decision::Park { until: bucket, why: Hold::Resource });
        }
        let free = bucket.max(pace);
        (free > now).then(|| Decision::Wait(free - now))
    }

    /// Learns what came of a request.
    pub fn observe(&mut self, ticket: Ticket, outcome: &Outcome, now: Duration) {
        let Ticket { facts, bucket, sent } = ticket;
        self.pace.settle(now);
        self.bucket(&(bucket.clone(), facts.major)).settle();
        match outcome {
            Outcome::NotSent => self.recount(&facts, sent, None),
            Outcome::Lost => self.recount(&facts, sent, Some(now)),
            Outcome::Answered(reading) => {
                let counted = reading.throttle.is_none().then_some(now);
                self.recount(&facts, sent, counted);
                self.learn(&facts, &bucket, reading, now);
            }
        }
        self.forget(&(bucket, facts.major), now);
        self.tidy(now);
    }

    /// Until when, and why, something other than the bucket and the pace holds the request back.
    fn held_until(&mut self, facts: &Facts, now: Duration) -> Option<(Duration, Hold)> {
        let pause = self.pause.filter(|(until, _)| *until > now);
        while self.refusals.front().is_some_and(|until| *until <= now) {
            self.refusals.pop_front();
        }
        let excess = self.refusals.len().checked_sub(self.budget.invalid.max(1));
        let refused = excess.map(|n| (self.refusals[n], Hold::Refusals));
        let tallied = facts.tallies().filter_map(|tally| self.tallied_until(tally, facts, now)).max_by_key(|h| h.0);
        [pause, refused, tallied].into_iter().flatten().max_by_key(|(until, _)| *until)
    }

    fn tallied_until(&self, tally: Tally, facts: &Facts, now: Duration) -> Option<(Duration, Hold)> {
        if tally == Tally::RoleCreate && matches!(self.routes.get(&facts.route), Some(Some(_))) {
            return None;
        }
        let (Quota { count, window: _ }, why) = tally.quota(&self.budget);
        let ends = self.tallies.get(&(tally, facts.major))?;
        let first_of_full = ends.len().checked_sub(count.max(1))?;
        let until = *ends.get(first_of_full)?;
        (until > now).then_some((until, why))
    }

    /// Counts something until a moment.
    fn count(&mut self, tally: Tally, major: Option<Major>, until: Duration) {
        let ends = self.tallies.entry((tally, major)).or_default();
        ends.insert(ends.partition_point(|earlier| *earlier <= until), until);
    }

    /// Moves an entry of the tallies to the moment of the answer, or takes it out when Discord did not count it.
    fn recount(&mut self, facts: &Facts, sent: Duration, counted: Option<Duration>) {
        for tally in facts.tallies() {
            let window = tally.quota(&self.budget).0.window;
            let Some(ends) = self.tallies.get_mut(&(tally, facts.major)) else { continue };
            if let Some(index) = ends.iter().position(|until| *until == sent.saturating_add(window)) {
                ends.remove(index);
            }
            if let Some(until) = counted.map(|at| at.saturating_add(window)) {
                self.count(tally, facts.major, until);
                self.notices.counted(facts.guild, tally, facts.major, until);
            }
        }
    }

    fn learn(&mut self, facts: &Facts, charged: &Name, reading: &Reading, now: Duration) {
        let named = reading.bucket.as_ref().map(|b| b.hash.clone());
        // A failure may come without headers from a route that has a bucket; only a good answer says there is none.
        let says_none = (200..300).contains(&reading.status) && !self.routes.contains_key(&facts.route);
        if named.is_some() || says_none {
            self.routes.insert(facts.route.clone(), named.clone());
        }
        let place = (named.map_or_else(|| charged.clone(), Name::Hash), facts.major);
        if let Some(seen) = &reading.bucket {
            self.bucket(&place).learn(seen, now);
            if seen.remaining == 0 && seen.reset_after >= Notice::SHORTEST {
                self.tell(facts, &place, Some(seen.limit), now.saturating_add(seen.reset_after));
            }
        }
        if let Some(throttle) = &reading.throttle {
            let until = now.saturating_add(throttle.retry_after);
            match throttle.scope {
                ThrottleScope::User | ThrottleScope::Shared => {
                    self.bucket(&place).block(until);
                    self.tell(facts, &place, None, until);
                }
                ThrottleScope::Global => self.pause_until(until, Hold::Everything),
                ThrottleScope::Edge => self.pause_until(until, Hold::Edge),
            }
        }
        if reading.counts_as_refusal() {
            self.refuse_until(now + Self::REFUSAL_WINDOW);
            self.notices.refused(now + Self::REFUSAL_WINDOW);
        }
    }

    fn pause_until(&mut self, until: Duration, why: Hold) {
        if self.pause.is_none_or(|(earlier, _)| earlier < until) {
            self.pause = Some((until, why));
            self.notices.paused(why, until);
        }
    }

    fn refuse_until(&mut self, until: Duration) {
        self.refusals.insert(self.refusals.partition_point(|earlier| *earlier <= until), until);
    }

    fn name_of(&self, facts: &Facts) -> Name {
        let own = Name::Route(facts.route.clone());
        let probing = self.buckets.get(&(own.clone(), facts.major)).is_some_and(Bucket::is_busy);
        match self.routes.get(&facts.route) {
            Some(Some(hash)) if !probing => Name::Hash(hash.clone()),
            _ => own,
        }
    }

    /// The bucket of a place. One nobody knows yet lets a single request pass, whose answer tells more.
    fn bucket(&mut self, place: &Place) -> &mut Bucket {
        let fresh = match &place.0 {
            Name::Route(route) if matches!(self.routes.get(route), Some(None)) => Bucket::unlimited(),
            Name::Route(_) => Bucket::probe(),
            Name::Hash(hash) => Bucket::of_limit(self.limit_of(hash)),
        };
        self.buckets.entry(place.clone()).or_insert(fresh)
    }

    /// The limit another resource's bucket of this name has; of a first one nothing is known.
    fn limit_of(&self, hash: &str) -> u32 {
        let from = (Name::Hash(hash.to_owned()), None);
        let same = self.buckets.range(from..).take_while(|((name, _), _)| *name == Name::Hash(hash.to_owned()));
        same.map(|(_, bucket)| bucket.limit()).next().unwrap_or(1)
    }

    /// Drops a stand-in as soon as the real bucket is known.
    fn forget(&mut self, place: &Place, now: Duration) {
        let is_stand_in = matches!(&place.0, Name::Route(_));
        if is_stand_in && self.buckets.get(place).is_some_and(|bucket| bucket.is_idle(now)) {
            self.buckets.remove(place);
        }
    }

    /// Forgets what no longer holds anything back, now and then: a process may live for months.
    fn tidy(&mut self, now: Duration) {
        if self.buckets.len() + self.tallies.len() < self.tidy_at {
            return;
        }
        // One bucket of each name stays, because it tells the limit to the next resource.
        let mut last: Option<Name> = None;
        self.buckets.retain(|(name, _), bucket| {
            let first_of_name = last.as_ref() != Some(name);
            last = Some(name.clone());
            first_of_name || !bucket.is_idle(now)
        });
        self.tallies.retain(|_, ends| ends.back().is_some_and(|until| *until > now));
        self.tidy_at = (2 * (self.buckets.len() + self.tallies.len())).max(Self::TIDY_AT_LEAST);
    }
}

#[cfg(test)]
mod tests;

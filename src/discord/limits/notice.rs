//! What one process learned of limits, as a value that others can be told.
//!
//! A process that starts knows nothing, and a window it was never told of is one it runs into. So everything that holds
//! requests back for a while can be taken out of [`Limits`] as a [`Notice`] and put into those of another process. A notice
//! says how long it lasts, never until when: the clocks of two machines differ. Knows nothing of where notices are kept.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{BucketReading, Facts, Hold, Limits, Major, Name, Place, Reading, Tally};

/// Something that holds requests back for a while, and who has to know.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notice {
    /// The guild whose requests it holds back; none when it is not those of one guild alone.
    pub guild: Option<u64>,
    /// What it is called: a later notice of the same name takes its place. Those of two processes never have the same.
    pub name: String,
    /// How long it lasts.
    pub left: Duration,
    subject: Subject,
}

/// What is held back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Subject {
    /// Some routes, on one resource.
    Bucket {
        /// Discord's name of the bucket; none when its answers name none.
        hash: Option<String>,
        /// The routes known to share it; without a name it is one.
        routes: Vec<String>,
        major: Option<Major>,
        /// How many it holds when it is only used up; none when a 429 forbids it.
        used_up: Option<u32>,
    },
    /// Everything.
    Pause(Hold),
    /// Everything, when there are too many of these.
    Refusal,
    /// What is counted, when there are too many of these.
    Counted(Tally, Option<Major>),
}

impl Notice {
    /// What is over sooner than this is over before another process could read of it.
    pub(super) const SHORTEST: Duration = Duration::from_secs(1);
}

/// Notices to be given, and those that were taken.
#[derive(Debug, Default)]
pub(super) struct Notices {
    /// Tells the notices of this process from those of others.
    origin: String,
    given: u64,
    /// Each with the moment it is over.
    to_give: VecDeque<(Duration, Notice)>,
    /// The names of those taken from others that are counted one by one, with the moment they are over.
    taken: BTreeMap<String, Duration>,
}

impl Notices {
    /// Nobody may ever ask for them, so only so many wait, the latest.
    const MOST: usize = 1024;

    /// None yet, of a process that goes by this name.
    pub(super) fn of(origin: String) -> Self {
        Self { origin, ..Self::default() }
    }

    fn give(&mut self, guild: Option<u64>, name: &str, subject: Subject, until: Duration) {
        let name = format!("{}/{name}", self.origin);
        if self.to_give.len() == Self::MOST {
            self.to_give.pop_front();
        }
        self.to_give.push_back((until, Notice { guild, name, left: Duration::ZERO, subject }));
    }

    /// A name for something of which there may be several.
    fn next_name(&mut self) -> String {
        self.given += 1;
        self.given.to_string()
    }

    pub(super) fn counted(&mut self, guild: Option<u64>, tally: Tally, major: Option<Major>, until: Duration) {
        let name = self.next_name();
        self.give(guild, &name, Subject::Counted(tally, major), until);
    }

    pub(super) fn refused(&mut self, until: Duration) {
        let name = self.next_name();
        self.give(None, &name, Subject::Refusal, until);
    }

    pub(super) fn paused(&mut self, why: Hold, until: Duration) {
        self.give(None, "pause", Subject::Pause(why), until);
    }

    fn is_own(&self, notice: &Notice) -> bool {
        notice.name.strip_prefix(&self.origin).is_some_and(|rest| rest.starts_with('/'))
    }
}

impl Limits {
    /// Notes that a bucket is closed: used up, with how many it holds, or forbidden by a 429.
    pub(super) fn tell(&mut self, facts: &Facts, place: &Place, used_up: Option<u32>, until: Duration) {
        let (hash, routes) = match &place.0 {
            Name::Route(route) => (None, vec![route.clone()]),
            Name::Hash(hash) => {
                let shares = |(_, bucket): &(&String, &Option<String>)| bucket.as_ref() == Some(hash);
                (Some(hash.clone()), self.routes.iter().filter(shares).map(|(route, _)| route.clone()).collect())
            }
        };
        let how = if used_up.is_some() { "used up" } else { "forbidden" };
        let name = format!("{how}/{:?}/{}", facts.major, hash.as_ref().unwrap_or(&facts.route));
        self.notices.give(facts.guild, &name, Subject::Bucket { hash, routes, major: facts.major, used_up }, until);
    }

    /// What was learned since this was last asked and is not over: what other processes of the same bot have to know.
    pub fn notices(&mut self, now: Duration) -> Vec<Notice> {
        let given = self.notices.to_give.drain(..);
        let lasting = given.filter(|(until, _)| *until > now);
        lasting.map(|(until, notice)| Notice { left: until - now, ..notice }).collect()
    }

    /// Takes what another process learned. Taking it again, or one's own, changes nothing.
    pub fn take(&mut self, notice: &Notice, now: Duration) {
        if self.notices.is_own(notice) || notice.left.is_zero() {
            return;
        }
        let until = now.saturating_add(notice.left.min(Reading::MAX_RETRY));
        match &notice.subject {
            Subject::Pause(why) => self.take_pause(*why, until),
            Subject::Bucket { hash, routes, major, used_up } => {
                let name = match hash {
                    Some(hash) => {
                        let shares = routes.iter().map(|route| (route.clone(), Some(hash.clone())));
                        // What was learned here is at least as new.
                        shares.for_each(|(route, hash)| _ = self.routes.entry(route).or_insert(hash));
                        Name::Hash(hash.clone())
                    }
                    None => Name::Route(routes.concat()),
                };
                let bucket = self.bucket(&(name, *major));
                match used_up {
                    None => bucket.block(until),
                    Some(limit) => {
                        let hash = hash.clone().unwrap_or_default();
                        bucket
                            .learn(&BucketReading { hash, limit: *limit, remaining: 0, reset_after: until - now }, now);
                    }
                }
            }
            Subject::Refusal if self.is_new(notice, until, now) => self.refuse_until(until),
            Subject::Counted(tally, major) if self.is_new(notice, until, now) => self.count(*tally, *major, until),
            Subject::Refusal | Subject::Counted(..) => {}
        }
    }

    fn take_pause(&mut self, why: Hold, until: Duration) {
        if self.pause.is_none_or(|(earlier, _)| earlier < until) {
            self.pause = Some((until, why));
        }
    }

    /// False for what was taken before.
    fn is_new(&mut self, notice: &Notice, until: Duration, now: Duration) -> bool {
        self.notices.taken.retain(|_, until| *until > now);
        self.notices.taken.insert(notice.name.clone(), until).is_none()
    }
}

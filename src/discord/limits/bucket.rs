//! One of Discord's rate limit buckets, as far as its answers showed it.

use std::time::Duration;

use super::{BucketReading, Turn};

#[derive(Clone, Debug)]
pub(super) struct Bucket {
    limit: u32,
    /// How many may still be sent before the reset, those under way already subtracted.
    remaining: u32,
    in_flight: u32,
    /// When it is full again; unknown until an answer says so.
    reset: Option<Duration>,
    /// A 429 forbids it until then.
    blocked: Option<Duration>,
}

impl Bucket {
    /// Discord cuts the reset time to milliseconds.
    const ROUNDING: Duration = Duration::from_millis(1);

    /// One nothing is known of: a single request is let through to learn.
    pub(super) fn probe() -> Self {
        Self::of_limit(1)
    }

    /// One that answers say nothing about.
    pub(super) fn unlimited() -> Self {
        Self::of_limit(u32::MAX)
    }

    /// A full one.
    pub(super) fn of_limit(limit: u32) -> Self {
        Self { limit: limit.max(1), remaining: limit.max(1), in_flight: 0, reset: None, blocked: None }
    }

    pub(super) fn limit(&self) -> u32 {
        self.limit
    }

    pub(super) fn is_busy(&self) -> bool {
        self.in_flight > 0
    }

    /// True when forgetting it changes nothing.
    pub(super) fn is_idle(&self, now: Duration) -> bool {
        let past = |moment: Option<Duration>| moment.is_none_or(|at| at <= now);
        !self.is_busy() && past(self.reset) && past(self.blocked)
    }

    pub(super) fn turn(&mut self, now: Duration) -> Turn {
        if let Some(until) = self.blocked.filter(|until| *until > now) {
            return Turn::At(until);
        }
        let reset_passed = self.reset.is_some_and(|at| at <= now);
        let nobody_will_tell = self.reset.is_none() && self.in_flight == 0;
        if reset_passed || nobody_will_tell {
            self.remaining = self.limit.saturating_sub(self.in_flight);
            self.reset = None;
        }
        match (self.remaining, self.reset) {
            (1.., _) => Turn::At(now),
            (0, Some(reset)) => Turn::At(reset),
            (0, None) => Turn::Behind,
        }
    }

    pub(super) fn send(&mut self) {
        self.remaining = self.remaining.saturating_sub(1);
        self.in_flight += 1;
    }

    pub(super) fn settle(&mut self) {
        self.in_flight = self.in_flight.saturating_sub(1);
    }

    /// Answers overtake each other, so one that looks better than what is known may just be older: until the reset it
    /// can only make things worse.
    pub(super) fn learn(&mut self, seen: &BucketReading, now: Duration) {
        let reset = now.saturating_add(seen.reset_after).saturating_add(Self::ROUNDING);
        let limit = seen.limit.max(1);
        // Discord may not have counted the requests still under way.
        let left = seen.remaining.saturating_sub(self.in_flight);
        self.remaining = if self.limit == limit { left.min(self.remaining) } else { left };
        self.limit = limit;
        self.reset = Some(self.reset.map_or(reset, |at| at.max(reset)));
    }

    pub(super) fn block(&mut self, until: Duration) {
        self.blocked = Some(self.blocked.map_or(until, |at| at.max(until)));
    }
}

//! How many sessions a bot may start, and how soon after each other.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};

use crate::simulator::limits::GatewayLimits;
use crate::simulator::world::Snowflake;

/// The span starts are counted in.
const DAY: TimeDelta = TimeDelta::days(1);

/// The answer to somebody who wants to start a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Admission {
    /// It may.
    Granted,
    /// Another shard of the same number has just started.
    TooSoon,
    /// All starts of the day are used up.
    Exhausted,
}

/// What is left of a day's starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct StartsLeft {
    pub(crate) remaining: u32,
    pub(crate) reset_after: TimeDelta,
}

/// The starts of all bots.
#[derive(Debug, Default)]
pub(super) struct Starts {
    /// When the day began, and how many there were since.
    days: BTreeMap<Snowflake, (DateTime<Utc>, u32)>,
    /// The last start, by bot and number.
    last: BTreeMap<(Snowflake, u64), DateTime<Utc>>,
}

impl Starts {
    /// Counts a start. One that came too soon counts as well.
    pub(super) fn admit(
        &mut self,
        bot: Snowflake,
        shard: u64,
        limits: &GatewayLimits,
        now: DateTime<Utc>,
    ) -> Admission {
        let day = self.days.entry(bot).or_insert((now, 0));
        if now >= day.0 + DAY {
            *day = (now, 0);
        }
        if day.1 >= limits.session_starts {
            return Admission::Exhausted;
        }
        day.1 += 1;
        let number = (bot, shard % u64::from(limits.max_concurrency.max(1)));
        let wait = TimeDelta::seconds(i64::from(limits.start_seconds));
        if self.last.get(&number).is_some_and(|last| now < *last + wait) {
            return Admission::TooSoon;
        }
        self.last.insert(number, now);
        Admission::Granted
    }

    pub(super) fn left(&self, bot: Snowflake, limits: &GatewayLimits, now: DateTime<Utc>) -> StartsLeft {
        let today = self.days.get(&bot).filter(|(began, _)| now < *began + DAY);
        today.map_or(
            StartsLeft { remaining: limits.session_starts, reset_after: TimeDelta::zero() },
            |(began, used)| StartsLeft {
                remaining: limits.session_starts.saturating_sub(*used),
                reset_after: *began + DAY - now,
            },
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn starts_are_spaced_by_number_and_counted_by_day() {
        let limits = GatewayLimits { session_starts: 4, max_concurrency: 2, ..GatewayLimits::default() };
        let (bot, mut starts) = (Snowflake(1), Starts::default());
        let mut at =
            |seconds, shard| starts.admit(bot, shard, &limits, DateTime::UNIX_EPOCH + TimeDelta::seconds(seconds));
        assert_eq!([at(0, 0), at(0, 1), at(4, 2), at(5, 2)], {
            use Admission::{Granted, TooSoon};
            [Granted, Granted, TooSoon, Granted]
        });
        assert_eq!(at(60, 0), Admission::Exhausted);
        assert_eq!(at(86_400, 0), Admission::Granted);
        let left = starts.left(bot, &limits, DateTime::UNIX_EPOCH + TimeDelta::seconds(86_401));
        assert_eq!((left.remaining, left.reset_after.num_seconds()), (3, 86_399));
    }
}

//! When a guild is compared though nothing is known to have happened.

use std::str::FromStr;
use std::time::Duration;

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use croner::Cron;

use crate::model::GuildId;

use super::spread::fraction;

/// How often a guild is compared, and at which times besides.
#[derive(Clone, Debug, PartialEq)]
pub struct Rhythm {
    /// How often.
    pub interval: Duration,
    /// How much sooner or later that may be, as a part of it from 0 to 1. Each guild has its own place in it, so that guilds
    /// that began together do not stay together.
    pub jitter: f64,
    /// At which times besides.
    pub times: Option<Times>,
}

/// Times of day and week.
#[derive(Clone, Debug, PartialEq)]
pub struct Times {
    cron: Box<Cron>,
    zone: Tz,
}

impl Times {
    /// The times of a cron expression of five fields, in a time zone.
    ///
    /// # Errors
    /// What is wrong with the expression.
    pub fn of(cron: &str, zone: Tz) -> Result<Self, String> {
        Ok(Self { cron: Box::new(Cron::from_str(cron).map_err(|error| error.to_string())?), zone })
    }

    /// How long until the next one; none when there is none any more.
    fn wait(&self, now: DateTime<Utc>) -> Option<Duration> {
        let next = self.cron.find_next_occurrence(&now.with_timezone(&self.zone), false).ok()?;
        (next.with_timezone(&Utc) - now).to_std().ok()
    }
}

/// What a guild's fraction is for.
const PLACE: u64 = 1;

impl Rhythm {
    /// Compared this often, a tenth sooner or later.
    pub fn every(interval: Duration) -> Self {
        Self { interval, jitter: 0.1, times: None }
    }

    /// How long a guild that was just compared rests.
    pub(super) fn wait(&self, guild: GuildId, now: DateTime<Utc>) -> Duration {
        let Self { interval, jitter, times } = self;
        let by_interval = interval.mul_f64(1.0 + jitter.clamp(0.0, 1.0) * (2.0 * fraction(guild, PLACE) - 1.0));
        let by_time = times.as_ref().and_then(|times| times.wait(now));
        by_time.map_or(by_interval, |wait| wait.min(by_interval))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_secs(3600);

    fn moment(text: &str) -> DateTime<Utc> {
        text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
    }

    #[test]
    fn guilds_have_their_places_around_the_interval() {
        let waits: Vec<Duration> =
            (1..=1_000).map(|guild| Rhythm::every(HOUR).wait(GuildId::new(guild), DateTime::UNIX_EPOCH)).collect();
        assert!(waits.iter().all(|wait| (HOUR.mul_f64(0.9)..=HOUR.mul_f64(1.1)).contains(wait)));
        let mean = waits.iter().sum::<Duration>() / 1_000;
        assert!((HOUR.mul_f64(0.99)..HOUR.mul_f64(1.01)).contains(&mean), "{mean:?}");
        let still = Rhythm { jitter: 0.0, ..Rhythm::every(HOUR) };
        assert_eq!(still.wait(GuildId::new(7), DateTime::UNIX_EPOCH), HOUR);
    }

    #[test]
    fn times_are_those_of_their_zone_and_of_the_day_that_lacks_them() {
        let daily = Times::of("30 2 * * *", chrono_tz::Europe::Berlin).expect("a cron expression");
        let rhythm = Rhythm { times: Some(daily), ..Rhythm::every(HOUR * 1_000) };
        let next = |from: &str| moment(from) + rhythm.wait(GuildId::new(7), moment(from));
        assert_eq!(next("2026-11-28T00:00:00Z"), moment("2026-11-28T01:30:00Z"));
        assert_eq!(next("2026-11-28T01:30:00Z"), moment("2026-11-29T01:30:00Z"));
        assert_eq!(next("2026-07-01T00:00:00Z"), moment("2026-07-01T00:30:00Z"), "in summer it is an hour earlier");
        // On the night of 2027-03-28 there is no 02:30 in Berlin: the sweep is not left out.
        assert!(next("2027-03-28T00:00:00Z") <= moment("2027-03-28T01:30:00Z"));
    }

    #[test]
    fn whatever_comes_first_counts() {
        let daily = Times::of("0 4 * * *", chrono_tz::UTC).expect("a cron expression");
        let rhythm = Rhythm { times: Some(daily), jitter: 0.0, interval: HOUR };
        assert_eq!(rhythm.wait(GuildId::new(7), moment("2026-11-28T03:30:00Z")), HOUR / 2);
        assert_eq!(rhythm.wait(GuildId::new(7), moment("2026-11-28T04:00:00Z")), HOUR);
        assert!(Times::of("61 4 * * *", chrono_tz::UTC).is_err());
    }
}

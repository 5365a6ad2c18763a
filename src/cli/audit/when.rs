//! Times and ages as people type them.

use std::str::FromStr;

use chrono::{DateTime, NaiveDate, NaiveDateTime, TimeDelta, Utc};

/// How long something may last or may be ago: a number and `h`, `d`, `w` or `y`, a year being 365 days.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::cli) struct Age(TimeDelta);

/// A text that is no age.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("an age is a number, at least 1, and `h`, `d`, `w` or `y`, such as `400d`")]
pub(in crate::cli) struct InvalidAge;

impl Age {
    /// The time this long before `now`; the beginning of time, if it is longer than that.
    pub(in crate::cli) fn before(self, now: DateTime<Utc>) -> DateTime<Utc> {
        now.checked_sub_signed(self.0).unwrap_or(DateTime::UNIX_EPOCH).max(DateTime::UNIX_EPOCH)
    }
}

impl FromStr for Age {
    type Err = InvalidAge;

    fn from_str(text: &str) -> Result<Self, InvalidAge> {
        let unit = text.chars().last().ok_or(InvalidAge)?;
        let hours = match unit {
            'h' => 1,
            'd' => 24,
            'w' => 24 * 7,
            'y' => 24 * 365,
            _ => return Err(InvalidAge),
        };
        let count: u32 = text.trim_end_matches(unit).parse().map_err(|_| InvalidAge)?;
        let age = TimeDelta::try_hours(i64::from(count) * hours).filter(|_| count > 0).ok_or(InvalidAge)?;
        Ok(Self(age))
    }
}

/// A time, or how long ago it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::cli) enum Moment {
    /// This time.
    At(DateTime<Utc>),
    /// So long ago.
    Ago(Age),
}

/// A text that is no time.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("a time is `2026-11-22`, `2026-11-22 10:00` (in UTC), `2026-11-22T10:00:00+01:00`, or an age such as `7d`")]
pub(in crate::cli) struct InvalidMoment;

impl Moment {
    /// The time it is, if it is `now` now.
    pub(in crate::cli) fn time(self, now: DateTime<Utc>) -> DateTime<Utc> {
        match self {
            Self::At(time) => time,
            Self::Ago(age) => age.before(now),
        }
    }
}

impl FromStr for Moment {
    type Err = InvalidMoment;

    fn from_str(text: &str) -> Result<Self, InvalidMoment> {
        if let Ok(age) = text.parse() {
            return Ok(Self::Ago(age));
        }
        if let Ok(time) = DateTime::parse_from_rfc3339(text) {
            return Ok(Self::At(time.to_utc()));
        }
        let plain = text.replacen('T', " ", 1);
        let formats = ["%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%d %H:%M"];
        let time = formats.iter().find_map(|format| NaiveDateTime::parse_from_str(&plain, format).ok());
        let midnight = || plain.parse::<NaiveDate>().ok()?.and_hms_opt(0, 0, 0);
        let time = time.or_else(midnight).ok_or(InvalidMoment)?;
        Ok(Self::At(time.and_utc()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_and_times_are_what_people_type() {
        let now: DateTime<Utc> = "2026-11-22T10:00:00Z".parse().expect("a time");
        let time = |text: &str| text.parse::<Moment>().map(|moment| moment.time(now).to_rfc3339());
        let cases = [
            ("1h", "2026-11-22T09:00:00+00:00"),
            ("400d", "2025-10-18T10:00:00+00:00"),
            ("2w", "2026-11-08T10:00:00+00:00"),
            ("1y", "2025-11-22T10:00:00+00:00"),
            ("4000y", "1970-01-01T00:00:00+00:00"),
            ("2026-11-21", "2026-11-21T00:00:00+00:00"),
            ("2026-11-21 08:30", "2026-11-21T08:30:00+00:00"),
            ("2026-11-21T08:30:05.25", "2026-11-21T08:30:05.250+00:00"),
            ("2026-11-21T08:30:05+01:00", "2026-11-21T07:30:05+00:00"),
        ];
        for (text, expected) in cases {
            assert_eq!(time(text), Ok(expected.to_owned()), "{text}");
        }
        for text in ["", "d", "0d", "-1d", "1.5d", "400", "400 days", "4d4d", "größe", "2026-13-01", "yesterday"] {
            assert_eq!(time(text), Err(InvalidMoment), "{text:?}");
        }
        assert_eq!("0d".parse::<Age>(), Err(InvalidAge), "nobody means everything");
    }
}

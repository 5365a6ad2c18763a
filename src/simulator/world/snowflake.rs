//! Snowflakes: ids that carry the time of their making.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, Utc};
use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Milliseconds from the Unix epoch to Discord's, the first second of 2015.
const DISCORD_EPOCH_MS: i64 = 1_420_070_400_000;

/// An id. Written as a decimal string; read from a string or an integer. 0 is no id.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Snowflake(pub u64);

impl Snowflake {
    /// The moment inside the id.
    pub fn time(self) -> DateTime<Utc> {
        let ms = i64::try_from(self.0 >> 22).unwrap_or(i64::MAX - DISCORD_EPOCH_MS);
        DateTime::from_timestamp_millis(ms + DISCORD_EPOCH_MS).unwrap_or_default()
    }
}

impl fmt::Display for Snowflake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for Snowflake {
    type Err = std::num::ParseIntError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse().map(Self)
    }
}

impl From<u64> for Snowflake {
    fn from(id: u64) -> Self {
        Self(id)
    }
}

impl Serialize for Snowflake {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Snowflake {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Digits;
        impl Visitor<'_> for Digits {
            type Value = Snowflake;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a snowflake")
            }
            fn visit_u64<E: Error>(self, id: u64) -> Result<Snowflake, E> {
                Ok(Snowflake(id))
            }
            fn visit_str<E: Error>(self, text: &str) -> Result<Snowflake, E> {
                text.parse().map_err(|_| E::custom(format!("`{text}` is not a snowflake")))
            }
        }
        deserializer.deserialize_any(Digits)
    }
}

/// Makes snowflakes: time in the upper bits, a worker number from the seed, then a counter. Strictly increasing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mint {
    #[serde(default)]
    seed: u64,
    #[serde(default)]
    last: Snowflake,
}

impl Mint {
    /// A mint whose worker number comes from the seed.
    pub fn seeded(seed: u64) -> Self {
        Self { seed, last: Snowflake(0) }
    }

    /// The next id at that moment.
    pub fn mint(&mut self, now: DateTime<Utc>) -> Snowflake {
        let ms = u64::try_from(now.timestamp_millis() - DISCORD_EPOCH_MS).unwrap_or(0);
        let fresh = (ms << 22) | ((self.seed & 0x3ff) << 12);
        self.last = Snowflake(fresh.max(self.last.0 + 1));
        self.last
    }

    /// Never mint this id or one below it.
    pub fn pass(&mut self, id: Snowflake) {
        self.last = self.last.max(id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_rise_tell_their_time_and_repeat_for_equal_seeds() {
        let now = DateTime::from_timestamp_millis(1_760_000_000_123).expect("valid time");
        let mint = |seed| {
            let mut mint = Mint::seeded(seed);
            (0..5000).map(|_| mint.mint(now)).collect::<Vec<_>>()
        };
        let ids = mint(7);
        assert!(ids.windows(2).all(|w| w[0] < w[1]));
        assert_eq!(ids[0].time(), now);
        assert_eq!(ids, mint(7));
        assert_ne!(ids, mint(8));
    }
}

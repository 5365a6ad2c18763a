//! Values that cost something to find out, and counts of what may be done only so often: `ai:*`, `ratelimit:user:*`,
//! `ratelimit:ai:*`.
//!
//! A count is changed only to exactly what it was worked out from, so that of two processes that count at once neither is lost.
//! Knows nothing of what is kept and counted.

use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::entry::{open, seal};
use super::{Cache, Edit, Error, Put, Shape, Slot, Value};

/// How often a count is worked out anew because others count too.
const TRIES: usize = 20;

/// What has been counted, within one window of time that began with the first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counted {
    /// How much, with what was added now if it was.
    pub sum: u64,
    /// How long until the window ends and counting begins anew.
    pub left: Duration,
    /// It was within what is allowed, and was added.
    pub is_within: bool,
}

/// A window as it lies in the cache.
#[derive(Serialize, Deserialize)]
struct Window {
    since: DateTime<Utc>,
    sum: u64,
}

impl Cache {
    /// What was kept at a key; nothing when it is over, damaged, or something else.
    ///
    /// # Errors
    /// When the cache cannot be reached.
    pub async fn remembered<T: DeserializeOwned>(&self, key: &str) -> Result<Option<T>, Error> {
        let text = self.text(key).await?;
        Ok(text.and_then(|text| open::<T>(key, &text)).map(|(_, value)| value))
    }

    /// Keeps a value at a key.
    ///
    /// # Errors
    /// When the cache cannot be reached, or the value cannot be written down.
    pub async fn remember<T: Serialize>(&self, key: &str, value: &T, ttl: Duration) -> Result<(), Error> {
        let value = Value::Text(seal(key, Uuid::now_v7(), value)?);
        self.shelf.put(&[Put { key: key.to_owned(), value, ttl }]).await
    }

    /// Adds to a count, unless it would come to more than `most` within the window.
    ///
    /// # Errors
    /// When the cache cannot be reached.
    pub async fn count(&self, key: &str, more: u64, most: u64, window: Duration) -> Result<Counted, Error> {
        for _ in 0..TRIES {
            let now = self.shelf.now().await?;
            let text = self.text(key).await?;
            let kept = text
                .as_deref()
                .and_then(|text| text.split_once(' '))
                .and_then(|(_, sealed)| open::<Window>(key, sealed));
            let age = |kept: &Window| (now - kept.since).to_std().ok().filter(|age| *age < window);
            let kept = kept.map(|(_, kept)| kept).and_then(|kept| Some((age(&kept)?, kept)));
            let (left, Window { since, sum }) = match kept {
                Some((age, kept)) => (window.saturating_sub(age), kept),
                None => (window, Window { since: now, sum: 0 }),
            };
            let after = sum.saturating_add(more);
            if after > most || more == 0 {
                return Ok(Counted { sum, left, is_within: after <= most });
            }
            let Some(text) = text else {
                // There is nothing to change yet. Whoever counted meanwhile is ahead of this.
                self.shelf.put_later(key, &written(key, &Window { since, sum: 0 })?, left).await?;
                continue;
            };
            let written = written(key, &Window { since, sum: after })?;
            let ttl = u64::try_from(left.as_millis()).unwrap_or(u64::MAX).max(1);
            let edit =
                Edit { key: key.to_owned(), text: Some(written), set: Default::default(), gone: Vec::new(), ttl };
            if self.shelf.swap(key, &text, &[edit]).await? {
                return Ok(Counted { sum: after, left, is_within: true });
            }
        }
        // Others count all the time, and nobody waits for them.
        Ok(Counted { sum: most, left: Duration::from_secs(1), is_within: false })
    }

    async fn text(&self, key: &str) -> Result<Option<String>, Error> {
        let slot = Slot { key: key.to_owned(), shape: Shape::Text };
        Ok(match self.shelf.fetch(&[slot]).await?.pop().flatten() {
            Some(Value::Text(text)) => Some(text),
            Some(Value::Hash(_)) | None => None,
        })
    }
}

/// A window as it is written: an empty one has the lowest version, so that it never lies over one in which somebody counted.
fn written(key: &str, window: &Window) -> Result<String, Error> {
    let version = u64::from(window.sum > 0);
    Ok(format!("{version} {}", seal(key, Uuid::now_v7(), window)?))
}

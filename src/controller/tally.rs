//! How often somebody asked, so that nobody asks too often: counted by all processes together, and by each for itself while the
//! cache is away.

use std::future::Future;
use std::time::Duration;

use tokio::time::timeout;

use crate::cache::{self, Cache};
use crate::clock::Clock;
use crate::model::UserId;

/// Longest wait for the cache: somebody waits for an answer, and can be answered without it.
const PATIENCE: Duration = Duration::from_millis(250);

pub(super) const MINUTE: Duration = Duration::from_secs(60);

/// What is counted.
#[derive(Clone, Debug)]
pub(super) struct Tally {
    cache: Cache,
    own: Cache,
}

impl Tally {
    /// Counts in this cache, and besides in one of its own.
    pub(super) fn new(cache: Cache, clock: Clock) -> Self {
        Self { cache, own: Cache::in_process(clock) }
    }

    /// Counts one more use of a command by somebody, in any guild, as the data model's key has it.
    ///
    /// # Errors
    /// How long it takes until there is room for one more within a minute.
    pub(super) async fn use_of_command(&self, user: UserId, most: u32) -> Result<(), Duration> {
        self.count(&format!("ratelimit:user:{user}"), most, MINUTE).await
    }

    /// Counts one more of something.
    ///
    /// # Errors
    /// How long it takes until there is room for one more.
    pub(super) async fn count(&self, key: &str, most: u32, window: Duration) -> Result<(), Duration> {
        let counted = match tried(self.cache.count(key, 1, most.into(), window)).await {
            Some(counted) => Some(counted),
            None => tried(self.own.count(key, 1, most.into(), window)).await,
        };
        match counted {
            Some(counted) if !counted.is_within => Err(counted.left),
            _ => Ok(()),
        }
    }
}

/// What the cache says, if it says something in time.
pub(super) async fn tried<T>(asked: impl Future<Output = Result<T, cache::Error>>) -> Option<T> {
    match timeout(PATIENCE, asked).await {
        Ok(Ok(said)) => Some(said),
        Ok(Err(error)) => {
            tracing::debug!(%error, "the cache is done without");
            None
        }
        Err(_) => {
            tracing::debug!("the cache does not answer in time and is done without");
            None
        }
    }
}

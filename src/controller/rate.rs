//! The speed that all processes of a bot share, through the cache.
//!
//! The cache may be slow or gone, and then nobody waits for it: each process goes by its own limits for a while, before it
//! asks again.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use tokio::time::timeout;

use crate::cache::Cache;
use crate::clock::Clock;
use crate::discord::Allowance;

use super::engine::Engine;

/// Longest time the cache is waited for.
const PATIENCE: Duration = Duration::from_millis(250);

/// How long a cache that failed is not asked.
const REST: Duration = Duration::from_secs(5);

/// Places among the requests of all processes of one bot.
#[derive(Debug)]
struct SharedRate {
    cache: Cache,
    clock: Clock,
    /// Whose: the same for all processes of a bot.
    name: String,
    per_second: u32,
    /// Until when it is not asked.
    rests_until: Mutex<Duration>,
}

impl SharedRate {
    fn rests(&self) -> bool {
        self.clock.elapsed() < *self.rests_until.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn rest(&self, why: &str) {
        tracing::warn!(why, "the speed of all processes is not known; going by the limits of this one alone");
        *self.rests_until.lock().unwrap_or_else(PoisonError::into_inner) = self.clock.elapsed() + REST;
    }
}

#[async_trait]
impl Allowance for SharedRate {
    async fn next_place(&self) -> Option<Duration> {
        if self.rests() {
            return None;
        }
        match timeout(PATIENCE, self.cache.next_place(&self.name, self.per_second)).await {
            Ok(Ok(place)) => place,
            Ok(Err(error)) => {
                self.rest(&error.remedy().unwrap_or_else(|| error.to_string()));
                None
            }
            Err(_) => {
                self.rest("the cache does not answer in time");
                None
            }
        }
    }
}

impl Engine {
    /// The same engine, which keeps to one speed with all other processes of its bot that share its cache. Where the cache is
    /// this process's own, there is nobody to share with.
    #[must_use]
    pub fn sharing_rate(self) -> Self {
        if self.cache.is_shared() {
            let rate = SharedRate {
                cache: self.cache.clone(),
                clock: self.clock.clone(),
                name: self.client.limited_as(),
                per_second: self.client.per_second(),
                rests_until: Mutex::default(),
            };
            self.client.share_rate(Arc::new(rate));
        }
        self
    }
}

//! What was seen of guilds lately, where it is reached quickly: in Redis, or in this process.
//!
//! A cache may start work, and may end a look early when there is nothing to do. It never justifies a write: whoever
//! changes a guild reads it from Discord first. So a cache that is empty, damaged, stale or gone costs time and nothing
//! else, and no value in it is believed that does not prove whose it is. Knows nothing of manifests and plans.
//!
//! Beside guilds it holds what processes tell each other: windows of Discord's limits, how far runs are, settings,
//! and what replicas ask of each other.

mod change;
mod configuration;
mod entry;
mod error;
mod execution;
mod limit;
mod memory;
mod object;
mod pack;
mod rate;
mod redis;
mod remember;
mod seen;
mod streams;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use serde::Serialize;

use crate::clock::Clock;
use crate::model::GuildId;

pub use change::Told;
pub use error::Error;
pub use execution::Execution;
pub use limit::Window;
pub use memory::Memory;
pub use redis::{Redis, RedisUrl};
pub use remember::Counted;
pub use seen::{Seen, Source};
pub use streams::{Call, Ear, Entry, Lane, Look, Streams, Taken};

/// The environment variable, and in messages the name, of the address of Redis.
pub const SETTING: &str = "SETAI_REDIS_URL";

/// What was seen lately. Clones share it.
#[derive(Clone)]
pub struct Cache {
    shelf: Arc<dyn Shelf>,
    /// The same, where it can do more than keep texts.
    redis: Option<Arc<Redis>>,
    clock: Clock,
}

impl fmt::Debug for Cache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cache").field("shelf", &self.shelf).finish_non_exhaustive()
    }
}

impl Cache {
    /// In this process, for as long as it runs.
    pub fn in_process(clock: Clock) -> Self {
        Self::on(Arc::new(Memory::new(clock.clone())), clock)
    }

    /// In Redis. Does not connect yet, so a Redis that is down keeps nobody from starting.
    ///
    /// # Errors
    /// [`Error::Address`] for an address that cannot be used.
    pub fn in_redis(url: &RedisUrl, clock: Clock) -> Result<Self, Error> {
        let redis = Arc::new(Redis::at(url)?);
        Ok(Self { shelf: redis.clone(), redis: Some(redis), clock })
    }

    /// On a shelf of one's own.
    pub fn on(shelf: Arc<dyn Shelf>, clock: Clock) -> Self {
        Self { shelf, redis: None, clock }
    }

    /// The guild as it was seen last, in one round trip. Nothing unless every part of it is there, is undamaged, belongs to
    /// this guild and to the same look, and that look is at most `age` old.
    ///
    /// # Errors
    /// When the cache cannot be reached.
    pub async fn seen(&self, guild: GuildId, age: Duration) -> Result<Option<Seen>, Error> {
        let found = self.shelf.fetch(&seen::keys(guild)).await?;
        let seen = seen::decode(guild, &found).map(|kept| kept.seen);
        let now = self.clock.now();
        // What was seen in the future is of a wrong clock, and has no age.
        Ok(seen.filter(|seen| (now - seen.at).to_std().is_ok_and(|old| old <= age)))
    }

    /// Keeps what was seen, in the place of what was seen before.
    ///
    /// # Errors
    /// When the cache cannot be reached, or what was seen cannot be written down.
    pub async fn keep(&self, seen: &Seen) -> Result<(), Error> {
        self.shelf.put(&seen::encode(seen)?).await
    }

    /// That it can be reached.
    ///
    /// # Errors
    /// When it cannot.
    pub async fn reach(&self) -> Result<(), Error> {
        let nowhere = Slot { key: "setai:reach".to_owned(), shape: Shape::Text };
        self.shelf.fetch(&[nowhere]).await.map(drop)
    }

    /// Forgets a guild.
    ///
    /// # Errors
    /// When the cache cannot be reached.
    pub async fn forget(&self, guild: GuildId) -> Result<(), Error> {
        self.shelf.remove(&seen::keys(guild)).await
    }
}

/// Where a value lies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Slot {
    /// Its key.
    pub key: String,
    /// What lies there.
    pub shape: Shape,
}

/// Whether a slot holds one value or many.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// One text.
    Text,
    /// Texts by field, each of which can change alone.
    Hash,
}

/// What lies in a slot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// One text.
    Text(String),
    /// Texts by field.
    Hash(BTreeMap<String, String>),
}

/// A value to put into a slot, and how long it may stay.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Put {
    /// The key.
    pub key: String,
    /// The value.
    pub value: Value,
    /// How long it stays.
    pub ttl: Duration,
}

/// A change of what lies in a slot that is left as it is otherwise.
#[derive(Clone, Debug, Serialize)]
pub struct Edit {
    /// The key.
    pub key: String,
    /// The text that lies there from now on; none to leave what is there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// Fields that are set.
    pub set: BTreeMap<String, String>,
    /// Fields that are taken out.
    pub gone: Vec<String>,
    /// How long all of it stays from now on, in milliseconds.
    pub ttl: u64,
}

/// Where texts are kept. It does not know what they mean, and need not keep them.
#[async_trait]
pub trait Shelf: fmt::Debug + Send + Sync {
    /// What lies in each slot, in one round trip. Nothing where there is nothing, or something of another shape.
    async fn fetch(&self, slots: &[Slot]) -> Result<Vec<Option<Value>>, Error>;

    /// Puts all these values in the place of what was there; nobody sees half of them.
    async fn put(&self, values: &[Put]) -> Result<(), Error>;

    /// Puts this text unless one of a later version lies there. A version is a number below 2^53 that the text begins with,
    /// before a space.
    async fn put_later(&self, key: &str, text: &str, ttl: Duration) -> Result<(), Error>;

    /// Makes all these edits, in order and at once, when exactly `expected` lies in the text slot `key`; says whether it did.
    async fn swap(&self, key: &str, expected: &str, edits: &[Edit]) -> Result<bool, Error>;

    /// Adds fields to those of a hash, all at once. The hash stays for this time at least.
    async fn add(&self, key: &str, fields: &BTreeMap<String, String>, ttl: Duration) -> Result<(), Error>;

    /// Takes fields out of a hash.
    async fn take_out(&self, key: &str, fields: &[String]) -> Result<(), Error>;

    /// Empties slots.
    async fn remove(&self, slots: &[Slot]) -> Result<(), Error>;

    /// What time it is where the values are: the same for everybody who uses them, whatever their own clocks say.
    async fn now(&self) -> Result<DateTime<Utc>, Error>;
}

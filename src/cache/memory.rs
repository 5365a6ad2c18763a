//! A shelf in this process.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use super::configuration::version;
use super::pack::Packed;
use super::{Edit, Error, Put, Shelf, Slot, Value};
use crate::clock::Clock;

/// Values by key, each with the time at which it goes.
#[derive(Debug)]
pub struct Memory {
    clock: Clock,
    kept: Mutex<Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    values: BTreeMap<String, (Duration, Packed)>,
    /// How many values there were when the old ones were last thrown out.
    after_sweep: usize,
}

impl Kept {
    /// What lies at a key and is not too old.
    fn get(&self, key: &str, now: Duration) -> Option<(Duration, Value)> {
        let (until, value) = self.values.get(key)?;
        if *until > now { Some((*until, value.open()?)) } else { None }
    }

    fn insert(&mut self, key: &str, until: Duration, value: Value) {
        self.values.insert(key.to_owned(), (until, Packed::of(value)));
    }

    /// Throws out what is too old, whenever as many values came as were left the last time: so nothing old takes more room
    /// than what is not.
    fn sweep(&mut self, now: Duration) {
        if self.values.len() > 2 * self.after_sweep.max(64) {
            self.values.retain(|_, (until, _)| *until > now);
            self.after_sweep = self.values.len();
        }
    }
}

impl Memory {
    /// An empty one, in which values age by this clock.
    pub fn new(clock: Clock) -> Self {
        Self { clock, kept: Mutex::default() }
    }

    /// How many bytes the values take, about. They are packed.
    pub fn bytes(&self) -> usize {
        /// What a map needs for an entry besides.
        const ENTRY: usize = 64;
        self.kept().values.iter().map(|(key, (_, value))| key.len() + value.bytes() + ENTRY).sum()
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        // Nothing half-done can be seen: a value is put or it is not.
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Shelf for Memory {
    async fn fetch(&self, slots: &[Slot]) -> Result<Vec<Option<Value>>, Error> {
        let (now, kept) = (self.clock.elapsed(), self.kept());
        let value = |slot: &Slot| {
            let (until, value) = kept.values.get(&slot.key)?;
            if *until > now && value.shape() == slot.shape { value.open() } else { None }
        };
        Ok(slots.iter().map(value).collect())
    }

    async fn put(&self, values: &[Put]) -> Result<(), Error> {
        let packed: Vec<Packed> = values.iter().map(|put| Packed::of(put.value.clone())).collect();
        let (now, mut kept) = (self.clock.elapsed(), self.kept());
        for (Put { key, value: _, ttl }, packed) in values.iter().zip(packed) {
            kept.values.insert(key.clone(), (now + *ttl, packed));
        }
        kept.sweep(now);
        Ok(())
    }

    async fn put_later(&self, key: &str, text: &str, ttl: Duration) -> Result<(), Error> {
        let (now, mut kept) = (self.clock.elapsed(), self.kept());
        let there = match kept.get(key, now) {
            Some((_, Value::Text(text))) => version(&text),
            _ => None,
        };
        if there <= version(text) {
            kept.insert(key, now + ttl, Value::Text(text.to_owned()));
        }
        kept.sweep(now);
        Ok(())
    }

    async fn swap(&self, key: &str, expected: &str, edits: &[Edit]) -> Result<bool, Error> {
        let (now, mut kept) = (self.clock.elapsed(), self.kept());
        let is_there = |value| matches!(value, Value::Text(text) if text == expected);
        if !kept.get(key, now).is_some_and(|(_, value)| is_there(value)) {
            return Ok(false);
        }
        for Edit { key, text, set, gone, ttl } in edits {
            let until = now + Duration::from_millis(*ttl);
            if let Some((old, _)) = kept.values.get_mut(key)
                && *old > now
                && text.is_none()
                && set.is_empty()
                && gone.is_empty()
            {
                // It only stays longer.
                *old = until;
                continue;
            }
            let old = kept.get(key, now).map(|(_, value)| value);
            kept.values.remove(key);
            let value = match (text, old) {
                (Some(text), _) => Value::Text(text.clone()),
                (None, Some(Value::Text(text))) => Value::Text(text),
                (None, hash) => {
                    let mut fields = match hash {
                        Some(Value::Hash(fields)) => fields,
                        Some(Value::Text(_)) | None => BTreeMap::new(),
                    };
                    fields.extend(set.clone());
                    fields.retain(|field, _| !gone.contains(field));
                    Value::Hash(fields)
                }
            };
            if value != Value::Hash(BTreeMap::new()) {
                kept.insert(key, until, value);
            }
        }
        Ok(true)
    }

    async fn add(&self, key: &str, fields: &BTreeMap<String, String>, ttl: Duration) -> Result<(), Error> {
        let (now, mut kept) = (self.clock.elapsed(), self.kept());
        let (mut until, mut hash) = match kept.get(key, now) {
            Some((until, Value::Hash(hash))) => (until, hash),
            _ => (now, BTreeMap::new()),
        };
        hash.extend(fields.clone());
        until = until.max(now + ttl);
        kept.insert(key, until, Value::Hash(hash));
        kept.sweep(now);
        Ok(())
    }

    async fn take_out(&self, key: &str, fields: &[String]) -> Result<(), Error> {
        let (now, mut kept) = (self.clock.elapsed(), self.kept());
        if let Some((until, Value::Hash(mut hash))) = kept.get(key, now) {
            hash.retain(|field, _| !fields.contains(field));
            kept.insert(key, until, Value::Hash(hash));
        }
        Ok(())
    }

    async fn now(&self) -> Result<DateTime<Utc>, Error> {
        Ok(self.clock.now())
    }

    async fn remove(&self, slots: &[Slot]) -> Result<(), Error> {
        let mut kept = self.kept();
        for slot in slots {
            kept.values.remove(&slot.key);
        }
        Ok(())
    }
}

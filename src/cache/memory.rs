//! A shelf in this process.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use super::configuration::version;
use super::{Edit, Error, Put, Shape, Shelf, Slot, Value};
use crate::clock::Clock;

/// Values by key, each with the time at which it goes.
#[derive(Debug)]
pub struct Memory {
    clock: Clock,
    kept: Mutex<Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    values: BTreeMap<String, (Duration, Value)>,
    /// How many values there were when the old ones were last thrown out.
    after_sweep: usize,
}

impl Kept {
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
            let fits = matches!((slot.shape, value), (Shape::Text, Value::Text(_)) | (Shape::Hash, Value::Hash(_)));
            (*until > now && fits).then(|| value.clone())
        };
        Ok(slots.iter().map(value).collect())
    }

    async fn put(&self, values: &[Put]) -> Result<(), Error> {
        let (now, mut kept) = (self.clock.elapsed(), self.kept());
        for Put { key, value, ttl } in values {
            kept.values.insert(key.clone(), (now + *ttl, value.clone()));
        }
        kept.sweep(now);
        Ok(())
    }

    async fn put_later(&self, key: &str, text: &str, ttl: Duration) -> Result<(), Error> {
        let (now, mut kept) = (self.clock.elapsed(), self.kept());
        let there = match kept.values.get(key) {
            Some((until, Value::Text(text))) if *until > now => version(text),
            _ => None,
        };
        if there <= version(text) {
            kept.values.insert(key.to_owned(), (now + ttl, Value::Text(text.to_owned())));
        }
        kept.sweep(now);
        Ok(())
    }

    async fn swap(&self, key: &str, expected: &str, edits: &[Edit]) -> Result<bool, Error> {
        let (now, mut kept) = (self.clock.elapsed(), self.kept());
        let is_there = |(until, value): &(Duration, Value)| *until > now && *value == Value::Text(expected.to_owned());
        if !kept.values.get(key).is_some_and(is_there) {
            return Ok(false);
        }
        for Edit { key, text, set, gone, ttl } in edits {
            let until = now + Duration::from_millis(*ttl);
            let old = kept.values.remove(key).filter(|(until, _)| *until > now).map(|(_, value)| value);
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
                kept.values.insert(key.clone(), (until, value));
            }
        }
        Ok(true)
    }

    async fn add(&self, key: &str, fields: &BTreeMap<String, String>, ttl: Duration) -> Result<(), Error> {
        let (now, mut kept) = (self.clock.elapsed(), self.kept());
        let (mut until, mut hash) = match kept.values.remove(key) {
            Some((until, Value::Hash(hash))) if until > now => (until, hash),
            _ => (now, BTreeMap::new()),
        };
        hash.extend(fields.clone());
        until = until.max(now + ttl);
        kept.values.insert(key.to_owned(), (until, Value::Hash(hash)));
        kept.sweep(now);
        Ok(())
    }

    async fn take_out(&self, key: &str, fields: &[String]) -> Result<(), Error> {
        if let Some((_, Value::Hash(hash))) = self.kept().values.get_mut(key) {
            hash.retain(|field, _| !fields.contains(field));
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

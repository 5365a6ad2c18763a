//! How far the runs under way are: `command:execution:{id}`.
//!
//! Written by whoever drives a run, for whoever asks meanwhile. The truth about a run is in the store.

use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::entry::{open, seal};
use super::{Cache, Error, Put, Shape, Slot, Value};
use crate::model::GuildId;

/// How long it is kept after the last word of a run (the data model's).
const TTL: Duration = Duration::from_secs(5 * 60);

/// How far a run is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Execution {
    /// The run.
    pub id: Uuid,
    /// Where.
    pub guild: GuildId,
    /// How many steps it has.
    pub all: usize,
    /// How many were done.
    pub done: usize,
    /// How many failed or were skipped.
    pub failed: usize,
    /// What it does just now.
    pub doing: String,
    /// When it began.
    pub started_at: DateTime<Utc>,
    /// When this was written.
    pub updated_at: DateTime<Utc>,
}

fn key(id: Uuid) -> String {
    format!("command:execution:{id}")
}

impl Cache {
    /// Tells others how far a run is.
    ///
    /// # Errors
    /// When the cache cannot be reached, or it cannot be written down.
    pub async fn tell_execution(&self, execution: &Execution) -> Result<(), Error> {
        let key = key(execution.id);
        let value = Value::Text(seal(&key, Uuid::now_v7(), execution)?);
        self.shelf.put(&[Put { key, value, ttl: TTL }]).await
    }

    /// How far some runs are, in one round trip; nothing for those of which nothing is known.
    ///
    /// # Errors
    /// When the cache cannot be reached.
    pub async fn executions(&self, ids: &[Uuid]) -> Result<Vec<Option<Execution>>, Error> {
        let slots: Vec<Slot> = ids.iter().map(|id| Slot { key: key(*id), shape: Shape::Text }).collect();
        if slots.is_empty() {
            return Ok(Vec::new());
        }
        let found = self.shelf.fetch(&slots).await?;
        let read = |(slot, value): (&Slot, Option<Value>)| match value {
            Some(Value::Text(text)) => open::<Execution>(&slot.key, &text).map(|(_, execution)| execution),
            Some(Value::Hash(_)) | None => None,
        };
        Ok(slots.iter().zip(found).map(read).collect())
    }
}

//! The request log.

use std::collections::VecDeque;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::world::Snowflake;

/// Older requests are forgotten, so that a simulator can run for weeks.
const MOST_RECORDS: usize = 200_000;

/// One request and what became of it.
#[derive(Clone, Debug)]
pub struct Record {
    /// Counted from 1 since the simulator started.
    pub number: u64,
    /// When the answer was decided.
    pub time: DateTime<Utc>,
    /// `GET`, `POST`, ...
    pub method: String,
    /// Path as received, without query.
    pub path: String,
    /// Query as received.
    pub query: String,
    /// Who called, when the token was good.
    pub user_id: Option<Snowflake>,
    /// The audit-log reason, decoded.
    pub reason: Option<String>,
    /// The `User-Agent`.
    pub user_agent: Option<String>,
    /// The body: JSON, or a text when it was none.
    pub body: Option<Value>,
    /// The status sent; 0 when the connection was lost.
    pub status: u16,
    /// The call was carried out, whatever the caller was told.
    pub done: bool,
    pub(crate) answer: Bytes,
}

impl Record {
    /// Path below the API's version: `/guilds/1/channels`.
    pub fn route(&self) -> &str {
        super::server::below_version(&self.path).unwrap_or(&self.path)
    }

    /// The body of the answer.
    pub fn answer(&self) -> Option<Value> {
        match serde_json::from_slice(&self.answer) {
            Ok(value) => Some(value),
            Err(_) if self.answer.is_empty() => None,
            Err(_) => Some(Value::String(String::from_utf8_lossy(&self.answer).into_owned())),
        }
    }

    /// True for anything but reading.
    pub fn is_write(&self) -> bool {
        self.method != "GET"
    }

    /// The record as the admin route shows it.
    pub fn to_json(&self) -> Value {
        json!({
            "number": self.number, "time": self.time, "method": self.method, "path": self.path, "query": self.query,
            "user_id": self.user_id, "reason": self.reason, "user_agent": self.user_agent, "body": self.body,
            "status": self.status, "done": self.done, "answer": self.answer(),
        })
    }
}

/// All requests that are remembered.
#[derive(Debug, Default)]
pub(crate) struct Log {
    records: VecDeque<Record>,
    seen: u64,
}

impl Log {
    /// The number of the next request.
    pub(crate) fn number(&mut self) -> u64 {
        self.seen += 1;
        self.seen
    }

    pub(crate) fn push(&mut self, record: Record) {
        if self.records.len() >= MOST_RECORDS {
            self.records.pop_front();
        }
        self.records.push_back(record);
    }

    pub(crate) fn records(&self) -> Vec<Record> {
        self.records.iter().cloned().collect()
    }

    pub(crate) fn clear(&mut self) {
        self.records.clear();
    }
}

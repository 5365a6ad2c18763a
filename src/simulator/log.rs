//! The request log.

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::{Value, json};

use super::world::Snowflake;

/// Older requests are forgotten, so that a simulator can run for weeks.
const MOST_RECORDS: usize = 200_000;

/// One request and what became of it.
#[derive(Clone, Debug)]
pub struct Record {
    /// Counted from 1 since the simulator started.
    pub number: u64,
    /// When it came in. What was decided between this and [`time`](Self::time) nobody could have told its sender.
    pub arrived: DateTime<Utc>,
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
    /// Who answered.
    pub origin: Origin,
    pub(crate) answer: Bytes,
}

/// Who gave an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// The API: its description has this answer.
    Api,
    /// A fault in the API's place: a failing server, or a connection that broke.
    Fault,
    /// The gate in front of the API, which bans whole addresses.
    Edge,
}

/// Somebody who is told of every request once it is answered.
#[derive(Clone)]
pub struct Recorder(Arc<dyn Fn(&Record) + Send + Sync>);

impl Recorder {
    /// Tells `listen`.
    pub fn new(listen: impl Fn(&Record) + Send + Sync + 'static) -> Self {
        Self(Arc::new(listen))
    }

    pub(crate) fn tell(&self, record: &Record) {
        (self.0)(record);
    }
}

impl fmt::Debug for Recorder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Recorder")
    }
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

    /// The body of the answer, as it was sent.
    pub fn raw_answer(&self) -> &[u8] {
        &self.answer
    }

    /// True for anything but reading.
    pub fn is_write(&self) -> bool {
        self.method != "GET"
    }

    /// The record as the admin route shows it.
    pub fn to_json(&self) -> Value {
        json!({
            "number": self.number, "arrived": self.arrived, "time": self.time, "method": self.method, "path": self.path, "query": self.query,
            "user_id": self.user_id, "reason": self.reason, "user_agent": self.user_agent, "body": self.body,
            "status": self.status, "done": self.done, "origin": self.origin, "answer": self.answer(),
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

    pub(crate) fn last(&self) -> Option<Record> {
        self.records.back().cloned()
    }

    /// The last good answer the same caller got to the same read.
    pub(crate) fn last_answer(&self, caller: Snowflake, path: &str, query: &str) -> Option<Bytes> {
        let same = |r: &&Record| {
            r.user_id == Some(caller) && r.method == "GET" && r.path == path && r.query == query && r.status == 200
        };
        self.records.iter().rev().find(same).map(|r| r.answer.clone())
    }

    pub(crate) fn clear(&mut self) {
        self.records.clear();
    }
}

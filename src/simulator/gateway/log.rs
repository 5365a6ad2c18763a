//! The log of the Gateway: who connected, what was said, and how it ended.

use std::collections::VecDeque;

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::{Value, json};

use crate::simulator::world::Snowflake;

/// Older entries are forgotten, so that a simulator can run for weeks.
const MOST_ENTRIES: usize = 50_000;

/// One thing that happened on a connection.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct GatewayRecord {
    /// Counted from 1 since the simulator started.
    pub number: u64,
    /// When.
    pub time: DateTime<Utc>,
    /// Which connection, counted from 1.
    pub connection: u64,
    /// What.
    #[serde(flatten)]
    pub traffic: Traffic,
}

/// What happened on a connection.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "what", rename_all = "snake_case")]
pub enum Traffic {
    /// A client connected.
    Opened {
        /// With these parameters.
        query: String,
    },
    /// The client sent a payload. Tokens are not logged.
    Received {
        /// The payload, or how long it was when it was no JSON.
        payload: Value,
    },
    /// A payload was sent to the client.
    Sent {
        /// The payload.
        payload: Value,
    },
    /// A fault kept back an event of a session.
    Withheld {
        /// Its name.
        event: String,
    },
    /// The connection was closed by the simulator.
    Closed {
        /// The close code.
        code: u16,
    },
    /// The client closed the connection.
    Left {
        /// The close code, if it gave one.
        code: Option<u16>,
    },
    /// The connection broke, or was broken, without a word.
    Broken,
}

impl GatewayRecord {
    /// The name of the event that was sent, if it was one.
    pub fn event(&self) -> Option<&str> {
        match &self.traffic {
            Traffic::Sent { payload } => payload["t"].as_str(),
            _ => None,
        }
    }

    /// What was sent or received under that operation code.
    pub fn data(&self, op: u64) -> Option<&Value> {
        match &self.traffic {
            Traffic::Sent { payload } | Traffic::Received { payload } if payload["op"] == json!(op) => {
                Some(&payload["d"])
            }
            _ => None,
        }
    }
}

/// A session as it is now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SessionView {
    /// Its id.
    pub id: String,
    /// Whose it is.
    pub user_id: Snowflake,
    /// Number and count of shards.
    pub shard: [u64; 2],
    /// What it wants to be told, bits.
    pub intents: u64,
    /// The number of its newest event.
    pub sequence: u64,
    /// The connection it is on; without one it waits to be resumed.
    pub connection: Option<u64>,
}

/// All entries that are remembered.
#[derive(Debug, Default)]
pub(super) struct GatewayLog {
    records: VecDeque<GatewayRecord>,
    seen: u64,
}

impl GatewayLog {
    pub(super) fn note(&mut self, connection: u64, traffic: Traffic, now: DateTime<Utc>) {
        if self.records.len() >= MOST_ENTRIES {
            self.records.pop_front();
        }
        self.seen += 1;
        self.records.push_back(GatewayRecord { number: self.seen, time: now, connection, traffic });
    }

    pub(super) fn records(&self) -> Vec<GatewayRecord> {
        self.records.iter().cloned().collect()
    }

    pub(super) fn clear(&mut self) {
        self.records.clear();
    }
}

/// A payload as it is logged: without its token.
pub(super) fn without_token(text: &str) -> Value {
    let Ok(mut payload) = serde_json::from_str::<Value>(text) else { return json!(text.len()) };
    if let Some(token) = payload.get_mut("d").and_then(|data| data.get_mut("token")) {
        *token = json!("<token>");
    }
    payload
}

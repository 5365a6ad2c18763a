//! Connections: where payloads go, and what was heard from each client.

use std::collections::{BTreeMap, VecDeque};

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::Value;
use tokio::sync::mpsc::UnboundedSender;

use super::close::Close;
use super::log::{GatewayLog, Traffic};
use crate::simulator::limits::Window;

/// What the task of a connection is to do next.
#[derive(Debug)]
pub(super) enum Wire {
    /// Send a payload.
    Send(String),
    /// Pack payloads from now on.
    PackPayloads,
    /// Close it.
    Close(Close),
    /// Break it.
    Break,
    /// Something is due earlier than it was: look at the clock again.
    Look,
}

/// One connection.
#[derive(Debug)]
pub(super) struct Line {
    wire: UnboundedSender<Wire>,
    /// `ws://HOST`, as the client called it.
    pub(super) url: String,
    /// The session that was started or resumed on it.
    pub(super) session: Option<String>,
    /// When a heartbeat came last.
    pub(super) heard: DateTime<Utc>,
    received: VecDeque<DateTime<Utc>>,
}

impl Line {
    pub(super) fn new(wire: UnboundedSender<Wire>, url: String, now: DateTime<Utc>) -> Self {
        Self { wire, url, session: None, heard: now, received: VecDeque::new() }
    }

    /// Counts a payload; false when it is one too many.
    pub(super) fn admit(&mut self, limit: Option<Window>, now: DateTime<Utc>) -> bool {
        let Some(Window { limit, seconds }) = limit else { return true };
        let since = now - TimeDelta::seconds(i64::from(seconds));
        self.received.retain(|at| *at > since);
        self.received.push_back(now);
        self.received.len() <= limit as usize
    }
}

/// All connections and their log.
#[derive(Debug, Default)]
pub(super) struct Lines {
    open: BTreeMap<u64, Line>,
    opened: u64,
    pub(super) log: GatewayLog,
}

impl Lines {
    pub(super) fn open(&mut self, line: Line, query: &str, now: DateTime<Utc>) -> u64 {
        self.opened += 1;
        self.open.insert(self.opened, line);
        self.log.note(self.opened, Traffic::Opened { query: query.to_owned() }, now);
        self.opened
    }

    pub(super) fn get_mut(&mut self, id: u64) -> Option<&mut Line> {
        self.open.get_mut(&id)
    }

    pub(super) fn ids(&self) -> Vec<u64> {
        self.open.keys().copied().collect()
    }

    /// Sends a payload, if the connection is still there.
    pub(super) fn send(&mut self, id: u64, payload: Value, now: DateTime<Utc>) {
        if self.tell(id, Wire::Send(payload.to_string())) {
            self.log.note(id, Traffic::Sent { payload }, now);
        }
    }

    /// Tells the task of a connection something that is not for the log.
    pub(super) fn tell(&self, id: u64, wire: Wire) -> bool {
        self.open.get(&id).is_some_and(|line| line.wire.send(wire).is_ok())
    }

    /// Closes a connection: nothing is sent on it or heard from it any more.
    pub(super) fn close(&mut self, id: u64, close: Close, now: DateTime<Utc>) -> Option<Line> {
        self.tell(id, Wire::Close(close));
        self.end(id, Traffic::Closed { code: close.code }, now)
    }

    /// Breaks a connection without a word.
    pub(super) fn cut(&mut self, id: u64, now: DateTime<Utc>) -> Option<Line> {
        self.tell(id, Wire::Break);
        self.end(id, Traffic::Broken, now)
    }

    /// The client is gone.
    pub(super) fn end(&mut self, id: u64, traffic: Traffic, now: DateTime<Utc>) -> Option<Line> {
        let line = self.open.remove(&id)?;
        self.log.note(id, traffic, now);
        Some(line)
    }
}

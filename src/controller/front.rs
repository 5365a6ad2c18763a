//! What those who serve machines may ask a controller: how it is, and to look again.
//!
//! Faces know this and nothing behind it, so that a web server can be tried without a guild.

use serde_json::Value;

use crate::source::webhook::Delivery;

/// How a controller is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Health {
    /// That it makes progress: its loop came round lately. Otherwise what it hangs at, and it should be started anew.
    pub live: Result<(), String>,
    /// That it can do its work: the database answers, sources were read. Otherwise what it waits for; starting it anew would not
    /// help.
    pub ready: Result<(), String>,
    /// More for people, as a JSON object; no secrets.
    pub details: Value,
}

/// The side of a controller that faces machines. No call waits for anything.
pub trait Front: Send + Sync {
    /// How it is.
    fn health(&self) -> Health;

    /// Looks at a source again, soon. What the message says beyond that is a hint and no order.
    fn look_again(&self, source: &str, delivery: &Delivery);
}

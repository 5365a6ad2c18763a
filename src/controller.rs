//! One reconciliation at a time per guild: read, propose, apply, verify, record.
//!
//! Decides nothing about a guild; the plan did. Knows neither manifests' spelling nor terminals.

mod engine;
mod recover;
mod run;

pub use engine::{Engine, Error, Proposal};
pub use recover::Recovered;
pub use run::{Pause, Progress, Report, Request, Silent, StopSignal};

//! One reconciliation at a time per guild: read, propose, apply, verify, record.
//!
//! Decides nothing about a guild; the plan did. Knows neither manifests' spelling nor terminals.

mod attempt;
mod back;
mod drive;
mod engine;
mod glance;
mod hold;
mod note;
mod progress;
pub mod queue;
mod recover;
mod run;
mod send;
mod servers;
mod share;
mod spread;
mod wait;

pub use engine::{Engine, Error, Proposal};
pub use glance::Glance;
pub use progress::{Pause, Progress, Silent, StopSignal};
pub use recover::Recovered;
pub use run::{Report, Request};
pub use servers::Servers;
pub use wait::Patience;

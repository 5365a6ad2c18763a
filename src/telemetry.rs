//! What operators see of a running process: metrics, logs and messages.
//!
//! Decides what measures are called and how much of them is kept. Refuses to know what they mean to whom, and holds no text a
//! person wrote: a metric or a log with a secret in it would be a leak that is copied to three other systems.

pub mod guilds;
pub mod logs;
pub mod metrics;
mod outbound;
mod recorder;

pub use outbound::{Outbound, OutboundError, sign};
pub use recorder::{InstallError, Recorder};

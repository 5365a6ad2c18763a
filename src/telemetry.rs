//! What operators see of a running process: metrics, logs, spans and messages.
//!
//! Decides what measures are called and how much of them is kept. Refuses to know what they mean to whom, and holds no text a
//! person wrote: a metric or a log with a secret in it would be a leak that is copied to three other systems.

pub mod guilds;
pub mod logs;
pub mod metrics;
#[cfg(not(feature = "otel"))]
mod no_spans;
mod outbound;
mod recorder;
#[cfg(feature = "otel")]
mod spans;

#[cfg(not(feature = "otel"))]
use no_spans as spans;
pub use outbound::{Outbound, OutboundError, sign};
pub use recorder::{InstallError, Recorder};
pub use spans::{Spans, SpansError};

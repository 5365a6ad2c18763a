//! The speed that all processes of one bot share.
//!
//! Each process keeps within Discord's limits by itself; of the limit on everything together it knows only its own part.

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;

/// Gives out places among the requests of all processes.
#[async_trait]
pub trait Allowance: fmt::Debug + Send + Sync {
    /// Takes the next place, and says how long it is until then. None when nobody can say, and then everybody goes by their
    /// own limits alone. Answers within a fraction of a second.
    async fn next_place(&self) -> Option<Duration>;
}

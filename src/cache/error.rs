//! Why a cache could not be used. None of it is a reason to stop: everything can be read from Discord.

/// Why a cache could not be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The address of Redis is not one.
    #[error("the address of Redis cannot be used: {reason}")]
    Address {
        /// What is wrong with it; never the address itself, which may hold a password.
        reason: String,
    },
    /// Redis did not answer, or refused.
    #[error("Redis cannot be used")]
    Redis(#[source] redis::RedisError),
    /// Redis says that it is a time there is none of.
    #[error("Redis says that {seconds} seconds have passed since 1970")]
    Clock {
        /// What it says.
        seconds: i64,
    },
    /// A value could not be written down.
    #[error("a value cannot be written down for the cache")]
    Unwritable(#[from] serde_json::Error),
}

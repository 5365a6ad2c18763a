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

impl Error {
    /// What an operator can do about it, where that is known.
    pub fn remedy(&self) -> Option<String> {
        let Self::Redis(error) = self else { return None };
        let said = error.detail().unwrap_or_default().to_lowercase();
        let what = match (error.kind(), error.code()) {
            (redis::ErrorKind::AuthenticationFailed, _) | (_, Some("NOAUTH" | "WRONGPASS")) => {
                "Redis wants another user or password"
            }
            (_, Some("NOPERM")) => "Redis does not allow its user what is needed",
            (_, Some("WRONGTYPE")) => {
                "Redis holds something of another program in a key SETAI uses (`stream:*`): delete it, or use another database"
            }
            (_, Some("ERR")) if said.contains("unknown") && said.contains("command") => {
                "this Redis is too old: 6.2 or newer is needed"
            }
            _ => return None,
        };
        Some(format!("{what}. `{}` names it", super::SETTING))
    }
}

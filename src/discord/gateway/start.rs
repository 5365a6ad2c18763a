//! Where the gateway is and how many sessions may begin, and what can go wrong there.

use std::time::Duration;

use serde::Deserialize;
use twilight_http::routing::Route;

use crate::discord::call::Call;
use crate::discord::client::Client;
use crate::discord::error::Error;

/// Why the gateway is left for good. Whatever passes by itself is waited for instead.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum GatewayError {
    /// Discord does not say where its gateway is, and will not.
    #[error("Discord does not say where its gateway is")]
    Start(#[source] Box<Error>),
    /// The address cannot be one.
    #[error("the gateway's address is no `ws://` or `wss://` address; correct or remove it")]
    BadAddress,
    /// Connections cannot be made from this machine.
    #[error("no connection can be made from this machine: {cause}")]
    NoNetwork {
        /// What the system said.
        cause: String,
    },
    /// Close code 4004.
    #[error(
        "Discord's gateway does not know the bot token (close code 4004); copy it again from the Bot page of the \
         Developer Portal into DISCORD_TOKEN"
    )]
    BadToken,
    /// Close code 4010.
    #[error(
        "Discord's gateway refuses shard {shard} of {of} (close code 4010); correct the number of shards, or leave it out"
    )]
    BadShard {
        /// Which.
        shard: u32,
        /// How many there should be.
        of: u32,
    },
    /// Close code 4011.
    #[error(
        "the bot is in too many guilds for {of} shards (close code 4011); raise the number of shards, or leave it out"
    )]
    TooFewShards {
        /// How many there should be.
        of: u32,
    },
    /// Close code 4012.
    #[error("Discord has given up the version of its gateway that this build speaks (close code 4012); update setai")]
    OldVersion,
    /// Close code 4013.
    #[error("Discord does not know the intents {intents} this build asks for (close code 4013); update setai")]
    BadIntents {
        /// The bits.
        intents: u64,
    },
    /// Close code 4014.
    #[error(
        "Discord does not allow the intents {intents} this build asks for (close code 4014); enable them on the Bot page of \
         the Developer Portal, or leave out what needs them (`discord: {{ messages: true }}`)"
    )]
    DisallowedIntents {
        /// The bits.
        intents: u64,
    },
}

impl GatewayError {
    /// What a close code means that nobody recovers from (Discord's documentation, "Gateway Close Event Codes").
    pub(super) fn of_code(code: u16, (shard, of): (u32, u32), intents: u64) -> Option<Self> {
        match code {
            4004 => Some(Self::BadToken),
            4010 => Some(Self::BadShard { shard, of }),
            4011 => Some(Self::TooFewShards { of }),
            4012 => Some(Self::OldVersion),
            4013 => Some(Self::BadIntents { intents }),
            4014 => Some(Self::DisallowedIntents { intents }),
            _ => None,
        }
    }
}

/// What Discord says of its gateway.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Start {
    pub(super) url: String,
    pub(super) shards: u32,
    pub(super) session_start_limit: Sessions,
}

/// How many sessions may begin.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Sessions {
    pub(super) total: u32,
    pub(super) remaining: u32,
    /// Milliseconds until all of them may begin again.
    pub(super) reset_after: u64,
    pub(super) max_concurrency: u16,
}

impl Default for Sessions {
    /// What Discord's documentation says of a bot of usual size.
    fn default() -> Self {
        Self { total: 1000, remaining: 1000, reset_after: 24 * 60 * 60 * 1000, max_concurrency: 1 }
    }
}

impl Sessions {
    pub(super) fn reset_after(&self) -> Duration {
        Duration::from_millis(self.reset_after)
    }
}

impl Client {
    /// Where the gateway is. One request.
    pub(super) async fn gateway(&self) -> Result<Start, Error> {
        self.transport.send(&Call::to(&Route::GetGatewayBot)).await?.json()
    }
}

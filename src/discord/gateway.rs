//! Discord's gateway: what happens in guilds, told as it happens.
//!
//! Decides what the messages mean and when a connection is made anew. Whatever it tells is a hint to look: a snapshot that
//! is kept current with [`patched`] can show that there is nothing to do, and justifies no write.
//!
//! | part | decides |
//! |---|---|
//! | `event` | what a message says |
//! | `patch` | what a snapshot is afterwards |
//! | `shard` | when a connection is made anew, and whether its session goes on |
//! | `pause` | how long that waits |
//! | `outbox` | what becomes of events nobody takes |
//! | `start` | where the gateway is, and what cannot be recovered from |

mod event;
mod outbox;
mod patch;
mod pause;
mod shard;
mod start;

use std::sync::Arc;
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use tokio::sync::mpsc::Sender;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use twilight_gateway::queue::InMemoryQueue;
use twilight_gateway::{Config, ConfigBuilder, Intents, ShardId};
use twilight_model::gateway::payload::outgoing::identify::IdentifyProperties;

use super::client::Client;
use super::error::{Disposition, Error};
use super::transport::bare;
use crate::tls;

pub use event::{Change, Event, shard_of};
pub use patch::patched;
pub use start::GatewayError;

use shard::Link;
use start::{Sessions, Start};

/// What is asked to be told of: guilds with roles and channels, and the audit log. Neither needs leave of Discord
/// (its documentation, "Gateway Intents").
const INTENTS: Intents = Intents::GUILDS.union(Intents::GUILD_MODERATION);

/// What is asked for besides where commands are typed as messages. What people write takes leave of Discord.
const MESSAGES: Intents = Intents::GUILD_MESSAGES.union(Intents::MESSAGE_CONTENT);

/// How the gateway is reached.
#[derive(Clone, Debug)]
pub struct GatewaySettings {
    /// The bot's token; white space around it and a leading `Bot ` do not matter.
    pub token: SecretString,
    /// Another address than Discord gives, such as `ws://127.0.0.1:7777`. Discord is then not asked for it.
    pub url: Option<String>,
    /// Another number of shards than Discord recommends; without Discord's recommendation one.
    pub shards: Option<u32>,
    /// How long a connection may be silent before it counts as lost. Longer than between two heartbeats.
    pub silence: Duration,
    /// Whether to be told what people write. Takes the privileged intent "Message Content".
    pub messages: bool,
}

impl GatewaySettings {
    /// The usual settings for a token.
    pub fn new(token: SecretString) -> Self {
        // Discord asks for a heartbeat about every 45 seconds, and answers each.
        Self { token, url: None, shards: None, silence: Duration::from_mins(3), messages: false }
    }

    fn intents(&self) -> Intents {
        if self.messages { INTENTS | MESSAGES } else { INTENTS }
    }
}

/// All shards of one bot.
#[derive(Debug)]
pub struct Gateway {
    settings: GatewaySettings,
    client: Arc<Client>,
}

impl Gateway {
    /// Between two tries to find out where the gateway is, and before a shard that failed in itself begins anew.
    const AGAIN: Duration = Duration::from_secs(15);

    /// The gateway of the bot that `client` speaks for. Nothing is connected yet.
    pub fn new(settings: GatewaySettings, client: Arc<Client>) -> Self {
        Self { settings, client }
    }

    /// Connects all shards, and keeps them connected. Returns when it is stopped or nobody takes events any more.
    ///
    /// # Errors
    /// When nothing can be told any more until somebody changes a setting.
    pub async fn run(self, events: Sender<Event>, stop: CancellationToken) -> Result<(), GatewayError> {
        let (start, blank) = tokio::select! {
            () = stop.cancelled() => return Ok(()),
            both = async { tokio::join!(self.start(), self.blank()) } => both,
        };
        let start = start?;
        let config = config(&start, blank?)?;
        let stop = stop.child_token();
        let clock = self.client.transport.clock();
        let mut shards = JoinSet::new();
        let link = |number: u32| Link {
            id: ShardId::new(number, start.shards),
            config: config.clone(),
            events: events.clone(),
            stop: stop.clone(),
            clock: clock.clone(),
            silence: self.settings.silence,
            intents: self.settings.intents(),
        };
        let run = |number: u32, pause: Duration| {
            let link = link(number);
            async move {
                link.clock.sleep(pause).await;
                // A shard that fails in itself must not take the others with it.
                let ended = tokio::spawn(link.run()).await;
                (number, ended)
            }
        };
        (0..start.shards).for_each(|number| _ = shards.spawn(run(number, Duration::ZERO)));
        let mut result = Ok(());
        while let Some(Ok((number, ended))) = shards.join_next().await {
            match ended {
                Ok(Ok(())) => {}
                Ok(Err(error)) => {
                    stop.cancel();
                    // The others stop by themselves; what ended the first is what is wrong.
                    result = result.and(Err(error));
                }
                Err(_) if stop.is_cancelled() => {}
                Err(_) => {
                    tracing::error!(shard = number, "a shard of the gateway failed in itself and begins anew");
                    let why = "it failed in itself".to_owned();
                    if events.send(Event::Disconnected { shard: number, why }).await.is_ok() {
                        shards.spawn(run(number, Self::AGAIN));
                    }
                }
            }
        }
        result
    }

    /// Where the gateway is. Whatever passes by itself is waited for.
    async fn start(&self) -> Result<Start, GatewayError> {
        let GatewaySettings { token: _, url, shards, silence: _, messages: _ } = &self.settings;
        if let Some(url) = url {
            let shards = shards.unwrap_or(1).max(1);
            return Ok(Start { url: url.clone(), shards, session_start_limit: Sessions::default() });
        }
        loop {
            match self.client.gateway().await {
                Ok(start) => return Ok(Start { shards: shards.unwrap_or(start.shards).max(1), ..start }),
                Err(error) => {
                    let pause = again(&error).ok_or_else(|| GatewayError::Start(Box::new(error.clone())))?;
                    tracing::warn!(
                        error = &error as &dyn std::error::Error,
                        "Discord does not say where its gateway is; it is asked again"
                    );
                    self.client.transport.clock().sleep(pause.max(Self::AGAIN)).await;
                }
            }
        }
    }

    /// What every connection needs, whatever its address. The library reads the system's certificates for itself, which
    /// takes a while, so this is done while Discord is asked where its gateway is.
    async fn blank(&self) -> Result<ConfigBuilder, GatewayError> {
        let no_network = |cause: String| GatewayError::NoNetwork { cause };
        // The library does not say what is wrong with the certificates; it ends the program.
        tls::client().map(drop).map_err(|error| no_network(error.to_string()))?;
        let token = bare(self.settings.token.expose_secret()).to_owned();
        let intents = self.settings.intents();
        let made = tokio::task::spawn_blocking(move || ConfigBuilder::new(token, intents)).await;
        made.map_err(|error| no_network(error.to_string()))
    }
}

fn config(start: &Start, blank: ConfigBuilder) -> Result<Config, GatewayError> {
    let Start { url, shards: _, session_start_limit } = start;
    let url = url.trim().trim_end_matches('/').to_owned();
    if !is_address(&url) {
        return Err(GatewayError::BadAddress);
    }
    let Sessions { total, remaining, reset_after: _, max_concurrency } = session_start_limit;
    if *remaining == 0 {
        let wait = session_start_limit.reset_after();
        tracing::warn!(?wait, "Discord lets the bot begin no session for now");
    }
    let queue =
        InMemoryQueue::new((*max_concurrency).max(1), *remaining.min(total), session_start_limit.reset_after(), *total);
    let config = blank.queue(queue).proxy_url(url).identify_properties(IdentifyProperties::new(
        "setai",
        "setai",
        std::env::consts::OS,
    ));
    Ok(config.build())
}

/// True for what can be connected to. The library ends the program over anything else.
fn is_address(url: &str) -> bool {
    url.parse::<http::Uri>().is_ok_and(|uri| {
        matches!(uri.scheme_str(), Some("ws" | "wss")) && uri.host().is_some() && uri.query().is_none()
    })
}

/// When to ask again after this error; none when that is in vain.
fn again(error: &Error) -> Option<Duration> {
    // A refusal without a code is not the API's: something in front of it holds this address back for a while.
    if let Error::Refused(refusal) = error
        && refusal.code == 0
    {
        return Some(Error::OUTAGE);
    }
    match error.disposition() {
        Disposition::RetryAfter(pause) | Disposition::Parked(pause) => Some(pause),
        Disposition::Unknown => Some(Duration::ZERO),
        Disposition::Refused | Disposition::Gone | Disposition::Stale | Disposition::Fatal => None,
    }
}

#[cfg(test)]
mod tests;

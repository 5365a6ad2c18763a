//! The client: one bot at one Discord.

use std::sync::Arc;

use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest as _, Sha256};
use tokio::sync::OnceCell;

use crate::clock::Clock;
use crate::model::UserId;

use super::allowance::Allowance;
use super::error::Error;
use super::exchange::{Exchange, Https};
use super::identity;
use super::limits::{Budget, Notice};
use super::transport::{Recorder, Transport};

/// Where Discord is, and who asks.
#[derive(Clone)]
pub struct Settings {
    /// The bot's token; white space around it and a leading `Bot ` do not matter.
    pub token: SecretString,
    /// The server, without `/api`: [`Settings::DISCORD`], or that of a simulated Discord.
    pub address: String,
    /// How much may be asked.
    pub budget: Budget,
    /// Is told of every request.
    pub recorder: Option<Recorder>,
}

impl Settings {
    /// Discord's own server.
    pub const DISCORD: &str = "https://discord.com";

    /// The usual settings for a token.
    pub fn new(token: SecretString) -> Self {
        Self { token, address: Self::DISCORD.to_owned(), budget: Budget::default(), recorder: None }
    }
}

/// One bot at one Discord. All its requests share one set of limits, so there should be one client per token.
#[derive(Debug)]
pub struct Client {
    pub(super) transport: Transport,
    /// The user id the token seems to have, which costs no request.
    pub(super) claimed: Option<UserId>,
    /// The user id Discord confirmed.
    pub(super) confirmed: OnceCell<UserId>,
    /// Whether Discord lets the bot list members.
    pub(super) lists_members: OnceCell<bool>,
}

impl Client {
    /// A client that sends through `exchange`. Nothing is sent yet.
    ///
    /// # Errors
    /// [`Error::BadToken`] and [`Error::BadAddress`].
    pub fn new(settings: Settings, exchange: Arc<dyn Exchange>, clock: Clock) -> Result<Self, Error> {
        let Settings { token, address, budget, recorder } = settings;
        let claimed = identity::user_of_token(token.expose_secret());
        let transport = Transport::new(exchange, clock, &token, &address, budget, recorder)?;
        Ok(Self { transport, claimed, confirmed: OnceCell::new(), lists_members: OnceCell::new() })
    }

    /// Whose limits these are: the same for two processes of one bot at one Discord, and telling nothing of either.
    pub fn limited_as(&self) -> String {
        let bot = self.claimed.map_or_else(String::new, |user| user.to_string());
        let digest = Sha256::digest(format!("{bot} at {}", self.transport.address()));
        digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect()
    }

    /// Waits until something was learned of limits, and says what: other processes of this bot should take it.
    pub async fn limit_news(&self) -> Vec<Notice> {
        self.transport.news().await
    }

    /// What was learned of limits and nobody was told.
    pub fn limit_notices(&self) -> Vec<Notice> {
        self.transport.notices()
    }

    /// From now on every request takes a place among those of all processes. Only the first allowance counts.
    pub fn share_rate(&self, allowance: Arc<dyn Allowance>) {
        self.transport.share(allowance);
    }

    /// How many requests there may be in any second.
    pub fn per_second(&self) -> u32 {
        self.transport.per_second()
    }

    /// Takes what other processes of this bot learned of limits. Taking it again changes nothing.
    pub fn take_limits(&self, notices: &[Notice]) {
        self.transport.take(notices);
    }

    /// A client that uses the network.
    ///
    /// # Errors
    /// As [`Client::new`], and [`Error::NoNetwork`].
    pub fn connect(settings: Settings) -> Result<Self, Error> {
        let https = Https::new().map_err(|error| Error::NoNetwork { cause: error.to_string() })?;
        Self::new(settings, Arc::new(https), Clock::system())
    }
}

//! Who answers people in Discord while `setai run` runs: by the gateway, and by HTTP where Discord is told to use that.

use async_trait::async_trait;
use serde_json::Value;
use tokio::sync::{OnceCell, mpsc};
use tokio_util::sync::CancellationToken;

use crate::bot::{Bot, Turn};
use crate::web::{Answer, Answers, key_of};

/// Answers people in Discord. That Discord does not take the command now is no reason not to answer those who have it.
pub(super) async fn answer(bot: Bot, told: mpsc::Receiver<Value>, stop: CancellationToken) {
    let registered = tokio::select! {
        () = stop.cancelled() => return,
        registered = bot.register() => registered,
    };
    if let Err(error) = registered {
        tracing::error!(%error, "Discord does not take the command `/setai`; whoever has it already is answered");
    }
    bot.listen(told, stop).await;
}

/// The bot as the web server knows it.
pub(super) struct Counter {
    bot: Bot,
    key: OnceCell<[u8; 32]>,
}

impl Counter {
    pub(super) fn new(bot: Bot) -> Self {
        Self { bot, key: OnceCell::new() }
    }
}

#[async_trait]
impl Answers for Counter {
    async fn key(&self) -> Option<[u8; 32]> {
        let asked = async {
            let digits = self.bot.key().await.map_err(|error| error.to_string())?;
            key_of(&digits).ok_or_else(|| format!("`{digits}` is no key"))
        };
        match self.key.get_or_try_init(|| asked).await {
            Ok(key) => Some(*key),
            Err(error) => {
                tracing::warn!(error, "the key of the application is not known, so no interaction is taken by HTTP");
                None
            }
        }
    }

    async fn hear(&self, told: Value) -> Option<Answer> {
        let Turn { first, then } = self.bot.hear(&told).await?;
        Some((first, then))
    }
}

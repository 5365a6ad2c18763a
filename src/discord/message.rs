//! Messages the bot writes into channels.

use serde_json::Value;
use twilight_http::routing::Route;

use crate::model::{ChannelId, GuildId};

use super::call::Call;
use super::client::Client;
use super::error::Error;

impl Client {
    /// Writes a message, given as the body of Discord's Create Message, into a channel of a guild. One request; a lost answer is
    /// not repeated, so that nothing is said twice.
    ///
    /// # Errors
    /// As of any change.
    pub async fn say(&self, guild: GuildId, channel: ChannelId, message: &Value) -> Result<(), Error> {
        let route = Route::CreateMessage { channel_id: channel.get() };
        self.transport.send(&Call::to(&route).within(guild).json(message)).await.map(drop)
    }
}

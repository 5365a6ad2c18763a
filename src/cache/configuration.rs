//! Settings of guilds as they were read from the store last: `config:server:{id}`.
//!
//! A value begins with its version, so that who read an old one and writes it down late does not put it over a newer one.
//! Even so it may be old: whoever decides something by a setting asks the store.

use std::time::Duration;

use uuid::Uuid;

use super::entry::{open, seal};
use super::{Cache, Error, Shape, Slot, Value};
use crate::model::{GuildId, ServerConfiguration};

/// How long it is kept (the data model's).
const TTL: Duration = Duration::from_secs(60 * 60);

fn key(guild: GuildId) -> String {
    format!("config:server:{guild}")
}

/// The version a text begins with.
pub(super) fn version(text: &str) -> Option<u64> {
    text.split_once(' ')?.0.parse().ok()
}

impl Cache {
    /// A guild's settings as they were not long ago.
    ///
    /// # Errors
    /// When the cache cannot be reached.
    pub async fn configuration(&self, guild: GuildId) -> Result<Option<ServerConfiguration>, Error> {
        let slot = Slot { key: key(guild), shape: Shape::Text };
        let Some(Value::Text(text)) = self.shelf.fetch(std::slice::from_ref(&slot)).await?.pop().flatten() else {
            return Ok(None);
        };
        let sealed = text.split_once(' ').map(|(_, sealed)| sealed);
        let read = sealed.and_then(|sealed| open::<ServerConfiguration>(&slot.key, sealed));
        Ok(read.map(|(_, configuration)| configuration).filter(|configuration| configuration.server_id == guild))
    }

    /// Keeps settings as the store has them, unless later ones are kept.
    ///
    /// # Errors
    /// When the cache cannot be reached, or they cannot be written down.
    pub async fn keep_configuration(&self, configuration: &ServerConfiguration) -> Result<(), Error> {
        let key = key(configuration.server_id);
        let sealed = seal(&key, Uuid::now_v7(), configuration)?;
        let version = configuration.updated_at.timestamp_micros().max(0);
        self.shelf.put_later(&key, &format!("{version} {sealed}"), TTL).await
    }
}

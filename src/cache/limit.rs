//! Windows of Discord's limits that processes tell each other of: `ratelimit:server:{id}` and `ratelimit:global`.
//!
//! Each is a hash with a field for every window, so that several processes write at once and none takes away what another
//! wrote. A window ends by the clock of the cache, which is one for all. Does not know what a window is about: that is the
//! business of who counts requests.

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::entry::{open, seal};
use super::{Cache, Error, Shape, Slot, Value};
use crate::model::GuildId;

/// How long a hash is kept at least. The data model keeps it for a minute; a window that lasts longer, such as the ten
/// minutes of a channel's name, would be forgotten while it is open, so the hash stays until the last of its windows ends.
const LEAST: Duration = Duration::from_secs(60);

/// Something that is closed for a while.
#[derive(Clone, Debug, PartialEq)]
pub struct Window {
    /// What it is called among all windows of all processes.
    pub name: String,
    /// How long it stays closed.
    pub left: Duration,
    /// What it is about, for who understands it.
    pub about: serde_json::Value,
}

/// A window as it lies in the cache.
#[derive(Serialize, Deserialize)]
struct Closed {
    until: DateTime<Utc>,
    about: serde_json::Value,
}

fn slot(guild: Option<GuildId>) -> Slot {
    let key = guild.map_or_else(|| "ratelimit:global".to_owned(), |guild| format!("ratelimit:server:{guild}"));
    Slot { key, shape: Shape::Hash }
}

impl Cache {
    /// The windows others told of for a guild and for everything, those that are not over.
    ///
    /// # Errors
    /// When the cache cannot be reached.
    pub async fn windows(&self, guild: GuildId) -> Result<Vec<Window>, Error> {
        let slots = [slot(None), slot(Some(guild))];
        let (now, found) = tokio::join!(self.shelf.now(), self.shelf.fetch(&slots));
        let (now, found) = (now?, found?);
        let mut windows = Vec::new();
        for (slot, value) in slots.iter().zip(found) {
            let Some(Value::Hash(fields)) = value else { continue };
            let mut over = Vec::new();
            for (name, text) in fields {
                match closed(&slot.key, &name, &text, now) {
                    Some(window) => windows.push(window),
                    None => over.push(name),
                }
            }
            // Whoever reads tidies up, or a busy guild's hash would never end; when that fails, the next one does.
            if !over.is_empty() {
                drop(self.shelf.take_out(&slot.key, &over).await);
            }
        }
        Ok(windows)
    }

    /// Tells others of windows of one guild, or of everything.
    ///
    /// # Errors
    /// When the cache cannot be reached, or a window cannot be written down.
    pub async fn tell_windows(&self, guild: Option<GuildId>, windows: &[Window]) -> Result<(), Error> {
        let Some(longest) = windows.iter().map(|window| window.left).max() else { return Ok(()) };
        let (now, slot) = (self.shelf.now().await?, slot(guild));
        let mut fields = BTreeMap::new();
        for Window { name, left, about } in windows {
            let until = now + TimeDelta::from_std(*left).unwrap_or(TimeDelta::MAX);
            let place = format!("{}/{name}", slot.key);
            fields.insert(name.clone(), seal(&place, Uuid::now_v7(), &Closed { until, about: about.clone() })?);
        }
        self.shelf.add(&slot.key, &fields, longest.max(LEAST)).await
    }
}

/// A window that is still closed; nothing for one that is over or damaged.
fn closed(key: &str, name: &str, text: &str, now: DateTime<Utc>) -> Option<Window> {
    let (_, Closed { until, about }) = open::<Closed>(&format!("{key}/{name}"), text)?;
    let left = (until - now).to_std().ok().filter(|left| !left.is_zero())?;
    Some(Window { name: name.to_owned(), left, about })
}

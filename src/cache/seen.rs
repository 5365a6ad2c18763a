//! A guild as it was seen, taken apart into the slots it is kept in, and put together again.

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::model::{Bot, Channel, ChannelId, Facet, Guild, GuildId, Role, Snapshot};

use super::entry::{Stamp, open, seal};
use super::object::Object;
use super::{Error, Put, Shape, Slot, Value};

/// A guild as it was seen at some time.
#[derive(Clone, Debug, PartialEq)]
pub struct Seen {
    /// What was seen.
    pub snapshot: Snapshot,
    /// When Discord was asked for it.
    pub at: DateTime<Utc>,
    /// How it is known.
    pub source: Source,
}

/// How something is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// It was read from Discord in whole.
    Read,
    /// It was told by Discord's gateway, or read and then changed by what the gateway told.
    Told,
}

/// How long each slot is kept. What decides over access goes first, and with it the whole.
pub(super) const INFO: Duration = Duration::from_secs(60 * 60);
pub(super) const OBJECTS: Duration = Duration::from_secs(30 * 60);
pub(super) const PERMISSIONS: Duration = Duration::from_secs(15 * 60);

/// Everything but roles and channels, and how many of those there are.
#[derive(Serialize, Deserialize)]
pub(super) struct Info {
    pub(super) at: DateTime<Utc>,
    pub(super) source: Source,
    pub(super) roles: usize,
    pub(super) channels: usize,
    pub(super) guild: Guild,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) later: Later,
}

/// The stamps of what was written after the rest, by place; [nil](Uuid::nil) for what was taken away.
pub(super) type Later = BTreeMap<String, Stamp>;

/// Who the bot is there, and what it cannot see.
#[derive(PartialEq, Serialize, Deserialize)]
pub(super) struct Sight {
    pub(super) bot: Facet<Bot>,
    pub(super) hidden: Vec<ChannelId>,
}

/// What lies in the slots of a guild, as a whole.
pub(super) struct Kept {
    pub(super) seen: Seen,
    /// Of everything that is not in `later`.
    pub(super) stamp: Stamp,
    pub(super) later: Later,
}

/// The slots of a guild.
pub(super) fn keys(guild: GuildId) -> [Slot; 4] {
    let slot = |part: &str, shape: Shape| Slot { key: format!("server:{guild}:{part}"), shape };
    [
        slot("info", Shape::Text),
        slot("permissions", Shape::Text),
        slot("channels", Shape::Hash),
        slot("roles", Shape::Hash),
    ]
}

/// What to keep of a guild.
pub(super) fn encode(seen: &Seen) -> Result<[Put; 4], Error> {
    let Seen { snapshot: Snapshot { guild, bot, hidden }, at, source } = seen;
    let stamp = Uuid::now_v7();
    let [info, permissions, channels, roles] = keys(guild.id).map(|slot| slot.key);
    let (role_count, channel_count) = (guild.roles.len(), guild.channels.len());
    let bare = Guild { roles: Vec::new(), channels: Vec::new(), ..guild.clone() };
    let later = Later::new();
    let about = Info { at: *at, source: *source, roles: role_count, channels: channel_count, guild: bare, later };
    let sight = Sight { bot: bot.clone(), hidden: hidden.clone() };
    let text = |key: String, sealed: String, ttl: Duration| Put { key, value: Value::Text(sealed), ttl };
    let by_role = guild.roles.iter().map(|role| (role.id.to_string(), role));
    let by_channel = guild.channels.iter().map(|channel| (channel.id.to_string(), channel));
    Ok([
        text(info.clone(), seal(&info, stamp, &about)?, INFO),
        text(permissions.clone(), seal(&permissions, stamp, &sight)?, PERMISSIONS),
        hash(channels, stamp, by_channel)?,
        hash(roles, stamp, by_role)?,
    ])
}

fn hash<'a, T: Object + 'a>(
    key: String,
    stamp: Stamp,
    objects: impl Iterator<Item = (String, &'a T)>,
) -> Result<Put, Error> {
    let mut fields = BTreeMap::new();
    for (id, object) in objects {
        let sealed = seal(&format!("{key}/{id}"), stamp, &object.keep())?;
        fields.insert(id, sealed);
    }
    Ok(Put { key, value: Value::Hash(fields), ttl: OBJECTS })
}

/// The guild that was kept; nothing unless all of it is there and belongs together.
pub(super) fn decode(guild: GuildId, found: &[Option<Value>]) -> Option<Kept> {
    let [Some(Value::Text(info)), Some(Value::Text(sight)), channels, roles] = found else { return None };
    let [info_key, sight_key, channels_key, roles_key] = keys(guild).map(|slot| slot.key);
    let (stamp, info) = open::<Info>(&info_key, info)?;
    let (of_sight, Sight { bot, hidden }) = open::<Sight>(&sight_key, sight)?;
    let Info { at, source, roles: role_count, channels: channel_count, guild: mut seen, later } = info;
    let stamps = Stamps { stamp, later: &later };
    seen.channels = objects::<Channel>(&channels_key, &stamps, channels.as_ref())?;
    seen.roles = objects::<Role>(&roles_key, &stamps, roles.as_ref())?;
    let is_whole =
        stamps.of(&sight_key) == of_sight && seen.channels.len() == channel_count && seen.roles.len() == role_count;
    if !is_whole || seen.id != guild {
        return None;
    }
    seen.sort();
    Some(Kept { seen: Seen { snapshot: Snapshot { guild: seen, bot, hidden }, at, source }, stamp, later })
}

/// Which stamp each value has to have.
struct Stamps<'a> {
    stamp: Stamp,
    later: &'a Later,
}

impl Stamps<'_> {
    fn of(&self, place: &str) -> Stamp {
        self.later.get(place).copied().unwrap_or(self.stamp)
    }
}

/// The objects of a hash. Where there is none, nobody kept any: how many there should be is known.
fn objects<T: Object>(key: &str, stamps: &Stamps<'_>, hash: Option<&Value>) -> Option<Vec<T>> {
    let fields = match hash {
        None => return Some(Vec::new()),
        Some(Value::Hash(fields)) => fields,
        Some(Value::Text(_)) => return None,
    };
    let object = |(id, text): (&String, &String)| {
        let place = format!("{key}/{id}");
        let (of_object, object) = open(&place, text)?;
        (of_object == stamps.of(&place)).then(|| T::restore(object))
    };
    fields.iter().map(object).collect()
}

//! What a message of the gateway says, in the words of the model.
//!
//! Decides which messages concern us and what they mean. Messages are read with our own wire types: a library's would cut
//! bits off that this build has no name for.

use std::borrow::Cow;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::discord::changes;
use crate::discord::convert;
use crate::discord::snapshot::whole;
use crate::discord::wire::{WireAuditEntry, WireChannel, WireGuild, WireMember, WireRole};
use crate::model::{Bot, Channel, ChannelFlags, ChannelId, Facet, Guild, GuildId, Role, RoleId, Snapshot, UserId};

/// What the gateway tells. It is a hint to look, not the truth: anything can arrive once, never, twice, late, or in
/// another order than it happened (Discord's documentation, "Eventual Consistency").
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// A shard is connected.
    Connected {
        /// Which.
        shard: u32,
        /// True when everything that happened meanwhile was told. Otherwise nothing that was told of the shard's guilds
        /// counts until they are told again.
        resumed: bool,
    },
    /// A shard is not connected any more; it comes back by itself.
    Disconnected {
        /// Which.
        shard: u32,
        /// What happened.
        why: String,
    },
    /// Which guilds the bot is in, as far as a shard is concerned. Each of them is told of next, or is out of order.
    Listed {
        /// Which shard.
        shard: u32,
        /// How many shards there are: [`shard_of`] tells which guild belongs where.
        of: u32,
        /// The guilds.
        guilds: Vec<GuildId>,
    },
    /// A whole guild. What the bot may not view is in [`Snapshot::hidden`].
    Guild(Box<Snapshot>),
    /// Discord has an outage that concerns the guild; nothing is known of it until it is told again.
    Unavailable(GuildId),
    /// The bot is not in the guild any more.
    Removed(GuildId),
    /// Something in a guild is like this now.
    Changed {
        /// Which guild.
        guild: GuildId,
        /// What.
        change: Change,
    },
    /// Somebody did something.
    AuditEntry {
        /// Where.
        guild: GuildId,
        /// Who, what, when and why. It is ours only when it names both the bot and one of our operations.
        entry: changes::Change,
    },
    /// Somebody uses a command or a button, as Discord sent it.
    Interaction(Box<Value>),
    /// Somebody, and no program, wrote something in a guild; as Discord sent it.
    Message(Box<Value>),
}

/// What is different in a guild.
#[derive(Clone, Debug, PartialEq)]
pub enum Change {
    /// The guild itself, with all its roles and without channels.
    Settings(Box<Guild>),
    /// A channel or category that is new or different.
    Channel(Box<Channel>),
    /// A channel that exists and that the bot may not view.
    Hidden(ChannelId),
    /// A channel or category that is gone.
    ChannelDeleted(ChannelId),
    /// A role that is new or different.
    Role(Box<Role>),
    /// A role that is gone.
    RoleDeleted(RoleId),
    /// What the bot is in the guild.
    OwnMember(Bot),
    /// Something this build does not understand, or that was too much to be told one by one: worth a look.
    Other,
}

impl Event {
    /// The guild it is about.
    pub fn guild(&self) -> Option<GuildId> {
        match self {
            Self::Guild(snapshot) => Some(snapshot.guild.id),
            Self::Unavailable(guild)
            | Self::Removed(guild)
            | Self::Changed { guild, .. }
            | Self::AuditEntry { guild, .. } => Some(*guild),
            Self::Connected { .. }
            | Self::Disconnected { .. }
            | Self::Listed { .. }
            | Self::Interaction(_)
            | Self::Message(_) => None,
        }
    }
}

/// The shard a guild belongs to when there are so many (Discord's documentation, "Sharding").
pub fn shard_of(guild: GuildId, shards: u32) -> u32 {
    u32::try_from((guild.get() >> 22) % u64::from(shards.max(1))).unwrap_or_default()
}

/// What a message says.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Said {
    /// A session began.
    Ready {
        /// The bot.
        me: UserId,
        /// The guilds it is in.
        guilds: Vec<GuildId>,
    },
    /// A session goes on; everything that was missed was said before.
    Resumed,
    /// The session is over; when not `resumable`, a new one has to begin.
    InvalidSession {
        /// Whether it can go on.
        resumable: bool,
    },
    /// Discord wants the connection to be made anew.
    Reconnect,
    /// Something happened.
    Event(Event),
    /// Nothing that concerns us.
    Nothing,
}

/// A message without what it says.
#[derive(Deserialize)]
struct Head<'a> {
    op: u8,
    #[serde(borrow, default)]
    t: Option<Cow<'a, str>>,
}

/// What a message of known kind says.
#[derive(Deserialize)]
struct Message<T> {
    d: T,
}

#[derive(Deserialize)]
struct WireReady {
    user: WireWho,
    guilds: Vec<WireWhere>,
}

#[derive(Deserialize)]
struct WireWho {
    id: UserId,
}

#[derive(Deserialize)]
struct WireWhere {
    id: GuildId,
    #[serde(default)]
    unavailable: bool,
}

/// What a guild that is told of has besides the guild itself.
#[derive(Deserialize)]
struct WireContents {
    channels: Vec<WireChannel>,
    #[serde(default)]
    members: Vec<WireMemberOf>,
}

#[derive(Deserialize)]
struct WireMemberOf {
    user: Option<WireWho>,
    #[serde(flatten)]
    member: WireMember,
}

#[derive(Deserialize)]
struct WireIn {
    guild_id: Option<GuildId>,
}

#[derive(Deserialize)]
struct WireRoleIn {
    role: WireRole,
}

#[derive(Deserialize)]
struct WireRoleGone {
    role_id: RoleId,
}

#[derive(Deserialize)]
struct WireChannelGone {
    id: ChannelId,
}

/// What happens all the time in guilds and changes nothing that is compared.
const NOISE: [&str; 6] = [
    "CHANNEL_PINS_UPDATE",
    "CHANNEL_INFO",
    "CHANNEL_TOPIC_UPDATE",
    "CHANNEL_UNREAD_UPDATE",
    "CHANNEL_RECIPIENT_ADD",
    "CHANNEL_RECIPIENT_REMOVE",
];

/// Reads a message. `me` is the bot, and `now` decides whether a timeout of it is over.
///
/// # Errors
/// What is wrong with a message that should be understood, and is not about one guild.
pub(super) fn read(text: &str, me: Option<UserId>, now: chrono::DateTime<chrono::Utc>) -> Result<Said, String> {
    let head: Head<'_> = serde_json::from_str(text).map_err(|error| error.to_string())?;
    let kind = match (head.op, head.t) {
        (0, Some(kind)) => kind,
        (7, _) => return Ok(Said::Reconnect),
        (9, _) => return Ok(Said::InvalidSession { resumable: said(text).unwrap_or(false) }),
        _ => return Ok(Said::Nothing),
    };
    match &*kind {
        "READY" => {
            let WireReady { user, guilds } = said(text)?;
            Ok(Said::Ready { me: user.id, guilds: guilds.into_iter().map(|guild| guild.id).collect() })
        }
        "RESUMED" => Ok(Said::Resumed),
        "INTERACTION_CREATE" => said(text).map(|value| Said::Event(Event::Interaction(Box::new(value)))),
        "MESSAGE_CREATE" => Ok(written(said(text)?)),
        kind => about_a_guild(kind, text, me, now),
    }
}

/// A message somebody wrote, when it can be about anything: what programs write is never a command, lest they talk to each other.
fn written(message: Value) -> Said {
    let is_by_a_program = message["author"]["bot"] == true || message.get("webhook_id").is_some();
    let says_something = message["content"].as_str().is_some_and(|content| !content.is_empty());
    match message["guild_id"].is_string() && says_something && !is_by_a_program {
        true => Said::Event(Event::Message(Box::new(message))),
        false => Said::Nothing,
    }
}

/// A message about one guild. What cannot be understood of it is worth a look.
fn about_a_guild(
    kind: &str,
    text: &str,
    me: Option<UserId>,
    now: chrono::DateTime<chrono::Utc>,
) -> Result<Said, String> {
    let guild = if kind.starts_with("GUILD_CREATE") || kind == "GUILD_UPDATE" || kind == "GUILD_DELETE" {
        said::<WireWhere>(text)?.id
    } else {
        match said::<WireIn>(text) {
            Ok(WireIn { guild_id: Some(guild) }) => guild,
            // A private channel, or something that is about nobody's guild.
            Ok(WireIn { guild_id: None }) | Err(_) => return Ok(Said::Nothing),
        }
    };
    let changed = |change: Change| Event::Changed { guild, change };
    let event = match kind {
        "GUILD_CREATE" => told(text, guild, me, now),
        "GUILD_UPDATE" => settings(text).map(|guild| Some(changed(Change::Settings(Box::new(guild))))),
        "GUILD_DELETE" => said::<WireWhere>(text)
            .map(|gone| Some(if gone.unavailable { Event::Unavailable(guild) } else { Event::Removed(guild) })),
        "CHANNEL_CREATE" | "CHANNEL_UPDATE" => channel(text).map(|change| Some(changed(change))),
        "CHANNEL_DELETE" => said(text).map(|WireChannelGone { id }| Some(changed(Change::ChannelDeleted(id)))),
        "GUILD_ROLE_CREATE" | "GUILD_ROLE_UPDATE" => {
            said(text).map(|WireRoleIn { role }| Some(changed(Change::Role(Box::new(convert::role(role))))))
        }
        "GUILD_ROLE_DELETE" => said(text).map(|WireRoleGone { role_id }| Some(changed(Change::RoleDeleted(role_id)))),
        "GUILD_MEMBER_UPDATE" => {
            said(text).map(|member| own(member, me, now).map(|bot| changed(Change::OwnMember(bot))))
        }
        "GUILD_AUDIT_LOG_ENTRY_CREATE" => {
            said(text).map(|entry| Some(Event::AuditEntry { guild, entry: logged(&entry, me) }))
        }
        kind if NOISE.contains(&kind) => Ok(None),
        // New kinds of messages about what is compared.
        kind if kind.starts_with("CHANNEL_") || kind.starts_with("GUILD_ROLE_") => Ok(Some(changed(Change::Other))),
        _ => Ok(None),
    };
    let event = event.unwrap_or_else(|problem| {
        tracing::warn!(%guild, kind, problem, "a message of the gateway cannot be understood; the guild is looked at");
        Some(changed(Change::Other))
    });
    Ok(event.map_or(Said::Nothing, Said::Event))
}

fn said<T: DeserializeOwned>(text: &str) -> Result<T, String> {
    serde_json::from_str(text).map(|Message { d }| d).map_err(|error| error.to_string())
}

fn told(
    text: &str,
    guild: GuildId,
    me: Option<UserId>,
    now: chrono::DateTime<chrono::Utc>,
) -> Result<Option<Event>, String> {
    if said::<WireWhere>(text)?.unavailable {
        return Ok(Some(Event::Unavailable(guild)));
    }
    let guild: WireGuild = said(text)?;
    let WireContents { channels, members } = said(text)?;
    let mut snapshot = whole(guild, channels)?;
    if let Some(bot) = members.into_iter().find_map(|member| own(member, me, now)) {
        snapshot.bot = Facet::Known(bot);
    }
    Ok(Some(Event::Guild(Box::new(snapshot))))
}

fn settings(text: &str) -> Result<Guild, String> {
    convert::guild(said(text)?, Vec::new())
}

fn channel(text: &str) -> Result<Change, String> {
    let wire: WireChannel = said(text)?;
    if ChannelFlags(wire.flags).has(ChannelFlags::OBFUSCATED) {
        return Ok(Change::Hidden(wire.id));
    }
    convert::channel(wire).map(|channel| Change::Channel(Box::new(channel)))
}

/// What the bot is, when the member is the bot.
fn own(wire: WireMemberOf, me: Option<UserId>, now: chrono::DateTime<chrono::Utc>) -> Option<Bot> {
    let WireMemberOf { user, member: WireMember { roles, communication_disabled_until } } = wire;
    let user = user.map(|user| user.id).filter(|user| Some(*user) == me)?;
    Some(Bot { user, roles, timed_out: communication_disabled_until.is_some_and(|until| until > now) })
}

fn logged(wire: &WireAuditEntry, me: Option<UserId>) -> changes::Change {
    let mut entry = changes::change(wire, None);
    // Anybody can write a reason like ours.
    entry.ours &= entry.user.is_some() && entry.user == me;
    entry
}

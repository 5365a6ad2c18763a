//! What was seen of a guild, and what was not.

use serde::{Deserialize, Serialize};

use super::{ChannelId, Guild, Permissions, RoleId, UserId};

/// A part of the world that may not have been read. Not knowing is never the same as nothing.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Facet<T> {
    /// It was read.
    Known(T),
    /// It was not, for this reason.
    Unknown(String),
}

impl<T> Facet<T> {
    /// The value, when it was read.
    pub fn known(&self) -> Option<&T> {
        match self {
            Self::Known(value) => Some(value),
            Self::Unknown(_) => None,
        }
    }
}

/// The bot as a member of the guild.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Bot {
    /// Its user id.
    pub user: UserId,
    /// Its roles, without @everyone.
    pub roles: Vec<RoleId>,
    /// True while it is timed out: Discord then refuses nearly everything.
    pub timed_out: bool,
}

/// Whether there may be channels the bot was not shown.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Visibility {
    /// Everything was shown: the bot is the owner or an administrator.
    Complete,
    /// Some channels may be hidden; these are known to be.
    Partial {
        /// Channels that exist and were not shown.
        hidden: Vec<ChannelId>,
    },
}

/// A guild as it was seen.
#[derive(Clone, Debug, PartialEq, Hash, Serialize, Deserialize)]
pub struct Snapshot {
    /// What was seen.
    pub guild: Guild,
    /// The bot in it.
    pub bot: Facet<Bot>,
    /// Channels known to exist that the list did not show.
    pub hidden: Vec<ChannelId>,
}

impl Snapshot {
    /// What the bot may do in the whole guild; every bit for the owner and for administrators.
    pub fn bot_permissions(&self) -> Option<Permissions> {
        let bot = self.bot.known()?;
        let actor = super::Actor { user: bot.user, roles: bot.roles.iter().map(|id| (*id).into()).collect() };
        Some(super::Access::of(&self.guild).in_guild(&actor))
    }

    /// Whether there may be channels that were not shown.
    pub fn visibility(&self) -> Visibility {
        match self.bot_permissions() {
            Some(permissions) if permissions.contains(Permissions::ADMINISTRATOR) => Visibility::Complete,
            _ => Visibility::Partial { hidden: self.hidden.clone() },
        }
    }
}

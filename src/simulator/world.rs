//! The state of a simulated Discord: users, guilds, and everything inside a guild.
//!
//! Decides what is stored, how snowflakes are minted, who may do what, and how names are rewritten. Refuses to know of
//! HTTP, requests, limits, faults and the clock: time is always an argument. Written from Discord's documentation alone
//! and sharing nothing with the engine, so that it can judge the engine.

mod audit;
mod channel;
mod check;
mod fresh;
mod guild;
mod interaction;
mod listed;
mod member;
mod message;
mod names;
mod permissions;
mod role;
mod signing;
mod snowflake;
mod switches;
mod yaml;

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

pub use audit::{AuditEntry, action};
pub use channel::{Channel, ForumTag, Overwrite, TagEmoji, kind};
pub use fresh::FreshGuild;
pub use guild::Guild;
pub(crate) use interaction::FIRST_ANSWER;
pub use interaction::{Answer, Answers, Deed, Interaction, Step};
pub use member::{Application, Command, Member, User};
pub use message::{Attachment, Message, flag};
pub(crate) use names::stored_name;
pub use permissions::Bits;
pub use role::{Colors, Rank, Role};
pub use snowflake::{Mint, Snowflake};
pub use switches::{CreatedPosition, NotInGuild, ParentMovePosition, SlugRule, Statuses, Switches, UnknownBits};
pub use yaml::WorldError;

/// Everything the simulated Discord remembers.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct World {
    /// Where new snowflakes come from.
    #[serde(default)]
    pub ids: Mint,
    /// Everyone with an account, bots included.
    #[serde(default, with = "listed")]
    pub users: BTreeMap<Snowflake, User>,
    /// All guilds.
    #[serde(default, with = "listed")]
    pub guilds: BTreeMap<Snowflake, Guild>,
    /// What users did with applications.
    #[serde(default, with = "listed", skip_serializing_if = "BTreeMap::is_empty")]
    pub interactions: BTreeMap<Snowflake, Interaction>,
}

impl World {
    /// A world without anybody. Equal seeds mint equal snowflakes.
    pub fn new(seed: u64) -> Self {
        Self { ids: Mint::seeded(seed), ..Self::default() }
    }

    /// A new snowflake, above all minted before.
    pub fn mint(&mut self, now: DateTime<Utc>) -> Snowflake {
        self.ids.mint(now)
    }

    /// The guild a channel is in.
    pub fn guild_of_channel(&self, channel: Snowflake) -> Option<Snowflake> {
        self.guilds.values().find(|g| g.channels.contains_key(&channel)).map(|g| g.id)
    }

    /// The bot of an application.
    pub fn bot_of(&self, application: Snowflake) -> Option<&User> {
        self.users.values().find(|user| user.application.as_ref().is_some_and(|own| own.id == application))
    }

    /// Who a bot token belongs to. While no user has a token, every token is the first bot's.
    pub fn user_by_token(&self, token: &str) -> Option<Snowflake> {
        let mut named = self.users.values().filter(|u| !u.tokens.is_empty()).peekable();
        if named.peek().is_none() {
            return self.users.values().find(|u| u.bot).map(|u| u.id);
        }
        named.find(|u| u.tokens.iter().any(|t| t == token)).map(|u| u.id)
    }
}

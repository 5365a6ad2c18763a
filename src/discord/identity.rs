//! Who the bot is.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use serde::Deserialize;
use twilight_http::routing::Route;

use crate::model::{Bot, Facet, GuildId, Permissions, Snapshot, UserId};

use super::call::Call;
use super::client::Client;
use super::error::Error;
use super::hint;
use super::transport::bare;
use super::wire::{WireMember, number};

/// The bot's user account.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Me {
    /// Its user id.
    pub id: UserId,
    /// Its name.
    pub username: String,
    /// False for a person's account, whose token must not be used.
    #[serde(default)]
    pub bot: bool,
}

/// The application the bot belongs to.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Application {
    /// Its id, as decimal snowflake; an invite link needs it.
    pub id: String,
    /// Its name.
    pub name: String,
    /// The key Discord signs interactions with that it brings by HTTP, in hexadecimal digits.
    #[serde(default)]
    pub verify_key: String,
    /// Where Discord brings interactions by HTTP; none when it tells them by the gateway.
    #[serde(default)]
    pub interactions_endpoint_url: Option<String>,
    /// Its flags, raw.
    #[serde(default, deserialize_with = "number")]
    pub flags: u64,
}

/// A guild the bot is in.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct GuildSummary {
    /// Which guild.
    pub id: GuildId,
    /// Its name.
    pub name: String,
    /// True when it belongs to the bot.
    #[serde(default)]
    pub owner: bool,
    /// What the bot may do in the whole guild.
    #[serde(deserialize_with = "permissions")]
    pub permissions: Permissions,
}

fn permissions<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Permissions, D::Error> {
    number(deserializer).map(Permissions::from_bits)
}

impl Client {
    /// The bot's user account. One request.
    ///
    /// # Errors
    /// As of any read.
    pub async fn me(&self) -> Result<Me, Error> {
        self.transport.send(&Call::to(&Route::GetCurrentUser)).await?.json()
    }

    /// The bot's application. One request.
    ///
    /// # Errors
    /// As of any read.
    pub async fn application(&self) -> Result<Application, Error> {
        self.transport.send(&Call::to(&Route::GetCurrentUserApplicationInfo)).await?.json()
    }

    /// The guilds the bot is in, by id. One request for each 200 of them.
    ///
    /// # Errors
    /// As of any read.
    pub async fn guilds(&self) -> Result<Vec<GuildSummary>, Error> {
        const PAGE: u16 = 200;
        let mut guilds: Vec<GuildSummary> = Vec::new();
        loop {
            let after = guilds.last().map(|guild| guild.id.get());
            let route = Route::GetGuilds { after, before: None, limit: Some(PAGE), shard: None };
            let page: Vec<GuildSummary> = self.transport.send(&Call::to(&route)).await?.json()?;
            let is_last = page.len() < usize::from(PAGE);
            guilds.extend(page);
            guilds.sort_by_key(|guild| guild.id);
            if is_last {
                return Ok(guilds);
            }
        }
    }

    /// Fills in what the bot is in the guild. One request, and once in the life of a client one more, when the token does
    /// not tell the bot's user id (two, when it tells a wrong one).
    ///
    /// # Errors
    /// As of any read; the snapshot is then left as it was.
    pub async fn identify(&self, snapshot: &mut Snapshot) -> Result<(), Error> {
        let guild = snapshot.guild.id;
        let assumed = self.confirmed.get().copied().or(self.claimed);
        let first = match assumed {
            Some(user) => self.member(guild, user).await.map(|member| (user, member)),
            None => self.member_after_asking(guild).await,
        };
        let (user, member) = match first {
            Err(Error::Gone { code: hint::UNKNOWN_MEMBER, .. }) if !self.confirmed.initialized() => {
                self.member_after_asking(guild).await?
            }
            other => other?,
        };
        self.confirmed.get_or_init(|| async { user }).await;
        let timed_out = member.communication_disabled_until.is_some_and(|until| until > self.transport.clock().now());
        snapshot.bot = Facet::Known(Bot { user, roles: member.roles, timed_out });
        Ok(())
    }

    async fn member_after_asking(&self, guild: GuildId) -> Result<(UserId, WireMember), Error> {
        let user = *self.confirmed.get_or_try_init(|| async { self.me().await.map(|me| me.id) }).await?;
        Ok((user, self.member(guild, user).await?))
    }

    async fn member(&self, guild: GuildId, user: UserId) -> Result<WireMember, Error> {
        let route = Route::GetMember { guild_id: guild.get(), user_id: user.get() };
        self.transport.send(&Call::to(&route)).await?.json()
    }
}

/// The user id a token starts with: its first part is the decimal snowflake in base64.
pub(super) fn user_of_token(token: &str) -> Option<UserId> {
    let first = bare(token).split('.').next()?.trim_end_matches('=');
    let bytes = URL_SAFE_NO_PAD.decode(first).or_else(|_| STANDARD_NO_PAD.decode(first)).ok()?;
    let id: u64 = std::str::from_utf8(&bytes).ok()?.parse().ok()?;
    // The smallest snowflake of the year 2015, when Discord began, has 17 digits.
    UserId::new_checked(id).filter(|_| bytes.len() >= 17)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_starts_with_the_bots_id() {
        let id = UserId::new(80_351_110_224_678_912);
        for token in ["ODAzNTExMTAyMjQ2Nzg5MTI.GaBcDe.x", " Bot ODAzNTExMTAyMjQ2Nzg5MTI=.GaBcDe.x\n"] {
            assert_eq!(user_of_token(token), Some(id), "{token:?}");
        }
        for token in ["", "secret", "MTIz.x.y", "....", "bm90IGEgbnVtYmVyIGF0IGFsbA.x"] {
            assert_eq!(user_of_token(token), None, "{token:?}");
        }
    }
}

//! Who is in a guild, and with which roles.

use serde::Deserialize;
use twilight_http::routing::Route;

use crate::model::{Facet, GuildId, RoleId, UserId};

use super::call::Call;
use super::client::Client;
use super::error::Error;
use super::hint;

/// Somebody in a guild.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// Who.
    pub user: UserId,
    /// Their roles besides @everyone.
    pub roles: Vec<RoleId>,
}

#[derive(Deserialize)]
struct WireListed {
    user: WireWho,
    roles: Vec<RoleId>,
}

#[derive(Deserialize)]
struct WireWho {
    id: UserId,
}

impl Client {
    /// Most members of a page (Discord's documentation, "List Guild Members").
    const MEMBER_PAGE: u16 = 1000;
    /// Most pages that are read.
    const MEMBER_PAGES: usize = 50;

    /// Everybody in a guild, by id. One request for each 1,000. Unknown when Discord does not let the bot list them, which
    /// takes the Server Members Intent of the Developer Portal, or when there are more than 50,000.
    ///
    /// # Errors
    /// As of any read.
    pub async fn members(&self, guild: GuildId) -> Result<Facet<Vec<Member>>, Error> {
        let not_allowed = || Facet::Unknown("the bot has no Server Members Intent".to_owned());
        // To ask in vain would count among the refusals Discord blocks an address for.
        if !self.may_list_members().await? {
            return Ok(not_allowed());
        }
        let mut members: Vec<Member> = Vec::new();
        for _ in 0..Self::MEMBER_PAGES {
            let after = members.last().map(|member| member.user.get());
            let route = Route::GetGuildMembers { after, guild_id: guild.get(), limit: Some(Self::MEMBER_PAGE) };
            let page: Vec<WireListed> = match self.transport.send(&Call::to(&route)).await {
                Ok(answer) => answer.json()?,
                Err(error) if matches!(error.code(), Some(hint::MISSING_ACCESS | hint::MISSING_PERMISSIONS)) => {
                    return Ok(not_allowed());
                }
                Err(error) => return Err(error),
            };
            let is_last = page.len() < usize::from(Self::MEMBER_PAGE);
            members.extend(page.into_iter().map(|WireListed { user, roles }| Member { user: user.id, roles }));
            members.sort_by_key(|member| member.user);
            if is_last {
                return Ok(Facet::Known(members));
            }
        }
        Ok(Facet::Unknown(format!("the guild has more than {} members", members.len())))
    }

    /// True when Discord lets the bot list members. One request, once in the life of a client.
    ///
    /// # Errors
    /// As of any read.
    pub async fn may_list_members(&self) -> Result<bool, Error> {
        // GATEWAY_GUILD_MEMBERS and its limited form (Discord's documentation, "Application Flags").
        let ask = || async { Ok::<_, Error>(self.application().await?.flags & (1 << 14 | 1 << 15) != 0) };
        self.lists_members.get_or_try_init(ask).await.copied()
    }
}

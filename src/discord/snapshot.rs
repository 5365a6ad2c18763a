//! Reads a guild as it is.

use std::collections::BTreeSet;

use twilight_http::routing::Route;

use crate::model::{Channel, ChannelFlags, ChannelId, ChannelRef, Facet, Guild, GuildId, GuildSettings, Snapshot};

use super::call::Call;
use super::client::Client;
use super::convert;
use super::error::Error;
use super::wire::{WireChannel, WireGuild};

impl Client {
    /// Reads a guild in exactly two requests. What the bot is in it stays unknown; [`Client::identify`] fills it in.
    ///
    /// # Errors
    /// As of any read. An answer about another guild, a guild without @everyone, a channel without overwrites and
    /// anything this build cannot represent is [`Error::Malformed`]: never a guild with something missing.
    pub async fn snapshot(&self, guild: GuildId) -> Result<Snapshot, Error> {
        let ask_guild = Call::to(&Route::GetGuild { guild_id: guild.get(), with_counts: false });
        let ask_channels = Call::to(&Route::GetChannels { guild_id: guild.get() });
        let wire: WireGuild = self.transport.send(&ask_guild).await?.json()?;
        if wire.id != guild {
            let problem = format!("it is about the guild {}", wire.id);
            return Err(Error::Malformed { request: ask_guild.label(), problem });
        }
        let listed: Vec<WireChannel> = self.transport.send(&ask_channels).await?.json()?;
        whole(wire, listed).map_err(|problem| Error::Malformed { request: ask_channels.label(), problem })
    }
}

/// A guild as it was shown with its channels, some of which may be masks of channels the bot may not view.
pub(super) fn whole(guild: WireGuild, listed: Vec<WireChannel>) -> Result<Snapshot, String> {
    let (masked, channels): (Vec<_>, Vec<_>) =
        listed.into_iter().partition(|channel| ChannelFlags(channel.flags).has(ChannelFlags::OBFUSCATED));
    let guild = convert::guild(guild, channels)?;
    let mut hidden = hidden(&guild);
    hidden.extend(masked.iter().map(|channel| channel.id));
    let bot = Facet::Unknown("it was not asked for".to_owned());
    Ok(Snapshot { guild, bot, hidden: hidden.into_iter().collect() })
}

/// Channels something refers to and the list does not show: since October 2026 the list leaves out what the bot may
/// not view (Discord's changelog, "Channel obfuscation").
pub(super) fn hidden(guild: &Guild) -> BTreeSet<ChannelId> {
    let GuildSettings {
        afk_channel, system_channel, rules_channel, public_updates_channel, safety_alerts_channel, ..
    } = &guild.settings;
    let named = [afk_channel, system_channel, rules_channel, public_updates_channel, safety_alerts_channel];
    let parents = guild.channels.iter().map(|Channel { attributes, .. }| &attributes.parent);
    let referred: BTreeSet<ChannelId> = named.into_iter().chain(parents).flatten().filter_map(ChannelRef::id).collect();
    let shown: BTreeSet<ChannelId> = guild.channels.iter().filter_map(|channel| channel.id.id()).collect();
    &referred - &shown
}

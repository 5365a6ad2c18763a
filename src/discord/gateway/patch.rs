//! What a guild looks like after a change: pure, and careful to say when it cannot tell.

use std::collections::BTreeSet;

use crate::discord::snapshot::hidden;
use crate::model::{
    Access, Actor, Channel, ChannelId, ChannelRef, Facet, Guild, GuildSettings, Permissions, RoleRef, Snapshot, Target,
};

use super::event::Change;

/// What a snapshot is after a change. None when that cannot be told from this snapshot: look at Discord again.
///
/// It cannot be told when something else must have changed unnoticed, and when the bot may view other channels than
/// before: what those are like nobody told.
pub fn patched(snapshot: &Snapshot, change: &Change) -> Option<Snapshot> {
    let mut after = snapshot.clone();
    match change {
        Change::Settings(told) => settle(&mut after, told)?,
        Change::Channel(told) => {
            let id = told.id.id()?;
            after.hidden.retain(|hidden| *hidden != id);
            put(&mut after.guild.channels, (**told).clone(), |channel| &channel.id);
        }
        Change::Hidden(id) => {
            after.guild.channels.retain(|channel| channel.id != ChannelRef::Live(*id));
            after.hidden.push(*id);
        }
        Change::ChannelDeleted(id) => delete_channel(&mut after, *id)?,
        Change::Role(told) => put(&mut after.guild.roles, (**told).clone(), |role| &role.id),
        Change::RoleDeleted(id) => {
            let role = RoleRef::Live(*id);
            if *id == after.guild.everyone_id() {
                return None;
            }
            after.guild.roles.retain(|other| other.id != role);
            // Discord takes the role from its members and out of all overwrites.
            if let Facet::Known(bot) = &mut after.bot {
                bot.roles.retain(|held| held != id);
            }
            let target = Target::Role(role);
            for overwrites in after.guild.channels.iter_mut().map(|channel| &mut channel.attributes.overwrites) {
                if overwrites.iter().any(|(other, _)| *other == target) {
                    let kept = overwrites.iter().filter(|(other, _)| **other != target);
                    *overwrites = kept.map(|(other, overwrite)| (other.clone(), *overwrite)).collect();
                }
            }
        }
        Change::OwnMember(bot) => after.bot = Facet::Known(bot.clone()),
        Change::Other => return None,
    }
    let moves_sight = match change {
        Change::Settings(_) | Change::Role(_) | Change::RoleDeleted(_) | Change::OwnMember(_) => true,
        // What a channel is, and whether it may be viewed, is told of each channel.
        Change::Channel(_) | Change::Hidden(_) | Change::ChannelDeleted(_) | Change::Other => false,
    };
    if moves_sight && sight(snapshot) != sight(&after) {
        return None;
    }
    after.guild.sort();
    let named = hidden(&after.guild);
    let known: BTreeSet<ChannelId> = after.hidden.iter().copied().chain(named).collect();
    after.hidden = known.into_iter().collect();
    Some(after)
}

/// Puts an object in the place of the one with its id, or beside the others.
fn put<T, I: PartialEq>(objects: &mut Vec<T>, object: T, id: impl Fn(&T) -> &I) {
    match objects.iter_mut().find(|other| id(other) == id(&object)) {
        Some(place) => *place = object,
        None => objects.push(object),
    }
}

/// The guild itself. Roles have messages of their own; when they are others than those known, one of them was missed.
fn settle(after: &mut Snapshot, told: &Guild) -> Option<()> {
    let Guild { id, owner, boost_tier, requires_mfa, settings, roles, channels: _ } = told;
    if *id != after.guild.id || *roles != after.guild.roles {
        return None;
    }
    let guild = &mut after.guild;
    (guild.owner, guild.boost_tier, guild.requires_mfa) = (*owner, *boost_tier, *requires_mfa);
    guild.settings = settings.clone();
    Some(())
}

/// Discord takes the children of a deleted category out of it. What the settings name is not deleted unnoticed.
fn delete_channel(after: &mut Snapshot, id: ChannelId) -> Option<()> {
    let channel = ChannelRef::Live(id);
    if named(&after.guild.settings).contains(&&channel) {
        return None;
    }
    after.hidden.retain(|hidden| *hidden != id);
    after.guild.channels.retain(|other| other.id != channel);
    for Channel { attributes, .. } in &mut after.guild.channels {
        if attributes.parent.as_ref() == Some(&channel) {
            attributes.parent = None;
        }
    }
    Some(())
}

/// The channels settings name.
fn named(settings: &GuildSettings) -> Vec<&ChannelRef> {
    let GuildSettings {
        afk_channel, system_channel, rules_channel, public_updates_channel, safety_alerts_channel, ..
    } = settings;
    [afk_channel, system_channel, rules_channel, public_updates_channel, safety_alerts_channel]
        .into_iter()
        .flatten()
        .collect()
}

/// What decides over what the bot may view.
#[derive(PartialEq)]
enum Sight<'a> {
    /// These channels, of those that are shown.
    Of(Vec<&'a ChannelRef>),
    /// It is not known what the bot is, so everything that could matter.
    Unknown(Vec<(&'a RoleRef, Permissions)>),
}

fn sight(snapshot: &Snapshot) -> Sight<'_> {
    let Snapshot { guild, bot, hidden: _ } = snapshot;
    let Facet::Known(bot) = bot else {
        return Sight::Unknown(guild.roles.iter().map(|role| (&role.id, role.attributes.permissions)).collect());
    };
    let actor = Actor { user: bot.user, roles: bot.roles.iter().copied().map(RoleRef::Live).collect() };
    let access = Access::of(guild);
    let base = access.in_guild(&actor);
    let views = |channel: &&Channel| {
        let (kind, overwrites) = (channel.attributes.kind, &channel.attributes.overwrites);
        access.beyond(base, &actor, kind, overwrites).contains(Permissions::VIEW_CHANNEL)
    };
    Sight::Of(guild.channels.iter().filter(views).map(|channel| &channel.id).collect())
}

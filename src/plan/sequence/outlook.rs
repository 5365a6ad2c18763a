//! The guild a plan leads to, before and after its removals.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::{
    Channel, ChannelAttributes, ChannelRef, Guild, Index, Managed, Ref, Role, RoleAttributes, RoleRef, Target,
};

use super::Parts;
use super::followers::Followers;

/// The guild after all steps but removals. New objects have their keys for ids.
pub(super) fn shaped(parts: &Parts<'_>) -> Guild {
    let Guild { id, owner, boost_tier, requires_mfa, settings: _, roles, channels } = parts.live;
    let wanted: Index<&RoleRef, &RoleAttributes> = parts.desired.roles.iter().map(|r| (&r.id, &*r.to)).collect();
    let shaped_role = |was: &Role| {
        let Role { id, position, managed, attributes } = was;
        let attributes = wanted.get(id).copied().unwrap_or(attributes).clone();
        Role { id: id.clone(), position: *position, managed: *managed, attributes }
    };
    let mut after = Guild {
        id: *id,
        owner: *owner,
        boost_tier: *boost_tier,
        requires_mfa: *requires_mfa,
        settings: parts.desired.settings.clone(),
        roles: roles.iter().map(shaped_role).collect(),
        channels: Vec::with_capacity(channels.len()),
    };
    for role in parts.desired.roles.iter().filter(|r| r.from.is_none()) {
        let new =
            Role { id: role.id.clone(), position: 0, managed: Managed::No, attributes: role.to.clone().into_owned() };
        let above_everyone = after.roles.len().saturating_sub(1);
        after.roles.insert(above_everyone, new);
    }
    let wanted = || parts.desired.categories.iter().chain(&parts.desired.channels);
    let shapes: Index<&ChannelRef, &ChannelAttributes> = wanted().map(|c| (&c.id, &*c.to)).collect();
    let followers = Followers::of(parts);
    let led: BTreeMap<&ChannelRef, &ChannelRef> =
        followers.unmanaged.iter().map(|(parent, child)| (child, parent)).collect();
    let shaped_channel = |was: &Channel| {
        let Channel { id, position, attributes } = was;
        let mut attributes = shapes.get(id).copied().unwrap_or(attributes).clone();
        if let Some(category) = led.get(id).and_then(|parent| shapes.get(parent)) {
            attributes.overwrites = category.overwrites.clone();
        }
        Channel { id: id.clone(), position: *position, attributes }
    };
    after.channels.extend(channels.iter().map(shaped_channel));
    for channel in wanted().filter(|c| c.from.is_none()) {
        after.channels.push(Channel {
            id: channel.id.clone(),
            position: 0,
            attributes: channel.to.clone().into_owned(),
        });
    }
    after
}

pub(super) fn remove_from(after: &mut Guild, parts: &Parts<'_>) {
    let removals = parts.removals;
    let gone: BTreeSet<&ChannelRef> =
        removals.deleted_channels.iter().chain(&removals.deleted_categories).map(|(_, c)| &c.id).collect();
    let archived: BTreeSet<&ChannelRef> = removals.archived.iter().map(|(_, c)| &c.id).collect();
    let hidden = parts.hidden();
    after.channels.retain(|c| !gone.contains(&c.id));
    if let Some(archive @ Ref::Planned(_)) = &removals.archive
        && after.channel(archive).is_none()
    {
        let attributes = parts.archive_category();
        after.channels.push(Channel { id: archive.clone(), position: 0, attributes });
    }
    for channel in &mut after.channels {
        if archived.contains(&channel.id) {
            channel.attributes.parent.clone_from(&removals.archive);
            channel.attributes.overwrites = hidden.clone();
        } else if channel.attributes.parent.as_ref().is_some_and(|p| gone.contains(p)) {
            channel.attributes.parent = None;
        }
    }
    let gone: BTreeSet<RoleRef> = removals.deleted_roles.iter().map(|(_, r)| r.id.clone()).collect();
    after.roles.retain(|r| !gone.contains(&r.id));
    for channel in &mut after.channels {
        for role in &gone {
            channel.attributes.overwrites.remove(&Target::Role(role.clone()));
        }
    }
}

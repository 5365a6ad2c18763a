//! What a plan means for people: who gains and loses what, and what is gone afterwards.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::manifest::Expectation;
use crate::model::{Channel, ChannelKind, Guild, Index, Key, ObjectKind, Permissions, RoleRef, Target, role_access};

use super::adopt::Identities;
use super::remove::Removals;

/// Something about a plan that people should weigh.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(tag = "risk", rename_all = "snake_case")]
pub enum Risk {
    /// It cannot come back: a channel's messages, a role's members.
    Deletes {
        /// What kind of object.
        kind: ObjectKind,
        /// What people call it.
        name: String,
    },
    /// Members with a role can do more or less.
    Access(AccessChange),
}

/// What members with one role besides @everyone gain and lose.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct AccessChange {
    /// The role's name; `@everyone` for members without roles.
    pub role: String,
    /// What they can do afterwards and could not before.
    pub gains: Permissions,
    /// What they could do before and cannot afterwards.
    pub loses: Permissions,
    /// In which channels; in the whole guild when empty.
    pub channels: Vec<String>,
}

impl AccessChange {
    /// The change in words, such as `@everyone gains send_messages in #rules`.
    pub fn sentence(&self) -> String {
        let mut parts = Vec::new();
        for (verb, permissions) in [("gains", self.gains), ("loses", self.loses)] {
            if !permissions.is_empty() {
                parts.push(format!("{verb} {}", listed(&permissions.names(), 4)));
            }
        }
        let place = if self.channels.is_empty() {
            "in the whole guild".to_owned()
        } else {
            format!("in {}", listed(&self.channels, 4))
        };
        let gained = parts.join(" and ");
        match (self.gains.contains(Permissions::VIEW_CHANNEL), self.loses.contains(Permissions::VIEW_CHANNEL)) {
            (true, false) if !self.channels.is_empty() => {
                format!("{} now sees {} ({gained})", self.role, listed(&self.channels, 4))
            }
            (false, true) if !self.channels.is_empty() => {
                format!("{} no longer sees {}", self.role, listed(&self.channels, 4))
            }
            _ => format!("{} {gained} {place}", self.role),
        }
    }
}

/// The first few of a list, and how many more there are.
fn listed(names: &[String], most: usize) -> String {
    match names.len().saturating_sub(most) {
        0 => names.join(", "),
        1 => names.join(", "),
        more => format!("{} and {more} more", names[..most].join(", ")),
    }
}

/// Everything that is deleted, and every change of access in what stays.
pub(super) fn risks(before: &Guild, after: &Guild, removals: &Removals) -> Vec<Risk> {
    let channels =
        removals.deleted_channels.iter().map(|(_, c)| (ObjectKind::Channel, format!("#{}", c.attributes.name)));
    let categories = removals.deleted_categories.iter().map(|(_, c)| (ObjectKind::Category, c.attributes.name.clone()));
    let roles = removals.deleted_roles.iter().map(|(_, r)| (ObjectKind::Role, r.attributes.name.clone()));
    let deleted = channels.chain(categories).chain(roles).map(|(kind, name)| Risk::Deletes { kind, name });
    deleted.chain(access_changes(before, after).into_iter().map(Risk::Access)).collect()
}

/// What each role grants together with @everyone.
struct Bases<'a> {
    everyone: Permissions,
    roles: Index<&'a RoleRef, Permissions>,
}

impl<'a> Bases<'a> {
    fn of(guild: &'a Guild) -> Self {
        let everyone = guild.everyone().map_or(Permissions::NONE, |r| r.attributes.permissions);
        Self { everyone, roles: guild.roles.iter().map(|r| (&r.id, everyone | r.attributes.permissions)).collect() }
    }

    fn base(&self, role: &RoleRef) -> Permissions {
        self.roles.get(role).copied().unwrap_or(self.everyone)
    }
}

fn access_changes(before: &Guild, after: &Guild) -> Vec<AccessChange> {
    let names: Index<&RoleRef, &str> =
        before.roles.iter().chain(&after.roles).map(|r| (&r.id, r.attributes.name.as_str())).collect();
    let everyone = RoleRef::Live(before.everyone_id());
    let (bases_before, bases_after) = (Bases::of(before), Bases::of(after));
    let mut grouped: BTreeMap<(RoleRef, Permissions, Permissions), Vec<String>> = BTreeMap::new();
    let granted: Index<&RoleRef, Permissions> = after.roles.iter().map(|r| (&r.id, r.attributes.permissions)).collect();
    for role in &before.roles {
        let had = role.attributes.permissions;
        let Some(has) = granted.get(&role.id).copied() else { continue };
        if had != has {
            grouped.insert((role.id.clone(), has.without(had), had.without(has)), Vec::new());
        }
    }
    let was = before.channels_by_id();
    let masks: BTreeMap<ChannelKind, Permissions> =
        ChannelKind::NAMED.into_iter().map(|kind| (kind, Permissions::of_kind(kind))).collect();
    for channel in after.channels.iter().filter(|c| !c.is_category()) {
        let Some(old) = was.get(&channel.id) else { continue };
        let (from, to) = (&old.attributes.overwrites, &channel.attributes.overwrites);
        if from == to {
            continue;
        }
        let kind = channel.attributes.kind;
        let mask = masks.get(&kind).copied().unwrap_or(Permissions::NONE);
        let said = Target::Role(everyone.clone());
        let (everyone_from, everyone_to) = (from.get(&said), to.get(&said));
        let of_everyone = (
            role_access(bases_before.everyone, everyone_from, Default::default(), kind),
            role_access(bases_after.everyone, everyone_to, Default::default(), kind),
        );
        let mut tell = |role: &RoleRef, gains: Permissions, loses: Permissions| {
            if !(gains | loses).is_empty() {
                let channels = grouped.entry((role.clone(), gains, loses)).or_default();
                channels.push(format!("#{}", channel.attributes.name));
            }
        };
        let of_all = Shift::between(of_everyone, mask);
        tell(&everyone, of_all.gains, of_all.loses);
        for (target, from, to) in from.beside(to).filter(|(_, from, to)| from != to) {
            let Target::Role(role) = target else { continue };
            if *role == everyone {
                continue;
            }
            let had = role_access(bases_before.base(role), everyone_from, from, kind);
            let has = role_access(bases_after.base(role), everyone_to, to, kind);
            let Shift { gains, loses } = Shift::between((had, has), mask);
            // What all members gain or lose is said of @everyone alone.
            tell(role, gains.without(of_all.gains), loses.without(of_all.loses));
        }
    }
    let named = |((role, gains, loses), channels): ((RoleRef, Permissions, Permissions), Vec<String>)| {
        let role = names.get(&role).map_or_else(|| role.to_string(), |name| (*name).to_owned());
        AccessChange { role, gains, loses, channels }
    };
    grouped.into_iter().map(named).collect()
}

/// The difference between what somebody had and has.
struct Shift {
    gains: Permissions,
    loses: Permissions,
}

impl Shift {
    fn between((had, has): (Permissions, Permissions), mask: Permissions) -> Self {
        Self { gains: has.without(had) & mask, loses: had.without(has) & mask }
    }
}

/// True when members without roles see the channel.
pub(super) fn is_public(guild: &Guild, channel: &Channel) -> bool {
    let everyone = Target::Role(RoleRef::Live(guild.everyone_id()));
    let base = guild.everyone().map_or(Permissions::NONE, |r| r.attributes.permissions);
    let said = channel.attributes.overwrites.get(&everyone);
    role_access(base, said, Default::default(), channel.attributes.kind).contains(Permissions::VIEW_CHANNEL)
}

/// What an expectation finds wrong, as full sentences.
pub(super) fn unmet(expectation: &Expectation, after: &Guild, ids: &Identities) -> Vec<String> {
    let Expectation { role, can, cannot, channels } = expectation;
    let spoken = if role.is_everyone() { "@everyone".to_owned() } else { role.to_string() };
    let Some(role) = ids.roles.get(role).filter(|r| after.role(r).is_some()) else {
        return vec![format!("It cannot be checked, because the role {spoken} is not planned.")];
    };
    let bases = Bases::of(after);
    let base = bases.base(role);
    let mut problems = Vec::new();
    let mut judge = |held: Permissions, place: &str| {
        let missing = if held.contains(Permissions::ADMINISTRATOR) { Permissions::NONE } else { can.without(held) };
        if !missing.is_empty() {
            problems.push(format!("{spoken} cannot {} {place}.", missing.names().join(", ")));
        }
        let surplus = *cannot & held;
        if !surplus.is_empty() {
            problems.push(format!("{spoken} can {} {place}.", surplus.names().join(", ")));
        }
    };
    if channels.is_empty() {
        judge(if base.contains(Permissions::ADMINISTRATOR) { Permissions::EVERY } else { base }, "in the whole guild");
        return problems;
    }
    let everyone = Target::Role(RoleRef::Live(after.everyone_id()));
    let mut missing = Vec::new();
    for key in channels {
        let places = places_of(key, after, ids);
        if places.is_empty() {
            missing.push(format!("It cannot be checked in {key}, which is not planned or has no channels."));
        }
        for channel in places {
            let overwrites = &channel.attributes.overwrites;
            let own = if Target::Role(role.clone()) == everyone {
                Default::default()
            } else {
                overwrites.get(&Target::Role(role.clone()))
            };
            let held = role_access(base, overwrites.get(&everyone), own, channel.attributes.kind);
            judge(held, &format!("in #{}", channel.attributes.name));
        }
    }
    problems.extend(missing);
    problems
}

/// The channel of a key, or all channels of a category.
fn places_of<'a>(key: &Key, guild: &'a Guild, ids: &Identities) -> Vec<&'a Channel> {
    if let Some(channel) = ids.channels.get(key) {
        return guild.channel(channel).into_iter().collect();
    }
    let Some(category) = ids.categories.get(key) else { return Vec::new() };
    guild.channels.iter().filter(|c| c.attributes.parent.as_ref() == Some(category)).collect()
}

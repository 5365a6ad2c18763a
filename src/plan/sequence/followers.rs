//! Which channels Discord changes along with their category, and what has to be done about it.
//!
//! Knows nothing of steps.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::{ChannelRef, Index, Overwrite, Permission, Permissions};
use crate::plan::ability::Bot;
use crate::plan::resolve::WantedChannel;

use super::Parts;

/// What becomes of the channels in a category whose overwrites change. Discord changes those along that have the same.
#[derive(Default)]
pub(super) struct Followers {
    /// They should end like the category, and will by themselves.
    pub(super) follow: BTreeSet<ChannelRef>,
    /// They should end different: they change before the category does.
    pub(super) leave_first: BTreeSet<ChannelRef>,
    /// They should stay as they are: they are guarded while the category changes.
    pub(super) guarded: BTreeSet<ChannelRef>,
    /// They are removed, and hidden or archived before.
    pub(super) removed: BTreeSet<ChannelRef>,
    /// They arrive in another category that changes from what they should have: they are guarded meanwhile.
    pub(super) arrive: BTreeSet<ChannelRef>,
    /// Nobody manages their overwrites: they follow.
    pub(super) unmanaged: Vec<(ChannelRef, ChannelRef)>,
}

impl Followers {
    /// Sorts the children of every category that changes.
    pub(super) fn of(parts: &Parts<'_>) -> Self {
        let removed: BTreeSet<&ChannelRef> = [&parts.removals.archived, &parts.removals.deleted_channels]
            .into_iter()
            .flatten()
            .map(|(_, c)| &c.id)
            .collect();
        let mut changing = BTreeMap::new();
        for category in &parts.desired.categories {
            if let Some(from) = category.from.filter(|f| f.overwrites != category.to.overwrites) {
                changing.insert(&category.id, (&from.overwrites, &category.to.overwrites));
            }
        }
        let mut followers = Self::default();
        if changing.is_empty() {
            return followers;
        }
        let wanted: Index<&ChannelRef, &WantedChannel<'_>> =
            parts.desired.channels.iter().map(|c| (&c.id, c)).collect();
        for child in &parts.live.channels {
            let Some(parent) = &child.attributes.parent else { continue };
            let Some((old, new)) = changing.get(parent) else { continue };
            if child.attributes.overwrites != **old {
                continue;
            }
            if removed.contains(&child.id) {
                followers.removed.insert(child.id.clone());
                continue;
            }
            let arrives = |w: &WantedChannel| {
                let there = w.to.parent.as_ref().and_then(|p| changing.get(p));
                there.is_some_and(|(old, new)| w.to.overwrites == **old && old != new)
            };
            if wanted.get(&child.id).is_some_and(|w| w.to.parent.as_ref() != Some(parent) && arrives(w)) {
                followers.arrive.insert(child.id.clone());
            }
            match wanted.get(&child.id) {
                Some(w) if w.to.parent.as_ref() != Some(parent) => _ = followers.leave_first.insert(child.id.clone()),
                // With overwrites of roles that are gone, nobody knows whether Discord sees them as equal.
                Some(w) if w.to.overwrites == **new => {
                    let raw = &parts.snapshot.guild;
                    if raw.channel(&child.id).is_some_and(|child| raw.is_synced(child)) {
                        followers.follow.insert(child.id.clone());
                    }
                }
                Some(w) if w.to.overwrites == **old => _ = followers.guarded.insert(child.id.clone()),
                Some(_) => _ = followers.leave_first.insert(child.id.clone()),
                None => followers.unmanaged.push((parent.clone(), child.id.clone())),
            }
        }
        followers
    }
}

/// A bit that @everyone can be denied for a moment besides what is said, only to make a channel differ from its category:
/// one the bot may set, and does not work with.
pub(in crate::plan) fn harmless_denial(bot: &Bot<'_>, said: Overwrite) -> Option<Permissions> {
    let first = [
        Permissions::PRIORITY_SPEAKER,
        Permissions::SEND_TTS_MESSAGES,
        Permissions::USE_EMBEDDED_ACTIVITIES,
        Permissions::ADD_REACTIONS,
        Permissions::SEND_MESSAGES,
    ];
    let means = Permissions::VIEW_CHANNEL
        | Permissions::CONNECT
        | Permissions::MANAGE_CHANNELS
        | Permissions::MANAGE_ROLES
        | Permissions::ADMINISTRATOR;
    // Denying what the same entry allows changes nothing at all; denying anything else only closes.
    let others = || Permission::ALL.iter().map(|permission| Permissions::from_bits(1 << permission.bit));
    let may_set = |bit: &Permissions| bot.is_administrator() || bot.permissions.contains(*bit);
    let is_new = |bit: &Permissions| !(said.allow | said.deny).intersects(*bit);
    let free = |bit: &Permissions| may_set(bit) && is_new(bit) && !means.intersects(*bit);
    let idle = |bit: &Permissions| may_set(bit) && said.allow.without(said.deny).contains(*bit);
    first.into_iter().find(free).or_else(|| others().find(idle)).or_else(|| others().find(free))
}

//! Which channels Discord changes along with their category, and what has to be done about it.
//!
//! Knows nothing of steps.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::{ChannelRef, Key};
use crate::plan::note::{Note, NoteCode, Weight};
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
        let wanted: BTreeMap<&ChannelRef, &WantedChannel> = parts.desired.channels.iter().map(|c| (&c.id, c)).collect();
        let removed: BTreeSet<&ChannelRef> = [&parts.removals.archived, &parts.removals.deleted_channels]
            .into_iter()
            .flatten()
            .map(|(_, c)| &c.id)
            .collect();
        let mut changing = BTreeMap::new();
        for category in &parts.desired.categories {
            if let Some(from) = category.from.as_ref().filter(|f| f.overwrites != category.to.overwrites) {
                changing.insert(&category.id, (&from.overwrites, &category.to.overwrites));
            }
        }
        let mut followers = Self::default();
        if changing.is_empty() {
            return followers;
        }
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

    /// Tells of those nobody manages.
    pub(super) fn notes(&self, parts: &Parts<'_>) -> Vec<Note> {
        self.unmanaged.iter().filter_map(|(category, child)| cascade_note(parts, category, child)).collect()
    }
}

/// Tells of a channel that changes along with its category although nobody manages it.
pub(super) fn cascade_note(parts: &Parts<'_>, category: &ChannelRef, child: &ChannelRef) -> Option<Note> {
    let name = || Some(parts.live.channel(category)?.attributes.name.clone());
    let category = parts.desired.key_of(category).map(Key::to_string).or_else(name)?;
    let child = &parts.live.channel(child)?.attributes.name;
    let text = format!("#{child} is not managed but follows this category, so it changes along.");
    Some(Note::new(Weight::Info, NoteCode::Cascade, format!("categories.{category}"), text))
}

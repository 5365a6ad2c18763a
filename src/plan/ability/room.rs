//! How much room Discord leaves in a guild and in its categories, and who goes without.

use std::collections::BTreeSet;

use crate::model::{ChannelRef, Guild, Index, Key};
use crate::plan::note::{Note, NoteCode, Weight};
use crate::plan::remove::Removals;
use crate::plan::resolve::{Desired, WantedChannel, WantedRole};

use super::Limiter;

/// How much may still be created. What is removed makes no room: it goes last.
pub(super) struct Room {
    pub(super) roles: usize,
    /// Channels and categories.
    pub(super) channels: usize,
}

impl Limiter<'_> {
    /// Leaves out what would be one channel too many in its category, the last ones first.
    ///
    /// What cannot move keeps its place, which may be one too few for another: it is asked again until nothing changes.
    pub(super) fn places(&mut self, desired: &mut Desired<'_>, removals: &mut Removals) {
        while self.leave_out_of_full_categories(desired, removals) {}
    }

    /// True when something was left out.
    fn leave_out_of_full_categories(&mut self, desired: &mut Desired<'_>, removals: &mut Removals) -> bool {
        let mut taken = self.taken_places(desired, removals);
        let mut enters = |category: &ChannelRef| {
            let taken = taken.entry(category.clone()).or_default();
            *taken += 1;
            *taken <= Guild::MAX_CHANNELS_PER_CATEGORY
        };
        let known = self.notes.len();
        let notes = &mut self.notes;
        let mut tell = |name: &str, what: &str| {
            let text = format!("{what}: a category has at most {} channels.", Guild::MAX_CHANNELS_PER_CATEGORY);
            let note = Note::new(Weight::Warning, NoteCode::OverLimit, format!("channels.{name}"), text);
            notes.push(note.help("Remove others from the category first, or use another one."));
        };
        desired.channels.retain_mut(|channel| {
            let from = channel.from.map(|from| &from.parent);
            let Some(to) = channel.to.parent.as_ref().filter(|_| from != Some(&channel.to.parent)) else { return true };
            if enters(to) {
                return true;
            }
            let what = if from.is_some() { "Not moved" } else { "Not created" };
            tell(channel.key.as_str(), what);
            channel.to.to_mut().parent = from.cloned().flatten();
            channel.from.is_some()
        });
        if let Some(archive) = &removals.archive {
            removals.archived.retain(|(key, channel)| {
                let fits = channel.attributes.parent.as_ref() == Some(archive) || enters(archive);
                if !fits {
                    tell(key.as_ref().map_or(channel.attributes.name.as_str(), Key::as_str), "Not archived");
                }
                fits
            });
        }
        self.notes.len() > known
    }

    /// How many channels stay in each category, whoever manages them.
    fn taken_places(&self, desired: &Desired<'_>, removals: &Removals) -> Index<ChannelRef, usize> {
        let wanted: Index<&ChannelRef, &WantedChannel<'_>> = desired.channels.iter().map(|c| (&c.id, c)).collect();
        let removed = [&removals.archived, &removals.deleted_channels];
        let removed: BTreeSet<&ChannelRef> = removed.into_iter().flatten().map(|(_, c)| &c.id).collect();
        let mut taken: Index<ChannelRef, usize> = Index::default();
        for child in self.live.channels.iter().filter(|child| !removed.contains(&child.id)) {
            let parent = &child.attributes.parent;
            let leaves = wanted.get(&child.id).is_some_and(|w| w.to.parent != *parent);
            if let Some(parent) = parent.as_ref().filter(|_| !leaves) {
                *taken.entry(parent.clone()).or_default() += 1;
            }
        }
        taken
    }

    /// True when the role exists, or Discord would make one more.
    pub(super) fn has_room_for_role(&mut self, role: &WantedRole<'_>) -> bool {
        if role.from.is_some() {
            return true;
        }
        let Some(rest) = self.room.roles.checked_sub(1) else {
            let text = format!("Not created: a guild has at most {} roles.", Guild::MAX_ROLES);
            self.warn(NoteCode::OverLimit, &format!("roles.{}", role.key), text, "Remove others first.");
            return false;
        };
        self.room.roles = rest;
        true
    }

    /// True when the channel or category exists, or Discord would make one more.
    pub(super) fn has_room_for_channel(&mut self, section: &str, channel: &WantedChannel<'_>) -> bool {
        if channel.from.is_some() {
            return true;
        }
        let Some(rest) = self.room.channels.checked_sub(1) else {
            let text = format!("Not created: a guild has at most {} channels and categories.", Guild::MAX_CHANNELS);
            self.warn(NoteCode::OverLimit, &format!("{section}.{}", channel.key), text, "Remove others first.");
            return false;
        };
        self.room.channels = rest;
        true
    }
}

//! What was deleted by hand, and leaves the manifest.

use std::collections::{BTreeMap, BTreeSet};

use crate::manifest::edit::{Edit, Subject};
use crate::model::{ChannelId, ChannelRef, Key, RoleRef};
use crate::plan::Plan;
use crate::plan::note::NoteCode;
use crate::plan::operation::Operation;

use super::{Adopter, section};

impl Adopter<'_> {
    /// Finds what was deleted by hand; it leaves the manifest last, when nothing stands in it any more.
    pub(super) fn gone(&mut self, plan: &Plan) {
        let deleted: BTreeSet<&str> =
            plan.notes.iter().filter(|n| n.code == NoteCode::DeletedByHand).map(|n| n.subject.as_str()).collect();
        for step in &plan.steps {
            let object = match &step.operation {
                Operation::CreateRole { key, .. } => format!("roles.{key}"),
                Operation::CreateChannel { key, channel } => format!("{}.{key}", section(channel.kind)),
                _ => continue,
            };
            if !self.is_wanted(&object) {
                continue;
            }
            if !deleted.contains(object.as_str()) {
                self.leave(&object, "It was never in Discord: apply it, or take it out of the manifest.");
                continue;
            }
            if let Operation::CreateRole { key, .. } = &step.operation {
                self.words.forget_role(key);
            }
            self.adoption.objects.insert(object);
        }
    }

    /// The removals, channels before their categories.
    pub(super) fn remove_gone(&mut self) {
        let is_gone = |object: &str, has: bool| self.adoption.objects.contains(object) && has;
        let mut edits = Vec::new();
        let roles = self.manifest.roles.keys().filter(|key| {
            !self.keys.roles.iter().any(|(id, k)| k == *key && self.live.role(&RoleRef::Live(*id)).is_some())
        });
        edits.extend(roles.map(|key| Subject::Role(key.to_string())));
        let lives = |bound: &BTreeMap<ChannelId, Key>, key: &Key| {
            bound.iter().any(|(id, k)| k == key && self.live.channel(&ChannelRef::Live(*id)).is_some())
        };
        let channels = self.manifest.channels.keys().filter(|key| !lives(&self.keys.channels, key));
        edits.extend(channels.map(|key| Subject::Channel(key.to_string())));
        let categories = self.manifest.categories.keys().filter(|key| !lives(&self.keys.categories, key));
        edits.extend(categories.map(|key| Subject::Category(key.to_string())));
        edits.retain(|object| is_gone(&object.to_string(), true));
        self.adoption.edits.extend(edits.into_iter().map(|object| Edit::Remove { object }));
    }
}

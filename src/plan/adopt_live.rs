//! The other way round: what has to be edited so that the manifest says what the guild is.
//!
//! Decides which edits make a plan's steps needless. What a manifest cannot say, and what it never said, is left and told.
//! Knows nothing of how an edit is written.
//!
//! ```text
//! gone       what was deleted by hand
//! came       what somebody made by hand, where the policy would remove it
//! changed    the fields of roles and channels
//! settings   those of the guild
//! order      sidebar and hierarchy
//! say        values as a manifest spells them
//! ```

mod came;
mod changed;
mod gone;
mod order;
mod say;
mod settings;

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::manifest::Manifest;
use crate::manifest::edit::{Edit, Subject, Words};
use crate::model::{
    Binding, Bindings, ChannelId, ChannelKind, ChannelRef, Guild, Key, ObjectKind, Ref, RoleId, RoleRef, Snapshot,
};

use super::Plan;
use super::operation::BindingChange;

/// What to do so that the manifest says what the guild is.
#[derive(Clone, Debug, Default)]
pub struct Adoption {
    /// Edits, to be made in this order.
    pub edits: Vec<Edit>,
    /// What is adopted: `settings`, `roles.admin`, `channels.rules`, and `roles` and `channels` for their order.
    pub objects: BTreeSet<String>,
    /// What is not, and why.
    pub left: Vec<Left>,
}

/// Something that cannot be adopted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Left {
    /// What.
    pub object: String,
    /// Why not, as a sentence.
    pub why: String,
}

/// Finds the edits after which a plan has nothing to do for the objects that are `wanted`, by the names of
/// [`Adoption::objects`].
pub fn adopt_live(
    manifest: &Manifest,
    words: Words,
    plan: &Plan,
    snapshot: &Snapshot,
    bindings: &Bindings,
    wanted: impl Fn(&str) -> bool,
) -> Adoption {
    let live = snapshot.guild.without_dangling();
    let keys = Known::of(&live, bindings, plan);
    let mut adopter = Adopter { manifest, words, live: &live, keys, adoption: Adoption::default(), wanted: &wanted };
    adopter.gone(plan);
    adopter.came(plan);
    adopter.changed(plan);
    adopter.ordered(plan);
    adopter.remove_gone();
    adopter.adoption
}

/// The objects that have keys.
struct Known {
    roles: BTreeMap<RoleId, Key>,
    categories: BTreeMap<ChannelId, Key>,
    channels: BTreeMap<ChannelId, Key>,
}

impl Known {
    fn of(live: &Guild, bindings: &Bindings, plan: &Plan) -> Self {
        let by_id = |bound: &BTreeMap<Key, Binding<ChannelId>>| bound.iter().map(|(k, b)| (b.id, k.clone())).collect();
        let mut known = Self {
            roles: bindings.roles.iter().map(|(key, binding)| (binding.id, key.clone())).collect(),
            categories: by_id(&bindings.categories),
            channels: by_id(&bindings.channels),
        };
        known.roles.insert(live.everyone_id(), Key::everyone());
        let steps = plan.steps.iter().flat_map(|step| &step.bindings);
        for change in plan.bindings.iter().chain(steps) {
            let BindingChange::Bind { kind, key, id, .. } = change else { continue };
            match kind {
                ObjectKind::Role => drop(id.parse().map(|id| known.roles.insert(id, key.clone()))),
                ObjectKind::Category => drop(id.parse().map(|id| known.categories.insert(id, key.clone()))),
                ObjectKind::Channel => drop(id.parse().map(|id| known.channels.insert(id, key.clone()))),
            }
        }
        known
    }

    fn role(&self, role: &RoleRef) -> Option<Key> {
        match role {
            Ref::Planned(key) => Some(key.clone()),
            Ref::Live(id) => self.roles.get(id).cloned(),
        }
    }

    fn category(&self, category: &ChannelRef) -> Option<Key> {
        match category {
            Ref::Planned(key) => Some(key.clone()),
            Ref::Live(id) => self.categories.get(id).cloned(),
        }
    }
}

struct Adopter<'a> {
    manifest: &'a Manifest,
    words: Words,
    live: &'a Guild,
    keys: Known,
    adoption: Adoption,
    wanted: &'a dyn Fn(&str) -> bool,
}

impl Adopter<'_> {
    fn leave(&mut self, object: &str, why: impl Into<String>) {
        let left = Left { object: object.to_owned(), why: why.into() };
        if !self.adoption.left.contains(&left) {
            self.adoption.left.push(left);
        }
    }

    fn adopt(&mut self, object: &str, edits: impl IntoIterator<Item = Edit>) {
        self.adoption.objects.insert(object.to_owned());
        self.adoption.edits.extend(edits);
    }

    fn is_wanted(&self, object: &str) -> bool {
        (self.wanted)(object)
    }
}

/// Why an image is left.
const IMAGE: &str =
    "Discord tells only a hash of an image, and a manifest names files: put the file beside it by hand.";

fn section(kind: ChannelKind) -> &'static str {
    if kind == ChannelKind::Category { "categories" } else { "channels" }
}

fn subject_of(kind: ChannelKind, key: &Key) -> Subject {
    match kind {
        ChannelKind::Category => Subject::Category(key.to_string()),
        _ => Subject::Channel(key.to_string()),
    }
}

fn fields(changes: Vec<crate::model::FieldChange>) -> BTreeSet<&'static str> {
    changes.into_iter().map(|change| change.field).collect()
}

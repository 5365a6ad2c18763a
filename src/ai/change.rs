//! What edits do to a manifest, told by what it means before and after.
//!
//! Decides which objects are the same on both sides and what differs about them. Looks at resolved meanings and never at how an
//! edit is spelled, so that nothing can be said in a way that is overlooked here.

use std::collections::{BTreeMap, BTreeSet};

use crate::manifest::edit::Words;
use crate::manifest::{ChannelSpec, Files, Manifest, Previously, RoleSpec, parse};
use crate::model::{ChannelRef, Key, ObjectKind, OverwriteChoice, Overwrites, Ref, RoleRef};

/// A manifest and its words.
pub(super) struct Side {
    pub(super) manifest: Manifest,
    pub(super) words: Words,
    /// The files it is made of that are there.
    pub(super) own: BTreeSet<String>,
}

impl Side {
    /// The manifest in the file `entry`; none when it cannot be read.
    pub(super) fn of(files: &Files, entry: &str) -> Option<Self> {
        let parsed = parse(files, entry);
        let own = parsed.asked.among(files).names().map(str::to_owned).collect();
        Some(Self { manifest: parsed.manifest?, words: Words::of(files, entry)?, own })
    }

    /// The overwrites a channel ends up with, where they are managed: its own, or those of its category.
    pub(super) fn overwrites<'s>(&'s self, spec: &'s ChannelSpec) -> Option<&'s Overwrites> {
        match &spec.attributes.overwrites {
            OverwriteChoice::Exactly(own) => Some(own),
            OverwriteChoice::Unmanaged => None,
            OverwriteChoice::Synced => {
                let parent = spec.attributes.parent.as_ref()?.as_ref()?.key()?;
                match &self.manifest.categories.get(parent)?.attributes.overwrites {
                    OverwriteChoice::Exactly(above) => Some(above),
                    OverwriteChoice::Unmanaged | OverwriteChoice::Synced => None,
                }
            }
        }
    }

    /// Channels, or categories.
    pub(super) fn channels(&self, kind: ObjectKind) -> &indexmap::IndexMap<Key, ChannelSpec> {
        if kind == ObjectKind::Category { &self.manifest.categories } else { &self.manifest.channels }
    }
}

/// Both sides, with what was renamed between them.
pub(super) struct Change<'s> {
    pub(super) old: &'s Side,
    pub(super) new: &'s Side,
    /// New keys by old ones.
    renamed: BTreeMap<(ObjectKind, Key), Key>,
}

impl<'s> Change<'s> {
    pub(super) fn between(old: &'s Side, new: &'s Side) -> Self {
        let mut renamed = BTreeMap::new();
        let (before, after) = (&old.manifest, &new.manifest);
        let roles = after.roles.iter().map(|(key, role)| (key, &role.previously));
        note(
            ObjectKind::Role,
            roles,
            |key| before.roles.contains_key(key),
            |key| after.roles.contains_key(key),
            &mut renamed,
        );
        for kind in [ObjectKind::Category, ObjectKind::Channel] {
            let (was, is) = (old.channels(kind), new.channels(kind));
            let former = is.iter().map(|(key, spec)| (key, &spec.previously));
            note(kind, former, |key| was.contains_key(key), |key| is.contains_key(key), &mut renamed);
        }
        Self { old, new, renamed }
    }

    /// The key of an object afterwards, were it still there.
    pub(super) fn key<'k>(&'k self, kind: ObjectKind, key: &'k Key) -> &'k Key {
        self.renamed.get(&(kind, key.clone())).unwrap_or(key)
    }

    /// The key an object had before, were it there already.
    pub(super) fn former<'k>(&'k self, kind: ObjectKind, key: &'k Key) -> &'k Key {
        let renamed = self.renamed.iter().find(|((of, _), new)| *of == kind && *new == key);
        renamed.map_or(key, |((_, old), _)| old)
    }

    /// Overwrites of before, in the keys of afterwards.
    pub(super) fn overwrites(&self, overwrites: &Overwrites) -> Overwrites {
        overwrites.map_roles(|role| match role {
            RoleRef::Planned(key) => Ref::Planned(self.key(ObjectKind::Role, key).clone()),
            RoleRef::Live(_) => role.clone(),
        })
    }

    /// A channel of before, in the keys of afterwards.
    pub(super) fn channel(&self, spec: &ChannelSpec) -> ChannelSpec {
        let mut spec = spec.clone();
        if let OverwriteChoice::Exactly(overwrites) = &spec.attributes.overwrites {
            spec.attributes.overwrites = OverwriteChoice::Exactly(self.overwrites(overwrites));
        }
        if let Some(Some(ChannelRef::Planned(parent))) = &mut spec.attributes.parent {
            *parent = self.key(ObjectKind::Category, parent).clone();
        }
        spec
    }

    /// The fields of a role that differ, under the model's names.
    pub(super) fn role_fields(&self, old: &RoleSpec, new: &RoleSpec) -> Vec<&'static str> {
        let mut fields = old.attributes.differing(&new.attributes);
        if old.id != new.id {
            fields.push("id");
        }
        fields
    }

    /// The fields of a channel or category that differ, under the model's names. What it takes from its category counts.
    pub(super) fn channel_fields(&self, old: &ChannelSpec, new: &ChannelSpec) -> Vec<&'static str> {
        let was = self.channel(old);
        let mut fields = was.attributes.differing(&new.attributes);
        let above = self.old.overwrites(old).map(|overwrites| self.overwrites(overwrites));
        if above.as_ref() != self.new.overwrites(new) && !fields.contains(&"overwrites") {
            fields.push("overwrites");
        }
        if old.id != new.id {
            fields.push("id");
        }
        fields
    }

    /// Everything that is new, gone or different, as edits name it. Only moving among siblings is no difference.
    pub(super) fn touched(&self) -> BTreeSet<String> {
        let mut touched = BTreeSet::new();
        let mut note = |section: &str, name: &str| _ = touched.insert(format!("{section}.{name}"));
        let (old, new) = (&self.old.manifest, &self.new.manifest);
        for (key, role) in &old.roles {
            let after = self.key(ObjectKind::Role, key);
            let same = new.roles.get(after).is_some_and(|now| after == key && self.role_fields(role, now).is_empty());
            if !same {
                note("roles", key.as_str());
            }
        }
        let added = new.roles.keys().filter(|key| !old.roles.contains_key(self.former(ObjectKind::Role, key)));
        added.for_each(|key| note("roles", key.as_str()));
        for kind in [ObjectKind::Category, ObjectKind::Channel] {
            let (was, is) = (self.old.channels(kind), self.new.channels(kind));
            for (key, spec) in was {
                let after = self.key(kind, key);
                let same = is.get(after).is_some_and(|now| after == key && self.channel_fields(spec, now).is_empty());
                if !same {
                    note(kind.section(), key.as_str());
                }
            }
            let added = is.keys().filter(|key| !was.contains_key(self.former(kind, key)));
            added.for_each(|key| note(kind.section(), key.as_str()));
        }
        named("permission_sets", self.old.words.all_sets(), self.new.words.all_sets(), &mut note);
        named("access", self.old.words.all_access(), self.new.words.all_access(), &mut note);
        if old.settings != new.settings {
            note("settings", "guild");
        }
        touched
    }
}

/// Notes which keys stand for what had another key before.
fn note<'k>(
    kind: ObjectKind,
    now: impl Iterator<Item = (&'k Key, &'k Previously)>,
    was_there: impl Fn(&Key) -> bool,
    is_there: impl Fn(&Key) -> bool,
    renamed: &mut BTreeMap<(ObjectKind, Key), Key>,
) {
    for (key, previously) in now.filter(|(key, _)| !was_there(key)) {
        let Previously::Keys(former) = previously else { continue };
        if let Some(old) = former.iter().rev().find(|old| was_there(old) && !is_there(old)) {
            renamed.insert((kind, old.clone()), key.clone());
        }
    }
}

/// Notes named entries that are new, gone or different.
fn named<'n, T: PartialEq + 'n>(
    section: &str,
    old: impl Iterator<Item = (&'n str, &'n T)>,
    new: impl Iterator<Item = (&'n str, &'n T)>,
    note: &mut impl FnMut(&str, &str),
) {
    let (old, new): (BTreeMap<_, _>, BTreeMap<_, _>) = (old.collect(), new.collect());
    let names: BTreeSet<&str> = old.keys().chain(new.keys()).copied().collect();
    names.into_iter().filter(|name| old.get(name) != new.get(name)).for_each(|name| note(section, name));
}

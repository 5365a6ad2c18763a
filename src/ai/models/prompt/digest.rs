//! A manifest in as few words as a model needs.
//!
//! Decides what of it leaves the house.

use serde_json::{Map, Value, json};

use crate::ai::change::Side;
use crate::manifest::{ChannelSpec, RoleSpec};
use crate::model::{Key, ObjectKind, Overwrite, OverwriteChoice, Overwrites, Permissions, RoleRef, Target};

/// Longest topic, in characters.
const TOPIC: usize = 120;

/// How much is said. Each says less than the one before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Detail {
    Full,
    NoTopics,
    NoNames,
    NoOverwrites,
    NoPermissions,
}

impl Detail {
    pub(super) const ALL: [Self; 5] =
        [Self::Full, Self::NoTopics, Self::NoNames, Self::NoOverwrites, Self::NoPermissions];

    pub(super) fn has_names(self) -> bool {
        self < Self::NoNames
    }

    /// What is not said, in words.
    pub(super) fn left_out(self) -> Vec<String> {
        let less = [
            (Self::NoTopics, "the model was not told the topics of channels"),
            (Self::NoNames, "the model was not told what Discord has and the manifest does not"),
            (Self::NoOverwrites, "the model was not told who may do what in channels"),
            (Self::NoPermissions, "the model was not told what roles may do"),
        ];
        less.into_iter().filter(|(from, _)| self >= *from).map(|(_, words)| words.to_owned()).collect()
    }
}

/// What a manifest says of the guild, as far as a request needs it.
pub(super) fn digest(side: &Side, detail: Detail) -> Value {
    let manifest = &side.manifest;
    let mut said = Map::new();
    said.insert("server_name".to_owned(), json!(manifest.settings.name.as_ref().or(manifest.name.as_ref())));
    let protected: Vec<String> = manifest.policy.protect.iter().map(ToString::to_string).collect();
    said.insert("protected".to_owned(), json!(protected));
    let roles = manifest.roles.iter().map(|(key, spec)| role(key, spec, detail));
    said.insert("roles_highest_first".to_owned(), roles.collect());
    if detail < Detail::NoOverwrites {
        let sets = side.words.all_sets().map(|(name, set)| (name.to_owned(), overwrite(set)));
        said.insert("permission_sets".to_owned(), Value::Object(sets.collect()));
        let access = side.words.all_access().map(|(name, set)| (name.to_owned(), overwrites(set)));
        said.insert("access".to_owned(), Value::Object(access.collect()));
    }
    let inside = |home: Option<&Key>| -> Value {
        let channels = manifest.channels.iter().filter(|(_, spec)| home_of(spec) == home);
        channels.map(|(key, spec)| channel(key, spec, detail)).collect()
    };
    said.insert("channels_outside_categories".to_owned(), inside(None));
    let categories = side.channels(ObjectKind::Category).iter().map(|(key, spec)| {
        let mut category = channel(key, spec, detail);
        category["channels"] = inside(Some(key));
        category
    });
    said.insert("categories".to_owned(), categories.collect());
    Value::Object(said)
}

fn home_of(spec: &ChannelSpec) -> Option<&Key> {
    spec.attributes.parent.as_ref()?.as_ref()?.key()
}

fn role(key: &Key, spec: &RoleSpec, detail: Detail) -> Value {
    let mut role = json!({ "key": key.as_str() });
    if let Some(name) = spec.attributes.name.as_ref().filter(|name| name.as_str() != key.as_str()) {
        role["name"] = json!(name);
    }
    if let Some(permissions) = spec.attributes.permissions.filter(|_| detail < Detail::NoPermissions) {
        role["permissions"] = names(permissions);
    }
    role
}

fn channel(key: &Key, spec: &ChannelSpec, detail: Detail) -> Value {
    let mut channel = json!({ "key": key.as_str() });
    if let Some(name) = spec.attributes.name.as_ref().filter(|name| name.as_str() != key.as_str()) {
        channel["name"] = json!(name);
    }
    if let Some(kind) = spec.attributes.kind {
        channel["type"] = json!(kind.name());
    }
    if let Some(Some(topic)) = spec.attributes.topic.as_ref().filter(|_| detail < Detail::NoTopics) {
        channel["topic"] = json!(topic.chars().take(TOPIC).collect::<String>());
    }
    if detail < Detail::NoOverwrites {
        match &spec.attributes.overwrites {
            OverwriteChoice::Synced => {}
            OverwriteChoice::Unmanaged => channel["permissions"] = json!("unmanaged"),
            OverwriteChoice::Exactly(own) => channel["permissions"] = overwrites(own),
        }
    }
    channel
}

/// Overwrites by target. Members are counted and not named.
fn overwrites(overwrites: &Overwrites) -> Value {
    let mut said = Map::new();
    let mut members = 0;
    for (target, has) in overwrites.iter() {
        match target {
            Target::Role(RoleRef::Planned(key)) => _ = said.insert(key.to_string(), overwrite(has)),
            Target::Role(RoleRef::Live(id)) => _ = said.insert(format!("role:{id}"), overwrite(has)),
            Target::Member(_) => members += 1,
        }
    }
    if members > 0 {
        said.insert("(single members)".to_owned(), json!(members));
    }
    Value::Object(said)
}

fn overwrite(overwrite: &Overwrite) -> Value {
    let lists = [("allow", overwrite.allow), ("deny", overwrite.deny)];
    let said = lists.into_iter().filter(|(_, bits)| !bits.is_empty());
    Value::Object(said.map(|(name, bits)| (name.to_owned(), names(bits))).collect())
}

fn names(permissions: Permissions) -> Value {
    json!(permissions.names())
}

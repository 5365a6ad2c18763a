//! What somebody made by hand, and gets a key where the policy would remove it.
//!
//! Knows what a plan removes, and only that: what merely changes along stays somebody else's.

use indexmap::IndexMap;

use crate::manifest::edit::{Edit, Place, Subject, Value};
use crate::manifest::render::fresh_key;
use crate::model::{
    Channel, ChannelAttributes, ChannelId, ChannelKind, ChannelPatch, ChannelRef, Role, RoleAttributes, RoleId, RoleRef,
};
use crate::plan::Plan;
use crate::plan::operation::{BindingChange, Operation, Step};

use super::{Adopter, fields, section, subject_of};

impl Adopter<'_> {
    /// Objects somebody made by hand, where the policy would remove them.
    pub(super) fn came(&mut self, plan: &Plan) {
        let removals = plan.steps.iter().filter_map(removed);
        let mut channels: Vec<&Channel> = Vec::new();
        for (key, id) in removals {
            match (key, id) {
                (Some(object), _) if self.is_wanted(&object) => {
                    self.leave(&object, "Its key left the manifest: apply that, or take the key back from git.");
                }
                (None, Removed::Role(id)) => {
                    if let Some(role) = self.live.role(&RoleRef::Live(id)) {
                        self.role_came(role, id);
                    }
                }
                (None, Removed::Channel(id)) => channels.extend(self.live.channel(&ChannelRef::Live(id))),
                _ => {}
            }
        }
        channels.sort_by_key(|channel| !channel.is_category());
        for channel in channels {
            self.channel_came(channel);
        }
    }

    fn role_came(&mut self, role: &Role, id: RoleId) {
        let name = &role.attributes.name;
        let key = fresh_key(name, "role", self.manifest.roles.keys().chain(self.keys.roles.values()));
        let object = format!("roles.{key}");
        if !self.is_wanted(&object) && !self.is_wanted(&format!("role:{id}")) {
            return;
        }
        let new = RoleAttributes::named(key.as_str());
        let changed = fields(new.diff(&role.attributes).changes());
        let subject = Subject::Role(key.to_string());
        let (said, _) = self.role_fields(&subject, &key, &role.attributes, &changed);
        let twins = self.live.roles.iter().filter(|other| other.attributes.name == *name).count();
        let mut fields = pinned(twins > 1, id.get());
        fields.extend(said.into_iter().filter(|(_, value)| *value != Value::Null));
        self.keys.roles.insert(id, key);
        self.adopt(&object, [Edit::Add { object: subject, category: None, fields, place: Place::Last }]);
        self.adoption.objects.insert("roles".to_owned());
    }

    fn channel_came(&mut self, channel: &Channel) {
        let Some(id) = channel.id.id() else { return };
        let attributes = &channel.attributes;
        let is_category = channel.is_category();
        let taken = if is_category { self.manifest.categories.keys() } else { self.manifest.channels.keys() };
        let known = if is_category { self.keys.categories.values() } else { self.keys.channels.values() };
        let key = fresh_key(&attributes.name, if is_category { "category" } else { "channel" }, taken.chain(known));
        let object = format!("{}.{key}", section(attributes.kind));
        if !self.is_wanted(&object) && !self.is_wanted(&format!("channel:{id}")) {
            return;
        }
        let category = match &attributes.parent {
            None => None,
            Some(parent) => match self.keys.category(parent) {
                Some(key) => Some(key.to_string()),
                None => return self.leave(&object, "Its category is in no manifest."),
            },
        };
        if matches!(attributes.kind, ChannelKind::Other(_)) {
            return self.leave(&object, "It is of a kind this build does not know.");
        }
        let new = ChannelAttributes::named(key.as_str(), attributes.kind);
        let mut changed = fields(new.diff(attributes).changes());
        changed.extend(["overwrites"].into_iter().filter(|_| !self.live.is_synced(channel)));
        changed.extend(
            ["kind"].into_iter().filter(|_| !matches!(attributes.kind, ChannelKind::Text | ChannelKind::Category)),
        );
        changed.retain(|field| *field != "overwrites" || !self.live.is_synced(channel));
        let subject = subject_of(attributes.kind, &key);
        let said = self.channel_fields(&subject, &key, channel, &changed, true);
        let twins = self
            .live
            .channels
            .iter()
            .filter(|other| other.place() == channel.place() && other.attributes.name == attributes.name);
        let mut fields = pinned(twins.count() > 1, id.get());
        fields.extend(
            said.into_iter().filter(|(_, value)| *value != Some(Value::Null)).filter_map(|(f, v)| Some((f, v?))),
        );
        match is_category {
            true => self.keys.categories.insert(id, key),
            false => self.keys.channels.insert(id, key),
        };
        self.adopt(&object, [Edit::Add { object: subject, category, fields, place: Place::Last }]);
        self.adoption.objects.insert("channels".to_owned());
    }
}

pub(super) enum Removed {
    Role(RoleId),
    Channel(ChannelId),
}

/// What a step removes or archives: its path when it has a key, and which it is.
pub(super) fn removed(step: &Step) -> Option<(Option<String>, Removed)> {
    let archives = step.bindings.iter().any(|b| matches!(b, BindingChange::Archive { .. }));
    match &step.operation {
        Operation::DeleteRole { role, .. } => {
            Some((role.key.as_ref().map(|key| format!("roles.{key}")), Removed::Role(role.id)))
        }
        Operation::DeleteChannel { channel, .. } => {
            let key = channel.key.as_ref().map(|key| format!("{}.{key}", section(channel.kind)));
            Some((key, Removed::Channel(channel.id)))
        }
        // Nothing binds a channel without a key; the only category it is ever moved into is the archive.
        Operation::UpdateChannel { channel, changes } if archives || channel.key.is_none() && enters(changes) => {
            let key = channel.key.as_ref().map(|key| format!("{}.{key}", section(channel.kind)));
            Some((key, Removed::Channel(channel.id)))
        }
        _ => None,
    }
}

/// True when a channel is moved into a category.
fn enters(changes: &ChannelPatch) -> bool {
    changes.parent.as_ref().is_some_and(|parent| parent.to.is_some())
}

fn pinned(is_needed: bool, id: u64) -> IndexMap<String, Value> {
    is_needed.then(|| ("id".to_owned(), Value::Text(id.to_string()))).into_iter().collect()
}

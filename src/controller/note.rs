//! What is written down of a step: what it is about, what was there before, and what came of it.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::discord::{Applied, Resolved};
use crate::model::{Bindings, ChannelKind, Guild, Key, KindBindings, NameEcho, ObjectKind};
use crate::plan::{BindingChange, Operation, Step};
use crate::store::{Created, Fact};

use super::back::HOLDERS;

/// What every key stands for before the first step.
pub(super) fn resolved(bindings: &Bindings, changes: &[BindingChange]) -> Resolved {
    fn ids<I: Copy>(bound: &KindBindings<I>) -> BTreeMap<Key, I> {
        bound.iter().map(|(key, binding)| (key.clone(), binding.id)).collect()
    }
    let mut names = Resolved {
        roles: ids(&bindings.roles),
        categories: ids(&bindings.categories),
        channels: ids(&bindings.channels),
    };
    for change in changes {
        if let BindingChange::Bind { kind, key, id, .. } = change
            && let Ok(id) = id.parse::<u64>()
        {
            name(&mut names, *kind, key, id);
        }
    }
    names
}

pub(super) fn name(names: &mut Resolved, kind: ObjectKind, key: &Key, id: u64) {
    match kind {
        ObjectKind::Role => _ = twilight_id(id).map(|id| names.roles.insert(key.clone(), id)),
        ObjectKind::Category => _ = twilight_id(id).map(|id| names.categories.insert(key.clone(), id)),
        ObjectKind::Channel => _ = twilight_id(id).map(|id| names.channels.insert(key.clone(), id)),
    }
}

fn twilight_id<M>(id: u64) -> Option<twilight_model::id::Id<M>> {
    twilight_model::id::Id::new_checked(id)
}

/// The objects of a guild as they were read, for the audit trail.
pub(super) struct Objects(BTreeMap<u64, Value>);

impl Objects {
    pub(super) fn of(guild: &Guild) -> Self {
        let roles = guild.roles.iter().filter_map(|r| Some((r.id.id()?.get(), json!(r.attributes))));
        let channels = guild.channels.iter().filter_map(|c| Some((c.id.id()?.get(), json!(c.attributes))));
        let mut objects: BTreeMap<u64, Value> = roles.chain(channels).collect();
        // @everyone has the guild's own id, so the settings stand under 0.
        objects.insert(0, json!(guild.settings));
        Self(objects)
    }

    /// What an operation is about, with those who have the role it deletes.
    pub(super) fn before(&self, operation: &Operation, holders: Option<Value>) -> Option<Value> {
        let id = match operation {
            Operation::UpdateGuild { .. } => 0,
            Operation::UpdateRole { role, .. } | Operation::DeleteRole { role, .. } => role.id.get(),
            Operation::UpdateChannel { channel, .. } | Operation::DeleteChannel { channel, .. } => channel.id.get(),
            Operation::CreateRole { .. }
            | Operation::CreateChannel { .. }
            | Operation::SetTopic { .. }
            | Operation::GiveRole { .. }
            | Operation::MoveRoles { .. }
            | Operation::MoveChannels { .. } => return None,
        };
        let mut before = self.0.get(&id).cloned()?;
        if let (Some(before), Some(holders)) = (before.as_object_mut(), holders) {
            before.insert(HOLDERS.to_owned(), holders);
        }
        Some(before)
    }
}

/// The name space and key an operation creates an object for.
pub(super) fn created_key(operation: &Operation) -> Option<(ObjectKind, &Key)> {
    match operation {
        Operation::CreateRole { key, .. } => Some((ObjectKind::Role, key)),
        Operation::CreateChannel { key, channel } if channel.kind == ChannelKind::Category => {
            Some((ObjectKind::Category, key))
        }
        Operation::CreateChannel { key, .. } => Some((ObjectKind::Channel, key)),
        _ => None,
    }
}

/// The stored outcome of a step Discord carried out.
pub(super) fn done(step: &Step, applied: &Applied) -> crate::store::Outcome {
    let created = applied.created.and_then(|id| match created_key(&step.operation)?.0 {
        ObjectKind::Role => twilight_id(id).map(Created::Role),
        ObjectKind::Category | ObjectKind::Channel => twilight_id(id).map(Created::Channel),
    });
    let mut facts: Vec<Fact> = applied
        .images
        .iter()
        .map(|(sha256, hash)| Fact::Image { sha256: sha256.clone(), hash: hash.clone() })
        .collect();
    facts.extend(name_echo(&step.operation, applied.name_got.as_deref()));
    let after = match &step.operation {
        Operation::CreateRole { role, .. } => Some(json!(role)),
        Operation::CreateChannel { channel, .. } => Some(json!(channel)),
        Operation::UpdateGuild { changes } => Some(json!(changes)),
        Operation::UpdateRole { changes, .. } => Some(json!(changes)),
        Operation::UpdateChannel { changes, .. } => Some(json!(changes)),
        Operation::SetTopic { topic, .. } => Some(json!({ "topic": topic })),
        Operation::GiveRole { user, .. } => Some(json!({ "user": user })),
        Operation::MoveRoles { moves } => Some(json!(moves)),
        Operation::MoveChannels { moves } => Some(json!(moves)),
        Operation::DeleteRole { .. } | Operation::DeleteChannel { .. } => None,
    };
    crate::store::Outcome::Done { created, after, bindings: step.bindings.clone(), facts }
}

/// What Discord made of a channel name, when it is not what was asked for.
fn name_echo(operation: &Operation, got: Option<&str>) -> Option<Fact> {
    let got = got?.to_owned();
    let (kind, key, asked) = match operation {
        Operation::CreateChannel { key, channel } => {
            let kind = if channel.kind == ChannelKind::Category { ObjectKind::Category } else { ObjectKind::Channel };
            (kind, key, channel.name.clone())
        }
        Operation::UpdateChannel { channel, changes } => {
            let kind = if channel.kind == ChannelKind::Category { ObjectKind::Category } else { ObjectKind::Channel };
            (kind, channel.key.as_ref()?, changes.name.as_ref()?.to.clone())
        }
        _ => return None,
    };
    (asked != got).then(|| Fact::Name { kind, key: key.clone(), echo: NameEcho { asked, got } })
}

//! What can be done to a guild: one operation is one request.

use serde::{Deserialize, Serialize};

use crate::model::{
    ChannelAttributes, ChannelId, ChannelKind, ChannelPatch, ChannelRef, Key, ObjectKind, Overwrites, Provenance,
    RoleAttributes, RoleId, RolePatch, RoleRef, SettingsPatch, Target, UserId,
};

/// The number of a step in its plan, from 1, in the order in which steps are shown and run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct StepId(pub u32);

/// A role as people know it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct RoleSubject {
    /// Its snowflake.
    pub id: RoleId,
    /// Its key, when it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<Key>,
    /// Its name before the plan.
    pub name: String,
}

/// A channel as people know it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ChannelSubject {
    /// Its snowflake.
    pub id: ChannelId,
    /// Its key, when it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<Key>,
    /// Its name before the plan.
    pub name: String,
    /// What it is, before the plan.
    pub kind: ChannelKind,
    /// The name of the category it stands in, before the plan.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub category: Option<String>,
}

/// One object's new position in a reorder.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Move<R> {
    /// What moves.
    pub object: R,
    /// What people call it.
    pub name: String,
    /// Discord's raw position before; none for what does not exist yet.
    pub from: Option<i64>,
    /// Discord's raw position after.
    pub to: i64,
    /// A category moves among categories, which have keys of their own.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_category: bool,
}

/// One request to Discord, with everything needed to show, send and undo it.
#[derive(Clone, Debug, PartialEq, Hash, Serialize, Deserialize)]
#[serde(tag = "operation", rename_all = "snake_case")]
pub enum Operation {
    /// `PATCH /guilds/{id}`
    UpdateGuild {
        /// The fields that change.
        changes: Box<SettingsPatch>,
    },
    /// `POST /guilds/{id}/roles`
    CreateRole {
        /// The key it is for.
        key: Key,
        /// The whole role.
        role: Box<RoleAttributes>,
    },
    /// `PATCH /guilds/{id}/roles/{role}`
    UpdateRole {
        /// Which role.
        role: RoleSubject,
        /// The fields that change.
        changes: Box<RolePatch>,
    },
    /// `DELETE /guilds/{id}/roles/{role}`
    DeleteRole {
        /// Which role.
        role: RoleSubject,
        /// What it was.
        was: Box<RoleAttributes>,
    },
    /// `PUT /guilds/{id}/members/{user}/roles/{role}`: only ever to give back what a rollback finds taken.
    GiveRole {
        /// Which role.
        role: RoleRef,
        /// What people call it.
        name: String,
        /// To whom.
        user: UserId,
    },
    /// `PATCH /guilds/{id}/roles`
    MoveRoles {
        /// The roles that move, highest first.
        moves: Vec<Move<RoleRef>>,
    },
    /// `POST /guilds/{id}/channels`
    CreateChannel {
        /// The key it is for.
        key: Key,
        /// The whole channel.
        channel: Box<ChannelAttributes>,
    },
    /// `PATCH /channels/{id}`
    UpdateChannel {
        /// Which channel.
        channel: ChannelSubject,
        /// The fields that change.
        changes: Box<ChannelPatch>,
    },
    /// `PATCH /channels/{id}` of a channel the same plan makes: its topic, when that is too long to be given before.
    SetTopic {
        /// The key of the channel.
        key: Key,
        /// What people call it.
        name: String,
        /// What it is.
        kind: ChannelKind,
        /// The topic.
        topic: String,
    },
    /// `DELETE /channels/{id}`
    DeleteChannel {
        /// Which channel.
        channel: ChannelSubject,
        /// What it was.
        was: Box<ChannelAttributes>,
    },
    /// `PATCH /guilds/{id}/channels`
    MoveChannels {
        /// The channels that move, in sidebar order.
        moves: Vec<Move<ChannelRef>>,
    },
}

impl Operation {
    /// What it is about, in words.
    pub fn subject(&self) -> String {
        match self {
            Self::UpdateGuild { .. } => "settings".to_owned(),
            Self::CreateRole { key, .. } => format!("roles.{key}"),
            Self::UpdateRole { role, .. } | Self::DeleteRole { role, .. } => format!("role {}", role.name),
            Self::GiveRole { user, .. } => format!("member {user}"),
            Self::MoveRoles { .. } => "order of roles".to_owned(),
            Self::CreateChannel { key, .. } => format!("channels.{key}"),
            Self::UpdateChannel { channel, .. } | Self::DeleteChannel { channel, .. } => format!("#{}", channel.name),
            Self::SetTopic { name, .. } => format!("#{name}"),
            Self::MoveChannels { .. } => "order of channels".to_owned(),
        }
    }

    /// The snowflake of the one object it is about, when it is about one that exists.
    pub fn target(&self) -> Option<u64> {
        match self {
            Self::UpdateRole { role, .. } | Self::DeleteRole { role, .. } => Some(role.id.get()),
            Self::GiveRole { user, .. } => Some(user.get()),
            Self::UpdateChannel { channel, .. } | Self::DeleteChannel { channel, .. } => Some(channel.id.get()),
            Self::UpdateGuild { .. }
            | Self::CreateRole { .. }
            | Self::MoveRoles { .. }
            | Self::CreateChannel { .. }
            | Self::SetTopic { .. }
            | Self::MoveChannels { .. } => None,
        }
    }

    /// The key of the object it is about.
    pub fn key(&self) -> Option<&Key> {
        match self {
            Self::CreateRole { key, .. } | Self::CreateChannel { key, .. } | Self::SetTopic { key, .. } => Some(key),
            Self::UpdateRole { role, .. } | Self::DeleteRole { role, .. } => role.key.as_ref(),
            Self::UpdateChannel { channel, .. } | Self::DeleteChannel { channel, .. } => channel.key.as_ref(),
            Self::UpdateGuild { .. } | Self::GiveRole { .. } | Self::MoveRoles { .. } | Self::MoveChannels { .. } => {
                None
            }
        }
    }

    /// True when the request can change who may see or do what.
    pub fn changes_access(&self) -> bool {
        match self {
            Self::UpdateRole { changes, .. } => changes.permissions.is_some(),
            Self::UpdateChannel { changes, .. } => changes.overwrites.is_some(),
            Self::DeleteRole { .. } | Self::GiveRole { .. } | Self::CreateChannel { .. } => true,
            Self::UpdateGuild { .. }
            | Self::CreateRole { .. }
            | Self::MoveRoles { .. }
            | Self::SetTopic { .. }
            | Self::DeleteChannel { .. }
            | Self::MoveChannels { .. } => false,
        }
    }

    /// True when what it does cannot be undone by another request.
    pub fn is_irreversible(&self) -> bool {
        matches!(self, Self::DeleteRole { .. } | Self::DeleteChannel { .. })
    }

    /// The objects of the same plan it needs, as the name spaces and keys that create them.
    pub fn needs(&self) -> Vec<(ObjectKind, &Key)> {
        let mut needs = Vec::new();
        match self {
            Self::CreateChannel { channel, .. } => {
                needs.extend(channel.parent.as_ref().and_then(ChannelRef::key).map(|k| (ObjectKind::Category, k)));
                needs.extend(planned_roles(&channel.overwrites));
            }
            Self::UpdateChannel { changes, .. } => {
                let parent = changes.parent.as_ref().and_then(|c| c.to.as_ref()).and_then(ChannelRef::key);
                needs.extend(parent.map(|k| (ObjectKind::Category, k)));
                needs.extend(changes.overwrites.iter().flat_map(|c| planned_roles(&c.to)));
            }
            Self::UpdateGuild { changes } => {
                let SettingsPatch { afk_channel, system_channel, rules_channel, .. } = &**changes;
                let SettingsPatch { public_updates_channel, safety_alerts_channel, .. } = &**changes;
                let fields =
                    [afk_channel, system_channel, rules_channel, public_updates_channel, safety_alerts_channel];
                let keys = fields.into_iter().flatten().filter_map(|c| c.to.as_ref()?.key());
                needs.extend(keys.map(|k| (ObjectKind::Channel, k)));
            }
            Self::GiveRole { role, .. } => needs.extend(role.key().map(|key| (ObjectKind::Role, key))),
            Self::SetTopic { key, .. } => needs.push((ObjectKind::Channel, key)),
            Self::MoveRoles { moves } => {
                needs.extend(moves.iter().filter_map(|m| m.object.key()).map(|k| (ObjectKind::Role, k)));
            }
            Self::MoveChannels { moves } => needs.extend(moves.iter().filter_map(|m| {
                let kind = if m.is_category { ObjectKind::Category } else { ObjectKind::Channel };
                m.object.key().map(|k| (kind, k))
            })),
            Self::CreateRole { .. }
            | Self::UpdateRole { .. }
            | Self::DeleteRole { .. }
            | Self::DeleteChannel { .. } => {}
        }
        needs
    }
}

fn planned_roles(overwrites: &Overwrites) -> impl Iterator<Item = (ObjectKind, &Key)> {
    overwrites.iter().filter_map(|(target, _)| match target {
        Target::Role(role) => role.key().map(|key| (ObjectKind::Role, key)),
        Target::Member(_) => None,
    })
}

/// A change of what is bound to which key. It costs no request.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "binding", rename_all = "snake_case")]
pub enum BindingChange {
    /// The key is this existing object.
    Bind {
        /// The name space.
        kind: ObjectKind,
        /// The key.
        key: Key,
        /// The object, as a decimal snowflake.
        id: String,
        /// How they were joined.
        provenance: Provenance,
        /// The policy protects it.
        protected: bool,
    },
    /// The key is the object the step creates.
    BindCreated {
        /// The name space.
        kind: ObjectKind,
        /// The key.
        key: Key,
        /// The policy protects it.
        protected: bool,
    },
    /// The key is gone and its channel is in the archive.
    Archive {
        /// The name space.
        kind: ObjectKind,
        /// The key.
        key: Key,
    },
    /// The key is gone.
    Release {
        /// The name space.
        kind: ObjectKind,
        /// The key.
        key: Key,
    },
}

/// The part of a plan a step belongs to. The order of the parts keeps every moment between two steps at most as open as
/// the guild was before or will be after:
///
/// roles only lose permissions first, then channels change one at a time, then roles gain. Between the first and the last
/// part every role holds at most what it held before *and* what it will hold, so a channel in its old form shows at most
/// what it showed, and one in its new form at most what it will show.
///
/// That needs care where one request changes several channels. A category takes along the children that are like it: who
/// must not follow leaves before it, be it for another category, the archive or deletion, or is guarded. Deleting a role
/// takes its overwrites everywhere: where their going one by one could let somebody in, they are taken out together
/// before any role gains. That holds for channels nobody manages, too: the deletion changes them in any case, and a note
/// names them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Roles lose permissions; channels that must not follow their category are guarded.
    Close,
    /// Roles are created, renamed and moved.
    Prepare,
    /// Categories, channels and settings are created and changed.
    Shape,
    /// Roles gain permissions.
    Open,
    /// Objects are deleted. Only when everything before succeeded.
    Remove,
}

/// An operation in its place in a plan.
#[derive(Clone, Debug, PartialEq, Hash, Serialize, Deserialize)]
pub struct Step {
    /// Its number.
    pub id: StepId,
    /// Its part of the plan.
    pub phase: Phase,
    /// The steps that must have succeeded before.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub after: Vec<StepId>,
    /// What is done.
    #[serde(flatten)]
    pub operation: Operation,
    /// What is bound or released once it succeeded.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub bindings: Vec<BindingChange>,
}

//! What can be done to a guild: one operation is one request.

use serde::{Deserialize, Serialize};

use crate::model::{
    ChannelAttributes, ChannelId, ChannelKind, ChannelPatch, ChannelRef, Key, ObjectKind, Provenance, RoleAttributes,
    RoleId, RolePatch, RoleRef, SettingsPatch,
};

/// The number of a step in its plan, from 1, in the order in which steps are shown and run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct StepId(pub u32);

/// A role as people know it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
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
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
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
}

/// One object's new position in a reorder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Move<R> {
    /// What moves.
    pub object: R,
    /// What people call it.
    pub name: String,
    /// Discord's raw position before; none for what does not exist yet.
    pub from: Option<i64>,
    /// Discord's raw position after.
    pub to: i64,
}

/// One request to Discord, with everything needed to show, send and undo it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
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

/// A change of what is bound to which key. It costs no request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
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

/// An operation in its place in a plan.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Step {
    /// Its number.
    pub id: StepId,
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

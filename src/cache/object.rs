//! A role or channel as it is kept: what it differs in from a new one, which is little. A guild is hundreds of them, and they
//! are read far more often than anything else.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::model::{
    Channel, ChannelAttributes, ChannelKind, ChannelPatch, ChannelRef, Managed, Role, RoleAttributes, RolePatch,
    RoleRef,
};

/// Something of which a guild has many.
pub(super) trait Object: PartialEq + Sized {
    /// What is kept of it.
    type Kept: Serialize + DeserializeOwned;

    /// As it is kept.
    fn keep(&self) -> Self::Kept;

    /// As it was.
    fn restore(kept: Self::Kept) -> Self;
}

#[derive(Serialize, Deserialize)]
pub(super) struct KeptChannel {
    id: ChannelRef,
    position: i64,
    name: String,
    kind: ChannelKind,
    #[serde(default, skip_serializing_if = "ChannelPatch::is_empty")]
    differs: ChannelPatch,
}

impl Object for Channel {
    type Kept = KeptChannel;

    fn keep(&self) -> KeptChannel {
        let Self { id, position, attributes } = self;
        let ChannelAttributes { name, kind, .. } = attributes;
        let differs = ChannelAttributes::named(name.clone(), *kind).diff(attributes);
        KeptChannel { id: id.clone(), position: *position, name: name.clone(), kind: *kind, differs }
    }

    fn restore(kept: KeptChannel) -> Self {
        let KeptChannel { id, position, name, kind, differs } = kept;
        let mut attributes = ChannelAttributes::named(name, kind);
        differs.apply(&mut attributes);
        Self { id, position, attributes }
    }
}

#[derive(Serialize, Deserialize)]
pub(super) struct KeptRole {
    id: RoleRef,
    position: i64,
    managed: Managed,
    name: String,
    #[serde(default, skip_serializing_if = "RolePatch::is_empty")]
    differs: RolePatch,
}

impl Object for Role {
    type Kept = KeptRole;

    fn keep(&self) -> KeptRole {
        let Self { id, position, managed, attributes } = self;
        let name = attributes.name.clone();
        let differs = RoleAttributes::named(name.clone()).diff(attributes);
        KeptRole { id: id.clone(), position: *position, managed: *managed, name, differs }
    }

    fn restore(kept: KeptRole) -> Self {
        let KeptRole { id, position, managed, name, differs } = kept;
        let mut attributes = RoleAttributes::named(name);
        differs.apply(&mut attributes);
        Self { id, position, managed, attributes }
    }
}

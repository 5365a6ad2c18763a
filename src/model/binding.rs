//! Which manifest key is which Discord object.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{ChannelId, Key, ObjectKind, RoleId};

/// How a key came to its object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Provenance {
    /// It was created for the key.
    Created,
    /// It was there already, and the only one that fitted.
    Adopted,
    /// The manifest names its snowflake.
    Pinned,
}

/// Whether the key still stands for its object.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BindingState {
    /// It does.
    #[default]
    Active,
    /// The key left the manifest and the channel was put into the archive. If the key returns, so does the channel.
    Archived,
}

/// What was asked for as a name and what Discord made of it, so that its rule need not be known to see that nothing changed.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct NameEcho {
    /// The name in the request.
    pub asked: String,
    /// The name in the answer.
    pub got: String,
}

/// A key and its object, joined.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Binding<I> {
    /// The object.
    pub id: I,
    /// How they were joined.
    pub provenance: Provenance,
    /// Whether they still are.
    #[serde(default)]
    pub state: BindingState,
    /// The policy protected the object when it was last in a manifest, so it is not deleted now.
    #[serde(default)]
    pub protected: bool,
    /// What Discord made of the name last written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name_echo: Option<NameEcho>,
}

impl<I> Binding<I> {
    /// A fresh binding.
    pub fn new(id: I, provenance: Provenance) -> Self {
        Self { id, provenance, state: BindingState::Active, protected: false, name_echo: None }
    }
}

/// The bindings of one name space.
pub type KindBindings<I> = BTreeMap<Key, Binding<I>>;

/// Everything that is bound in one guild, and what is remembered of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Bindings {
    /// Roles by key; @everyone is not among them, its snowflake is known.
    pub roles: KindBindings<RoleId>,
    /// Categories by key.
    pub categories: KindBindings<ChannelId>,
    /// Channels by key.
    pub channels: KindBindings<ChannelId>,
    /// SHA-256 of an image file to the hash Discord reported after it was uploaded.
    #[serde(default)]
    pub images: BTreeMap<String, String>,
}

impl Bindings {
    /// The key a role is bound to.
    pub fn key_of_role(&self, id: RoleId) -> Option<&Key> {
        self.roles.iter().find(|(_, b)| b.id == id).map(|(key, _)| key)
    }

    /// The kind and key a channel is bound to.
    pub fn key_of_channel(&self, id: ChannelId) -> Option<(ObjectKind, &Key)> {
        let category = self.categories.iter().find(|(_, b)| b.id == id).map(|(key, _)| (ObjectKind::Category, key));
        category.or_else(|| self.channels.iter().find(|(_, b)| b.id == id).map(|(key, _)| (ObjectKind::Channel, key)))
    }
}

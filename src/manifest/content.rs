//! The meaning of a manifest, apart from its spelling.

use std::collections::BTreeMap;
use std::ops::Deref;

use indexmap::IndexMap;

use crate::model::{ChannelId, ChannelOverlay, GuildId, Key, Permissions, RoleId, RoleOverlay, SettingsOverlay};

use super::Policy;

/// A manifest without a single blocking diagnostic. Only the parser can make one.
#[derive(Clone, Debug, PartialEq)]
pub struct Manifest {
    content: Content,
    fingerprint: String,
}

impl Manifest {
    /// To be called by the parser alone, when every rule is satisfied.
    pub(super) fn checked(content: Content, fingerprint: String) -> Self {
        Self { content, fingerprint }
    }

    /// True when both want the same of the same guild, with the same care, however they are written.
    pub fn wants_the_same(&self, other: &Self) -> bool {
        let Content { guild, name, policy, expectations, .. } = &self.content;
        (*guild, name, policy, expectations) == (other.guild, &other.name, &other.policy, &other.expectations)
            && self.fingerprint == other.fingerprint
    }

    /// SHA-256, in hex, of everything that says how the guild is to be. The same as long as only comments, the way files are
    /// cut, or policy, expectations and name are written differently.
    pub fn fingerprint(&self) -> &str {
        &self.fingerprint
    }
}

impl Deref for Manifest {
    type Target = Content;

    fn deref(&self) -> &Content {
        &self.content
    }
}

/// What a manifest says. References between objects are `Ref::Planned(key)`, except where it names a snowflake.
#[derive(Clone, Debug, PartialEq)]
pub struct Content {
    /// Which guild.
    pub guild: GuildId,
    /// What people call it.
    pub name: Option<String>,
    /// How much a reconciliation may do.
    pub policy: Policy,
    /// Settings of the guild.
    pub settings: SettingsOverlay,
    /// Roles, highest first. @everyone, when it is managed, has [`Key::everyone`] and no place in the order.
    pub roles: IndexMap<Key, RoleSpec>,
    /// Categories, in sidebar order. Their overlay has kind `Category` and no parent.
    pub categories: IndexMap<Key, ChannelSpec>,
    /// Channels in sidebar order inside each category; those without a category first. Their overlay always says kind
    /// and parent.
    pub channels: IndexMap<Key, ChannelSpec>,
    /// What has to be true of the permissions that result.
    pub expectations: Vec<Expectation>,
    /// Where things were written, by path: `roles.admin`, `channels.rules`, `settings.name`, `expectations.0`.
    pub origins: BTreeMap<String, Origin>,
}

/// Where something was written.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Origin {
    /// The file, as it was named to the parser.
    pub file: String,
    /// The line, from 1.
    pub line: usize,
    /// The column, from 1, in characters.
    pub column: usize,
}

/// What an object was called before.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Previously {
    /// Nothing was said.
    #[default]
    Unsaid,
    /// It had these keys, or, with an empty list, it is certainly new.
    Keys(Vec<Key>),
}

/// A role of a manifest.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RoleSpec {
    /// The snowflake it is pinned to.
    pub id: Option<RoleId>,
    /// Its former keys.
    pub previously: Previously,
    /// What is said of it. The name is always said of a role without `id`: it defaults to the key.
    pub attributes: RoleOverlay,
}

/// A channel or category of a manifest.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ChannelSpec {
    /// The snowflake it is pinned to.
    pub id: Option<ChannelId>,
    /// Its former keys.
    pub previously: Previously,
    /// What is said of it. The name is always said: it defaults to the key.
    pub attributes: ChannelOverlay,
}

/// Something that has to be true of the permissions that result from a plan.
#[derive(Clone, Debug, PartialEq)]
pub struct Expectation {
    /// The role it is about; [`Key::everyone`] for a member without roles.
    pub role: Key,
    /// What it must be able to do.
    pub can: Permissions,
    /// What it must not be able to do.
    pub cannot: Permissions,
    /// In which channels; in the whole guild when empty. A category stands for all its channels.
    pub channels: Vec<Key>,
}

//! Permission overwrites of a channel: who is allowed and denied what, beyond their roles.

use std::collections::BTreeMap;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use twilight_model::id::Id;

use super::{Overlay, Permissions, RoleRef, UserId};

/// Whom an overwrite is for. `role:1234`, `role:key:moderator` or `user:1234` in JSON.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Target {
    /// Everyone with the role.
    Role(RoleRef),
    /// One member.
    Member(UserId),
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Role(role) => write!(f, "role:{role}"),
            Self::Member(user) => write!(f, "user:{user}"),
        }
    }
}

impl FromStr for Target {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once(':') {
            Some(("role", role)) => role.parse().map(Self::Role),
            Some(("user", user)) => {
                let id = user.parse().ok().and_then(Id::new_checked);
                id.map(Self::Member).ok_or_else(|| format!("`{user}` is not a snowflake"))
            }
            _ => Err(format!("`{text}` is neither `role:...` nor `user:...`")),
        }
    }
}

impl Serialize for Target {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Target {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// What one target is allowed and denied. A bit in both is stored by Discord as it is; allow wins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Overwrite {
    /// Bits granted here.
    #[serde(default, skip_serializing_if = "Permissions::is_empty_ref")]
    pub allow: Permissions,
    /// Bits taken away here.
    #[serde(default, skip_serializing_if = "Permissions::is_empty_ref")]
    pub deny: Permissions,
}

impl Permissions {
    fn is_empty_ref(&self) -> bool {
        self.is_empty()
    }
}

impl Overwrite {
    /// True when it says nothing at all.
    pub fn is_neutral(&self) -> bool {
        self.allow.is_empty() && self.deny.is_empty()
    }

    /// `permissions` as they are after this overwrite.
    pub fn over(&self, permissions: Permissions) -> Permissions {
        permissions.without(self.deny).with(self.allow)
    }
}

/// The overwrites of one channel, as a set: their order means nothing, and neither does an entry without bits.
///
/// The list is shared until it is changed: the same one stands in a snapshot, in what is wanted and in a plan, and is
/// known to be equal without being compared.
#[derive(Clone, Debug, Default)]
pub struct Overwrites(Arc<BTreeMap<Target, Overwrite>>);

impl Overwrites {
    /// Most overwrites Discord takes in one request (its OpenAPI description: maxItems 100).
    pub const MAX_PER_REQUEST: usize = 100;

    /// Puts `overwrite` in the place of what `target` had.
    pub fn set(&mut self, target: Target, overwrite: Overwrite) {
        Arc::make_mut(&mut self.0).insert(target, overwrite);
    }

    /// What `target` has; nothing when it has no entry.
    pub fn get(&self, target: &Target) -> Overwrite {
        self.0.get(target).copied().unwrap_or_default()
    }

    /// Removes the entry of `target`.
    pub fn remove(&mut self, target: &Target) -> Option<Overwrite> {
        if self.0.contains_key(target) { Arc::make_mut(&mut self.0).remove(target) } else { None }
    }

    /// The entries that say something, by target.
    pub fn iter(&self) -> impl Iterator<Item = (&Target, &Overwrite)> {
        self.0.iter().filter(|(_, overwrite)| !overwrite.is_neutral())
    }

    /// All entries, also those that say nothing.
    pub fn entries(&self) -> impl Iterator<Item = (&Target, &Overwrite)> {
        self.0.iter()
    }

    /// How many entries say something.
    pub fn len(&self) -> usize {
        self.iter().count()
    }

    /// True when no entry says anything.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The same overwrites without the entries of these targets.
    #[must_use]
    pub fn without(&self, targets: &[Target]) -> Self {
        let kept = self.0.iter().filter(|(target, _)| !targets.contains(target));
        kept.map(|(target, overwrite)| (target.clone(), *overwrite)).collect()
    }

    /// The same overwrites with every role reference replaced by what `rename` makes of it.
    #[must_use]
    pub fn map_roles(&self, rename: impl Fn(&RoleRef) -> RoleRef) -> Self {
        let entry = |(target, overwrite): (&Target, &Overwrite)| match target {
            Target::Role(role) => (Target::Role(rename(role)), *overwrite),
            Target::Member(_) => (target.clone(), *overwrite),
        };
        Self(Arc::new(self.0.iter().map(entry).collect()))
    }
}

impl Serialize for Overwrites {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Overwrites {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        BTreeMap::deserialize(deserializer).map(|entries| Self(Arc::new(entries)))
    }
}

impl PartialEq for Overwrites {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0) || self.iter().eq(other.iter())
    }
}

impl Eq for Overwrites {}

impl Hash for Overwrites {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.iter().for_each(|entry| entry.hash(state));
        self.len().hash(state);
    }
}

impl FromIterator<(Target, Overwrite)> for Overwrites {
    fn from_iter<I: IntoIterator<Item = (Target, Overwrite)>>(entries: I) -> Self {
        Self(Arc::new(entries.into_iter().collect()))
    }
}

/// What a manifest says about the overwrites of a channel.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum OverwriteChoice {
    /// Whatever they are, they stay. Also the meaning of saying nothing outside a category.
    #[default]
    Unmanaged,
    /// The same as the category's, whatever those are.
    Synced,
    /// Exactly these.
    Exactly(Overwrites),
}

impl Overlay<Overwrites> for OverwriteChoice {
    /// Lays nothing: `Synced` needs the category, and `Exactly` the roles its keys stand for. Both are settled where
    /// those are at hand.
    fn lay(&self, _: &mut Overwrites) {}

    fn is_silent(&self) -> bool {
        matches!(self, Self::Unmanaged)
    }
}

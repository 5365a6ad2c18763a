//! Permission overwrites of a channel: who is allowed and denied what, beyond their roles.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::str::FromStr;
use std::sync::Arc;

use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use twilight_model::id::Id;

use super::{Overlay, Permissions, Ref, RoleRef, UserId};

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
        super::id::from_text(deserializer)
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
/// known to be equal without being compared. It is sorted by target and names none twice.
#[derive(Clone, Debug, Default)]
pub struct Overwrites(Arc<Vec<(Target, Overwrite)>>);

impl Overwrites {
    /// Most overwrites Discord takes in one request (its OpenAPI description: maxItems 100).
    pub const MAX_PER_REQUEST: usize = 100;

    fn place(&self, target: &Target) -> Result<usize, usize> {
        self.0.binary_search_by(|(other, _)| other.cmp(target))
    }

    /// Puts `overwrite` in the place of what `target` had.
    pub fn set(&mut self, target: Target, overwrite: Overwrite) {
        let place = self.place(&target);
        let entries = Arc::make_mut(&mut self.0);
        match place {
            Ok(index) => entries[index].1 = overwrite,
            Err(index) => entries.insert(index, (target, overwrite)),
        }
    }

    /// What `target` has; nothing when it has no entry.
    pub fn get(&self, target: &Target) -> Overwrite {
        self.place(target).map_or_else(|_| Overwrite::default(), |index| self.0[index].1)
    }

    /// Removes the entry of `target`.
    pub fn remove(&mut self, target: &Target) -> Option<Overwrite> {
        let index = self.place(target).ok()?;
        Some(Arc::make_mut(&mut self.0).remove(index).1)
    }

    /// The entries that say something, by target.
    pub fn iter(&self) -> impl Iterator<Item = (&Target, &Overwrite)> {
        self.entries().filter(|(_, overwrite)| !overwrite.is_neutral())
    }

    /// All entries, also those that say nothing.
    pub fn entries(&self) -> impl Iterator<Item = (&Target, &Overwrite)> {
        self.0.iter().map(|(target, overwrite)| (target, overwrite))
    }

    /// Every target of either set with what it has here and there, by target.
    pub fn beside<'a>(&'a self, other: &'a Self) -> impl Iterator<Item = (&'a Target, Overwrite, Overwrite)> {
        let (mut here, mut there) = (self.0.iter().peekable(), other.0.iter().peekable());
        std::iter::from_fn(move || {
            let order = match (here.peek(), there.peek()) {
                (Some((a, _)), Some((b, _))) => a.cmp(b),
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (None, None) => return None,
            };
            let first = if order.is_le() { here.next() } else { None };
            let second = if order.is_ge() { there.next() } else { None };
            let of = |entry: Option<&(Target, Overwrite)>| entry.map_or_else(Overwrite::default, |(_, o)| *o);
            first.or(second).map(|(target, _)| (target, of(first), of(second)))
        })
    }

    /// How many entries say something.
    pub fn len(&self) -> usize {
        self.iter().count()
    }

    /// True when no entry says anything.
    pub fn is_empty(&self) -> bool {
        self.iter().next().is_none()
    }

    /// The same overwrites without the entries of these targets.
    #[must_use]
    pub fn without(&self, targets: &[Target]) -> Self {
        let kept = self.0.iter().filter(|(target, _)| !targets.contains(target));
        Self(Arc::new(kept.cloned().collect()))
    }

    /// The same overwrites with every role reference replaced by what `rename` makes of it.
    #[must_use]
    pub fn map_roles(&self, rename: impl Fn(&RoleRef) -> RoleRef) -> Self {
        let entry = |(target, overwrite): (&Target, &Overwrite)| match target {
            Target::Role(role) => (Target::Role(rename(role)), *overwrite),
            Target::Member(_) => (target.clone(), *overwrite),
        };
        self.entries().map(entry).collect()
    }
}

impl Serialize for Overwrites {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.entries())
    }
}

impl<'de> Deserialize<'de> for Overwrites {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Entries)
    }
}

/// Reads entries as they come: a guild has hundreds.
struct Entries;

impl<'de> Visitor<'de> for Entries {
    type Value = Overwrites;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("overwrites by target")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Overwrites, A::Error> {
        let mut entries = Vec::with_capacity(map.size_hint().unwrap_or_default().min(Overwrites::MAX_PER_REQUEST));
        while let Some(entry) = map.next_entry()? {
            entries.push(entry);
        }
        Ok(Overwrites::from_iter(entries))
    }
}

impl PartialEq for Overwrites {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0) || self.iter().eq(other.iter())
    }
}

impl Eq for Overwrites {}

impl Hash for Overwrites {
    /// A guild has thousands of these: each speaks once instead of five times.
    fn hash<H: Hasher>(&self, state: &mut H) {
        for (target, Overwrite { allow, deny }) in self.iter() {
            let (kind, id, key) = match target {
                Target::Role(Ref::Live(id)) => (0, id.get(), None),
                Target::Role(Ref::Planned(key)) => (1, 0, Some(key)),
                Target::Member(id) => (2, id.get(), None),
            };
            let mut said = [kind; 25];
            said[1..9].copy_from_slice(&id.to_le_bytes());
            said[9..17].copy_from_slice(&allow.bits().to_le_bytes());
            said[17..].copy_from_slice(&deny.bits().to_le_bytes());
            state.write(&said);
            if let Some(key) = key {
                key.hash(state);
            }
        }
        self.len().hash(state);
    }
}

impl FromIterator<(Target, Overwrite)> for Overwrites {
    /// Of several entries for one target the last counts.
    fn from_iter<I: IntoIterator<Item = (Target, Overwrite)>>(entries: I) -> Self {
        let mut entries: Vec<_> = entries.into_iter().collect();
        entries.sort_by(|(a, _), (b, _)| a.cmp(b));
        entries.dedup_by(|later, earlier| {
            let same = later.0 == earlier.0;
            if same {
                earlier.1 = later.1;
            }
            same
        });
        Self(Arc::new(entries))
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

//! Names for things: manifest keys, snowflakes, and the reference that can be either.

use std::borrow::Borrow;
use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::marker::PhantomData;
use std::str::FromStr;
use std::sync::Arc;

use serde::de::Visitor;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use twilight_model::id::Id;
use twilight_model::id::marker::{
    ApplicationMarker, ChannelMarker, EmojiMarker, GuildMarker, InteractionMarker, RoleMarker, TagMarker, UserMarker,
};

/// Snowflake of a guild.
pub type GuildId = Id<GuildMarker>;
/// Snowflake of a channel or category.
pub type ChannelId = Id<ChannelMarker>;
/// Snowflake of a role. The @everyone role has the snowflake of its guild.
pub type RoleId = Id<RoleMarker>;
/// Snowflake of a user.
pub type UserId = Id<UserMarker>;
/// Snowflake of a forum tag.
pub type TagId = Id<TagMarker>;
/// Snowflake of a custom emoji.
pub type EmojiId = Id<EmojiMarker>;
/// Snowflake of an application.
pub type ApplicationId = Id<ApplicationMarker>;
/// Snowflake of one use of a command, a button or a form.
pub type InteractionId = Id<InteractionMarker>;
/// A role that exists or will.
pub type RoleRef = Ref<RoleMarker>;
/// A channel or category that exists or will.
pub type ChannelRef = Ref<ChannelMarker>;

/// The three kinds of object a manifest gives keys to; each has a name space of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ObjectKind {
    /// A role.
    Role,
    /// A category.
    Category,
    /// Any channel that is not a category.
    Channel,
}

impl ObjectKind {
    /// The word for one of it.
    pub fn noun(self) -> &'static str {
        match self {
            Self::Role => "role",
            Self::Category => "category",
            Self::Channel => "channel",
        }
    }

    /// The manifest section its keys stand in.
    pub fn section(self) -> &'static str {
        match self {
            Self::Role => "roles",
            Self::Category => "categories",
            Self::Channel => "channels",
        }
    }
}

/// The name of an object inside a manifest: its identity there, whatever Discord calls it. Copies share the text.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key(Arc<str>);

/// Why a text cannot be a [`Key`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a key is 1 to 64 letters, digits, `-` and `_`")]
pub struct InvalidKey;

impl Key {
    /// Longest key, in characters.
    pub const MAX: usize = 64;

    /// The reserved key of the @everyone role.
    pub fn everyone() -> Self {
        Self("everyone".into())
    }

    /// The key of the category removed channels are moved to. A manifest may have it; otherwise a plan makes one.
    pub fn archive() -> Self {
        Self("archive".into())
    }

    /// True for the reserved key of @everyone.
    pub fn is_everyone(&self) -> bool {
        *self.0 == *"everyone"
    }

    /// The text of the key.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Maps by key can be asked with a text. Order and hash are those of the text.
impl Borrow<str> for Key {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl FromStr for Key {
    type Err = InvalidKey;

    fn from_str(text: &str) -> Result<Self, InvalidKey> {
        let length = text.chars().count();
        let allowed = |c: char| c.is_alphanumeric() || c == '-' || c == '_';
        if (1..=Self::MAX).contains(&length) && text.chars().all(allowed) {
            Ok(Self(text.into()))
        } else {
            Err(InvalidKey)
        }
    }
}

impl Serialize for Key {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Key {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        from_text(deserializer)
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A reference to an object that exists in Discord, or to one that a plan will create.
pub enum Ref<M> {
    /// It exists and has a snowflake.
    Live(Id<M>),
    /// It is wanted under this key and has no snowflake yet.
    Planned(Key),
}

impl<M> Ref<M> {
    /// The snowflake, when there is one.
    pub fn id(&self) -> Option<Id<M>> {
        match self {
            Self::Live(id) => Some(*id),
            Self::Planned(_) => None,
        }
    }

    /// The key, when there is no snowflake yet.
    pub fn key(&self) -> Option<&Key> {
        match self {
            Self::Live(_) => None,
            Self::Planned(key) => Some(key),
        }
    }
}

impl<M> From<Id<M>> for Ref<M> {
    fn from(id: Id<M>) -> Self {
        Self::Live(id)
    }
}

// Derived impls would demand the same of the marker, which is never a value.
impl<M> Clone for Ref<M> {
    fn clone(&self) -> Self {
        match self {
            Self::Live(id) => Self::Live(*id),
            Self::Planned(key) => Self::Planned(key.clone()),
        }
    }
}

impl<M> PartialEq for Ref<M> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl<M> Eq for Ref<M> {}

impl<M> PartialOrd for Ref<M> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<M> Ord for Ref<M> {
    fn cmp(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Live(a), Self::Live(b)) => a.get().cmp(&b.get()),
            (Self::Planned(a), Self::Planned(b)) => a.cmp(b),
            (Self::Live(_), Self::Planned(_)) => Ordering::Less,
            (Self::Planned(_), Self::Live(_)) => Ordering::Greater,
        }
    }
}

impl<M> Hash for Ref<M> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        match self {
            Self::Live(id) => (0u8, id.get()).hash(state),
            Self::Planned(key) => (1u8, key).hash(state),
        }
    }
}

impl<M> fmt::Debug for Ref<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// `1234` for a snowflake, `key:rules` for a planned object. The same spelling is used in JSON.
impl<M> fmt::Display for Ref<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Live(id) => write!(f, "{}", id.get()),
            Self::Planned(key) => write!(f, "key:{key}"),
        }
    }
}

impl<M> FromStr for Ref<M> {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Some(key) = text.strip_prefix("key:") {
            return key.parse().map(Self::Planned).map_err(|e: InvalidKey| e.to_string());
        }
        let number = text.parse::<u64>().ok().and_then(Id::new_checked);
        number.map(Self::Live).ok_or_else(|| format!("`{text}` is neither a snowflake nor `key:...`"))
    }
}

impl<M> Serialize for Ref<M> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de, M> Deserialize<'de> for Ref<M> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        from_text(deserializer)
    }
}

/// Reads what is written as a text, without a copy of the text: a guild has thousands of them.
pub(super) fn from_text<'de, T, D>(deserializer: D) -> Result<T, D::Error>
where
    T: FromStr<Err: fmt::Display>,
    D: Deserializer<'de>,
{
    struct Text<T>(PhantomData<T>);

    impl<T: FromStr<Err: fmt::Display>> Visitor<'_> for Text<T> {
        type Value = T;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a text")
        }

        fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<T, E> {
            text.parse().map_err(E::custom)
        }
    }

    deserializer.deserialize_str(Text(PhantomData))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_short_words() {
        for good in ["mod-log", "room_1", "규칙", "A"] {
            assert_eq!(good.parse::<Key>().map(|k| k.to_string()), Ok(good.to_owned()));
        }
        for bad in ["", "a b", "user:1", "a.b", &"x".repeat(65)] {
            assert_eq!(bad.parse::<Key>(), Err(InvalidKey), "{bad:?}");
        }
    }

    #[test]
    fn references_keep_their_spelling() {
        for text in ["81384788765712384", "key:rules"] {
            let reference: ChannelRef = text.parse().expect("valid reference");
            assert_eq!(reference.to_string(), text);
        }
        assert!("0".parse::<RoleRef>().is_err());
    }
}

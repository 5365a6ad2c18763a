//! Maps by id, written as plain lists.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{Channel, Guild, Interaction, Member, Role, Snowflake, User};

/// Something with an id of its own.
pub(crate) trait Identified {
    /// That id.
    fn id(&self) -> Snowflake;
}

macro_rules! identified {
    ($($type:ty => $field:ident),*) => { $(impl Identified for $type { fn id(&self) -> Snowflake { self.$field } })* };
}
identified!(User => id, Guild => id, Role => id, Channel => id, Member => user_id, Interaction => id);

pub(crate) fn serialize<S: Serializer, T: Serialize>(
    map: &BTreeMap<Snowflake, T>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(map.values())
}

pub(crate) fn deserialize<'de, D: Deserializer<'de>, T: Deserialize<'de> + Identified>(
    deserializer: D,
) -> Result<BTreeMap<Snowflake, T>, D::Error> {
    let list = Vec::<T>::deserialize(deserializer)?;
    let mut map = BTreeMap::new();
    for item in list {
        let id = item.id();
        if map.insert(id, item).is_some() {
            return Err(serde::de::Error::custom(format!("two objects of one kind have the id {id}")));
        }
    }
    Ok(map)
}

/// True for a value that need not be written down.
pub(crate) fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

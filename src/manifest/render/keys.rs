//! Keys for objects that have only names.
//!
//! Decides on short words that are unique and stay the same from one rendering to the next.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::{Channel, ChannelId, ChannelRef, Guild, Key, RoleId, RoleRef};

/// Keys by id, as bindings need them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Keys {
    /// Of roles; @everyone is not among them.
    pub roles: BTreeMap<RoleId, Key>,
    /// Of categories.
    pub categories: BTreeMap<ChannelId, Key>,
    /// Of channels.
    pub channels: BTreeMap<ChannelId, Key>,
}

/// The keys that were chosen for a guild.
#[derive(Debug, Default)]
pub(super) struct Chosen {
    roles: BTreeMap<RoleRef, Key>,
    categories: BTreeMap<ChannelRef, Key>,
    channels: BTreeMap<ChannelRef, Key>,
}

impl Chosen {
    /// The key of a role. One the guild does not list has none of its own.
    pub(super) fn role(&self, role: &RoleRef) -> Key {
        self.roles.get(role).cloned().unwrap_or_else(Key::everyone)
    }

    /// The key of a role the guild lists.
    pub(super) fn known_role(&self, role: &RoleRef) -> Option<&Key> {
        self.roles.get(role)
    }

    /// The key of a channel or category the guild lists.
    pub(super) fn channel(&self, channel: &ChannelRef) -> Key {
        let found = self.channels.get(channel).or_else(|| self.categories.get(channel));
        found.cloned().unwrap_or_else(Key::everyone)
    }

    /// Those of objects that have an id.
    pub(super) fn known(&self) -> Keys {
        let roles = self.roles.iter().filter(|(_, key)| !key.is_everyone());
        let by_id = |channels: &BTreeMap<ChannelRef, Key>| {
            channels.iter().filter_map(|(channel, key)| Some((channel.id()?, key.clone()))).collect()
        };
        Keys {
            roles: roles.filter_map(|(role, key)| Some((role.id()?, key.clone()))).collect(),
            categories: by_id(&self.categories),
            channels: by_id(&self.channels),
        }
    }
}

/// Chooses a key for every object: the one it has, or one made of its name.
pub(super) fn choose_keys(guild: &Guild, channels: &[&Channel], present: &Keys) -> Chosen {
    let everyone = RoleRef::Live(guild.everyone_id());
    let mut chosen = Chosen::default();
    let mut names = Names::of(present.roles.values(), &["everyone", "use"]);
    for role in &guild.roles {
        let key = match &role.id {
            id if *id == everyone => Key::everyone(),
            RoleRef::Planned(key) => key.clone(),
            RoleRef::Live(id) => {
                present.roles.get(id).cloned().unwrap_or_else(|| names.give(&role.attributes.name, "role"))
            }
        };
        chosen.roles.insert(role.id.clone(), key);
    }
    let mut of_categories = Names::of(present.categories.values(), &[]);
    let mut of_channels = Names::of(present.channels.values(), &[]);
    for channel in channels {
        let name = &channel.attributes.name;
        let (present, names, noun, keys) = match channel.is_category() {
            true => (&present.categories, &mut of_categories, "category", &mut chosen.categories),
            false => (&present.channels, &mut of_channels, "channel", &mut chosen.channels),
        };
        let key = match &channel.id {
            ChannelRef::Planned(key) => key.clone(),
            ChannelRef::Live(id) => present.get(id).cloned().unwrap_or_else(|| names.give(name, noun)),
        };
        keys.insert(channel.id.clone(), key);
    }
    chosen
}

/// A key for something that has only a name; `noun` when the name has no letters.
pub fn fresh_key<'k>(name: &str, noun: &str, taken: impl Iterator<Item = &'k Key>) -> Key {
    Names::of(taken, &["everyone", "use"]).give(name, noun)
}

/// Words of one name space that are taken.
struct Names {
    taken: BTreeSet<String>,
    /// The number that was last appended to a word, so that a thousand equal names cost no million attempts.
    last: BTreeMap<String, usize>,
}

impl Names {
    fn of<'k>(present: impl Iterator<Item = &'k Key>, reserved: &[&str]) -> Self {
        let reserved = reserved.iter().map(|word| (*word).to_owned());
        Self { taken: present.map(Key::to_string).chain(reserved).collect(), last: BTreeMap::new() }
    }

    fn give(&mut self, name: &str, noun: &str) -> Key {
        let word = match slug(name) {
            slug if slug.is_empty() => noun.to_owned(),
            slug => slug,
        };
        if self.taken.insert(word.clone())
            && let Ok(key) = word.parse()
        {
            return key;
        }
        let last = self.last.entry(word.clone()).or_insert(1);
        loop {
            *last += 1;
            let numbered = format!("{word}-{last}");
            if let Ok(key) = numbered.parse()
                && self.taken.insert(numbered)
            {
                return key;
            }
        }
    }
}

/// The letters and digits of a name, other characters as dashes between them.
fn slug(name: &str) -> String {
    /// Leaves room for a number in [`Key::MAX`].
    const MOST: usize = 48;
    let mut slug = String::new();
    for c in name.chars().flat_map(char::to_lowercase) {
        let c = if c.is_alphanumeric() || c == '_' { c } else { '-' };
        if c != '-' || !(slug.is_empty() || slug.ends_with('-')) {
            slug.push(c);
        }
    }
    slug.chars().take(MOST).collect::<String>().trim_matches('-').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_become_words() {
        let cases = [
            ("📢 Information", "information"),
            ("Mod Log!", "mod-log"),
            ("규칙", "규칙"),
            ("🎉", ""),
            ("-- a -- ", "a"),
        ];
        for (name, expected) in cases {
            assert_eq!(slug(name), expected, "{name}");
        }
        assert!(slug(&"long name ".repeat(20)).parse::<Key>().is_ok());
    }

    #[test]
    fn equal_names_are_numbered_around_what_is_taken() {
        let mut names = Names::of(std::iter::empty(), &["everyone"]);
        let given: Vec<String> = ["Chat", "chat-2", "chat", "CHAT", "everyone", "🎉", "🎉"]
            .map(|name| names.give(name, "role").to_string())
            .into();
        assert_eq!(given, ["chat", "chat-2", "chat-3", "chat-4", "everyone-2", "role", "role-2"]);
    }
}

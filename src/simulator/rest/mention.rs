//! Whom a message calls: what its text names, and what its sender lets through.

use std::collections::{BTreeMap, BTreeSet};

use super::form::{Form, Given, unsigned};
use crate::simulator::world::{Guild, Snowflake, User};

/// Most ids of one kind: documented.
const MOST_IDS: usize = 100;

/// What of the mentions in a text counts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct AllowedMentions {
    every_user: bool,
    every_role: bool,
    everyone: bool,
    users: Vec<Snowflake>,
    roles: Vec<Snowflake>,
    replied_user: Option<bool>,
}

impl AllowedMentions {
    /// What counts in a plain message that says nothing about it: everything.
    pub(crate) fn of_messages() -> Self {
        Self { every_user: true, every_role: true, everyone: true, replied_user: Some(true), ..Self::default() }
    }

    /// The same of an answer to an interaction: users alone.
    pub(crate) fn of_answers() -> Self {
        Self { every_user: true, ..Self::default() }
    }

    /// Whoever is replied to is called.
    pub(crate) fn calls_replied_user(&self) -> bool {
        self.replied_user.unwrap_or(false)
    }

    /// Reads the field `allowed_mentions`, when there is one.
    pub(crate) fn read(form: &mut Form<'_>) -> Option<Self> {
        let value = form.raw("allowed_mentions").value()?;
        form.inside(&["allowed_mentions"], value, |form| {
            let parse = form.list("parse", usize::MAX).value().unwrap_or_default();
            for (index, word) in parse.iter().enumerate() {
                if !matches!(word.as_str(), Some("users" | "roles" | "everyone")) {
                    let message = "Value must be one of ('roles', 'users', 'everyone').";
                    form.wrong_item("parse", index, "BASE_TYPE_CHOICES", message);
                }
            }
            let parses = |word: &str| parse.iter().any(|given| given == word);
            let (users, roles) = (read_ids(form, "users"), read_ids(form, "roles"));
            for (word, ids) in [("users", &users), ("roles", &roles)] {
                if parses(word) && !ids.is_empty() {
                    let message = format!("parse:[\"{word}\"] and {word}: [ids...] are mutually exclusive.");
                    form.wrong("parse", "MESSAGE_ALLOWED_MENTIONS_PARSE_EXCLUSIVE", &message);
                }
            }
            Self {
                every_user: parses("users"),
                every_role: parses("roles"),
                everyone: parses("everyone"),
                users,
                roles,
                replied_user: form.flag("replied_user").value(),
            }
        })
    }
}

fn read_ids(form: &mut Form<'_>, key: &str) -> Vec<Snowflake> {
    let Given::Value(list) = form.list(key, MOST_IDS) else { return Vec::new() };
    let mut ids = Vec::new();
    for (index, value) in list.iter().enumerate() {
        match unsigned(value).map(Snowflake) {
            Some(id) if !ids.contains(&id) => ids.push(id),
            Some(_) => form.wrong(key, "SET_TYPE_ALREADY_CONTAINS_VALUE", "The set already contains this value"),
            None => form.wrong_item(key, index, "NUMBER_TYPE_COERCE", &format!("Value {value} is not snowflake.")),
        }
    }
    ids
}

/// Whom a message calls.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Called {
    pub(crate) users: Vec<Snowflake>,
    pub(crate) roles: Vec<Snowflake>,
    pub(crate) everyone: bool,
}

impl Called {
    /// What a text calls of those that exist, as far as that is let through and the author may.
    pub(crate) fn by(
        text: &str,
        allowed: &AllowedMentions,
        guild: &Guild,
        known: &BTreeMap<Snowflake, User>,
        may_call_all: bool,
    ) -> Self {
        let users = ids_in(text, "<@").chain(ids_in(text, "<@!"));
        let users = users.filter(|id| known.contains_key(id) && (allowed.every_user || allowed.users.contains(id)));
        let roles = ids_in(text, "<@&").filter(|id| {
            let callable = guild.roles.get(id).is_some_and(|role| role.mentionable || may_call_all);
            callable && (allowed.every_role || allowed.roles.contains(id))
        });
        let everyone = text.contains("@everyone") || text.contains("@here");
        Self {
            users: once_each(users),
            roles: once_each(roles),
            everyone: everyone && allowed.everyone && may_call_all,
        }
    }
}

fn ids_in<'a>(text: &'a str, opening: &'static str) -> impl Iterator<Item = Snowflake> + use<'a> {
    text.match_indices(opening).filter_map(move |(at, _)| {
        let (digits, _) = text[at + opening.len()..].split_once('>')?;
        digits.parse().ok()
    })
}

fn once_each(ids: impl Iterator<Item = Snowflake>) -> Vec<Snowflake> {
    let mut seen = BTreeSet::new();
    ids.filter(|id| seen.insert(*id)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simulator::world::Role;

    #[test]
    fn a_text_calls_those_that_exist_once_each_and_only_as_far_as_it_is_let() {
        let mut guild = Guild { id: Snowflake(1), ..Guild::default() };
        for (id, mentionable) in [(20, true), (21, false)] {
            let role = Role { id: Snowflake(id), mentionable, ..Role::default() };
            guild.roles.insert(role.id, role);
        }
        let known = [7, 8].map(|id| (Snowflake(id), User::default())).into();
        let text = "@here <@7> <@!7> <@8> <@9> <@&20> <@&21> <@&22> <@x> <@7";
        let called = |allowed: &AllowedMentions, may| {
            let Called { users, roles, everyone } = Called::by(text, allowed, &guild, &known, may);
            (users.iter().map(|id| id.0).collect::<Vec<_>>(), roles.iter().map(|id| id.0).collect::<Vec<_>>(), everyone)
        };
        let all = AllowedMentions::of_messages();
        assert_eq!(called(&all, false), (vec![7, 8], vec![20], false));
        assert_eq!(called(&all, true), (vec![7, 8], vec![20, 21], true));
        assert_eq!(called(&AllowedMentions::of_answers(), true), (vec![7, 8], vec![], false));
        let one = AllowedMentions { users: vec![Snowflake(8)], roles: vec![Snowflake(21)], ..Default::default() };
        assert_eq!(called(&one, true), (vec![8], vec![21], false));
        assert_eq!(called(&AllowedMentions::default(), true), (vec![], vec![], false));
    }
}

//! Who and what people mean by a name or an id.

use super::UseRefused;
use crate::simulator::world::{Guild, Snowflake, World};

/// An account, by id, name, or mention.
pub(super) fn user(world: &World, name: &str) -> Result<Snowflake, UseRefused> {
    let name = bare(name, "<@", '@');
    let named = |text: &str| text.eq_ignore_ascii_case(name);
    let mut found = world.users.values().filter(|user| {
        user.id.to_string() == name || named(&user.username) || user.global_name.as_deref().is_some_and(named)
    });
    found.next().map(|user| user.id).ok_or_else(|| UseRefused::nothing("user", name))
}

/// A guild somebody is in, by id or name; without either, the only one.
pub(super) fn guild<'a>(world: &'a World, user: Snowflake, name: Option<&str>) -> Result<&'a Guild, UseRefused> {
    let mut joined = world.guilds.values().filter(|guild| guild.members.contains_key(&user));
    let Some(name) = name else {
        let only = joined.next().ok_or_else(|| UseRefused::nothing("guild", "of that user"))?;
        return match joined.next() {
            None => Ok(only),
            Some(_) => Err(UseRefused::wrong("guild", "the user is in several: say which")),
        };
    };
    let mut found = joined.filter(|guild| guild.id.to_string() == name || guild.name.eq_ignore_ascii_case(name));
    found.next().ok_or_else(|| UseRefused::nothing("guild", name))
}

/// A channel, by id, name, or mention.
pub(super) fn channel(guild: &Guild, name: &str) -> Result<Snowflake, UseRefused> {
    let name = bare(name, "<#", '#');
    let mut found = guild.channels.values().filter(|channel| channel.id.to_string() == name || channel.name == name);
    found.next().map(|channel| channel.id).ok_or_else(|| UseRefused::nothing("channel", name))
}

/// A role, by id, name, or mention.
pub(super) fn role(guild: &Guild, name: &str) -> Result<Snowflake, UseRefused> {
    let name = bare(name, "<@&", '@');
    let mut found = guild.roles.values().filter(|role| {
        let own = role.name.trim_start_matches('@');
        role.id.to_string() == name || own.eq_ignore_ascii_case(name)
    });
    found.next().map(|role| role.id).ok_or_else(|| UseRefused::nothing("role", name))
}

/// A text in which `@name` of members is the mention a client makes of it.
pub(super) fn mentioned(world: &World, guild: &Guild, text: &str) -> String {
    let mut members: Vec<_> = guild.members.keys().filter_map(|id| world.users.get(id)).collect();
    members.sort_by_key(|user| std::cmp::Reverse(user.username.len()));
    members
        .iter()
        .fold(text.to_owned(), |text, user| text.replace(&format!("@{}", user.username), &format!("<@{}>", user.id)))
}

fn bare<'a>(name: &'a str, opening: &str, sign: char) -> &'a str {
    let name = name.trim();
    let inside = name.strip_prefix(opening).and_then(|rest| rest.strip_suffix('>'));
    inside.unwrap_or_else(|| name.strip_prefix(sign).unwrap_or(name))
}

//! Says of a world somebody wrote which field is wrong, and where it stands.
//!
//! Decides types and the few ranges outside which Discord has no such object. Refuses to judge fields of objects it does not
//! know: they are given out as they are.

use serde::de::DeserializeOwned;
use serde_json::{Error, Value};

use super::yaml::{Object, WorldError, expected};
use super::{Channel, Guild, Overwrite, kind};
use crate::manifest::diagnostic::nearest;

/// That nothing is written that has no meaning.
pub(super) fn keys(object: &Object, place: &str, known: &[&str]) -> Result<(), WorldError> {
    let Some(key) = object.keys().find(|key| !known.contains(&key.as_str())) else { return Ok(()) };
    let near = nearest(key, known.iter().copied()).map(str::to_owned);
    Err(WorldError::Unknown { place: place.to_owned(), key: key.clone(), near })
}

/// That an object can be read as what it should be.
pub(super) fn fields<T: DeserializeOwned>(object: &Object, place: &str) -> Result<(), WorldError> {
    let Err(whole) = read::<T>(object.clone()) else { return Ok(()) };
    // Alone, a field that is right leaves the others missing; one that is wrong is said to be.
    let wrong = object.iter().find_map(|(key, value)| {
        let alone = read::<T>(Object::from_iter([(key.clone(), value.clone())]));
        alone.err().filter(|error| !error.to_string().starts_with("missing field")).map(|error| (key, error))
    });
    Err(match wrong {
        Some((key, source)) => WorldError::Field { place: format!("{place}, {key}"), source },
        None => WorldError::Field { place: place.to_owned(), source: whole },
    })
}

/// That a guild, without what is in it, is one.
pub(super) fn guild(guild: &Object, place: &str) -> Result<(), WorldError> {
    fields::<Guild>(guild, place)?;
    within(guild, "premium_tier", [0, 3], place)?;
    within(guild, "verification_level", [0, 4], place)?;
    within(guild, "default_message_notifications", [0, 1], place)?;
    within(guild, "explicit_content_filter", [0, 2], place)
}

/// That a channel is one.
pub(super) fn channel(channel: &Object, place: &str) -> Result<(), WorldError> {
    fields::<Channel>(channel, place)?;
    within(channel, "rate_limit_per_user", [0, 21_600], place)?;
    match channel.get("type").and_then(Value::as_u64).and_then(|number| u8::try_from(number).ok()) {
        Some(kind::VOICE) => {
            within(channel, "bitrate", [8_000, 384_000], place)?;
            within(channel, "user_limit", [0, 99], place)
        }
        Some(kind::STAGE) => {
            within(channel, "bitrate", [8_000, 64_000], place)?;
            within(channel, "user_limit", [1, 10_000], place)
        }
        _ => Ok(()),
    }
}

/// That an overwrite is one, and for somebody.
pub(super) fn overwrite(overwrite: &Object, place: &str) -> Result<(), WorldError> {
    if !overwrite.contains_key("id") {
        return expected(place, "`role` or `user`");
    }
    fields::<Overwrite>(overwrite, place)
}

fn read<T: DeserializeOwned>(object: Object) -> Result<T, Error> {
    serde_json::from_value(Value::Object(object))
}

fn within(object: &Object, key: &str, [least, most]: [u64; 2], place: &str) -> Result<(), WorldError> {
    match object.get(key).and_then(Value::as_u64) {
        Some(number) if !(least..=most).contains(&number) => {
            expected(&format!("{place}, {key}"), &format!("{least} to {most}"))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::error::Error as _;

    use chrono::DateTime;

    use crate::simulator::world::World;

    /// What is said about a world with one guild that has this.
    fn said(guild: &str) -> String {
        let text = format!("users: [{{ username: ann }}]\nguilds:\n  - {{ name: G, {guild} }}\n");
        let error = World::from_yaml(&text, DateTime::UNIX_EPOCH).expect_err("a wrong world");
        error.source().map_or_else(|| error.to_string(), |source| format!("{error}: {source}"))
    }

    #[test]
    fn a_world_of_something_else_is_not_an_empty_one() {
        let said = |text: &str| World::from_yaml(text, DateTime::UNIX_EPOCH).expect_err(text).to_string();
        assert_eq!(said("guild: [{ name: G }]"), "the world: there is no `guild`; did you mean `guilds`?");
        assert_eq!(said("roles: []"), "the world: there is no `roles`");
    }

    #[test]
    fn a_wrong_field_is_named_with_its_place() {
        let wrong = [
            "premium_tier: many",
            "premium_tier: 7",
            "owner: bob",
            "roles: [{ name: Mod, permissions: [fly] }]",
            "roles: [{ name: Mod, hoist: 3, position: high }]",
            "roles: [{ permissions: [] }]",
            "roles: Mod",
            "roles: [Mod]",
            "members: [{ user: ann, roles: [Mod] }]",
            "members: [{ user: ann, mute: never }]",
            "members: [{ mute: true }]",
            "channels: [{ type: text }]",
            "channels: [{ name: a, type: chat }]",
            "channels: [{ name: a, type: 99 }]",
            "channels: [{ name: a, position: first }]",
            "channels: [{ name: a, rate_limit_per_user: 99999 }]",
            "channels: [{ name: v, type: voice, bitrate: 0 }]",
            "channels: [{ name: v, type: voice, user_limit: 100 }]",
            "channels: [{ name: s, type: stage, bitrate: 96000 }]",
            "channels: [{ name: a }, { name: b, parent: a }]",
            "channels: [{ name: a, permission_overwrites: [{ deny: [view_channel] }] }]",
            "channels: [{ name: a, permission_overwrites: [{ user: ann, deny: [peek] }] }]",
            "channels: [{ name: f, type: forum, available_tags: [{ name: [] }] }]",
        ];
        let said: Vec<String> = wrong.map(said).to_vec();
        insta::assert_snapshot!(said.join("\n"), @r#"
        guild G, premium_tier: invalid type: string "many", expected u8
        guild G, premium_tier: expected 0 to 3
        guild G: no user is called `bob`
        guild G, role Mod, permissions: no permission `fly`
        guild G, role Mod, hoist: invalid type: integer `3`, expected a boolean
        guild G, role 1: missing field `name`
        guild G, roles: expected a list
        guild G, roles: expected a map
        guild G, member ann: no role is called `Mod`
        guild G, member ann, mute: invalid type: string "never", expected a boolean
        guild G, member 1: expected `user`
        guild G, channel 1: missing field `name`
        guild G, channel a, type: expected one of text, voice, category, announcement, stage, directory, forum, media
        guild G, channel a, type: expected one of text, voice, category, announcement, stage, directory, forum, media
        guild G, channel a, position: invalid type: string "first", expected i64
        guild G, channel a, rate_limit_per_user: expected 0 to 21600
        guild G, channel v, bitrate: expected 8000 to 384000
        guild G, channel v, user_limit: expected 0 to 99
        guild G, channel s, bitrate: expected 8000 to 64000
        guild G, channel b: no category is called `a`
        guild G, channel a, overwrite 1: expected `role` or `user`
        guild G, channel a, overwrite for ann, deny: no permission `peek`
        guild G, channel f, tag 1, name: invalid type: sequence, expected a string
        "#);
    }
}

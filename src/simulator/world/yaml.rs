//! Worlds as YAML or JSON.
//!
//! Written worlds are complete: every object has its id, so that they read back exactly. Worlds written by hand may
//! leave ids out and say names instead:
//!
//! ```yaml
//! users:
//!   - { username: ann }
//!   - { username: setai, bot: true, tokens: [secret] }
//! guilds:
//!   - name: Rust Study Group
//!     owner: ann                                  # owner_id, by name
//!     roles:                                      # top of the list = top of the hierarchy
//!       - { name: Moderator, permissions: [manage_messages, kick_members] }
//!       - { name: "@everyone", permissions: [view_channel] }
//!     channels:
//!       - { name: Study, type: category }
//!       - { name: mod-log, parent: Study, permission_overwrites: [{ role: "@everyone", deny: [view_channel] }] }
//!     members:
//!       - { user: ann, roles: [Moderator] }
//!       - { user: setai, permissions: [administrator] }   # a bot with a managed role of its own
//! ```

use chrono::{DateTime, Utc};
use serde_json::{Map, Value, json};

use super::fresh::BOT_ROLE_POSITION;
use super::{ForumTag, Member, Role, Snowflake, User, World, check, kind};

/// Why a text is no world.
#[derive(Debug, thiserror::Error)]
pub enum WorldError {
    /// It is not YAML.
    #[error("not a YAML document")]
    Yaml(#[source] serde_saphyr::Error),
    /// It cannot be written as YAML.
    #[error("cannot be written as YAML")]
    Write(#[source] serde_saphyr::ser::Error),
    /// Its parts are not those of a world.
    #[error("not a world")]
    Shape(#[source] serde_json::Error),
    /// A name stands for nothing.
    #[error("{place}: no {what} is called `{name}`")]
    Unresolved {
        /// Where the name stands.
        place: String,
        /// What it should name.
        what: &'static str,
        /// The name.
        name: String,
    },
    /// A field is not of its type, or missing.
    #[error("{place}")]
    Field {
        /// Where.
        place: String,
        /// What is wrong with it.
        source: serde_json::Error,
    },
    /// What has no such part would be lost without a word.
    #[error("{place}: there is no `{key}`{}", near.as_ref().map_or_else(String::new, |near| format!("; did you mean `{near}`?")))]
    Unknown {
        /// Where.
        place: String,
        /// What was written.
        key: String,
        /// One that is known and looks like it.
        near: Option<String>,
    },
    /// A part is not what should be there.
    #[error("{place}: expected {expected}")]
    Expected {
        /// Where.
        place: String,
        /// What should be there.
        expected: String,
    },
}

impl World {
    /// Reads a world from YAML (or JSON, which is YAML). New ids are minted for the moment `now`.
    ///
    /// # Errors
    /// When the text is no world; nothing is half read.
    pub fn from_yaml(text: &str, now: DateTime<Utc>) -> Result<Self, WorldError> {
        Self::from_value(serde_saphyr::from_str(text).map_err(WorldError::Yaml)?, now)
    }

    /// The world as YAML that reads back to an equal one.
    ///
    /// # Errors
    /// When an unknown extra field holds what YAML cannot.
    pub fn to_yaml(&self) -> Result<String, WorldError> {
        serde_saphyr::to_string(self).map_err(WorldError::Write)
    }

    /// Reads a world from parsed JSON, completing what was left out.
    ///
    /// # Errors
    /// As [`Self::from_yaml`].
    pub fn from_value(mut value: Value, now: DateTime<Utc>) -> Result<Self, WorldError> {
        complete(&mut value, now)?;
        serde_json::from_value(value).map_err(WorldError::Shape)
    }
}

/// Fills in ids, positions and references, so that the value is what a written world looks like.
fn complete(world: &mut Value, now: DateTime<Utc>) -> Result<(), WorldError> {
    let Some(world) = world.as_object_mut() else { return expected("the world", "a map") };
    check::keys(world, "the world", &["ids", "users", "guilds", "interactions"])?;
    let ids = world.get("ids").cloned().unwrap_or_else(|| json!({}));
    let mut filler = World { ids: serde_json::from_value(ids).map_err(WorldError::Shape)?, ..World::default() };
    for id in all_ids(world) {
        filler.ids.pass(id);
    }
    let mut users = take_list(world, "users", "users")?;
    for user in &mut users {
        identify(user, &mut filler, now);
        if user.get("bot") == Some(&Value::Bool(true)) && !user.contains_key("application") {
            let application = json!({"id": user.get("id"), "name": user.get("username"), "owner_id": user.get("id")});
            user.insert("application".to_owned(), application);
        }
    }
    for (index, user) in users.iter().enumerate() {
        check::fields::<User>(user, &named("user", user, "username", index))?;
    }
    let mut guilds = take_list(world, "guilds", "guilds")?;
    for guild in &mut guilds {
        complete_guild(guild, &users, &mut filler, now)?;
    }
    put_list(world, "users", users);
    put_list(world, "guilds", guilds);
    world.insert("ids".to_owned(), json!(filler.ids));
    Ok(())
}

fn complete_guild(guild: &mut Object, users: &[Object], ids: &mut World, now: DateTime<Utc>) -> Result<(), WorldError> {
    let guild_id = identify(guild, ids, now);
    let place = named("guild", guild, "name", 0);
    rename_reference(guild, "owner", "owner_id", &place, "user", users, "username")?;
    let mut roles = take_list(guild, "roles", &place)?;
    complete_roles(&mut roles, &guild_id, ids, now);
    let mut members = take_list(guild, "members", &place)?;
    for (index, member) in members.iter_mut().enumerate() {
        let key = if member.contains_key("user") { "user" } else { "user_id" };
        let place = format!("{place}, {}", named("member", member, key, index));
        rename_reference(member, "user", "user_id", &place, "user", users, "username")?;
        if !member.contains_key("user_id") {
            return expected(&place, "`user`");
        }
        add_bot_role(member, users, &mut roles, ids, now);
        resolve_roles(member, &roles, &place)?;
        check::fields::<Member>(member, &place)?;
    }
    for (index, role) in roles.iter().enumerate() {
        check::fields::<Role>(role, &format!("{place}, {}", named("role", role, "name", index)))?;
    }
    let mut channels = take_list(guild, "channels", &place)?;
    complete_channels(&mut channels, users, &roles, &place, &mut |object| drop(identify(object, ids, now)))?;
    check::guild(guild, &place)?;
    put_list(guild, "roles", roles);
    put_list(guild, "members", members);
    put_list(guild, "channels", channels);
    Ok(())
}

/// Channels stand in the order of the list; kinds, parents and targets may be names.
fn complete_channels(
    channels: &mut [Object],
    users: &[Object],
    roles: &[Object],
    place: &str,
    identify: &mut dyn FnMut(&mut Object),
) -> Result<(), WorldError> {
    for (index, channel) in channels.iter_mut().enumerate() {
        identify(channel);
        channel.entry("position").or_insert(json!(index));
        let place = format!("{place}, {}", named("channel", channel, "name", index));
        name_kind(channel, &place)?;
        // What Discord gives to those that say nothing; a stage cannot be without a number of seats.
        if is_kind(channel, &[kind::VOICE, kind::STAGE]) {
            channel.entry("bitrate").or_insert(json!(64_000));
        }
        if is_kind(channel, &[kind::STAGE]) {
            channel.entry("user_limit").or_insert(json!(10_000));
        }
    }
    let categories: Vec<Object> = channels.iter().filter(|c| is_kind(c, &[kind::CATEGORY])).cloned().collect();
    for (index, channel) in channels.iter_mut().enumerate() {
        let place = format!("{place}, {}", named("channel", channel, "name", index));
        rename_reference(channel, "parent", "parent_id", &place, "category", &categories, "name")?;
        let mut overwrites = take_list(channel, "permission_overwrites", &place)?;
        for (index, overwrite) in overwrites.iter_mut().enumerate() {
            complete_overwrite(overwrite, index, users, roles, &place)?;
        }
        put_list(channel, "permission_overwrites", overwrites);
        let mut tags = take_list(channel, "available_tags", &place)?;
        for (index, tag) in tags.iter_mut().enumerate() {
            identify(tag);
            check::fields::<ForumTag>(tag, &format!("{place}, {}", named("tag", tag, "name", index)))?;
        }
        put_list(channel, "available_tags", tags);
        check::channel(channel, &place)?;
    }
    Ok(())
}

/// The target may be a name, of a role or a user.
fn complete_overwrite(
    overwrite: &mut Object,
    index: usize,
    users: &[Object],
    roles: &[Object],
    place: &str,
) -> Result<(), WorldError> {
    let named = overwrite.get("role").or(overwrite.get("user")).or(overwrite.get("id")).and_then(Value::as_str);
    let whose = named.map_or_else(|| (index + 1).to_string(), |name| format!("for {name}"));
    let place = format!("{place}, overwrite {whose}");
    let number = u8::from(overwrite.contains_key("user"));
    rename_reference(overwrite, "role", "id", &place, "role", roles, "name")?;
    rename_reference(overwrite, "user", "id", &place, "user", users, "username")?;
    overwrite.entry("type").or_insert(json!(number));
    check::overwrite(overwrite, &place)
}

/// The number of a kind that was given by name; none is text, as for Discord.
fn name_kind(channel: &mut Object, place: &str) -> Result<(), WorldError> {
    let number = match channel.get("type") {
        None => return Ok(()),
        Some(Value::String(name)) => kind::NAMES.iter().find(|(known, _)| known == name),
        Some(number) => kind::NAMES.iter().find(|(_, known)| *number == json!(known)),
    };
    let Some((_, number)) = number else {
        let names: Vec<&str> = kind::NAMES.iter().map(|(name, _)| *name).collect();
        return expected(&format!("{place}, type"), &format!("one of {}", names.join(", ")));
    };
    channel.insert("type".to_owned(), json!(number));
    Ok(())
}

fn is_kind(channel: &Object, kinds: &[u8]) -> bool {
    kinds.iter().any(|kind| channel.get("type") == Some(&json!(kind)))
}

/// What people call an object: by its name, or else by its number in the list.
fn named(what: &str, object: &Object, key: &str, index: usize) -> String {
    let name = object.get(key).and_then(Value::as_str);
    name.map_or_else(|| format!("{what} {}", index + 1), |name| format!("{what} {name}"))
}

/// @everyone gets the guild's id and the bottom; roles without a position stand in the order of the list, top first.
fn complete_roles(roles: &mut Vec<Object>, guild_id: &Value, ids: &mut World, now: DateTime<Utc>) {
    let everyone = |role: &Object| {
        role.get("id") == Some(guild_id)
            || !role.contains_key("id") && role.get("name").and_then(Value::as_str) == Some("@everyone")
    };
    if !roles.iter().any(everyone) {
        roles.push(Map::from_iter([("name".to_owned(), json!("@everyone"))]));
    }
    let count = roles.len();
    for (index, role) in roles.iter_mut().enumerate() {
        if everyone(role) {
            role.insert("id".to_owned(), guild_id.clone());
            role.entry("position").or_insert(json!(0));
        } else {
            identify(role, ids, now);
            role.entry("position").or_insert(json!((count - index).max(1)));
        }
    }
}

/// `permissions` on a member is short for a managed role with them, at the top.
fn add_bot_role(member: &mut Object, users: &[Object], roles: &mut Vec<Object>, ids: &mut World, now: DateTime<Utc>) {
    let Some(permissions) = member.remove("permissions") else { return };
    let user = users.iter().find(|u| u.get("id") == member.get("user_id"));
    let name = user.and_then(|u| u.get("username")).cloned().unwrap_or_else(|| json!("bot"));
    let top = roles.iter().filter_map(|r| r.get("position")).filter_map(Value::as_i64).max().unwrap_or(0);
    let id = json!(ids.mint(now));
    let role = json!({
        "id": id, "name": name, "position": BOT_ROLE_POSITION.max(top + 1), "permissions": permissions, "managed": true,
        "tags": {"bot_id": member.get("user_id")},
    });
    if let Value::Object(role) = role {
        roles.push(role);
    }
    if let Some(list) = member.entry("roles").or_insert_with(|| json!([])).as_array_mut() {
        list.push(id);
    }
}

fn resolve_roles(member: &mut Object, roles: &[Object], place: &str) -> Result<(), WorldError> {
    let Some(Value::Array(list)) = member.get_mut("roles") else { return Ok(()) };
    for entry in list {
        *entry = find(entry, place, "role", roles, "name")?;
    }
    Ok(())
}

pub(super) type Object = Map<String, Value>;

fn take_list(object: &mut Object, key: &str, place: &str) -> Result<Vec<Object>, WorldError> {
    match object.shift_remove(key) {
        None | Some(Value::Null) => Ok(Vec::new()),
        Some(Value::Array(items)) => {
            let maps = items.into_iter().map(|item| match item {
                Value::Object(map) => Ok(map),
                _ => expected(&format!("{place}, {key}"), "a map"),
            });
            maps.collect()
        }
        Some(_) => expected(&format!("{place}, {key}"), "a list"),
    }
}

fn put_list(object: &mut Object, key: &str, list: Vec<Object>) {
    object.insert(key.to_owned(), Value::Array(list.into_iter().map(Value::Object).collect()));
}

/// The object's id as a string, minted when it has none.
fn identify(object: &mut Object, ids: &mut World, now: DateTime<Utc>) -> Value {
    let id = match object.get("id") {
        Some(Value::Number(number)) => json!(number.to_string()),
        Some(Value::String(text)) => json!(text),
        _ => json!(ids.mint(now)),
    };
    object.insert("id".to_owned(), id.clone());
    id
}

/// Replaces a name under `from` by the id of what it names, under `to`.
fn rename_reference(
    object: &mut Object,
    from: &str,
    to: &str,
    place: &str,
    what: &'static str,
    among: &[Object],
    name_key: &str,
) -> Result<(), WorldError> {
    if let Some(name) = object.shift_remove(from) {
        let id = find(&name, place, what, among, name_key)?;
        object.insert(to.to_owned(), id);
    }
    Ok(())
}

/// The id of the object that has this name or id.
fn find(wanted: &Value, place: &str, what: &'static str, among: &[Object], key: &str) -> Result<Value, WorldError> {
    let text = wanted.as_str().map_or_else(|| wanted.to_string(), str::to_owned);
    let named = |o: &&Object| {
        o.get(key).and_then(Value::as_str) == Some(&text) || o.get("id").and_then(Value::as_str) == Some(&text)
    };
    match among.iter().find(named).and_then(|o| o.get("id")) {
        Some(id) => Ok(id.clone()),
        None if text.parse::<u64>().is_ok() => Ok(json!(text)),
        None => unresolved(place, what, &text),
    }
}

/// Every id anywhere in the document, so that minted ones lie above them.
fn all_ids(object: &Object) -> Vec<Snowflake> {
    let mut found = Vec::new();
    for (key, value) in object {
        match value {
            Value::Object(inner) => found.extend(all_ids(inner)),
            Value::Array(items) => found.extend(items.iter().filter_map(Value::as_object).flat_map(all_ids)),
            Value::String(text) if key == "id" => found.extend(text.parse::<Snowflake>().ok()),
            Value::Number(number) if key == "id" => found.extend(number.as_u64().map(Snowflake)),
            _ => {}
        }
    }
    found
}

pub(super) fn expected<T>(place: &str, expected: &str) -> Result<T, WorldError> {
    Err(WorldError::Expected { place: place.to_owned(), expected: expected.to_owned() })
}

fn unresolved<T>(place: &str, what: &'static str, name: &str) -> Result<T, WorldError> {
    Err(WorldError::Unresolved { place: place.to_owned(), what, name: name.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simulator::world::Bits;

    fn now() -> DateTime<Utc> {
        DateTime::from_timestamp(1_760_000_000, 0).expect("valid time")
    }

    const BY_HAND: &str = r#"
users:
  - { username: ann }
  - { username: setai, bot: true, tokens: [secret] }
guilds:
  - name: Rust Study Group
    owner: ann
    roles:
      - { name: Moderator, permissions: [manage_messages, bit_60] }
      - { name: Member }
      - { name: "@everyone", permissions: "1024" }
    channels:
      - { name: Study, type: category }
      - { name: mod-log, parent: Study, permission_overwrites: [{ role: "@everyone", deny: [view_channel] }, { user: ann }] }
      - { name: help, type: forum, available_tags: [{ name: rust }], future_field: [1, { a: 2 }] }
    members:
      - { user: ann, roles: [Moderator] }
      - { user: setai, permissions: [administrator] }
"#;

    #[test]
    fn a_world_by_hand_is_completed_and_round_trips_exactly() {
        let world = World::from_yaml(BY_HAND, now()).expect("a valid world");
        let guild = world.guilds.values().next().expect("one guild");
        let moderator = guild.role_named("Moderator").expect("a role");
        let member = guild.role_named("Member").expect("a role");
        assert!(moderator.rank() > member.rank());
        assert_eq!(moderator.permissions, Bits::MANAGE_MESSAGES | Bits(1 << 60));
        assert_eq!(guild.roles[&guild.id].permissions, Bits::VIEW_CHANNEL);
        let bot = world.user_by_token("secret").expect("the bot");
        assert!(guild.permissions_of(bot, now()).has(Bits::ADMINISTRATOR));
        assert!(guild.top_rank(bot) > Some(moderator.rank()));
        let hidden = guild.channel_named("mod-log").expect("a channel");
        assert_eq!(hidden.parent_id, guild.channel_named("Study").map(|c| c.id));
        assert_eq!(hidden.permission_overwrites.len(), 2, "an entry without bits is kept");
        let forum = guild.channel_named("help").expect("a channel");
        assert_eq!(forum.extra["future_field"], json!([1, {"a": 2}]));

        let text = world.to_yaml().expect("writes");
        assert_eq!(World::from_yaml(&text, now()).expect("reads"), world);
        let value = serde_json::to_value(&world).expect("writes");
        assert_eq!(World::from_value(value, now()).expect("reads"), world);
    }

    #[test]
    fn the_world_of_the_documentation_is_one() {
        let example = include_str!("yaml.rs").lines().skip_while(|line| !line.ends_with("```yaml")).skip(1);
        let example: Vec<&str> = example.take_while(|line| !line.ends_with("```")).map(|line| &line[3..]).collect();
        let world = World::from_yaml(&example.join("\n"), now()).expect("a valid world");
        assert_eq!((world.users.len(), world.guilds.len()), (2, 1));
    }

    #[test]
    fn what_a_channel_does_not_say_is_what_discord_gives_it() {
        let text = "
guilds:
  - name: G
    channels:
      - { name: lounge, type: voice }
      - { id: 7, name: den, type: voice, user_limit: 5, rtc_region: rotterdam }
      - { id: 8, name: hall, type: stage }
      - { name: chat }
";
        let world = World::from_yaml(text, now()).expect("a valid world");
        let guild = world.guilds.values().next().expect("one guild");
        let said = |name| {
            let channel = guild.channel_named(name).expect("a channel");
            (channel.bitrate, channel.user_limit, channel.rtc_region.as_deref())
        };
        assert_eq!(said("lounge"), (64_000, 0, None));
        assert_eq!(said("den"), (64_000, 5, Some("rotterdam")));
        assert_eq!(said("hall"), (64_000, 10_000, None));
        assert_eq!(said("chat"), (0, 0, None));
    }

    #[test]
    fn names_of_nothing_are_refused() {
        let text = "guilds: [{ name: G, channels: [{ name: a, parent: Nowhere }] }]";
        let error = World::from_yaml(text, now()).expect_err("no such category");
        assert_eq!(error.to_string(), "guild G, channel a: no category is called `Nowhere`");
    }

    #[test]
    fn a_fresh_guild_round_trips() {
        let mut world = World::new(3);
        let fresh = world.fresh_guild("Fresh: \"quoted\" # no comment", None, now());
        let guild = &world.guilds[&fresh.guild];
        assert_eq!((guild.channels.len(), guild.roles.len(), guild.members.len()), (4, 2, 2));
        let text = world.to_yaml().expect("writes");
        assert_eq!(World::from_yaml(&text, now()).expect("reads"), world);
    }
}

//! What people type, press and fill in, by name: as a client would understand it.

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{Use, UseRefused, lookup};
use crate::simulator::rest::{component_kind, kind, option_kind};
use crate::simulator::world::{Answer, Command, Guild, Message, Snowflake, World};

/// What somebody wants to do, in words. One of `say`, `press` and `fill` says what.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ask {
    /// Name or id of a member.
    pub user: String,
    /// Name or id of a guild; needless where the member is in one only.
    #[serde(default)]
    pub guild: Option<String>,
    /// Name or id of a channel.
    pub channel: String,
    /// A command with its options, `/setai plan guild: Study`, or the text of a message.
    #[serde(default)]
    pub say: Option<String>,
    /// The label or the `custom_id` of a button or menu on the newest message that has it.
    #[serde(default)]
    pub press: Option<String>,
    /// What is chosen from that menu.
    #[serde(default)]
    pub choose: Vec<String>,
    /// What is written into the modal that is open, by the label or the `custom_id` of each input.
    #[serde(default)]
    pub fill: Map<String, Value>,
    /// How long a promised answer is waited for, seconds.
    #[serde(default = "default_wait")]
    pub wait: u64,
}

fn default_wait() -> u64 {
    60
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Wish {
    /// An application is used.
    Use(Use),
    /// A message is written.
    Write { user: Snowflake, channel: Snowflake, content: String },
}

impl Ask {
    /// Who is meant, where, and what.
    pub(crate) fn understood(&self, world: &World) -> Result<Wish, UseRefused> {
        let user = lookup::user(world, &self.user)?;
        let guild = lookup::guild(world, user, self.guild.as_deref())?;
        let channel = lookup::channel(guild, &self.channel)?;
        let wish = |application_id, kind, data, message_id| {
            Wish::Use(Use { application_id, user_id: user, channel_id: channel, kind, data, message_id })
        };
        match (&self.say, &self.press, self.fill.is_empty()) {
            (Some(text), None, true) => match text.trim().strip_prefix('/') {
                Some(text) => {
                    let (application, data) = command(world, guild, text)?;
                    Ok(wish(application, kind::COMMAND, data, None))
                }
                None => Ok(Wish::Write { user, channel, content: lookup::mentioned(world, guild, text) }),
            },
            (None, Some(label), true) => {
                let (message, component) = pressed(world, user, channel, label)?;
                let mut data = json!({"custom_id": component["custom_id"]});
                if component["type"] != component_kind::BUTTON {
                    data["values"] = json!(self.choose);
                }
                let application = owner(world, message.author_id)?;
                Ok(wish(application, kind::COMPONENT, data, Some(message.id)))
            }
            (None, None, false) => {
                let (application, data) = filled(world, user, channel, &self.fill)?;
                Ok(wish(application, kind::MODAL, data, None))
            }
            _ => Err(UseRefused::wrong("what to do", "exactly one of `say`, `press` and `fill` is given")),
        }
    }
}

fn owner(world: &World, bot: Snowflake) -> Result<Snowflake, UseRefused> {
    let application = world.users.get(&bot).and_then(|user| user.application.as_ref());
    application.map(|application| application.id).ok_or_else(|| UseRefused::nothing("application", bot))
}

/// `setai plan guild: Study`, as the data of a command, and whose it is.
fn command(world: &World, guild: &Guild, text: &str) -> Result<(Snowflake, Value), UseRefused> {
    let (name, rest) = word(text);
    let bots = guild.members.keys().filter_map(|id| world.users.get(id)?.application.as_ref());
    let here = |command: &&Command| {
        command.kind == 1 && command.name == name && command.guild_id.is_none_or(|own| own == guild.id)
    };
    let mut found = bots
        .flat_map(|application| application.commands.iter().filter(here).map(move |command| (application.id, command)));
    let (application, command) = found.next().ok_or_else(|| UseRefused::nothing("command", name))?;
    let none = Vec::new();
    let options = command.fields.get("options").and_then(Value::as_array).unwrap_or(&none);
    let options = level(world, guild, options, rest, &format!("/{name}"))?;
    Ok((application, json!({"name": name, "options": options})))
}

fn word(text: &str) -> (&str, &str) {
    let text = text.trim();
    text.split_once(char::is_whitespace).map_or((text, ""), |(word, rest)| (word, rest.trim()))
}

/// A subcommand is named next; else come values.
fn level(
    world: &World,
    guild: &Guild,
    registered: &[Value],
    text: &str,
    place: &str,
) -> Result<Vec<Value>, UseRefused> {
    let is_sub = |option: &Value| option["type"].as_u64().is_some_and(|kind| kind <= option_kind::GROUP);
    if !registered.iter().any(is_sub) {
        return values(world, guild, registered, text, place);
    }
    let (name, rest) = word(text);
    let Some(own) = registered.iter().find(|option| option["name"] == name) else {
        // A client offers them; whoever named none hears which there are.
        return Ok(Vec::new());
    };
    let none = Vec::new();
    let inside = own["options"].as_array().unwrap_or(&none);
    let options = level(world, guild, inside, rest, &format!("{place} {name}"))?;
    Ok(vec![json!({"name": name, "options": options})])
}

/// `name: value name: value`. What stands before the first name is for the first option.
fn values(
    world: &World,
    guild: &Guild,
    registered: &[Value],
    text: &str,
    place: &str,
) -> Result<Vec<Value>, UseRefused> {
    let names: Vec<&str> = registered.iter().filter_map(|option| option["name"].as_str()).collect();
    let mut starts: Vec<(usize, usize, &str)> = Vec::new();
    for name in &names {
        let marker = format!("{name}:");
        starts.extend(text.match_indices(marker.as_str()).filter_map(|(at, _)| {
            let begins = text[..at].chars().next_back().is_none_or(char::is_whitespace);
            begins.then_some((at, at + marker.len(), *name))
        }));
    }
    starts.sort_unstable();
    let mut given: Vec<(&str, &str)> = Vec::new();
    let first = text[..starts.first().map_or(text.len(), |(at, ..)| *at)].trim();
    if !first.is_empty() {
        let name = names.first().ok_or_else(|| UseRefused::wrong(place, format!("it takes no `{first}`")))?;
        given.push((name, first));
    }
    for (index, (_, from, name)) in starts.iter().enumerate() {
        let to = starts.get(index + 1).map_or(text.len(), |(at, ..)| *at);
        given.push((name, text[*from..to].trim()));
    }
    let told = given.into_iter().map(|(name, text)| {
        let own = registered.iter().find(|option| option["name"] == name).unwrap_or(&Value::Null);
        let value = value(world, guild, own, unquoted(text), &format!("{place} {name}"))?;
        Ok(json!({"name": name, "value": value}))
    });
    told.collect()
}

fn unquoted(text: &str) -> &str {
    text.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or(text)
}

/// A value as its option wants it.
fn value(world: &World, guild: &Guild, option: &Value, text: &str, place: &str) -> Result<Value, UseRefused> {
    let choices = option["choices"].as_array().into_iter().flatten();
    let mut named = choices.filter(|choice| choice["name"].as_str().is_some_and(|n| n.eq_ignore_ascii_case(text)));
    if let Some(choice) = named.next() {
        return Ok(choice["value"].clone());
    }
    let number =
        |read: Option<Value>, what: &str| read.ok_or_else(|| UseRefused::wrong(place, format!("it is {what}")));
    match option["type"].as_u64().unwrap_or_default() {
        option_kind::INTEGER => number(text.parse::<i64>().ok().map(Value::from), "a whole number"),
        option_kind::NUMBER => number(text.parse::<f64>().ok().map(Value::from), "a number"),
        option_kind::BOOLEAN => match text.to_lowercase().as_str() {
            "true" | "yes" => Ok(json!(true)),
            "false" | "no" => Ok(json!(false)),
            _ => Err(UseRefused::wrong(place, "it is true or false")),
        },
        option_kind::USER => Ok(json!(lookup::user(world, text)?)),
        option_kind::CHANNEL => Ok(json!(lookup::channel(guild, text)?)),
        option_kind::ROLE => Ok(json!(lookup::role(guild, text)?)),
        option_kind::MENTIONABLE => {
            let role = lookup::role(guild, text);
            Ok(json!(role.or_else(|_| lookup::user(world, text))?))
        }
        _ => Ok(json!(text)),
    }
}

/// The newest message somebody sees with a button or menu of that name.
fn pressed<'a>(
    world: &'a World,
    user: Snowflake,
    channel: Snowflake,
    label: &str,
) -> Result<(&'a Message, &'a Value), UseRefused> {
    let own = world.interactions.values().filter(|begun| begun.user_id == user && begun.channel_id == channel);
    let private = own.flat_map(|begun| &begun.ephemeral);
    let shared = world.channel(channel).into_iter().flat_map(|channel| &channel.messages);
    let named = |message: &'a Message| {
        let rows = message.components.iter().filter_map(|row| row["components"].as_array()).flatten();
        let names =
            |component: &&Value| ["label", "custom_id", "placeholder"].iter().any(|key| component[*key] == label);
        rows.into_iter().find(names).map(|component| (message, component))
    };
    let newest = private.chain(shared).filter_map(named).max_by_key(|(message, _)| message.id);
    newest.ok_or_else(|| UseRefused::nothing("button or menu", label))
}

/// The newest modal of a user, with texts in its inputs.
fn filled(
    world: &World,
    user: Snowflake,
    channel: Snowflake,
    texts: &Map<String, Value>,
) -> Result<(Snowflake, Value), UseRefused> {
    let own = world.interactions.values().rev().filter(|begun| begun.user_id == user && begun.channel_id == channel);
    let mut modals = own.filter_map(|begun| match &begun.answer {
        Answer::Modal { modal } => Some((begun.application_id, modal)),
        _ => None,
    });
    let (application, modal) = modals.next().ok_or_else(|| UseRefused::nothing("open modal", "of any name"))?;
    let inputs = super::modal::inputs(modal);
    let components = texts.iter().map(|(name, text)| {
        let input = inputs.iter().find(|(label, custom_id)| label == name || custom_id == name);
        let (_, custom_id) = input.ok_or_else(|| UseRefused::nothing("text input", name))?;
        Ok(json!({"type": component_kind::TEXT_INPUT, "custom_id": custom_id, "value": text}))
    });
    let components = components.collect::<Result<Vec<Value>, UseRefused>>()?;
    Ok((application, json!({"custom_id": modal["custom_id"], "components": [{"type": 1, "components": components}]})))
}

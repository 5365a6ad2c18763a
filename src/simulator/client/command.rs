//! Commands: which are offered to a member in a channel, and what they take.

use serde_json::{Map, Value, json};

use super::resolved::Resolved;
use super::{Spot, UseRefused, value};
use crate::simulator::rest::option_kind;
use crate::simulator::world::{Bits, Command, Snowflake};

/// In a guild (Discord's documentation, "Interaction Context Types").
const GUILD_CONTEXT: u64 = 0;

/// Kinds of command.
const SLASH: u8 = 1;
const USER: u8 = 2;
const MESSAGE: u8 = 3;

/// A command somebody sends off.
pub(super) fn chosen(spot: &Spot<'_>, data: &Value) -> Result<Value, UseRefused> {
    let command = offered(spot, data)?;
    let mut resolved = Resolved::default();
    let mut told = told(command);
    if command.kind == SLASH {
        let options = Choice { spot, resolved: &mut resolved, is_typing: false };
        let options = options.read(registered(command), &data["options"], &format!("/{}", command.name))?;
        put_options(&mut told, options);
    } else {
        let target = target(spot, command, data, &mut resolved)?;
        told.insert("target_id".to_owned(), json!(target));
    }
    resolved.put_into(&mut told);
    Ok(Value::Object(told))
}

/// A command somebody is typing: one option, which the application completes, is not finished.
pub(super) fn typed(spot: &Spot<'_>, data: &Value) -> Result<Value, UseRefused> {
    let command = offered(spot, data)?;
    let place = format!("/{}", command.name);
    let mut resolved = Resolved::default();
    let options = Choice { spot, resolved: &mut resolved, is_typing: true };
    let options = options.read(registered(command), &data["options"], &place)?;
    if focused(&options) != 1 {
        return Err(UseRefused::wrong(&place, "exactly one option is focused while it is typed"));
    }
    let mut told = told(command);
    put_options(&mut told, options);
    resolved.put_into(&mut told);
    Ok(Value::Object(told))
}

fn told(command: &Command) -> Map<String, Value> {
    let Command { id, guild_id, kind, name, .. } = command;
    let mut told = Map::new();
    told.insert("id".to_owned(), json!(id));
    told.insert("name".to_owned(), json!(name));
    told.insert("type".to_owned(), json!(kind));
    if let Some(guild) = guild_id {
        told.insert("guild_id".to_owned(), json!(guild));
    }
    told
}

fn put_options(told: &mut Map<String, Value>, options: Vec<Value>) {
    if !options.is_empty() {
        told.insert("options".to_owned(), json!(options));
    }
}

fn focused(options: &[Value]) -> usize {
    let inside = |option: &Value| option["options"].as_array().map_or(0, |inside| focused(inside));
    options.iter().map(|option| usize::from(option["focused"] == true) + inside(option)).sum()
}

fn registered(command: &Command) -> &[Value] {
    command.fields.get("options").and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// The command that is meant, when it is offered to that member in that channel.
fn offered<'a>(spot: &Spot<'a>, data: &Value) -> Result<&'a Command, UseRefused> {
    let command = found(spot, data)?;
    spot.require_free()?;
    let held = spot.held_by(spot.user);
    if held.has(Bits::ADMINISTRATOR) {
        return within_age(spot, command);
    }
    if !held.has(Bits::USE_APPLICATION_COMMANDS) {
        return Err(UseRefused::not_allowed("USE_APPLICATION_COMMANDS is missing in this channel"));
    }
    match command.default_member_permissions() {
        Some(Bits::NONE) => Err(UseRefused::not_allowed("the command is for administrators")),
        Some(needed) if !held.has(needed) => {
            Err(UseRefused::not_allowed(format!("the command needs the permissions {needed}")))
        }
        _ => within_age(spot, command),
    }
}

fn within_age<'a>(spot: &Spot<'_>, command: &'a Command) -> Result<&'a Command, UseRefused> {
    if command.fields.get("nsfw") == Some(&Value::Bool(true)) && !spot.channel.nsfw {
        return Err(UseRefused::not_allowed("the command is for age-restricted channels"));
    }
    Ok(command)
}

/// By id, or by name: then a guild's own command hides the one it shares its name with.
fn found<'a>(spot: &Spot<'a>, data: &Value) -> Result<&'a Command, UseRefused> {
    let kind = data["type"].as_u64().unwrap_or(u64::from(SLASH));
    let name = data["name"].as_str().unwrap_or_default();
    let id = data["id"].as_str().and_then(|id| id.parse::<Snowflake>().ok());
    let here = spot.application.commands.iter().filter(|command| match command.guild_id {
        Some(guild) => guild == spot.guild.id,
        None => is_for_guilds(command),
    });
    let fits = here.filter(|command| {
        u64::from(command.kind) == kind
            && (data["name"].is_null() || command.name == name)
            && id.is_none_or(|id| command.id == id)
    });
    let missing =
        || UseRefused::nothing("command", if name.is_empty() { data["id"].to_string() } else { name.to_owned() });
    if data["name"].is_null() && id.is_none() {
        return Err(missing());
    }
    fits.max_by_key(|command| command.guild_id.is_some()).ok_or_else(missing)
}

fn is_for_guilds(command: &Command) -> bool {
    let contexts = command.fields.get("contexts").and_then(Value::as_array);
    contexts.is_none_or(|contexts| contexts.iter().any(|context| context.as_u64() == Some(GUILD_CONTEXT)))
}

/// What an entry of a context menu was clicked on.
fn target(spot: &Spot<'_>, command: &Command, data: &Value, resolved: &mut Resolved) -> Result<Snowflake, UseRefused> {
    let id = data["target_id"].as_str().and_then(|id| id.parse().ok());
    let id: Snowflake = id.ok_or_else(|| UseRefused::wrong(&command.name, "it needs a `target_id`"))?;
    match command.kind {
        USER => resolved.add_user(spot, id)?,
        MESSAGE => resolved.add_message(spot, id)?,
        _ => {}
    }
    Ok(id)
}

/// Options being chosen.
struct Choice<'a, 'b> {
    spot: &'a Spot<'a>,
    resolved: &'b mut Resolved,
    /// What is missing may still come, and one value is not finished.
    is_typing: bool,
}

impl Choice<'_, '_> {
    /// Checks and completes what was given for these options.
    fn read(self, registered: &[Value], given: &Value, place: &str) -> Result<Vec<Value>, UseRefused> {
        let given = match given {
            Value::Null => &[][..],
            Value::Array(list) => list.as_slice(),
            _ => return Err(UseRefused::wrong(place, "options are a list")),
        };
        let is_sub = |option: &&Value| option["type"].as_u64().is_some_and(|kind| kind <= option_kind::GROUP);
        if registered.iter().any(|option| is_sub(&option)) {
            self.sub(registered, given, place)
        } else {
            self.values(registered, given, place)
        }
    }

    /// A command with subcommands is used with exactly one.
    fn sub(self, registered: &[Value], given: &[Value], place: &str) -> Result<Vec<Value>, UseRefused> {
        let [one] = given else {
            let names: Vec<&str> = registered.iter().filter_map(|option| option["name"].as_str()).collect();
            return Err(UseRefused::wrong(place, format!("it is used with one of {}", names.join(", "))));
        };
        let own = find(registered, one, place)?;
        let name = own["name"].as_str().unwrap_or_default();
        let inside = own["options"].as_array().map_or(&[][..], Vec::as_slice);
        let options = self.read(inside, &one["options"], &format!("{place} {name}"))?;
        Ok(vec![json!({"type": own["type"], "name": name, "options": options})])
    }

    fn values(self, registered: &[Value], given: &[Value], place: &str) -> Result<Vec<Value>, UseRefused> {
        let mut told: Vec<Value> = Vec::new();
        for one in given {
            let own = find(registered, one, place)?;
            let name = own["name"].as_str().unwrap_or_default();
            let place = format!("{place} {name}");
            if told.iter().any(|other| other["name"] == name) {
                return Err(UseRefused::wrong(&place, "it was given twice"));
            }
            if one["focused"] == true {
                told.push(self.unfinished(own, one, &place)?);
                continue;
            }
            let value = value::checked(self.spot, own, &one["value"], &place, self.resolved)?;
            told.push(json!({"type": own["type"], "name": name, "value": value}));
        }
        let missing = registered
            .iter()
            .find(|own| own["required"] == true && !told.iter().any(|option| option["name"] == own["name"]));
        match missing.filter(|_| !self.is_typing) {
            Some(missing) => {
                let name = missing["name"].as_str().unwrap_or_default();
                Err(UseRefused::wrong(&format!("{place} {name}"), "it is required"))
            }
            None => Ok(told),
        }
    }

    /// What is being typed is told as it is, as a text.
    fn unfinished(&self, own: &Value, given: &Value, place: &str) -> Result<Value, UseRefused> {
        if !self.is_typing || own["autocomplete"] != true {
            return Err(UseRefused::wrong(place, "the application does not complete it"));
        }
        let text = match &given["value"] {
            Value::Null => String::new(),
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        Ok(json!({"type": own["type"], "name": own["name"], "value": text, "focused": true}))
    }
}

/// The registered option of that name. A type, where one is given, must be its.
fn find<'a>(registered: &'a [Value], given: &Value, place: &str) -> Result<&'a Value, UseRefused> {
    let name = given["name"].as_str().unwrap_or_default();
    let found = registered.iter().find(|option| option["name"] == name);
    let found = found.ok_or_else(|| UseRefused::wrong(place, format!("there is no option `{name}`")))?;
    if !given["type"].is_null() && given["type"] != found["type"] {
        return Err(UseRefused::wrong(&format!("{place} {name}"), format!("its type is {}", found["type"])));
    }
    Ok(found)
}

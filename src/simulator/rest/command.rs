//! Application commands, of the application or of one guild.

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Map, Value, json};

use super::command_option::{is_slash_name, read_options};
use super::form::{Form, FormErrors, Given};
use super::{ApiError, Call, Reply};
use crate::simulator::world::{Application, Command, Mint, Snowflake, World};

/// New commands in a day, per guild.
const CREATES_PER_DAY: usize = 200;
const MOST_IN_BULK: usize = 130;
/// Most commands of a scope, by type: slash, user, message.
const MOST_BY_TYPE: [usize; 3] = [100, 15, 15];

/// Most characters of names, descriptions and values of a command and all that is in it.
const MOST_TEXT: usize = 8000;

/// The commands of one scope, being changed.
struct Scope<'a> {
    application: &'a mut Application,
    ids: &'a mut Mint,
    guild: Option<Snowflake>,
    call: &'a Call<'a>,
}

/// Answers calls below `/applications/{application}/commands` and `.../guilds/{guild}/commands`.
pub(crate) fn dispatch(
    world: &mut World,
    call: &Call<'_>,
    application: Snowflake,
    guild: Option<Snowflake>,
    id: Option<Snowflake>,
) -> Result<Reply, ApiError> {
    if guild.is_some_and(|id| world.guilds.get(&id).is_none_or(|g| !g.members.contains_key(&call.actor))) {
        return Err(ApiError::missing_access());
    }
    let user = world.users.get_mut(&call.actor).ok_or_else(ApiError::unauthorized)?;
    let own = user.application.as_mut().filter(|own| own.id == application);
    let application = own.ok_or_else(ApiError::missing_access)?;
    let mut scope = Scope { application, ids: &mut world.ids, guild, call };
    match (call.method, id) {
        ("GET", None) => Reply::ok(scope.shown().collect::<Value>()),
        ("POST", None) => scope.upsert_one(),
        ("PUT", None) => scope.replace_all(),
        ("GET", Some(id)) => Reply::ok(scope.get(id)?.shown(scope.application.id)),
        ("PATCH", Some(id)) => scope.update(id),
        ("DELETE", Some(id)) => scope.delete(id),
        _ => Err(ApiError::method_not_allowed()),
    }
}

impl Scope<'_> {
    fn shown(&self) -> impl Iterator<Item = Value> {
        let listed = self.application.commands.iter().filter(|c| c.guild_id == self.guild);
        listed.map(|c| c.shown(self.application.id))
    }

    fn get(&self, id: Snowflake) -> Result<&Command, ApiError> {
        let found = self.application.commands.iter().find(|c| c.id == id && c.guild_id == self.guild);
        found.ok_or_else(ApiError::unknown_command)
    }

    fn upsert_one(&mut self) -> Result<Reply, ApiError> {
        let draft = Draft::read(self.call.body, self.call, self.guild)?;
        let commands = self.application.commands.len();
        let command = self.upsert(draft)?;
        let status = if self.application.commands.len() > commands { 201 } else { 200 };
        Ok(Reply { status, body: Some(command.shown(self.application.id)) })
    }

    /// An existing name keeps its id; a new one counts against the day and the scope.
    fn upsert(&mut self, draft: Draft) -> Result<Command, ApiError> {
        let same = |c: &&mut Command| c.guild_id == self.guild && c.kind == draft.kind && c.name == draft.name;
        let version = self.ids.mint(self.call.now);
        if let Some(command) = self.application.commands.iter_mut().find(same) {
            (command.version, command.fields) = (version, draft.fields);
            return Ok(command.clone());
        }
        let most = MOST_BY_TYPE.get(usize::from(draft.kind) - 1).copied().unwrap_or(1);
        let held = self.application.commands.iter().filter(|c| c.guild_id == self.guild && c.kind == draft.kind);
        if held.count() >= most {
            let message = format!("Maximum number of application commands reached ({most})");
            return Err(ApiError::new(400, 30_032, &message));
        }
        self.count_create()?;
        let Draft { name, kind, fields } = draft;
        let command = Command { id: version, version, guild_id: self.guild, kind, name, fields };
        self.application.commands.push(command.clone());
        Ok(command)
    }

    fn count_create(&mut self) -> Result<(), ApiError> {
        let (guild, now) = (self.guild, self.call.now);
        let creates: &mut Vec<(Option<Snowflake>, DateTime<Utc>)> = &mut self.application.command_creates;
        creates.retain(|(_, at)| *at + TimeDelta::days(1) > now);
        if creates.iter().filter(|(scope, _)| *scope == guild).count() >= CREATES_PER_DAY {
            return Err(ApiError::too_many_command_creates());
        }
        creates.push((guild, now));
        Ok(())
    }

    /// Deletes everything that is not listed. All or nothing.
    fn replace_all(&mut self) -> Result<Reply, ApiError> {
        let list = match self.call.body {
            Some(Value::Array(list)) if list.len() <= MOST_IN_BULK => list,
            _ => return Err(FormErrors::single(&[], "BASE_TYPE_BAD_LENGTH", "Must be 130 or fewer in length.")),
        };
        let drafts =
            list.iter().map(|body| Draft::read(Some(body), self.call, self.guild)).collect::<Result<Vec<_>, _>>()?;
        let before = self.application.clone();
        let wanted = |c: &Command| drafts.iter().any(|d| d.kind == c.kind && d.name == c.name);
        let guild = self.guild;
        self.application.commands.retain(|c| c.guild_id != guild || wanted(c));
        for draft in drafts {
            if let Err(error) = self.upsert(draft) {
                *self.application = before;
                return Err(error);
            }
        }
        Reply::ok(self.shown().collect::<Value>())
    }

    fn update(&mut self, id: Snowflake) -> Result<Reply, ApiError> {
        let old = self.get(id)?.clone();
        let mut body = old.fields;
        body.insert("name".to_owned(), json!(old.name));
        body.insert("type".to_owned(), json!(old.kind));
        body.extend(self.call.body.and_then(Value::as_object).cloned().unwrap_or_default());
        let draft = Draft::read(Some(&Value::Object(body)), self.call, self.guild)?;
        let version = self.ids.mint(self.call.now);
        let command =
            Command { id, version, guild_id: self.guild, kind: old.kind, name: draft.name, fields: draft.fields };
        let shown = command.shown(self.application.id);
        self.application.commands.iter_mut().filter(|c| c.id == id).for_each(|c| c.clone_from(&command));
        Reply::ok(shown)
    }

    fn delete(&mut self, id: Snowflake) -> Result<Reply, ApiError> {
        self.get(id)?;
        self.application.commands.retain(|c| c.id != id);
        Reply::empty()
    }
}

/// A command as sent.
struct Draft {
    name: String,
    kind: u8,
    fields: Map<String, Value>,
}

impl Draft {
    fn read(body: Option<&Value>, call: &Call<'_>, guild: Option<Snowflake>) -> Result<Self, ApiError> {
        let mut form = Form::of(body, call.switches)?;
        form.require("name");
        let kind = form.choice("type", &[1, 2, 3]).value().unwrap_or(1);
        let name = form.text("name", 1..=32).value().unwrap_or_default();
        if kind == 1 && !is_slash_name(&name) {
            form.wrong("name", "APPLICATION_COMMAND_INVALID_NAME", "Command name is invalid");
        }
        if kind == 1 {
            form.require("description");
        }
        form.text("description", usize::from(kind == 1)..=100);
        if kind == 1 {
            read_options(&mut form);
        } else if form.list("options", 0).value().is_some_and(|list| !list.is_empty()) {
            form.wrong("options", "APPLICATION_COMMAND_OPTIONS_TYPE_INVALID", "Context menus have no options");
        }
        read_contexts(&mut form, guild);
        let size = body.map_or(0, size);
        if size > MOST_TEXT {
            form.wrong("name", "APPLICATION_COMMAND_TOO_LARGE", &format!("Command exceeds maximum size ({MOST_TEXT})"));
        }
        form.bits("default_member_permissions", 0);
        form.finish()?;
        let mut fields = body.and_then(Value::as_object).cloned().unwrap_or_default();
        for own in ["id", "name", "type"] {
            fields.shift_remove(own);
        }
        Ok(Self { name, kind, fields })
    }
}

/// Where a command can be used is for commands of the whole application to say (Discord's documentation, "Contexts").
fn read_contexts(form: &mut Form<'_>, guild: Option<Snowflake>) {
    for (key, most) in [("contexts", 2), ("integration_types", 1)] {
        let Given::Value(list) = form.list(key, 3) else { continue };
        let known = |value: &Value| value.as_u64().is_some_and(|number| number <= most);
        if list.is_empty() || !list.iter().all(known) {
            form.wrong(key, "BASE_TYPE_CHOICES", "At least one, and none that is unknown.");
        }
        if guild.is_some() {
            form.wrong(key, "APPLICATION_COMMAND_GUILD_CONTEXTS", "Only global commands have contexts.");
        }
    }
}

/// Characters of names, descriptions and values of a command, an option or a choice, and of all that is in it.
fn size(of: &Value) -> usize {
    let text = |key: &str| of[key].as_str().map_or(0, |text| text.chars().count());
    let inside = |key: &str| of[key].as_array().into_iter().flatten().map(size).sum::<usize>();
    text("name") + text("description") + text("value") + inside("options") + inside("choices")
}

/// What was sent as null is not there when it is read back.
fn without_nulls(value: &Value) -> Value {
    match value {
        Value::Array(items) => items.iter().map(without_nulls).collect(),
        Value::Object(fields) => {
            let given = fields.iter().filter(|(_, value)| !value.is_null());
            Value::Object(given.map(|(key, value)| (key.clone(), without_nulls(value))).collect())
        }
        other => other.clone(),
    }
}

impl Command {
    fn shown(&self, application: Snowflake) -> Value {
        let Self { id, version, guild_id, kind, name, fields } = self;
        let mut shown = json!({
            "id": id, "application_id": application, "version": version, "type": kind, "name": name,
            "description": "", "default_member_permissions": null, "dm_permission": true, "nsfw": false,
        });
        if let Some(guild) = guild_id {
            shown["guild_id"] = json!(guild);
        }
        for (key, value) in fields.iter().filter(|(_, value)| !value.is_null()) {
            let is_bits = key == "default_member_permissions" && value.is_number();
            shown[key] = if is_bits { json!(value.to_string()) } else { without_nulls(value) };
        }
        shown
    }
}

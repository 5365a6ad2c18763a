//! Onboarding: the questions a guild asks new members.

use serde_json::{Value, json};

use super::form::{Form, Given, unsigned};
use super::visit::Visit;
use super::{ApiError, Call, Reply};
use crate::simulator::world::{Bits, Guild, Snowflake, World, kind};

const MOST_PROMPTS: usize = 15;
const MOST_DEFAULTS: usize = 500;
/// Default channels that enabled onboarding needs, and how many of them @everyone must be able to write in.
const LEAST_DEFAULTS: (usize, usize) = (7, 5);

/// `GET /guilds/{guild}/onboarding`
pub(crate) fn get(world: &mut World, call: &Call<'_>, guild: Snowflake) -> Result<Reply, ApiError> {
    let visit = Visit::to_guild(world, call, guild)?;
    Reply::ok(shown(visit.guild))
}

/// `PUT /guilds/{guild}/onboarding`. The lists given replace those stored; what is absent stays.
pub(crate) fn put(world: &mut World, call: &Call<'_>, guild: Snowflake) -> Result<Reply, ApiError> {
    let mut visit = Visit::to_guild(world, call, guild)?;
    visit.require(Bits::MANAGE_GUILD | Bits::MANAGE_ROLES)?;
    let mut form = Form::of(call.body, call.switches)?;
    let mut draft = shown(visit.guild);
    if let Given::Value(list) = form.list("prompts", MOST_PROMPTS) {
        let mut prompts = Vec::with_capacity(list.len());
        for (index, prompt) in list.iter().enumerate() {
            let path = ["prompts".to_owned(), index.to_string()];
            let path: Vec<&str> = path.iter().map(String::as_str).collect();
            prompts.extend(form.inside(&path, prompt, |inner| read_prompt(inner, &mut || visit.mint())));
        }
        draft["prompts"] = json!(prompts);
    }
    if let Given::Value(ids) = read_ids(&mut form, "default_channel_ids", MOST_DEFAULTS) {
        draft["default_channel_ids"] = json!(ids);
    }
    if let Given::Value(enabled) = form.flag("enabled") {
        draft["enabled"] = json!(enabled);
    }
    if let Given::Value(mode) = form.choice::<u8>("mode", &[0, 1]) {
        draft["mode"] = json!(mode);
    }
    form.finish()?;
    judge(visit.guild, &draft)?;
    visit.guild.onboarding = Some(draft.clone());
    Reply::ok(draft)
}

fn shown(guild: &Guild) -> Value {
    let none = || json!({"guild_id": guild.id, "prompts": [], "default_channel_ids": [], "enabled": false, "mode": 0});
    guild.onboarding.clone().unwrap_or_else(none)
}

/// A prompt needs an id even when it is new; its options do not.
fn read_prompt(form: &mut Form<'_>, mint: &mut dyn FnMut() -> Snowflake) -> Value {
    form.require("id");
    form.require("title");
    form.require("options");
    let mut options = Vec::new();
    if let Given::Value(list) = form.list("options", 50) {
        for (index, option) in list.iter().enumerate() {
            options.extend(form.inside(&["options", &index.to_string()], option, |inner| read_option(inner, mint)));
        }
    }
    if options.is_empty() {
        form.wrong("options", "BASE_TYPE_BAD_LENGTH", "Must be between 1 and 50 in length.");
    }
    json!({
        "id": form.snowflake("id").value().unwrap_or_default(),
        "title": form.text("title", 1..=100).value(),
        "options": options,
        "single_select": form.flag("single_select").value().unwrap_or(false),
        "required": form.flag("required").value().unwrap_or(false),
        "in_onboarding": form.flag("in_onboarding").value().unwrap_or(false),
        "type": form.choice::<u8>("type", &[0, 1]).value().unwrap_or(0),
    })
}

/// Written with flat emoji fields, read back with an `emoji` object.
fn read_option(form: &mut Form<'_>, mint: &mut dyn FnMut() -> Snowflake) -> Value {
    form.require("title");
    json!({
        "id": form.snowflake("id").value().unwrap_or_else(mint),
        "title": form.text("title", 1..=50).value(),
        "description": form.text("description", 0..=100).value().unwrap_or_default(),
        "role_ids": read_ids(form, "role_ids", 50).value().unwrap_or_default(),
        "channel_ids": read_ids(form, "channel_ids", 50).value().unwrap_or_default(),
        "emoji": {
            "id": form.snowflake("emoji_id").value(),
            "name": form.text("emoji_name", 0..=100).value(),
            "animated": form.flag("emoji_animated").value().unwrap_or(false),
        },
    })
}

fn read_ids(form: &mut Form<'_>, key: &str, most: usize) -> Given<Vec<Snowflake>> {
    let list = match form.list(key, most) {
        Given::Absent => return Given::Absent,
        Given::Null => return Given::Null,
        Given::Value(list) => list,
    };
    let ids: Vec<Snowflake> = list.iter().filter_map(unsigned).map(Snowflake).collect();
    if ids.len() < list.len() {
        form.wrong(key, "NUMBER_TYPE_COERCE", "A value is not snowflake.");
    }
    Given::Value(ids)
}

/// Enabled onboarding needs enough default channels, most of them open for writing.
fn judge(guild: &Guild, draft: &Value) -> Result<(), ApiError> {
    let ids = draft["default_channel_ids"].as_array().into_iter().flatten().filter_map(unsigned);
    let channels: Vec<_> = ids.filter_map(|id| guild.channels.get(&Snowflake(id))).collect();
    let base = guild.roles.get(&guild.id).map_or(Bits::NONE, |everyone| everyone.permissions);
    let writable = channels.iter().filter(|channel| {
        let (allow, deny) = channel.overwrite(guild.id).map_or((Bits::NONE, Bits::NONE), |o| (o.allow, o.deny));
        channel.kind != kind::CATEGORY && ((base & !deny) | allow).has(Bits::VIEW_CHANNEL | Bits::SEND_MESSAGES)
    });
    let enough = channels.len() >= LEAST_DEFAULTS.0 && writable.count() >= LEAST_DEFAULTS.1;
    if draft["enabled"] == true && !enough { Err(ApiError::onboarding_requirements()) } else { Ok(()) }
}

//! The caller itself: its user, application and guilds.

use serde_json::{Value, json};

use super::form::{Form, Given};
use super::visit::Visit;
use super::{ApiError, Call, Reply, view};
use crate::simulator::world::{Bits, Snowflake, User, World};

fn caller<'a>(world: &'a World, call: &Call<'_>) -> Result<&'a User, ApiError> {
    world.users.get(&call.actor).ok_or_else(ApiError::unauthorized)
}

/// `GET /users/@me`
pub(crate) fn me(world: &World, call: &Call<'_>) -> Result<Reply, ApiError> {
    Reply::ok(view::own_user(caller(world, call)?))
}

/// `GET /users/{user}`
pub(crate) fn user(world: &World, id: Snowflake) -> Result<Reply, ApiError> {
    Reply::ok(view::user(world.users.get(&id).ok_or_else(ApiError::unknown_user)?))
}

/// `GET /applications/@me` and its older spelling.
pub(crate) fn application(world: &World, call: &Call<'_>) -> Result<Reply, ApiError> {
    let bot = caller(world, call)?;
    let application = bot.application.as_ref().ok_or_else(ApiError::unauthorized)?;
    Reply::ok(view::application(application, bot, world))
}

/// Flags of an application its owner may switch: the limited forms of privileged intents.
const SWITCHABLE: u64 = 1 << 13 | 1 << 15 | 1 << 19;
/// What of an application is simulated as changeable.
const CHANGEABLE: [&str; 2] = ["interactions_endpoint_url", "flags"];

/// `PATCH /applications/@me`. Whoever passes the call on has asked the endpoint before: see
/// [`Call::endpoint_verified`](super::Call).
pub(crate) fn update_application(world: &mut World, call: &Call<'_>) -> Result<Reply, ApiError> {
    let mut form = Form::of(call.body, call.switches)?;
    if let Some(key) =
        call.body.and_then(Value::as_object).and_then(|b| b.keys().find(|k| !CHANGEABLE.contains(&k.as_str())))
    {
        let message = format!("501: the simulated Discord does not change `{key}` of an application");
        return Err(ApiError::new(501, 0, &message));
    }
    let endpoint = form.url("interactions_endpoint_url", 2048, &["http", "https"]);
    let flags = form.flags("flags");
    if matches!(endpoint, Given::Value(_)) && !call.endpoint_verified {
        let message = "The specified interactions endpoint url could not be verified.";
        form.wrong("interactions_endpoint_url", "APPLICATION_INTERACTIONS_ENDPOINT_URL_INVALID", message);
    }
    form.finish()?;
    let bot = world.users.get_mut(&call.actor).ok_or_else(ApiError::unauthorized)?;
    let application = bot.application.as_mut().ok_or_else(ApiError::unauthorized)?;
    endpoint.store_option(&mut application.interactions_endpoint_url);
    if let Given::Value(flags) = flags {
        application.flags = application.flags & !SWITCHABLE | flags & SWITCHABLE;
    }
    self::application(world, call)
}

/// `GET /users/@me/guilds`, with guild-level permissions.
pub(crate) fn guilds(world: &World, call: &Call<'_>) -> Result<Reply, ApiError> {
    let bound = |key, otherwise| call.query(key).and_then(|id| id.parse().ok()).unwrap_or(Snowflake(otherwise));
    let (after, before) = (bound("after", 0), bound("before", u64::MAX));
    let limit = call.query("limit").and_then(|n| n.parse().ok()).unwrap_or(200).clamp(1, 200);
    let mine = world.guilds.range((std::ops::Bound::Excluded(after), std::ops::Bound::Excluded(before)));
    let mine = mine.map(|(_, guild)| guild).filter(|g| g.members.contains_key(&call.actor)).take(limit);
    let shown = mine.map(|guild| {
        let held = guild.permissions_of(call.actor, call.now) & Bits(call.switches.known_bits);
        let mut shown = json!({
            "id": guild.id, "name": guild.name, "icon": guild.icon, "banner": guild.banner,
            "owner": guild.owner_id == call.actor, "permissions": held, "features": guild.features,
        });
        if call.query_flag("with_counts") {
            shown["approximate_member_count"] = json!(guild.members.len());
            shown["approximate_presence_count"] = json!(guild.members.len());
        }
        shown
    });
    Reply::ok(shown.collect::<Value>())
}

/// `DELETE /users/@me/guilds/{guild}`: the caller leaves; its managed role goes with it.
pub(crate) fn leave(world: &mut World, call: &Call<'_>, id: Snowflake) -> Result<Reply, ApiError> {
    let visit = Visit::to_guild(world, call, id)?;
    visit.guild.members.remove(&call.actor);
    let own = json!(call.actor);
    visit.guild.roles.retain(|_, role| role.tags.as_ref().is_none_or(|tags| tags.get("bot_id") != Some(&own)));
    Reply::empty()
}

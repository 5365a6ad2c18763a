//! The caller itself: its user, application and guilds.

use serde_json::{Value, json};

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

//! Which function answers which path.

use serde_json::{Value, json};

use super::form::FormErrors;
use super::visit::Visit;
use super::{
    ApiError, Call, Reply, account, audit_log, catalogue, channel, channel_order, command, guild, interaction, member,
    message, onboarding, overwrite, role, role_order, webhook,
};
use crate::simulator::world::{Bits, Snowflake, World};

/// Finds and calls the function.
pub(crate) fn dispatch(world: &mut World, call: &Call<'_>) -> Result<Reply, ApiError> {
    let segments: Vec<&str> = call.path.split('/').filter(|s| !s.is_empty()).collect();
    match segments.as_slice() {
        ["guilds", id, rest @ ..] if *id != "templates" => in_guild(world, call, snowflake(id)?, rest),
        ["channels", id, rest @ ..] => in_channel(world, call, snowflake(id)?, rest),
        rest => elsewhere(world, call, rest),
    }
}

fn elsewhere(world: &mut World, call: &Call<'_>, path: &[&str]) -> Result<Reply, ApiError> {
    match (call.method, path) {
        ("GET", ["users", "@me"]) => account::me(world, call),
        ("GET", ["users", "@me", "guilds"]) => account::guilds(world, call),
        ("DELETE", ["users", "@me", "guilds", id]) => account::leave(world, call, snowflake(id)?),
        ("GET", ["users", "@me", "guilds", id, "member"]) => member::get(world, call, snowflake(id)?, call.actor),
        ("GET", ["users", id]) => account::user(world, snowflake(id)?),
        ("GET", ["applications", "@me"] | ["oauth2", "applications", "@me"]) => account::application(world, call),
        ("PATCH", ["applications", "@me"]) => account::update_application(world, call),
        (_, ["applications", app, "commands"]) => command::dispatch(world, call, snowflake(app)?, None, None),
        (_, ["applications", app, "commands", id]) => {
            command::dispatch(world, call, snowflake(app)?, None, Some(snowflake(id)?))
        }
        (_, ["applications", app, "guilds", guild, "commands"]) => {
            command::dispatch(world, call, snowflake(app)?, Some(snowflake(guild)?), None)
        }
        ("GET" | "PATCH" | "DELETE", ["applications", app, "guilds", guild, "commands", id])
            if *id != "permissions" =>
        {
            command::dispatch(world, call, snowflake(app)?, Some(snowflake(guild)?), Some(snowflake(id)?))
        }
        ("POST", ["interactions", id, token, "callback"]) => interaction::callback(world, call, snowflake(id)?, token),
        ("POST", ["webhooks", app, token]) => webhook::follow_up(world, call, snowflake(app)?, token),
        (_, ["webhooks", app, token, "messages", id]) => webhook::message(world, call, snowflake(app)?, token, id),
        ("GET", ["voice", "regions"]) => guild::regions(),
        ("GET", ["sticker-packs"]) => Reply::ok(json!({"sticker_packs": []})),
        _ => catalogue::refuse(call),
    }
}

fn in_guild(world: &mut World, call: &Call<'_>, id: Snowflake, path: &[&str]) -> Result<Reply, ApiError> {
    match (call.method, path) {
        ("GET", []) => guild::get(world, call, id),
        ("PATCH", []) => guild::update(world, call, id),
        ("GET", ["preview"]) => guild::preview(world, call, id),
        ("GET", ["roles"]) => role::list(world, call, id),
        ("POST", ["roles"]) => role::create(world, call, id),
        ("PATCH", ["roles"]) => role_order::update(world, call, id),
        ("GET", ["roles", "member-counts"]) => role::member_counts(world, call, id),
        ("GET", ["roles", role]) => role::get(world, call, id, snowflake(role)?),
        ("PATCH", ["roles", role]) => role::update(world, call, id, snowflake(role)?),
        ("DELETE", ["roles", role]) => role::delete(world, call, id, snowflake(role)?),
        ("GET", ["channels"]) => channel::list(world, call, id),
        ("POST", ["channels"]) => channel::create(world, call, id),
        ("PATCH", ["channels"]) => channel_order::update(world, call, id),
        ("GET", ["members"]) => member::list(world, call, id),
        ("GET", ["members", "search"]) => member::search(world, call, id),
        ("PATCH", ["members", "@me"]) => member::update_own(world, call, id),
        ("GET", ["members", user]) => member::get(world, call, id, snowflake(user)?),
        ("PATCH", ["members", user]) => member::update(world, call, id, snowflake(user)?),
        ("PUT", ["members", user, "roles", role]) => {
            member::add_role(world, call, id, [snowflake(user)?, snowflake(role)?])
        }
        ("DELETE", ["members", user, "roles", role]) => {
            member::remove_role(world, call, id, [snowflake(user)?, snowflake(role)?])
        }
        ("GET", ["audit-logs"]) => audit_log::list(world, call, id),
        ("GET", ["regions"]) => {
            Visit::to_guild(world, call, id)?;
            guild::regions()
        }
        ("GET", ["onboarding"]) => onboarding::get(world, call, id),
        ("PUT", ["onboarding"]) => onboarding::put(world, call, id),
        ("GET", ["widget"]) => guild::widget(world, call, id),
        ("GET", ["welcome-screen"]) => guild::welcome_screen(world, call, id),
        ("GET", list) => match empty_list(list) {
            Some((bits, body)) => guild::nothing(world, call, id, bits, body),
            None => catalogue::refuse(call),
        },
        _ => catalogue::refuse(call),
    }
}

/// Lists of a guild that this simulation never fills: who may read them, and the honest answer.
fn empty_list(path: &[&str]) -> Option<(Bits, Value)> {
    Some(match path {
        ["threads", "active"] => (Bits::NONE, json!({"threads": [], "members": [], "has_more": false})),
        ["emojis" | "stickers" | "scheduled-events"] => (Bits::NONE, json!([])),
        ["soundboard-sounds"] => (Bits::NONE, json!({"items": []})),
        ["webhooks"] => (Bits::MANAGE_WEBHOOKS, json!([])),
        ["invites" | "integrations" | "templates"] | ["auto-moderation", "rules"] => (Bits::MANAGE_GUILD, json!([])),
        ["bans"] => (Bits::BAN_MEMBERS, json!([])),
        ["vanity-url"] => (Bits::MANAGE_GUILD, json!({"code": null, "uses": 0})),
        _ => return None,
    })
}

fn in_channel(world: &mut World, call: &Call<'_>, id: Snowflake, path: &[&str]) -> Result<Reply, ApiError> {
    match (call.method, path) {
        ("GET", []) => channel::get(world, call, id),
        ("PATCH", []) => channel::update(world, call, id),
        ("DELETE", []) => channel::delete(world, call, id),
        ("PUT", ["permissions", target]) => overwrite::put(world, call, id, snowflake(target)?),
        ("DELETE", ["permissions", target]) => overwrite::delete(world, call, id, snowflake(target)?),
        ("GET", ["messages"]) => message::list(world, call, id),
        ("POST", ["messages"]) => message::create(world, call, id),
        ("GET", ["messages", "pins"]) => {
            let visit = Visit::to_channel(world, call, id)?;
            visit.require_in(visit.channel(id)?, Bits::VIEW_CHANNEL)?;
            Reply::ok(json!({"items": [], "has_more": false}))
        }
        ("GET", ["messages", message]) => message::get(world, call, id, snowflake(message)?),
        ("PATCH", ["messages", message]) => message::update(world, call, id, snowflake(message)?),
        ("DELETE", ["messages", message]) => message::delete(world, call, id, snowflake(message)?),
        ("GET", [list @ ("webhooks" | "invites" | "pins")]) => {
            let needed = match *list {
                "webhooks" => Bits::MANAGE_WEBHOOKS,
                "invites" => Bits::MANAGE_CHANNELS,
                _ => Bits::VIEW_CHANNEL,
            };
            let visit = Visit::to_channel(world, call, id)?;
            visit.require_in(visit.channel(id)?, needed)?;
            Reply::ok(json!([]))
        }
        _ => catalogue::refuse(call),
    }
}

/// An id in a path.
fn snowflake(segment: &str) -> Result<Snowflake, ApiError> {
    let refusal =
        || FormErrors::single(&["id"], "NUMBER_TYPE_COERCE", &format!("Value \"{segment}\" is not snowflake."));
    segment.parse().map_err(|_| refusal())
}

//! Members of a guild.

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};

use super::form::{Form, Given};
use super::visit::{Visit, changes};
use super::{ApiError, Call, Reply, view};
use crate::simulator::world::{Bits, Member, Snowflake, World, action};

/// `GATEWAY_GUILD_MEMBERS` and `GATEWAY_GUILD_MEMBERS_LIMITED` (Discord's documentation, "Application Flags").
const LISTS_MEMBERS: u64 = 1 << 14 | 1 << 15;

const LONGEST_TIMEOUT: TimeDelta = TimeDelta::days(28);

fn shown(visit: &Visit<'_>, id: Snowflake) -> Result<Value, ApiError> {
    let member = visit.guild.members.get(&id).ok_or_else(ApiError::unknown_member)?;
    Ok(view::member(member, visit.users.get(&id)))
}

/// `GET /guilds/{guild}/members/{user}`
pub(crate) fn get(world: &mut World, call: &Call<'_>, guild: Snowflake, id: Snowflake) -> Result<Reply, ApiError> {
    let visit = Visit::to_guild(world, call, guild)?;
    Reply::ok(shown(&visit, id)?)
}

/// `GET /guilds/{guild}/members`
///
/// For applications with the privileged intent (Discord's documentation, "List Guild Members").
pub(crate) fn list(world: &mut World, call: &Call<'_>, guild: Snowflake) -> Result<Reply, ApiError> {
    let visit = Visit::to_guild(world, call, guild)?;
    let application = visit.users.get(&call.actor).and_then(|user| user.application.as_ref());
    if application.is_none_or(|application| application.flags & LISTS_MEMBERS == 0) {
        return Err(ApiError::missing_access());
    }
    let after = call.query("after").and_then(|id| id.parse().ok()).unwrap_or(Snowflake(0));
    let limit = call.query("limit").and_then(|n| n.parse().ok()).unwrap_or(1).clamp(1, 1000);
    let members = visit.guild.members.values().filter(|m| m.user_id > after).take(limit);
    Reply::ok(members.map(|m| view::member(m, visit.users.get(&m.user_id))).collect::<Value>())
}

/// `GET /guilds/{guild}/members/search`
pub(crate) fn search(world: &mut World, call: &Call<'_>, guild: Snowflake) -> Result<Reply, ApiError> {
    let visit = Visit::to_guild(world, call, guild)?;
    let wanted = call.query("query").unwrap_or_default().to_lowercase();
    let limit = call.query("limit").and_then(|n| n.parse().ok()).unwrap_or(1).clamp(1, 1000);
    let begins = |m: &&Member| {
        let name = visit.users.get(&m.user_id).map(|u| u.username.to_lowercase()).unwrap_or_default();
        name.starts_with(&wanted) || m.nick.as_ref().is_some_and(|n| n.to_lowercase().starts_with(&wanted))
    };
    let found = visit.guild.members.values().filter(begins).take(limit);
    Reply::ok(found.map(|m| view::member(m, visit.users.get(&m.user_id))).collect::<Value>())
}

/// `PATCH /guilds/{guild}/members/@me`
pub(crate) fn update_own(world: &mut World, call: &Call<'_>, guild: Snowflake) -> Result<Reply, ApiError> {
    let mut visit = Visit::to_guild(world, call, guild)?;
    let mut form = Form::of(call.body, call.switches)?;
    let nick = form.text("nick", 0..=32);
    form.finish()?;
    if nick.is_present() {
        visit.require(Bits::CHANGE_NICKNAME)?;
    }
    change(&mut visit, call.actor, |member| rename(member, nick))?;
    Reply::ok(shown(&visit, call.actor)?)
}

/// `PATCH /guilds/{guild}/members/{user}`
pub(crate) fn update(world: &mut World, call: &Call<'_>, guild: Snowflake, id: Snowflake) -> Result<Reply, ApiError> {
    let mut visit = Visit::to_guild(world, call, guild)?;
    let member = visit.guild.members.get(&id).ok_or_else(ApiError::unknown_member)?.clone();
    let mut form = Form::of(call.body, call.switches)?;
    let nick = form.text("nick", 0..=32);
    let (mute, deaf) = (form.flag("mute"), form.flag("deaf"));
    let roles = read_roles(&mut form);
    let timeout = read_timeout(&mut form, call.now);
    form.finish()?;
    if nick.is_present() {
        visit.require(Bits::MANAGE_NICKNAMES)?;
        require_above(&visit, id)?;
    }
    if timeout.is_present() {
        visit.require(Bits::MODERATE_MEMBERS)?;
        require_above(&visit, id)?;
    }
    for (given, bits) in [(&mute, Bits::MUTE_MEMBERS), (&deaf, Bits::DEAFEN_MEMBERS)] {
        if given.is_present() {
            visit.require(bits)?;
        }
    }
    if let Given::Value(roles) = &roles {
        visit.require(Bits::MANAGE_ROLES)?;
        let differs = |role: &&Snowflake| roles.contains(role) != member.roles.contains(role);
        for role in roles.iter().chain(&member.roles).filter(differs) {
            require_grantable(&visit, *role)?;
        }
    }
    if let Given::Value(roles) = roles {
        set_roles(&mut visit, id, roles)?;
    }
    change(&mut visit, id, |member| {
        rename(member, nick);
        mute.store(&mut member.mute, false);
        deaf.store(&mut member.deaf, false);
        timeout.store_option(&mut member.communication_disabled_until);
    })?;
    Reply::ok(shown(&visit, id)?)
}

/// `PUT /guilds/{guild}/members/{user}/roles/{role}`
pub(crate) fn add_role(
    world: &mut World,
    call: &Call<'_>,
    guild: Snowflake,
    [id, role]: [Snowflake; 2],
) -> Result<Reply, ApiError> {
    change_role(world, call, guild, id, |roles| {
        if !roles.contains(&role) {
            roles.push(role);
        }
        role
    })
}

/// `DELETE /guilds/{guild}/members/{user}/roles/{role}`
pub(crate) fn remove_role(
    world: &mut World,
    call: &Call<'_>,
    guild: Snowflake,
    [id, role]: [Snowflake; 2],
) -> Result<Reply, ApiError> {
    change_role(world, call, guild, id, |roles| {
        roles.retain(|r| *r != role);
        role
    })
}

fn change_role(
    world: &mut World,
    call: &Call<'_>,
    guild: Snowflake,
    id: Snowflake,
    change: impl FnOnce(&mut Vec<Snowflake>) -> Snowflake,
) -> Result<Reply, ApiError> {
    let mut visit = Visit::to_guild(world, call, guild)?;
    visit.require(Bits::MANAGE_ROLES)?;
    let mut roles = visit.guild.members.get(&id).ok_or_else(ApiError::unknown_member)?.roles.clone();
    let role = change(&mut roles);
    require_grantable(&visit, role)?;
    set_roles(&mut visit, id, roles)?;
    Reply::empty()
}

fn read_roles(form: &mut Form<'_>) -> Given<Vec<Snowflake>> {
    let list = match form.list("roles", 350) {
        Given::Absent => return Given::Absent,
        Given::Null => &[],
        Given::Value(list) => list,
    };
    let mut roles: Vec<Snowflake> = Vec::with_capacity(list.len());
    for value in list {
        match super::form::unsigned(value).map(Snowflake) {
            Some(id) if !roles.contains(&id) => roles.push(id),
            _ => form.wrong("roles", "SET_TYPE_ALREADY_CONTAINS_VALUE", "The set must hold snowflakes, each once."),
        }
    }
    Given::Value(roles)
}

fn read_timeout(form: &mut Form<'_>, now: DateTime<Utc>) -> Given<DateTime<Utc>> {
    let text = match form.text("communication_disabled_until", 0..=64) {
        Given::Absent => return Given::Absent,
        Given::Null => return Given::Null,
        Given::Value(text) => text,
    };
    match DateTime::parse_from_rfc3339(&text) {
        Ok(until) if until.to_utc() <= now + LONGEST_TIMEOUT => Given::Value(until.to_utc()),
        _ => {
            let message = "Must be a time at most 28 days ahead.";
            form.wrong("communication_disabled_until", "DATE_TIME_TYPE_PARSE", message);
            Given::Absent
        }
    }
}

fn require_above(visit: &Visit<'_>, id: Snowflake) -> Result<(), ApiError> {
    let above = visit.guild.top_rank(id).is_some_and(|rank| visit.guild.outranks(visit.call.actor, rank));
    if above && id != visit.guild.owner_id { Ok(()) } else { Err(ApiError::missing_permissions()) }
}

fn require_grantable(visit: &Visit<'_>, id: Snowflake) -> Result<(), ApiError> {
    let role = visit.guild.roles.get(&id).ok_or_else(ApiError::unknown_role)?;
    if role.managed || id == visit.guild.id {
        return Err(ApiError::invalid_role());
    }
    if visit.guild.outranks(visit.call.actor, role.rank()) { Ok(()) } else { Err(ApiError::missing_permissions()) }
}

fn rename(member: &mut Member, nick: Given<String>) {
    nick.store_option(&mut member.nick);
    member.nick = member.nick.take().filter(|nick| !nick.is_empty());
}

/// Changes a member and leaves an audit entry, when anything did change.
fn change(visit: &mut Visit<'_>, id: Snowflake, edit: impl FnOnce(&mut Member)) -> Result<(), ApiError> {
    let before = shown(visit, id)?;
    edit(visit.guild.members.get_mut(&id).ok_or_else(ApiError::unknown_member)?);
    let noted = changes(&before, &shown(visit, id)?);
    if !noted.is_empty() {
        visit.audit(action::MEMBER_UPDATE, id, noted);
    }
    Ok(())
}

fn set_roles(visit: &mut Visit<'_>, id: Snowflake, roles: Vec<Snowflake>) -> Result<(), ApiError> {
    let member = visit.guild.members.get_mut(&id).ok_or_else(ApiError::unknown_member)?;
    let old = std::mem::replace(&mut member.roles, roles.clone());
    let named = |list: &[Snowflake], without: &[Snowflake]| {
        let differing = list.iter().filter(|r| !without.contains(r)).filter_map(|r| visit.guild.roles.get(r));
        differing.map(|r| json!({"id": r.id, "name": r.name})).collect::<Vec<_>>()
    };
    let sides = [("$add", named(&roles, &old)), ("$remove", named(&old, &roles))];
    let changed = sides.into_iter().filter(|(_, list)| !list.is_empty());
    let noted: Vec<Value> = changed.map(|(key, list)| json!({"key": key, "new_value": list})).collect();
    if !noted.is_empty() {
        visit.audit(action::MEMBER_ROLE_UPDATE, id, noted);
    }
    Ok(())
}

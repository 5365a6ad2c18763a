//! The bulk order of roles.

use serde_json::Value;
use std::cmp::Reverse;

use super::form::{Form, FormErrors};
use super::visit::Visit;
use super::{ApiError, Call, Reply, view};
use crate::simulator::world::{Bits, Snowflake, World};

/// `PATCH /guilds/{guild}/roles`. Sets exactly the positions given and answers all roles; writes no audit entry.
pub(crate) fn update(world: &mut World, call: &Call<'_>, guild: Snowflake) -> Result<Reply, ApiError> {
    let mut visit = Visit::to_guild(world, call, guild)?;
    visit.require(Bits::MANAGE_ROLES)?;
    let moves = read(call)?;
    for (id, position) in &moves {
        judge(&visit, call, *id, *position)?;
    }
    for (id, position) in moves {
        if let Some(role) = visit.guild.roles.get_mut(&id) {
            role.position = position;
        }
    }
    visit.roles_moved();
    Reply::ok(view::roles(visit.guild))
}

fn read(call: &Call<'_>) -> Result<Vec<(Snowflake, i64)>, ApiError> {
    let Some(Value::Array(entries)) = call.body else {
        return Err(FormErrors::single(&[], "LIST_TYPE_CONVERT", "Only iterables may be used in a ListType"));
    };
    let empty = Value::Object(serde_json::Map::new());
    let mut form = Form::of(Some(&empty), call.switches)?;
    let mut moves = Vec::with_capacity(entries.len());
    for (index, entry) in entries.iter().enumerate() {
        form.inside(&[&index.to_string()], entry, |inner| {
            inner.require("id");
            let position = inner.int("position", i64::from(i32::MIN)..=i64::from(i32::MAX)).value();
            moves.extend(inner.snowflake("id").value().zip(position));
        });
    }
    form.finish()?;
    Ok(moves)
}

/// Only roles below the caller's highest may move, and only to places below it. @everyone stays where it is.
fn judge(visit: &Visit<'_>, call: &Call<'_>, id: Snowflake, position: i64) -> Result<(), ApiError> {
    let role = visit.guild.roles.get(&id).ok_or_else(ApiError::unknown_role)?;
    let moves = role.position != position;
    if id == visit.guild.id {
        return if moves { Err(ApiError::invalid_role()) } else { Ok(()) };
    }
    if !moves && call.switches.unchanged_higher_roles_tolerated {
        return Ok(());
    }
    let below = |rank| visit.guild.outranks(call.actor, rank);
    if below(role.rank()) && below((position, Reverse(id))) { Ok(()) } else { Err(ApiError::missing_permissions()) }
}

//! Single permission overwrites.

use serde_json::json;

use super::form::Form;
use super::visit::Visit;
use super::{ApiError, Call, Reply, overwrite_list};
use crate::simulator::world::{Bits, Snowflake, World};

/// Most overwrites a channel can hold.
const MOST_IN_CHANNEL: usize = 1000;

/// `PUT /channels/{channel}/permissions/{target}`. Replaces allow and deny of that target entirely.
pub(crate) fn put(world: &mut World, call: &Call<'_>, id: Snowflake, target: Snowflake) -> Result<Reply, ApiError> {
    let mut visit = Visit::to_channel(world, call, id)?;
    let channel = visit.channel(id)?.clone();
    visit.require_in(&channel, Bits::MANAGE_ROLES)?;
    let empty = json!({});
    let mut form = Form::of(Some(call.body.unwrap_or(&empty)), call.switches)?;
    form.require("type");
    let overwrite = overwrite_list::read_bits(&mut form, &visit, target, channel.overwrite(target));
    form.finish()?;
    overwrite_list::judge_edit(&visit, &channel, &[overwrite])?;
    let mut list = channel.permission_overwrites.clone();
    match list.iter().position(|o| o.id == target) {
        Some(index) => list[index] = overwrite,
        None if list.len() >= MOST_IN_CHANNEL => return Err(ApiError::too_many_overwrites()),
        None => list.push(overwrite),
    }
    overwrite_list::audit(&mut visit, id, &channel.permission_overwrites, &list);
    overwrite_list::replace(&mut visit, id, list)?;
    Reply::empty()
}

/// `DELETE /channels/{channel}/permissions/{target}`
pub(crate) fn delete(world: &mut World, call: &Call<'_>, id: Snowflake, target: Snowflake) -> Result<Reply, ApiError> {
    let mut visit = Visit::to_channel(world, call, id)?;
    let channel = visit.channel(id)?.clone();
    visit.require_in(&channel, Bits::MANAGE_ROLES)?;
    let mut list = channel.permission_overwrites.clone();
    list.retain(|o| o.id != target);
    if list.len() == channel.permission_overwrites.len() {
        return Err(ApiError::unknown_overwrite());
    }
    overwrite_list::audit(&mut visit, id, &channel.permission_overwrites, &list);
    overwrite_list::replace(&mut visit, id, list)?;
    Reply::empty()
}

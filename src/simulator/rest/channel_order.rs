//! The bulk order of channels.

use serde_json::{Map, Value};

use super::channel::{judge_destination, judge_parent};
use super::form::{Form, FormErrors, Given};
use super::visit::Visit;
use super::{ApiError, Call, Reply};
use crate::simulator::world::{Bits, Channel, Guild, Snowflake, World};

struct Move {
    id: Snowflake,
    position: Option<i64>,
    parent: Given<Snowflake>,
    lock: bool,
}

impl Move {
    fn new_parent(&self, channel: &Channel) -> Option<Snowflake> {
        let mut parent = channel.parent_id;
        self.parent.store_option(&mut parent);
        parent
    }
}

/// `PATCH /guilds/{guild}/channels`. Sets exactly the entries given, all or none; writes no audit entry.
pub(crate) fn update(world: &mut World, call: &Call<'_>, guild: Snowflake) -> Result<Reply, ApiError> {
    let mut visit = Visit::to_guild(world, call, guild)?;
    let moves = read(call)?;
    let mut changed_parents = 0;
    for (index, entry) in moves.iter().enumerate() {
        let channel = visit.channel(entry.id)?;
        changed_parents += usize::from(entry.new_parent(channel) != channel.parent_id);
        judge(&visit, entry, channel, index)?;
    }
    if changed_parents > 1 {
        return Err(ApiError::several_parents());
    }
    for entry in &moves {
        apply(visit.guild, entry);
    }
    visit.channels_moved();
    Reply::empty()
}

fn read(call: &Call<'_>) -> Result<Vec<Move>, ApiError> {
    let Some(Value::Array(entries)) = call.body else {
        return Err(FormErrors::single(&[], "LIST_TYPE_CONVERT", "Only iterables may be used in a ListType"));
    };
    let empty = Value::Object(Map::new());
    let mut form = Form::of(Some(&empty), call.switches)?;
    let mut moves = Vec::with_capacity(entries.len());
    for (index, entry) in entries.iter().enumerate() {
        form.inside(&[&index.to_string()], entry, |inner| {
            inner.require("id");
            let position = inner.int("position", 0..=i64::from(i32::MAX)).value();
            let parent = inner.snowflake("parent_id");
            let lock = inner.flag("lock_permissions").value().unwrap_or(false);
            moves.extend(inner.snowflake("id").value().map(|id| Move { id, position, parent, lock }));
        });
    }
    form.finish()?;
    Ok(moves)
}

/// A position alone works on channels the caller cannot see; a new parent and a lock do not.
fn judge(visit: &Visit<'_>, entry: &Move, channel: &Channel, index: usize) -> Result<(), ApiError> {
    let new_parent = entry.new_parent(channel);
    if new_parent == channel.parent_id && !entry.lock {
        let parent = channel.parent_id.and_then(|id| visit.guild.channels.get(&id));
        let in_parent = parent.is_some_and(|p| visit.held_in(p).has(Bits::MANAGE_CHANNELS));
        return if in_parent { Ok(()) } else { visit.require(Bits::MANAGE_CHANNELS) };
    }
    if !visit.sees(channel) {
        return Err(ApiError::missing_access());
    }
    visit.require_in(channel, Bits::MANAGE_CHANNELS)?;
    if new_parent != channel.parent_id {
        judge_parent(visit, channel.kind, new_parent, &[&index.to_string(), "parent_id"])?;
        judge_destination(visit, new_parent)?;
    }
    if entry.lock { visit.require_in(channel, Bits::MANAGE_ROLES) } else { Ok(()) }
}

fn apply(guild: &mut Guild, entry: &Move) {
    let Some(channel) = guild.channels.get(&entry.id) else { return };
    let parent_id = entry.new_parent(channel);
    let parent = parent_id.filter(|_| entry.lock).and_then(|id| guild.channels.get(&id));
    let locked = parent.map(|p| p.permission_overwrites.clone());
    if let Some(channel) = guild.channels.get_mut(&entry.id) {
        channel.parent_id = parent_id;
        channel.position = entry.position.unwrap_or(channel.position);
        if let Some(overwrites) = locked {
            channel.permission_overwrites = overwrites;
        }
    }
}

//! Reading and judging lists of permission overwrites.

use serde_json::{Map, Value, json};

use super::ApiError;
use super::form::{Form, Given};
use super::visit::{Visit, changes};
use crate::simulator::world::{Bits, Channel, Overwrite, Snowflake, Switches, action};

/// Most entries in one body; a channel may hold more.
const MOST_IN_BODY: usize = 100;

/// The list under `permission_overwrites`. A target given twice counts once, the later wins.
pub(crate) fn read<'a>(form: &mut Form<'a>, visit: &Visit<'_>, old: &[Overwrite]) -> Given<Vec<Overwrite>> {
    let list: &'a [Value] = match form.list("permission_overwrites", MOST_IN_BODY) {
        Given::Absent => return Given::Absent,
        Given::Null => return Given::Null,
        Given::Value(list) => list,
    };
    let mut overwrites: Vec<Overwrite> = Vec::with_capacity(list.len());
    for (index, entry) in list.iter().enumerate() {
        let read = form.inside(&["permission_overwrites", &index.to_string()], entry, |inner| {
            inner.require("id");
            let id = inner.snowflake("id").value()?;
            Some(read_bits(inner, visit, id, old.iter().find(|o| o.id == id)))
        });
        if let Some(overwrite) = read.flatten() {
            overwrites.retain(|o| o.id != overwrite.id);
            overwrites.push(overwrite);
        }
    }
    Given::Value(overwrites)
}

/// The `type`, `allow` and `deny` of one entry.
pub(crate) fn read_bits(form: &mut Form<'_>, visit: &Visit<'_>, id: Snowflake, old: Option<&Overwrite>) -> Overwrite {
    let stored = old.map_or((0, 0), |o| (o.allow.0, o.deny.0));
    let guessed = if visit.guild.roles.contains_key(&id) { Overwrite::ROLE } else { Overwrite::MEMBER };
    Overwrite {
        id,
        kind: form.choice("type", &[0, 1]).value().unwrap_or(guessed),
        allow: Bits(form.bits("allow", stored.0).value().unwrap_or(0)),
        deny: Bits(form.bits("deny", stored.1).value().unwrap_or(0)),
    }
}

/// On create: every bit must be held in the guild, and MANAGE_ROLES takes an administrator.
pub(crate) fn judge_new(visit: &Visit<'_>, list: &[Overwrite]) -> Result<(), ApiError> {
    let held = visit.held();
    let grantable = if held.has(Bits::ADMINISTRATOR) { held } else { held & !Bits::MANAGE_ROLES };
    for overwrite in list {
        judge_target(visit, overwrite)?;
        if !grantable.has(overwrite.allow | overwrite.deny) {
            return Err(ApiError::missing_permissions());
        }
    }
    Ok(())
}

/// On edit: every bit must be held in the guild or the category, unless the caller has MANAGE_ROLES by an overwrite of
/// this very channel. Setting MANAGE_ROLES takes an administrator or such an overwrite.
pub(crate) fn judge_edit(visit: &Visit<'_>, channel: &Channel, list: &[Overwrite]) -> Result<(), ApiError> {
    let held = visit.held();
    let free = held.has(Bits::ADMINISTRATOR) || manages_by_overwrite(visit, channel);
    let parent = channel.parent_id.and_then(|id| visit.guild.channels.get(&id));
    let grantable = (held | parent.map_or(Bits::NONE, |p| visit.held_in(p))) & !Bits::MANAGE_ROLES;
    for overwrite in list {
        let old = channel.overwrite(overwrite.id);
        if visit.call.switches.unchanged_overwrites_unchecked && old == Some(overwrite) {
            continue;
        }
        if old.is_none() {
            judge_target(visit, overwrite)?;
        }
        if !free && !grantable.has(overwrite.allow | overwrite.deny) {
            return Err(ApiError::missing_permissions());
        }
    }
    Ok(())
}

fn judge_target(visit: &Visit<'_>, overwrite: &Overwrite) -> Result<(), ApiError> {
    let dangling = overwrite.kind == Overwrite::ROLE && !visit.guild.roles.contains_key(&overwrite.id);
    if dangling && visit.call.switches.unknown_overwrite_targets_refused {
        return Err(ApiError::unknown_role());
    }
    Ok(())
}

/// An overwrite of the channel itself gives the caller MANAGE_ROLES.
fn manages_by_overwrite(visit: &Visit<'_>, channel: &Channel) -> bool {
    let Some(member) = visit.guild.members.get(&visit.call.actor) else { return false };
    let concerns = |o: &&Overwrite| match o.kind {
        Overwrite::MEMBER => o.id == member.user_id,
        _ => o.id == visit.guild.id || member.roles.contains(&o.id),
    };
    let mut granting = channel.permission_overwrites.iter().filter(concerns);
    granting.any(|o| o.allow.has(Bits::MANAGE_ROLES)) && visit.held_in(channel).has(Bits::MANAGE_ROLES)
}

/// The overwrites that decide anything: without entries that set no bit, in a fixed order.
pub(crate) fn normalised(list: &[Overwrite]) -> Vec<Overwrite> {
    let mut list: Vec<_> = list.iter().filter(|o| (o.allow | o.deny) != Bits::NONE).copied().collect();
    list.sort_unstable();
    list
}

/// The list in the order it is stored in.
pub(crate) fn arranged(mut list: Vec<Overwrite>, switches: &Switches) -> Vec<Overwrite> {
    if switches.overwrites_sorted {
        list.sort_unstable();
    }
    list
}

/// Gives a channel a new list. Children of a category that had the same overwrites follow.
pub(crate) fn replace(visit: &mut Visit<'_>, id: Snowflake, list: Vec<Overwrite>) -> Result<(), ApiError> {
    let list = arranged(list, visit.call.switches);
    let channel = visit.channel_mut(id)?;
    let old = normalised(&channel.permission_overwrites);
    channel.permission_overwrites.clone_from(&list);
    if channel.is_category() && normalised(&list) != old {
        for child in visit.guild.channels.values_mut().filter(|c| c.parent_id == Some(id)) {
            if normalised(&child.permission_overwrites) == old {
                child.permission_overwrites.clone_from(&list);
            }
        }
    }
    Ok(())
}

/// One audit entry per target whose overwrite changed.
pub(crate) fn audit(visit: &mut Visit<'_>, channel: Snowflake, old: &[Overwrite], new: &[Overwrite]) {
    let find = |list: &[Overwrite], id| list.iter().find(|o| o.id == id).copied();
    let gone = old.iter().filter(|o| find(new, o.id).is_none());
    for overwrite in new.iter().chain(gone).copied().collect::<Vec<_>>() {
        let (before, after) = (find(old, overwrite.id), find(new, overwrite.id));
        let action_type = match (before, after) {
            (None, _) => action::OVERWRITE_CREATE,
            (_, None) => action::OVERWRITE_DELETE,
            (before, after) if before == after => continue,
            _ => action::OVERWRITE_UPDATE,
        };
        let side = |o: Option<Overwrite>| o.map_or(Value::Null, |o| json!({"allow": o.allow, "deny": o.deny}));
        let changes = changes(&side(before), &side(after));
        let options = options(visit, &overwrite);
        visit.audit_with(action_type, channel, changes, Some(options));
    }
}

fn options(visit: &Visit<'_>, overwrite: &Overwrite) -> Map<String, Value> {
    let mut options = Map::new();
    options.insert("id".to_owned(), json!(overwrite.id));
    options.insert("type".to_owned(), json!(overwrite.kind.to_string()));
    if let Some(role) = visit.guild.roles.get(&overwrite.id) {
        options.insert("role_name".to_owned(), json!(role.name));
    }
    options
}

//! The order of roles and channels: whether a reorder is needed, and which positions it sets.
//!
//! Only relative order means anything. Objects nobody manages keep their place between the others.

use std::collections::BTreeMap;
use std::hash::Hash;

use crate::model::{Bucket, Channel, ChannelRef, Guild, Index, Indexed, Key, Ref, Role, RoleRef};

use super::operation::Move;

/// The order in which the sequence `present` should stand, given that `wanted` (a part of it) is to be in that order.
/// What is not wanted in any place keeps its slot.
fn arrange<R: Clone + Eq + Hash>(present: &[R], wanted: &[R]) -> Vec<R> {
    let placed: Indexed<&R> = wanted.iter().collect();
    let known: Indexed<&R> = present.iter().collect();
    let mut next = wanted.iter().filter(|r| known.contains(r));
    let slot = |current: &R| if placed.contains(current) { next.next().cloned() } else { Some(current.clone()) };
    present.iter().filter_map(slot).collect()
}

/// One channel about to be arranged.
pub(super) struct Placed<'a> {
    pub(super) channel: &'a Channel,
    /// It comes from another place, and Discord does not say where in the new one it lands.
    pub(super) arrives: bool,
}

/// The moves that bring every place of the sidebar into the wanted order; none where it already is.
///
/// `after` holds the channels as they will be, new ones with their key; `wanted` is manifest order; `is_late` tells of
/// new channels that are made after the others.
pub(super) fn channel_moves(
    after: &[Placed<'_>],
    wanted: &[ChannelRef],
    is_late: impl Fn(&Channel) -> bool,
) -> Vec<Move<ChannelRef>> {
    let mut places: Index<(Option<&ChannelRef>, Bucket), Vec<&Placed<'_>>> = Index::default();
    for placed in after {
        places.entry(placed.channel.place()).or_default().push(placed);
    }
    places.sort_unstable_keys();
    let rank: Index<&ChannelRef, usize> = wanted.iter().enumerate().map(|(i, r)| (r, i)).collect();
    let mut moves = Vec::new();
    for ((_, bucket), mut members) in places {
        // New channels follow all others, in the order in which they are made.
        members.sort_by_key(|p| sort_key(p.channel, &rank, is_late(p.channel)));
        let uncertain = members.len() > 1 && members.iter().any(|p| p.arrives);
        if !uncertain && members.iter().filter_map(|p| rank.get(&p.channel.id)).is_sorted() {
            continue;
        }
        let present: Vec<ChannelRef> = members.iter().map(|p| p.channel.id.clone()).collect();
        let mut here: Vec<&ChannelRef> = present.iter().filter(|r| rank.contains_key(r)).collect();
        here.sort_by_key(|r| rank.get(r));
        let here: Vec<ChannelRef> = here.into_iter().cloned().collect();
        let arranged = arrange(&present, &here);
        let by_id: Index<&ChannelRef, &Placed<'_>> = members.iter().map(|p| (&p.channel.id, *p)).collect();
        moves.extend(arranged.iter().zip(0i64..).filter_map(|(id, to)| {
            let Placed { channel, arrives } = by_id.get(id)?;
            let from = channel.id.id().map(|_| channel.position);
            let stays = from == Some(to) && !arrives;
            let name = channel.attributes.name.clone();
            (!stays).then(|| Move { object: id.clone(), name, from, to, is_category: bucket == Bucket::Category })
        }));
    }
    moves
}

fn sort_key(
    channel: &Channel,
    rank: &Index<&ChannelRef, usize>,
    is_late: bool,
) -> (bool, i64, bool, usize, ChannelRef) {
    let is_new = channel.id.id().is_none();
    let turn = if is_new { rank.get(&channel.id).copied().unwrap_or(usize::MAX) } else { 0 };
    (is_new, if is_new { 0 } else { channel.position }, is_new && is_late, turn, channel.id.clone())
}

/// What moving roles comes to.
pub(super) enum RoleMoves {
    /// These; none when the order is right.
    Moves(Vec<Move<RoleRef>>),
    /// There are too few positions below the bot's highest role to tell the roles apart.
    NoRoom,
}

/// The moves that bring the roles below `ceiling` into the wanted order.
///
/// `ceiling` is the bot's highest role: what is at or above it cannot move. `created` are new roles in the order in which
/// they are made; each starts below all others. `wanted` is manifest order, highest first.
pub(super) fn role_moves(
    live: &Guild,
    ceiling: Option<&Role>,
    created: &[(Key, String)],
    wanted: &[RoleRef],
) -> RoleMoves {
    let everyone = RoleRef::Live(live.everyone_id());
    let below = |role: &&Role| role.id != everyone && ceiling.is_none_or(|top| outranks(top, role));
    let movable: Vec<&Role> = live.roles.iter().filter(below).collect();
    let present: Vec<RoleRef> =
        movable.iter().map(|r| r.id.clone()).chain(created.iter().map(|(key, _)| Ref::Planned(key.clone()))).collect();
    let known: Indexed<&RoleRef> = present.iter().collect();
    let wanted: Vec<RoleRef> = wanted.iter().filter(|r| known.contains(r)).cloned().collect();
    let arranged = arrange(&present, &wanted);
    if arranged == present {
        return RoleMoves::Moves(Vec::new());
    }
    let by_id: BTreeMap<&RoleRef, &Role> = movable.iter().map(|r| (&r.id, *r)).collect();
    let names: BTreeMap<RoleRef, &String> =
        created.iter().map(|(key, name)| (Ref::Planned(key.clone()), name)).collect();
    let Some(positions) = positions_below(&arranged, ceiling) else { return RoleMoves::NoRoom };
    let moves = arranged.iter().zip(positions).filter_map(|(id, to)| {
        let role = by_id.get(id);
        let from = role.map(|r| r.position);
        let name = role.map(|r| r.attributes.name.clone()).or_else(|| names.get(id).map(|n| (*n).clone()))?;
        // Nobody documents whether creating a role pushes the others up, so afterwards no live position can be relied on.
        let stays = from == Some(to) && created.is_empty();
        (!stays).then(|| Move { object: id.clone(), name, from, to, is_category: false })
    });
    RoleMoves::Moves(moves.collect())
}

/// True when `a` is the higher role: by position, and between equals by the lower snowflake.
pub(super) fn outranks(a: &Role, b: &Role) -> bool {
    (-a.position, &a.id) < (-b.position, &b.id)
}

/// Positions for roles from the highest to the lowest, all below `ceiling`.
///
/// Distinct ones where there is room. Otherwise equal positions are used where the snowflakes alone give the order.
fn positions_below(highest_first: &[RoleRef], ceiling: Option<&Role>) -> Option<Vec<i64>> {
    let count = i64::try_from(highest_first.len()).ok()?;
    let room = ceiling.map_or(i64::MAX, |top| top.position - 1);
    if count <= room {
        return Some((1..=count).rev().collect());
    }
    let mut positions = Vec::with_capacity(highest_first.len());
    let mut previous: Option<(i64, &RoleRef)> = None;
    for role in highest_first.iter().rev() {
        let position = match previous {
            None => 1,
            Some((below, id)) if role < id => below,
            Some((below, _)) => below + 1,
        };
        previous = Some((position, role));
        positions.push(position);
    }
    let fits = match (ceiling, previous) {
        (Some(top), Some((highest, id))) => highest < top.position || (highest == top.position && *id > top.id),
        _ => true,
    };
    positions.reverse();
    fits.then_some(positions)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nobody_manages_keeps_its_slot() {
        assert_eq!(arrange(&['a', 'x', 'b', 'c'], &['c', 'a', 'b']), ['c', 'x', 'a', 'b']);
        assert_eq!(arrange(&['a', 'x', 'b'], &['a', 'b']), ['a', 'x', 'b']);
        assert_eq!(arrange(&['a'], &['z', 'a']), ['a'], "what is not there takes no slot");
    }
}

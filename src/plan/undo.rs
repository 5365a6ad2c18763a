//! The way back from what a reconciliation did, and what cannot come back.
//!
//! ```text
//! order    which step is taken back when
//! names    what the references of the plan stand for by now
//! since    which fields somebody else changed meanwhile
//! world    the guild as the steps so far leave it
//! way      the steps themselves
//! ```

mod names;
mod order;
mod since;
mod way;
mod world;

use std::collections::BTreeMap;

use crate::model::{Bindings, Facet, Guild, Key, Ref, RoleRef, Snapshot, UserId};

use super::digest;
use super::guard::{self, Refusal};
use super::operation::{RoleSubject, StepId};
use super::remove::Removals;
use super::{FORMAT, Plan, risk};
use way::{Made, Way};

/// Who had a role that was deleted, as far as it can be given back.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Holders {
    /// They are to have it again.
    pub to_give: Vec<UserId>,
    /// So many had it and have left the guild.
    pub left: usize,
}

/// What is known of a step that was done.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DoneStep {
    /// The snowflake of what it created; none for other steps, and where nobody wrote it down.
    pub created: Option<u64>,
    /// Who had the role that it deleted; none where nobody wrote it down.
    pub holders: Option<Facet<Holders>>,
}

/// The key under which a role is made again that was deleted. One that had none gets one from which it is known again.
pub fn key_again(role: &RoleSubject) -> Option<Key> {
    way::key_of(role.key.as_ref(), &role.name, role.id.get())
}

/// The plan that undoes the steps of `plan` that were done.
///
/// A field is taken back only while it is as the run left it. What has changed since stays, with a note, and so does what
/// cannot come back; created channels are archived, because people may have written in them. No moment is more open than
/// the guild is now or will be: the steps go the way of the plan backwards, but for the two ways in which a guild after a
/// run differs from one on the way there. Created roles may have members by now, so they lose their permissions first; and
/// deleted channels come back only when the roles hold no more than they held in their time. `origin` is the guild before the
/// run: it tells which channels a category took along, so that it takes no other ones back.
pub fn undo(
    plan: &Plan,
    done: &BTreeMap<StepId, DoneStep>,
    origin: Option<&Guild>,
    snapshot: &Snapshot,
    bindings: &Bindings,
) -> Plan {
    let Made { steps, mut notes, after, given } = Way::back(plan, done, origin, snapshot, bindings);
    notes.sort_by(|a, b| (b.weight, &a.subject).cmp(&(a.weight, &b.subject)));
    let base = digest::fingerprint(snapshot, bindings);
    let before = &snapshot.guild;
    Plan {
        digest: digest::digest(&base, None, &steps, &[]),
        base,
        format: FORMAT,
        version: digest::VERSION.to_owned(),
        guild: plan.guild,
        name: plan.name.clone(),
        revision: None,
        names: super::names(before, &after),
        risks: risk::risks(before, &after, &Removals::default()),
        refusals: refusals(snapshot, &after, &given),
        steps,
        bindings: Vec::new(),
        notes,
        approval: plan.approval,
    }
}

/// What people have to approve of a way back, or may not have at all. `given` are the roles that are made again and given
/// back, each with the snowflake it had.
fn refusals(snapshot: &Snapshot, after: &Guild, given: &BTreeMap<RoleRef, u64>) -> Vec<Refusal> {
    let before = &snapshot.guild;
    let mut refusals = guard::lockouts(snapshot, before, after);
    refusals.extend(guard::power_of_everyone(before, after));
    refusals.extend(guard::doors(before, after));
    // A role that is made again has members in the end, as one that was there all along.
    let mut held = after.clone();
    for role in &mut held.roles {
        if let Some(id) = given.get(&role.id).copied().and_then(twilight_model::id::Id::new_checked) {
            role.id = Ref::Live(id);
        }
    }
    refusals.extend(guard::new_administrators(before, &held));
    refusals
}

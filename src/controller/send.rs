//! Sends one step, and finds out what came of it when the answer was lost. Writes nothing down.

use std::time::Duration;

use crate::discord::{self, Applied, AuditReason, Disposition, Found, Permit, Resolved};
use crate::model::{GuildId, Key, ObjectKind, Snapshot};
use crate::plan::{Operation, Step};

use super::hold::Right;
use super::note::created_key;

/// What came of sending a step.
pub(super) enum Sent {
    Applied(Applied),
    /// Nothing was to be sent any more: what it is about was gone already.
    Needless(&'static str),
    /// It has to rest and can be sent again.
    Parked(Duration, String),
    Failed {
        why: String,
        refused: bool,
        fatal: bool,
    },
    /// It may have happened. Its outcome stays open until somebody has looked.
    Unknown(String),
}

/// Sends a step, and looks for what it made when its answer was lost. Does nothing in the store: several of these wait at
/// once while the driver writes there, and whoever waits must not keep the driver from it.
pub(super) async fn send(
    client: &discord::Client,
    guild: GuildId,
    step: &Step,
    names: &Resolved,
    reason: &AuditReason,
    before: &Snapshot,
    right: &Right,
) -> Sent {
    let operation = &step.operation;
    if operation.is_irreversible() {
        match client.is_gone(guild, operation).await {
            // To look takes a while.
            Ok(false) => right.granted().await,
            Ok(true) => return Sent::Needless("it was gone already"),
            Err(error) => return failed(&error),
        }
    }
    match still_exists(client, guild, operation, names).await {
        Ok(None) => {}
        Ok(Some(key)) => {
            let why = format!("`{key}` exists after all: the guild was read too old. Plan again");
            return Sent::Failed { why, refused: false, fatal: false };
        }
        Err(error) => return failed(&error),
    }
    let mut result = client.apply(guild, operation, names, reason, right).await;
    for _ in 0..MOST_LOOKS {
        let Err(error) = &result else { break };
        let creates = created_key(operation).is_some();
        if error.disposition() != Disposition::Unknown || !creates {
            break;
        }
        match client.find_created(guild, operation, names, reason, before).await {
            Ok(Found::Exactly(id)) => return Sent::Applied(Applied { created: Some(id), ..Applied::default() }),
            Ok(Found::No) => {
                right.granted().await;
                result = client.apply(guild, operation, names, reason, right).await;
            }
            Ok(Found::Uncertain(why)) => return Sent::Unknown(format!("{error}; {why}")),
            // Not being able to look is no reason to believe that nothing happened.
            Err(looking) => return Sent::Unknown(format!("{error}; {looking}")),
        }
    }
    match result {
        Ok(applied) => Sent::Applied(applied),
        // Whoever has left meanwhile needs nothing back.
        Err(error) if error.disposition() == Disposition::Gone && needs_nobody(operation) => {
            Sent::Needless("it was gone already")
        }
        Err(error) => failed(&error),
    }
}

/// The key an operation creates an object for, when the object it is bound to exists. A list of channels or roles can be
/// older than the binding; an object that is asked for by its id is there or is gone.
async fn still_exists<'a>(
    client: &discord::Client,
    guild: GuildId,
    operation: &'a Operation,
    names: &Resolved,
) -> Result<Option<&'a Key>, discord::Error> {
    let Some((kind, key)) = created_key(operation) else { return Ok(None) };
    let channels = if kind == ObjectKind::Category { &names.categories } else { &names.channels };
    let exists = match (kind, names.roles.get(key), channels.get(key)) {
        (ObjectKind::Role, Some(role), _) => client.has_role(guild, *role).await?,
        (ObjectKind::Category | ObjectKind::Channel, _, Some(channel)) => client.has_channel(*channel).await?,
        (ObjectKind::Role, None, _) | (ObjectKind::Category | ObjectKind::Channel, _, None) => false,
    };
    Ok(exists.then_some(key))
}

/// How often a create whose answer is lost is looked for and, when it is not there, sent again.
const MOST_LOOKS: usize = 3;

/// True for what is as good as done when its object is gone.
fn needs_nobody(operation: &Operation) -> bool {
    operation.is_irreversible() || matches!(operation, Operation::GiveRole { .. })
}

fn failed(error: &discord::Error) -> Sent {
    match error.disposition() {
        Disposition::Parked(rest) => Sent::Parked(rest, error.to_string()),
        Disposition::Unknown => Sent::Unknown(error.to_string()),
        disposition => Sent::Failed {
            why: error.to_string(),
            refused: disposition == Disposition::Refused && is_permission(error),
            fatal: disposition == Disposition::Fatal,
        },
    }
}

/// True for Discord's "you may not", as opposed to "this cannot be".
fn is_permission(error: &discord::Error) -> bool {
    matches!(error, discord::Error::Refused(refusal) if refusal.status == 403)
}

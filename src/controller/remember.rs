//! What is written down after a visit: how the guild stands, which plan waits, and what was changed by whom.
//!
//! Nothing that is done rests on it but when a plan is taken for drift, so what cannot be written is told and tried again at
//! the next visit.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::json;

use crate::discord::Change;
use crate::model::GuildId;
use crate::plan::Plan;
use crate::store::{self, Closing, DriftCause, DriftSubject, GuildStatus, HeldPlan, ObservedDrift};

use super::engine::Engine;
use super::standing::{Standing, State};
use super::visit::Visited;

impl Engine {
    /// How a guild stood when it was last written down.
    pub(super) async fn remembered(&self, guild: GuildId) -> Result<Option<Standing>, store::Error> {
        Ok(self.store.status(guild).await?.map(Standing::remembered))
    }

    /// Writes down what came of a visit. `looked_at` is when it began, by the database's clock.
    pub(super) async fn remember(
        &self,
        guild: GuildId,
        source: Option<String>,
        visited: &Visited,
        next: Option<DateTime<Utc>>,
        approval_ends: Duration,
        looked_at: DateTime<Utc>,
    ) {
        if let Err(error) = self.try_to_remember(guild, source, visited, next, approval_ends, looked_at).await {
            tracing::warn!(%guild, %error, "how the guild stands could not be written down");
        }
    }

    async fn try_to_remember(
        &self,
        guild: GuildId,
        source: Option<String>,
        visited: &Visited,
        next: Option<DateTime<Utc>>,
        approval_ends: Duration,
        looked_at: DateTime<Utc>,
    ) -> Result<(), store::Error> {
        let (store, now) = (&self.store, self.clock.now());
        // A look is older than what was said meanwhile by somebody who changed the guild; a change of our own is not.
        let observed_at = if visited.has_begun { store.now().await? } else { looked_at };
        let status = GuildStatus { observed_at, ..visited.standing.status(guild, source, now, next) };
        // First, because what is done the next time rests on it.
        store.report(&status).await?;
        match (visited.standing.state, &visited.plan) {
            (State::Drifted, Some(plan)) => {
                store.record_drift(guild, &self.observed(plan).await, now).await?;
            }
            (State::AwaitingApproval, Some(plan)) => {
                let held = HeldPlan {
                    guild,
                    plan_digest: plan.digest.to_string(),
                    plan: json!(plan),
                    revision: plan.revision.clone(),
                    held_at: now,
                    expires_at: TimeDelta::from_std(approval_ends).ok().map(|ends| now + ends),
                };
                store.hold(&held).await?;
            }
            (State::Ready, plan) => {
                store.record_drift(guild, &[], now).await?;
                for waiting in store.held_plans(Some(guild)).await? {
                    let is_applied = plan.as_ref().is_some_and(|plan| plan.digest.matches(&waiting.plan_digest));
                    let how = if is_applied { Closing::Applied } else { Closing::Stale };
                    store.close_held_plan(guild, &waiting.plan_digest, how, now).await?;
                }
                // One that was approved waits no more, but was not applied until now.
                if let (Some(plan), true) = (plan, visited.report.is_some()) {
                    store.close_held_plan(guild, plan.digest.as_str(), Closing::Applied, now).await?;
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// What differs, with who did it as far as Discord's audit log tells. Not being able to read that is no reason to say
    /// nothing.
    async fn observed(&self, plan: &Plan) -> Vec<ObservedDrift> {
        let log = self.client.changes(plan.guild).await.unwrap_or_default();
        let observed = plan.steps.iter().map(|step| {
            let operation = &step.operation;
            // The log is newest first; our own changes explain nothing.
            let by = operation.target().and_then(|id| log.iter().find(|c| c.target == Some(id) && !c.ours));
            ObservedDrift {
                subject: DriftSubject::of(operation),
                target_id: operation.target(),
                key: operation.key().cloned(),
                summary: operation.subject(),
                operation: operation.clone(),
                cause: by.map(cause),
            }
        });
        observed.collect()
    }
}

fn cause(change: &Change) -> DriftCause {
    let Change { target: _, who, user, reason, ours: _, at, .. } = change;
    DriftCause { by: *user, by_name: Some(who.clone()), at: Some(*at), reason: reason.clone(), audit_entry_id: None }
}

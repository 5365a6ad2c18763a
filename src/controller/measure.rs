//! What of a visit is measured.

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::{DateTime, Utc};
use serde_json::Value;

use crate::model::GuildId;
use crate::plan::{Operation, Outcome, Plan};
use crate::source::{self, Look};
use crate::store::DriftSubject;
use crate::telemetry::{Recorder, metrics};

use super::breaker::FOUGHT_OVER;
use super::run::Report;
use super::standing::State;
use super::visit::Visited;

/// Measures a visit that took so long and ended `now`.
pub(super) fn measure(recorder: &Recorder, guild: GuildId, visited: &Visited, took: Duration, now: DateTime<Utc>) {
    let Visited { standing, again: _, plan, report, has_begun: _, fights: _ } = visited;
    let guilds = recorder.guilds();
    let result = standing.state.to_string();
    guilds.count(&metrics::RECONCILES, guild, &[&result]);
    metrics::RECONCILE_SECONDS.observe(took, &[&result]);
    let flag = |is_so: bool| f64::from(u8::from(is_so));
    guilds.set(&metrics::SUSPENDED, guild, &[], flag(standing.state == State::Suspended));
    guilds.set(&metrics::CIRCUIT_OPEN, guild, &[], flag(standing.reason == FOUGHT_OVER));
    if standing.state == State::Ready {
        guilds.set(&metrics::LAST_SUCCESS, guild, &[], now.timestamp() as f64);
    }
    let plan = plan.as_deref();
    let drift = plan.filter(|_| standing.state == State::Drifted).map(subjects).unwrap_or_default();
    guilds.clear(&metrics::DRIFT_OBJECTS, guild);
    drift.iter().for_each(|(kind, count)| guilds.set(&metrics::DRIFT_OBJECTS, guild, &[kind], *count as f64));
    guilds.clear(&metrics::PLAN_OPERATIONS, guild);
    for (action, count) in plan.map(actions).unwrap_or_default() {
        guilds.set(&metrics::PLAN_OPERATIONS, guild, &[&action], count as f64);
    }
    if let Some(plan) = plan.filter(|_| report.is_none()) {
        plan.refusals.iter().for_each(|refusal| metrics::GUARD_REFUSALS.count(&[&word(&refusal.code)]));
    }
    report.iter().flat_map(|report| report.runs()).for_each(measure_run);
}

fn measure_run(run: &Report) {
    for (step, outcome) in &run.steps {
        let outcome = match outcome {
            Outcome::Done => "done",
            Outcome::Failed { refused: true, .. } => "refused",
            Outcome::Failed { refused: false, .. } => "failed",
            Outcome::Skipped { .. } => continue,
        };
        let kind = DriftSubject::of(&step.operation).to_string();
        metrics::APPLY_OPERATIONS.count(&[&kind, action(&step.operation), outcome]);
    }
}

/// How many objects of each kind a plan is about.
fn subjects(plan: &Plan) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for step in &plan.steps {
        *counts.entry(DriftSubject::of(&step.operation).to_string()).or_default() += 1;
    }
    counts
}

fn actions(plan: &Plan) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for step in &plan.steps {
        *counts.entry(action(&step.operation).to_owned()).or_default() += 1;
    }
    counts
}

/// What came of a look at a source, in one of few words.
pub(super) fn looked(look: &Result<Look, source::Error>) -> &'static str {
    match look {
        Ok(Look::New(_)) => "new",
        Ok(Look::Unchanged) => "unchanged",
        Err(error) => error.reason(),
    }
}

/// What an operation does, in one of few words.
pub(super) fn action(operation: &Operation) -> &'static str {
    match operation {
        Operation::CreateRole { .. } | Operation::CreateChannel { .. } => "create",
        Operation::UpdateGuild { .. }
        | Operation::UpdateRole { .. }
        | Operation::UpdateChannel { .. }
        | Operation::SetTopic { .. } => "update",
        Operation::DeleteRole { .. } | Operation::DeleteChannel { .. } => "delete",
        Operation::MoveRoles { .. } | Operation::MoveChannels { .. } => "move",
        Operation::GiveRole { .. } => "give",
    }
}

/// The word a code is written as.
fn word(code: &impl serde::Serialize) -> String {
    match serde_json::to_value(code) {
        Ok(Value::String(word)) => word,
        Ok(_) | Err(_) => "other".to_owned(),
    }
}

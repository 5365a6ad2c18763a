//! Settles what a crash left open: every request that was intended and whose outcome nobody wrote down.

use serde_json::from_value;

use crate::discord::{Applied, AuditReason, Found, Resolved};
use crate::model::{Facet, GuildId, Ref, Snapshot};
use crate::plan::{Operation, Plan, Step};
use crate::store::{Finish, Outcome, RunId, SettledStep, StepRecord, UnfinishedRun, Verdict};

use super::engine::{Engine, Error};
use super::run::{done, name};

/// A run that was found unfinished and closed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recovered {
    /// The run.
    pub run: RunId,
    /// How many requests turned out to have been carried out.
    pub done: usize,
    /// How many turned out not to.
    pub not_done: usize,
}

impl Engine {
    /// Looks at the guild for what unfinished runs did, and closes them. Sends nothing but reads.
    ///
    /// # Errors
    /// When Discord cannot be read or the store cannot record what was found.
    pub async fn recover(&self, guild: GuildId) -> Result<Vec<Recovered>, Error> {
        let unfinished = self.store.unfinished(guild).await?;
        if unfinished.is_empty() {
            return Ok(Vec::new());
        }
        let now = self.observe(guild).await?;
        let mut recovered = Vec::new();
        for run in unfinished {
            recovered.push(self.recover_run(&run, &now).await?);
        }
        Ok(recovered)
    }

    async fn recover_run(&self, run: &UnfinishedRun, now: &Snapshot) -> Result<Recovered, Error> {
        let id = run.summary.id;
        let guild = run.summary.guild;
        let record = self.store.run(id).await?;
        let plan: Option<Plan> = record.and_then(|record| from_value(record.plan).ok());
        let before = self.store.state_before(id).await?;
        let before = before.map_or_else(
            || now.clone(),
            |state| Snapshot {
                guild: state.guild,
                bot: Facet::Unknown("it was not kept".to_owned()),
                hidden: now.hidden.clone(),
            },
        );
        let mut recovered = Recovered { run: id, done: 0, not_done: 0 };
        for open in &run.open {
            let step = step_of(plan.as_ref(), open);
            let outcome = self.find_out(guild, open, &step, &before, now).await?;
            match &outcome {
                Outcome::Done { .. } => recovered.done += 1,
                Outcome::Failed { .. } | Outcome::Withdrawn { .. } => recovered.not_done += 1,
            }
            let settled = SettledStep { outcome, settled_at: self.clock.now() };
            self.store.settle(id, open.step, &settled).await?;
        }
        if run.summary.finished.is_none() {
            let finish = Finish {
                verdict: Verdict::Interrupted,
                remark: Some("the process stopped in the middle; what it had done was found out afterwards".to_owned()),
                after: Some(now.guild.clone()),
                finished_at: self.clock.now(),
            };
            self.store.finish(id, &finish).await?;
        }
        Ok(recovered)
    }

    async fn find_out(
        &self,
        guild: GuildId,
        open: &StepRecord,
        step: &Step,
        before: &Snapshot,
        now: &Snapshot,
    ) -> Result<Outcome, Error> {
        if !matches!(open.operation, Operation::CreateRole { .. } | Operation::CreateChannel { .. }) {
            return Ok(if shows(&open.operation, now) { done(step, &Applied::default()) } else { withdrawn() });
        }
        let reason = AuditReason { operation: open.operation_id.to_string(), revision: None, who: None };
        let names = self.names(guild).await?;
        Ok(match self.client.find_created(guild, &open.operation, &names, &reason, before).await? {
            Found::Exactly(id) => done(step, &Applied { created: Some(id), ..Applied::default() }),
            Found::No => withdrawn(),
            Found::Uncertain(why) => Outcome::Failed { error: format!("whether it happened is not known: {why}") },
        })
    }

    async fn names(&self, guild: GuildId) -> Result<Resolved, Error> {
        let bindings = self.store.bindings(guild).await?;
        let mut names = Resolved::default();
        let crate::model::Bindings { roles, categories, channels, images: _ } = bindings;
        roles.iter().for_each(|(key, b)| name(&mut names, crate::model::ObjectKind::Role, key, b.id.get()));
        categories.iter().for_each(|(key, b)| name(&mut names, crate::model::ObjectKind::Category, key, b.id.get()));
        channels.iter().for_each(|(key, b)| name(&mut names, crate::model::ObjectKind::Channel, key, b.id.get()));
        Ok(names)
    }
}

fn withdrawn() -> Outcome {
    Outcome::Withdrawn { why: "the guild shows no trace of it".to_owned() }
}

/// The step as it was planned. Without the plan, an operation still says what it binds.
fn step_of(plan: Option<&Plan>, open: &StepRecord) -> Step {
    let planned = plan.and_then(|plan| plan.steps.iter().find(|step| step.id == open.step));
    let bindings = planned.map(|step| step.bindings.clone()).unwrap_or_default();
    let phase = planned.map_or(crate::plan::Phase::Shape, |step| step.phase);
    Step { id: open.step, phase, after: Vec::new(), operation: open.operation.clone(), bindings }
}

/// True when the guild looks as the operation would have left it.
fn shows(operation: &Operation, now: &Snapshot) -> bool {
    let guild = &now.guild;
    match operation {
        Operation::UpdateGuild { changes } => {
            let mut wanted = guild.settings.clone();
            changes.apply(&mut wanted);
            wanted == guild.settings
        }
        Operation::UpdateRole { role, changes } => guild.role(&Ref::Live(role.id)).is_some_and(|live| {
            let mut wanted = live.attributes.clone();
            changes.apply(&mut wanted);
            wanted == live.attributes
        }),
        Operation::UpdateChannel { channel, changes } => guild.channel(&Ref::Live(channel.id)).is_some_and(|live| {
            let mut wanted = live.attributes.clone();
            changes.apply(&mut wanted);
            wanted == live.attributes
        }),
        Operation::DeleteRole { role, .. } => guild.role(&Ref::Live(role.id)).is_none(),
        Operation::DeleteChannel { channel, .. } => {
            guild.channel(&Ref::Live(channel.id)).is_none() && now.visibility() == crate::model::Visibility::Complete
        }
        Operation::MoveRoles { moves } => {
            moves.iter().all(|m| guild.role(&m.object).is_some_and(|live| live.position == m.to))
        }
        Operation::MoveChannels { moves } => {
            moves.iter().all(|m| guild.channel(&m.object).is_some_and(|live| live.position == m.to))
        }
        Operation::CreateRole { .. } | Operation::CreateChannel { .. } => false,
    }
}

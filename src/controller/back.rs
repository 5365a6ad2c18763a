//! The way back from a run.

use std::collections::BTreeMap;

use serde_json::from_value;

use crate::discord::Member;
use crate::model::{Facet, Key, RoleId, UserId};
use crate::plan::{DoneStep, Holders, Note, Operation, Plan, StepId, key_again, undo};
use crate::store::{Created, Outcome, RunId, StepRecord};

use super::engine::{Engine, Error, Proposal};

/// Where those who had a role stand in the record of its deletion.
pub(super) const HOLDERS: &str = "members";

impl Engine {
    /// Reads the guild and proposes what takes back everything a run did. Requests whose outcome nobody knows are not
    /// among that, so [`recover`](Self::recover) comes first.
    ///
    /// # Errors
    /// When Discord or the store cannot be read; [`Error::NoSuchRun`] and [`Error::UnreadablePlan`].
    pub async fn way_back(&self, run: RunId) -> Result<Proposal, Error> {
        let record = self.store.run(run).await?.ok_or(Error::NoSuchRun { run })?;
        let plan: Plan =
            from_value(record.plan).map_err(|error| Error::UnreadablePlan { run, problem: error.to_string() })?;
        let guild = record.summary.guild;
        let snapshot = self.observe(guild).await?;
        let bindings = self.store.bindings(guild).await?;
        let recorded: BTreeMap<StepId, Facet<Vec<UserId>>> =
            record.steps.iter().filter_map(|step| Some((step.step, recorded(step)?))).collect();
        let now = match recorded.values().any(|holders| holders.known().is_some()) {
            true => self.client.members(guild).await?,
            false => Facet::Unknown("nobody is to get anything back".to_owned()),
        };
        let again = |step: &StepRecord| {
            let Operation::DeleteRole { role, .. } = &step.operation else { return None };
            bindings.roles.get(&key_again(role)?).map(|bound| bound.id)
        };
        let holders = |step: &StepRecord| match recorded.get(&step.step)? {
            Facet::Known(recorded) => Some(Facet::Known(still_there(recorded, now.known(), again(step)))),
            Facet::Unknown(why) => Some(Facet::Unknown(why.clone())),
        };
        let done = record.steps.iter().filter_map(|step| {
            let created = created(step)?;
            Some((step.step, DoneStep { created, holders: holders(step) }))
        });
        let done: BTreeMap<StepId, DoneStep> = done.collect();
        let origin = self.store.state_before(run).await?.map(|state| state.guild);
        Ok(Proposal { plan: undo(&plan, &done, origin.as_ref(), &snapshot, &bindings), snapshot, bindings })
    }

    /// Adds to a plan what becomes of those who have the roles it deletes. One request, when it deletes any.
    pub(super) async fn tell_of_holders(&self, plan: &mut Plan) -> Result<(), Error> {
        let deleted = plan.steps.iter().filter_map(|step| match &step.operation {
            Operation::DeleteRole { role, .. } => Some(role.key.as_ref().map_or(role.name.clone(), Key::to_string)),
            _ => None,
        });
        let deleted: Vec<String> = deleted.map(|name| format!("roles.{name}")).collect();
        if deleted.is_empty() {
            return Ok(());
        }
        let is_recorded = self.client.may_list_members().await?;
        plan.notes.extend(deleted.into_iter().map(|subject| Note::of_holders(subject, is_recorded)));
        Ok(())
    }
}

/// The snowflake of what a step created, when it created something; none for a step that was not done.
fn created(step: &StepRecord) -> Option<Option<u64>> {
    let Outcome::Done { created, .. } = &step.settled.as_ref()?.outcome else { return None };
    Some(created.map(|created| match created {
        Created::Role(id) => id.get(),
        Created::Channel(id) => id.get(),
    }))
}

/// Who had the role that a step was to delete; none for other steps, and for those of builds that did not write it down.
fn recorded(step: &StepRecord) -> Option<Facet<Vec<UserId>>> {
    from_value(step.before.as_ref()?.get(HOLDERS)?.clone()).ok()
}

/// Who is to get a role back, of those who had it. Without a list of members, everybody is taken to be there.
fn still_there(recorded: &[UserId], now: Option<&Vec<Member>>, again: Option<RoleId>) -> Holders {
    let Some(now) = now else { return Holders { to_give: recorded.to_vec(), left: 0 } };
    let there: BTreeMap<UserId, &Member> = now.iter().map(|member| (member.user, member)).collect();
    let lacks = |user: &&UserId| there.get(user).is_some_and(|m| again.is_none_or(|role| !m.roles.contains(&role)));
    let left = recorded.iter().filter(|user| !there.contains_key(user)).count();
    Holders { to_give: recorded.iter().filter(lacks).copied().collect(), left }
}

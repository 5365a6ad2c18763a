//! Settles what a crash left open: every request that was intended and whose outcome nobody wrote down.

use std::collections::BTreeMap;

use serde_json::from_value;

use crate::discord::{Applied, AuditReason, Found, Resolved};
use crate::model::{
    Bindings, Change, ChannelId, ChannelRef, Facet, ForumTag, GuildId, Image, Key, ObjectKind, Ref, RoleRef,
    SettingsPatch, Snapshot, Visibility,
};
use crate::plan::{Move, Operation, Phase, Plan, Step};
use crate::store::{Finish, Lease, Outcome, RunId, SettledStep, StepRecord, UnfinishedRun, Verdict};

use super::engine::{Engine, Error};
use super::note::{created_key, done, name};
use super::progress::{Progress, StopSignal};
use super::wait::Wait;

/// A run that was found unfinished and closed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recovered {
    /// The run.
    pub run: RunId,
    /// How many requests turned out to have been carried out.
    pub done: usize,
    /// How many turned out not to.
    pub not_done: usize,
    /// How many cannot be told yet. They stay open, and the next look may tell.
    pub unknown: usize,
    /// How many steps of its plan are not known to be done.
    pub left: usize,
}

impl Engine {
    /// Looks at the guild for what unfinished runs did, and closes them. Sends nothing but reads. Waits for whoever has the
    /// guild, as long as the engine has patience.
    ///
    /// # Errors
    /// When Discord cannot be read or the store cannot record what was found; and while another process is at work in the
    /// guild, because its run is not a crashed one.
    pub async fn recover(
        &self,
        guild: GuildId,
        progress: &dyn Progress,
        stop: &StopSignal,
    ) -> Result<Vec<Recovered>, Error> {
        let unfinished = self.store.unfinished(guild).await?;
        if unfinished.is_empty() {
            return Ok(Vec::new());
        }
        let lease = self.take(guild, &mut Wait::of(self, progress, stop)).await?;
        let recovered = self.hold(&lease, |_| self.recover_with(&lease, "the process stopped in the middle")).await;
        self.give_back(lease).await;
        recovered
    }

    /// The same under a lease of the caller's. `why` is what broke the runs off.
    pub(super) async fn recover_with(&self, lease: &Lease, why: &str) -> Result<Vec<Recovered>, Error> {
        let unfinished = self.store.unfinished(lease.guild()).await?;
        if unfinished.is_empty() {
            return Ok(Vec::new());
        }
        let now = self.observe(lease.guild()).await?;
        let mut recovered = Vec::new();
        for run in unfinished {
            recovered.push(self.recover_run(lease, &run, &now, why).await?);
        }
        Ok(recovered)
    }

    async fn recover_run(
        &self,
        lease: &Lease,
        run: &UnfinishedRun,
        now: &Snapshot,
        why: &str,
    ) -> Result<Recovered, Error> {
        let id = run.summary.id;
        let guild = run.summary.guild;
        let record = self.store.run(id).await?;
        let plan: Option<Plan> = record.and_then(|record| from_value(record.plan).ok());
        let before = self.store.state_before(id).await?;
        let before = before.map_or_else(
            || now.clone(),
            |state| Snapshot {
                guild: state.guild,
                // Whatever it may see now: somebody may have hidden meanwhile what was made then, so that a list without it
                // proves nothing.
                bot: Facet::Unknown("it was not kept".to_owned()),
                hidden: now.hidden.clone(),
            },
        );
        let steps = plan.as_ref().map_or(0, |plan| plan.steps.len());
        let mut recovered = Recovered { run: id, done: 0, not_done: 0, unknown: 0, left: 0 };
        for open in &run.open {
            let step = step_of(plan.as_ref(), open);
            let Some(outcome) = self.find_out(guild, open, &step, &before, now).await? else {
                recovered.unknown += 1;
                continue;
            };
            match &outcome {
                Outcome::Done { .. } => recovered.done += 1,
                Outcome::Failed { .. } | Outcome::Withdrawn { .. } => recovered.not_done += 1,
            }
            let settled = SettledStep { outcome, settled_at: self.clock.now() };
            self.store.settle(lease, id, open.step, &settled).await?;
        }
        let done = usize::try_from(run.summary.steps.done).unwrap_or(usize::MAX) + recovered.done;
        recovered.left = steps.saturating_sub(done);
        if run.summary.finished.is_none() {
            let finish = Finish {
                verdict: Verdict::Interrupted,
                remark: Some(format!("{why}; {done} of {steps} steps were done")),
                after: Some(now.guild.clone()),
                finished_at: self.clock.now(),
            };
            self.store.finish(lease, id, &finish).await?;
        }
        Ok(recovered)
    }

    /// What became of a step; none when nobody can tell yet.
    async fn find_out(
        &self,
        guild: GuildId,
        open: &StepRecord,
        step: &Step,
        before: &Snapshot,
        now: &Snapshot,
    ) -> Result<Option<Outcome>, Error> {
        let reason = AuditReason { operation: open.operation_id.to_string(), revision: None, who: None };
        if created_key(&open.operation).is_none() {
            let names = self.names(guild).await?;
            let mut shown = shows(&open.operation, now, &names);
            if shown.is_none()
                && (self.client.is_logged(guild, &reason).await?
                    || self.client.is_moved(guild, &open.operation, &names).await?)
            {
                // It happened, and either somebody has changed the object since or the guild was read too old.
                shown = Some(Applied::default());
            }
            // No log tells of a request that changed nothing, because an earlier one had done the same.
            if shown.is_none()
                && let Some(fresh) = self.client.with_object_of(&open.operation, now).await?
            {
                shown = shows(&open.operation, &fresh, &names);
            }
            return Ok(Some(shown.map_or_else(withdrawn, |applied| done(step, &applied))));
        }
        let names = self.names(guild).await?;
        Ok(match self.client.find_created(guild, &open.operation, &names, &reason, before).await? {
            Found::Exactly(id) => Some(done(step, &Applied { created: Some(id), ..Applied::default() })),
            Found::No => Some(withdrawn()),
            Found::Uncertain(_) => None,
        })
    }

    async fn names(&self, guild: GuildId) -> Result<Resolved, Error> {
        let bindings = self.store.bindings(guild).await?;
        let mut names = Resolved::default();
        let Bindings { roles, categories, channels, images: _ } = bindings;
        roles.iter().for_each(|(key, b)| name(&mut names, ObjectKind::Role, key, b.id.get()));
        categories.iter().for_each(|(key, b)| name(&mut names, ObjectKind::Category, key, b.id.get()));
        channels.iter().for_each(|(key, b)| name(&mut names, ObjectKind::Channel, key, b.id.get()));
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
    let phase = planned.map_or(Phase::Shape, |step| step.phase);
    Step { id: open.step, phase, after: Vec::new(), operation: open.operation.clone(), bindings }
}

/// What the operation did, when the guild looks as the operation would have left it; none when it does not.
fn shows(operation: &Operation, now: &Snapshot, names: &Resolved) -> Option<Applied> {
    let guild = &now.guild;
    let channel_of = |channel: &ChannelRef| live_channel(channel, &names.channels);
    let category_of = |category: &ChannelRef| live_channel(category, &names.categories);
    let mut applied = Applied::default();
    let shown = match operation {
        Operation::UpdateGuild { changes } => {
            let mut wanted = guild.settings.clone();
            changes.apply(&mut wanted);
            let live = &guild.settings;
            let channels = [
                &mut wanted.afk_channel,
                &mut wanted.system_channel,
                &mut wanted.rules_channel,
                &mut wanted.public_updates_channel,
                &mut wanted.safety_alerts_channel,
            ];
            channels.into_iter().flatten().for_each(|channel| *channel = channel_of(channel));
            let SettingsPatch { icon, splash, discovery_splash, banner, .. } = &**changes;
            let images = [
                (icon, &mut wanted.icon, &live.icon),
                (splash, &mut wanted.splash, &live.splash),
                (discovery_splash, &mut wanted.discovery_splash, &live.discovery_splash),
                (banner, &mut wanted.banner, &live.banner),
            ];
            for (change, wanted, live) in images {
                recognise(change.as_ref(), wanted, live.as_ref(), &mut applied);
            }
            wanted == *live
        }
        Operation::UpdateRole { role, changes } => guild.role(&Ref::Live(role.id)).is_some_and(|role| {
            let live = &role.attributes;
            let mut wanted = live.clone();
            changes.apply(&mut wanted);
            recognise(changes.icon.as_ref(), &mut wanted.icon, live.icon.as_ref(), &mut applied);
            wanted == *live
        }),
        Operation::UpdateChannel { channel, changes } => guild.channel(&Ref::Live(channel.id)).is_some_and(|live| {
            let live = &live.attributes;
            let mut wanted = live.clone();
            changes.apply(&mut wanted);
            wanted.parent = wanted.parent.as_ref().map(category_of);
            wanted.overwrites = wanted.overwrites.map_roles(|role| live_role(role, names));
            recognise_tags(&mut wanted.available_tags, &live.available_tags);
            wanted == *live
        }),
        Operation::SetTopic { key, topic, .. } => guild
            .channel(&channel_of(&Ref::Planned(key.clone())))
            .is_some_and(|live| live.attributes.topic.as_ref() == Some(topic)),
        Operation::DeleteRole { role, .. } => guild.role(&Ref::Live(role.id)).is_none(),
        Operation::DeleteChannel { channel, .. } => {
            guild.channel(&Ref::Live(channel.id)).is_none() && now.visibility() == Visibility::Complete
        }
        Operation::MoveRoles { moves } => {
            let role_of = |role: &RoleRef| guild.role(&live_role(role, names));
            moves.iter().all(|m| role_of(&m.object).is_some_and(|live| live.position == m.to))
        }
        Operation::MoveChannels { moves } => {
            let object_of =
                |m: &Move<ChannelRef>| if m.is_category { category_of(&m.object) } else { channel_of(&m.object) };
            moves.iter().all(|m| guild.channel(&object_of(m)).is_some_and(|live| live.position == m.to))
        }
        Operation::CreateRole { .. } | Operation::GiveRole { .. } | Operation::CreateChannel { .. } => false,
    };
    shown.then_some(applied)
}

/// What a key stands for by now; the reference itself when nothing is known.
fn live_channel(channel: &ChannelRef, bound: &BTreeMap<Key, ChannelId>) -> ChannelRef {
    channel.key().and_then(|key| bound.get(key)).map_or_else(|| channel.clone(), |id| Ref::Live(*id))
}

fn live_role(role: &RoleRef, names: &Resolved) -> RoleRef {
    role.key().and_then(|key| names.roles.get(key)).map_or_else(|| role.clone(), |id| Ref::Live(*id))
}

/// Discord gives a new tag an id of its own.
fn recognise_tags(wanted: &mut [ForumTag], live: &[ForumTag]) {
    for tag in wanted.iter_mut().filter(|tag| tag.id.is_none()) {
        tag.id = live.iter().find(|l| l.name == tag.name).and_then(|l| l.id);
    }
}

/// Discord shows an uploaded image as a hash of its own. A hash that was not there before is taken for the upload's.
fn recognise(
    change: Option<&Change<Option<Image>>>,
    wanted: &mut Option<Image>,
    live: Option<&Image>,
    applied: &mut Applied,
) {
    if let Some(Change { from, to: Some(Image::Upload(source)) }) = change
        && let Some(Image::Hash(hash)) = live
        && from.as_ref() != live
    {
        applied.images.push((source.sha256.clone(), hash.clone()));
        *wanted = live.cloned();
    }
}

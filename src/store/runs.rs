//! Statements about reconciliations and their operations.

use chrono::{DateTime, Utc};
use std::collections::BTreeSet;

use super::bindings::{self, Scene};
use super::column::{get, id, json, json_if, json_text, json_value, number, parsed, parsed_if, without_images};
use super::sql::{Connection, Row, sql};
use super::trail::{self, Entry, Occasion};
use super::{
    ActionDetails, ActionType, Author, Created, Error, Finish, Finished, IntendedStep, Lease, NewRun, Outcome, Phase,
    Rebinding, RunId, RunRecord, RunSummary, Settled, SettledStep, StepCounts, StepRecord, UnfinishedRun, approvals,
    guilds, lease,
};
use crate::model::GuildId;
use crate::plan::{Operation, StepId};

/// The statement that reads steps, with its conditions.
macro_rules! steps {
    ($rest:literal) => {
        concat!(
            "SELECT operation_id, step, operation, before_state, reason, intended_at, outcome, settled_at
             FROM operations ",
            $rest
        )
    };
}

/// The statement that reads runs, with its conditions. Every run has its server; said like this, a database goes along the
/// runs, which are in order, and not along the servers.
macro_rules! runs {
    ($rest:literal) => {
        concat!(
            "SELECT r.reconciliation_id, r.server_id, COALESCE(s.name, '') AS guild_name, r.triggered_by, r.actor,
                    r.revision, r.rollback_of, r.plan_digest, r.approved_by, r.started_at, r.verdict, r.remark, r.finished_at,
                    (SELECT COUNT(*) FROM operations o
                     WHERE o.reconciliation_id = r.reconciliation_id AND o.phase = 'intended') AS steps_open,
                    (SELECT COUNT(*) FROM operations o
                     WHERE o.reconciliation_id = r.reconciliation_id AND o.phase = 'done') AS steps_done,
                    (SELECT COUNT(*) FROM operations o
                     WHERE o.reconciliation_id = r.reconciliation_id AND o.phase = 'failed') AS steps_failed,
                    (SELECT COUNT(*) FROM operations o
                     WHERE o.reconciliation_id = r.reconciliation_id AND o.phase = 'withdrawn') AS steps_withdrawn
             FROM reconciliations r LEFT JOIN servers s ON s.server_id = r.server_id ",
            $rest
        )
    };
}

pub(super) async fn rebind(connection: &mut Connection<'_>, lease: &Lease, rebinding: &Rebinding) -> Result<(), Error> {
    let Rebinding { guild, run, author, at, changes } = rebinding;
    lease::check(connection, lease).await?;
    lease.covers(*guild)?;
    guilds::ensure(connection, *guild, *at).await?;
    let scene = Scene { guild: *guild, at: *at, created: None };
    let mut entries = Vec::new();
    for change in changes {
        scene.change(connection, change).await?;
        entries.push(Entry {
            action: ActionType::ConfigurationChanged,
            phase: Phase::Done,
            operation: None,
            details: ActionDetails::of_binding(change, json_value(change)?),
            before: None,
            after: None,
            reason: None,
        });
    }
    let origin = match run {
        Some(run) => origin(connection, *run).await?,
        None => None,
    };
    let revision = origin.as_ref().and_then(|origin| origin.revision.as_deref());
    let approved_by = origin.as_ref().and_then(|origin| origin.approved_by.as_ref());
    let occasion = Occasion { guild: *guild, run: *run, revision, author, approved_by, at: *at };
    trail::add(connection, &occasion, entries).await
}

pub(super) async fn begin(connection: &mut Connection<'_>, lease: &Lease, run: &NewRun) -> Result<(), Error> {
    let NewRun { id, before, trigger, author, revision, rollback_of, plan_digest, plan, rests_on_approval, started_at } =
        run;
    lease::check(connection, lease).await?;
    lease.covers(before.id)?;
    let approved_by = match rests_on_approval {
        true => Some(approvals::take(connection, before.id, plan_digest, *started_at).await?),
        false => None,
    };
    guilds::note_seen(connection, before, *started_at).await?;
    let state = guilds::keep_state(connection, before, *started_at).await?;
    sql("INSERT INTO reconciliations
         (reconciliation_id, server_id, triggered_by, actor, revision, rollback_of, plan_digest, plan, state_before,
          started_at, approved_by)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)")
    .bind(*id)
    .bind(before.id)
    .bind(trigger.word())
    .bind(author)
    .bind(revision.as_deref())
    .bind(*rollback_of)
    .bind(plan_digest)
    .bind(json_text(&without_images(plan.clone()))?)
    .bind(state)
    .bind(*started_at)
    .bind(approved_by.as_ref())
    .execute(connection)
    .await?;
    Ok(())
}

/// What the audit rows of a run repeat, and whether it is open.
struct Origin {
    guild: GuildId,
    author: Author,
    revision: Option<String>,
    approved_by: Option<Author>,
    is_open: bool,
}

async fn origin(connection: &mut Connection<'_>, run: RunId) -> Result<Option<Origin>, Error> {
    let query =
        sql("SELECT server_id, actor, revision, approved_by, finished_at IS NULL AS is_open FROM reconciliations
         WHERE reconciliation_id = ?");
    let row = query.bind(run).fetch_optional(connection).await?;
    row.map(|row| {
        Ok(Origin {
            guild: id(&row, "server_id")?,
            author: parsed(&row, "actor")?,
            revision: get(&row, "revision")?,
            approved_by: parsed_if(&row, "approved_by")?,
            is_open: get(&row, "is_open")?,
        })
    })
    .transpose()
}

/// The same, for whoever has the lease of its guild.
async fn origin_for(connection: &mut Connection<'_>, lease: &Lease, run: RunId) -> Result<Option<Origin>, Error> {
    lease::check(connection, lease).await?;
    let origin = origin(connection, run).await?;
    if let Some(origin) = &origin {
        lease.covers(origin.guild)?;
    }
    Ok(origin)
}

impl Origin {
    /// The occasion of a row about a step of the run.
    fn occasion(&self, run: RunId, at: DateTime<Utc>) -> Occasion<'_> {
        let Self { guild, author, revision, approved_by, is_open: _ } = self;
        let (revision, approved_by) = (revision.as_deref(), approved_by.as_ref());
        Occasion { guild: *guild, run: Some(run), revision, author, approved_by, at }
    }
}

pub(super) async fn intend(
    connection: &mut Connection<'_>,
    lease: &Lease,
    run: RunId,
    step: &IntendedStep,
) -> Result<(), Error> {
    let origin = origin_for(connection, lease, run).await?.filter(|origin| origin.is_open);
    let origin = origin.ok_or(Error::RunNotOpen { run })?;
    let IntendedStep { operation_id, step, operation, before, reason, intended_at } = step;
    let before_step = sql("SELECT step FROM operations WHERE reconciliation_id = ? AND step = ?")
        .bind(run)
        .bind(step.0)
        .fetch_optional(connection)
        .await?;
    if before_step.is_some() {
        return Err(Error::AlreadyIntended { run, step: *step });
    }
    let parameters = without_images(json_value(operation)?);
    sql("INSERT INTO operations
         (operation_id, reconciliation_id, step, operation, before_state, reason, intended_at, phase)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?)")
    .bind(*operation_id)
    .bind(run)
    .bind(step.0)
    .bind(json_text(&parameters)?)
    .bind(before.as_ref().map(json_text).transpose()?)
    .bind(reason.as_deref())
    .bind(*intended_at)
    .bind(Phase::Intended.word())
    .execute(connection)
    .await?;
    let entry = Entry {
        action: ActionType::of(operation),
        phase: Phase::Intended,
        operation: Some(*operation_id),
        details: ActionDetails::of(operation, parameters),
        before: before.as_ref(),
        after: None,
        reason: reason.as_deref(),
    };
    trail::add(connection, &origin.occasion(run, *intended_at), vec![entry]).await
}

pub(super) async fn settle(
    connection: &mut Connection<'_>,
    lease: &Lease,
    run: RunId,
    step: StepId,
    settled: &SettledStep,
) -> Result<(), Error> {
    let SettledStep { outcome, settled_at } = settled;
    let origin = origin_for(connection, lease, run).await?;
    let open = sql(steps!("WHERE reconciliation_id = ? AND step = ? AND phase = 'intended'"))
        .bind(run)
        .bind(step.0)
        .fetch_optional(connection)
        .await?;
    let (Some(row), Some(origin)) = (open, origin) else {
        return Err(Error::NotIntended { run, step });
    };
    let intended = step_record(&row)?;
    sql("UPDATE operations SET phase = ?, outcome = ?, settled_at = ? WHERE operation_id = ?")
        .bind(outcome.phase().word())
        .bind(json_text(outcome)?)
        .bind(*settled_at)
        .bind(intended.operation_id)
        .execute(connection)
        .await?;
    take_effect(connection, lease.guild(), &intended.operation, settled).await?;
    let entry = Entry {
        action: ActionType::of(&intended.operation),
        phase: outcome.phase(),
        operation: Some(intended.operation_id),
        details: settled_details(&intended.operation, outcome)?,
        before: intended.before.as_ref(),
        after: match outcome {
            Outcome::Done { after, .. } => after.as_ref(),
            Outcome::Failed { .. } | Outcome::Withdrawn { .. } => None,
        },
        reason: intended.reason.as_deref(),
    };
    trail::add(connection, &origin.occasion(run, *settled_at), vec![entry]).await
}

/// Changes what is bound and remembered, once the operation was done.
async fn take_effect(
    connection: &mut Connection<'_>,
    guild: GuildId,
    operation: &Operation,
    settled: &SettledStep,
) -> Result<(), Error> {
    let Outcome::Done { created, after: _, bindings, facts } = &settled.outcome else { return Ok(()) };
    let scene = Scene { guild, at: settled.settled_at, created: *created };
    for change in bindings {
        scene.change(connection, change).await?;
    }
    for fact in facts {
        scene.remember(connection, fact).await?;
    }
    match operation {
        Operation::DeleteRole { role, .. } => bindings::forget_role(connection, role.id).await,
        Operation::DeleteChannel { channel, .. } => bindings::forget_channel(connection, channel.id).await,
        _ => Ok(()),
    }
}

fn settled_details(operation: &Operation, outcome: &Outcome) -> Result<ActionDetails, Error> {
    let mut details = ActionDetails::of(operation, json_value(operation)?);
    match outcome {
        Outcome::Done { created: None, .. } => {}
        Outcome::Done { created: Some(Created::Role(id)), .. } => details.is_about(id.get()),
        Outcome::Done { created: Some(Created::Channel(id)), .. } => details.is_about(id.get()),
        Outcome::Failed { error } => details.error = Some(error.clone()),
        Outcome::Withdrawn { why } => details.error = Some(why.clone()),
    }
    Ok(details)
}

pub(super) async fn finish(
    connection: &mut Connection<'_>,
    lease: &Lease,
    run: RunId,
    finish: &Finish,
) -> Result<(), Error> {
    let origin = origin_for(connection, lease, run).await?;
    origin.filter(|origin| origin.is_open).ok_or(Error::RunNotOpen { run })?;
    let Finish { verdict, remark, after, finished_at } = finish;
    let state = match after {
        Some(guild) => {
            guilds::note_seen(connection, guild, *finished_at).await?;
            Some(guilds::keep_state(connection, guild, *finished_at).await?)
        }
        None => None,
    };
    sql("UPDATE reconciliations SET verdict = ?, remark = ?, state_after = ?, finished_at = ?
         WHERE reconciliation_id = ?")
    .bind(verdict.word())
    .bind(remark.as_deref())
    .bind(state)
    .bind(*finished_at)
    .bind(run)
    .execute(connection)
    .await?;
    Ok(())
}

pub(super) async fn history(
    connection: &mut Connection<'_>,
    guild: Option<GuildId>,
    limit: u32,
) -> Result<Vec<RunSummary>, Error> {
    let query = sql(runs!("WHERE TRUE")).and_if(" AND r.server_id = ?", guild);
    let query = query.and(" ORDER BY r.started_at DESC, r.reconciliation_id DESC LIMIT ?").bind(limit);
    let rows = query.fetch_all(connection).await?;
    rows.iter().map(summary).collect()
}

pub(super) async fn of_plan(
    connection: &mut Connection<'_>,
    guild: GuildId,
    plan_digest: &str,
) -> Result<Vec<RunSummary>, Error> {
    let query = sql(runs!(
        "WHERE r.server_id = ? AND r.plan_digest = ? AND EXISTS (
             SELECT 1 FROM operations o
             WHERE o.reconciliation_id = r.reconciliation_id AND o.phase IN ('intended', 'done'))
         ORDER BY r.started_at, r.reconciliation_id"
    ));
    let rows = query.bind(guild).bind(plan_digest).fetch_all(connection).await?;
    rows.iter().map(summary).collect()
}

pub(super) async fn unfinished(connection: &mut Connection<'_>, guild: GuildId) -> Result<Vec<UnfinishedRun>, Error> {
    // Along what is open anywhere, which is little, and not along all that ever happened in the guild.
    let ids = sql("SELECT reconciliation_id FROM reconciliations WHERE server_id = ? AND finished_at IS NULL
         UNION
         SELECT q.reconciliation_id FROM operations o JOIN reconciliations q ON q.reconciliation_id = o.reconciliation_id
         WHERE o.phase = 'intended' AND q.server_id = ?");
    let mut unfinished = Vec::new();
    for row in ids.bind(guild).bind(guild).fetch_all(connection).await? {
        let run = sql(runs!("WHERE r.reconciliation_id = ?")).bind(get::<&str>(&row, "reconciliation_id")?);
        let summary = summary(&run.fetch_one(connection).await?)?;
        let open = sql(steps!("WHERE reconciliation_id = ? AND phase = 'intended' ORDER BY step"));
        let open = open.bind(summary.id).fetch_all(connection).await?;
        let open = open.iter().map(step_record).collect::<Result<_, _>>()?;
        unfinished.push(UnfinishedRun { summary, open });
    }
    unfinished.sort_by_key(|run: &UnfinishedRun| (run.summary.started_at, run.summary.id));
    Ok(unfinished)
}

/// How many of the latest runs are known by the end of their ids. People type what they have just been shown.
const LATEST: u32 = 10_000;

pub(super) async fn find(connection: &mut Connection<'_>, part: &str) -> Result<Option<RunId>, Error> {
    // Anything else cannot be a part of an id, and could be a pattern.
    if part.is_empty() || !part.chars().all(|c| c.is_ascii_hexdigit() || c == '-') {
        return Ok(None);
    }
    let part = part.to_ascii_lowercase();
    let beginning = sql("SELECT reconciliation_id FROM reconciliations
         WHERE reconciliation_id >= ? AND reconciliation_id < ? ORDER BY reconciliation_id LIMIT 10");
    // Behind everything an id can go on with.
    let beginning = beginning.bind(&part).bind(format!("{part}~")).fetch_all(connection).await?;
    // No index knows how ids end, so only the latest are looked at; an index has them in this order.
    let ending = sql("SELECT reconciliation_id FROM (
             SELECT reconciliation_id FROM reconciliations ORDER BY started_at DESC, reconciliation_id DESC LIMIT ?
         ) AS latest WHERE reconciliation_id LIKE ? LIMIT 10");
    let ending = ending.bind(LATEST).bind(format!("%{part}")).fetch_all(connection).await?;
    let fitting = beginning.iter().chain(&ending).map(|row| parsed(row, "reconciliation_id"));
    let fitting = fitting.collect::<Result<BTreeSet<RunId>, _>>()?.into_iter().collect::<Vec<_>>();
    match fitting[..] {
        [] => Ok(None),
        [one] => Ok(Some(one)),
        _ => Err(Error::AmbiguousRun { part, fitting }),
    }
}

pub(super) async fn record(connection: &mut Connection<'_>, run: RunId) -> Result<Option<RunRecord>, Error> {
    let query = sql(runs!("WHERE r.reconciliation_id = ?"));
    let Some(row) = query.bind(run).fetch_optional(connection).await? else { return Ok(None) };
    let plan =
        sql("SELECT plan FROM reconciliations WHERE reconciliation_id = ?").bind(run).fetch_one(connection).await?;
    let steps = sql(steps!("WHERE reconciliation_id = ? ORDER BY step"));
    let steps = steps.bind(run).fetch_all(connection).await?;
    Ok(Some(RunRecord {
        summary: summary(&row)?,
        plan: json(&plan, "plan")?,
        steps: steps.iter().map(step_record).collect::<Result<_, _>>()?,
    }))
}

fn summary(row: &Row) -> Result<RunSummary, Error> {
    let verdict = parsed_if(row, "verdict")?.zip(get(row, "finished_at")?);
    let remark: Option<String> = get(row, "remark")?;
    Ok(RunSummary {
        id: parsed(row, "reconciliation_id")?,
        guild: id(row, "server_id")?,
        guild_name: get(row, "guild_name")?,
        trigger: parsed(row, "triggered_by")?,
        author: parsed(row, "actor")?,
        revision: get(row, "revision")?,
        rollback_of: parsed_if(row, "rollback_of")?,
        plan_digest: get(row, "plan_digest")?,
        approved_by: parsed_if(row, "approved_by")?,
        steps: StepCounts {
            open: number(row, "steps_open")?,
            done: number(row, "steps_done")?,
            failed: number(row, "steps_failed")?,
            withdrawn: number(row, "steps_withdrawn")?,
        },
        started_at: get(row, "started_at")?,
        finished: verdict.map(|(verdict, at)| Finished { verdict, remark, at }),
    })
}

fn step_record(row: &Row) -> Result<StepRecord, Error> {
    let settled = json_if(row, "outcome")?.zip(get(row, "settled_at")?);
    Ok(StepRecord {
        operation_id: parsed(row, "operation_id")?,
        step: StepId(number(row, "step")?),
        operation: json(row, "operation")?,
        before: json_if(row, "before_state")?,
        reason: get(row, "reason")?,
        intended_at: get(row, "intended_at")?,
        settled: settled.map(|(outcome, at)| Settled { outcome, at }),
    })
}

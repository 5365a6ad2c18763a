//! Statements about reconciliations and their operations.

use super::bindings::{self, Scene};
use super::column::{
    Connection, Row, get, id, json, json_if, json_text, json_value, moment, number, parsed, parsed_if, stored,
    without_images,
};
use super::trail::{self, Entry};
use super::{
    ActionDetails, ActionType, Author, Created, Error, Finish, Finished, IntendedStep, NewRun, Outcome, Phase,
    Rebinding, RunId, RunRecord, RunSummary, Settled, SettledStep, StepCounts, StepRecord, UnfinishedRun, guilds,
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

/// The statement that reads runs, with its conditions.
macro_rules! runs {
    ($rest:literal) => {
        concat!(
            "SELECT r.reconciliation_id, r.server_id, COALESCE(s.name, '') AS guild_name, r.triggered_by, r.actor,
                    r.revision, r.rollback_of, r.plan_digest, r.plan, r.started_at, r.verdict, r.remark, r.finished_at,
                    (SELECT COUNT(*) FROM operations o
                     WHERE o.reconciliation_id = r.reconciliation_id AND o.phase = 'intended') AS steps_open,
                    (SELECT COUNT(*) FROM operations o
                     WHERE o.reconciliation_id = r.reconciliation_id AND o.phase = 'done') AS steps_done,
                    (SELECT COUNT(*) FROM operations o
                     WHERE o.reconciliation_id = r.reconciliation_id AND o.phase = 'failed') AS steps_failed,
                    (SELECT COUNT(*) FROM operations o
                     WHERE o.reconciliation_id = r.reconciliation_id AND o.phase = 'withdrawn') AS steps_withdrawn
             FROM reconciliations r JOIN servers s ON s.server_id = r.server_id ",
            $rest
        )
    };
}

pub(super) async fn rebind(connection: &mut Connection, rebinding: &Rebinding) -> Result<(), Error> {
    let Rebinding { guild, run, author, at, changes } = rebinding;
    guilds::ensure(connection, *guild, *at).await?;
    let scene = Scene { guild: *guild, at: *at, created: None };
    for change in changes {
        scene.change(connection, change).await?;
        let entry = Entry {
            guild: *guild,
            action: ActionType::ConfigurationChanged,
            phase: Phase::Done,
            run: *run,
            operation: None,
            author,
            details: ActionDetails::of_binding(change, json_value(change)?),
            before: None,
            after: None,
            reason: None,
            at: *at,
        };
        trail::add(connection, entry).await?;
    }
    Ok(())
}

pub(super) async fn begin(connection: &mut Connection, run: &NewRun) -> Result<(), Error> {
    let NewRun { id, before, trigger, author, revision, rollback_of, plan_digest, plan, started_at } = run;
    guilds::note_seen(connection, before, *started_at).await?;
    let state = guilds::keep_state(connection, before, *started_at).await?;
    sqlx::query(
        "INSERT INTO reconciliations
         (reconciliation_id, server_id, triggered_by, actor, revision, rollback_of, plan_digest, plan, state_before,
          started_at)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(id.to_string())
    .bind(stored(before.id))
    .bind(trigger.word())
    .bind(author.to_string())
    .bind(revision)
    .bind(rollback_of.map(|run| run.to_string()))
    .bind(plan_digest)
    .bind(json_text(&without_images(plan.clone()))?)
    .bind(state)
    .bind(moment(*started_at))
    .execute(connection)
    .await?;
    Ok(())
}

/// The guild and the author of a run, which its audit rows repeat.
async fn origin(connection: &mut Connection, run: RunId) -> Result<Option<(GuildId, Author, bool)>, Error> {
    let query = sqlx::query(
        "SELECT server_id, actor, finished_at IS NULL AS open FROM reconciliations WHERE reconciliation_id = ?",
    );
    let row = query.bind(run.to_string()).fetch_optional(connection).await?;
    row.map(|row| Ok((id(&row, "server_id")?, parsed(&row, "actor")?, get(&row, "open")?))).transpose()
}

pub(super) async fn intend(connection: &mut Connection, run: RunId, step: &IntendedStep) -> Result<(), Error> {
    let Some((guild, author, true)) = origin(connection, run).await? else { return Err(Error::RunNotOpen { run }) };
    let IntendedStep { operation_id, step, operation, before, reason, intended_at } = step;
    let before_step = sqlx::query("SELECT step FROM operations WHERE reconciliation_id = ? AND step = ?")
        .bind(run.to_string())
        .bind(step.0)
        .fetch_optional(&mut *connection)
        .await?;
    if before_step.is_some() {
        return Err(Error::AlreadyIntended { run, step: *step });
    }
    let parameters = without_images(json_value(operation)?);
    sqlx::query(
        "INSERT INTO operations
         (operation_id, reconciliation_id, step, operation, before_state, reason, intended_at, phase)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(operation_id.to_string())
    .bind(run.to_string())
    .bind(step.0)
    .bind(json_text(&parameters)?)
    .bind(before.as_ref().map(json_text).transpose()?)
    .bind(reason)
    .bind(moment(*intended_at))
    .bind(Phase::Intended.word())
    .execute(&mut *connection)
    .await?;
    let entry = Entry {
        guild,
        action: ActionType::of(operation),
        phase: Phase::Intended,
        run: Some(run),
        operation: Some(*operation_id),
        author: &author,
        details: ActionDetails::of(operation, parameters),
        before: before.as_ref(),
        after: None,
        reason: reason.as_deref(),
        at: *intended_at,
    };
    trail::add(connection, entry).await
}

pub(super) async fn settle(
    connection: &mut Connection,
    run: RunId,
    step: StepId,
    settled: &SettledStep,
) -> Result<(), Error> {
    let SettledStep { outcome, settled_at } = settled;
    let open = sqlx::query(steps!("WHERE reconciliation_id = ? AND step = ? AND phase = 'intended'"))
        .bind(run.to_string())
        .bind(step.0)
        .fetch_optional(&mut *connection)
        .await?;
    let (Some(row), Some((guild, author, _))) = (open, origin(connection, run).await?) else {
        return Err(Error::NotIntended { run, step });
    };
    let intended = step_record(&row)?;
    sqlx::query("UPDATE operations SET phase = ?, outcome = ?, settled_at = ? WHERE operation_id = ?")
        .bind(outcome.phase().word())
        .bind(json_text(outcome)?)
        .bind(moment(*settled_at))
        .bind(intended.operation_id.to_string())
        .execute(&mut *connection)
        .await?;
    take_effect(connection, guild, &intended.operation, settled).await?;
    let entry = Entry {
        guild,
        action: ActionType::of(&intended.operation),
        phase: outcome.phase(),
        run: Some(run),
        operation: Some(intended.operation_id),
        author: &author,
        details: settled_details(&intended.operation, outcome)?,
        before: intended.before.as_ref(),
        after: match outcome {
            Outcome::Done { after, .. } => after.as_ref(),
            Outcome::Failed { .. } | Outcome::Withdrawn { .. } => None,
        },
        reason: intended.reason.as_deref(),
        at: *settled_at,
    };
    trail::add(connection, entry).await
}

/// Changes what is bound and remembered, once the operation was done.
async fn take_effect(
    connection: &mut Connection,
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

pub(super) async fn finish(connection: &mut Connection, run: RunId, finish: &Finish) -> Result<(), Error> {
    let Some((_, _, true)) = origin(connection, run).await? else { return Err(Error::RunNotOpen { run }) };
    let Finish { verdict, remark, after, finished_at } = finish;
    let state = match after {
        Some(guild) => {
            guilds::note_seen(connection, guild, *finished_at).await?;
            Some(guilds::keep_state(connection, guild, *finished_at).await?)
        }
        None => None,
    };
    sqlx::query(
        "UPDATE reconciliations SET verdict = ?, remark = ?, state_after = ?, finished_at = ?
         WHERE reconciliation_id = ?",
    )
    .bind(verdict.word())
    .bind(remark)
    .bind(state)
    .bind(moment(*finished_at))
    .bind(run.to_string())
    .execute(connection)
    .await?;
    Ok(())
}

pub(super) async fn history(
    connection: &mut Connection,
    guild: Option<GuildId>,
    limit: u32,
) -> Result<Vec<RunSummary>, Error> {
    let guild = guild.map(stored);
    let query = sqlx::query(runs!(
        "WHERE (? IS NULL OR r.server_id = ?) ORDER BY r.started_at DESC, r.reconciliation_id DESC LIMIT ?"
    ));
    let rows = query.bind(guild).bind(guild).bind(i64::from(limit)).fetch_all(connection).await?;
    rows.iter().map(summary).collect()
}

pub(super) async fn of_plan(
    connection: &mut Connection,
    guild: GuildId,
    plan_digest: &str,
) -> Result<Vec<RunSummary>, Error> {
    let query = sqlx::query(runs!(
        "WHERE r.server_id = ? AND r.plan_digest = ? AND EXISTS (
             SELECT 1 FROM operations o
             WHERE o.reconciliation_id = r.reconciliation_id AND o.phase IN ('intended', 'done'))
         ORDER BY r.started_at, r.reconciliation_id"
    ));
    let rows = query.bind(stored(guild)).bind(plan_digest).fetch_all(connection).await?;
    rows.iter().map(summary).collect()
}

pub(super) async fn unfinished(connection: &mut Connection, guild: GuildId) -> Result<Vec<UnfinishedRun>, Error> {
    let query = sqlx::query(runs!(
        "WHERE r.server_id = ? AND (r.finished_at IS NULL OR EXISTS (
             SELECT 1 FROM operations o WHERE o.reconciliation_id = r.reconciliation_id AND o.phase = 'intended'))
         ORDER BY r.started_at, r.reconciliation_id"
    ));
    let mut unfinished = Vec::new();
    for row in query.bind(stored(guild)).fetch_all(&mut *connection).await? {
        let summary = summary(&row)?;
        let open = sqlx::query(steps!("WHERE reconciliation_id = ? AND phase = 'intended' ORDER BY step"));
        let open = open.bind(summary.id.to_string()).fetch_all(&mut *connection).await?;
        let open = open.iter().map(step_record).collect::<Result<_, _>>()?;
        unfinished.push(UnfinishedRun { summary, open });
    }
    Ok(unfinished)
}

pub(super) async fn find(connection: &mut Connection, part: &str) -> Result<Option<RunId>, Error> {
    // Anything else cannot be a part of an id, and could be a pattern.
    if part.is_empty() || !part.chars().all(|c| c.is_ascii_hexdigit() || c == '-') {
        return Ok(None);
    }
    let part = part.to_ascii_lowercase();
    let query = sqlx::query(
        "SELECT reconciliation_id FROM reconciliations WHERE reconciliation_id LIKE ? OR reconciliation_id LIKE ?
         ORDER BY reconciliation_id LIMIT 10",
    );
    let rows = query.bind(format!("{part}%")).bind(format!("%{part}")).fetch_all(connection).await?;
    let fitting = rows.iter().map(|row| parsed(row, "reconciliation_id")).collect::<Result<Vec<RunId>, _>>()?;
    match fitting[..] {
        [] => Ok(None),
        [one] => Ok(Some(one)),
        _ => Err(Error::AmbiguousRun { part, fitting }),
    }
}

pub(super) async fn record(connection: &mut Connection, run: RunId) -> Result<Option<RunRecord>, Error> {
    let query = sqlx::query(runs!("WHERE r.reconciliation_id = ?"));
    let Some(row) = query.bind(run.to_string()).fetch_optional(&mut *connection).await? else { return Ok(None) };
    let steps = sqlx::query(steps!("WHERE reconciliation_id = ? ORDER BY step"));
    let steps = steps.bind(run.to_string()).fetch_all(connection).await?;
    Ok(Some(RunRecord {
        summary: summary(&row)?,
        plan: json(&row, "plan")?,
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

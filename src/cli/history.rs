//! `setai history`: what was applied.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::cache::Execution;
use crate::plan::render::{self, Tone};
use crate::plan::{Plan, StepId};
use crate::store::{Finished, RunId, RunRecord, RunSummary, Store, Verdict};

use super::arguments::{Connection, History};
use super::context;
use super::failure::{Exit, Failure};
use super::screen::Screen;

/// A run, and how far it is when that is known.
#[derive(Serialize)]
struct Told<'a, T> {
    #[serde(flatten)]
    run: &'a T,
    #[serde(skip_serializing_if = "Option::is_none")]
    progress: Option<&'a Execution>,
}

pub(super) async fn run(command: &History, connection: &Connection, screen: Screen) -> Result<Exit, Failure> {
    let store = context::store(connection).await?;
    if let Some(part) = &command.run {
        let record = find(store.as_ref(), part).await?;
        let progress = progress(connection, [&record.summary]).await?;
        return show_one(&record, progress.get(&record.summary.id), command.json, screen);
    }
    let guild = command.guild.as_deref().map(context::guild_id).transpose()?;
    let runs = store.history(guild, command.limit).await?;
    let progress = progress(connection, &runs).await?;
    if command.json {
        let told: Vec<_> = runs.iter().map(|run| Told { run, progress: progress.get(&run.id) }).collect();
        screen.say(super::json(&told)?);
    } else if runs.is_empty() {
        screen.say("Nothing has been applied yet.");
    } else {
        runs.iter().for_each(|run| row(run, progress.get(&run.id), screen));
    }
    Ok(Exit::Success)
}

/// How far the runs are that have not finished, as far as their processes tell. Without Redis nobody does.
async fn progress(
    connection: &Connection,
    runs: impl IntoIterator<Item = &RunSummary>,
) -> Result<BTreeMap<RunId, Execution>, Failure> {
    let Some(cache) = context::cache(connection)? else { return Ok(BTreeMap::new()) };
    let open: Vec<_> = runs.into_iter().filter(|run| run.finished.is_none()).map(|run| run.id.0).collect();
    let told = cache.executions(&open).await.unwrap_or_else(|error| {
        tracing::warn!(%error, "the cache does not tell how far runs are; going on without it");
        Vec::new()
    });
    Ok(told.into_iter().flatten().map(|execution| (RunId(execution.id), execution)).collect())
}

/// The run people mean.
pub(super) async fn find(store: &dyn Store, part: &str) -> Result<RunRecord, Failure> {
    let unknown = || Failure::new(format!("there is no run `{part}`")).help("`setai history` lists the runs.");
    let id = store.find_run(part).await?.ok_or_else(unknown)?;
    store.run(id).await?.ok_or_else(unknown)
}

fn row(run: &RunSummary, progress: Option<&Execution>, screen: Screen) {
    let (tone, how) = match &run.finished {
        None => (Tone::Warn, "not finished".to_owned()),
        Some(Finished { verdict, .. }) => (tone_of(*verdict), verdict.to_string()),
    };
    let steps = format!("{} done, {} failed", run.steps.done, run.steps.failed);
    let revision = run.revision.as_deref().map_or_else(String::new, |r| format!("  at {r}"));
    let back = run.rollback_of.map_or_else(String::new, |of| format!("  takes back {}", of.short()));
    screen.toned(
        tone,
        format!(
            "{}  {}  {:<11}  {:<20}  {steps}  by {}{revision}{back}",
            run.id.short(),
            run.started_at.format("%Y-%m-%d %H:%M:%S"),
            how,
            run.guild_name,
            run.author,
        ),
    );
    if let Some(Execution { all, done, failed, doing, updated_at, .. }) = progress {
        let at = updated_at.format("%H:%M:%S");
        screen.toned(Tone::Faint, format!("          {} of {all} steps by {at}: {doing}", done + failed));
    }
}

fn tone_of(verdict: Verdict) -> Tone {
    match verdict {
        Verdict::Succeeded => Tone::Plain,
        Verdict::Partial | Verdict::Interrupted => Tone::Warn,
        Verdict::Failed => Tone::Refuse,
    }
}

fn show_one(record: &RunRecord, progress: Option<&Execution>, as_json: bool, screen: Screen) -> Result<Exit, Failure> {
    if as_json {
        screen.say(super::json(&Told { run: record, progress })?);
        return Ok(Exit::Success);
    }
    row(&record.summary, progress, screen);
    if let Some(remark) = record.summary.finished.as_ref().and_then(|f| f.remark.as_ref()) {
        screen.say(format!("  {remark}"));
    }
    if let Ok(plan) = serde_json::from_value::<Plan>(record.plan.clone()) {
        screen.say("");
        render::lines(&plan).iter().for_each(|line| screen.line(line));
    }
    for step in &record.steps {
        let StepId(number) = step.step;
        let how = step.settled.as_ref().map_or("not known", |s| match s.outcome {
            crate::store::Outcome::Done { .. } => "done",
            crate::store::Outcome::Failed { .. } => "failed",
            crate::store::Outcome::Withdrawn { .. } => "never sent",
        });
        screen.say(format!("  step {number}: {how}  (operation {})", step.operation_id));
    }
    Ok(Exit::Success)
}

//! `setai history`: what was applied.

use crate::plan::render::{self, Tone};
use crate::plan::{Plan, StepId};
use crate::store::{Finished, RunRecord, RunSummary, Store, Verdict};

use super::arguments::{Connection, History};
use super::context;
use super::failure::{Exit, Failure};
use super::screen::Screen;

pub(super) async fn run(command: &History, connection: &Connection, screen: Screen) -> Result<Exit, Failure> {
    let store = context::store(connection).await?;
    if let Some(part) = &command.run {
        let record = find(store.as_ref(), part).await?;
        return show_one(&record, command.json, screen);
    }
    let guild = command.guild.as_deref().map(context::guild_id).transpose()?;
    let runs = store.history(guild, command.limit).await?;
    if command.json {
        screen.say(super::json(&runs)?);
    } else if runs.is_empty() {
        screen.say("Nothing has been applied yet.");
    } else {
        runs.iter().for_each(|run| row(run, screen));
    }
    Ok(Exit::Success)
}

/// The run people mean.
pub(super) async fn find(store: &dyn Store, part: &str) -> Result<RunRecord, Failure> {
    let unknown = || Failure::new(format!("there is no run `{part}`")).help("`setai history` lists the runs.");
    let id = store.find_run(part).await?.ok_or_else(unknown)?;
    store.run(id).await?.ok_or_else(unknown)
}

fn row(run: &RunSummary, screen: Screen) {
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
}

fn tone_of(verdict: Verdict) -> Tone {
    match verdict {
        Verdict::Succeeded => Tone::Plain,
        Verdict::Partial | Verdict::Interrupted => Tone::Warn,
        Verdict::Failed => Tone::Refuse,
    }
}

fn show_one(record: &RunRecord, as_json: bool, screen: Screen) -> Result<Exit, Failure> {
    if as_json {
        screen.say(super::json(record)?);
        return Ok(Exit::Success);
    }
    row(&record.summary, screen);
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

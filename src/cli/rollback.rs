//! `setai rollback`: takes back what a run did, and says what cannot come back.

use std::time::Duration;

use crate::controller::{Proposal, Request};
use crate::plan::{Consent, Plan, judge, render, undo};
use crate::store::{Outcome, Trigger};

use super::apply::{ask, drive, exit_of, tell};
use super::arguments::{Connection, Rollback};
use super::context;
use super::failure::{Exit, Failure};
use super::history::find;
use super::screen::Screen;

pub(super) async fn run(command: &Rollback, connection: &Connection, screen: Screen) -> Result<Exit, Failure> {
    let engine = context::engine(connection).await?;
    let record = find(engine.store().as_ref(), &command.run).await?;
    let guild = record.summary.guild;
    engine.recover(guild).await?;
    let record = find(engine.store().as_ref(), &command.run).await.unwrap_or(record);
    let plan: Plan = serde_json::from_value(record.plan.clone()).map_err(|error| {
        Failure::new(format!("the plan of run {} cannot be read any more: {error}", record.summary.id.short()))
            .help("It was made by another version of setai. Go back in git instead, and apply that.")
    })?;
    let is_done = |outcome: &Outcome| matches!(outcome, Outcome::Done { .. });
    let done: Vec<_> = record
        .steps
        .iter()
        .filter(|s| s.settled.as_ref().is_some_and(|s| is_done(&s.outcome)))
        .map(|s| s.step)
        .collect();
    let snapshot = engine.observe(guild).await?;
    let bindings = engine.store().bindings(guild).await?;
    let back = undo(&plan, &done, &snapshot, &bindings);
    if !command.json {
        render::lines(&back).iter().for_each(|line| screen.line(line));
    }
    if back.is_empty() {
        return Ok(Exit::Success);
    }
    if !command.auto_approve {
        ask(&back, screen)?;
    }
    let proposal = Proposal { plan: back.clone(), snapshot, bindings };
    let approved = judge(back, &Consent::Seen).map_err(|rejected| Failure::from(*rejected))?;
    let request = Request {
        approved,
        proposal: &proposal,
        manifest: None,
        trigger: Trigger::Person,
        author: context::author(),
        rollback_of: Some(record.summary.id),
        patience: Duration::from_secs(900),
        concurrency: 1,
    };
    let report = drive(&engine, request, command.json, screen).await?;
    tell(&report, command.json, screen)?;
    if !command.json {
        screen.remark("The manifest still says what it said: change it too, or the next apply does it again.");
    }
    Ok(exit_of(report.verdict))
}

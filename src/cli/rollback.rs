//! `setai rollback`: takes back what a run did, and says what cannot come back.

use std::time::Duration;

use serde_json::json;

use crate::controller::Request;
use crate::plan::{Consent, Lift, NoteCode, Plan, Rejected, judge, judge_strictly, render};
use crate::store::Trigger;

use super::apply::{ask, drive, exit_of, tell};
use super::arguments::{Connection, Rollback};
use super::context;
use super::failure::{Exit, Failure};
use super::history::find;
use super::plan::settle;
use super::screen::Screen;

pub(super) async fn run(command: &Rollback, connection: &Connection, screen: Screen) -> Result<Exit, Failure> {
    let engine = context::engine(connection).await?;
    let record = find(engine.store().as_ref(), &command.run).await?;
    // What may have been done is found out first, or it would stay behind.
    settle(&engine, record.summary.guild, screen).await?;
    let back = engine.way_back(record.summary.id).await?;
    if !command.json {
        render::lines(&back.plan).iter().for_each(|line| screen.line(line));
    }
    if back.plan.is_empty() {
        if command.json {
            let notes = &back.plan.notes;
            screen.say(super::json(&json!({ "verdict": "unchanged", "steps": [], "notes": notes }))?);
        }
        return Ok(Exit::Success);
    }
    let consent = command.approve.clone().map_or(Consent::Seen, Consent::Digest);
    let strictly = engine.servers().require_approval(back.plan.guild).await?;
    let judged =
        if strictly { judge_strictly(back.plan.clone(), &consent) } else { judge(back.plan.clone(), &consent) };
    let approved = judged.map_err(|rejected| unapproved(*rejected, &back.plan, &command.run))?;
    if command.approve.is_none() && !command.auto_approve {
        ask(&back.plan, screen)?;
    }
    if approved.rests_on_approval() {
        engine.approve(&back.plan, &context::author()).await?;
    }
    let request = Request {
        approved,
        proposal: &back,
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
        for note in back.plan.notes.iter().filter(|note| note.code == NoteCode::Impossible) {
            screen.remark(format!("{}: {}", note.subject, note.text));
        }
        screen.remark("The manifest still says what it said: change it too, or the next apply does it again.");
    }
    Ok(exit_of(report.verdict))
}

/// What to do about a rollback that is not approved: nothing else shows its plan.
fn unapproved(rejected: Rejected, plan: &Plan, run: &str) -> Failure {
    let approve = format!("`setai rollback {run} --approve {}`", plan.digest.short());
    match rejected {
        Rejected::NeedsApproval(_) => Failure::new("the plan needs an approval; nothing was changed")
            .help(format!("Look at it above, then use {approve}."))
            .exit(Exit::Refused),
        Rejected::Refused(refusals) if refusals.iter().all(|refusal| refusal.lift == Lift::Approval) => {
            Failure::from(Rejected::Refused(refusals)).help(format!("To approve it, use {approve}."))
        }
        rejected => rejected.into(),
    }
}

//! `setai apply`: plans, asks, applies, and looks whether it worked.

use std::time::Duration;

use serde_json::json;

use crate::controller::{Engine, Proposal, Report, Request};
use crate::manifest::Manifest;
use crate::model::GuildId;
use crate::plan::render::{self, Tone};
use crate::plan::{Approved, Consent, Outcome, Plan, Rejected, judge, judge_strictly};
use crate::store::{Trigger, Verdict};

use super::arguments::{Apply, Connection};
use super::context;
use super::failure::{Exit, Failure};
use super::manifests::{load, manifests};
use super::plan::{SavedPlan, recover, revision, settle};
use super::progress::watched;
use super::screen::Screen;

/// Requests under way at once. More would gain nothing under Discord's limits.
pub(super) const CONCURRENCY: usize = 4;

pub(super) async fn run(command: &Apply, connection: &Connection, screen: Screen) -> Result<Exit, Failure> {
    if let Some(saved) = SavedPlan::read(&command.source.path) {
        let saved = saved?;
        let engine = context::engine(connection).await?;
        return apply_saved(&engine, &saved, command, screen).await;
    }
    let loaded = load(&command.source.path)?;
    let manifests = manifests(&loaded, screen)?;
    let engine = context::engine(connection).await?;
    let revision = revision(&command.source);
    let mut worst = Exit::Success;
    for manifest in &manifests {
        recover(&engine, manifest, screen).await?;
        let exit = apply_one(&engine, manifest, revision.as_deref(), command, screen).await?;
        if exit == Exit::Interrupted {
            return Ok(exit);
        }
        worst = if worst == Exit::Success { exit } else { worst };
    }
    Ok(worst)
}

async fn apply_saved(engine: &Engine, saved: &SavedPlan, command: &Apply, screen: Screen) -> Result<Exit, Failure> {
    let manifest = saved.manifest()?;
    recover(engine, &manifest, screen).await?;
    let proposal = engine.propose(&manifest, saved.plan.revision.as_deref()).await?;
    if !saved.plan.is_still(&proposal.plan) {
        let why = if saved.plan.version == proposal.plan.version {
            "the guild or the bindings have changed since it was made".to_owned()
        } else {
            format!("setai {} made it, and this is setai {}", saved.plan.version, proposal.plan.version)
        };
        return Err(Failure::new(format!("the saved plan is stale: {why}"))
            .help("Nothing was changed. Plan again, and look at what is different.")
            .exit(Exit::Refused));
    }
    if !command.json {
        render::lines(&proposal.plan).iter().for_each(|line| screen.line(line));
    }
    // Who saved the plan has seen it; applying it by name is the yes.
    let consent = command.approve.clone().map_or(Consent::Seen, Consent::Digest);
    carry_out(engine, &manifest, &proposal, &consent, command, screen).await
}

async fn apply_one(
    engine: &Engine,
    manifest: &Manifest,
    revision: Option<&str>,
    command: &Apply,
    screen: Screen,
) -> Result<Exit, Failure> {
    let mut proposal = engine.propose(manifest, revision).await?;
    if !command.json {
        render::lines(&proposal.plan).iter().for_each(|line| screen.line(line));
    }
    if proposal.plan.is_empty() && proposal.plan.refusals.is_empty() && proposal.plan.blocking().next().is_none() {
        engine.rebind(manifest.guild, &proposal.plan.bindings, &context::author()).await?;
        if command.json {
            screen.say(super::json(&json!({ "guild": manifest.guild, "verdict": "unchanged", "steps": [] }))?);
        }
        return Ok(Exit::Success);
    }
    let consent = match (&command.approve, command.auto_approve) {
        (Some(digest), _) => Consent::Digest(digest.clone()),
        (None, true) => Consent::Seen,
        (None, false) => {
            // What is refused anyway is not asked about.
            agree(engine, &proposal.plan, &Consent::Seen, command.json).await?;
            ask(&proposal.plan, screen)?;
            let asked = proposal.plan;
            proposal = engine.propose(manifest, revision).await?;
            if !asked.is_still(&proposal.plan) {
                return Err(crate::controller::Error::Stale.into());
            }
            Consent::Seen
        }
    };
    carry_out(engine, manifest, &proposal, &consent, command, screen).await
}

/// Decides whether a plan may be applied with this consent, by its policy and by what is set for the guild.
pub(super) async fn agree(engine: &Engine, plan: &Plan, consent: &Consent, unseen: bool) -> Result<Approved, Failure> {
    let strictly = engine.servers().require_approval(plan.guild).await?;
    let judged = if strictly { judge_strictly(plan.clone(), consent) } else { judge(plan.clone(), consent) };
    judged.map_err(|rejected| rejection(*rejected, unseen))
}

/// Why a plan is not applied. Where the plan was shown, its reasons stand right above.
fn rejection(rejected: Rejected, unseen: bool) -> Failure {
    if unseen || matches!(rejected, Rejected::NeedsApproval(_) | Rejected::OtherPlan(_)) {
        return rejected.into();
    }
    let failure = Failure::new(format!("{rejected}; nothing was changed")).exit(Exit::Refused);
    failure.help("The lines marked `x` above say why, and what to do.")
}

/// Asks for a yes.
pub(super) fn ask(plan: &Plan, screen: Screen) -> Result<(), Failure> {
    if !screen.is_interactive() {
        return Err(Failure::new("nobody can be asked here, so nothing was changed")
            .help(
                "Look at the plan, then use `--auto-approve`, or save it with `setai plan -o FILE` and apply the file.",
            )
            .exit(Exit::Refused));
    }
    let question = if plan.is_destructive() { "Apply this plan, with what it removes?" } else { "Apply this plan?" };
    let answer = dialoguer::Confirm::new().with_prompt(question).default(false).interact();
    match answer {
        Ok(true) => Ok(()),
        Ok(false) => Err(Failure::new("not applied; nothing was changed").exit(Exit::Refused)),
        Err(error) => Err(Failure::new(format!("the answer could not be read: {error}")).exit(Exit::Refused)),
    }
}

async fn carry_out(
    engine: &Engine,
    manifest: &Manifest,
    proposal: &Proposal,
    consent: &Consent,
    command: &Apply,
    screen: Screen,
) -> Result<Exit, Failure> {
    let approved = agree(engine, &proposal.plan, consent, command.json).await?;
    if approved.rests_on_approval() {
        engine.approve(&proposal.plan, &context::author()).await?;
    }
    let request = Request {
        approved,
        proposal,
        manifest: Some(manifest),
        trigger: Trigger::Person,
        author: context::author(),
        rollback_of: None,
        patience: Duration::from_secs(command.patience),
        concurrency: CONCURRENCY,
    };
    let report = drive(engine, request, command.json, screen).await?;
    if command.rollback_on_error && report.verdict != Verdict::Succeeded {
        take_back(engine, manifest.guild, &report, screen).await?;
    }
    tell(&report, command.json, screen)?;
    Ok(exit_of(report.verdict))
}

/// Applies with a progress bar, and stops in order on Ctrl-C.
pub(super) async fn drive(
    engine: &Engine,
    request: Request<'_>,
    quiet: bool,
    screen: Screen,
) -> Result<Report, Failure> {
    Ok(watched(quiet, screen, async |progress, stop| engine.apply(request, progress, stop).await).await?)
}

/// Undoes what was done of a plan that did not succeed, the latest run first.
async fn take_back(engine: &Engine, guild: GuildId, report: &Report, screen: Screen) -> Result<(), Failure> {
    screen.remark("A step failed, so everything is taken back.");
    // What may have been made is found out first, or it would stay behind.
    settle(engine, guild, screen).await?;
    for run in report.runs().collect::<Vec<_>>().into_iter().rev() {
        let back = engine.way_back(run.run).await?;
        if back.plan.is_empty() {
            continue;
        }
        render::lines(&back.plan).iter().for_each(|line| screen.remark(line.text()));
        // Whoever approved the plan with `--rollback-on-error` approved this too, also where it opens what was just closed.
        let consent = Consent::Digest(back.plan.digest.to_string());
        let strictly = engine.servers().require_approval(guild).await?;
        let judged = if strictly { judge_strictly } else { judge };
        let approved = judged(back.plan.clone(), &consent).map_err(|rejected| Failure::from(*rejected))?;
        if approved.rests_on_approval() {
            engine.approve(&back.plan, &context::author()).await?;
        }
        let request = Request {
            approved,
            proposal: &back,
            manifest: None,
            trigger: Trigger::Retry,
            author: context::author(),
            rollback_of: Some(run.run),
            patience: Duration::from_secs(60),
            concurrency: 1,
        };
        let undone = drive(engine, request, true, screen).await?;
        if undone.verdict != Verdict::Succeeded {
            let run = undone.run.short();
            screen.remark(format!("Not everything could be taken back; `setai history {run}` shows what."));
            return Ok(());
        }
    }
    let open = engine.store().unfinished(guild).await?.iter().map(|run| run.open.len()).sum::<usize>();
    screen.remark(match open {
        0 => "Everything was taken back.".to_owned(),
        open => format!("Everything that is known to be done was taken back; of {open} requests nobody can tell yet."),
    });
    Ok(())
}

/// Says how a run ended.
pub(super) fn tell(report: &Report, as_json: bool, screen: Screen) -> Result<(), Failure> {
    if as_json {
        let steps: Vec<_> = report
            .steps
            .iter()
            .map(|(step, outcome)| json!({ "step": step.id, "operation": step.operation, "result": outcome }))
            .collect();
        let left = report.left.as_ref().map(|plan| plan.steps.len());
        screen.say(super::json(&json!({
            "run": report.run,
            "earlier": report.earlier.iter().map(|run| run.run).collect::<Vec<_>>(),
            "verdict": report.verdict,
            "remark": report.remark,
            "steps": steps,
            "left": left,
        }))?);
        return Ok(());
    }
    for (step, outcome) in &report.steps {
        let why = match outcome {
            Outcome::Done => continue,
            Outcome::Failed { why, .. } => format!("failed: {why}"),
            Outcome::Skipped { why } => format!("skipped: {why}"),
        };
        screen.toned(Tone::Refuse, format!("  step {} {why}", step.id.0));
    }
    for run in &report.earlier {
        let done = run.done().count();
        screen.say(format!("The database was away in the middle of run {}, after {done} steps.", run.run.short()));
    }
    for loss in report.runs().flat_map(Report::done).filter_map(|step| render::loss(&step.operation)) {
        screen.toned(Tone::Faint, format!("  {loss}"));
    }
    let done = report.done().count();
    match report.verdict {
        Verdict::Succeeded => {
            let equal = if report.left.is_some() { "; the guild equals its manifest" } else { "" };
            let text = format!("Applied: {done} of {} steps{equal}. Run {}.", report.steps.len(), report.run.short());
            screen.toned(Tone::Create, text);
        }
        _ => {
            let remark = report.remark.clone().unwrap_or_default();
            screen.toned(
                Tone::Warn,
                format!("Done: {done} of {} steps; {remark}. Run {}.", report.steps.len(), report.run.short()),
            );
            screen.say("Run the same command again to go on; `setai history` shows what was done.");
        }
    }
    Ok(())
}

pub(super) fn exit_of(verdict: Verdict) -> Exit {
    match verdict {
        Verdict::Succeeded => Exit::Success,
        Verdict::Partial => Exit::Partial,
        Verdict::Failed => Exit::Failure,
        Verdict::Interrupted => Exit::Interrupted,
    }
}

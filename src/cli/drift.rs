//! `setai drift`: what was changed in Discord and not in the manifest.

mod adopt;

use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::Serialize;

use crate::discord::Change as LoggedChange;
use crate::plan::render::{self, Tone};
use crate::plan::{NoteCode, Plan, Step};

use super::arguments::{Connection, Drift};
use super::context;
use super::failure::{Exit, Failure};
use super::manifests::{load, manifests};
use super::plan::{recover, revision};
use super::screen::Screen;

/// The drift of one guild.
#[derive(Debug, Serialize)]
struct Report {
    guild: crate::model::GuildId,
    name: String,
    drifted: bool,
    /// When Discord was asked, where that was not just now.
    #[serde(skip_serializing_if = "Option::is_none")]
    seen_at: Option<DateTime<Utc>>,
    differences: Vec<Difference>,
    /// What would bring the guild back.
    plan: Plan,
}

/// One object that differs.
#[derive(Debug, Serialize)]
struct Difference {
    object: String,
    /// What differs: the request that would bring it back.
    step: Step,
    /// Who changed it last, as far as Discord's audit log tells.
    #[serde(skip_serializing_if = "Option::is_none")]
    by: Option<LoggedChange>,
}

pub(super) async fn run(command: &Drift, connection: &Connection, screen: Screen) -> Result<Exit, Failure> {
    let loaded = load(&command.source.path)?;
    let manifests = manifests(&loaded, screen)?;
    let engine = context::engine(connection).await?;
    let revision = revision(&command.source);
    if let Some(named) = &command.adopt {
        let mut desk = adopt::Desk::new(&loaded, named);
        for (entry, manifest) in loaded.entries.iter().zip(&manifests) {
            recover(&engine, manifest, screen).await?;
            let proposal = engine.propose(manifest, revision.as_deref()).await?;
            let log = engine.client().changes(manifest.guild).await.unwrap_or_default();
            let report = report(proposal.plan.clone(), &log);
            desk.adopt(entry, manifest, &proposal, &report.differences)?;
        }
        return desk.finish(command, screen);
    }
    let mut reports = Vec::new();
    for manifest in &manifests {
        if let Some(age) = command.max_age
            && let Some(glance) = engine.glance(manifest, revision.as_deref(), Duration::from_secs(age)).await?
        {
            reports.push(Report { seen_at: Some(glance.seen_at), ..report(glance.plan, &[]) });
            continue;
        }
        recover(&engine, manifest, screen).await?;
        let plan = engine.propose(manifest, revision.as_deref()).await?.plan;
        let log = if plan.is_empty() {
            Vec::new()
        } else {
            engine.client().changes(manifest.guild).await.unwrap_or_default()
        };
        reports.push(report(plan, &log));
    }
    let drifted = reports.iter().any(|report| report.drifted);
    if command.json {
        let text = if let [report] = reports.as_slice() { super::json(report) } else { super::json(&reports) };
        screen.say(text?);
    } else {
        reports.iter().for_each(|report| show(report, screen));
    }
    Ok(if drifted && command.detailed_exitcode { Exit::Changes } else { Exit::Success })
}

fn report(plan: Plan, log: &[LoggedChange]) -> Report {
    let differences: Vec<Difference> = plan
        .steps
        .iter()
        .map(|step| {
            let (object, id) = (step.operation.subject(), step.operation.target());
            // The log is newest first; our own changes explain nothing.
            let by = id.and_then(|id| log.iter().find(|change| change.target == Some(id) && !change.ours)).cloned();
            Difference { object, step: step.clone(), by }
        })
        .collect();
    let gone = plan.notes.iter().any(|note| note.code == NoteCode::DeletedByHand);
    let (guild, name, drifted) = (plan.guild, plan.name.clone(), gone || !differences.is_empty());
    Report { guild, name, drifted, seen_at: None, differences, plan }
}

fn show(report: &Report, screen: Screen) {
    if !report.drifted {
        let when =
            report.seen_at.map_or_else(String::new, |at| format!(" when it was seen at {}", at.format("%H:%M:%S UTC")));
        screen.toned(Tone::Create, format!("{}: no drift{when}.", report.name));
        return;
    }
    screen.toned(Tone::Strong, format!("{}: Discord differs from the manifest. To bring it back:", report.name));
    render::lines(&report.plan).iter().skip(1).for_each(|line| screen.line(line));
    let known: Vec<_> = report.differences.iter().filter_map(|d| Some((d, d.by.as_ref()?))).collect();
    if !known.is_empty() {
        screen.say("");
        screen.toned(Tone::Strong, "Changed last by");
        for (difference, by) in known {
            let why = by.reason.as_deref().map_or_else(String::new, |reason| format!(" ({reason})"));
            screen.say(format!(
                "  {}: {} at {}{why}",
                difference.object,
                by.who,
                by.at.format("%Y-%m-%d %H:%M:%S UTC")
            ));
        }
    }
}

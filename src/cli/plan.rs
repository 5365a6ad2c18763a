//! `setai plan`: shows what would change, and can save it.

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::controller::{Engine, Proposal};
use crate::manifest::{Files, Manifest, parse};
use crate::model::GuildId;
use crate::plan::{Plan, render};

use super::arguments::{Connection, PlanCommand, Source};
use super::failure::{Exit, Failure};
use super::manifests::{Loaded, load, manifests};
use super::progress::watched;
use super::screen::Screen;
use super::{context, json};

/// A saved plan: what was shown, and everything needed to see whether it still holds.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct SavedPlan {
    /// The version of this form.
    setai_plan: u32,
    /// What was shown.
    pub(super) plan: Plan,
    /// The guild file among the sources.
    entry: String,
    /// The manifests it was made from, by name, in base64.
    sources: std::collections::BTreeMap<String, String>,
}

impl SavedPlan {
    const FORM: u32 = 1;

    fn new(plan: Plan, entry: String, files: &Files) -> Self {
        use base64::Engine as _;
        let encode = |bytes: &[u8]| base64::engine::general_purpose::STANDARD.encode(bytes);
        let sources = files.iter().map(|(name, bytes)| (name.to_owned(), encode(bytes))).collect();
        Self { setai_plan: Self::FORM, plan, entry, sources }
    }

    /// Reads a saved plan; none when the file is something else.
    pub(super) fn read(path: &Path) -> Option<Result<Self, Failure>> {
        let text = std::fs::read_to_string(path).ok()?;
        let value: serde_json::Value = serde_json::from_str(&text).ok()?;
        let form = value.get("setai_plan")?.as_u64()?;
        if form != u64::from(Self::FORM) {
            let failure = Failure::new(format!("`{}` was saved by another version of setai", path.display()));
            return Some(Err(failure.help("Plan again with this version.")));
        }
        let broken = |error| Failure::new(format!("`{}` is damaged: {error}", path.display())).help("Plan again.");
        Some(serde_json::from_value(value).map_err(broken))
    }

    /// The manifest it was made from.
    pub(super) fn manifest(&self) -> Result<Manifest, Failure> {
        use base64::Engine as _;
        let damaged = || Failure::new("the saved plan is damaged").help("Plan again.");
        let mut files = Files::default();
        for (name, text) in &self.sources {
            let bytes = base64::engine::general_purpose::STANDARD.decode(text).map_err(|_| damaged())?;
            files.insert(name, bytes).map_err(|_| damaged())?;
        }
        parse(&files, &self.entry).manifest.ok_or_else(damaged)
    }
}

pub(super) async fn run(command: &PlanCommand, connection: &Connection, screen: Screen) -> Result<Exit, Failure> {
    let loaded = load(&command.source.path)?;
    let manifests = manifests(&loaded, screen)?;
    if command.output.is_some() && manifests.len() != 1 {
        return Err(Failure::new(format!("a saved plan is for one guild, and here are {}", manifests.len()))
            .help("Name one guild's file instead of the folder."));
    }
    let engine = context::engine(connection).await?;
    let revision = revision(&command.source);
    let mut plans = Vec::new();
    for manifest in &manifests {
        recover(&engine, manifest, screen).await?;
        let Proposal { plan, .. } = engine.propose(manifest, revision.as_deref()).await?;
        plans.push(plan);
    }
    if let (Some(path), [plan]) = (&command.output, plans.as_slice()) {
        save(plan, &loaded, path)?;
    }
    show(&plans, command, screen);
    for plan in plans.iter().filter(|plan| !plan.is_empty()) {
        let configuration = engine.servers().remembered(plan.guild).await?;
        if configuration.is_some_and(|c| c.settings.moderation.require_admin_approval) {
            screen.remark(format!(
                "Every change of {} needs an approval: `setai apply PATH --approve {}`.",
                plan.name,
                plan.digest.short()
            ));
        }
    }
    Ok(exit(&plans, command.detailed_exitcode))
}

/// The revision that was given, or git's.
pub(super) fn revision(source: &Source) -> Option<String> {
    source.revision.clone().or_else(|| context::git_revision(&source.path))
}

/// Settles what an earlier run left open, and says so.
pub(super) async fn recover(engine: &Engine, manifest: &Manifest, screen: Screen) -> Result<(), Failure> {
    settle(engine, manifest.guild, screen).await
}

/// The same for one guild.
pub(super) async fn settle(engine: &Engine, guild: GuildId, screen: Screen) -> Result<(), Failure> {
    let recovered = watched(false, screen, async |progress, stop| engine.recover(guild, progress, stop).await);
    for run in recovered.await? {
        screen.remark(format!(
            "The run {} had stopped in the middle: of its open requests, {} turned out done and {} not; {} cannot be \
             told. {} of its steps are left.",
            run.run.short(),
            run.done,
            run.not_done,
            run.unknown,
            run.left
        ));
    }
    Ok(())
}

fn save(plan: &Plan, loaded: &Loaded, path: &Path) -> Result<(), Failure> {
    let entry = loaded.entries.first().cloned().unwrap_or_default();
    let saved = SavedPlan::new(plan.clone(), entry, &loaded.files);
    super::write_whole(path, json(&saved)?.as_bytes())
}

fn show(plans: &[Plan], command: &PlanCommand, screen: Screen) {
    if command.json {
        // One guild is the usual case, and scripts then need not look into a list.
        let text =
            if let [plan] = plans { serde_json::to_string_pretty(plan) } else { serde_json::to_string_pretty(plans) };
        screen.say(text.unwrap_or_default());
        return;
    }
    for plan in plans {
        if command.markdown {
            screen.print(render::markdown(plan));
        } else {
            render::lines(plan).iter().for_each(|line| screen.line(line));
        }
    }
    if let (Some(path), false) = (&command.output, command.markdown) {
        screen.remark(format!("Saved. `setai apply {}` applies exactly this plan.", path.display()));
    }
}

fn exit(plans: &[Plan], detailed: bool) -> Exit {
    let changes = plans.iter().any(|plan| !plan.is_empty());
    let blocked = plans.iter().any(|plan| plan.blocking().next().is_some());
    if detailed && (changes || blocked) { Exit::Changes } else { Exit::Success }
}

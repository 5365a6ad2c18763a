//! `setai propose`: a request in plain words becomes a change of a manifest.
//!
//! Decides what is shown of how a request was understood, and what is asked before anything is written: into the files, onto a
//! branch of their repository, or into a pull request. Sends nothing to Discord; what it shows of the plan it only reads.

mod pull_request;

use std::sync::Arc;

use serde::Serialize;

use crate::ai::guard::Breach;
use crate::ai::told::{self, Sign};
use crate::ai::{Interpretation, Interpreter, Part, Request, Revision, revise};
use crate::cache::Cache;
use crate::clock::Clock;
use crate::manifest::edit;
use crate::manifest::{Files, Manifest};
use crate::plan::Plan;
use crate::plan::render::{self, Tone};

use super::arguments::{Connection, Propose};
use super::branch::{self, Committed};
use super::context;
use super::failure::{Exit, Failure};
use super::manifests::{Loaded, load, manifests};
use super::rewrite::{self, root_of};
use super::screen::Screen;

/// Most characters of a request.
const LONGEST: usize = crate::ai::rules::LONGEST;

/// A request and what it comes to, for scripts.
#[derive(Debug, Serialize)]
struct Proposal {
    interpretation: Interpretation,
    /// Files that change.
    changed: Vec<String>,
    /// What referred to something that goes, and goes with it.
    dropped: Vec<String>,
    diff: String,
    /// What it would do in Discord; none where nobody could look.
    #[serde(skip_serializing_if = "Option::is_none")]
    plan: Option<Plan>,
    written: bool,
    /// Where it was committed.
    #[serde(skip_serializing_if = "Option::is_none")]
    commit: Option<Committed>,
}

pub(super) async fn run(command: &Propose, connection: &Connection, screen: Screen) -> Result<Exit, Failure> {
    let request = checked(&command.text)?;
    if command.pr {
        return pull_request::run(command, request, connection, screen).await;
    }
    let loaded = load(&command.path)?;
    manifests(&loaded, screen)?;
    let entry = only_entry(&loaded)?;
    let asked = Request::about(request, &loaded.files, entry);
    let interpretation = interpreter(connection)?.interpret(&asked).await?;
    if !command.json {
        tell(&interpretation, screen);
    }
    if interpretation.edits.is_empty() {
        if command.json {
            screen.say(super::json(&Proposal::nothing(interpretation))?);
        }
        return Err(no_change());
    }
    let revised = revise(&loaded.files, entry, &interpretation.edits, Breach::is_for_everybody);
    let Revision { edited, manifest } = revised.map_err(|wrong| refused(&wrong.join("; ")))?;
    let changed = edited.changed;
    let diff: String = changed.iter().map(|name| edit::difference(&loaded.files, &edited.files, name)).collect();
    let plan = plan(&manifest, connection, screen).await?;
    let dropped = edited.dropped;
    let mut proposal = Proposal { interpretation, changed, dropped, diff, plan, written: false, commit: None };
    if !command.json {
        show(&proposal, &edited.rewritten, screen);
    }
    if !proposal.changed.is_empty() {
        write(command, &loaded, &edited.files, &mut proposal, screen)?;
    }
    finish(command, &proposal, screen)
}

impl Proposal {
    fn nothing(interpretation: Interpretation) -> Self {
        let (changed, dropped, diff) = (Vec::new(), Vec::new(), String::new());
        Self { interpretation, changed, dropped, diff, plan: None, written: false, commit: None }
    }
}

/// Who understands: the model of the operator's file, or the embedded rules.
fn interpreter(connection: &Connection) -> Result<Arc<dyn Interpreter>, Failure> {
    let config = super::config::in_force(connection)?;
    let cache = context::cache(connection)?.unwrap_or_else(|| Cache::in_process(Clock::system()));
    super::run::proposals::interpreter(config.as_ref().map(|config| &config.ai), cache)
}

/// The request, when it is one.
fn checked(text: &str) -> Result<&str, Failure> {
    let text = text.trim();
    if text.is_empty() {
        return Err(Failure::new("the request is empty")
            .help("Say what is wanted, such as: setai propose \"add a voice channel Lounge\" guild.yaml"));
    }
    let length = text.chars().count();
    if length > LONGEST {
        return Err(Failure::new(format!("the request has {length} characters; at most {LONGEST} are read"))
            .help("Make several requests of it."));
    }
    Ok(text)
}

fn only_entry(loaded: &Loaded) -> Result<&str, Failure> {
    match loaded.entries.as_slice() {
        [one] => Ok(one),
        [] => Err(Failure::new("there is no manifest here").help("`setai init` writes a first one.")),
        several => Err(Failure::new("there are several manifests here, and a request is about one")
            .help(format!("Name the one that is meant: {}.", several.join(", ")))),
    }
}

fn refused(why: &str) -> Failure {
    Failure::new(format!("the manifest cannot be changed like that: {why}"))
        .help("Nothing was written. Ask for less, or edit the manifest by hand.")
        .exit(Exit::Refused)
}

fn no_change() -> Failure {
    Failure::new("the request comes to no change; nothing was written")
        .help("Say it in other words, one request to a sentence, with names as they stand in the manifest.")
        .help("What is understood: create, delete, rename and move roles, categories and channels, set their fields, and say who may do what where.")
}

/// What it would do in Discord, where there is a token to look with.
async fn plan(manifest: &Manifest, connection: &Connection, screen: Screen) -> Result<Option<Plan>, Failure> {
    if !context::says_token(connection) {
        screen.remark("There is no bot token, so what it would do in Discord is not shown.");
        return Ok(None);
    }
    let engine = context::engine(connection).await?;
    Ok(Some(engine.propose(manifest, None).await?.plan))
}

/// Writes, after asking where somebody can be asked.
fn write(
    command: &Propose,
    loaded: &Loaded,
    files: &Files,
    proposal: &mut Proposal,
    screen: Screen,
) -> Result<(), Failure> {
    let question = match &command.branch {
        Some(branch) => format!("Commit this to the new branch `{branch}`?"),
        None => "Write this?".to_owned(),
    };
    if !command.write {
        if command.json {
            return Ok(());
        }
        if !screen.is_interactive() {
            return Err(nobody_to_ask());
        }
        screen.confirm(&question, "not written")?;
    }
    match &command.branch {
        None => {
            rewrite::write(&command.path, &loaded.files, files, &proposal.changed)?;
            proposal.written = true;
        }
        Some(name) => {
            let changed = proposal.changed.iter().filter_map(|name| {
                Some(branch::Change { name, before: loaded.files.get(name)?, after: files.get(name)? })
            });
            let message = format!("{}\n", proposal.interpretation.original_text.trim());
            let committed = branch::commit(&root_of(&command.path), name, &changed.collect::<Vec<_>>(), &message)?;
            proposal.commit = Some(committed);
            proposal.written = true;
        }
    }
    Ok(())
}

fn nobody_to_ask() -> Failure {
    Failure::new("nobody can be asked here, so nothing was written")
        .help("Look at the difference, then use `--write`.")
        .exit(Exit::Refused)
}

fn finish(command: &Propose, proposal: &Proposal, screen: Screen) -> Result<Exit, Failure> {
    if command.json {
        screen.say(super::json(proposal)?);
    } else if let Some(Committed { branch, commit }) = &proposal.commit {
        let short = commit.get(..12).unwrap_or(commit);
        screen.toned(
            Tone::Create,
            format!("Committed as {short} on the branch `{branch}`. Merging it is `git merge {branch}`."),
        );
    } else if proposal.written {
        let files = proposal.changed.join(", ");
        screen.toned(Tone::Create, format!("Wrote {files}. `setai plan` shows what it would change in Discord."));
    } else {
        screen.toned(Tone::Create, "The manifest says all of this already.");
    }
    let is_whole = proposal.interpretation.not_understood.is_empty();
    Ok(if proposal.written && !is_whole { Exit::Partial } else { Exit::Success })
}

// ---- what is shown ----

fn tell(interpretation: &Interpretation, screen: Screen) {
    let Interpretation { edits, not_understood, confidence_score, alternatives, .. } = interpretation;
    if !edits.is_empty() {
        screen.toned(Tone::Strong, format!("Understood ({:.0}% sure):", confidence_score * 100.0));
    }
    for edit in edits {
        let (sign, text) = told::told(edit);
        screen.toned(tone(sign), format!("  {} {text}", sign.symbol()));
    }
    if !not_understood.is_empty() {
        screen.toned(Tone::Warn, "Not understood:");
    }
    for Part { text, position: _, why } in not_understood {
        screen.say(format!("  `{}`: {why}", text.replace('\n', " ")));
    }
    if !alternatives.is_empty() {
        let meanings: Vec<&str> = alternatives.iter().map(|other| other.meaning.as_str()).collect();
        screen.say(format!("  It could be {}. Say which, in words like these.", meanings.join(" or ")));
    }
}

fn show(proposal: &Proposal, rewritten: &[edit::Rewritten], screen: Screen) {
    screen.say("");
    rewrite::show(&proposal.diff, screen);
    for place in &proposal.dropped {
        screen.remark(format!("`{place}` named something that goes, and goes with it."));
    }
    for rewritten in rewritten {
        screen.remark(format!("{rewritten}."));
    }
    show_plan(proposal.plan.as_ref(), screen);
}

fn show_plan(plan: Option<&Plan>, screen: Screen) {
    if let Some(plan) = plan {
        screen.say("");
        render::lines(plan).iter().for_each(|line| screen.line(line));
        screen.say("");
    }
}

fn tone(sign: Sign) -> Tone {
    match sign {
        Sign::Create => Tone::Create,
        Sign::Delete => Tone::Delete,
        Sign::Move => Tone::Move,
        Sign::Update => Tone::Update,
    }
}

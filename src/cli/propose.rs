//! `setai propose`: a request in plain English becomes a change of a manifest.
//!
//! Decides what is shown of how a request was understood, and what is asked before files are written. Sends nothing to
//! anybody: the embedded interpreter needs no network.

use std::time::Instant;

use serde::Serialize;

use crate::ai::rules::{LONGEST, interpret};
use crate::ai::told::{self, Sign};
use crate::ai::{Interpretation, Part};
use crate::manifest::Files;
use crate::manifest::edit;
use crate::plan::render::Tone;

use super::arguments::Propose;
use super::failure::{Exit, Failure};
use super::manifests::{Loaded, load, manifests};
use super::rewrite;
use super::screen::Screen;

/// A request and what it comes to, for scripts.
#[derive(Debug, Serialize)]
struct Proposal {
    interpretation: Interpretation,
    /// Files that change.
    changed: Vec<String>,
    /// What referred to something that goes, and goes with it.
    dropped: Vec<String>,
    diff: String,
    written: bool,
}

pub(super) fn run(command: &Propose, screen: Screen) -> Result<Exit, Failure> {
    let request = checked(&command.text)?;
    let loaded = load(&command.path)?;
    manifests(&loaded, screen)?;
    let entry = only_entry(&loaded)?;
    let begun = Instant::now();
    let mut interpretation = interpret(request, &loaded.files, entry);
    interpretation.processing_time = begun.elapsed().as_secs_f64() * 1000.0;
    if !command.json {
        tell(&interpretation, screen);
    }
    if interpretation.edits.is_empty() {
        if command.json {
            let proposal = Proposal {
                interpretation,
                changed: Vec::new(),
                dropped: Vec::new(),
                diff: String::new(),
                written: false,
            };
            screen.say(super::json(&proposal)?);
        }
        return Err(Failure::new("the request comes to no change; nothing was written")
            .help("Say it in other words, one request to a sentence, with names as they stand in the manifest.")
            .help("What is understood: create, delete, rename and move roles, categories and channels, set their fields, and say who may do what where."));
    }
    let edited = edit::apply(&loaded.files, entry, &interpretation.edits).map_err(|error| refused(&error))?;
    let mut changed = edited.changed;
    changed.sort();
    let diff: String = changed.iter().map(|name| edit::difference(&loaded.files, &edited.files, name)).collect();
    let mut proposal = Proposal { interpretation, changed, dropped: edited.dropped, diff, written: false };
    if !command.json {
        show(&proposal, &edited.rewritten, screen);
    }
    if !proposal.changed.is_empty() {
        proposal.written = written(command, &loaded, &edited.files, &proposal, screen)?;
    }
    finish(command, &proposal, screen)
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

fn refused(error: &edit::EditError) -> Failure {
    Failure::new(format!("the manifest cannot be changed like that: {error}"))
        .help("Nothing was written. Ask for less, or edit the manifest by hand.")
        .exit(Exit::Refused)
}

/// Writes, after asking where somebody can be asked; false when it was only shown.
fn written(
    command: &Propose,
    loaded: &Loaded,
    files: &Files,
    proposal: &Proposal,
    screen: Screen,
) -> Result<bool, Failure> {
    if !command.write {
        if command.json {
            return Ok(false);
        }
        if !screen.is_interactive() {
            return Err(Failure::new("nobody can be asked here, so nothing was written")
                .help("Look at the difference, then use `--write`.")
                .exit(Exit::Refused));
        }
        screen.confirm("Write this?", "not written")?;
    }
    rewrite::write(&command.path, &loaded.files, files, &proposal.changed)?;
    Ok(true)
}

fn finish(command: &Propose, proposal: &Proposal, screen: Screen) -> Result<Exit, Failure> {
    if command.json {
        screen.say(super::json(proposal)?);
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
        let objects: Vec<&str> =
            alternatives.iter().flat_map(|other| &other.targets).map(|target| target.object.as_str()).collect();
        screen.say(format!(
            "  It could be {}. Say which, as `the ... channel`, `role` or `category`.",
            objects.join(" or ")
        ));
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
}

fn tone(sign: Sign) -> Tone {
    match sign {
        Sign::Create => Tone::Create,
        Sign::Delete => Tone::Delete,
        Sign::Move => Tone::Move,
        Sign::Update => Tone::Update,
    }
}

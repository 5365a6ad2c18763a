//! `setai propose --pr`: the change goes in front of the team, as a pull request at the forge of a source of the operator's file.

use serde::Serialize;

use crate::ai::{Interpretation, Request};
use crate::config::{Config, Source};
use crate::controller::{Draft, Drafted, Outlet, Proposer, Watched, Written};
use crate::forge::Proposed;
use crate::manifest::{Files, guild_files};
use crate::plan::Plan;
use crate::plan::render::Tone;
use crate::source::{Content, Look};

use super::super::arguments::{Connection, Propose};
use super::super::config::in_force;
use super::super::context;
use super::super::failure::{Exit, Failure};
use super::super::rewrite;
use super::super::run::{proposals, sources};
use super::super::screen::Screen;
use super::{interpreter, no_change, nobody_to_ask, refused, show_plan, tell};

/// A request and the pull request it became, for scripts.
#[derive(Debug, Serialize)]
struct Opened<'o> {
    interpretation: &'o Interpretation,
    diff: &'o str,
    plan: &'o Plan,
    /// None when it was not opened.
    #[serde(skip_serializing_if = "Option::is_none")]
    pull_request: Option<PullRequest>,
}

#[derive(Debug, Serialize)]
struct PullRequest {
    number: u64,
    url: Option<String>,
    branch: String,
    commit: String,
    /// `opened`, `updated` or `unchanged`.
    outcome: &'static str,
}

pub(super) async fn run(
    command: &Propose,
    request: &str,
    connection: &Connection,
    screen: Screen,
) -> Result<Exit, Failure> {
    let no_file = || {
        Failure::new("there is no operator's file, so nobody knows where pull requests go")
            .help("Name it with `--config`; docs/forges.md says what it needs. `--branch` needs none.")
    };
    let config = in_force(connection)?.ok_or_else(no_file)?;
    let (source, outlet) = chosen(&config, command.source.as_deref())?;
    let written = written(source, command).await?;
    let asked = Request::about(request, &written.files, &written.entry);
    let interpretation = interpreter(connection)?.interpret(&asked).await?;
    if !command.json {
        tell(&interpretation, screen);
    }
    let engine = context::engine(connection).await?;
    let draft = match engine.draft(written, interpretation).await? {
        Drafted::Change(draft) => draft,
        Drafted::Nothing(_) => return Err(no_change()),
        Drafted::Refused(_, wrong) => return Err(refused(&wrong.join("; "))),
        Drafted::Same(_) => {
            screen.toned(Tone::Create, "The manifest says all of this already.");
            return Ok(Exit::Success);
        }
    };
    if !command.json {
        screen.say("");
        rewrite::show(&draft.diff, screen);
        for place in &draft.dropped {
            screen.remark(format!("`{place}` named something that goes, and goes with it."));
        }
        show_plan(Some(&draft.plan), screen);
    }
    let proposed = match agreed(command, &draft, screen)? {
        true => Some(open(&outlet, &draft).await?),
        false => None,
    };
    finish(command, &draft, proposed.as_ref(), screen)
}

/// The source that is meant, and its forge.
fn chosen<'c>(config: &'c Config, named: Option<&str>) -> Result<(&'c Source, Outlet), Failure> {
    let mut outlets = proposals::outlets(&config.sources)?;
    let names: Vec<&str> = outlets.keys().map(String::as_str).collect();
    let name = match (named, names.as_slice()) {
        (Some(name), _) => name.to_owned(),
        (None, [one]) => (*one).to_owned(),
        (None, []) => {
            return Err(Failure::new("no source of the operator's file has a `forge`")
                .help("docs/forges.md says what it needs. `--branch` needs none."));
        }
        (None, several) => {
            return Err(Failure::new("several sources have a forge, and a request is about one")
                .help(format!("Name the one that is meant with `--source`: {}.", several.join(", "))));
        }
    };
    let source = config.sources.iter().find(|source| source.name == name);
    match source.zip(outlets.remove(&name)) {
        Some(found) => Ok(found),
        None => Err(Failure::new(format!("there is no source `{name}` with a forge"))
            .help("The operator's file names sources and their forges.")),
    }
}

/// What the source has at this moment.
async fn written(source: &Source, command: &Propose) -> Result<Written, Failure> {
    let watched = sources::watched(std::slice::from_ref(source))?;
    let Some(Watched { name, source, .. }) = watched.into_iter().next() else {
        return Err(Failure::new("the source cannot be read"));
    };
    match source.look(None).await.map_err(|error| Failure::new(error.to_string()))? {
        Look::New(content) => {
            let Content { revision, files } = *content;
            let entry = entry(&files, command)?;
            Ok(Written { source: name, revision, files, entry })
        }
        Look::Unchanged => Err(Failure::new("the source cannot be read")),
    }
}

fn entry(files: &Files, command: &Propose) -> Result<String, Failure> {
    let (entries, _) = guild_files(files);
    let named = command.path.to_string_lossy();
    match entries.as_slice() {
        _ if entries.iter().any(|entry| *entry == named) => Ok(named.into_owned()),
        [one] if named == "." => Ok(one.clone()),
        [] => Err(Failure::new("there is no manifest in the source")),
        several => Err(Failure::new("a request is about one manifest of the source")
            .help(format!("Name the one that is meant: {}.", several.join(", ")))),
    }
}

/// That somebody wants it opened. False when it was only to be shown.
fn agreed(command: &Propose, draft: &Draft, screen: Screen) -> Result<bool, Failure> {
    if command.write {
        return Ok(true);
    }
    if command.json {
        return Ok(false);
    }
    if !screen.is_interactive() {
        return Err(nobody_to_ask());
    }
    let question = format!("Open a pull request at the source `{}`?", draft.written.source);
    screen.confirm(&question, "not opened; nothing was written").map(|()| true)
}

async fn open(outlet: &Outlet, draft: &Draft) -> Result<Proposed, Failure> {
    let asker = Proposer { name: context::author().name(), user: None };
    Ok(outlet.open(draft, &asker, None).await?)
}

fn finish(command: &Propose, draft: &Draft, proposed: Option<&Proposed>, screen: Screen) -> Result<Exit, Failure> {
    let outcome = |proposed: &Proposed| match proposed {
        Proposed::Opened(_) => "opened",
        Proposed::Updated(_) => "updated",
        Proposed::Unchanged(_) | Proposed::Already { .. } => "unchanged",
    };
    let pull_request = proposed.and_then(|proposed| {
        let proposal = proposed.proposal()?;
        Some(PullRequest {
            number: proposal.number,
            url: proposal.url.clone(),
            branch: proposal.branch.to_string(),
            commit: proposal.commit.to_string(),
            outcome: outcome(proposed),
        })
    });
    if command.json {
        let Draft { interpretation, diff, plan, .. } = draft;
        screen.say(super::super::json(&Opened { interpretation, diff, plan, pull_request })?);
    } else {
        match &pull_request {
            Some(PullRequest { url: Some(url), outcome, .. }) => {
                screen.toned(Tone::Create, format!("The pull request is {outcome}: {url}"));
            }
            Some(PullRequest { branch, outcome, .. }) => {
                let text = format!("The branch `{branch}` is {outcome}. Merging it is `git merge {branch}`.");
                screen.toned(Tone::Create, text);
            }
            None => screen.toned(Tone::Create, "The base branch has all of this already."),
        }
    }
    let is_whole = draft.interpretation.not_understood.is_empty();
    Ok(if is_whole { Exit::Success } else { Exit::Partial })
}

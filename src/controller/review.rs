//! What a pull request would do to guilds, as a comment on it: also of pull requests people open.
//!
//! Decides what is said of which. It reads and writes nothing but the comment and the commit's status: plans are made as for a
//! sweep and applied by nobody, and nothing of a pull request is ever run. Of one from another repository only what is wrong
//! with its files is told: whoever wrote it could otherwise ask a plan what the team does not show.

use std::fmt::Write as _;

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::forge::{self, Commented, CommitId, Forge, Marker, PullRequest, PullRequestState, Status};
use crate::manifest::{Diagnostic, Files, Manifest, Severity, guild_files, parse, render_diagnostics};
use crate::plan::{Plan, render};
use crate::source::{Class, Content};

use super::console::{Console, Trouble};
use super::proposals::CONTEXT;

/// What our comment is known by.
const MARKER: &str = "setai-plan";

/// Most bytes of a comment that plans take; what is left out is said.
const MOST: usize = 60_000;

/// A pull request that is to be looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PullRequestOf {
    /// The source whose repository it is in.
    pub source: String,
    /// Its number.
    pub number: u64,
}

/// What came of a look at a pull request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reviewed {
    /// It is not open any more, so nothing is said.
    Over,
    /// The comment says what it would do.
    Told(Commented),
}

/// What a pull request means for one file of a guild.
enum Part {
    /// The same as before.
    Same,
    /// Something is wrong with it.
    Wrong { entry: String, text: String },
    /// Nobody here may manage its guild from there.
    Elsewhere { entry: String },
    /// It would do this.
    Plan(Box<Plan>),
    /// It would do something, and nobody could look what.
    Unseen { entry: String, why: String },
}

impl Console {
    /// Looks at pull requests until it is stopped, one after the other. What goes wrong is logged, and the next message about the
    /// same pull request is another try.
    pub async fn review_all(self, mut asked: mpsc::Receiver<PullRequestOf>, stop: CancellationToken) {
        loop {
            let next = tokio::select! {
                () = stop.cancelled() => return,
                next = asked.recv() => next,
            };
            let Some(PullRequestOf { source, number }) = next else { return };
            let reviewed = tokio::select! {
                () = stop.cancelled() => return,
                reviewed = self.review(&source, number) => reviewed,
            };
            match reviewed {
                Ok(reviewed) => tracing::info!(source, number, ?reviewed, "a pull request was looked at"),
                Err(error) => tracing::warn!(source, number, %error, "a pull request could not be looked at"),
            }
        }
    }

    /// Says on a pull request what it would do.
    ///
    /// # Errors
    /// When the forge, the repository, Discord or the store cannot be asked. Then nothing is said, or what was said stays.
    pub async fn review(&self, source: &str, number: u64) -> Result<Reviewed, Trouble> {
        let no_outlet = || Trouble::NoOutlet { source_name: source.to_owned() };
        let forge = &self.outlet(source).ok_or_else(no_outlet)?.forge;
        let request = forge.pull_request(number).await.map_err(Trouble::Forge)?;
        if request.state != PullRequestState::Open {
            return Ok(Reviewed::Over);
        }
        let parts = match self.at(source, &request.head.commit).await {
            Ok(Some(content)) => self.parts(source, &request, &content.files).await,
            Ok(None) => return Err(no_outlet()),
            Err(Trouble::Source { error, .. }) if error.class() != Class::Waiting => {
                vec![Part::Wrong { entry: String::new(), text: error.to_string() }]
            }
            Err(trouble) => return Err(trouble),
        };
        let marker = Marker::new(MARKER).map_err(|error| Trouble::Unproposable { why: error.to_string() })?;
        let status = status(&parts);
        let comment = comment(&request, parts);
        let commented = forge.comment(number, &marker, &comment).await.map_err(Trouble::Forge)?;
        set_status(&**forge, &request.head.commit, &status).await;
        Ok(Reviewed::Told(commented))
    }

    async fn at(&self, source: &str, commit: &CommitId) -> Result<Option<Content>, Trouble> {
        let Some(watched) = self.sources().iter().find(|watched| watched.name == source) else { return Ok(None) };
        let content = watched.source.at(commit.as_str()).await;
        content.map_err(|error| Trouble::Source { name: source.to_owned(), error })
    }

    async fn parts(&self, source: &str, request: &PullRequest, files: &Files) -> Vec<Part> {
        let (entries, shared) = guild_files(files);
        let mut parts: Vec<Part> = Vec::new();
        if !shared.is_empty() {
            parts.push(Part::Wrong { entry: String::new(), text: told(&shared, files) });
        }
        for entry in entries {
            let parsed = parse(files, &entry);
            let part = match parsed.manifest {
                None => Part::Wrong { text: told(&parsed.diagnostics, files), entry },
                Some(manifest) => self.part(source, request, entry, &manifest).await,
            };
            parts.push(part);
        }
        parts
    }

    async fn part(&self, source: &str, request: &PullRequest, entry: String, manifest: &Manifest) -> Part {
        let wanted = self.handle().wish(manifest.guild).and_then(|wish| wish.last_good);
        let Some(wanted) = wanted.filter(|wanted| wanted.source == source && wanted.entry == entry) else {
            return Part::Elsewhere { entry };
        };
        if wanted.fingerprint == manifest.fingerprint() {
            return Part::Same;
        }
        if request.head.is_fork {
            let why =
                "it comes from another repository. Whoever may push here can push its branch here to see the plan";
            return Part::Unseen { entry, why: why.to_owned() };
        }
        let commit = request.head.commit.as_str();
        let revision = format!("{}@{}", request.head.branch, commit.get(..12).unwrap_or(commit));
        match self.view_of(manifest, &revision).await {
            Ok(view) => Part::Plan(Box::new(view.proposal.plan)),
            Err(error) => Part::Unseen { entry, why: error.to_string() },
        }
    }
}

async fn set_status(forge: &dyn Forge, commit: &CommitId, status: &Status) {
    if let Err(error) = forge.status(commit, status).await {
        tracing::warn!(forge = forge.describe(), %error, "the status of a pull request could not be set");
    }
}

/// What is wrong, as it is shown in a terminal.
fn told(diagnostics: &[Diagnostic], files: &Files) -> String {
    let blocking: Vec<Diagnostic> = diagnostics.iter().filter(|d| d.severity == Severity::Block).cloned().collect();
    render_diagnostics(if blocking.is_empty() { diagnostics } else { &blocking }, files, false)
}

/// All of it in a few words, for the list of checks.
fn status(parts: &[Part]) -> Status {
    let count = |is_such: fn(&Part) -> bool| parts.iter().filter(|part| is_such(part)).count();
    let wrong = count(|part| matches!(part, Part::Wrong { .. }));
    let refused = count(|part| matches!(part, Part::Plan(plan) if !plan.refusals.is_empty()));
    let unseen = count(|part| matches!(part, Part::Unseen { .. }));
    let plans: Vec<&Plan> = parts
        .iter()
        .filter_map(|part| match part {
            Part::Plan(plan) => Some(&**plan),
            _ => None,
        })
        .collect();
    let (state, description) = match (wrong, refused, unseen, plans.as_slice()) {
        (0, 0, 0, []) => (forge::State::Success, "no guild changes".to_owned()),
        (0, 0, 0, [plan]) => (forge::State::Success, render::summary(plan)),
        (0, 0, 0, plans) => (forge::State::Success, format!("{} guilds change", plans.len())),
        (0, 0, 1, _) => (forge::State::Pending, "the plan is not shown".to_owned()),
        (0, 0, unseen, _) => (forge::State::Pending, format!("{unseen} plans are not shown")),
        (0, 1, _, _) => (forge::State::Failure, "something is refused".to_owned()),
        (0, refused, _, _) => (forge::State::Failure, format!("something is refused in {refused} guilds")),
        (1, ..) => (forge::State::Failure, "a manifest is not valid".to_owned()),
        (wrong, ..) => (forge::State::Failure, format!("{wrong} manifests are not valid")),
    };
    Status { state, context: CONTEXT.to_owned(), description, url: None }
}

fn comment(request: &PullRequest, parts: Vec<Part>) -> String {
    let commit = request.head.commit.as_str();
    let mut text = format!("What merging `{}` would do:\n\n", commit.get(..12).unwrap_or(commit));
    let all = parts.len();
    let (mut said, mut same) = (0, 0);
    for part in parts {
        let piece = match part {
            Part::Same => {
                same += 1;
                continue;
            }
            Part::Wrong { entry, text } => {
                format!("### {}\n\nNot valid:\n\n```\n{}\n```\n\n", name(&entry), fenced(&text))
            }
            Part::Elsewhere { entry } => {
                format!("### {}\n\nIts guild is not managed from this file, so nothing would happen.\n\n", name(&entry))
            }
            Part::Plan(plan) => render::markdown(&plan) + "\n",
            Part::Unseen { entry, why } => {
                format!("### {}\n\nThe plan is not shown: {}.\n\n", name(&entry), render::escaped(&why))
            }
        };
        if text.len() + piece.len() > MOST {
            _ = write!(text, "... and {} more.\n\n", all - said - same);
            return text;
        }
        said += 1;
        text.push_str(&piece);
    }
    if said == 0 {
        text = format!("Merging `{}` changes no guild.\n\n", commit.get(..12).unwrap_or(commit));
    }
    text
}

fn name(entry: &str) -> String {
    if entry.is_empty() { "The folder".to_owned() } else { format!("`{}`", entry.replace('`', "'")) }
}

fn fenced(text: &str) -> String {
    text.trim_end().replace("```", "'''").replace('@', "@\u{200b}")
}

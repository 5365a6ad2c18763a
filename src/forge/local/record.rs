//! What a local forge keeps beside its branches: pull requests, comments and statuses, as files under one reference.
//!
//! Decides how they are written. Every change is a commit on top of the one before, and is made again when somebody else was faster.

use std::collections::BTreeMap;

use git2::{ErrorCode, FileMode, Oid, Repository, Signature, Time};
use serde::{Deserialize, Serialize};

use super::{EMAIL, Git, NAME};
use crate::forge::{Error, State, Status};

/// Where it is kept. Not below `refs/heads`, so that nobody takes it for a branch.
const REFERENCE: &str = "refs/notes/setai";

/// How often a change is made again because somebody else was faster.
const MOST_TRIES: usize = 20;

/// A pull request.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Record {
    pub(super) number: u64,
    pub(super) branch: String,
    pub(super) base: String,
    pub(super) title: String,
    pub(super) body: String,
    /// Where the branch was when it was written last.
    pub(super) head: String,
    #[serde(default)]
    pub(super) comments: Vec<Said>,
}

/// A comment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Said {
    pub(super) id: u64,
    pub(super) author: String,
    pub(super) body: String,
}

/// A status.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Kept {
    state: String,
    description: String,
    url: Option<String>,
}

/// Everything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Records {
    pub(super) pulls: Vec<Record>,
    /// By commit, then by context.
    statuses: BTreeMap<String, BTreeMap<String, Kept>>,
}

impl Records {
    /// What is there.
    pub(super) fn read(git: &Git, repository: &Repository) -> Result<Self, Error> {
        Ok(Self::read_at(git, repository)?.0)
    }

    fn read_at(git: &Git, repository: &Repository) -> Result<(Self, Option<Oid>), Error> {
        let failed = |what| git.failed(what);
        let found = match repository.find_reference(REFERENCE) {
            Ok(reference) => reference.peel_to_commit().map_err(failed("read its pull requests"))?,
            Err(error) if error.code() == ErrorCode::NotFound => return Ok((Self::default(), None)),
            Err(error) => return Err(git.failed("read its pull requests")(error)),
        };
        let tree = found.tree().map_err(failed("read its pull requests"))?;
        let mut records = Self::default();
        for (_, text) in files(git, repository, &tree, "pulls")? {
            records.pulls.push(parse(git, &text)?);
        }
        records.pulls.sort_by_key(|record| record.number);
        for (name, text) in files(git, repository, &tree, "statuses")? {
            let commit = name.trim_end_matches(".json").to_owned();
            records.statuses.insert(commit, parse(git, &text)?);
        }
        Ok((records, Some(found.id())))
    }

    /// Changes what is there, as often as it takes.
    pub(super) fn change<T>(
        git: &Git,
        repository: &Repository,
        mut change: impl FnMut(&mut Self) -> T,
    ) -> Result<T, Error> {
        let mut tries = 0;
        loop {
            let (before, at) = Self::read_at(git, repository)?;
            let mut after = before.clone();
            let answer = change(&mut after);
            if after == before {
                return Ok(answer);
            }
            match after.write(git, repository, at) {
                Ok(()) => return Ok(answer),
                Err(_) if tries < MOST_TRIES => tries += 1,
                Err(error) => return Err(git.failed("keep its pull requests")(error)),
            }
        }
    }

    fn write(&self, git: &Git, repository: &Repository, on: Option<Oid>) -> Result<(), git2::Error> {
        let folder = |files: Vec<(String, String)>| {
            let mut folder = repository.treebuilder(None)?;
            for (name, text) in files {
                folder.insert(name, repository.blob(text.as_bytes())?, FileMode::Blob.into())?;
            }
            folder.write()
        };
        let pulls = self.pulls.iter().map(|record| (format!("{}.json", record.number), text(record)));
        let statuses = self.statuses.iter().map(|(commit, kept)| (format!("{commit}.json"), text(kept)));
        let mut root = repository.treebuilder(None)?;
        root.insert("pulls", folder(pulls.collect())?, FileMode::Tree.into())?;
        root.insert("statuses", folder(statuses.collect())?, FileMode::Tree.into())?;
        let tree = repository.find_tree(root.write()?)?;
        let who = Signature::new(NAME, EMAIL, &Time::new(git.seconds, 0))?;
        let parent = on.map(|on| repository.find_commit(on)).transpose()?;
        let parents: Vec<_> = parent.iter().collect();
        let commit = repository.commit(None, &who, &who, "Keep pull requests\n", &tree, &parents)?;
        match on {
            Some(on) => repository.reference_matching(REFERENCE, commit, true, on, "setai"),
            None => repository.reference(REFERENCE, commit, false, "setai"),
        }
        .map(drop)
    }

    pub(super) fn pull(&self, git: &Git, number: u64) -> Result<&Record, Error> {
        self.pulls.iter().find(|record| record.number == number).ok_or_else(|| missing(git, number))
    }

    pub(super) fn pull_mut(&mut self, git: &Git, number: u64) -> Result<&mut Record, Error> {
        self.pulls.iter_mut().find(|record| record.number == number).ok_or_else(|| missing(git, number))
    }

    pub(super) fn status(&self, commit: &str, context: &str) -> Option<Status> {
        let Kept { state, description, url } = self.statuses.get(commit)?.get(context)?.clone();
        let state = STATES.iter().find(|(_, word)| *word == state)?.0;
        Some(Status { state, context: context.to_owned(), description, url })
    }

    pub(super) fn set_status(&mut self, commit: &str, status: &Status) {
        let Status { state, context, description, url } = status.clone();
        let word = STATES.iter().find(|(known, _)| *known == state).map_or("", |(_, word)| *word);
        let kept = Kept { state: word.to_owned(), description, url };
        self.statuses.entry(commit.to_owned()).or_default().insert(context, kept);
    }
}

const STATES: [(State, &str); 4] =
    [(State::Pending, "pending"), (State::Success, "success"), (State::Failure, "failure"), (State::Error, "error")];

fn missing(git: &Git, number: u64) -> Error {
    Error::NotFound { place: git.place(), what: format!("pull request {number}") }
}

fn text(value: &impl Serialize) -> String {
    // Maps with text for keys can always be written.
    serde_json::to_string_pretty(value).unwrap_or_default() + "\n"
}

fn parse<T: for<'d> Deserialize<'d>>(git: &Git, text: &str) -> Result<T, Error> {
    serde_json::from_str(text).map_err(|error| Error::NotUnderstood {
        place: git.place(),
        what: format!("`{REFERENCE}`"),
        why: error.to_string(),
    })
}

/// The files of a folder, by their names.
fn files(
    git: &Git,
    repository: &Repository,
    root: &git2::Tree<'_>,
    folder: &str,
) -> Result<Vec<(String, String)>, Error> {
    let Some(entry) = root.get_name(folder) else { return Ok(Vec::new()) };
    let failed = |what| git.failed(what);
    let tree = repository.find_tree(entry.id()).map_err(failed("read its pull requests"))?;
    let file = |entry: git2::TreeEntry<'_>| {
        let blob = repository.find_blob(entry.id()).map_err(failed("read its pull requests"))?;
        let name = String::from_utf8_lossy(entry.name_bytes()).into_owned();
        Ok((name, String::from_utf8_lossy(blob.content()).into_owned()))
    };
    tree.iter().map(file).collect()
}

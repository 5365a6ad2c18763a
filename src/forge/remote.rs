//! What a forge has to be able to do, one step at a time.
//!
//! Each forge says how; in which order and when not is said once, for all of them.

use std::fmt;

use async_trait::async_trait;

use super::change::Author;
use super::name::{BranchName, CommitId, RepoPath};
use super::pull_request::{PullRequest, PullRequestState};
use super::{Error, Permitted, Status};
use crate::clock::Clock;

/// A repository.
#[derive(Clone, Debug)]
pub(super) struct Repository {
    pub(super) default_branch: BranchName,
    pub(super) is_archived: bool,
}

/// A commit.
#[derive(Clone, Debug)]
pub(super) struct Commit {
    pub(super) parents: Vec<String>,
    pub(super) message: String,
}

/// What a folder of a commit has in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) name: String,
    /// The id of the object.
    pub(super) id: String,
    /// In octal digits, as git writes it.
    pub(super) mode: String,
    pub(super) kind: EntryKind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum EntryKind {
    File,
    Folder,
    /// A symbolic link.
    Link,
    /// A submodule.
    Module,
}

impl EntryKind {
    /// Reads the mode and the type of an entry.
    pub(super) fn of(mode: &str, kind: &str) -> Self {
        match (mode.trim_start_matches('0'), kind) {
            ("120000", _) => Self::Link,
            (_, "commit") | ("160000", _) => Self::Module,
            (_, "tree") => Self::Folder,
            _ => Self::File,
        }
    }

    pub(super) fn named(self) -> &'static str {
        match self {
            Self::File => "a file",
            Self::Folder => "a folder",
            Self::Link => "a symbolic link",
            Self::Module => "a submodule",
        }
    }
}

/// What happens to a file, which certainly changes it.
#[derive(Clone, Debug)]
pub(super) struct Edit<'c> {
    pub(super) path: &'c RepoPath,
    /// What is there now.
    pub(super) before: Option<Entry>,
    /// What will be there.
    pub(super) after: Option<&'c str>,
}

/// One commit on top of another, and the branch that will be there.
#[derive(Clone, Debug)]
pub(super) struct Write<'c> {
    pub(super) base: &'c BranchName,
    /// Where the base branch is.
    pub(super) on: &'c CommitId,
    pub(super) branch: &'c BranchName,
    /// Where the branch is, when it is there.
    pub(super) from: Option<&'c CommitId>,
    /// At least one, in the order of their paths.
    pub(super) edits: &'c [Edit<'c>],
    pub(super) message: &'c str,
    pub(super) author: Option<&'c Author>,
}

/// A pull request, as a list has it.
#[derive(Clone, Debug)]
pub(super) struct Pull {
    pub(super) number: u64,
    pub(super) url: Option<String>,
    pub(super) state: PullRequestState,
    pub(super) title: String,
    pub(super) body: String,
    pub(super) base: String,
}

/// What a pull request should be.
#[derive(Clone, Debug)]
pub(super) struct Draft<'c> {
    pub(super) branch: &'c BranchName,
    pub(super) base: &'c BranchName,
    pub(super) title: &'c str,
    pub(super) body: &'c str,
}

/// A comment.
#[derive(Clone, Debug)]
pub(super) struct Comment {
    pub(super) id: u64,
    pub(super) body: String,
    /// True when our own account wrote it.
    pub(super) is_ours: bool,
}

/// A forge, one step at a time. A failure that leaves open whether a step was done [says so](Error::Away).
#[async_trait]
pub(super) trait Remote: fmt::Debug + Send + Sync {
    fn place(&self) -> String;
    fn clock(&self) -> &Clock;

    async fn repository(&self) -> Result<Repository, Error>;
    /// Where a branch is. None when there is no such branch.
    async fn tip(&self, branch: &BranchName) -> Result<Option<CommitId>, Error>;
    /// A commit. None when there is no such commit.
    async fn commit(&self, id: &CommitId) -> Result<Option<Commit>, Error>;
    /// What is in a folder that is known to be there: the root, by an empty path, or one by its path and the id of its tree.
    async fn folder(&self, at: &CommitId, path: &str, tree: Option<&str>) -> Result<Vec<Entry>, Error>;
    async fn write(&self, write: &Write<'_>) -> Result<CommitId, Error>;
    /// Takes a branch away that was seen at this commit just now. Not when it is known to be elsewhere: how long somebody can move it
    /// unseen is the forge's matter. Sent once.
    async fn delete_branch(&self, branch: &BranchName, at: &CommitId) -> Result<(), Error>;

    /// The pull requests of a branch of this very repository. All of those that are open, and one that is not, where there is one.
    async fn pulls(&self, branch: &BranchName, base: &BranchName) -> Result<Vec<Pull>, Error>;
    async fn open_pull(&self, draft: &Draft<'_>) -> Result<Pull, Error>;
    async fn edit_pull(&self, number: u64, draft: &Draft<'_>) -> Result<(), Error>;
    async fn read_pull_request(&self, number: u64) -> Result<PullRequest, Error>;

    /// All comments on a pull request.
    async fn comments(&self, number: u64) -> Result<Vec<Comment>, Error>;
    async fn write_comment(&self, number: u64, body: &str) -> Result<(), Error>;
    async fn edit_comment(&self, number: u64, id: u64, body: &str) -> Result<(), Error>;

    /// The status of a commit that is shown for a context.
    async fn read_status(&self, commit: &CommitId, context: &str) -> Result<Option<Status>, Error>;
    async fn write_status(&self, commit: &CommitId, status: &Status) -> Result<(), Error>;

    async fn rights(&self) -> Result<Permitted, Error>;
}

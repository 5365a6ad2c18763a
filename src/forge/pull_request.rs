//! A pull request as anybody may have opened it.
//!
//! What stands in it was written by whoever did, and is no more than a text.

use super::name::CommitId;

/// A pull request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PullRequest {
    /// Its number in the repository.
    pub number: u64,
    /// Where people see it. None for a repository of this machine.
    pub url: Option<String>,
    /// Where it stands.
    pub state: PullRequestState,
    /// Its title.
    pub title: String,
    /// Who opened it, by the name of the account.
    pub author: String,
    /// The branch it is for.
    pub base: String,
    /// What it would bring.
    pub head: Head,
    /// The files it changes.
    pub changed: Changed,
}

/// Where a pull request stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PullRequestState {
    /// It waits.
    Open,
    /// It was closed, and what is in it is not on the base branch.
    Closed,
    /// It was merged.
    Merged,
}

/// The branch of a pull request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// Where it is.
    pub commit: CommitId,
    /// What it is called there.
    pub branch: String,
    /// True when it is in another repository, or in one that is gone: whoever wrote it needed no leave of the team.
    pub is_fork: bool,
}

/// The files a pull request changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Changed {
    /// Their paths, as git has them: sorted, the old and the new one of a file that moved. Strangers named them.
    pub paths: Vec<String>,
    /// False when the forge did not name all of them.
    pub is_complete: bool,
}

impl Changed {
    pub(super) fn new(mut paths: Vec<String>, is_complete: bool) -> Self {
        paths.sort();
        paths.dedup();
        Self { paths, is_complete }
    }
}

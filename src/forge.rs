//! Forges: where a team looks at a change before it holds.
//!
//! Decides how a proposal comes to a team: one branch, one commit, one pull request, however often it is asked for. Nothing of a
//! person is overwritten: not a file that changed meanwhile, not a commit somebody put onto our branch, not a pull request that was
//! closed. Knows nothing of what is in the files.

mod address;
mod change;
mod comment;
mod error;
mod gitea;
mod github;
mod gitlab;
mod http;
mod local;
mod name;
mod propose;
mod pull_request;
mod remote;
mod text;
mod withdraw;

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use secrecy::SecretString;

pub use address::{Address, BadAddress};
pub use change::{Author, BadChange, Change, File, Words};
pub use error::{Class, Error};
pub use name::{BadName, BranchName, CommitId, Marker, RepoPath};
pub use pull_request::{Changed, Head, PullRequest, PullRequestState};
pub use text::LONGEST_BODY;

use crate::clock::Clock;
use remote::Remote;

/// Which forge.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// GitHub, and GitHub Enterprise Server.
    GitHub,
    /// GitLab, also one's own.
    GitLab,
    /// Gitea and Forgejo.
    Gitea,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::GitHub => "GitHub",
            Self::GitLab => "GitLab",
            Self::Gitea => "Gitea",
        })
    }
}

/// What came of a proposal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Proposed {
    /// There is a new pull request.
    Opened(Proposal),
    /// The pull request that was open says and holds something else now.
    Updated(Proposal),
    /// The pull request that is open is exactly this. Nothing was written.
    Unchanged(Proposal),
    /// The base branch has all of it already. Nothing was written.
    Already {
        /// Where the base branch is.
        commit: CommitId,
    },
}

impl Proposed {
    /// The pull request, unless none was needed.
    pub fn proposal(&self) -> Option<&Proposal> {
        match self {
            Self::Opened(proposal) | Self::Updated(proposal) | Self::Unchanged(proposal) => Some(proposal),
            Self::Already { .. } => None,
        }
    }
}

/// A change that is in front of the team.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proposal {
    /// The number of the pull request.
    pub number: u64,
    /// Where people see it. None for a repository of this machine.
    pub url: Option<String>,
    /// The branch it is on. Not the one that was asked for when a pull request from that one was closed or merged: then the same
    /// name with `-2`, `-3` and so on.
    pub branch: BranchName,
    /// The branch it is for.
    pub base: BranchName,
    /// The one commit.
    pub commit: CommitId,
}

/// What became of the sticky comment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Commented {
    /// There was none.
    Created,
    /// There was one with another text.
    Updated,
    /// There was one with this text, and it was not touched.
    Unchanged,
}

/// How a check of a commit stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// It is under way.
    Pending,
    /// It went well.
    Success,
    /// It found something.
    Failure,
    /// It could not be made.
    Error,
}

impl State {
    /// The word GitHub and Gitea have for it.
    fn word(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Success => "success",
            Self::Failure => "failure",
            Self::Error => "error",
        }
    }
}

/// The commit status.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    /// How it stands.
    pub state: State,
    /// Which check it is: one status for each is shown.
    pub context: String,
    /// A few words; longer ones are cut at 140 characters, which is what GitHub takes.
    pub description: String,
    /// Where more is said.
    pub url: Option<String>,
}

/// What a token is needed for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Right {
    /// To see the repository and read its files.
    Read,
    /// To write a branch and a commit.
    Contents,
    /// To open and change pull requests.
    PullRequests,
    /// To write comments.
    Comments,
    /// To set commit statuses.
    Statuses,
}

impl fmt::Display for Right {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Read => "read the repository",
            Self::Contents => "write branches and commits",
            Self::PullRequests => "open and change pull requests",
            Self::Comments => "write comments",
            Self::Statuses => "set commit statuses",
        })
    }
}

/// What can be told of a token without writing anything.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Permitted {
    /// Whose token it is. None when the forge does not tell, as with the token of an app.
    pub account: Option<String>,
    /// The branch proposals are for when nobody names one.
    pub default_branch: BranchName,
    /// What it certainly may not do, each with where the right is given.
    pub missing: Vec<(Right, String)>,
    /// What cannot be found out without doing it.
    pub unsure: Vec<Right>,
}

/// A forge, and a repository there.
///
/// Each call ends: there is an end to waiting, to repeating and to what an answer may hold. Two callers that propose on the same
/// branch at once are the caller's matter.
#[async_trait]
pub trait Forge: fmt::Debug + Send + Sync {
    /// Which one it is, for people. No secrets.
    fn describe(&self) -> String;

    /// Brings a change before the team: a branch with one commit on top of the base branch, and a pull request.
    ///
    /// Asked again for the same branch, the branch is moved to the one new commit, and title and body of the open pull request
    /// become the new ones. When they are what they should be, everything is only read. A pull request of that branch that was
    /// closed or merged stays as it is: the proposal goes to a branch whose name ends in `-2`, `-3` and so on.
    ///
    /// When the branch can be made and the pull request is refused for good, the branch is taken away again. One that was there
    /// before is not, and neither is one when the forge is away: the next proposal goes on with it.
    ///
    /// # Errors
    /// When it could not be done. After [`Error::Conflict`] and [`Error::BranchTaken`] nothing was written, and after
    /// [`Error::Left`] there is a branch without a pull request.
    async fn propose(&self, change: &Change) -> Result<Proposed, Error>;

    /// Makes a comment of ours on a pull request say this, which there is at most one of for each marker.
    ///
    /// # Errors
    /// When it could not be done.
    async fn comment(&self, number: u64, marker: &Marker, body: &str) -> Result<Commented, Error>;

    /// Sets a status of a commit, unless it is set.
    ///
    /// # Errors
    /// When it could not be done.
    async fn status(&self, commit: &CommitId, status: &Status) -> Result<(), Error>;

    /// What there is to know about a pull request.
    ///
    /// # Errors
    /// When it cannot be read, or there is none of that number.
    async fn pull_request(&self, number: u64) -> Result<PullRequest, Error>;

    /// Whether the token works, and what it may do. Writes nothing.
    ///
    /// # Errors
    /// When the token is not taken, the repository is not seen, or the forge does not answer.
    async fn permitted(&self) -> Result<Permitted, Error>;
}

#[async_trait]
impl<R: Remote> Forge for R {
    fn describe(&self) -> String {
        self.place()
    }

    async fn propose(&self, change: &Change) -> Result<Proposed, Error> {
        propose::propose(self, change).await
    }

    async fn comment(&self, number: u64, marker: &Marker, body: &str) -> Result<Commented, Error> {
        comment::comment(self, number, marker, body).await
    }

    async fn status(&self, commit: &CommitId, status: &Status) -> Result<(), Error> {
        let status = Status { description: text::description(&status.description), ..status.clone() };
        if self.read_status(commit, &status.context).await?.as_ref() == Some(&status) {
            return Ok(());
        }
        self.write_status(commit, &status).await
    }

    async fn pull_request(&self, number: u64) -> Result<PullRequest, Error> {
        self.read_pull_request(number).await
    }

    async fn permitted(&self) -> Result<Permitted, Error> {
        self.rights().await
    }
}

/// Opens a forge. Nothing is sent yet.
///
/// # Errors
/// When the token cannot be one, or the system's certificates cannot be used.
pub fn open(address: Address, token: SecretString, clock: Clock) -> Result<Arc<dyn Forge>, Error> {
    Ok(match address.kind {
        Kind::GitHub => Arc::new(github::GitHub::new(address, token, clock)?),
        Kind::GitLab => Arc::new(gitlab::GitLab::new(address, token, clock)?),
        Kind::Gitea => Arc::new(gitea::Gitea::new(address, token, clock)?),
    })
}

/// Opens a repository of this machine, bare or not, as a forge: a proposal is a branch in it, and merging it is `git merge`.
///
/// Neither a work tree nor a branch that is checked out is ever touched. Pull requests, comments and statuses are kept beside the
/// branches, under `refs/notes/setai`: `git show refs/notes/setai:pulls/1.json` shows the first.
///
/// # Errors
/// When there is no repository.
pub fn open_local(path: &std::path::Path, clock: Clock) -> Result<Arc<dyn Forge>, Error> {
    Ok(Arc::new(local::Local::open(path, clock)?))
}

//! Why a forge did not do what it was asked, and what has to be done about it.
//!
//! Decides what passes by itself. Nothing here holds a token; what a forge says is cut and cleaned before it comes here.

use chrono::{DateTime, Utc};

use super::Right;
use super::name::{BranchName, CommitId, RepoPath};

/// Whether waiting helps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// It will pass by itself: try again after a while, and longer each time.
    Waiting,
    /// Somebody must act. Trying again is no use before something changed.
    Stalled,
}

/// Why it was not done.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    // ---- settings ----
    /// The token has characters no token has. It is not repeated.
    #[error(
        "the token for {place} cannot be one: there are spaces, line breaks or other characters in it; look into its file"
    )]
    NoToken {
        /// The repository.
        place: String,
    },
    /// The system's certificates cannot be used.
    #[error("no encrypted connection can be made: {why}")]
    Certificates {
        /// What is wrong with them.
        why: String,
    },

    // ---- leave ----
    /// The token is not taken.
    #[error("{place} does not take the token: it is wrong, has expired or was revoked; {remedy}")]
    Unauthorized {
        /// The repository.
        place: String,
        /// Where there is another.
        remedy: String,
    },
    /// The token may not do it.
    #[error("the token may not {right} in {place} ({why}); {remedy}")]
    MissingRight {
        /// The repository.
        place: String,
        /// What it may not.
        right: Right,
        /// What the forge says.
        why: String,
        /// Where the right is given.
        remedy: String,
    },
    /// There is no such thing, or it is not shown to us.
    #[error(
        "there is no {what} in {place}, or the token may not see it: to a token that may not see it, a private repository looks \
         as if it were not there"
    )]
    NotFound {
        /// The repository.
        place: String,
        /// What was looked for.
        what: String,
    },
    /// Nobody may write any more.
    #[error("{place} is archived: nothing can be written there; unarchive it, or name another repository")]
    ReadOnly {
        /// The repository.
        place: String,
    },
    /// A rule of the repository keeps the branch as it is.
    #[error(
        "the branch `{branch}` of {place} is protected ({why}); leave branches of this name out of the rule, or name the proposal's \
         branch otherwise"
    )]
    Protected {
        /// The repository.
        place: String,
        /// The branch.
        branch: BranchName,
        /// What the forge says.
        why: String,
    },
    /// A proposal would be for itself.
    #[error("a proposal cannot be on the branch it is for, `{branch}`; name another branch")]
    OnItself {
        /// The branch.
        branch: BranchName,
    },

    // ---- what others did ----
    /// Somebody changed what the change was made from.
    #[error(
        "{} changed on `{base}` since it was read; nothing was written: read it again, and propose again",
        names(files)
    )]
    Conflict {
        /// The base branch.
        base: BranchName,
        /// Where it is.
        commit: CommitId,
        /// The files that are not what they were.
        files: Vec<RepoPath>,
    },
    /// What is on the branch is not ours.
    #[error(
        "the branch `{branch}` of {place} has a commit that is not of SetAI; nothing was written: merge or delete the branch, or \
         name the proposal's branch otherwise"
    )]
    BranchTaken {
        /// The repository.
        place: String,
        /// The branch.
        branch: BranchName,
    },
    /// The pull request was refused, and the branch that was made for it could not be taken away again.
    #[error("{refused}; the branch `{branch}` is left there{}", if *is_changed { ", for somebody changed it meanwhile; look at it before you delete it" } else { "; delete it, or ask again" })]
    Left {
        /// Why there is no pull request.
        refused: Box<Self>,
        /// The branch.
        branch: BranchName,
        /// True when it is not where it was put any more.
        is_changed: bool,
    },
    /// So many proposals of this name were closed or merged that there is no fresh one.
    #[error(
        "pull requests of `{branch}` and {tried} more branches named after it were closed or merged; name the branch otherwise"
    )]
    NoFreshBranch {
        /// The branch.
        branch: BranchName,
        /// How many more.
        tried: u32,
    },
    /// What is there is no file that could be replaced.
    #[error(
        "`{path}` is {found} in the repository; nothing was written: propose another path, or make room there first"
    )]
    NotAFile {
        /// The path, or the folder it is in.
        path: String,
        /// What it is.
        found: &'static str,
    },
    /// The server is too old.
    #[error(
        "{place} cannot move a branch by its API; update the forge, or delete the branch `{branch}` and propose again"
    )]
    CannotMove {
        /// The repository.
        place: String,
        /// The branch.
        branch: BranchName,
    },

    // ---- the way to the server ----
    /// The forge wants to be left alone.
    #[error("{place} takes no more requests until {until}")]
    RateLimited {
        /// The repository.
        place: String,
        /// When it takes requests again.
        until: DateTime<Utc>,
    },
    /// There is no answer, or the server is in trouble.
    #[error("{place} is away: {why}{}", if *maybe_done { "; it may have done what was asked, which is looked at first next time" } else { "" })]
    Away {
        /// The repository.
        place: String,
        /// What is known.
        why: String,
        /// True when it is not known whether the request was carried out.
        maybe_done: bool,
    },
    /// The server sends us somewhere else. The token is not sent after it.
    #[error("{place} has moved{}; if that is right, name the new address", to.as_ref().map(|to| format!(" to {to}")).unwrap_or_default())]
    Moved {
        /// The repository.
        place: String,
        /// Where it says it is, without what could be secret.
        to: Option<String>,
    },
    /// The forge has a reason we do not know.
    #[error("{place} refuses {what} with the status {status}: {why}")]
    Refused {
        /// The repository.
        place: String,
        /// What was asked.
        what: String,
        /// The status of HTTP.
        status: u16,
        /// What the forge says.
        why: String,
    },
    /// The answer is none.
    #[error("the answer of {place} about {what} is not understood: {why}; is the address of the API right?")]
    NotUnderstood {
        /// The repository.
        place: String,
        /// What was asked.
        what: String,
        /// What is wrong with it.
        why: String,
    },

    // ---- a repository of this machine ----
    /// Git could not do it.
    #[error("{place}: {why}")]
    Git {
        /// The repository.
        place: String,
        /// What git says.
        why: String,
    },
}

impl Error {
    /// Whether waiting helps.
    pub fn class(&self) -> Class {
        match self {
            Self::RateLimited { .. } | Self::Away { .. } => Class::Waiting,
            Self::Left { refused, .. } => refused.class(),
            Self::NoToken { .. }
            | Self::Certificates { .. }
            | Self::Unauthorized { .. }
            | Self::MissingRight { .. }
            | Self::NotFound { .. }
            | Self::ReadOnly { .. }
            | Self::Protected { .. }
            | Self::OnItself { .. }
            | Self::Conflict { .. }
            | Self::BranchTaken { .. }
            | Self::NoFreshBranch { .. }
            | Self::NotAFile { .. }
            | Self::CannotMove { .. }
            | Self::Moved { .. }
            | Self::Refused { .. }
            | Self::NotUnderstood { .. }
            | Self::Git { .. } => Class::Stalled,
        }
    }

    /// True when it is not known whether what was asked was done: then it is looked for before it is asked again.
    pub(super) fn is_maybe_done(&self) -> bool {
        matches!(self, Self::Away { maybe_done: true, .. })
    }

    /// True when what was asked was not done, and will not be by itself. An answer nobody understands may well be a yes.
    pub(super) fn is_refusal(&self) -> bool {
        self.class() == Class::Stalled && !matches!(self, Self::NotUnderstood { .. })
    }
}

fn names(files: &[RepoPath]) -> String {
    const MOST: usize = 5;
    let shown: Vec<String> = files.iter().take(MOST).map(|file| format!("`{file}`")).collect();
    let more = files.len().saturating_sub(MOST);
    if more == 0 { shown.join(", ") } else { format!("{} and {more} more files", shown.join(", ")) }
}

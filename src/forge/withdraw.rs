//! How the branch of a proposal is taken away again when nobody will see it.
//!
//! Decides that it goes only when it is still what we put there and nobody proposes it after all. It is looked at right before each
//! request that could take it away, and no request is sent twice without a look in between.

use std::time::Duration;

use chrono::{DateTime, Utc};

use super::Error;
use super::http::PATIENCE;
use super::name::CommitId;
use super::propose::LOOKS;
use super::pull_request::PullRequestState;
use super::remote::{Draft, Remote};

/// How a branch is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Found {
    /// As we left it.
    Ours,
    Gone,
    /// Somewhere else: somebody works on it.
    Changed,
    /// In front of the team: somebody else opened the pull request.
    Proposed,
}

/// Takes the branch away that was made for a pull request which was refused. Gives what is to be told: why it was refused, and that
/// the branch is left, if it is.
pub(super) async fn withdraw(remote: &impl Remote, draft: &Draft<'_>, commit: &CommitId, refused: Error) -> Error {
    let (repository, branch) = (remote.place(), draft.branch);
    let is_changed = match take_away(remote, draft, commit).await {
        Ok(Found::Gone) => {
            tracing::info!(%repository, %branch, %commit, why = %refused, "the branch of a refused pull request was deleted");
            return refused;
        }
        Ok(Found::Proposed) => return refused,
        Ok(found) => found == Found::Changed,
        Err(error) => {
            tracing::warn!(%repository, %branch, %commit, %error, "the branch of a refused pull request could not be deleted");
            false
        }
    };
    Error::Left { refused: Box::new(refused), branch: branch.clone(), is_changed }
}

/// Takes the branch away, as often as it takes, and gives what became of it.
async fn take_away(remote: &impl Remote, draft: &Draft<'_>, commit: &CommitId) -> Result<Found, Error> {
    if draft.branch == draft.base {
        return Err(Error::OnItself { branch: draft.branch.clone() });
    }
    let mut looks = LOOKS.iter();
    loop {
        let found = look(remote, draft, commit).await?;
        if found != Found::Ours {
            return Ok(found);
        }
        let Err(error) = remote.delete_branch(draft.branch, commit).await else { return Ok(Found::Gone) };
        match looks.next().and_then(|look| pause(&error, *look, remote.clock().now())) {
            Some(pause) => remote.clock().sleep(pause).await,
            // It may have been refused because somebody was faster.
            None => match look(remote, draft, commit).await? {
                Found::Ours => return Err(error),
                found => return Ok(found),
            },
        }
    }
}

/// How the branch is. Its place is looked at last, so that the least time passes before something is done about it.
async fn look(remote: &impl Remote, draft: &Draft<'_>, commit: &CommitId) -> Result<Found, Error> {
    let pulls = remote.pulls(draft.branch, draft.base).await?;
    if pulls.iter().any(|pull| pull.state == PullRequestState::Open) {
        return Ok(Found::Proposed);
    }
    Ok(match remote.tip(draft.branch).await? {
        None => Found::Gone,
        Some(tip) if tip == *commit => Found::Ours,
        Some(_) => Found::Changed,
    })
}

/// How long to wait before it is tried again. None when that is no use.
fn pause(error: &Error, look: Duration, now: DateTime<Utc>) -> Option<Duration> {
    match error {
        Error::Away { .. } => Some(look),
        Error::RateLimited { until, .. } => {
            Some((*until - now).to_std().unwrap_or_default()).filter(|pause| *pause <= PATIENCE)
        }
        _ => None,
    }
}

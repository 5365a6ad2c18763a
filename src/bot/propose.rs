//! Plain words become a proposal: what was understood, what would change, and a pull request when that is meant.

use crate::controller::Trouble;
use crate::store::CommandId;

use super::Bot;
use super::serve::{Outcome, Visitor};
use super::tell;

impl Bot {
    /// What becomes of a request.
    pub(super) async fn propose(&self, visitor: &Visitor, _request: &str) -> Result<Outcome, Trouble> {
        Ok(tell::nothing_done(&visitor.words).into())
    }

    /// Opens a pull request for what an earlier command proposed.
    pub(super) async fn open(&self, visitor: &Visitor, _command: CommandId) -> Result<Outcome, Trouble> {
        Ok(tell::nothing_done(&visitor.words).into())
    }

    /// Opens a pull request that puts what was changed in Discord into the manifest.
    pub(super) async fn adopt(&self, visitor: &Visitor, _digest: &str) -> Result<Outcome, Trouble> {
        Ok(tell::nothing_done(&visitor.words).into())
    }
}

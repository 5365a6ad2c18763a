//! How a guild stands, in words that people, programs and metrics share.

use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::Serialize;

use crate::model::GuildId;
use crate::store::GuildStatus;

pub use crate::store::Standing as State;

/// How a guild stands after a look at it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Standing {
    /// The state.
    pub state: State,
    /// Why, in a word that never changes: `Applied`, `ManifestGone`, `MissingPermissions`, ...
    pub reason: String,
    /// Why, in a sentence, with what to do when something is to be done.
    pub message: String,
    /// The revision that was looked at.
    pub attempted: Option<String>,
    /// The revision the guild was last seen or made equal to.
    pub applied: Option<String>,
    /// The fingerprint of the manifest the guild was last seen or made equal to, while nothing was done for another one.
    pub applied_manifest: Option<String>,
    /// Since when it has this state for this reason.
    pub since: DateTime<Utc>,
    /// How often in a row it did not come to rest.
    pub failures: u32,
}

impl Standing {
    /// How a guild stood when somebody last wrote it down.
    pub(super) fn remembered(status: GuildStatus) -> Self {
        let GuildStatus { guild: _, state, reason, message, source: _, .. } = &status;
        Self {
            state: *state,
            reason: reason.clone(),
            message: message.clone(),
            attempted: status.attempted_revision,
            applied: status.applied_revision,
            applied_manifest: status.applied_manifest,
            since: status.since,
            failures: status.failures,
        }
    }

    /// What is written down of it.
    pub(super) fn status(
        &self,
        guild: GuildId,
        source: Option<String>,
        at: DateTime<Utc>,
        next: Option<DateTime<Utc>>,
    ) -> GuildStatus {
        let Self { state, reason, message, attempted, applied, applied_manifest, since, failures } = self.clone();
        GuildStatus {
            guild,
            state,
            reason,
            message,
            source,
            attempted_revision: attempted,
            applied_revision: applied,
            applied_manifest,
            since,
            updated_at: at,
            next_attempt_at: next,
            failures,
            observed_at: at,
        }
    }
}

/// When a guild is looked at again, apart from what happens meanwhile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Again {
    /// At its next sweep.
    AtSweep,
    /// After this time, because what was in the way may have gone by then.
    After(Duration),
    /// When the same has failed as often as this, longer each time.
    BackOff,
}

/// The first wait after something failed.
const FIRST: Duration = Duration::from_secs(2);

/// The longest wait after something failed.
const LONGEST: Duration = Duration::from_secs(15 * 60);

/// How long is waited after so many failures in a row: twice as long each time, and for each guild a little different.
pub(super) fn back_off(failures: u32, fraction: f64) -> Duration {
    let doubled = FIRST.saturating_mul(1 << failures.saturating_sub(1).min(16));
    let most = doubled.min(LONGEST);
    // Between half of it and all of it, so that guilds that failed together do not come back together.
    most.div_f64(2.0) + most.div_f64(2.0).mul_f64(fraction.clamp(0.0, 1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_and_end_at_a_quarter_of_an_hour() {
        let waits: Vec<u64> = (1..14).map(|failures| back_off(failures, 1.0).as_secs()).collect();
        assert_eq!(waits, [2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900, 900, 900]);
        assert_eq!(back_off(1, 0.0), Duration::from_secs(1));
        assert_eq!(back_off(u32::MAX, 0.5), Duration::from_secs(675));
    }
}

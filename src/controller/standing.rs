//! How a guild stands, in words that people, programs and metrics share.

use std::fmt;
use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::Serialize;

/// The state of a guild.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// It is as its manifest says.
    Ready,
    /// It is being changed, or will be as soon as something passes.
    Reconciling,
    /// Somebody changed it, and the policy says to report that.
    Drifted,
    /// A plan waits for somebody's word.
    AwaitingApproval,
    /// It cannot go on before somebody changes something.
    Stalled,
    /// Somebody said to leave it alone.
    Suspended,
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ready => "Ready",
            Self::Reconciling => "Reconciling",
            Self::Drifted => "Drifted",
            Self::AwaitingApproval => "AwaitingApproval",
            Self::Stalled => "Stalled",
            Self::Suspended => "Suspended",
        })
    }
}

/// How a guild stands after a look at it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Standing {
    /// The state.
    pub state: State,
    /// Why, in a word that never changes: `Applied`, `ManifestGone`, `MissingPermissions`, ...
    pub reason: &'static str,
    /// Why, in a sentence, with what to do when something is to be done.
    pub message: String,
    /// The revision that was looked at.
    pub attempted: Option<String>,
    /// The revision the guild was last seen or made equal to.
    pub applied: Option<String>,
    /// Since when it has this state for this reason.
    pub since: DateTime<Utc>,
    /// How often in a row it did not come to rest.
    pub failures: u32,
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

//! Waits for what is in the way of a command and goes by itself: another holder of the guild, or a database that is away.
//!
//! Decides how long, and says for what. Whoever waits tries again after each pause.

use std::time::Duration;

use crate::store;

use super::engine::{Engine, Error};
use super::progress::{Pause, Progress, StopSignal};

/// How long is waited for what goes by itself. Nothing is, by default.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Patience {
    /// While somebody else has the right to change the guild. A holder that died has it for half a minute more.
    pub lock: Duration,
    /// While the database cannot be asked.
    pub outage: Duration,
}

/// The pause between two tries.
const PAUSE: Duration = Duration::from_secs(1);

/// After so long without anything in the way, the next time is waited for as if it were the first.
const QUIET: Duration = Duration::from_secs(60);

/// One command's waiting.
pub(super) struct Wait<'a> {
    engine: &'a Engine,
    progress: &'a dyn Progress,
    stop: &'a StopSignal,
    /// When it is over, once there was something to wait for.
    lock_ends: Option<Duration>,
    outage_ends: Option<Duration>,
    /// When something was in the way lately.
    latest: Option<Duration>,
}

impl<'a> Wait<'a> {
    pub(super) fn of(engine: &'a Engine, progress: &'a dyn Progress, stop: &'a StopSignal) -> Self {
        Self { engine, progress, stop, lock_ends: None, outage_ends: None, latest: None }
    }

    /// True when something was in the way.
    pub(super) fn has_waited(&self) -> bool {
        self.latest.is_some()
    }

    /// Returns when it is time to try again. An error that does not go by itself is given back at once, others when
    /// patience is over.
    pub(super) async fn after(&mut self, error: store::Error) -> Result<(), Error> {
        let (patience, clock) = (self.engine.patience, &self.engine.clock);
        let now = clock.elapsed();
        if self.latest.replace(now).is_some_and(|latest| now > latest + QUIET) {
            (self.lock_ends, self.outage_ends) = (None, None);
        }
        let ends = match &error {
            store::Error::GuildBusy { .. } => self.lock_ends.get_or_insert(now + patience.lock),
            error if error.is_outage() => self.outage_ends.get_or_insert(now + patience.outage),
            _ => return Err(error.into()),
        };
        let left = ends.saturating_sub(now);
        if left.is_zero() {
            return Err(error.into());
        }
        self.progress.paused(&Pause { duration: left, why: error.to_string() });
        clock.sleep(PAUSE.min(left)).await;
        if self.stop.is_raised() { Err(Error::Stopped { waiting: error }) } else { Ok(()) }
    }
}

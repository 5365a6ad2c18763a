//! What is told while a run goes on, and how it is asked to stop.

use std::fmt::Debug;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::plan::{Outcome, Plan, Step};
use crate::store::RunId;

/// Is told what happens, while it happens.
pub trait Progress: Debug + Send + Sync {
    /// A run of so many steps begins.
    fn begin(&self, plan: &Plan, run: RunId);
    /// A step starts.
    fn started(&self, step: &Step);
    /// A step ended.
    fn ended(&self, step: &Step, outcome: &Outcome);
    /// Nothing can go on for a while.
    fn paused(&self, pause: &Pause);
    /// All steps ended; the guild is read once more.
    fn verifying(&self);
}

/// A wait that people should know about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pause {
    /// For how long.
    pub duration: Duration,
    /// What waits, and for which limit.
    pub why: String,
}

/// Tells nobody.
#[derive(Clone, Copy, Debug)]
pub struct Silent;

impl Progress for Silent {
    fn begin(&self, _: &Plan, _: RunId) {}
    fn started(&self, _: &Step) {}
    fn ended(&self, _: &Step, _: &Outcome) {}
    fn paused(&self, _: &Pause) {}
    fn verifying(&self) {}
}

/// A request to stop after the steps under way.
#[derive(Clone, Debug, Default)]
pub struct StopSignal(Arc<AtomicBool>);

impl StopSignal {
    /// Asks to stop.
    pub fn raise(&self) {
        self.0.store(true, Ordering::SeqCst);
    }

    /// True once somebody asked.
    pub fn is_raised(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }
}

//! How far a run is: a bar on a terminal, a line now and then elsewhere.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::controller::{Pause, Progress, StopSignal};
use crate::plan::{Outcome, Plan, Step};
use crate::store::RunId;

use super::interrupt::stopping_in_order;
use super::screen::Screen;

/// Does work that people can watch, and stop in order with Ctrl-C.
pub(super) async fn watched<T>(quiet: bool, screen: Screen, work: impl AsyncFnOnce(&Shown, &StopSignal) -> T) -> T {
    let progress = Shown::new(quiet, screen);
    let result = stopping_in_order(async |stop| work(&progress, stop).await).await;
    progress.end();
    result
}

/// How often people without a bar are told of the same wait.
const REMINDER: Duration = Duration::from_secs(30);

/// Shows the progress of one run.
#[derive(Debug)]
pub(super) struct Shown {
    bar: ProgressBar,
    quiet: bool,
    ended: AtomicUsize,
    /// When a wait was told of, where there is no bar.
    told: Mutex<Option<Instant>>,
    screen: Screen,
}

impl Shown {
    fn new(quiet: bool, screen: Screen) -> Self {
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
        if quiet {
            bar.set_draw_target(ProgressDrawTarget::hidden());
        }
        if let Ok(style) = ProgressStyle::with_template("  {bar:30.green/dim} {pos}/{len}  {elapsed}  {msg}") {
            bar.set_style(style.progress_chars("━━─"));
        }
        Self { bar, quiet, ended: AtomicUsize::new(0), told: Mutex::default(), screen }
    }

    /// Takes the bar away.
    fn end(&self) {
        self.bar.finish_and_clear();
    }

    fn plain(&self, text: String) {
        if self.bar.is_hidden() && !self.quiet {
            self.screen.remark(text);
        }
    }
}

impl Progress for Shown {
    fn begin(&self, plan: &Plan, _: RunId) {
        self.bar.set_length(plan.steps.len() as u64);
    }

    fn started(&self, step: &Step) {
        self.bar.set_message(format!("step {}", step.id.0));
    }

    fn ended(&self, step: &Step, outcome: &Outcome) {
        self.bar.inc(1);
        let ended = self.ended.fetch_add(1, Ordering::Relaxed) + 1;
        let total = self.bar.length().unwrap_or_default();
        if *outcome != Outcome::Done || ended.is_multiple_of(50) {
            self.plain(format!("  {ended} of {total} steps (step {} {})", step.id.0, word(outcome)));
        }
    }

    fn paused(&self, pause: &Pause) {
        let text = format!("waiting at most {} s: {}", pause.duration.as_secs(), pause.why);
        self.bar.set_message(text.clone());
        self.bar.tick();
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        if told.is_none_or(|told| told.elapsed() >= REMINDER) {
            *told = Some(Instant::now());
            self.plain(format!("  {text}"));
        }
    }

    fn verifying(&self) {
        self.bar.set_message("looking whether the guild is as it should be");
    }
}

fn word(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Done => "done",
        Outcome::Failed { .. } => "failed",
        Outcome::Skipped { .. } => "skipped",
    }
}

//! What a process takes from others before it works, and tells them while it does: windows of Discord's limits, and how far
//! a run is.
//!
//! All of it goes through the cache, so none of it may hold up or fail the work: what the cache does not take in time is not
//! told. Decides when something is told; what it is, Discord's client and the run know.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::{from_value, json};
use tokio::sync::Notify;
use tokio::time::{sleep, timeout};

use crate::cache::{self, Execution, Window};
use crate::clock::Clock;
use crate::discord::{Notice, in_words};
use crate::model::GuildId;
use crate::plan::{Outcome, Plan, Step};
use crate::store::RunId;

use super::engine::Engine;
use super::progress::{Pause, Progress};

/// Longest time the cache is waited for, before work and after it.
const PATIENCE: Duration = Duration::from_secs(1);

/// Least time between two words to others, in real time even where everything else goes by a virtual clock: it spares the
/// cache, which is real.
const RHYTHM: Duration = Duration::from_millis(400);

impl Engine {
    /// Takes what other processes of this bot were told of Discord's limits.
    pub(super) async fn take_limits(&self, guild: GuildId) {
        match in_time(self.cache.windows(guild)).await {
            Ok(windows) => self.client.take_limits(&notices(&self.client.limited_as(), windows)),
            Err(why) => tell("reading", &why),
        }
    }

    /// Does work, and tells others meanwhile what they should know.
    pub(super) async fn telling<T>(&self, run: Option<&Told<'_>>, work: impl Future<Output = T>) -> T {
        let over = Notify::new();
        let work = async {
            let result = work.await;
            over.notify_one();
            result
        };
        tokio::join!(work, self.tell(run, &over)).0
    }

    /// Tells until it is over, and then what nobody was told yet. A cache that fails once is spared from then on.
    async fn tell(&self, run: Option<&Told<'_>>, over: &Notify) {
        let mut is_over = false;
        while !is_over {
            let mut notices = Vec::new();
            tokio::select! {
                biased;
                () = over.notified() => {
                    is_over = true;
                    notices = self.client.limit_notices();
                }
                news = self.client.limit_news() => notices = news,
                () = changed(run) => {}
            }
            let execution = run.and_then(Told::take);
            if let Err(why) = self.say(notices, execution).await {
                return tell("telling others", &why);
            }
            if !is_over {
                tokio::select! {
                    biased;
                    // What was learned last is told at once.
                    () = over.notified() => over.notify_one(),
                    () = sleep(RHYTHM) => {}
                }
            }
        }
    }

    async fn say(&self, notices: Vec<Notice>, execution: Option<Execution>) -> Result<(), String> {
        let mark = self.client.limited_as();
        let mut of: BTreeMap<Option<GuildId>, Vec<Window>> = BTreeMap::new();
        for notice in notices {
            let guild = notice.guild.and_then(GuildId::new_checked);
            let window = Window { name: format!("{mark}/{}", notice.name), left: notice.left, about: json!(notice) };
            of.entry(guild).or_default().push(window);
        }
        for (guild, windows) in of {
            in_time(self.cache.tell_windows(guild, &windows)).await?;
        }
        match execution {
            Some(execution) => in_time(self.cache.tell_execution(&execution)).await,
            None => Ok(()),
        }
    }
}

/// The windows that are notices of this bot's limits.
fn notices(mark: &str, windows: Vec<Window>) -> Vec<Notice> {
    let notice = |Window { name, left, about }: Window| {
        let ours = name.strip_prefix(mark)?.starts_with('/');
        let mut notice = from_value::<Notice>(about).ok().filter(|_| ours)?;
        notice.left = left;
        Some(notice)
    };
    windows.into_iter().filter_map(notice).collect()
}

async fn in_time<T>(asked: impl Future<Output = Result<T, cache::Error>>) -> Result<T, String> {
    match timeout(PATIENCE, asked).await {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(error)) => Err(error.to_string()),
        Err(_) => Err("it does not answer in time".to_owned()),
    }
}

fn tell(doing: &str, why: &str) {
    tracing::warn!(why, "the cache failed at {doing} what holds requests back; going on without it");
}

async fn changed(run: Option<&Told<'_>>) {
    match run {
        Some(run) => run.changed.notified().await,
        None => std::future::pending().await,
    }
}

/// How far a run is, for other processes: listens to what is told to whoever watches here.
#[derive(Debug)]
pub(super) struct Told<'a> {
    shown: &'a dyn Progress,
    clock: &'a Clock,
    execution: Mutex<Option<Execution>>,
    changed: Notify,
}

impl<'a> Told<'a> {
    /// Tells `shown` everything it hears.
    pub(super) fn beside(shown: &'a dyn Progress, clock: &'a Clock) -> Self {
        Self { shown, clock, execution: Mutex::default(), changed: Notify::new() }
    }

    fn take(&self) -> Option<Execution> {
        self.lock().clone()
    }

    fn lock(&self) -> MutexGuard<'_, Option<Execution>> {
        // Counters, of which none depends on another.
        self.execution.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn note(&self, change: impl FnOnce(&mut Execution)) {
        if let Some(execution) = self.lock().as_mut() {
            change(execution);
            execution.updated_at = self.clock.now();
        }
        self.changed.notify_one();
    }
}

impl Progress for Told<'_> {
    fn begin(&self, plan: &Plan, run: RunId) {
        self.shown.begin(plan, run);
        let now = self.clock.now();
        *self.lock() = Some(Execution {
            id: run.0,
            guild: plan.guild,
            all: plan.steps.len(),
            done: 0,
            failed: 0,
            doing: "it begins".to_owned(),
            started_at: now,
            updated_at: now,
        });
        self.changed.notify_one();
    }

    fn started(&self, step: &Step) {
        self.shown.started(step);
        self.note(|execution| execution.doing = in_words(&step.operation));
    }

    fn ended(&self, step: &Step, outcome: &Outcome) {
        self.shown.ended(step, outcome);
        self.note(|execution| match outcome {
            Outcome::Done => execution.done += 1,
            Outcome::Failed { .. } | Outcome::Skipped { .. } => execution.failed += 1,
        });
    }

    fn paused(&self, pause: &Pause) {
        self.shown.paused(pause);
        self.note(|execution| execution.doing = format!("waits {} s: {}", pause.duration.as_secs(), pause.why));
    }

    fn verifying(&self) {
        self.shown.verifying();
        self.note(|execution| "looks whether the guild is as it should be".clone_into(&mut execution.doing));
    }
}

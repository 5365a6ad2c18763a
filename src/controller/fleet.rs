//! The loop over all guilds: sources are watched, guilds take their turns, and each visit says when the next one is.
//!
//! Level-triggered: whatever happens only says "look again", and a look finds out by itself what there is to do. So nothing
//! is lost when something is told twice, late or not at all. What is done on a visit is decided elsewhere.

mod ledger;
mod listen;
mod replicas;
mod watcher;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chrono::{DateTime, Utc};
use futures_util::FutureExt as _;
use serde::Serialize;
use serde_json::{Value, json};
use tokio::sync::{Notify, broadcast, mpsc, watch};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::discord::gateway::GatewaySettings;
use crate::model::GuildId;
use crate::source::Source;
use crate::source::webhook::Delivery;
use crate::store::{Author, Trigger, Turn};
use crate::telemetry::{Recorder, metrics};

use super::breaker::Fights;
use super::console::Console;
use super::desired::{Desired, Wish};
use super::engine::Engine;
use super::follow::{Follower, Presence};
use super::front::{Front, Health};
use super::measure::measure;
use super::progress::{Silent, StopSignal};
use super::queue::{Queue, Work};
use super::review::PullRequestOf;
use super::rhythm::Rhythm;
use super::spread::fraction;
use super::standing::{Again, Standing, back_off};
use super::visit::{DATABASE_AWAY, Errand, Visited};
use super::wait::Patience;
use replicas::{Replicas, is_elsewhere};

/// A source with what the operator decided for it.
#[derive(Clone, Debug)]
pub struct Watched {
    /// What the operator calls it.
    pub name: String,
    /// The source.
    pub source: Arc<dyn Source>,
    /// How often it is looked at when it says nothing by itself.
    pub interval: Duration,
}

/// Whether a source may manage a guild from a file: the rhythm the operator gave it, if any, or why not.
pub type Assign = Arc<dyn Fn(&str, GuildId, &str) -> Result<Option<Rhythm>, String> + Send + Sync>;

/// What the operator decided for all of it.
#[derive(Clone)]
pub struct Settings {
    /// Where manifests come from.
    pub sources: Vec<Watched>,
    /// Which source may manage which guild.
    pub assign: Assign,
    /// How often each guild is compared when nothing happens and it has no rhythm of its own.
    pub sweep: Rhythm,
    /// How many guilds are visited at once.
    pub workers: usize,
    /// How long visits under way may take to come to an end when the process is asked to stop.
    pub grace: Duration,
    /// Whether other processes may look after the same guilds at the same database.
    pub shares: bool,
    /// How Discord tells what happens; none to find out only by looking.
    pub gateway: Option<GatewaySettings>,
    /// Who is told of every use of a command, as Discord told of it; none when nobody answers.
    pub interactions: Option<mpsc::Sender<Value>>,
    /// Who is told what people write, as Discord told of it; none when nobody reads along.
    pub messages: Option<mpsc::Sender<Value>>,
    /// Who is told of every pull request that is worth a look; none when nobody looks.
    pub reviews: Option<mpsc::Sender<PullRequestOf>>,
    /// Where it is measured what happens.
    pub recorder: Option<Recorder>,
    /// How long a plan waits for an approval.
    pub approval_ends: Duration,
    /// How long rows of the audit trails are kept; none for ever.
    pub audit: Option<Duration>,
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            sources,
            assign: _,
            sweep,
            workers,
            grace,
            shares,
            gateway: _,
            interactions: _,
            messages: _,
            reviews: _,
            recorder: _,
            approval_ends,
            audit,
        } = self;
        f.debug_struct("Settings")
            .field("sources", sources)
            .field("sweep", sweep)
            .field("workers", workers)
            .field("grace", grace)
            .field("shares", shares)
            .field("approval_ends", approval_ends)
            .field("audit", audit)
            .finish_non_exhaustive()
    }
}

/// A guild as the controller knows it.
#[derive(Clone, Debug, Serialize)]
pub struct GuildView {
    /// Which.
    pub guild: GuildId,
    /// What people call it; its id while nobody knows.
    pub name: String,
    /// The source its manifest is from.
    pub source: Option<String>,
    /// How it stands; none before the first visit.
    pub standing: Option<Standing>,
    /// When it was visited last.
    pub visited_at: Option<DateTime<Utc>>,
}

/// Something that people may want to see happen.
#[derive(Clone, Debug)]
pub enum News {
    /// A source was read at a revision for the first time.
    Revision {
        /// The source.
        source: String,
        /// The revision.
        revision: String,
        /// What is wrong with files of which nobody knows whose they are.
        problems: Vec<String>,
    },
    /// A source is in trouble, or no longer is.
    Trouble {
        /// The source.
        source: String,
        /// What is wrong; none when it is over.
        problem: Option<String>,
    },
    /// A guild was visited and stands differently than before, or something was done.
    Guild {
        /// The guild.
        view: GuildView,
        /// The visit.
        visited: Box<Visited>,
    },
}

/// The loop comes round at least this often, also when nobody is due: so it can be told from one that hangs.
const HEARTBEAT: Duration = Duration::from_secs(10);

/// A loop that did not come round for so long hangs.
const HANGS: Duration = Duration::from_secs(120);

/// When a guild is visited again whose visit broke down.
const AFTER_BREAKDOWN: Duration = Duration::from_secs(15 * 60);

/// How many pieces of news a slow listener may be behind before it misses some.
const BACKLOG: usize = 4096;

/// The controller, ready to run.
#[derive(Debug)]
pub struct Controller {
    engine: Engine,
    settings: Settings,
    shared: Arc<Shared>,
}

/// What others ask and tell the controller by. Clones are of the same controller.
#[derive(Clone, Debug)]
pub struct Handle(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    engine: Engine,
    inner: Mutex<Inner>,
    /// The loop has something to do.
    wake: Notify,
    /// A source has something to say.
    pokes: BTreeMap<String, Notify>,
    /// How often each source was looked at.
    looks: BTreeMap<String, watch::Sender<Looks>>,
    /// The other processes that look after the same guilds, if there may be any.
    replicas: Option<Replicas>,
    /// Follows guilds by what the gateway tells.
    follower: Follower,
    recorder: Option<Recorder>,
    reviews: Option<mpsc::Sender<PullRequestOf>>,
    /// How long a plan waits for an approval.
    approval_ends: Duration,
    news: broadcast::Sender<News>,
}

#[derive(Debug)]
struct Inner {
    desired: Desired,
    queue: Queue,
    guilds: BTreeMap<GuildId, Known>,
    running: BTreeMap<GuildId, StopSignal>,
    in_trouble: BTreeSet<String>,
    /// Sources that were looked at at least once, whatever came of it.
    looked_at: BTreeSet<String>,
    /// Revisions of sources that are not newer than the ones that were read here.
    older: BTreeMap<String, BTreeSet<String>>,
    /// Why the gateway tells nothing and will not before somebody changes a setting.
    deaf: Option<String>,
    /// When the loop last came round.
    turned_at: Duration,
}

/// How often a source was looked at.
#[derive(Clone, Copy, Debug, Default)]
struct Looks {
    begun: u64,
    ended: u64,
}

/// What came of sending somebody to a guild.
#[derive(Debug)]
enum Came {
    Visited(Box<Visited>),
    /// Nobody wants anything of it any more.
    Unwanted,
    /// Another process looks after it, and there is nothing to do before this time has passed.
    Later(Duration),
    /// Nobody could read how it stood before, so nothing was done.
    Blind(Box<Visited>),
    /// The visit broke down: a fault of ours.
    Broken,
}

/// What is known of a guild.
#[derive(Clone, Debug, Default)]
struct Known {
    name: Option<String>,
    standing: Option<Standing>,
    /// What the database knows of how it stands is part of that.
    is_remembered: bool,
    visited_at: Option<DateTime<Utc>>,
    fights: Fights,
}

impl Controller {
    /// A controller with this engine. Nothing happens before it [runs](Self::run).
    pub fn new(engine: Engine, settings: Settings) -> Self {
        // Whoever shares goes on with other guilds while somebody else is at work in one.
        let patience = Patience { lock: Duration::ZERO, ..engine.patience };
        let engine = if settings.shares { engine.with_patience(patience) } else { engine };
        let inner = Inner {
            desired: Desired::default(),
            queue: Queue::new(settings.workers),
            guilds: BTreeMap::new(),
            running: BTreeMap::new(),
            in_trouble: BTreeSet::new(),
            looked_at: BTreeSet::new(),
            older: BTreeMap::new(),
            deaf: None,
            turned_at: Duration::ZERO,
        };
        let shared = Shared {
            engine: engine.clone(),
            inner: Mutex::new(inner),
            wake: Notify::new(),
            pokes: settings.sources.iter().map(|watched| (watched.name.clone(), Notify::new())).collect(),
            looks: settings.sources.iter().map(|watched| (watched.name.clone(), watch::Sender::default())).collect(),
            replicas: settings.shares.then(|| Replicas::new(&engine, settings.workers.max(1))),
            follower: Follower::new(engine.cache.clone(), engine.clock.clone()),
            recorder: settings.recorder.clone(),
            reviews: settings.reviews.clone(),
            approval_ends: settings.approval_ends,
            news: broadcast::Sender::new(BACKLOG),
        };
        Self { engine, settings, shared: Arc::new(shared) }
    }

    /// The way for others to ask and tell.
    pub fn handle(&self) -> Handle {
        Handle(Arc::clone(&self.shared))
    }

    /// What people ask and say in a chat goes through this.
    pub fn console(&self) -> Console {
        Console::new(self.engine.clone(), self.handle(), self.settings.sources.clone())
    }

    /// Runs until it is asked to stop. Visits under way then end after the request they are at, and whatever is left goes on
    /// when the next process starts; what is left of an approved plan is shown to somebody again.
    pub async fn run(self, stop: CancellationToken) {
        let mut watchers = self.begin_to_listen(&stop);
        let listeners = self.shared.share(&mut watchers, &stop);
        let mut visits = JoinSet::new();
        while !stop.is_cancelled() {
            self.send_out(&mut visits);
            let now = self.engine.clock.elapsed();
            let due = self.shared.inner().queue.next_due().unwrap_or(Duration::MAX).min(now + HEARTBEAT);
            tokio::select! {
                () = stop.cancelled() => {}
                () = self.shared.wake.notified() => {}
                Some(over) = visits.join_next() => self.take_in(over),
                () = self.sleep_until(due) => {}
            }
        }
        self.shared.hand_over().await;
        self.bring_home(&mut visits).await;
        self.shared.leave(listeners).await;
        watchers.shutdown().await;
    }

    /// Sends somebody to every guild whose turn it is.
    fn send_out(&self, visits: &mut JoinSet<(Work, Came)>) {
        let now = self.engine.clock.elapsed();
        let mut inner = self.shared.inner();
        inner.turned_at = now;
        metrics::QUEUE_DEPTH.set(inner.queue.depth(now) as f64, &[]);
        metrics::QUEUE_OLDEST.set(inner.queue.oldest(now).unwrap_or_default().as_secs_f64(), &[]);
        while let Some(work) = inner.queue.pop(now) {
            let stop = StopSignal::default();
            inner.running.insert(work.guild, stop.clone());
            self.shared.replicas.iter().for_each(|replicas| replicas.begin(work.guild));
            let shared = Arc::clone(&self.shared);
            let sweep = self.settings.sweep.clone();
            visits.spawn(async move {
                // A visit that breaks down must not take its guild and a worker with it.
                let came = AssertUnwindSafe(shared.visit(&work, &stop, &sweep)).catch_unwind().await;
                if came.is_err() {
                    tracing::error!(guild = %work.guild, "a visit to a guild broke down; it is tried again later");
                }
                (work, came.unwrap_or(Came::Broken))
            });
        }
    }

    async fn sleep_until(&self, due: Duration) {
        self.engine.clock.sleep(due.saturating_sub(self.engine.clock.elapsed())).await;
    }

    fn take_in(&self, over: Result<(Work, Came), tokio::task::JoinError>) {
        match over {
            Ok((work, came)) => self.shared.settle(&work, came, &self.settings),
            // It was told to end, because the process ends.
            Err(error) => tracing::error!(%error, "a visit to a guild broke down"),
        }
    }

    /// Asks all visits to end, and waits for them as long as the operator allows.
    async fn bring_home(&self, visits: &mut JoinSet<(Work, Came)>) {
        self.shared.inner().running.values().for_each(StopSignal::raise);
        let all = async {
            while let Some(over) = visits.join_next().await {
                self.take_in(over);
            }
        };
        if tokio::time::timeout(self.settings.grace, all).await.is_err() {
            tracing::warn!(
                left = visits.len(),
                "not every visit came to its end in time; what is left is looked up at the next start"
            );
            visits.shutdown().await;
        }
    }
}

impl Shared {
    fn inner(&self) -> MutexGuard<'_, Inner> {
        // What a panic left half-done is looked at again sooner or later: nothing in here is the truth about a guild.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Visits a guild.
    async fn visit(&self, work: &Work, stop: &StopSignal, sweep: &Rhythm) -> Came {
        let Known { standing, is_remembered, fights, .. } =
            self.inner().guilds.get(&work.guild).cloned().unwrap_or_default();
        // What another process, or this one before it was started anew, knew of the guild.
        let (before, unread) = match standing {
            Some(before) if is_remembered && self.replicas.is_none() => (Some(before), None),
            before => match self.engine.remembered(work.guild).await {
                Ok(remembered) => (remembered.or(before), None),
                Err(error) => (before, Some(error)),
            },
        };
        if let Turn::Later(wait) = self.may_visit(work, before.as_ref()).await {
            return Came::Later(wait);
        }
        let Some(wish) = self.inner().desired.of(work.guild) else { return Came::Unwanted };
        let source = wish.last_good.as_ref().map(|wanted| wanted.source.clone());
        let rhythm = rhythm_of(&wish, sweep).clone();
        let errand = Errand {
            guild: work.guild,
            wish,
            before: before.as_ref(),
            fights,
            trigger: work.trigger,
            author: Author::Controller,
            is_away: self.follower.presence(work.guild) == Some(Presence::Unavailable),
            remembered: self.may_remember(work).await,
        };
        let looked_at = match (unread, self.engine.store().now().await) {
            (None, Ok(now)) => now,
            (Some(error), _) | (None, Err(error)) => {
                tracing::warn!(guild = %work.guild, %error, "how the guild stood cannot be read; nothing is done");
                return Came::Blind(Box::new(self.engine.blind(&errand, error)));
            }
        };
        let began = self.engine.clock.elapsed();
        let visited = self.engine.visit(&errand, &Silent, stop).await;
        if let Some(recorder) = &self.recorder {
            let took = self.engine.clock.elapsed().saturating_sub(began);
            measure(recorder, work.guild, &visited, took, self.engine.clock.now());
        }
        let visited = Box::new(visited);
        if self.replicas.is_some() && is_elsewhere(&visited) {
            return Came::Visited(visited);
        }
        let wait = pause(work.guild, &visited, &rhythm, self.engine.clock.now());
        let next = chrono::TimeDelta::from_std(wait).ok().map(|wait| self.engine.clock.now() + wait);
        self.engine.remember(work.guild, source, &visited, next, self.approval_ends, looked_at).await;
        self.plan_turn(work.guild, wait).await;
        if visited.report.is_some() {
            self.nudge(self.follower.settled(work.guild).await);
        }
        Came::Visited(visited)
    }

    /// Notes how a guild stands, tells who listens, and sees to the next visit.
    fn settle(&self, work: &Work, came: Came, settings: &Settings) {
        let (guild, now) = (work.guild, self.engine.clock.elapsed());
        let is_busy = self.settle_with_replicas(work, &came);
        let mut inner = self.inner();
        inner.running.remove(&guild);
        let (visited, is_remembered) = match came {
            Came::Visited(_) if is_busy => return inner.queue.done(now, guild, None),
            Came::Visited(visited) => (visited, true),
            Came::Blind(visited) => (visited, false),
            Came::Broken => return inner.queue.done(now, guild, Some((Trigger::Retry, now + AFTER_BREAKDOWN))),
            Came::Later(wait) => return inner.queue.done(now, guild, Some((work.trigger, now + wait))),
            Came::Unwanted => {
                inner.queue.done(now, guild, None);
                return inner.queue.forget(guild);
            }
        };
        let trigger = match visited.again {
            Again::AtSweep => Trigger::Schedule,
            // Nobody could write down that it is to be visited again soon, so it must not wait for a turn.
            Again::BackOff if is_unread(&visited.standing) => work.trigger,
            Again::After(_) | Again::BackOff => Trigger::Retry,
        };
        let wish = inner.desired.of(guild);
        let rhythm = wish.as_ref().map_or(&settings.sweep, |wish| rhythm_of(wish, &settings.sweep));
        let wait = pause(guild, &visited, rhythm, self.engine.clock.now());
        inner.queue.done(now, guild, Some((trigger, now + wait)));
        let before = inner.guilds.entry(guild).or_default();
        let standing = Some(visited.standing.clone());
        let is_news = visited.report.is_some() || before.standing != standing;
        (before.standing, before.visited_at) = (standing, Some(self.engine.clock.now()));
        before.is_remembered = is_remembered;
        before.fights = visited.fights.clone();
        let view = inner.view(guild);
        if is_news {
            // Nobody has to listen. Whoever sees the state sees the news as well.
            drop(self.news.send(News::Guild { view, visited }));
        }
        drop(inner);
    }

    /// How old may be what is remembered of a guild. Where Discord tells every change, what is remembered is as good as a look
    /// for a sweep; whoever comes because something happened looks.
    async fn may_remember(&self, work: &Work) -> Option<Duration> {
        let only_sweeps = work.triggers.iter().all(|trigger| *trigger == Trigger::Schedule);
        match only_sweeps {
            true => self.follower.current(work.guild).await.map(|_| Duration::MAX),
            false => None,
        }
    }

    /// Asks for looks at guilds, which one of all replicas takes. One that is being changed for an older manifest ends after
    /// the request it is at.
    fn ask(&self, guilds: impl IntoIterator<Item = GuildId>, trigger: Trigger) {
        let guilds: BTreeSet<GuildId> = guilds.into_iter().collect();
        if trigger == Trigger::Revision {
            let inner = self.inner();
            guilds.iter().filter_map(|guild| inner.running.get(guild)).for_each(StopSignal::raise);
        }
        if !guilds.is_empty() && !self.ask_replicas(&guilds, trigger) {
            self.push(guilds, trigger);
        }
    }

    /// The database is back: guilds whose visits failed without it have waited long enough.
    fn go_on_with_database(&self) {
        let now = self.engine.clock.elapsed();
        let mut inner = self.inner();
        let failed = inner.guilds.iter().filter(|(_, known)| known.standing.as_ref().is_some_and(is_unread));
        let failed: Vec<GuildId> = failed.map(|(guild, _)| *guild).collect();
        failed.iter().for_each(|guild| inner.queue.hasten(now, *guild));
        drop(inner);
        self.wake.notify_one();
    }

    /// Asks for looks at guilds by this process.
    fn push(&self, guilds: impl IntoIterator<Item = GuildId>, trigger: Trigger) {
        let now = self.engine.clock.elapsed();
        let mut inner = self.inner();
        guilds.into_iter().for_each(|guild| inner.queue.push(now, guild, trigger, now));
        drop(inner);
        self.wake.notify_one();
    }
}

/// True for a guild whose visit failed because the database is away.
fn is_unread(standing: &Standing) -> bool {
    standing.reason == DATABASE_AWAY
}

/// How long until a guild is visited again when nothing happens.
fn pause(guild: GuildId, visited: &Visited, rhythm: &Rhythm, now: DateTime<Utc>) -> Duration {
    match visited.again {
        Again::AtSweep => rhythm.wait(guild, now),
        Again::After(wait) => wait,
        Again::BackOff => back_off(visited.standing.failures, fraction(guild, visited.standing.failures.into())),
    }
}

/// How often a guild is compared: as the operator said of it, or of all.
fn rhythm_of<'a>(wish: &'a Wish, all: &'a Rhythm) -> &'a Rhythm {
    wish.last_good.as_ref().and_then(|wanted| wanted.rhythm.as_ref()).unwrap_or(all)
}

impl Inner {
    fn view(&self, guild: GuildId) -> GuildView {
        let known = self.guilds.get(&guild).cloned().unwrap_or_default();
        let wanted = self.desired.of(guild).and_then(|wish| wish.last_good);
        let said = wanted.as_ref().and_then(|wanted| wanted.name.clone());
        GuildView {
            guild,
            name: said.or(known.name).unwrap_or_else(|| guild.to_string()),
            source: wanted.map(|wanted| wanted.source.clone()),
            standing: known.standing,
            visited_at: known.visited_at,
        }
    }
}

impl Handle {
    /// Every guild that is known, by its id.
    pub fn guilds(&self) -> Vec<GuildView> {
        let inner = self.0.inner();
        inner.desired.guilds().into_iter().map(|guild| inner.view(guild)).collect()
    }

    /// What is wrong with a source: all of it, or files of which nobody knows whose they are.
    pub fn problems(&self, source: &str) -> Vec<String> {
        self.0.inner().desired.problems(source)
    }

    /// What is wanted of a guild; none when no source speaks of it.
    pub(super) fn wish(&self, guild: GuildId) -> Option<Wish> {
        self.0.inner().desired.of(guild)
    }

    /// What happens from now on.
    pub fn news(&self) -> broadcast::Receiver<News> {
        self.0.news.subscribe()
    }

    /// Asks for a look at a guild. False when no source speaks of it.
    pub fn look_at(&self, guild: GuildId, trigger: Trigger) -> bool {
        let is_known = self.0.inner().desired.knows(guild);
        if is_known {
            self.0.ask([guild], trigger);
        }
        is_known
    }

    /// Asks for a look at a source, as a webhook does. False when there is none of this name.
    pub fn look_at_source(&self, source: &str) -> bool {
        self.0.call_replicas(source, None);
        let poke = self.0.pokes.get(source);
        poke.inspect(|poke| poke.notify_one()).is_some()
    }
}

impl Front for Handle {
    fn health(&self) -> Health {
        let inner = self.0.inner();
        let still = self.0.engine.clock.elapsed().saturating_sub(inner.turned_at);
        let live = match still > HANGS {
            true => Err(format!("the loop did not come round for {} s", still.as_secs())),
            false => Ok(()),
        };
        let unread: Vec<&str> =
            self.0.pokes.keys().filter(|name| !inner.looked_at.contains(*name)).map(String::as_str).collect();
        let ready = match unread.as_slice() {
            [] => Ok(()),
            unread => Err(format!("not yet read: {}", unread.join(", "))),
        };
        let mut states: BTreeMap<String, usize> = BTreeMap::new();
        for known in inner.guilds.values() {
            let state = known.standing.as_ref().map_or_else(|| "unknown".to_owned(), |s| s.state.to_string());
            *states.entry(state).or_default() += 1;
        }
        let details = json!({ "guilds": states, "sources_in_trouble": inner.in_trouble, "gateway": inner.deaf });
        Health { live, ready, details }
    }

    fn look_again(&self, source: &str, delivery: &Delivery) {
        let Some(event) = &delivery.pull_request else {
            self.look_at_source(source);
            return;
        };
        let asked = PullRequestOf { source: source.to_owned(), number: event.number };
        if let Some(reviews) = &self.0.reviews
            && reviews.try_send(asked).is_err()
        {
            tracing::warn!(source, number = event.number, "too many pull requests wait for a look; one is left out");
        }
    }
}

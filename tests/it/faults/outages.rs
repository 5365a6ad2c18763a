//! The database or the cache is away for a minute in the middle of an apply: nothing is sent without the database, and
//! everything goes on by itself when it is back.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use setai::cache::Cache;
use setai::clock::Clock;
use setai::controller::{Engine, Error, Patience, Pause, Progress, Report, StopSignal};
use setai::discord::{Exchange, ExchangeError};
use setai::manifest::Manifest;
use setai::plan::{Consent, Outcome, Plan, Step, judge};
use setai::simulator::faults::{Fault, Faults, Rule};
use setai::store::{self, DatabaseUrl, RunId, Verdict, open};

use crate::support::harness::Harness;
use crate::support::mortal::{Ask, Hook, MortalStore};
use crate::support::mortal_mariadb::MortalServer;
use crate::support::oracle::audited;
use crate::support::redis::RedisServer;
use crate::support::seeds::makes_all;
use crate::support::stage::{InProcess, Stage, ann, engine, request};

/// How long it is away.
const AWAY: Duration = Duration::from_secs(60);

/// How soon everything must go on afterwards.
const SOON: Duration = Duration::from_secs(30);

const PATIENT: Patience = Patience { lock: Duration::from_secs(60), outage: Duration::from_secs(300) };

const BEFORE: &str = "
policy: { on_remove: delete, max_deletions: 100% }
roles: { lead: { hoist: true }, gone: {} }
categories:
  hall: { channels: { rules: { topic: Be kind }, old: {} } }
";

/// Every kind of operation, with steps that need what earlier ones make.
const AFTER: &str = "
policy: { on_remove: delete, max_deletions: 100% }
settings: { afk_timeout: 900 }
roles: { crew: { permissions: [send_messages], previously: [] }, lead: { hoist: false } }
categories:
  annex:
    previously: []
    permissions: { crew: { allow: [view_channel] } }
    channels: { desk: { previously: [] }, ask: { type: forum, tags: [{ name: new }], previously: [] } }
  hall: { channels: { news: { previously: [] }, rules: { topic: Be very kind } } }
";

/// How the server goes away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    /// It hangs, with all connections open.
    Frozen,
    /// It is killed, and started again.
    Killed,
}

/// When the server goes away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum When {
    /// Before something is written down.
    Before(Ask),
    /// After it was written down, and before that is known.
    After(Ask),
    /// While a request is at Discord.
    InARequest,
}

/// The server, and what happened to it.
struct Outage {
    way: Way,
    when: When,
    /// At the n-th such moment, from 1.
    nth: usize,
    seen: AtomicUsize,
    clock: Clock,
    state: Mutex<State>,
}

struct State {
    server: MortalServer,
    went_at: Option<Duration>,
    came_at: Option<Duration>,
    /// Writes to Discord that began meanwhile.
    meanwhile: usize,
    /// When the first one began afterwards.
    resumed_at: Option<Duration>,
}

impl Outage {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("nobody panics")
    }

    fn moment(&self, when: When) -> bool {
        when == self.when && self.seen.fetch_add(1, Ordering::SeqCst) + 1 == self.nth
    }

    fn go(&self) {
        let mut state = self.state();
        match self.way {
            Way::Frozen => state.server.freeze(),
            Way::Killed => state.server.kill(),
        }
        // Nothing else happens while everybody waits for an answer, so time passes as fast as it can.
        tokio::time::pause();
        state.went_at = Some(self.clock.elapsed());
    }

    /// Brings it back when it was away for long enough.
    fn look(&self) {
        let mut state = self.state();
        let now = self.clock.elapsed();
        if state.came_at.is_none() && state.went_at.is_some_and(|went| now >= went + AWAY) {
            match self.way {
                Way::Frozen => state.server.thaw(),
                Way::Killed => state.server.restart(),
            }
            tokio::time::resume();
            state.came_at = Some(now);
        }
    }
}

#[async_trait]
impl Hook for Outage {
    async fn before(&self, ask: Ask) -> Result<(), store::Error> {
        if self.moment(When::Before(ask)) {
            self.go();
        }
        Ok(())
    }

    async fn after(&self, ask: Ask) -> Result<(), store::Error> {
        if self.moment(When::After(ask)) {
            self.go();
            let source = sqlx::Error::PoolTimedOut;
            return Err(store::Error::Unsure { source });
        }
        Ok(())
    }
}

#[derive(Debug)]
struct Clockwork(Arc<Outage>);

impl std::fmt::Debug for Outage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Outage").field("way", &self.way).field("when", &self.when).finish_non_exhaustive()
    }
}

impl Progress for Clockwork {
    fn begin(&self, _: &Plan, _: RunId) {}
    fn started(&self, _: &Step) {}
    fn ended(&self, _: &Step, _: &Outcome) {}
    fn paused(&self, _: &Pause) {
        self.0.look();
    }
    fn verifying(&self) {}
}

struct Line {
    inner: InProcess,
    outage: Arc<Outage>,
}

#[async_trait]
impl Exchange for Line {
    async fn exchange(&self, request: http::Request<Bytes>) -> Result<http::Response<Bytes>, ExchangeError> {
        if request.method() == http::Method::GET {
            return self.inner.exchange(request).await;
        }
        {
            let mut state = self.outage.state();
            match (state.went_at, state.came_at) {
                (Some(_), None) => state.meanwhile += 1,
                (Some(_), Some(_)) if state.resumed_at.is_none() => {
                    state.resumed_at = Some(self.outage.clock.elapsed());
                }
                _ => {}
            }
        }
        let answer = self.inner.exchange(request).await;
        if self.outage.moment(When::InARequest) {
            self.outage.go();
        }
        answer
    }
}

struct Town {
    stage: Stage,
    /// The engine whose database goes away.
    engine: Engine,
    outage: Arc<Outage>,
    manifest: Manifest,
    /// Of its own: the ids are those of every other town, and what was told there of limits would count here.
    _redis: RedisServer,
}

impl Town {
    async fn new(server: MortalServer, way: Way, when: When, nth: usize) -> Self {
        let discord = Harness::new();
        let database = server.database().await;
        let store = open(&database.url()).await.expect("a database");
        let calm = engine(&discord, InProcess(discord.simulator.router()), Arc::clone(&store));
        let stage = Stage { discord, engine: calm };
        stage.converge(&stage.manifest(BEFORE)).await;
        stage.discord.simulator.forget_requests();
        let clock = stage.discord.clock.clone();
        let state = State { server, went_at: None, came_at: None, meanwhile: 0, resumed_at: None };
        let (seen, state) = (AtomicUsize::new(0), Mutex::new(state));
        let outage = Arc::new(Outage { way, when, nth, seen, clock: clock.clone(), state });
        let line = Line { inner: InProcess(stage.discord.simulator.router()), outage: Arc::clone(&outage) };
        let store = Arc::new(MortalStore { inner: store, fate: outage.clone() });
        let redis = RedisServer::start();
        let cache = Cache::in_redis(&redis.url(), clock).expect("an address");
        let engine = engine(&stage.discord, line, store).with_cache(cache).with_patience(PATIENT);
        let manifest = stage.manifest(AFTER);
        Self { stage, engine, outage, manifest, _redis: redis }
    }

    async fn apply(&self, manifest: &Manifest) -> Result<Report, Error> {
        let proposal = self.engine.propose(manifest, None).await.expect("a plan");
        let approved = judge(proposal.plan.clone(), &Consent::Digest(proposal.plan.digest.to_string()));
        let approved = approved.expect("approved");
        if approved.rests_on_approval() {
            self.engine.approve(&proposal.plan, &ann()).await.expect("an approval");
        }
        let request = request(approved, &proposal, Some(manifest));
        self.engine.apply(request, &Clockwork(Arc::clone(&self.outage)), &StopSignal::default()).await
    }

    /// Gives the server back for the next town.
    fn into_server(self) -> MortalServer {
        let Self { stage, engine, outage, manifest: _, _redis } = self;
        drop((stage, engine));
        let outage = Arc::into_inner(outage).expect("nobody else has it");
        outage.state.into_inner().expect("nobody panicked").server
    }
}

/// What one outage came to.
struct Tale {
    resumed_after: Duration,
    runs: usize,
}

async fn through(server: MortalServer, way: Way, when: When, nth: usize) -> (MortalServer, Option<Tale>) {
    let what = format!("{way:?} {when:?} {nth}");
    let town = Town::new(server, way, when, nth).await;
    let report = town.apply(&town.manifest).await.unwrap_or_else(|error| panic!("{what}: {error:?}"));
    assert_eq!(report.verdict, Verdict::Succeeded, "{what}: {:?}", report.remark);
    let (went, came, meanwhile, resumed) = {
        let state = town.outage.state();
        (state.went_at, state.came_at, state.meanwhile, state.resumed_at)
    };
    let Some(went) = went else { return (town.into_server(), None) };
    let came = came.unwrap_or_else(|| panic!("{what}: it was not waited for"));
    assert!(came >= went + AWAY);
    assert_eq!(meanwhile, 0, "{what}: writes while the database was down");
    // When it went at the very end there was nothing left to send, and the end of the run counts.
    let resumed = resumed.unwrap_or_else(|| town.outage.clock.elapsed());
    let resumed_after = resumed.saturating_sub(came);
    assert!(resumed_after <= SOON, "{what}: {resumed_after:?}");
    let runs: Vec<_> = report.runs().map(|run| run.run).collect();
    let stage = &town.stage;
    let left = stage.propose(&town.manifest).await.plan;
    assert!(left.is_empty(), "{what}: {}", setai::plan::render::plain(&left));
    let store = stage.engine.store();
    assert!(store.unfinished(stage.guild()).await.expect("unfinished").is_empty(), "{what}");
    let names = stage.discord.edit(|guild| {
        let channels = guild.channels.values().map(|channel| (channel.kind, channel.name.clone()));
        channels.chain(guild.roles.values().map(|role| (255, role.name.clone()))).collect::<Vec<_>>()
    });
    let distinct: std::collections::BTreeSet<_> = names.iter().collect();
    assert_eq!(distinct.len(), names.len(), "{what}: twice: {names:?}");
    audited(&stage.discord.simulator.requests(), &**store).await;
    for run in &runs[..runs.len() - 1] {
        let record = store.run(*run).await.expect("run").expect("it had begun");
        let finished = record.summary.finished.expect("it is closed");
        assert_eq!(finished.verdict, Verdict::Interrupted, "{what}");
        assert!(finished.remark.is_some_and(|remark| remark.contains("the database was away")), "{what}");
    }
    (town.into_server(), Some(Tale { resumed_after, runs: runs.len() }))
}

/// Goes through an outage at each of these moments.
async fn goes_through(way: Way, moments: &[(When, usize)]) {
    let mut server = MortalServer::start();
    let (mut outages, mut slowest, mut runs) = (0, Duration::ZERO, 0);
    for (when, nth) in moments {
        let (back, tale) = through(server, way, *when, *nth).await;
        server = back;
        let Some(tale) = tale else { continue };
        outages += 1;
        slowest = slowest.max(tale.resumed_after);
        runs += tale.runs;
    }
    assert!(outages > 0);
    println!(
        "acceptance 19: MariaDB {way:?} for {} s at {outages} moments: 0 writes while it was down, all went on by \
         themselves at most {:.1} s after its return, in {runs} runs",
        AWAY.as_secs(),
        slowest.as_secs_f64()
    );
}

/// Each of these moments at the first, third, ... time; all of them when everything is tried.
fn moments(whens: &[When], share: &[usize]) -> Vec<(When, usize)> {
    let all: Vec<usize> = (1..=14).collect();
    let times = if makes_all() { &all[..] } else { share };
    whens.iter().flat_map(|when| times.iter().map(|nth| (*when, *nth))).collect()
}

const WHENS: [When; 7] = [
    When::Before(Ask::Intend),
    When::After(Ask::Intend),
    When::Before(Ask::Settle),
    When::After(Ask::Settle),
    When::Before(Ask::Begin),
    When::After(Ask::Begin),
    When::After(Ask::Finish),
];

#[tokio::test]
async fn a_database_that_hangs_for_a_minute_stops_everything_and_everything_goes_on() {
    goes_through(Way::Frozen, &moments(&WHENS, &[1, 4])).await;
}

#[tokio::test]
async fn a_database_that_is_killed_and_comes_back_after_a_minute_is_waited_for() {
    goes_through(Way::Killed, &moments(&WHENS[..4], &[3])).await;
}

/// Stops the cache at the third write, and brings it back a minute later, if that comes before the end.
struct WithoutCache {
    inner: InProcess,
    clock: Clock,
    redis: Arc<Mutex<RedisServer>>,
    writes: AtomicUsize,
    went_at: Mutex<Option<Duration>>,
}

#[async_trait]
impl Exchange for WithoutCache {
    async fn exchange(&self, request: http::Request<Bytes>) -> Result<http::Response<Bytes>, ExchangeError> {
        if request.method() != http::Method::GET && self.writes.fetch_add(1, Ordering::SeqCst) == 2 {
            self.redis.lock().expect("nobody panics").stop();
            *self.went_at.lock().expect("nobody panics") = Some(self.clock.elapsed());
        }
        let answer = self.inner.exchange(request).await;
        let mut went = self.went_at.lock().expect("nobody panics");
        if went.is_some_and(|went| self.clock.elapsed() >= went + AWAY) {
            self.redis.lock().expect("nobody panics").resume();
            *went = None;
        }
        answer
    }
}

/// Applies while the cache is away, with so slow a Discord that a minute is over in the middle, or with one that is done
/// long before.
async fn without_cache(milliseconds: u64) {
    let discord = Harness::new();
    let redis = Arc::new(Mutex::new(RedisServer::start()));
    let url = redis.lock().expect("nobody panics").url();
    let line = WithoutCache {
        inner: InProcess(discord.simulator.router()),
        clock: discord.clock.clone(),
        redis: Arc::clone(&redis),
        writes: AtomicUsize::new(0),
        went_at: Mutex::default(),
    };
    let store = open(&DatabaseUrl::Memory).await.expect("a database");
    let calm = engine(&discord, InProcess(discord.simulator.router()), Arc::clone(&store));
    let stage = Stage { discord, engine: calm };
    let (before, after) = (stage.manifest(BEFORE), stage.manifest(AFTER));
    stage.converge(&before).await;
    let cache = || Cache::in_redis(&url, stage.discord.clock.clone()).expect("an address");
    let cached = engine(&stage.discord, line, store).with_cache(cache());
    let age = Duration::from_secs(600);
    cached.propose(&before, None).await.expect("a plan");
    assert!(cached.glance(&before, None, age).await.expect("a glance").is_some(), "the cache works");

    let slow = Rule::new(Fault::Latency { milliseconds, jitter: 0 });
    stage.discord.simulator.set_faults(Faults { seed: 0, rules: vec![slow] });
    let proposal = cached.propose(&after, None).await.expect("a plan");
    let approved = judge(proposal.plan.clone(), &Consent::Digest(proposal.plan.digest.to_string())).expect("approved");
    if approved.rests_on_approval() {
        cached.approve(&proposal.plan, &ann()).await.expect("an approval");
    }
    let request = request(approved, &proposal, Some(&after));
    let report = cached.apply(request, &setai::controller::Silent, &StopSignal::default()).await.expect("a report");
    assert_eq!(report.verdict, Verdict::Succeeded, "{:?}", report.remark);
    assert!(report.earlier.is_empty(), "one run");
    let is_away = milliseconds < 1_000;
    let glance = cached.glance(&after, None, age).await.expect("nothing fails because of a cache");
    // The connection is found broken by whoever asks first, and made anew for the next.
    assert!(glance.is_none() || !is_away, "it is away");
    if is_away {
        redis.lock().expect("nobody panics").resume();
    }
    let back = stage.discord.clock.elapsed();
    assert!(cached.glance(&before, None, age).await.expect("a glance").is_none(), "nothing old comes back");
    cached.propose(&after, None).await.expect("a plan");
    assert!(cached.glance(&after, None, age).await.expect("a glance").is_some(), "the cache is used again");
    assert!(stage.discord.clock.elapsed() - back <= SOON);
    let own = audited(&stage.discord.simulator.requests(), &**stage.engine.store()).await;
    println!(
        "acceptance 19: Redis away {}: {own} operations, all right in one run, and used again at once",
        if is_away { "from the third write to after the end" } else { "for 60 s in the middle" }
    );
}

#[tokio::test]
async fn a_cache_that_is_away_changes_nothing_of_what_is_done() {
    without_cache(9_000).await;
    without_cache(10).await;
}

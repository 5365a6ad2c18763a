//! What processes tell each other through the cache: windows of limits, how far runs are, and settings.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use serde_json::json;
use setai::cache::{Cache, Execution, Put, Shape, Shelf, Slot, Value, Window};
use setai::clock::Clock;
use setai::controller::{Error, Servers, Silent, StopSignal};
use setai::discord::{self, Exchange, ExchangeError, Hold};
use setai::manifest::Manifest;
use setai::model::{GuildId, ServerConfiguration, ServerSettings, ServerStatus, Setting};
use setai::plan::{Consent, judge};
use setai::simulator::faults::{Fault, Faults, Rule};
use setai::simulator::limits::Scope;
use setai::store::{DatabaseUrl, Reconfiguration, Verdict, open};
use tokio::sync::Notify;
use uuid::Uuid;

use crate::support::oracle::{impatient, throttled};
use crate::support::redis::RedisServer;
use crate::support::stage::{InProcess, Stage, ann, engine, request};

const GUILD: GuildId = GuildId::new(1_146_231_231_231_231_232);
const OTHER: GuildId = GuildId::new(1_146_231_231_231_231_233);

fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// Lets everything else go on until something is so; it must become so.
macro_rules! soon {
    ($is_so:expr) => {{
        let mut rounds = 0..1_000_000;
        while !$is_so {
            rounds.next().expect("it happens in the end");
            tokio::task::yield_now().await;
        }
    }};
}

// ---- shelves ----

pub(super) async fn a_hash_is_added_to_and_stays_as_long_as_it_must(shelf: Arc<dyn Shelf>, _: Clock) {
    let slot = [Slot { key: "hash".to_owned(), shape: Shape::Hash }];
    let fields = |pairs: &[(&str, &str)]| -> BTreeMap<String, String> {
        pairs.iter().map(|(field, text)| ((*field).to_owned(), (*text).to_owned())).collect()
    };
    let is = async || shelf.fetch(&slot).await.expect("reachable").remove(0);
    // Something of another shape lies there, and gives way.
    let text = Put { key: "hash".to_owned(), value: Value::Text("said".to_owned()), ttl: secs(60) };
    shelf.put(&[text]).await.expect("reachable");
    shelf.add("hash", &fields(&[("1", "a"), ("2", "b")]), secs(60)).await.expect("reachable");
    shelf.add("hash", &fields(&[("2", "c"), ("3", "d")]), secs(5)).await.expect("reachable");
    assert_eq!(is().await, Some(Value::Hash(fields(&[("1", "a"), ("2", "c"), ("3", "d")]))));
    shelf.take_out("hash", &["1".to_owned(), "4".to_owned()]).await.expect("reachable");
    assert_eq!(is().await, Some(Value::Hash(fields(&[("2", "c"), ("3", "d")]))));
    let many: BTreeMap<String, String> = (0..2500).map(|n| (format!("{n}"), "x".to_owned())).collect();
    shelf.add("hash", &many, secs(60)).await.expect("reachable");
    let Some(Value::Hash(all)) = is().await else { panic!("a hash") };
    assert_eq!(all.len(), 2500, "two of them were there");
}

pub(super) async fn a_later_version_is_not_overwritten_by_an_earlier_one(shelf: Arc<dyn Shelf>, _: Clock) {
    let slot = [Slot { key: "text".to_owned(), shape: Shape::Text }];
    let put = async |text: &str| {
        shelf.put_later("text", text, secs(60)).await.expect("reachable");
        shelf.fetch(&slot).await.expect("reachable").remove(0)
    };
    let is = |text: &str| Some(Value::Text(text.to_owned()));
    assert_eq!(put("1795000000000007 a").await, is("1795000000000007 a"));
    assert_eq!(put("1795000000000006 b").await, is("1795000000000007 a"), "read before, written after");
    assert_eq!(put("1795000000000007 c").await, is("1795000000000007 c"));
    assert_eq!(put("1795000000000008 d").await, is("1795000000000008 d"));
    for nonsense in [Value::Text("nonsense".to_owned()), Value::Hash(BTreeMap::from([("a".into(), "b".into())]))] {
        shelf.put(&[Put { key: "text".to_owned(), value: nonsense, ttl: secs(60) }]).await.expect("reachable");
        assert_eq!(put("1 e").await, is("1 e"), "what has no version is in nobody's way");
    }
}

// ---- values ----

pub(super) async fn windows_are_told_to_everybody_until_they_end(shelf: Arc<dyn Shelf>, clock: Clock) {
    let cache = Cache::on(Arc::clone(&shelf), clock.clone());
    let window =
        |name: &str, left: u64| Window { name: name.to_owned(), left: secs(left), about: json!({ "n": name }) };
    let names = async |guild: GuildId| -> Vec<String> {
        let mut windows = cache.windows(guild).await.expect("reachable");
        windows.sort_by(|a, b| a.name.cmp(&b.name));
        windows.into_iter().map(|window| window.name).collect()
    };
    assert_eq!(names(GUILD).await, Vec::<String>::new());
    cache.tell_windows(Some(GUILD), &[window("a/1", 500), window("a/2", 0)]).await.expect("reachable");
    // Another process, which knows nothing of those.
    cache.tell_windows(Some(GUILD), &[window("b/1", 20)]).await.expect("reachable");
    cache.tell_windows(None, &[window("b/2", 20)]).await.expect("reachable");
    assert_eq!(names(GUILD).await, ["a/1", "b/1", "b/2"], "what is over is not told");
    assert_eq!(names(OTHER).await, ["b/2"], "what concerns everything");
    let left = cache.windows(GUILD).await.expect("reachable").into_iter().find(|w| w.name == "a/1").expect("told").left;
    assert!(left > secs(440) && left <= secs(500), "{left:?}: the hash outlasts the minute it is kept at least");
    // A value that was damaged, or lies where it does not belong, tells nothing.
    let key = format!("ratelimit:server:{GUILD}");
    let slot = [Slot { key: key.clone(), shape: Shape::Hash }];
    let Some(Value::Hash(fields)) = shelf.fetch(&slot).await.expect("reachable").remove(0) else { panic!("a hash") };
    let moved = BTreeMap::from([("c/9".to_owned(), fields["a/1"].clone()), ("c/8".to_owned(), "{}".to_owned())]);
    shelf.add(&key, &moved, secs(60)).await.expect("reachable");
    assert_eq!(names(GUILD).await, ["a/1", "b/1", "b/2"]);
    let Some(Value::Hash(tidy)) = shelf.fetch(&slot).await.expect("reachable").remove(0) else { panic!("a hash") };
    assert_eq!(tidy.len(), 2, "whoever reads tidies up: {tidy:?}");
}

pub(super) async fn a_run_tells_how_far_it_is(shelf: Arc<dyn Shelf>, clock: Clock) {
    let cache = Cache::on(shelf, clock.clone());
    let execution = |n: u128, done: usize| Execution {
        id: Uuid::from_u128(n),
        guild: GUILD,
        all: 9,
        done,
        failed: 1,
        doing: "create channel rules".to_owned(),
        started_at: clock.now(),
        updated_at: clock.now(),
    };
    for done in 0..3 {
        cache.tell_execution(&execution(1, done)).await.expect("reachable");
    }
    let told = cache.executions(&[Uuid::from_u128(2), Uuid::from_u128(1)]).await.expect("reachable");
    assert_eq!(told, [None, Some(execution(1, 2))]);
    assert_eq!(cache.executions(&[]).await.expect("reachable"), []);
}

fn configuration(prefix: &str, clock: &Clock) -> ServerConfiguration {
    ServerConfiguration {
        server_id: GUILD,
        name: Some("Rust Study Group".to_owned()),
        icon_hash: None,
        owner_id: None,
        bot_permissions: None,
        settings: ServerSettings { command_prefix: prefix.to_owned(), ..ServerSettings::default() },
        status: ServerStatus::Active,
        joined_at: clock.now(),
        updated_at: clock.now(),
    }
}

pub(super) async fn settings_are_remembered(shelf: Arc<dyn Shelf>, clock: Clock) {
    let cache = Cache::on(Arc::clone(&shelf), clock.clone());
    assert_eq!(cache.configuration(GUILD).await.expect("reachable"), None);
    let old = configuration("?", &clock);
    clock.advance(Duration::from_micros(1));
    let new = configuration("!", &clock);
    cache.keep_configuration(&new).await.expect("reachable");
    // Somebody read the store before it was changed, and comes to write it down only now.
    cache.keep_configuration(&old).await.expect("reachable");
    assert_eq!(cache.configuration(GUILD).await.expect("reachable"), Some(new));
    assert_eq!(cache.configuration(OTHER).await.expect("reachable"), None);
    // Another guild's value in this one's place.
    let slot = [Slot { key: format!("config:server:{GUILD}"), shape: Shape::Text }];
    let value = shelf.fetch(&slot).await.expect("reachable").remove(0).expect("it is there");
    shelf.put(&[Put { key: format!("config:server:{OTHER}"), value, ttl: secs(60) }]).await.expect("reachable");
    assert_eq!(cache.configuration(OTHER).await.expect("reachable"), None);
}

#[tokio::test]
async fn redis_lets_go_of_these_in_time_too() {
    let server = RedisServer::start();
    let clock = Clock::system();
    let cache = Cache::in_redis(&server.url(), clock.clone()).expect("an address");
    let window = |left: u64| [Window { name: "a".to_owned(), left: secs(left), about: json!(1) }];
    cache.tell_windows(None, &window(3)).await.expect("reachable");
    cache.tell_windows(Some(GUILD), &window(600)).await.expect("reachable");
    cache.tell_windows(Some(GUILD), &window(3)).await.expect("reachable");
    cache.keep_configuration(&configuration("!", &clock)).await.expect("reachable");
    let mut connection = server.connect().await;
    for (key, seconds) in [
        ("ratelimit:global".to_owned(), 60),
        (format!("ratelimit:server:{GUILD}"), 600),
        (format!("config:server:{GUILD}"), 3600),
    ] {
        let left: i64 = redis::cmd("TTL").arg(&key).query_async(&mut connection).await.expect("an answer");
        assert!((seconds - 30..=seconds).contains(&left), "{key}: {left}");
    }
}

// ---- limits of Discord ----

const ROOMS: &str = "channels: { a: { topic: one }, b: { topic: one } }";

/// Another process of the same bot, which shares only what the cache tells.
fn another(stage: &mut Stage, cache: Option<&Cache>) {
    let store = Arc::clone(stage.engine.store());
    let fresh = engine(&stage.discord, InProcess(stage.discord.simulator.router()), store);
    stage.engine = match cache {
        Some(cache) => fresh.with_cache(cache.clone()),
        None => fresh,
    };
}

/// Applies without waiting for any limit, as a process that is about to stop.
async fn hastily(stage: &Stage, manifest: &Manifest) -> Verdict {
    let proposal = stage.propose(manifest).await;
    let approved = judge(proposal.plan.clone(), &Consent::Seen).expect("approved");
    let hasty = setai::controller::Request { patience: Duration::ZERO, ..request(approved, &proposal, Some(manifest)) };
    stage.engine.apply(hasty, &Silent, &StopSignal::default()).await.expect("a report").verdict
}

/// One process is told to wait for 40 seconds with one channel; what another does that starts then.
async fn told_and_restarted(cache: Option<&Cache>) -> Stage {
    let mut stage = Stage::new().await;
    another(&mut stage, cache);
    stage.converge(&stage.manifest(ROOMS)).await;
    let limited = Fault::RateLimit { scope: Scope::User, retry_after: 40_000 };
    let rule = Rule::new(limited).on("PATCH", "/channels/*").nth(1);
    stage.discord.simulator.set_faults(Faults { seed: 0, rules: vec![rule] });
    stage.discord.simulator.forget_requests();
    let manifest = stage.manifest(&ROOMS.replace("one", "two"));
    assert_eq!(hastily(&stage, &manifest).await, Verdict::Partial, "one of the two channels has to wait");
    stage.discord.clock.advance(secs(1));
    another(&mut stage, cache);
    stage.engine.recover(stage.guild(), &Silent, &StopSignal::default()).await.expect("settled");
    assert_eq!(stage.apply(&manifest).await.verdict, Verdict::Succeeded);
    stage
}

#[tokio::test]
async fn a_window_one_process_was_told_of_is_respected_by_the_next() {
    let alone = told_and_restarted(None).await;
    assert_eq!(impatient(&alone.discord.simulator.requests()).len(), 1, "a process that was not told runs into it");

    let server = RedisServer::start();
    let redis = Cache::in_redis(&server.url(), Clock::system()).expect("an address");
    let shelves = [("in the process", None), ("in Redis", Some(redis))];
    for (name, cache) in shelves {
        let cache = cache.unwrap_or_else(|| Cache::in_process(alone.discord.clock.clone()));
        let stage = told_and_restarted(Some(&cache)).await;
        let records = stage.discord.simulator.requests();
        let hasty = impatient(&records);
        assert!(hasty.is_empty(), "{name}: {hasty:#?}");
        let (refused, all) = throttled(&records);
        println!(
            "acceptance 22, {name}: after a restart {refused} answer of 429 among {all}, 0 requests inside the window"
        );
        assert_eq!(refused, 1, "{name}");
    }
}

#[tokio::test]
async fn a_pause_of_everything_lets_the_next_process_send_nothing_at_all() {
    let mut stage = Stage::new().await;
    let cache = Cache::in_process(stage.discord.clock.clone());
    another(&mut stage, Some(&cache));
    let manifest = stage.manifest(ROOMS);
    let global = Fault::RateLimit { scope: Scope::Global, retry_after: 60_000 };
    stage.discord.simulator.set_faults(Faults { seed: 0, rules: vec![Rule::new(global).on("GET", "*").nth(1)] });
    let parked = |result: Result<setai::controller::Proposal, Error>| {
        let held = matches!(
            result,
            Err(Error::Discord(discord::Error::Parked { why: Hold::Everything, retry_after })) if retry_after > secs(50)
        );
        assert!(held, "{result:?}");
    };
    parked(stage.engine.propose(&manifest, None).await);
    stage.quiet();
    another(&mut stage, Some(&cache));
    parked(stage.engine.propose(&manifest, None).await);
    assert!(stage.discord.simulator.requests().is_empty());
    stage.discord.clock.advance(secs(60));
    another(&mut stage, Some(&cache));
    stage.propose(&manifest).await;
}

/// Says when a write got its first answer, and from then on never sends another one.
struct Frozen {
    inner: InProcess,
    answered: Arc<Notify>,
    writes: std::sync::atomic::AtomicUsize,
}

#[async_trait]
impl Exchange for Frozen {
    async fn exchange(&self, request: http::Request<Bytes>) -> Result<http::Response<Bytes>, ExchangeError> {
        let writes = request.method() != http::Method::GET;
        if writes && self.writes.fetch_add(1, std::sync::atomic::Ordering::SeqCst) > 0 {
            self.answered.notify_one();
            std::future::pending::<()>().await;
        }
        self.inner.exchange(request).await
    }
}

#[tokio::test]
async fn a_process_that_is_killed_while_it_waits_has_told_what_for() {
    let server = RedisServer::start();
    let mut stage = Stage::new().await;
    let cache = Cache::in_redis(&server.url(), stage.discord.clock.clone()).expect("an address");
    another(&mut stage, Some(&cache));
    stage.converge(&stage.manifest(ROOMS)).await;
    let limited = Fault::RateLimit { scope: Scope::User, retry_after: 60_000 };
    let rule = Rule::new(limited).on("PATCH", "/channels/*").nth(1);
    stage.discord.simulator.set_faults(Faults { seed: 0, rules: vec![rule] });
    let answered = Arc::new(Notify::new());
    let inner = InProcess(stage.discord.simulator.router());
    let frozen = Frozen { inner, answered: Arc::clone(&answered), writes: 0.into() };
    let doomed = engine(&stage.discord, frozen, Arc::clone(stage.engine.store())).with_cache(cache.clone());
    let manifest = stage.manifest(&ROOMS.replace("one", "two"));
    let proposal = doomed.propose(&manifest, None).await.expect("a plan");
    let approved = judge(proposal.plan.clone(), &Consent::Seen).expect("approved");
    let told = async {
        answered.notified().await;
        soon!(cache.windows(stage.guild()).await.expect("reachable").len() == 2);
    };
    let (progress, stop) = (Silent, StopSignal::default());
    tokio::select! {
        report = doomed.apply(request(approved, &proposal, Some(&manifest)), &progress, &stop) => panic!("{report:?}"),
        () = told => {}
    }
    let windows = cache.windows(stage.guild()).await.expect("reachable");
    assert!(windows.iter().any(|window| window.left > secs(1) && window.left <= secs(60)), "{windows:?}");
}

// ---- runs ----

/// Before a write with this number, waits until the cache tells that all before it are done.
struct Watched {
    inner: InProcess,
    cache: Cache,
    store: Arc<dyn setai::store::Store>,
    writes: std::sync::atomic::AtomicUsize,
}

#[async_trait]
impl Exchange for Watched {
    async fn exchange(&self, request: http::Request<Bytes>) -> Result<http::Response<Bytes>, ExchangeError> {
        if request.method() != http::Method::GET {
            let done = self.writes.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
            let run = self.store.history(None, 1).await.expect("history")[0].id;
            let is_there = |told: Execution| told.done == done && told.all == 3 && told.doing.contains("channel room-");
            soon!(self.cache.executions(&[run.0]).await.expect("reachable").remove(0).is_some_and(is_there));
        }
        self.inner.exchange(request).await
    }
}

#[tokio::test]
async fn others_can_see_how_far_a_run_is_while_it_goes_on() {
    let stage = Stage::new().await;
    let cache = Cache::in_process(stage.discord.clock.clone());
    let store = Arc::clone(stage.engine.store());
    let inner = InProcess(stage.discord.simulator.router());
    let watched = Watched { inner, cache: cache.clone(), store: Arc::clone(&store), writes: 0.into() };
    let engine = engine(&stage.discord, watched, store).with_cache(cache.clone());
    let manifest = stage.manifest("channels: { room-1: {}, room-2: {}, room-3: {} }");
    let proposal = engine.propose(&manifest, None).await.expect("a plan");
    let approved = judge(proposal.plan.clone(), &Consent::Seen).expect("approved");
    let one_by_one = setai::controller::Request { concurrency: 1, ..request(approved, &proposal, Some(&manifest)) };
    let report = engine.apply(one_by_one, &Silent, &StopSignal::default()).await.expect("a report");
    let told = cache.executions(&[report.run.0]).await.expect("reachable").remove(0).expect("for five minutes more");
    assert_eq!((told.done, told.failed, told.all, told.guild), (3, 0, 3, stage.guild()));
    stage.discord.clock.advance(secs(300));
    assert_eq!(cache.executions(&[report.run.0]).await.expect("reachable"), [None]);
}

#[tokio::test]
async fn a_redis_that_dies_in_the_middle_holds_nothing_up() {
    let mut server = RedisServer::start();
    let mut stage = Stage::new().await;
    let cache = Cache::in_redis(&server.url(), stage.discord.clock.clone()).expect("an address");
    another(&mut stage, Some(&cache));
    let manifest = stage.manifest(ROOMS);
    let proposal = stage.propose(&manifest).await;
    server.stop();
    let report = stage.apply_proposal(&manifest, &proposal, &Consent::Seen).await;
    assert_eq!(report.verdict, Verdict::Succeeded);
}

#[tokio::test]
async fn a_redis_that_never_answers_is_not_waited_for() {
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = format!("redis://{}", silent.local_addr().expect("an address"));
    let mut stage = Stage::new().await;
    let cache = Cache::in_redis(&address.parse().expect("an address"), stage.discord.clock.clone());
    another(&mut stage, Some(&cache.expect("an address")));
    assert_eq!(stage.apply(&stage.manifest(ROOMS)).await.verdict, Verdict::Succeeded);
    drop(silent);
}

// ---- settings ----

#[tokio::test]
async fn a_remembered_setting_never_decides() {
    let store = open(&DatabaseUrl::Memory).await.expect("a database");
    let clock = Clock::virtual_at(chrono::DateTime::UNIX_EPOCH);
    let cache = Cache::in_process(clock.clone());
    let servers = Servers::new(Arc::clone(&store), cache.clone());
    let setting = |text: &str| vec![Setting::parse(text).expect("a setting")];
    let set = |settings| Reconfiguration { guild: GUILD, author: ann(), at: clock.now(), settings };
    assert_eq!(servers.remembered(GUILD).await.expect("a store"), None);
    servers.set(&set(setting("command_prefix=?"))).await.expect("set");
    let prefix = async || servers.remembered(GUILD).await.expect("a store").expect("known").settings.command_prefix;
    assert_eq!(prefix().await, "?", "what is set is remembered at once");

    // Somebody without this cache changes it.
    let elsewhere = Servers::new(Arc::clone(&store), Cache::in_process(clock.clone()));
    elsewhere.set(&set(setting("command_prefix=!"))).await.expect("set");
    elsewhere.set(&set(setting("moderation.require_admin_approval=true"))).await.expect("set");
    assert_eq!(prefix().await, "?", "that is why it only serves remarks");
    assert!(servers.require_approval(GUILD).await.expect("a store"));
    assert!(!servers.require_approval(OTHER).await.expect("a store"));
    assert_eq!(servers.get(GUILD).await.expect("a store").expect("known").settings.command_prefix, "!");
    assert_eq!(prefix().await, "!", "whoever asks the store mends what is remembered");
}

#[tokio::test]
async fn where_every_change_needs_an_approval_the_engine_itself_sees_to_it() {
    let stage = Stage::new().await;
    let manifest = stage.manifest(ROOMS);
    let proposal = stage.propose(&manifest).await;
    let approved = |consent: &Consent| judge(proposal.plan.clone(), consent).expect("its policy asks for nothing");
    let careless = approved(&Consent::Seen);
    // Set by somebody else, after the plan was judged.
    let settings = vec![Setting::parse("moderation.require_admin_approval=true").expect("a setting")];
    let (guild, at) = (stage.guild(), stage.discord.clock.now());
    stage.engine.store().configure(&Reconfiguration { guild, author: ann(), at, settings }).await.expect("set");
    stage.discord.simulator.forget_requests();
    let apply = async |approved| {
        let request = request(approved, &proposal, Some(&manifest));
        stage.engine.apply(request, &Silent, &StopSignal::default()).await
    };
    let refused = apply(careless).await.expect_err("refused");
    assert!(matches!(refused, Error::ApprovalRequired { .. }), "{refused:?}");
    assert!(stage.writes().is_empty() && stage.engine.store().history(None, 1).await.expect("history").is_empty());

    let by_digest = Consent::Digest(proposal.plan.digest.to_string());
    let strict = setai::plan::judge_strictly(proposal.plan.clone(), &by_digest).expect("approved");
    let refused = apply(strict.clone()).await.expect_err("nobody recorded the approval");
    assert!(matches!(refused, Error::NotApproved), "{refused:?}");
    assert!(stage.writes().is_empty());
    stage.engine.approve(&proposal.plan, &ann()).await.expect("an approval");
    assert_eq!(apply(strict).await.expect("a report").verdict, Verdict::Succeeded);
    // With nothing to do there is nothing to approve.
    let empty = stage.propose(&manifest).await;
    setai::plan::judge_strictly(empty.plan, &Consent::Nobody).expect("nothing changes");
}

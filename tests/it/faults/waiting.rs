//! A guild somebody else has: a dead holder is waited for, a living one until patience is over, and a late request is not
//! sent before the right to it was looked at again.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use setai::controller::{Engine, Error, Patience, Pause, Progress, Recovered, Silent, StopSignal};
use setai::discord::{Exchange, ExchangeError};
use setai::plan::{Consent, Outcome, Plan, Step, judge};
use setai::simulator::faults::{Fault, Faults, Rule};
use setai::simulator::limits::Scope;
use setai::store::{self, Lease, RunId, Store, Verdict, open};

use crate::support::harness::Harness;
use crate::support::mariadb::TestDatabase;
use crate::support::mortal::{Ask, Fate, Hook, Moment, MortalExchange, MortalStore};
use crate::support::seeds::makes_all;
use crate::support::stage::{InProcess, Stage, engine, request};

const ROOMS: &str = "channels: { a: { previously: [] }, b: { previously: [] }, c: { previously: [] } }";

/// Waits for other holders, and for nothing else.
const FOR_OTHERS: Patience = Patience { lock: Duration::from_secs(60), outage: Duration::ZERO };

async fn stage_at(database: &TestDatabase) -> Stage {
    let discord = Harness::new();
    let store = open(&database.url()).await.expect("a database");
    let engine = engine(&discord, InProcess(discord.simulator.router()), store);
    Stage { discord, engine }
}

/// The engine of another process at the same guild, with something that happens when its store is asked.
async fn beside(stage: &Stage, database: &TestDatabase, hook: Arc<dyn Hook>) -> Engine {
    let inner = open(&database.url()).await.expect("a database");
    let store = Arc::new(MortalStore { inner, fate: hook });
    engine(&stage.discord, InProcess(stage.discord.simulator.router()), store).with_patience(FOR_OTHERS)
}

/// Writes down what people are told.
#[derive(Debug, Default)]
struct Told(Mutex<Vec<String>>);

impl Told {
    fn lines(&self) -> Vec<String> {
        self.0.lock().expect("nobody panics").clone()
    }
}

impl Progress for Told {
    fn begin(&self, _: &Plan, _: RunId) {}
    fn started(&self, _: &Step) {}
    fn ended(&self, _: &Step, _: &Outcome) {}
    fn paused(&self, pause: &Pause) {
        self.0.lock().expect("nobody panics").push(format!("{} s: {}", pause.duration.as_secs(), pause.why));
    }
    fn verifying(&self) {}
}

/// Half a minute passes at the database while the lease is asked for again and again, or a living holder renews it.
struct AtTheDoor {
    database: TestDatabase,
    asked: AtomicUsize,
    /// The dead holder's lease is over at the n-th time; none when the holder lives.
    over_at: Option<usize>,
}

#[async_trait]
impl Hook for AtTheDoor {
    async fn before(&self, ask: Ask) -> Result<(), store::Error> {
        if ask == Ask::Lease && Some(self.asked.fetch_add(1, Ordering::SeqCst) + 1) == self.over_at {
            self.database.expire_leases().await;
        }
        Ok(())
    }

    async fn after(&self, _: Ask) -> Result<(), store::Error> {
        Ok(())
    }
}

/// A process that is killed in the middle of its run, and leaves a lease behind that nobody gives back.
async fn crash(stage: &Stage, database: &TestDatabase, yaml: &str) {
    let fate = Fate::new(Moment::AfterSend, 2);
    let exchange = MortalExchange { inner: InProcess(stage.discord.simulator.router()), fate: Arc::clone(&fate) };
    let store = open(&database.url()).await.expect("a database");
    let mortal = engine(&stage.discord, exchange, store).known_as("ann at alpha, process 4711");
    let manifest = stage.manifest(yaml);
    let proposal = mortal.propose(&manifest, None).await.expect("a plan");
    let approved = judge(proposal.plan.clone(), &Consent::Seen).expect("approved");
    let (progress, stop) = (Silent, StopSignal::default());
    tokio::select! {
        biased;
        () = fate.sealed() => {}
        report = mortal.apply(request(approved, &proposal, Some(&manifest)), &progress, &stop) => {
            panic!("it did not die: {report:?}")
        }
    }
}

#[tokio::test]
async fn after_a_crash_the_next_one_waits_until_the_dead_ones_right_is_over_and_goes_on() {
    let database = TestDatabase::new().await;
    let stage = stage_at(&database).await;
    crash(&stage, &database, ROOMS).await;
    let manifest = stage.manifest(ROOMS);
    let hook = Arc::new(AtTheDoor { database: database.clone(), asked: AtomicUsize::new(0), over_at: Some(28) });
    let next = beside(&stage, &database, hook).await;
    let (told, began) = (Told::default(), stage.discord.clock.elapsed());
    let recovered = next.recover(stage.guild(), &told, &StopSignal::default()).await.expect("waits");
    let waited = (stage.discord.clock.elapsed() - began).as_secs();
    assert!((27..=35).contains(&waited), "{waited} s");
    let lines = told.lines();
    assert_eq!(lines.len(), 27, "{lines:?}");
    assert!(lines[0].starts_with("60 s: ") && lines[1].starts_with("59 s: "), "{lines:?}");
    assert!(lines.iter().all(|line| line.contains(": ann at alpha, process 4711 (")), "{lines:?}");
    assert!(lines[0].contains(", since ") && lines[0].contains(" and at least until "), "{lines:?}");
    // It had written down the first of three creates, and died after it had sent the second.
    let [Recovered { run: _, done: 1, not_done: 0, unknown: 0, left: 1 }] = recovered[..] else {
        panic!("{recovered:?}")
    };
    let history = next.store().history(None, 9).await.expect("history");
    let finished = history[0].finished.as_ref().expect("it is closed");
    assert_eq!(finished.verdict, Verdict::Interrupted);
    insta::assert_snapshot!(
        finished.remark.as_deref().unwrap_or_default(),
        @"the process stopped in the middle; 2 of 3 steps were done"
    );
    let proposal = next.propose(&manifest, None).await.expect("a plan");
    assert_eq!(proposal.plan.steps.len(), recovered[0].left);
    let approved = judge(proposal.plan.clone(), &Consent::Seen).expect("approved");
    let report = next.apply(request(approved, &proposal, Some(&manifest)), &Silent, &StopSignal::default()).await;
    assert_eq!(report.expect("a report").verdict, Verdict::Succeeded);
    println!("the dead holder was waited for {waited} s of virtual time, then the rest was done");
}

#[tokio::test]
async fn a_living_holder_is_waited_for_until_patience_is_over_and_nothing_is_sent() {
    let database = TestDatabase::new().await;
    let stage = stage_at(&database).await;
    let manifest = stage.manifest(ROOMS);
    let hook = Arc::new(AtTheDoor { database: database.clone(), asked: AtomicUsize::new(0), over_at: None });
    let other = beside(&stage, &database, hook).await;
    let proposal = other.propose(&manifest, None).await.expect("a plan");
    let held = stage.engine.store().lease(stage.guild(), "bob at beta, process 7", Duration::from_secs(600)).await;
    let held = held.expect("nobody has it");
    let approved = judge(proposal.plan.clone(), &Consent::Seen).expect("approved");
    let (told, began) = (Told::default(), stage.discord.clock.elapsed());
    let error = other.apply(request(approved, &proposal, Some(&manifest)), &told, &StopSignal::default()).await;
    let error = error.expect_err("it is still at work");
    let Error::Store(store::Error::GuildBusy { ref holder, .. }) = error else { panic!("{error:?}") };
    assert_eq!(holder, "bob at beta, process 7");
    assert_eq!((stage.discord.clock.elapsed() - began).as_secs(), 60);
    assert_eq!(told.lines().len(), 60);
    assert!(stage.writes().is_empty(), "{:?}", stage.writes());
    stage.engine.store().release(held).await.expect("given back");
}

#[tokio::test]
async fn whoever_waits_can_be_stopped() {
    let database = TestDatabase::new().await;
    let stage = stage_at(&database).await;
    crash(&stage, &database, ROOMS).await;
    let stop = StopSignal::default();
    let (asked, raised) = (AtomicUsize::new(0), stop.clone());
    let hook = Arc::new(Stopping { asked, stop: raised });
    let next = beside(&stage, &database, hook).await;
    let error = next.recover(stage.guild(), &Silent, &stop).await.expect_err("stopped");
    assert!(matches!(error, Error::Stopped { waiting: store::Error::GuildBusy { .. } }), "{error:?}");
}

/// Somebody presses Ctrl-C at the third try.
struct Stopping {
    asked: AtomicUsize,
    stop: StopSignal,
}

#[async_trait]
impl Hook for Stopping {
    async fn before(&self, ask: Ask) -> Result<(), store::Error> {
        if ask == Ask::Lease && self.asked.fetch_add(1, Ordering::SeqCst) == 2 {
            self.stop.raise();
        }
        Ok(())
    }

    async fn after(&self, _: Ask) -> Result<(), store::Error> {
        Ok(())
    }
}

#[tokio::test]
async fn a_plan_from_before_the_wait_is_looked_at_again_before_it_is_applied() {
    let database = TestDatabase::new().await;
    let stage = stage_at(&database).await;
    stage.converge(&stage.manifest("channels: { a: { topic: one } }")).await;
    stage.discord.simulator.forget_requests();
    let manifest = stage.manifest("channels: { a: { topic: two } }");
    let hook = Arc::new(AtTheDoor { database: database.clone(), asked: AtomicUsize::new(0), over_at: Some(5) });
    let other = beside(&stage, &database, hook).await;
    let proposal = other.propose(&manifest, None).await.expect("a plan");
    // Somebody has the guild, and changes it without changing what is bound.
    let held = stage.engine.store().lease(stage.guild(), "bob", Duration::from_secs(600)).await.expect("free");
    let id = stage.discord.edit(|guild| guild.channel_named("a").expect("there").id);
    stage.discord.by_hand("PATCH", &format!("/channels/{id}"), serde_json::json!({"topic": "three"}));
    let approved = judge(proposal.plan.clone(), &Consent::Seen).expect("approved");
    let error = other.apply(request(approved, &proposal, Some(&manifest)), &Silent, &StopSignal::default()).await;
    assert!(matches!(error, Err(Error::Stale)), "{error:?}");
    drop(held);
}

/// Lets somebody else take over while a request waits to be sent again.
struct TakenWhileResting {
    inner: InProcess,
    database: TestDatabase,
    store: Arc<dyn Store>,
    stage_guild: setai::model::GuildId,
    /// After which answer that asks to wait.
    taken: Arc<tokio::sync::Mutex<Option<Lease>>>,
}

#[async_trait]
impl Exchange for TakenWhileResting {
    async fn exchange(&self, request: http::Request<Bytes>) -> Result<http::Response<Bytes>, ExchangeError> {
        let writes = request.method() != http::Method::GET;
        let answer = self.inner.exchange(request).await;
        let is_put_off = answer.as_ref().map_or(true, |answer| matches!(answer.status().as_u16(), 429 | 502..=504));
        let mut taken = self.taken.lock().await;
        if writes && is_put_off && taken.is_none() {
            // The process is frozen for so long that its lease expires.
            self.database.expire_leases().await;
            let lease = self.store.lease(self.stage_guild, "another process", Duration::from_secs(60)).await;
            *taken = Some(lease.expect("it expired"));
        }
        answer
    }
}

/// Whatever puts a request off, it is not sent again once the right is lost.
#[tokio::test]
async fn a_right_that_is_lost_while_a_request_rests_sends_nothing_more() {
    let lost = |done| Fault::ConnectionLost { done };
    let limited = |scope, retry_after| Fault::RateLimit { scope, retry_after };
    let broken = |status, done| Fault::ServerError { status, done };
    let update = ("channels: { a: { topic: x }, b: {} }", "PATCH");
    let create = ("channels: { a: {}, b: {}, c: { previously: [] } }", "POST");
    let delete = ("policy: { on_remove: delete, max_deletions: 100% }\nchannels: { a: {} }", "DELETE");
    let faults = [
        limited(Scope::User, 1_501),
        limited(Scope::Shared, 4_003),
        limited(Scope::Global, 2_007),
        broken(503, false),
        broken(502, false),
        lost(false),
    ];
    let mut cases = 0;
    for (row, (yaml, method)) in [update, create, delete].into_iter().enumerate() {
        for (_, fault) in faults.iter().enumerate().filter(|(at, _)| makes_all() || at % 3 == row) {
            let database = TestDatabase::new().await;
            let stage = stage_at(&database).await;
            stage.converge(&stage.manifest("channels: { a: {}, b: {} }")).await;
            stage.discord.simulator.forget_requests();
            let rule = Rule::new(fault.clone()).on(method, "*").nth(1);
            stage.discord.simulator.set_faults(Faults { seed: 0, rules: vec![rule] });
            let taken = Arc::default();
            let exchange = TakenWhileResting {
                inner: InProcess(stage.discord.simulator.router()),
                database: database.clone(),
                store: Arc::clone(stage.engine.store()),
                stage_guild: stage.guild(),
                taken: Arc::clone(&taken),
            };
            let frozen = engine(&stage.discord, exchange, open(&database.url()).await.expect("a database"));
            let manifest = stage.manifest(yaml);
            let proposal = frozen.propose(&manifest, None).await.expect("a plan");
            let consent = Consent::Digest(proposal.plan.digest.to_string());
            let approved = judge(proposal.plan.clone(), &consent).expect("approved");
            if approved.rests_on_approval() {
                frozen.approve(&proposal.plan, &crate::support::stage::ann()).await.expect("an approval");
            }
            let request = request(approved, &proposal, Some(&manifest));
            let error = frozen.apply(request, &Silent, &StopSignal::default()).await;
            assert!(
                matches!(error, Err(Error::Store(store::Error::LeaseLost { .. }))),
                "{method} {fault:?}: {error:?}"
            );
            let writes = stage.writes();
            assert_eq!(writes.len(), 1, "{method} {fault:?}: only what was under way: {writes:?}");
            let lease = taken.lock().await.take().expect("somebody has it");
            stage.engine.store().release(lease).await.expect("given back");
            stage.quiet();
            stage.reconcile(&manifest).await.expect("the next one goes on");
            assert!(stage.propose(&manifest).await.plan.is_empty());
            cases += 1;
        }
    }
    println!("{cases} ways to rest while the right is lost: 0 requests with an outdated fencing number");
}

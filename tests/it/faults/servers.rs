//! The engine with its records at a database server, among other processes.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use setai::controller::{Error, Silent, StopSignal};
use setai::discord::{Exchange, ExchangeError};
use setai::manifest::Manifest;
use setai::model::GuildId;
use setai::plan::{Consent, judge};
use setai::store::{self, Lease, Store, Verdict, open};
use tokio::sync::Mutex;

use crate::support::harness::Harness;
use crate::support::mariadb::TestDatabase;
use crate::support::oracle::audited;
use crate::support::stage::{InProcess, Stage, engine, request};

const TOWN: &str = "
roles: { lead: { hoist: true }, crew: { previously: [] } }
categories:
  hall: { channels: { rules: { topic: Be kind. }, ask: { type: forum, tags: [{ name: new }] }, talk: { type: voice } } }
";

async fn stage_at(database: &TestDatabase) -> Stage {
    let discord = Harness::new();
    let store = open(&database.url()).await.expect("a database");
    let engine = engine(&discord, InProcess(discord.simulator.router()), store);
    Stage { discord, engine }
}

#[tokio::test]
async fn a_town_is_built_and_built_again() {
    let stage = stage_at(&TestDatabase::new().await).await;
    let manifest = stage.manifest(TOWN);
    let report = stage.converge(&manifest).await;
    assert_eq!(report.verdict, Verdict::Succeeded);
    stage.discord.edit(|guild| guild.channels.retain(|_, channel| channel.name != "rules"));
    stage.converge(&manifest).await;
    let history = stage.engine.store().history(Some(stage.guild()), 10).await.expect("history");
    assert_eq!(history.len(), 2);
}

/// Lets somebody else take over at the n-th write, and then answers it, or never.
struct TakenOver {
    answers: bool,
    inner: InProcess,
    database: TestDatabase,
    store: Arc<dyn Store>,
    guild: GuildId,
    writes_left: AtomicUsize,
    taken: Arc<Mutex<Option<Lease>>>,
}

#[async_trait]
impl Exchange for TakenOver {
    async fn exchange(&self, request: http::Request<Bytes>) -> Result<http::Response<Bytes>, ExchangeError> {
        if request.method() != http::Method::GET && self.writes_left.fetch_sub(1, Ordering::SeqCst) == 1 {
            // This process was frozen for so long that its lease expired.
            self.database.expire_leases().await;
            let lease = self.store.lease(self.guild, "another process", Duration::from_secs(60)).await;
            *self.taken.lock().await = Some(lease.expect("it expired"));
            if !self.answers {
                // Nothing else happens from now on, so time passes as fast as it can.
                tokio::time::pause();
                std::future::pending::<()>().await;
            }
        }
        self.inner.exchange(request).await
    }
}

/// Applies a manifest and is overtaken at the n-th write. What that ended with, and the lease of whoever came after.
async fn overtaken(
    stage: &Stage,
    database: &TestDatabase,
    manifest: &Manifest,
    nth: usize,
    answers: bool,
) -> (Error, Lease) {
    let taken = Arc::default();
    let exchange = TakenOver {
        answers,
        inner: InProcess(stage.discord.simulator.router()),
        database: database.clone(),
        store: Arc::clone(stage.engine.store()),
        guild: stage.guild(),
        writes_left: AtomicUsize::new(nth),
        taken: Arc::clone(&taken),
    };
    let overtaken = engine(&stage.discord, exchange, open(&database.url()).await.expect("a database"));
    let proposal = overtaken.propose(manifest, None).await.expect("a plan");
    let approved = judge(proposal.plan.clone(), &Consent::Seen).expect("approved");
    let one_by_one = setai::controller::Request { concurrency: 1, ..request(approved, &proposal, Some(manifest)) };
    let error = overtaken.apply(one_by_one, &Silent, &StopSignal::default()).await.expect_err("overtaken");
    let lease = taken.lock().await.take().expect("somebody has it");
    (error, lease)
}

#[tokio::test]
async fn whoever_is_overtaken_sends_nothing_more_and_the_next_one_goes_on() {
    for nth in 1..=4 {
        let database = TestDatabase::new().await;
        let stage = stage_at(&database).await;
        let manifest = stage.manifest(TOWN);
        let (error, taken) = overtaken(&stage, &database, &manifest, nth, true).await;
        assert!(matches!(error, Error::Store(store::Error::LeaseLost { .. })), "{error:?}");
        assert_eq!(stage.writes().len(), nth, "only what was under way");

        stage.engine.store().release(taken).await.expect("given back");
        stage.reconcile(&manifest).await.expect("the next one goes on");
        assert!(stage.propose(&manifest).await.plan.is_empty(), "{nth}");
        audited(&stage.discord.simulator.requests(), stage.engine.store().as_ref()).await;
    }
}

#[tokio::test]
async fn whoever_waits_for_discord_hears_of_being_overtaken_too() {
    let database = TestDatabase::new().await;
    let stage = stage_at(&database).await;
    let manifest = stage.manifest(TOWN);
    let (error, taken) = overtaken(&stage, &database, &manifest, 2, false).await;
    tokio::time::resume();
    assert!(matches!(error, Error::Store(store::Error::LeaseLost { .. })), "{error:?}");
    stage.engine.store().release(taken).await.expect("given back");
    stage.reconcile(&manifest).await.expect("the next one goes on");
    assert!(stage.propose(&manifest).await.plan.is_empty());
}

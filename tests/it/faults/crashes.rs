//! The process dies at every moment of every step, and the next one goes on without anybody's hand.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;

use setai::controller::{Silent, StopSignal};
use setai::manifest::Manifest;
use setai::plan::{Consent, judge, render};
use setai::store::{DatabaseUrl, Store, open};

use super::seeds;
use crate::support::harness::Harness;
use crate::support::mortal::{Fate, Moment, MortalExchange, MortalStore};
use crate::support::oracle::audited;
use crate::support::stage::{InProcess, Stage, ann, engine, request};

/// What a town has first.
fn first(rooms: usize) -> String {
    let mut yaml = "
policy: { on_remove: delete, max_deletions: 100% }
roles: { lead: { hoist: true }, crew: {}, gone: {} }
channels: { welcome: { topic: Start here } }
categories:
  hall:
    channels: { rules: {}, old: {}, ask: { type: forum, tags: [{ name: new }] } }
  rooms:
    channels:
"
    .to_owned();
    (0..rooms).for_each(|n| _ = writeln!(yaml, "      room-{n}: {{}}"));
    yaml
}

/// And then: with every kind of operation, `rooms` of them updates and `rooms` creates.
fn second(rooms: usize) -> String {
    let mut yaml = "
policy: { on_remove: delete, max_deletions: 100% }
settings: { system_channel: lounge, afk_timeout: 900 }
roles: { crew: { permissions: [view_channel] }, lead: { hoist: false }, fresh: { previously: [] } }
channels: { welcome: { topic: Come in }, lounge: { previously: [] } }
categories:
  rooms:
    permissions: { fresh: { allow: [view_channel] } }
    channels:
"
    .to_owned();
    (0..rooms).rev().for_each(|n| _ = writeln!(yaml, "      room-{n}: {{ topic: number {n} }}"));
    (0..rooms).for_each(|n| {
        _ = writeln!(
            yaml,
            "      new-{n}: {{ previously: [], permissions: {{ fresh: {{ deny: [send_messages] }} }} }}"
        );
    });
    yaml.push_str(
        "  hall: { channels: { ask: { type: forum, tags: [{ name: new }, { name: solved }] }, rules: {} } }\n",
    );
    yaml
}

/// One life: the plan for `manifest` is applied by an engine that dies at `fate`. False when it did not die.
async fn dies(discord: &Harness, store: Arc<dyn Store>, manifest: &Manifest, fate: &Arc<Fate>) -> bool {
    let exchange = MortalExchange { inner: InProcess(discord.simulator.router()), fate: Arc::clone(fate) };
    let store = Arc::new(MortalStore { inner: store, fate: Arc::clone(fate) });
    let mortal = engine(discord, exchange, store);
    let life = async {
        mortal.recover(manifest.guild).await.expect("recovers");
        let proposal = mortal.propose(manifest, None).await.expect("a plan");
        let consent = Consent::Digest(proposal.plan.digest.to_string());
        let approved = judge(proposal.plan.clone(), &consent).expect("approved");
        if approved.rests_on_approval() {
            mortal.approve(&proposal.plan, &ann()).await.expect("an approval");
        }
        let report = mortal.apply(request(approved, &proposal, Some(manifest)), &Silent, &StopSignal::default()).await;
        report.expect("a report");
    };
    tokio::select! {
        biased;
        () = fate.sealed() => true,
        () = life => false,
    }
}

struct Town {
    stage: Stage,
    second: Manifest,
    url: DatabaseUrl,
    _directory: tempfile::TempDir,
}

impl Town {
    async fn new(rooms: usize, seed: u64) -> Self {
        let directory = tempfile::tempdir().expect("directory");
        let url = DatabaseUrl::File(directory.path().join("setai.db"));
        let discord = Harness::with(|options| options.seed = seed);
        let store = open(&url).await.expect("a database");
        let engine = engine(&discord, InProcess(discord.simulator.router()), store);
        let stage = Stage { discord, engine };
        stage.converge(&stage.manifest(&first(rooms))).await;
        stage.discord.simulator.forget_requests();
        let second = stage.manifest(&second(rooms));
        Self { stage, second, url, _directory: directory }
    }

    /// Another process opens the same file and goes on.
    async fn next_life(&mut self) {
        self.stage.engine.store().close().await;
        let store = open(&self.url).await.expect("a database");
        let exchange = InProcess(self.stage.discord.simulator.router());
        self.stage.engine = engine(&self.stage.discord, exchange, store);
    }

    async fn is_right_again(&mut self, what: &str) {
        self.next_life().await;
        let report = self.stage.reconcile(&self.second).await.unwrap_or_else(|error| panic!("{what}: {error}"));
        let left = self.stage.propose(&self.second).await.plan;
        assert!(left.is_empty(), "{what}: {}\n{report:#?}", render::plain(&left));
        let open = self.stage.engine.store().unfinished(self.stage.guild()).await.expect("unfinished");
        assert!(open.is_empty(), "{what}: {open:#?}");
        let mut names: BTreeMap<(u8, String), usize> = BTreeMap::new();
        self.stage.discord.edit(|guild| {
            guild.channels.values().for_each(|c| *names.entry((c.kind, c.name.clone())).or_default() += 1);
            guild.roles.values().for_each(|r| *names.entry((255, r.name.clone())).or_default() += 1);
        });
        names.retain(|_, count| *count > 1);
        assert!(names.is_empty(), "{what}: twice: {names:?}");
        audited(&self.stage.discord.simulator.requests(), self.stage.engine.store().as_ref()).await;
    }
}

/// Dies at the n-th such moment for every n there is, with one town each.
async fn dies_everywhere(moment: Moment) {
    // 60 steps need 24 rooms; every day has fewer.
    let (rooms, lives) = if seeds(1) >= 10_000 { (24, 3) } else { (3, 1) };
    let mut points = 0;
    for seed in 0..lives {
        for nth in 1.. {
            let mut town = Town::new(rooms, seed).await;
            let store = Arc::clone(town.stage.engine.store());
            let fate = Fate::new(moment, nth);
            if !dies(&town.stage.discord, store, &town.second, &fate).await {
                assert!(nth > rooms, "{moment:?} has been met at every step");
                break;
            }
            points += 1;
            town.is_right_again(&format!("{moment:?} {nth} seed {seed}")).await;
        }
    }
    println!("acceptance 17, one process: {moment:?}, {points} of {points} deaths came right (x {lives} seeds)");
}

#[tokio::test]
async fn dying_before_an_intent_is_written_down_loses_nothing() {
    dies_everywhere(Moment::BeforeIntent).await;
}

#[tokio::test]
async fn dying_before_a_request_is_sent_loses_nothing() {
    dies_everywhere(Moment::BeforeSend).await;
}

#[tokio::test]
async fn dying_before_the_answer_arrives_makes_nothing_twice() {
    dies_everywhere(Moment::AfterSend).await;
}

#[tokio::test]
async fn dying_before_the_answer_is_written_down_makes_nothing_twice() {
    dies_everywhere(Moment::AfterAnswer).await;
}

#[tokio::test]
async fn dying_after_the_answer_is_written_down_loses_nothing() {
    dies_everywhere(Moment::AfterSettle).await;
}

#[tokio::test]
async fn dying_around_the_run_itself_loses_nothing() {
    for moment in [Moment::BeforeBegin, Moment::AfterBegin, Moment::BeforeFinish] {
        let mut town = Town::new(3, 0).await;
        let store = Arc::clone(town.stage.engine.store());
        assert!(dies(&town.stage.discord, store, &town.second, &Fate::new(moment, 1)).await);
        town.is_right_again(&format!("{moment:?}")).await;
    }
}

#[tokio::test]
async fn dying_again_and_again_still_comes_to_an_end() {
    let mut town = Town::new(3, 0).await;
    let mut deaths = 0;
    for life in 0..60 {
        // Each life does a little more than nothing.
        let moment = Moment::OF_STEPS[life % 5];
        let store = Arc::clone(town.stage.engine.store());
        if !dies(&town.stage.discord, store, &town.second, &Fate::new(moment, 2)).await {
            break;
        }
        deaths += 1;
        town.next_life().await;
    }
    assert!((5..60).contains(&deaths), "{deaths} deaths");
    town.is_right_again("after many deaths").await;
    println!("acceptance 17, one process: {deaths} deaths in a row came right");
}

//! The process dies at every moment of every step, and the next one goes on without anybody's hand.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::sync::Arc;

use serde_json::json;
use setai::controller::{Silent, StopSignal};
use setai::manifest::Manifest;
use setai::plan::{Consent, judge, render};
use setai::simulator::Act;
use setai::simulator::faults::{Fault, Faults, Rule};
use setai::store::{DatabaseUrl, Store, open};

use crate::support::harness::Harness;
use crate::support::mariadb::TestDatabase;
use crate::support::mortal::{Fate, Moment, MortalExchange, MortalStore};
use crate::support::oracle::audited_in;
use crate::support::seeds::makes_all;
use crate::support::stage::{InProcess, Stage, ann, engine, request};

/// What a town has first.
pub(super) fn first(rooms: usize) -> String {
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
pub(super) fn second(rooms: usize) -> String {
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
        "  hall: { channels: { ask: { type: forum, tags: [{ name: new }, { name: solved }] }, rules: {}, HELP } }\n",
    );
    let help = format!("help: {{ type: forum, previously: [], topic: {} }}", "x".repeat(1100));
    yaml.replace("HELP", &help)
}

/// One life: the plan for `manifest` is applied by an engine that dies at `fate`. False when it did not die.
async fn dies(discord: &Harness, store: Arc<dyn Store>, manifest: &Manifest, fate: &Arc<Fate>) -> bool {
    let exchange = MortalExchange { inner: InProcess(discord.simulator.router()), fate: Arc::clone(fate) };
    let store = Arc::new(MortalStore { inner: store, fate: fate.clone() });
    let mortal = engine(discord, exchange, store);
    let life = async {
        mortal.recover(manifest.guild, &Silent, &StopSignal::default()).await.expect("recovers");
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
    place: Place,
}

/// Where the database is.
enum Place {
    File(tempfile::TempDir),
    Server(TestDatabase),
}

impl Place {
    fn in_a_file() -> Self {
        Self::File(tempfile::tempdir().expect("directory"))
    }

    async fn at_a_server() -> Self {
        Self::Server(TestDatabase::new().await)
    }

    fn url(&self) -> DatabaseUrl {
        match self {
            Self::File(directory) => DatabaseUrl::File(directory.path().join("setai.db")),
            Self::Server(database) => database.url(),
        }
    }
}

impl Town {
    async fn new(place: Place, rooms: usize, seed: u64) -> Self {
        let discord = Harness::with(|options| options.seed = seed);
        let store = open(&place.url()).await.expect("a database");
        let engine = engine(&discord, InProcess(discord.simulator.router()), store);
        let stage = Stage { discord, engine };
        stage.converge(&stage.manifest(&first(rooms))).await;
        stage.discord.simulator.forget_requests();
        let second = stage.manifest(&second(rooms));
        Self { stage, second, place }
    }

    /// Another process opens the same database and goes on. Nobody waits for the dead one where its death can be seen, and
    /// elsewhere until its lease is over.
    async fn next_life(&mut self) {
        if let Place::Server(database) = &self.place {
            database.expire_leases().await;
        }
        self.stage.engine.store().close().await;
        let store = open(&self.place.url()).await.expect("a database");
        let exchange = InProcess(self.stage.discord.simulator.router());
        self.stage.engine = engine(&self.stage.discord, exchange, store);
    }

    async fn is_right_again(&mut self, what: &str) {
        self.next_life().await;
        comes_right(&self.stage, &self.second, what).await;
    }
}

/// The channels of a fresh guild, which are nobody's.
const FRESH: [&str; 4] = ["general", "General", "Text Channels", "Voice Channels"];

/// One more life without any trouble makes everything right, with nobody's hand.
pub(super) async fn comes_right(stage: &Stage, manifest: &Manifest, what: &str) {
    let report = stage.reconcile(manifest).await.unwrap_or_else(|error| panic!("{what}: {error}"));
    let left = stage.propose(manifest).await.plan;
    assert!(left.is_empty(), "{what}: {}\n{report:#?}", render::plain(&left));
    let store = stage.engine.store();
    let open = store.unfinished(stage.guild()).await.expect("unfinished");
    assert!(open.is_empty(), "{what}: {open:#?}");
    let bindings = store.bindings(stage.guild()).await.expect("bindings");
    let channels = bindings.categories.values().chain(bindings.channels.values()).map(|bound| bound.id.get());
    let bound: BTreeSet<u64> = bindings.roles.values().map(|bound| bound.id.get()).chain(channels).collect();
    let mut names: BTreeMap<(u8, String), usize> = BTreeMap::new();
    let mut orphans = Vec::new();
    stage.discord.edit(|guild| {
        for channel in guild.channels.values() {
            *names.entry((channel.kind, channel.name.clone())).or_default() += 1;
            if !bound.contains(&channel.id.0) && !FRESH.contains(&channel.name.as_str()) {
                orphans.push(channel.name.clone());
            }
        }
        for role in guild.roles.values() {
            *names.entry((255, role.name.clone())).or_default() += 1;
            if !bound.contains(&role.id.0) && !role.managed && role.id != guild.id {
                orphans.push(role.name.clone());
            }
        }
    });
    names.retain(|_, count| *count > 1);
    assert!(names.is_empty(), "{what}: twice: {names:?}");
    assert!(orphans.is_empty(), "{what}: nobody's: {orphans:?}");
    audited_in(&stage.discord.simulator.requests(), &**store, Some(stage.guild())).await;
}

/// Dies at the n-th such moment for every n there is, with one town each.
async fn dies_everywhere(moment: Moment) {
    // 60 steps need 24 rooms; every day has fewer.
    let (rooms, lives) = if makes_all() { (24, 3) } else { (3, 1) };
    let mut points = 0;
    for seed in 0..lives {
        for nth in 1.. {
            let mut town = Town::new(Place::in_a_file(), rooms, seed).await;
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
        let mut town = Town::new(Place::in_a_file(), 3, 0).await;
        let store = Arc::clone(town.stage.engine.store());
        assert!(dies(&town.stage.discord, store, &town.second, &Fate::new(moment, 1)).await);
        town.is_right_again(&format!("{moment:?}")).await;
    }
}

#[tokio::test]
async fn dying_again_and_again_still_comes_to_an_end() {
    let mut town = Town::new(Place::in_a_file(), 3, 0).await;
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

/// A share of the same deaths with the records at a database server: every moment, and each at other steps.
#[tokio::test]
async fn dying_with_the_records_at_a_server_loses_nothing_and_makes_nothing_twice() {
    let (rooms, stride) = if makes_all() { (24, 1) } else { (1, 6) };
    let mut points = 0;
    for (offset, moment) in Moment::OF_STEPS.into_iter().enumerate() {
        for nth in (1 + offset % stride..).step_by(stride) {
            let mut town = Town::new(Place::at_a_server().await, rooms, 0).await;
            let store = Arc::clone(town.stage.engine.store());
            if !dies(&town.stage.discord, store, &town.second, &Fate::new(moment, nth)).await {
                assert!(nth > rooms, "{moment:?} has been met at every step");
                break;
            }
            points += 1;
            town.is_right_again(&format!("at a server: {moment:?} {nth}")).await;
        }
    }
    println!("acceptance 17, one process, MariaDB: {points} of {points} deaths came right");
}

#[tokio::test]
async fn a_request_that_changed_nothing_is_found_though_no_log_tells_of_it_and_lists_are_old() {
    let discord = Harness::new();
    let directory = tempfile::tempdir().expect("a directory");
    let url = DatabaseUrl::File(directory.path().join("setai.db"));
    let stage = Stage {
        engine: engine(&discord, InProcess(discord.simulator.router()), open(&url).await.expect("a database")),
        discord,
    };
    stage.converge(&stage.manifest("channels: { welcome: { topic: Start here } }")).await;
    let channel = stage.discord.edit(|guild| guild.channel_named("welcome").map(|channel| channel.id)).expect("made");
    let act = Act::new(stage.discord.owner, "PATCH", &format!("/channels/{channel}"), json!({ "topic": "Come in" }));
    let before_ours = Rule::new(Fault::Edit { act }).on("PATCH", "*").nth(1);
    stage.discord.simulator.set_faults(Faults { seed: 0, rules: vec![before_ours] });
    let manifest = stage.manifest("channels: { welcome: { topic: Come in } }");
    let fate = Fate::new(Moment::AfterAnswer, 1);
    assert!(dies(&stage.discord, Arc::clone(stage.engine.store()), &manifest, &fate).await);

    let old = Rule::new(Fault::Stale).on("GET", &stage.discord.in_guild("/channels"));
    stage.discord.simulator.set_faults(Faults { seed: 0, rules: vec![old] });
    let recovered = stage.engine.recover(stage.guild(), &Silent, &StopSignal::default()).await.expect("recovers");
    let told: Vec<_> = recovered.iter().map(|run| (run.done, run.not_done, run.unknown)).collect();
    assert_eq!(told, [(1, 0, 0)]);
    audited_in(&stage.discord.simulator.requests(), &**stage.engine.store(), None).await;
}

//! The figures of the README: how long the core takes for the largest guild Discord allows, and how long a first apply
//! takes against a simulated Discord.
#![allow(clippy::print_stdout, clippy::expect_used, reason = "a benchmark prints, and stops where it cannot go on")]

use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use secrecy::SecretString;
use setai::cache::{Cache, Seen, Source};
use setai::clock::Clock;
use setai::controller::{Engine, Request, Silent, StopSignal};
use setai::discord::{Client, Settings};
use setai::manifest::render::{Rendered, Style, render};
use setai::manifest::{Files, Manifest, parse};
use setai::model::{
    Binding, Bindings, BoostTier, Bot, Channel, ChannelAttributes, ChannelKind, ChannelRef, ContentFilter, Facet,
    Features, Guild, GuildId, GuildSettings, Key, Managed, NotificationLevel, ObjectKind, Overwrite, Overwrites,
    Permissions, Provenance, Ref, Role, RoleAttributes, RoleRef, Snapshot, SystemChannelFlags, Target,
    VerificationLevel,
};
use setai::plan::{BindingChange, Consent, judge, propose};
use setai::simulator::faults::{Fault, Faults};
use setai::simulator::limits::Limits;
use setai::simulator::world::{FreshGuild, World};
use setai::simulator::{Options, Simulator};
use setai::store::{Author, DatabaseUrl, Error, Rebinding, Store, Trigger, open};
use sqlx::Executor as _;
use twilight_model::id::Id;

use mariadb::TestDatabase;
use mortal::{Ask, Hook, MortalStore};
use redis::RedisServer;

#[path = "figures/controller.rs"]
mod controller;
#[path = "../tests/it/support/git.rs"]
#[allow(dead_code, reason = "the tests need more of it")]
mod git;
#[path = "../tests/it/support/mariadb.rs"]
#[allow(dead_code, reason = "the tests need more of it")]
mod mariadb;
#[path = "../tests/it/support/mortal.rs"]
#[allow(dead_code, reason = "the tests need more of it")]
mod mortal;
#[path = "../tests/it/support/redis.rs"]
#[allow(dead_code, reason = "the tests need more of it")]
mod redis;
#[path = "figures/talk.rs"]
mod talk;

/// The allocator of the program.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const GUILD: u64 = 1_146_231_231_231_231_232;
const ROLES: usize = 250;
const CATEGORIES: usize = 20;
const CHANNELS: usize = 500;

const BENCHMARKS: [(&str, fn()); 11] = [
    ("settled", settled),
    ("different", different),
    ("parse", parse_and_plan),
    ("flatness", flatness),
    ("glances", glances),
    ("apply", first_apply),
    ("start", controller::start),
    ("hearing", controller::hearing),
    ("talk", talk::talk),
    ("idle", controller::idle),
    (MANY, controller::many),
];

const MANY: &str = "many";

fn main() {
    let chosen: Vec<String> = std::env::args().skip(1).filter(|argument| !argument.starts_with('-')).collect();
    println!("| what | figure | wanted |");
    println!("|---|---|---|");
    for (name, benchmark) in BENCHMARKS {
        // That of many guilds takes half an hour, and is run when it is named.
        if (chosen.is_empty() && name != MANY) || chosen.iter().any(|choice| choice == name) {
            benchmark();
        }
    }
}

fn row(what: &str, figure: &str, wanted: &str) {
    println!("| {what} | {figure} | {wanted} |");
}

/// A live guild, the manifest that says the same, and the bindings between them.
struct Case {
    snapshot: Snapshot,
    text: String,
    manifest: Manifest,
    bindings: Bindings,
}

impl Case {
    fn of(guild: Guild) -> Self {
        let Rendered { text, keys, .. } = render(&guild, &Style::default());
        let bind = |id| Binding::new(id, Provenance::Adopted);
        let bindings = Bindings {
            roles: keys.roles.iter().map(|(id, key)| (key.clone(), bind(*id))).collect(),
            categories: keys
                .categories
                .iter()
                .map(|(id, key)| (key.clone(), Binding::new(*id, Provenance::Adopted)))
                .collect(),
            channels: keys
                .channels
                .iter()
                .map(|(id, key)| (key.clone(), Binding::new(*id, Provenance::Adopted)))
                .collect(),
            images: Default::default(),
        };
        let bot = Facet::Known(Bot { user: Id::new(2), roles: vec![Id::new(99_999)], timed_out: false });
        let manifest = parsed(&text);
        Self { snapshot: Snapshot { guild, bot, hidden: Vec::new() }, text, manifest, bindings }
    }

    /// The same guild with something different about every object.
    fn different(&self) -> Snapshot {
        let mut snapshot = self.snapshot.clone();
        for role in
            snapshot.guild.roles.iter_mut().filter(|r| r.id.id() != Some(Id::new(GUILD)) && r.managed == Managed::No)
        {
            role.attributes.hoist = !role.attributes.hoist;
            role.attributes.permissions |= Permissions::SPEAK;
        }
        for channel in &mut snapshot.guild.channels {
            channel.attributes.name.push_str("-old");
            channel.attributes.overwrites.remove(&Target::Role(Ref::Live(Id::new(10_001))));
            channel.attributes.overwrites.set(
                Target::Member(Id::new(77)),
                Overwrite { allow: Permissions::SEND_MESSAGES, deny: Permissions::NONE },
            );
        }
        snapshot
    }
}

fn parsed(text: &str) -> Manifest {
    let files = Files::single("guild.yaml", text).expect("a path");
    parse(&files, "guild.yaml").manifest.expect("a manifest")
}

/// A guild of so many roles and channels, each channel with its own overwrites.
fn guild(roles: usize, categories: usize, channels: usize, overwrites: usize) -> Guild {
    let mut list = vec![bot_role(), everyone()];
    list.extend((1..roles.saturating_sub(1)).map(role));
    let mut all: Vec<Channel> =
        (0..categories).map(|n| channel(n, None, ChannelKind::Category, roles, overwrites)).collect();
    for n in categories..channels {
        let parent = (categories > 0).then(|| Ref::Live(Id::new(50_000 + (n % categories) as u64)));
        let kind = if n % 5 == 0 { ChannelKind::Voice } else { ChannelKind::Text };
        all.push(channel(n, parent, kind, roles, overwrites));
    }
    let mut guild = Guild {
        id: Id::new(GUILD),
        owner: Id::new(1),
        boost_tier: BoostTier(0),
        requires_mfa: false,
        settings: settings(),
        roles: list,
        channels: all,
    };
    guild.sort();
    guild
}

fn everyone() -> Role {
    let attributes = RoleAttributes { permissions: Permissions::VIEW_CHANNEL, ..RoleAttributes::named("@everyone") };
    Role { id: Ref::Live(Id::new(GUILD)), position: 0, managed: Managed::No, attributes }
}

fn bot_role() -> Role {
    let attributes = RoleAttributes { permissions: Permissions::ADMINISTRATOR, ..RoleAttributes::named("setai") };
    Role { id: Ref::Live(Id::new(99_999)), position: 1_000, managed: Managed::Bot(2), attributes }
}

fn role(n: usize) -> Role {
    let attributes =
        RoleAttributes { permissions: Permissions::SEND_MESSAGES, ..RoleAttributes::named(format!("Role {n}")) };
    Role { id: Ref::Live(Id::new(10_000 + n as u64)), position: 900 - n as i64, managed: Managed::No, attributes }
}

fn channel(
    n: usize,
    parent: Option<Ref<twilight_model::id::marker::ChannelMarker>>,
    kind: ChannelKind,
    roles: usize,
    count: usize,
) -> Channel {
    let mut attributes = ChannelAttributes::named(format!("channel-{n}"), kind);
    attributes.parent = parent;
    attributes.topic = (kind == ChannelKind::Text).then(|| format!("What channel {n} is about"));
    attributes.overwrites = (0..count.min(roles.saturating_sub(2)))
        .map(|k| {
            let role: RoleRef = Ref::Live(Id::new(10_001 + ((n + k * 7) % roles.saturating_sub(2)) as u64));
            // Every channel says something of its own, so that nothing is shared.
            let allow = Permissions::VIEW_CHANNEL
                | if (n + k).is_multiple_of(3) { Permissions::ATTACH_FILES } else { Permissions::NONE };
            let deny = if (n * k) % 5 == 1 { Permissions::ADD_REACTIONS } else { Permissions::NONE };
            (Target::Role(role), Overwrite { allow, deny })
        })
        .collect::<Overwrites>();
    Channel { id: Ref::Live(Id::new(50_000 + n as u64)), position: n as i64, attributes }
}

fn settings() -> GuildSettings {
    GuildSettings {
        name: "Largest".to_owned(),
        description: None,
        verification_level: VerificationLevel::Low,
        default_message_notifications: NotificationLevel::OnlyMentions,
        explicit_content_filter: ContentFilter::AllMembers,
        afk_channel: None,
        afk_timeout: 300,
        system_channel: None,
        system_channel_flags: SystemChannelFlags(0),
        rules_channel: None,
        public_updates_channel: None,
        safety_alerts_channel: None,
        preferred_locale: "en-US".to_owned(),
        premium_progress_bar_enabled: false,
        features: Features::default(),
        icon: None,
        splash: None,
        discovery_splash: None,
        banner: None,
    }
}

/// The times of `runs` runs, ascending, after a tenth as many to warm up.
fn timed<T>(runs: usize, mut work: impl FnMut() -> T) -> Vec<Duration> {
    (0..runs / 10).for_each(|_| drop(std::hint::black_box(work())));
    let mut times: Vec<Duration> = (0..runs)
        .map(|_| {
            let start = Instant::now();
            drop(std::hint::black_box(work()));
            start.elapsed()
        })
        .collect();
    times.sort();
    times
}

fn percentile(times: &[Duration], percent: usize) -> f64 {
    times[(times.len() * percent / 100).min(times.len() - 1)].as_secs_f64() * 1e3
}

fn largest_case() -> Case {
    Case::of(guild(ROLES, CATEGORIES, CHANNELS, 20))
}

fn milliseconds(times: &[Duration]) -> String {
    format!("p50 {:.1} ms, p99 {:.1} ms", percentile(times, 50), percentile(times, 99))
}

fn settled() {
    let case = largest_case();
    let times = timed(300, || propose(&case.manifest, &case.snapshot, &case.bindings, None));
    assert!(propose(&case.manifest, &case.snapshot, &case.bindings, None).is_empty());
    let what = "plan for 250 roles, 500 channels, 20 overwrites each: nothing to do";
    row(what, &milliseconds(&times), "p99 ≤ 5 ms");
}

fn different() {
    let case = largest_case();
    let live = case.different();
    let steps = propose(&case.manifest, &live, &case.bindings, None).steps.len();
    assert!(steps > 700, "{steps} steps");
    let times = timed(300, || propose(&case.manifest, &live, &case.bindings, None));
    row(&format!("the same with everything different ({steps} steps)"), &milliseconds(&times), "p99 ≤ 10 ms");
}

fn parse_and_plan() {
    let case = largest_case();
    let live = case.different();
    let before = peak_memory();
    let times = timed(60, || parsed(&case.text));
    let size = case.text.len() / 1024;
    row(&format!("parse and check its YAML ({size} KiB)"), &milliseconds(&times), "≤ 60 ms");
    drop(std::hint::black_box(propose(&case.manifest, &live, &case.bindings, None)));
    let grown = peak_memory().saturating_sub(before) / 1024;
    row("extra memory for both", &format!("{grown} MiB"), "≤ 64 MiB");
}

fn flatness() {
    let cases: Vec<(usize, usize, Case)> = [10, 50, 100, 250, 500]
        .into_iter()
        .map(|channels: usize| {
            let roles = (channels / 2).clamp(10, ROLES);
            (channels, channels + roles, Case::of(guild(roles, (channels / 25).max(1), channels, 8)))
        })
        .collect();
    let cost =
        |case: &Case| percentile(&timed(100, || propose(&case.manifest, &case.snapshot, &case.bindings, None)), 50);
    // All sizes in turn, several times, and the least of each: a machine that is faster at one time than at another
    // says nothing about sizes.
    let mut least = vec![f64::MAX; cases.len()];
    for _ in 0..7 {
        for (least, (_, objects, case)) in least.iter_mut().zip(&cases) {
            *least = least.min(cost(case) * 1e3 / *objects as f64);
        }
    }
    let figures: Vec<String> = least.iter().zip(&cases).map(|(us, (n, ..))| format!("{n}: {us:.2} µs")).collect();
    let spread = least.iter().copied().fold(0.0, f64::max) / least.iter().copied().fold(f64::MAX, f64::min) - 1.0;
    let figure = format!("{}; {:.0}% apart", figures.join(", "), spread * 100.0);
    row("cost per object by number of channels", &figure, "flat within 20%");
}

/// The largest resident size so far, in KiB, where the system tells.
fn peak_memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or_default()
}

/// How many guilds a second are found to be in order without a request, from a Redis and either database.
fn glances() {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(async {
        let folder = tempfile::tempdir().expect("a folder");
        let databases = [
            ("MariaDB", TestDatabase::new().await.url()),
            ("SQLite", DatabaseUrl::File(folder.path().join("setai.db"))),
        ];
        for (name, url) in databases {
            let what =
                format!("guilds of 100 channels, 50 roles, 400 overwrites found in order, from Redis and {name}");
            row(&what, &glanced(&url).await, "≥ 1,000/s");
        }
    });
}

async fn glanced(database: &DatabaseUrl) -> String {
    const GUILDS: u64 = 100;
    const ROUNDS: usize = 20;
    let clock = Clock::system();
    let redis = RedisServer::start();
    let store = open(database).await.expect("a database");
    let client = Client::connect(Settings::new(SecretString::from("bench"))).expect("a client");
    let cache = Cache::in_redis(&redis.url(), clock.clone()).expect("an address");
    let engine = Engine::new(Arc::new(client), store, clock.clone()).with_cache(cache.clone());
    let mut manifests = Vec::new();
    for n in 0..GUILDS {
        let live = numbered(guild(50, 8, 100, 4), n);
        let Case { mut snapshot, manifest, bindings, .. } = Case::of(live);
        snapshot.bot =
            Facet::Known(Bot { user: Id::new(2), roles: vec![Id::new(99_999 + 1_000_000 * n)], timed_out: false });
        let store = engine.store();
        let lease = store.lease(snapshot.guild.id, "bench", Duration::from_secs(60)).await.expect("a lease");
        store.rebind(&lease, &bound(snapshot.guild.id, &bindings, clock.now())).await.expect("bindings");
        store.release(lease).await.expect("a lease");
        cache.keep(&Seen { snapshot, at: clock.now(), source: Source::Read }).await.expect("Redis");
        manifests.push(Arc::new(manifest));
    }
    let start = Instant::now();
    let workers: Vec<_> = (0..8)
        .map(|worker| {
            let (engine, manifests) = (engine.clone(), manifests.clone());
            tokio::spawn(async move {
                for manifest in manifests.iter().cycle().skip(worker).step_by(8).take(GUILDS as usize * ROUNDS / 8) {
                    let glance = engine.glance(manifest, None, Duration::from_secs(600)).await.expect("a store");
                    assert!(glance.is_some(), "in order");
                }
            })
        })
        .collect();
    for worker in workers {
        worker.await.expect("no worker fails");
    }
    let seconds = start.elapsed().as_secs_f64();
    format!("{:.0}/s", GUILDS as f64 * ROUNDS as f64 / seconds)
}

/// The same guild with other ids.
fn numbered(mut live: Guild, n: u64) -> Guild {
    let (everyone, id) = (live.everyone_id(), Id::new(GUILD + n));
    let other = |role: &RoleRef| match role {
        Ref::Live(role) if *role == everyone => Ref::Live(id.cast()),
        Ref::Live(role) => Ref::Live(Id::new(role.get() + 1_000_000 * n)),
        Ref::Planned(_) => role.clone(),
    };
    for role in &mut live.roles {
        role.id = other(&role.id);
    }
    let moved =
        |channel: &ChannelRef| channel.id().map_or(channel.clone(), |c| Ref::Live(Id::new(c.get() + 1_000_000 * n)));
    for channel in &mut live.channels {
        channel.id = moved(&channel.id);
        channel.attributes.parent = channel.attributes.parent.as_ref().map(moved);
        channel.attributes.overwrites = channel.attributes.overwrites.map_roles(other);
    }
    Guild { id, ..live }
}

fn bound(guild: GuildId, bindings: &Bindings, at: chrono::DateTime<chrono::Utc>) -> Rebinding {
    let Bindings { roles, categories, channels, images: _ } = bindings;
    let bind = |kind: ObjectKind, key: &Key, id: u64| BindingChange::Bind {
        kind,
        key: key.clone(),
        id: id.to_string(),
        provenance: Provenance::Adopted,
        protected: false,
    };
    let roles = roles.iter().map(|(key, binding)| bind(ObjectKind::Role, key, binding.id.get()));
    let categories = categories.iter().map(|(key, binding)| bind(ObjectKind::Category, key, binding.id.get()));
    let channels = channels.iter().map(|(key, binding)| bind(ObjectKind::Channel, key, binding.id.get()));
    let changes = roles.chain(categories).chain(channels).collect();
    Rebinding { guild, run: None, author: Author::Local("bench".to_owned()), at, changes }
}

/// Builds the largest guild from nothing over real sockets, with 20 ms latency and Discord's limit of 50 requests a second,
/// and writes two rows of the audit trail for each step into either database. What is above the bound of the limit is the
/// cost of everything else, those rows included.
fn first_apply() {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(async {
        let folder = tempfile::tempdir().expect("a folder");
        let server = TestDatabase::new().await;
        // As a server in production has it: a transaction that is over is on the disk.
        mariadb::administrator()
            .await
            .execute("SET GLOBAL innodb_flush_log_at_trx_commit = 1")
            .await
            .expect("a setting");
        let nowhere = open(&DatabaseUrl::File(folder.path().join("without.db"))).await.expect("a database");
        let (_, without) = build(Arc::new(MortalStore { inner: nowhere, fate: Arc::new(NoAudit) })).await;
        for (name, url) in [("SQLite", DatabaseUrl::File(folder.path().join("setai.db"))), ("MariaDB", server.url())] {
            let (requests, seconds) = build(open(&url).await.expect("a database")).await;
            // Our own budget of 45 a second is what the limit leaves with a margin.
            let bound = requests as f64 / 45.0;
            let figure =
                format!("{seconds:.1} s for {requests} requests, {:.3} × the bound of {bound:.1} s", seconds / bound);
            let what = format!("first apply of 250 roles and 500 channels, 20 ms latency, audit in {name}");
            row(&what, &figure, "≤ 1.10 × the bound, ≤ 754 requests");
            let figure = format!("{:.1} % more than {without:.1} s", (seconds / without - 1.0) * 100.0);
            row(&format!("the same without any record of its steps; {name} takes"), &figure, "≤ 5 %");
        }
    });
}

/// No step is written down, neither before nor after it is sent.
struct NoAudit;

#[async_trait]
impl Hook for NoAudit {
    async fn before(&self, _: Ask) -> Result<(), Error> {
        Ok(())
    }

    async fn after(&self, _: Ask) -> Result<(), Error> {
        Ok(())
    }

    fn leaves_out(&self, ask: Ask) -> bool {
        matches!(ask, Ask::Intend | Ask::Settle)
    }
}

async fn build(store: Arc<dyn Store>) -> (usize, f64) {
    let clock = Clock::system();
    let mut world = World::new(1);
    let FreshGuild { guild: id, bot, .. } = world.fresh_guild("Largest", None, clock.now());
    // Room for 500 channels of our own.
    if let Some(guild) = world.guilds.get_mut(&id) {
        guild.channels.clear();
    }
    let limits = Limits { reads: None, writes: None, ..Limits::default() };
    let faults = Faults::always(Fault::Latency { milliseconds: 20, jitter: 0 });
    let simulator = Simulator::new(world, Options { clock: clock.clone(), limits, faults, ..Options::default() });
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = format!("http://{}", listener.local_addr().expect("an address"));
    let serving = simulator.clone();
    tokio::spawn(async move { serving.serve(listener, std::future::pending()).await });

    // Discord's tokens begin with the bot's id, which saves asking for it.
    let token = format!("{}.bench.token", STANDARD_NO_PAD.encode(bot.to_string()));
    let mut settings = Settings::new(SecretString::from(token));
    settings.address = address;
    let engine = Engine::new(Arc::new(Client::connect(settings).expect("a client")), store, clock);

    let manifest = parsed(&largest(&id.to_string()));
    let start = Instant::now();
    let proposal = engine.propose(&manifest, None).await.expect("a plan");
    let approved = judge(proposal.plan.clone(), &Consent::Seen).expect("an approved plan");
    let request = Request {
        approved,
        proposal: &proposal,
        manifest: Some(&manifest),
        trigger: Trigger::Person,
        author: Author::Local("bench".to_owned()),
        rollback_of: None,
        patience: Duration::from_secs(60),
        concurrency: 4,
    };
    let report = engine.apply(request, &Silent, &StopSignal::default()).await.expect("a report");
    let seconds = start.elapsed().as_secs_f64();
    assert_eq!(report.verdict, setai::store::Verdict::Succeeded, "{:?}", report.remark);
    assert!(simulator.requests().iter().all(|r| r.status != 429), "no request is refused for its rate");
    (simulator.requests().len(), seconds)
}

/// The manifest of the largest guild: 248 roles beside @everyone and the bot's, 20 categories, 480 channels, 3 overwrites each.
fn largest(guild: &str) -> String {
    use std::fmt::Write as _;
    let _: GuildId = guild.parse().expect("a snowflake");
    let mut text = format!("version: 1\nguild: \"{guild}\"\nroles:\n");
    for n in 1..ROLES - 1 {
        let _: Key = format!("role-{n}").parse().expect("a key");
        _ = writeln!(text, "  role-{n}: {{ permissions: [view_channel, send_messages] }}");
    }
    text.push_str("  everyone: { permissions: [view_channel] }\ncategories:\n");
    for category in 0..CATEGORIES {
        _ = writeln!(text, "  area-{category}:\n    channels:");
        for n in 0..(CHANNELS - CATEGORIES) / CATEGORIES {
            let role = (category * 24 + n) % (ROLES - 4) + 1;
            _ = writeln!(
                text,
                "      room-{category}-{n}: {{ topic: Room {n}, permissions: {{ role-{role}: {{ allow: [view_channel] }}, \
                 role-{}: {{ deny: [send_messages] }}, everyone: {{ deny: [add_reactions] }} }} }}",
                role + 1
            );
        }
    }
    text
}

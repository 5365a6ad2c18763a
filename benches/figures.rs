//! The figures of the README: how long the core takes for the largest guild Discord allows, and how long a first apply
//! takes against a simulated Discord.
#![allow(clippy::print_stdout, clippy::expect_used, reason = "a benchmark prints, and stops where it cannot go on")]

use std::sync::Arc;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use secrecy::SecretString;
use setai::clock::Clock;
use setai::controller::{Engine, Request, Silent, StopSignal};
use setai::discord::{Client, Settings};
use setai::manifest::render::{Rendered, Style, render};
use setai::manifest::{Files, Manifest, parse};
use setai::model::{
    Binding, Bindings, BoostTier, Bot, Channel, ChannelAttributes, ChannelKind, ContentFilter, Facet, Features, Guild,
    GuildId, GuildSettings, Key, Managed, NotificationLevel, Overwrite, Overwrites, Permissions, Provenance, Ref, Role,
    RoleAttributes, RoleRef, Snapshot, SystemChannelFlags, Target, VerificationLevel,
};
use setai::plan::{Consent, judge, propose};
use setai::simulator::faults::{Fault, Faults};
use setai::simulator::limits::Limits;
use setai::simulator::world::{FreshGuild, World};
use setai::simulator::{Options, Simulator};
use setai::store::{Author, DatabaseUrl, Trigger, open};
use twilight_model::id::Id;

const GUILD: u64 = 1_146_231_231_231_231_232;
const ROLES: usize = 250;
const CATEGORIES: usize = 20;
const CHANNELS: usize = 500;

fn main() {
    println!("| what | figure | wanted |");
    println!("|---|---|---|");
    core();
    flatness();
    first_apply();
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

fn core() {
    let case = Case::of(guild(ROLES, CATEGORIES, CHANNELS, 20));
    let unchanged = timed(300, || propose(&case.manifest, &case.snapshot, &case.bindings, None));
    assert!(propose(&case.manifest, &case.snapshot, &case.bindings, None).is_empty());
    let figure =
        |times: &[Duration]| format!("p50 {:.1} ms, p99 {:.1} ms", percentile(times, 50), percentile(times, 99));
    row("plan for 250 roles, 500 channels, 20 overwrites each: nothing to do", &figure(&unchanged), "p99 ≤ 5 ms");

    let different = case.different();
    let steps = propose(&case.manifest, &different, &case.bindings, None).steps.len();
    assert!(steps > 700, "{steps} steps");
    let changed = timed(300, || propose(&case.manifest, &different, &case.bindings, None));
    row(&format!("the same with everything different ({steps} steps)"), &figure(&changed), "p99 ≤ 10 ms");

    let before = peak_memory();
    let parsing = timed(60, || parsed(&case.text));
    let size = case.text.len() / 1024;
    row(&format!("parse and check its YAML ({size} KiB)"), &figure(&parsing), "≤ 60 ms");
    drop(std::hint::black_box(propose(&case.manifest, &different, &case.bindings, None)));
    let grown = peak_memory().saturating_sub(before) / 1024;
    row("extra memory for both", &format!("{grown} MiB"), "≤ 64 MiB");
}

fn flatness() {
    let cost = |channels: usize| {
        let roles = (channels / 2).clamp(10, ROLES);
        let case = Case::of(guild(roles, (channels / 25).max(1), channels, 8));
        let times = timed(200, || propose(&case.manifest, &case.snapshot, &case.bindings, None));
        percentile(&times, 50) * 1e3 / (channels + roles) as f64
    };
    let costs: Vec<(usize, f64)> = [10, 50, 100, 250, 500].into_iter().map(|n| (n, cost(n))).collect();
    let figures: Vec<String> = costs.iter().map(|(n, us)| format!("{n}: {us:.2} µs")).collect();
    row("cost per object by number of channels", &figures.join(", "), "flat within 20%");
}

/// The largest resident size so far, in KiB, where the system tells.
fn peak_memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or_default()
}

/// Builds the largest guild from nothing over real sockets, with 20 ms latency and Discord's limit of 50 requests a second.
fn first_apply() {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let (requests, seconds) = runtime.block_on(build());
    // Our own budget of 45 a second is what the limit leaves with a margin.
    let bound = requests as f64 / 45.0;
    let figure = format!("{seconds:.1} s for {requests} requests, {:.2} × the bound of {bound:.1} s", seconds / bound);
    row("first apply of 250 roles and 500 channels, 20 ms latency", &figure, "≤ 1.10 × the bound, ≤ 754 requests");
}

async fn build() -> (usize, f64) {
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

    let folder = tempfile::tempdir().expect("a folder");
    let store = open(&DatabaseUrl::File(folder.path().join("setai.db"))).await.expect("a database");
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

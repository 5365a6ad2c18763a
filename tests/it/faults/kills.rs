//! A real process is killed with SIGKILL at every moment of every step of a long plan, and the next one goes on without
//! anybody's hand: with its records in a file, and at a database server, where also every transaction is broken off right
//! before and right after its commit.

use std::collections::BTreeMap;
use std::env;
use std::net::Ipv4Addr;
use std::os::unix::process::ExitStatusExt as _;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use secrecy::SecretString;
use setai::cache::Cache;
use setai::clock::Clock;
use setai::controller::{Engine, Silent, StopSignal};
use setai::discord::{Client, Https, Settings};
use setai::plan::{Consent, judge};
use setai::store::{DatabaseUrl, Store, open};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime;

use super::crashes::{comes_right, first, second};
use crate::support::harness::Harness;
use crate::support::mariadb::TestDatabase;
use crate::support::mortal::{Fate, Moment, MortalExchange, MortalStore, kill};
use crate::support::redis::RedisServer;
use crate::support::seeds::{is_told, seeds, trials};
use crate::support::stage::{InProcess, Stage, ann, engine, manifest, request};

/// How the process dies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Death {
    /// By its own hand, at the n-th such moment.
    At(Moment),
    /// When the server would be told to commit the n-th transaction.
    BeforeCommit,
    /// When the server has committed it and the process does not know yet.
    AfterCommit,
}

/// The deaths there are where nobody stands between the process and its database.
const IN_A_FILE: [Death; 4] = [
    Death::At(Moment::BeforeSend),
    Death::At(Moment::AfterSend),
    Death::At(Moment::AfterAnswer),
    Death::At(Moment::AfterSettle),
];

const AT_A_SERVER: [Death; 5] = [
    Death::At(Moment::BeforeSend),
    Death::At(Moment::AfterSend),
    Death::At(Moment::AfterAnswer),
    Death::BeforeCommit,
    Death::AfterCommit,
];

/// What the process finds in its environment.
const LIFE: &str = "SETAI_TEST_LIFE";

/// The process that is killed. For everybody else this is nothing to do.
#[test]
fn a_life() {
    let Ok(text) = env::var(LIFE) else { return };
    let words: Vec<&str> = text.split(' ').collect();
    let [address, guild, rooms, database, redis, moment, nth] = words[..] else { panic!("{text}") };
    let moment = [Moment::BeforeIntent].iter().chain(&Moment::OF_STEPS).find(|m| format!("{m:?}") == moment).copied();
    // One that never comes when somebody else does the killing.
    let fate = Fate::of_process(moment.unwrap_or(Moment::BeforeIntent), nth.parse().expect("a number"));
    let live = async {
        let https = Https::new().expect("a network");
        let mut settings = Settings::new(SecretString::from("token"));
        address.clone_into(&mut settings.address);
        let exchange = Arc::new(MortalExchange { inner: https, fate: fate.clone() });
        let client = Client::new(settings, exchange, Clock::system()).expect("a client");
        let inner = open(&database.parse().expect("a URL")).await.expect("a database");
        let store = Arc::new(MortalStore { inner, fate });
        let cache = Cache::in_redis(&redis.parse().expect("an address"), Clock::system()).expect("a cache");
        let engine = Engine::new(Arc::new(client), store, Clock::system()).with_cache(cache);
        let wanted = manifest(guild.parse().expect("a snowflake"), &second(rooms.parse().expect("a number")));
        engine.recover(wanted.guild, &Silent, &StopSignal::default()).await.expect("recovers");
        let proposal = engine.propose(&wanted, None).await.expect("a plan");
        let consent = Consent::Digest(proposal.plan.digest.to_string());
        let approved = judge(proposal.plan.clone(), &consent).expect("approved");
        if approved.rests_on_approval() {
            engine.approve(&proposal.plan, &ann()).await.expect("an approval");
        }
        let request = request(approved, &proposal, Some(&wanted));
        engine.apply(request, &Silent, &StopSignal::default()).await.expect("a report");
    };
    runtime::Builder::new_current_thread().enable_all().build().expect("a runtime").block_on(live);
}

/// Stands between a process and the server, and kills the process at a commit.
struct Executioner {
    port: u16,
    victim: Arc<AtomicU32>,
}

impl Executioner {
    async fn at(server: u16, death: Death, nth: usize) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port");
        let port = listener.local_addr().expect("a port").port();
        let (victim, commits) = (Arc::new(AtomicU32::new(0)), Arc::new(AtomicUsize::new(0)));
        let executed = Arc::clone(&victim);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let server = TcpStream::connect((Ipv4Addr::LOCALHOST, server)).await.expect("the server");
                tokio::spawn(carry(client, server, death, nth, Arc::clone(&commits), Arc::clone(&executed)));
            }
        });
        Self { port, victim }
    }
}

async fn carry(
    mut client: TcpStream,
    mut server: TcpStream,
    death: Death,
    nth: usize,
    commits: Arc<AtomicUsize>,
    victim: Arc<AtomicU32>,
) {
    let (mut from_client, mut from_server) = (vec![0; 65_536], vec![0; 65_536]);
    let mut is_last = false;
    loop {
        tokio::select! {
            sent = client.read(&mut from_client) => {
                let Ok(count @ 1..) = sent else { return };
                // A packet is a head of four bytes, the command, and here the text of a query.
                let commits_now = from_client[..count].get(4..).is_some_and(|rest| rest.starts_with(b"\x03COMMIT"));
                is_last = commits_now && commits.fetch_add(1, Ordering::SeqCst) + 1 == nth;
                if is_last && death == Death::BeforeCommit {
                    return kill(victim.load(Ordering::SeqCst));
                }
                if server.write_all(&from_client[..count]).await.is_err() {
                    return;
                }
            }
            answered = server.read(&mut from_server) => {
                let Ok(count @ 1..) = answered else { return };
                if is_last {
                    return kill(victim.load(Ordering::SeqCst));
                }
                if client.write_all(&from_server[..count]).await.is_err() {
                    return;
                }
            }
        }
    }
}

/// Where the records are.
enum Place {
    File(tempfile::TempDir),
    Server(TestDatabase),
}

impl Place {
    fn setting(&self) -> String {
        match self {
            Self::File(directory) => format!("sqlite:{}", directory.path().join("setai.db").display()),
            Self::Server(database) => database.setting(),
        }
    }

    fn url(&self) -> DatabaseUrl {
        self.setting().parse().expect("a URL")
    }
}

async fn stage_on(discord: Harness, store: Arc<dyn Store>, redis: &RedisServer) -> Stage {
    let exchange = InProcess(discord.simulator.router());
    let cache = Cache::in_redis(&redis.url(), discord.clock.clone()).expect("a cache");
    let engine = engine(&discord, exchange, store).with_cache(cache);
    Stage { discord, engine }
}

/// Kills one process and lets another go on. False when the process had nothing left to be killed for.
async fn kills(place: &Place, redis: &RedisServer, rooms: usize, (death, nth, day): (Death, usize, u32)) -> bool {
    let what = format!("{death:?} {nth}, day {day}");
    let discord = Harness::from(day, |options| options.seed = u64::from(day));
    let store = open(&place.url()).await.expect("a database");
    let stage = stage_on(discord, store, redis).await;
    stage.converge(&stage.manifest(&first(rooms))).await;
    stage.discord.simulator.forget_requests();
    stage.engine.store().close().await;

    let served = stage.discord.serve().await;
    let executioner = match (place, death) {
        (Place::Server(database), Death::BeforeCommit | Death::AfterCommit) => {
            Some((database, Executioner::at(database.port, death, nth).await))
        }
        _ => None,
    };
    let setting = executioner.as_ref().map_or_else(|| place.setting(), |(d, e)| d.setting_at(e.port));
    let moment = if let Death::At(moment) = death { format!("{moment:?} {nth}") } else { "Never 1000000".to_owned() };
    let life = format!("http://{} {} {rooms} {setting} {} {moment}", served.address, stage.guild(), redis.address());
    let mut process = Command::new(env::current_exe().expect("this binary"))
        .args(["--exact", "faults::kills::a_life", "--nocapture"])
        .env(LIFE, life)
        .env_remove("DISCORD_OPENAPI")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("this binary again");
    if let Some((_, executioner)) = &executioner {
        executioner.victim.store(process.id(), Ordering::SeqCst);
    }
    let ended = tokio::task::spawn_blocking(move || {
        let mut said = String::new();
        let read = process.stderr.take().map(|mut stderr| std::io::Read::read_to_string(&mut stderr, &mut said));
        (process.wait(), read.map(|_| said))
    });
    let (status, said) = ended.await.expect("it ends");
    served.stop().await;
    let status = status.expect("it ends");
    let died = status.signal() == Some(9);
    assert!(died || status.success(), "{what}: {status} {said:?}");

    // The next process. Where nobody can see that the other one is dead, half a minute passes.
    if let Place::Server(database) = place {
        database.expire_leases().await;
    }
    let store = open(&place.url()).await.expect("a database");
    let stage = stage_on(stage.discord, store, redis).await;
    comes_right(&stage, &stage.manifest(&second(rooms)), &what).await;
    stage.engine.store().close().await;
    died
}

/// What many deaths came to, by how they happened.
fn kills_everywhere(deaths: &[Death], place: impl Fn() -> Place + Sync, name: &str) {
    // 60 steps need 24 rooms; every day has fewer.
    let (rooms, lives) = if is_told() { (24, 3) } else { (3, 1) };
    static STEPS: OnceLock<usize> = OnceLock::new();
    let steps = *STEPS.get_or_init(|| {
        runtime::Builder::new_current_thread().enable_all().build().expect("a runtime").block_on(steps(rooms))
    });
    assert!(!is_told() || steps >= 60, "{steps} steps");
    // Each step is two transactions; the run, its end and the right have theirs.
    let times = |death: Death| if matches!(death, Death::At(_)) { steps } else { 2 * steps + 4 };
    let all: Vec<(Death, usize)> =
        deaths.iter().flat_map(|death| (1..=times(*death)).map(|nth| (*death, nth))).collect();
    let total = (all.len() * lives) as u64;
    let redis = RedisServer::start();
    // A share is spread over everything there is.
    let stride = 7_919 % total;
    let made = trials(seeds(10, total), async |trial| {
        let point = (trial * stride % total) as usize;
        let (death, nth) = all[point % all.len()];
        let day = u32::try_from(trial + 1).expect("a few thousand");
        (death, kills(&place(), &redis, rooms, (death, nth, day)).await)
    });
    let mut tally: BTreeMap<String, (usize, usize)> = BTreeMap::new();
    for (death, died) in &made {
        let (points, deaths) = tally.entry(format!("{death:?}")).or_default();
        (*points, *deaths) = (*points + 1, *deaths + usize::from(*died));
        // Every step is sent; only the very last transactions may not come.
        assert!(*died || !matches!(death, Death::At(_)), "{death:?}: it was never killed");
    }
    let dead: usize = tally.values().map(|(_, deaths)| deaths).sum();
    assert!(dead * 20 >= made.len() * 19, "{tally:?}");
    println!(
        "acceptance 17, real processes, {name} with Redis, a plan of {steps} steps: {dead} processes killed with SIGKILL \
         ({} of {total} points), all converged with the next one, 0 duplicates, 0 orphans, nobody's hand; by moment (tried, killed): {tally:?}",
        made.len()
    );
}

/// How many steps the plan has.
async fn steps(rooms: usize) -> usize {
    let stage = Stage::new().await;
    stage.converge(&stage.manifest(&first(rooms))).await;
    stage.propose(&stage.manifest(&second(rooms))).await.plan.steps.len()
}

#[test]
fn a_process_killed_anywhere_with_its_records_in_a_file_is_followed_by_one_that_goes_on() {
    kills_everywhere(&IN_A_FILE, || Place::File(tempfile::tempdir().expect("a directory")), "SQLite");
}

#[test]
fn a_process_killed_anywhere_with_its_records_at_a_server_is_followed_by_one_that_goes_on() {
    let database = runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let database = database.block_on(TestDatabase::new());
    kills_everywhere(&AT_A_SERVER, move || Place::Server(database.clone()), "MariaDB");
}

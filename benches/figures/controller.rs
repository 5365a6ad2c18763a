//! The figures of the controller, measured at the program as people run it: how soon it is there, how soon it hears of
//! something, and what it costs while nothing happens.

use std::fmt::Write as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use setai::clock::Clock;
use setai::simulator::limits::Limits;
use setai::simulator::world::{Bits, Channel, FreshGuild, Overwrite, Role, Snowflake, World};
use setai::simulator::{Act, Options, Simulator};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::git::{Repository, WebServer};
use super::row;

const SETAI: &str = env!("CARGO_BIN_EXE_setai");

/// Guilds of 100 channels and 50 roles, 4 overwrites each, whose manifests say what they are.
pub(super) struct Park {
    pub(super) simulator: Simulator,
    address: String,
    guilds: Vec<Snowflake>,
    owner: Snowflake,
    folder: tempfile::TempDir,
}

impl Park {
    async fn of(guilds: usize) -> Self {
        let clock = Clock::system();
        let mut world = World::new(1);
        let mut park = Vec::new();
        let mut owner = None;
        for n in 0..guilds {
            let FreshGuild { guild, owner: of, .. } = world.fresh_guild(&format!("Guild {n}"), None, clock.now());
            furnish(&mut world, guild, &clock);
            park.push(guild);
            owner = Some(of);
        }
        Self::around(world, clock, park, owner.expect("a guild")).await
    }

    /// The same in a Discord that was prepared.
    pub(super) async fn around(world: World, clock: Clock, guilds: Vec<Snowflake>, owner: Snowflake) -> Self {
        let mut limits = Limits::none();
        // Nobody resumes here, and the events of many guilds would take more room than the guilds.
        limits.gateway.replayed_events = 10;
        let options = Options { clock, limits, ..Options::default() };
        let simulator = Simulator::new(world, options);
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = format!("http://{}", listener.local_addr().expect("an address"));
        let serving = simulator.clone();
        tokio::spawn(async move { serving.serve(listener, std::future::pending()).await });
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join("token"), "token").expect("a file");
        Self { simulator, address, guilds, owner, folder }
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Writes a manifest of each guild into a folder.
    fn write_manifests(&self, folder: &Path) {
        Self::write(folder, &self.guilds);
    }

    fn write(folder: &Path, guilds: &[Snowflake]) {
        std::fs::create_dir_all(folder).expect("a folder");
        for guild in guilds {
            std::fs::write(folder.join(format!("{guild}.yaml")), manifest(*guild, "")).expect("a file");
        }
    }

    /// Starts `setai run` with this end of the operator's file, and waits until it is ready. Says how long that took.
    pub(super) async fn run(&self, sources: &str) -> (Running, Duration) {
        let listen = free_port();
        let config = format!(
            "version: 1\ndiscord: {{ url: \"{}\", token_file: token }}\nhttp: {{ listen: \"{listen}\" }}\n{sources}",
            self.address
        );
        std::fs::write(self.path().join("setai.yaml"), config).expect("a file");
        let start = Instant::now();
        let log = std::fs::File::create(self.path().join("log")).expect("a file");
        let child = self
            .setai(&["run", "--json"])
            .stdout(log.try_clone().expect("a file"))
            .stderr(log)
            .spawn()
            .expect("the program starts");
        let running = Running { child, listen };
        while !running.answers("/readyz").await {
            tokio::time::sleep(Duration::from_millis(1)).await;
            assert!(start.elapsed() < Duration::from_secs(600), "it is never ready: {}", self.log());
        }
        (running, start.elapsed())
    }

    /// The program, about to be started with the file that [`run`](Self::run) wrote.
    fn setai(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(SETAI);
        command
            .args(["--config", "setai.yaml"])
            .args(arguments)
            .current_dir(self.path())
            .env_clear()
            .env("HOME", self.path())
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("SETAI_DATABASE_URL", format!("sqlite:{}", self.path().join("setai.db").display()))
            .stdin(Stdio::null());
        command
    }

    /// Runs another command of it to its end.
    pub(super) fn command(&self, arguments: &[&str]) {
        let done = self.setai(arguments).output().expect("the program starts");
        assert!(done.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&done.stderr));
    }

    pub(super) fn log(&self) -> String {
        std::fs::read_to_string(self.path().join("log")).unwrap_or_default()
    }

    /// How often the log says something of a guild.
    fn said(&self, what: &str) -> usize {
        self.log().lines().filter(|line| line.contains(what)).count()
    }

    pub(super) async fn until_said(&self, what: &str, times: usize) {
        // The log of many guilds is long to read.
        let pause = if times > 1_000 { Duration::from_secs(2) } else { Duration::from_millis(2) };
        let start = Instant::now();
        while self.said(what) < times {
            self.simulator.forget_requests();
            self.simulator.forget_gateway();
            tokio::time::sleep(pause).await;
            assert!(start.elapsed() < Duration::from_secs(3_600), "`{what}` was not said {times} times");
        }
    }
}

/// A running program, which ends with its owner.
pub(super) struct Running {
    child: Child,
    listen: String,
}

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

impl Running {
    async fn answers(&self, path: &str) -> bool {
        self.send(&format!("GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")).await.contains(" 200 ")
    }

    async fn send(&self, request: &str) -> String {
        let Ok(mut stream) = tokio::net::TcpStream::connect(&self.listen).await else { return String::new() };
        let mut answer = String::new();
        _ = stream.write_all(request.as_bytes()).await;
        _ = stream.read_to_string(&mut answer).await;
        answer
    }

    /// Resident memory, MiB.
    fn memory(&self) -> f64 {
        self.status("VmRSS:")
    }

    /// The most it ever was, MiB.
    fn most_memory(&self) -> f64 {
        self.status("VmHWM:")
    }

    fn status(&self, name: &str) -> f64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).expect("Linux");
        let line = status.lines().find(|line| line.starts_with(name)).expect("a line");
        let kibibytes: f64 = line.split_whitespace().nth(1).and_then(|text| text.parse().ok()).expect("a number");
        kibibytes / 1024.0
    }

    /// Time on processors so far.
    fn worked(&self) -> Duration {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id())).expect("Linux");
        let fields: Vec<&str> = stat.rsplit(") ").next().expect("fields").split(' ').collect();
        let ticks: u64 = [11, 12].iter().map(|at| fields[*at].parse::<u64>().expect("a number")).sum();
        // Linux tells programs of hundredths of a second.
        Duration::from_millis(ticks * 10)
    }
}

fn free_port() -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().expect("an address").to_string()
}

fn furnish(world: &mut World, guild: Snowflake, clock: &Clock) {
    let now = clock.now();
    let roles: Vec<Snowflake> = (0..48).map(|_| world.mint(now)).collect();
    let channels: Vec<Snowflake> = (0..96).map(|_| world.mint(now)).collect();
    let guild = world.guilds.get_mut(&guild).expect("just made");
    for (n, id) in roles.iter().enumerate() {
        let role = Role { id: *id, name: format!("role-{n}"), position: 48 - n as i64, ..Role::default() };
        guild.roles.insert(*id, role);
    }
    // The bot stands above all of them.
    guild.roles.values_mut().filter(|role| role.managed).for_each(|role| role.position = 100);
    for (n, id) in channels.iter().enumerate() {
        let overwrite = |k: usize| {
            let id = roles[(n + k) % roles.len()];
            Overwrite { id, kind: 0, allow: Bits::VIEW_CHANNEL, deny: Bits::NONE }
        };
        let channel = Channel {
            id: *id,
            name: format!("room-{n}"),
            position: 10 + n as i64,
            permission_overwrites: (0..4).map(overwrite).collect(),
            topic: Some(format!("Room {n}")),
            ..Channel::default()
        };
        guild.channels.insert(*id, channel);
    }
}

fn manifest(guild: Snowflake, topic: &str) -> String {
    let mut text = format!("version: 1\nguild: \"{guild}\"\nroles:\n");
    (0..48).for_each(|n| _ = writeln!(text, "  role-{n}: {{ permissions: [] }}"));
    text.push_str("channels:\n");
    for n in 0..96 {
        let topic = if n == 0 && !topic.is_empty() { topic.to_owned() } else { format!("Room {n}") };
        _ = writeln!(text, "  room-{n}:\n    topic: {topic}\n    permissions:");
        (0..4).for_each(|k| _ = writeln!(text, "      role-{}: {{ allow: [view_channel] }}", (n + k) % 48));
    }
    text
}

const FOLDER: &str = "sources: [{ name: here, directory: m, guilds: all }]\n";

/// From the start to ready, what it holds then, and the size of the program.
pub(super) fn start() {
    tokio::runtime::Runtime::new().expect("a runtime").block_on(async {
        let park = Park::of(1).await;
        park.write_manifests(&park.path().join("m"));
        // A folder that has just been written into is read twice, to be sure that nobody is in the middle of it.
        tokio::time::sleep(Duration::from_secs(3)).await;
        let mut times = Vec::new();
        let mut memory = 0.0;
        for round in 0..20 {
            let (running, time) = park.run(FOLDER).await;
            times.push(time);
            park.until_said("\"state\":\"ready\"", 1).await;
            if round == 19 {
                tokio::time::sleep(Duration::from_secs(2)).await;
                memory = running.memory();
            }
        }
        times.sort_unstable();
        let (half, p95) = (times[times.len() / 2], times[times.len() * 95 / 100]);
        row(
            "from start to ready, with a folder, SQLite and the gateway",
            &format!("p50 {} ms, p95 {} ms", half.as_millis(), p95.as_millis()),
            "≤ 150 ms",
        );
        row("resident memory when idle", &format!("{memory:.0} MiB"), "≤ 40 MiB");
        let size = std::fs::metadata(SETAI).expect("the program").len() as f64 / 1e6;
        row("the program, stripped", &format!("{size:.0} MB"), "≤ 40 MB");
    });
}

/// What it costs when nothing happens.
pub(super) fn idle() {
    const SPAN: Duration = Duration::from_secs(120);
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    for guilds in [100_usize, 1_000] {
        runtime.block_on(async {
            let park = Park::of(guilds).await;
            park.write_manifests(&park.path().join("m"));
            let (running, _) = park.run(&format!("drift: {{ interval: 1m }}\n{FOLDER}")).await;
            park.until_said("\"state\":\"ready\"", guilds).await;
            tokio::time::sleep(Duration::from_secs(60)).await;
            let (worked, requests) = (running.worked(), park.simulator.requests().len());
            tokio::time::sleep(SPAN).await;
            let share = (running.worked() - worked).as_secs_f64() / SPAN.as_secs_f64();
            let asked = park.simulator.requests().len() - requests;
            let what = format!("{guilds} guilds of 100 channels, 50 roles in order, each compared every minute");
            let figure = format!("{:.1}% of a core, {:.0} MiB, {asked} requests", share * 100.0, running.memory());
            row(&what, &figure, "every 10 minutes: ≤ 5%, 1,000 guilds ≤ 128 MiB, 10,000 ≤ 512 MiB");
        });
    }
}

/// What ten thousand guilds take, which is more than one folder may hold.
pub(super) fn many() {
    const GUILDS: usize = 10_000;
    const FOLDER: usize = 2_000;
    tokio::runtime::Runtime::new().expect("a runtime").block_on(async {
        let park = Park::of(GUILDS).await;
        let mut sources = String::new();
        for (n, guilds) in park.guilds.chunks(FOLDER).enumerate() {
            Park::write(&park.path().join(format!("m{n}")), guilds);
            _ = write!(sources, "{}{{ name: m{n}, directory: m{n}, guilds: all }}", if n == 0 { "" } else { ", " });
        }
        let start = Instant::now();
        let (running, _) = park.run(&format!("sources: [{sources}]\n")).await;
        park.until_said("\"state\":\"ready\"", GUILDS).await;
        let adopted = start.elapsed().as_secs();
        let (built, most) = (running.memory(), running.most_memory());
        let worked = running.worked();
        // Until each was compared once more.
        tokio::time::sleep(Duration::from_secs(660)).await;
        let share = (running.worked() - worked).as_secs_f64() / 6.6;
        let what = format!("{GUILDS} guilds of 100 channels, 50 roles in order, each compared every 10 minutes");
        let figure = format!(
            "{:.0} MiB ({built:.0} MiB after all were adopted in {adopted} s, at most {most:.0} MiB), {share:.1}% of a core",
            running.memory()
        );
        row(&what, &figure, "≤ 512 MiB");
    });
}

/// How soon a push is applied, and what somebody changes by hand is shown.
pub(super) fn hearing() {
    const ROUNDS: usize = 40;
    tokio::runtime::Runtime::new().expect("a runtime").block_on(async {
        let park = Park::of(1).await;
        let guild = park.guilds[0];
        let repository = Repository::new();
        repository.write("guild.yaml", manifest(guild, ""));
        repository.push("Begin");
        let server = WebServer::start(&repository).await;
        std::fs::write(park.path().join("secret"), "it is a secret").expect("a file");
        let sources = format!(
            "sources: [{{ name: main, git: \"{}\", interval: 1h, guilds: all, \
             webhook: {{ kind: gitlab, secret_file: secret }} }}]\n",
            server.url()
        );
        let (running, _) = park.run(&sources).await;
        park.until_said("\"state\":\"ready\"", 1).await;

        let mut pushes = Vec::new();
        for round in 0..ROUNDS {
            let settings = format!("settings: {{ afk_timeout: {} }}\n", [60, 900][round % 2]);
            repository.write("guild.yaml", manifest(guild, "") + &settings);
            repository.push(&format!("Round {round}"));
            park.simulator.forget_requests();
            let start = Instant::now();
            let body = "{}";
            let answer = running
                .send(&format!(
                    "POST /webhooks/main HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-type: application/json\r\n\
                     x-gitlab-token: it is a secret\r\nx-gitlab-event: Push Hook\r\nx-gitlab-event-uuid: {round}\r\n\
                     content-length: {}\r\n\r\n{body}",
                    body.len()
                ))
                .await;
            assert!(answer.contains(" 202 "), "{answer}");
            while !park.simulator.requests().iter().any(|request| request.is_write()) {
                tokio::time::sleep(Duration::from_micros(500)).await;
                assert!(start.elapsed() < Duration::from_secs(60), "it is never written: {}", park.log());
            }
            pushes.push(start.elapsed());
            park.until_said("\"state\":\"ready\"", 2 + round).await;
        }
        report("from a push's webhook to the first write, over git's own http server", &mut pushes, "p95 ≤ 300 ms");

        let role = park.simulator.with_world(|world| {
            world.guilds[&guild].roles.values().find(|role| role.name == "role-1").map(|role| role.id)
        });
        let path = format!("/guilds/{guild}/roles/{}", role.expect("the role"));
        let mut changes = Vec::new();
        for _ in 0..ROUNDS {
            let said = park.said("\"drifted\"");
            let back = park.said("\"state\":\"ready\"");
            let change = |permissions: &str| {
                let body = serde_json::json!({ "permissions": permissions });
                drop(park.simulator.act(&Act::new(park.owner, "PATCH", &path, body)).expect("the owner may"));
            };
            let start = Instant::now();
            change("2048");
            park.until_said("\"drifted\"", said + 1).await;
            changes.push(start.elapsed());
            change("0");
            park.until_said("\"state\":\"ready\"", back + 1).await;
        }
        report("from a change by hand to drift shown, over the gateway", &mut changes, "p95 ≤ 200 ms");
    });
}

pub(super) fn report(what: &str, times: &mut [Duration], wanted: &str) {
    times.sort_unstable();
    let at = |percent: usize| times[(times.len() - 1) * percent / 100].as_millis();
    row(what, &format!("p50 {} ms, p95 {} ms", at(50), at(95)), wanted);
}

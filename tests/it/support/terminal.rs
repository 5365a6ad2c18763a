//! The `setai` command as a person runs it: a process of its own, in front of a simulated Discord behind a real socket.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use setai::clock::Clock;
use setai::simulator::limits::Limits;
use setai::simulator::world::{FreshGuild, Snowflake, World};
use setai::simulator::{Options, Record, Simulator};
use tempfile::TempDir;

use super::harness::Harness;
use super::inspection::Inspection;
use super::skew::Skew;

/// The command under test.
const SETAI: &str = env!("CARGO_BIN_EXE_setai");

/// A simulated Discord, a folder, and the environment of somebody who works there.
pub(crate) struct Terminal {
    pub(crate) simulator: Simulator,
    pub(crate) guild: Snowflake,
    pub(crate) owner: Snowflake,
    pub(crate) bot_role: Snowflake,
    pub(crate) folder: TempDir,
    address: String,
    token: String,
    database: &'static str,
    database_server: Option<String>,
    redis: Option<String>,
    clock: Vec<(&'static str, PathBuf)>,
    _inspection: Option<Inspection>,
}

/// What a command printed, and how it ended.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Ran {
    /// Its end, and what it must have said on standard error.
    #[track_caller]
    pub(crate) fn fails(&self, code: i32, words: &[&str]) -> &Self {
        assert_eq!(self.code, code, "{self:#?}");
        for word in words {
            assert!(self.err.contains(word) || self.out.contains(word), "`{word}` is not said:\n{self:#?}");
        }
        self
    }

    /// It went well, and said this.
    #[track_caller]
    pub(crate) fn works(&self, words: &[&str]) -> &Self {
        self.fails(0, words)
    }
}

impl Terminal {
    /// A fresh guild with the bot as administrator, without limits.
    pub(crate) async fn new() -> Self {
        let clock = Clock::system();
        let mut world = World::new(7);
        let FreshGuild { guild, owner, bot_role, .. } = world.fresh_guild("Rust Study Group", None, clock.now());
        let options = Options { clock, limits: Limits::none(), ..Options::default() };
        let (simulator, inspection) = Inspection::simulator(world, options);
        Self::at(simulator, Some(inspection), guild, owner, bot_role).await
    }

    /// So many fresh guilds, each with the bot as administrator, without limits. The first one is the terminal's own.
    pub(crate) async fn of_guilds(count: usize) -> (Self, Vec<Snowflake>) {
        let clock = Clock::system();
        let mut world = World::new(7);
        let made: Vec<FreshGuild> =
            (1..=count).map(|number| world.fresh_guild(&format!("Guild {number}"), None, clock.now())).collect();
        let options = Options { clock, limits: Limits::none(), ..Options::default() };
        let (simulator, inspection) = Inspection::simulator(world, options);
        let first = made.first().copied().expect("one at least");
        let terminal = Self::at(simulator, Some(inspection), first.guild, first.owner, first.bot_role).await;
        (terminal, made.iter().map(|made| made.guild).collect())
    }

    /// In front of a simulated Discord that was prepared.
    pub(crate) async fn in_front_of(discord: &Harness) -> Self {
        Self::at(discord.simulator.clone(), None, discord.guild, discord.owner, discord.bot_role).await
    }

    async fn at(
        simulator: Simulator,
        inspection: Option<Inspection>,
        guild: Snowflake,
        owner: Snowflake,
        bot_role: Snowflake,
    ) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = format!("http://{}", listener.local_addr().expect("an address"));
        let serving = simulator.clone();
        tokio::spawn(async move { serving.serve(listener, std::future::pending()).await });
        let folder = tempfile::tempdir().expect("a folder");
        Self {
            simulator,
            guild,
            owner,
            bot_role,
            folder,
            address,
            token: "token".to_owned(),
            database: "setai.db",
            database_server: None,
            redis: None,
            clock: Vec::new(),
            _inspection: inspection,
        }
    }

    /// Where the simulated Discord is.
    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    /// From now on another database is used.
    pub(crate) fn use_database(&mut self, file: &'static str) {
        self.database = file;
    }

    /// From now on the database of a server is used.
    pub(crate) fn use_database_server(&mut self, setting: String) {
        self.database_server = Some(setting);
    }

    /// From now on Redis is used.
    pub(crate) fn use_redis(&mut self, address: String) {
        self.redis = Some(address);
    }

    /// From now on commands go by another clock.
    pub(crate) fn use_clock(&mut self, clock: &Skew) {
        self.clock = clock.environment().to_vec();
    }

    /// From now on another token is used.
    pub(crate) fn use_token(&mut self, token: &str) {
        token.clone_into(&mut self.token);
    }

    /// A file in the folder.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes a manifest of the guild: the header is added.
    pub(crate) fn write(&self, name: &str, yaml: &str) -> PathBuf {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap_or(Path::new("."))).expect("a folder");
        std::fs::write(&path, format!("version: 1\nguild: \"{}\"\n{yaml}", self.guild)).expect("a file");
        path
    }

    /// A command about to run.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(SETAI);
        command.args(arguments);
        self.at_home(command)
    }

    /// A command about to run that goes with the thread that started it, however that ends.
    pub(crate) fn mortal_command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "KILL", SETAI]).args(arguments);
        self.at_home(command)
    }

    /// A command about to run where no file can be larger than so many KiB.
    #[cfg(unix)]
    pub(crate) fn limited_command(&self, kibibytes: u64, arguments: &[&str]) -> Command {
        let mut command = Command::new("sh");
        // Shells count in blocks of 512 bytes. A write beyond the limit would kill, were its signal not ignored.
        let limit = format!("trap '' XFSZ; ulimit -f {}; exec \"$0\" \"$@\"", kibibytes * 2);
        command.args(["-c", &limit, SETAI]).args(arguments);
        self.at_home(command)
    }

    /// A script about to run.
    #[cfg(unix)]
    pub(crate) fn shell(&self, script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        self.at_home(command)
    }

    fn at_home(&self, mut command: Command) -> Command {
        let file = || format!("sqlite:{}", self.path(self.database).display());
        command
            .current_dir(self.folder.path())
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", self.folder.path())
            .env("USER", "ann")
            .env("DISCORD_TOKEN", &self.token)
            .env("SETAI_DISCORD_URL", &self.address)
            .env("SETAI_DATABASE_URL", self.database_server.clone().unwrap_or_else(file))
            .envs(self.redis.iter().map(|address| ("SETAI_REDIS_URL", address)))
            .envs(self.clock.iter().cloned())
            .stdin(Stdio::null());
        command
    }

    /// The writes that Discord was sent, oldest first.
    pub(crate) fn writes(&self) -> Vec<Record> {
        self.simulator.requests().into_iter().filter(Record::is_write).collect()
    }

    /// Runs a command to its end.
    pub(crate) async fn run(&self, arguments: &[&str]) -> Ran {
        let command = self.command(arguments);
        finished(command).await
    }
}

/// Runs a command to its end without holding up the simulated Discord.
pub(crate) async fn finished(mut command: Command) -> Ran {
    let output = tokio::task::spawn_blocking(move || command.output()).await.expect("no panic");
    ran(&output.expect("a process"))
}

/// What a process left.
pub(crate) fn ran(output: &Output) -> Ran {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Ran { code: output.status.code().unwrap_or(-1), out: text(&output.stdout), err: text(&output.stderr) }
}

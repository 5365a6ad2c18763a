//! A Redis of a test's own, on a socket in a folder of its own.

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use setai::cache::RedisUrl;
use tempfile::TempDir;

/// A running server; it stops with the test, however that ends.
pub(crate) struct RedisServer {
    folder: TempDir,
    process: Option<Child>,
}

impl RedisServer {
    /// Starts an empty one.
    pub(crate) fn start() -> Self {
        let mut server = Self { folder: tempfile::tempdir().expect("a folder"), process: None };
        server.resume();
        server
    }

    fn socket(&self) -> PathBuf {
        self.folder.path().join("redis.sock")
    }

    pub(crate) fn url(&self) -> RedisUrl {
        self.address().parse().expect("an address")
    }

    /// The address as people write it.
    pub(crate) fn address(&self) -> String {
        format!("redis+unix://{}", self.socket().display())
    }

    /// A connection of the test's own, to look and to meddle.
    pub(crate) async fn connect(&self) -> redis::aio::MultiplexedConnection {
        let client = redis::Client::open(self.address()).expect("an address");
        client.get_multiplexed_async_connection().await.expect("a connection")
    }

    /// Starts it again, as empty as it was at first.
    pub(crate) fn resume(&mut self) {
        // The server dies with the thread that started it, so that none is left behind.
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "KILL", "redis-server", "--port", "0", "--save", "", "--appendonly", "no"]);
        command.arg("--unixsocket").arg(self.socket()).arg("--dir").arg(self.folder.path());
        let spawned = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn();
        let mut process = spawned.expect("redis-server and setpriv are installed: `./dev test` sees to it");
        let mut said = BufReader::new(process.stdout.take().expect("piped")).lines();
        let ready = said.any(|line| line.is_ok_and(|line| line.contains("ready to accept connections")));
        assert!(ready, "redis-server did not start");
        self.process = Some(process);
    }

    /// Stops it at once; whoever asks gets no answer.
    pub(crate) fn stop(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.kill().expect("it runs");
            process.wait().expect("it ends");
        }
    }
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        self.stop();
    }
}

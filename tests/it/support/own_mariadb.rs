//! A throwaway MariaDB of one test's own, for what would disturb the others: settings of the whole server.

use std::net::{Ipv4Addr, TcpListener};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use sqlx::mysql::{MySqlConnectOptions, MySqlConnection};
use sqlx::{AssertSqlSafe, ConnectOptions as _, Executor as _};
use tempfile::TempDir;

/// A running server with a database `setai`; it stops with the test, however that ends.
pub(crate) struct OwnServer {
    folder: TempDir,
    process: Child,
    port: u16,
}

impl OwnServer {
    /// Starts one with these settings, and with a user who has exactly the rights of the documentation.
    pub(crate) async fn start(settings: &[&str]) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let data = folder.path().join("data");
        // A starting server removes what looks like old temporary tables where it makes its own, and others start too.
        let temporary = folder.path().join("tmp");
        std::fs::create_dir(&temporary).expect("a folder");
        let sh = |program: &str| {
            let mut command = Command::new("sh");
            command.args(["-c", "PATH=$PATH:/usr/sbin; user=$(id -un); exec \"$0\" \"$@\" --user=\"$user\"", program]);
            command.env("TMPDIR", &temporary).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
            command
        };
        let mut install = sh("mariadb-install-db");
        install.args(["--no-defaults", "--skip-test-db", "--auth-root-authentication-method=normal"]);
        let installed = install.arg(format!("--datadir={}", data.display())).status();
        assert!(
            installed.is_ok_and(|status| status.success()),
            "mariadb-install-db is installed: `./dev test` sees to it"
        );
        let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|free| free.local_addr());
        let port = free.expect("a free port").port();
        // The server dies with the thread that started it, so that none is left behind.
        let mut serve = sh("setpriv");
        serve.args(["--pdeathsig", "KILL", "mariadbd", "--no-defaults", "--bind-address=127.0.0.1"]);
        serve.arg(format!("--port={port}")).arg(format!("--datadir={}", data.display()));
        for file in ["socket", "pid-file", "log-error"] {
            serve.arg(format!("--{file}={}", folder.path().join(file).display()));
        }
        serve.args(["--skip-name-resolve", "--innodb-flush-log-at-trx-commit=0", "--innodb-flush-method=nosync"]);
        let process = serve.args(settings).spawn().expect("a process");
        let mut server = Self { folder, process, port };
        server.prepare().await;
        server
    }

    async fn prepare(&mut self) {
        let documentation = include_str!("../../../docs/database.md");
        let grant = documentation.lines().find(|line| line.starts_with("GRANT ")).expect("it is there");
        let mut administrator = self.administrator().await;
        for sql in [
            "CREATE DATABASE setai CHARACTER SET utf8mb4 COLLATE utf8mb4_bin",
            "CREATE USER 'setai'@'%' IDENTIFIED BY 'a secret'",
            grant.trim_end_matches(';'),
        ] {
            administrator.execute(AssertSqlSafe(sql.to_owned())).await.expect(sql);
        }
    }

    /// What users would set.
    pub(crate) fn setting(&self) -> String {
        format!("mysql://setai:a%20secret@127.0.0.1:{}/setai?ssl-mode=DISABLED", self.port)
    }

    /// An administrator's connection, as soon as the server answers.
    pub(crate) async fn administrator(&mut self) -> MySqlConnection {
        let socket: PathBuf = self.folder.path().join("socket");
        let options = MySqlConnectOptions::new().socket(&socket).username("root");
        let started = Instant::now();
        loop {
            match options.connect().await {
                Ok(connection) => return connection,
                Err(error) => {
                    let runs = self.process.try_wait().is_ok_and(|ended| ended.is_none());
                    let log = std::fs::read_to_string(self.folder.path().join("log-error")).unwrap_or_default();
                    assert!(runs && started.elapsed() < Duration::from_secs(60), "{error}\n{log}");
                    tokio::task::yield_now().await;
                }
            }
        }
    }
}

impl Drop for OwnServer {
    fn drop(&mut self) {
        self.process.kill().expect("it runs");
        self.process.wait().expect("it ends");
    }
}

//! A MariaDB of a test's own, which can be stopped, killed and started again.

use std::io::{BufRead as _, BufReader};
use std::net::{Ipv4Addr, TcpListener};
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

use super::mariadb::TestDatabase;

/// A running server. It keeps what was committed when it is killed, and goes with the test.
pub(crate) struct MortalServer {
    folder: TempDir,
    port: u16,
    process: Option<Child>,
}

impl MortalServer {
    /// Starts an empty one.
    pub(crate) fn start() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|free| free.local_addr()).expect("free").port();
        // A server that starts sweeps the folder of temporary tables, also under the feet of others.
        let install = format!(
            "PATH=$PATH:/usr/sbin; mariadb-install-db --no-defaults --user=\"$(id -un)\" --datadir='{0}/data' \
             --tmpdir='{0}' --skip-test-db --auth-root-authentication-method=normal",
            folder.path().display()
        );
        let installed = Command::new("sh").args(["-c", &install]).output().expect("a shell");
        assert!(installed.status.success(), "{}", String::from_utf8_lossy(&installed.stderr));
        let users = "CREATE USER IF NOT EXISTS 'setai'@'%' IDENTIFIED BY 'a secret';\n\
                     GRANT ALL ON `setai\\_%`.* TO 'setai'@'%';\n";
        std::fs::write(folder.path().join("init.sql"), users).expect("a file");
        let mut server = Self { folder, port, process: None };
        server.restart();
        server
    }

    /// A fresh database at it.
    pub(crate) async fn database(&self) -> TestDatabase {
        TestDatabase::at(self.port).await
    }

    /// Starts it again after it was killed, and returns when it takes connections.
    pub(crate) fn restart(&mut self) {
        let folder = self.folder.path().display();
        // The server goes with the thread that started it, so that none is left behind.
        let run = format!(
            "PATH=$PATH:/usr/sbin; exec setpriv --pdeathsig KILL mariadbd --no-defaults --user=\"$(id -un)\" \
             --datadir='{folder}/data' --tmpdir='{folder}' --bind-address=127.0.0.1 --port={} --socket='{folder}/socket' \
             --pid-file='{folder}/pid' --init-file='{folder}/init.sql' --skip-name-resolve --skip-ssl \
             --innodb-flush-log-at-trx-commit=2 --innodb-buffer-pool-size=32M --performance-schema=0",
            self.port
        );
        let mut command = Command::new("sh");
        let command = command.args(["-c", &run]).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut process = command.spawn().expect("a shell");
        let mut said = BufReader::new(process.stderr.take().expect("it is piped")).lines();
        let ready = said.any(|line| line.is_ok_and(|line| line.contains("ready for connections")));
        assert!(ready, "MariaDB did not start: {:?}", process.wait());
        // Nobody reads what else it says, and it must not wait for that.
        std::thread::spawn(move || said.for_each(drop));
        self.process = Some(process);
    }

    /// Nothing of it goes on, and its connections stay open.
    pub(crate) fn freeze(&self) {
        self.signal("STOP");
        // A signal is on its way for a moment, and each thread hears of it by itself.
        let tasks = format!("/proc/{}/task", self.process.as_ref().expect("it runs").id());
        let is_stopped = |task: std::io::Result<std::fs::DirEntry>| {
            let status = std::fs::read_to_string(task.expect("a thread").path().join("status"));
            status.is_ok_and(|status| status.contains("State:\tT"))
        };
        while !std::fs::read_dir(&tasks).expect("it runs").all(is_stopped) {
            std::thread::yield_now();
        }
    }

    /// It goes on where it was.
    pub(crate) fn thaw(&self) {
        self.signal("CONT");
    }

    /// It is gone at once, and so are its connections.
    pub(crate) fn kill(&mut self) {
        let mut process = self.process.take().expect("it runs");
        process.kill().expect("it runs");
        process.wait().expect("it ends");
    }

    fn signal(&self, signal: &str) {
        let process = self.process.as_ref().expect("it runs").id();
        let sent = Command::new("kill").args([format!("-{signal}"), process.to_string()]).status();
        assert!(sent.is_ok_and(|status| status.success()), "{signal}");
    }
}

impl Drop for MortalServer {
    fn drop(&mut self) {
        if self.process.is_some() {
            self.kill();
        }
    }
}

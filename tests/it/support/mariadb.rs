//! A throwaway MariaDB for the tests that need one, with a database for each.
//!
//! `cargo test` runs all tests in one process and nextest each in one of its own, so the server belongs to nobody: whoever
//! comes first starts it, everybody who uses it holds a lock on a file, and a shell stops it when all are gone. A lock goes
//! with its process, so no test can leave the server behind, whether it passes, panics or is killed.

use std::fs::{self, File};
use std::io::{BufRead as _, BufReader};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use setai::model::GuildId;
use setai::store::DatabaseUrl;
use sqlx::mysql::{MySqlConnectOptions, MySqlConnection, MySqlSslMode};
use sqlx::{AssertSqlSafe, ConnectOptions as _, Executor as _};
use uuid::Uuid;

/// A fresh database at the server.
#[derive(Clone, Debug)]
pub(crate) struct TestDatabase {
    pub(crate) port: u16,
    pub(crate) name: String,
}

/// The password of the user that tests are.
pub(crate) const PASSWORD: &str = "a secret";

impl TestDatabase {
    /// Makes one.
    pub(crate) async fn new() -> Self {
        Self::at(server()).await
    }

    /// Makes one at another server.
    pub(crate) async fn at(port: u16) -> Self {
        let database = Self { port, name: format!("setai_{}", Uuid::now_v7().simple()) };
        let mut connection = database.options().connect().await.expect("the server was started");
        let create = format!("CREATE DATABASE {}", database.name);
        connection.execute(AssertSqlSafe(create)).await.expect("a database");
        database
    }

    /// What users would set.
    pub(crate) fn setting(&self) -> String {
        self.setting_at(self.port)
    }

    /// The same through something that listens elsewhere.
    pub(crate) fn setting_at(&self, port: u16) -> String {
        // TLS costs more than all the rest, and has a test of its own.
        format!("mysql://setai:a%20secret@127.0.0.1:{port}/{}?ssl-mode=DISABLED", self.name)
    }

    /// The same for code.
    pub(crate) fn url(&self) -> DatabaseUrl {
        self.setting().parse().expect("a valid URL")
    }

    /// A connection of the test's own, to look and to meddle.
    pub(crate) async fn connect(&self) -> MySqlConnection {
        self.options().database(&self.name).connect().await.expect("the database is there")
    }

    /// Does something behind the back of the store.
    pub(crate) async fn execute(&self, sql: &'static str) {
        self.connect().await.execute(sql).await.expect(sql);
    }

    /// The socket of the server, and the authority its certificate is from.
    pub(crate) async fn files(&self) -> (String, String) {
        let mut connection = self.connect().await;
        let socket = sqlx::query_scalar("SELECT @@socket").fetch_one(&mut connection);
        let socket: String = socket.await.expect("a setting");
        let authority = socket.replace("/socket", "/ca.pem");
        (socket, authority)
    }

    /// Time passes: nobody who has a lease has renewed it.
    pub(crate) async fn expire_leases(&self) {
        self.execute("UPDATE leases SET expires_at = UTC_TIMESTAMP(6)").await;
    }

    /// The same for the lease of one guild.
    pub(crate) async fn expire_lease_of(&self, guild: GuildId) {
        let expire = sqlx::query("UPDATE leases SET expires_at = UTC_TIMESTAMP(6) WHERE server_id = ?");
        expire.bind(guild.get()).execute(&mut self.connect().await).await.expect("expired");
    }

    fn options(&self) -> MySqlConnectOptions {
        MySqlConnectOptions::new()
            .host("127.0.0.1")
            .port(self.port)
            .username("setai")
            .password(PASSWORD)
            .ssl_mode(MySqlSslMode::Disabled)
    }
}

/// An administrator's connection to the server.
pub(crate) async fn administrator() -> MySqlConnection {
    let options = MySqlConnectOptions::new().host("127.0.0.1").port(server());
    options.username("setai_admin").password("another secret").connect().await.expect("the server was started")
}

/// The port of the server, which runs at least until this process ends.
fn server() -> u16 {
    static SERVER: OnceLock<(u16, File)> = OnceLock::new();
    SERVER.get_or_init(find_or_start).0
}

fn find_or_start() -> (u16, File) {
    let folder = private_folder();
    let starting = open(&folder.join("starting"));
    starting.lock().expect("a lock");
    let users = open(&folder.join("users"));
    users.lock_shared().expect("a lock");
    let directory = folder.join("server");
    let port = running(&directory).unwrap_or_else(|| start(&directory, &folder.join("users")));
    (port, users)
}

/// A folder of this user's, with a short name, because a socket's may not be long.
fn private_folder() -> PathBuf {
    let user = fs::metadata("/proc/self").expect("Linux").uid();
    let folder = std::env::temp_dir().join(format!("setai-mariadb-{user}"));
    match fs::DirBuilder::new().mode(0o700).create(&folder) {
        Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => panic!("{}: {error}", folder.display()),
        _ => folder,
    }
}

fn open(path: &Path) -> File {
    File::options().read(true).append(true).create(true).open(path).expect("a file")
}

fn running(directory: &Path) -> Option<u16> {
    let port = fs::read_to_string(directory.join("port")).ok()?.trim().parse().ok()?;
    TcpStream::connect((Ipv4Addr::LOCALHOST, port)).ok()?;
    Some(port)
}

fn start(directory: &Path, users: &Path) -> u16 {
    for program in ["mariadbd", "mariadb-install-db", "mariadb", "openssl", "flock", "setpriv", "setsid"] {
        let found = Command::new("sh").args(["-c", "PATH=$PATH:/usr/sbin; command -v \"$0\"", program]).output();
        let missing = "is missing: `./dev test` installs it, or Debian's mariadb-server-core, mariadb-client-core, openssl and util-linux";
        assert!(found.is_ok_and(|found| found.status.success()), "{program} {missing}");
    }
    // What a shell that was killed left behind.
    drop(fs::remove_dir_all(directory));
    let port =
        TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|free| free.local_addr()).expect("a free port").port();
    let script = concat!("PATH=$PATH:/usr/sbin\n", include_str!("mariadb.sh"));
    let mut shell = Command::new("setsid")
        .args(["--fork", "sh", "-c", script, "mariadb"])
        .args([directory.as_os_str(), port.to_string().as_ref(), users.as_os_str()])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("a shell");
    let mut said = String::new();
    BufReader::new(shell.stdout.take().expect("it is piped")).read_line(&mut said).expect("an answer");
    shell.wait().expect("the shell goes on by itself");
    assert_eq!(said.trim(), "ready", "MariaDB did not start");
    port
}

//! MariaDB servers of a test's own, that it can kill, copy and put together again with the scripts of `deploy/backup/`.

use std::fs::{self, File};
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use setai::store::DatabaseUrl;
use sqlx::mysql::{MySqlConnectOptions, MySqlConnection, MySqlSslMode};
use sqlx::{AssertSqlSafe, ConnectOptions as _, Executor as _};
use uuid::Uuid;

/// A folder for servers and their backups. It goes when the test is gone, however that ends: a shell waits for a lock that
/// this process has.
pub(super) struct Site {
    pub(super) folder: PathBuf,
    _lock: File,
}

impl Site {
    pub(super) fn new() -> Self {
        for program in
            ["mariadb-backup", "mariadb-binlog", "mariadb-install-db", "setpriv", "setsid", "flock", "openssl"]
        {
            let found = Command::new("sh").args(["-c", "PATH=$PATH:/usr/sbin; command -v \"$0\"", program]).output();
            let missing = "is missing: `./dev test` installs it, or Debian's package of that name";
            assert!(found.is_ok_and(|found| found.status.success()), "{program} {missing}");
        }
        // A short name, because that of a socket may not be long.
        let short = Uuid::now_v7().simple().to_string();
        let folder = std::env::temp_dir().join(format!("setai-{}", &short[short.len() - 10..]));
        fs::DirBuilder::new().mode(0o700).create(&folder).expect("a folder");
        let lock = File::create(folder.join("lock")).expect("a file");
        lock.lock().expect("a lock");
        let janitor = "exec 9<\"$0/lock\"; flock --shared 9; until rm -rf \"$0\"; do :; done";
        let mut shell = Command::new("setsid");
        shell.args(["--fork", "sh", "-c", janitor]).arg(&folder);
        let silent = shell.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        assert!(silent.status().expect("a shell").success());
        certificates(&folder);
        Self { folder, _lock: lock }
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// Runs one of the scripts with these settings beside the usual ones.
    pub(super) fn script(&self, name: &str, arguments: &[&str], settings: &[(&str, &str)]) -> Output {
        let config = self.path(&format!("{}.env", Uuid::now_v7().simple()));
        let usual =
            [("BACKUP_DIR", self.path("backups").display().to_string()), ("TMPDIR", self.folder.display().to_string())];
        let usual = usual.iter().map(|(name, value)| format!("{name}='{value}'\n"));
        let given = settings.iter().map(|(name, value)| format!("{name}='{value}'\n"));
        fs::write(&config, usual.chain(given).collect::<String>()).expect("written");
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/backup").join(name);
        // As a daemon runs it, and gone when the test is.
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "TERM"]).arg(script).args(arguments).env_clear();
        command.env("PATH", "/usr/bin:/bin").env("SETAI_BACKUP_CONFIG", &config).env("LC_ALL", "C");
        command.envs(settings.iter().filter(|(name, _)| *name == "NOW").copied());
        command.stdin(Stdio::null()).output().expect("the script runs")
    }
}

/// What a script said, when it worked.
#[track_caller]
pub(super) fn works(output: Output) -> String {
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{}\n{said}\n{}", output.status, String::from_utf8_lossy(&output.stdout));
    said
}

/// What a script said, when it refused.
#[track_caller]
pub(super) fn refuses(output: Output, words: &str) {
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.code() == Some(1) && said.contains(words), "{}\n{said}", output.status);
}

fn certificates(folder: &Path) {
    let script = "set -e; cd \"$0\"
        key='-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes'
        openssl req -x509 $key -days 2 -subj '/CN=setai tests' -keyout ca.key -out ca.pem
        openssl req -new $key -subj '/CN=127.0.0.1' -keyout server.key -out server.csr
        echo 'subjectAltName = IP:127.0.0.1' >server.ext
        openssl x509 -req -days 2 -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -extfile server.ext -out server.pem";
    let made = Command::new("sh").args(["-c", script]).arg(folder).output().expect("openssl");
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
}

/// A running server.
pub(super) struct Server {
    name: &'static str,
    folder: PathBuf,
    pub(super) port: u16,
    process: Child,
}

impl Server {
    /// An empty one, with a database and the users that scripts and setai are.
    pub(super) async fn fresh(site: &Site, name: &'static str, id: u32) -> Self {
        let data = site.path(name);
        let mut install = Command::new("mariadb-install-db");
        install.args(["--no-defaults", "--skip-test-db", "--auth-root-authentication-method=normal"]);
        install.arg(format!("--datadir={}", data.display())).arg(format!("--user={}", user()));
        let installed = install.env("TMPDIR", temporary(site, name)).output().expect("mariadb-install-db");
        assert!(installed.status.success(), "{}", String::from_utf8_lossy(&installed.stderr));
        let server = Self::on(site, name, id).await;
        let mut root = server.root().await;
        for sql in [
            "CREATE DATABASE setai CHARACTER SET utf8mb4 COLLATE utf8mb4_bin",
            "CREATE USER setai@'%' IDENTIFIED BY 'a secret'",
            "GRANT SELECT, INSERT, UPDATE, DELETE, CREATE, ALTER, DROP, INDEX, REFERENCES, TRIGGER ON setai.* TO setai@'%'",
            "CREATE USER setai_backup@localhost IDENTIFIED BY 'a third secret'",
            "GRANT RELOAD, PROCESS, LOCK TABLES, BINLOG MONITOR ON *.* TO setai_backup@localhost",
            "CREATE USER setai_replication@'%' IDENTIFIED BY 'another secret' REQUIRE SSL",
            "GRANT REPLICATION SLAVE ON *.* TO setai_replication@'%'",
            "CREATE USER setai_failover@'%' IDENTIFIED BY 'a fourth secret' REQUIRE SSL",
            "GRANT READ_ONLY ADMIN ON *.* TO setai_failover@'%'",
            "CREATE USER setai_failover@localhost IDENTIFIED BY 'a fourth secret'",
            "GRANT READ_ONLY ADMIN, REPLICATION SLAVE ADMIN, SLAVE MONITOR, RELOAD ON *.* TO setai_failover@localhost",
            "GRANT SELECT, UPDATE ON setai.* TO setai_failover@localhost",
        ] {
            root.execute(sql).await.expect(sql);
        }
        server
    }

    /// One on data that is there already.
    pub(super) async fn on(site: &Site, name: &'static str, id: u32) -> Self {
        let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|free| free.local_addr());
        let (port, folder) = (free.expect("a free port").port(), site.folder.clone());
        let mut server = Command::new("setpriv");
        let path = |ending: &str| folder.join(format!("{name}.{ending}")).display().to_string();
        server.args(["--pdeathsig", "KILL", "/usr/sbin/mariadbd", "--no-defaults", "--bind-address=127.0.0.1"]);
        server.args([format!("--user={}", user()), format!("--datadir={}", folder.join(name).display())]);
        server.args([
            format!("--port={port}"),
            format!("--socket={}", path("sock")),
            format!("--pid-file={}", path("pid")),
        ]);
        server.args([format!("--server-id={id}"), format!("--log-error={}", path("log"))]);
        server.args(["--ssl-cert", "--ssl-key"].map(|option| {
            format!("{option}={}/server.{}", folder.display(), if option == "--ssl-cert" { "pem" } else { "key" })
        }));
        // As docs/backup.md asks; the last line is what a test may do without.
        server.args(["--log-bin=mariadb-bin", "--binlog-format=ROW", "--log-slave-updates", "--gtid-strict-mode"]);
        server.args(["--log-bin-trust-function-creators", "--skip-name-resolve", "--innodb-buffer-pool-size=32M"]);
        server.args(["--innodb-log-file-size=8M", "--performance-schema=0", "--sync-binlog=0"]);
        server.args(["--innodb-flush-log-at-trx-commit=0", "--innodb-flush-method=nosync", "--innodb-doublewrite=0"]);
        // A starting server removes what looks like old temporary tables where it makes its own.
        server.env("TMPDIR", temporary(site, name));
        let process = server.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("setpriv");
        let mut server = Self { name, folder, port, process };
        while server.administrator().connect().await.is_err() {
            let ended = server.process.try_wait().expect("a process");
            assert!(ended.is_none(), "{}", fs::read_to_string(server.path("log")).unwrap_or_default());
            tokio::task::yield_now().await;
        }
        server
    }

    fn path(&self, ending: &str) -> PathBuf {
        self.folder.join(format!("{}.{ending}", self.name))
    }

    fn administrator(&self) -> MySqlConnectOptions {
        MySqlConnectOptions::new().socket(self.path("sock")).username("root")
    }

    pub(super) async fn root(&self) -> MySqlConnection {
        self.administrator().connect().await.expect("it runs")
    }

    pub(super) async fn execute(&self, sql: &str) {
        self.root().await.execute(AssertSqlSafe(sql.to_owned())).await.expect(sql);
    }

    pub(super) async fn value(&self, sql: &str) -> String {
        let mut root = self.root().await;
        let value = sqlx::query_scalar::<_, String>(AssertSqlSafe(format!("SELECT CAST(({sql}) AS CHAR)")));
        value.fetch_one(&mut root).await.expect(sql)
    }

    /// What time it is for setai from now on: seconds since 1970. Statements it sends are logged with that time.
    pub(super) async fn be_at(&self, seconds: i64) {
        self.execute(&format!("SET GLOBAL init_connect = 'SET timestamp = {seconds}'")).await;
    }

    /// The settings of scripts that make this server follow or take over, on its own machine.
    pub(super) fn failover_config(&self) -> String {
        self.failover(&format!("socket={}", self.path("sock").display()), "near.cnf")
    }

    /// The settings of scripts that stop this server's writes from another machine.
    pub(super) fn remote_config(&self) -> String {
        let authority = self.folder.join("ca.pem");
        let how = format!("host=127.0.0.1\nport={}\nssl-ca={}", self.port, authority.display());
        self.failover(&format!("{how}\nssl-verify-server-cert"), "far.cnf")
    }

    fn failover(&self, how: &str, ending: &str) -> String {
        let path = self.path(ending);
        fs::write(&path, format!("[client]\nuser=setai_failover\npassword='a fourth secret'\n{how}\n"))
            .expect("written");
        path.display().to_string()
    }

    /// The settings of scripts that take backups, as a user who may do no more than that.
    pub(super) fn backup_config(&self) -> String {
        let (path, socket) = (self.path("backup.cnf"), self.path("sock").display().to_string());
        let text = format!("[client]\nuser=setai_backup\npassword='a third secret'\nsocket={socket}\n");
        fs::write(&path, text).expect("written");
        path.display().to_string()
    }

    /// What users would set.
    pub(super) fn setting(&self) -> String {
        format!("mysql://setai:a%20secret@127.0.0.1:{}/setai?ssl-mode=DISABLED", self.port)
    }

    pub(super) fn url(&self) -> DatabaseUrl {
        self.setting().parse().expect("a URL")
    }

    /// A connection as setai's user, with the time it is for setai.
    pub(super) async fn connect(&self) -> MySqlConnection {
        let options =
            MySqlConnectOptions::new().host("127.0.0.1").port(self.port).username("setai").password("a secret");
        options.database("setai").ssl_mode(MySqlSslMode::Disabled).connect().await.expect("it runs")
    }

    /// SIGKILL.
    pub(super) fn kill(&mut self) {
        self.process.kill().expect("it runs");
        self.process.wait().expect("it ends");
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

/// A place for temporary tables that no other server uses.
fn temporary(site: &Site, name: &str) -> PathBuf {
    let folder = site.path(&format!("{name}.tmp"));
    fs::create_dir_all(&folder).expect("a folder");
    folder
}

/// The user that tests run as; a server wants to be told when that is root.
fn user() -> String {
    let name = Command::new("id").arg("-un").output().expect("id").stdout;
    String::from_utf8_lossy(&name).trim().to_owned()
}

//! An SSH server of a test's own, which lets in one key and runs git.

use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// A running server; it stops with the test, however that ends.
pub(crate) struct SshServer {
    folder: TempDir,
    process: Child,
    pub(crate) port: u16,
}

impl SshServer {
    /// Starts one with a host key of its own.
    pub(crate) fn start() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let at = |name: &str| folder.path().join(name);
        for (key, passphrase) in [("host", ""), ("user", ""), ("locked", "a passphrase"), ("stranger", "")] {
            make_key(&at(key), passphrase);
        }
        let public = |name: &str| std::fs::read_to_string(at(name)).expect("a public key");
        std::fs::write(at("authorized"), public("user.pub") + &public("locked.pub")).expect("a file");
        let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|free| free.local_addr());
        let port = free.expect("a free port").port();
        let configuration = format!(
            "Port {port}\nListenAddress 127.0.0.1\nHostKey {}\nAuthorizedKeysFile {}\nPidFile none\nStrictModes no\n\
             UsePAM no\nPasswordAuthentication no\nKbdInteractiveAuthentication no\nPermitRootLogin yes\n",
            at("host").display(),
            at("authorized").display()
        );
        std::fs::write(at("configuration"), configuration).expect("a file");
        // It wants to be called by its whole path.
        let program = ["/usr/sbin/sshd", "/usr/bin/sshd", "/usr/local/sbin/sshd"];
        let program = program.iter().find(|path| Path::new(path).exists());
        let program = program.expect("sshd is installed: `./dev test` sees to it");
        // As root it insists on an empty folder of that name.
        drop(std::fs::create_dir_all("/run/sshd"));
        // The server dies with the thread that started it, so that none is left behind.
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "KILL", program, "-D", "-E"]).arg(at("log")).arg("-f").arg(at("configuration"));
        let process = command.stdin(Stdio::null()).spawn().expect("a process");
        let mut server = Self { folder, process, port };
        server.await_answer();
        server
    }

    fn await_answer(&mut self) {
        let started = Instant::now();
        while TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).is_err() {
            let runs = self.process.try_wait().is_ok_and(|ended| ended.is_none());
            assert!(runs && started.elapsed() < Duration::from_secs(60), "sshd did not start: {}", self.log());
            std::thread::yield_now();
        }
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.at("log")).unwrap_or_default()
    }

    /// A file of the server's: the keys `user`, `locked` (with `a passphrase`) and `stranger`.
    pub(crate) fn at(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The address of a repository.
    pub(crate) fn url(&self, repository: &Path) -> String {
        format!("ssh://127.0.0.1:{}{}", self.port, repository.display())
    }

    /// A file of known hosts that names this server with a key.
    pub(crate) fn known_hosts(&self, key: &str) -> PathBuf {
        let key = std::fs::read_to_string(self.at(&format!("{key}.pub"))).expect("a public key");
        let file = self.at("known_hosts");
        std::fs::write(&file, format!("# known\n[127.0.0.1]:{} {key}", self.port)).expect("a file");
        file
    }

    /// Lets nobody in any more.
    pub(crate) fn revoke(&self) {
        std::fs::write(self.at("authorized"), "").expect("a file");
    }
}

/// Makes a pair of keys.
pub(crate) fn make_key(path: &Path, passphrase: &str) {
    let mut command = Command::new("ssh-keygen");
    command.args(["-q", "-t", "ed25519", "-C", "a test", "-N", passphrase, "-f"]).arg(path);
    assert!(command.status().is_ok_and(|status| status.success()), "ssh-keygen is installed");
}

/// Who runs the tests, and so whom the server lets in.
pub(crate) fn this_user() -> String {
    let output = Command::new("id").arg("-un").output().expect("id is installed");
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

impl Drop for SshServer {
    fn drop(&mut self) {
        self.process.kill().expect("it runs");
        self.process.wait().expect("it ends");
    }
}

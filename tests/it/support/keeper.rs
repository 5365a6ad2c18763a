//! `setai run` as an operator starts it: a process that goes on by itself while a test changes what is around it.

use std::collections::{BTreeMap, VecDeque};
use std::io::{BufRead as _, BufReader, Read};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use serde_json::{Value, json};
use setai::clock::Clock;
use setai::simulator::world::Snowflake;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::terminal::Terminal;

/// Longest wait for something that must come: a busy machine takes its time.
pub(crate) const PATIENCE: Duration = Duration::from_secs(180);

/// How often somebody looks who waits.
const GLANCE: Duration = Duration::from_millis(20);

/// What a forge proves itself by.
const SECRET: &str = "known to the forge and to setai";

/// Most lines of its log that are kept.
const MOST_LINES: usize = 5_000;

/// The process, which ends with the test, however that ends.
pub(crate) struct Keeper {
    process: Mutex<Child>,
    door: SocketAddr,
    heard: Arc<Mutex<Heard>>,
}

/// What it said so far.
#[derive(Default)]
struct Heard {
    /// How each guild stood last.
    standings: BTreeMap<String, Value>,
    lines: VecDeque<String>,
}

impl Heard {
    fn note(&mut self, line: String) {
        if let Ok(news) = serde_json::from_str::<Value>(&line)
            && news["event"] == "guild"
        {
            self.standings.insert(text(&news["guild"]["guild"]), news["guild"]["standing"].clone());
        }
        if self.lines.len() == MOST_LINES {
            self.lines.pop_front();
        }
        self.lines.push_back(line);
    }
}

/// An id, with quotes around it or not.
fn text(id: &Value) -> String {
    id.as_str().map_or_else(|| id.to_string(), str::to_owned)
}

/// What a process takes.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Means {
    /// Resident memory in KiB.
    pub(crate) memory: usize,
    /// Open descriptors.
    pub(crate) descriptors: usize,
    /// Those of them that are connections, or wait for some.
    pub(crate) sockets: usize,
}

impl Means {
    /// Of each the more.
    pub(crate) fn most(self, other: Self) -> Self {
        Self {
            memory: self.memory.max(other.memory),
            descriptors: self.descriptors.max(other.descriptors),
            sockets: self.sockets.max(other.sockets),
        }
    }
}

impl Keeper {
    /// Starts it with these sources, each an entry of the operator's file without its webhook.
    pub(crate) fn start(terminal: &Terminal, sources: &[String]) -> Self {
        Self::start_with(terminal, sources, "")
    }

    /// The same with more in the operator's file.
    pub(crate) fn start_with(terminal: &Terminal, sources: &[String], more: &str) -> Self {
        let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|free| free.local_addr());
        let door = free.expect("a free port");
        let webhook = "webhook: { kind: gitlab, secret_file: forge-secret }";
        let sources: String = sources.iter().map(|source| format!("  - {{ {source}, {webhook} }}\n")).collect();
        let file = format!("version: 1\nhttp: {{ listen: \"{door}\" }}\nsources:\n{sources}{more}");
        std::fs::write(terminal.path("setai.yaml"), file).expect("a file");
        std::fs::write(terminal.path("forge-secret"), SECRET).expect("a file");
        let mut command = terminal.mortal_command(&["--config", "setai.yaml", "run", "--json"]);
        let mut process = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("a process");
        let heard: Arc<Mutex<Heard>> = Arc::default();
        listen(process.stdout.take().expect("piped"), &heard);
        listen(process.stderr.take().expect("piped"), &heard);
        Self { process: Mutex::new(process), door, heard }
    }

    /// Where it listens.
    pub(crate) fn door(&self) -> SocketAddr {
        self.door
    }

    fn heard(&self) -> MutexGuard<'_, Heard> {
        self.heard.lock().expect("nobody panics")
    }

    /// How it said last that a guild stands; null before the first time.
    pub(crate) fn standing(&self, guild: Snowflake) -> Value {
        self.heard().standings.get(&guild.to_string()).cloned().unwrap_or_default()
    }

    /// True when it said this.
    pub(crate) fn has_said(&self, words: &str) -> bool {
        self.heard().lines.iter().any(|line| line.contains(words))
    }

    /// Returns once something is so. It must go on meanwhile.
    pub(crate) async fn until(&self, what: &str, is_so: impl Fn() -> bool) {
        let clock = Clock::system();
        while !is_so() {
            let ended = self.process.lock().expect("nobody panics").try_wait().expect("a process");
            assert!(ended.is_none(), "it ended before {what}: {}", self.last_words());
            assert!(clock.elapsed() < PATIENCE, "{what} does not come: {}", self.last_words());
            clock.sleep(GLANCE).await;
        }
    }

    fn last_words(&self) -> String {
        let heard = self.heard();
        let lines: Vec<&str> = heard.lines.iter().rev().take(40).map(String::as_str).collect();
        format!("{:#?}\n{}", heard.standings, lines.into_iter().rev().collect::<Vec<_>>().join("\n"))
    }

    /// Tells it, as a forge does, that something was pushed.
    pub(crate) async fn hears_of_a_push_to(&self, source: &str) {
        self.hears(source, "Push Hook", &json!({})).await;
    }

    /// Tells it, as a forge does, that a pull request is new or holds other commits.
    pub(crate) async fn hears_of_a_pull_request(&self, source: &str, number: u64, head: &str) {
        let request = json!({
            "iid": number, "action": "open", "last_commit": { "id": head }, "source_project_id": 1, "target_project_id": 1,
        });
        self.hears(source, "Merge Request Hook", &json!({ "object_attributes": request })).await;
    }

    async fn hears(&self, source: &str, event: &str, body: &Value) {
        let body = body.to_string();
        let message = format!(
            "POST /webhooks/{source} HTTP/1.1\r\nhost: {}\r\nx-gitlab-token: {SECRET}\r\nx-gitlab-event: {event}\r\n\
             content-length: {}\r\nconnection: close\r\n\r\n{body}",
            self.door,
            body.len()
        );
        let mut line = TcpStream::connect(self.door).await.expect("its door");
        line.write_all(message.as_bytes()).await.expect("it listens");
        let mut answer = String::new();
        line.read_to_string(&mut answer).await.expect("an answer");
        assert!(answer.starts_with("HTTP/1.1 202"), "{answer}");
    }

    /// What it takes now.
    pub(crate) fn means(&self) -> Means {
        let process = format!("/proc/{}", self.process.lock().expect("nobody panics").id());
        let status = std::fs::read_to_string(format!("{process}/status")).expect("it runs");
        let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("a size");
        let memory = resident.trim().trim_end_matches(" kB").parse().expect("a number");
        let open: Vec<_> = std::fs::read_dir(format!("{process}/fd")).expect("it runs").flatten().collect();
        let is_socket = |fd: &&std::fs::DirEntry| {
            std::fs::read_link(fd.path()).is_ok_and(|to| to.to_string_lossy().starts_with("socket:"))
        };
        Means { memory, descriptors: open.len(), sockets: open.iter().filter(is_socket).count() }
    }

    /// Asks it to end, as a service manager does, and returns when it has.
    pub(crate) async fn end(self) {
        let process = self.process.lock().expect("nobody panics").id().to_string();
        assert!(Command::new("kill").args(["-TERM", &process]).status().expect("kill").success());
        let clock = Clock::system();
        loop {
            let ended = self.process.lock().expect("nobody panics").try_wait().expect("a process");
            match ended {
                Some(ended) => return assert!(ended.success(), "{ended}: {}", self.last_words()),
                None => assert!(clock.elapsed() < PATIENCE, "it does not end: {}", self.last_words()),
            }
            clock.sleep(GLANCE).await;
        }
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        let mut process = self.process.lock().expect("nobody panics");
        // It may have ended already.
        drop(process.kill());
        process.wait().expect("it ends");
    }
}

/// Notes every line, until there is none any more.
fn listen(from: impl Read + Send + 'static, heard: &Arc<Mutex<Heard>>) {
    let heard = Arc::clone(heard);
    std::thread::spawn(move || {
        for line in BufReader::new(from).lines().map_while(Result::ok) {
            heard.lock().expect("nobody panics").note(line);
        }
    });
}

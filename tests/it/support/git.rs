//! Repositories of a test's own, and servers on this machine that hand them out.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::header::{AUTHORIZATION, CONTENT_ENCODING, CONTENT_TYPE, LOCATION, WWW_AUTHENTICATE};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use base64::Engine as _;
use setai::source::{Credentials, GitSettings, Reference};
use tempfile::TempDir;
use tokio::io::AsyncWriteExt as _;
use tokio::task::JoinHandle;

/// A bare repository and a working copy that pushes into it.
pub(crate) struct Repository {
    folder: TempDir,
}

impl Repository {
    /// One without a single commit.
    pub(crate) fn empty() -> Self {
        let repository = Self { folder: tempfile::tempdir().expect("a folder") };
        repository.run(Path::new("."), &["init", "-q", "--bare", "-b", "main", "guilds.git"]);
        repository.run(Path::new("."), &["init", "-q", "-b", "main", "work"]);
        repository.git(&["remote", "add", "origin", "../guilds.git"]);
        repository
    }

    /// One with a manifest on its branch `main`.
    pub(crate) fn new() -> Self {
        let repository = Self::empty();
        repository.write("guild.yaml", "version: 1\nguild: \"1\"\n");
        repository.push("Write the guild down");
        repository
    }

    pub(crate) fn root(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn bare(&self) -> PathBuf {
        self.folder.path().join("guilds.git")
    }

    pub(crate) fn work(&self) -> PathBuf {
        self.folder.path().join("work")
    }

    /// A file of the working copy.
    pub(crate) fn write(&self, path: &str, text: impl AsRef<[u8]>) {
        let path = self.work().join(path);
        std::fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
        std::fs::write(path, text).expect("a file");
    }

    /// Commits everything and pushes it, by force where it must. Gives the commit.
    pub(crate) fn push(&self, subject: &str) -> String {
        self.push_with(&[], subject)
    }

    /// The same with options of git before the command.
    pub(crate) fn push_with(&self, options: &[&str], subject: &str) -> String {
        self.git(&["add", "--all"]);
        self.git(&[options, &["commit", "-q", "--allow-empty", "-m", subject]].concat());
        self.git(&["push", "-q", "--force", "origin", "HEAD"]);
        self.git(&["rev-parse", "HEAD"])
    }

    /// From now on every commit is signed with this key of SSH's, unless somebody says otherwise.
    pub(crate) fn sign_with(&self, key: &Path) {
        let key = key.display().to_string();
        for (name, value) in [("gpg.format", "ssh"), ("user.signingkey", key.as_str()), ("commit.gpgsign", "true")] {
            self.git(&["config", name, value]);
        }
    }

    /// Pushes a few objects that, taken literally, are ten thousand million folders below `live`: each of ten trees names the
    /// next one ten times. The working copy stays as it is. `options` are those of `git commit-tree`.
    pub(crate) fn push_endless_tree(&self, options: &[&str]) {
        let work = git2::Repository::open(self.work()).expect("a repository");
        let entries = |entries: &[(String, git2::Oid, i32)]| {
            let mut tree = work.treebuilder(None).expect("a tree");
            for (name, id, mode) in entries {
                tree.insert(name, *id, *mode).expect("an entry");
            }
            tree.write().expect("a tree")
        };
        let text = work.blob(b"version: 1").expect("a file");
        let mut tree = entries(&[("README.md".to_owned(), text, 0o100_644)]);
        for _ in 0..10 {
            tree = entries(&(0..10).map(|number| (number.to_string(), tree, 0o040_000)).collect::<Vec<_>>());
        }
        let root = entries(&[("guild.yaml".to_owned(), text, 0o100_644), ("live".to_owned(), tree, 0o040_000)]);
        let root = root.to_string();
        let commit = self.git(&[&["commit-tree"], options, &["-p", "HEAD", "-m", "Boom", &root]].concat());
        self.git(&["push", "-q", "--force", "origin", &format!("{commit}:refs/heads/main")]);
    }

    /// Runs git in the working copy, and gives what it said.
    pub(crate) fn git(&self, arguments: &[&str]) -> String {
        self.run(Path::new("work"), arguments)
    }

    /// Runs git in the bare repository, and gives what it said.
    pub(crate) fn git_bare(&self, arguments: &[&str]) -> String {
        self.run(Path::new("guilds.git"), arguments)
    }

    fn run(&self, folder: &Path, arguments: &[&str]) -> String {
        let mut command = Command::new("git");
        command.args(arguments).current_dir(self.folder.path().join(folder)).stdin(Stdio::null());
        // Nothing of whoever runs the test counts.
        command.env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_NOSYSTEM", "1");
        for who in ["AUTHOR", "COMMITTER"] {
            command.env(format!("GIT_{who}_NAME"), "Anna").env(format!("GIT_{who}_EMAIL"), "anna@example.com");
        }
        let output = command.output().expect("git is installed: `./dev test` sees to it");
        assert!(output.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }

    /// Settings for what is pushed to `main`, kept in a folder of this repository's.
    pub(crate) fn settings(&self, url: impl Into<String>) -> GitSettings {
        GitSettings {
            url: url.into(),
            reference: Reference::Branch("main".to_owned()),
            path: None,
            credentials: Credentials::None,
            known_hosts: None,
            signatures: None,
            timeout: Duration::from_secs(60),
            cache: self.folder.path().join("cache"),
        }
    }
}

/// How a server behaves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Mood {
    /// As git's own.
    #[default]
    Good,
    /// It never answers.
    Silent,
    /// It breaks off in the middle of what was fetched.
    Failing,
    /// It never sends the rest of what was fetched.
    Stuck,
    /// It answers everything with this status.
    Status(u16),
    /// It sends everybody somewhere else.
    Moved(&'static str),
    /// It answers as a web site does.
    WebSite,
}

#[derive(Debug, Default)]
struct Inner {
    root: PathBuf,
    mood: Mood,
    /// The user and password everybody needs.
    password: Option<(String, String)>,
    requests: Vec<String>,
    /// Whoever answers; nobody while it is stopped.
    serving: Option<JoinHandle<()>>,
}

/// A web server before git's own program for that.
#[derive(Clone)]
pub(crate) struct WebServer {
    address: std::net::SocketAddr,
    inner: Arc<Mutex<Inner>>,
}

impl WebServer {
    /// Hands out a repository.
    pub(crate) async fn start(repository: &Repository) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let inner = Inner { root: repository.root().to_owned(), ..Inner::default() };
        let server = Self { address, inner: Arc::new(Mutex::new(inner)) };
        server.answer_at(listener);
        server
    }

    fn answer_at(&self, listener: tokio::net::TcpListener) {
        let router = Router::new().fallback(serve).with_state(self.clone());
        let serving = tokio::spawn(async move { axum::serve(listener, router).await.expect("it serves") });
        self.inner.lock().expect("not poisoned").serving = Some(serving);
    }

    /// Nobody is let in any more, and who is in is told that the server fails.
    pub(crate) async fn stop(&self) {
        self.be(Mood::Status(503));
        let serving = self.inner.lock().expect("not poisoned").serving.take().expect("it runs");
        serving.abort();
        drop(serving.await);
    }

    /// It is there again, at the same address.
    pub(crate) async fn resume(&self) {
        self.be(Mood::Good);
        self.answer_at(tokio::net::TcpListener::bind(self.address).await.expect("its port"));
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/guilds.git", self.address)
    }

    pub(crate) fn be(&self, mood: Mood) {
        self.inner.lock().expect("not poisoned").mood = mood;
    }

    /// Lets in only who knows this from now on.
    pub(crate) fn require(&self, user: &str, password: &str) {
        self.inner.lock().expect("not poisoned").password = Some((user.to_owned(), password.to_owned()));
    }

    /// What was asked since the last time.
    pub(crate) fn requests(&self) -> Vec<String> {
        std::mem::take(&mut self.inner.lock().expect("not poisoned").requests)
    }
}

async fn serve(State(server): State<WebServer>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let (root, mood, password) = {
        let mut inner = server.inner.lock().expect("not poisoned");
        inner.requests.push(format!("{} {}", parts.method, parts.uri));
        (inner.root.clone(), inner.mood, inner.password.clone())
    };
    if let Some((user, password)) = password {
        let expected = base64::engine::general_purpose::STANDARD.encode(format!("{user}:{password}"));
        if parts.headers.get(AUTHORIZATION).is_none_or(|given| given != &format!("Basic {expected}")) {
            return (StatusCode::UNAUTHORIZED, [(WWW_AUTHENTICATE, "Basic realm=\"git\"")]).into_response();
        }
    }
    match mood {
        Mood::Silent => std::future::pending::<()>().await,
        Mood::Status(status) => return StatusCode::from_u16(status).expect("a status").into_response(),
        Mood::Moved(to) => return (StatusCode::MOVED_PERMANENTLY, [(LOCATION, to)]).into_response(),
        Mood::WebSite => return ([(CONTENT_TYPE, "text/html")], "<h1>Welcome</h1>").into_response(),
        Mood::Good | Mood::Failing | Mood::Stuck => {}
    }
    let body = axum::body::to_bytes(body, usize::MAX).await.expect("a body");
    let is_fetch = parts.method == "POST";
    let (status, headers, answer) = ask_git(&root, &parts, &body).await;
    let half = answer.slice(..answer.len() / 2);
    let body = match mood {
        Mood::Failing if is_fetch => {
            let broken = Err(std::io::Error::other("the cable was pulled"));
            Body::from_stream(futures_util::stream::iter([Ok(half), broken]))
        }
        Mood::Stuck if is_fetch => {
            let never = futures_util::stream::unfold(Some(half), async |half| match half {
                Some(half) => Some((Ok::<_, std::io::Error>(half), None)),
                None => std::future::pending().await,
            });
            Body::from_stream(never)
        }
        _ => Body::from(answer),
    };
    (status, headers, body).into_response()
}

/// Asks `git http-backend`, which speaks CGI.
async fn ask_git(root: &Path, parts: &axum::http::request::Parts, body: &Bytes) -> (StatusCode, HeaderMap, Bytes) {
    let header = |name| parts.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let mut command = tokio::process::Command::new("git");
    command.arg("http-backend").env("GIT_PROJECT_ROOT", root).env("GIT_HTTP_EXPORT_ALL", "1");
    command.env("GIT_CONFIG_GLOBAL", "/dev/null").env("REMOTE_ADDR", "127.0.0.1").env("REMOTE_USER", "test");
    command.env("PATH_INFO", parts.uri.path()).env("QUERY_STRING", parts.uri.query().unwrap_or_default());
    command.env("REQUEST_METHOD", parts.method.as_str()).env("CONTENT_TYPE", header(CONTENT_TYPE));
    command.env("CONTENT_LENGTH", body.len().to_string()).env("HTTP_CONTENT_ENCODING", header(CONTENT_ENCODING));
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).kill_on_drop(true);
    let mut process = command.spawn().expect("git is installed: `./dev test` sees to it");
    let mut stdin = process.stdin.take().expect("piped");
    let body = body.clone();
    let writing = tokio::spawn(async move { stdin.write_all(&body).await });
    let output = process.wait_with_output().await.expect("it ends");
    drop(writing.await);
    let end = output.stdout.windows(4).position(|window| window == b"\r\n\r\n").expect("a head");
    let (mut status, mut headers) = (StatusCode::OK, HeaderMap::new());
    for line in String::from_utf8_lossy(&output.stdout[..end]).lines() {
        let (name, value) = line.split_once(": ").expect("a header");
        if name == "Status" {
            status = value[..3].parse().expect("a status");
        } else {
            let name: axum::http::HeaderName = name.parse().expect("a name");
            headers.insert(name, value.parse().expect("a value"));
        }
    }
    (status, headers, Bytes::from(output.stdout).slice(end + 4..))
}

//! A forge over real HTTP: what it is asked is held against what the forge publishes, and so is what it answers.

mod gitea;
mod github;
mod gitlab;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, Method, Request, Response, StatusCode};
use serde_json::{Value, json};

use super::published::{Asked, Published};
use super::world::World;

pub(crate) const TOKEN: &str = "hunter2-token";

/// Which forge is played.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Play {
    GitHub,
    GitLab,
    Gitea,
    Forgejo,
}

impl Play {
    /// Where its API begins.
    pub(crate) fn prefix(self) -> &'static str {
        match self {
            Self::GitHub => "/api/v3",
            Self::GitLab => "/api/v4",
            Self::Gitea | Self::Forgejo => "/api/v1",
        }
    }
}

/// What goes wrong with a request whose method and path hold these words.
#[derive(Clone, Debug)]
pub(crate) struct Fault {
    pub(crate) method: &'static str,
    pub(crate) path: &'static str,
    pub(crate) times: u32,
    pub(crate) what: Wrong,
}

#[derive(Clone, Debug)]
pub(crate) enum Wrong {
    /// It is not done, and this is answered.
    Instead { status: u16, headers: Vec<(&'static str, String)>, body: String },
    /// It is done, and the answer is lost.
    AnswerLost,
    /// Somebody does this first, and it is answered as ever.
    Meanwhile(fn(&mut World)),
    /// Somebody revokes the token first.
    Revoked,
}

/// What the token may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Token {
    Good,
    Revoked,
    /// It may read, and not write.
    ReadOnly,
    /// It may write branches, and open no pull requests.
    NoPulls,
}

/// What is asked of a forge, and how it is answered.
pub(crate) struct Call {
    /// The published path.
    pub(crate) operation: (String, String),
    pub(crate) path: BTreeMap<String, String>,
    pub(crate) query: BTreeMap<String, String>,
    /// Headers that say when it is not to be done.
    pub(crate) conditions: BTreeMap<String, String>,
    pub(crate) body: Value,
}

impl Call {
    pub(crate) fn number(&self, name: &str) -> u64 {
        self.path[name].parse().expect("a number, as it is published")
    }

    pub(crate) fn text(&self, name: &str) -> &str {
        self.body[name].as_str().unwrap_or_default()
    }

    /// The page that is asked for, of at most so many entries.
    pub(crate) fn page<T>(&self, all: Vec<T>, size: &str, default: usize, most: usize) -> Vec<T> {
        let number = |name: &str| self.query.get(name).and_then(|value| value.parse::<usize>().ok());
        let size = number(size).unwrap_or(default).min(most);
        all.into_iter().skip((number("page").unwrap_or(1) - 1) * size).take(size).collect()
    }
}

pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: Value,
}

impl Reply {
    pub(crate) fn ok(body: Value) -> Self {
        Self { status: 200, headers: Vec::new(), body }
    }

    pub(crate) fn created(body: Value) -> Self {
        Self { status: 201, headers: Vec::new(), body }
    }

    pub(crate) fn gone() -> Self {
        Self { status: 204, headers: Vec::new(), body: Value::String(String::new()) }
    }

    pub(crate) fn no(status: u16, message: impl Into<Value>) -> Self {
        Self { status, headers: Vec::new(), body: json!({ "message": message.into() }) }
    }

    pub(crate) fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }
}

pub(crate) struct Fake {
    pub(crate) play: Play,
    published: Published,
    state: Mutex<Inner>,
}

pub(crate) struct Inner {
    pub(crate) world: World,
    pub(crate) faults: Vec<Fault>,
    pub(crate) token: Token,
    /// Whether the server knows how to move a branch, where that came late.
    pub(crate) moves_branches: bool,
    /// An app's token does not tell whose it is.
    pub(crate) is_app: bool,
    /// Methods and paths, in order.
    pub(crate) log: Vec<(Method, String)>,
    pub(crate) violations: Vec<String>,
}

impl Fake {
    pub(crate) fn new(play: Play, world: World) -> Arc<Self> {
        let published = Published::read(match play {
            Play::GitHub => include_str!("published/github.json"),
            Play::GitLab => include_str!("published/gitlab.json"),
            Play::Gitea => include_str!("published/gitea.json"),
            Play::Forgejo => include_str!("published/forgejo.json"),
        });
        let inner = Inner {
            world,
            faults: Vec::new(),
            token: Token::Good,
            moves_branches: true,
            is_app: false,
            log: Vec::new(),
            violations: Vec::new(),
        };
        Arc::new(Self { play, published, state: Mutex::new(inner) })
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, Inner> {
        self.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    pub(crate) fn router(self: &Arc<Self>) -> Router {
        Router::new().fallback(answer).with_state(self.clone())
    }

    /// How many requests that write have come.
    pub(crate) fn writes(&self) -> usize {
        self.lock().log.iter().filter(|(method, _)| *method != Method::GET).count()
    }

    fn take(&self, method: &Method, uri: &axum::http::Uri, headers: &HeaderMap, body: &Bytes) -> (Reply, bool) {
        let mut inner = self.lock();
        inner.log.push((method.clone(), uri.path().to_owned()));
        let mut refuse = |why: String| {
            inner.violations.push(why.clone());
            (Reply::no(400, format!("nonsense: {why}")), false)
        };
        let Some(path) = uri.path().strip_prefix(self.play.prefix()) else {
            return refuse(format!("{} is not below {}", uri.path(), self.play.prefix()));
        };
        if let Err(why) = self.check_headers(headers, !body.is_empty()) {
            return refuse(format!("{method} {path}: {why}"));
        }
        let query: Vec<(String, String)> =
            url::form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes()).into_owned().collect();
        let parsed = if body.is_empty() { Ok(None) } else { serde_json::from_slice(body).map(Some) };
        let parsed: Option<Value> = match parsed {
            Ok(parsed) => parsed,
            Err(error) => return refuse(format!("{method} {path}: {error}")),
        };
        let conditions = conditions(headers);
        let asked = Asked { method, path, query: &query, conditions: &conditions, body: parsed.as_ref() };
        let (operation, found) = match self.published.operation(&asked) {
            Ok(found) => found,
            Err(why) => return refuse(why),
        };
        let fault = inner
            .faults
            .iter_mut()
            .find(|fault| fault.times > 0 && fault.method == method.as_str() && operation.path.contains(fault.path));
        let fault = fault.map(|fault| {
            fault.times -= 1;
            fault.what.clone()
        });
        if let Some(Wrong::Instead { status, headers, body }) = fault {
            let body = serde_json::from_str(&body).unwrap_or(Value::String(body));
            return (Reply { status, headers, body }, false);
        }
        match fault {
            Some(Wrong::Meanwhile(somebody)) => somebody(&mut inner.world),
            Some(Wrong::Revoked) => inner.token = Token::Revoked,
            _ => {}
        }
        let call = Call {
            operation: (method.to_string(), operation.path.clone()),
            path: found,
            query: query.into_iter().collect(),
            conditions,
            body: parsed.unwrap_or(Value::Null),
        };
        let reply = match inner.token {
            Token::Revoked => self.revoked(),
            Token::ReadOnly if *method != Method::GET => self.no_right(&operation.path),
            Token::NoPulls if *method != Method::GET && is_of_pulls(&operation.path) => self.no_pulls(&operation.path),
            Token::Good | Token::ReadOnly | Token::NoPulls => match self.play {
                Play::GitHub => github::answer(&mut inner, &call),
                Play::GitLab => gitlab::answer(&mut inner, &call),
                Play::Gitea | Play::Forgejo => gitea::answer(&mut inner, &call, self.play),
            },
        };
        if let Err(why) = self.published.check_answer(operation, reply.status, &reply.body) {
            inner.violations.push(why);
        }
        (reply, matches!(fault, Some(Wrong::AnswerLost)))
    }

    /// # Errors
    /// When a header is missing or wrong.
    fn check_headers(&self, headers: &HeaderMap, has_body: bool) -> Result<(), String> {
        let bearer = format!("Bearer {TOKEN}");
        let token = format!("token {TOKEN}");
        let wanted: &[(&str, &str)] = match self.play {
            Play::GitHub => &[
                ("authorization", &bearer),
                ("accept", "application/vnd.github+json"),
                ("x-github-api-version", "2022-11-28"),
            ],
            Play::GitLab => &[("private-token", TOKEN), ("accept", "application/json")],
            Play::Gitea | Play::Forgejo => &[("authorization", &token), ("accept", "application/json")],
        };
        let is = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
        for (name, value) in wanted {
            if is(name) != *value {
                return Err(format!("the header `{name}` is `{}`", is(name)));
            }
        }
        if !is("user-agent").starts_with("setai/") {
            return Err("it does not say who it is".to_owned());
        }
        if has_body && is("content-type") != "application/json" {
            return Err("the body is not said to be JSON".to_owned());
        }
        Ok(())
    }

    fn revoked(&self) -> Reply {
        match self.play {
            Play::GitHub => Reply::no(401, "Bad credentials"),
            Play::GitLab => Reply {
                status: 401,
                headers: Vec::new(),
                body: json!({ "error": "invalid_token", "error_description": "Token was revoked. You have to re-authorize from the user." }),
            },
            Play::Gitea | Play::Forgejo => Reply::no(401, format!("user does not exist [uid: 0]: {TOKEN}")),
        }
    }

    /// What is not a matter of scopes at GitLab, but of the role or of a switch.
    fn no_pulls(&self, path: &str) -> Reply {
        match self.play {
            Play::GitLab => Reply::no(403, "403 Forbidden"),
            Play::GitHub | Play::Gitea | Play::Forgejo => self.no_right(path),
        }
    }

    fn no_right(&self, path: &str) -> Reply {
        match self.play {
            Play::GitHub => {
                let needed = if path.contains("/git/") { "contents=write" } else { "pull_requests=write" };
                Reply::no(403, "Resource not accessible by personal access token")
                    .with("x-accepted-github-permissions", needed)
            }
            Play::GitLab => Reply {
                status: 403,
                headers: Vec::new(),
                body: json!({
                    "error": "insufficient_scope",
                    "error_description": "The request requires higher privileges than provided by the access token.",
                    "scope": "api",
                }),
            },
            Play::Gitea | Play::Forgejo => Reply::no(
                403,
                "token does not have at least one of required scope(s), required=[write:repository], token scope=read:repository",
            ),
        }
    }
}

fn is_of_pulls(path: &str) -> bool {
    path.contains("/pulls") || path.contains("/merge_requests")
}

fn conditions(headers: &HeaderMap) -> BTreeMap<String, String> {
    let known = headers.iter().filter(|(name, _)| name.as_str().starts_with("if-"));
    known.map(|(name, value)| (name.to_string(), value.to_str().expect("text").to_owned())).collect()
}

async fn answer(State(fake): State<Arc<Fake>>, request: Request<Body>) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let body = axum::body::to_bytes(body, 64 << 20).await.expect("a body");
    let (reply, is_lost) = fake.take(&parts.method, &parts.uri, &parts.headers, &body);
    // An answer without a body cannot be cut; something in between says that it got none.
    let status = if is_lost && reply.status == 204 { 504 } else { reply.status };
    let mut response = Response::builder().status(StatusCode::from_u16(status).expect("a status"));
    for (name, value) in &reply.headers {
        response = response.header(HeaderName::from_static(name), value);
    }
    if is_lost {
        let broken = futures_util::stream::once(async { Err::<Bytes, _>(std::io::Error::other("cut")) });
        return response.body(Body::from_stream(broken)).expect("a response");
    }
    let body = match reply.body {
        Value::String(text) => text,
        value => value.to_string(),
    };
    response.body(Body::from(body)).expect("a response")
}

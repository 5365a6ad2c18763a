//! Requests to a forge: bounded in time and size, repeated where that does no harm, and never sent elsewhere with the token.
//!
//! Decides what is repeated, for how long is waited, and what an answer that is none means. Which requests there are is each forge's.

mod limit;
mod said;

use std::time::Duration;

use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, LOCATION};
use reqwest::{Method, StatusCode};
use secrecy::{ExposeSecret as _, SecretString};
use serde::de::DeserializeOwned;
use serde_json::Value;
use url::Url;

use super::propose::LOOKS;
use super::{Address, BranchName, Error, Right};
use crate::clock::Clock;
use crate::tls;

/// Longest time to a connection, and to the end of an answer.
const CONNECT: Duration = Duration::from_secs(10);
const TIMEOUT: Duration = Duration::from_secs(30);

/// Most bytes of an answer, unpacked: a hundred comments of the longest kind, twice over.
const LARGEST: usize = 16 << 20;

/// Longest time one request is held back because the forge wants to be left alone. Beyond it the caller is told.
pub(super) const PATIENCE: Duration = Duration::from_secs(60);

/// Where and how one asks.
#[derive(Debug)]
pub(super) struct Api {
    client: reqwest::Client,
    address: Address,
    headers: HeaderMap,
    token: SecretString,
    pub(super) clock: Clock,
    remedy: String,
}

/// How a forge is asked.
pub(super) struct Dialect {
    /// The header of the token, and what stands before it.
    pub(super) token: (HeaderName, &'static str),
    /// Headers of each request.
    pub(super) headers: &'static [(&'static str, &'static str)],
    /// Where there is another token, below the forge's address for people.
    pub(super) tokens: &'static str,
}

/// A request.
#[derive(Clone, Debug)]
pub(super) struct Call {
    method: Method,
    path: Vec<String>,
    query: Vec<(&'static str, String)>,
    body: Option<Value>,
    /// What it is about, for errors.
    what: String,
    right: Right,
    headers: Vec<(HeaderName, String)>,
    repeat: Repeat,
}

/// When a request that failed is sent again without looking first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Repeat {
    /// Whenever there is no answer.
    Freely,
    /// Only when it was certainly not carried out.
    IfUndone,
    /// Not at all: by then it may be about something else.
    Never,
}

impl Call {
    /// Reads something.
    pub(super) fn get<P: Into<String>>(what: impl Into<String>, path: impl IntoIterator<Item = P>) -> Self {
        Self {
            method: Method::GET,
            path: path.into_iter().map(Into::into).collect(),
            query: Vec::new(),
            body: None,
            what: what.into(),
            right: Right::Read,
            headers: Vec::new(),
            repeat: Repeat::Freely,
        }
    }

    /// Writes something. It may be repeated without looking unless it makes something [once](Self::once).
    pub(super) fn write(self, method: Method, right: Right, body: Value) -> Self {
        Self { method, right, body: Some(body), ..self }
    }

    /// The same, which makes something anew each time.
    pub(super) fn once(self) -> Self {
        Self { repeat: Repeat::IfUndone, ..self }
    }

    /// Takes something away. It is sent once, so that whoever asks for it can look again before they ask again.
    pub(super) fn delete(self, right: Right) -> Self {
        Self { method: Method::DELETE, right, repeat: Repeat::Never, ..self }
    }

    pub(super) fn header(mut self, name: HeaderName, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    pub(super) fn query(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.query.push((name, value.into()));
        self
    }

    /// What is needed for it.
    pub(super) fn needs(self, right: Right) -> Self {
        Self { right, ..self }
    }
}

/// An answer with a status of success, or one that says no.
#[derive(Debug)]
pub(super) struct Answer<'a> {
    api: &'a Api,
    what: String,
    right: Right,
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    body: Vec<u8>,
}

impl Api {
    /// # Errors
    /// When the token cannot be one, or the system's certificates cannot be used.
    pub(super) fn new(address: Address, token: SecretString, clock: Clock, dialect: &Dialect) -> Result<Self, Error> {
        let certificates = |why: String| Error::Certificates { why };
        let place = place(&address);
        let text = token.expose_secret().trim();
        let is_token = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic());
        let value = HeaderValue::from_str(&format!("{}{text}", dialect.token.1)).ok().filter(|_| is_token);
        let mut value = value.ok_or_else(|| Error::NoToken { place: place.clone() })?;
        value.set_sensitive(true);
        let mut headers = HeaderMap::new();
        for (name, fixed) in dialect.headers {
            headers.insert(*name, HeaderValue::from_static(fixed));
        }
        headers.insert(dialect.token.0.clone(), value);
        if address.api.scheme() == "http" {
            tracing::warn!(repository = %address, "the token goes over http: everybody on the way can read it");
        }
        let client = tls::client().map_err(|error| certificates(error.to_string()))?;
        let client = client
            .connect_timeout(CONNECT)
            .timeout(TIMEOUT)
            .user_agent(concat!("setai/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|error| certificates(error.without_url().to_string()))?;
        let remedy = format!("make another at {}{} and put it into the token's file", address.web(), dialect.tokens);
        Ok(Self { client, address, headers, token, clock, remedy })
    }

    /// Which repository, for people.
    pub(super) fn place(&self) -> String {
        place(&self.address)
    }

    /// The name of the repository.
    pub(super) fn repository(&self) -> &str {
        &self.address.repository
    }

    /// Where rights are given.
    pub(super) fn remedy(&self) -> String {
        self.remedy.clone()
    }

    /// Sends a request, and again when that does no harm.
    ///
    /// # Errors
    /// When there is no answer, none in time, one from elsewhere, or the forge takes no more requests.
    pub(super) async fn send(&self, call: Call) -> Result<Answer<'_>, Error> {
        let mut pauses = LOOKS.iter();
        let mut waited = Duration::ZERO;
        loop {
            let failed = match self.once(&call).await {
                Ok((status, headers, body)) => {
                    if status.is_redirection() {
                        return Err(self.moved(&headers));
                    }
                    let answer =
                        Answer { api: self, what: call.what.clone(), right: call.right, status, headers, body };
                    if let Some(pause) = limit::pause(status, &answer.headers, &answer.said(), self.clock.now()) {
                        waited += pause;
                        if waited > PATIENCE || call.repeat == Repeat::Never {
                            return Err(limit::until(self.place(), self.clock.now(), pause));
                        }
                        tracing::info!(repository = %self.address, seconds = pause.as_secs(), "the forge wants to be left alone");
                        self.clock.sleep(pause).await;
                        continue;
                    }
                    if !status.is_server_error() {
                        return Ok(answer);
                    }
                    let why = format!("it answers {} with the status {status}", call.what);
                    Error::Away { place: self.place(), why, maybe_done: call.method != Method::GET }
                }
                Err(failed) => failed,
            };
            let may_repeat = match call.repeat {
                Repeat::Freely => true,
                Repeat::IfUndone => !failed.is_maybe_done(),
                Repeat::Never => false,
            };
            if !may_repeat || !matches!(failed, Error::Away { .. }) {
                return Err(failed);
            }
            let Some(pause) = pauses.next() else { return Err(failed) };
            tracing::info!(repository = %self.address, why = %failed, "asking again");
            self.clock.sleep(*pause).await;
        }
    }

    async fn once(&self, call: &Call) -> Result<(StatusCode, HeaderMap, Vec<u8>), Error> {
        let mut url = self.address.api.clone();
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().extend(&call.path);
        }
        if !call.query.is_empty() {
            url.query_pairs_mut().extend_pairs(&call.query);
        }
        let mut request = self.client.request(call.method.clone(), url).headers(self.headers.clone());
        for (name, value) in &call.headers {
            request = request.header(name, value);
        }
        if let Some(body) = &call.body {
            request = request.header(CONTENT_TYPE, "application/json").body(body.to_string());
        }
        let away = |error: reqwest::Error| {
            let why = match error {
                ref error if error.is_timeout() => "it takes too long".to_owned(),
                ref error if error.is_connect() => format!("there is no connection: {}", root(error)),
                ref error => format!("the connection broke: {}", root(error)),
            };
            Error::Away { place: self.place(), why, maybe_done: call.method != Method::GET && !error.is_connect() }
        };
        let mut answer = request.send().await.map_err(away)?;
        let (status, headers) = (answer.status(), answer.headers().clone());
        let mut body = Vec::new();
        while let Some(chunk) = answer.chunk().await.map_err(away)? {
            if body.len() + chunk.len() > LARGEST {
                return Err(self.not_understood(&call.what, &format!("it has more than {LARGEST} bytes")));
            }
            body.extend_from_slice(&chunk);
        }
        Ok((status, headers, body))
    }

    fn moved(&self, headers: &HeaderMap) -> Error {
        let to = headers.get(LOCATION).and_then(|to| to.to_str().ok());
        let to = to.and_then(|to| self.address.api.join(to).ok()).and_then(|mut to: Url| {
            // What stands behind the path may be a key, and what stands before it may be our token.
            to.set_query(None);
            to.set_fragment(None);
            to.set_username("").ok()?;
            to.set_password(None).ok()?;
            Some(self.clean(to.as_str()))
        });
        Error::Moved { place: self.place(), to }
    }

    /// An answer that is none.
    pub(super) fn not_understood(&self, what: &str, why: &str) -> Error {
        Error::NotUnderstood { place: self.place(), what: what.to_owned(), why: self.clean(why) }
    }

    fn clean(&self, text: &str) -> String {
        said::clean(text, self.token.expose_secret().trim())
    }
}

impl<'a> Answer<'a> {
    /// What is in it.
    ///
    /// # Errors
    /// When it says no, or is not understood.
    pub(super) fn json<T: DeserializeOwned>(self) -> Result<T, Error> {
        let answer = self.done()?;
        serde_json::from_slice(&answer.body)
            .map_err(|error| answer.api.not_understood(&answer.what, &error.to_string()))
    }

    /// What is in it, or nothing when there is no such thing.
    ///
    /// # Errors
    /// When it says no otherwise, or is not understood.
    pub(super) fn found<T: DeserializeOwned>(self) -> Result<Option<T>, Error> {
        if self.status == StatusCode::NOT_FOUND { Ok(None) } else { self.json().map(Some) }
    }

    /// Itself, when it says yes.
    ///
    /// # Errors
    /// When it says no.
    pub(super) fn done(self) -> Result<Self, Error> {
        if self.status.is_success() { Ok(self) } else { Err(self.refusal()) }
    }

    /// What the forge says, for people.
    pub(super) fn said(&self) -> String {
        if self.status.is_success() { String::new() } else { self.api.clean(&said::text(&self.body)) }
    }

    /// What kept a branch from being written.
    pub(super) fn refused_branch(self, branch: &BranchName) -> Error {
        let why = self.said();
        if said::is_protection(&why) {
            return Error::Protected { place: self.api.place(), branch: branch.clone(), why };
        }
        self.refusal()
    }

    /// What a no means.
    pub(super) fn refusal(self) -> Error {
        let (place, why) = (self.api.place(), self.said());
        match self.status {
            StatusCode::UNAUTHORIZED => Error::Unauthorized { place, remedy: self.api.remedy() },
            StatusCode::LOCKED => Error::ReadOnly { place },
            StatusCode::FORBIDDEN if said::is_archived(&why) => Error::ReadOnly { place },
            StatusCode::FORBIDDEN => {
                let remedy = said::remedy(&self.headers).unwrap_or_else(|| self.api.remedy());
                Error::MissingRight { place, right: self.right, why, remedy: self.api.clean(&remedy) }
            }
            StatusCode::NOT_FOUND | StatusCode::GONE => Error::NotFound { place, what: self.what },
            status => Error::Refused { place, what: self.what, status: status.as_u16(), why },
        }
    }
}

fn place(address: &Address) -> String {
    address.to_string()
}

/// The innermost reason, which is the one that says something.
fn root(error: &reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    // The outermost one may have the address in it, which is known.
    if std::ptr::addr_eq(cause, std::ptr::from_ref(error)) { "it ended".to_owned() } else { cause.to_string() }
}

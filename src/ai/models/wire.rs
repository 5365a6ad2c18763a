//! One exchange with the server of a model, and whether it is tried again.
//!
//! Decides what statuses and broken connections mean. The key stands in a header, goes to the one address that was set and
//! nowhere else, and is in no error.

use std::time::Duration;

use bytes::Bytes;
use chrono::DateTime;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use reqwest::{Response, StatusCode, Url};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::Value;

use crate::ai::Error;
use crate::clock::Clock;
use crate::tls;

use super::{Provider, Settings, anthropic};

/// Longest answer, in bytes. A model writes a few thousand words at most.
const LONGEST: usize = 1 << 20;

/// Longest time a server may ask us to wait before we try again ourselves; beyond it, whoever asks is told.
const PATIENCE: Duration = Duration::from_secs(30);

/// How long we wait before the first repetition when nobody says how long; twice as long before the next.
const PAUSE: Duration = Duration::from_secs(1);

/// Longest time to a connection.
const CONNECT: Duration = Duration::from_secs(10);

/// The way to the server of a model. Clones share connections.
#[derive(Clone, Debug)]
pub(super) struct Wire {
    client: reqwest::Client,
    url: Url,
    headers: HeaderMap,
    key: Option<SecretString>,
    model: String,
    timeout: Duration,
    retries: u32,
    clock: Clock,
}

/// Why an exchange failed, and whether the next one may succeed.
struct Failure {
    error: Error,
    again: Again,
}

/// Whether the same request may be answered later.
enum Again {
    Never,
    /// After so long, where the server says.
    After(Option<Duration>),
}

impl From<Error> for Failure {
    /// What cannot get better.
    fn from(error: Error) -> Self {
        Self { error, again: Again::Never }
    }
}

impl Wire {
    pub(super) fn new(settings: &Settings, clock: Clock) -> Result<Self, Error> {
        let Settings { provider, base_url, model, api_key, timeout, retries, .. } = settings;
        let unusable = |why: &str| Error::Unusable { why: why.to_owned() };
        let path = match provider {
            Provider::OpenAi => "chat/completions",
            Provider::Anthropic => "v1/messages",
        };
        let url = Url::parse(&format!("{}/{path}", base_url.trim_end_matches('/')))
            .ok()
            .filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host())
            .ok_or_else(|| unusable("its address is not that of an HTTP server"))?;
        if api_key.is_some() && url.scheme() == "http" && !is_here(&url) {
            return Err(unusable("a key is not sent over `http` to another machine; use `https`"));
        }
        let mut headers = HeaderMap::new();
        headers.insert("content-type", HeaderValue::from_static("application/json"));
        if *provider == Provider::Anthropic {
            headers.insert("anthropic-version", HeaderValue::from_static(anthropic::VERSION));
        }
        if let Some(key) = api_key {
            let (name, value) = match provider {
                Provider::OpenAi => ("authorization", format!("Bearer {}", key.expose_secret())),
                Provider::Anthropic => ("x-api-key", key.expose_secret().to_owned()),
            };
            let mut value = HeaderValue::from_str(&value).map_err(|_| unusable("its key has characters no key has"))?;
            value.set_sensitive(true);
            headers.insert(HeaderName::from_static(name), value);
        }
        let client = tls::client().map_err(|error| unusable(&error.to_string()))?;
        let client = client.connect_timeout(CONNECT).user_agent(concat!("setai/", env!("CARGO_PKG_VERSION"))).build();
        let client = client.map_err(|_| unusable("the system's certificates or proxy settings cannot be used"))?;
        let (key, model, timeout, retries) = (api_key.clone(), model.clone(), *timeout, *retries);
        Ok(Self { client, url, headers, key, model, timeout, retries, clock })
    }

    /// Sends a request until it is answered, cannot be, or was sent often enough.
    pub(super) async fn ask(&self, body: &Value) -> Result<Value, Error> {
        let body = Bytes::from(body.to_string());
        let mut pause = PAUSE;
        for _ in 0..self.retries {
            match self.once(body.clone()).await {
                Ok(answer) => return Ok(answer),
                Err(Failure { error, again: Again::Never }) => return Err(error),
                Err(Failure { error, again: Again::After(wait) }) => {
                    let wait = wait.unwrap_or(pause);
                    if wait > PATIENCE {
                        return Err(error);
                    }
                    tracing::warn!(%error, wait = ?wait, "the language model is asked again");
                    self.clock.sleep(wait).await;
                    pause *= 2;
                }
            }
        }
        self.once(body).await.map_err(|failure| failure.error)
    }

    /// One exchange, within the time it may take.
    async fn once(&self, body: Bytes) -> Result<Value, Failure> {
        let end = self.clock.now() + self.timeout;
        tokio::select! {
            biased;
            answer = self.exchange(body) => answer,
            () = self.clock.reach(end) => Err(Error::Slow { after: self.timeout }.into()),
        }
    }

    async fn exchange(&self, body: Bytes) -> Result<Value, Failure> {
        let sent = self.client.post(self.url.clone()).headers(self.headers.clone()).body(body).send().await;
        let response = sent.map_err(|error| broken(&error))?;
        let (status, headers) = (response.status(), response.headers().clone());
        if status.is_redirection() {
            return Err(Error::Redirected { status: status.as_u16() }.into());
        }
        let bytes = whole(response).await?;
        let read = serde_json::from_slice::<Value>(&bytes);
        if status.is_success() {
            return read.map_err(|_| Error::Foreign { what: "it is not JSON".to_owned() }.into());
        }
        Err(self.refusal(status, &headers, &read.unwrap_or_default()))
    }

    /// What a status other than success means.
    fn refusal(&self, status: StatusCode, headers: &HeaderMap, body: &Value) -> Failure {
        let (number, message) = (status.as_u16(), self.message(body));
        let error = body.get("error").unwrap_or(body);
        let is = |field: &str, word: &str| error.get(field).and_then(Value::as_str) == Some(word);
        let is_quota =
            is("code", "insufficient_quota") || is("type", "insufficient_quota") || is("type", "billing_error");
        match number {
            402 => Error::Quota { message }.into(),
            400..=499 if is_quota => Error::Quota { message }.into(),
            401 | 403 => Error::Key { status: number, message }.into(),
            404 => Error::NoModel { model: self.model.clone(), message }.into(),
            429 => {
                let wait = self.retry_after(headers);
                Failure { error: Error::Busy { wait, message }, again: Again::After(wait) }
            }
            408 | 500..=599 => {
                let wait = self.retry_after(headers);
                Failure { error: Error::Broken { status: number, message }, again: Again::After(wait) }
            }
            _ => Error::Refused { status: number, message }.into(),
        }
    }

    /// How long a server wants to be left alone: seconds, or a date.
    fn retry_after(&self, headers: &HeaderMap) -> Option<Duration> {
        let said = headers.get("retry-after")?.to_str().ok()?.trim();
        if let Ok(seconds) = said.parse::<f64>() {
            return Duration::try_from_secs_f64(seconds.ceil()).ok();
        }
        let date = DateTime::parse_from_rfc2822(said).ok()?;
        Some((date.to_utc() - self.clock.now()).to_std().unwrap_or_default())
    }

    /// What a server says is wrong, on one line, without anything that may be a key.
    fn message(&self, body: &Value) -> Option<String> {
        let error = body.get("error").unwrap_or(body);
        let message = error.get("message").unwrap_or(error).as_str()?;
        let own = self.key.as_ref().map(|key| key.expose_secret().trim()).filter(|key| !key.is_empty());
        let message = own.map_or_else(|| message.to_owned(), |key| message.replace(key, "***"));
        let words: Vec<&str> =
            message.split_whitespace().map(|word| if is_like_key(word) { "***" } else { word }).collect();
        let line: String = words.join(" ").chars().filter(|c| !crate::ai::ground::is_hidden(*c)).take(200).collect();
        (!line.is_empty()).then_some(line)
    }
}

/// True for what keys look like, whole or with stars in the middle.
fn is_like_key(word: &str) -> bool {
    let word = word.trim_matches(|c: char| !(c.is_ascii_alphanumeric() || "_-*".contains(c)));
    let fits = word.chars().all(|c| c.is_ascii_alphanumeric() || "_-*.".contains(c));
    fits && (word.starts_with("sk-") || (word.len() >= 24 && word.chars().any(|c| c.is_ascii_digit())))
}

/// True for an address on this machine.
fn is_here(url: &Url) -> bool {
    match url.host() {
        Some(url::Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

/// A connection that was not made, or broke.
fn broken(error: &reqwest::Error) -> Failure {
    if error.is_builder() {
        return Error::Unusable { why: "its address cannot be asked".to_owned() }.into();
    }
    let what = if error.is_connect() { "there is no connection" } else { "the connection broke" };
    Failure { error: Error::Unreachable { what }, again: Again::After(None) }
}

/// The body of a response, unless it is too long.
async fn whole(mut response: Response) -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| broken(&error))? {
        if bytes.len() + chunk.len() > LONGEST {
            return Err(Error::Endless { most: LONGEST }.into());
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}

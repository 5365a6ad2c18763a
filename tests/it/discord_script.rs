//! A Discord that says what the test tells it to.
//!
//! Every request must be as Discord's description has it, when it is at hand. The answers need not: they say just enough,
//! or something wrong, and what is made of it is the test.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use chrono::DateTime;
use serde_json::{Value, json};
use setai::clock::Clock;
use setai::discord::{Client, Exchange, ExchangeError, Settings};
use setai::model::GuildId;

use crate::support::openapi::description;

/// A bot token of a made-up bot with the id 80351110224678912.
pub(crate) const TOKEN: &str = "ODAzNTExMTAyMjQ2Nzg5MTI.Secret.that-must-not-show";
pub(crate) const GUILD: GuildId = GuildId::new(1_146_231_231_231_231_232);

pub(crate) type Reply = Result<http::Response<Bytes>, ExchangeError>;

/// A request and when it was sent.
pub(crate) type Timed = (Duration, http::Request<Bytes>);

/// Answers requests in the order of a script, and keeps them.
#[derive(Clone)]
pub(crate) struct Script {
    replies: Arc<Mutex<VecDeque<Reply>>>,
    pub(crate) requests: Arc<Mutex<Vec<Timed>>>,
    pub(crate) clock: Clock,
}

impl Script {
    pub(crate) fn new(replies: impl IntoIterator<Item = Reply>) -> Self {
        let epoch = DateTime::from_timestamp(1_790_000_000, 0).expect("a date");
        Self {
            replies: Arc::new(Mutex::new(replies.into_iter().collect())),
            requests: Arc::default(),
            clock: Clock::virtual_at(epoch),
        }
    }

    pub(crate) fn client(&self) -> Client {
        self.client_with(|_| {})
    }

    pub(crate) fn client_with(&self, adjust: impl FnOnce(&mut Settings)) -> Client {
        let mut settings = Settings::new(TOKEN.to_owned().into());
        settings.address = "http://127.0.0.1:7777".to_owned();
        adjust(&mut settings);
        Client::new(settings, Arc::new(self.clone()), self.clock.clone()).expect("good settings")
    }

    /// `GET /path` of every request, in order.
    pub(crate) fn lines(&self) -> Vec<String> {
        let requests = self.requests.lock().expect("not poisoned");
        requests.iter().map(|(_, r)| format!("{} {}", r.method(), r.uri().path_and_query().expect("a path"))).collect()
    }

    /// When each request was sent.
    pub(crate) fn times(&self) -> Vec<Duration> {
        self.requests.lock().expect("not poisoned").iter().map(|(at, _)| *at).collect()
    }

    /// The body of request number `index` as JSON.
    pub(crate) fn body(&self, index: usize) -> Value {
        let requests = self.requests.lock().expect("not poisoned");
        serde_json::from_slice(requests[index].1.body()).expect("a JSON body")
    }

    /// True when every answer was given.
    pub(crate) fn is_used_up(&self) -> bool {
        self.replies.lock().expect("not poisoned").is_empty()
    }
}

#[async_trait]
impl Exchange for Script {
    async fn exchange(&self, request: http::Request<Bytes>) -> Reply {
        assert_described(&request);
        self.requests.lock().expect("not poisoned").push((self.clock.elapsed(), request));
        self.replies.lock().expect("not poisoned").pop_front().expect("the script has an answer for every request")
    }
}

/// Fails for a request that Discord's description does not have.
fn assert_described(request: &http::Request<Bytes>) {
    let Some(description) = description() else { return };
    let (path, query) = (request.uri().path(), request.uri().query().unwrap_or_default());
    let path = path.strip_prefix("/api/v10").expect("a path of the API");
    let body = (!request.body().is_empty()).then(|| serde_json::from_slice::<Value>(request.body()).expect("JSON"));
    let problems = description.judge_request(request.method().as_str(), path, query, body.as_ref());
    assert!(problems.is_empty(), "{} {path}: {problems:#?}", request.method());
}

/// An answer in JSON.
pub(crate) fn answer(status: u16, body: Value) -> Reply {
    with_headers(status, &[], &body.to_string())
}

/// Discord's way of saying no.
pub(crate) fn refusal(status: u16, code: u64, message: &str) -> Reply {
    answer(status, json!({ "message": message, "code": code }))
}

/// The request may or may not have arrived.
pub(crate) fn lost() -> Reply {
    Err(ExchangeError::Lost("connection reset".to_owned()))
}

/// The request has not arrived.
pub(crate) fn not_sent() -> Reply {
    Err(ExchangeError::NotSent("connection refused".to_owned()))
}

/// An answer with headers, through Discord's proxy.
pub(crate) fn with_headers(status: u16, headers: &[(&str, &str)], body: &str) -> Reply {
    let mut answer = http::Response::builder().status(status).header("via", "1.1 google");
    for (name, value) in headers {
        answer = answer.header(*name, *value);
    }
    Ok(answer.body(Bytes::from(body.to_owned())).expect("an answer"))
}

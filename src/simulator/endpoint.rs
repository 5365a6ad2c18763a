//! Interactions by HTTP: to the endpoint of an application that has one, signed, and answered in place.
//!
//! Decides what is sent there, when an endpoint is fit to be set, and what its answer means. Waits outside of the
//! simulator's lock. Not for websockets: an application with an endpoint is told nowhere else.

use std::sync::OnceLock;
use std::time::Duration;

use axum::http::{HeaderMap, HeaderValue, header};
use bytes::Bytes;
use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::client::payload;
use super::rest::{ApiError, Call, perform};
use super::server::request_body;
use super::world::{Application, Interaction, Snowflake};
use super::{Origin, Record, Simulator};
use crate::tls;

/// How long an endpoint may take: documented.
const PATIENCE: Duration = Duration::from_secs(3);
const AGENT: &str = "Discord-Interactions/1.0 (+https://discord.com)";
const SIGNATURE: &str = "x-signature-ed25519";
const TIMESTAMP: &str = "x-signature-timestamp";

/// What an endpoint said.
#[derive(Debug)]
struct Answered {
    status: u16,
    headers: HeaderMap,
    body: Bytes,
}

/// Something to be sent to an endpoint.
#[derive(Debug)]
struct Envelope {
    url: String,
    body: String,
    timestamp: String,
    signature: String,
}

impl Envelope {
    fn signed(application: &Application, url: &str, body: &Value, now: DateTime<Utc>) -> Self {
        let (body, timestamp) = (body.to_string(), now.timestamp().to_string());
        let signature = application.sign(format!("{timestamp}{body}").as_bytes());
        Self { url: url.to_owned(), body, timestamp, signature }
    }

    /// The same with a signature of something else.
    fn forged(application: &Application, url: &str, body: &Value, now: DateTime<Utc>) -> Self {
        Self { signature: application.sign(b"something else"), ..Self::signed(application, url, body, now) }
    }

    /// Sends it. Errors are in words for whoever looks into why there was no answer.
    async fn send(self) -> Result<Answered, String> {
        let client = client()?;
        let Self { url, body, timestamp, signature } = self;
        let request = client.post(url).header(header::CONTENT_TYPE, "application/json");
        let request = request.header(SIGNATURE, signature).header(TIMESTAMP, timestamp).body(body);
        let exchange = async {
            let answer = request.send().await?;
            let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
            Ok(Answered { status, headers, body: answer.bytes().await? })
        };
        let answered = tokio::time::timeout(PATIENCE, exchange).await.map_err(|_| late())?;
        answered.map_err(|error: reqwest::Error| format!("the endpoint cannot be asked: {}", error.without_url()))
    }
}

fn late() -> String {
    "the endpoint did not answer within 3 seconds".to_owned()
}

/// Connections are not kept: a simulator may outlive what it was started in.
fn client() -> Result<reqwest::Client, String> {
    static CLIENT: OnceLock<Result<reqwest::Client, String>> = OnceLock::new();
    let make = || {
        let builder = tls::client().map_err(|error| error.to_string())?;
        let builder = builder.user_agent(AGENT).no_proxy().pool_max_idle_per_host(0);
        builder.build().map_err(|error| error.to_string())
    };
    CLIENT.get_or_init(make).clone()
}

impl Simulator {
    /// What a call sets as endpoint is fit to be one: it answers a PING, and refuses a forged one.
    pub(super) async fn endpoint_is_fit(&self, bot: Option<Snowflake>, body: Option<&Value>) -> bool {
        let Some(url) = body.and_then(|body| body["interactions_endpoint_url"].as_str()) else { return false };
        let now = self.now();
        let (application, ping) = {
            let mut state = self.state();
            let user = bot.and_then(|bot| state.world.users.get(&bot));
            let Some(application) = user.and_then(|user| user.application.clone()) else { return false };
            let ping = json!({
                "id": state.world.mint(now), "application_id": application.id, "type": 1, "token": "ping", "version": 1,
                "entitlements": [], "authorizing_integration_owners": {}, "app_permissions": "0",
            });
            (application, ping)
        };
        let greeted = Envelope::signed(&application, url, &ping, now).send().await;
        let greets = greeted.is_ok_and(|answer| answer.status == 200 && is_pong(&answer));
        greets && Envelope::forged(&application, url, &ping, now).send().await.is_ok_and(|answer| answer.status == 401)
    }

    /// Sends an interaction to its application's endpoint, if there is one, without waiting for it.
    pub(super) fn deliver(&self, begun: &Interaction) {
        let now = self.now();
        let envelope = {
            let state = self.state();
            let Some(bot) = state.world.bot_of(begun.application_id) else { return };
            let Some(application) = &bot.application else { return };
            let Some(url) = &application.interactions_endpoint_url else { return };
            let told = payload(begun, &state.world, bot.id, &self.0.switches, now);
            told.map(|told| Envelope::signed(application, url, &told, now))
        };
        let Some(envelope) = envelope else { return };
        let (simulator, id) = (self.clone(), begun.id);
        match tokio::runtime::Handle::try_current() {
            Ok(runtime) => drop(runtime.spawn(async move {
                let answered = envelope.send().await;
                simulator.take_answer(id, answered).await;
            })),
            Err(_) => self.fail(id, "nothing is sent outside of an asynchronous runtime".to_owned()),
        }
    }

    /// An endpoint's answer is the first answer, as if it had called back.
    async fn take_answer(&self, id: Snowflake, answered: Result<Answered, String>) {
        let taken = match answered {
            // It has called back, or will.
            Ok(Answered { status: 202, body, .. }) if body.is_empty() => Ok(()),
            Ok(Answered { status: 200, headers, body }) => self.call_back(id, &headers, &body).await,
            Ok(Answered { status, .. }) => Err(format!("the endpoint answered with status {status}")),
            Err(error) => Err(error),
        };
        if let Err(failure) = taken {
            self.fail(id, failure);
        }
        self.0.changed.notify_waiters();
    }

    async fn call_back(&self, id: Snowflake, headers: &HeaderMap, body: &Bytes) -> Result<(), String> {
        let token = self.state().world.interactions.get(&id).map(|begun| begun.token.clone());
        let path = format!("/interactions/{id}/{}/callback", token.unwrap_or_default());
        let refused = |error: ApiError| format!("the endpoint's answer was refused: {}", error.body());
        let sent = request_body(headers, Some(&path), Some(body)).await.map_err(refused)?;
        let arrived = self.now();
        let call = Call {
            method: "POST",
            path: &path,
            query: &[],
            body: sent.json.as_ref(),
            files: &sent.files,
            endpoint_verified: false,
            reason: None,
            actor: Snowflake::default(),
            now: arrived,
            switches: &self.0.switches,
        };
        let mut state = self.state();
        let is_late = state.world.interactions.get(&id).is_none_or(|begun| begun.is_late(arrived));
        let reply = perform(&mut state.world, &call);
        state.publish(&self.0.switches, arrived);
        let number = state.log.number();
        drop(state);
        if let Some(recorder) = &self.0.recorder {
            let (status, answer) = match &reply {
                Ok(reply) => (reply.status, Bytes::new()),
                Err(error) => (error.status, error.body().to_string().into()),
            };
            recorder.tell(&Record {
                number,
                arrived,
                time: arrived,
                method: "POST".to_owned(),
                path: format!("/api/v10{path}"),
                query: String::new(),
                user_id: None,
                reason: None,
                user_agent: None,
                body: sent.json.clone(),
                status,
                done: reply.is_ok(),
                origin: Origin::Api,
                answer,
            });
        }
        match reply {
            Ok(_) => Ok(()),
            Err(_) if is_late => Err(late()),
            Err(error) => Err(refused(error)),
        }
    }

    fn fail(&self, id: Snowflake, failure: String) {
        if let Some(begun) = self.state().world.interactions.get_mut(&id) {
            begun.failure = Some(failure);
        }
    }
}

/// The answer to a PING, with the type of JSON: documented.
fn is_pong(answer: &Answered) -> bool {
    let kind = answer.headers.get(header::CONTENT_TYPE).and_then(|kind: &HeaderValue| kind.to_str().ok());
    let is_json = kind.is_some_and(|kind| kind.starts_with("application/json"));
    let body: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    is_json && body["type"] == 1
}

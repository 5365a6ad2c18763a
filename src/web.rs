//! HTTP for machines: health, metrics, and webhooks of forges.
//!
//! Decides what is asked for and who is believed; whatever follows from it is the controller's. A webhook is an order to look
//! again and nothing more, so nothing in it can change a guild. Answers at once: no request waits for Discord, git or a database.

mod interaction;
mod server;
mod webhook;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use secrecy::SecretString;
use serde_json::json;

use crate::controller::Front;
use crate::source::webhook::{Deliveries, Kind};
use crate::telemetry::Recorder;

pub use interaction::{Answer, Answers, key_of};
pub use server::{Bounds, serve};
pub use webhook::{LONGEST_BODY, PATIENCE};

/// The webhook of a source: who sends it, and what it is signed by.
#[derive(Clone, Debug)]
pub struct Hook {
    /// Who sends it.
    pub kind: Kind,
    /// What the sender proves itself by.
    pub secret: SecretString,
}

/// What is served.
#[derive(Clone)]
pub struct Web(Arc<Parts>);

struct Parts {
    front: Arc<dyn Front>,
    recorder: Recorder,
    /// Each with its messages of late: a number of one sender says nothing of another's.
    hooks: BTreeMap<String, (Hook, Deliveries)>,
    /// Who answers interactions, where Discord brings them by HTTP.
    answers: Option<Arc<dyn Answers>>,
}

impl fmt::Debug for Web {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Web").field("hooks", &self.0.hooks.keys()).finish_non_exhaustive()
    }
}

impl Web {
    /// Serves what `front` says and `recorder` measured. `hooks` are by the names of their sources; without any there is no
    /// webhook. `answers` answers interactions at `/interactions`.
    pub fn new(
        front: Arc<dyn Front>,
        recorder: Recorder,
        hooks: BTreeMap<String, Hook>,
        answers: Option<Arc<dyn Answers>>,
    ) -> Self {
        let hooks = hooks.into_iter().map(|(source, hook)| (source, (hook, Deliveries::default()))).collect();
        Self(Arc::new(Parts { front, recorder, hooks, answers }))
    }

    /// The routes.
    pub fn router(&self) -> Router {
        Router::new()
            .route("/healthz", get(health))
            .route("/livez", get(live))
            .route("/readyz", get(ready))
            .route("/metrics", get(metrics))
            .route("/webhooks/{source}", post(webhook::take))
            .route("/interactions", post(interaction::take))
            .with_state(self.clone())
    }
}

/// Everything that is known, for people; the status is that of readiness.
async fn health(State(Web(parts)): State<Web>) -> Response {
    let health = parts.front.health();
    let said = |part: &Result<(), String>| part.as_ref().err().cloned();
    let body = json!({
        "live": health.live.is_ok(), "not_live_because": said(&health.live),
        "ready": health.ready.is_ok(), "not_ready_because": said(&health.ready),
        "details": health.details,
    });
    let status = status_of(&health.live.and(health.ready));
    (status, [(header::CACHE_CONTROL, "no-store")], axum::Json(body)).into_response()
}

async fn live(State(Web(parts)): State<Web>) -> Response {
    answer(parts.front.health().live)
}

async fn ready(State(Web(parts)): State<Web>) -> Response {
    let health = parts.front.health();
    answer(health.live.and(health.ready))
}

fn answer(part: Result<(), String>) -> Response {
    let status = status_of(&part);
    let text = part.map_or_else(|why| format!("{why}\n"), |()| "ok\n".to_owned());
    (status, [(header::CACHE_CONTROL, "no-store")], text).into_response()
}

fn status_of(part: &Result<(), String>) -> StatusCode {
    if part.is_ok() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE }
}

async fn metrics(State(Web(parts)): State<Web>) -> Response {
    parts.recorder.keep_up();
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], parts.recorder.render()).into_response()
}

#[cfg(test)]
mod tests;

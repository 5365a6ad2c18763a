//! Webhooks: read within bounds, verified, heeded once, answered at once.

use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use secrecy::SecretString;

use crate::source::webhook::{Kind, verify};
use crate::telemetry::metrics::WEBHOOKS;

use super::Web;

/// Most bytes of a message. Forges send up to 25 MiB when thousands of commits are pushed at once; nothing in them is needed,
/// and then polling finds the new revision.
pub const LONGEST_BODY: usize = 3 << 20;

/// Longest time for a message to arrive.
pub const PATIENCE: Duration = Duration::from_secs(10);

/// Takes a message for a source.
pub(super) async fn take(
    State(Web(parts)): State<Web>,
    Path(source): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> (StatusCode, String) {
    let announced = headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<usize>().ok());
    if announced.is_some_and(|length| length > LONGEST_BODY) {
        return refused("too_large", StatusCode::PAYLOAD_TOO_LARGE, "the message is too large");
    }
    let body = match tokio::time::timeout(PATIENCE, to_bytes(body, LONGEST_BODY)).await {
        Ok(Ok(body)) => body,
        Ok(Err(error)) if is_too_large(&error) => {
            return refused("too_large", StatusCode::PAYLOAD_TOO_LARGE, "the message is too large");
        }
        Ok(Err(_)) => return refused("refused", StatusCode::BAD_REQUEST, "the message broke off"),
        Err(_) => return refused("refused", StatusCode::REQUEST_TIMEOUT, "the message took too long"),
    };
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let Some((hook, deliveries)) = parts.hooks.get(&source) else {
        // As much work as for a source that exists, so that the time of an answer tells nothing.
        let nobody = SecretString::from("nobody signs with this");
        drop(std::hint::black_box(verify(Kind::GitHub, &nobody, header, &body)));
        return refused("unknown", StatusCode::NOT_FOUND, "there is no such webhook");
    };
    let delivery = match verify(hook.kind, &hook.secret, header, &body) {
        Ok(delivery) => delivery,
        Err(rejected) => {
            tracing::warn!(source, why = %rejected, "a webhook was refused");
            return refused("refused", StatusCode::UNAUTHORIZED, &rejected.to_string());
        }
    };
    if delivery.is_ping {
        WEBHOOKS.count(&["ping"]);
        return (StatusCode::ACCEPTED, "heard\n".to_owned());
    }
    let is_new = deliveries.is_new(&delivery);
    if is_new {
        parts.front.look_again(&source, &delivery);
    }
    WEBHOOKS.count(&[if is_new { "accepted" } else { "repeated" }]);
    (StatusCode::ACCEPTED, "heard\n".to_owned())
}

fn refused(result: &str, status: StatusCode, why: &str) -> (StatusCode, String) {
    WEBHOOKS.count(&[result]);
    (status, format!("{why}\n"))
}

/// True when a body went on beyond its bound.
fn is_too_large(error: &axum::Error) -> bool {
    let mut cause: Option<&dyn std::error::Error> = Some(error);
    while let Some(error) = cause {
        if error.to_string().contains("length limit exceeded") {
            return true;
        }
        cause = error.source();
    }
    false
}

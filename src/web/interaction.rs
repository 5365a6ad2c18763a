//! Interactions that Discord brings by HTTP: verified, answered within the three seconds Discord waits.
//!
//! Whoever signs with the application's key is Discord; nobody else is answered with more than a refusal, and Discord tries
//! that out now and then (its documentation, "Receiving and Responding to Interactions").

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use ring::signature::{ED25519, UnparsedPublicKey};
use serde_json::Value;

use crate::source::webhook::from_hex;

use super::Web;

/// Most bytes of an interaction. One with all its resolved users, roles and channels has some tens of kilobytes.
const LONGEST_BODY: usize = 1 << 20;

/// Longest time for one to arrive.
const PATIENCE: Duration = Duration::from_secs(2);

/// What is said at once, and what is done afterwards.
pub type Answer = (Value, Option<Pin<Box<dyn Future<Output = ()> + Send>>>);

/// Somebody who answers interactions.
#[async_trait::async_trait]
pub trait Answers: Send + Sync {
    /// The key of the application that Discord signs with: 32 bytes. None while nobody knows it.
    async fn key(&self) -> Option<[u8; 32]>;

    /// The first answer to what Discord told; none when there is none.
    async fn hear(&self, told: Value) -> Option<Answer>;
}

/// Takes an interaction.
pub(super) async fn take(State(Web(parts)): State<Web>, headers: HeaderMap, body: Body) -> Response {
    let Some(answers) = parts.answers.clone() else { return StatusCode::NOT_FOUND.into_response() };
    let body = match tokio::time::timeout(PATIENCE, to_bytes(body, LONGEST_BODY)).await {
        Ok(Ok(body)) => body,
        Ok(Err(_)) => return StatusCode::BAD_REQUEST.into_response(),
        Err(_) => return StatusCode::REQUEST_TIMEOUT.into_response(),
    };
    let Some(key) = answers.key().await else { return StatusCode::SERVICE_UNAVAILABLE.into_response() };
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let signed = header("x-signature-ed25519").zip(header("x-signature-timestamp"));
    if !signed.is_some_and(|(signature, timestamp)| is_signed(&key, signature, timestamp, &body)) {
        return (StatusCode::UNAUTHORIZED, "the signature is not that of this application\n").into_response();
    }
    let Ok(told) = serde_json::from_slice(&body) else { return StatusCode::BAD_REQUEST.into_response() };
    let Some((first, then)) = answers.hear(told).await else { return StatusCode::BAD_REQUEST.into_response() };
    if let Some(then) = then {
        tokio::spawn(then);
    }
    ([(header::CACHE_CONTROL, "no-store")], axum::Json(first)).into_response()
}

/// True when `signature`, in hexadecimal digits, is that of `key` for the time and the body.
fn is_signed(key: &[u8; 32], signature: &str, timestamp: &str, body: &[u8]) -> bool {
    let Some(signature) = from_hex(signature) else { return false };
    let message = [timestamp.as_bytes(), body].concat();
    UnparsedPublicKey::new(&ED25519, key).verify(&message, &signature).is_ok()
}

/// The key that 64 hexadecimal digits stand for, as Discord writes it (`verify_key` of an application).
pub fn key_of(digits: &str) -> Option<[u8; 32]> {
    from_hex(digits)?.try_into().ok()
}

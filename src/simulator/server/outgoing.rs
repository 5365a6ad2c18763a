//! What goes on the wire.

use std::fmt::Display;
use std::io;

use axum::body::Body;
use axum::http::{HeaderName, HeaderValue, Response, StatusCode, header};
use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};
use futures_util::stream;
use serde_json::{Value, json};

use crate::simulator::limits::{BucketState, Limited, Scope};
use crate::simulator::rest::{ApiError, Reply};

const CLOUDFLARE_PAGE: &str = "<!DOCTYPE html>\n<html><head><title>Access denied | discord.com used Cloudflare to \
    restrict access</title></head><body><h1>Error 1015</h1><p>You are being rate limited</p></body></html>\n";

/// An answer, or none.
pub(super) enum Outgoing {
    /// From the API itself.
    Api { status: u16, headers: Vec<(HeaderName, String)>, body: Bytes },
    /// From what stands in front of it: a page without `Via`.
    Cloudflare,
    /// The connection breaks.
    Lost,
}

impl Outgoing {
    pub(super) fn reply(reply: &Reply) -> Self {
        Self::Api {
            status: reply.status,
            headers: Vec::new(),
            body: reply.body.as_ref().map(to_bytes).unwrap_or_default(),
        }
    }

    pub(super) fn stale(body: Bytes) -> Self {
        Self::Api { status: 200, headers: Vec::new(), body }
    }

    pub(super) fn refusal(error: &ApiError) -> Self {
        Self::Api { status: error.status, headers: Vec::new(), body: to_bytes(&error.body()) }
    }

    pub(super) fn failure(status: u16) -> Self {
        let reason = StatusCode::from_u16(status).ok().and_then(|s| s.canonical_reason()).unwrap_or("Server Error");
        Self::refusal(&ApiError::new(status, 0, &format!("{status}: {reason}")))
    }

    pub(super) fn limited(limited: &Limited) -> Self {
        let wait = seconds(limited.wait);
        let global = limited.scope == Scope::Global;
        let body = json!({"message": "You are being rate limited.", "retry_after": wait, "global": global});
        let mut headers = vec![
            (header::RETRY_AFTER, format!("{:.0}", wait.ceil())),
            (HeaderName::from_static("x-ratelimit-scope"), limited.scope.word().to_owned()),
        ];
        if global {
            headers.push((HeaderName::from_static("x-ratelimit-global"), "true".to_owned()));
        }
        Self::Api { status: 429, headers, body: to_bytes(&body) }
    }

    /// Adds what is known about the bucket.
    pub(super) fn with_bucket(mut self, bucket: Option<&BucketState>, now: DateTime<Utc>) -> Self {
        if let (Self::Api { headers, .. }, Some(bucket)) = (&mut self, bucket) {
            let BucketState { hash, limit, remaining, reset } = bucket;
            let mut add = |name, value: &dyn Display| headers.push((HeaderName::from_static(name), value.to_string()));
            add("x-ratelimit-limit", limit);
            add("x-ratelimit-remaining", remaining);
            add("x-ratelimit-reset", &format!("{:.3}", seconds(*reset - DateTime::UNIX_EPOCH)));
            add("x-ratelimit-reset-after", &format!("{:.3}", seconds(*reset - now)));
            add("x-ratelimit-bucket", hash);
        }
        self
    }

    /// Status and body for the log; 0 is no answer.
    pub(super) fn logged(&self) -> (u16, Bytes) {
        match self {
            Self::Api { status, body, .. } => (*status, body.clone()),
            Self::Cloudflare => (429, Bytes::from_static(CLOUDFLARE_PAGE.as_bytes())),
            Self::Lost => (0, Bytes::new()),
        }
    }

    pub(super) fn into_response(self) -> Response<Body> {
        match self {
            Self::Api { status, headers, body } => api_response(status, headers, body),
            Self::Cloudflare => {
                let mut response = Response::new(Body::from(CLOUDFLARE_PAGE));
                *response.status_mut() = StatusCode::TOO_MANY_REQUESTS;
                response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html"));
                response
            }
            // A body that fails at once: over a socket the connection closes, in process reading it fails.
            Self::Lost => Response::new(Body::from_stream(stream::iter([Err::<Bytes, _>(io::Error::from(
                io::ErrorKind::ConnectionReset,
            ))]))),
        }
    }
}

fn api_response(status: u16, headers: Vec<(HeaderName, String)>, body: Bytes) -> Response<Body> {
    let empty = body.is_empty();
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let map = response.headers_mut();
    map.insert(header::VIA, HeaderValue::from_static("1.1 google"));
    if !empty {
        map.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    }
    map.extend(headers.into_iter().filter_map(|(name, text)| Some((name, HeaderValue::from_str(&text).ok()?))));
    response
}

fn to_bytes(value: &Value) -> Bytes {
    serde_json::to_vec(value).unwrap_or_default().into()
}

/// Seconds, to the millisecond above, so that who waits so long has waited long enough.
fn seconds(time: TimeDelta) -> f64 {
    let nanos = time.num_nanoseconds().unwrap_or(i64::MAX);
    let millis = nanos / 1_000_000 + i64::from(nanos % 1_000_000 > 0);
    millis as f64 / 1000.0
}

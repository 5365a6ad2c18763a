//! What of a request to Discord is traced: OpenTelemetry's attributes of HTTP clients, without anything that is sent.

use std::time::Duration;

use bytes::Bytes;
use tracing::{Span, debug_span, field::Empty};

use super::exchange::ExchangeError;

/// A request that is sent, by its route: method and path with every snowflake replaced.
pub(super) fn request(route: &str, attempt: u32, waited: Duration) -> Span {
    let (method, template) = route.split_once(' ').unwrap_or_default();
    debug_span!(
        "request",
        otel.name = route,
        otel.kind = "client",
        http.request.method = method,
        url.template = template,
        http.request.resend_count = i64::from(attempt.saturating_sub(1)),
        setai.waited_seconds = waited.as_secs_f64(),
        http.response.status_code = Empty,
        "error.type" = Empty,
        otel.status_code = Empty,
    )
}

/// What came back. Not every status that is no success is a fault of the program's, but each is one of the request's.
pub(super) fn answered(span: &Span, result: &Result<http::Response<Bytes>, ExchangeError>) {
    let failure = match result {
        Ok(answer) => {
            let status = answer.status();
            span.record("http.response.status_code", i64::from(status.as_u16()));
            (!status.is_success()).then(|| status.as_str().to_owned())
        }
        Err(ExchangeError::NotSent(_)) => Some("not_sent".to_owned()),
        Err(ExchangeError::Lost(_)) => Some("lost".to_owned()),
    };
    if let Some(failure) = failure {
        span.record("error.type", failure);
        span.record("otel.status_code", "error");
    }
}

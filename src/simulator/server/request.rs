//! What the headers and the body of a request say.

use axum::http::HeaderMap;
use bytes::Bytes;
use percent_encoding::percent_decode_str;
use serde_json::Value;

use crate::simulator::rest::{ApiError, FormErrors};

/// Longest audit-log reason, characters.
const LONGEST_REASON: usize = 512;

/// The path below the API's version; none when it is no API path.
pub(crate) fn below_version(path: &str) -> Option<&str> {
    let rest = path.strip_prefix("/api")?;
    let rest = rest.strip_prefix("/v10").unwrap_or(rest);
    (rest.is_empty() || rest.starts_with('/')).then_some(rest)
}

/// A path and its query, decoded.
pub(crate) fn split_query(path: &str) -> (&str, Vec<(String, String)>) {
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    (path, read_query(query))
}

/// The pairs of a query, decoded.
pub(crate) fn read_query(query: &str) -> Vec<(String, String)> {
    let decode = |text: &str| percent_decode_str(&text.replace('+', " ")).decode_utf8_lossy().into_owned();
    let pairs = query.split('&').filter(|pair| !pair.is_empty());
    pairs.map(|pair| pair.split_once('=').unwrap_or((pair, ""))).map(|(k, v)| (decode(k), decode(v))).collect()
}

/// True for `DiscordBot (url, version) anything`. Some libraries have a space where Discord's documentation has a comma.
pub(crate) fn is_agent_of_a_bot(agent: &str) -> bool {
    let inside = agent.strip_prefix("DiscordBot (").and_then(|rest| rest.split_once(')'));
    inside.is_some_and(|(inside, _)| inside.split([',', ' ']).filter(|part| !part.is_empty()).count() >= 2)
}

/// The token of `Authorization: Bot ...`.
pub(crate) fn bot_token(headers: &HeaderMap) -> Option<&str> {
    headers.get("authorization")?.to_str().ok()?.strip_prefix("Bot ")
}

/// The decoded audit-log reason. Longer than 512 characters, or raw characters beyond ASCII, are refused.
pub(crate) fn reason(headers: &HeaderMap) -> Result<Option<String>, ApiError> {
    let Some(value) = headers.get("x-audit-log-reason") else { return Ok(None) };
    let refuse = |code, message: &str| Err(FormErrors::single(&["X-Audit-Log-Reason"], code, message));
    let Ok(text) = value.to_str() else {
        return refuse("STRING_TYPE_CONVERT", "Must be URL-encoded UTF-8.");
    };
    let decoded = percent_decode_str(text).decode_utf8_lossy().into_owned();
    if decoded.chars().count() > LONGEST_REASON {
        return refuse("BASE_TYPE_BAD_LENGTH", "Must be between 1 and 512 in length.");
    }
    Ok(Some(decoded).filter(|reason| !reason.is_empty()))
}

/// The JSON body; an empty one is none.
pub(crate) fn json_body(headers: &HeaderMap, body: &Bytes) -> Result<Option<Value>, ApiError> {
    if body.is_empty() {
        return Ok(None);
    }
    let kind = headers.get("content-type").and_then(|value| value.to_str().ok()).unwrap_or_default();
    if !kind.starts_with("application/json") {
        let message = "Expected \"Content-Type\" header to be one of {'application/json'}.";
        return Err(ApiError::new(400, 50_035, message));
    }
    serde_json::from_slice(body).map(Some).map_err(|_| ApiError::invalid_json())
}

//! What the headers and the body of a request say.

use axum::http::HeaderMap;
use bytes::Bytes;
use percent_encoding::percent_decode_str;
use serde_json::{Map, Value};

use crate::simulator::rest::{ApiError, FormErrors, LARGEST_FILE, Upload, file_number};

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

/// What a request brings.
#[derive(Debug, Default)]
pub(crate) struct Body {
    /// JSON; an empty body is none.
    pub(crate) json: Option<Value>,
    /// Files of a multipart form.
    pub(crate) files: Vec<Upload>,
}

/// The body of a request: JSON, or a form of JSON and files.
pub(crate) async fn body(headers: &HeaderMap, path: Option<&str>, raw: Option<&Bytes>) -> Result<Body, ApiError> {
    let raw = raw.ok_or_else(ApiError::too_large)?;
    if raw.is_empty() {
        return Ok(Body::default());
    }
    let kind = headers.get("content-type").and_then(|value| value.to_str().ok()).unwrap_or_default();
    if kind.starts_with("application/json") {
        let json = serde_json::from_slice(raw).map(Some).map_err(|_| ApiError::invalid_json())?;
        return Ok(Body { json, files: Vec::new() });
    }
    match multer::parse_boundary(kind) {
        Ok(boundary) if path.is_some_and(takes_files) => multipart(raw, boundary).await,
        _ => {
            let message = "Expected \"Content-Type\" header to be one of {'application/json'}.";
            Err(ApiError::new(400, 50_035, message))
        }
    }
}

/// Requests that can bring files: messages, and answers to interactions.
fn takes_files(path: &str) -> bool {
    match path.split('/').skip(1).collect::<Vec<_>>().as_slice() {
        ["channels", _, "messages", ..] | ["webhooks", ..] => true,
        ["interactions", _, _, last] => *last == "callback",
        _ => false,
    }
}

/// A form: the JSON part `payload_json`, or plain fields in its place, and files under `files[n]`.
async fn multipart(raw: &Bytes, boundary: String) -> Result<Body, ApiError> {
    let unreadable = |_| FormErrors::single(&[], "MULTIPART_INVALID", "Could not parse the multipart form.");
    let stream = futures_util::stream::iter([Ok::<_, std::convert::Infallible>(raw.clone())]);
    let mut form = multer::Multipart::new(stream, boundary);
    let mut body = Body::default();
    while let Some(field) = form.next_field().await.map_err(unreadable)? {
        let name = field.name().unwrap_or_default().to_owned();
        let filename = field.file_name().map(str::to_owned);
        let content_type = field.content_type().map(ToString::to_string);
        let bytes = field.bytes().await.map_err(unreadable)?;
        match (file_number(&name), filename) {
            (Some(number), Some(filename)) => {
                if bytes.len() > LARGEST_FILE {
                    return Err(ApiError::too_large());
                }
                if body.files.iter().any(|file| file.number == number) {
                    return Err(FormErrors::single(&[&name], "MULTIPART_INVALID", "File fields must differ."));
                }
                body.files.push(Upload { number, filename, content_type, bytes });
            }
            (Some(_), None) => {
                return Err(FormErrors::single(&[&name], "MULTIPART_INVALID", "A file needs a filename."));
            }
            (None, _) if name == "payload_json" => {
                body.json = Some(serde_json::from_slice(&bytes).map_err(|_| ApiError::invalid_json())?);
            }
            (None, Some(_)) => {
                return Err(FormErrors::single(&[&name], "MULTIPART_INVALID", "Files are in fields named files[n]."));
            }
            (None, None) => {
                let text = String::from_utf8_lossy(&bytes).into_owned();
                let value = text.parse::<bool>().map_or(Value::String(text), Value::Bool);
                body.json.get_or_insert_with(|| Value::Object(Map::new()))[&name] = value;
            }
        }
    }
    Ok(body)
}

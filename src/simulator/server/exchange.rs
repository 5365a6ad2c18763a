//! One request, one answer: the order in which a request meets the parts of the simulator.

use axum::body::Body;
use axum::http::request::Parts;
use axum::http::{HeaderValue, Response, StatusCode, header};
use bytes::Bytes;
use serde_json::{Value, json};

use super::request;
use crate::simulator::log::Record;
use crate::simulator::rest::{ApiError, Call, Reply, perform};
use crate::simulator::world::Snowflake;
use crate::simulator::{Simulator, State};

/// What is decided about a request before it is logged and sent.
struct Decision {
    result: Result<Reply, ApiError>,
    user_id: Option<Snowflake>,
    body: Option<Value>,
}

impl Simulator {
    pub(super) async fn exchange(&self, parts: Parts, body: Bytes) -> Response<Body> {
        let mut state = self.state();
        let number = state.log.number();
        let decision = self.decide(&mut state, &parts, &body);
        let (status, answer) = match &decision.result {
            Ok(reply) => (reply.status, reply.body.as_ref().map(to_bytes).unwrap_or_default()),
            Err(error) => (error.status, to_bytes(&error.body())),
        };
        state.log.push(Record {
            number,
            time: self.now(),
            method: parts.method.to_string(),
            path: parts.uri.path().to_owned(),
            query: parts.uri.query().unwrap_or_default().to_owned(),
            user_id: decision.user_id,
            reason: request::reason(&parts.headers).ok().flatten(),
            user_agent: text_header(&parts, header::USER_AGENT),
            body: decision.body.or_else(|| not_json(&body)),
            status,
            done: decision.result.is_ok(),
            answer: answer.clone(),
        });
        drop(state);
        answer_from_api(status, answer)
    }

    fn decide(&self, state: &mut State, parts: &Parts, body: &Bytes) -> Decision {
        let mut decision = Decision { result: Err(ApiError::not_found()), user_id: None, body: None };
        decision.result = self.answer(state, parts, body, &mut decision.user_id, &mut decision.body);
        decision
    }

    fn answer(
        &self,
        state: &mut State,
        parts: &Parts,
        body: &Bytes,
        user_id: &mut Option<Snowflake>,
        json: &mut Option<Value>,
    ) -> Result<Reply, ApiError> {
        let path = request::below_version(parts.uri.path()).ok_or_else(ApiError::not_found)?;
        if text_header(parts, header::USER_AGENT).is_none_or(|agent| agent.is_empty()) {
            return Err(ApiError::cloudflare_block());
        }
        if (parts.method.as_str(), path) == ("GET", "/gateway") {
            return Ok(Reply { status: 200, body: Some(json!({"url": gateway_url(parts)})) });
        }
        let token = request::bot_token(&parts.headers).ok_or_else(ApiError::unauthorized)?;
        let actor = state.world.user_by_token(token).ok_or_else(ApiError::unauthorized)?;
        *user_id = Some(actor);
        if (parts.method.as_str(), path) == ("GET", "/gateway/bot") {
            return Ok(gateway_bot(parts));
        }
        *json = request::json_body(&parts.headers, body)?;
        let reason = request::reason(&parts.headers)?;
        let query = request::read_query(parts.uri.query().unwrap_or_default());
        let call = Call {
            method: parts.method.as_str(),
            path,
            query: &query,
            body: json.as_ref(),
            reason: reason.as_deref(),
            actor,
            now: self.now(),
            switches: &self.0.switches,
        };
        perform(&mut state.world, &call)
    }
}

fn to_bytes(value: &Value) -> Bytes {
    serde_json::to_vec(value).unwrap_or_default().into()
}

fn not_json(body: &Bytes) -> Option<Value> {
    (!body.is_empty()).then(|| Value::String(String::from_utf8_lossy(body).into_owned()))
}

fn text_header(parts: &Parts, name: header::HeaderName) -> Option<String> {
    parts.headers.get(name).map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned())
}

fn gateway_url(parts: &Parts) -> String {
    format!("ws://{}", text_header(parts, header::HOST).unwrap_or_else(|| "localhost".to_owned()))
}

fn gateway_bot(parts: &Parts) -> Reply {
    let limit = json!({"total": 1000, "remaining": 1000, "reset_after": 0, "max_concurrency": 1});
    let body = json!({"url": gateway_url(parts), "shards": 1, "session_start_limit": limit});
    Reply { status: 200, body: Some(body) }
}

/// An answer that really comes from the API, not from what stands in front of it.
fn answer_from_api(status: u16, body: Bytes) -> Response<Body> {
    let empty = body.is_empty();
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    response.headers_mut().insert(header::VIA, HeaderValue::from_static("1.1 google"));
    if !empty {
        response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    }
    response
}

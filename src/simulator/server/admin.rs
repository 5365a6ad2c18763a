//! Routes for whoever runs the simulator; no bot would call them.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use crate::simulator::world::{World, WorldError};
use crate::simulator::{Act, Simulator};

/// `GET /_sim/requests`
pub(super) async fn requests(State(simulator): State<Simulator>) -> Json<Value> {
    Json(simulator.requests().iter().map(super::super::Record::to_json).collect())
}

/// `DELETE /_sim/requests`
pub(super) async fn forget_requests(State(simulator): State<Simulator>) -> StatusCode {
    simulator.forget_requests();
    StatusCode::NO_CONTENT
}

/// `GET /_sim/world`
pub(super) async fn world(State(simulator): State<Simulator>) -> Json<Value> {
    Json(serde_json::to_value(simulator.world()).unwrap_or_default())
}

/// `PUT /_sim/world`: YAML or JSON, complete or by hand.
pub(super) async fn replace_world(State(simulator): State<Simulator>, body: String) -> Response {
    match World::from_yaml(&body, simulator.now()) {
        Ok(world) => {
            simulator.with_world(|old| *old = world);
            StatusCode::NO_CONTENT.into_response()
        }
        Err(error) => refuse(&error),
    }
}

/// `POST /_sim/act`: the status and body the user would have got.
pub(super) async fn act(State(simulator): State<Simulator>, Json(act): Json<Act>) -> Response {
    let (status, body) = match simulator.act(&act) {
        Ok(reply) => (reply.status, reply.body),
        Err(error) => (error.status, Some(error.body())),
    };
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    body.map_or_else(|| status.into_response(), |body| (status, Json(body)).into_response())
}

fn refuse(error: &WorldError) -> Response {
    let source = std::error::Error::source(error).map(ToString::to_string);
    (StatusCode::BAD_REQUEST, Json(json!({"error": error.to_string(), "cause": source}))).into_response()
}

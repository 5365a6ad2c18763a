//! Routes for whoever runs the simulator; no bot would call them.

use std::error::Error;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use crate::simulator::faults::Faults;
use crate::simulator::gateway::GatewayOrder;
use crate::simulator::world::{Snowflake, World};
use crate::simulator::{Act, Record, Simulator, Use};

/// `GET /_sim/requests`
pub(super) async fn requests(State(simulator): State<Simulator>) -> Json<Value> {
    Json(simulator.requests().iter().map(Record::to_json).collect())
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

/// `PUT /_sim/faults`: replaces all rules, as YAML or JSON.
pub(super) async fn set_faults(State(simulator): State<Simulator>, body: String) -> Response {
    match serde_saphyr::from_str::<Faults>(&body) {
        Ok(faults) => {
            simulator.set_faults(faults);
            StatusCode::NO_CONTENT.into_response()
        }
        Err(error) => refuse(&error),
    }
}

/// `DELETE /_sim/faults`
pub(super) async fn clear_faults(State(simulator): State<Simulator>) -> StatusCode {
    simulator.set_faults(Faults::default());
    StatusCode::NO_CONTENT
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

/// `GET /_sim/gateway`: sessions, and everything that was said.
pub(super) async fn gateway(State(simulator): State<Simulator>) -> Json<Value> {
    Json(json!({"sessions": simulator.sessions(), "log": simulator.gateway_log()}))
}

/// `POST /_sim/gateway`: something happens to all connections or sessions, or to a guild as they see it.
pub(super) async fn order(State(simulator): State<Simulator>, Json(order): Json<GatewayOrder>) -> Response {
    match simulator.order(&order) {
        Ok(()) => StatusCode::NO_CONTENT.into_response(),
        Err(error) => refuse(&error),
    }
}

/// `DELETE /_sim/gateway`: empties the log.
pub(super) async fn forget_gateway(State(simulator): State<Simulator>) -> StatusCode {
    simulator.forget_gateway();
    StatusCode::NO_CONTENT
}

/// `POST /_sim/interactions`: somebody uses a command, a button or a form. The answer is what was begun, token included.
pub(super) async fn interact(State(simulator): State<Simulator>, Json(wish): Json<Use>) -> Response {
    match simulator.interact(&wish) {
        Ok(begun) => Json(json!(begun)).into_response(),
        Err(error) => refuse(&error),
    }
}

/// `GET /_sim/interactions/{interaction}`: what its user sees of it, and how that came about.
pub(super) async fn answers(State(simulator): State<Simulator>, Path(id): Path<Snowflake>) -> Response {
    let answers = simulator.answers(id);
    answers.map_or_else(|| StatusCode::NOT_FOUND.into_response(), |answers| Json(json!(answers)).into_response())
}

pub(super) fn refuse(error: &dyn Error) -> Response {
    let source = error.source().map(ToString::to_string);
    (StatusCode::BAD_REQUEST, Json(json!({"error": error.to_string(), "cause": source}))).into_response()
}

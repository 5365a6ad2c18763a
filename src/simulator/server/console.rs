//! Discord's client for people without one: `POST /_sim/use` says something as a member and gives what the member sees.

use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::json;

use super::admin::refuse;
use crate::simulator::client::{Ask, Wish, text_of};
use crate::simulator::{Act, Simulator};

/// Longest time anybody waits, seconds.
const LONGEST_WAIT: u64 = 600;

/// `POST /_sim/use`: the answer as text, and in a header which interaction it is of.
pub(super) async fn use_by_name(State(simulator): State<Simulator>, Json(ask): Json<Ask>) -> Response {
    let understood = simulator.with_world(|world| ask.understood(world));
    let wish = match understood {
        Ok(Wish::Use(wish)) => wish,
        Ok(Wish::Write { user, channel, content }) => {
            let path = format!("/channels/{channel}/messages");
            return match simulator.act(&Act::new(user, "POST", &path, json!({"content": content}))) {
                Ok(reply) => Json(reply.body).into_response(),
                Err(error) => refuse(&error),
            };
        }
        Err(error) => return refuse(&error),
    };
    let begun = match simulator.interact(&wish) {
        Ok(begun) => begun,
        Err(error) => return refuse(&error),
    };
    let patience = Duration::from_secs(ask.wait.min(LONGEST_WAIT));
    let answers = simulator.settled(begun.id, patience).await;
    let text = answers.map_or_else(String::new, |answers| text_of(&answers));
    (StatusCode::OK, [("x-interaction-id", begun.id.to_string())], text).into_response()
}

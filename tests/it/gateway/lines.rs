//! A gateway that says what a script has: one conversation for each connection, the last of them again and again.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::State;
use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// What is said or waited for on a connection.
#[derive(Clone, Debug)]
pub(super) enum Line {
    /// The connection is refused.
    Refuse,
    /// This is said.
    Say(Value),
    /// This is said, and is no JSON.
    Mumble(&'static str),
    /// Until something with this number is heard.
    Hear(u64),
    /// The connection is closed with this code.
    Close(u16),
    /// The connection breaks.
    Break,
    /// Until the other side closes it.
    Hold,
}

/// Discord greets.
pub(super) fn hello() -> Line {
    Line::Say(json!({"op": 10, "d": {"heartbeat_interval": 41_250}, "s": null, "t": null}))
}

/// Something happened.
pub(super) fn dispatch(sequence: u64, kind: &str, what: Value) -> Line {
    Line::Say(json!({"op": 0, "t": kind, "s": sequence, "d": what}))
}

/// A session begins; `url` is where it can be resumed.
pub(super) fn ready(url: &str) -> Line {
    let guilds = json!([{"id": "1146231231231231232", "unavailable": true}]);
    let me = json!({"id": "80351110224678912", "username": "setai"});
    dispatch(1, "READY", json!({"user": me, "guilds": guilds, "session_id": "abc", "resume_gateway_url": url}))
}

struct Script {
    conversations: Mutex<VecDeque<Vec<Line>>>,
    /// What was heard, without heartbeats.
    heard: Mutex<Vec<Value>>,
}

/// A gateway that follows a script.
pub(super) struct Gate {
    pub(super) url: String,
    script: Arc<Script>,
    server: JoinHandle<()>,
}

impl Gate {
    /// Opens a port; `conversations` is told under which address.
    pub(super) async fn open(conversations: impl FnOnce(&str) -> Vec<Vec<Line>>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("ws://{}", listener.local_addr().expect("an address"));
        let conversations = Mutex::new(conversations(&url).into());
        let script = Arc::new(Script { conversations, heard: Mutex::default() });
        let router = Router::new().fallback(any(connect)).with_state(Arc::clone(&script));
        let server = tokio::spawn(async move { axum::serve(listener, router).await.expect("it serves") });
        Self { url, script, server }
    }

    /// What was heard so far: numbers, and what was said with them.
    pub(super) fn heard(&self) -> Vec<Value> {
        self.script.heard.lock().expect("nobody panics").clone()
    }

    /// The numbers of what was heard.
    pub(super) fn numbers(&self) -> Vec<u64> {
        self.heard().iter().filter_map(|heard| heard["op"].as_u64()).collect()
    }
}

impl Drop for Gate {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn connect(State(script): State<Arc<Script>>, upgrade: WebSocketUpgrade) -> Response {
    let lines = {
        let mut conversations = script.conversations.lock().expect("nobody panics");
        let is_last = conversations.len() <= 1;
        if is_last { conversations.front().cloned() } else { conversations.pop_front() }.unwrap_or_default()
    };
    if matches!(lines.first(), Some(Line::Refuse)) {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    }
    upgrade.on_upgrade(move |socket| async move { _ = converse(socket, &lines, &script).await })
}

/// Goes through the lines; nothing when the other side has gone.
async fn converse(mut socket: WebSocket, lines: &[Line], script: &Script) -> Option<()> {
    for line in lines {
        match line {
            Line::Refuse => {}
            Line::Say(value) => socket.send(Message::text(value.to_string())).await.ok()?,
            Line::Mumble(text) => socket.send(Message::text(*text)).await.ok()?,
            Line::Hear(number) => while next(&mut socket, script).await? != *number {},
            Line::Close(code) => {
                let close = CloseFrame { code: *code, reason: "as the script has it".into() };
                socket.send(Message::Close(Some(close))).await.ok()?;
                return Some(());
            }
            Line::Break => return Some(()),
            Line::Hold => while next(&mut socket, script).await.is_some() {},
        }
    }
    while next(&mut socket, script).await.is_some() {}
    Some(())
}

/// The number of the next thing that is heard.
async fn next(socket: &mut WebSocket, script: &Script) -> Option<u64> {
    loop {
        if let Message::Text(text) = socket.recv().await?.ok()? {
            let value: Value = serde_json::from_str(&text).expect("JSON");
            let number = value["op"].as_u64().expect("a number");
            if number == 1 {
                socket.send(Message::text(json!({"op": 11}).to_string())).await.ok()?;
            } else {
                script.heard.lock().expect("nobody panics").push(value);
            }
            return Some(number);
        }
    }
}

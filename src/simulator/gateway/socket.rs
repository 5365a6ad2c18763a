//! Websockets: carries payloads between clients and the [`Gateway`](super::Gateway), and watches the clock for both.

use axum::extract::FromRequestParts;
use axum::extract::ws::{CloseFrame, Message, Utf8Bytes, WebSocket, WebSocketUpgrade};
use axum::http::request::Parts;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use super::close::Close;
use super::line::{Line, Wire};
use super::log::Traffic;
use super::packer::{Packer, Transport};
use crate::simulator::Simulator;
use crate::simulator::server::read_query;

/// The version of the Gateway that is simulated.
const VERSION: &str = "10";

/// Whether a request wants a websocket where there is one.
pub(in crate::simulator) fn is_asked_for(parts: &Parts) -> bool {
    let upgrade = parts.headers.get(header::UPGRADE).and_then(|value| value.to_str().ok());
    upgrade.is_some_and(|value| value.eq_ignore_ascii_case("websocket"))
        && matches!(parts.uri.path(), "" | "/" | "/gateway" | "/gateway/")
}

/// Opens a websocket, or says why not.
pub(in crate::simulator) async fn open(simulator: Simulator, mut parts: Parts) -> Response {
    let upgrade = match WebSocketUpgrade::from_request_parts(&mut parts, &()).await {
        Ok(upgrade) => upgrade,
        Err(rejection) => return rejection.into_response(),
    };
    let query = parts.uri.query().unwrap_or_default().to_owned();
    let wishes = match Wishes::read(&query) {
        Ok(wishes) => wishes,
        Err(refusal) => return (StatusCode::BAD_REQUEST, refusal).into_response(),
    };
    let host = parts.headers.get(header::HOST).and_then(|value| value.to_str().ok()).unwrap_or("localhost");
    let url = format!("ws://{host}");
    upgrade.on_upgrade(move |socket| Attendant { simulator, socket, id: 0 }.attend(wishes, url, query))
}

/// What a client put into the address.
struct Wishes {
    version_is_known: bool,
    packer: Packer,
}

impl Wishes {
    fn read(query: &str) -> Result<Self, String> {
        let pairs = read_query(query);
        let value = |key: &str| pairs.iter().rev().find(|(k, _)| k == key).map(|(_, v)| v.as_str());
        match value("encoding") {
            None | Some("json") => {}
            Some(other) => return Err(format!("this Gateway speaks `encoding=json`, not `{other}`")),
        }
        let transport = match value("compress") {
            None => Transport::Plain,
            Some("zlib-stream") => Transport::Zlib,
            Some("zstd-stream") => Transport::Zstd,
            Some(other) => return Err(format!("`compress` is `zlib-stream` or `zstd-stream`, not `{other}`")),
        };
        let packer = Packer::new(transport).map_err(|error| error.to_string())?;
        Ok(Self { version_is_known: value("v") == Some(VERSION), packer })
    }
}

/// The task of one connection.
struct Attendant {
    simulator: Simulator,
    socket: WebSocket,
    id: u64,
}

/// How a connection ends.
enum End {
    /// The simulator closes it, for a reason.
    Close(Close),
    /// The client closed it.
    Left(Option<u16>),
    /// It breaks, or broke.
    Break,
}

impl Attendant {
    async fn attend(mut self, wishes: Wishes, url: String, query: String) {
        let Wishes { version_is_known, mut packer } = wishes;
        let (wire, mut orders) = unbounded_channel();
        self.id = self.simulator.with_gateway(|gateway, scene| {
            let id = gateway.lines.open(Line::new(wire, url, scene.now), &query, scene.now);
            if version_is_known {
                gateway.greet(id, scene);
            } else {
                gateway.close(id, Close::BAD_VERSION, scene.now);
            }
            id
        });
        let end = self.talk(&mut packer, &mut orders).await;
        let (id, simulator) = (self.id, self.simulator.clone());
        match end {
            End::Close(close) => self.say_goodbye(close).await,
            End::Left(code) => {
                simulator.with_gateway(|gateway, scene| gateway.leave(id, Traffic::Left { code }, scene.now));
            }
            End::Break => simulator.with_gateway(|gateway, scene| gateway.leave(id, Traffic::Broken, scene.now)),
        }
    }

    async fn talk(&mut self, packer: &mut Packer, orders: &mut UnboundedReceiver<Wire>) -> End {
        let clock = self.simulator.clock().clone();
        let id = self.id;
        loop {
            let due = self.simulator.with_gateway(|gateway, _| gateway.next_due(id));
            let wait = async {
                match due {
                    Some(due) => clock.reach(due).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                biased;
                order = orders.recv() => match order {
                    Some(Wire::Send(text)) => {
                        let Ok(message) = packer.pack(text) else { return End::Break };
                        if self.socket.send(message).await.is_err() {
                            return End::Break;
                        }
                    }
                    Some(Wire::PackPayloads) => packer.pack_payloads(),
                    Some(Wire::Look) => {}
                    Some(Wire::Close(close)) => return End::Close(close),
                    Some(Wire::Break) | None => return End::Break,
                },
                message = self.socket.recv() => match message {
                    Some(Ok(Message::Text(text))) => {
                        self.simulator.with_gateway(|gateway, scene| gateway.hear(id, &text, scene));
                    }
                    Some(Ok(Message::Binary(_))) => {
                        self.simulator.with_gateway(|gateway, scene| gateway.close(id, Close::DECODE, scene.now));
                    }
                    Some(Ok(Message::Close(frame))) => return End::Left(frame.map(|frame| frame.code)),
                    Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                    Some(Err(_)) | None => return End::Break,
                },
                () = wait => self.simulator.with_gateway(|gateway, scene| gateway.tick(id, scene)),
            }
        }
    }

    /// Closes the connection, and lets the client answer: a socket that is dropped with something unread in it takes the
    /// close code with it.
    async fn say_goodbye(&mut self, close: Close) {
        let frame = CloseFrame { code: close.code, reason: Utf8Bytes::from_static(close.reason) };
        if self.socket.send(Message::Close(Some(frame))).await.is_ok() {
            while let Some(Ok(_)) = self.socket.recv().await {}
        }
    }
}

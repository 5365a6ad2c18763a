//! A websocket client that knows nothing: it sends what it is told to, and says what came.

use std::io::Write;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use setai::simulator::world::Snowflake;
use tokio::net::TcpStream;
use tokio_websockets::{ClientBuilder, CloseCode, MaybeTlsStream, Message, WebSocketStream};

use crate::support::harness::{Harness, Served};

/// Guilds, their moderation and their members: enough for most tests, and none is privileged.
pub(crate) const INTENTS: u64 = 1 | 1 << 2;
/// Longest time for something to arrive from this machine: whoever waits longer waits in vain.
const PATIENCE: Duration = Duration::from_secs(30);

/// What came.
#[derive(Debug, PartialEq)]
pub(crate) enum Heard {
    /// A payload.
    Payload(Value),
    /// The connection was closed with this code.
    Closed(u16),
    /// It broke.
    Broken,
}

/// How a connection's binary messages are read.
pub(crate) enum Unpack {
    Nothing,
    /// Each by itself.
    Each,
    /// As one zlib stream.
    Zlib(flate2::write::ZlibDecoder<Vec<u8>>),
    /// As one zstd stream.
    Zstd(zstd::stream::write::Decoder<'static, Vec<u8>>),
}

/// One connection.
pub(crate) struct Client {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    pub(crate) unpack: Unpack,
    /// How many messages came packed.
    pub(crate) packed: usize,
}

impl Client {
    /// Connects, with this query.
    pub(crate) async fn connect(served: &Served, query: &str) -> Self {
        let uri = format!("ws://{}/?{query}", served.address);
        let (socket, _) = ClientBuilder::new().uri(&uri).expect("an address").connect().await.expect("connects");
        let unpack = match query.rsplit_once("compress=").map(|(_, how)| how) {
            Some("zlib-stream") => Unpack::Zlib(flate2::write::ZlibDecoder::new(Vec::new())),
            Some("zstd-stream") => Unpack::Zstd(zstd::stream::write::Decoder::new(Vec::new()).expect("a decoder")),
            _ => Unpack::Nothing,
        };
        Self { socket, unpack, packed: 0 }
    }

    /// Connects and hears HELLO.
    pub(crate) async fn greeted(served: &Served) -> Self {
        let mut client = Self::connect(served, "v=10&encoding=json").await;
        let hello = client.payload().await;
        assert_eq!((&hello["op"], &hello["d"]["heartbeat_interval"]), (&json!(10), &json!(41_250)));
        assert_eq!((&hello["s"], &hello["t"]), (&Value::Null, &Value::Null));
        client
    }

    /// Connects and logs in; the rest of READY is the second.
    pub(crate) async fn ready(served: &Served, intents: u64) -> (Self, Value) {
        let mut client = Self::greeted(served).await;
        client.send(2, identify(intents)).await;
        let ready = client.event("READY").await;
        (client, ready)
    }

    /// Connects, logs in, and hears of the one guild there is.
    pub(crate) async fn in_guild(served: &Served, intents: u64) -> (Self, Value) {
        let (mut client, _) = Self::ready(served, intents).await;
        let guild = client.event("GUILD_CREATE").await;
        (client, guild)
    }

    /// Connects, logs in, and has heard of the one guild there is: READY, which says what the session is called.
    pub(crate) async fn in_session(served: &Served, intents: u64) -> (Self, Value) {
        let (mut client, ready) = Self::ready(served, intents).await;
        client.event("GUILD_CREATE").await;
        (client, ready)
    }

    /// Connects and asks to go on with a session.
    pub(crate) async fn resuming(served: &Served, session: &Value, sequence: u64) -> Self {
        let mut client = Self::greeted(served).await;
        client.send(6, json!({"token": "token", "session_id": session, "seq": sequence})).await;
        client
    }

    pub(crate) async fn send(&mut self, op: u64, data: Value) {
        self.send_text(&json!({"op": op, "d": data}).to_string()).await;
    }

    pub(crate) async fn send_text(&mut self, text: &str) {
        self.socket.send(Message::text(text.to_owned())).await.expect("sends");
    }

    pub(crate) async fn send_binary(&mut self, bytes: &[u8]) {
        self.socket.send(Message::binary(bytes.to_vec())).await.expect("sends");
    }

    /// Whatever comes next.
    pub(crate) async fn next(&mut self) -> Heard {
        let next = tokio::time::timeout(PATIENCE, self.socket.next()).await.expect("something comes");
        let Some(Ok(message)) = next else { return Heard::Broken };
        if let Some((code, _)) = message.as_close() {
            return Heard::Closed(code.into());
        }
        if let Some(text) = message.as_text() {
            return Heard::Payload(serde_json::from_str(text).expect("JSON"));
        }
        self.packed += 1;
        let bytes: &[u8] = message.as_payload();
        let text = match &mut self.unpack {
            Unpack::Nothing => panic!("nobody asked for packed payloads"),
            Unpack::Each => {
                let mut alone = flate2::write::ZlibDecoder::new(Vec::new());
                alone.write_all(bytes).expect("unpacks");
                alone.finish().expect("is whole")
            }
            Unpack::Zlib(stream) => {
                assert!(bytes.ends_with(&[0, 0, 0xff, 0xff]), "messages are flushed");
                stream.write_all(bytes).expect("unpacks");
                stream.flush().expect("unpacks");
                std::mem::take(stream.get_mut())
            }
            Unpack::Zstd(stream) => {
                stream.write_all(bytes).expect("unpacks");
                stream.flush().expect("unpacks");
                std::mem::take(stream.get_mut())
            }
        };
        Heard::Payload(serde_json::from_slice(&text).expect("one payload is one message"))
    }

    /// The next payload.
    pub(crate) async fn payload(&mut self) -> Value {
        match self.next().await {
            Heard::Payload(payload) => payload,
            other => panic!("no payload but {other:?}"),
        }
    }

    /// The next payload, which must be this event: its data.
    pub(crate) async fn event(&mut self, name: &str) -> Value {
        let payload = self.payload().await;
        assert_eq!((&payload["op"], &payload["t"]), (&json!(0), &json!(name)), "{payload:#}");
        payload["d"].clone()
    }

    /// The names of the next events.
    pub(crate) async fn events<const N: usize>(&mut self) -> [String; N] {
        let mut names = Vec::new();
        for _ in 0..N {
            names.push(self.payload().await["t"].as_str().expect("an event").to_owned());
        }
        names.try_into().expect("as many as were asked for")
    }

    /// The code the connection is closed with, whatever comes before.
    pub(crate) async fn closed(&mut self) -> u16 {
        loop {
            match self.next().await {
                Heard::Payload(_) => {}
                Heard::Closed(code) => return code,
                Heard::Broken => panic!("broken, not closed"),
            }
        }
    }

    /// Sends a heartbeat, and has its answer next: nothing else was on its way.
    pub(crate) async fn hears_nothing(&mut self) {
        self.send(1, Value::Null).await;
        let payload = self.payload().await;
        assert_eq!(payload, json!({"op": 11, "d": null, "s": null, "t": null}));
    }

    /// Closes the connection and lets the other side answer.
    pub(crate) async fn leave(mut self, code: u16) {
        let code = CloseCode::try_from(code).expect("a close code");
        self.socket.send(Message::close(Some(code), "")).await.expect("sends");
        while let Some(Ok(_)) = self.socket.next().await {}
    }
}

/// What logs a bot in.
pub(crate) fn identify(intents: u64) -> Value {
    let properties = json!({"os": "linux", "browser": "test", "device": "test"});
    json!({"token": "token", "intents": intents, "properties": properties})
}

/// A served harness, which most tests begin with.
pub(crate) async fn discord() -> (Harness, Served) {
    let discord = Harness::new();
    let served = discord.serve().await;
    (discord, served)
}

/// Waits until the simulator has noticed something a client did without an answer.
pub(crate) async fn until(condition: impl Fn() -> bool) {
    let wait = async {
        while !condition() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, wait).await.expect("noticed in time");
}

/// The channel with an id, in a list.
pub(crate) fn channel_in(guild: &Value, id: Snowflake) -> &Value {
    let channels = guild["channels"].as_array().expect("a list");
    channels.iter().find(|channel| channel["id"] == json!(id)).expect("the channel is listed")
}

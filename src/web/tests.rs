//! The routes, asked without a socket, and the bounds of the socket in front of them.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::http::Request;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tower::ServiceExt as _;

use crate::controller::Health;
use crate::source::webhook::Delivery;
use crate::telemetry::sign;
use crate::tls;

use super::server::converse;
use super::*;

/// A controller that says what it is told to, and remembers what it was asked.
struct Puppet {
    health: Mutex<Health>,
    asked: Mutex<Vec<String>>,
}

impl Front for Puppet {
    fn health(&self) -> Health {
        self.health.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn look_again(&self, source: &str, delivery: &Delivery) {
        let said = format!("{source} {}", delivery.reference.as_deref().unwrap_or("?"));
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).push(said);
    }
}

struct Stage {
    puppet: Arc<Puppet>,
    web: Web,
}

impl Stage {
    fn new() -> Self {
        let health = Health { live: Ok(()), ready: Ok(()), details: json!({ "guilds": 3 }) };
        let puppet = Arc::new(Puppet { health: Mutex::new(health), asked: Mutex::default() });
        let (_, recorder) = Recorder::local().expect("a recorder");
        let hook = Hook { kind: Kind::GitHub, secret: SecretString::from("s3cret") };
        let web = Web::new(puppet.clone(), recorder, BTreeMap::from([("community".to_owned(), hook)]), None);
        Self { puppet, web }
    }

    fn asked(&self) -> Vec<String> {
        self.puppet.asked.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn is(&self, live: Result<(), &str>, ready: Result<(), &str>) {
        let mut health = self.puppet.health.lock().unwrap_or_else(PoisonError::into_inner);
        health.live = live.map_err(str::to_owned);
        health.ready = ready.map_err(str::to_owned);
    }

    async fn send(&self, request: Request<Body>) -> (u16, String) {
        let answer = self.web.router().oneshot(request).await.expect("an answer");
        let status = answer.status().as_u16();
        let body = to_bytes(answer.into_body(), usize::MAX).await.expect("a body");
        (status, String::from_utf8_lossy(&body).into_owned())
    }

    async fn get(&self, path: &str) -> (u16, String) {
        self.send(Request::get(path).body(Body::empty()).expect("a request")).await
    }

    async fn push(&self, source: &str, headers: &[(&str, &str)], body: &str) -> u16 {
        let mut request = Request::post(format!("/webhooks/{source}"));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.send(request.body(Body::from(body.to_owned())).expect("a request")).await.0
    }
}

const PUSH: &str = r#"{"ref":"refs/heads/main"}"#;

fn signature(body: &str) -> String {
    sign(&SecretString::from("s3cret"), body.as_bytes())
}

#[tokio::test]
async fn life_and_readiness_are_told_apart() {
    let stage = Stage::new();
    for path in ["/livez", "/readyz", "/healthz"] {
        assert_eq!(stage.get(path).await.0, 200, "{path}");
    }
    stage.is(Ok(()), Err("the database is away"));
    assert_eq!(stage.get("/livez").await.0, 200, "starting it anew would not help");
    assert_eq!(stage.get("/readyz").await, (503, "the database is away\n".to_owned()));
    stage.is(Err("the loop has not come round for 5 minutes"), Ok(()));
    assert_eq!(stage.get("/livez").await.0, 503);
    assert_eq!(stage.get("/readyz").await.0, 503, "what does not live is not ready");
    let (status, body) = stage.get("/healthz").await;
    let body: serde_json::Value = serde_json::from_str(&body).expect("JSON");
    assert_eq!((status, &body["details"]["guilds"]), (503, &json!(3)));
    assert_eq!(body["not_live_because"], "the loop has not come round for 5 minutes");
}

#[tokio::test]
async fn measures_are_handed_out() {
    let stage = Stage::new();
    let (status, text) = stage.get("/metrics").await;
    assert_eq!(status, 200);
    assert!(text.contains("# TYPE setai_guilds_without_series gauge\n"), "{text}");
}

#[tokio::test]
async fn a_signed_push_is_an_order_to_look_again_once() {
    let stage = Stage::new();
    let signature = signature(PUSH);
    let headers = [("x-hub-signature-256", &*signature), ("x-github-delivery", "1"), ("x-github-event", "push")];
    assert_eq!(stage.push("community", &headers, PUSH).await, 202);
    assert_eq!(stage.push("community", &headers, PUSH).await, 202, "the sender need not know that it was heard before");
    assert_eq!(stage.asked(), ["community refs/heads/main"]);
    let ping = [("x-hub-signature-256", &*signature), ("x-github-delivery", "2"), ("x-github-event", "ping")];
    assert_eq!(stage.push("community", &ping, PUSH).await, 202);
    assert_eq!(stage.asked().len(), 1, "a ping changes nothing");
}

#[tokio::test]
async fn nobody_else_is_heeded() {
    let stage = Stage::new();
    let right = signature(PUSH);
    let wrong = signature("something else");
    assert_eq!(stage.push("community", &[], PUSH).await, 401);
    assert_eq!(stage.push("community", &[("x-hub-signature-256", &*wrong)], PUSH).await, 401);
    assert_eq!(stage.push("nobody", &[("x-hub-signature-256", &*right)], PUSH).await, 404);
    assert_eq!(stage.get("/webhooks/community").await.0, 405);
    assert_eq!(stage.get("/").await.0, 404);
    assert_eq!(stage.asked(), Vec::<String>::new());
}

#[tokio::test]
async fn a_message_that_is_too_large_is_not_read() {
    let stage = Stage::new();
    let large = "x".repeat(LONGEST_BODY + 1);
    let signed = signature(&large);
    assert_eq!(stage.push("community", &[("x-hub-signature-256", &*signed)], &large).await, 413, "without a length");
    assert_eq!(stage.push("community", &[("content-length", "99999999")], "").await, 413, "by its length");
    let most = "x".repeat(LONGEST_BODY);
    assert_eq!(stage.push("community", &[("x-hub-signature-256", &*signature(&most))], &most).await, 202);
}

#[tokio::test(start_paused = true)]
async fn a_message_that_does_not_end_is_given_up() {
    let stage = Stage::new();
    let endless = Body::from_stream(futures_util::stream::pending::<Result<bytes::Bytes, std::io::Error>>());
    let request = Request::post("/webhooks/community").body(endless).expect("a request");
    assert_eq!(stage.send(request).await.0, 408);
}

/// A server on a port of its own, until it is told to end.
struct Served {
    address: std::net::SocketAddr,
    end: tokio::sync::oneshot::Sender<()>,
    server: tokio::task::JoinHandle<()>,
}

impl Served {
    async fn of(stage: &Stage, bounds: Bounds) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let (end, ended) = tokio::sync::oneshot::channel::<()>();
        let web = stage.web.clone();
        let server = tokio::spawn(async move { serve(listener, &web, bounds, async { drop(ended.await) }).await });
        Self { address, end, server }
    }

    /// Connects and sends so much.
    async fn hears(&self, text: &str) -> TcpStream {
        let mut stream = TcpStream::connect(self.address).await.expect("a connection");
        stream.write_all(text.as_bytes()).await.expect("it is taken");
        stream
    }

    async fn ends(self) {
        self.end.send(()).expect("it runs");
        self.server.await.expect("a clean end");
    }
}

/// Everything that comes until the other side closes, however it does.
async fn rest(stream: &mut (impl AsyncRead + Unpin)) -> String {
    let mut bytes = Vec::new();
    drop(stream.read_to_end(&mut bytes).await);
    String::from_utf8_lossy(&bytes).into_owned()
}

/// So long that no test waits for it.
const FOREVER: Duration = Duration::from_hours(24);

fn patient(connections: usize) -> Bounds {
    Bounds { headers: FOREVER, request: FOREVER, connections, ..Bounds::default() }
}

const LIVE: &str = "GET /livez HTTP/1.1\r\nhost: setai\r\n\r\n";

#[tokio::test]
async fn a_server_answers_and_ends_when_it_is_told_to() {
    let stage = Stage::new();
    let served = Served::of(&stage, Bounds::default()).await;
    let client = tls::client().expect("certificates").no_proxy().build().expect("a client");
    for _ in 0..3 {
        let answer = client.get(format!("http://{}/livez", served.address)).send().await.expect("an answer");
        assert_eq!(answer.text().await.expect("a text"), "ok\n");
    }
    served.ends().await;
}

#[tokio::test]
async fn whoever_holds_every_connection_keeps_nobody_from_asking_after_health() {
    let stage = Stage::new();
    let served = Served::of(&stage, patient(3)).await;
    let mut silent = Vec::new();
    for text in ["", "GET /", "POST /webhooks/community HTTP/1.1\r\nhost: setai\r\ncontent-length: 9\r\n\r\nslow"] {
        silent.push(served.hears(text).await);
    }
    for _ in 0..5 {
        let answer = rest(&mut served.hears(LIVE).await).await;
        assert!(answer.starts_with("HTTP/1.1 200 ") && answer.ends_with("\r\n\r\nok\n"), "{answer}");
    }
    assert_eq!(rest(&mut silent[0]).await, "", "the one that was there longest made room");
    let _more = (served.hears("").await, served.hears("").await);
    assert_eq!(rest(&mut silent[1]).await, "", "and so does the next");
}

#[tokio::test(start_paused = true)]
async fn whoever_sends_a_byte_a_minute_is_not_waited_for() {
    let router = Stage::new().web.router();
    let bounds = Bounds { headers: Duration::from_secs(150), request: FOREVER, ..Bounds::default() };
    let (mut client, server) = tokio::io::duplex(1 << 10);
    let server = tokio::spawn(converse(server, router, bounds));
    let mut minutes = tokio::time::interval(Duration::from_mins(1));
    let mut sent = 0;
    for byte in LIVE.bytes() {
        minutes.tick().await;
        if client.write_all(&[byte]).await.is_err() {
            break;
        }
        sent += 1;
    }
    server.await.expect("no panic");
    assert_eq!((sent, rest(&mut client).await.as_str()), (3, ""), "one byte each at 0, 1 and 2 minutes, and no answer");
}

#[tokio::test(start_paused = true)]
async fn an_answer_nobody_takes_is_let_go() {
    let router = Stage::new().web.router();
    let bounds = Bounds { headers: FOREVER, ..Bounds::default() };
    let (mut client, server) = tokio::io::duplex(64);
    let server = tokio::spawn(converse(server, router, bounds));
    client.write_all(b"GET /metrics HTTP/1.1\r\nhost: setai\r\n\r\n").await.expect("it is taken");
    server.await.expect("it ends although nobody reads");
    let answer = rest(&mut client).await;
    assert!(answer.starts_with("HTTP/1.1 200 ") && answer.len() <= 64, "{answer}");
}

#[tokio::test]
async fn headers_that_are_too_large_or_too_many_are_refused() {
    let large = format!("GET /livez HTTP/1.1\r\nhost: setai\r\nx: {}", "x".repeat(Bounds::default().header_bytes));
    let many = format!("GET /livez HTTP/1.1\r\n{}\r\n", "x: y\r\n".repeat(100));
    for text in [large, many] {
        let (mut client, server) = tokio::io::duplex(1 << 20);
        client.write_all(text.as_bytes()).await.expect("it is taken");
        converse(server, Stage::new().web.router(), patient(1)).await;
        let answer = rest(&mut client).await;
        assert!(answer.starts_with("HTTP/1.1 431 "), "{answer}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_end_does_not_wait_for_somebody_slow() {
    let stage = Stage::new();
    let served = Served::of(&stage, Bounds { request: FOREVER, ..Bounds::default() }).await;
    let mut slow = served.hears("GET /live").await;
    served.ends().await;
    assert_eq!(rest(&mut slow).await, "");
}

//! Applications that are told of interactions by HTTP.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use ring::signature::{ED25519, UnparsedPublicKey};
use serde_json::{Value, json};
use setai::simulator::world::{Answer, Answers, Interaction};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use super::room::{Room, errors};
use crate::simulator_gateway::client::Client;

/// Longest time for a promise; nothing here waits for it.
const PATIENCE: Duration = Duration::from_secs(30);

/// How an endpoint behaves.
struct Manners {
    key: String,
    refuses_forgeries: bool,
    pong: Value,
    content_type: &'static str,
    /// Status and body for whatever is no PING.
    answer: Reaction,
    heard: Vec<Value>,
}

/// What it makes of what it is told.
type Reaction = Box<dyn Fn(&Value) -> (u16, Value) + Send>;
type Shared = Arc<Mutex<Manners>>;

/// An application's own server.
struct Endpoint {
    url: String,
    manners: Shared,
    server: JoinHandle<()>,
}

impl Drop for Endpoint {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Endpoint {
    /// One that behaves, of the room's bot.
    async fn of(room: &Room) -> Self {
        let key = room.discord.get("/applications/@me").await.ok()["verify_key"].as_str().expect("a key").to_owned();
        assert_eq!(key.len(), 64);
        let manners = Arc::new(Mutex::new(Manners {
            key,
            refuses_forgeries: true,
            pong: json!({"type": 1}),
            content_type: "application/json",
            answer: Box::new(|_| (200, json!({"type": 4, "data": {"content": "by HTTP"}}))),
            heard: Vec::new(),
        }));
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}/interactions", listener.local_addr().expect("an address"));
        let router = Router::new().route("/interactions", post(hear)).with_state(Arc::clone(&manners));
        let server = tokio::spawn(async move { axum::serve(listener, router).await.expect("serves") });
        Self { url, manners, server }
    }

    fn change(&self, change: impl FnOnce(&mut Manners)) {
        change(&mut self.manners.lock().expect("not poisoned"));
    }

    fn answers(&self, answer: impl Fn(&Value) -> (u16, Value) + Send + 'static) {
        self.change(|manners| manners.answer = Box::new(answer));
    }

    fn heard(&self) -> Vec<Value> {
        self.manners.lock().expect("not poisoned").heard.clone()
    }

    async fn set(&self, room: &Room) -> crate::support::harness::Answer {
        room.discord.patch("/applications/@me", json!({"interactions_endpoint_url": self.url})).await
    }
}

async fn hear(State(manners): State<Shared>, headers: HeaderMap, body: Bytes) -> Response {
    let mut manners = manners.lock().expect("not poisoned");
    if manners.refuses_forgeries && !is_signed(&manners.key, &headers, &body) {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    let told: Value = serde_json::from_slice(&body).expect("JSON");
    manners.heard.push(told.clone());
    let (status, answer) = if told["type"] == 1 { (200, manners.pong.clone()) } else { (manners.answer)(&told) };
    let status = StatusCode::from_u16(status).expect("a status");
    if answer.is_null() {
        return status.into_response();
    }
    (status, [(header::CONTENT_TYPE, manners.content_type)], answer.to_string()).into_response()
}

fn is_signed(key: &str, headers: &HeaderMap, body: &[u8]) -> bool {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let message = [text("x-signature-timestamp").as_bytes(), body].concat();
    let key = UnparsedPublicKey::new(&ED25519, bytes(key));
    key.verify(&message, &bytes(text("x-signature-ed25519"))).is_ok()
}

fn bytes(hexadecimal: &str) -> Vec<u8> {
    let digits: Vec<u8> =
        hexadecimal.bytes().map(|digit| (digit as char).to_digit(16).expect("a digit") as u8).collect();
    digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect()
}

async fn settled(room: &Room, begun: &Interaction) -> Answers {
    room.discord.simulator.settled(begun.id, PATIENCE).await.expect("it was begun")
}

#[tokio::test]
async fn only_an_endpoint_that_answers_pings_and_refuses_forgeries_can_be_set() {
    let room = Room::new();
    let endpoint = Endpoint::of(&room).await;
    let breaches: [&dyn Fn(&mut Manners); 3] =
        [&|manners| manners.refuses_forgeries = false, &|manners| manners.pong = json!({"type": 4}), &|manners| {
            manners.content_type = "text/plain";
        }];
    let refused = ["interactions_endpoint_url APPLICATION_INTERACTIONS_ENDPOINT_URL_INVALID"];
    for breach in breaches {
        let behaves = |manners: &mut Manners| {
            (manners.refuses_forgeries, manners.pong, manners.content_type) =
                (true, json!({"type": 1}), "application/json");
        };
        endpoint.change(breach);
        assert_eq!(errors(&endpoint.set(&room).await), refused);
        endpoint.change(behaves);
    }
    let nobody = json!({"interactions_endpoint_url": "http://127.0.0.1:1/"});
    assert_eq!(errors(&room.discord.patch("/applications/@me", nobody).await), refused);
    let no_address = json!({"interactions_endpoint_url": "interactions"});
    let said = room.discord.send_judged("PATCH", "/applications/@me", no_address, "token", None).await.0;
    assert_eq!(errors(&said), ["interactions_endpoint_url URL_TYPE_INVALID_URL"]);
    assert_eq!(room.discord.get("/applications/@me").await.ok()["interactions_endpoint_url"], Value::Null);
    assert_eq!(endpoint.set(&room).await.ok()["interactions_endpoint_url"], json!(endpoint.url));
    let cleared = room.discord.patch("/applications/@me", json!({"interactions_endpoint_url": null})).await.ok();
    assert_eq!(cleared["interactions_endpoint_url"], Value::Null);
}

#[tokio::test]
async fn an_interaction_goes_to_the_endpoint_alone_and_is_answered_in_place() {
    let room = Room::with_plan().await;
    let served = room.discord.serve().await;
    let (mut client, _) = Client::in_guild(&served, 1).await;
    let endpoint = Endpoint::of(&room).await;
    endpoint.set(&room).await.ok();
    let begun = room.plans();
    let answers = settled(&room, &begun).await;
    assert_eq!((answers.answer, answers.failure), (Answer::Message, None));
    assert_eq!(answers.original.expect("a message").content, "by HTTP");
    let told = endpoint.heard().pop().expect("it was told");
    assert_eq!((&told["id"], &told["token"], &told["type"]), (&json!(begun.id), &json!(begun.token), &json!(2)));
    assert!(told["member"]["permissions"].is_string() && told["app_permissions"].is_string());
    client.hears_nothing().await;
    let twice = room.tries(&begun, json!({"type": 4, "data": {"content": "again"}})).await;
    assert_eq!(twice.refusal(), (400, 40_060));
    room.follow("PATCH", &begun, "/messages/@original", json!({"content": "edited"})).await.ok();
    assert_eq!(room.contents(), ["edited"]);

    room.discord.patch("/applications/@me", json!({"interactions_endpoint_url": null})).await.ok();
    room.plans();
    client.event("INTERACTION_CREATE").await;
    assert_eq!(endpoint.heard().len(), 2, "a PING, and the first command");
    served.stop().await;
}

#[tokio::test]
async fn every_kind_of_answer_is_taken_from_an_endpoint() {
    let option = json!([{"type": 3, "name": "it", "description": "d", "autocomplete": true}]);
    let room = Room::with(json!([{"name": "plan", "description": "d", "options": option}])).await;
    let endpoint = Endpoint::of(&room).await;
    endpoint.set(&room).await.ok();
    let typing = json!({"name": "plan", "options": [{"name": "it", "value": "a", "focused": true}]});
    endpoint.answers(|_| (200, json!({"type": 8, "data": {"choices": [{"name": "a", "value": "a"}]}})));
    let typed = room.try_use(4, typing).expect("it is being typed");
    assert!(matches!(settled(&room, &typed).await.answer, Answer::Choices { choices } if choices.len() == 1));
    endpoint.answers(|_| (200, json!({"type": 5, "data": {"flags": 64}})));
    let promised = room.plans();
    let kept = async { room.discord.simulator.settled(promised.id, PATIENCE).await.expect("it was begun") };
    let keep = async {
        let promise = room.discord.simulator.settled(promised.id, Duration::ZERO);
        assert!(promise.await.is_some());
        room.follow("PATCH", &promised, "/messages/@original", json!({"content": "kept"})).await.ok();
    };
    let keep = async {
        while room.seen(&promised).answer == Answer::Nothing {
            tokio::task::yield_now().await;
        }
        keep.await;
    };
    let (answers, ()) = tokio::join!(kept, keep);
    assert_eq!(answers.original.expect("a message").content, "kept");
    let row = json!([{"type": 1, "components": [{"type": 2, "style": 1, "label": "Go", "custom_id": "go"}]}]);
    endpoint.answers(move |_| (200, json!({"type": 4, "data": {"content": "?", "components": row}})));
    let asked = settled(&room, &room.plans()).await.original.expect("a message");
    endpoint.answers(|_| (200, json!({"type": 7, "data": {"content": "!", "components": []}})));
    let pressed = room.press(room.ann, asked.id, json!({"custom_id": "go"})).expect("it is there");
    assert_eq!(settled(&room, &pressed).await.original.expect("a message").content, "!");
}

#[tokio::test]
async fn an_endpoint_may_call_back_instead() {
    let room = Room::with_plan().await;
    let endpoint = Endpoint::of(&room).await;
    endpoint.set(&room).await.ok();
    endpoint.answers(|_| (202, Value::Null));
    let begun = room.plans();
    room.says(&begun, json!({"content": "called back"})).await;
    assert_eq!(settled(&room, &begun).await.failure, None);
    assert_eq!(room.contents(), ["called back"]);
}

#[tokio::test]
async fn no_answer_and_a_wrong_one_are_none_and_the_reason_is_kept() {
    let room = Room::with_plan().await;
    let endpoint = Endpoint::of(&room).await;
    endpoint.set(&room).await.ok();
    let failure = async || {
        let begun = room.plans();
        assert_eq!(settled(&room, &begun).await.answer, Answer::Nothing);
        // Time may be over before it is known why.
        loop {
            if let Some(failure) = room.seen(&begun).failure {
                break failure;
            }
            tokio::task::yield_now().await;
        }
    };
    endpoint.answers(|_| (500, Value::Null));
    assert_eq!(failure().await, "the endpoint answered with status 500");
    endpoint.answers(|_| (200, json!({"type": 4, "data": {"content": "  "}})));
    assert!(failure().await.starts_with("the endpoint's answer was refused: {\"message\":\"Cannot send an empty"));
    endpoint.answers(|_| (200, json!("hello")));
    assert!(failure().await.starts_with("the endpoint's answer was refused: "));
    let clock = room.discord.clock.clone();
    endpoint.answers(move |_| {
        clock.advance(Duration::from_millis(3001));
        (200, json!({"type": 4, "data": {"content": "late"}}))
    });
    assert_eq!(failure().await, "the endpoint did not answer within 3 seconds");
    assert!(room.contents().is_empty());
    room.discord.forgive_all(&["body: \"hello\" is not valid under any of the schemas listed in the 'anyOf' keyword"]);
}

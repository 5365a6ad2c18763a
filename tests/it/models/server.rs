//! A server on loopback that speaks as providers do, says what it was told to say, and is strict about what it is asked.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, LazyLock, Mutex};

use serde::Deserialize;
use serde_json::{Value, json};
use setai::ai::models::Provider;
use setai::clock::Clock;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// The model everybody asks for.
pub(crate) const MODEL: &str = "model-1";

/// The key that is accepted.
pub(crate) const KEY: &str = "sk-hunter2-0123456789abcdef";

/// What the server does with a request.
#[derive(Clone, Debug)]
pub(crate) enum Act {
    /// Answers with this, as the provider wraps an answer.
    Say(Value),
    /// Answers with a text in the place of JSON, or beside the tool.
    Chat(&'static str),
    /// The answer stops in the middle.
    CutOff,
    /// It will not answer.
    Decline,
    /// A whole response by hand: status, headers, body.
    Raw(u16, Vec<(&'static str, String)>, String),
    /// An error as the provider writes it.
    Error(u16, Vec<(&'static str, String)>, &'static str),
    /// The connection ends in the middle of the response.
    Cut,
    /// Nothing comes, and so much time passes.
    Silence(Clock, std::time::Duration),
    /// An answer without end.
    Endless,
}

/// A request as it came.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: Value,
}

impl Asked {
    /// Our own rules.
    pub(crate) fn system(&self) -> &str {
        match self.body["system"].as_str() {
            Some(system) => system,
            None => self.body["messages"][0]["content"].as_str().expect("a system message"),
        }
    }

    /// Everything that was said in turns.
    pub(crate) fn turns(&self) -> Vec<(String, String)> {
        let messages = self.body["messages"].as_array().expect("messages");
        let text = |content: &Value| match content {
            Value::String(text) => text.clone(),
            blocks => match &blocks[0]["content"] {
                Value::String(text) => text.clone(),
                _ => blocks[0]["input"].to_string(),
            },
        };
        let said = messages
            .iter()
            .map(|message| (message["role"].as_str().expect("a role").to_owned(), text(&message["content"])));
        said.filter(|(role, _)| role != "system").collect()
    }

    /// The data of the last turn, which are one JSON document between marks.
    pub(crate) fn data(&self) -> Value {
        let turns = self.turns();
        let (role, text) = turns.last().expect("a turn");
        assert_eq!(role, "user");
        assert_eq!((text.matches("<data>").count(), text.matches("</data>").count()), (1, 1), "{text}");
        let (_, data) = text.split_once("<data>").expect("a mark");
        let (data, after) = data.split_once("</data>").expect("a mark");
        assert_eq!(after.trim(), "", "nothing follows the data");
        serde_json::from_str(data).expect("one JSON document")
    }
}

/// What the providers publish.
#[derive(Debug, Deserialize)]
struct Facts {
    openai: Value,
    anthropic: Value,
}

fn facts() -> &'static Facts {
    static FACTS: LazyLock<Facts> =
        LazyLock::new(|| serde_saphyr::from_str(include_str!("facts.yaml")).expect("facts"));
    &FACTS
}

#[derive(Default)]
struct State {
    script: VecDeque<Act>,
    last: Option<Act>,
    asked: Vec<Asked>,
    wrong: Vec<String>,
}

/// The server. Whatever was wrong with a request fails the test when it is asked for, or dropped.
pub(crate) struct Server {
    state: Arc<Mutex<State>>,
    pub(crate) provider: Provider,
    address: String,
    task: JoinHandle<()>,
}

impl Server {
    /// Does these things one after the other, the last one for ever.
    pub(crate) async fn of(provider: Provider, script: impl IntoIterator<Item = Act>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address").to_string();
        let state = Arc::new(Mutex::new(State { script: script.into_iter().collect(), ..State::default() }));
        let shared = Arc::clone(&state);
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, provider, Arc::clone(&shared)));
            }
        });
        Self { state, provider, address, task }
    }

    pub(crate) fn base_url(&self) -> String {
        match self.provider {
            Provider::OpenAi => format!("http://{}/v1", self.address),
            Provider::Anthropic => format!("http://{}", self.address),
        }
    }

    /// Every request so far.
    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.state.lock().expect("no panic").asked.clone()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
        if !std::thread::panicking() {
            let wrong = self.state.lock().expect("no panic").wrong.clone();
            assert!(wrong.is_empty(), "requests no provider takes: {wrong:?}");
        }
    }
}

async fn serve(mut stream: TcpStream, provider: Provider, state: Arc<Mutex<State>>) {
    while let Some((head, body)) = read(&mut stream).await {
        let act = {
            let mut state = state.lock().expect("no panic");
            let wrong = wrong_with(provider, &head, &body);
            state.wrong.extend(wrong);
            let headers = head.lines().skip(1).filter_map(|line| line.split_once(':'));
            let headers = headers.map(|(name, value)| (name.to_lowercase(), value.trim().to_owned())).collect();
            state.asked.push(Asked { headers, body: serde_json::from_slice(&body).unwrap_or_default() });
            let next = state.script.pop_front().or_else(|| state.last.clone()).expect("a script");
            state.last = Some(next.clone());
            next
        };
        let (status, headers, text) = match act {
            Act::Say(answer) => (200, Vec::new(), wrapped(provider, &Said::Answer(answer))),
            Act::Chat(text) => (200, Vec::new(), wrapped(provider, &Said::Chat(text))),
            Act::CutOff => (200, Vec::new(), wrapped(provider, &Said::CutOff)),
            Act::Decline => (200, Vec::new(), wrapped(provider, &Said::Declined)),
            Act::Raw(status, headers, body) => (status, headers, body),
            Act::Error(status, headers, message) => (status, headers, error(provider, status, message)),
            Act::Cut => {
                drop(stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 4000\r\n\r\n{\"id\":").await);
                return;
            }
            Act::Silence(clock, time) => {
                clock.advance(time);
                std::future::pending::<()>().await;
                return;
            }
            Act::Endless => {
                drop(stream.write_all(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n").await);
                let chunk = format!("4000\r\n{}\r\n", " ".repeat(0x4000));
                while stream.write_all(chunk.as_bytes()).await.is_ok() {}
                return;
            }
        };
        let mut response =
            format!("HTTP/1.1 {status} X\r\ncontent-type: application/json\r\ncontent-length: {}\r\n", text.len());
        headers.iter().for_each(|(name, value)| response += &format!("{name}: {value}\r\n"));
        response += "\r\n";
        response += &text;
        if stream.write_all(response.as_bytes()).await.is_err() {
            return;
        }
    }
}

/// A request: its head and its body.
async fn read(stream: &mut TcpStream) -> Option<(String, Vec<u8>)> {
    let mut bytes = Vec::new();
    let mut buffer = [0; 8192];
    loop {
        if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
            let length =
                head.lines().find_map(|line| line.to_lowercase().strip_prefix("content-length:").map(str::to_owned));
            let length: usize = length.and_then(|length| length.trim().parse().ok()).unwrap_or(0);
            if bytes.len() >= end + 4 + length {
                return Some((head, bytes[end + 4..end + 4 + length].to_vec()));
            }
        }
        match stream.read(&mut buffer).await {
            Ok(0) | Err(_) => return None,
            Ok(count) => bytes.extend_from_slice(&buffer[..count]),
        }
    }
}

enum Said<'s> {
    Answer(Value),
    Chat(&'s str),
    CutOff,
    Declined,
}

/// A response as the provider writes it.
fn wrapped(provider: Provider, said: &Said<'_>) -> String {
    let body = match provider {
        Provider::OpenAi => {
            let (finish, content, refusal) = match said {
                Said::Answer(answer) => ("stop", json!(answer.to_string()), Value::Null),
                Said::Chat(text) => ("stop", json!(text), Value::Null),
                Said::CutOff => ("length", json!("{\"edits\": [{\"edit\": \"ad"), Value::Null),
                Said::Declined => ("stop", Value::Null, json!("I cannot help with that.")),
            };
            json!({
                "id": "chatcmpl-1", "object": "chat.completion", "created": 1_700_000_000, "model": MODEL,
                "choices": [{
                    "index": 0, "finish_reason": finish, "logprobs": null,
                    "message": { "role": "assistant", "content": content, "refusal": refusal },
                }],
                "usage": { "prompt_tokens": 1000, "completion_tokens": 100, "total_tokens": 1100 },
            })
        }
        Provider::Anthropic => {
            let call = |input: Value| json!([{ "type": "tool_use", "id": "toolu_1", "name": "propose_edits", "input": input }]);
            let (stop, content) = match said {
                Said::Answer(answer) => ("tool_use", call(answer.clone())),
                Said::Chat(text) => ("end_turn", json!([{ "type": "text", "text": text }])),
                Said::CutOff => ("max_tokens", call(json!({}))),
                Said::Declined => ("refusal", json!([])),
            };
            json!({
                "id": "msg_1", "type": "message", "role": "assistant", "model": MODEL, "content": content,
                "stop_reason": stop, "stop_sequence": null,
                "usage": { "input_tokens": 900, "cache_creation_input_tokens": 0, "cache_read_input_tokens": 100, "output_tokens": 100 },
            })
        }
    };
    body.to_string()
}

fn error(provider: Provider, status: u16, message: &str) -> String {
    let kind = match status {
        401 => "authentication_error",
        403 => "permission_error",
        404 => "not_found_error",
        429 => "rate_limit_error",
        529 => "overloaded_error",
        400..=499 => "invalid_request_error",
        _ => "api_error",
    };
    let body = match provider {
        Provider::OpenAi => json!({ "error": { "message": message, "type": kind, "param": null, "code": null } }),
        Provider::Anthropic => json!({ "type": "error", "error": { "type": kind, "message": message } }),
    };
    body.to_string()
}

// ---- what a provider takes ----

fn wrong_with(provider: Provider, head: &str, body: &[u8]) -> Vec<String> {
    let Facts { openai, anthropic } = facts();
    let facts = if provider == Provider::OpenAi { openai } else { anthropic };
    let mut wrong = Vec::new();
    let mut must = |holds: bool, what: &str| {
        if !holds {
            wrong.push(what.to_owned());
        }
    };
    let line = head.lines().next().unwrap_or_default();
    must(line == format!("POST {} HTTP/1.1", facts["path"].as_str().expect("a path")), line);
    let header = |name: &str| {
        let found =
            head.lines().filter_map(|line| line.split_once(':')).find(|(found, _)| found.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.trim().to_owned())
    };
    must(header("content-type").as_deref() == Some("application/json"), "content-type");
    if provider == Provider::Anthropic {
        must(header("anthropic-version").as_deref() == facts["version"].as_str(), "anthropic-version");
        must(header("authorization").is_none(), "a key in the wrong header");
    }
    let Ok(body) = serde_json::from_slice::<Value>(body) else { return vec!["the body is not JSON".to_owned()] };
    let listed = |field: &str| -> Vec<String> { serde_json::from_value(facts[field].clone()).expect("a list") };
    let has_only = |value: &Value, fields: &[String]| {
        value.as_object().is_some_and(|object| object.keys().all(|key| fields.contains(key)))
    };
    let needed = listed("needed");
    must(needed.iter().all(|field| body.get(field).is_some()), "a field is missing");
    must(has_only(&body, &[needed, listed("optional")].concat()), "an unknown field");
    must(body["model"] == MODEL, "model");
    let messages = body["messages"].as_array().cloned().unwrap_or_default();
    let roles = listed("roles");
    for message in &messages {
        must(has_only(message, &listed("message")), "an unknown field of a message");
        must(message["role"].as_str().is_some_and(|role| roles.iter().any(|known| known == role)), "a role");
    }
    must(messages.last().is_some_and(|last| last["role"] == "user"), "the last turn is not ours");
    match provider {
        Provider::OpenAi => {
            must(messages.iter().all(|message| message["content"].is_string()), "content");
            let format = &body["response_format"];
            must(has_only(format, &listed("response_format")) && format["type"] == "json_schema", "response_format");
            let schema = &format["json_schema"];
            must(has_only(schema, &listed("json_schema")), "json_schema");
            let name = schema["name"].as_str().unwrap_or_default();
            let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
            must((1..=64).contains(&name.len()) && name.chars().all(is_name), "the name of the schema");
            must(schema["strict"].is_boolean() && is_schema(&schema["schema"]), "the schema");
            must(
                body.get("max_tokens").is_some() != body.get("max_completion_tokens").is_some(),
                "one limit of tokens",
            );
        }
        Provider::Anthropic => {
            let mut before = "";
            for message in &messages {
                let role = message["role"].as_str().unwrap_or_default();
                must(role != before, "turns of one side");
                before = if role == "user" { "user" } else { "assistant" };
                for block in message["content"].as_array().into_iter().flatten() {
                    let kind = block["type"].as_str().unwrap_or_default();
                    let fields: Option<Vec<String>> = serde_json::from_value(facts["blocks"][kind].clone()).ok();
                    must(fields.is_some_and(|fields| has_only(block, &fields)), "a block");
                }
                must(message["content"].as_str().is_none_or(|text| !text.is_empty()), "empty content");
            }
            must(answers_are_answered(&messages), "a use of a tool without its result");
            let tools = body["tools"].as_array().cloned().unwrap_or_default();
            must(tools.len() == 1 && has_only(&tools[0], &listed("tool")), "tools");
            must(tools.iter().all(|tool| is_schema(&tool["input_schema"])), "the schema");
            let choice = &body["tool_choice"];
            must(has_only(choice, &listed("tool_choice")) && choice["type"] == "tool", "tool_choice");
            must(choice["name"] == tools[0]["name"], "another tool is chosen");
            must(body["max_tokens"].as_u64().is_some_and(|most| most > 0), "max_tokens");
        }
    }
    wrong
}

/// True when every use of a tool is followed by its result.
fn answers_are_answered(messages: &[Value]) -> bool {
    messages.iter().enumerate().all(|(at, message)| {
        let used = &message["content"][0];
        used["type"] != "tool_use"
            || messages.get(at + 1).is_some_and(|next| next["content"][0]["tool_use_id"] == used["id"])
    })
}

fn is_schema(schema: &Value) -> bool {
    /// The last one that was looked at, which takes long.
    static KNOWN: Mutex<Value> = Mutex::new(Value::Null);
    let mut known = KNOWN.lock().expect("no panic");
    let is_one = *known == *schema || (schema["type"] == "object" && jsonschema::validator_for(schema).is_ok());
    if is_one && *known != *schema {
        known.clone_from(schema);
    }
    is_one
}

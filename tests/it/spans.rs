//! The command as an operator runs it, in front of a collector that writes down what it is sent.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value as Any;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use opentelemetry_proto::tonic::trace::v1::{Span, status::StatusCode as Code};
use prost::Message as _;
use serde_json::Value;

use crate::support::terminal::{Ran, Terminal, finished, ran};

/// What nobody may be sent: a token, a key, and what somebody wrote.
const SECRETS: [&str; 4] = ["MTk4NjIyNDgz.hunter2", "key-of-the-collector", "whisper", "Whatever was said"];

const MANIFEST: &str = "roles: { whisper: { name: \"whisper\" } }\ncategories:\n  hall:\n    channels: { whisper-room: { topic: \
                        \"Whatever was said\" } }\n";

/// A collector on a port of its own.
struct Collector {
    address: String,
    heard: Arc<Mutex<Vec<(HeaderMap, Bytes)>>>,
}

impl Collector {
    /// One that answers everything so.
    async fn answering(status: StatusCode) -> Self {
        let heard: Arc<Mutex<Vec<(HeaderMap, Bytes)>>> = Arc::default();
        let hears = Arc::clone(&heard);
        let take = move |headers: HeaderMap, body: Bytes| async move {
            hears.lock().expect("no panic").push((headers, body));
            status
        };
        let router = Router::new().route("/v1/traces", post(take));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = format!("http://{}", listener.local_addr().expect("an address"));
        tokio::spawn(async move { axum::serve(listener, router).await.expect("it serves") });
        Self { address, heard }
    }

    fn heard(&self) -> Vec<(HeaderMap, Bytes)> {
        self.heard.lock().expect("no panic").clone()
    }

    fn messages(&self) -> Vec<ExportTraceServiceRequest> {
        let bodies = self.heard();
        bodies.iter().map(|(_, body)| ExportTraceServiceRequest::decode(&**body).expect("OTLP")).collect()
    }

    fn spans(&self) -> Vec<Span> {
        let resources = self.messages().into_iter().flat_map(|message| message.resource_spans);
        resources.flat_map(|resource| resource.scope_spans).flat_map(|scope| scope.spans).collect()
    }
}

/// Somebody with a manifest, a file that names a collector, and a token that is worth something.
async fn operator(collector: &str, logs: &str) -> Terminal {
    let mut terminal = Terminal::new().await;
    terminal.use_token(SECRETS[0]);
    terminal.write("m/guild.yaml", MANIFEST);
    let file = format!(
        "version: 1\nsources: [{{ name: here, directory: m, guilds: all }}]\nlogs: {{ format: json, level: {logs} }}\notel: {{ \
         endpoint: \"{collector}\" }}\n"
    );
    std::fs::write(terminal.path("setai.yaml"), file).expect("a file");
    terminal
}

fn once(terminal: &Terminal) -> Command {
    terminal.command(&["--config", "setai.yaml", "run", "--once"])
}

/// What was logged for programs.
fn lines(ran: &Ran) -> Vec<Value> {
    ran.err.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
}

/// What a span says, as text.
fn said(attributes: &[KeyValue]) -> BTreeMap<&str, String> {
    let text = |value: &Option<AnyValue>| match value.as_ref().and_then(|value| value.value.as_ref()) {
        Some(Any::StringValue(text)) => text.clone(),
        Some(Any::IntValue(number)) => number.to_string(),
        Some(Any::DoubleValue(number)) => number.to_string(),
        other => panic!("{other:?}"),
    };
    attributes.iter().map(|attribute| (&*attribute.key, text(&attribute.value))).collect()
}

#[track_caller]
fn only<'s>(spans: &'s [Span], name: &str) -> &'s Span {
    let named: Vec<&Span> = spans.iter().filter(|span| span.name == name).collect();
    let [span] = named[..] else { panic!("{} spans `{name}` in {spans:#?}", named.len()) };
    span
}

#[tokio::test(flavor = "multi_thread")]
async fn a_visit_is_told_with_all_that_is_done_in_it_and_without_a_secret() {
    let collector = Collector::answering(StatusCode::OK).await;
    let terminal = operator(&collector.address, "debug").await;
    let mut command = once(&terminal);
    command.env("OTEL_EXPORTER_OTLP_HEADERS", format!("api-key={}", SECRETS[1]));
    let ran = finished(command).await;
    ran.works(&["ready: 3 changes were made"]);

    let spans = collector.spans();
    let visit = only(&spans, "visit");
    let told = said(&visit.attributes);
    let guild = terminal.guild.to_string();
    assert_eq!(
        [&told["setai.guild"], &told["setai.state"], &told["setai.reason"]],
        [&guild, &"ready".to_owned(), &"Applied".to_owned()]
    );
    assert!(visit.parent_span_id.is_empty(), "it begins a trace");
    let (plan, apply) = (only(&spans, "plan"), only(&spans, "apply"));
    assert_eq!([&plan.parent_span_id, &apply.parent_span_id], [&visit.span_id; 2]);
    assert_eq!((&*said(&plan.attributes)["setai.steps"], &*said(&apply.attributes)["setai.done"]), ("3", "3"));
    let step = only(&spans, "create role");
    assert_eq!((&step.parent_span_id, &*said(&step.attributes)["setai.outcome"]), (&apply.span_id, "done"));
    let request = only(&spans, "POST guilds/:id/roles");
    assert_eq!(request.parent_span_id, step.span_id);
    let asked = said(&request.attributes);
    assert_eq!((&*asked["http.request.method"], &*asked["url.template"]), ("POST", "guilds/:id/roles"));
    assert_eq!(&*asked["http.response.status_code"], "200");
    let within = [plan, apply, step, request];
    assert!(within.iter().all(|span| span.trace_id == visit.trace_id), "one visit, one trace");
    let look = only(&spans, "look");
    assert_eq!((&*said(&look.attributes)["setai.result"], look.trace_id == visit.trace_id), ("new", false));
    let failed = |span: &&Span| span.status.as_ref().is_some_and(|status| status.code() == Code::Error);
    assert_eq!(spans.iter().filter(failed).count(), 0, "{spans:#?}");

    let trace: String = visit.trace_id.iter().map(|byte| format!("{byte:02x}")).collect();
    let logged = lines(&ran).into_iter().filter(|line| line["message"] == "asked Discord");
    assert!(logged.filter(|line| line["trace_id"] == *trace).count() >= 3, "logs lead to the trace:\n{}", ran.err);

    for (headers, body) in collector.heard() {
        assert_eq!(headers["api-key"], SECRETS[1], "the collector knows whose these are");
        let text = String::from_utf8_lossy(&body);
        assert!(SECRETS.iter().all(|secret| !text.contains(secret)), "{text}");
    }
    let resource = collector.messages().remove(0).resource_spans.remove(0).resource.expect("a resource");
    assert_eq!(&*said(&resource.attributes)["service.name"], "setai");
    assert!(spans.iter().all(|span| span.events.is_empty()), "what is logged stays here");

    let documentation = std::fs::read_to_string("docs/spans.md").expect("the documentation");
    let named = spans.iter().flat_map(|span| said(&span.attributes).into_keys().collect::<Vec<_>>());
    let missing: Vec<_> = named.filter(|name| !documentation.contains(&format!("`{name}`"))).collect();
    assert!(missing.is_empty(), "{missing:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_visit_that_comes_to_nothing_is_told_as_one() {
    let collector = Collector::answering(StatusCode::OK).await;
    let terminal = operator(&collector.address, "off").await;
    terminal.write("m/guild.yaml", "roles: 7\n");
    finished(once(&terminal)).await.fails(4, &[]);
    let spans = collector.spans();
    let visit = only(&spans, "visit");
    let told = said(&visit.attributes);
    assert_eq!([&*told["setai.state"], &*told["setai.reason"]], ["stalled", "InvalidManifest"]);
    assert!(visit.status.as_ref().is_some_and(|status| status.code() == Code::Error), "{visit:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collector_that_is_away_changes_nothing_and_is_told_once() {
    let refusing = Collector::answering(StatusCode::NOT_FOUND).await;
    let nobody = "http://127.0.0.1:1";
    // Spans that are sent one by one fail one by one.
    for (address, why, batch) in
        [(nobody, "refused", "1"), (nobody, "refused", "512"), (&*refusing.address, "404", "1")]
    {
        let terminal = operator(address, "info").await;
        let mut command = once(&terminal);
        command.env("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", batch);
        let ran = finished(command).await;
        ran.works(&["ready: 3 changes were made"]);
        let warnings: Vec<Value> = lines(&ran).into_iter().filter(|line| line["level"] == "WARN").collect();
        let [warning] = &warnings[..] else { panic!("{ran:#?}") };
        assert!(warning["why"].as_str().is_some_and(|said| said.contains(why)), "{warning}");
        assert!(warning["message"].as_str().is_some_and(|said| said.contains("`otel.endpoint`")), "{warning}");
    }
    assert!(refusing.heard().len() > 5, "it was asked for every span");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_spans_are_sent_by_default_nor_by_a_command_that_ends() {
    let collector = Collector::answering(StatusCode::OK).await;
    let terminal = operator(&collector.address, "off").await;
    terminal.run(&["--config", "setai.yaml", "plan", "m"]).await.works(&["whisper"]);
    terminal.run(&["run", "m", "--once"]).await.works(&["ready"]);
    assert_eq!(collector.heard().len(), 0);
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn what_waits_is_sent_when_the_process_is_told_to_end() {
    let collector = Collector::answering(StatusCode::OK).await;
    let terminal = operator(&collector.address, "off").await;
    let mut command = terminal.command(&["--config", "setai.yaml", "run", "--no-gateway", "--json"]);
    // Nothing is sent before the end.
    command.env("OTEL_BSP_SCHEDULE_DELAY", "86400000").stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut process = command.spawn().expect("a process");
    let out = BufReader::new(process.stdout.take().expect("a pipe"));
    let process = tokio::task::spawn_blocking(move || until_ready(process, out)).await.expect("no panic");
    assert_eq!(collector.heard().len(), 0);
    let kill = Command::new("kill").args(["-TERM", &process.id().to_string()]).status();
    assert!(kill.is_ok_and(|killed| killed.success()));
    let ended = tokio::task::spawn_blocking(move || process.wait_with_output()).await.expect("no panic");
    ran(&ended.expect("it ends")).works(&[]);
    only(&collector.spans(), "apply");
}

/// Reads what a process prints until its guild is ready. What follows is nobody's to read: it prints no more than a pipe holds.
#[cfg(unix)]
fn until_ready(process: Child, out: BufReader<std::process::ChildStdout>) -> Child {
    let mut lines = out.lines().map_while(Result::ok);
    let is_ready = lines.any(|line| line.contains("\"event\":\"guild\"") && line.contains("\"ready\""));
    assert!(is_ready, "it ended before");
    process
}

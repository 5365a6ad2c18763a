//! Spans for an OpenTelemetry collector: gathered in the background, sent over OTLP/HTTP, and let go when nobody takes them.
//!
//! Decides how much is kept for a collector that is slow or away, and how its absence is told: once. What spans there are is
//! said where they begin; their attributes are words from closed lists, ids and numbers. Only spans of this program are sent,
//! and nothing that is logged within them: a log may hold what somebody wrote.

use std::fmt::Display;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use opentelemetry::trace::{TraceContextExt as _, TracerProvider as _};
use opentelemetry::{Context, KeyValue};
use opentelemetry_http::{HttpClient, HttpError};
use opentelemetry_otlp::{ExporterBuildError, Protocol, WithExportConfig as _, WithHttpConfig as _};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{BatchSpanProcessor, SdkTracerProvider, SpanData, SpanExporter};
use tokio::runtime::Handle;
use tracing::level_filters::LevelFilter;
use tracing::{Metadata, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::registry::LookupSpan;
use uuid::Uuid;

use crate::tls;

/// What the program is called among others that send spans.
const SERVICE: &str = "setai";

/// Where a collector takes spans, below its address (OTLP, "OTLP/HTTP Request").
const PATH: &str = "v1/traces";

/// Longest time to the end of a collector's answer.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Most bytes of an answer that are read. A collector says in a few words what it did not take.
const LONGEST_ANSWER: usize = 64 << 10;

/// Why no spans can be sent.
#[derive(Debug, thiserror::Error)]
pub enum SpansError {
    /// The address of the collector is none.
    #[error("`otel.endpoint` is not the address of an HTTP server; write it as `http://localhost:4318`")]
    Address,
    /// There can be no connection to anybody.
    #[error("no spans can be sent: the system's certificates or its proxy cannot be used")]
    NoNetwork,
    /// One of the variables `OTEL_...` asks for what cannot be.
    #[error("no spans can be sent; look at the variables `OTEL_...` of the environment: {0}")]
    Exporter(#[from] ExporterBuildError),
}

/// Where finished spans go. At most 2048 wait for the collector; further ones are let go.
#[derive(Debug)]
pub struct Spans {
    provider: SdkTracerProvider,
    /// It was told that nobody takes them.
    is_away: Arc<AtomicBool>,
}

impl Spans {
    /// Prepares to send spans to the collector at `endpoint`. It need not be there: nothing is sent yet.
    ///
    /// # Errors
    /// When the address or the environment is wrong.
    pub fn begin(endpoint: &str, runtime: &Handle) -> Result<Self, SpansError> {
        let endpoint = below(endpoint)?;
        let carrier = Carrier::new(runtime.clone())?;
        let (trouble, is_away) = (Arc::clone(&carrier.trouble), Arc::<AtomicBool>::default());
        let exporter = opentelemetry_otlp::SpanExporter::builder()
            .with_http()
            .with_http_client(carrier)
            .with_protocol(Protocol::HttpBinary)
            .with_endpoint(endpoint)
            .build()?;
        let told = Told { exporter, trouble, is_away: Arc::clone(&is_away) };
        let processor = BatchSpanProcessor::builder(told).build();
        let provider = SdkTracerProvider::builder().with_resource(resource()).with_span_processor(processor).build();
        Ok(Self { provider, is_away })
    }

    /// Takes in what begins and ends.
    pub(super) fn layer<S>(&self) -> Box<dyn Layer<S> + Send + Sync>
    where
        S: Subscriber + for<'a> LookupSpan<'a> + Send + Sync,
    {
        tracing_opentelemetry::layer()
            .with_tracer(self.provider.tracer(SERVICE))
            .with_location(false)
            .with_target(false)
            .with_threads(false)
            .with_tracked_inactivity(false)
            .with_filter(filter_fn(is_ours).with_max_level_hint(LevelFilter::DEBUG))
            .boxed()
    }

    /// Sends what is left, and waits for that no longer than `patience`. Blocks, so the runtime must have other threads.
    pub fn end(self, patience: Duration) {
        let has_ended = self.provider.shutdown_with_timeout(patience).is_ok();
        if !has_ended && !self.is_away.load(Ordering::Relaxed) {
            tracing::warn!("the collector did not take the last spans in time; they are lost");
        }
    }
}

/// The trace and the span this thread is at, as logs name them; none where there is none.
pub(super) fn here() -> Option<(impl Display, impl Display)> {
    Context::map_current(|context| {
        let span = context.span().span_context().clone();
        span.is_valid().then(|| (span.trace_id(), span.span_id()))
    })
}

/// The address spans are sent to. Some write it down whole.
fn below(endpoint: &str) -> Result<String, SpansError> {
    let url = reqwest::Url::parse(endpoint).map_err(|_| SpansError::Address)?;
    let base = url.as_str().trim_end_matches('/');
    let base = base.strip_suffix(PATH).map_or(base, |base| base.trim_end_matches('/'));
    Ok(format!("{base}/{PATH}"))
}

fn is_ours(metadata: &Metadata<'_>) -> bool {
    metadata.is_span() && metadata.target().split("::").next() == Some(env!("CARGO_CRATE_NAME"))
}

/// Who sends. The id tells replicas apart.
fn resource() -> Resource {
    Resource::builder()
        .with_service_name(SERVICE)
        .with_attribute(KeyValue::new("service.version", env!("CARGO_PKG_VERSION")))
        .with_attribute(KeyValue::new("service.instance.id", Uuid::now_v7().to_string()))
        .build()
}

/// Why the last request got no answer.
type Trouble = Arc<Mutex<Option<String>>>;

/// Carries what is exported. The thread that exports has no runtime of its own, so the program's does it.
#[derive(Debug)]
struct Carrier {
    client: reqwest::Client,
    runtime: Handle,
    trouble: Trouble,
}

impl Carrier {
    fn new(runtime: Handle) -> Result<Self, SpansError> {
        let client = tls::client().map_err(|_| SpansError::NoNetwork)?;
        let client = client.connect_timeout(TIMEOUT).timeout(TIMEOUT).build();
        Ok(Self { client: client.map_err(|_| SpansError::NoNetwork)?, runtime, trouble: Trouble::default() })
    }
}

#[async_trait]
impl HttpClient for Carrier {
    async fn send_bytes(&self, request: http::Request<Bytes>) -> Result<http::Response<Bytes>, HttpError> {
        let answer = self.runtime.spawn(answer_to(self.client.clone(), request)).await;
        let answer = answer.map_err(HttpError::from).and_then(|answer| answer.map_err(|error| cause(error).into()));
        let trouble = answer.as_ref().err().map(ToString::to_string);
        *self.trouble.lock().unwrap_or_else(PoisonError::into_inner) = trouble;
        answer
    }
}

async fn answer_to(
    client: reqwest::Client,
    request: http::Request<Bytes>,
) -> Result<http::Response<Bytes>, reqwest::Error> {
    let mut answer = client.execute(reqwest::Request::try_from(request)?).await?;
    let mut body = Vec::new();
    while let Some(chunk) = answer.chunk().await? {
        body.extend(chunk.iter().take(LONGEST_ANSWER.saturating_sub(body.len())));
    }
    let (parts, _) = http::Response::<reqwest::Body>::from(answer).into_parts();
    Ok(http::Response::from_parts(parts, body.into()))
}

/// What lies at the bottom of an error, which says most and holds no address.
fn cause(error: reqwest::Error) -> String {
    let error = error.without_url();
    if error.is_timeout() {
        return "it took too long to answer".to_owned();
    }
    let mut cause: &dyn std::error::Error = &error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    cause.to_string()
}

/// Exports, and says once that nobody takes it, and once that somebody does again.
#[derive(Debug)]
struct Told<E> {
    exporter: E,
    trouble: Trouble,
    is_away: Arc<AtomicBool>,
}

impl<E> Told<E> {
    fn tell(&self, result: &OTelSdkResult) {
        let was_away = self.is_away.swap(result.is_err(), Ordering::Relaxed);
        match result {
            Err(error) if !was_away => {
                let why = self.trouble.lock().unwrap_or_else(PoisonError::into_inner).take();
                let why = why.unwrap_or_else(|| error.to_string());
                tracing::warn!(
                    why,
                    "the collector at `otel.endpoint` takes no spans, so they are let go until it does; it has to take OTLP over \
                     HTTP, mostly at port 4318"
                );
            }
            Ok(()) if was_away => tracing::info!("the collector takes spans again"),
            Ok(()) | Err(_) => {}
        }
    }
}

impl<E: SpanExporter> SpanExporter for Told<E> {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let result = self.exporter.export(batch).await;
        self.tell(&result);
        result
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.exporter.shutdown_with_timeout(timeout)
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.exporter.force_flush()
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.exporter.set_resource(resource);
    }
}

#[cfg(test)]
mod tests {
    use opentelemetry_sdk::error::OTelSdkError;

    use super::super::logs::Format;
    use super::super::logs::tests::Page;
    use super::*;

    /// A collector that does what it is told to.
    #[derive(Debug, Default)]
    struct Puppet(AtomicBool);

    impl SpanExporter for Puppet {
        async fn export(&self, _: Vec<SpanData>) -> OTelSdkResult {
            match self.0.load(Ordering::Relaxed) {
                true => Ok(()),
                false => Err(OTelSdkError::InternalFailure("status 404".to_owned())),
            }
        }
    }

    #[test]
    fn what_is_wrong_with_a_collector_is_told_once_each_time() {
        let told = Told { exporter: Puppet::default(), trouble: Trouble::default(), is_away: Arc::default() };
        let page = Page::default();
        tracing::subscriber::with_default(page.subscriber(Format::Text, "info"), || {
            let export = || drop(futures_util::FutureExt::now_or_never(told.export(Vec::new())));
            (0..5).for_each(|_| export());
            told.exporter.0.store(true, Ordering::Relaxed);
            (0..5).for_each(|_| export());
            told.exporter.0.store(false, Ordering::Relaxed);
            *told.trouble.lock().expect("no panic") = Some("Connection refused".to_owned());
            (0..5).for_each(|_| export());
        });
        let text = page.text();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 3, "{text}");
        assert!(lines[0].contains("WARN") && lines[0].contains("status 404"), "{text}");
        assert!(lines[1].contains("takes spans again"), "{text}");
        assert!(lines[2].contains("WARN") && lines[2].contains("Connection refused"), "{text}");
    }

    #[test]
    fn an_address_leads_to_where_spans_are_taken() {
        for (endpoint, whole) in [
            ("http://localhost:4318", "http://localhost:4318/v1/traces"),
            ("http://localhost:4318/", "http://localhost:4318/v1/traces"),
            ("http://localhost:4318/v1/traces", "http://localhost:4318/v1/traces"),
            ("https://o.example.org/otlp/", "https://o.example.org/otlp/v1/traces"),
            ("https://o.example.org/otlp/v1/traces/", "https://o.example.org/otlp/v1/traces"),
        ] {
            assert_eq!(below(endpoint).expect("an address"), whole);
        }
        assert!(below("here").is_err());
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_collector_that_never_answers_is_not_waited_for_at_the_end() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let spans = Spans::begin(&format!("http://{address}"), &Handle::current()).expect("an address");
        let page = Page::default();
        let subscriber = tracing_subscriber::layer::SubscriberExt::with(tracing_subscriber::registry(), spans.layer());
        tracing::subscriber::with_default(subscriber, || tracing::debug_span!("visit").in_scope(|| {}));
        let end = move |page: Page| {
            tracing::subscriber::with_default(page.subscriber(Format::Text, "warn"), || {
                spans.end(Duration::from_millis(20));
            });
        };
        let written = page.clone();
        tokio::task::spawn_blocking(move || end(written)).await.expect("no panic");
        assert!(page.text().contains("did not take the last spans in time"), "{}", page.text());
    }
}

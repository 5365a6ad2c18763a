//! Logs on standard error: lines for people, or a JSON object on each line for programs.

use std::fmt;
use std::io::{IsTerminal as _, stderr};

use tracing::{Event, Subscriber};
use tracing_subscriber::fmt::FmtContext;
use tracing_subscriber::fmt::format::{FormatEvent, FormatFields, Writer};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Layer};

use super::spans::{self, Spans};

/// For whom logs are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// For people, in colour where standard error is a terminal and `NO_COLOR` is not set.
    #[default]
    Text,
    /// For programs.
    Json,
}

/// Begins to log. `filter` is a level, or levels of parts of the program, such as `info` or `warn,setai::discord=debug`; what is
/// empty or no filter logs nothing. `spans` are gathered whatever is logged. The first call of a process counts; false for any
/// other.
pub fn install(format: Format, filter: &str, spans: Option<&Spans>) -> bool {
    let logs = layer(format, stderr).with_filter(filter_of(filter)).boxed();
    let layers: Vec<_> = [logs].into_iter().chain(spans.map(Spans::layer)).collect();
    tracing_subscriber::registry().with(layers).try_init().is_ok()
}

fn filter_of(filter: &str) -> EnvFilter {
    let filter = if filter.trim().is_empty() { "off" } else { filter };
    EnvFilter::try_new(filter).unwrap_or_else(|_| EnvFilter::new("off"))
}

/// Writes events in a format to whatever `writer` makes.
fn layer<S, W, M>(format: Format, writer: M) -> Box<dyn Layer<S> + Send + Sync>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    W: std::io::Write,
    M: Fn() -> W + Send + Sync + 'static,
{
    let colors = stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    match format {
        Format::Text => tracing_subscriber::fmt::layer().with_ansi(colors).with_writer(writer).boxed(),
        Format::Json => tracing_subscriber::fmt::layer()
            .json()
            .flatten_event(true)
            .with_current_span(true)
            .map_event_format(Traced)
            .with_writer(writer)
            .boxed(),
    }
}

/// Lines of JSON that name the trace and the span they were written in, so that one leads to the other.
struct Traced<F>(F);

impl<S, N, F> FormatEvent<S, N> for Traced<F>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
    F: FormatEvent<S, N>,
{
    fn format_event(&self, context: &FmtContext<'_, S, N>, mut out: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        let Some((trace, span)) = spans::here() else { return self.0.format_event(context, out, event) };
        let mut line = String::new();
        self.0.format_event(context, Writer::new(&mut line), event)?;
        match line.strip_prefix('{') {
            Some(fields) => write!(out, r#"{{"trace_id":"{trace}","span_id":"{span}",{fields}"#),
            None => out.write_str(&line),
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use std::io::Write;
    use std::sync::{Arc, Mutex, PoisonError};

    use super::*;

    /// Paper to log on.
    #[derive(Clone, Default)]
    pub(in crate::telemetry) struct Page(Arc<Mutex<Vec<u8>>>);

    impl Write for Page {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    impl Page {
        pub(in crate::telemetry) fn text(&self) -> String {
            String::from_utf8_lossy(&self.0.lock().unwrap_or_else(PoisonError::into_inner)).into_owned()
        }

        /// Logs on this page.
        pub(in crate::telemetry) fn subscriber(
            &self,
            format: Format,
            filter: &str,
        ) -> impl Subscriber + Send + Sync + use<> {
            let page = self.clone();
            let logs = layer(format, move || page.clone()).with_filter(filter_of(filter));
            tracing_subscriber::registry().with(logs)
        }
    }

    fn logged(format: Format, filter: &str) -> String {
        let page = Page::default();
        tracing::subscriber::with_default(page.subscriber(format, filter), || {
            let _span = tracing::info_span!("guild", guild = 7).entered();
            tracing::info!(steps = 3, "applied");
            tracing::debug!("detail");
        });
        page.text()
    }

    #[test]
    fn programs_get_an_object_on_each_line() {
        let text = logged(Format::Json, "info");
        let lines: Vec<serde_json::Value> =
            text.lines().map(|line| serde_json::from_str(line).expect("an object")).collect();
        assert_eq!(lines.len(), 1, "{text}");
        assert_eq!((&lines[0]["message"], &lines[0]["steps"]), (&"applied".into(), &3.into()), "{text}");
        assert_eq!(lines[0]["span"]["guild"], 7, "{text}");
    }

    #[test]
    fn people_get_words() {
        let text = logged(Format::Text, "debug");
        assert!(text.contains("applied steps=3") && text.contains("detail"), "{text}");
    }

    #[test]
    fn nothing_is_logged_that_was_not_asked_for() {
        for filter in ["", "off", "warn", "=nonsense="] {
            assert_eq!(logged(Format::Text, filter), "", "{filter}");
        }
    }
}

//! What there is instead of spans in a build without the cargo feature `otel`: nobody can begin to send any.

use std::fmt::Display;
use std::time::Duration;

use tokio::runtime::Handle;
use tracing_subscriber::Layer;

/// Why no spans can be sent.
#[derive(Debug, thiserror::Error)]
#[error(
    "the operator's file asks for spans (`otel`), and this setai was built without its cargo feature `otel`; leave the \
     setting out, or use a build that has it"
)]
pub struct SpansError;

/// Where finished spans go. There is no such thing here.
#[derive(Debug)]
pub enum Spans {}

impl Spans {
    /// Refuses.
    ///
    /// # Errors
    /// Always.
    pub fn begin(_: &str, _: &Handle) -> Result<Self, SpansError> {
        Err(SpansError)
    }

    pub(super) fn layer<S>(&self) -> Box<dyn Layer<S> + Send + Sync> {
        match *self {}
    }

    /// Never called.
    pub fn end(self, _: Duration) {
        match self {}
    }
}

/// The trace and the span this thread is at: none.
pub(super) fn here() -> Option<(impl Display, impl Display)> {
    None::<(&'static str, &'static str)>
}

//! One request out, one answer back: the seam between our transport and the network.
//!
//! Decides only whether a failure leaves open what happened at the other side. Knows nothing of Discord.

use std::time::Duration;

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};

use crate::tls;

/// Why there is no answer. The texts never hold a header or a body.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ExchangeError {
    /// The other side surely did not receive the request: no connection was made.
    #[error("no connection: {0}")]
    NotSent(String),
    /// The other side may have received the request, and may have done what it says.
    #[error("no answer: {0}")]
    Lost(String),
}

/// Something that carries a request to Discord, or to what stands in for it.
///
/// It neither waits, repeats, follows redirects nor judges the answer: a status of 500 is an answer.
#[async_trait]
pub trait Exchange: Send + Sync {
    /// Carries one request and brings the answer.
    ///
    /// # Errors
    /// When there is no answer, or only a part of one.
    async fn exchange(&self, request: http::Request<Bytes>) -> Result<http::Response<Bytes>, ExchangeError>;
}

/// The network: HTTPS through the system's proxy, where one is set.
#[derive(Clone, Debug)]
pub struct Https(reqwest::Client);

impl Https {
    /// Longest time to a connection.
    pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
    /// Longest time from the connection to the end of the answer.
    pub const TIMEOUT: Duration = Duration::from_secs(30);
    /// Most bytes of an answer. The largest of Discord's, a guild of 500 channels with 100 overwrites each, has about 6 MiB.
    pub const MAX_ANSWER: usize = 64 << 20;

    /// Prepares connections; none is opened yet.
    ///
    /// # Errors
    /// When the system's certificates or proxy settings cannot be used.
    pub fn new() -> Result<Self, ExchangeError> {
        let client = tls::client().map_err(|error| ExchangeError::NotSent(error.to_string()))?;
        let client = client.connect_timeout(Self::CONNECT_TIMEOUT).timeout(Self::TIMEOUT).build();
        client.map(Self).map_err(|error| ExchangeError::NotSent(describe(error)))
    }
}

#[async_trait]
impl Exchange for Https {
    async fn exchange(&self, request: http::Request<Bytes>) -> Result<http::Response<Bytes>, ExchangeError> {
        let request = reqwest::Request::try_from(request).map_err(|e| ExchangeError::NotSent(describe(e)))?;
        let mut answer = self.0.execute(request).await.map_err(classify)?;
        let mut body = BytesMut::new();
        while let Some(chunk) = answer.chunk().await.map_err(|e| ExchangeError::Lost(describe(e)))? {
            if body.len() + chunk.len() > Self::MAX_ANSWER {
                return Err(ExchangeError::Lost(format!("the answer has more than {} bytes", Self::MAX_ANSWER)));
            }
            body.extend_from_slice(&chunk);
        }
        let (parts, _) = http::Response::<reqwest::Body>::from(answer).into_parts();
        Ok(http::Response::from_parts(parts, body.freeze()))
    }
}

fn classify(error: reqwest::Error) -> ExchangeError {
    if error.is_connect() || error.is_builder() {
        ExchangeError::NotSent(describe(error))
    } else {
        ExchangeError::Lost(describe(error))
    }
}

/// The error and its causes in one line, without the address, which is told elsewhere.
fn describe(error: reqwest::Error) -> String {
    let error = error.without_url();
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(&error);
    while let Some(inner) = cause {
        text.push_str(": ");
        text.push_str(&inner.to_string());
        cause = inner.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_refused_connection_was_surely_not_sent() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = listener.local_addr().expect("an address").port();
        drop(listener);
        let request = http::Request::get(format!("http://127.0.0.1:{port}/secret-path"))
            .header("authorization", "Bot token-that-must-not-show")
            .body(Bytes::new())
            .expect("a request");
        let error = Https::new().expect("a client").exchange(request).await.expect_err("nobody listens");
        assert!(matches!(error, ExchangeError::NotSent(_)), "{error:?}");
        let text = format!("{error} {error:?}");
        assert!(!text.contains("token-that-must-not-show") && !text.contains("secret-path"), "{text}");
    }

    #[tokio::test]
    async fn a_connection_that_breaks_leaves_open_what_happened() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let port = listener.local_addr().expect("an address").port();
        let server = tokio::spawn(async move { drop(listener.accept().await) });
        let request = http::Request::post(format!("http://127.0.0.1:{port}/")).body(Bytes::new()).expect("a request");
        let error = Https::new().expect("a client").exchange(request).await.expect_err("the connection was closed");
        assert!(matches!(error, ExchangeError::Lost(_)), "{error:?}");
        server.await.expect("the server ran");
    }
}

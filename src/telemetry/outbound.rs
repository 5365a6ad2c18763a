//! Messages to servers of the operator: one POST, signed, with an end to waiting.
//!
//! The address may be the very secret, so it is in no error and no log. Decides nothing of what is said.

use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use hmac::{Hmac, KeyInit as _, Mac as _};
use secrecy::{ExposeSecret as _, SecretString};
use sha2::Sha256;

use crate::tls;

/// Why a message did not arrive. The texts hold neither address nor body.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OutboundError {
    /// The address is none, or the system's certificates cannot be used.
    #[error("the message cannot be sent; look at the address in its `url_file`")]
    Unsendable,
    /// There was no answer in time.
    #[error("the server did not answer: {0}")]
    NoAnswer(String),
    /// The server refused it.
    #[error("the server answered with status {0}")]
    Refused(u16),
}

/// Sends messages to servers. Clones share connections.
#[derive(Clone)]
pub struct Outbound(reqwest::Client);

impl fmt::Debug for Outbound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Outbound")
    }
}

impl Outbound {
    /// Longest time to the end of an answer.
    pub const TIMEOUT: Duration = Duration::from_secs(10);
    /// The header of the signature: `sha256=` and the HMAC-SHA256 of the body in hexadecimal digits.
    pub const SIGNATURE: &str = "x-setai-signature-256";

    /// Prepares connections; none is opened yet.
    ///
    /// # Errors
    /// When the system's certificates or proxy settings cannot be used.
    pub fn new() -> Result<Self, OutboundError> {
        let client = tls::client().map_err(|_| OutboundError::Unsendable)?;
        let client = client
            .connect_timeout(Self::TIMEOUT)
            .timeout(Self::TIMEOUT)
            .user_agent(concat!("setai/", env!("CARGO_PKG_VERSION")))
            .build();
        client.map(Self).map_err(|_| OutboundError::Unsendable)
    }

    /// Sends JSON, signed when there is a secret. The body of the answer is not read.
    ///
    /// # Errors
    /// When it did not arrive, or it is not known whether it did.
    pub async fn post(
        &self,
        url: &SecretString,
        body: Bytes,
        secret: Option<&SecretString>,
    ) -> Result<(), OutboundError> {
        let url = reqwest::Url::parse(url.expose_secret().trim()).map_err(|_| OutboundError::Unsendable)?;
        let mut request = self.0.post(url).header("content-type", "application/json");
        if let Some(secret) = secret {
            request = request.header(Self::SIGNATURE, sign(secret, &body));
        }
        let answer = request.body(body).send().await;
        let answer = answer.map_err(|error| match error.without_url() {
            error if error.is_builder() => OutboundError::Unsendable,
            error if error.is_timeout() => OutboundError::NoAnswer("it took too long".to_owned()),
            error if error.is_connect() => OutboundError::NoAnswer("no connection".to_owned()),
            _ => OutboundError::NoAnswer("the connection broke".to_owned()),
        })?;
        let status = answer.status();
        if status.is_success() { Ok(()) } else { Err(OutboundError::Refused(status.as_u16())) }
    }
}

/// The signature of a body, as its header has it.
pub fn sign(secret: &SecretString, body: &[u8]) -> String {
    // Keys of all lengths are keys.
    let mac = Hmac::<Sha256>::new_from_slice(secret.expose_secret().as_bytes());
    let mac = mac.unwrap_or_else(|_| Hmac::new(&Default::default())).chain_update(body).finalize().into_bytes();
    let digits: String = mac.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("sha256={digits}")
}

#[cfg(test)]
mod tests {
    use axum::Router;
    use axum::http::{HeaderMap, StatusCode};
    use axum::routing::post;
    use tokio::sync::mpsc;

    use super::*;

    #[test]
    fn a_signature_is_the_one_of_rfc_4231() {
        let secret = SecretString::from("Jefe");
        assert_eq!(
            sign(&secret, b"what do ya want for nothing?"),
            "sha256=5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
        );
    }

    #[tokio::test]
    async fn a_message_arrives_signed_and_a_refusal_is_said_without_the_address() {
        let (heard, mut hearing) = mpsc::channel(1);
        let router = Router::new()
            .route(
                "/hunter2",
                post(move |headers: HeaderMap, body: Bytes| async move {
                    drop(heard.send((headers, body)).await);
                }),
            )
            .route("/refused-hunter2", post(|| async { StatusCode::FORBIDDEN }));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let server = tokio::spawn(async move { axum::serve(listener, router).await });
        let outbound = Outbound::new().expect("a client");
        let secret = SecretString::from("s");
        let url = SecretString::from(format!("http://{address}/hunter2"));
        outbound.post(&url, Bytes::from_static(b"{}"), Some(&secret)).await.expect("it arrives");
        let (headers, body) = hearing.recv().await.expect("a message");
        assert_eq!(headers[Outbound::SIGNATURE], sign(&secret, &body));
        let url = SecretString::from(format!("http://{address}/refused-hunter2"));
        let error = outbound.post(&url, Bytes::new(), None).await.expect_err("refused");
        assert_eq!(error, OutboundError::Refused(403));
        server.abort();
        drop(server.await);
        let error = outbound.post(&url, Bytes::new(), None).await.expect_err("nobody is there");
        assert!(!format!("{error} {error:?}").contains("hunter2"), "{error:?}");
    }
}

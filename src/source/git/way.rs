//! The way to a git server, which can be cut at any time.
//!
//! Decides who gets credentials: one server, for two questions. The library that speaks git is given an address on this
//! machine; what it asks there is carried to the server and back, over HTTPS by the client everything else here uses too,
//! and over SSH as it is. So a server that hangs holds nobody up, the system's proxies and certificates count, and the
//! library never sees a token. The address has a part nobody can guess, because others may be on this machine.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::header::{ACCEPT, CONTENT_TYPE, HeaderName, HeaderValue, LOCATION};
use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse as _, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures_util::stream;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use secrecy::{ExposeSecret as _, SecretString};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use url::Url;

use super::Credentials;
use super::explain::clean;
use crate::source::Error;
use crate::source::address::{Address, SshPath};
use crate::tls;

/// Most bytes of a question: what we have already, and what we want.
const LARGEST_QUESTION: usize = 16 << 20;

/// What is written otherwise in the path of an address.
const IN_A_PATH: &AsciiSet = &NON_ALPHANUMERIC.remove(b'/').remove(b'.').remove(b'-').remove(b'_').remove(b'~');

/// The user that goes with a token. The forges do not look at it.
const TOKEN_USER: &str = "x-access-token";

/// What went wrong on the way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Trouble {
    /// There is no connection.
    Unreachable(String),
    /// Nobody vouches for the server.
    BadCertificate(String),
    /// The server does not answer the question.
    Refused {
        /// What it answers instead.
        status: u16,
        /// True when it was shown credentials.
        with_credentials: bool,
    },
    /// It is somewhere else.
    Moved(String),
    /// Something else answered.
    NotGit(String),
    /// The answer ended too early.
    Broken(String),
}

type Noted = Arc<Mutex<Option<Trouble>>>;

fn note(noted: &Noted, trouble: Trouble) {
    // The first is why the others are.
    noted.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(trouble);
}

/// A way to a repository.
pub(super) struct Way {
    url: String,
    noted: Noted,
}

impl Way {
    /// Opens one, which ends when it is cut.
    ///
    /// # Errors
    /// When this machine does not let us.
    pub(super) async fn open(
        address: &Address,
        credentials: &Credentials,
        cut: CancellationToken,
    ) -> Result<Self, Error> {
        let failed = |why: String| Error::Git { place: address.to_string(), why };
        let noted = Noted::default();
        if let Address::Local(path) = address {
            return Ok(Self { url: path.display().to_string(), noted });
        }
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.map_err(|error| failed(error.to_string()))?;
        let here = listener.local_addr().map_err(|error| failed(error.to_string()))?;
        let url = match address {
            Address::Web { base, user } => {
                let client = client().map_err(failed)?;
                let authorization = authorization(user.as_deref(), credentials);
                let secret = format!("{}{}", uuid::Uuid::now_v7().simple(), uuid::Uuid::now_v7().simple());
                let carrier = Carrier { base: base.clone(), client, authorization, noted: noted.clone(), cut };
                let url = format!("http://{here}/{secret}");
                carry_questions(listener, &secret, carrier);
                url
            }
            Address::Ssh { user, host, port, path } => {
                let url = ssh_url(here, user.as_deref(), credentials, path);
                let server = (host.clone(), *port);
                tokio::spawn(carry_bytes(listener, server, noted.clone(), cut));
                url
            }
            Address::Local(path) => path.display().to_string(),
        };
        Ok(Self { url, noted })
    }

    /// What the library is given as the address.
    pub(super) fn url(&self) -> &str {
        &self.url
    }

    /// What went wrong first.
    pub(super) fn trouble(&self) -> Option<Trouble> {
        self.noted.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

// ---- HTTP ----

/// One client for all, because it keeps connections.
fn client() -> Result<reqwest::Client, String> {
    static CLIENT: OnceLock<Result<reqwest::Client, String>> = OnceLock::new();
    let client = CLIENT.get_or_init(|| {
        let builder = tls::client().map_err(|error| error.to_string())?.no_gzip();
        builder.user_agent(concat!("git/2 (setai ", env!("CARGO_PKG_VERSION"), ")")).build().map_err(|e| causes(&e))
    });
    client.clone()
}

fn authorization(user: Option<&str>, credentials: &Credentials) -> Option<HeaderValue> {
    let basic = |user: &str, password: &SecretString| {
        let encoded = STANDARD.encode(format!("{user}:{}", password.expose_secret()));
        let mut value = HeaderValue::from_str(&format!("Basic {encoded}")).ok()?;
        value.set_sensitive(true);
        Some(value)
    };
    match credentials {
        Credentials::Token { user: given, token } => basic(given.as_deref().or(user).unwrap_or(TOKEN_USER), token),
        Credentials::Basic { user, password } => basic(user, password),
        Credentials::None | Credentials::SshAgent { .. } | Credentials::SshKey { .. } => None,
    }
}

struct Carrier {
    base: Url,
    client: reqwest::Client,
    authorization: Option<HeaderValue>,
    noted: Noted,
    cut: CancellationToken,
}

fn carry_questions(listener: TcpListener, secret: &str, carrier: Carrier) {
    let cut = carrier.cut.clone();
    let router = Router::new()
        .route(&format!("/{secret}/info/refs"), axum::routing::get(carry))
        .route(&format!("/{secret}/git-upload-pack"), axum::routing::post(carry))
        .with_state(Arc::new(carrier));
    tokio::spawn(async move {
        drop(axum::serve(listener, router).with_graceful_shutdown(cut.cancelled_owned()).await);
    });
}

/// Carries one question to the server. Of an answer that is none, the library only learns that there is none.
async fn carry(State(carrier): State<Arc<Carrier>>, request: Request) -> Response {
    let answer = tokio::select! {
        answer = carrier.ask(request) => answer,
        () = carrier.cut.cancelled() => Err(Trouble::Broken("it was stopped".to_owned())),
    };
    answer.unwrap_or_else(|trouble| {
        note(&carrier.noted, trouble);
        StatusCode::BAD_GATEWAY.into_response()
    })
}

impl Carrier {
    async fn ask(&self, request: Request) -> Result<Response, Trouble> {
        let (parts, body) = request.into_parts();
        let (tail, expected) = match parts.method {
            Method::POST => ("git-upload-pack", "application/x-git-upload-pack-result"),
            _ => ("info/refs?service=git-upload-pack", "application/x-git-upload-pack-advertisement"),
        };
        let body = axum::body::to_bytes(body, LARGEST_QUESTION).await.map_err(|e| Trouble::Broken(causes(&e)))?;
        let url = format!("{}/{tail}", self.base.as_str().trim_end_matches('/'));
        let mut question = self.client.request(parts.method, url).body(body);
        for name in [ACCEPT, CONTENT_TYPE, HeaderName::from_static("git-protocol")] {
            if let Some(value) = parts.headers.get(&name) {
                question = question.header(name, value);
            }
        }
        if let Some(authorization) = &self.authorization {
            question = question.header(axum::http::header::AUTHORIZATION, authorization);
        }
        let answer = question.send().await.map_err(no_answer)?;
        self.judge(&answer, expected)?;
        let head = Response::builder().header(CONTENT_TYPE, expected);
        Ok(head.body(self.rest_of(answer)).unwrap_or_else(|_| StatusCode::BAD_GATEWAY.into_response()))
    }

    fn judge(&self, answer: &reqwest::Response, expected: &str) -> Result<(), Trouble> {
        let status = answer.status();
        let text = |name| answer.headers().get(name).and_then(|value: &HeaderValue| value.to_str().ok());
        if status.is_redirection() {
            let to = text(LOCATION).unwrap_or("somewhere else");
            let to = to.split('?').next().unwrap_or(to).trim_end_matches("/info/refs");
            return Err(Trouble::Moved(clean(to)));
        }
        if status != StatusCode::OK {
            let with_credentials = self.authorization.is_some();
            return Err(Trouble::Refused { status: status.as_u16(), with_credentials });
        }
        match text(CONTENT_TYPE) {
            Some(kind) if kind == expected => Ok(()),
            kind => Err(Trouble::NotGit(format!("it answers with {}", clean(kind.unwrap_or("something"))))),
        }
    }

    /// What of the answer is still to come; it breaks off here when it breaks off there.
    fn rest_of(&self, answer: reqwest::Response) -> Body {
        let (noted, cut) = (self.noted.clone(), self.cut.clone());
        let chunks = stream::try_unfold(answer, move |mut answer| {
            let (noted, cut) = (noted.clone(), cut.clone());
            async move {
                let chunk = tokio::select! {
                    chunk = answer.chunk() => chunk.map_err(|error| Trouble::Broken(causes(&error.without_url()))),
                    () = cut.cancelled() => Err(Trouble::Broken("it was stopped".to_owned())),
                };
                match chunk {
                    Ok(chunk) => Ok(chunk.map(|chunk: Bytes| (chunk, answer))),
                    Err(trouble) => {
                        note(&noted, trouble);
                        Err(std::io::Error::from(std::io::ErrorKind::ConnectionReset))
                    }
                }
            }
        });
        Body::from_stream(chunks)
    }
}

fn no_answer(error: reqwest::Error) -> Trouble {
    let is_connect = error.is_connect();
    let why = causes(&error.without_url());
    match is_connect {
        true if why.contains("certificate") => Trouble::BadCertificate(why),
        true => Trouble::Unreachable(why),
        false => Trouble::Broken(why),
    }
}

/// An error and its causes in one line.
fn causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        text.push_str(": ");
        text.push_str(&inner.to_string());
        cause = inner.source();
    }
    clean(&text)
}

// ---- SSH ----

/// What the library takes for the address of the server.
fn ssh_url(here: SocketAddr, user: Option<&str>, credentials: &Credentials, path: &SshPath) -> String {
    let user = match credentials {
        Credentials::SshAgent { user } | Credentials::SshKey { user, .. } => Some(user.as_str()),
        Credentials::None | Credentials::Token { .. } | Credentials::Basic { .. } => user,
    };
    let user = user.unwrap_or("git");
    match path {
        SshPath::Absolute(path) => {
            let (user, path) = (utf8_percent_encode(user, NON_ALPHANUMERIC), utf8_percent_encode(path, IN_A_PATH));
            format!("ssh://{user}@{here}{path}")
        }
        SshPath::Relative(path) => format!("[{user}@{here}]:{path}"),
    }
}

/// Carries bytes between the library and the server, both ways, until one of them has enough.
async fn carry_bytes(listener: TcpListener, server: (String, u16), noted: Noted, cut: CancellationToken) {
    let carrying = async {
        loop {
            let Ok((mut near, _)) = listener.accept().await else { return };
            match TcpStream::connect((server.0.as_str(), server.1)).await {
                Ok(mut far) => drop(tokio::io::copy_bidirectional(&mut near, &mut far).await),
                Err(error) => note(&noted, Trouble::Unreachable(causes(&error))),
            }
        }
    };
    tokio::select! {
        () = carrying => {}
        () = cut.cancelled() => {}
    }
}

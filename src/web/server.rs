//! A socket in front of the routes, and how much of it one client may hold.
//!
//! Decides how long a connection lasts, how large its request may be and which one goes when there are too many. One
//! connection is one request: whoever asks is answered at once, so nobody has a reason to stay.

use std::collections::VecDeque;
use std::future::Future;
use std::io;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::timeout;

use super::Web;

/// Most headers of a request. Proxies and forges add some twenty.
const MOST_HEADERS: usize = 64;

/// How long it takes the system to have room for connections again.
const BREATH: Duration = Duration::from_secs(1);

/// How much clients may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// Longest time for the headers of a request to arrive.
    pub headers: Duration,
    /// Longest time from the beginning of a connection to the end of its answer.
    pub request: Duration,
    /// Most bytes of headers, the line of the request with them. Not less than 8 KiB.
    pub header_bytes: usize,
    /// Most connections at once. One more ends the one that has lasted longest.
    pub connections: usize,
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            headers: Duration::from_secs(5),
            request: Duration::from_secs(20),
            header_bytes: 16 << 10,
            connections: 64,
        }
    }
}

/// Serves until `end` is over, and then until the requests under way are answered, which may take as long as headers may.
pub async fn serve(listener: TcpListener, web: &Web, bounds: Bounds, end: impl Future<Output = ()> + Send) {
    let mut guests = Guests { tasks: JoinSet::new(), ages: VecDeque::new(), most: bounds.connections.max(1) };
    let router = web.router();
    let mut end = std::pin::pin!(end);
    loop {
        let accepted = tokio::select! {
            () = &mut end => break,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, _)) => guests.admit(converse(stream, router.clone(), bounds)),
            Err(error) if is_of_one_client(&error) => {}
            Err(error) => {
                tracing::warn!(%error, "no connection can be taken for now; trying again");
                tokio::time::sleep(BREATH).await;
            }
        }
    }
    drop(listener);
    guests.see_off(bounds.headers).await;
}

/// Whoever is connected.
struct Guests {
    tasks: JoinSet<()>,
    /// The longest connected first; some of them have left.
    ages: VecDeque<AbortHandle>,
    most: usize,
}

impl Guests {
    /// Lets somebody in, and whoever has been there longest makes room. It is nearly always one that means no good: a request
    /// takes milliseconds.
    fn admit(&mut self, guest: impl Future<Output = ()> + Send + 'static) {
        while self.tasks.try_join_next().is_some() {}
        self.ages.retain(|guest| !guest.is_finished());
        while self.ages.len() >= self.most {
            self.ages.pop_front().iter().for_each(AbortHandle::abort);
        }
        self.ages.push_back(self.tasks.spawn(guest));
    }

    /// Waits until everybody has left, or not longer than `patience`.
    async fn see_off(mut self, patience: Duration) {
        let all = async { while self.tasks.join_next().await.is_some() {} };
        if timeout(patience, all).await.is_err() {
            self.tasks.shutdown().await;
        }
    }
}

/// Answers the one request of a connection. However it ends is the client's business.
pub(super) async fn converse(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    router: Router,
    bounds: Bounds,
) {
    let Bounds { headers, request, header_bytes, connections: _ } = bounds;
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(headers)
        .max_headers(MOST_HEADERS)
        .max_buf_size(header_bytes)
        .keep_alive(false)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(router));
    drop(timeout(request, connection).await);
}

/// True for what ended one connection and says nothing of others.
fn is_of_one_client(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionRefused
    )
}

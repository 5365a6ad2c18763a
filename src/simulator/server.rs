//! HTTP: routes below `/api` go to the simulated Discord, those below `/_sim` to whoever runs it; websockets at `/` are
//! the Gateway's.
//!
//! Decides who is calling and what goes on the wire. What a call means is decided in [`super::rest`].

mod admin;
mod console;
mod exchange;
mod outgoing;
mod request;

use std::future::Future;
use std::io;

use axum::Router;
use axum::extract::{Request, State};
use axum::response::Response;
use axum::routing::{any, get, post, put};
use axum::serve::ListenerExt;
use tokio::net::TcpListener;

use super::{Simulator, gateway};
pub(crate) use request::{below_version, body as request_body, read_query, split_query};

/// Largest body read, bytes: documented for messages.
const LARGEST_BODY: usize = 25 * 1024 * 1024;
/// Close code for websockets when the server stops.
const GOING_AWAY: u16 = 1001;

impl Simulator {
    /// The routes, for a listener or to be called in process.
    ///
    /// In process a lost connection is an answer whose body fails when it is read.
    pub fn router(&self) -> Router {
        Router::new()
            .route("/_sim/requests", get(admin::requests).delete(admin::forget_requests))
            .route("/_sim/world", get(admin::world).put(admin::replace_world))
            .route("/_sim/faults", put(admin::set_faults).delete(admin::clear_faults))
            .route("/_sim/act", post(admin::act))
            .route("/_sim/gateway", get(admin::gateway).post(admin::order).delete(admin::forget_gateway))
            .route("/_sim/use", post(console::use_by_name))
            .route("/_sim/interactions", post(admin::interact))
            .route("/_sim/interactions/{id}", get(admin::answers))
            .fallback(any(discord))
            .with_state(self.clone())
    }

    /// Serves until `shutdown` completes.
    ///
    /// # Errors
    /// When the listener fails.
    pub async fn serve(
        &self,
        listener: TcpListener,
        shutdown: impl Future<Output = ()> + Send + 'static,
    ) -> io::Result<()> {
        // Answers are small: waiting for more to send only slows clients down.
        let listener = listener.tap_io(|socket| drop(socket.set_nodelay(true)));
        let served = axum::serve(listener, self.router()).with_graceful_shutdown(shutdown).await;
        self.close_gateways(GOING_AWAY);
        served
    }
}

async fn discord(State(simulator): State<Simulator>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    if gateway::is_asked_for(&parts) {
        return gateway::open(simulator, parts).await;
    }
    let body = axum::body::to_bytes(body, LARGEST_BODY).await.ok();
    simulator.exchange(parts, body).await
}

//! A socket in front of the routes.

use std::future::Future;
use std::io;

use tokio::net::TcpListener;

use super::Web;

/// Serves until `end` is over, and then until the requests under way are answered.
///
/// # Errors
/// When the socket cannot be used.
pub async fn serve(listener: TcpListener, web: &Web, end: impl Future<Output = ()> + Send + 'static) -> io::Result<()> {
    axum::serve(listener, web.router()).with_graceful_shutdown(end).await
}

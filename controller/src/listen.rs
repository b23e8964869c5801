//! Connections of strangers: so many at a time, and none that dawdles.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::{Extension, Router};
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tracing::{debug, warn};

/// Connections at a time: more wait in the system's own queue.
const CONNECTIONS: usize = 512;

/// How long to wait when the system can not give a connection, such as for want of files.
const BREATH: Duration = Duration::from_millis(100);

/// Starts to listen.
///
/// # Errors
/// Why not.
pub(crate) async fn bind(address: SocketAddr) -> Result<TcpListener, String> {
    let listener = match TcpListener::bind(address).await {
        // A machine without IPv6 has no [::].
        Err(_) if address.ip().is_unspecified() => TcpListener::bind(("0.0.0.0", address.port())).await,
        bound => bound,
    };
    listener.map_err(|error| format!("listen on {address}: {error}"))
}

/// Serves for ever. A client has `patience` to send the head of a request, and again for every next one on the same connection.
pub(crate) async fn serve(listener: TcpListener, router: Router, patience: Duration) {
    let room = Arc::new(Semaphore::new(CONNECTIONS));
    let mut builder = http1::Builder::new();
    builder.timer(TokioTimer::new());
    if !patience.is_zero() {
        builder.header_read_timeout(patience);
    }
    let mut connections = JoinSet::new();
    loop {
        // A semaphore that nobody closes.
        let Ok(place) = Arc::clone(&room).acquire_owned().await else { return };
        let (stream, peer) = match listener.accept().await {
            Ok(accepted) => accepted,
            Err(error) => {
                warn!(%error, "cannot accept a connection");
                tokio::time::sleep(BREATH).await;
                continue;
            }
        };
        while connections.try_join_next().is_some() {}
        let service = TowerToHyperService::new(router.clone().layer(Extension(Peer(peer))));
        let connection = builder.serve_connection(TokioIo::new(stream), service);
        connections.spawn(async move {
            if let Err(error) = connection.await {
                debug!(%error, "a connection ended");
            }
            drop(place);
        });
    }
}

/// Who is at the other end of a connection.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Peer(pub(crate) SocketAddr);

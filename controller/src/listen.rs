//! Connections of strangers: so many at a time, and none that dawdles.

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::{Extension, Router};
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;
use tracing::{debug, warn};

/// Connections at a time: more wait in the system's own queue.
const CONNECTIONS: usize = 1024;

/// Connections of one address at a time: the probes of the cluster come from another one than whoever takes all they get.
const CONNECTIONS_EACH: usize = 128;

/// Longest patience with the head of a request.
const LONGEST_HEAD: Duration = Duration::from_secs(10);

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

/// Serves until it is `closed`, and then until everything is answered that was asked before. A client has `patience` to send the head of a request, and again
/// for every next one on the same connection.
pub(crate) async fn serve(listener: TcpListener, router: Router, patience: Duration, closed: impl Future<Output = ()> + Clone + Send + 'static) {
    let room = Arc::new(Semaphore::new(CONNECTIONS));
    let mut builder = http1::Builder::new();
    builder.timer(TokioTimer::new());
    // Zero means for ever to Go, which no stranger should have.
    builder.header_read_timeout(if patience.is_zero() { LONGEST_HEAD } else { patience.min(LONGEST_HEAD) });
    let crowd = Arc::new(Crowd::default());
    let (mut connections, mut shut) = (JoinSet::new(), pin!(closed.clone()));
    loop {
        let accepted = tokio::select! {
            accepted = accept(&room, &listener) => accepted,
            () = shut.as_mut() => break,
        };
        let (place, stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                warn!(%error, "cannot accept a connection");
                tokio::time::sleep(BREATH).await;
                continue;
            }
        };
        while connections.try_join_next().is_some() {}
        let Some(guest) = crowd.enter(peer.ip()) else { continue };
        let service = TowerToHyperService::new(router.clone().layer(Extension(Peer(peer))));
        let connection = builder.serve_connection(TokioIo::new(stream), service);
        let closed = closed.clone();
        connections.spawn(async move {
            let mut connection = pin!(connection);
            let ended = tokio::select! {
                ended = connection.as_mut() => ended,
                () = closed => {
                    // It ends after the answer to what was asked; at once if that is nothing.
                    connection.as_mut().graceful_shutdown();
                    connection.await
                }
            };
            if let Err(error) = ended {
                debug!(%error, "a connection ended");
            }
            drop((place, guest));
        });
    }
    drop(listener);
    while connections.join_next().await.is_some() {}
}

/// The next connection, and its place among all.
async fn accept(room: &Arc<Semaphore>, listener: &TcpListener) -> io::Result<(OwnedSemaphorePermit, TcpStream, SocketAddr)> {
    // A semaphore that nobody closes.
    let place = Arc::clone(room).acquire_owned().await.map_err(io::Error::other)?;
    let (stream, peer) = listener.accept().await?;
    Ok((place, stream, peer))
}

/// How many connections each address has.
#[derive(Debug, Default)]
struct Crowd(Mutex<HashMap<IpAddr, usize>>);

/// One of them.
struct Guest(Arc<Crowd>, IpAddr);

impl Crowd {
    /// Lets one more in, unless that address has enough.
    fn enter(self: &Arc<Self>, address: IpAddr) -> Option<Guest> {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = counts.entry(address).or_default();
        if *count == CONNECTIONS_EACH {
            return None;
        }
        *count += 1;
        Some(Guest(Arc::clone(self), address))
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        let mut counts = self.0.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = counts.get_mut(&self.1) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&self.1);
            }
        }
    }
}

/// Who is at the other end of a connection.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Peer(pub(crate) SocketAddr);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_address_has_so_many_connections_and_others_are_not_concerned() {
        let crowd = Arc::new(Crowd::default());
        let [greedy, other] = [[10, 0, 0, 1], [10, 0, 0, 2]].map(IpAddr::from);
        let mut guests: Vec<Guest> = std::iter::from_fn(|| crowd.enter(greedy)).collect();
        assert_eq!(guests.len(), CONNECTIONS_EACH);
        assert!(crowd.enter(other).is_some());
        guests.pop();
        assert!(crowd.enter(greedy).is_some());
        drop(guests);
        assert!(crowd.0.lock().unwrap().is_empty());
    }
}

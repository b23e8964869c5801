//! Connections to the API server, for everything but watches.

use std::time::Duration;

use http::{Request, Response};
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use kube::Config;
use kube::client::ConfigExt;
use tower::util::BoxCloneSyncService;
use tower::{BoxError, ServiceBuilder};

/// How long a connection is kept that nobody uses: less than the server does.
const IDLE: Duration = Duration::from_secs(60);

/// Bytes that are read at a time: most answers fit, and the buffer is new for each.
const READ: usize = 4 << 10;

/// What a request goes through.
pub(crate) type Transport = BoxCloneSyncService<Request<Full<Bytes>>, Response<Incoming>, BoxError>;

/// Makes a pool of connections with the layers of kube that find the server and say who we are. Its own client has a queue and a log around each
/// request, which are a tenth of what a request costs.
///
/// # Errors
/// What of the configuration can not be used.
pub(crate) fn connect(config: &Config) -> kube::Result<Transport> {
    let mut tcp = HttpConnector::new();
    tcp.enforce_http(false);
    tcp.set_nodelay(true);
    let tls = config.rustls_https_connector_with_connector(tcp)?;
    let mut pool = Client::builder(TokioExecutor::new());
    pool.pool_timer(TokioTimer::new()).pool_idle_timeout(IDLE).http1_read_buf_exact_size(READ);
    let layers = ServiceBuilder::new()
        .layer(config.base_uri_layer())
        .option_layer(config.auth_layer()?)
        .layer(config.extra_headers_layer()?)
        .map_err(BoxError::from);
    Ok(BoxCloneSyncService::new(layers.service(pool.build(tls))))
}

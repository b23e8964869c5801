//! Connections to the API server, for everything but watches.

use std::io;
use std::time::Duration;

use http::{Request, Response};
use http_body_util::BodyExt;
use http_body_util::combinators::UnsyncBoxBody;
use hyper::body::Bytes;
use hyper_timeout::TimeoutConnector;
use hyper_util::client::legacy::Client as Pool;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use kube::client::{Body, ConfigExt};
use kube::{Client, Config};
use tower::util::BoxCloneSyncService;
use tower::{BoxError, ServiceBuilder, ServiceExt};

/// How long a connection is kept that nobody uses: less than the server does.
const IDLE: Duration = Duration::from_secs(60);

/// An answer, whichever way it came.
type Answer = Response<UnsyncBoxBody<Bytes, io::Error>>;

/// What a request goes through.
pub(crate) enum Transport {
    /// A pool of connections with the layers of kube that find the server and say who we are. Kube's client has a queue and a log around each request
    /// beside them, which are a tenth of what a request costs.
    Pool(BoxCloneSyncService<Request<Body>, Answer, BoxError>),
    /// Kube's client, which knows the ways through a proxy.
    Client(Client),
}

impl Transport {
    /// Makes one, without connecting yet; `client` is of the same configuration.
    ///
    /// # Errors
    /// What of the configuration can not be used.
    pub(crate) fn new(config: &Config, client: &Client) -> kube::Result<Self> {
        if config.proxy_url.is_some() {
            return Ok(Self::Client(client.clone()));
        }
        let mut tcp = HttpConnector::new();
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        let mut connector = TimeoutConnector::new(config.rustls_https_connector_with_connector(tcp)?);
        connector.set_connect_timeout(config.connect_timeout);
        let pool = Pool::builder(TokioExecutor::new()).pool_timer(TokioTimer::new()).pool_idle_timeout(IDLE).build(connector);
        let layers = ServiceBuilder::new()
            .map_response(boxed)
            .layer(config.base_uri_layer())
            .option_layer(config.auth_layer()?)
            .layer(config.extra_headers_layer()?)
            .map_err(BoxError::from);
        Ok(Self::Pool(BoxCloneSyncService::new(layers.service(pool))))
    }

    /// Sends a request.
    ///
    /// # Errors
    /// Why there is no answer.
    pub(crate) async fn send(&self, request: Request<Body>) -> Result<Answer, BoxError> {
        match self {
            Self::Pool(pool) => pool.clone().oneshot(request).await,
            Self::Client(client) => client.send(request).await.map(boxed).map_err(|error| Box::new(error) as BoxError),
        }
    }
}

fn boxed<B: hyper::body::Body<Data = Bytes, Error: Into<BoxError>> + Send + 'static>(answer: Response<B>) -> Answer {
    answer.map(|body| body.map_err(io::Error::other).boxed_unsync())
}

//! Certificate, verification, rotation, health and metrics over HTTP.
//!
//! Nobody has to say who they are here, so nothing that is answered may tell anything of a plaintext: templates are never rendered, and an item opens or
//! it does not. Private operations take turns with those of the cluster's objects, each peer in its own line, and of each peer each client.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::body::to_bytes;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use axum::{Extension, Router};
use crds::SealedSecret;
use engine::manifest::{Format, Manifest, write};
use engine::open::{Pass, Progress};
use engine::reseal;
use engine::unseal;
use jiff::Timestamp;
use keys::SecretBytes;
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;
use tokio::time::Instant;

use crate::args::Settings;
use crate::context::Context;
use crate::limit::{Client, Limit};
use crate::listen::Peer;
use crate::metrics::MEDIA_TYPE;
use crate::slots::Line;
use crate::step::{Subject, step};

/// Largest request.
///
/// *Source*: sealed-secrets `pkg/controller/server.go`, main after 0.40.
const LONGEST_BODY: usize = 10 << 20;

/// Private operations that one request may cost; each further lot counts as a further request.
const OPERATIONS_A_REQUEST: usize = 64;

/// Largest object that is looked at: etcd keeps 1.5 MiB, and a tree in memory is many times as large as its text.
const LONGEST_OBJECT: usize = 3 << 20;

/// How long a client may take to send a body, while others wait for its room.
const LONGEST_UPLOAD: Duration = Duration::from_secs(10);

/// Requests with a body that are held in memory at a time: the longest ones must not take it all.
const BODIES: usize = 8;

/// Methods that are counted under their own names: a stranger's own inventions would be series without end.
const METHODS: [&str; 7] = ["DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"];

/// Media type of a certificate, upstream's.
const PEM: &str = "application/x-pem-file";

/// Ready to serve.
#[derive(Clone)]
struct Server {
    context: Arc<Context>,
    limit: Arc<Limit>,
    bodies: Arc<Semaphore>,
}

/// Why a request is not answered as asked.
enum No {
    /// Too many of them; the headers tell when the next one may come.
    Limited(Box<HeaderMap>),
    /// A status, and a line for people.
    Told(StatusCode, String),
}

impl IntoResponse for No {
    fn into_response(self) -> Response {
        match self {
            Self::Limited(headers) => (StatusCode::TOO_MANY_REQUESTS, *headers, "limit exceeded\n").into_response(),
            Self::Told(status, text) => (status, format!("{text}\n")).into_response(),
        }
    }
}

fn wrong(text: impl Into<String>) -> No {
    No::Told(StatusCode::INTERNAL_SERVER_ERROR, text.into())
}

/// The service for everybody.
fn service(context: &Arc<Context>) -> Router {
    let limit = Arc::new(Limit::new(context.settings.rate_limit, context.settings.rate_limit_burst));
    let server = Server { context: Arc::clone(context), limit, bodies: Arc::new(Semaphore::new(BODIES)) };
    Router::new()
        .route("/healthz", any(async || "ok\n"))
        .route("/readyz", any(readyz))
        .route("/v1/cert.pem", any(certificate))
        .route("/v1/verify", any(verify))
        .route("/v1/rotate", any(rotate))
        .layer(from_fn_with_state(server.clone(), count))
        .with_state(server)
}

/// The service for Prometheus.
fn metrics(context: &Arc<Context>) -> Router {
    Router::new().route("/metrics", any(figures)).with_state(Arc::clone(context))
}

/// The service for probes alone.
fn health(context: &Arc<Context>) -> Router {
    let ready = async |State(context): State<Arc<Context>>| readiness(&context);
    Router::new().route("/healthz", any(async || "ok\n")).route("/readyz", any(ready)).with_state(Arc::clone(context))
}

/// What is served where: services of one address share it.
pub(crate) fn services(context: &Arc<Context>) -> Vec<(SocketAddr, Router)> {
    let Settings { listen_addr, listen_metrics_addr, live_addr, .. } = &context.settings;
    let mut services = vec![(*listen_addr, service(context))];
    // Probes are answered there already.
    let live = live_addr.0.filter(|live| live != listen_addr);
    for (address, service) in [(listen_metrics_addr.0, metrics(context)), (live, health(context))] {
        let Some(address) = address else { continue };
        match services.iter_mut().find(|(taken, _)| *taken == address) {
            Some((_, there)) => *there = std::mem::take(there).merge(service),
            None => services.push((address, service)),
        }
    }
    services
}

async fn count(State(server): State<Server>, mut request: Request, next: Next) -> Response {
    let started = Instant::now();
    let path = ["/healthz", "/readyz", "/v1/cert.pem", "/v1/verify", "/v1/rotate"].into_iter().find(|path| *path == request.uri().path());
    let method = METHODS.into_iter().find(|method| *method == request.method().as_str()).unwrap_or("OTHER");
    let client = client(&request);
    request.extensions_mut().insert(client);
    let (read, write) = (server.context.settings.read_timeout, server.context.settings.write_timeout);
    // Zero means for ever, as in Go.
    let limit = if read.is_zero() || write.is_zero() { Duration::MAX } else { read.saturating_add(write) };
    let response = match tokio::time::timeout(limit, next.run(request)).await {
        Ok(response) => response,
        Err(_) => (StatusCode::REQUEST_TIMEOUT, "too slow\n").into_response(),
    };
    server.context.metrics.answered(path.unwrap_or("other"), method, response.status().as_u16(), started.elapsed());
    response
}

/// Behind the API server's proxy all clients have its address, and its word for theirs, which is the last one. Whoever asks directly writes there what they
/// like.
fn client(request: &Request) -> Client {
    let last = |value: &str| value.rsplit(',').next().unwrap_or_default().trim().chars().take(64).collect::<String>();
    let forwarded = request.headers().get("x-forwarded-for").and_then(|value| value.to_str().ok()).map(last);
    let peer = request.extensions().get::<Peer>().map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |peer| peer.0.ip());
    Client { peer, forwarded: forwarded.unwrap_or_default() }
}

async fn readyz(State(server): State<Server>) -> Response {
    readiness(&server.context)
}

fn readiness(context: &Context) -> Response {
    if context.keyring.ring().newest().is_some() && context.index.is_complete() {
        return "ok\n".into_response();
    }
    (StatusCode::SERVICE_UNAVAILABLE, "not ready\n").into_response()
}

async fn certificate(State(server): State<Server>) -> Response {
    match server.context.keyring.ring().newest() {
        Some((_, certificate)) => ([(header::CONTENT_TYPE, PEM)], certificate.to_pem()).into_response(),
        None => (StatusCode::INTERNAL_SERVER_ERROR, "cannot get certificate\n").into_response(),
    }
}

async fn verify(State(server): State<Server>, Extension(client): Extension<Client>, request: Request) -> Result<Response, No> {
    let headers = server.check("/v1/verify", &client)?;
    let object = server.read(request).await?;
    let verdict = if open(&server, "/v1/verify", &client, object).await?.is_some() { StatusCode::OK } else { StatusCode::CONFLICT };
    Ok((verdict, headers).into_response())
}

async fn rotate(State(server): State<Server>, Extension(client): Extension<Client>, request: Request) -> Result<Response, No> {
    let headers = server.check("/v1/rotate", &client)?;
    let failed = || wrong("cannot rotate the SealedSecret");
    let object = server.read(request).await?;
    if unseal::is_blob(&object) {
        return Err(failed());
    }
    let (object, items) = open(&server, "/v1/rotate", &client, object).await?.ok_or_else(failed)?;
    let ring = server.context.keyring.ring();
    let sealed = spawn_blocking(move || {
        let (_, certificate) = ring.newest().filter(|(_, certificate)| !certificate.is_expired(Timestamp::now()))?;
        reseal::rotate(&object, &items, certificate).ok()
    });
    let text = sealed.await.ok().flatten().and_then(|object| write(&object, Format::Json).ok()).ok_or_else(failed)?;
    Ok((headers, [(header::CONTENT_TYPE, "application/json")], text.to_string()).into_response())
}

impl Server {
    fn check(&self, route: &str, client: &Client) -> Result<HeaderMap, No> {
        self.limit.check(route, client).map_err(|headers| No::Limited(Box::new(headers)))
    }

    /// Reads the object of a request: only some at a time, none that dawdles, and away from the threads that serve everybody.
    async fn read(&self, request: Request) -> Result<SealedSecret, No> {
        let too_long = || No::Told(StatusCode::PAYLOAD_TOO_LARGE, format!("more than {LONGEST_BODY} bytes"));
        let breaks_off = || No::Told(StatusCode::BAD_REQUEST, "the request breaks off".to_owned());
        let length = request.headers().get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<usize>().ok());
        if length.is_some_and(|length| length > LONGEST_BODY) {
            return Err(too_long());
        }
        // A semaphore that nobody closes.
        let room = Arc::clone(&self.bodies).acquire_owned().await.map_err(|_| wrong("the controller ends"))?;
        let body = tokio::time::timeout(LONGEST_UPLOAD, to_bytes(request.into_body(), LONGEST_BODY)).await;
        let body = match body {
            Err(_) => return Err(No::Told(StatusCode::REQUEST_TIMEOUT, "too slow".to_owned())),
            Ok(Err(error)) => return Err(if error.into_inner().is::<http_body_util::LengthLimitError>() { too_long() } else { breaks_off() }),
            Ok(Ok(body)) => SecretBytes::new(body.to_vec()),
        };
        if body.len() > LONGEST_OBJECT {
            return Err(wrong("read the request: no object in a cluster is as large"));
        }
        let object = spawn_blocking(move || {
            let object = parse(&body);
            drop(room);
            object
        });
        object.await.map_err(|_| wrong("read the request"))?
    }
}

/// One SealedSecret, JSON or YAML.
fn parse(body: &SecretBytes) -> Result<SealedSecret, No> {
    let manifest = Manifest::parse(body).map_err(|error| wrong(error.to_string()))?;
    let objects = manifest.objects().map_err(|error| wrong(error.to_string()))?;
    let [object] = objects.as_slice() else {
        return Err(wrong("read the request: one SealedSecret is expected"));
    };
    object.to_sealed_secret().map_err(|error| wrong(error.to_string()))
}

type Items = std::collections::BTreeMap<String, SecretBytes>;

/// Opens every item; None if one does not open, whichever and why.
async fn open(server: &Server, route: &'static str, client: &Client, object: SealedSecret) -> Result<Option<(Arc<SealedSecret>, Items)>, No> {
    let context = &server.context;
    if unseal::is_blob(&object) && !context.settings.accept_deprecated_v1_data {
        return Ok(None);
    }
    let Ok(subject) = unseal::to_open(&object) else { return Ok(None) };
    let subject = Subject { object: Arc::new(subject.into_owned()), ring: context.keyring.ring() };
    let mut pass = Pass::begin(&subject.object);
    loop {
        match step(&context.slots, (Line::Request(client.peer), &client.forwarded), &subject, pass, OPERATIONS_A_REQUEST).await {
            Ok(Ok(Progress::Paused(next))) => pass = next,
            Ok(Ok(Progress::Done(items, _))) => return Ok(Some((subject.object, items))),
            _ => return Ok(None),
        }
        server.check(route, client)?;
    }
}

async fn figures(State(context): State<Arc<Context>>) -> Response {
    let ring = context.keyring.ring();
    let now = &context.metrics.now;
    let signed = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
    now.queue_depth.set(signed(context.queue.len()));
    now.objects.set(signed(context.index.len()));
    now.keys.set(signed(ring.keys().len()));
    now.broken_keys.set(i64::try_from(context.keyring.broken()).unwrap_or(i64::MAX));
    now.key_age.set(ring.newest().map_or(-1, |(key, _)| Timestamp::now().as_second() - key.since.as_second()));
    now.leader.set(i64::from(context.lead.leads()));
    now.operations.set(i64::try_from(context.slots.handed_out()).unwrap_or(i64::MAX));
    now.operations_cpu.set(context.slots.spent().as_secs_f64());
    ([(header::CONTENT_TYPE, MEDIA_TYPE)], context.metrics.text()).into_response()
}

/// A header of the limits.
pub(crate) fn number(headers: &mut HeaderMap, name: &'static str, value: u64) {
    headers.insert(HeaderName::from_static(name), HeaderValue::from(value));
}

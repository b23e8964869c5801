//! An API server that fails as asked: what stands before the real one, and passes on what it does not spoil.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use tokio::net::TcpListener;
use tokio::runtime::Builder;

use crate::cluster::Cluster;

/// What is done to a request.
#[derive(Clone, Debug)]
pub enum Fault {
    /// It is answered with this status, whose reason and `Retry-After` come along.
    Refuse(u16, &'static str, Option<u64>),
    /// It is answered late.
    Late(Duration),
    /// It is carried out, but the answer is lost.
    Lost,
}

/// Which requests are spoiled, and how often.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Method, such as POST.
    pub method: &'static str,
    /// What the path and query must hold.
    pub part: String,
    /// What is done.
    pub fault: Fault,
    /// How many requests.
    pub times: usize,
}

#[derive(Default)]
struct State {
    plans: VecDeque<Plan>,
    down: bool,
    spoiled: usize,
}

/// A running stand-in; its thread ends with the process.
pub struct Flaky {
    state: Arc<Mutex<State>>,
    kubeconfig: std::path::PathBuf,
}

type Answer = Response<http_body_util::combinators::UnsyncBoxBody<Bytes, kube::Error>>;

impl Flaky {
    /// Starts one before a cluster.
    ///
    /// # Panics
    /// If it does not start.
    #[must_use]
    pub fn start(cluster: &Cluster, name: &str) -> Self {
        let state = Arc::new(Mutex::new(State::default()));
        let (sender, receiver) = std::sync::mpsc::channel();
        let (shared, real) = (Arc::clone(&state), cluster.kubeconfig());
        thread::spawn(move || {
            let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime can be made");
            runtime.block_on(async move {
                let client = client(&real).await;
                let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
                sender.send(listener.local_addr().expect("it has an address").port()).expect("somebody waits");
                loop {
                    let Ok((stream, _)) = listener.accept().await else { continue };
                    if shared.lock().unwrap_or_else(PoisonError::into_inner).down {
                        continue;
                    }
                    let (client, state) = (client.clone(), Arc::clone(&shared));
                    tokio::spawn(async move {
                        let service = service_fn(|request| answer(client.clone(), Arc::clone(&state), request));
                        let connection = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
                        let down = async {
                            while !state.lock().unwrap_or_else(PoisonError::into_inner).down {
                                tokio::time::sleep(Duration::from_millis(20)).await;
                            }
                        };
                        // A broken connection is the client's to report.
                        tokio::select! {
                            _ = connection => {}
                            () = down => {}
                        }
                    });
                }
            });
        });
        let port = receiver.recv().expect("the stand-in starts");
        let kubeconfig = cluster.folder().join(format!("kubeconfig-{name}"));
        let text = std::fs::read_to_string(cluster.kubeconfig()).expect("the cluster's kubeconfig");
        let server = format!("https://127.0.0.1:{}", cluster.port());
        std::fs::write(&kubeconfig, text.replace(&server, &format!("http://127.0.0.1:{port}"))).expect("a kubeconfig can be written");
        Self { state, kubeconfig }
    }

    /// Leads to it.
    #[must_use]
    pub fn kubeconfig(&self) -> &Path {
        &self.kubeconfig
    }

    /// Spoils requests from now on.
    pub fn spoil(&self, plan: Plan) {
        self.lock().plans.push_back(plan);
    }

    /// Drops every connection, and takes none, until it is up again.
    pub fn set_down(&self, down: bool) {
        self.lock().down = down;
    }

    /// How many requests were spoiled so far.
    #[must_use]
    pub fn spoiled(&self) -> usize {
        self.lock().spoiled
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn client(kubeconfig: &Path) -> Client {
    let kubeconfig = Kubeconfig::read_from(kubeconfig).expect("our kubeconfig can be read");
    let mut config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await.expect("our kubeconfig is whole");
    config.read_timeout = None;
    config.default_retry = false;
    Client::try_from(config).expect("a client can be made")
}

async fn answer(client: Client, state: Arc<Mutex<State>>, request: Request<Incoming>) -> Result<Answer, Infallible> {
    let fault = fault(&state, &request);
    let (mut head, body) = request.into_parts();
    let body = body.collect().await.map(http_body_util::Collected::to_bytes).unwrap_or_default();
    // The stand-in has an account of its own.
    head.headers.remove("authorization");
    head.headers.remove("host");
    let forward = async || client.send(Request::from_parts(head, kube::client::Body::from(body.to_vec()))).await;
    let answer = match fault {
        Some(Fault::Refuse(status, reason, retry_after)) => return Ok(refusal(status, reason, retry_after)),
        Some(Fault::Lost) => {
            let _ = forward().await;
            return Ok(refusal(502, "", None));
        }
        Some(Fault::Late(time)) => {
            tokio::time::sleep(time).await;
            forward().await
        }
        None => forward().await,
    };
    Ok(answer.map_or_else(|_| refusal(502, "", None), |answer| answer.map(|body| body.boxed_unsync())))
}

fn fault(state: &Mutex<State>, request: &Request<Incoming>) -> Option<Fault> {
    let mut state = state.lock().unwrap_or_else(PoisonError::into_inner);
    let target = request.uri().to_string();
    let plan = state.plans.iter_mut().find(|plan| plan.times > 0 && plan.method == request.method().as_str() && target.contains(&plan.part))?;
    plan.times -= 1;
    let fault = plan.fault.clone();
    state.spoiled += 1;
    Some(fault)
}

fn refusal(status: u16, reason: &str, retry_after: Option<u64>) -> Answer {
    let body = serde_json::json!({"kind": "Status", "apiVersion": "v1", "status": "Failure", "message": "spoiled", "reason": reason, "code": status});
    let mut answer = Response::builder().status(status).header("content-type", "application/json");
    if let Some(seconds) = retry_after {
        answer = answer.header("retry-after", seconds);
    }
    let body = Full::new(Bytes::from(body.to_string())).map_err(|never| match never {}).boxed_unsync();
    answer.body(body).expect("an answer can be made")
}

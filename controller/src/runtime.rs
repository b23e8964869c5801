//! The composition root: client, Lease, tasks, and their end.

use std::env;
use std::fs;
use std::future::pending;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use keys::{SecretBytes, Tagger};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{Notify, oneshot};
use tokio::task::JoinSet;
use tokio::time::timeout;
use tracing::{error, info, warn};

use crate::api::{Api, Pace};
use crate::args::{Arguments, Settings};
use crate::context::Context;
use crate::external::External;
use crate::index::Index;
use crate::keyring::{self, Keyring};
use crate::lease::{Candidate, Lead};
use crate::metrics::Metrics;
use crate::queue::Queue;
use crate::slots::Slots;
use crate::transport::Transport;
use crate::{external, http, listen, reconciler, watch};

/// Objects that have their turn at a time; what they do between two requests is little.
const TURNS: usize = 32;

/// How long open requests may take when the process is asked to end, and how long the Lease may take to be given back.
const FAREWELL: Duration = Duration::from_secs(5);

/// Where a Pod finds its namespace.
const NAMESPACE_FILE: &str = "/var/run/secrets/kubernetes.io/serviceaccount/namespace";

/// Runs until it is told to end.
///
/// # Errors
/// Why it can not start, or go on.
pub(crate) async fn run(arguments: Arguments, slots: Arc<Slots>) -> Result<(), String> {
    arguments.check()?;
    let mut config = config(&arguments).await?;
    // We wait and try again ourselves, and know better when.
    config.default_retry = false;
    let namespace = namespace(&config);
    let settings = arguments.settings(namespace)?;
    let lead = Arc::new(Lead::default());
    let api = api(config, settings.pace, Arc::clone(&lead)).map_err(|error| format!("make a client of the API server: {error}"))?;
    let context = Arc::new(context(api, lead, slots, settings)?);
    let (mut tasks, mut doors) = (JoinSet::new(), JoinSet::new());
    let (close, closed) = oneshot::channel::<()>();
    let closed = closed.map(drop).shared();
    for (address, service) in http::services(&context) {
        let listener = listen::bind(address).await?;
        doors.spawn(listen::serve(listener, service, context.settings.read_timeout, closed.clone()));
    }
    info!(namespace = context.settings.namespace, version = env!("CARGO_PKG_VERSION"), "starting");
    let mut candidate = Candidate::new(Arc::clone(&context.api), &context.settings.namespace, context.settings.lease.as_deref(), identity());
    let ended = tokio::select! {
        ended = work(Arc::clone(&context), &mut candidate, &mut tasks) => ended,
        // They are open for as long as nobody closes them.
        _ = doors.join_next() => Err("go on: a task of the controller failed".to_owned()),
        () = told_to_end() => Ok(()),
    };
    info!("ending");
    drop(close);
    tasks.shutdown().await;
    // What was asked is answered, which needs no Lease: whoever leads next does not wait for that, nor does this process for a server that is away.
    let answered = async { while doors.join_next().await.is_some() {} };
    let resigned = async {
        if context.lead.leads() {
            candidate.resign().await;
        }
    };
    let _ = tokio::join!(timeout(FAREWELL, answered), timeout(FAREWELL, resigned));
    ended
}

fn api(config: Config, pace: Option<Pace>, lead: Arc<Lead>) -> kube::Result<Api> {
    let client = Client::try_from(config.clone())?;
    let transport = Transport::new(&config, &client)?;
    Ok(Api::new(client, transport, pace, lead))
}

fn context(api: Api, lead: Arc<Lead>, slots: Arc<Slots>, settings: Settings) -> Result<Context, String> {
    let variables =
        env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, SecretBytes::new(value.into_encoded_bytes())))).collect();
    let external = External::new(settings.external.clone().settings(settings.allow_secret_type.clone(), variables));
    Ok(Context {
        api: Arc::new(api),
        index: Index::new(!settings.skip_recreate, settings.update_status),
        queue: Queue::new(TURNS),
        slots,
        keyring: Keyring::default(),
        lead,
        metrics: Metrics::new(settings.metrics_omit_secret_labels).with(|registry| external.metrics.register(registry)),
        external,
        tagger: Tagger::make().map_err(|error| error.to_string())?,
        settings,
    })
}

/// Watches at once, so that a follower is warm; writes only while it leads.
async fn work(context: Arc<Context>, candidate: &mut Candidate, tasks: &mut JoinSet<()>) -> Result<(), String> {
    let (sender, keys_listed) = oneshot::channel();
    tasks.spawn(watch::keys(Arc::clone(&context), Some(sender)));
    let asked = Arc::new(Notify::new());
    tasks.spawn(listen_for_new_keys(Arc::clone(&asked)));
    if context.external.settings.on {
        external::watch::look(&context).await;
        tasks.spawn(external::watch::run(Arc::clone(&context)));
    }
    // A Lease is not renewed before everything is known, so it is not taken either: nobody knows how long that takes, and who knows all may lead meanwhile.
    tokio::select! {
        () = warm(&context, tasks, keys_listed) => {}
        () = candidate.look() => {}
    }
    candidate.win(&context.lead).await;
    // Not before the keys that exist were read: a first key is made only where there is none.
    tasks.spawn(keyring::renew(Arc::clone(&context), asked));
    tasks.spawn(dispatch(Arc::clone(&context)));
    let ended = async {
        loop {
            match tasks.join_next().await {
                // Each of them goes on for ever.
                Some(Ok(())) => warn!("a task ended"),
                Some(Err(error)) if error.is_panic() => return Err("go on: a task of the controller failed".to_owned()),
                Some(Err(_)) => {}
                None => pending::<()>().await,
            }
        }
    };
    tokio::select! {
        ended = ended => ended,
        () = candidate.hold(&context.lead) => Ok(()),
    }
}

/// Starts to watch, and waits until everything was listed once.
async fn warm(context: &Arc<Context>, tasks: &mut JoinSet<()>, keys_listed: oneshot::Receiver<()>) {
    let namespaces: Vec<Option<String>> = match &context.settings.namespaces {
        None => vec![None],
        Some(namespaces) => namespaces.iter().cloned().map(Some).collect(),
    };
    let mut listed = Vec::new();
    for namespace in &namespaces {
        if !context.settings.skip_recreate {
            let (sender, receiver) = oneshot::channel();
            tasks.spawn(watch::secrets(Arc::clone(context), namespace.clone(), Some(sender)));
            listed.push(receiver);
        }
    }
    // Secrets first: when a SealedSecret comes, it is known at once whether its Secret is as it was left.
    for receiver in listed.drain(..) {
        let _ = receiver.await;
    }
    let _ = keys_listed.await;
    for namespace in namespaces {
        let (sender, receiver) = oneshot::channel();
        tasks.spawn(watch::sources(Arc::clone(context), namespace, Some(sender)));
        listed.push(receiver);
    }
    for receiver in listed {
        let _ = receiver.await;
    }
    context.index.complete();
    info!(objects = context.index.len(), "all objects are known");
}

/// Gives every object its turn.
async fn dispatch(context: Arc<Context>) {
    context.queue.open();
    let mut turns = JoinSet::new();
    loop {
        tokio::select! {
            work = context.queue.next() => drop(turns.spawn(turn(Arc::clone(&context), work))),
            Some(_) = turns.join_next() => {}
        }
    }
}

/// A turn that fails by a fault of ours must not keep its object out for ever.
async fn turn(context: Arc<Context>, work: crate::queue::Work) {
    let key = work.key.clone();
    // Whatever it held is dropped, and its locks are taken by whoever comes next as they are.
    if AssertUnwindSafe(reconciler::take_turn(Arc::clone(&context), work)).catch_unwind().await.is_err() {
        error!(object = %key, "a turn failed by a fault of the controller; please report it");
        context.queue.add_later(key.clone(), Duration::from_secs(300));
        context.queue.done(&key);
    }
}

async fn config(arguments: &Arguments) -> Result<Config, String> {
    match &arguments.kubeconfig {
        None => Config::incluster().map_err(|error| format!("use the Pod's service account: {error}; outside of a cluster give --kubeconfig")),
        Some(file) => {
            let kubeconfig = Kubeconfig::read_from(file).map_err(|_| format!("read the kubeconfig {}", file.display()))?;
            let config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await;
            config.map_err(|error| format!("use the kubeconfig {}: {error}", file.display()))
        }
    }
}

/// The namespace of keys, Lease and Service.
fn namespace(config: &Config) -> String {
    let named = env::var("POD_NAMESPACE").ok().or_else(|| fs::read_to_string(NAMESPACE_FILE).ok());
    named.map(|name| name.trim().to_owned()).filter(|name| !name.is_empty()).unwrap_or_else(|| config.default_namespace.clone())
}

/// Who this is among the replicas.
fn identity() -> String {
    let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
    let dice = keys::Fingerprint::of(format!("{host} {} {:?}", std::process::id(), std::time::SystemTime::now()).as_bytes());
    format!("{host}_{}", dice.short())
}

async fn told_to_end() {
    let end = |kind| signal(kind).ok();
    let (mut terminate, mut interrupt) = (end(SignalKind::terminate()), end(SignalKind::interrupt()));
    let wait = async |signal: &mut Option<tokio::signal::unix::Signal>| match signal {
        Some(signal) => drop(signal.recv().await),
        None => pending().await,
    };
    tokio::select! {
        () = wait(&mut terminate) => {}
        () = wait(&mut interrupt) => {}
    }
}

/// SIGUSR1 asks for a new key, as upstream's does.
async fn listen_for_new_keys(asked: Arc<Notify>) {
    let Ok(mut signals) = signal(SignalKind::user_defined1()) else { return pending().await };
    while signals.recv().await.is_some() {
        asked.notify_one();
    }
}

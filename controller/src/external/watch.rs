//! What happens to ExternalSecrets and to what they are made of, for ever: to index and queues.

use std::collections::HashSet;
use std::fmt::Debug;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use crds::{ClusterSecretStore, ExternalSecret, SecretStore};
use futures_util::StreamExt;
use http::Method;
use k8s_openapi::api::core::v1::{ConfigMap, Namespace};
use kube::core::PartialObjectMeta;
use kube::runtime::watcher::{Config, DefaultBackoff, Event};
use kube::runtime::{WatchStreamExt, watcher};
use kube::{Api, Resource, ResourceExt};
use serde::de::DeserializeOwned;
use tokio::sync::oneshot;
use tokio::task::JoinSet;
use tokio::time::sleep;
use tracing::{info, warn};

use super::cluster;
use super::examine::{self, AnyStore};
use super::index::News;
use super::stores::StoreId;
use super::texts::Place;
use super::turn;
use crate::api::Refusal;
use crate::context::Context;
use crate::key::{Key, Mark, Version};
use crate::lenient::Lenient;
use crate::queue::{Object, Queue};
use crate::watch::{PAGE, trouble};

/// How often the server is asked whether it has the kinds now.
const ASKED_AGAIN: Duration = Duration::from_secs(60);

/// How long the start may be put off by the first look.
const FIRST_LOOK: Duration = Duration::from_secs(2);

/// How often answers of stores are forgotten that nobody waits for.
const CLEANED: Duration = Duration::from_secs(5);

/// A watch that ends what it watches for, as kube has it, with lists at which odd objects do not end all others.
macro_rules! follow {
    ($context:expr, $api:expr, $what:expr, $namespace:expr, $event:ident => $handle:expr) => {{
        let config = Config::default().page_size(PAGE);
        let mut events = pin!(watcher($api, config).backoff(DefaultBackoff::default()));
        let mut last = String::new();
        while let Some(event) = events.next().await {
            match event {
                Ok($event) => {
                    last.clear();
                    $handle
                }
                Err(error) => trouble($what, $namespace, &error, &mut last),
            }
        }
    }};
}

/// Asks for one object, of all or of the first namespace.
async fn list_one(context: &Context) -> Result<(), Refusal> {
    let path = "/apis/external-secrets.io/v1/externalsecrets?limit=1";
    let path = match &context.settings.namespaces {
        None => path.to_owned(),
        Some(namespaces) => {
            let first = namespaces.first().map_or("", String::as_str);
            format!("/apis/external-secrets.io/v1/namespaces/{first}/externalsecrets?limit=1")
        }
    };
    context.api.send(Method::GET, &path, None).await.map(drop)
}

/// Before anything is watched: if the server has the kinds, Secrets are noted from the first one on. If it has not, or does not answer, each is looked at when
/// its object comes.
pub(crate) async fn look(context: &Context) {
    if tokio::time::timeout(FIRST_LOOK, list_one(context)).await.is_ok_and(|listed| listed.is_ok()) {
        context.external.index.note_secrets();
    }
}

/// Waits until the server has the kinds and lets us list them.
async fn available(context: &Context) {
    let mut told = false;
    loop {
        match list_one(context).await {
            Ok(()) => return,
            Err(Refusal { status: 403 | 404, .. }) if !told => {
                info!("ExternalSecrets are not looked at: the kind is not there, or the right to list it");
                told = true;
            }
            Err(no) if !matches!(no.status, 403 | 404) => warn!(error = %no, "cannot list ExternalSecrets"),
            Err(_) => {}
        }
        sleep(ASKED_AGAIN).await;
    }
}

/// Watches everything that ExternalSecrets are made of, and gives each its turn while this process leads.
pub(crate) async fn run(context: Arc<Context>) {
    available(&context).await;
    let mut tasks = JoinSet::new();
    let namespaces: Vec<Option<String>> = match &context.settings.namespaces {
        None => vec![None],
        Some(namespaces) => namespaces.iter().cloned().map(Some).collect(),
    };
    let stores = Arc::new(tokio::sync::Semaphore::new(0));
    let mut lists = 0;
    if context.settings.namespaces.is_none() {
        if context.external.settings.cluster_stores {
            lists += 1;
            tasks.spawn(cluster_stores(Arc::clone(&context), Arc::clone(&stores)));
        }
        lists += 1;
        tasks.spawn(self::namespaces(Arc::clone(&context), Arc::clone(&stores)));
    }
    for namespace in &namespaces {
        lists += 1;
        tasks.spawn(secret_stores(Arc::clone(&context), namespace.clone(), Arc::clone(&stores)));
    }
    // Stores and Secrets first: when an ExternalSecret comes, it is known at once whether they are as they were left.
    drop(stores.acquire_many(lists).await);
    while !context.index.is_complete() {
        sleep(Duration::from_millis(20)).await;
    }
    for namespace in namespaces {
        let (told, listed) = oneshot::channel();
        tasks.spawn(objects(Arc::clone(&context), namespace.clone(), told));
        tasks.spawn(config_maps(Arc::clone(&context), namespace, listed));
    }
    if context.settings.namespaces.is_none() && context.external.settings.cluster_external_secrets {
        tasks.spawn(cluster::watch(Arc::clone(&context)));
        tasks.spawn(spread(Arc::clone(&context)));
    }
    tasks.spawn(dispatch(Arc::clone(&context)));
    tasks.spawn(examinations(Arc::clone(&context)));
    tasks.spawn(clean(Arc::clone(&context)));
    while let Some(ended) = tasks.join_next().await {
        // Each of them goes on for ever; the end of one by a fault of ours ends the process, which is started again.
        if ended.is_err_and(|error| error.is_panic()) {
            std::process::abort();
        }
    }
}

fn api<K: Resource<Scope = k8s_openapi::NamespaceResourceScope, DynamicType = ()>>(context: &Context, namespace: Option<&str>) -> Api<K> {
    namespace.map_or_else(|| Api::all(context.api.client()), |namespace| Api::namespaced(context.api.client(), namespace))
}

async fn objects(context: Arc<Context>, namespace: Option<String>, listed: oneshot::Sender<()>) {
    let namespace = namespace.as_deref();
    let (mut seen, mut listed) = (HashSet::new(), Some(listed));
    let external = &context.external;
    follow!(context, api::<Lenient<ExternalSecret>>(&context, namespace), "ExternalSecrets", namespace, event => match event {
        Event::Init => {
            seen.clear();
            external.index.begin();
        }
        Event::InitApply(object) => {
            seen.insert(Key::of(&object));
            changed(&context, object);
        }
        Event::InitDone => {
            for key in external.index.keys(namespace).into_iter().filter(|key| !seen.contains(key)) {
                gone(&context, &key, None);
            }
            seen = HashSet::new();
            external.index.complete();
            // Nobody listens the second time.
            let _ = listed.take().map(|listed| listed.send(()));
            info!(objects = external.index.len(), "all ExternalSecrets are known");
        }
        Event::Apply(object) => changed(&context, object),
        Event::Delete(object) => gone(&context, &Key::of(&object), object.meta().uid.as_deref()),
    });
}

fn changed(context: &Context, object: Lenient<ExternalSecret>) {
    let key = Key::of(&object);
    let Some(object) = object.read() else {
        warn!(object = %key, "the ExternalSecret cannot be read, and is left out");
        return;
    };
    let external = &context.external;
    match external.index.observe(&object) {
        News::None => {}
        News::Changed => {
            external.clusters.stir();
            external.queue.add(key, Some(object));
        }
        News::First => {
            let failed = object.status.as_ref().is_none_or(|status| status.conditions.iter().any(|condition| condition.status != "True"));
            let due = engine::external::refresh::due(&object, jiff::Timestamp::now()).is_ok_and(|due| due.now);
            let other_stores = has_other_stores(context, &object);
            let stirred = external.index.with(&key, |entry| {
                if other_stores {
                    entry.stirred = Some(tokio::time::Instant::now());
                }
                entry.stirred.is_some()
            });
            let stirred = stirred.unwrap_or_default();
            if failed || due || stirred || object.metadata.deletion_timestamp.is_some() || !external.index.is_untouched(&key) {
                external.queue.add(key, Some(object));
            } else {
                external.metrics.judged(&key, true);
                turn::schedule(context, &key, &object);
            }
        }
    }
}

/// Whether a store of the object changed while nobody looked.
fn has_other_stores(context: &Context, object: &ExternalSecret) -> bool {
    let before = object.status.as_ref().and_then(|status| status.produced.as_ref()?.stores.as_ref());
    before.is_some_and(|before| context.external.stores.version(object).is_some_and(|now| now != *before))
}

fn gone(context: &Context, key: &Key, uid: Option<&str>) {
    context.external.clusters.stir();
    if context.external.index.forget(key, uid) {
        context.external.queue.forget(key);
        context.external.metrics.forget(key);
    }
}

/// A Secret changed, or is gone: it may be a target, a template, or a credential.
pub(crate) fn observe_secret(context: &Context, key: &Key, version: Option<Version>) {
    let external = &context.external;
    for object in external.index.observe_secret(key, version) {
        external.queue.add(object, None);
    }
    if !context.queue.is_open() {
        return;
    }
    for object in external.index.observe_text(&(true, key.clone()), version) {
        external.queue.add(object, None);
    }
    credential_changed(context, &(true, key.clone()));
}

/// A Secret or a ConfigMap changed, or is gone: stores may have signed in with it, or trust whom it names.
fn credential_changed(context: &Context, place: &Place) {
    let external = &context.external;
    for store in external.stores.observe_credential(place) {
        external.examinations.add(store.0.clone(), None);
        for object in external.index.waiting_for(&store) {
            external.queue.add(object, None);
        }
    }
}

async fn config_maps(context: Arc<Context>, namespace: Option<String>, listed: oneshot::Receiver<()>) {
    let namespace = namespace.as_deref();
    // Objects first: what they were made of is held against what there is.
    let _ = listed.await;
    let external = &context.external;
    let observe = |map: &Lenient<PartialObjectMeta<ConfigMap>>| {
        let place = (false, Key::of(map));
        for object in external.index.observe_text(&place, Some(Version::of(map))) {
            external.queue.add(object, None);
        }
        credential_changed(&context, &place);
    };
    follow!(context, api::<Lenient<PartialObjectMeta<ConfigMap>>>(&context, namespace), "ConfigMaps", namespace, event => match event {
        Event::Init | Event::InitDone => {}
        Event::InitApply(map) | Event::Apply(map) => observe(&map),
        Event::Delete(map) => credential_changed(&context, &(false, Key::of(&map))),
    });
}

fn store_changed(context: &Context, id: StoreId, store: Option<AnyStore>) {
    let Some(store) = store else {
        warn!(store = id.title(), "the store cannot be read, and is left out");
        return;
    };
    let external = &context.external;
    let uid = Mark::of(store.metadata.uid.as_deref().unwrap_or_default());
    let ready = store.is_ready();
    let interval = examine::interval(context, &store.spec);
    let generation = store.metadata.generation.unwrap_or_default();
    let before = external.stores.get(&id);
    let known = before.as_ref().is_some_and(|before| before.uid == uid && before.generation == generation);
    // What this process found out counts more than what an older status says.
    let ready = if known { before.as_ref().is_some_and(|before| before.ready) } else { ready };
    if !external.stores.observe(id.clone(), uid, generation, store.spec, ready) {
        return;
    }
    if before.is_none() && ready {
        // It was examined by whoever led before.
        let interval = interval.unwrap_or(external.settings.store_interval);
        external.metrics.store_judged(&id.0, true);
        external.examinations.add_later(id.0, crate::reconciler::jittered(interval));
        return;
    }
    if before.is_some() {
        for object in external.index.stir(&id) {
            external.queue.add(object, None);
        }
    }
    external.examinations.add(id.0, None);
}

fn store_gone(context: &Context, id: &StoreId) {
    context.external.stores.forget(id);
    context.external.examinations.forget(&id.0);
    context.external.metrics.forget_store(&id.0);
}

async fn secret_stores(context: Arc<Context>, namespace: Option<String>, ready: Arc<tokio::sync::Semaphore>) {
    let read = |store: SecretStore| AnyStore { metadata: store.metadata, spec: store.spec, status: store.status };
    let namespace = namespace.as_deref();
    let here = |id: &StoreId| !id.is_cluster() && namespace.is_none_or(|namespace| id.namespace() == namespace);
    stores(&context, api(&context, namespace), ("SecretStores", namespace), here, read, ready).await;
}

async fn cluster_stores(context: Arc<Context>, ready: Arc<tokio::sync::Semaphore>) {
    let read = |store: ClusterSecretStore| AnyStore { metadata: store.metadata, spec: store.spec.0, status: store.status };
    stores(&context, Api::all(context.api.client()), ("ClusterSecretStores", None), StoreId::is_cluster, read, ready).await;
}

/// Watches stores of one kind; `here` tells which of all that are known such a list would have.
async fn stores<K>(
    context: &Context,
    api: Api<Lenient<K>>,
    (what, namespace): (&str, Option<&str>),
    here: impl Fn(&StoreId) -> bool,
    read: impl Fn(K) -> AnyStore,
    ready: Arc<tokio::sync::Semaphore>,
) where
    K: Resource<DynamicType = ()> + DeserializeOwned + Clone + Debug + Send + 'static,
{
    let mut seen = HashSet::new();
    let mut once = Some(ready);
    let id = |store: &Lenient<K>| StoreId(Key::of(store));
    follow!(context, api, what, namespace, event => match event {
        Event::Init => seen.clear(),
        Event::InitApply(store) => {
            seen.insert(id(&store));
            store_changed(context, id(&store), store.read().map(&read));
        }
        Event::InitDone => {
            for id in context.external.stores.ids().into_iter().filter(|id| here(id) && !seen.contains(id)) {
                store_gone(context, &id);
            }
            listed(&mut once);
        }
        Event::Apply(store) => store_changed(context, id(&store), store.read().map(&read)),
        Event::Delete(store) => store_gone(context, &id(&store)),
    });
}

async fn namespaces(context: Arc<Context>, ready: Arc<tokio::sync::Semaphore>) {
    let (mut seen, mut once) = (HashSet::new(), Some(ready));
    let observe = |name: &str, labels| {
        context.external.stores.observe_namespace(name, labels);
        context.external.clusters.stir();
    };
    let labels = |namespace: Lenient<Named>| namespace.read().map(|namespace| namespace.metadata.labels.unwrap_or_default());
    follow!(context, Api::<Lenient<Named>>::all(context.api.client()), "Namespaces", None, event => match event {
        Event::Init => seen.clear(),
        Event::InitDone => {
            for (name, _) in context.external.stores.namespaces().into_iter().filter(|(name, _)| !seen.contains(name)) {
                observe(&name, None);
            }
            seen = HashSet::new();
            listed(&mut once);
        }
        Event::InitApply(namespace) => {
            seen.insert(namespace.name_any());
            observe(&namespace.name_any(), labels(namespace));
        }
        Event::Apply(namespace) => observe(&namespace.name_any(), labels(namespace)),
        Event::Delete(namespace) => observe(&namespace.name_any(), None),
    });
}

/// The metadata of a namespace.
type Named = PartialObjectMeta<Namespace>;

fn listed(ready: &mut Option<Arc<tokio::sync::Semaphore>>) {
    if let Some(ready) = ready.take() {
        ready.add_permits(1);
    }
}

/// Waits until this process leads.
async fn led(context: &Context) {
    while !context.lead.leads() {
        sleep(Duration::from_millis(100)).await;
    }
}

async fn spread(context: Arc<Context>) {
    led(&context).await;
    cluster::run(context).await;
}

async fn dispatch(context: Arc<Context>) {
    led(&context).await;
    context.external.queue.open();
    let mut turns = JoinSet::new();
    loop {
        tokio::select! {
            work = context.external.queue.next() => {
                let key = work.key.clone();
                drop(turns.spawn(alone(Arc::clone(&context), key, turn::take_turn(Arc::clone(&context), work), |context| &context.external.queue)));
            }
            Some(_) = turns.join_next() => {}
        }
    }
}

async fn examinations(context: Arc<Context>) {
    led(&context).await;
    context.external.examinations.open();
    let mut turns = JoinSet::new();
    loop {
        tokio::select! {
            work = context.external.examinations.next() => {
                let key = work.key.clone();
                drop(turns.spawn(alone(Arc::clone(&context), key, examine::take_turn(Arc::clone(&context), work), |context| &context.external.examinations)));
            }
            Some(_) = turns.join_next() => {}
        }
    }
}

/// A turn that fails by a fault of ours must not keep its object out for ever.
async fn alone<O: Object>(context: Arc<Context>, key: Key, turn: impl Future<Output = ()> + Send + 'static, queue: fn(&Context) -> &Queue<O>) {
    let mut alone = JoinSet::new();
    alone.spawn(turn);
    if alone.join_next().await.is_some_and(|ended| ended.is_err()) {
        tracing::error!(object = %key, "a turn failed by a fault of the controller; please report it");
        queue(&context).add_later(key.clone(), Duration::from_secs(300));
        queue(&context).done(&key);
    }
}

async fn clean(context: Arc<Context>) {
    loop {
        sleep(CLEANED).await;
        context.external.stores.clean(context.external.queue.is_idle());
        context.external.kinds.tend(|| context.external.index.kinds());
    }
}

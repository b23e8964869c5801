//! Kinds of objects that ExternalSecrets become instead of Secrets: where the server keeps them, and what happens to those that we made.
//!
//! One watch a kind, of metadata alone, and of objects that bear our label alone: what strangers keep of that kind costs nothing.

use std::collections::{HashMap, HashSet};
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use engine::external::kinds::Kind;
use engine::external::marks::MANAGED;
use engine::external::object;
use futures_util::StreamExt;
use http::Method;
use kube::api::{ApiResource, DynamicObject};
use kube::core::PartialObjectMeta;
use kube::runtime::watcher::{Config, DefaultBackoff, Event};
use kube::runtime::{WatchStreamExt, watcher};
use kube::{Api, Resource};
use serde::Deserialize;
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::Instant;
use tracing::info;

use super::failure::Failure;
use crate::context::Context;
use crate::key::{Key, Version};
use crate::lenient::Lenient;
use crate::watch::{PAGE, trouble};

/// How long the server's word for a kind counts.
const REMEMBERED: Duration = Duration::from_secs(60);

/// The kinds.
#[derive(Default)]
pub(crate) struct Kinds {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    found: HashMap<Arc<Kind>, (Instant, Arc<Place>)>,
    watched: HashMap<Arc<Kind>, Vec<AbortHandle>>,
    tasks: JoinSet<()>,
}

/// Where the server keeps the objects of a kind.
pub(super) struct Place {
    pub(super) kind: Arc<Kind>,
    plural: String,
}

impl Place {
    /// Path of the objects of a namespace.
    pub(super) fn folder(&self, namespace: &str) -> String {
        let Self { kind, plural } = self;
        let root = if kind.group.is_empty() { format!("/api/{}", kind.version) } else { format!("/apis/{}/{}", kind.group, kind.version) };
        format!("{root}/namespaces/{namespace}/{plural}")
    }

    /// What a right to it is called.
    pub(super) fn title(&self) -> String {
        if self.kind.group.is_empty() { self.plural.clone() } else { format!("{}.{}", self.plural, self.kind.group) }
    }

    fn resource(&self) -> ApiResource {
        ApiResource {
            group: self.kind.group.clone(),
            version: self.kind.version.clone(),
            api_version: self.kind.api_version(),
            kind: self.kind.name.clone(),
            plural: self.plural.clone(),
        }
    }
}

#[derive(Deserialize)]
struct List {
    resources: Vec<Offered>,
}

#[derive(Deserialize)]
struct Offered {
    name: String,
    kind: String,
    namespaced: bool,
}

impl Kinds {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Asks the server where it keeps a kind, and begins to watch what we made of it. None if the server has no such kind.
    pub(super) async fn find(context: &Arc<Context>, kind: Kind) -> Result<Option<Arc<Place>>, Failure> {
        let kinds = &context.external.kinds;
        let kind = Arc::new(kind);
        let known = kinds.lock().found.get(&kind).filter(|(asked, _)| asked.elapsed() < REMEMBERED).map(|(_, place)| Arc::clone(place));
        let place = match known {
            Some(place) => place,
            None => {
                let Some(place) = ask(context, &kind).await?.map(Arc::new) else { return Ok(None) };
                kinds.lock().found.insert(Arc::clone(&kind), (Instant::now(), Arc::clone(&place)));
                place
            }
        };
        let mut state = kinds.lock();
        if !state.watched.contains_key(&kind) {
            info!(kind = %kind, "objects of a kind are watched");
            let namespaces: Vec<Option<String>> = match &context.settings.namespaces {
                None => vec![None],
                Some(namespaces) => namespaces.iter().cloned().map(Some).collect(),
            };
            let watches = namespaces.into_iter().map(|namespace| state.tasks.spawn(watch(Arc::clone(context), Arc::clone(&place), namespace)));
            let watches = watches.collect();
            state.watched.insert(kind, watches);
        }
        Ok(Some(place))
    }

    /// Ends watches of kinds that nothing becomes any more.
    pub(super) fn tend(&self, used: impl FnOnce() -> HashSet<Arc<Kind>>) {
        let mut state = self.lock();
        if state.watched.is_empty() {
            return;
        }
        while let Some(ended) = state.tasks.try_join_next() {
            // Each of them goes on until it is ended; the end of one by a fault of ours ends the process, which is started again.
            if ended.is_err_and(|error| error.is_panic()) {
                std::process::abort();
            }
        }
        let used = used();
        state.found.retain(|kind, _| used.contains(kind));
        state.watched.retain(|kind, watches| {
            let stays = used.contains(kind);
            if !stays {
                watches.iter().for_each(AbortHandle::abort);
            }
            stays
        });
    }
}

async fn ask(context: &Context, kind: &Arc<Kind>) -> Result<Option<Place>, Failure> {
    const WHAT: &str = "invalid generic target";
    let path = if kind.group.is_empty() { format!("/api/{}", kind.version) } else { format!("/apis/{}/{}", kind.group, kind.version) };
    let list: List = match context.api.ask(Method::GET, &path, None).await {
        Ok(list) => list,
        Err(no) if no.status == 404 => return Ok(None),
        Err(no) => return Err(Failure::from_server(WHAT, &no)),
    };
    let offered = list.resources.into_iter().find(|offered| offered.kind == kind.name && !offered.name.contains('/'));
    let Some(offered) = offered else { return Ok(None) };
    if !offered.namespaced {
        let why = format!("a {kind} is in no namespace, and an ExternalSecret makes things in its own only");
        return Err(Failure::lasting(WHAT, why));
    }
    Ok(Some(Place { kind: Arc::clone(kind), plural: offered.name }))
}

/// An object of which nothing but metadata is sent.
type Named = Lenient<PartialObjectMeta<DynamicObject>>;

async fn watch(context: Arc<Context>, place: Arc<Place>, namespace: Option<String>) {
    let (resource, what) = (place.resource(), place.title());
    let namespace = namespace.as_deref();
    let api: Api<Named> = match namespace {
        None => Api::all_with(context.api.client(), &resource),
        Some(namespace) => Api::namespaced_with(context.api.client(), namespace, &resource),
    };
    let config = Config::default().page_size(PAGE).labels(&format!("{MANAGED}=true"));
    let mut events = pin!(watcher(api, config).backoff(DefaultBackoff::default()));
    let (mut seen, mut last) = (HashSet::new(), String::new());
    let observe = |key: &Key, version: Option<Version>| {
        for owner in context.external.index.observe_object(&place.kind, key, version) {
            context.external.queue.add(owner, None);
        }
    };
    while let Some(event) = events.next().await {
        if event.is_ok() {
            last.clear();
        }
        match event {
            Ok(Event::Init) => seen.clear(),
            Ok(Event::InitApply(object)) => {
                seen.insert(Key::of(&object));
                observe(&Key::of(&object), Some(version(object)));
            }
            Ok(Event::InitDone) => {
                for key in context.external.index.objects(&place.kind, namespace).into_iter().filter(|key| !seen.contains(key)) {
                    observe(&key, None);
                }
                seen = HashSet::new();
            }
            Ok(Event::Apply(object)) => observe(&Key::of(&object), Some(version(object))),
            Ok(Event::Delete(object)) => observe(&Key::of(&object), None),
            Err(error) => trouble(&what, namespace, &error, &mut last),
        }
    }
}

/// The version that counts; the server's own one if the metadata cannot be read.
fn version(object: Named) -> Version {
    let plain = Version::of(&object);
    let metadata = object.read().and_then(|object| serde_json::to_value(object.meta()).ok());
    metadata.map_or(plain, |metadata| {
        let (uid, version) = object::version(&metadata);
        Version::new(&uid, &version)
    })
}

//! What happens in the cluster, for ever: changes of SealedSecrets, Secrets and keys, to index, queue and ring.

use std::collections::HashSet;
use std::pin::pin;
use std::sync::Arc;

use crds::SealedSecret;
use crds::names::SEALED_SECRETS_KEY;
use engine::source;
use futures_util::StreamExt;
use k8s_openapi::api::core::v1::Secret;
use kube::core::PartialObjectMeta;
use kube::runtime::watcher::{Config, DefaultBackoff, Error, Event};
use kube::runtime::{WatchStreamExt, watcher};
use kube::{Api, Resource};
use tokio::sync::oneshot;
use tokio::time::sleep;
use tracing::{debug, warn};

use crate::apply;
use crate::context::Context;
use crate::external;
use crate::key::{Key, Version};
use crate::keyring;
use crate::lenient::Lenient;

/// Objects a page of a list: few, since each is held until the page is read.
pub(crate) const PAGE: u32 = 250;

/// Tells once that a list is complete.
type Ready = Option<oneshot::Sender<()>>;

fn ready(sender: &mut Ready) {
    if let Some(sender) = sender.take() {
        // Whoever waited may be gone.
        let _ = sender.send(());
    }
}

/// The API of a namespace, or of all.
fn api<K: Resource<Scope = k8s_openapi::NamespaceResourceScope, DynamicType = ()>>(context: &Context, namespace: Option<&str>) -> Api<K> {
    namespace.map_or_else(|| Api::all(context.api.client()), |namespace| Api::namespaced(context.api.client(), namespace))
}

pub(crate) fn trouble(what: &str, namespace: Option<&str>, error: &Error, last: &mut String) {
    let text = error.to_string();
    // A server that is away answers every attempt in the same words.
    if *last == text {
        debug!(what, namespace, error = text, "cannot watch");
    } else {
        warn!(what, namespace, error = text, "cannot watch; trying again");
        *last = text;
    }
}

/// Watches SealedSecrets.
pub(crate) async fn sources(context: Arc<Context>, namespace: Option<String>, mut listed: Ready) {
    let namespace = namespace.as_deref();
    let mut config = Config::default().page_size(PAGE);
    config.label_selector.clone_from(&context.settings.label_selector);
    let mut events = pin!(watcher(api::<Lenient<SealedSecret>>(&context, namespace), config).backoff(DefaultBackoff::default()));
    let (mut seen, mut last) = (HashSet::new(), String::new());
    while let Some(event) = events.next().await {
        if event.is_ok() {
            last.clear();
        }
        match event {
            Ok(Event::Init) => seen.clear(),
            Ok(Event::InitApply(object)) => {
                seen.insert(Key::of(&object));
                changed(&context, object);
            }
            Ok(Event::InitDone) => {
                for key in context.index.keys(namespace).into_iter().filter(|key| !seen.contains(key)) {
                    gone(&context, &key, None).await;
                }
                seen = HashSet::new();
                ready(&mut listed);
            }
            // Most changes are of the status, which was written here.
            Ok(Event::Apply(object)) if context.index.is_old(&object) => {}
            Ok(Event::Apply(object)) => changed(&context, object),
            Ok(Event::Delete(object)) => gone(&context, &Key::of(&object), object.meta().uid.as_deref()).await,
            Err(error) => trouble("SealedSecrets", namespace, &error, &mut last),
        }
    }
}

fn changed(context: &Context, object: Lenient<SealedSecret>) {
    let key = Key::of(&object);
    let Some(object) = object.read() else {
        warn!(object = %key, "the SealedSecret cannot be read, and is left out");
        return;
    };
    context.metrics.judged(&object);
    if context.index.observe_source(&object, source::digest(&object), context.queue.is_open()) {
        context.queue.add(Key::of(&object), Some(object));
    }
}

async fn gone(context: &Context, key: &Key, uid: Option<&str>) {
    if !context.index.forget_source(key, uid) {
        return;
    }
    context.queue.forget(key);
    context.metrics.forget(key);
    context.metrics.unseal_requests.inc();
    if let Some(uid) = uid.filter(|_| context.settings.old_gc_behavior && context.lead.leads())
        && let Err(trouble) = apply::delete(context, key, uid).await
    {
        warn!(object = %key, error = %trouble.fault.message, "cannot delete the Secret");
    }
}

/// Watches Secrets, of which nothing but metadata is sent, and of that some bytes are kept.
pub(crate) async fn secrets(context: Arc<Context>, namespace: Option<String>, mut listed: Ready) {
    let namespace = namespace.as_deref();
    let config = Config::default().page_size(PAGE);
    let mut events = pin!(watcher(api::<Lenient<PartialObjectMeta<Secret>>>(&context, namespace), config).backoff(DefaultBackoff::default()));
    let (mut seen, mut last) = (HashSet::new(), String::new());
    let observe = |secret: &Lenient<PartialObjectMeta<Secret>>, version: Option<Version>| {
        let key = Key::of(secret);
        external::watch::observe_secret(&context, &key, version);
        if context.index.observe_secret(&key, version) {
            context.queue.add(key, None);
        }
    };
    while let Some(event) = events.next().await {
        if event.is_ok() {
            last.clear();
        }
        match event {
            Ok(Event::Init) => seen.clear(),
            Ok(Event::InitApply(secret)) => {
                seen.insert(Key::of(&secret));
                observe(&secret, Some(Version::of(&secret)));
            }
            Ok(Event::InitDone) => {
                for key in context.external.index.secrets(namespace).into_iter().filter(|key| !seen.contains(key)) {
                    external::watch::observe_secret(&context, &key, None);
                }
                for key in context.index.secrets(namespace).into_iter().filter(|key| !seen.contains(key)) {
                    if context.index.observe_secret(&key, None) {
                        context.queue.add(key, None);
                    }
                }
                seen = HashSet::new();
                ready(&mut listed);
            }
            Ok(Event::Apply(secret)) => observe(&secret, Some(Version::of(&secret))),
            Ok(Event::Delete(secret)) => observe(&secret, None),
            Err(error) => trouble("Secrets", namespace, &error, &mut last),
        }
    }
}

/// Watches the Secrets that hold sealing keys.
pub(crate) async fn keys(context: Arc<Context>, mut listed: Ready) {
    let own = context.settings.namespace.clone();
    let config = Config::default().page_size(PAGE).labels(SEALED_SECRETS_KEY);
    let secrets = api::<Lenient<Secret>>(&context, Some(&own));
    let mut events = pin!(watcher(secrets.clone(), config).backoff(DefaultBackoff::default()));
    let (mut seen, mut last) = (Vec::new(), String::new());
    let named = |secret: Lenient<Secret>| (secret.meta().name.clone().unwrap_or_default(), secret.read());
    while let Some(event) = events.next().await {
        if event.is_ok() {
            last.clear();
        }
        match event {
            Ok(Event::Init) => seen.clear(),
            Ok(Event::InitApply(secret)) => seen.push(named(secret)),
            Ok(Event::InitDone) => {
                seen.extend(legacy(&context, &secrets).await);
                let is_gone = |name: &String| !seen.iter().any(|(seen, _)| seen == name);
                let gone: Vec<_> = context.keyring.names().into_iter().filter(is_gone).collect();
                seen.extend(gone.into_iter().map(|name| (name, None)));
                keyring::changed(&context, std::mem::take(&mut seen));
                ready(&mut listed);
            }
            Ok(Event::Apply(secret)) => keyring::changed(&context, vec![named(secret)]),
            Ok(Event::Delete(secret)) => keyring::changed(&context, vec![(named(secret).0, None)]),
            Err(error) => trouble("sealing keys", Some(&own), &error, &mut last),
        }
    }
}

/// The key of the first versions, which has no label: it is found by its name. It is asked for until the server says, since it may be the only one.
async fn legacy(context: &Context, secrets: &Api<Lenient<Secret>>) -> Option<(String, Option<Secret>)> {
    let name = &context.settings.key_prefix;
    for pause in DefaultBackoff::default() {
        match secrets.get_opt(name).await {
            Ok(secret) => return secret.map(|secret| (name.clone(), secret.read())),
            // Without the right to read it, as under the narrower of upstream's roles, there is none; nor is there one of a name that cannot be asked for.
            Err(kube::Error::Api(status)) if status.code == 403 => return None,
            Err(kube::Error::BuildRequest(_)) => return None,
            Err(error) => warn!(secret = name, %error, "cannot read the key of the first versions; trying again"),
        }
        sleep(pause).await;
    }
    None
}

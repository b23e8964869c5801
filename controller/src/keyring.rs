//! Key Secrets of the cluster to a ring, and new keys when one is due: carries out `engine::renewal`.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use crds::names::{ACTIVE, SEALED_SECRETS_KEY};
use engine::key_secret::{self, KeyRequest};
use engine::manifest::{Format, write_secret};
use engine::renewal::{self, Renewal};
use engine::{Error, PlainSecret};
use futures_util::FutureExt;
use http::Method;
use jiff::Timestamp;
use k8s_openapi::api::core::v1::Secret;
use keys::{Fingerprint, KeyRing, SecretBytes};
use kube::Resource;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use tokio::sync::Notify;
use tokio::task::spawn_blocking;
use tokio::time::Instant;
use tracing::{info, warn};

use crate::api::Refusal;
use crate::args::{KeyOrder, Settings};
use crate::context::Context;
use crate::lenient::Lenient;

/// No two keys are made by the schedule within this time.
const BREATHER: Duration = Duration::from_secs(60);

/// How often it is asked whether a key is due, since somebody may set the clock: a jump is made up for by the next look.
const LOOK: Duration = Duration::from_secs(10);

/// The private keys as they are now.
#[derive(Debug, Default)]
pub(crate) struct Keyring {
    secrets: Mutex<BTreeMap<String, KeySecret>>,
    ring: RwLock<Arc<KeyRing>>,
    stamp: AtomicU64,
    broken: AtomicU64,
    /// Wakes whoever makes new keys.
    pub(crate) changed: Notify,
}

/// The last key that this process made.
struct Made {
    name: String,
    /// By the own clock, whatever the server's says of it.
    at: Timestamp,
    moment: Instant,
}

#[derive(Debug)]
struct KeySecret {
    secret: PlainSecret,
    created: Timestamp,
    told: bool,
}

impl Keyring {
    /// The ring.
    pub(crate) fn ring(&self) -> Arc<KeyRing> {
        Arc::clone(&self.ring.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// The certificate of a key, by the key's identity.
    pub(crate) fn certificate_of(&self, identity: Fingerprint) -> Option<Fingerprint> {
        self.ring().keys().iter().find(|key| key.key.identity() == identity)?.fingerprint()
    }

    /// Changes with the ring.
    pub(crate) fn stamp(&self) -> u64 {
        self.stamp.load(Ordering::Acquire)
    }

    /// How many key Secrets can not be used.
    pub(crate) fn broken(&self) -> u64 {
        self.broken.load(Ordering::Relaxed)
    }

    /// Names of the key Secrets that are known.
    pub(crate) fn names(&self) -> Vec<String> {
        self.secrets.lock().unwrap_or_else(PoisonError::into_inner).keys().cloned().collect()
    }

    /// Takes over the key Secrets that are there, and forgets those that are not; says whether the ring changed.
    pub(crate) fn update(&self, settings: &Settings, changes: Vec<(String, Option<Secret>)>) -> bool {
        let mut secrets = self.secrets.lock().unwrap_or_else(PoisonError::into_inner);
        let mut changed = false;
        for (name, secret) in changes {
            let Some(secret) = secret.filter(|secret| is_key(secret, &settings.key_prefix)) else {
                changed |= secrets.remove(&name).is_some();
                continue;
            };
            let created = secret.metadata.creation_timestamp.as_ref().map_or(Timestamp::UNIX_EPOCH, |time| time.0);
            let secret = plain(secret);
            let same = |known: &KeySecret| engine::desired::same_data(&known.secret.data, &secret.data) && known.created == created;
            if !secrets.get(&name).is_some_and(same) {
                changed = true;
                secrets.insert(name, KeySecret { secret, created, told: false });
            }
        }
        if changed {
            self.rebuild(settings, &mut secrets);
        }
        changed
    }

    /// A broken key is told once, and left out; it stops nothing.
    fn rebuild(&self, settings: &Settings, secrets: &mut BTreeMap<String, KeySecret>) {
        let mut broken = 0;
        let mut keys = Vec::new();
        for (name, known) in secrets.iter_mut() {
            match key_secret::read(&known.secret) {
                Ok(mut key) => {
                    // A legacy key has no label, and seals all the same.
                    key.seals = true;
                    if settings.key_order_priority == KeyOrder::SecretCreationTimestamp || key.certificate.is_none() {
                        key.since = known.created;
                    }
                    if !known.told {
                        known.told = true;
                        let certificate = key.certificate.as_ref().map(keys::Certificate::to_pem).unwrap_or_default();
                        info!(secret = name, certificate, "sealing key loaded");
                    }
                    keys.push(key);
                }
                Err(error) => {
                    broken += 1;
                    if !known.told {
                        known.told = true;
                        warn!(secret = name, %error, "a key Secret cannot be used, and is left out");
                    }
                }
            }
        }
        self.broken.store(broken, Ordering::Relaxed);
        *self.ring.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(KeyRing::new(keys));
        self.stamp.fetch_add(1, Ordering::Release);
        self.changed.notify_one();
    }
}

/// Whether a Secret is a key in use: by its label, or by the name that the first versions gave.
fn is_key(secret: &Secret, prefix: &str) -> bool {
    let label = secret.metadata.labels.as_ref().and_then(|labels| labels.get(SEALED_SECRETS_KEY));
    label.map_or(secret.metadata.name.as_deref() == Some(prefix), |label| label == ACTIVE)
}

fn plain(secret: Secret) -> PlainSecret {
    let data = secret.data.unwrap_or_default().into_iter().map(|(key, value)| (key, SecretBytes::new(value.0))).collect();
    let name = secret.metadata.name.unwrap_or_default();
    let namespace = secret.metadata.namespace.unwrap_or_default();
    PlainSecret { name, namespace, metadata: Map::new(), type_: secret.type_, immutable: secret.immutable, data }
}

/// Makes keys when they are due, for ever: call it in the process that leads.
pub(crate) async fn renew(context: Arc<Context>, asked: Arc<Notify>) {
    let (mut failures, mut last) = (0_u32, None::<Made>);
    // A wish from the time when another process led was that one's to fulfil.
    let _ = asked.notified().now_or_never();
    loop {
        // Where the order is that of Secrets, the server dates a key. Its clock may be behind ours, by which the next one is due: a key that was made
        // just now would be due for a successor at once, for ever.
        let own = last.as_ref().filter(|made| context.keyring.names().contains(&made.name)).map(|made| made.at);
        let newest = context.keyring.ring().newest().map(|(key, _)| own.map_or(key.since, |own| own.max(key.since)));
        let wait = match renewal::next(newest, &context.settings.schedule, Timestamp::now()) {
            Renewal::Due => None,
            Renewal::At(moment) => Some(Duration::try_from(moment.duration_since(Timestamp::now())).unwrap_or_default().min(LOOK)),
            Renewal::Never => Some(Duration::from_secs(3600)),
        };
        let is_early = newest.is_some() && last.as_ref().is_some_and(|made| made.moment.elapsed() < BREATHER);
        let wait = if is_early && wait.is_none() { Some(BREATHER) } else { wait };
        let mut wished = false;
        if let Some(wait) = wait {
            tokio::select! {
                () = tokio::time::sleep(wait) => continue,
                () = context.keyring.changed.notified() => continue,
                () = asked.notified() => wished = true,
            }
        }
        // One may be there that the watch has not told of yet: made by the last leader, or by a write whose answer was lost.
        let before = context.keyring.stamp();
        let made = match look(&context).await {
            Ok(()) if !wished && context.keyring.stamp() != before => continue,
            Ok(()) => make(&context).await,
            Err(no) => Err(no),
        };
        match made {
            Ok(made) => (failures, last) = (0, Some(made)),
            Err(no) => {
                failures = failures.saturating_add(1);
                warn!(error = %no, "cannot make a sealing key");
                tokio::time::sleep(Duration::from_secs(1 << failures.min(6))).await;
                if wished {
                    asked.notify_one();
                }
            }
        }
    }
}

/// Reads the key Secrets that are there now.
async fn look(context: &Arc<Context>) -> Result<(), Refusal> {
    #[derive(Deserialize)]
    struct List {
        items: Vec<Lenient<Secret>>,
    }
    let path = format!("/api/v1/namespaces/{}/secrets?labelSelector={SEALED_SECRETS_KEY}", context.settings.namespace);
    let list: List = context.api.ask(Method::GET, &path, None).await?;
    let named = |secret: Lenient<Secret>| (secret.meta().name.clone().unwrap_or_default(), secret.read());
    changed(context, list.items.into_iter().map(named).collect());
    Ok(())
}

/// Makes one key, writes its Secret, and uses it at once.
async fn make(context: &Arc<Context>) -> Result<Made, Refusal> {
    let ours = |error: &Error| Refusal::no_answer(error.to_string());
    let settings = &context.settings;
    let (bits, validity, prefix) = (settings.key_size, settings.key_ttl, settings.key_prefix.clone());
    let common_name = settings.my_cn.clone();
    // It takes half a second, and longer with bad luck.
    let at = Timestamp::now();
    let made = spawn_blocking(move || key_secret::make(&KeyRequest { bits, validity, common_name: &common_name, prefix: &prefix }, at));
    let mut secret = made.await.map_err(|_| ours(&Error::input("make a sealing key")))?.map_err(|error| ours(&error))?;
    let extend = |metadata: &mut Map<String, Value>, field: &str, more: &BTreeMap<String, String>| {
        let map = metadata.entry(field).or_insert_with(|| json!({}));
        for (key, value) in more.iter().filter(|(key, _)| *key != SEALED_SECRETS_KEY) {
            map[key] = Value::String(value.clone());
        }
    };
    extend(&mut secret.metadata, "labels", &settings.privatekey_labels);
    extend(&mut secret.metadata, "annotations", &settings.privatekey_annotations);
    let body = write_secret(&secret, Format::Json).map_err(|error| ours(&error))?;
    let path = format!("/api/v1/namespaces/{}/secrets", settings.namespace);
    let written: Lenient<Secret> = context.api.ask(Method::POST, &path, Some(&body)).await?;
    let written = written.read().ok_or_else(|| Refusal::no_answer("the new key Secret cannot be read"))?;
    let name = written.metadata.name.clone().unwrap_or_default();
    info!(secret = name, "new sealing key written");
    changed(context, vec![(name.clone(), Some(written))]);
    Ok(Made { name, at, moment: Instant::now() })
}

/// Takes note of key Secrets; what no key opened before is tried again.
pub(crate) fn changed(context: &Context, changes: Vec<(String, Option<Secret>)>) {
    if !context.keyring.update(&context.settings, changes) {
        return;
    }
    let stamp = context.keyring.stamp();
    for key in context.index.refused() {
        context.index.with(&key, |entry| entry.unrefuse(stamp));
        context.queue.add(key, None);
    }
}

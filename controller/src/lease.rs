//! Who may write: one process at a time, the holder of a Lease.
//!
//! The end of the own term is counted by the own clock from before the last renewal was sent, so a process that was stopped and goes on knows that its
//! term is over before it writes anything. Others count from when they saw the Lease change, by their own clock, so clocks need not agree.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crds::names::LEASE;
use http::Method;
use jiff::Timestamp;
use keys::SecretBytes;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};
use tracing::{error, info, warn};

use crate::api::{Api, Refusal};

/// How long a Lease that is not renewed is respected.
///
/// *Source*: this and the next two are client-go's, as Kubernetes' own components use them.
const TERM: Duration = Duration::from_secs(15);

/// After this long without a renewal the holder gives up: well before others may take over.
const DEADLINE: Duration = Duration::from_secs(10);

/// How often the Lease is looked at, and renewed.
const PERIOD: Duration = Duration::from_secs(2);

const FOLLOWS: u8 = 0;
const LEADS: u8 = 1;
const ALONE: u8 = 2;

/// Whether this process may write.
#[derive(Debug, Default)]
pub(crate) struct Lead {
    state: AtomicU8,
    until: Mutex<Option<Instant>>,
}

impl Lead {
    /// Whether it leads.
    pub(crate) fn leads(&self) -> bool {
        self.state.load(Ordering::Acquire) != FOLLOWS
    }

    /// To be called right before every write: ends the process if its term is over, since somebody else may write now.
    pub(crate) fn check(&self) {
        let over = match self.state.load(Ordering::Acquire) {
            ALONE => false,
            LEADS => self.until.lock().unwrap_or_else(PoisonError::into_inner).is_none_or(|until| Instant::now() >= until),
            _ => true,
        };
        if over {
            error!("the Lease was lost; the process ends, so that only its new holder writes");
            std::process::exit(1);
        }
    }

    fn extend(&self, since: Instant) {
        *self.until.lock().unwrap_or_else(PoisonError::into_inner) = Some(since + DEADLINE);
        self.state.store(LEADS, Ordering::Release);
    }
}

/// One who wants the Lease.
pub(crate) struct Candidate {
    api: Arc<Api>,
    path: String,
    name: String,
    identity: String,
    /// The version that was seen last, and when it was seen first.
    seen: Option<(String, Instant)>,
    /// Whether a Lease was ever there to be read: then a missing right is a fault, and no reason to go without.
    exists: bool,
    /// How often in a row the right to Leases was missing.
    refusals: usize,
}

/// How often the right to Leases must be missing in a row before it is taken for missing: whoever asks the server may be wrong for a moment.
const REFUSALS: usize = 3;

/// How an attempt ended.
enum Attempt {
    Holds,
    /// Another process holds it, and its term is not over.
    IsHeld,
    /// Somebody wrote it in between.
    Raced,
    NoRight,
}

/// A Lease that may be taken.
struct Free {
    method: Method,
    path: String,
    lease: Value,
}

impl Candidate {
    /// Makes a candidate of a namespace's Lease: ours, unless another one is named.
    pub(crate) fn new(api: Arc<Api>, namespace: &str, name: Option<&str>, identity: String) -> Self {
        let path = format!("/apis/coordination.k8s.io/v1/namespaces/{namespace}/leases");
        Self { api, path, name: name.unwrap_or(LEASE).to_owned(), identity, seen: None, exists: false, refusals: 0 }
    }

    /// Looks at the Lease for ever and leaves it as it is, for as long as this process is of no use as a leader yet. What it learns of one that is gone
    /// already, such as since when, [`Candidate::win`] need not wait for again.
    pub(crate) async fn look(&mut self) {
        loop {
            let looked = self.read().await;
            self.count(matches!(looked, Ok(Err(Attempt::NoRight))));
            sleep(PERIOD).await;
        }
    }

    /// Waits until this process may write, which it may until the end of a term: call [`Candidate::hold`] at once. Without the right to Leases, as under
    /// upstream's roles, it leads alone.
    pub(crate) async fn win(&mut self, lead: &Lead) {
        loop {
            let started = Instant::now();
            let attempt = self.attempt().await;
            self.count(matches!(attempt, Ok(Attempt::NoRight)));
            match attempt {
                Ok(Attempt::Holds) => {
                    lead.extend(started);
                    info!(identity = self.identity, "leading");
                    return;
                }
                Ok(Attempt::NoRight) if self.refusals >= REFUSALS && !self.exists => {
                    warn!("no right to Leases: leading without one; run one replica only, or grant get, create and update of leases");
                    lead.state.store(ALONE, Ordering::Release);
                    return;
                }
                Ok(_) => {}
                Err(no) => warn!(error = %no, "cannot ask for the Lease"),
            }
            sleep(PERIOD).await;
        }
    }

    /// Renews for ever; ends the process if that goes wrong for too long.
    pub(crate) async fn hold(&mut self, lead: &Lead) {
        while lead.state.load(Ordering::Acquire) == LEADS {
            sleep(PERIOD).await;
            lead.check();
            let started = Instant::now();
            match self.attempt().await {
                Ok(Attempt::Holds) => lead.extend(started),
                Ok(Attempt::IsHeld) => {
                    *lead.until.lock().unwrap_or_else(PoisonError::into_inner) = None;
                    lead.check();
                }
                Ok(Attempt::Raced) => {}
                Ok(Attempt::NoRight) => warn!("cannot renew the Lease: no right to it any more"),
                Err(no) => warn!(error = %no, "cannot renew the Lease"),
            }
        }
        // Alone, without a Lease: nothing to renew.
        std::future::pending::<()>().await;
    }

    /// Gives the Lease back, so that nobody has to wait for its end.
    pub(crate) async fn resign(&mut self) {
        let path = format!("{}/{}", self.path, self.name);
        let Ok(mut lease) = self.api.urgent::<Value>(Method::GET, &path, None).await else { return };
        if lease["spec"]["holderIdentity"] == self.identity.as_str() {
            lease["spec"]["holderIdentity"] = json!("");
            lease["spec"]["leaseDurationSeconds"] = json!(1);
            // Whoever comes next waits for the end of the term otherwise.
            let _ = self.api.urgent::<Value>(Method::PUT, &path, Some(&body(&lease))).await;
        }
    }

    fn count(&mut self, refused: bool) {
        self.refusals = if refused { self.refusals + 1 } else { 0 };
    }

    /// Reads the Lease: as one that may be taken, or as the end of the attempt.
    async fn read(&mut self) -> Result<Result<Free, Attempt>, Refusal> {
        let path = format!("{}/{}", self.path, self.name);
        match self.api.urgent::<Value>(Method::GET, &path, None).await {
            Err(no) if no.status == 403 => Ok(Err(Attempt::NoRight)),
            Err(no) if no.status == 404 => {
                let lease = json!({ "apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": { "name": self.name }, "spec": {} });
                Ok(Ok(Free { method: Method::POST, path: self.path.clone(), lease }))
            }
            Err(no) => Err(no),
            Ok(lease) => {
                self.exists = true;
                if self.is_held_by_another(&lease) {
                    return Ok(Err(Attempt::IsHeld));
                }
                Ok(Ok(Free { method: Method::PUT, path, lease }))
            }
        }
    }

    async fn attempt(&mut self) -> Result<Attempt, Refusal> {
        let Free { method, path, lease } = match self.read().await? {
            Ok(free) => free,
            Err(ended) => return Ok(ended),
        };
        // The answer's version is a precondition: of two who try, one wins.
        match self.api.urgent::<Value>(method, &path, Some(&body(&self.claimed(lease)))).await {
            Ok(_) => Ok(Attempt::Holds),
            Err(no) if no.status == 403 => Ok(Attempt::NoRight),
            Err(no) if no.status == 409 => Ok(Attempt::Raced),
            Err(no) => Err(no),
        }
    }

    fn is_held_by_another(&mut self, lease: &Value) -> bool {
        let holder = lease["spec"]["holderIdentity"].as_str().unwrap_or_default();
        if holder.is_empty() || holder == self.identity {
            return false;
        }
        let version = lease["metadata"]["resourceVersion"].as_str().unwrap_or_default();
        let now = Instant::now();
        let since = match &self.seen {
            Some((seen, since)) if seen == version => *since,
            _ => {
                self.seen = Some((version.to_owned(), now));
                now
            }
        };
        let term = lease["spec"]["leaseDurationSeconds"].as_u64().map_or(TERM, Duration::from_secs);
        now.duration_since(since) < term
    }

    fn claimed(&self, mut lease: Value) -> Value {
        let now = Timestamp::now().strftime("%Y-%m-%dT%H:%M:%S.%6fZ").to_string();
        let spec = &mut lease["spec"];
        if spec["holderIdentity"] != self.identity.as_str() {
            let transitions = spec["leaseTransitions"].as_u64().map_or(0, |count| count + 1);
            spec["leaseTransitions"] = json!(transitions);
            spec["acquireTime"] = json!(now);
            spec["holderIdentity"] = json!(self.identity);
        }
        spec["renewTime"] = json!(now);
        spec["leaseDurationSeconds"] = json!(TERM.as_secs());
        lease
    }
}

fn body(lease: &Value) -> SecretBytes {
    lease.to_string().into_bytes().into()
}

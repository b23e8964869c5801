//! The External Secrets Operator on our cluster: the last version that is one module, with the providers Fake and Kubernetes.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::cluster::Cluster;
use crate::packaging;
use crate::peers::{self, Missing};
use crate::server::{self, Server};

/// Peers without which it does not start: what a case that uses it needs.
pub const NEEDS: &[&str] = &["etcd", "external-secrets-operator", "kube-apiserver"];

const PEER: &str = "external-secrets-operator";

/// The Go module that it is.
const MODULE: &str = "github.com/external-secrets/external-secrets";

/// A running operator.
pub struct Operator {
    server: Server,
    metrics: u16,
}

impl Operator {
    /// Starts it as an administrator, and waits until it says that it is there.
    ///
    /// # Errors
    /// The peer that is missing.
    ///
    /// # Panics
    /// If it does not start.
    pub fn start(cluster: &Cluster, flags: &[&str]) -> Result<Self, Missing> {
        let (metrics, live) = (server::free_port(), server::free_port());
        let arguments = arguments(cluster, metrics, live)?.into_iter().chain(flags.iter().map(ToString::to_string));
        let folder = tempfile::tempdir_in(cluster.folder()).expect("a folder can be made").keep();
        let mut server = Server::start(Path::new("env"), arguments, &folder);
        server.wait_until(|| server::fetch(live, "/healthz").is_ok_and(|(status, _)| status == 200));
        Ok(Self { server, metrics })
    }

    /// Its metrics, in Prometheus' text format.
    ///
    /// # Panics
    /// If it does not answer.
    #[must_use]
    pub fn metrics(&self) -> String {
        server::fetch(self.metrics, "/metrics").expect("the operator answers").1
    }

    /// Everything that it has said so far.
    #[must_use]
    pub fn log(&self) -> String {
        self.server.log()
    }
}

/// Arguments of `env` that run it as an administrator, with nothing else in the environment but PATH; its metrics and its health are told on two ports.
///
/// # Errors
/// The peer that is missing.
pub fn arguments(cluster: &Cluster, metrics: u16, live: u16) -> Result<Vec<String>, Missing> {
    Ok(vec![
        "-i".to_owned(),
        format!("PATH={}", std::env::var("PATH").unwrap_or_default()),
        format!("KUBECONFIG={}", cluster.kubeconfig().display()),
        peers::get(PEER)?.display().to_string(),
        format!("--metrics-addr=127.0.0.1:{metrics}"),
        format!("--live-addr=127.0.0.1:{live}"),
    ])
}

/// Its definitions: without one of them it does not run.
///
/// # Errors
/// As [`peers::source`].
///
/// # Panics
/// If they do not lie where they did.
pub fn definitions() -> Result<Vec<Value>, Missing> {
    let folder = peers::source(PEER, MODULE)?.join("config/crds/bases");
    let entries = fs::read_dir(folder).expect("its sources hold its definitions");
    let files = entries.map(|entry| packaging::yaml(&entry.expect("an entry").path()));
    // What lists them lies beside them.
    Ok(files.filter(|file| file["kind"] == "CustomResourceDefinition").collect())
}

//! Upstream's controller on our cluster, and what upstream says of itself.
//!
//! The controller knows no other configuration than a Pod's: two variables, and three files in a fixed place. It finds the files in a mount namespace of
//! its own, so the machine's stay as they are.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::cluster::{Cluster, Exposed};
use crate::packaging;
use crate::peers::{self, Missing};
use crate::server::{self, Server};

/// Peers without which no controller starts: what a case that uses one needs.
pub const NEEDS: &[&str] = &["controller", "etcd", "kube-apiserver", "unshare"];

/// The same, and the client: what a case needs that runs one against the other.
pub const NEEDS_WITH_KUBESEAL: &[&str] = &["controller", "etcd", "kube-apiserver", "kubeseal", "unshare"];

/// Namespace that kubeseal looks for the controller in.
pub const NAMESPACE: &str = "kube-system";

/// Service that kubeseal looks for.
pub const SERVICE: &str = "sealed-secrets-controller";

/// Go module of upstream.
const MODULE: &str = "github.com/bitnami/sealed-secrets";

/// Puts the service account where a Pod has it, and becomes the program.
const IN_A_POD: &str = r#"
run=$(readlink -f /var/run) && mount -t tmpfs tmpfs "$run" &&
mkdir -p "$run/secrets/kubernetes.io/serviceaccount" && cp "$ACCOUNT"/* "$run/secrets/kubernetes.io/serviceaccount" && exec "$@"
"#;

/// A running controller, exposed as Service [`SERVICE`] in [`NAMESPACE`].
pub struct Controller {
    server: Server,
    port: u16,
    metrics_port: u16,
}

impl Controller {
    /// Starts it, one for a cluster, and waits until it has a key and answers; installs upstream's definition where none is served.
    ///
    /// `flags` go to the controller; without any it allows three calls of `/v1/verify` at once, and then two a second.
    ///
    /// # Errors
    /// The peer that is missing.
    ///
    /// # Panics
    /// If it does not start.
    pub fn start(cluster: &Cluster, flags: &[&str]) -> Result<Self, Missing> {
        let controller = Self::again(cluster, flags)?;
        cluster.expose(Exposed { namespace: NAMESPACE, name: SERVICE, port_name: "http", port: controller.port });
        Ok(controller)
    }

    /// Starts it anew on a cluster that has had one; its Service leads nowhere.
    ///
    /// # Errors
    /// The peer that is missing.
    ///
    /// # Panics
    /// If it does not start.
    pub fn again(cluster: &Cluster, flags: &[&str]) -> Result<Self, Missing> {
        let program = peers::get("controller")?;
        let api = cluster.api();
        if api.read("/apis/bitnami.com/v1alpha1/sealedsecrets").is_err() {
            cluster.install(&definition()?);
        }
        api.wait_for("the system's namespace", |api| api.read(&format!("/api/v1/namespaces/{NAMESPACE}")).ok());
        let (port, metrics_port) = (server::free_port(), server::free_port());
        let folder = cluster.folder().join("controller");
        let mut arguments = in_a_pod(cluster, &folder);
        arguments.extend([program.display().to_string(), format!("--listen-addr=127.0.0.1:{port}")]);
        arguments.push(format!("--listen-metrics-addr=127.0.0.1:{metrics_port}"));
        arguments.extend(flags.iter().map(ToString::to_string));
        let mut server = Server::start(Path::new("env"), arguments, &folder);
        server.wait_until(|| server::fetch(port, "/v1/cert.pem").is_ok_and(|(status, _)| status == 200));
        Ok(Self { server, port, metrics_port })
    }

    /// Port of its HTTP server on 127.0.0.1.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The certificate to seal with, PEM.
    ///
    /// # Panics
    /// If it does not answer.
    #[must_use]
    pub fn certificate(&self) -> String {
        server::fetch(self.port, "/v1/cert.pem").expect("the controller answers").1
    }

    /// Its metrics, in Prometheus' text format.
    ///
    /// # Panics
    /// If it does not answer.
    #[must_use]
    pub fn metrics(&self) -> String {
        server::fetch(self.metrics_port, "/metrics").expect("the controller answers").1
    }

    /// Everything that it has said so far.
    #[must_use]
    pub fn log(&self) -> String {
        self.server.log()
    }
}

/// Arguments of `env` that run the program after them as in a Pod: an administrator's service account, and nothing else in the environment but PATH.
///
/// # Panics
/// If the account cannot be written to the folder.
#[must_use]
pub fn in_a_pod(cluster: &Cluster, folder: &Path) -> Vec<String> {
    let account = service_account(cluster, folder);
    let mut arguments = vec![
        "-i".to_owned(),
        format!("PATH={}", std::env::var("PATH").unwrap_or_default()),
        format!("ACCOUNT={}", account.display()),
        "KUBERNETES_SERVICE_HOST=127.0.0.1".to_owned(),
        format!("KUBERNETES_SERVICE_PORT={}", cluster.port()),
    ];
    arguments.extend(["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", IN_A_POD, "sh"].map(str::to_owned));
    arguments
}

/// Upstream's definition of SealedSecret, from its own sources.
///
/// # Errors
/// As [`peers::source`].
///
/// # Panics
/// If it does not lie where it did.
pub fn definition() -> Result<Value, Missing> {
    let file = peers::source("controller", MODULE)?.join("helm/sealed-secrets/crds/bitnami.com_sealedsecrets.yaml");
    let text = fs::read_to_string(&file).expect("upstream's sources hold its definition");
    Ok(serde_saphyr::from_str(&text).expect("upstream's definition is YAML"))
}

/// Where upstream's chart lies.
///
/// # Errors
/// As [`peers::source`].
pub fn chart() -> Result<PathBuf, Missing> {
    Ok(peers::source("controller", MODULE)?.join("helm/sealed-secrets"))
}

/// The values of upstream's chart.
///
/// # Errors
/// As [`peers::source`].
///
/// # Panics
/// If they do not lie where they did.
pub fn chart_values() -> Result<Value, Missing> {
    Ok(packaging::yaml(&chart()?.join("values.yaml")))
}

fn service_account(cluster: &Cluster, folder: &Path) -> PathBuf {
    let account = folder.join("account");
    fs::create_dir_all(&account).expect("a folder can be made");
    fs::copy(cluster.ca(), account.join("ca.crt")).expect("a certificate can be copied");
    fs::write(account.join("token"), cluster.token()).expect("a token can be written");
    fs::write(account.join("namespace"), NAMESPACE).expect("a name can be written");
    account
}

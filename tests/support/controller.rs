//! Our controller on our cluster: as many as a test wants, each in a namespace of its own.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Once;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value, json};

use crate::binary;
use crate::cluster::{Api, Cluster};
use crate::process::Home;
use crate::server::{self, Server};

/// Says who it is before it becomes the controller: whoever stops a process has to know its number.
const WITH_PID: &str = r#"echo $$ > "$0"; exec "$@""#;

/// A running controller that looks at one namespace, which also holds its keys.
pub struct Controller {
    server: Server,
    home: Home,
    namespace: String,
    port: u16,
    metrics_port: u16,
    read: AtomicUsize,
}

impl Controller {
    /// Starts it and waits until it has a key and knows all objects.
    ///
    /// # Panics
    /// If it does not start.
    #[must_use]
    pub fn start(cluster: &Cluster, namespace: &str, flags: &[&str]) -> Self {
        let mut controller = Self::launch(cluster, namespace, flags);
        controller.wait_until_ready();
        controller
    }

    /// Starts it, and waits for nothing. Later flags count before the usual ones: the own namespace only, small keys, JSON logs.
    ///
    /// # Panics
    /// If the system starts no process.
    #[must_use]
    pub fn launch(cluster: &Cluster, namespace: &str, flags: &[&str]) -> Self {
        let kubeconfig = format!("--kubeconfig={}", cluster.kubeconfig().display());
        Self::launch_bare(namespace, &[&[kubeconfig.as_str()], flags].concat())
    }

    /// Starts it without telling it where the cluster is.
    ///
    /// # Panics
    /// If the system starts no process.
    #[must_use]
    pub fn launch_bare(namespace: &str, flags: &[&str]) -> Self {
        Self::launch_in(&[], namespace, flags)
    }

    /// As [`Self::launch_bare`], with variables of its environment, as `NAME=value`.
    ///
    /// # Panics
    /// If the system starts no process.
    #[must_use]
    pub fn launch_in(environment: &[String], namespace: &str, flags: &[&str]) -> Self {
        let home = Home::new();
        let (port, metrics_port) = (server::free_port(), server::free_port());
        let mut arguments =
            vec!["-i".to_owned(), format!("PATH={}", std::env::var("PATH").unwrap_or_default()), format!("POD_NAMESPACE={namespace}")];
        arguments.extend_from_slice(environment);
        arguments.extend(["sh", "-c", WITH_PID].map(str::to_owned));
        arguments.push(home.path().join("pid").display().to_string());
        arguments.push(binary::controller().display().to_string());
        arguments.extend(["--all-namespaces=false", "--key-size=2048", "--log-format=json"].map(str::to_owned));
        arguments.push(format!("--listen-addr=127.0.0.1:{port}"));
        arguments.push(format!("--listen-metrics-addr=127.0.0.1:{metrics_port}"));
        arguments.extend(flags.iter().map(ToString::to_string));
        let server = Server::start(Path::new("env"), arguments, &home.path().join("run"));
        Self { server, home, namespace: namespace.to_owned(), port, metrics_port, read: AtomicUsize::new(0) }
    }

    /// Waits until it has a key and knows all objects.
    ///
    /// # Panics
    /// If that takes more than two minutes.
    pub fn wait_until_ready(&mut self) {
        let port = self.port;
        self.server.wait_until(|| server::fetch(port, "/readyz").is_ok_and(|(status, _)| status == 200));
    }

    /// Namespace of the controller.
    #[must_use]
    pub fn namespace(&self) -> &str {
        &self.namespace
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

    /// One figure of its metrics: of the first line that starts with this; zero if there is none.
    #[must_use]
    pub fn figure(&self, line: &str) -> f64 {
        let text = self.metrics();
        text.lines().find_map(|found| found.strip_prefix(line)?.rsplit(' ').next()?.parse().ok()).unwrap_or_default()
    }

    /// Everything that it has said so far.
    #[must_use]
    pub fn log(&self) -> String {
        self.server.log()
    }

    /// What it has said since this was asked last, of one message, as JSON.
    #[must_use]
    pub fn news(&self, message: &str) -> Vec<Value> {
        let log = self.log();
        // The last line may not be whole yet.
        let end = log.rfind('\n').map_or(0, |end| end + 1);
        let start = self.read.swap(end, Ordering::Relaxed).min(end);
        log[start..end].lines().filter_map(|line| serde_json::from_str(line).ok()).filter(|line: &Value| line["message"] == message).collect()
    }

    /// Number of the process.
    ///
    /// # Panics
    /// If it never started.
    #[must_use]
    pub fn pid(&self) -> String {
        fs::read_to_string(self.home.path().join("pid")).expect("a started process has a number").trim().to_owned()
    }

    /// Sends a signal, by name.
    ///
    /// # Panics
    /// If it can not be sent.
    pub fn signal(&self, name: &str) {
        let sent = Command::new("kill").args([format!("-{name}"), self.pid()]).status().expect("kill starts");
        assert!(sent.success(), "{name} can be sent");
    }

    /// Whether the process runs.
    #[must_use]
    pub fn runs(&self) -> bool {
        let stat = fs::read_to_string(PathBuf::from("/proc").join(self.pid()).join("stat")).unwrap_or_default();
        !stat.is_empty() && !stat.contains(") Z ")
    }
}

/// Installs our definitions, once for a test program.
///
/// # Panics
/// If the server refuses them.
pub fn install(cluster: &Cluster) {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        for definition in crds::ALL {
            cluster.install(&serde_json::to_value(definition()).expect("a definition is JSON"));
        }
    });
}

/// Path of the SealedSecrets of a namespace.
#[must_use]
pub fn sources(namespace: &str) -> String {
    format!("/apis/bitnami.com/v1alpha1/namespaces/{namespace}/sealedsecrets")
}

/// Path of the Secrets of a namespace.
#[must_use]
pub fn secrets(namespace: &str) -> String {
    format!("/api/v1/namespaces/{namespace}/secrets")
}

/// Waits until the status of a SealedSecret is that of its generation and says `synced`, and gives the object.
///
/// # Panics
/// If that takes more than half a minute.
pub fn wait_synced(api: &Api, namespace: &str, name: &str, synced: bool) -> Value {
    let path = format!("{}/{name}", sources(namespace));
    api.wait_for(&format!("{name} to be Synced={synced}"), |api| {
        let object = api.read(&path).ok()?;
        (object["status"]["observedGeneration"] == object["metadata"]["generation"] && condition(&object, "Synced")["status"] == truth(synced))
            .then_some(object)
    })
}

fn truth(value: bool) -> &'static str {
    if value { "True" } else { "False" }
}

/// A condition of an object; null if it has none of that type.
#[must_use]
pub fn condition(object: &Value, name: &str) -> Value {
    let conditions = object["status"]["conditions"].as_array().into_iter().flatten();
    conditions.into_iter().find(|condition| condition["type"] == name).cloned().unwrap_or(Value::Null)
}

/// The data of a Secret, decoded; None if there is no such Secret.
///
/// # Panics
/// If a value is no base64.
#[must_use]
pub fn data(api: &Api, namespace: &str, name: &str) -> Option<std::collections::BTreeMap<String, String>> {
    let secret = api.read(&format!("{}/{name}", secrets(namespace))).ok()?;
    let decode = |value: &Value| keys::SecretBytes::from_base64(value.as_str().unwrap_or_default()).expect("base64");
    let values = secret["data"].as_object().cloned().unwrap_or_default();
    Some(values.iter().map(|(key, value)| (key.clone(), String::from_utf8_lossy(decode(value).expose()).into_owned())).collect())
}

/// A sealed object of a namespace, made with a certificate; `change` may alter the plain Secret before it is sealed.
///
/// # Panics
/// If it can not be sealed.
#[must_use]
pub fn seal(certificate: &str, namespace: &str, name: &str, values: &[(&str, &str)]) -> Value {
    let values: serde_json::Map<String, Value> = values.iter().map(|(key, value)| ((*key).to_owned(), json!(value))).collect();
    seal_secret(certificate, &json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name, "namespace": namespace}, "stringData": values}))
}

/// As [`seal`], from a whole Secret.
///
/// # Panics
/// If it can not be sealed.
#[must_use]
pub fn seal_secret(certificate: &str, secret: &Value) -> Value {
    use engine::seal::{Hint, Overrides, Target, seal};
    let text = keys::SecretBytes::new(secret.to_string().into_bytes());
    let manifest = engine::manifest::Manifest::parse(&text).expect("JSON");
    let plain = engine::PlainSecret::read(&manifest.objects().expect("objects")[0]).expect("a Secret");
    let target = Target::of(&plain, &Overrides::default()).expect("a target");
    let certificate = keys::Certificate::from_pem(certificate.as_bytes()).expect("a certificate");
    serde_json::to_value(seal(&plain, &target, &certificate, Hint::Written).expect("a sealed object")).expect("JSON")
}

//! A real API server: etcd and kube-apiserver on the loopback, without root, network or containers; ready in some seconds.
//!
//! One serves a whole test program; each test makes a namespace of its own. There is no controller manager: nothing is garbage-collected.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use rcgen::KeyPair;
use serde_json::{Value, json};

use crate::peers::{self, Missing};
use crate::process::Home;
use crate::server::{self, Server};

mod api;
mod outage;
mod proxy;
mod service;

pub use api::{Api, Refusal};
pub use outage::Second;
pub use service::Exposed;

/// Peers without which no cluster starts: what a case that uses one needs.
pub const NEEDS: &[&str] = &["etcd", "kube-apiserver"];

/// Header and claims of a token without algorithm: `{"alg":"none"}` and `{"exp":4102444800}`.
const JWT_OF_THE_YEAR_2100: &str = "eyJhbGciOiJub25lIn0.eyJleHAiOjQxMDI0NDQ4MDB9";

/// A running API server.
pub struct Cluster {
    // Fields are dropped in this order: the folder last.
    server: Option<Server>,
    _etcd: Server,
    services: proxy::Proxy,
    program: PathBuf,
    flags: Vec<String>,
    port: u16,
    store: u16,
    token: String,
    id_token: String,
    namespaces: AtomicUsize,
    home: Home,
}

/// A cluster that starts when the first case asks for it, and ends with the last.
#[derive(Clone, Default)]
pub struct Shared(Arc<OnceLock<Cluster>>);

impl Shared {
    /// The cluster; starts it if need be.
    ///
    /// # Panics
    /// If it does not start.
    #[must_use]
    pub fn get(&self) -> &Cluster {
        self.0.get_or_init(|| Cluster::start().unwrap_or_else(|missing| panic!("{missing}")))
    }
}

impl Cluster {
    /// Starts etcd and an API server, and waits until it is ready.
    ///
    /// # Errors
    /// The peer that is missing.
    ///
    /// # Panics
    /// If one of them does not start.
    pub fn start() -> Result<Self, Missing> {
        Self::start_with(|_| Vec::new())
    }

    /// As [`Self::start`], with further flags of the API server; their files are written to the home that they are asked with.
    ///
    /// # Errors
    /// As [`Self::start`].
    ///
    /// # Panics
    /// As [`Self::start`].
    pub fn start_with(flags: impl FnOnce(&Home) -> Vec<String>) -> Result<Self, Missing> {
        let (etcd, apiserver) = (peers::get("etcd")?, peers::get("kube-apiserver")?);
        let home = Home::new();
        let (etcd, store) = start_etcd(&etcd, &home);
        let services = proxy::Proxy::start(&home.path().join("proxy.sock"));
        let token = random_text();
        let id_token = format!("{JWT_OF_THE_YEAR_2100}.{}", random_text());
        let port = server::free_port();
        let flags = [apiserver_flags(&home, port, store, [&token, &id_token]), flags(&home)].concat();
        let mut server = Server::start(&apiserver, &flags, &home.path().join("apiserver"));
        let ca = home.path().join("certs").join("apiserver.crt");
        server.wait_until(|| ca.exists());
        let kubeconfig = home.write("kubeconfig", kubeconfig(port, &token, &ca));
        let api = Api::new(&kubeconfig);
        server.wait_until(|| api.text("/readyz").is_ok());
        let (server, namespaces) = (Some(server), AtomicUsize::new(1));
        Ok(Self { server, _etcd: etcd, services, program: apiserver, flags, port, store, token, id_token, namespaces, home })
    }

    /// Kubeconfig of an administrator.
    #[must_use]
    pub fn kubeconfig(&self) -> PathBuf {
        self.home.path().join("kubeconfig")
    }

    /// Certificate to trust, PEM.
    #[must_use]
    pub fn ca(&self) -> PathBuf {
        self.home.path().join("certs").join("apiserver.crt")
    }

    /// How a store of external-secrets reads the Secrets of one of its namespaces, with the key `token` of a Secret `credentials`.
    ///
    /// # Panics
    /// If its certificate is not there.
    #[must_use]
    pub fn provider(&self, remote: &str) -> Value {
        let bundle = BASE64_STANDARD.encode(fs::read(self.ca()).expect("the cluster has a certificate"));
        json!({"kubernetes": {
            "server": {"url": format!("https://127.0.0.1:{}", self.port), "caBundle": bundle},
            "remoteNamespace": remote,
            "auth": {"token": {"bearerToken": {"name": "credentials", "key": "token"}}},
        }})
    }

    /// Token of an administrator.
    #[must_use]
    pub fn token(&self) -> &str {
        &self.token
    }

    /// Token of an administrator that looks like one of OpenID Connect and has not expired.
    #[must_use]
    pub fn id_token(&self) -> &str {
        &self.id_token
    }

    /// Port of the API server on 127.0.0.1.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// A folder that lives as long as the cluster.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.home.path()
    }

    /// Writes a kubeconfig of whoever bears a token.
    #[must_use]
    pub fn kubeconfig_of(&self, name: &str, token: &str) -> PathBuf {
        self.home.write(name, kubeconfig(self.port, token, &self.ca()))
    }

    /// A client for the thread that asks.
    #[must_use]
    pub fn api(&self) -> Api {
        Api::new(&self.kubeconfig())
    }

    /// Makes a namespace that no other test has, and tells its name.
    ///
    /// # Panics
    /// If the server refuses it.
    pub fn namespace(&self, purpose: &str) -> String {
        let name = format!("{purpose}-{}", self.namespaces.fetch_add(1, Ordering::Relaxed));
        self.api().create("/api/v1/namespaces", &json!({"metadata": {"name": name}})).expect("a namespace can be made");
        name
    }

    /// Installs a custom resource definition, or updates it, and waits until it is served.
    ///
    /// # Panics
    /// If the server refuses it.
    pub fn install(&self, definition: &serde_json::Value) {
        self.api().install(definition);
    }
}

fn start_etcd(program: &Path, home: &Home) -> (Server, u16) {
    let (client, peer) = (server::free_port(), server::free_port());
    let [client_url, peer_url] = [client, peer].map(|port| format!("http://127.0.0.1:{port}"));
    let flags = [
        format!("--data-dir={}", home.path().join("etcd").join("data").display()),
        format!("--listen-client-urls={client_url}"),
        format!("--advertise-client-urls={client_url}"),
        format!("--listen-peer-urls={peer_url}"),
        format!("--initial-advertise-peer-urls={peer_url}"),
        format!("--initial-cluster=default={peer_url}"),
        "--unsafe-no-fsync".to_owned(),
        "--log-level=warn".to_owned(),
    ];
    let mut etcd = Server::start(program, flags, &home.path().join("etcd"));
    etcd.wait_until(|| server::fetch(client, "/health").is_ok_and(|(status, _)| status == 200));
    (etcd, client)
}

fn apiserver_flags(home: &Home, port: u16, store: u16, [token, id_token]: [&str; 2]) -> Vec<String> {
    let key = KeyPair::generate().expect("a key can be made");
    let tokens = home.write("tokens.csv", format!("{token},admin,admin,system:masters\n{id_token},admin,admin,system:masters\n"));
    let signing = home.write("sa.key", key.serialize_pem());
    let verifying = home.write("sa.pub", key.public_key_pem());
    let egress = home.write("egress.yaml", egress(&home.path().join("proxy.sock")));
    vec![
        format!("--etcd-servers=http://127.0.0.1:{store}"),
        format!("--secure-port={port}"),
        "--bind-address=127.0.0.1".to_owned(),
        format!("--cert-dir={}", home.path().join("certs").display()),
        "--service-account-issuer=https://kubernetes.default.svc".to_owned(),
        format!("--service-account-signing-key-file={}", signing.display()),
        format!("--service-account-key-file={}", verifying.display()),
        format!("--token-auth-file={}", tokens.display()),
        "--authorization-mode=RBAC".to_owned(),
        "--service-cluster-ip-range=10.96.0.0/16".to_owned(),
        "--advertise-address=10.1.1.1".to_owned(),
        "--endpoint-reconciler-type=none".to_owned(),
        "--disable-admission-plugins=ServiceAccount".to_owned(),
        format!("--egress-selector-config-file={}", egress.display()),
    ]
}

/// Everything that the server sends into the cluster goes through our own proxy.
fn egress(socket: &Path) -> String {
    let connection = json!({"proxyProtocol": "HTTPConnect", "transport": {"uds": {"udsName": socket}}});
    let selections = json!([{"name": "cluster", "connection": connection}]);
    json!({"apiVersion": "apiserver.k8s.io/v1beta1", "kind": "EgressSelectorConfiguration", "egressSelections": selections}).to_string()
}

fn kubeconfig(port: u16, token: &str, ca: &Path) -> String {
    let ca = ca.display();
    format!(
        "apiVersion: v1\nkind: Config\ncurrent-context: test\n\
         clusters:\n- name: test\n  cluster:\n    server: https://127.0.0.1:{port}\n    certificate-authority: {ca}\n\
         contexts:\n- name: test\n  context:\n    cluster: test\n    user: admin\n\
         users:\n- name: admin\n  user:\n    token: {token}\n"
    )
}

fn random_text() -> String {
    let mut bytes = [0; 16];
    aws_lc_rs::rand::fill(&mut bytes).expect("the system has randomness");
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

//! A real Vault in memory, and what its administrator does.

use std::fmt::Display;
use std::fs;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::thread;
use std::time::{Duration, Instant};

use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, ClientConnection, RootCertStore};
use serde_json::{Value, json};
use tests::peers;
use tests::process::{Home, Running};
use tests::server::free_port;

/// The token of the administrator.
pub(crate) const ROOT: &str = "hunter2-root";

/// The file in its home that says who it is to Google.
pub(crate) const GOOGLE_KEY: &str = "google.json";

/// A Vault, with an engine of version 2 at `secret`.
pub(crate) struct Dev {
    /// Its address.
    pub(crate) address: String,
    port: u16,
    home: Home,
    _server: Running,
}

impl Dev {
    /// The one that all cases share who leave each other's secrets alone.
    pub(crate) fn shared() -> Arc<Self> {
        static SHARED: Mutex<Weak<Dev>> = Mutex::new(Weak::new());
        let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
        shared.upgrade().unwrap_or_else(|| {
            let started = Arc::new(Self::start());
            *shared = Arc::downgrade(&started);
            started
        })
    }

    /// One for a case alone.
    pub(crate) fn start() -> Self {
        Self::start_at(free_port())
    }

    /// The same at a port that is known.
    pub(crate) fn start_at(port: u16) -> Self {
        Self::start_as(Home::new(), "http", port, &["-dev"])
    }

    /// One that speaks TLS, with a certificate and an authority of its own.
    pub(crate) fn start_with_tls() -> Self {
        Self::start_with_tls_at(free_port())
    }

    /// The same at a port that is known.
    pub(crate) fn start_with_tls_at(port: u16) -> Self {
        Self::start_as(Home::new(), "https", port, &["-dev-tls", "-dev-tls-cert-dir=."])
    }

    /// One that has what a file in `home` says besides.
    pub(crate) fn start_with(home: Home, config: &str) -> Self {
        Self::start_as(home, "http", free_port(), &["-dev", &format!("-config={config}")])
    }

    /// One whose home has files that it looks at by itself.
    pub(crate) fn start_in(home: Home) -> Self {
        Self::start_as(home, "http", free_port(), &["-dev"])
    }

    fn start_as(home: Home, scheme: &str, port: u16, mode: &[&str]) -> Self {
        let listen = format!("-dev-listen-address=127.0.0.1:{port}");
        let root = format!("-dev-root-token-id={ROOT}");
        let program = peers::get("vault").expect("the case needs it");
        let run = home.command(program).env("GOOGLE_APPLICATION_CREDENTIALS", home.path().join(GOOGLE_KEY));
        let server = run.args(["server", "-dev-no-store-token", &root, &listen]).args(mode).start();
        let dev = Self { address: format!("{scheme}://127.0.0.1:{port}"), port, home, _server: server };
        let deadline = Instant::now() + Duration::from_secs(60);
        while !dev.asks("GET", "sys/mounts", "").is_some_and(|(_, body)| body.contains("\"secret/\"")) {
            assert!(Instant::now() < deadline, "vault does not start");
            thread::sleep(Duration::from_millis(100));
        }
        dev
    }

    /// Its port.
    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// The certificate of the authority that vouches for it.
    pub(crate) fn authority(&self) -> String {
        fs::read_to_string(self.home.path().join("vault-ca.pem")).expect("a certificate")
    }

    /// Does something as the administrator, which must succeed.
    #[track_caller]
    pub(crate) fn does(&self, method: &str, path: &str, body: impl Display) -> Value {
        let (status, answer) = self.asks(method, path, &body.to_string()).expect("vault answers");
        assert!((200..300).contains(&status), "{method} {path}: {status} {answer}");
        serde_json::from_str(&answer).unwrap_or_default()
    }

    /// Writes a secret of version 2.
    #[track_caller]
    pub(crate) fn puts(&self, path: &str, data: &Value) {
        self.does("POST", &format!("secret/data/{path}"), json!({ "data": data }));
    }

    /// Mounts a secrets engine or an auth method, where it is not yet.
    pub(crate) fn mounts(&self, kind: &str, at: &str, options: &Value) {
        self.does("POST", &format!("sys/{at}"), json!({"type": kind, "options": options}));
    }

    fn asks(&self, method: &str, path: &str, body: &str) -> Option<(u16, String)> {
        let length = body.len();
        let request = format!("{method} /v1/{path} HTTP/1.0\r\nHost: localhost\r\nX-Vault-Token: {ROOT}\r\nContent-Length: {length}\r\n\r\n{body}");
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).ok()?;
        let mut answer = Vec::new();
        if self.address.starts_with("https") {
            let mut roots = RootCertStore::empty();
            let authority =
                rustls::pki_types::CertificateDer::from_pem_slice(fs::read(self.home.path().join("vault-ca.pem")).ok()?.as_slice()).ok()?;
            roots.add(authority).ok()?;
            let config = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
            let mut session = ClientConnection::new(Arc::new(config), "127.0.0.1".try_into().ok()?).ok()?;
            let mut secured = rustls::Stream::new(&mut session, &mut stream);
            secured.write_all(request.as_bytes()).ok()?;
            // Some end without saying so.
            let _ = secured.read_to_end(&mut answer);
        } else {
            stream.write_all(request.as_bytes()).ok()?;
            stream.read_to_end(&mut answer).ok()?;
        }
        let answer = String::from_utf8_lossy(&answer).into_owned();
        let (head, body) = answer.split_once("\r\n\r\n")?;
        Some((head.split(' ').nth(1)?.parse().ok()?, body.to_owned()))
    }
}

//! A real Vault in memory, and what its administrator does.

use std::fmt::Display;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tests::peers;
use tests::process::{Home, Running};
use tests::server::free_port;

/// The token of the administrator.
pub(crate) const ROOT: &str = "hunter2-root";

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
        let home = Home::new();
        let listen = format!("-dev-listen-address=127.0.0.1:{port}");
        let root = format!("-dev-root-token-id={ROOT}");
        let program = peers::get("vault").expect("the case needs it");
        let server = home.command(program).args(["server", "-dev", "-dev-no-store-token", &root, &listen]).start();
        let dev = Self { address: format!("http://127.0.0.1:{port}"), port, home, _server: server };
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

    /// A file in its home.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
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
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).ok()?;
        let head = format!("{method} /v1/{path} HTTP/1.0\r\nHost: localhost\r\nX-Vault-Token: {ROOT}\r\nContent-Length: {}\r\n\r\n", body.len());
        stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body.as_bytes())).ok()?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).ok()?;
        let answer = String::from_utf8_lossy(&answer).into_owned();
        let (head, body) = answer.split_once("\r\n\r\n")?;
        Some((head.split(' ').nth(1)?.parse().ok()?, body.to_owned()))
    }
}

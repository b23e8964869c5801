//! A real Vault over a folder that stays: it can be sealed, killed and started again.

use std::fs;
use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::peers::{self, Missing};
use crate::process::Home;
use crate::server::{self, Server};

/// A Vault with an engine of version 2 at `secret`.
pub struct Vault {
    // Fields are dropped in this order: the folder last.
    server: Option<Server>,
    program: PathBuf,
    port: u16,
    key: String,
    root: String,
    home: Home,
}

impl Vault {
    /// Starts one, and waits until secrets can be written.
    ///
    /// # Errors
    /// The peer is missing.
    ///
    /// # Panics
    /// If it does not start.
    pub fn start() -> Result<Self, Missing> {
        let (program, port, home) = (peers::get("vault")?, server::free_port(), Home::new());
        let settings = json!({
            "storage": {"file": {"path": home.path().join("data")}},
            "listener": {"tcp": {"address": format!("127.0.0.1:{port}"), "tls_disable": true}},
            "disable_mlock": true,
        });
        home.write("vault.json", settings.to_string());
        let mut vault = Self { server: None, program, port, key: String::new(), root: String::new(), home };
        vault.run();
        let made = vault.does("PUT", "sys/init", &json!({"secret_shares": 1, "secret_threshold": 1}));
        let text = |value: &Value| value.as_str().expect("a text").to_owned();
        (vault.key, vault.root) = (text(&made["keys_base64"][0]), text(&made["root_token"]));
        vault.unseal();
        vault.does("POST", "sys/mounts/secret", &json!({"type": "kv", "options": {"version": "2"}}));
        let start = Instant::now();
        while vault.asks("GET", "secret/config", &Value::Null).is_none_or(|(status, _)| status != 200) {
            assert!(start.elapsed() < Duration::from_secs(60), "the engine is not ready");
            thread::sleep(Duration::from_millis(100));
        }
        Ok(vault)
    }

    /// Starts the process, which is sealed then.
    ///
    /// # Panics
    /// If it does not start.
    pub fn run(&mut self) {
        let settings = format!("-config={}", self.home.path().join("vault.json").display());
        fs::create_dir_all(self.home.path().join("data")).expect("a folder can be made");
        let mut server = Server::start(&self.program, ["server".to_owned(), settings], &self.home.path().join("run"));
        let port = self.port;
        server.wait_until(|| server::fetch(port, "/v1/sys/seal-status").is_ok_and(|(status, _)| status == 200));
        self.server = Some(server);
    }

    /// Kills the process. What was written stays.
    pub fn kill(&mut self) {
        self.server = None;
    }

    /// Seals it.
    pub fn seal(&self) {
        self.does("PUT", "sys/seal", &Value::Null);
    }

    /// Unseals it.
    ///
    /// # Panics
    /// If it stays sealed.
    pub fn unseal(&self) {
        let said = self.does("PUT", "sys/unseal", &json!({"key": self.key}));
        assert_eq!(said["sealed"], false, "{said}");
        let (start, port) = (Instant::now(), self.port);
        // For a moment it is not sealed any more and not active yet.
        while !server::fetch(port, "/v1/sys/health").is_ok_and(|(status, _)| status == 200) {
            assert!(start.elapsed() < Duration::from_secs(60), "it does not become active");
            thread::sleep(Duration::from_millis(50));
        }
    }

    /// Its address.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// The token of its administrator.
    #[must_use]
    pub fn root(&self) -> &str {
        &self.root
    }

    /// Writes a secret.
    ///
    /// # Panics
    /// If it is not taken: an engine that was just unsealed needs a moment.
    pub fn put(&self, path: &str, data: &Value) {
        let (path, body, start) = (format!("secret/data/{path}"), json!({ "data": data }), Instant::now());
        while self.asks("POST", &path, &body).is_none_or(|(status, _)| status != 200) {
            assert!(start.elapsed() < Duration::from_secs(60), "the engine takes nothing");
            thread::sleep(Duration::from_millis(100));
        }
    }

    /// Does something as the administrator, which must succeed.
    ///
    /// # Panics
    /// If it does not.
    #[track_caller]
    pub fn does(&self, method: &str, path: &str, body: &Value) -> Value {
        let (status, answer) = self.asks(method, path, body).expect("vault answers");
        assert!((200..300).contains(&status), "{method} {path}: {status} {answer}");
        serde_json::from_str(&answer).unwrap_or_default()
    }

    fn asks(&self, method: &str, path: &str, body: &Value) -> Option<(u16, String)> {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        server::ask(self.port, method, &format!("/v1/{path}"), &[("X-Vault-Token", &self.root)], &body).ok()
    }
}

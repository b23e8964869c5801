//! An API server that dies and comes back, over a store that stays.

use serde_json::json;

use crate::server::{self, Server};

use super::{Api, Cluster, kubeconfig};

/// Another API server over the same store: what is done there, nobody sees whose only server is the first one.
pub struct Second {
    _server: Server,
    /// A client of it.
    pub api: Api,
}

impl Cluster {
    /// Kills the API server. Nothing of it stays but what is in the store.
    pub fn stop(&mut self) {
        self.server = None;
    }

    /// Starts the API server again where it was, and waits until it is ready.
    ///
    /// # Panics
    /// If it does not start.
    pub fn resume(&mut self) {
        let mut server = Server::start(&self.program, &self.flags, &self.home.path().join("apiserver"));
        let api = self.api();
        server.wait_until(|| api.text("/readyz").is_ok());
        self.server = Some(server);
    }

    /// Starts another API server beside the first one, or in its place.
    ///
    /// # Panics
    /// If it does not start.
    #[must_use]
    pub fn second(&self) -> Second {
        let port = server::free_port();
        // Of a flag that is given twice the last one counts.
        let flags = self.flags.iter().cloned().chain([format!("--secure-port={port}")]);
        let mut server = Server::start(&self.program, flags, &self.home.path().join("second"));
        let api = Api::new(&self.home.write("kubeconfig-second", kubeconfig(port, &self.token, &self.ca())));
        server.wait_until(|| api.text("/readyz").is_ok());
        Second { _server: server, api }
    }

    /// What the store holds under a path, as it is: keys and values in base64.
    ///
    /// # Panics
    /// If the store does not answer.
    #[must_use]
    pub fn stored(&self, path: &str) -> Vec<(String, String)> {
        let encoded = |text: &str| String::from_utf8(keys::SecretBytes::new(text.as_bytes().to_vec()).to_base64().expose().to_vec()).expect("base64");
        // The end of a range: the first key after all that begin so.
        let range = json!({"key": encoded(&format!("/registry/{path}/")), "range_end": encoded(&format!("/registry/{path}0"))}).to_string();
        let (status, answer) = server::post(self.store, "/v3/kv/range", &range).expect("the store answers");
        assert_eq!(status, 200, "{answer}");
        let answer: serde_json::Value = serde_json::from_str(&answer).expect("JSON");
        let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
        answer["kvs"].as_array().into_iter().flatten().map(|entry| (text(&entry["key"]), text(&entry["value"]))).collect()
    }

    /// Makes the store forget every version but the last one: whoever wants to go on from an older one is told that it is gone.
    ///
    /// # Panics
    /// If the store refuses it.
    pub fn forget_history(&self) {
        let range = json!({"key": "AA=="}).to_string();
        let (status, answer) = server::post(self.store, "/v3/kv/range", &range).expect("the store answers");
        assert_eq!(status, 200, "{answer}");
        let answer: serde_json::Value = serde_json::from_str(&answer).expect("JSON");
        let compaction = json!({"revision": answer["header"]["revision"], "physical": true}).to_string();
        let (status, answer) = server::post(self.store, "/v3/kv/compaction", &compaction).expect("the store answers");
        assert_eq!(status, 200, "{answer}");
    }
}

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

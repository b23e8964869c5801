//! A client of the API server that speaks JSON as it is, so that a test sees what the server stores and not what our types read.

use std::fmt::{self, Display, Formatter};
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use http::{Method, Request};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use serde_json::Value;
use tokio::runtime::{Builder, Runtime};

/// A client with a runtime of its own, for one thread.
pub struct Api {
    runtime: Runtime,
    client: Client,
}

/// What the server says no with.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Refusal {
    /// HTTP status; zero if the server did not answer.
    pub code: u16,
    /// Why, in the server's words.
    pub message: String,
}

impl Display for Refusal {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.code, self.message)
    }
}

impl std::error::Error for Refusal {}

impl From<kube::Error> for Refusal {
    fn from(error: kube::Error) -> Self {
        match error {
            kube::Error::Api(status) => Self { code: status.code, message: status.message },
            other => Self { code: 0, message: format!("{other:?}") },
        }
    }
}

impl Api {
    pub(super) fn new(kubeconfig: &Path) -> Self {
        let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime can be made");
        let client = runtime.block_on(async {
            let kubeconfig = Kubeconfig::read_from(kubeconfig).expect("our kubeconfig can be read");
            let config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await.expect("our kubeconfig is whole");
            Client::try_from(config).expect("a client can be made")
        });
        Self { runtime, client }
    }

    /// Reads an object.
    ///
    /// # Errors
    /// What the server says no with, as for each of the following.
    pub fn read(&self, path: &str) -> Result<Value, Refusal> {
        self.json(Method::GET, path, "application/json", None)
    }

    /// Creates an object in the collection at `path`.
    ///
    /// # Errors
    /// What the server says no with.
    pub fn create(&self, path: &str, object: &Value) -> Result<Value, Refusal> {
        self.json(Method::POST, path, "application/json", Some(object))
    }

    /// Replaces the object at `path`.
    ///
    /// # Errors
    /// What the server says no with.
    pub fn replace(&self, path: &str, object: &Value) -> Result<Value, Refusal> {
        self.json(Method::PUT, path, "application/json", Some(object))
    }

    /// Merges a patch into the object at `path`.
    ///
    /// # Errors
    /// What the server says no with.
    pub fn merge(&self, path: &str, patch: &Value) -> Result<Value, Refusal> {
        self.json(Method::PATCH, path, "application/merge-patch+json", Some(patch))
    }

    /// Applies an object at `path`, on the server's side.
    ///
    /// # Errors
    /// What the server says no with.
    pub fn apply(&self, path: &str, object: &Value) -> Result<Value, Refusal> {
        self.json(Method::PATCH, &format!("{path}?fieldManager=tests&force=true"), "application/apply-patch+yaml", Some(object))
    }

    /// Tries whether the server would take an object at `path`; it checks everything, and keeps nothing.
    ///
    /// # Errors
    /// What the server says no with.
    pub fn try_out(&self, path: &str, object: &Value) -> Result<Value, Refusal> {
        let path = format!("{path}?fieldManager=tests&force=true&dryRun=All&fieldValidation=Strict");
        self.json(Method::PATCH, &path, "application/apply-patch+yaml", Some(object))
    }

    /// Deletes the object at `path`.
    ///
    /// # Errors
    /// What the server says no with.
    pub fn delete(&self, path: &str) -> Result<Value, Refusal> {
        self.json(Method::DELETE, path, "application/json", None)
    }

    /// Reads whatever lies at `path`, as text.
    ///
    /// # Errors
    /// What the server says no with.
    pub fn text(&self, path: &str) -> Result<String, Refusal> {
        self.send(Method::GET, path, "application/json", Vec::new())
    }

    /// Asks again until the answer is there, for half a minute.
    ///
    /// # Panics
    /// If it does not come.
    pub fn wait_for<T>(&self, what: &str, mut ask: impl FnMut(&Self) -> Option<T>) -> T {
        let start = Instant::now();
        loop {
            if let Some(answer) = ask(self) {
                return answer;
            }
            assert!(start.elapsed() < Duration::from_secs(30), "waited in vain for {what}");
            thread::sleep(Duration::from_millis(50));
        }
    }

    /// Applies a custom resource definition, and waits until the server serves it.
    ///
    /// # Panics
    /// If the server refuses it.
    pub fn install(&self, definition: &Value) {
        let name = definition["metadata"]["name"].as_str().expect("a definition has a name");
        let path = format!("/apis/apiextensions.k8s.io/v1/customresourcedefinitions/{name}");
        self.apply(&path, definition).expect("the server takes the definition");
        let (group, version) = (definition["spec"]["group"].as_str(), definition["spec"]["versions"][0]["name"].as_str());
        let plural = definition["spec"]["names"]["plural"].as_str();
        let list = format!("/apis/{}/{}/{}", group.unwrap_or_default(), version.unwrap_or_default(), plural.unwrap_or_default());
        self.wait_for(name, |api| api.read(&list).ok());
    }

    fn json(&self, method: Method, path: &str, kind: &str, body: Option<&Value>) -> Result<Value, Refusal> {
        let body = body.map(Value::to_string).unwrap_or_default();
        let text = self.send(method, path, kind, body.into_bytes())?;
        serde_json::from_str(&text).map_err(|error| Refusal { code: 0, message: format!("no JSON ({error}): {text}") })
    }

    fn send(&self, method: Method, path: &str, kind: &str, body: Vec<u8>) -> Result<String, Refusal> {
        let request = Request::builder().method(method).uri(path).header("content-type", kind).body(body);
        let request = request.map_err(|error| Refusal { code: 0, message: error.to_string() })?;
        Ok(self.runtime.block_on(self.client.request_text(request))?)
    }
}

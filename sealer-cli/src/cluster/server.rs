//! Objects of the API server, as they are.

use serde_json::Value;
use tokio::runtime::Runtime;

use super::OBJECT_LIMIT;
use super::error::{Error, ErrorKind, Result};
use super::kubeconfig::Access;
use super::response::Target;
use super::transport::{self, Link, Method};

/// What is asked for of an object, and of a list, of which the rest is none of our business.
const METADATA_ONLY: [&str; 2] =
    ["application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1", "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"];

/// An open line to an API server.
#[derive(Debug)]
pub(crate) struct Server {
    runtime: Runtime,
    link: Link,
}

impl Server {
    /// Reads the kubeconfig, and connects.
    ///
    /// # Errors
    /// Configuration: the kubeconfig cannot be used. Denied: no credentials to be had.
    pub(crate) fn open(access: &Access) -> Result<Self> {
        let settings = access.settings()?;
        let runtime = transport::runtime()?;
        let link = runtime.block_on(Link::connect(settings))?;
        Ok(Self { runtime, link })
    }

    /// Reads an object; None if there is none.
    ///
    /// # Errors
    /// All kinds but Configuration, as for each of the following.
    pub(crate) fn read(&self, path: &str) -> Result<Option<Value>> {
        self.ask(Method::Get, path, "application/json", None)
    }

    /// Reads the metadata of an object, and nothing else of it; None if there is none.
    ///
    /// # Errors
    /// All kinds but Configuration.
    pub(crate) fn read_metadata(&self, path: &str) -> Result<Option<Value>> {
        self.ask(Method::Get, path, METADATA_ONLY[0], None)
    }

    /// Reads the metadata of the objects of a list, and nothing else of them; empty if there is no such list.
    ///
    /// # Errors
    /// All kinds but Configuration.
    pub(crate) fn list_metadata(&self, path: &str) -> Result<Vec<Value>> {
        let list = self.ask(Method::Get, path, METADATA_ONLY[1], None)?;
        Ok(list.and_then(|mut list| list["items"].as_array_mut().map(std::mem::take)).unwrap_or_default())
    }

    /// Creates an object in the collection at `path`.
    ///
    /// # Errors
    /// All kinds but Configuration.
    pub(crate) fn create(&self, path: &str, object: &Value) -> Result<Value> {
        self.ask(Method::Post, path, "application/json", Some(object)).and_then(there)
    }

    /// Replaces the object at `path`, if its version still is that of `object`.
    ///
    /// # Errors
    /// All kinds but Configuration.
    pub(crate) fn replace(&self, path: &str, object: &Value) -> Result<Value> {
        self.ask(Method::Put, path, "application/json", Some(object)).and_then(there)
    }

    fn ask(&self, method: Method, path: &str, accept: &'static str, object: Option<&Value>) -> Result<Option<Value>> {
        let body = object.map(|object| object.to_string().into_bytes());
        let is_read = matches!(method, Method::Get);
        let request = self.link.object(method, path.to_owned(), accept, body);
        let answer = self.runtime.block_on(request.send(OBJECT_LIMIT))?;
        if answer.status == 404 && is_read {
            return Ok(None);
        }
        let body = answer.success(&Target::service("", path))?;
        serde_json::from_slice(&body).map(Some).map_err(|_| Error::new(ErrorKind::Answer, format!("the answer to {path} is no object")))
    }
}

fn there(answer: Option<Value>) -> Result<Value> {
    answer.ok_or_else(|| Error::new(ErrorKind::NotFound, "the answer is empty"))
}

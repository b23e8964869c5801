//! The controller behind the API server's service proxy: its certificate, its verdict on an object, an object sealed anew.
//!
//! The network is touched in here and nowhere else in the terminal: a runtime of one thread lives as long as one [`Session`] or one download,
//! and commands that need no cluster never start it. Kubeconfigs are read as kubectl reads them; messages are those of client-go, as scripts and
//! people know them.
//!
//! *Source*: sealed-secrets `pkg/kubeseal/kubeseal.go` (v0.38.4) and client-go `tools/clientcmd`, `rest/request.go` (v0.36).

mod download;
mod duration;
mod error;
mod kubeconfig;
mod loading;
mod oidc;
mod proxy;
mod response;
mod server;
mod transport;
mod usable;

use serde_json::Value;
use tokio::runtime::Runtime;

pub(crate) use download::{Location, download};
pub(crate) use error::{Error, ErrorKind, Result, describe};
pub(crate) use kubeconfig::{Access, Credential, Overrides};
pub(crate) use server::Server;

use response::Target;
use transport::{Link, Method};

/// What the controller calls a certificate.
const CERTIFICATE: &str = "application/x-pem-file, */*";

/// Most bytes of a certificate that are read.
const CERTIFICATE_LIMIT: usize = 1 << 20;

/// Most bytes of any other answer that are read: more than an object in a cluster can have.
const OBJECT_LIMIT: usize = 16 << 20;

/// Where the controller's Service stands.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Controller<'a> {
    /// Namespace of the Service.
    pub(crate) namespace: &'a str,
    /// Name of the Service.
    pub(crate) name: &'a str,
}

/// What the controller says of an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Every item opens.
    Good,
    /// Some item does not open.
    Undecryptable,
}

/// An open line to one controller.
#[derive(Debug)]
pub(crate) struct Session {
    runtime: Runtime,
    link: Link,
    target: Target,
}

impl Session {
    /// Reads the kubeconfig, connects, and asks for the port of the controller's Service.
    ///
    /// # Errors
    /// Configuration: the kubeconfig cannot be used. All others: the API server could not be reached, or refused, or knows no such Service.
    pub(crate) fn open(access: &Access, controller: Controller<'_>) -> Result<Self> {
        let settings = access.settings()?;
        let runtime = transport::runtime()?;
        let link = runtime.block_on(Link::connect(settings))?;
        let service = Target::service(controller.namespace, controller.name);
        let port = runtime.block_on(first_port(&link, &service)).map_err(|error| {
            error.wrap(|cause| {
                format!(
                    "cannot get sealed secret service: {cause}.\nPlease, use the flag --controller-name and --controller-namespace to set up the name \
                     and namespace of the sealed secrets controller"
                )
            })
        })?;
        Ok(Self { runtime, link, target: Target::proxy(controller.namespace, &format!("http:{}:{port}", controller.name)) })
    }

    /// Fetches the certificate, as PEM.
    ///
    /// # Errors
    /// All kinds but Configuration.
    pub(crate) fn certificate(&self) -> Result<Vec<u8>> {
        let request = self.link.request(Method::Get, &self.target, "/v1/cert.pem", CERTIFICATE, None);
        let answer = self.runtime.block_on(request.send(CERTIFICATE_LIMIT));
        answer.and_then(|answer| answer.success(&self.target)).map_err(|error| error.wrap(|cause| format!("cannot fetch certificate: {cause}")))
    }

    /// Asks whether the controller can open a SealedSecret, given as JSON.
    ///
    /// # Errors
    /// All kinds but Configuration.
    pub(crate) fn verify(&self, object: Vec<u8>) -> Result<Verdict> {
        let answer = self.post("/v1/verify", object)?;
        if answer.status == 409 {
            return Ok(Verdict::Undecryptable);
        }
        answer.success(&self.target).map(|_| Verdict::Good)
    }

    /// Has the controller seal a SealedSecret, given as JSON, with its newest key; None if it cannot open it.
    ///
    /// # Errors
    /// All kinds but Configuration.
    pub(crate) fn rotate(&self, object: Vec<u8>) -> Result<Option<Vec<u8>>> {
        let answer = self.post("/v1/rotate", object)?;
        if answer.status == 409 {
            return Ok(None);
        }
        answer.success(&self.target).map(Some)
    }

    fn post(&self, path: &str, object: Vec<u8>) -> Result<response::Answer> {
        let request = self.link.request(Method::Post, &self.target, path, "application/json, */*", Some(object));
        self.runtime.block_on(request.send(OBJECT_LIMIT))
    }
}

/// The name of the first port of a Service, which the proxy path is made of; it may be empty.
async fn first_port(link: &Link, service: &Target) -> Result<String> {
    service.check()?;
    let request = link.request(Method::Get, service, "", "application/json", None);
    let body = request.send(OBJECT_LIMIT).await?.success(service)?;
    let object: Value = serde_json::from_slice(&body).map_err(|_| Error::new(ErrorKind::Answer, "the answer of the API server is not a Service"))?;
    let Some(port) = object.pointer("/spec/ports/0") else {
        return Err(Error::new(ErrorKind::Answer, "the service has no port"));
    };
    Ok(port.get("name").and_then(Value::as_str).unwrap_or_default().to_owned())
}

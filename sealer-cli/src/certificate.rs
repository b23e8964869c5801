//! The certificate to seal with: from a file, a URL, a key store, or the cluster.

use std::path::{Path, PathBuf};

use engine::{Error, ErrorKind, Result};
use jiff::Timestamp;
use keys::{Certificate, KeyRing};

use crate::cluster::{self, Controller, Session};
use crate::input::read_file;
use crate::keyring::Store;

// Where the certificate comes from. Without any of them it is asked of the cluster.
#[derive(clap::Args, Clone, Debug, Default)]
#[command(next_help_heading = "Certificate")]
pub(crate) struct CertificateOptions {
    /// Certificate to seal with: a PEM file, or an http, https or file URL [default: $SEALER_CERT, unless --local or --keys is given]
    #[arg(long, value_name = "FILE|URL", conflicts_with_all = ["local", "store"])]
    pub(crate) cert: Option<String>,
    /// Use the newest key of the local key store, or of $SEALER_KEYS
    #[arg(long)]
    pub(crate) local: bool,
    /// Use the newest key of this folder
    #[arg(id = "store", long = "keys", value_name = "DIR")]
    pub(crate) store: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) cluster: ClusterOptions,
}

// Which controller of which cluster.
#[derive(clap::Args, Clone, Debug)]
#[command(next_help_heading = "Cluster")]
pub(crate) struct ClusterOptions {
    /// Namespace of the controller's Service
    #[arg(long, value_name = "NAMESPACE", default_value = "kube-system", env = "SEALED_SECRETS_CONTROLLER_NAMESPACE")]
    pub(crate) controller_namespace: String,
    /// Name of the controller's Service (`sealed-secrets` if the Helm chart installed it)
    #[arg(long, value_name = "NAME", default_value = "sealed-secrets-controller", env = "SEALED_SECRETS_CONTROLLER_NAME")]
    pub(crate) controller_name: String,
    /// Kubeconfig file
    #[arg(long, value_name = "FILE")]
    pub(crate) kubeconfig: Option<PathBuf>,
    /// Context of the kubeconfig
    #[arg(long, value_name = "NAME")]
    pub(crate) context: Option<String>,
}

impl Default for ClusterOptions {
    fn default() -> Self {
        Self {
            controller_namespace: "kube-system".to_owned(),
            controller_name: "sealed-secrets-controller".to_owned(),
            kubeconfig: None,
            context: None,
        }
    }
}

impl CertificateOptions {
    /// Gets the certificate; an expired one is refused.
    pub(crate) fn usable(&self, now: Timestamp) -> Result<Certificate> {
        let certificate = self.any()?;
        if certificate.is_expired(now) {
            let date = certificate.not_after().strftime("%Y-%m-%d");
            let error = Error::input(format!("seal with the certificate: it expired on {date}"));
            return Err(error.advise("Fetch the newest certificate of the cluster with sealer cert"));
        }
        Ok(certificate)
    }

    /// Gets the certificate, expired or not.
    pub(crate) fn any(&self) -> Result<Certificate> {
        let from_store = self.local || self.store.is_some();
        // What stands on the command line wins over the environment.
        let place = self.cert.clone().or_else(|| variable("SEALER_CERT").filter(|place| !from_store && !place.is_empty()));
        if let Some(place) = place {
            return read(&place);
        }
        if from_store {
            let store = Store::find(self.store.as_deref())?;
            return newest(KeyRing::new(store.read()?), &store.folder);
        }
        let bytes =
            self.cluster.session()?.certificate().map_err(|error| ClusterOptions::failed("fetch the certificate from the cluster", &error))?;
        Ok(Certificate::from_pem(&bytes)?)
    }
}

impl ClusterOptions {
    fn access(&self) -> cluster::Access {
        let kubeconfig = self.kubeconfig.as_ref().map(|path| path.display().to_string()).unwrap_or_default();
        let overrides = cluster::Overrides { kubeconfig, context: self.context.clone().unwrap_or_default(), ..cluster::Overrides::default() };
        cluster::Access::new(overrides, variable)
    }

    /// Connects to the API server.
    pub(crate) fn server(&self) -> Result<cluster::Server> {
        cluster::Server::open(&self.access()).map_err(|error| Self::failed("reach the API server", &error))
    }

    /// Connects to the controller.
    pub(crate) fn session(&self) -> Result<Session> {
        let access = self.access();
        let controller = Controller { namespace: &self.controller_namespace, name: &self.controller_name };
        Session::open(&access, controller).map_err(|error| Self::failed("reach the controller", &error))
    }

    /// Turns what the cluster said into our error.
    pub(crate) fn failed(tried: &str, error: &cluster::Error) -> Error {
        let kind = match error.kind() {
            cluster::ErrorKind::Configuration | cluster::ErrorKind::Empty | cluster::ErrorKind::Answer => ErrorKind::Input,
            cluster::ErrorKind::Denied => ErrorKind::Denied,
            cluster::ErrorKind::NotFound => ErrorKind::NotFound,
            _ => ErrorKind::Busy,
        };
        if error.kind() == cluster::ErrorKind::Empty {
            let error = Error::new(kind, format!("{tried}: no kubeconfig names a cluster"));
            return error.advise("Set KUBECONFIG or --kubeconfig, or work without a cluster: --cert FILE, or --local");
        }
        Error::new(kind, format!("{tried}: {error}"))
            .advise("Check --controller-name, --controller-namespace and --context, or seal offline with --cert")
    }
}

/// Reads a certificate from a file or URL: the first, if there are many.
pub(crate) fn read(place: &str) -> Result<Certificate> {
    read_as(place, Certificate::from_pem)
}

/// Reads every certificate of a file or URL.
pub(crate) fn read_bundle(place: &str) -> Result<Vec<Certificate>> {
    read_as(place, Certificate::all_from_pem)
}

fn read_as<T>(place: &str, parse: fn(&[u8]) -> keys::Result<T>) -> Result<T> {
    let shown = without_credentials(place);
    let fail = |error: Error| error.in_file(&shown);
    let location =
        cluster::Location::read(place).map_err(|_| fail(Error::input("find the certificate: it is named by neither a file name nor a URL")))?;
    if let cluster::Location::Url(url) = &location {
        let bytes =
            cluster::download(url, variable).map_err(|error| fail(hide_query(place, ClusterOptions::failed("download the certificate", &error))))?;
        return parse(&bytes).map_err(|error| fail(error.into()));
    }
    let source = read_file(Path::new(place))?;
    // EXPOSE: a certificate is public.
    parse(source.bytes.expose()).map_err(|error| fail(error.into()))
}

/// Takes the query of a URL out of an error about it.
fn hide_query(place: &str, error: Error) -> Error {
    let Some((_, query)) = place.split_once('?').filter(|(_, query)| !query.is_empty()) else { return error };
    let hidden = Error::new(error.kind(), error.message().replace(query, "..."));
    match error.advice() {
        Some(advice) => hidden.advise(advice),
        None => hidden,
    }
}

/// A place as it may be shown: what stands between the scheme of a URL and its host may be a password, and so may what stands behind its path.
fn without_credentials(place: &str) -> String {
    let Some((scheme, rest)) = place.split_once("://") else { return place.to_owned() };
    let (rest, query) = rest.find(['?', '#']).map_or((rest, ""), |at| (&rest[..at], "?..."));
    let end = rest.find('/').unwrap_or(rest.len());
    let host = rest[..end].rsplit('@').next().unwrap_or_default();
    format!("{scheme}://{host}{}{query}", &rest[end..])
}

fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

fn newest(ring: KeyRing, folder: &Path) -> Result<Certificate> {
    let Some((_, certificate)) = ring.newest() else {
        let error = Error::new(ErrorKind::NotFound, "find a sealing key: the key store has none").in_file(folder.display().to_string());
        return Err(error.advise("Make one with sealer keys new"));
    };
    Ok(Certificate::from_pem(certificate.to_pem().as_bytes())?)
}

//! Kubeconfig files and the flags that override them, merged as client-go merges them.
//!
//! *Source*: client-go `tools/clientcmd` (`loader.go`, `client_config.go`, `merged_client_builder.go`), v0.36.

use std::path::PathBuf;
use std::time::Duration;

use http::Uri;
use kube::Config;
use kube::config::{AuthInfo, Cluster, Context, KubeConfigOptions, Kubeconfig, NamedAuthInfo, NamedCluster, NamedContext};

use super::duration;
use super::error::{Error, ErrorKind, Result};
use super::loading;
use super::oidc;
use super::proxy;
use super::usable;

/// What the command line says about the connection; an empty text says nothing.
#[derive(Clone, Debug, Default)]
pub(crate) struct Overrides {
    /// The one kubeconfig to read.
    pub(crate) kubeconfig: String,
    /// Context to use.
    pub(crate) context: String,
    /// Cluster to use instead of the context's.
    pub(crate) cluster: String,
    /// User to use instead of the context's.
    pub(crate) user: String,
    /// Namespace to use instead of the context's.
    pub(crate) namespace: String,
    /// Address of the API server.
    pub(crate) server: String,
    /// Name in the server's certificate.
    pub(crate) tls_server_name: String,
    /// File with the authority that signed the server's certificate.
    pub(crate) certificate_authority: String,
    /// True to accept any server certificate.
    pub(crate) dangerous_skip_tls_verify: bool,
    /// Proxy to connect through.
    pub(crate) proxy_url: String,
    /// True to refuse compressed answers.
    pub(crate) disable_compression: bool,
    /// File with the client's certificate.
    pub(crate) client_certificate: String,
    /// File with the client's key.
    pub(crate) client_key: String,
    /// Bearer token.
    pub(crate) token: Credential,
    /// User of basic authentication.
    pub(crate) username: String,
    /// Password of basic authentication.
    pub(crate) password: Credential,
    /// User to impersonate.
    pub(crate) impersonate: String,
    /// UID to impersonate.
    pub(crate) impersonate_uid: String,
    /// Groups to impersonate.
    pub(crate) impersonate_groups: Vec<String>,
    /// Longest time for one request, as kubectl writes it.
    pub(crate) request_timeout: String,
}

/// A token or password from the command line; never printed.
#[derive(Clone, Default)]
pub(crate) struct Credential(pub(crate) String);

impl std::fmt::Debug for Credential {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Credential(..)")
    }
}

/// A way to read environment variables.
pub(crate) type Variables = fn(&str) -> Option<String>;

/// The way to a cluster: overrides, kubeconfigs, and the cluster that we run in.
#[derive(Debug)]
pub(crate) struct Access {
    pub(super) overrides: Overrides,
    pub(super) variables: Variables,
}

/// All that a connection needs.
#[derive(Debug)]
pub(super) struct Settings {
    merged: Option<Merged>,
    overrides: Overrides,
    variables: Variables,
    pub(super) timeout: Option<Duration>,
}

/// One context with its cluster and its user, overrides applied.
#[derive(Debug, Default)]
pub(super) struct Merged {
    pub(super) context_name: String,
    pub(super) context_exists: bool,
    pub(super) namespace: Option<String>,
    pub(super) cluster_name: String,
    pub(super) cluster_exists: bool,
    pub(super) cluster: Cluster,
    pub(super) user_name: String,
    pub(super) user_exists: bool,
    pub(super) user: AuthInfo,
}

impl Access {
    /// Takes the flags; environment variables are read when they are needed.
    pub(crate) fn new(overrides: Overrides, variables: Variables) -> Self {
        Self { overrides, variables }
    }

    /// The namespace to work in, and whether the command line named it.
    ///
    /// # Errors
    /// Configuration and Empty: no namespace was named, and no kubeconfig gives one.
    pub(crate) fn namespace(&self) -> Result<(String, bool)> {
        if !self.overrides.namespace.is_empty() {
            return Ok((self.overrides.namespace.clone(), true));
        }
        let merged = self.merged()?;
        let usable = usable::check(&merged);
        let given = merged.namespace.filter(|namespace| !namespace.is_empty());
        if !loading::is_in_cluster(self.variables) {
            return usable.map(|()| (given.unwrap_or_else(|| "default".to_owned()), false));
        }
        match usable {
            Err(error) if error.kind() != ErrorKind::Empty => Err(error),
            _ => Ok((given.unwrap_or_else(|| loading::in_cluster_namespace(self.variables)), false)),
        }
    }

    /// Everything that a connection needs.
    ///
    /// # Errors
    /// Configuration: a file cannot be read, or what it says cannot be used. Empty: nothing names a server.
    pub(super) fn settings(&self) -> Result<Settings> {
        let merged = self.merged()?;
        merged.all_exist(&self.overrides)?;
        let settings = |merged, timeout| Settings { merged, overrides: self.overrides.clone(), variables: self.variables, timeout };
        match usable::check(&merged) {
            Err(error) if error.kind() == ErrorKind::Empty && loading::is_in_cluster(self.variables) => Ok(settings(None, None)),
            Err(error) => Err(error),
            Ok(()) => Ok(settings(Some(merged), self.timeout()?)),
        }
    }

    fn timeout(&self) -> Result<Option<Duration>> {
        if self.overrides.request_timeout.is_empty() {
            return Ok(None);
        }
        let wrong = "Invalid timeout value. Timeout must be a single integer in seconds, or an integer followed by a corresponding time unit (e.g. 1s | 2m | 3h)";
        duration::parse(&self.overrides.request_timeout).map(Some).ok_or_else(|| Error::new(ErrorKind::Configuration, wrong))
    }

    fn merged(&self) -> Result<Merged> {
        Ok(Merged::new(loading::load(&self.overrides.kubeconfig, self.variables)?, &self.overrides))
    }
}

impl Merged {
    fn new(config: Kubeconfig, overrides: &Overrides) -> Self {
        let context_name = or(&overrides.context, config.current_context.as_deref());
        let context = config.contexts.into_iter().find(|named| named.name == context_name).and_then(|named| named.context);
        let cluster_name = or(&overrides.cluster, context.as_ref().map(|context| context.cluster.as_str()));
        let user_name = or(&overrides.user, context.as_ref().and_then(|context| context.user.as_deref()));
        let cluster = config.clusters.into_iter().find(|named| named.name == cluster_name).and_then(|named| named.cluster);
        let user = config.auth_infos.into_iter().find(|named| named.name == user_name).and_then(|named| named.auth_info);
        let mut merged = Self {
            context_name,
            context_exists: context.is_some(),
            namespace: context.and_then(|context| context.namespace),
            cluster_name,
            cluster_exists: cluster.is_some(),
            cluster: cluster.unwrap_or_default(),
            user_name,
            user_exists: user.is_some(),
            user: user.unwrap_or_default(),
        };
        override_cluster(&mut merged.cluster, overrides);
        override_user(&mut merged.user, overrides);
        merged
    }

    fn all_exist(&self, overrides: &Overrides) -> Result<()> {
        let missing = |what: &str, name: &str| Err(Error::new(ErrorKind::Configuration, format!("{what} {name:?} does not exist")));
        if !overrides.user.is_empty() && !self.user_exists {
            return missing("auth info", &self.user_name);
        }
        if !overrides.context.is_empty() && !self.context_exists {
            return missing("context", &self.context_name);
        }
        if !overrides.cluster.is_empty() && !self.cluster_exists {
            return missing("cluster", &self.cluster_name);
        }
        Ok(())
    }
}

fn or(first: &str, second: Option<&str>) -> String {
    if first.is_empty() { second.unwrap_or_default() } else { first }.to_owned()
}

fn given(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| text.to_owned())
}

fn override_cluster(cluster: &mut Cluster, overrides: &Overrides) {
    cluster.server = given(&overrides.server).or(cluster.server.take()).filter(|server| !server.is_empty());
    cluster.proxy_url = given(&overrides.proxy_url).or(cluster.proxy_url.take()).filter(|proxy| !proxy.is_empty());
    if overrides.dangerous_skip_tls_verify || !overrides.certificate_authority.is_empty() {
        cluster.insecure_skip_tls_verify = Some(overrides.dangerous_skip_tls_verify);
        cluster.certificate_authority = given(&overrides.certificate_authority);
        cluster.certificate_authority_data = None;
    }
    // A server from the command line has nothing to do with the name in the kubeconfig.
    if !overrides.tls_server_name.is_empty() || !overrides.server.is_empty() {
        cluster.tls_server_name = given(&overrides.tls_server_name);
    }
    if overrides.disable_compression {
        cluster.disable_compression = Some(true);
    }
}

fn override_user(user: &mut AuthInfo, overrides: &Overrides) {
    if let Some(token) = given(&overrides.token.0) {
        user.token = Some(token.into());
        user.token_file = None;
    }
    if let Some(username) = given(&overrides.username) {
        user.username = Some(username);
    }
    if let Some(password) = given(&overrides.password.0) {
        user.password = Some(password.into());
    }
    if let Some(certificate) = given(&overrides.client_certificate) {
        user.client_certificate = Some(certificate);
        user.client_certificate_data = None;
    }
    if let Some(key) = given(&overrides.client_key) {
        user.client_key = Some(key);
        user.client_key_data = None;
    }
    user.impersonate = given(&overrides.impersonate).or(user.impersonate.take());
    user.impersonate_uid = given(&overrides.impersonate_uid).or(user.impersonate_uid.take());
    if !overrides.impersonate_groups.is_empty() {
        user.impersonate_groups = Some(overrides.impersonate_groups.clone());
    }
}

impl Settings {
    /// Makes the client's configuration.
    ///
    /// # Errors
    /// Configuration: an address, a certificate or a proxy cannot be read.
    pub(super) async fn config(self) -> Result<Config> {
        let unusable = |error: &dyn std::fmt::Display| Error::new(ErrorKind::Configuration, format!("invalid configuration: {error}"));
        let Some(Merged { mut cluster, mut user, .. }) = self.merged else {
            return in_cluster(&self.overrides).map_err(|error| unusable(&error));
        };
        let server = address(&cluster, &user);
        let target: Uri = server.parse().map_err(|_| unusable(&"the server is not a URL"))?;
        if target.scheme_str() != Some("https") {
            // Credentials are never sent in the clear, as in client-go.
            user = AuthInfo {
                impersonate: user.impersonate,
                impersonate_uid: user.impersonate_uid,
                impersonate_groups: user.impersonate_groups,
                impersonate_user_extra: user.impersonate_user_extra,
                ..AuthInfo::default()
            };
        }
        let proxy = match cluster.proxy_url.take() {
            Some(proxy) => Some(proxy.parse::<Uri>().map_err(|_| unusable(&"the proxy is not a URL"))?),
            None => proxy::from_environment(&target, &self.variables)?,
        };
        oidc::sign_in(&mut user, oidc::Place { explicit: &self.overrides.kubeconfig, variables: self.variables }).await?;
        cluster.server = Some(server);
        let name = || "sealer".to_owned();
        let context = Context { cluster: name(), user: Some(name()), ..Context::default() };
        let kubeconfig = Kubeconfig {
            clusters: vec![NamedCluster { name: name(), cluster: Some(cluster), ..NamedCluster::default() }],
            auth_infos: vec![NamedAuthInfo { name: name(), auth_info: Some(user), ..NamedAuthInfo::default() }],
            contexts: vec![NamedContext { name: name(), context: Some(context), ..NamedContext::default() }],
            current_context: Some(name()),
            ..Kubeconfig::default()
        };
        let mut config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await.map_err(|error| unusable(&error))?;
        config.proxy_url = proxy;
        Ok(config)
    }
}

/// The server's address; one without a scheme is https if anything about TLS is configured.
fn address(cluster: &Cluster, user: &AuthInfo) -> String {
    let server = cluster.server.clone().unwrap_or_default();
    if server.contains("://") {
        return server;
    }
    let secure = cluster.insecure_skip_tls_verify == Some(true)
        || cluster.certificate_authority.is_some()
        || cluster.certificate_authority_data.is_some()
        || user.client_certificate.is_some()
        || user.client_certificate_data.is_some();
    format!("{}://{server}", if secure { "https" } else { "http" })
}

fn in_cluster(overrides: &Overrides) -> std::result::Result<Config, String> {
    let mut config = Config::incluster_env().map_err(|error| error.to_string())?;
    if let Some(server) = given(&overrides.server) {
        config.cluster_url = server.parse().map_err(|_| "the server is not a URL".to_owned())?;
    }
    if let Some(token) = given(&overrides.token.0) {
        config.auth_info.token = Some(token.into());
        config.auth_info.token_file = None;
    }
    if let Some(authority) = given(&overrides.certificate_authority) {
        config.root_cert = None;
        config.root_cert_file = Some(PathBuf::from(authority));
    }
    Ok(config)
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "current-context: one
contexts:
- {name: one, context: {cluster: k, user: u, namespace: first}}
- {name: two, context: {cluster: l, user: u}}
clusters:
- {name: k, cluster: {server: 'https://k', certificate-authority-data: QQ==, tls-server-name: k.internal}}
- {name: l, cluster: {server: l:6443, insecure-skip-tls-verify: true}}
users:
- {name: u, user: {token: t, client-key-data: QQ==}}
";

    fn merged(overrides: &Overrides) -> Merged {
        Merged::new(Kubeconfig::from_yaml(FILE).unwrap(), overrides)
    }

    #[test]
    fn flags_choose_context_cluster_and_user() {
        let plain = merged(&Overrides::default());
        assert_eq!((plain.namespace.as_deref(), plain.cluster_name.as_str(), plain.user_name.as_str()), (Some("first"), "k", "u"));
        let other = merged(&Overrides { context: "two".to_owned(), ..Overrides::default() });
        assert_eq!((other.namespace, other.cluster_name.as_str()), (None, "l"));
        let cluster = merged(&Overrides { cluster: "l".to_owned(), user: "nobody".to_owned(), ..Overrides::default() });
        assert!(cluster.cluster_exists && !cluster.user_exists && cluster.namespace.as_deref() == Some("first"));
    }

    #[test]
    fn a_server_from_the_command_line_drops_the_name_of_the_old_one() {
        let merged = merged(&Overrides { server: "https://other".to_owned(), ..Overrides::default() });
        assert_eq!((merged.cluster.server.as_deref(), merged.cluster.tls_server_name), (Some("https://other"), None));
        assert!(merged.cluster.certificate_authority_data.is_some());
    }

    #[test]
    fn trust_from_the_command_line_replaces_the_trust_of_the_file() {
        let insecure = merged(&Overrides { dangerous_skip_tls_verify: true, ..Overrides::default() });
        assert_eq!((insecure.cluster.insecure_skip_tls_verify, insecure.cluster.certificate_authority_data), (Some(true), None));
        let authority = Overrides { context: "two".to_owned(), certificate_authority: "ca".to_owned(), ..Overrides::default() };
        assert_eq!(merged(&authority).cluster.insecure_skip_tls_verify, Some(false));
        let key = merged(&Overrides { client_key: "key".to_owned(), ..Overrides::default() });
        assert!(key.user.client_key.as_deref() == Some("key") && key.user.client_key_data.is_none());
    }

    #[test]
    fn an_address_without_scheme_is_https_if_anything_says_tls() {
        let address = |overrides: &Overrides| {
            let merged = merged(overrides);
            address(&merged.cluster, &merged.user)
        };
        assert_eq!(address(&Overrides { context: "two".to_owned(), ..Overrides::default() }), "https://l:6443");
        let bare = Overrides { context: "three".to_owned(), server: "x:1".to_owned(), ..Overrides::default() };
        assert_eq!(address(&bare), "http://x:1");
    }

    #[test]
    fn no_credential_is_printed() {
        let overrides = Overrides { token: Credential("hunter2".to_owned()), password: Credential("hunter2".to_owned()), ..Overrides::default() };
        let access = Access::new(overrides, |_| None);
        assert!(!format!("{access:?}").contains("hunter2"));
    }
}

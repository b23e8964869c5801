//! Whether a merged kubeconfig can be used, in client-go's words.
//!
//! *Source*: client-go `tools/clientcmd/validation.go` and `client_config.go` (`ConfirmUsable`), v0.36.

use std::fs::File;
use std::path::Path;

use kube::config::{AuthInfo, Cluster};

use super::error::{Error, ErrorKind, Result, describe};
use super::kubeconfig::Merged;

/// Checks one context with its cluster and its user.
///
/// # Errors
/// Empty: there is no cluster at all. Configuration: everything that is wrong, in one message.
pub(super) fn check(merged: &Merged) -> Result<()> {
    let mut wrong = Vec::new();
    if !merged.context_name.is_empty() && !merged.context_exists {
        wrong.push(format!("context was not found for specified context: {}", merged.context_name));
    }
    user(&mut wrong, &merged.user_name, &merged.user);
    let empty = is_empty(&merged.cluster);
    if empty && wrong.is_empty() {
        let message = "invalid configuration: no configuration has been provided, try setting KUBERNETES_MASTER environment variable";
        return Err(Error::new(ErrorKind::Empty, message));
    }
    if empty {
        wrong.push("cluster has no server defined".to_owned());
    } else {
        cluster(&mut wrong, &merged.cluster_name, &merged.cluster);
    }
    match &wrong[..] {
        [] => Ok(()),
        [one] => Err(Error::new(ErrorKind::Configuration, format!("invalid configuration: {one}"))),
        many => Err(Error::new(ErrorKind::Configuration, format!("invalid configuration: [{}]", many.join(", ")))),
    }
}

fn is_empty(cluster: &Cluster) -> bool {
    cluster.server.is_none()
        && cluster.proxy_url.is_none()
        && cluster.certificate_authority.is_none()
        && cluster.certificate_authority_data.is_none()
        && cluster.tls_server_name.is_none()
        && cluster.insecure_skip_tls_verify != Some(true)
        && cluster.disable_compression != Some(true)
}

fn cluster(wrong: &mut Vec<String>, name: &str, cluster: &Cluster) {
    if cluster.server.is_none() {
        wrong.push(if name.is_empty() {
            "default cluster has no server defined".to_owned()
        } else {
            format!("no server found for cluster {name:?}")
        });
    }
    if let Some(proxy) = &cluster.proxy_url {
        let scheme = proxy.split_once("://").map(|(scheme, _)| scheme).unwrap_or_default();
        if !["http", "https", "socks5"].contains(&scheme) {
            wrong.push(format!("invalid 'proxy-url' for cluster {name:?}: unsupported scheme {scheme:?}, must be http, https, or socks5"));
        }
    }
    if let Some(file) = &cluster.certificate_authority {
        if cluster.certificate_authority_data.is_some() {
            let both = "certificate-authority-data and certificate-authority are both specified";
            wrong.push(format!("{both} for {name}. certificate-authority-data will override."));
        }
        readable(wrong, "certificate-authority", file, name);
    }
}

fn user(wrong: &mut Vec<String>, name: &str, user: &AuthInfo) {
    if user.client_certificate.is_some() || user.client_certificate_data.is_some() {
        client_certificate(wrong, name, user);
    }
    if let Some(exec) = &user.exec {
        if user.auth_provider.is_some() {
            wrong.push(format!("authProvider cannot be provided in combination with an exec plugin for {name}"));
        }
        if exec.command.as_ref().is_none_or(String::is_empty) {
            wrong.push(format!("command must be specified for {name} to use exec authentication plugin"));
        }
        if exec.api_version.as_ref().is_none_or(String::is_empty) {
            wrong.push(format!("apiVersion must be specified for {name} to use exec authentication plugin"));
        }
    }
    if user.token.is_some() && (user.username.is_some() || user.password.is_some()) {
        wrong.push(format!("more than one authentication method found for {name}; found [token basicAuth], only one is allowed"));
    }
    let details = user.impersonate_uid.is_some() || user.impersonate_groups.is_some() || user.impersonate_user_extra.is_some();
    if details && user.impersonate.is_none() {
        wrong.push(format!("requesting uid, groups or user-extra for {name} without impersonating a user"));
    }
}

fn client_certificate(wrong: &mut Vec<String>, name: &str, user: &AuthInfo) {
    if user.client_certificate.is_some() && user.client_certificate_data.is_some() {
        wrong.push(format!("client-cert-data and client-cert are both specified for {name}. client-cert-data will override."));
    }
    if user.client_key.is_some() && user.client_key_data.is_some() {
        wrong.push(format!("client-key-data and client-key are both specified for {name}; client-key-data will override"));
    }
    if user.client_key.is_none() && user.client_key_data.is_none() {
        wrong.push(format!("client-key-data or client-key must be specified for {name} to use the clientCert authentication method."));
    }
    for (what, file) in [("client-cert", &user.client_certificate), ("client-key", &user.client_key)] {
        if let Some(file) = file {
            readable(wrong, what, file, name);
        }
    }
}

fn readable(wrong: &mut Vec<String>, what: &str, file: &str, name: &str) {
    if let Err(error) = File::open(file) {
        wrong.push(format!("unable to read {what} {file} for {name} due to {}", describe("open", Path::new(file), &error)));
    }
}

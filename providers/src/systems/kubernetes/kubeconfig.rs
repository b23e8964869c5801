//! A kubeconfig in a Secret. What would start a program, read a file of ours or act for somebody else is refused by its name.
//!
//! *Source*: client-go `tools/clientcmd/api/v1`, 0.36.

use keys::SecretBytes;
use serde::Deserialize;
use serde::de::IgnoredAny;

use super::session::{Connection, Who};
use crate::error::{Error, Result};

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", default)]
#[derive(Default)]
struct Kubeconfig {
    clusters: Vec<NamedCluster>,
    users: Vec<NamedUser>,
    contexts: Vec<NamedContext>,
    current_context: String,
}

#[derive(Deserialize)]
struct NamedCluster {
    name: String,
    cluster: Cluster,
}

#[derive(Deserialize)]
struct NamedUser {
    name: String,
    user: User,
}

#[derive(Deserialize)]
struct NamedContext {
    name: String,
    context: Context,
}

#[derive(Deserialize)]
struct Context {
    cluster: String,
    #[serde(default)]
    user: String,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
struct Cluster {
    server: String,
    certificate_authority: Option<IgnoredAny>,
    certificate_authority_data: Option<String>,
    insecure_skip_tls_verify: bool,
    tls_server_name: Option<IgnoredAny>,
    proxy_url: Option<IgnoredAny>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
struct User {
    token: Option<String>,
    #[serde(rename = "tokenFile")]
    token_file: Option<IgnoredAny>,
    client_certificate: Option<IgnoredAny>,
    client_certificate_data: Option<String>,
    client_key: Option<IgnoredAny>,
    client_key_data: Option<String>,
    username: Option<IgnoredAny>,
    password: Option<IgnoredAny>,
    exec: Option<IgnoredAny>,
    auth_provider: Option<IgnoredAny>,
    #[serde(rename = "as")]
    as_user: Option<IgnoredAny>,
    as_uid: Option<IgnoredAny>,
    as_groups: Option<IgnoredAny>,
    as_user_extra: Option<IgnoredAny>,
}

/// Reads the current context of a kubeconfig.
///
/// # Errors
/// Invalid: it is none, it leaves open what is meant, or it asks for what is not done here.
pub(super) fn read(text: &SecretBytes) -> Result<Connection> {
    // EXPOSE: the kubeconfig is parsed.
    let text = std::str::from_utf8(text.expose()).map_err(|_| wrong("is no text"))?;
    // The inner message may quote what stands there.
    let config: Kubeconfig = serde_saphyr::from_str(text).map_err(|_| wrong("is none"))?;
    let context =
        config.contexts.into_iter().find(|context| context.name == config.current_context).ok_or_else(|| wrong("has no current context"))?.context;
    let cluster =
        config.clusters.into_iter().find(|cluster| cluster.name == context.cluster).ok_or_else(|| wrong("lacks the cluster of its context"))?;
    let user = config.users.into_iter().find(|user| user.name == context.user);
    let user = if context.user.is_empty() { User::default() } else { user.ok_or_else(|| wrong("lacks the user of its context"))?.user };
    refuse(&cluster.cluster, &user)?;
    let decoded = |field: &str, data: Option<&String>| {
        let data = data.filter(|data| !data.is_empty());
        data.map(|data| SecretBytes::from_base64(data).map_err(|_| wrong(&format!("has a field {field} that is no base64")))).transpose()
    };
    let certificate = decoded("client-certificate-data", user.client_certificate_data.as_ref())?;
    let key = decoded("client-key-data", user.client_key_data.as_ref())?;
    let identity = match (certificate, key) {
        (Some(certificate), Some(key)) => Some(super::identity(&certificate, &key)),
        (None, None) => None,
        _ => return Err(wrong("has a client certificate without its key, or a key without it")),
    };
    let token = user.token.filter(|token| !token.is_empty()).map(|token| Who::bearer(&SecretBytes::new(token.into_bytes()))).transpose()?;
    let Cluster { server, certificate_authority_data, insecure_skip_tls_verify, .. } = cluster.cluster;
    Ok(Connection {
        server,
        authorities: decoded("certificate-authority-data", certificate_authority_data.as_ref())?,
        identity,
        dangerous_trust: insecure_skip_tls_verify,
        who: token.unwrap_or(Who::Nobody),
    })
}

fn refuse(cluster: &Cluster, user: &User) -> Result<()> {
    let refused = [
        ("certificate-authority", &cluster.certificate_authority),
        ("tls-server-name", &cluster.tls_server_name),
        ("proxy-url", &cluster.proxy_url),
        ("tokenFile", &user.token_file),
        ("client-certificate", &user.client_certificate),
        ("client-key", &user.client_key),
        ("username", &user.username),
        ("password", &user.password),
        ("exec", &user.exec),
        ("auth-provider", &user.auth_provider),
        ("as", &user.as_user),
        ("as-uid", &user.as_uid),
        ("as-groups", &user.as_groups),
        ("as-user-extra", &user.as_user_extra),
    ];
    match refused.into_iter().find(|(_, field)| field.is_some()) {
        Some((name, _)) => Err(wrong(&format!("has the field {name}, which is not obeyed here"))),
        None => Ok(()),
    }
}

fn wrong(what: &str) -> Error {
    Error::invalid(format!("use the store: the kubeconfig that spec.provider.kubernetes.authRef names {what}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kubeconfig(cluster: &str, user: &str) -> SecretBytes {
        let text = format!(
            "current-context: c\nclusters: [{{name: k, cluster: {{server: 'https://k:6443'{cluster}}}}}]\n\
             contexts: [{{name: c, context: {{cluster: k, user: u}}}}]\nusers: [{{name: u, user: {{{user}}}}}]\n"
        );
        SecretBytes::new(text.into_bytes())
    }

    #[track_caller]
    fn check(text: &SecretBytes, expected: &str) {
        let error = read(text).err().unwrap().to_string();
        assert!(error.ends_with(expected), "{error}");
        assert!(!error.contains("hunter2"), "{error}");
    }

    #[test]
    fn the_current_context_says_where_and_who() {
        let data = |text: &str| format!("{:?}", SecretBytes::from_base64(text).unwrap());
        let read = read(&kubeconfig(
            ", certificate-authority-data: Y2E=, insecure-skip-tls-verify: true",
            "token: t, client-certificate-data: Yw==, client-key-data: aw==",
        ))
        .unwrap();
        assert_eq!(read.server, "https://k:6443");
        assert!(read.dangerous_trust && matches!(read.who, Who::Bearer(_)), "{}", data("Y2E="));
        assert_eq!(read.authorities.unwrap().expose(), b"ca");
        assert_eq!(read.identity.unwrap().expose(), b"c\nk");
    }

    #[test]
    fn programs_files_and_other_identities_are_refused_by_name() {
        for field in [
            "exec: {command: sh}",
            "auth-provider: {name: gcp}",
            "tokenFile: /t",
            "client-certificate: /c",
            "client-key: /k",
            "as: root",
            "as-groups: [a]",
        ] {
            let name = field.split(':').next().unwrap();
            check(&kubeconfig("", field), &format!("has the field {name}, which is not obeyed here"));
        }
        for field in ["certificate-authority: /c", "proxy-url: http://p", "tls-server-name: n"] {
            let name = field.split(':').next().unwrap();
            check(&kubeconfig(&format!(", {field}"), ""), &format!("has the field {name}, which is not obeyed here"));
        }
    }

    #[test]
    fn what_is_no_kubeconfig_is_refused_without_being_quoted() {
        let text = |text: &str| SecretBytes::new(text.as_bytes().to_vec());
        check(&text("{hunter2: ["), "is none");
        check(&text("clusters: hunter2"), "is none");
        check(&text("current-context: hunter2"), "has no current context");
        check(&SecretBytes::new(b"hunter2\xff".to_vec()), "is no text");
        check(&kubeconfig("", "client-key-data: aw=="), "has a client certificate without its key, or a key without it");
        check(&kubeconfig("", "client-key-data: hunter2!"), "has a field client-key-data that is no base64");
        let bomb = (0..30).fold("a0: &a0 [x,x]\n".to_owned(), |text, at| format!("{text}a{n}: &a{n} [*a{at},*a{at},*a{at},*a{at}]\n", n = at + 1));
        check(&text(&bomb), "is none");
    }
}

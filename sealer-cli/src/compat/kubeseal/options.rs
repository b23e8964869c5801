//! The flags as one value.

use keys::Scope;

use super::variable;
use crate::cluster::{Access, Controller, Credential, Overrides};
use crate::compat::pflag::Parsed;

/// Everything that the command line asks for.
#[derive(Debug)]
pub(super) struct Options {
    pub(super) cert: String,
    pub(super) controller_namespace: String,
    pub(super) controller_name: String,
    /// Value of `--format`, or yaml if the output file's name says so.
    pub(super) format: String,
    /// True if somebody asked for that format.
    pub(super) format_is_asked: bool,
    pub(super) output: String,
    pub(super) input: String,
    pub(super) fetch_cert: bool,
    pub(super) allow_empty_data: bool,
    pub(super) merge_into: String,
    pub(super) raw: bool,
    pub(super) name: String,
    pub(super) from_files: Vec<String>,
    pub(super) scope: Scope,
    pub(super) private_keys: Vec<String>,
    pub(super) access: Access,
    validate: bool,
    re_encrypt: bool,
    unseal: bool,
}

/// What is done; the first that is asked for counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    /// `--recovery-unseal`
    Unseal,
    /// `--validate`
    Validate,
    /// `--re-encrypt`
    ReEncrypt,
    /// `--fetch-cert`
    FetchCertificate,
    /// `--merge-into`
    Merge,
    /// `--raw`
    Raw,
    /// Nothing of all that.
    Seal,
}

impl Options {
    /// Reads the parsed flags.
    pub(super) fn new(parsed: &Parsed) -> Self {
        let text = |name: &str| parsed.text(name).to_owned();
        let (output, given) = (text("sealed-secret-file"), text("format"));
        let is_yaml = std::path::Path::new(&output).extension().is_some_and(|extension| extension == "yaml" || extension == "yml");
        Self {
            cert: text("cert"),
            controller_namespace: text("controller-namespace"),
            controller_name: text("controller-name"),
            format_is_asked: parsed.is_set("format") || given != "json",
            format: if is_yaml { "yaml".to_owned() } else { given },
            output,
            input: text("secret-file"),
            fetch_cert: parsed.is_on("fetch-cert"),
            allow_empty_data: parsed.is_on("allow-empty-data"),
            merge_into: text("merge-into"),
            raw: parsed.is_on("raw"),
            name: text("name"),
            from_files: parsed.list("from-file").to_vec(),
            scope: parsed.text("scope").parse().unwrap_or_default(),
            private_keys: parsed.list("recovery-private-key").to_vec(),
            access: Access::new(overrides(parsed), variable),
            validate: parsed.is_on("validate"),
            // The deprecated flag is the same switch under another name.
            re_encrypt: parsed.is_any_on(&["re-encrypt", "rotate"]),
            unseal: parsed.is_on("recovery-unseal"),
        }
    }

    /// What is to be done.
    pub(super) fn mode(&self) -> Mode {
        if self.unseal {
            Mode::Unseal
        } else if self.validate {
            Mode::Validate
        } else if self.re_encrypt {
            Mode::ReEncrypt
        } else if self.fetch_cert {
            Mode::FetchCertificate
        } else if !self.merge_into.is_empty() {
            Mode::Merge
        } else if self.raw {
            Mode::Raw
        } else {
            Mode::Seal
        }
    }

    /// Where the controller stands.
    pub(super) fn controller(&self) -> Controller<'_> {
        Controller { namespace: &self.controller_namespace, name: &self.controller_name }
    }
}

fn overrides(parsed: &Parsed) -> Overrides {
    let text = |name: &str| parsed.text(name).to_owned();
    Overrides {
        kubeconfig: text("kubeconfig"),
        context: text("context"),
        cluster: text("cluster"),
        user: text("user"),
        namespace: text("namespace"),
        server: text("server"),
        tls_server_name: text("tls-server-name"),
        certificate_authority: text("certificate-authority"),
        dangerous_skip_tls_verify: parsed.is_on("insecure-skip-tls-verify"),
        proxy_url: text("proxy-url"),
        disable_compression: parsed.is_on("disable-compression"),
        client_certificate: text("client-certificate"),
        client_key: text("client-key"),
        token: Credential(text("token")),
        username: text("username"),
        password: Credential(text("password")),
        impersonate: text("as"),
        impersonate_uid: text("as-uid"),
        impersonate_groups: parsed.list("as-group").to_vec(),
        request_timeout: text("request-timeout"),
    }
}

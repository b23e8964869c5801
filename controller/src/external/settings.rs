//! What a store may do beyond its own namespace, as whoever runs us says it.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use clap::builder::BoolishValueParser;
use clap::{ArgAction, Args, ValueEnum};
use engine::external::Delimiters;
use ipnet::IpNet;
use jiff::SignedDuration;
use keys::SecretBytes;
use providers::Reach;

use crate::args::length;

/// Whose stores may use the identity that this process was given by the cloud.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Ambient {
    /// Those of the cluster.
    Cluster,
    /// All.
    All,
    /// None.
    None,
}

/// Variables that say where systems are, which only whoever runs us can set.
const ENDPOINTS: [&str; 7] = [
    "AWS_SECRETSMANAGER_ENDPOINT",
    "AWS_SSM_ENDPOINT",
    "AWS_STS_ENDPOINT",
    "AWS_ACM_ENDPOINT",
    "AWS_RESOURCE_GROUPS_TAGGING_API_ENDPOINT",
    "KUBERNETES_SERVICE_HOST",
    "KUBERNETES_SERVICE_PORT",
];

/// Variables that say which proxies requests go through.
const PROXIES: [&str; 6] = ["HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy"];

/// Flags that concern ExternalSecrets: external-secrets' names and defaults, and some of our own.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "External secrets")]
pub(crate) struct Flags {
    /// Whose stores may use the identity that the cloud gave to this process.
    #[arg(long, env = "SEALED_SECRETS_ALLOW_AMBIENT_CREDENTIALS", default_value = "cluster")]
    allow_ambient_credentials: Ambient,

    /// Networks that stores may reach though they are special: loopback, link-local, a cloud's metadata, the API server.
    #[arg(long, env = "SEALED_SECRETS_ALLOW_PROVIDER_CIDR", value_delimiter = ',')]
    allow_provider_cidr: Vec<IpNet>,

    /// The class of controllers that this one is: stores that name another are left alone.
    #[arg(long, env = "SEALED_SECRETS_CONTROLLER_CLASS", default_value = "default")]
    controller_class: String,

    /// Look at ClusterExternalSecrets.
    #[arg(long, env = "SEALED_SECRETS_ENABLE_CLUSTER_EXTERNAL_SECRET_RECONCILER", default_value = "true", default_missing_value = "true", num_args = 0..=1, require_equals = true, action = ArgAction::Set, value_parser = BoolishValueParser::new())]
    enable_cluster_external_secret_reconciler: bool,

    /// Look at ClusterSecretStores.
    #[arg(long, env = "SEALED_SECRETS_ENABLE_CLUSTER_STORE_RECONCILER", default_value = "true", default_missing_value = "true", num_args = 0..=1, require_equals = true, action = ArgAction::Set, value_parser = BoolishValueParser::new())]
    enable_cluster_store_reconciler: bool,

    /// Ask only stores that are ready.
    #[arg(long, env = "SEALED_SECRETS_ENABLE_FLOOD_GATE", default_value = "true", default_missing_value = "true", num_args = 0..=1, require_equals = true, action = ArgAction::Set, value_parser = BoolishValueParser::new())]
    enable_flood_gate: bool,

    /// Look at ExternalSecrets and their stores.
    #[arg(long, env = "SEALED_SECRETS_EXTERNAL_SECRETS", default_value = "true", default_missing_value = "true", num_args = 0..=1, require_equals = true, action = ArgAction::Set, value_parser = BoolishValueParser::new())]
    external_secrets: bool,

    /// How often stores are examined that do not say it.
    #[arg(long, env = "SEALED_SECRETS_STORE_REQUEUE_INTERVAL", default_value = "5m", value_parser = length)]
    store_requeue_interval: SignedDuration,

    /// What the actions of templates begin with, but for those that rewrite keys.
    #[arg(long, env = "SEALED_SECRETS_TEMPLATE_LEFT_DELIMITER", default_value = "{{")]
    template_left_delimiter: String,

    /// What the actions of templates end with.
    #[arg(long, env = "SEALED_SECRETS_TEMPLATE_RIGHT_DELIMITER", default_value = "}}")]
    template_right_delimiter: String,

    /// Make objects of other kinds than Secrets where spec.target.manifest asks for them: ConfigMaps and custom resources, which nothing encrypts.
    #[arg(long, env = "SEALED_SECRETS_UNSAFE_ALLOW_GENERIC_TARGETS", default_value = "false", default_missing_value = "true", num_args = 0..=1, require_equals = true, action = ArgAction::Set, value_parser = BoolishValueParser::new())]
    unsafe_allow_generic_targets: bool,
}

impl Flags {
    /// What follows from the flags, and from the environment of this process.
    pub(crate) fn settings(self, allowed_types: Vec<String>, variables: BTreeMap<String, SecretBytes>) -> Settings {
        let api_server = Settings::api_server(&variables).map(IpNet::from);
        Settings {
            on: self.external_secrets,
            class: self.controller_class,
            store_interval: Duration::try_from(self.store_requeue_interval).unwrap_or_default().max(Duration::from_secs(1)),
            flood_gate: self.enable_flood_gate,
            cluster_external_secrets: self.enable_cluster_external_secret_reconciler,
            cluster_stores: self.enable_cluster_store_reconciler,
            ambient: self.allow_ambient_credentials,
            reach: Reach::outside(self.allow_provider_cidr, api_server.into_iter().collect()),
            allowed_types,
            variables,
            generic_targets: self.unsafe_allow_generic_targets,
            delimiters: Delimiters { left: self.template_left_delimiter, right: self.template_right_delimiter },
        }
    }
}

/// What was asked for.
#[derive(Debug)]
pub(crate) struct Settings {
    /// Whether ExternalSecrets are looked at.
    pub(crate) on: bool,
    /// The class of controllers that this one is.
    pub(crate) class: String,
    /// How often stores are examined that do not say it.
    pub(crate) store_interval: Duration,
    /// Whether a store must be ready before it is asked.
    pub(crate) flood_gate: bool,
    /// Whether stores of the cluster are looked at.
    pub(crate) cluster_stores: bool,
    /// Whether ClusterExternalSecrets are looked at.
    pub(crate) cluster_external_secrets: bool,
    /// Whose stores may use our own identity.
    pub(crate) ambient: Ambient,
    /// Which addresses may be connected to.
    pub(crate) reach: Reach,
    /// Types of Secrets that may be made though they are reserved.
    pub(crate) allowed_types: Vec<String>,
    /// Variables of the environment.
    pub(crate) variables: BTreeMap<String, SecretBytes>,
    /// Whether objects of other kinds than Secrets may be made.
    pub(crate) generic_targets: bool,
    /// What the actions of templates stand between.
    pub(crate) delimiters: Delimiters,
}

impl Settings {
    /// Where a system is, if whoever runs us says so.
    pub(crate) fn endpoint(&self, name: &str) -> Option<String> {
        let value = self.variables.get(name).filter(|_| ENDPOINTS.contains(&name))?;
        // EXPOSE: an address, which is no credential.
        String::from_utf8(value.expose().to_vec()).ok().filter(|text| !text.is_empty())
    }

    /// A variable that names a proxy, or what is reached without one.
    pub(crate) fn proxy(&self, name: &str) -> Option<SecretBytes> {
        self.variables.get(name).filter(|_| PROXIES.contains(&name)).map(SecretBytes::duplicate)
    }

    /// The address of the API server, as Pods are told it.
    pub(crate) fn api_server(variables: &BTreeMap<String, SecretBytes>) -> Option<IpAddr> {
        // EXPOSE: as above.
        std::str::from_utf8(variables.get("KUBERNETES_SERVICE_HOST")?.expose()).ok()?.parse().ok()
    }
}

//! Flags with which the External Secrets Operator is started: what they mean here, or why they mean nothing.
//!
//! *Source*: external-secrets 2.9.0 `cmd/controller/root.go`, `runtime/feature`. Those that have our own names or the same meaning stand beside them.

use clap::builder::BoolishValueParser;
use clap::{ArgAction, Args};
use engine::is_object_name;
use jiff::SignedDuration;

use super::{Listening, length, listening};

/// How times can be written in the operator's logs.
const TIMES: [&str; 6] = ["epoch", "millis", "nano", "iso8601", "rfc3339", "rfc3339nano"];

/// The flags.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Flags of the External Secrets Operator, for the sake of existing manifests")]
pub(crate) struct DropIn {
    /// Without effect: as many objects have their turn at a time as do each other no harm.
    #[arg(long)]
    concurrent: Option<u32>,

    /// Without effect: stores of this kind are not there.
    #[arg(long)]
    doppler_oidc_cache_size: Option<u64>,

    /// Without effect: metadata of ConfigMaps is watched, and no content kept.
    #[arg(long, default_missing_value = "true", num_args = 0..=1, require_equals = true, action = ArgAction::Set, value_parser = BoolishValueParser::new())]
    enable_configmaps_caching: Option<bool>,

    /// Only false: there are no ClusterPushSecrets yet.
    #[arg(long, default_missing_value = "true", num_args = 0..=1, require_equals = true, action = ArgAction::Set, value_parser = BoolishValueParser::new())]
    enable_cluster_push_secret_reconciler: Option<bool>,

    /// Only false: metrics have no labels of objects' labels.
    #[arg(long, default_missing_value = "true", num_args = 0..=1, require_equals = true, action = ArgAction::Set, value_parser = BoolishValueParser::new())]
    enable_extended_metric_labels: Option<bool>,

    /// Only false: there are no generators yet.
    #[arg(long, default_missing_value = "true", num_args = 0..=1, require_equals = true, action = ArgAction::Set, value_parser = BoolishValueParser::new())]
    enable_generator_state: Option<bool>,

    /// Without effect: metrics are served over HTTP/1.1, which every client speaks.
    #[arg(long, default_missing_value = "true", num_args = 0..=1, require_equals = true, action = ArgAction::Set, value_parser = BoolishValueParser::new())]
    enable_http2: Option<bool>,

    /// Without effect: one process at a time writes, whether there are more or not.
    #[arg(long, default_missing_value = "true", num_args = 0..=1, require_equals = true, action = ArgAction::Set, value_parser = BoolishValueParser::new())]
    enable_leader_election: Option<bool>,

    /// Without effect: metadata of Secrets is watched, and no content kept.
    #[arg(long, default_missing_value = "true", num_args = 0..=1, require_equals = true, action = ArgAction::Set, value_parser = BoolishValueParser::new())]
    enable_managed_secrets_caching: Option<bool>,

    /// Only false: there are no PushSecrets yet.
    #[arg(long, default_missing_value = "true", num_args = 0..=1, require_equals = true, action = ArgAction::Set, value_parser = BoolishValueParser::new())]
    enable_push_secret_reconciler: Option<bool>,

    /// Without effect: a Secret is always read before it is written.
    #[arg(long, default_missing_value = "true", num_args = 0..=1, require_equals = true, action = ArgAction::Set, value_parser = BoolishValueParser::new())]
    enable_secret_api_read_on_cache_mismatch: Option<bool>,

    /// Only true: whoever reads SecretStores examines them.
    #[arg(long, default_missing_value = "true", num_args = 0..=1, require_equals = true, action = ArgAction::Set, value_parser = BoolishValueParser::new())]
    enable_secret_store_reconciler: Option<bool>,

    /// Without effect: metadata of Secrets is watched, and no content kept.
    #[arg(long, default_missing_value = "true", num_args = 0..=1, require_equals = true, action = ArgAction::Set, value_parser = BoolishValueParser::new())]
    enable_secrets_caching: Option<bool>,

    /// Without effect: sign-ins to Vault are kept and renewed.
    #[arg(long, alias = "experimental-enable-vault-token-cache", default_missing_value = "true", num_args = 0..=1, require_equals = true, action = ArgAction::Set, value_parser = BoolishValueParser::new())]
    enable_vault_token_cache: Option<bool>,

    /// Without effect: there are no generators yet.
    #[arg(long, value_parser = length)]
    generator_gc_grace_period: Option<SignedDuration>,

    /// Name of the Lease by which it is decided who may write [default: sealer-controller].
    #[arg(long)]
    leader_election_id: Option<String>,

    /// Where health is served besides: /healthz and /readyz; 0 for nowhere, as if nothing is said.
    #[arg(long, value_parser = listening)]
    live_addr: Option<Listening>,

    /// Only false: metrics are for everybody who reaches them.
    #[arg(long, default_missing_value = "true", num_args = 0..=1, require_equals = true, action = ArgAction::Set, value_parser = BoolishValueParser::new())]
    metrics_auth: Option<bool>,

    /// Without effect: metrics are served without TLS.
    #[arg(long)]
    metrics_cert_dir: Option<String>,

    /// Without effect: metrics are served without TLS.
    #[arg(long)]
    metrics_cert_name: Option<String>,

    /// Without effect: metrics are served without TLS.
    #[arg(long)]
    metrics_key_name: Option<String>,

    /// Only false: metrics are served without TLS.
    #[arg(long, default_missing_value = "true", num_args = 0..=1, require_equals = true, action = ArgAction::Set, value_parser = BoolishValueParser::new())]
    metrics_secure: Option<bool>,

    /// The only namespace to look at, beside those of --additional-namespaces; empty for all.
    #[arg(long, default_value = "")]
    namespace: String,

    /// Without effect: sign-ins to Vault are kept and renewed.
    #[arg(long, alias = "experimental-vault-token-cache-size")]
    vault_token_cache_size: Option<u64>,

    /// Without effect: times in logs are those of RFC 3339.
    #[arg(long, value_parser = TIMES)]
    zap_time_encoding: Option<String>,

    #[arg(hide = true)]
    command: Option<String>,
}

impl DropIn {
    /// Refuses what asks for something that is not there.
    ///
    /// # Errors
    /// The flag, and what to do about it.
    pub(crate) fn check(&self) -> Result<(), String> {
        let absent = [
            ("enable-cluster-push-secret-reconciler", self.enable_cluster_push_secret_reconciler, "this controller pushes no secrets yet"),
            ("enable-extended-metric-labels", self.enable_extended_metric_labels, "metrics have no labels of objects' labels"),
            ("enable-generator-state", self.enable_generator_state, "this controller has no generators yet"),
            ("enable-push-secret-reconciler", self.enable_push_secret_reconciler, "this controller pushes no secrets yet"),
            ("metrics-auth", self.metrics_auth, "metrics are for everybody who reaches them; keep others out by a network policy"),
            ("metrics-secure", self.metrics_secure, "metrics are served without TLS; put a proxy before them"),
        ];
        if let Some((flag, _, why)) = absent.iter().find(|(_, asked, _)| *asked == Some(true)) {
            return Err(format!("--{flag}: {why}; leave the flag out, or say false"));
        }
        if self.enable_secret_store_reconciler == Some(false) {
            return Err("--enable-secret-store-reconciler: whoever reads SecretStores examines them; leave the flag out, or say true".to_owned());
        }
        match self.command.as_deref() {
            None => {}
            Some("certcontroller") => {
                return Err("certcontroller: there is no webhook that needs a certificate; leave that Deployment out".to_owned());
            }
            Some("webhook") => {
                return Err("webhook: objects are checked when they are used, and no webhook is served; leave that Deployment out".to_owned());
            }
            Some(other) => return Err(format!("{other}: there is no such command")),
        }
        match &self.leader_election_id {
            Some(name) if !is_object_name(name) => Err("--leader-election-id: it is no name of an object".to_owned()),
            _ => Ok(()),
        }
    }

    /// The namespace that alone is looked at.
    pub(crate) fn namespace(&self) -> Option<&str> {
        Some(self.namespace.as_str()).filter(|namespace| !namespace.is_empty())
    }

    /// Name of the Lease.
    pub(crate) fn lease(&self) -> Option<&str> {
        self.leader_election_id.as_deref()
    }

    /// Where health is served besides.
    pub(crate) fn live(&self) -> Listening {
        self.live_addr.unwrap_or(Listening(None))
    }
}

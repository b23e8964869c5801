//! Flags and environment to settings: upstream's names and defaults, and some of our own.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::path::PathBuf;

use clap::builder::BoolishValueParser;
use clap::{ArgAction, Parser, ValueEnum};
use engine::key_secret::DEFAULT_PREFIX;
use engine::renewal::Schedule;
use jiff::fmt::rfc2822;
use jiff::{SignedDuration, Timestamp};
use keys::KeyBits;
use tracing::Level;

use crate::api::Pace;
use crate::key::Key;

mod drop_in;

/// Longest prefix of the names of key Secrets: the name must stay one that Kubernetes accepts.
const LONGEST_PREFIX: usize = 245;

/// What a controller does.
#[derive(Debug)]
pub(crate) struct Settings {
    /// Namespace of keys, Lease and Service.
    pub(crate) namespace: String,
    /// Namespaces that are looked at; None for all.
    pub(crate) namespaces: Option<Vec<String>>,
    pub(crate) label_selector: Option<String>,
    pub(crate) key_prefix: String,
    pub(crate) key_size: KeyBits,
    pub(crate) key_ttl: SignedDuration,
    pub(crate) my_cn: String,
    pub(crate) schedule: Schedule,
    pub(crate) key_order_priority: KeyOrder,
    pub(crate) privatekey_labels: BTreeMap<String, String>,
    pub(crate) privatekey_annotations: BTreeMap<String, String>,
    pub(crate) accept_deprecated_v1_data: bool,
    pub(crate) old_gc_behavior: bool,
    pub(crate) update_status: bool,
    pub(crate) skip_recreate: bool,
    pub(crate) metrics_omit_secret_labels: bool,
    pub(crate) allow_secret_type: Vec<String>,
    pub(crate) rate_limit: NonZeroU32,
    pub(crate) rate_limit_burst: NonZeroU32,
    pub(crate) pace: Option<Pace>,
    pub(crate) listen_addr: SocketAddr,
    pub(crate) listen_metrics_addr: Listening,
    /// Where health is served besides.
    pub(crate) live_addr: Listening,
    /// Name of the Lease, if it is another than ours.
    pub(crate) lease: Option<String>,
    pub(crate) read_timeout: std::time::Duration,
    pub(crate) write_timeout: std::time::Duration,
    /// What concerns ExternalSecrets.
    pub(crate) external: crate::external::settings::Flags,
}

impl Settings {
    /// Whether an object has the name that the first versions gave their key, which needs no label to be one.
    pub(crate) fn is_legacy_key(&self, key: &Key) -> bool {
        key.namespace() == self.namespace && key.name() == self.key_prefix
    }
}

/// What tells which of two keys is newer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "PascalCase")]
pub(crate) enum KeyOrder {
    /// The first moment of its certificate.
    CertNotBefore,
    /// When its Secret was created.
    SecretCreationTimestamp,
}

/// How logs are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogFormat {
    /// One JSON object a line.
    Json,
    /// For people.
    Text,
}

/// Opens SealedSecrets in a cluster, and keeps their Secrets as they should be.
///
/// Every flag can be given by the environment too: SEALED_SECRETS_ and its name in capitals, with _ for -.
#[derive(Debug, Parser)]
#[command(name = "sealer-controller", disable_version_flag = true, args_override_self = true, max_term_width = 120)]
pub(crate) struct Arguments {
    /// Accept the deprecated first format, where spec.data holds a whole Secret.
    #[arg(long, env = "SEALED_SECRETS_ACCEPT_DEPRECATED_V1_DATA", default_value = "true", default_missing_value = "true", num_args = 0..=1, require_equals = true, action = ArgAction::Set, value_parser = BoolishValueParser::new())]
    accept_deprecated_v1_data: bool,

    /// Namespaces to look at beside the own one, separated by commas; nothing else is looked at then.
    #[arg(long, env = "SEALED_SECRETS_ADDITIONAL_NAMESPACES", default_value = "")]
    additional_namespaces: String,

    /// Look at every namespace; otherwise at the own one only.
    #[arg(long, env = "SEALED_SECRETS_ALL_NAMESPACES", default_value = "true", default_missing_value = "true", num_args = 0..=1, require_equals = true, action = ArgAction::Set, value_parser = BoolishValueParser::new())]
    all_namespaces: bool,

    /// A type of Secret that may be made though it is reserved, such as kubernetes.io/service-account-token.
    #[arg(long, env = "SEALED_SECRETS_ALLOW_SECRET_TYPE", value_delimiter = ',')]
    allow_secret_type: Vec<String>,

    /// Make a new key if the newest is older than this moment, such as "Mon, 02 Jan 2006 15:04:05 -0700".
    #[arg(long, env = "SEALED_SECRETS_KEY_CUTOFF_TIME", default_value = "")]
    key_cutoff_time: String,

    /// What tells which key is the newest.
    #[arg(long, env = "SEALED_SECRETS_KEY_ORDER_PRIORITY", default_value = "CertNotBefore")]
    key_order_priority: KeyOrder,

    /// What the names of key Secrets start with.
    #[arg(long, env = "SEALED_SECRETS_KEY_PREFIX", default_value = DEFAULT_PREFIX, value_parser = prefix)]
    key_prefix: String,

    /// Age at which a key gets a successor; 0 for never.
    #[arg(long, alias = "rotate-period", env = "SEALED_SECRETS_KEY_RENEW_PERIOD", default_value = "720h", value_parser = length)]
    key_renew_period: SignedDuration,

    /// Length of a new key: 2048, 3072, 4096 or 8192 bits.
    #[arg(long, env = "SEALED_SECRETS_KEY_SIZE", default_value = "4096", value_parser = key_size)]
    key_size: KeyBits,

    /// How long the certificate of a new key may seal.
    #[arg(long, env = "SEALED_SECRETS_KEY_TTL", default_value = "87600h", value_parser = length)]
    key_ttl: SignedDuration,

    /// Requests to the API server at once, where --kubeclient-qps limits them.
    #[arg(long, visible_alias = "client-burst", env = "SEALED_SECRETS_KUBECLIENT_BURST", default_value = "10")]
    kubeclient_burst: i32,

    /// Requests to the API server a second; not limited unless this is set, nor if it is negative.
    #[arg(long, visible_alias = "client-qps", env = "SEALED_SECRETS_KUBECLIENT_QPS", allow_negative_numbers = true)]
    kubeclient_qps: Option<f64>,

    /// A kubeconfig, to run outside of the cluster.
    #[arg(long, env = "SEALED_SECRETS_KUBECONFIG")]
    pub(crate) kubeconfig: Option<PathBuf>,

    /// Look only at SealedSecrets with these labels.
    #[arg(long, env = "SEALED_SECRETS_LABEL_SELECTOR", default_value = "")]
    label_selector: String,

    /// Where certificate, verification and health are served.
    #[arg(long, env = "SEALED_SECRETS_LISTEN_ADDR", default_value = ":8080", value_parser = address)]
    listen_addr: SocketAddr,

    /// Where metrics are served; 0 for nowhere. It may be where the certificate is.
    #[arg(long, visible_alias = "metrics-addr", env = "SEALED_SECRETS_LISTEN_METRICS_ADDR", default_value = ":8081", value_parser = listening)]
    listen_metrics_addr: Listening,

    /// Format of the logs.
    #[arg(long, env = "SEALED_SECRETS_LOG_FORMAT", default_value = "text", ignore_case = true)]
    pub(crate) log_format: LogFormat,

    /// Write what is no warning to standard output rather than standard error.
    #[arg(long, env = "SEALED_SECRETS_LOG_INFO_STDOUT", default_value = "true", default_missing_value = "true", num_args = 0..=1, require_equals = true, action = ArgAction::Set, value_parser = BoolishValueParser::new())]
    pub(crate) log_info_stdout: bool,

    /// Least level that is logged: DEBUG, INFO, WARN or ERROR.
    #[arg(long, visible_alias = "loglevel", env = "SEALED_SECRETS_LOG_LEVEL", default_value = "INFO", value_parser = level)]
    pub(crate) log_level: Level,

    /// Without effect, for the sake of existing manifests: what fails is tried again for ever, later each time.
    #[arg(long, env = "SEALED_SECRETS_MAX_UNSEAL_RETRIES", default_value = "5", allow_negative_numbers = true)]
    max_unseal_retries: i64,

    /// Leave names and namespaces out of the metrics.
    #[arg(long, env = "SEALED_SECRETS_METRICS_OMIT_SECRET_LABELS", default_value = "false", default_missing_value = "true", num_args = 0..=1, require_equals = true, action = ArgAction::Set, value_parser = BoolishValueParser::new())]
    metrics_omit_secret_labels: bool,

    /// Common name of new certificates.
    #[arg(long, env = "SEALED_SECRETS_MY_CN", default_value = "")]
    my_cn: String,

    /// Delete Secrets whose SealedSecret is gone, rather than leave that to the cluster.
    #[arg(long, env = "SEALED_SECRETS_OLD_GC_BEHAVIOR", default_value = "false", default_missing_value = "true", num_args = 0..=1, require_equals = true, action = ArgAction::Set, value_parser = BoolishValueParser::new())]
    old_gc_behavior: bool,

    /// Annotations of new key Secrets: k=v,k=v.
    #[arg(long, env = "SEALED_SECRETS_PRIVATEKEY_ANNOTATIONS", default_value = "", value_parser = pairs)]
    privatekey_annotations: Pairs,

    /// Labels of new key Secrets: k=v,k=v.
    #[arg(long, env = "SEALED_SECRETS_PRIVATEKEY_LABELS", default_value = "", value_parser = pairs)]
    privatekey_labels: Pairs,

    /// Verifications and rotations a second for each client.
    #[arg(long, env = "SEALED_SECRETS_RATE_LIMIT", default_value = "2")]
    rate_limit: NonZeroU32,

    /// Verifications and rotations at once for each client, beyond the first.
    #[arg(long, env = "SEALED_SECRETS_RATE_LIMIT_BURST", default_value = "2")]
    rate_limit_burst: u32,

    /// How long a client may take to send its request.
    #[arg(long, env = "SEALED_SECRETS_READ_TIMEOUT", default_value = "2m", value_parser = length)]
    read_timeout: SignedDuration,

    /// Do not look at Secrets: what was deleted or edited stays so.
    #[arg(long, env = "SEALED_SECRETS_SKIP_RECREATE", default_value = "false", default_missing_value = "true", num_args = 0..=1, require_equals = true, action = ArgAction::Set, value_parser = BoolishValueParser::new())]
    skip_recreate: bool,

    /// Write the status of SealedSecrets.
    #[arg(long, env = "SEALED_SECRETS_UPDATE_STATUS", default_value = "true", default_missing_value = "true", num_args = 0..=1, require_equals = true, action = ArgAction::Set, value_parser = BoolishValueParser::new())]
    update_status: bool,

    /// Print the version, and end.
    #[arg(long, env = "SEALED_SECRETS_VERSION", default_value = "false", default_missing_value = "true", num_args = 0..=1, require_equals = true, action = ArgAction::Set, value_parser = BoolishValueParser::new())]
    pub(crate) version: bool,

    /// Without effect, for the sake of existing manifests: key Secrets are always watched.
    #[arg(long, env = "SEALED_SECRETS_WATCH_FOR_SECRETS", default_value = "false", default_missing_value = "true", num_args = 0..=1, require_equals = true, action = ArgAction::Set, value_parser = BoolishValueParser::new())]
    watch_for_secrets: bool,

    /// How long a client may take to read its answer.
    #[arg(long, env = "SEALED_SECRETS_WRITE_TIMEOUT", default_value = "2m", value_parser = length)]
    write_timeout: SignedDuration,

    #[command(flatten)]
    external: crate::external::settings::Flags,

    #[command(flatten)]
    drop_in: drop_in::DropIn,
}

/// Where something is served, if anywhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Listening(pub(crate) Option<SocketAddr>);

/// Labels or annotations.
type Pairs = BTreeMap<String, String>;

impl Arguments {
    /// Refuses what can be seen to be wrong without a cluster.
    ///
    /// # Errors
    /// What is wrong with which flag.
    pub(crate) fn check(&self) -> Result<(), String> {
        self.drop_in.check()
    }

    /// What follows from the flags, in a namespace.
    ///
    /// # Errors
    /// What is wrong with which flag.
    pub(crate) fn settings(self, namespace: String) -> Result<Settings, String> {
        self.check()?;
        let additional: Vec<&str> = self.additional_namespaces.split(',').map(str::trim).filter(|name| !name.is_empty()).collect();
        let only = self.drop_in.namespace();
        let namespaces = (!self.all_namespaces || !additional.is_empty() || only.is_some()).then(|| {
            let own = (!self.all_namespaces || only.is_none()).then(|| namespace.clone());
            let mut namespaces: Vec<String> = own.into_iter().collect();
            for name in only.into_iter().chain(additional) {
                if !namespaces.iter().any(|known| known == name) {
                    namespaces.push(name.to_owned());
                }
            }
            namespaces
        });
        let cutoff = match self.key_cutoff_time.as_str() {
            "" => None,
            text => Some(moment(text).ok_or_else(|| format!("--key-cutoff-time: {text:?} is no time such as \"Mon, 02 Jan 2006 15:04:05 -0700\""))?),
        };
        let burst = NonZeroU32::new(u32::try_from(self.kubeclient_burst).unwrap_or_default()).unwrap_or(NonZeroU32::MIN);
        let pace = self.kubeclient_qps.filter(|rate| *rate > 0.0 && rate.is_finite()).map(|rate| Pace { rate, burst });
        Ok(Settings {
            namespace,
            namespaces,
            label_selector: Some(self.label_selector).filter(|selector| !selector.is_empty()),
            key_prefix: self.key_prefix,
            key_size: self.key_size,
            key_ttl: self.key_ttl,
            my_cn: self.my_cn,
            schedule: Schedule { period: self.key_renew_period, cutoff },
            key_order_priority: self.key_order_priority,
            privatekey_labels: self.privatekey_labels,
            privatekey_annotations: self.privatekey_annotations,
            accept_deprecated_v1_data: self.accept_deprecated_v1_data,
            old_gc_behavior: self.old_gc_behavior,
            update_status: self.update_status,
            skip_recreate: self.skip_recreate,
            metrics_omit_secret_labels: self.metrics_omit_secret_labels,
            allow_secret_type: self.allow_secret_type,
            rate_limit: self.rate_limit,
            // Upstream's limiter lets one more through at once than its burst says.
            rate_limit_burst: NonZeroU32::MIN.saturating_add(self.rate_limit_burst),
            pace,
            listen_addr: self.listen_addr,
            listen_metrics_addr: self.listen_metrics_addr,
            live_addr: self.drop_in.live(),
            lease: self.drop_in.lease().map(str::to_owned),
            read_timeout: std::time::Duration::try_from(self.read_timeout).unwrap_or_default(),
            write_timeout: std::time::Duration::try_from(self.write_timeout).unwrap_or_default(),
            external: self.external,
        })
    }
}

pub(crate) fn length(text: &str) -> Result<SignedDuration, String> {
    let length: Result<SignedDuration, _> = if text == "0" { Ok(SignedDuration::ZERO) } else { text.parse() };
    length.ok().filter(|length| !length.is_negative()).ok_or_else(|| "a length of time such as 720h or 1h30m is expected".to_owned())
}

fn moment(text: &str) -> Option<Timestamp> {
    rfc2822::DateTimeParser::new().parse_timestamp(text).ok()
}

fn key_size(text: &str) -> Result<KeyBits, String> {
    match text {
        "2048" => Ok(KeyBits::Rsa2048),
        "3072" => Ok(KeyBits::Rsa3072),
        "4096" => Ok(KeyBits::Rsa4096),
        "8192" => Ok(KeyBits::Rsa8192),
        _ => Err("2048, 3072, 4096 or 8192 is expected".to_owned()),
    }
}

fn prefix(text: &str) -> Result<String, String> {
    let allowed = text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
    if allowed && (1..=LONGEST_PREFIX).contains(&text.len()) {
        Ok(text.to_owned())
    } else {
        Err(format!("up to {LONGEST_PREFIX} of a-z, 0-9 and - are expected"))
    }
}

/// `host:port` or `:port`, as Go takes it.
fn address(text: &str) -> Result<SocketAddr, String> {
    let text = text.strip_prefix(':').map_or_else(|| text.to_owned(), |port| format!("[::]:{port}"));
    text.parse().map_err(|_| "an address such as :8080 or 127.0.0.1:8080 is expected".to_owned())
}

/// As [`address`], or 0 for nowhere.
fn listening(text: &str) -> Result<Listening, String> {
    if text == "0" { Ok(Listening(None)) } else { address(text).map(|address| Listening(Some(address))) }
}

/// A level, and those of the operator that are beyond the worst one here.
fn level(text: &str) -> Result<Level, String> {
    if matches!(text, "dpanic" | "panic" | "fatal") {
        return Ok(Level::ERROR);
    }
    text.parse().map_err(|_| "DEBUG, INFO, WARN or ERROR is expected".to_owned())
}

fn pairs(text: &str) -> Result<Pairs, String> {
    let pair = |pair: &str| {
        let (key, value) = pair.split_once('=').ok_or_else(|| format!("{pair:?} has no \"=\""))?;
        Ok((key.trim().to_owned(), value.trim().to_owned()))
    };
    text.split(',').filter(|text| !text.trim().is_empty()).map(pair).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(arguments: &[&str]) -> Result<Settings, String> {
        let arguments = Arguments::try_parse_from([&["sealer-controller"], arguments].concat()).map_err(|error| error.to_string())?;
        arguments.settings("own".to_owned())
    }

    #[test]
    fn lists_of_namespaces_add_up() {
        assert_eq!(settings(&[]).unwrap().namespaces, None);
        assert_eq!(settings(&["--all-namespaces=false"]).unwrap().namespaces, Some(vec!["own".to_owned()]));
        let named = settings(&["--additional-namespaces", "a, b,own,a,"]).unwrap().namespaces;
        assert_eq!(named, Some(["own", "a", "b"].map(str::to_owned).to_vec()));
    }

    #[test]
    fn switches_are_written_as_go_writes_them_and_the_last_one_counts() {
        let settings =
            settings(&["--update-status=false", "--skip-recreate", "--update-status", "--old-gc-behavior=true", "--old-gc-behavior=0"]).unwrap();
        assert!(settings.update_status && settings.skip_recreate && !settings.old_gc_behavior);
    }

    #[test]
    fn requests_are_limited_only_if_that_is_asked_for() {
        assert!(settings(&[]).unwrap().pace.is_none());
        assert!(settings(&["--kubeclient-qps=-1"]).unwrap().pace.is_none());
        let pace = settings(&["--kubeclient-qps=5", "--kubeclient-burst=20"]).unwrap().pace.unwrap();
        assert_eq!((pace.rate as u32, pace.burst.get()), (5, 20));
    }

    #[test]
    fn lengths_moments_and_addresses_are_read_as_go_reads_them() {
        let settings = settings(&[
            "--key-renew-period=0",
            "--key-ttl=1h30m",
            "--key-cutoff-time=Mon, 02 Jan 2006 15:04:05 -0700",
            "--listen-addr=:1234",
            "--listen-metrics-addr=127.0.0.1:1",
        ])
        .unwrap();
        assert!(settings.schedule.period.is_zero());
        assert_eq!(settings.key_ttl, SignedDuration::from_mins(90));
        assert_eq!(settings.schedule.cutoff.map(|cutoff| cutoff.to_string()).as_deref(), Some("2006-01-02T22:04:05Z"));
        assert_eq!((settings.listen_addr.to_string(), settings.listen_metrics_addr.0.unwrap().port()), ("[::]:1234".to_owned(), 1));
    }

    #[test]
    fn flags_of_the_external_secrets_operator_are_taken_as_they_are_meant() {
        let settings = settings(&[
            "--metrics-addr=:8080",
            "--loglevel=info",
            "--zap-time-encoding=epoch",
            "--concurrent=1",
            "--client-qps=50",
            "--client-burst=100",
            "--controller-class=default",
            "--enable-leader-election=true",
            "--leader-election-id=external-secrets-controller",
            "--namespace=tenant",
            "--enable-push-secret-reconciler=false",
            "--enable-secrets-caching",
            "--store-requeue-interval=1m",
            "--live-addr=:8082",
        ])
        .unwrap();
        assert_eq!(settings.listen_metrics_addr.0.map(|address| address.port()), Some(8080));
        assert_eq!(settings.live_addr.0.map(|address| address.port()), Some(8082));
        assert_eq!(settings.pace.map(|pace| (pace.rate as u32, pace.burst.get())), Some((50, 100)));
        assert_eq!(settings.namespaces, Some(vec!["tenant".to_owned()]));
        assert_eq!(settings.lease.as_deref(), Some("external-secrets-controller"));
    }

    #[test]
    fn flags_of_the_operator_without_effect_are_accepted() {
        let switches = ["enable-configmaps-caching", "enable-http2", "enable-managed-secrets-caching", "enable-secret-api-read-on-cache-mismatch"];
        let switches = switches.into_iter().chain(["enable-vault-token-cache", "experimental-enable-vault-token-cache", "enable-secrets-caching"]);
        for flag in switches {
            for argument in [format!("--{flag}"), format!("--{flag}=false"), format!("--{flag}=true")] {
                assert!(settings(&[&argument]).is_ok(), "{argument}");
            }
        }
        for argument in [
            "--doppler-oidc-cache-size=0",
            "--generator-gc-grace-period=2m",
            "--metrics-cert-dir=/etc/tls",
            "--metrics-cert-name=tls.crt",
            "--metrics-key-name=tls.key",
            "--vault-token-cache-size=262144",
            "--experimental-vault-token-cache-size=10",
            "--concurrent=100",
        ] {
            assert!(settings(&[argument]).is_ok(), "{argument}");
        }
    }

    #[test]
    fn what_the_external_secrets_operator_has_and_we_have_not_is_refused_by_name() {
        for (argument, name) in [
            ("--enable-push-secret-reconciler", "--enable-push-secret-reconciler"),
            ("--enable-cluster-push-secret-reconciler=true", "--enable-cluster-push-secret-reconciler"),
            ("--enable-generator-state=true", "--enable-generator-state"),
            ("--enable-extended-metric-labels=true", "--enable-extended-metric-labels"),
            ("--enable-secret-store-reconciler=false", "--enable-secret-store-reconciler"),
            ("--metrics-secure=true", "--metrics-secure"),
            ("--metrics-auth=true", "--metrics-auth"),
            ("--leader-election-id=A", "--leader-election-id"),
            ("--zap-time-encoding=never", "--zap-time-encoding"),
            ("webhook", "webhook"),
            ("certcontroller", "certcontroller"),
        ] {
            let error = settings(&[argument]).unwrap_err();
            assert!(error.contains(name), "{argument}: {error}");
        }
        assert!(settings(&["--metrics-addr=0", "--live-addr=0"]).unwrap().listen_metrics_addr.0.is_none());
    }

    #[test]
    fn what_upstream_panics_on_or_swallows_is_an_error_that_names_the_flag() {
        for wrong in
            ["--privatekey-labels=a", "--key-prefix=A_b", "--key-size=1024", "--key-order-priority=x", "--key-ttl=3d!", "--key-cutoff-time=now"]
        {
            let error = settings(&[wrong]).unwrap_err();
            assert!(error.contains(wrong.split('=').next().unwrap()), "{error}");
        }
        let labels = settings(&["--privatekey-labels=a=b=c,d="]).unwrap().privatekey_labels;
        assert_eq!(labels.into_iter().collect::<Vec<_>>(), [("a".to_owned(), "b=c".to_owned()), ("d".to_owned(), String::new())]);
    }
}

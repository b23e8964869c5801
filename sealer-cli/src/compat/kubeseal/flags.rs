//! The flags of kubeseal: its own, those of kubectl's connection, and those of the Go logging library.
//!
//! *Source*: `kubeseal --help` of v0.38.4, which `tests/interop.rs` compares with this table.

use crate::compat::pflag::{Flag, Kind};

const SCOPES: &[&str] = &["strict", "namespace-wide", "cluster-wide"];
const NAMESPACE_PREFIXES: &[&str] = &["namespaces/", "namespace/", "ns/"];

/// Every flag, sorted by name. What the logging library's flags would do is nothing here: no log is written; they are accepted and checked.
#[rustfmt::skip]
pub(super) static TABLE: &[Flag] = &[
    Flag::new("add_dir_header", Kind::LogSwitch, "false", "If true, adds the file directory to the header of the log messages").command_line_only(),
    Flag::new("allow-empty-data", Kind::Switch, "false", "Allow empty data in the secret object"),
    Flag::new("alsologtostderr", Kind::LogSwitch, "false", "log to standard error as well as files (no effect when -logtostderr=true)").command_line_only(),
    Flag::new("alsologtostderrthreshold", Kind::Severity, "0", "logs at or above this threshold go to stderr when -alsologtostderr=true (no effect when -logtostderr=true)").command_line_only(),
    Flag::new("as", Kind::Text, "", "Username to impersonate for the operation"),
    Flag::new("as-group", Kind::RepeatedText, "[]", "Group to impersonate for the operation, this flag can be repeated to specify multiple groups."),
    Flag::new("as-uid", Kind::Text, "", "UID to impersonate for the operation"),
    Flag::new("cert", Kind::Text, "", "Certificate / public key file/URL to use for encryption. Overrides --controller-*"),
    Flag::new("certificate-authority", Kind::Text, "", "Path to a cert file for the certificate authority"),
    Flag::new("client-certificate", Kind::Text, "", "Path to a client certificate file for TLS"),
    Flag::new("client-key", Kind::Text, "", "Path to a client key file for TLS"),
    Flag::new("cluster", Kind::Text, "", "The name of the kubeconfig cluster to use"),
    Flag::new("context", Kind::Text, "", "The name of the kubeconfig context to use"),
    Flag::new("controller-name", Kind::Text, "sealed-secrets-controller", "Name of sealed-secrets controller."),
    Flag::new("controller-namespace", Kind::Text, "kube-system", "Namespace of sealed-secrets controller."),
    Flag::new("disable-compression", Kind::Switch, "false", "If true, opt-out of response compression for all requests to the server"),
    Flag::new("fetch-cert", Kind::Switch, "false", "Write certificate to stdout. Useful for later use with --cert"),
    Flag::new("format", Kind::Text, "json", "Output format for sealed secret. Either json or yaml").short('o'),
    Flag::new("from-file", Kind::CommaList, "[]", "(only with --raw) Secret items can be sourced from files. Pro-tip: you can use /dev/stdin to read pipe input. This flag tries to follow the same syntax as in kubectl"),
    Flag::new("help", Kind::Switch, "false", "Print this help message"),
    Flag::new("insecure-skip-tls-verify", Kind::Switch, "false", "If true, the server's certificate will not be checked for validity. This will make your HTTPS connections insecure"),
    Flag::new("kubeconfig", Kind::Text, "", "Path to a kube config. Only required if out-of-cluster"),
    Flag::new("legacy_stderr_threshold_behavior", Kind::LogSwitch, "true", "If true, stderrthreshold is ignored when logtostderr=true (legacy behavior). If false, stderrthreshold is honored even when logtostderr=true").command_line_only(),
    Flag::new("log_backtrace_at", Kind::TraceLocation, ":0", "when logging hits line file:N, emit a stack trace").command_line_only(),
    Flag::new("log_dir", Kind::Text, "", "If non-empty, write log files in this directory (no effect when -logtostderr=true)").command_line_only(),
    Flag::new("log_file", Kind::Text, "", "If non-empty, use this log file (no effect when -logtostderr=true)").command_line_only(),
    Flag::new("log_file_max_size", Kind::LogSize, "1800", "Defines the maximum size a log file can grow to (no effect when -logtostderr=true). Unit is megabytes. If the value is 0, the maximum file size is unlimited.").command_line_only(),
    Flag::new("logtostderr", Kind::LogSwitch, "true", "log to standard error instead of files").command_line_only(),
    Flag::new("merge-into", Kind::Text, "", "Merge items from secret into an existing sealed secret file, updating the file in-place instead of writing to stdout."),
    Flag::new("name", Kind::Text, "", "Name of the sealed secret (required with --raw and default (strict) scope)"),
    Flag::new("namespace", Kind::Prefixed(NAMESPACE_PREFIXES), "", "If present, the namespace scope for this CLI request").short('n'),
    Flag::new("one_output", Kind::LogSwitch, "false", "If true, only write logs to their native severity level (vs also writing to each lower severity level; no effect when -logtostderr=true)").command_line_only(),
    Flag::new("password", Kind::Text, "", "Password for basic authentication to the API server"),
    Flag::new("proxy-url", Kind::Text, "", "If provided, this URL will be used to connect via proxy"),
    Flag::new("raw", Kind::Switch, "false", "Encrypt a raw value passed via the --from-* flags instead of the whole secret object"),
    Flag::new("re-encrypt", Kind::Switch, "false", "Re-encrypt the given sealed secret to use the latest cluster key."),
    Flag::new("recovery-private-key", Kind::CommaList, "[]", "Private key filename used by the --recovery-unseal command. Multiple files accepted either via comma separated list or by repetition of the flag. Either PEM encoded private keys or a backup of a json/yaml encoded k8s sealed-secret controller secret (and v1.List) are accepted. "),
    Flag::new("recovery-unseal", Kind::Switch, "false", "Decrypt a sealed secrets file obtained from stdin, using the private key passed with --recovery-private-key. Intended to be used in disaster recovery mode."),
    Flag::new("request-timeout", Kind::Text, "0", "The length of time to wait before giving up on a single server request. Non-zero values should contain a corresponding time unit (e.g. 1s, 2m, 3h). A value of zero means don't timeout requests."),
    Flag::new("rotate", Kind::Switch, "false", "").deprecated("please use --re-encrypt instead"),
    Flag::new("scope", Kind::Word(SCOPES), "strict", "Set the scope of the sealed secret: strict, namespace-wide, cluster-wide (defaults to strict). Mandatory for --raw, otherwise the 'sealedsecrets.bitnami.com/cluster-wide' and 'sealedsecrets.bitnami.com/namespace-wide' annotations on the input secret can be used to select the scope."),
    Flag::new("sealed-secret-file", Kind::Text, "", "Sealed-secret (output) file").short('w'),
    Flag::new("secret-file", Kind::Text, "", "Secret (input) file").short('f'),
    Flag::new("server", Kind::Text, "", "The address and port of the Kubernetes API server"),
    Flag::new("skip_headers", Kind::LogSwitch, "false", "If true, avoid header prefixes in the log messages").command_line_only(),
    Flag::new("skip_log_headers", Kind::LogSwitch, "false", "If true, avoid headers when opening log files (no effect when -logtostderr=true)").command_line_only(),
    Flag::new("stderrthreshold", Kind::Severity, "2", "logs at or above this threshold go to stderr when writing to files and stderr (no effect when -logtostderr=true or -alsologtostderr=true unless -legacy_stderr_threshold_behavior=false)").command_line_only(),
    Flag::new("tls-server-name", Kind::Text, "", "If provided, this name will be used to validate server certificate. If this is not provided, hostname used to contact the server is used."),
    Flag::new("token", Kind::Text, "", "Bearer token for authentication to the API server"),
    Flag::new("user", Kind::Text, "", "The name of the kubeconfig user to use"),
    Flag::new("username", Kind::Text, "", "Username for basic authentication to the API server"),
    Flag::new("v", Kind::Level, "0", "number for the log level verbosity").short('v').command_line_only(),
    Flag::new("validate", Kind::Switch, "false", "Validate that the sealed secret can be decrypted"),
    Flag::new("version", Kind::Switch, "false", "Print version information and exit"),
    Flag::new("vmodule", Kind::ModuleSpec, "", "comma-separated list of pattern=N settings for file-filtered logging").command_line_only(),
];

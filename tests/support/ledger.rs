//! What the real peers have, as sorted lists: what the rows of the ledger are held against.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::{Value, json};

use crate::cluster::Cluster;
use crate::peers::{self, Missing};
use crate::process::Home;
use crate::upstream::{self, Controller};

/// Flags of kubeseal as its `--help` shows them, long (`--format`) and short (`-o`). Deprecated ones (`--rotate`) are hidden there.
///
/// # Errors
/// If kubeseal is missing.
pub fn kubeseal_flags() -> Result<Vec<String>, Missing> {
    let help = Home::new().command(peers::get("kubeseal")?).arg("--help").run().success();
    Ok(flags(&help))
}

/// Flags of the logging library, which come after the variables were read: no variable sets them. Those with an underscore are its own too.
const LOGGING: [&str; 6] = ["alsologtostderr", "alsologtostderrthreshold", "logtostderr", "stderrthreshold", "v", "vmodule"];

/// Variables that set a flag of kubeseal, `SEALED_SECRETS_CERT`: its own flags and those of kubectl, and the one that is hidden.
///
/// # Errors
/// If kubeseal is missing.
pub fn kubeseal_variables() -> Result<Vec<String>, Missing> {
    let flags = kubeseal_flags()?;
    let long = flags.iter().filter_map(|flag| flag.strip_prefix("--"));
    let settable = long.filter(|flag| !flag.contains('_') && !LOGGING.contains(flag)).chain(["rotate"]);
    Ok(settable.map(|flag| format!("SEALED_SECRETS_{}", flag.to_uppercase().replace('-', "_"))).collect())
}

/// Flags of upstream's controller as its `--help` shows them.
///
/// # Errors
/// If the controller is missing.
pub fn controller_flags() -> Result<Vec<String>, Missing> {
    let said = Home::new().command(peers::get("controller")?).arg("--help").run();
    Ok(flags(&(said.text() + &said.error())))
}

/// Flags of the External Secrets Operator's controller, as its sources declare them.
///
/// # Errors
/// If its sources are missing.
///
/// # Panics
/// If they do not lie where they did.
pub fn operator_flags() -> Result<Vec<String>, Missing> {
    let file = peers::get("external-secrets")?.join("cmd/controller/root.go");
    let text = std::fs::read_to_string(file).expect("the operator's sources hold its flags");
    Ok(declared(&text))
}

/// The names in calls such as `StringVar(&metricsAddr, "metrics-addr", ...)`.
fn declared(text: &str) -> Vec<String> {
    let calls = text.split("Var(").skip(1);
    let name = |call: &str| call.split_once('"').and_then(|(_, rest)| rest.split_once('"')).map(|(name, _)| name.to_owned());
    calls.filter(|call| call.trim_start().starts_with('&')).filter_map(name).collect::<BTreeSet<_>>().into_iter().collect()
}

/// Fields of upstream's SealedSecret as dotted paths: `spec.template.type`, `status.conditions[].reason`.
///
/// # Errors
/// If upstream's sources are missing.
pub fn sealed_secret_fields() -> Result<Vec<String>, Missing> {
    Ok(crds::fields(&upstream::definition()?).into_iter().collect())
}

/// Metrics of a running controller, each of which shows only after something has happened: so it unseals one object and fails on another first.
///
/// # Errors
/// If kubeseal is missing.
///
/// # Panics
/// If the objects cannot be made, or are not looked at in half a minute.
pub fn controller_metrics(cluster: &Cluster, controller: &Controller) -> Result<Vec<String>, Missing> {
    let api = cluster.api();
    let namespace = cluster.namespace("metrics");
    let folder = format!("/apis/bitnami.com/v1alpha1/namespaces/{namespace}/sealedsecrets");
    let secret = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "good", "namespace": namespace}, "stringData": {"a": "dummy"}});
    let home = Home::new();
    let certificate = home.write("cert.pem", controller.certificate());
    let kubeseal = home.command(peers::get("kubeseal")?).arg("--cert").arg(certificate);
    let sealed: Value = serde_json::from_str(&kubeseal.input(secret.to_string()).run().success()).expect("kubeseal prints JSON");
    api.create(&folder, &sealed).expect("a sealed object can be made");
    let mut foreign = sealed;
    foreign["metadata"]["name"] = json!("bad");
    api.create(&folder, &foreign).expect("a foreign object can be made");
    for (name, synced) in [("good", "True"), ("bad", "False")] {
        let is_judged = |object: &Value| object["status"]["conditions"][0]["status"] == synced;
        api.wait_for(name, |api| api.read(&format!("{folder}/{name}")).ok().filter(is_judged));
    }
    // The metric of a status is written after the status.
    let text = api.wait_for("metrics", |_| Some(controller.metrics()).filter(|text| text.contains("condition_info")));
    Ok(metrics(&text))
}

/// Names of metrics in Prometheus' text format.
#[must_use]
pub fn metrics(text: &str) -> Vec<String> {
    let named = text.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next());
    named.map(str::to_owned).collect::<BTreeSet<_>>().into_iter().collect()
}

/// Commands of sops, with those above them.
const SOPS_COMMANDS: [&[&str]; 18] = [
    &[],
    &["completion", "bash"],
    &["completion", "zsh"],
    &["decrypt"],
    &["edit"],
    &["encrypt"],
    &["exec-env"],
    &["exec-file"],
    &["filestatus"],
    &["groups", "add"],
    &["groups", "delete"],
    &["keyservice"],
    &["publish"],
    &["rotate"],
    &["set"],
    &["unset"],
    &["updatekeys"],
    &["completion"],
];

/// Flags of each command of sops as its `--help` shows them, long and short, with the variable that sets them: `decrypt.--extract`,
/// `sops.-k [$SOPS_KMS_ARN]`. The program itself is the command `sops`; `before` are the words that make another program it.
///
/// # Panics
/// If a help text cannot be had.
#[must_use]
pub fn sops_flags(program: &Path, before: &[&str]) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for command in SOPS_COMMANDS {
        let help = Home::new().command(program).args(before).args(command).arg("--help").run().success();
        let name = if command.is_empty() { "sops".to_owned() } else { command.join("-") };
        // Above the options stands prose, in which lines may begin with a flag as well.
        for (flag, variable) in help.lines().skip_while(|line| !line.contains("OPTIONS:")).flat_map(sops_line) {
            found.insert(format!("{name}.{flag}{variable}"));
        }
    }
    found
}

/// The flags of a line of help, each with its variable.
fn sops_line(line: &str) -> Vec<(String, String)> {
    let Some(text) = line.strip_prefix("   -") else { return Vec::new() };
    let (names, usage) = text.split_once("  ").unwrap_or((text, ""));
    let variable = usage.rsplit_once(" [$").map(|(_, variable)| format!(" [${variable}")).unwrap_or_default();
    let flag = |name: &str| name.split(' ').next().unwrap_or_default().to_owned();
    format!("-{names}").split(", ").map(|name| (flag(name), variable.clone())).collect()
}

/// Kinds of master keys that our own `encrypt` takes, as flags without dashes.
///
/// # Panics
/// If its help cannot be had.
#[must_use]
pub fn sealer_kinds(program: &Path) -> Vec<String> {
    let help = Home::new().command(program).args(["encrypt", "--help"]).run().success();
    let flags = help.lines().filter_map(|line| line.trim_start().strip_prefix("--"));
    flags.filter_map(|line| line.split([' ', '=']).next().map(str::to_owned)).collect()
}

/// Flags of a help text in pflag's format: `  -o, --format string   Output format ...`.
fn flags(help: &str) -> Vec<String> {
    let mut found = BTreeSet::new();
    for line in help.lines().filter(|line| line.starts_with("  ")) {
        let flags = line.split_whitespace().take_while(|word| word.starts_with('-'));
        found.extend(flags.map(|flag| flag.trim_end_matches(',').to_owned()));
    }
    found.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn declarations_give_the_names_of_flags() {
        let text =
            "var x int\nf.Flags().StringVar(&a, \"metrics-addr\", \":8080\", \"The address\")\nf.\n  BoolVar(\n    &b, \"other\", true, \"\")\n";
        assert_eq!(declared(text), ["metrics-addr", "other"]);
    }

    #[test]
    fn a_help_text_gives_its_flags() {
        let help = "Usage of x:\n      --as string    As --who\n  -o, --format string   Like -f\n  -v, --v Level    x\n";
        assert_eq!(flags(help), ["--as", "--format", "--v", "-o", "-v"]);
        let pair = |flag: &str, variable: &str| (flag.to_owned(), variable.to_owned());
        let line = "   --kms value, -k value  keys --of KMS [$SOPS_KMS_ARN]";
        assert_eq!(sops_line(line), [pair("--kms", " [$SOPS_KMS_ARN]"), pair("-k", " [$SOPS_KMS_ARN]")]);
        assert_eq!(sops_line("   decrypt  a command"), []);
    }
}

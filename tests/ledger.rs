//! The ledger against the real peers: whatever they have, it has a row for.

use std::process::ExitCode;

use tests::cluster::Cluster;
use tests::contract::Contract;
use tests::ledger;
use tests::packaging;
use tests::peers::{self, Missing};
use tests::process::Home;
use tests::suite::{case, run};
use tests::upstream::{self, Controller};

fn main() -> ExitCode {
    run(vec![
        case("every_flag_of_kubeseal_has_a_row", &["kubeseal"], || {
            // A shorthand belongs to the row of its flag.
            let flags = ledger::kubeseal_flags().map_err(|missing| missing.to_string())?;
            check("kubeseal.flag.", flags.iter().filter_map(|flag| flag.strip_prefix("--")))
        }),
        case("every_variable_of_kubeseal_has_a_row_and_no_other_has_one", &["kubeseal"], || {
            let variables = ledger::kubeseal_variables().map_err(|missing| missing.to_string())?;
            let rows = Contract::read().names("kubeseal.env.");
            let stale: Vec<_> = rows.iter().filter(|row| row.starts_with("SEALED_SECRETS_") && !variables.contains(row)).collect();
            if !stale.is_empty() {
                return Err(format!("kubeseal knows nothing of {stale:?}"));
            }
            check("kubeseal.env.", variables.iter().map(String::as_str))
        }),
        case("every_flag_of_sops_has_a_row", &["sops"], || {
            let flags = ledger::sops_flags(&peers::get("sops").map_err(|missing| missing.to_string())?, &[]);
            let flags: Vec<String> = flags
                .iter()
                .filter_map(|flag| flag.split(' ').next()?.split_once(".--"))
                .map(|(command, flag)| format!("{command}.{flag}"))
                .collect();
            check("sops.flag.", flags.iter().map(String::as_str))
        }),
        case("every_variable_of_a_flag_of_sops_has_a_row", &["sops"], || {
            let flags = ledger::sops_flags(&peers::get("sops").map_err(|missing| missing.to_string())?, &[]);
            check("sops.env.", flags.iter().filter_map(|flag| flag.split_once("[$")?.1.strip_suffix(']')))
        }),
        case("every_field_of_upstreams_resource_has_a_row", &["controller"], || {
            let fields = ledger::sealed_secret_fields().map_err(|missing| missing.to_string())?;
            check("crd.sealedsecret.", fields.iter().map(String::as_str))
        }),
        case("every_flag_of_upstreams_controller_has_a_row", &["controller"], || {
            let flags = ledger::controller_flags().map_err(|missing| missing.to_string())?;
            check("controller.flag.", flags.iter().filter_map(|flag| flag.strip_prefix("--")))
        }),
        case("every_flag_of_the_external_secrets_operator_has_a_row_and_is_known", &["external-secrets"], || {
            let flags = ledger::operator_flags().map_err(|missing| missing.to_string())?;
            check("external.flag.", flags.iter().map(String::as_str))?;
            known(&flags)
        }),
        case("every_value_of_upstreams_chart_has_a_row", &["controller"], || {
            let values = upstream::chart_values().map_err(|missing| missing.to_string())?;
            let values: Vec<String> = values.as_object().into_iter().flatten().map(|(name, _)| name.clone()).collect();
            check("chart.value.", values.iter().map(String::as_str))?;
            absent_values(&values)
        }),
        case("every_metric_of_upstreams_controller_has_a_row", upstream::NEEDS_WITH_KUBESEAL, || {
            metrics_have_rows().map_err(|missing| missing.to_string())?
        }),
    ])
}

fn metrics_have_rows() -> Result<Result<(), String>, Missing> {
    let cluster = Cluster::start()?;
    cluster.install(&upstream::definition()?);
    let controller = Controller::start(&cluster, &[])?;
    let metrics = ledger::controller_metrics(&cluster, &controller)?;
    Ok(check("controller.metric.", metrics.iter().map(String::as_str).filter(|name| name.starts_with("sealed_secrets_controller_"))))
}

/// The help of our controller knows every name.
fn known(flags: &[String]) -> Result<(), String> {
    let help = Home::new().command(tests::binary::controller()).arg("--help").run().success();
    let unknown: Vec<&String> = flags.iter().filter(|flag| !help.contains(&format!("--{flag}"))).collect();
    if flags.len() > 20 && unknown.is_empty() {
        Ok(())
    } else {
        Err(format!("of {} flags, the controller knows nothing of {unknown:?}", flags.len()))
    }
}

/// What our chart has not, its row says why.
fn absent_values(values: &[String]) -> Result<(), String> {
    let (contract, ours) = (Contract::read(), packaging::yaml(&packaging::folder("deploy/chart/sealer/values.yaml")));
    let is_excused = |name: &str| contract.rows.iter().any(|row| row.id == format!("chart.value.{name}") && row.deviation.is_some());
    let silent: Vec<&String> = values.iter().filter(|name| ours[name.as_str()].is_null() && !is_excused(name)).collect();
    if silent.is_empty() { Ok(()) } else { Err(format!("our chart has not {silent:?}, and no row says why")) }
}

/// Every name has a row.
fn check<'a>(prefix: &str, names: impl Iterator<Item = &'a str>) -> Result<(), String> {
    let rows = Contract::read().names(prefix);
    let missing: Vec<&str> = names.filter(|name| !rows.iter().any(|row| row == name)).collect();
    if missing.is_empty() { Ok(()) } else { Err(format!("no row {prefix}* for: {}", missing.join(", "))) }
}

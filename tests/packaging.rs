//! Chart, manifests and kustomize base: one source, rendered by the real helm and kustomize, judged by a real API server and the real controller.
//!
//! Each file of `tests/packaging/values` is a set of values, and a test of its own name. `SEALER_UPDATE=1` writes what is made from the chart.
#![expect(clippy::unwrap_used, reason = "test code")]

use std::fs;
use std::process::ExitCode;

use serde_json::Value;
use tests::cluster::Shared;
use tests::packaging::{folder, yaml};
use tests::peers::Missing;
use tests::suite::{Case, case, run};

#[path = "packaging/chart.rs"]
mod chart;
#[path = "packaging/monitoring.rs"]
mod monitoring;
#[path = "packaging/rights.rs"]
mod rights;
#[path = "packaging/root.rs"]
mod root;
#[path = "packaging/server.rs"]
mod server;

/// What rendering needs.
const HELM: &[&str] = &["helm"];

/// What a case gives that may lack a peer.
type Outcome = Result<(), Missing>;

fn main() -> ExitCode {
    let cluster = Shared::default();
    let mut cases: Vec<Case> = chart::CASES.iter().map(|(name, needs, test)| case(*name, needs, *test)).collect();
    cases.extend(rights::CASES.iter().map(|(name, test)| case(*name, rights::NEEDS, *test)));
    cases.push(case("alerts_and_dashboards_ask_for_what_the_controller_counts", rights::NEEDS, monitoring::ask_for_what_is_counted));
    cases.push(case("objects_keys_and_leaders_have_their_alerts", HELM, monitoring::every_trouble_has_an_alert));
    cases.push(case("whoever_may_use_the_proxy_fetches_the_certificate_and_nobody_else", rights::NEEDS_KUBESEAL, rights::proxied));
    cases.push(case("the_controller_needs_no_file_but_itself_and_its_account", root::NEEDS, root::needs_nothing));
    let shared = cluster.clone();
    cases.push(case("the_pod_passes_the_restricted_standard", server::NEEDS, move || server::restricted(shared.get())));
    let shared = cluster.clone();
    cases.push(case("a_release_of_upstreams_chart_is_upgraded_in_place", server::NEEDS_UPSTREAM, move || server::upgraded(shared.get())));
    cases.push(case("a_default_release_of_upstreams_chart_keeps_its_names", server::NEEDS_UPSTREAM, server::names));
    for (name, values) in files() {
        let cluster = cluster.clone();
        cases.push(case(format!("the_server_takes::{name}"), server::NEEDS, move || server::takes(cluster.get(), &values)));
    }
    drop(cluster);
    run(cases)
}

/// Every set of values, by the name of its file.
fn files() -> Vec<(String, Value)> {
    let mut paths: Vec<_> = fs::read_dir(folder("tests/packaging/values")).unwrap().map(|file| file.unwrap().path()).collect();
    paths.sort();
    paths.iter().map(|path| (path.file_stem().unwrap().to_string_lossy().into_owned(), yaml(path))).collect()
}

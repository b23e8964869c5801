//! Our controller on a real API server.
#![expect(clippy::unwrap_used, reason = "test code")]

use std::process::ExitCode;

use tests::cluster::{Cluster, NEEDS, Shared};
use tests::controller;
use tests::suite::{Case, case, run};

#[path = "controller/secrets.rs"]
mod secrets;

/// What a case needs.
type Test = fn(&Cluster);

fn main() -> ExitCode {
    let cluster = Shared::default();
    let tests: Vec<(&str, Test)> = [secrets::CASES].concat();
    let cases: Vec<Case> = tests
        .into_iter()
        .map(|(name, test)| {
            let cluster = cluster.clone();
            case(name, NEEDS, move || {
                let cluster = cluster.get();
                controller::install(cluster);
                test(cluster);
            })
        })
        .collect();
    drop(cluster);
    run(cases)
}

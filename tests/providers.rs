//! Stores of secrets, beside the real systems and beside servers that misbehave.
#![expect(clippy::expect_used, reason = "test code: what cannot go on must say so at once")]

use std::process::ExitCode;

use tests::suite::run;

#[path = "providers/aws.rs"]
mod aws;
#[path = "providers/conformance.rs"]
mod conformance;
#[path = "providers/kubernetes.rs"]
mod kubernetes;
#[path = "providers/proxies.rs"]
mod proxies;
#[path = "providers/stub.rs"]
mod stub;
#[path = "providers/vault.rs"]
mod vault;
#[path = "providers/webhook.rs"]
mod webhook;

fn main() -> ExitCode {
    let mut cases = Vec::new();
    cases.extend(conformance::cases());
    cases.extend(kubernetes::cases());
    cases.extend(aws::cases());
    cases.extend(vault::cases());
    cases.extend(webhook::cases());
    cases.extend(proxies::cases());
    run(cases)
}

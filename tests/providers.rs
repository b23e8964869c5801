//! Stores of secrets, beside the real systems and beside servers that misbehave.
#![expect(clippy::expect_used, reason = "test code: what cannot go on must say so at once")]

use std::process::ExitCode;

use tests::suite::run;

#[path = "providers/aws.rs"]
mod aws;
#[path = "providers/stub.rs"]
mod stub;
#[path = "providers/vault.rs"]
mod vault;

fn main() -> ExitCode {
    let mut cases = Vec::new();
    cases.extend(aws::cases());
    cases.extend(vault::cases());
    run(cases)
}

//! SOPS files: ours beside the real sops, in both directions, and what our own face promises beyond it.
#![expect(clippy::expect_used, reason = "test code: what cannot go on must say so at once")]

use std::process::ExitCode;

use tests::suite::run;

#[path = "files/age.rs"]
mod age;
#[path = "files/bad.rs"]
mod bad;
#[path = "files/edit.rs"]
mod edit;
#[path = "files/face.rs"]
mod face;
#[path = "files/hard.rs"]
mod hard;
#[path = "files/interop.rs"]
mod interop;
#[path = "files/keys.rs"]
mod keys;
#[path = "files/kinds.rs"]
mod kinds;
#[path = "files/own.rs"]
mod own;
#[path = "files/stores.rs"]
mod stores;
#[path = "files/yaml.rs"]
mod yaml;

fn main() -> ExitCode {
    let mut cases = Vec::new();
    cases.extend(bad::cases());
    cases.extend(edit::cases());
    cases.extend(face::cases());
    cases.extend(hard::cases());
    cases.extend(interop::cases());
    cases.extend(keys::cases());
    cases.extend(own::cases());
    cases.extend(stores::cases());
    cases.extend(yaml::cases());
    run(cases)
}

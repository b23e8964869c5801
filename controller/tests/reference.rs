//! The reference of the flags equals what is committed; `SEALER_UPDATE=1` writes it anew.
//!
//! It is also what makes Cargo build the binary for the suites of package `tests`.

use std::fs;
use std::path::Path;
use std::process::Command;

#[test]
fn the_committed_reference_is_the_help() {
    let output = Command::new(env!("CARGO_BIN_EXE_sealer-controller")).arg("--help").env_clear().output().expect("the controller starts");
    assert!(output.status.success());
    let help = String::from_utf8(output.stdout).expect("text");
    let text = format!("# Flags of the controller\n\nMade from `sealer-controller --help`.\n\n```text\n{}\n```\n", help.trim_end());
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/controller.md");
    if std::env::var_os("SEALER_UPDATE").is_some() {
        fs::write(&path, &text).expect("a file");
    }
    let committed = fs::read_to_string(&path).unwrap_or_default();
    assert!(committed == text, "docs/controller.md is not what the controller says; run SEALER_UPDATE=1 cargo test -p controller --test reference");
}

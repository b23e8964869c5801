//! The reference of the command line and the completions equal what is committed; `SEALER_UPDATE=1` writes them anew.
//!
//! It is also what makes Cargo build the binary for the suites of package `tests`.
#![expect(clippy::expect_used, reason = "test code: what cannot go on must say so at once")]

use std::fs;
use std::path::Path;
use std::process::Command;

fn sealer(arguments: &[&str]) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sealer"));
    let output = command.args(arguments).env_clear().env("COLUMNS", "100").output().expect("sealer starts");
    assert!(output.status.success(), "sealer {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    // The face of kubeseal shows the name that it was called by.
    String::from_utf8(output.stdout).expect("text").replace(env!("CARGO_BIN_EXE_sealer"), "sealer")
}

#[track_caller]
fn check(file: &str, text: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs").join(file);
    if std::env::var_os("SEALER_UPDATE").is_some() {
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        fs::write(&path, text).expect("a file");
    }
    let committed = fs::read_to_string(&path).unwrap_or_default();
    assert!(committed == text, "docs/{file} is not what sealer says; run SEALER_UPDATE=1 cargo test -p sealer-cli --test reference");
}

/// Names of the commands below one, as its help lists them.
fn commands(help: &str) -> Vec<String> {
    let section = help.split("Commands:\n").nth(1).unwrap_or_default();
    let lines = section.lines().take_while(|line| !line.is_empty());
    let names = lines.filter(|line| line.starts_with("  ") && !line.starts_with("   ")).filter_map(|line| line.split_whitespace().next());
    names.filter(|name| *name != "help").map(str::to_owned).collect()
}

#[test]
fn the_committed_reference_is_the_help_of_every_command() {
    let mut text = "# The command line of sealer\n\nMade from `sealer --help`.\n".to_owned();
    let mut add = |path: &[&str]| {
        let help = sealer(&[path, &["--help"]].concat());
        text += &format!("\n## `sealer {}`\n\n```text\n{help}```\n", path.join(" ")).replace("sealer `", "sealer`");
        commands(&help)
    };
    for command in add(&[]) {
        for below in add(&[&command]) {
            add(&[&command, &below]);
        }
    }
    check("reference.md", &text);
}

#[test]
fn the_committed_completions_are_those_of_the_binary() {
    for (shell, file) in [("bash", "sealer.bash"), ("zsh", "_sealer"), ("fish", "sealer.fish")] {
        check(&format!("completions/{file}"), &sealer(&["completions", shell]));
    }
}

#[test]
fn every_command_has_a_manual_page() {
    let folder = tempfile::tempdir().expect("a folder");
    sealer(&["man", "--out-dir", &folder.path().display().to_string()]);
    let page = |words: &[&str]| {
        let name = [&["sealer"], words].concat().join("-");
        let page = fs::read_to_string(folder.path().join(format!("{name}.1"))).expect(&name);
        // The hyphens of a name are escaped in running text.
        let heading = format!(".TH {name} 1");
        assert!(page.contains(&heading) && page.contains(&format!("\n.SH NAME\n{} \\- ", name.replace('-', "\\-"))), "{name}:\n{page}");
    };
    let mut pages = 1;
    page(&[]);
    for command in commands(&sealer(&["--help"])) {
        page(&[&command]);
        pages += 1;
        // The face of kubeseal has a help of its own.
        for below in commands(&sealer(&[&command, "--help"])) {
            page(&[&command, &below]);
            pages += 1;
        }
    }
    assert_eq!(fs::read_dir(&folder).expect("a folder").count(), pages, "pages without a command");
    assert!(sealer(&["man"]).contains(".TH sealer 1"));
}

/// Loads the completions in the shell that they are for, if it is installed; without running anything but their definitions.
fn loads(shell: &str, arguments: &[&str], file: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/completions").join(file);
    let Ok(output) = Command::new(shell).args(arguments).arg(path).env("COLUMNS", "100").output() else { return };
    assert!(output.status.success() && output.stderr.is_empty(), "{shell}: {}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn the_completions_are_read_by_their_shells() {
    loads("bash", &["-n"], "sealer.bash");
    loads("zsh", &["-n"], "_sealer");
    loads("fish", &["--no-execute"], "sealer.fish");
    // They are also found under the program's name, and offer its commands.
    let script = "source \"$0\"; COMP_WORDS=(sealer un); COMP_CWORD=1; _sealer sealer un sealer; echo \"${COMPREPLY[@]}\"; complete -p sealer";
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/completions/sealer.bash");
    let output = Command::new("bash").args(["--norc", "-c", script]).arg(path).output().expect("bash starts");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(said.starts_with("unseal unset\n") && said.contains("-F _sealer"), "{said}{}", String::from_utf8_lossy(&output.stderr));
}

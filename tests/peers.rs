//! The harness itself: peers are built, bear the version that they are pinned to, and start in a clean home.

use std::process::ExitCode;

use tests::peers;
use tests::process::Home;
use tests::suite::{case, run};

fn main() -> ExitCode {
    run(vec![
        case("kubeseal_prints_the_version_of_its_release", &["kubeseal"], kubeseal_prints_the_version_of_its_release),
        case("a_program_sees_no_environment_but_its_home", &[], a_program_sees_no_environment_but_its_home),
    ])
}

fn kubeseal_prints_the_version_of_its_release() -> Result<(), peers::Missing> {
    let said = Home::new().command(peers::get("kubeseal")?).arg("--version").run().success();
    assert_eq!(said, "kubeseal version: 0.38.4\n");
    Ok(())
}

fn a_program_sees_no_environment_but_its_home() {
    let home = Home::new();
    let said = home.command("env").run().success();
    let names: Vec<_> = said.lines().filter_map(|line| line.split_once('=')).map(|(name, _)| name).collect();
    let foreign = names.iter().find(|name| !["HOME", "LC_ALL", "PATH", "TMPDIR", "TZ"].contains(name) && !name.starts_with("XDG_"));
    assert_eq!(foreign, None);
    assert!(said.contains(&format!("HOME={}\n", home.path().display())));
}

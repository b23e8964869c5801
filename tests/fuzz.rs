//! Ten seconds of seeded mutation for each entry point: no panic, no hang, no broken law. `SEALER_FUZZ_SECONDS` makes it longer.

use std::env;
use std::process::ExitCode;
use std::time::Duration;

use tests::fuzz::{hunt, targets};
use tests::process::Home;
use tests::sealer;
use tests::suite::{case, run};

fn main() -> ExitCode {
    let seconds = env::var("SEALER_FUZZ_SECONDS").ok().and_then(|text| text.parse().ok()).unwrap_or(10);
    let time = Duration::from_secs(seconds);
    let mut cases: Vec<_> = targets::ALL
        .iter()
        .map(|(name, target)| case(format!("any_bytes_are_survived_by_{name}"), &[], move || search(name, *target, time)))
        .collect();
    cases.push(case("any_command_line_is_survived_by_kubeseal", &["unshare"], move || search("kubeseal", kubeseal, time)));
    run(cases)
}

fn search(name: &'static str, target: fn(&[u8]), time: Duration) -> Result<(), String> {
    let rounds = hunt(name, target, time)?;
    // Fewer would be no search: even a program is started more often.
    if rounds < 100 { Err(format!("only {rounds} rounds")) } else { Ok(()) }
}

/// Runs kubeseal's face with an argument a line, in a network of its own; what leads out of its home is left out.
fn kubeseal(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let arguments = text.lines().filter(|argument| !argument.contains(['/', '\0'])).take(20);
    let home = Home::new();
    home.write("cert.pem", include_bytes!("vectors/keys/alpha.crt"));
    let ended = home.command("unshare").args(["--user", "--map-root-user", "--net"]).arg(sealer()).arg("kubeseal").args(arguments).input("{}").run();
    assert!([0, 1, 2].contains(&ended.status), "status {}: {}", ended.status, ended.error());
    assert!(!ended.error().contains("fault of sealer"), "{}", ended.error());
}

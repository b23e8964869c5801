//! Ten seconds of seeded mutation for each entry point: no panic, no hang, no broken law. `SEALER_FUZZ_SECONDS` makes it longer.

use std::env;
use std::fs;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use tests::fuzz::hunt;
use tests::fuzz::targets::{self, Entry};
use tests::suite::{case, run};

fn main() -> ExitCode {
    let seconds = env::var("SEALER_FUZZ_SECONDS").ok().and_then(|text| text.parse().ok()).unwrap_or(10);
    let time = Duration::from_secs(seconds);
    let searches =
        targets::ALL.iter().map(|entry| case(format!("any_bytes_are_survived_by_{}", entry.name), entry.needs, move || search(entry, time)));
    run(searches.chain([case("every_entry_has_a_target_of_libfuzzer", &[], every_entry_has_a_target_of_libfuzzer)]).collect())
}

fn search(entry: &'static Entry, time: Duration) -> Result<(), String> {
    let rounds = hunt(entry.name, entry.target, time)?;
    // Fewer would be no search: even a program is started more often.
    if rounds < 100 { Err(format!("only {rounds} rounds")) } else { Ok(()) }
}

fn every_entry_has_a_target_of_libfuzzer() -> Result<(), String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz");
    let manifest = fs::read_to_string(folder.join("Cargo.toml")).map_err(|error| error.to_string())?;
    let mut files = 0;
    for Entry { name, .. } in targets::ALL {
        let program = fs::read_to_string(folder.join(format!("fuzz_targets/{name}.rs"))).map_err(|error| format!("{name}: {error}"))?;
        if !program.contains(&format!("tests::fuzz::targets::{name}(data)")) || !manifest.contains(&format!("path = \"fuzz_targets/{name}.rs\"")) {
            return Err(format!("{name} is not what its target calls, or is not built"));
        }
        files += 1;
    }
    let found = fs::read_dir(folder.join("fuzz_targets")).map_or(0, Iterator::count);
    if found == files { Ok(()) } else { Err(format!("{found} targets for {files} entries")) }
}

//! How files are written: durable before they get their names, still their owner's; and what a panic leaves.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};

use tests::sealer;

use crate::place::{Place, SECRET};

pub(crate) fn a_file_is_on_disk_before_it_gets_its_name_and_its_folder_after() {
    for command in [
        "reseal --key alpha.pem --key beta.pem --in-place sealed.yaml",
        "seal --cert alpha.crt --merge-into sealed.yaml plain.yaml",
        "seal --cert alpha.crt --output new.yaml plain.yaml",
        "seal --cert alpha.crt --out-dir out plain.yaml",
        "unseal --key alpha.pem --output new.yaml sealed.yaml",
        "kubeseal --cert alpha.crt -f plain.yaml -w new.json",
        "kubeseal --cert alpha.crt -f plain.yaml --merge-into sealed.yaml",
        "keys new --keys store --key-size 2048",
        "local src --key-size 2048 --out out",
    ] {
        let place = Place::with_sealed();
        place.home.write("plain.yaml", SECRET);
        place.home.write("src/db.yaml", SECRET);
        let strace = place.home.command("strace").args(["-f", "-qq", "-y", "-s", "4096", "-o", "trace"]);
        let calls = strace.args(["-e", "trace=fsync,fdatasync,rename,renameat,renameat2,link,linkat"]).arg(sealer()).args(command.split(' '));
        calls.run().success();
        let trace = place.read("trace");
        let lines: Vec<&str> = trace.lines().collect();
        let mut named = 0;
        for (at, line) in lines.iter().enumerate().filter(|(_, line)| line.contains("rename") || line.contains("link")) {
            let paths: Vec<&str> = line.split('"').skip(1).step_by(2).collect();
            let [from, to] = paths[..] else { panic!("{line}") };
            let name = |path: &str| path.rsplit('/').next().unwrap_or_default().to_owned();
            let synced = |lines: &[&str], end: &str| lines.iter().any(|line| line.contains("sync(") && line.contains(&format!("{end}>")));
            assert!(synced(&lines[..at], &name(from)), "{command}: {to} gets its name before its content is on disk:\n{trace}");
            let folder = place.path(to);
            let folder = folder.parent().unwrap().canonicalize().unwrap();
            assert!(synced(&lines[at..], &folder.display().to_string()), "{command}: the name {to} is never on disk:\n{trace}");
            named += 1;
        }
        assert!(named > 0, "{command} gives no file its name:\n{trace}");
    }
}

pub(crate) fn a_file_stays_its_owners_and_plaintext_becomes_the_writers() {
    for command in [
        "reseal --key alpha.pem --key beta.pem --in-place sealed.yaml",
        "seal --cert alpha.crt --merge-into sealed.yaml plain.yaml",
        "kubeseal --cert alpha.crt --merge-into sealed.yaml -f plain.yaml",
        "seal --cert alpha.crt --output sealed.yaml plain.yaml",
        "unseal --key alpha.pem --output sealed.yaml other.yaml",
    ] {
        let place = Place::with_sealed();
        place.home.write("plain.yaml", SECRET);
        place.home.write("other.yaml", place.read("sealed.yaml"));
        let before = place.read("sealed.yaml");
        fs::set_permissions(place.path("sealed.yaml"), fs::Permissions::from_mode(0o664)).unwrap();
        chown(place.path("sealed.yaml"), Some(12_345), Some(12_346)).unwrap();
        place.run(command).success();
        assert_ne!(place.read("sealed.yaml"), before, "{command}");
        let metadata = fs::metadata(place.path("sealed.yaml")).unwrap();
        let found = (metadata.uid(), metadata.gid(), metadata.mode() & 0o777);
        assert_eq!(found, if command.starts_with("unseal") { (0, 0, 0o600) } else { (12_345, 12_346, 0o664) }, "{command}");
    }
}

/// A system that gives no threads makes the pool of workers panic.
pub(crate) fn a_panic_ends_with_70_and_shows_nothing_of_the_input() {
    let place = Place::new();
    let items: String = (0..500).map(|at| format!("  item{at}: dummy-value\n")).collect();
    place.home.write("plain.yaml", SECRET.replace("  user: shop\n", &items));
    place.home.write("out.yaml", "old");
    let strace = place.home.command("strace").args(["-f", "-qq", "-o", "trace", "--inject=clone,clone3:error=EAGAIN"]).arg(sealer());
    let ended = strace.args(["seal", "--cert", "alpha.crt", "--output", "out.yaml", "plain.yaml"]).run();
    assert_eq!(ended.status, 70, "{}", ended.error());
    assert!(ended.error().starts_with("error: cannot go on at ") && ended.error().contains("fault of sealer"), "{}", ended.error());
    assert!(!ended.error().contains("dummy-value") && ended.stdout.is_empty(), "{}", ended.error());
    assert_eq!(place.read("out.yaml"), "old");
}

//! `local --watch`: what wakes it, shown far below the time after which it would look around anyway.

use std::fs;
use std::time::{Duration, Instant};

use tests::process::Running;
use tests::sealer;

use super::{Place, SECRET};

/// Waits for something that should hold soon; a liveness bound, far above the usual milliseconds, and a third of the minute after which a pass comes
/// without any reason.
fn eventually(what: &str, holds: impl Fn() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < Duration::from_secs(20), "{what} did not happen");
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn watch(place: &Place, more: &[&str]) -> Running {
    let command = place.home.command(sealer()).args(["local", "src", "--key-size", "2048", "--out", "out", "--keys", "keys", "--watch"]);
    command.args(more).start()
}

#[test]
fn watching_reacts_to_changes_and_heals_at_once() {
    let place = Place::new();
    let home = place.home.path();
    // The next key is due in a month: nothing but what changes wakes it in time.
    let _running = watch(&place, &[]);
    let holds = |path: &'static str, part: &'static str| {
        let path = home.join(path);
        move || fs::read_to_string(&path).is_ok_and(|text| text.contains(part))
    };
    eventually("the first pass", holds("out/secrets/shop/db.yaml", "password: aHVudGVyMg=="));
    place.home.write("src/new.yaml", SECRET.replace("name: db", "name: new"));
    eventually("sealing of a new file", holds("out/secrets/shop/new.yaml", "name: new"));
    fs::remove_file(place.secret()).expect("a Secret");
    eventually("healing", holds("out/secrets/shop/db.yaml", "password: aHVudGVyMg=="));
    place.home.write("src/db.yaml", SECRET.replace("hunter2", "hunter3"));
    eventually("an update", holds("out/secrets/shop/db.yaml", "password: aHVudGVyMw=="));
    fs::remove_file(home.join("src/new.yaml")).expect("a source");
    eventually("deletion", || !home.join("out/secrets/shop/new.yaml").exists());
    let keys = || fs::read_dir(home.join("keys")).map_or(0, Iterator::count);
    assert_eq!(keys(), 1);
}

#[test]
fn watching_renews_on_schedule_while_nothing_changes() {
    let place = Place::new();
    let keys = || fs::read_dir(place.home.path().join("keys")).map_or(0, Iterator::count);
    let _running = watch(&place, &["--key-renew-period", "3s"]);
    eventually("renewal", || keys() >= 2);
    eventually("the next renewal", || keys() >= 3);
}

#[test]
fn a_closed_window_keeps_values_as_they_are() {
    let place = Place::new();
    let store = "apiVersion: external-secrets.io/v1\nkind: SecretStore\nmetadata: {name: vault, namespace: shop}\nspec: {provider: {fake: {data: [{key: k, value: v}]}}}\n";
    place.home.write("src/store.yaml", store);
    // A value that comes out differently each time it is made tells when that was.
    for (name, kind) in [("open", "allow"), ("closed", "deny")] {
        let windows = format!("syncWindows: {{kind: {kind}, windows: [{{schedule: '@every 1s', duration: 1h}}]}}");
        let target = "target: {template: {data: {dice: '{{ randAlphaNum 20 }}'}}}";
        let spec = format!(
            "spec:\n  secretStoreRef: {{name: vault}}\n  refreshInterval: 1s\n  {windows}\n  {target}\n  data: [{{secretKey: k, remoteRef: {{key: k}}}}]\n"
        );
        let object = format!("apiVersion: external-secrets.io/v1\nkind: ExternalSecret\nmetadata: {{name: {name}, namespace: shop}}\n{spec}");
        place.home.write(format!("src/{name}.yaml"), object);
    }
    let _running = watch(&place, &[]);
    let text = |name: &str| fs::read_to_string(place.home.path().join(format!("out/secrets/shop/{name}.yaml"))).unwrap_or_default();
    eventually("the first pass", || !text("open").is_empty() && !text("closed").is_empty());
    let (open, closed) = (text("open"), text("closed"));
    eventually("a second value", || text("open") != open);
    let second = text("open");
    eventually("a third value", || text("open") != second);
    assert_eq!(text("closed"), closed);
}

//! Passes that are repeated, or find what others left.

use std::fs;
use std::time::Duration;

use serde_json::Value;
use tests::sealer;

use super::{Place, SECRET, actions};

fn rows(place: &Place, arguments: &[&str]) -> Vec<Value> {
    let report: Value = serde_json::from_str(&place.run(&[arguments, &["--json"]].concat()).success()).expect("a report in JSON");
    report["rows"].as_array().expect("rows").clone()
}

#[test]
fn a_file_that_only_has_the_name_of_an_unfinished_secret_is_not_ours() {
    let place = Place::new();
    place.pass(&[]);
    let state = place.read("out/state.json");
    let mut state: Value = serde_json::from_str(&state).expect("JSON");
    state["secrets"]["shop/db"]["pending"] = 1.into();
    place.home.write("out/state.json", state.to_string());
    let theirs = SECRET.replace("hunter2", "theirs");
    fs::write(place.secret(), &theirs).expect("a file");
    let ended = place.run(&[]);
    assert_eq!(ended.status, 4);
    assert!(ended.error().contains("not managed by this folder"), "{}", ended.error());
    // Nor is it deleted with the source.
    fs::remove_file(place.home.path().join("src/db.yaml")).expect("a file");
    place.run(&[]).success();
    assert_eq!(fs::read_to_string(place.secret()).expect("a Secret"), theirs);
}

#[test]
fn results_of_one_folder_are_safe_from_another() {
    let place = Place::new();
    place.pass(&[]);
    place.home.write("other/x.yaml", SECRET.replace("name: db", "name: x"));
    let ended = place.home.command(sealer()).args(["local", "other", "--out", "out"]).run();
    assert_eq!(ended.status, 4, "{}", ended.error());
    assert!(ended.error().contains("choose another --out") || ended.error().contains("Choose another --out"), "{}", ended.error());
    assert!(place.secret().exists());
    assert!(place.pass(&[]).is_empty());
}

#[test]
fn yaml_that_is_no_manifest_keeps_nothing_alive() {
    let place = Place::new();
    place.home.write("src/patch.yaml", "- op: remove\n  path: /spec\n");
    place.home.write("src/chart/templates/secret.yaml", "apiVersion: v1\nkind: Secret\nmetadata:\n  name: {{ .Release.Name }}\n");
    place.home.write("src/other.yaml", SECRET.replace("name: db", "name: other"));
    assert_eq!(actions(&place.pass(&[]), "Secret "), ["created", "created"]);
    fs::remove_file(place.home.path().join("src/other.yaml")).expect("a source");
    assert_eq!(place.pass(&[]), [("Secret shop/other".to_owned(), "deleted".to_owned())]);
    assert_eq!(place.pass(&[]), []);
}

#[test]
fn a_template_under_somebodys_hands_keeps_its_secret() {
    let place = Place::new();
    place.pass(&[]);
    let sealed = place.read("out/sealed/db.sealed.yaml");
    // With braces in it, nobody can know whether this is a template of Helm.
    place.home.write("src/db.yaml", format!("{SECRET}more: {{{{ .Values.x }}}}\n"));
    assert_eq!(place.pass(&[]), []);
    assert!(place.secret().exists() && place.read("out/sealed/db.sealed.yaml") == sealed);
    place.home.write("src/db.yaml", SECRET);
    assert_eq!(place.pass(&[]), []);
    // One that does not speak of the Secret keeps nothing.
    place.home.write("src/db.yaml", "more: {{ .Values.x }}\n");
    assert_eq!(actions(&place.pass(&[]), "Secret "), ["deleted"]);
}

#[test]
fn a_template_that_holds_what_reading_leaves_out_is_written_once() {
    let place = Place::new();
    place.pass(&["--in-place"]);
    fs::remove_file(place.home.path().join("src/db.yaml")).expect("a file");
    let sealed = place.read("src/db.sealed.yaml");
    let metadata = "    metadata:\n";
    assert!(sealed.contains(metadata), "{sealed}");
    for more in [
        "      labels: {}\n",
        "      managedFields: [{manager: kubectl}]\n",
        "      annotations: {kubectl.kubernetes.io/last-applied-configuration: x}\n",
    ] {
        place.home.write("src/db.sealed.yaml", sealed.replace(metadata, &format!("{metadata}{more}")));
        place.pass(&[]);
        assert_eq!(place.pass(&[]), [], "{more}");
        // It is still healed.
        fs::write(place.secret(), SECRET).expect("a file");
        assert_eq!(actions(&place.pass(&[]), "Secret "), ["healed"], "{more}");
    }
}

#[test]
fn a_template_that_renders_differently_each_time_is_written_once() {
    let place = Place::new();
    place.pass(&["--in-place"]);
    fs::remove_file(place.home.path().join("src/db.yaml")).expect("a file");
    let sealed = place.read("src/db.sealed.yaml");
    place.home.write("src/db.sealed.yaml", sealed.replace("  template:\n", "  template:\n    data: {more: '{{ randAlphaNum 20 }}'}\n"));
    assert_eq!(actions(&place.pass(&[]), "Secret "), ["updated"]);
    assert_eq!(place.pass(&[]), []);
    let good = fs::read_to_string(place.secret()).expect("a Secret");
    assert!(good.contains("more:"), "{good}");
    fs::write(place.secret(), good.replace("more:", "less:")).expect("a file");
    assert_eq!(actions(&place.pass(&[]), "Secret "), ["healed"]);
    assert_eq!(place.pass(&[]), []);
}

#[test]
fn two_secrets_of_one_name_are_an_error_even_if_one_of_them_gets_its_namespace_by_flag() {
    let place = Place::new();
    place.home.write("src/twin.yaml", SECRET.replace(", namespace: shop", ""));
    let ended = place.run(&["--namespace", "shop"]);
    assert_eq!(ended.status, 2, "{}", ended.error());
    assert!(ended.error().contains("src/twin.yaml") && ended.error().contains("one of the same name"), "{}", ended.error());
}

#[test]
fn a_sealed_file_whose_source_holds_no_secret_any_more_still_counts() {
    let place = Place::new();
    place.pass(&["--in-place"]);
    place.home.write("src/db.yaml", "kind: ConfigMap\napiVersion: v1\n");
    let seen = rows(&place, &["--in-place"]);
    let said = |part: &str| seen.iter().any(|row| row["detail"].as_str().is_some_and(|detail| detail.contains(part)));
    assert!(said("holds no Secret any more"), "{seen:?}");
    assert!(place.secret().exists(), "{seen:?}");
    // While the source is unreadable nobody knows what it holds.
    place.home.write("src/db.yaml", "kind: [broken");
    assert_eq!(place.run(&["--in-place"]).status, 2);
    assert!(place.secret().exists());
    // Once it holds a Secret again, it is sealed over.
    place.home.write("src/db.yaml", SECRET.replace("hunter2", "hunter3"));
    assert_eq!(actions(&place.pass(&["--in-place"]), "Secret "), ["updated"]);
}

#[test]
fn only_the_hint_is_taken_over_and_it_names_every_certificate_that_is_in_use() {
    let place = Place::new();
    place.pass(&["--in-place"]);
    let hint = || {
        let text = place.read("src/db.sealed.yaml");
        let hint = text.lines().find_map(|line| line.trim().strip_prefix("sealer.dev/sealed-with: ")).expect("a hint").trim_matches('"').to_owned();
        hint.split(',').map(str::to_owned).collect::<Vec<_>>()
    };
    let first = hint();
    let text = place.read("src/db.sealed.yaml");
    place.home.write("src/db.sealed.yaml", text.replacen("  annotations:\n", "  annotations:\n    planted: \"yes\"\n", 1));
    place.pass(&["--in-place"]);
    assert!(!place.read("src/db.sealed.yaml").contains("planted"), "{}", place.read("src/db.sealed.yaml"));
    // A new key seals what changed; what stays is under the old one.
    std::thread::sleep(Duration::from_millis(1100));
    place.home.write("src/db.yaml", SECRET.replace("hunter2", "hunter3"));
    place.pass(&["--in-place", "--key-renew-period", "1s"]);
    let both = hint();
    assert!(both.len() == 2 && both.contains(&first[0]), "{both:?}");
    assert!(place.pass(&["--in-place"]).is_empty());
    // Once nothing is under the old one, it is not named any more.
    place.home.write("src/db.yaml", SECRET.replace("hunter2", "hunter4").replace("user: shop", "user: shopper"));
    place.pass(&["--in-place"]);
    assert!(hint().len() == 1 && hint() != first);
}

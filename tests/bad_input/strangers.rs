//! Folders that a stranger filled: links, devices, names and configuration that mean harm.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use tests::process::Ended;
use tests::sealer;

use crate::place::{Place, SECRET};

fn local(place: &Place, more: &[&str]) -> Ended {
    place.home.command(sealer()).args(["local", "repo", "--key-size", "2048"]).args(more).run()
}

/// A home with a folder `repo` that holds [`SECRET`], and a file of the user's that no stranger may touch.
fn repository() -> Place {
    let place = Place::new();
    place.home.write("repo/db.yaml", SECRET);
    place.home.write("precious.yaml", "precious");
    place
}

#[track_caller]
fn assert_untouched(place: &Place) {
    assert_eq!(place.read("precious.yaml"), "precious");
    assert!(!place.path("precious.yaml").is_symlink());
}

pub(crate) fn a_pipe_or_device_named_like_a_manifest_is_passed_over() {
    let place = repository();
    place.home.command("mkfifo").arg("repo/pipe.yaml").run().success();
    symlink("/dev/zero", place.path("repo/zero.yaml")).unwrap();
    symlink("/dev/tty", place.path("repo/tty.json")).unwrap();
    symlink("..", place.path("repo/up")).unwrap();
    symlink("repo.yaml", place.path("repo/repo.yaml")).unwrap();
    for command in ["seal --cert alpha.crt repo", "seal --cert alpha.crt --out-dir out repo", "local repo --key-size 2048"] {
        let ended = place.home.command("timeout").arg("60").arg(sealer()).args(command.split(' ')).run();
        assert_eq!(ended.status, 0, "{command}: {}", ended.error());
    }
}

pub(crate) fn results_below_a_folder_never_follow_a_link() {
    for link in ["out/db.yaml", "out/sub"] {
        let place = repository();
        place.home.write("repo/sub/two.yaml", SECRET.replace("name: db", "name: two"));
        fs::create_dir(place.path("out")).unwrap();
        symlink(if link.ends_with("sub") { ".." } else { "../precious.yaml" }, place.path(link)).unwrap();
        place.refuse("seal --cert alpha.crt --out-dir out repo", 4, &[&format!("{link}: "), "a link stands there", "help: "]);
        assert_untouched(&place);
    }
}

pub(crate) fn local_follows_no_link_out_of_its_results() {
    for link in
        ["out/.lock", "out/state.json", "out/secrets", "out/sealed", "out/sealed/db.sealed.yaml", "out/secrets/shop", "out/secrets/shop/db.yaml"]
    {
        let place = repository();
        place.home.write("elsewhere/keep", "");
        fs::create_dir_all(place.path(link).parent().unwrap()).unwrap();
        let is_file = link.ends_with("yaml") || link.ends_with("json") || link.ends_with("lock");
        symlink(place.path(if is_file { "precious.yaml" } else { "elsewhere" }), place.path(link)).unwrap();
        let ended = local(&place, &["--out", "out"]);
        assert_eq!(ended.status, 4, "{link}: {}", ended.error());
        assert!(ended.error().contains(&format!("{link}: ")) && ended.error().contains("a link stands there"), "{}", ended.error());
        assert_untouched(&place);
        assert_eq!(fs::read_dir(place.path("elsewhere")).unwrap().count(), 1, "{link}");
    }
}

pub(crate) fn local_in_place_writes_through_no_link() {
    let place = repository();
    symlink("../precious.yaml", place.path("repo/db.sealed.yaml")).unwrap();
    let ended = local(&place, &["--in-place", "--out", "out"]);
    assert_ne!(ended.status, 0);
    assert!(ended.error().contains("db.sealed.yaml: cannot find the file below the folder: a link stands there"), "{}", ended.error());
    assert_untouched(&place);
}

pub(crate) fn a_forged_memory_of_local_deletes_nothing_outside() {
    let place = repository();
    let state = r#"{"version":1,"secrets":{"../../precious":{"source":"","owned":true},"/../../precious":{"source":"","owned":true}},
        "sealed":{"../../precious.yaml":"gone.yaml","/HOME/precious.yaml":"gone.yaml"}}"#;
    place.home.write("out/state.json", state.replace("/HOME", &place.home.path().display().to_string()));
    let ended = local(&place, &["--out", "out"]);
    assert_eq!(ended.status, 2, "{}", ended.error());
    assert!(ended.error().contains("its path leads out of it"), "{}", ended.error());
    assert_untouched(&place);
}

pub(crate) fn names_lead_no_secret_out_of_its_folder() {
    let place = repository();
    for (file, name, namespace) in [("a.yaml", "../../../evil", "x"), ("b.yaml", "evil", "../.."), ("c.yaml", "/evil", "x"), ("d.yaml", "..", ".")] {
        let text = format!("apiVersion: v1\nkind: Secret\nmetadata: {{name: \"{name}\", namespace: \"{namespace}\"}}\nstringData: {{a: b}}\n");
        place.home.write(Path::new("repo").join(file), text);
    }
    let ended = local(&place, &["--out", "out"]);
    assert_eq!(ended.status, 2, "{}", ended.error());
    assert_eq!(ended.error().matches("not one that Kubernetes accepts").count(), 4, "{}", ended.error());
    assert!(place.home.snapshot().iter().all(|(path, ..)| !path.ends_with("evil.yaml")));
}

pub(crate) fn two_sources_are_never_sealed_into_one_file() {
    let place = repository();
    place.home.write("repo/db.yml", SECRET.replace("name: db", "name: two"));
    for _ in 0..2 {
        let ended = local(&place, &["--in-place", "--out", "out"]);
        assert_eq!(ended.status, 2, "{}", ended.error());
        assert!(
            ended.error().contains("repo/db.yml: cannot seal the file: repo/db.yaml is sealed into a file of the same name"),
            "{}",
            ended.error()
        );
        assert!(place.read("repo/db.sealed.yaml").contains("from db.yaml\n"));
    }
}

pub(crate) fn keys_and_results_below_the_source_are_no_sources() {
    let place = repository();
    symlink("repo", place.path("alias")).unwrap();
    for _ in 0..2 {
        let words = ["local", "alias", "--key-size", "2048", "--keys", "alias/keys", "--out", "alias/out", "--json"];
        let report = place.home.command(sealer()).args(words).run().success();
        assert!(!report.contains("failed") && report.matches("Secret shop/db").count() == 1, "{report}");
    }
}

pub(crate) fn a_line_break_in_a_file_name_gets_into_no_manifest() {
    let place = repository();
    place.home.write("repo/a\nkind: Evil\n.yaml", SECRET.replace("name: db", "name: two"));
    let ended = local(&place, &["--in-place", "--out", "out"]);
    assert_eq!(ended.status, 2, "{}", ended.error());
    assert!(ended.error().contains(r"a\nkind: Evil\n.yaml: cannot seal the file: its name is not plain text"), "{}", ended.error());
}

pub(crate) fn no_name_steers_the_terminal() {
    let place = repository();
    let evil = "apiVersion: bitnami.com/v1alpha1\nkind: SealedSecret\nmetadata: {name: \"a\\e[2J\\a\", namespace: \"b\\u202e\\u009b\\r\"}\n";
    place.home.write("repo/\u{1b}]0;x\u{7}.yaml", format!("{evil}spec: {{encryptedData: {{\"\\e[1A\": x}}}}\n"));
    place.home.write("repo/plain.yaml", "apiVersion: v1\nkind: \"Pod\\e[2J\"\nmetadata: {name: \"\\u202e\"}\n");
    let commands = ["verify repo", "unseal --key alpha.pem repo", "reseal --key alpha.pem repo/plain.yaml", "seal --cert alpha.crt repo/plain.yaml"];
    let runs = commands.iter().map(|line| place.run(line)).chain([local(&place, &["--out", "out"]), local(&place, &["--out", "out", "--json"])]);
    for ended in runs {
        let said = ended.text() + &ended.error();
        let steers = |c: char| (c.is_control() && c != '\n') || matches!(c, '\u{202a}'..='\u{202e}');
        assert!(!said.contains(steers), "{said:?}");
        assert_ne!(ended.status, 0, "{said}");
    }
}

pub(crate) fn a_repository_runs_no_program_and_does_not_hide_from_the_check() {
    let place = repository();
    place.home.command("git").args(["init", "-q", "repo"]).run().success();
    let hook = place.home.write("hook", "#!/bin/sh\ntouch \"$HOME/hooked\"\n");
    fs::set_permissions(&hook, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let hook = hook.display();
    let config = format!(
        "[core]\n\trepositoryformatversion = 1\n\tfsmonitor = {hook}\n\tpager = {hook}\n\tsshCommand = {hook}\n\thooksPath = {}\n\teditor = {hook}\n\
         [extensions]\n\tpartialClone = origin\n[remote \"origin\"]\n\turl = ext::{hook}\n\tpromisor = true\n\tuploadpack = {hook}\n\
         [alias]\n\tcheck-ignore = !{hook}\n[filter \"x\"]\n\tclean = {hook}\n\tsmudge = {hook}\n[diff]\n\texternal = {hook}\n",
        place.home.path().display()
    );
    place.home.write("repo/.git/config", config);
    place.home.write("repo/.gitattributes", "* filter=x diff=x\n");
    let refused = local(&place, &["--out", "repo/out"]);
    assert_eq!(refused.status, 4, "{}", refused.error());
    assert!(refused.error().contains("inside a Git work tree"), "{}", refused.error());
    // Around the check through a folder that does not exist.
    let around = local(&place, &["--out", "none/../repo/out"]);
    assert_eq!(around.status, 2, "{}", around.error());
    assert!(!place.path("repo/out").exists() && !place.path("none").exists());
    place.home.write("repo/.gitignore", "out/\n");
    local(&place, &["--out", "repo/out"]).success();
    assert!(!place.path("hooked").exists(), "a program of the repository ran");
}

pub(crate) fn an_absurd_command_line_is_refused_and_never_a_panic() {
    let place = Place::with_sealed();
    for line in [
        "keys new --keys k --key-ttl 99999999999999999d",
        "keys new --keys k --key-ttl -1h",
        "keys new --keys k --key-size 512",
        "local . --key-renew-period 9223372036854775807d",
        "seal --scope narrow",
        "unseal --no-such-flag",
    ] {
        place.refuse(line, 64, &["error: "]);
    }
    place.refuse("keys new --keys k --key-size 2048 --key-ttl 99999999999999h", 2, &["beyond all dates"]);
}

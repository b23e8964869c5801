//! Ours beside the real kubeseal: the same command lines, the same files, and each tool opens what the other sealed.
//!
//! One case a file under `cmd/kubeseal`: expectations come from the real tool while the test runs, and only where ours differs on purpose from the file.
#![expect(clippy::expect_used, reason = "test code: what cannot go on must say so at once")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use tests::cluster::{Cluster, Shared};
use tests::process::{Ended, Home};
use tests::suite::{case, run};
use tests::upstream::{self, Controller};
use tests::{ledger, peers, sealer};

#[path = "interop/apiserver.rs"]
mod apiserver;
#[path = "interop/connections.rs"]
mod connections;
#[path = "interop/golden.rs"]
mod golden;
#[path = "interop/issuer.rs"]
mod issuer;
#[path = "interop/keys.rs"]
mod keys;
#[path = "interop/socks.rs"]
mod socks;

/// What every case of this program needs.
const KUBESEAL: &[&str] = &["kubeseal", "openssl"];

const SECRET: &str = "apiVersion: v1\nkind: Secret\nmetadata: {name: db, namespace: team}\nstringData: {password: dummy, empty: ''}\n";

fn main() -> ExitCode {
    let mut cases = tests::golden::cases("kubeseal", "cmd_", KUBESEAL, golden::check);
    cases.extend([
        case("each_opens_what_the_other_sealed_in_every_scope", KUBESEAL, each_opens_what_the_other_sealed_in_every_scope),
        case("openssl_opens_the_session_key_that_ours_wraps", KUBESEAL, openssl_opens_the_session_key_that_ours_wraps),
        case("ours_opens_what_openssl_wrapped", KUBESEAL, ours_opens_what_openssl_wrapped),
        case("a_value_of_a_megabyte_passes_in_both_directions", KUBESEAL, a_value_of_a_megabyte_passes_in_both_directions),
        case("raw_values_open_inside_objects_of_the_other", KUBESEAL, raw_values_open_inside_objects_of_the_other),
        case("every_variable_does_what_the_real_tool_does_with_it", KUBESEAL, every_variable_does_what_the_real_tool_does_with_it),
        case("templates_see_neither_environment_nor_network", KUBESEAL, templates_see_neither_environment_nor_network),
        case("the_kubeconfig_of_the_home_is_found", KUBESEAL, the_kubeconfig_of_the_home_is_found),
        case("the_face_answers_to_its_name_and_as_a_subcommand", &[], the_face_answers_to_its_name_and_as_a_subcommand),
        case("merging_into_a_file_of_ours_leaves_no_hint_that_is_wrong", &[], merging_into_a_file_of_ours_leaves_no_hint_that_is_wrong),
        case("what_the_face_writes_never_names_a_certificate", KUBESEAL, what_the_face_writes_never_names_a_certificate),
    ]);
    let cluster = Shared::default();
    for (name, test) in [
        ("both_faces_talk_to_the_real_controller", both_faces_talk_to_the_real_controller as fn(&Cluster)),
        ("connection_flags_reach_the_real_api_server", connection_flags_reach_the_real_api_server),
        ("a_credential_plugin_is_run", a_credential_plugin_is_run),
        ("an_id_token_that_has_not_expired_is_used", connections::an_id_token_that_has_not_expired_is_used),
        ("an_expired_id_token_is_refreshed_and_written_down", connections::an_expired_id_token_is_refreshed_and_written_down),
        ("a_failing_refresh_shows_no_credential", connections::a_failing_refresh_shows_no_credential),
        ("a_socks5_proxy_leads_to_the_api_server", connections::a_socks5_proxy_leads_to_the_api_server),
        ("a_pod_needs_no_kubeconfig", connections::a_pod_needs_no_kubeconfig),
    ] {
        let cluster = cluster.clone();
        cases.push(case(name, upstream::NEEDS_WITH_KUBESEAL, move || test(cluster.get())));
    }
    drop(cluster);
    run(cases)
}

/// The two tools, by the path to call them by.
fn tools(home: &Home) -> [PathBuf; 2] {
    [golden::ours(home), peers::get("kubeseal").expect("the case needs it")]
}

fn seal(home: &Home, tool: &Path, arguments: &[&str], input: &str) -> String {
    home.command(tool).args(["--cert", "cert.pem"]).args(arguments).input(input).run().success()
}

fn unseal(home: &Home, tool: &Path, sealed: &str) -> Ended {
    home.command(tool).args(["--recovery-unseal", "--recovery-private-key", "key.pem"]).input(sealed).run()
}

fn each_opens_what_the_other_sealed_in_every_scope() {
    let home = keys::home();
    let [ours, theirs] = tools(&home);
    for scope in ["strict", "namespace-wide", "cluster-wide"] {
        for format in ["json", "yaml"] {
            for (sealer, opener) in [(&ours, &theirs), (&theirs, &ours)] {
                let sealed = seal(&home, sealer, &["--scope", scope, "-o", format], SECRET);
                let opened = unseal(&home, opener, &sealed).success();
                assert_eq!(opened, unseal(&home, sealer, &sealed).success(), "{scope} {format}");
                assert!(opened.contains("\"password\": \"ZHVtbXk=\"") && opened.contains("\"empty\": null"), "{opened}");
            }
        }
    }
}

fn openssl(home: &Home, arguments: &[&str], input: &[u8]) -> Vec<u8> {
    let label = hexadecimal(b"team/db");
    let oaep = ["-pkeyopt", "rsa_padding_mode:oaep", "-pkeyopt", "rsa_oaep_md:sha256", "-pkeyopt", "rsa_mgf1_md:sha256"];
    let ended = home.command("openssl").arg("pkeyutl").args(arguments).args(oaep);
    let ended = ended.args(["-pkeyopt", &format!("rsa_oaep_label:{label}")]).input(input).run();
    ended.success();
    ended.stdout
}

fn openssl_opens_the_session_key_that_ours_wraps() {
    let home = keys::home();
    let raw = seal(&home, &golden::ours(&home), &["--raw", "--namespace", "team", "--name", "db"], "dummy");
    let bytes = decoded(&home, &raw);
    assert_eq!(bytes[..2], [2, 0], "the length of an RSA-4096 block");
    assert_eq!(bytes.len(), 2 + 512 + 5 + 16);
    assert_eq!(openssl(&home, &["-decrypt", "-inkey", "key.pem"], &bytes[2..514]).len(), 32);
}

fn ours_opens_what_openssl_wrapped() {
    let home = keys::home();
    let wrapped = openssl(&home, &["-encrypt", "-certin", "-inkey", "cert.pem"], &[7; 32]);
    // AES-256-GCM of the empty value under that key and a nonce of zeros: the tag alone.
    let sealed = [&[2, 0][..], &wrapped, &tag_of_nothing(&[7; 32])].concat();
    let object = format!(
        "apiVersion: bitnami.com/v1alpha1\nkind: SealedSecret\nmetadata: {{name: db, namespace: team}}\nspec:\n  encryptedData:\n    a: {}\n",
        encoded(&home, &sealed)
    );
    let opened = unseal(&home, &golden::ours(&home), &object);
    assert_eq!(opened.status, 0, "{}", opened.error());
    assert_eq!(opened.text(), unseal(&home, &tools(&home)[1], &object).success());
}

fn tag_of_nothing(key: &[u8; 32]) -> Vec<u8> {
    use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
    let key = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, key).expect("a key of 32 bytes"));
    let tag = key.seal_in_place_separate_tag(Nonce::assume_unique_for_key([0; 12]), Aad::empty(), &mut []).expect("nothing can be sealed");
    tag.as_ref().to_vec()
}

fn a_value_of_a_megabyte_passes_in_both_directions() {
    let home = keys::home();
    let [ours, theirs] = tools(&home);
    let secret = SECRET.replace("dummy", &"x".repeat(1 << 20));
    for (sealer, opener) in [(&ours, &theirs), (&theirs, &ours)] {
        let opened = unseal(&home, opener, &seal(&home, sealer, &[], &secret)).success();
        assert!(opened.len() > (1 << 20) * 4 / 3);
    }
}

fn raw_values_open_inside_objects_of_the_other() {
    let home = keys::home();
    let [ours, theirs] = tools(&home);
    for (one, other) in [(&ours, &theirs), (&theirs, &ours)] {
        let raw = seal(&home, one, &["--raw", "--namespace", "team", "--name", "db"], "dummy");
        let object = seal(&home, other, &[], SECRET);
        let at = object.find("\"password\": \"").expect("the item is there") + "\"password\": \"".len();
        let end = at + object[at..].find('"').expect("the item ends");
        let opened = unseal(&home, other, &format!("{}{raw}{}", &object[..at], &object[end..])).success();
        assert!(opened.contains("\"password\": \"ZHVtbXk=\""), "{opened}");
    }
}

/// Switches are turned on; a text is none that anything would be found under.
fn every_variable_does_what_the_real_tool_does_with_it() -> Result<(), peers::Missing> {
    let flags = ledger::kubeseal_flags()?;
    let home = keys::home();
    let secret = SECRET.replace(", empty: ''", "");
    let sealed = seal(&home, &tools(&home)[1], &[], &secret);
    for flag in flags.iter().filter_map(|flag| flag.strip_prefix("--")).chain(["rotate"]) {
        let variable = format!("SEALED_SECRETS_{}", flag.to_uppercase().replace('-', "_"));
        let input = if flag == "recovery-unseal" { &sealed } else { &secret };
        for value in ["true", "x", ""] {
            let seen = [0, 1].map(|index| {
                let home = keys::home();
                let tool = &tools(&home)[index];
                let run = home.command(tool).args(["--cert", "cert.pem", "--raw=false"]).env(&variable, value).input(input.as_str()).run();
                let ended = if flag == "cert" { home.command(tool).env(&variable, value).input(input.as_str()).run() } else { run };
                golden::normal(&format!("{} {} {}", ended.status, ended.text(), ended.error()), &home, tool, &[])
            });
            assert_eq!(seen[0], seen[1], "{variable}={value}");
        }
    }
    Ok(())
}

fn templates_see_neither_environment_nor_network() {
    let home = keys::home();
    for call in ["env \"HOME\"", "expandenv \"$HOME\"", "getHostByName \"localhost\""] {
        let head = "apiVersion: bitnami.com/v1alpha1\nkind: SealedSecret\nmetadata: {name: db, namespace: team}\n";
        let object = format!("{head}spec:\n  encryptedData: {{}}\n  template:\n    data:\n      t: '{{{{ {call} }}}}'\n");
        for tool in tools(&home) {
            let ended = unseal(&home, &tool, &object);
            assert!(ended.status == 1 && ended.stdout.is_empty() && ended.error().contains("not defined"), "{}", ended.error());
        }
    }
}

fn the_kubeconfig_of_the_home_is_found() {
    let config =
        "contexts: [{name: c, context: {cluster: k, namespace: found}}]\ncurrent-context: c\nclusters: [{name: k, cluster: {server: 'http://x'}}]\n";
    let home = keys::home();
    home.write(".kube/config", config);
    for tool in tools(&home) {
        let sealed = seal(&home, &tool, &[], &SECRET.replace(", namespace: team", ""));
        assert!(sealed.contains("\"namespace\": \"found\""), "{sealed}");
    }
}

fn the_face_answers_to_its_name_and_as_a_subcommand() {
    let home = Home::new();
    let named = home.command(golden::ours(&home)).arg("--version").run().success();
    let windows = tests::golden::link(&home, "kubeseal.exe");
    assert_eq!(home.command(windows).arg("--version").run().success(), named);
    assert_eq!(home.command(sealer()).args(["kubeseal", "--version"]).run().success(), named);
    assert!(named.starts_with("kubeseal version: "), "{named}");
}

fn what_the_face_writes_never_names_a_certificate() {
    let home = keys::home();
    let ours = golden::ours(&home);
    let sealed = seal(&home, &ours, &[], SECRET);
    home.write("target.json", &sealed);
    seal(&home, &ours, &["--merge-into", "target.json"], SECRET);
    let merged = fs::read_to_string(home.path().join("target.json")).expect("the target is still there");
    assert!(!sealed.contains("sealer.dev") && !merged.contains("sealer.dev"), "{merged}");
}

fn merging_into_a_file_of_ours_leaves_no_hint_that_is_wrong() {
    let home = keys::home();
    let sealer = |arguments: &[&str]| home.command(sealer()).args(arguments).input(SECRET).run().success();
    home.write("target.yaml", sealer(&["seal", "--cert", "cert2.pem"]));
    let hint = || {
        let text = fs::read_to_string(home.path().join("target.yaml")).expect("the target is there");
        text.lines().find_map(|line| line.trim().strip_prefix("sealer.dev/sealed-with: ").map(str::to_owned))
    };
    assert_eq!(hint().map(|text| text.len()), Some(64));
    seal(&home, &golden::ours(&home), &["--merge-into", "target.yaml"], SECRET);
    // Its items are under another key now, so the hint is gone.
    assert_eq!(hint(), None);
    sealer(&["verify", "--strict", "--cert", "cert.pem", "--key", "key.pem", "target.yaml"]);
}

/// Names the message for a Service that nobody made: whoever gets it has been let in by the API server.
const NOBODY: [&str; 3] = ["--fetch-cert", "--controller-name", "nobody"];

fn connection_flags_reach_the_real_api_server(cluster: &Cluster) {
    let home = Home::new();
    let (server, token) = (kubeconfig_value(cluster, "server"), kubeconfig_value(cluster, "token"));
    let ca = cluster.ca().display().to_string();
    let by_name = server.replace("127.0.0.1", "localhost");
    let let_in = "services \"nobody\" not found";
    let lines: [(&[&str], &str); 7] = [
        (&["--server", &server, "--token", &token, "--certificate-authority", &ca], let_in),
        (&["--server", &server, "--token", &token, "--insecure-skip-tls-verify"], let_in),
        (&["--server", &by_name, "--token", &token, "--certificate-authority", &ca, "--tls-server-name", "127.0.0.1"], let_in),
        (&["--server", &server, "--token", &token, "--certificate-authority", &ca, "--as", "joe", "--as-group", "g"], "is forbidden: User \"joe\""),
        (&["--server", &server, "--token", "wrong", "--certificate-authority", &ca], "Unauthorized"),
        (&["--server", &server, "--token", &token], "certificate"),
        (&["--server", &server, "--certificate-authority", &ca, "--token", &token, "--request-timeout", "20s"], let_in),
    ];
    for (flags, said) in lines {
        let [ours, theirs] = tools(&home).map(|tool| home.command(tool).args(NOBODY).args(flags).run());
        assert!(ours.error().contains(said), "{flags:?}: {}", ours.error());
        // Why a certificate is not trusted is worded by the library.
        assert!(ours == theirs || said == "certificate", "{flags:?}\n{}\n{}", ours.error(), theirs.error());
    }
}

fn a_credential_plugin_is_run(cluster: &Cluster) {
    let home = Home::new();
    let kubeconfig = fs::read_to_string(cluster.kubeconfig()).expect("the cluster has one");
    let token = kubeconfig_value(cluster, "token");
    let credential = format!(r#"{{"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential","status":{{"token":"{token}"}}}}"#);
    for (answer, said) in [(credential.as_str(), "services \"nobody\" not found"), ("not for anybody's eyes", "getting credentials")] {
        let plugin = home.write("plugin", format!("#!/bin/sh\ncat <<'END'\n{answer}\nEND\n"));
        home.command("chmod").arg("700").arg(&plugin).run().success();
        let mut config: serde_json::Value = serde_saphyr::from_str(&kubeconfig).expect("a kubeconfig is YAML");
        config["users"][0]["user"] = serde_json::json!({"exec": {
            "apiVersion": "client.authentication.k8s.io/v1", "command": plugin, "interactiveMode": "Never",
        }});
        let file = home.write("kubeconfig", config.to_string());
        let [ours, theirs] = tools(&home).map(|tool| home.command(tool).arg("--kubeconfig").arg(&file).args(NOBODY).run());
        assert!(ours.error().contains(said) && theirs.error().contains(said), "{}\n{}", ours.error(), theirs.error());
        assert!(!ours.error().contains("eyes"), "{}", ours.error());
    }
}

fn kubeconfig_value(cluster: &Cluster, key: &str) -> String {
    let text = fs::read_to_string(cluster.kubeconfig()).expect("the cluster has one");
    let config: serde_json::Value = serde_saphyr::from_str(&text).expect("a kubeconfig is YAML");
    let place = if key == "token" { &config["users"][0]["user"] } else { &config["clusters"][0]["cluster"] };
    place[key].as_str().expect("the kubeconfig has it").to_owned()
}

fn both_faces_talk_to_the_real_controller(cluster: &Cluster) {
    let controller = Controller::start(cluster, &["--rate-limit", "100", "--rate-limit-burst", "100"]).expect("the case needs it");
    let home = Home::new();
    let run =
        |tool: &Path, arguments: &[&str], input: &str| home.command(tool).env("KUBECONFIG", cluster.kubeconfig()).args(arguments).input(input).run();
    let [ours, theirs] = tools(&home);
    assert_eq!(run(&ours, &["--fetch-cert"], "").success(), controller.certificate());
    for (one, other) in [(&ours, &theirs), (&theirs, &ours)] {
        let sealed = run(one, &["-o", "yaml"], SECRET).success();
        run(other, &["--validate"], &sealed).success();
        let again = run(one, &["--re-encrypt", "-o", "yaml"], &sealed).success();
        assert_ne!(again, sealed);
        run(other, &["--validate"], &again).success();
        let foreign = sealed.replace("name: db", "name: other");
        assert_eq!(run(one, &["--validate"], &foreign), run(other, &["--validate"], &foreign));
        assert_eq!(run(one, &["--re-encrypt"], &foreign), run(other, &["--re-encrypt"], &foreign));
        assert_eq!(run(one, &NOBODY, ""), run(other, &NOBODY, ""));
    }
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn decoded(home: &Home, text: &str) -> Vec<u8> {
    let ended = home.command("openssl").args(["base64", "-d", "-A"]).input(text).run();
    ended.success();
    ended.stdout
}

fn encoded(home: &Home, bytes: &[u8]) -> String {
    home.command("openssl").args(["base64", "-A"]).input(bytes).run().success()
}

//! `sealer` against the real controller on a real API server, and `reseal` with keys at hand and through the controller.
#![expect(clippy::expect_used, reason = "test code: what cannot go on must say so at once")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use serde_json::{Value, json};
use tests::cluster::Cluster;
use tests::peers::Missing;
use tests::process::Home;
use tests::sealer;
use tests::suite::{case, run};
use tests::upstream::{self, Controller};

const SECRET: &str = "apiVersion: v1\nkind: Secret\nmetadata: {name: db, namespace: shop}\nstringData: {user: shop, password: dummy-value}\n";

fn main() -> ExitCode {
    run(vec![
        case("only_old_items_change_and_every_other_byte_stays", &[], only_old_items_change),
        case("a_file_with_one_item_that_does_not_open_stays_as_it_is", &[], all_or_nothing),
        case("a_key_that_is_out_of_use_opens_and_never_seals", &[], out_of_use),
        case("an_item_merged_in_changes_its_line_only", &[], merged_in),
        case("what_sealer_seals_with_the_clusters_certificate_the_controller_unseals", upstream::NEEDS, in_a_cluster),
        case("through_the_controller_comments_and_template_stay", upstream::NEEDS, through_the_controller),
    ])
}

fn key(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors/keys").join(name)
}

/// A sealed file with everything that people add to one: comments, blank lines, a template, a second document.
fn file(home: &Home, certificate: &Path) -> PathBuf {
    let sealed = home.command(sealer()).args(["seal", "--cert"]).arg(certificate).input(SECRET).run().success();
    let sealed = sealed
        .replace("  encryptedData:", "    # rendered with both\n    data:\n      url: \"{{ .user }}:{{ .password }}\"\n\n  encryptedData: # items");
    home.write("sealed.yaml", format!("# head\n\n{sealed}\n---\nkind: ConfigMap   # stays\napiVersion: v1\ndata: {{a:   b}}\n"))
}

/// The lines of a text that do not hold an item or the hint.
fn frame(text: &str) -> Vec<&str> {
    text.lines().filter(|line| !["user:", "password:", "sealer.dev/sealed-with:"].iter().any(|key| line.trim_start().starts_with(key))).collect()
}

fn item(text: &str, key: &str) -> String {
    let line = text.lines().find(|line| line.starts_with(&format!("    {key}:"))).expect("an item");
    line.split_whitespace().nth(1).expect("a value").to_owned()
}

fn only_old_items_change() {
    let home = Home::new();
    let path = file(&home, &key("alpha.crt"));
    let old = fs::read_to_string(&path).expect("a file");
    // One item is under the newer key already.
    home.command(sealer())
        .args(["seal", "--cert"])
        .arg(key("beta.crt"))
        .args(["--merge-into", "sealed.yaml", "--item", "user"])
        .input("shop")
        .run()
        .success();
    let mixed = fs::read_to_string(&path).expect("a file");
    let reseal = |more: &str| {
        let keys = home.command(sealer()).args(["reseal", "--key"]).arg(key("alpha.pem")).arg("--key").arg(key("beta.pem"));
        keys.args(["--json", more, "sealed.yaml"]).run().success()
    };
    let dry: Value = serde_json::from_str(&reseal("--dry-run")).expect("JSON");
    assert_eq!(dry, json!([{ "file": "sealed.yaml", "changed": 1, "kept": 1 }]));
    assert_eq!(fs::read_to_string(&path).expect("a file"), mixed);
    reseal("--in-place");
    let new = fs::read_to_string(&path).expect("a file");
    assert_eq!(frame(&new), frame(&old));
    assert_eq!(item(&new, "user"), item(&mixed, "user"), "an item under the newest key changed");
    assert_ne!(item(&new, "password"), item(&mixed, "password"));
    // A second run finds nothing to do, and the newest key alone opens everything, template included.
    reseal("--in-place");
    assert_eq!(fs::read_to_string(&path).expect("a file"), new);
    let url = home.command(sealer()).args(["unseal", "--item", "url", "sealed.yaml", "--key"]).arg(key("beta.pem")).run().success();
    assert_eq!(url, "shop:dummy-value");
}

fn all_or_nothing() {
    let home = Home::new();
    let path = file(&home, &key("alpha.crt"));
    let text = fs::read_to_string(&path).expect("a file");
    let password = item(&text, "password");
    let broken = text.replace(&password, &format!("{}{}", &password[..60], "A".repeat(password.len() - 60)));
    fs::write(&path, &broken).expect("a file");
    let ended =
        home.command(sealer()).args(["reseal", "--in-place", "sealed.yaml", "--key"]).arg(key("alpha.pem")).arg("--key").arg(key("beta.pem")).run();
    assert_eq!(ended.status, 5, "{}", ended.error());
    assert!(ended.error().contains("item \"password\""), "{}", ended.error());
    assert_eq!(fs::read_to_string(&path).expect("a file"), broken);
}

fn out_of_use() {
    let home = Home::new();
    file(&home, &key("beta.crt"));
    let store = |name: &str| {
        home.command(sealer()).args(["keys", "import", "--keys", name]).arg(key(&format!("{name}.pem"))).run().success();
        home.command(sealer()).args(["keys", "export", "--keys", name]).run().success()
    };
    // The newer key is the one that its owner took out of use.
    home.write("backup.yaml", store("alpha") + &store("beta").replace(": active", ": compromised"));
    home.command(sealer()).args(["reseal", "--in-place", "sealed.yaml", "--key", "backup.yaml"]).run().success();
    let password = home.command(sealer()).args(["unseal", "--item", "password", "sealed.yaml", "--key"]).arg(key("alpha.pem")).run().success();
    assert_eq!(password, "dummy-value");
}

fn merged_in() {
    let home = Home::new();
    let path = file(&home, &key("alpha.crt"));
    let before = fs::read_to_string(&path).expect("a file");
    let merge = |item: &str, value: &str| {
        let run = home.command(sealer()).args(["seal", "--merge-into", "sealed.yaml", "--item", item, "--cert"]).arg(key("alpha.crt"));
        run.input(value).run().success()
    };
    merge("password", "new\n");
    let after = fs::read_to_string(&path).expect("a file");
    let changed = before.lines().zip(after.lines()).filter(|(one, other)| one != other).count();
    assert_eq!((changed, before.lines().count()), (1, after.lines().count()));
    merge("token", "t");
    let added = fs::read_to_string(&path).expect("a file");
    assert_eq!(added.lines().count(), after.lines().count() + 1);
    let unseal = |item: &str| home.command(sealer()).args(["unseal", "--item", item, "sealed.yaml", "--key"]).arg(key("alpha.pem")).run().success();
    // Every byte of standard input counts.
    assert_eq!((unseal("password"), unseal("token")), ("new\n".to_owned(), "t".to_owned()));
    // A hint that would be wrong from now on goes, and one about some items only is never begun.
    let hint = || fs::read_to_string(&path).expect("a file").lines().find(|line| line.contains("sealer.dev/sealed-with")).map(str::to_owned);
    let silent = |item: &str, more: &str| {
        let run = home.command(sealer()).args(["seal", "--merge-into", "sealed.yaml", "--item", item, "--cert"]).arg(key("beta.crt"));
        run.args(Some(more).filter(|more| !more.is_empty())).input("x").run().success()
    };
    silent("token", "--no-hint");
    assert_eq!(hint(), None);
    silent("token", "");
    assert_eq!(hint(), None);
}

/// A cluster with upstream's controller, and a namespace for one test.
struct World {
    cluster: Cluster,
    controller: Controller,
    namespace: String,
    home: Home,
}

impl World {
    fn start() -> Result<Self, Missing> {
        let cluster = Cluster::start()?;
        cluster.install(&upstream::definition()?);
        let controller = Controller::start(&cluster, &[])?;
        let namespace = cluster.namespace("reseal");
        Ok(Self { namespace, controller, cluster, home: Home::new() })
    }

    fn sealer(&self, arguments: &[&str], input: &str) -> String {
        self.home.command(sealer()).env("KUBECONFIG", self.cluster.kubeconfig()).args(arguments).input(input).run().success()
    }

    /// Applies a SealedSecret and waits for the values of its Secret.
    fn unsealed(&self, yaml: &str) -> BTreeMap<String, String> {
        let object: Value = serde_saphyr::from_str(yaml).expect("YAML");
        let api = self.cluster.api();
        let name = object["metadata"]["name"].as_str().expect("a name").to_owned();
        api.create(&format!("/apis/bitnami.com/v1alpha1/namespaces/{}/sealedsecrets", self.namespace), &object).expect("the API server takes it");
        let secret = api.wait_for("a Secret", |api| api.read(&format!("/api/v1/namespaces/{}/secrets/{name}", self.namespace)).ok());
        serde_json::from_value(secret["data"].clone()).expect("data")
    }
}

fn in_a_cluster() -> Result<(), Missing> {
    let world = World::start()?;
    let certificate = world.sealer(&["cert"], "");
    assert_eq!(certificate, world.controller.certificate());
    let secret = SECRET.replace("shop}", &format!("{}}}", world.namespace));
    for (scope, name) in [("strict", "one"), ("namespace-wide", "two"), ("cluster-wide", "three")] {
        let sealed = world.sealer(&["seal", "--scope", scope, "--name", name], &secret);
        let values = world.unsealed(&sealed);
        assert_eq!(values.get("password").map(String::as_str), Some("ZHVtbXktdmFsdWU="), "{scope}");
    }
    Ok(())
}

fn through_the_controller() -> Result<(), Missing> {
    let world = World::start()?;
    let secret = SECRET.replace("shop}", &format!("{}}}", world.namespace));
    let sealed = world.sealer(&["seal"], &secret);
    let template = "    # rendered with both\n    data:\n      url: \"{{ .user }}:{{ .password }}\"\n  encryptedData:";
    let path = world.home.write("sealed.yaml", format!("# head\n{}", sealed.replace("  encryptedData:", template)));
    let before = fs::read_to_string(&path).expect("a file");
    world.sealer(&["reseal", "--controller", "--in-place", "sealed.yaml"], "");
    let after = fs::read_to_string(&path).expect("a file");
    // Which key it uses nobody knows here: the hint is gone, with the annotations, of which it was the only one.
    assert_eq!(frame(&after), frame(&before.replace("\n  annotations:\n", "\n")));
    assert!(!after.contains("sealer.dev/sealed-with"), "{after}");
    // Upstream's controller seals every item again, also those under its newest key.
    for key in ["user", "password"] {
        assert_ne!(item(&after, key), item(&before, key), "{key}");
    }
    assert_eq!(world.unsealed(&after).get("url").map(String::as_str), Some("c2hvcDpkdW1teS12YWx1ZQ=="));
    // What the controller cannot open stays.
    let broken = before.replace(&item(&before, "user"), &item(&before, "password"));
    let broken = broken.replace("name: db", "name: other");
    fs::write(&path, &broken).expect("a file");
    let ended =
        world.home.command(sealer()).env("KUBECONFIG", world.cluster.kubeconfig()).args(["reseal", "--controller", "-i", "sealed.yaml"]).run();
    assert_ne!(ended.status, 0);
    assert_eq!(fs::read_to_string(&path).expect("a file"), broken);
    Ok(())
}

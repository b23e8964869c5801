//! The laws of `engine::policy` over every adapter that carries it out: a folder, and a cluster.
#![expect(clippy::expect_used, reason = "test code: what cannot go on must say so at once")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use keys::SecretBytes;
use serde_json::{Value, json};
use tests::cluster::{Api, Cluster, NEEDS, Shared};
use tests::conformance::{Adapter, Done, LAWS, Values};
use tests::controller::{self, Controller, condition};
use tests::process::Home;
use tests::sealer;
use tests::suite::{case, run};

fn main() -> ExitCode {
    let shared = Shared::default();
    let in_folder = LAWS.iter().map(|(name, law)| case(format!("folder::{name}"), &[], move || law(&Folder::new())));
    let in_cluster = LAWS.iter().map(|(name, law)| {
        let shared = shared.clone();
        case(format!("cluster::{name}"), NEEDS, move || law(&InCluster::new(shared.get())))
    });
    let cases = in_folder.chain(in_cluster).collect();
    drop(shared);
    run(cases)
}

/// `sealer local` over a folder that holds one SealedSecret.
struct Folder {
    home: Home,
}

impl Folder {
    fn new() -> Self {
        let home = Home::new();
        let key = Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors/keys/alpha.pem");
        let key = fs::read_to_string(key).expect("a key");
        home.command(sealer()).args(["keys", "import", "--keys", "keys"]).arg(home.write("alpha.pem", key)).run().success();
        home.write("src/empty.yaml", "");
        Self { home }
    }

    fn source(&self) -> PathBuf {
        self.home.path().join("src/db.yaml")
    }

    fn target(&self) -> PathBuf {
        self.home.path().join("out/secrets/shop/db.yaml")
    }
}

fn manifest(values: &Values, annotations: &[&str], immutable: bool) -> String {
    let annotations: Value =
        annotations.iter().map(|name| (format!("sealedsecrets.bitnami.com/{name}"), json!("true"))).collect::<serde_json::Map<_, _>>().into();
    let metadata = json!({ "name": "db", "namespace": "shop", "annotations": annotations });
    json!({ "apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": values, "immutable": immutable }).to_string()
}

impl Adapter for Folder {
    fn put_source(&self, values: &Values, immutable: bool) {
        let sealer = self.home.command(sealer()).args(["seal", "--keys", "keys", "--format", "json", "--output"]).arg(self.source());
        sealer.input(manifest(values, &[], immutable)).run().success();
    }

    fn break_source(&self) {
        let text = fs::read_to_string(self.source()).expect("a source");
        let mut object: Value = serde_json::from_str(&text).expect("JSON");
        let item = object["spec"]["encryptedData"]["password"].as_str().expect("an item").to_owned();
        let flipped = if item.as_bytes()[40] == b'A' { "B" } else { "A" };
        object["spec"]["encryptedData"]["password"] = format!("{}{flipped}{}", &item[..40], &item[41..]).into();
        fs::write(self.source(), object.to_string()).expect("a file");
    }

    fn remove_source(&self) {
        fs::remove_file(self.source()).expect("a file");
    }

    fn pass(&self) -> Option<Done> {
        let ended = self.home.command(sealer()).args(["local", "src", "--out", "out", "--keys", "keys", "--json"]).run();
        let report: Value = serde_json::from_str(&ended.text()).expect("a report");
        let rows = report["rows"].as_array().expect("rows");
        let row = rows.iter().find(|row| row["object"].as_str().is_some_and(|object| object.ends_with("shop/db")) && row["action"] != "unchanged")?;
        assert_eq!(ended.status != 0, row["action"] == "failed", "{}", ended.error());
        Some(match row["action"].as_str().expect("an action") {
            "failed" => Done::Failed(row["detail"].as_str().unwrap_or_default().to_owned()),
            "deleted" => Done::Deleted,
            action => Done::Wrote(action.to_owned()),
        })
    }

    fn secret(&self) -> Option<Values> {
        let text = fs::read_to_string(self.target()).ok()?;
        let object: Value = serde_saphyr::from_str(&text).expect("YAML");
        let decode = |value: &Value| SecretBytes::from_base64(value.as_str().unwrap_or_default()).expect("base64");
        let literal = |map: &Value| map.as_object().cloned().unwrap_or_default().into_iter().collect::<Vec<_>>();
        let data = literal(&object["data"]).into_iter().map(|(key, value)| (key, String::from_utf8_lossy(decode(&value).expose()).into_owned()));
        let texts = literal(&object["stringData"]).into_iter().map(|(key, value)| (key, value.as_str().unwrap_or_default().to_owned()));
        Some(data.chain(texts).collect())
    }

    fn write_as_stranger(&self, values: &Values, annotations: &[&str]) {
        self.home.write("out/secrets/shop/db.yaml", manifest(values, annotations, false));
    }

    fn delete_as_stranger(&self) {
        fs::remove_file(self.target()).expect("a file");
    }
}

/// The controller over a namespace that holds one SealedSecret. There is no garbage collector in the cluster, so the controller deletes by itself.
struct InCluster {
    api: Api,
    controller: Controller,
}

impl InCluster {
    fn new(cluster: &Cluster) -> Self {
        controller::install(cluster);
        let namespace = cluster.namespace("policy");
        Self { api: cluster.api(), controller: Controller::start(cluster, &namespace, &["--old-gc-behavior"]) }
    }

    fn source(&self) -> String {
        format!("{}/db", controller::sources(self.controller.namespace()))
    }

    fn target(&self) -> String {
        format!("{}/db", controller::secrets(self.controller.namespace()))
    }

    /// Waits until the controller has nothing more to do: its status speaks of the object and of the Secret as they are.
    fn settle(&self) -> Option<Value> {
        self.api.wait_for("the controller", |api| {
            let secret = api.read(&self.target()).ok();
            let Ok(object) = api.read(&self.source()) else {
                let owned = secret.is_some_and(|secret| secret["metadata"]["ownerReferences"].is_array());
                return (!owned).then_some(None);
            };
            let synced = condition(&object, "Synced");
            let seen = object["status"]["observedGeneration"] == object["metadata"]["generation"];
            let made = &object["status"]["produced"]["resourceVersion"];
            let settled = synced["status"] == "False" || secret.is_some_and(|secret| secret["metadata"]["resourceVersion"] == *made);
            (seen && settled).then(|| Some(object.clone()))
        })
    }
}

impl Adapter for InCluster {
    fn put_source(&self, values: &Values, immutable: bool) {
        let metadata = json!({ "name": "db", "namespace": self.controller.namespace() });
        let secret = json!({ "apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": values, "immutable": immutable });
        let mut sealed = controller::seal_secret(&self.controller.certificate(), &secret);
        match self.api.read(&self.source()) {
            Err(_) => self.api.create(&controller::sources(self.controller.namespace()), &sealed).expect("a source"),
            Ok(before) => {
                sealed["metadata"]["resourceVersion"] = before["metadata"]["resourceVersion"].clone();
                self.api.replace(&self.source(), &sealed).expect("a source")
            }
        };
    }

    fn break_source(&self) {
        let mut object = self.api.read(&self.source()).expect("a source");
        let item = object["spec"]["encryptedData"]["password"].as_str().expect("an item").to_owned();
        let flipped = if item.as_bytes()[40] == b'A' { "B" } else { "A" };
        object["spec"]["encryptedData"]["password"] = format!("{}{flipped}{}", &item[..40], &item[41..]).into();
        self.api.replace(&self.source(), &object).expect("a source");
    }

    fn remove_source(&self) {
        self.api.delete(&self.source()).expect("a source");
    }

    fn pass(&self) -> Option<Done> {
        let before = self.secret();
        let object = self.settle();
        let written = self.controller.news("Secret written");
        let fault = object.map(|object| condition(&object, "Synced")).filter(|synced| synced["status"] == "False");
        if let Some(fault) = fault {
            assert!(written.is_empty(), "{written:?}");
            return Some(Done::Failed(fault["message"].as_str().unwrap_or_default().to_owned()));
        }
        match written.first().and_then(|line| line["reason"].as_str()) {
            Some("New") => Some(Done::Wrote("created".to_owned())),
            Some("Changed") => Some(Done::Wrote("updated".to_owned())),
            Some("Deleted" | "Edited") => Some(Done::Wrote("healed".to_owned())),
            Some("Adopted") => Some(Done::Wrote("adopted".to_owned())),
            _ => (before.is_some() && self.secret().is_none()).then_some(Done::Deleted),
        }
    }

    fn secret(&self) -> Option<Values> {
        controller::data(&self.api, self.controller.namespace(), "db")
    }

    fn write_as_stranger(&self, values: &Values, annotations: &[&str]) {
        let mut secret: Value = serde_json::from_str(&manifest(values, annotations, false)).expect("JSON");
        secret["metadata"]["namespace"] = json!(self.controller.namespace());
        match self.api.read(&self.target()) {
            Err(_) => self.api.create(&controller::secrets(self.controller.namespace()), &secret).expect("a Secret"),
            Ok(before) => {
                // Whoever edits a Secret leaves its owner alone.
                secret["metadata"]["ownerReferences"] = before["metadata"]["ownerReferences"].clone();
                self.api.replace(&self.target(), &secret).expect("a Secret")
            }
        };
    }

    fn delete_as_stranger(&self) {
        self.api.delete(&self.target()).expect("a Secret");
    }
}

//! Stores, what they hold, and the objects of a table, in as many namespaces as a test wants.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tests::cluster::{Api, Cluster};
use tests::controller::{condition, secrets};
use tests::operator;
use tests::packaging;

/// Namespace of the Secrets that the store `mirror` reads.
pub(crate) const REMOTE: &str = "remote";

/// How long objects may take: what the operator could not do at first, it tries again later and later.
pub(crate) const PATIENCE: Duration = Duration::from_secs(240);

/// How often objects are read anew that say nothing else.
const INTERVAL: &str = "5s";

/// A cluster with what objects of any namespace need.
pub(crate) struct Stage {
    pub(crate) cluster: Cluster,
    pub(crate) api: Api,
    /// Its turn, which ends last.
    _turn: MutexGuard<'static, ()>,
}

/// One at a time: three clusters, each with two controllers that never rest, are more than a small machine can do.
static TURN: Mutex<()> = Mutex::new(());

/// One entry of a table.
pub(crate) struct Entry {
    pub(crate) name: String,
    /// Status of the condition Ready.
    pub(crate) ready: String,
    metadata: Value,
    spec: Value,
}

/// The entries of a file beside this one.
pub(crate) fn table(file: &str) -> Vec<Entry> {
    let text = |entry: &Value, field: &str| entry[field].as_str().map(str::to_owned);
    let read = |entry: &Value| Entry {
        name: text(entry, "name").unwrap(),
        ready: text(entry, "ready").unwrap_or_else(|| "True".to_owned()),
        metadata: if entry["metadata"].is_null() { json!({}) } else { entry["metadata"].clone() },
        spec: entry["spec"].clone(),
    };
    packaging::yaml(&packaging::folder("tests/operator").join(file)).as_array().unwrap().iter().map(read).collect()
}

impl Entry {
    /// The object, with all that both need to be told: what is not said means the same to newer versions, but not to this one.
    pub(crate) fn object(&self) -> Value {
        let (mut metadata, mut spec) = (self.metadata.clone(), self.spec.clone());
        metadata["name"] = json!(self.name);
        let or = |field: &mut Value, value: Value| {
            if field.is_null() {
                *field = value;
            }
        };
        or(&mut spec["secretStoreRef"], json!({"name": "vault"}));
        or(&mut spec["refreshInterval"], json!(INTERVAL));
        for entry in spec["data"].as_array_mut().into_iter().flatten() {
            or(&mut entry["remoteRef"]["conversionStrategy"], json!("Default"));
        }
        for entry in spec["dataFrom"].as_array_mut().into_iter().flatten() {
            for kind in ["extract", "find"].iter().filter(|kind| entry[**kind].is_object()).collect::<Vec<_>>() {
                or(&mut entry[*kind]["conversionStrategy"], json!("Default"));
            }
        }
        json!({"apiVersion": "external-secrets.io/v1", "kind": "ExternalSecret", "metadata": metadata, "spec": spec})
    }

    /// Whether it is read anew all the time.
    pub(crate) fn is_periodic(&self) -> bool {
        let is = |field: &str, value: &str| self.spec[field].is_null() || self.spec[field] == value;
        is("refreshInterval", INTERVAL) && is("refreshPolicy", "Periodic")
    }
}

/// Path of the objects of external-secrets in a namespace.
pub(crate) fn path(namespace: &str, plural: &str) -> String {
    format!("/apis/external-secrets.io/v1/namespaces/{namespace}/{plural}")
}

/// What the Fake stores hold; `plain` is what changes.
fn fake(plain: &str, more: &BTreeMap<String, String>) -> Value {
    let whole = r#"{"user":"admin","password":"p&<>\"","deep":{"port":5432,"list":[1,2.50,true,null,"x"]},"big":12345678901234567890,"float":1e3,"empty":"","nothing":null,"odd key/1":"odd"}"#;
    let mut data = vec![
        json!({"key": "plain", "value": plain}),
        json!({"key": "plain", "value": "hunter3", "version": "v2"}),
        json!({"key": "still", "value": "stays"}),
        json!({"key": "json", "value": whole}),
        json!({"key": "meeting", "value": r#"{"a b":"1","a_b":"2"}"#}),
        json!({"key": "base64", "value": "aHVudGVyMg=="}),
        json!({"key": "base64url", "value": "-_-_"}),
        json!({"key": "encoded", "value": r#"{"text":"aGk=","none":"no base64!","url":"-_8=","raw":"AP8="}"#}),
        json!({"key": "part-1", "value": r#"{"x":"1","y":{"z":[1,"<&>"]},"w":null}"#}),
        json!({"key": "part-2", "value": r#"{"x":"2","v":1.50,"u":true,"t":["<",2],"s":1764000000.7654321}"#}),
        json!({"key": "app/one", "value": "1"}),
        json!({"key": "app_two", "value": "2"}),
        json!({"key": "app-three", "value": "3"}),
    ];
    data.extend(more.iter().map(|(key, value)| json!({"key": key, "value": value})));
    json!({"fake": { "data": data }})
}

impl Stage {
    /// Starts a cluster with the operator's definitions, and the one that our controller does not start without.
    pub(crate) fn new() -> Self {
        let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        let cluster = Cluster::start().unwrap();
        for definition in operator::definitions().unwrap() {
            cluster.install(&definition);
        }
        cluster.install(&serde_json::to_value(crds::ALL[0]()).unwrap());
        let api = cluster.api();
        Self { cluster, api, _turn: turn }
    }

    /// What lies in the remote namespace, and the stores for every namespace.
    pub(crate) fn furnish(&self) {
        self.namespace(REMOTE, &json!({}));
        let db = json!({
            "metadata": {"name": "db", "labels": {"app": "shop", "tier": "db"}, "annotations": {"note": "x"}},
            "data": {"bytes": "AP+A", "user": "YWRtaW4="},
            "stringData": {"password": "p&<>\"", "config": r#"{"deep":{"port":5432},"list":[1,{"a":"b"}],"text":"t"}"#, "tls.crt": "crt"},
        });
        let queue = json!({"metadata": {"name": "queue", "labels": {"app": "shop"}}, "stringData": {"url": "amqp://queue"}});
        let other = json!({"metadata": {"name": "other"}, "stringData": {"url": "nothing"}});
        for secret in [db, queue, other] {
            self.api.create(&secrets(REMOTE), &secret).unwrap();
        }
        let path = "/apis/external-secrets.io/v1/clustersecretstores";
        for (name, conditions) in [("everywhere", json!([])), ("elsewhere", json!([{"namespaces": ["nowhere"]}]))] {
            let spec = json!({"provider": fake("hunter2", &BTreeMap::new()), "conditions": conditions});
            let store = json!({"apiVersion": "external-secrets.io/v1", "kind": "ClusterSecretStore", "metadata": { "name": name }, "spec": spec});
            self.api.create(path, &store).unwrap();
        }
    }

    pub(crate) fn namespace(&self, name: &str, labels: &Value) {
        self.api.create("/api/v1/namespaces", &json!({"metadata": { "name": name, "labels": labels }})).unwrap();
    }

    /// A namespace with its stores, its forms, and Secrets of others; `labels` are those of the Secrets that are to be taken.
    pub(crate) fn tenant(&self, namespace: &str, labels: &Value, more: &BTreeMap<String, String>) {
        self.namespace(namespace, &json!({}));
        self.api.create(&secrets(namespace), &json!({"metadata": {"name": "credentials"}, "stringData": {"token": self.cluster.token()}})).unwrap();
        self.store(namespace, "vault", &fake("hunter2", more));
        self.store(namespace, "mirror", &self.cluster.provider(REMOTE));
        let forms =
            json!({"file.conf": "user={{ .user }}\nport={{ (.deep | fromJson).port }}\n", "pairs": "pair-{{ \"a\" }}: 1\npair-b: '{{ .user }}'\n"});
        self.api.create(&format!("/api/v1/namespaces/{namespace}/configmaps"), &json!({"metadata": {"name": "forms"}, "data": forms})).unwrap();
        self.api.create(&secrets(namespace), &json!({"metadata": {"name": "forms"}, "stringData": {"secret.conf": "p={{ .password }}"}})).unwrap();
        let owner =
            json!([{"apiVersion": "v1", "kind": "ConfigMap", "name": "forms", "uid": "11111111-2222-3333-4444-555555555555", "controller": true}]);
        for secret in [
            json!({"metadata": {"name": "foreign", "labels": {"of": "others"}}, "stringData": {"theirs": "x"}}),
            json!({"metadata": {"name": "taken", "labels": labels}, "stringData": {"theirs": "x"}}),
            json!({"metadata": {"name": "controlled", "labels": labels, "ownerReferences": owner}, "stringData": {"theirs": "x"}}),
        ] {
            self.api.create(&secrets(namespace), &secret).unwrap();
        }
    }

    fn store(&self, namespace: &str, name: &str, provider: &Value) {
        let store =
            json!({"apiVersion": "external-secrets.io/v1", "kind": "SecretStore", "metadata": { "name": name }, "spec": { "provider": provider }});
        self.api.create(&path(namespace, "secretstores"), &store).unwrap();
    }

    /// An object for many namespaces, and these; waits until each has its Secret.
    pub(crate) fn many(&self, namespaces: &[&str]) {
        for namespace in namespaces {
            self.namespace(namespace, &json!({"many": "yes"}));
        }
        let spec = json!({
            "refreshInterval": INTERVAL,
            "secretStoreRef": {"name": "everywhere", "kind": "ClusterSecretStore"},
            "data": [{"secretKey": "plain", "remoteRef": {"key": "plain", "conversionStrategy": "Default"}}],
        });
        let object = json!({
            "apiVersion": "external-secrets.io/v1", "kind": "ClusterExternalSecret", "metadata": {"name": "many"},
            "spec": {
                "externalSecretName": "child", "externalSecretSpec": spec, "externalSecretMetadata": {"labels": {"from": "many"}},
                "namespaceSelectors": [{"matchLabels": {"many": "yes"}}], "refreshTime": INTERVAL,
            },
        });
        self.api.create("/apis/external-secrets.io/v1/clusterexternalsecrets", &object).unwrap();
        for namespace in namespaces {
            self.api.wait_for("the child's Secret", |_| self.secrets(namespace).contains_key("child").then_some(()));
        }
    }

    /// Changes what the stores of a namespace hold.
    pub(crate) fn restock(&self, namespace: &str, plain: &str) {
        let patch = json!({"spec": {"provider": fake(plain, &BTreeMap::new())}});
        self.api.merge(&format!("{}/vault", path(namespace, "secretstores")), &patch).unwrap();
        self.api.merge(&format!("{}/db", secrets(REMOTE)), &json!({"stringData": {"user": plain}})).unwrap();
    }

    pub(crate) fn stores_are_ready(&self, namespace: &str) {
        self.api.wait_for("the stores to be ready", |api| {
            let stores = [path(namespace, "secretstores"), "/apis/external-secrets.io/v1/clustersecretstores".to_owned()];
            let all: Vec<Value> = stores.iter().flat_map(|path| api.read(path).unwrap()["items"].as_array().cloned().unwrap_or_default()).collect();
            all.iter().all(|store| condition(store, "Ready")["status"] == "True").then_some(())
        });
    }

    /// Makes the objects of a table: those that fail last, when all others have what they want.
    pub(crate) fn make(&self, namespace: &str, entries: &[Entry]) {
        for ready in ["True", "False"] {
            for entry in entries.iter().filter(|entry| entry.ready == ready) {
                self.api.create(&path(namespace, "externalsecrets"), &entry.object()).unwrap_or_else(|error| panic!("{}: {error}", entry.name));
            }
            self.settled(namespace, entries.iter().filter(|entry| entry.ready == ready));
        }
    }

    /// Waits until each object is Ready, or not, as its entry says.
    pub(crate) fn settled<'e>(&self, namespace: &str, entries: impl Iterator<Item = &'e Entry>) {
        let start = Instant::now();
        for entry in entries {
            while self.ready(namespace, &entry.name)["status"] != entry.ready.as_str() {
                assert!(
                    start.elapsed() < PATIENCE,
                    "waited in vain for {} of {namespace} to be Ready={}; it is {}\n{}",
                    entry.name,
                    entry.ready,
                    self.ready(namespace, &entry.name),
                    self.warnings(namespace, &entry.name)
                );
                thread::sleep(Duration::from_millis(50));
            }
        }
    }

    /// What events say against an object.
    fn warnings(&self, namespace: &str, name: &str) -> String {
        let events = self.api.read(&format!("/api/v1/namespaces/{namespace}/events")).unwrap();
        let about =
            events["items"].as_array().into_iter().flatten().filter(|event| event["involvedObject"]["name"] == name && event["type"] == "Warning");
        about.filter_map(|event| event["message"].as_str()).collect::<Vec<_>>().join("\n")
    }

    pub(crate) fn object(&self, namespace: &str, name: &str) -> Value {
        self.api.read(&format!("{}/{name}", path(namespace, "externalsecrets"))).unwrap()
    }

    pub(crate) fn ready(&self, namespace: &str, name: &str) -> Value {
        condition(&self.object(namespace, name), "Ready")
    }

    /// Every Secret of a namespace, by name.
    pub(crate) fn secrets(&self, namespace: &str) -> BTreeMap<String, Value> {
        let list = self.api.read(&secrets(namespace)).unwrap();
        list["items"].as_array().unwrap().iter().map(|secret| (secret["metadata"]["name"].as_str().unwrap().to_owned(), secret.clone())).collect()
    }
}

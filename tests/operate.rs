//! What people run beside the controller: `sealer crds`, `sealer explain`, `sealer migrate`, on a real API server.
#![expect(clippy::unwrap_used, reason = "test code")]

use std::path::PathBuf;
use std::process::ExitCode;

use serde_json::{Value, json};
use tests::cluster::{Api, Cluster, NEEDS};
use tests::controller::{self, Controller, seal, secrets, sources, wait_synced};
use tests::packaging::{of, path, render};
use tests::process::{Ended, Home};
use tests::suite::{case, run};
use tests::{sealer, upstream};

const DEFINITION: &str = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/sealedsecrets.bitnami.com";

/// What it takes to install the chart where the other controller was.
const MIGRATION: &[&str] = &["controller", "etcd", "helm", "kube-apiserver"];

/// What the other controller is called unless somebody says otherwise: its Service, its Deployment, its service account.
const SEAT: &str = "sealed-secrets-controller";

fn main() -> ExitCode {
    run(vec![
        case("definitions_are_compared_installed_and_updated_without_loss", upstream::NEEDS, definitions),
        case("explain_says_what_was_read_with_which_key_and_what_comes_next", NEEDS, explain),
        case("explain_says_of_external_secrets_what_was_read_and_when_it_is_read_again", NEEDS, explain_external),
        case("explain_says_of_stores_whether_they_work_and_for_whom", NEEDS, explain_stores),
        case("migrate_says_what_would_change_and_then_does_it", upstream::NEEDS, migrate),
        case("migrate_stands_in_the_way_of_nothing_that_is_installed_after_it", MIGRATION, migrate_and_install),
        case("migrate_finds_the_other_controller_wherever_it_runs", upstream::NEEDS, migrate_elsewhere),
    ])
}

struct Terminal {
    home: Home,
    kubeconfig: PathBuf,
}

impl Terminal {
    fn new(cluster: &Cluster) -> Self {
        Self { home: Home::new(), kubeconfig: cluster.kubeconfig() }
    }

    fn run(&self, arguments: &[&str]) -> Ended {
        self.home.command(sealer()).args(arguments).env("KUBECONFIG", &self.kubeconfig).run()
    }
}

fn definitions() {
    let cluster = Cluster::start().unwrap();
    let (api, terminal) = (cluster.api(), Terminal::new(&cluster));
    let absent = terminal.run(&["crds", "diff"]);
    assert_eq!((absent.status, absent.text().as_str()), (3, "sealedsecrets.bitnami.com: absent\n"), "{}", absent.error());
    // Upstream's, with what its installer noted on it.
    let mut theirs = upstream::definition().unwrap();
    theirs["metadata"]["annotations"] = json!({"meta.helm.sh/release-name": "sealed-secrets"});
    cluster.install(&theirs);
    let other = terminal.run(&["crds", "diff"]);
    assert!(other.status == 3 && other.text().contains("+ status.produced.sourceHash\n"), "{}", other.text());
    let json: Value = serde_json::from_str(&terminal.run(&["crds", "diff", "--json"]).text()).unwrap();
    assert_eq!((&json["state"], &json["foreign"]), (&json!("another"), &json!([])));
    assert_eq!(terminal.run(&["crds", "apply"]).error(), "sealedsecrets.bitnami.com: updated\n");
    let same = terminal.run(&["crds", "diff"]);
    assert_eq!((same.status, same.text().as_str()), (0, "sealedsecrets.bitnami.com: up to date\n"), "{}", same.error());
    let live = api.read(DEFINITION).unwrap();
    assert_eq!(live["metadata"]["annotations"]["meta.helm.sh/release-name"], "sealed-secrets");
    let version = live["metadata"]["resourceVersion"].clone();
    assert_eq!(terminal.run(&["crds", "apply"]).error(), "sealedsecrets.bitnami.com: up to date\n");
    assert_eq!(api.read(DEFINITION).unwrap()["metadata"]["resourceVersion"], version, "nothing was written");
    // A field that only the cluster has is not dropped without being asked for.
    let mut newer = live;
    newer["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]["properties"]["later"] = json!({"type": "string"});
    api.replace(DEFINITION, &newer).unwrap();
    let refused = terminal.run(&["crds", "apply"]);
    assert!(refused.status == 4 && refused.error().contains("spec.later"), "{}", refused.error());
    assert_eq!(terminal.run(&["crds", "apply", "--force"]).status, 0);
    assert_eq!(terminal.run(&["crds", "diff"]).status, 0);
    assert!(terminal.run(&["crds", "print"]).text().contains("kind: CustomResourceDefinition"));
}

fn explain() {
    let cluster = Cluster::start().unwrap();
    controller::install(&cluster);
    let (api, terminal, namespace) = (cluster.api(), Terminal::new(&cluster), cluster.namespace("explained"));
    let controller = Controller::start(&cluster, &namespace, &[]);
    let ask = |name: &str| -> Value {
        let ended = terminal.run(&["explain", "-n", &namespace, "--json", name]);
        serde_json::from_str(&ended.success()).unwrap()
    };
    let mut object = seal(&controller.certificate(), &namespace, "db", &[("a", "dummy")]);
    object["metadata"]["annotations"] = Value::Null;
    api.create(&sources(&namespace), &object).unwrap();
    wait_synced(&api, &namespace, "db", true);
    let certificate = keys::Certificate::from_pem(controller.certificate().as_bytes()).unwrap();
    let good = ask("sealedsecret/db");
    assert_eq!(good["key"], format!("certificate {} opened it", certificate.fingerprint()));
    assert_eq!(good["read"], "generation 1, which is the present one");
    assert_eq!((&good["scope"], &good["secret"]), (&json!("strict"), &json!("as the controller left it")));
    assert_eq!(good["next"], "nothing, until the object or its Secret changes");
    assert!(good["when"].as_str().unwrap().starts_with("20"), "{good}");
    let text = terminal.run(&["explain", "-n", &namespace, "db"]).success();
    assert!(text.lines().any(|line| line.starts_with("object") && line.ends_with(&format!("SealedSecret {namespace}/db"))), "{text}");
    api.merge(&format!("{}/db", sources(&namespace)), &json!({"spec": {"encryptedData": {"a": "AgB!"}}})).unwrap();
    wait_synced(&api, &namespace, "db", false);
    let bad = ask("db");
    assert!(bad["message"].as_str().unwrap().contains("item \"a\""), "{bad}");
    assert_eq!(bad["next"], "nothing, until the object, its Secret or the sealing keys change");
    let theirs = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "taken"}});
    api.create(&secrets(&namespace), &theirs).unwrap();
    api.create(&sources(&namespace), &seal(&controller.certificate(), &namespace, "taken", &[("a", "dummy")])).unwrap();
    wait_synced(&api, &namespace, "taken", false);
    assert!(ask("taken")["next"].as_str().unwrap().contains("managed"));
    drop(controller);
    api.create(&sources(&namespace), &seal(&certificate.to_pem(), &namespace, "alone", &[("a", "dummy")])).unwrap();
    assert!(ask("alone")["read"].as_str().unwrap().starts_with("nothing yet"));
    let absent = terminal.run(&["explain", "-n", &namespace, "absent"]);
    assert!(absent.status == 3 && absent.error().contains("absent"), "{}", absent.error());
    assert_eq!(terminal.run(&["explain", "pod/x"]).status, 2);
}

/// A cluster whose controller looks at everything, with a store `vault` in a namespace.
struct Stocked {
    cluster: Cluster,
    api: Api,
    terminal: Terminal,
    namespace: String,
}

impl Stocked {
    fn new() -> Self {
        let cluster = Cluster::start().unwrap();
        // Each has a cluster of its own.
        crds::ALL.iter().for_each(|definition| cluster.install(&serde_json::to_value(definition()).unwrap()));
        let (api, terminal, namespace) = (cluster.api(), Terminal::new(&cluster), cluster.namespace("explained"));
        Self { cluster, api, terminal, namespace }
    }

    fn ask(&self, object: &str) -> Value {
        serde_json::from_str(&self.terminal.run(&["explain", "-n", &self.namespace, "--json", object]).success()).unwrap()
    }

    fn path(&self, kind: &str) -> String {
        format!("/apis/external-secrets.io/v1/namespaces/{}/{kind}", self.namespace)
    }

    fn create(&self, folder: &str, kind: &str, name: &str, spec: &Value) {
        let object = json!({"apiVersion": "external-secrets.io/v1", "kind": kind, "metadata": { "name": name }, "spec": spec});
        self.api.create(folder, &object).unwrap();
    }

    fn wait(&self, path: &str, status: &str) {
        self.api.wait_for(path, |api| (controller::condition(&api.read(path).ok()?, "Ready")["status"] == status).then_some(()));
    }
}

fn fake(data: &Value) -> Value {
    json!({"provider": {"fake": { "data": data }}})
}

fn explain_external() {
    let world = Stocked::new();
    let controller = Controller::start(&world.cluster, &world.namespace, &["--unsafe-allow-generic-targets"]);
    world.create(&world.path("secretstores"), "SecretStore", "vault", &fake(&json!([{"key": "db", "value": "hunter2"}])));
    let data = json!([{"secretKey": "password", "remoteRef": {"key": "db"}}]);
    let more = json!([{"find": {"name": {"regexp": "d.*"}}}]);
    let spec = json!({"secretStoreRef": {"name": "vault"}, "refreshInterval": "1h", "data": data, "dataFrom": more});
    world.create(&world.path("externalsecrets"), "ExternalSecret", "db", &spec);
    let path = format!("{}/db", world.path("externalsecrets"));
    world.wait(&path, "True");
    let good = world.ask("externalsecret/db");
    assert_eq!(good["reads"], json!([r#"what is found by name "d.*", from SecretStore vault"#, r#"password: "db", from SecretStore vault"#]));
    assert!(good["store"][0].as_str().unwrap().starts_with("SecretStore vault: provider fake, ready True (Valid), since 20"), "{good}");
    assert_eq!((&good["read"], &good["message"]), (&json!("for the object as it is"), &json!("secret synced")));
    assert_eq!(good["target"], format!("Secret {}/db: as the controller left it", world.namespace));
    assert!(good["next"].as_str().unwrap().starts_with("values are read again at 20"), "{good}");
    assert!(
        good["when"].as_str().unwrap().starts_with("20") && good["ready"].as_str().unwrap().starts_with("True (SecretSynced), since 20"),
        "{good}"
    );
    assert!(!good.to_string().contains("hunter2"));
    let text = world.terminal.run(&["explain", "-n", &world.namespace, "es/db"]).success();
    assert!(text.lines().any(|line| line.starts_with("object") && line.ends_with(&format!("ExternalSecret {}/db", world.namespace))), "{text}");

    world.create(&world.path("externalsecrets"), "ExternalSecret", "map", &json!({
        "secretStoreRef": {"name": "vault"}, "refreshPolicy": "OnChange", "data": data, "target": {"manifest": {"apiVersion": "v1", "kind": "ConfigMap"}},
    }));
    world.wait(&format!("{}/map", world.path("externalsecrets")), "True");
    let map = world.ask("externalsecrets.external-secrets.io/map");
    assert_eq!(map["target"], format!("ConfigMap {}/map: as the controller left it", world.namespace));
    assert_eq!(map["next"], "nothing, until the object, a store, a template or what was made changes");

    let lost = json!({"secretStoreRef": {"name": "nowhere", "kind": "ClusterSecretStore"}, "data": data});
    world.create(&world.path("externalsecrets"), "ExternalSecret", "lost", &lost);
    world.wait(&format!("{}/lost", world.path("externalsecrets")), "False");
    let bad = world.ask("ExternalSecret/lost");
    assert_eq!(bad["store"], json!(["ClusterSecretStore nowhere: there is none"]));
    assert!(bad["message"].as_str().unwrap().contains("there is none") && bad["read"] == "nothing yet", "{bad}");
    assert_eq!((&bad["next"], &bad["when"]), (&json!("it is tried again once ClusterSecretStore nowhere is ready"), &json!("-")));
    drop(controller);
    world.api.merge(&path, &json!({"metadata": {"labels": {"a": "b"}}})).unwrap();
    world.api.delete(&format!("{}/db", secrets(&world.namespace))).unwrap();
    let left = world.ask("externalsecret/db");
    assert_eq!(left["read"], "for an earlier version of the object, its labels or its annotations");
    assert!(left["target"].as_str().unwrap().ends_with("none: the one that was made is gone"), "{left}");
    world.create(&world.path("externalsecrets"), "ExternalSecret", "alone", &spec);
    assert!(world.ask("es/alone")["next"].as_str().unwrap().contains("if this stays so, none runs"));
    assert_eq!(world.terminal.run(&["explain", "-n", &world.namespace, "es/absent"]).status, 3);
    assert_eq!(world.terminal.run(&["explain", "-n", &world.namespace, "es/../secrets/x"]).status, 2);
}

fn explain_stores() {
    let world = Stocked::new();
    let _controller = Controller::start(&world.cluster, &world.namespace, &["--all-namespaces=true"]);
    let spec = json!({"refreshInterval": "2m", "provider": fake(&json!([{"key": "db", "value": "x"}]))["provider"]});
    world.create(&world.path("secretstores"), "SecretStore", "vault", &spec);
    let everywhere = "/apis/external-secrets.io/v1/clustersecretstores";
    let conditions = json!([{"namespaces": [world.namespace]}, {"namespaceRegexes": ["team-.*"]}]);
    let unknown = json!({"provider": {"unheardOf": {}}, "conditions": conditions});
    world.create(everywhere, "ClusterSecretStore", "odd", &unknown);
    for (name, reference) in
        [("one", json!({"name": "vault"})), ("two", json!({"name": "vault"})), ("three", json!({"name": "odd", "kind": "ClusterSecretStore"}))]
    {
        let spec =
            json!({"secretStoreRef": reference, "data": [{"secretKey": "a", "remoteRef": {"key": if name == "two" { "gone" } else { "db" }}}]});
        world.create(&world.path("externalsecrets"), "ExternalSecret", name, &spec);
        world.wait(&format!("{}/{name}", world.path("externalsecrets")), if name == "one" { "True" } else { "False" });
    }
    // What nobody here knows and what cannot be right is told.
    world.wait(&format!("{everywhere}/odd"), "False");
    let plain = json!({"provider": {"kubernetes": {"server": {"url": "http://127.0.0.1"}}}});
    world.create(&world.path("secretstores"), "SecretStore", "plain", &plain);
    world.wait(&format!("{}/plain", world.path("secretstores")), "False");
    let good = world.ask("ss/vault");
    assert_eq!((&good["provider"], &good["users"]), (&json!("fake"), &json!("2 ExternalSecrets, 1 of them ready")));
    assert!(good["ready"].as_str().unwrap().starts_with("True (Valid), since 20") && good["message"] == "store validated", "{good}");
    assert_eq!(good["next"], "it is examined again every 2m, and at once when it or a credential changes");
    let bad = world.ask("clustersecretstore/odd");
    assert_eq!(bad["provider"], "unheardOf, which this version does not know");
    assert_eq!(bad["namespaces"], format!("namespaces {}, or namespaces whose whole name matches team-.*", world.namespace));
    assert_eq!(bad["users"], "1 ExternalSecret, 0 of them ready");
    assert!(bad["message"].as_str().unwrap().contains(r#"there is no provider "unheardOf" in this controller"#), "{bad}");
    let plain = world.ask("secretstores/plain");
    assert_eq!((&plain["provider"], &plain["users"]), (&json!("kubernetes"), &json!("no ExternalSecret")));
    assert!(plain["ready"].as_str().unwrap().starts_with("False (InvalidProviderConfig)"), "{plain}");
    assert!(plain["next"].as_str().unwrap().contains("what reads from it waits"), "{plain}");

    let child = json!({"secretStoreRef": {"name": "vault"}, "data": [{"secretKey": "a", "remoteRef": {"key": "db"}}]});
    let fanned = json!({"externalSecretSpec": child, "externalSecretName": "one", "namespaces": [world.namespace]});
    world.create("/apis/external-secrets.io/v1/clusterexternalsecrets", "ClusterExternalSecret", "wide", &fanned);
    world.wait("/apis/external-secrets.io/v1/clusterexternalsecrets/wide", "False");
    let wide = world.ask("ces/wide");
    assert_eq!(wide["failed"], json!([format!("{}: external secret already exists in namespace", world.namespace)]));
    assert_eq!((&wide["made"], &wide["namespaces"]), (&json!("no namespace"), &json!(format!("namespaces {}", world.namespace))));
    assert!(wide["next"].as_str().unwrap().contains("tried again"), "{wide}");
}

fn deployments(namespace: &str) -> String {
    format!("/apis/apps/v1/namespaces/{namespace}/deployments")
}

fn roles(namespace: &str, kind: &str) -> String {
    format!("/apis/rbac.authorization.k8s.io/v1/namespaces/{namespace}/{kind}")
}

/// Makes the Deployment of the other controller as its plain manifest has it; nobody makes Pods of it.
fn deploy(api: &Api, namespace: &str, replicas: u32) {
    let container = json!({"name": "controller", "image": "docker.io/bitnami/sealed-secrets-controller:0.38.4"});
    let labels = json!({ "name": SEAT });
    let template = json!({"metadata": {"labels": labels}, "spec": {"containers": [container]}});
    let deployment = json!({"metadata": {"name": SEAT}, "spec": {"replicas": replicas, "selector": {"matchLabels": labels}, "template": template}});
    api.create(&deployments(namespace), &deployment).unwrap();
}

/// Whether a line that begins so ends so.
fn says(text: &str, what: &str, word: &str) -> bool {
    text.lines().any(|line| line.starts_with(what) && line.ends_with(word))
}

fn migrate() {
    let cluster = Cluster::start().unwrap();
    let (api, terminal) = (cluster.api(), Terminal::new(&cluster));
    cluster.install(&upstream::definition().unwrap());
    let namespace = cluster.namespace("seat");
    let at = |arguments: &[&str]| terminal.run(&[arguments, &["--controller-namespace", &namespace]].concat());
    deploy(&api, &namespace, 1);
    let held = json!({"apiVersion": "bitnami.com/v1alpha1", "kind": "SealedSecret", "metadata": {"name": "held", "finalizers": ["example.com/x"]}, "spec": {"encryptedData": {}}});
    api.create(&sources(&namespace), &held).unwrap();

    let versions = || {
        let roles = api.read(&roles(&namespace, "roles")).unwrap()["items"].clone();
        (api.read(DEFINITION).unwrap()["metadata"]["resourceVersion"].clone(), roles)
    };
    let before = versions();
    let runs = at(&["migrate", "--dry-run"]);
    assert!(runs.status == 6 && runs.error().contains("--replicas=0"), "{}", runs.error());
    assert_eq!(at(&["migrate"]).status, 6, "nothing is done while the other one runs");
    // Its Deployment would keep ours out for ever.
    let seat = format!("{}/{SEAT}", deployments(&namespace));
    api.merge(&seat, &json!({"spec": {"replicas": 0}})).unwrap();
    let stays = at(&["migrate"]);
    assert!(stays.status == 6 && stays.error().contains(&format!("kubectl -n {namespace} delete deployment {SEAT}")), "{}", stays.error());
    assert!(!stays.error().contains("--replicas=0"), "{}", stays.error());
    assert_eq!(versions(), before);

    api.delete(&seat).unwrap();
    let dry = at(&["migrate", "--dry-run"]);
    let text = dry.success();
    for (what, word) in [
        ("definition sealedsecrets", "will be changed"),
        ("Role sealed-secrets-controller-sealer-lease", "will be changed"),
        ("SealedSecrets", "look at it"),
    ] {
        assert!(says(&text, what, word), "{what} in\n{text}");
    }
    assert!(text.contains("1 with finalizers"), "{text}");
    assert_eq!(versions(), before, "a dry run writes nothing");
    at(&["migrate"]).success();
    let user = format!("system:serviceaccount:{namespace}:{SEAT}");
    for (verb, name, allowed) in [("update", "sealer-controller", true), ("update", "another", false)] {
        let attributes = json!({"namespace": namespace, "verb": verb, "group": "coordination.k8s.io", "resource": "leases", "name": name});
        let review =
            json!({"apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview", "spec": {"user": user, "resourceAttributes": attributes}});
        api.wait_for("what it may do to Leases", |api| {
            let answer = api.create("/apis/authorization.k8s.io/v1/subjectaccessreviews", &review).unwrap();
            (answer["status"]["allowed"] == allowed).then_some(())
        });
    }
    let after = at(&["migrate", "--dry-run", "--json"]).success();
    assert!(!after.contains("will be changed"), "{after}");
}

/// Helm takes over no object that it did not make, and what it makes suffices.
fn migrate_and_install() {
    let cluster = Cluster::start().unwrap();
    let (api, terminal) = (cluster.api(), Terminal::new(&cluster));
    cluster.install(&upstream::definition().unwrap());
    let namespace = cluster.namespace("seat");
    let at = |arguments: &[&str]| terminal.run(&[arguments, &["--controller-namespace", &namespace]].concat());
    at(&["migrate"]).success();
    let chart = render(&namespace, &json!({})).unwrap();
    for object in chart.iter().filter(|object| object["kind"] != "CustomResourceDefinition") {
        assert!(api.read(&path(object)).is_err(), "{} is there already", path(object));
    }
    for kind in ["roles", "rolebindings"] {
        api.delete(&format!("{}/{SEAT}-sealer-lease", roles(&namespace, kind))).unwrap();
    }
    api.wait_for("the right to be gone", |_| at(&["migrate", "--dry-run"]).success().contains("may not").then_some(()));
    for object in of(&chart, "Role").chain(of(&chart, "RoleBinding")) {
        api.apply(&path(object), object).unwrap();
    }
    api.wait_for("the chart's right to be seen", |_| says(&at(&["migrate", "--dry-run"]).success(), "right to a Lease", "-").then_some(()));
}

fn migrate_elsewhere() {
    let cluster = Cluster::start().unwrap();
    let (api, terminal) = (cluster.api(), Terminal::new(&cluster));
    cluster.install(&upstream::definition().unwrap());
    let [namespace, other] = ["seat", "other"].map(|purpose| cluster.namespace(purpose));
    deploy(&api, &other, 1);
    let at = |arguments: &[&str]| terminal.run(&[arguments, &["--controller-namespace", &namespace]].concat());
    let lost = at(&["migrate"]);
    assert!(lost.status == 6 && lost.error().contains(&format!("{other}/{SEAT}")), "{}", lost.error());
    assert!(lost.error().contains("--controller-namespace"), "{}", lost.error());
    // Where the Service is that was named, it is one of several.
    let service = json!({"metadata": {"name": SEAT}, "spec": {"ports": [{"port": 8080}]}});
    api.create(&format!("/api/v1/namespaces/{namespace}/services"), &service).unwrap();
    let several = at(&["migrate", "--dry-run"]).success();
    assert!(says(&several, "Sealed Secrets controller", "look at it") && several.contains(&other), "{several}");
}

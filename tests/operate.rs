//! What people run beside the controller: `sealer crds`, `sealer explain`, `sealer migrate`, on a real API server.
#![expect(clippy::unwrap_used, reason = "test code")]

use std::path::PathBuf;
use std::process::ExitCode;

use serde_json::{Value, json};
use tests::cluster::{Cluster, NEEDS};
use tests::controller::{self, Controller, seal, secrets, sources, wait_synced};
use tests::process::{Ended, Home};
use tests::suite::{case, run};
use tests::{sealer, upstream};

const DEFINITION: &str = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/sealedsecrets.bitnami.com";

fn main() -> ExitCode {
    run(vec![
        case("definitions_are_compared_installed_and_updated_without_loss", upstream::NEEDS, definitions),
        case("explain_says_what_was_read_with_which_key_and_what_comes_next", NEEDS, explain),
        case("migrate_says_what_would_change_and_then_does_it", upstream::NEEDS, migrate),
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

fn migrate() {
    let cluster = Cluster::start().unwrap();
    let (api, terminal) = (cluster.api(), Terminal::new(&cluster));
    cluster.install(&upstream::definition().unwrap());
    let namespace = cluster.namespace("seat");
    let at = |arguments: &[&str]| terminal.run(&[arguments, &["--controller-namespace", &namespace]].concat());
    let deployments = format!("/apis/apps/v1/namespaces/{namespace}/deployments");
    let container = json!({"name": "controller", "image": "docker.io/bitnami/sealed-secrets-controller:0.38.4"});
    let labels = json!({"name": "sealed-secrets-controller"});
    let template = json!({"metadata": {"labels": labels}, "spec": {"containers": [container]}});
    let deployment = json!({"metadata": {"name": "sealed-secrets-controller"}, "spec": {"replicas": 1, "selector": {"matchLabels": labels}, "template": template}});
    api.create(&deployments, &deployment).unwrap();
    let held = json!({"apiVersion": "bitnami.com/v1alpha1", "kind": "SealedSecret", "metadata": {"name": "held", "finalizers": ["example.com/x"]}, "spec": {"encryptedData": {}}});
    api.create(&sources(&namespace), &held).unwrap();

    let versions = || {
        let roles = api.read(&format!("/apis/rbac.authorization.k8s.io/v1/namespaces/{namespace}/roles")).unwrap()["items"].clone();
        (api.read(DEFINITION).unwrap()["metadata"]["resourceVersion"].clone(), roles)
    };
    let before = versions();
    let runs = at(&["migrate", "--dry-run"]);
    assert!(runs.status == 6 && runs.error().contains("--replicas=0"), "{}", runs.error());
    assert_eq!(at(&["migrate"]).status, 6, "nothing is done while the other one runs");
    assert_eq!(versions(), before);

    api.merge(&format!("{deployments}/sealed-secrets-controller"), &json!({"spec": {"replicas": 0}})).unwrap();
    let dry = at(&["migrate", "--dry-run"]);
    let text = dry.success();
    for (what, word) in [
        ("definition sealedsecrets", "will be changed"),
        ("Role sealed-secrets-controller-lease", "will be changed"),
        ("SealedSecrets", "look at it"),
    ] {
        assert!(text.lines().any(|line| line.starts_with(what) && line.ends_with(word)), "{what} in\n{text}");
    }
    assert!(text.contains("1 with finalizers"), "{text}");
    assert_eq!(versions(), before, "a dry run writes nothing");
    at(&["migrate"]).success();
    let user = format!("system:serviceaccount:{namespace}:sealed-secrets-controller");
    let attributes = json!({"namespace": namespace, "verb": "update", "group": "coordination.k8s.io", "resource": "leases"});
    let review =
        json!({"apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview", "spec": {"user": user, "resourceAttributes": attributes}});
    api.wait_for("the right to a Lease", |api| {
        let answer = api.create("/apis/authorization.k8s.io/v1/subjectaccessreviews", &review).unwrap();
        (answer["status"]["allowed"] == true).then_some(())
    });
    let after = at(&["migrate", "--dry-run", "--json"]).success();
    assert!(!after.contains("will be changed"), "{after}");
}

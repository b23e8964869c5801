//! The rendered rights are enough for the controller, and no more: it runs as the ServiceAccount that they are bound to, and the API server's audit log
//! tells what it asked for.

use std::collections::BTreeSet;
use std::fs;
use std::sync::OnceLock;

use serde_json::{Value, json};
use tests::cluster::{Api, Cluster, Exposed};
use tests::controller::{self, Controller, data, seal, secrets, sources, wait_synced};
use tests::packaging::{flags, of, only, path, render};
use tests::peers::{self, Missing};
use tests::process::Home;

use super::Outcome;

pub(crate) const NEEDS: &[&str] = &["etcd", "helm", "kube-apiserver"];

pub(crate) const NEEDS_KUBESEAL: &[&str] = &["etcd", "helm", "kube-apiserver", "kubeseal"];

type Test = fn() -> Outcome;

pub(crate) const CASES: &[(&str, Test)] = &[
    ("rights_in_a_whole_cluster_are_enough_and_no_more", whole_cluster),
    ("rights_in_some_namespaces_are_enough_and_no_more", some_namespaces),
    ("rights_without_status_are_enough_and_no_more", without_status),
    ("rights_without_a_look_at_secrets_are_enough_and_no_more", without_a_look),
    ("rights_with_deletions_are_enough_and_no_more", with_deletions),
    ("outside_of_its_namespaces_it_may_do_nothing", nothing_outside),
    ("rights_for_external_secrets_are_enough", external_secrets),
    ("rights_for_other_kinds_are_given_only_if_that_is_asked_for", other_kinds),
];

/// Whatever RBAC could grant for this purpose.
const VERBS: [&str; 8] = ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"];

/// What a controller may be tempted by.
const RESOURCES: [(&str, &str, &str); 14] = [
    ("", "configmaps", ""),
    ("", "events", ""),
    ("", "namespaces", ""),
    ("", "pods", ""),
    ("", "pods", "exec"),
    ("", "secrets", ""),
    ("", "serviceaccounts", "token"),
    ("", "services", "proxy"),
    ("apiextensions.k8s.io", "customresourcedefinitions", ""),
    ("apps", "deployments", ""),
    ("bitnami.com", "sealedsecrets", ""),
    ("bitnami.com", "sealedsecrets", "status"),
    ("coordination.k8s.io", "leases", ""),
    ("rbac.authorization.k8s.io", "roles", ""),
];

/// A right: what, and verb.
type Rights = BTreeSet<(String, String)>;

/// A cluster that notes who asks for what.
pub(crate) fn cluster() -> &'static Cluster {
    static CLUSTER: OnceLock<Cluster> = OnceLock::new();
    CLUSTER.get_or_init(|| {
        let cluster = Cluster::start_with(audit).unwrap();
        controller::install(&cluster);
        cluster
    })
}

fn audit(home: &Home) -> Vec<String> {
    let rules = json!([{"level": "Metadata", "userGroups": ["system:serviceaccounts"]}, {"level": "None"}]);
    let policy = json!({"apiVersion": "audit.k8s.io/v1", "kind": "Policy", "omitStages": ["RequestReceived"], "rules": rules});
    let policy = home.write("audit.yaml", policy.to_string());
    vec![format!("--audit-policy-file={}", policy.display()), format!("--audit-log-path={}", home.path().join("audit.log").display())]
}

/// What a release holds of rights, installed under names of its own.
pub(crate) struct Release {
    pub(crate) api: Api,
    pub(crate) own: String,
    pub(crate) token: String,
    watched: String,
    objects: Vec<Value>,
    account: String,
}

impl Release {
    /// Installs it. `values` is given the namespace to look at beside the own one.
    pub(crate) fn install(cluster: &Cluster, values: impl FnOnce(&str) -> Value) -> Result<Self, Missing> {
        let api = cluster.api();
        let (own, watched) = (cluster.namespace("own"), cluster.namespace("watched"));
        let mut values = values(&watched);
        // Many releases share the server: each has names of its own, and sees its own objects only.
        values["fullnameOverride"] = json!(own);
        values["rbac"]["clusterRoleName"] = json!(own);
        values["labelSelector"] = json!(format!("release={own}"));
        let objects = render(&own, &values)?;
        for kind in ["ServiceAccount", "ClusterRole", "ClusterRoleBinding", "Role", "RoleBinding"] {
            for object in of(&objects, kind) {
                api.create(path(object).rsplit_once('/').unwrap().0, object).unwrap();
            }
        }
        let account = only(&objects, "ServiceAccount");
        let token = token(&api, &path(account));
        let account = format!("system:serviceaccount:{own}:{}", account["metadata"]["name"].as_str().unwrap());
        Ok(Self { api, own, token, watched, objects, account })
    }

    /// The flags that a Pod would have; the addresses are for the test to choose.
    pub(crate) fn flags(&self) -> Vec<String> {
        flags(&self.objects).into_iter().filter(|flag| !flag.starts_with("--listen-")).collect()
    }

    /// Starts a controller that may do what the release may, and nothing else.
    fn start(&self, cluster: &Cluster) -> Controller {
        let kubeconfig = cluster.kubeconfig_of(&self.own, &self.token);
        let mut arguments = vec![format!("--kubeconfig={}", kubeconfig.display())];
        arguments.extend(self.flags());
        let mut controller = Controller::launch_bare(&self.own, &arguments.iter().map(String::as_str).collect::<Vec<_>>());
        controller.wait_until_ready();
        controller
    }

    fn has(&self, flag: &str) -> bool {
        flags(&self.objects).iter().any(|found| found == flag)
    }

    /// An object goes through all that may become of it.
    pub(crate) fn exercise(&self, certificate: &str) {
        let (api, namespace) = (&self.api, &self.watched);
        let mut sealed = seal(certificate, namespace, "db", &[("user", "shop"), ("password", "dummy")]);
        sealed["metadata"]["labels"] = json!({"release": self.own});
        let source = format!("{}/db", sources(namespace));
        let made = |api: &Api, user: &str| data(api, namespace, "db").filter(|data| data["user"] == user).map(drop);
        api.create(&sources(namespace), &sealed).unwrap();
        api.wait_for("the Secret", |api| made(api, "shop"));
        if self.has("--skip-recreate=false") {
            api.merge(&format!("{}/db", secrets(namespace)), &json!({"data": {"user": "Zm9yZWlnbg=="}})).unwrap();
            api.wait_for("the Secret to be healed", |api| made(api, "shop"));
        }
        let spec = sealed["spec"].clone();
        api.merge(&source, &json!({"spec": {"template": {"metadata": {"labels": {"a": "b"}}}}})).unwrap();
        let labels = |api: &Api| api.read(&format!("{}/db", secrets(namespace))).unwrap()["metadata"]["labels"]["a"] == "b";
        api.wait_for("the label", |api| labels(api).then_some(()));
        if self.has("--update-status=true") {
            wait_synced(api, namespace, "db", true);
            api.merge(&source, &json!({"spec": {"encryptedData": {"user": "AgBkdW1teQ=="}}})).unwrap();
            wait_synced(api, namespace, "db", false);
            api.merge(&source, &json!({"spec": {"encryptedData": spec["encryptedData"]}})).unwrap();
            wait_synced(api, namespace, "db", true);
        }
        if self.has("--old-gc-behavior=true") {
            api.delete(&source).unwrap();
            api.wait_for("the Secret to be gone", |api| data(api, namespace, "db").is_none().then_some(()));
        }
    }

    /// What it has asked for so far, and whether it was allowed to.
    fn asked(&self, cluster: &Cluster, decision: &str) -> Rights {
        let log = fs::read_to_string(cluster.folder().join("audit.log")).unwrap_or_default();
        let entries = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        let own = entries.filter(|entry| entry["user"]["username"] == self.account.as_str());
        let decided = own.filter(|entry| entry["annotations"]["authorization.k8s.io/decision"] == decision && entry["objectRef"].is_object());
        decided.map(|entry| (what(&entry["objectRef"]["resource"], &entry["objectRef"]["subresource"]), text(&entry["verb"]))).collect()
    }

    /// What its roles grant.
    fn granted(&self) -> Rights {
        let bound = |role: &Value| !text(&role["metadata"]["name"]).ends_with("-service-proxier");
        let roles = of(&self.objects, "ClusterRole").chain(of(&self.objects, "Role")).filter(|role| bound(role));
        let rules = roles.flat_map(|role| role["rules"].as_array().unwrap());
        let items = |value: &Value| value.as_array().unwrap().iter().map(text).collect::<Vec<_>>();
        rules
            .flat_map(|rule| {
                items(&rule["resources"]).into_iter().flat_map(move |it| items(&rule["verbs"]).into_iter().map(move |verb| (it.clone(), verb)))
            })
            .collect()
    }

    /// What the server would let it do in a namespace, of all verbs and tempting resources.
    fn may(&self, namespace: &str) -> Rights {
        let grid = RESOURCES.iter().flat_map(|resource| VERBS.map(|verb| (resource, verb)));
        let allowed = grid.filter(|((group, resource, sub), verb)| {
            let attributes = json!({"namespace": namespace, "verb": verb, "group": group, "resource": resource, "subresource": sub});
            let groups = ["system:serviceaccounts", "system:authenticated"];
            let review = json!({"spec": {"user": self.account, "groups": groups, "resourceAttributes": attributes}});
            self.api.create("/apis/authorization.k8s.io/v1/subjectaccessreviews", &review).unwrap()["status"]["allowed"] == true
        });
        allowed.map(|((_, resource, sub), verb)| (what(&json!(resource), &json!(sub)), verb.to_owned())).collect()
    }
}

/// A token of the ServiceAccount at `path`, from the server.
fn token(api: &Api, path: &str) -> String {
    let request = json!({"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {"expirationSeconds": 3600}});
    text(&api.create(&format!("{path}/token"), &request).unwrap()["status"]["token"])
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn what(resource: &Value, sub: &Value) -> String {
    format!("{}/{}", text(resource), text(sub)).trim_end_matches('/').to_owned()
}

/// `secrets: get list; events: create` as rights.
fn rights(told: &str) -> Rights {
    let parts = told.split("; ").filter_map(|part| part.split_once(": "));
    parts.flat_map(|(what, verbs)| verbs.split(' ').map(move |verb| (what.to_owned(), verb.to_owned()))).collect()
}

/// Runs a release, and holds what it asked for against what was granted; `told` is what the server must let it do in the watched namespace, `idle` what it
/// has no occasion for.
fn check_but(idle: &str, values: impl FnOnce(&str) -> Value, told: &str) -> Outcome {
    let cluster = cluster();
    let release = Release::install(cluster, values)?;
    let controller = release.start(cluster);
    release.exercise(&controller.certificate());
    let renewed = ("leases".to_owned(), "update".to_owned());
    release.api.wait_for("the Lease to be renewed", |_| release.asked(cluster, "allow").contains(&renewed).then_some(()));
    assert_eq!(release.asked(cluster, "forbid"), Rights::new(), "denied: {}", controller.log());
    let used = &release.asked(cluster, "allow") | &rights(idle);
    assert_eq!(used, release.granted(), "what was used, and what was granted");
    assert_eq!(release.may(&release.watched), rights(told));
    Ok(())
}

fn check(values: impl FnOnce(&str) -> Value, told: &str) -> Outcome {
    check_but("", values, told)
}

fn whole_cluster() -> Outcome {
    check(|_| json!({}), "sealedsecrets: get list watch; sealedsecrets/status: update; secrets: create get list update watch; events: create")
}

fn some_namespaces() -> Outcome {
    let told = "sealedsecrets: get list watch; sealedsecrets/status: update; secrets: create get list update watch; events: create";
    check(|watched| json!({"rbac": {"clusterRole": false}, "additionalNamespaces": [watched]}), told)
}

fn without_status() -> Outcome {
    check(|_| json!({"updateStatus": false}), "sealedsecrets: get list watch; secrets: create get list update watch; events: create")
}

fn without_a_look() -> Outcome {
    let told = "sealedsecrets: get list watch; sealedsecrets/status: update; secrets: create get update; events: create";
    // One object is read again only after a failure or a conflict.
    check_but("sealedsecrets: get", |_| json!({"skipRecreate": true}), told)
}

fn with_deletions() -> Outcome {
    let told = "sealedsecrets: get list watch; sealedsecrets/status: update; secrets: create delete get list update watch; events: create";
    check(|_| json!({"oldGCBehavior": true}), told)
}

/// An ExternalSecret of a store, with a template in a ConfigMap, goes through its life, in some namespaces and in a whole cluster.
fn external_secrets() -> Outcome {
    let cluster = cluster();
    for everywhere in [false, true] {
        let values = |watched: &str| {
            if everywhere {
                json!({"externalSecrets": true})
            } else {
                json!({"externalSecrets": true, "rbac": {"clusterRole": false}, "additionalNamespaces": [watched]})
            }
        };
        let release = Release::install(cluster, values)?;
        let controller = release.start(cluster);
        let (api, namespace) = (&release.api, release.watched.as_str());
        let path = |kind: &str| format!("/apis/external-secrets.io/v1/namespaces/{namespace}/{kind}");
        let map = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "form"}, "data": {"file": "u={{ .user }}"}});
        api.create(&format!("/api/v1/namespaces/{namespace}/configmaps"), &map).unwrap();
        let spec = json!({"provider": {"fake": {"data": [{"key": "user", "value": "admin"}]}}});
        api.create(
            &path("secretstores"),
            &json!({"apiVersion": "external-secrets.io/v1", "kind": "SecretStore", "metadata": {"name": "store"}, "spec": spec}),
        )
        .unwrap();
        let spec = json!({
            "secretStoreRef": {"name": "store"},
            "data": [{"secretKey": "user", "remoteRef": {"key": "user"}}],
            "target": {"deletionPolicy": "Delete", "template": {"templateFrom": [{"configMap": {"name": "form", "items": [{"key": "file"}]}}]}},
        });
        let object = json!({"apiVersion": "external-secrets.io/v1", "kind": "ExternalSecret", "metadata": {"name": "app"}, "spec": spec});
        api.create(&path("externalsecrets"), &object).unwrap();
        api.wait_for("the Secret", |api| data(api, namespace, "app").filter(|data| data["file"] == "u=admin"));
        let finalizer = json!({"metadata": {"finalizers": [engine::external::marks::FINALIZER]}});
        api.merge(&format!("{}/app", path("externalsecrets")), &finalizer).unwrap();
        api.delete(&format!("{}/app", path("externalsecrets"))).unwrap();
        api.wait_for("the Secret to go", |api| data(api, namespace, "app").is_none().then_some(()));
        assert_eq!(release.asked(cluster, "forbid"), Rights::new(), "denied: {}", controller.log());
    }
    Ok(())
}

/// An ExternalSecret becomes a ConfigMap where the chart allows it, and no right to write one comes before that.
fn other_kinds() -> Outcome {
    let cluster = cluster();
    let values = |watched: &str| {
        let resources = json!([{"apiGroup": "example.com", "resources": ["apps"], "verbs": ["get", "list", "watch", "create", "update"]}]);
        let kinds = json!({"enabled": true, "resources": resources});
        json!({"externalSecrets": true, "genericTargets": kinds, "rbac": {"clusterRole": false}, "additionalNamespaces": [watched]})
    };
    let release = Release::install(cluster, values)?;
    let controller = release.start(cluster);
    let (api, namespace) = (&release.api, release.watched.as_str());
    let path = |kind: &str| format!("/apis/external-secrets.io/v1/namespaces/{namespace}/{kind}");
    let spec = json!({"provider": {"fake": {"data": [{"key": "user", "value": "admin"}]}}});
    let store = json!({"apiVersion": "external-secrets.io/v1", "kind": "SecretStore", "metadata": {"name": "store"}, "spec": spec});
    api.create(&path("secretstores"), &store).unwrap();
    let target = json!({"manifest": {"apiVersion": "v1", "kind": "ConfigMap"}, "deletionPolicy": "Delete"});
    let spec = json!({"secretStoreRef": {"name": "store"}, "data": [{"secretKey": "user", "remoteRef": {"key": "user"}}], "target": target});
    let object = json!({"apiVersion": "external-secrets.io/v1", "kind": "ExternalSecret", "metadata": {"name": "app"}, "spec": spec});
    api.create(&path("externalsecrets"), &object).unwrap();
    let map = format!("/api/v1/namespaces/{namespace}/configmaps/app");
    let holds = |user: &str| api.read(&map).is_ok_and(|map| map["data"]["user"] == user);
    api.wait_for("the ConfigMap", |_| holds("admin").then_some(()));
    api.merge(&map, &json!({"data": {"user": "mallory"}})).unwrap();
    api.wait_for("the ConfigMap to be healed", |_| holds("admin").then_some(()));
    let empty = json!({"spec": {"provider": {"fake": {"data": [{"key": "other", "value": "x"}]}}}});
    api.merge(&format!("{}/store", path("secretstores")), &empty).unwrap();
    api.wait_for("the ConfigMap to go", |api| api.read(&map).is_err().then_some(()));
    assert_eq!(release.asked(cluster, "forbid"), Rights::new(), "denied: {}", controller.log());
    let custom = |rights: &Rights| rights.iter().filter(|(what, _)| what == "apps").map(|(_, verb)| verb.clone()).collect::<BTreeSet<_>>();
    assert_eq!(custom(&release.granted()), ["create", "get", "list", "update", "watch"].map(str::to_owned).into());

    let closed =
        Release::install(cluster, |watched| json!({"externalSecrets": true, "rbac": {"clusterRole": false}, "additionalNamespaces": [watched]}))?;
    let writes =
        |rights: &Rights| rights.iter().any(|(what, verb)| what == "configmaps" && ["create", "update", "delete", "patch"].contains(&verb.as_str()));
    assert!(writes(&release.granted()) && !writes(&closed.granted()) && custom(&closed.granted()).is_empty());
    assert!(!closed.flags().iter().any(|flag| flag.contains("generic-targets")));
    Ok(())
}

fn nothing_outside() -> Outcome {
    let cluster = cluster();
    let release = Release::install(cluster, |watched| json!({"rbac": {"clusterRole": false}, "additionalNamespaces": [watched]}))?;
    assert_eq!(release.may(&cluster.namespace("other")), Rights::new());
    assert_eq!(release.may(""), Rights::new(), "in all namespaces at once");
    let own = "sealedsecrets: get list watch; sealedsecrets/status: update; secrets: create get list update watch; events: create; leases: create";
    assert_eq!(release.may(&release.own), rights(own));
    assert!(of(&release.objects, "ClusterRole").chain(of(&release.objects, "ClusterRoleBinding")).next().is_none());
    Ok(())
}

/// Fetches the certificate with kubeseal, as somebody who has signed in and has no other right.
fn fetch(proxier: Value) -> Result<Result<String, String>, Missing> {
    let cluster = cluster();
    let release = Release::install(cluster, |_| json!({"rbac": {"serviceProxier": proxier}}))?;
    let controller = release.start(cluster);
    let own = release.own.as_str();
    cluster.expose(Exposed { namespace: own, name: own, port_name: "http", port: controller.port() });
    let visitors = format!("/api/v1/namespaces/{}/serviceaccounts", release.watched);
    release.api.create(&visitors, &json!({"metadata": {"name": "visitor"}})).unwrap();
    let kubeconfig = cluster.kubeconfig_of(&format!("{own}-visitor"), &token(&release.api, &format!("{visitors}/visitor")));
    let home = Home::new();
    let kubeseal = home.command(peers::get("kubeseal")?).arg("--fetch-cert").arg("--kubeconfig").arg(kubeconfig);
    let ended = kubeseal.args(["--controller-name", own, "--controller-namespace", own]).run();
    assert!(ended.status != 0 || ended.text() == controller.certificate(), "{}", ended.text());
    Ok(if ended.status == 0 { Ok(ended.text()) } else { Err(ended.error()) })
}

pub(crate) fn proxied() -> Outcome {
    let said = fetch(json!({}))?.unwrap();
    assert!(said.starts_with("-----BEGIN CERTIFICATE-----"), "{said}");
    let refused = fetch(json!({"bind": false}))?.unwrap_err();
    assert!(refused.contains("forbidden"), "{refused}");
    let others = fetch(json!({"subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "Group", "name": "sealers"}]}))?.unwrap_err();
    assert!(others.contains("forbidden"), "{others}");
    Ok(())
}

/// The metrics of a controller that has seen good and bad.
pub(crate) fn busy_metrics() -> Result<String, Missing> {
    let release = Release::install(cluster(), |_| json!({}))?;
    let controller = release.start(cluster());
    release.exercise(&controller.certificate());
    Ok(controller.metrics())
}

//! Secrets of a cluster, beside a real API server.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use providers::provider::{Answer, Capabilities, Lookup, Reference, Scope, Search, Validity};
use providers::{Error, ErrorKind, Reach, Result};
use rcgen::{BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair};
use serde_json::{Value, json};
use tests::access::{NAMESPACE, TestAccess};
use tests::cluster::{Cluster, NEEDS};
use tests::stub::{Reply, Stub};
use tests::suite::{Case, case};

use super::conformance::{CANARY, connected, named, run, told};

/// The namespace that Secrets are read in.
const REMOTE: &str = "remote";

/// A case and its name.
type Named = (&'static str, fn(&World));

const CASES: &[Named] = &[
    ("a_service_account_signs_in", a_service_account_signs_in),
    ("a_token_that_is_refused_or_old_is_renewed", a_token_that_is_refused_or_old_is_renewed),
    ("a_certificate_signs_in", a_certificate_signs_in),
    ("a_kubeconfig_says_where_and_who", a_kubeconfig_says_where_and_who),
    ("what_is_not_allowed_is_denied", what_is_not_allowed_is_denied),
    ("secrets_are_found_by_label_and_by_name", secrets_are_found_by_label_and_by_name),
    ("metadata_are_labels_and_annotations", metadata_are_labels_and_annotations),
    ("a_store_asks_what_it_may", a_store_asks_what_it_may),
    ("a_cluster_store_acts_for_its_consumer", a_cluster_store_acts_for_its_consumer),
    ("our_own_api_server_may_be_named", our_own_api_server_may_be_named),
];

pub(crate) fn cases() -> Vec<Case> {
    let shared = Arc::new(OnceLock::new());
    let mut cases: Vec<Case> = CASES
        .iter()
        .map(|(name, run)| {
            let shared = Arc::clone(&shared);
            case(format!("kubernetes::{name}"), NEEDS, move || run(shared.get_or_init(World::start)))
        })
        .collect();
    cases.push(case("kubernetes::another_page_that_is_missing_says_nothing_of_secrets", &[], another_page_that_is_missing_says_nothing_of_secrets));
    cases.push(case("kubernetes::a_list_without_end_is_given_up", &[], a_list_without_end_is_given_up));
    cases
}

/// A cluster with Secrets, a service account that may read them, and a certificate that may too.
struct World {
    cluster: Arc<Cluster>,
    certificate: String,
    key: String,
}

impl World {
    fn start() -> Self {
        let mut authority = CertificateParams::default();
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        authority.distinguished_name.push(DnType::CommonName, "clients");
        let authority_key = KeyPair::generate().expect("a key can be made");
        let authority_pem = authority.self_signed(&authority_key).expect("a certificate can be made").pem();
        let mut client = CertificateParams::default();
        client.distinguished_name.push(DnType::CommonName, "visitor");
        client.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        let key = KeyPair::generate().expect("a key can be made");
        let certificate = client.signed_by(&key, &Issuer::new(authority, authority_key)).expect("a certificate can be made").pem();
        let cluster = Cluster::start_with(|home| vec![format!("--client-ca-file={}", home.write("clients.crt", authority_pem).display())]);
        let cluster = cluster.unwrap_or_else(|missing| panic!("{missing}"));
        let api = cluster.api();
        for namespace in [REMOTE, NAMESPACE, "closed"] {
            api.create("/api/v1/namespaces", &json!({"metadata": {"name": namespace}})).expect("a namespace");
        }
        for account in ["reader", "stranger"] {
            let path = format!("/api/v1/namespaces/{NAMESPACE}/serviceaccounts");
            api.create(&path, &json!({"metadata": {"name": account}})).expect("an account");
        }
        let rbac = format!("/apis/rbac.authorization.k8s.io/v1/namespaces/{REMOTE}");
        let rule = json!({"apiGroups": [""], "resources": ["secrets"], "verbs": ["get", "list"]});
        api.create(&format!("{rbac}/roles"), &json!({"metadata": {"name": "read"}, "rules": [rule]})).expect("a role");
        let subjects = json!([{"kind": "ServiceAccount", "name": "reader", "namespace": NAMESPACE}, {"kind": "User", "name": "visitor"}]);
        let binding = json!({"metadata": {"name": "read"}, "roleRef": {"kind": "Role", "name": "read"}, "subjects": subjects});
        api.create(&format!("{rbac}/rolebindings"), &binding).expect("a binding");
        for (name, tier, data) in [
            ("app", "web", json!({"password": STANDARD.encode(CANARY), "tls.crt": STANDARD.encode("x"), "user": STANDARD.encode("shop")})),
            ("binary", "db", json!({"b": STANDARD.encode(b"<\xff\xfe>"), "a": "", "json": STANDARD.encode(r#"{"a": {"b": "deep"}}"#)})),
            ("empty", "web", Value::Null),
        ] {
            let metadata = json!({"name": name, "labels": {"tier": tier, "team.example/x": "a"}, "annotations": {"note": "a\"b"}});
            api.create(&format!("/api/v1/namespaces/{REMOTE}/secrets"), &json!({ "metadata": metadata, "data": data })).expect("a Secret");
        }
        for at in 0..45 {
            let secret = json!({"metadata": {"name": format!("many-{at:02}")}, "data": {"n": STANDARD.encode(at.to_string())}});
            api.create(&format!("/api/v1/namespaces/{REMOTE}/secrets"), &secret).expect("a Secret");
        }
        Self { cluster: Arc::new(cluster), certificate, key: key.serialize_pem() }
    }

    fn server(&self) -> String {
        format!("https://127.0.0.1:{}", self.cluster.port())
    }

    fn authority(&self) -> String {
        STANDARD.encode(std::fs::read(self.cluster.ca()).expect("the certificate of the API server"))
    }

    fn settings(&self, auth: &Value) -> Value {
        json!({"server": {"url": self.server(), "caBundle": self.authority()}, "auth": auth, "remoteNamespace": REMOTE})
    }

    /// What a store may use: tokens are those that the API server gives.
    fn access(&self, scope: Scope) -> TestAccess {
        let cluster = Arc::clone(&self.cluster);
        TestAccess::of(scope).with_tokens(move |namespace, name, audiences, seconds| {
            let path = format!("/api/v1/namespaces/{namespace}/serviceaccounts/{name}/token");
            let ask = json!({"spec": {"audiences": audiences, "expirationSeconds": seconds}});
            let cluster = Arc::clone(&cluster);
            // The client here has a runtime of its own, which cannot start within another.
            let answer = thread::spawn(move || cluster.api().create(&path, &ask)).join().expect("the request ends");
            let answer = answer.map_err(|_| Error::denied("ask for a token: the API server gives none"))?;
            Ok(answer["status"]["token"].as_str().expect("a token").as_bytes().to_vec())
        })
    }

    async fn store(&self, auth: &Value) -> Result<Capabilities> {
        connected("kubernetes", &self.settings(auth), Arc::new(self.access(Scope::Namespace))).await
    }

    async fn reader(&self) -> Capabilities {
        self.store(&json!({"serviceAccount": {"name": "reader"}})).await.expect("a store")
    }
}

async fn get(capabilities: &Capabilities, name: &str) -> Result<Option<Answer>> {
    capabilities.source.as_ref().expect("a source").read(&named(name)).await.inspect_err(|error| {
        told(error);
    })
}

#[track_caller]
fn is_app(answer: Result<Option<Answer>>) {
    let Some(Answer::Fields(fields)) = answer.expect("an answer") else { panic!("fields") };
    let told: Vec<(&str, &[u8])> = fields.iter().map(|(name, value)| (name.as_str(), value.expose())).collect();
    assert_eq!(told, [("password", CANARY.as_bytes()), ("tls.crt", b"x"), ("user", b"shop")]);
}

fn a_service_account_signs_in(world: &World) {
    run(async {
        let access = Arc::new(world.access(Scope::Namespace));
        let settings = world.settings(&json!({"serviceAccount": {"name": "reader"}}));
        let store = connected("kubernetes", &settings, Arc::<TestAccess>::clone(&access)).await.expect("a store");
        assert_eq!(store.source.as_ref().expect("a source").lookup(), Lookup::ExactThenFirstDot);
        is_app(get(&store, "app").await);
        assert!(get(&store, "nothing").await.expect("an answer").is_none());
        let Some(Answer::Fields(empty)) = get(&store, "empty").await.expect("an answer") else { panic!("fields") };
        assert!(empty.is_empty());
        let error = get(&store, "../../nodes").await.expect_err("no name");
        assert_eq!((error.kind(), told(&error).as_str()), (ErrorKind::Invalid, "read a Secret of namespace remote: the key is no name of one"));
        assert_eq!(access.asked_tokens(), ["team-a/reader  3600"]);
    });
}

fn a_token_that_is_refused_or_old_is_renewed(world: &World) {
    run(async {
        let access = Arc::new(world.access(Scope::Namespace));
        let settings = world.settings(&json!({"serviceAccount": {"name": "reader"}}));
        let store = connected("kubernetes", &settings, Arc::<TestAccess>::clone(&access)).await.expect("a store");
        is_app(get(&store, "app").await);
        access.advance(Duration::from_secs(2_800));
        is_app(get(&store, "app").await);
        assert_eq!(access.asked_tokens().len(), 1);
        access.advance(Duration::from_secs(200));
        is_app(get(&store, "app").await);
        assert_eq!(access.asked_tokens().len(), 2);
        // A token for somebody else is refused, asked for once more, and then given up.
        let audience = world.settings(&json!({"serviceAccount": {"name": "reader", "audiences": ["elsewhere"]}}));
        let store = connected("kubernetes", &audience, Arc::<TestAccess>::clone(&access)).await.expect("a store");
        let error = get(&store, "app").await.expect_err("another audience");
        assert_eq!(error.kind(), ErrorKind::Denied, "{error}");
        assert_eq!(access.asked_tokens().split_off(2), ["team-a/reader elsewhere 3600"; 2]);
    });
}

fn a_certificate_signs_in(world: &World) {
    let access = world.access(Scope::Namespace).with_secret("visitor", "crt", &world.certificate).with_secret("visitor", "key", &world.key);
    let cert = json!({"clientCert": {"name": "visitor", "key": "crt"}, "clientKey": {"name": "visitor", "key": "key"}});
    let store = run(connected("kubernetes", &world.settings(&json!({ "cert": cert })), Arc::new(access))).expect("a store");
    is_app(run(get(&store, "app")));
    let access = TestAccess::new().with_secret("visitor", "crt", &world.certificate).with_secret("visitor", "key", CANARY);
    let error = run(connected("kubernetes", &world.settings(&json!({ "cert": cert })), Arc::new(access))).err().expect("no key");
    assert_eq!(error.kind(), ErrorKind::Invalid, "{}", told(&error));
}

fn a_kubeconfig_says_where_and_who(world: &World) {
    let encode = |text: &str| STANDARD.encode(text);
    let cluster = json!({"server": world.server(), "certificate-authority-data": world.authority()});
    let kubeconfig = |user: &Value| {
        let context = json!({"name": "c", "context": {"cluster": "k", "user": "u"}});
        json!({
            "apiVersion": "v1", "kind": "Config", "current-context": "c", "contexts": [context],
            "clusters": [{"name": "k", "cluster": cluster}], "users": [{"name": "u", "user": user}],
        })
        .to_string()
    };
    let read = |user: &Value| {
        let settings = json!({"authRef": {"name": "cluster", "key": "kubeconfig"}, "remoteNamespace": REMOTE, "server": {"url": "https://ignored"}});
        let access = world.access(Scope::Namespace).with_secret("cluster", "kubeconfig", kubeconfig(user));
        run(async { get(&connected("kubernetes", &settings, Arc::new(access)).await?, "app").await })
    };
    is_app(read(&json!({"token": world.cluster.token()})));
    is_app(read(&json!({"client-certificate-data": encode(&world.certificate), "client-key-data": encode(&world.key)})));
    let error = read(&json!({"exec": {"command": CANARY}})).expect_err("no program is started");
    assert!(told(&error).ends_with("has the field exec, which is not obeyed here"), "{error}");
    assert_eq!(read(&json!({"token": CANARY})).expect_err("no token of anybody").kind(), ErrorKind::Denied);
    assert_eq!(read(&json!({})).expect_err("nobody").kind(), ErrorKind::Denied);
}

fn what_is_not_allowed_is_denied(world: &World) {
    run(async {
        let stranger = world.store(&json!({"serviceAccount": {"name": "stranger"}})).await.expect("a store");
        for answer in [get(&stranger, "app").await, get(&stranger, "nothing").await] {
            let error = answer.expect_err("it is forbidden");
            assert_eq!(error.kind(), ErrorKind::Denied);
            assert!(told(&error).ends_with("the API server forbids it to whom the store signs in as"), "{error}");
        }
        let error = stranger.catalog.expect("a catalog").find(&Search::default()).await.expect_err("it is forbidden");
        assert_eq!(error.kind(), ErrorKind::Denied);
        let mut elsewhere = world.settings(&json!({"serviceAccount": {"name": "reader"}}));
        elsewhere["remoteNamespace"] = json!("closed");
        let reader = connected("kubernetes", &elsewhere, Arc::new(world.access(Scope::Namespace))).await.expect("a store");
        assert_eq!(get(&reader, "app").await.expect_err("another namespace").kind(), ErrorKind::Denied);
        let nobody = world.store(&json!({"serviceAccount": {"name": "nobody"}})).await.expect("a store");
        assert_eq!(get(&nobody, "app").await.expect_err("there is no such account").kind(), ErrorKind::Denied);
    });
}

fn secrets_are_found_by_label_and_by_name(world: &World) {
    run(async {
        let catalog = world.reader().await.catalog.expect("a catalog");
        let find = async |tags: &[(&str, &str)], prefix: &'static str| {
            let tags = tags.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
            let search = Search { matches: Some(Arc::new(move |name: &str| name.starts_with(prefix))), tags, ..Search::default() };
            let found = catalog.find(&search).await?;
            let text = |value: &keys::SecretBytes| String::from_utf8_lossy(value.expose()).into_owned();
            Ok::<_, Error>(found.iter().map(|(name, value)| (name.clone(), text(value))).collect::<BTreeMap<String, String>>())
        };
        let app = r#"{"password":"hunter2","tls.crt":"x","user":"shop"}"#.to_owned();
        let web = find(&[("tier", "web"), ("team.example/x", "a")], "").await.expect("an answer");
        assert_eq!(web, BTreeMap::from([("app".to_owned(), app), ("empty".to_owned(), "{}".to_owned())]));
        assert_eq!(find(&[("tier", "web")], "e").await.expect("an answer").len(), 1);
        let binary = find(&[("tier", "db")], "").await.expect("an answer");
        assert_eq!(binary["binary"], r#"{"a":"","b":"<\ufffd\ufffd>","json":"{\"a\": {\"b\": \"deep\"}}"}"#);
        // More than two pages.
        assert_eq!(find(&[], "many-").await.expect("an answer").len(), 45);
        assert!(find(&[("tier", "none")], "").await.expect("an answer").is_empty());
        // What no label can be could select something else.
        for tag in [("tier", "web,team.example/x!=a"), ("tier!=web,tier", "web"), ("", "web")] {
            let error = find(&[tag], "").await.expect_err("no label");
            assert_eq!((error.kind(), told(&error).as_str()), (ErrorKind::Invalid, "find Secrets in namespace remote: a tag is no label"));
        }
    });
}

fn metadata_are_labels_and_annotations(world: &World) {
    let source = run(world.reader()).source.expect("a source");
    let read = |name: &str| {
        let Some(Answer::Value(value)) = run(source.read(&Reference { metadata: true, ..named(name) })).expect("an answer") else {
            panic!("a value")
        };
        String::from_utf8_lossy(value.expose()).into_owned()
    };
    assert_eq!(read("app"), r#"{"annotations":{"note":"a\"b"},"labels":{"team.example/x":"a","tier":"web"}}"#);
    assert_eq!(read("many-00"), r#"{"annotations":null,"labels":null}"#);
}

fn a_store_asks_what_it_may(world: &World) {
    let validity = |auth: Value| run(async { world.store(&auth).await?.source.expect("a source").validate().await });
    assert_eq!(validity(json!({"serviceAccount": {"name": "reader"}})).expect("an answer"), Validity::Valid);
    let error = validity(json!({"serviceAccount": {"name": "stranger"}})).expect_err("it may not");
    assert_eq!(
        (error.kind(), told(&error).as_str()),
        (ErrorKind::Denied, "read Secrets of namespace remote: the API server says that whom the store signs in as may not")
    );
    // Credentials that have expired are no valid store.
    let settings = world.settings(&json!({"token": {"bearerToken": {"name": "t", "key": "k"}}}));
    let access = Arc::new(world.access(Scope::Namespace).with_secret("t", "k", CANARY));
    let error = run(async { connected("kubernetes", &settings, access).await?.source.expect("a source").validate().await }).expect_err("nobody");
    assert!(error.kind() == ErrorKind::Denied && told(&error).contains("have expired"), "{error}");
    // Who may not even ask is not known to be unwelcome.
    let stub = Stub::start();
    stub.play(|_| Reply::new(403, json!({"kind": "Status", "reason": "Forbidden"})));
    let settings = json!({"server": {"url": stub.url()}});
    let unknown = run(async { connected("kubernetes", &settings, Arc::new(TestAccess::new())).await?.source.expect("a source").validate().await });
    assert_eq!(unknown.expect("an answer"), Validity::Unknown);
}

fn a_cluster_store_acts_for_its_consumer(world: &World) {
    run(async {
        // Without a namespace the account is one of the consumer's.
        let access = Arc::new(world.access(Scope::Cluster));
        let settings = world.settings(&json!({"serviceAccount": {"name": "reader"}}));
        let store = connected("kubernetes", &settings, Arc::<TestAccess>::clone(&access)).await.expect("a store");
        assert_eq!(store.source.as_ref().expect("a source").validate().await.expect("an answer"), Validity::Unknown);
        is_app(get(&store, "app").await);
        // With one it is that one's, and the store can be examined.
        let named = world.settings(&json!({"serviceAccount": {"name": "reader", "namespace": NAMESPACE}}));
        let store = connected("kubernetes", &named, Arc::<TestAccess>::clone(&access)).await.expect("a store");
        assert_eq!(store.source.as_ref().expect("a source").validate().await.expect("an answer"), Validity::Valid);
        let other = world.settings(&json!({"serviceAccount": {"name": "reader", "namespace": REMOTE}}));
        let store = connected("kubernetes", &other, Arc::<TestAccess>::clone(&access)).await.expect("a store");
        assert_eq!(get(&store, "app").await.expect_err("no such account").kind(), ErrorKind::Denied);
        assert_eq!(access.asked_tokens(), ["team-a/reader  3600", "team-a/reader  3600", "remote/reader  3600"]);
    });
}

fn our_own_api_server_may_be_named(world: &World) {
    let read = |endpoint: &str| {
        let access = world.access(Scope::Namespace).with_reach(Reach::default()).with_endpoint("KUBERNETES_SERVICE_HOST", endpoint);
        let settings = world.settings(&json!({"serviceAccount": {"name": "reader"}}));
        run(async { get(&connected("kubernetes", &settings, Arc::new(access)).await?, "app").await })
    };
    is_app(read("127.0.0.1"));
    let error = read("10.96.0.1").expect_err("it is another one");
    assert!(error.kind() == ErrorKind::Denied && told(&error).contains("--allow-provider-cidr"), "{error}");
}

fn another_page_that_is_missing_says_nothing_of_secrets() {
    for body in ["", "{}", "<html>", r#"{"kind": "Status", "reason": "NotFound", "details": {"kind": "namespaces"}}"#, r#"{"reason": "NotFound"}"#] {
        let stub = Stub::start();
        stub.play(move |_| Reply::new(404, body));
        let settings = json!({"server": {"url": stub.url()}});
        let answer = run(async { get(&connected("kubernetes", &settings, Arc::new(TestAccess::new())).await?, "app").await });
        let error = answer.expect_err("nobody knows");
        assert_eq!(error.kind(), ErrorKind::Invalid, "{body}");
    }
}

fn a_list_without_end_is_given_up() {
    let stub = Stub::start();
    let big = STANDARD.encode("x".repeat(8 << 20));
    let page =
        json!({"kind": "SecretList", "metadata": {"continue": "more"}, "items": [{"metadata": {"name": "a"}, "data": {"a": big}}]}).to_string();
    stub.play(move |_| Reply::new(200, &page));
    let settings = json!({"server": {"url": stub.url()}});
    let found = run(async {
        let store = connected("kubernetes", &settings, Arc::new(TestAccess::new())).await?;
        store.catalog.expect("a catalog").find(&Search::default()).await
    });
    let error = found.expect_err("it has no end");
    assert!(error.kind() == ErrorKind::Invalid && told(&error).contains("more than fit"), "{error}");
}

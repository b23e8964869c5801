//! What strangers may ask for over HTTP.

use std::io::{Read, Write};
use std::net::TcpStream;

use serde_json::{Value, json};
use tests::cluster::{Cluster, Exposed};
use tests::controller::{Controller, seal, sources, wait_synced};
use tests::{peers, process::Home};

use super::Test;

pub(crate) const CASES: &[(&str, Test)] = &[
    ("kubeseal_works_through_the_service_proxy", kubeseal),
    ("verdicts_have_upstreams_codes", verdicts),
    ("a_verdict_renders_no_template", no_template),
    ("rotation_keeps_scope_and_template_and_renders_nothing", rotation),
    ("a_scope_in_the_template_widens_nothing", widening),
    ("requests_are_limited_by_client_and_by_what_they_cost", limits),
    ("a_peer_that_invents_clients_has_a_limit_of_its_own", invented),
    ("what_was_asked_is_answered_though_it_is_told_to_end", farewell),
    ("large_requests_are_refused", large),
    ("it_is_not_ready_before_there_is_a_key", not_ready),
];

/// An answer: status, head in small letters, body.
struct Answer {
    status: u16,
    head: String,
    body: String,
}

fn ask(controller: &Controller, method: &str, path: &str, client: &str, body: &str) -> Answer {
    let mut stream = TcpStream::connect(("127.0.0.1", controller.port())).unwrap();
    let length = body.len();
    let head = format!("{method} {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nX-Forwarded-For: {client}\r\nContent-Length: {length}\r\n\r\n");
    stream.write_all(head.as_bytes()).unwrap();
    // The server may have answered, and hung up, before it has read everything.
    let _ = stream.write_all(body.as_bytes());
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    read(&answer)
}

fn read(answer: &[u8]) -> Answer {
    let answer = String::from_utf8_lossy(answer).into_owned();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    Answer { status, head: head.to_ascii_lowercase(), body: body.to_owned() }
}

fn post(controller: &Controller, path: &str, client: &str, object: &Value) -> Answer {
    ask(controller, "POST", path, client, &object.to_string())
}

fn start(cluster: &Cluster, purpose: &str, flags: &[&str]) -> (Controller, String) {
    let namespace = cluster.namespace(purpose);
    (Controller::start(cluster, &namespace, flags), namespace)
}

fn kubeseal(cluster: &Cluster) {
    let (controller, namespace) = start(cluster, "kubeseal", &[]);
    cluster.expose(Exposed { namespace: &namespace, name: "sealed-secrets-controller", port_name: "http", port: controller.port() });
    let home = Home::new();
    let kubeseal = || {
        let run = home.command(peers::get("kubeseal").unwrap()).env("KUBECONFIG", cluster.kubeconfig());
        run.args(["--controller-namespace", &namespace, "-o", "yaml"])
    };
    assert_eq!(kubeseal().arg("--fetch-cert").run().success(), controller.certificate());
    let secret = format!(r#"{{"apiVersion":"v1","kind":"Secret","metadata":{{"name":"s","namespace":"{namespace}"}},"stringData":{{"k":"dummy"}}}}"#);
    let sealed = kubeseal().input(secret).run().success();
    kubeseal().arg("--validate").input(sealed.clone()).run().success();
    let again = kubeseal().arg("--re-encrypt").input(sealed.clone()).run().success();
    assert_ne!(again, sealed);
    assert!(again.contains("kind: SealedSecret") && again.contains("apiVersion: bitnami.com/v1alpha1"), "{again}");
    let object: Value = serde_saphyr::from_str(&again).unwrap();
    cluster.api().create(&sources(&namespace), &object).unwrap();
    wait_synced(&cluster.api(), &namespace, "s", true);
    let foreign = kubeseal().arg("--validate").input(sealed.replace(&namespace, "elsewhere")).run();
    assert_eq!((foreign.status, foreign.error().as_str()), (1, "error: unable to decrypt sealed secret: s\n"));
}

fn verdicts(cluster: &Cluster) {
    let (controller, namespace) = start(cluster, "verdicts", &["--rate-limit=1000", "--rate-limit-burst=1000"]);
    let good = seal(&controller.certificate(), &namespace, "db", &[("a", "1"), ("b", "2")]);
    let verdict = |body: &str| ask(&controller, "POST", "/v1/verify", "c", body).status;
    assert_eq!(verdict(&good.to_string()), 200);
    assert_eq!(verdict(&serde_saphyr::to_string(&good).unwrap()), 200, "YAML is read too");
    let mut moved = good.clone();
    moved["metadata"]["name"] = json!("other");
    assert_eq!(verdict(&moved.to_string()), 409);
    let mut empty = good.clone();
    empty["spec"]["encryptedData"] = json!({});
    assert_eq!(verdict(&empty.to_string()), 200, "no items: none that does not open");
    for wrong in ["", "{", "kind: Secret\napiVersion: v1\n", &format!("{good}\n{good}")] {
        assert_eq!(verdict(wrong), 500, "{wrong}");
    }
    assert_eq!(ask(&controller, "POST", "/v1/rotate", "c", &moved.to_string()).status, 500);
    assert_eq!(ask(&controller, "GET", "/v1/nothing", "c", "").status, 404);
    let certificate = ask(&controller, "GET", "/v1/cert.pem", "c", "");
    assert!(certificate.head.contains("content-type: application/x-pem-file"), "{}", certificate.head);
    assert_eq!(ask(&controller, "GET", "/healthz", "c", "").body, "ok\n");
    assert_eq!(ask(&controller, "GET", "/readyz", "c", "").body, "ok\n");
}

fn no_template(cluster: &Cluster) {
    let (controller, namespace) = start(cluster, "oracle", &["--rate-limit=1000", "--rate-limit-burst=1000"]);
    let mut object = seal(&controller.certificate(), &namespace, "db", &[("pin", "1234")]);
    // Whether this renders would tell the first digit.
    for guess in ["1", "2"] {
        object["spec"]["template"]["data"] = json!({"x": format!("{{{{ if hasPrefix \"{guess}\" .pin }}}}{{{{ fail \"yes\" }}}}{{{{ end }}}}")});
        for path in ["/v1/verify", "/v1/rotate"] {
            assert_eq!(post(&controller, path, "c", &object).status, 200, "{path} {guess}");
        }
    }
}

fn rotation(cluster: &Cluster) {
    let (controller, namespace) = start(cluster, "rotation", &[]);
    let api = cluster.api();
    let mut object = seal(&controller.certificate(), &namespace, "db", &[("user", "shop"), ("gone", "x")]);
    object["spec"]["template"]["data"] = json!({"line": "user={{ .user }}", "gone": null});
    object["spec"]["template"]["metadata"]["labels"] = json!({"a": "b"});
    object["metadata"]["labels"] = json!({"tracking": "x"});
    let before = object["metadata"]["annotations"]["sealer.dev/sealed-with"].clone();
    // Of two keys of one second the first one goes on sealing.
    std::thread::sleep(std::time::Duration::from_millis(1100));
    controller.signal("USR1");
    api.wait_for("a second key", |_| (controller.figure("sealed_secrets_controller_sealer_keys") == 2.0).then_some(()));
    let answer = post(&controller, "/v1/rotate", "c", &object);
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert!(answer.head.contains("content-type: application/json"), "{}", answer.head);
    let rotated: Value = serde_json::from_str(&answer.body).unwrap();
    assert_eq!(rotated["spec"]["template"]["data"], object["spec"]["template"]["data"]);
    assert_eq!(rotated["spec"]["template"]["metadata"]["labels"], json!({"a": "b"}));
    assert_eq!(rotated["metadata"]["labels"], object["metadata"]["labels"]);
    for item in ["user", "gone"] {
        assert_ne!(rotated["spec"]["encryptedData"][item], object["spec"]["encryptedData"][item]);
    }
    let newest = keys::Certificate::from_pem(controller.certificate().as_bytes()).unwrap().fingerprint().to_string();
    assert_eq!(rotated["metadata"]["annotations"]["sealer.dev/sealed-with"], newest.as_str());
    assert_ne!(before, newest.as_str(), "a hint that names the old key would be wrong");
    api.create(&sources(&namespace), &rotated).unwrap();
    wait_synced(&api, &namespace, "db", true);
    let found = tests::controller::data(&api, &namespace, "db").unwrap();
    assert_eq!(found.into_iter().collect::<Vec<_>>(), [("line".into(), "user=shop".into()), ("user".into(), "shop".into())]);
}

fn widening(cluster: &Cluster) {
    let (controller, namespace) = start(cluster, "widening", &["--rate-limit=1000", "--rate-limit-burst=1000"]);
    let mut object = seal(&controller.certificate(), &namespace, "db", &[("a", "1")]);
    let wide = json!({"sealedsecrets.bitnami.com/cluster-wide": "true"});
    object["spec"]["template"]["metadata"]["annotations"] = wide.clone();
    let answer = post(&controller, "/v1/rotate", "c", &object);
    assert_eq!(answer.status, 200);
    let mut rotated: Value = serde_json::from_str(&answer.body).unwrap();
    assert!(rotated["metadata"]["annotations"]["sealedsecrets.bitnami.com/cluster-wide"].is_null());
    // What the attacker would do with it: carry it to a namespace of their own.
    rotated["metadata"]["namespace"] = json!("attacker");
    rotated["metadata"]["annotations"] = wide.clone();
    assert_eq!(post(&controller, "/v1/verify", "c", &rotated).status, 409);
    object["metadata"]["annotations"] = wide;
    assert_eq!(post(&controller, "/v1/rotate", "c", &object).status, 500);
}

fn limits(cluster: &Cluster) {
    let (controller, namespace) = start(cluster, "limits", &[]);
    let object = seal(&controller.certificate(), &namespace, "db", &[("a", "1")]);
    for path in ["/v1/verify", "/v1/rotate"] {
        let codes: Vec<u16> = (0..5).map(|_| post(&controller, path, "one", &object).status).collect();
        assert_eq!((&codes[..3], codes[4]), (&[200; 3][..], 429), "{path}");
        let refused = post(&controller, path, "one", &object);
        for header in ["retry-after: ", "x-ratelimit-limit: 3", "x-ratelimit-remaining: 0", "x-ratelimit-reset: "] {
            assert!(refused.head.contains(header), "{}", refused.head);
        }
        assert_eq!((refused.status, refused.body.as_str()), (429, "limit exceeded\n"));
        assert_eq!(post(&controller, path, "other", &object).status, 200, "others are not concerned");
    }
    // A request of three hundred items costs as much as five.
    let items: Vec<(String, &str)> = (0..300).map(|number| (format!("k{number}"), "v")).collect();
    let items: Vec<(&str, &str)> = items.iter().map(|(key, value)| (key.as_str(), *value)).collect();
    let before = controller.figure("sealed_secrets_controller_sealer_private_operations");
    assert_eq!(post(&controller, "/v1/verify", "greedy", &seal(&controller.certificate(), &namespace, "large", &items)).status, 429);
    let spent = controller.figure("sealed_secrets_controller_sealer_private_operations") - before;
    assert!(spent < 300.0, "{spent} operations");
}

fn invented(cluster: &Cluster) {
    let (controller, _) = start(cluster, "invented", &[]);
    let verify = |number: usize| ask(&controller, "POST", "/v1/verify", &format!("10.0.0.{number}"), "").status;
    // What is no object is refused too, but first it is counted: three at once for each client, and for one peer those of sixteen clients.
    let granted = (0..1000).take_while(|number| verify(*number) != 429).count();
    assert!((48..1000).contains(&granted), "{granted} requests");
}

fn farewell(cluster: &Cluster) {
    let (controller, namespace) = start(cluster, "farewell", &[]);
    let api = cluster.api();
    let connect = || TcpStream::connect(("127.0.0.1", controller.port()));
    let body = seal(&controller.certificate(), &namespace, "db", &[("a", "1")]).to_string();
    let (begin, rest) = body.split_at(body.len() / 2);
    let (_idle, mut stream) = (connect().unwrap(), connect().unwrap());
    let head = format!("POST /v1/verify HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: {}\r\n\r\n", body.len());
    stream.write_all(head.as_bytes()).unwrap();
    let mut word = [0; "HTTP/1.1 100 Continue\r\n\r\n".len()];
    // It says so when it begins to read the body.
    stream.read_exact(&mut word).unwrap();
    stream.write_all(begin.as_bytes()).unwrap();
    controller.signal("TERM");
    api.wait_for("the door to be shut", |_| connect().err());
    let lease = format!("/apis/coordination.k8s.io/v1/namespaces/{namespace}/leases/sealer-controller");
    api.wait_for("the Lease to be given back", |api| (api.read(&lease).ok()?["spec"]["holderIdentity"] == "").then_some(()));
    stream.write_all(rest.as_bytes()).unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    assert_eq!(read(&answer).status, 200);
    api.wait_for("the end", |_| (!controller.runs()).then_some(()));
}

fn large(cluster: &Cluster) {
    let (controller, _) = start(cluster, "large", &[]);
    let body = format!("{{\"a\": \"{}\"}}", "x".repeat(10 << 20));
    assert_eq!(ask(&controller, "POST", "/v1/verify", "c", &body).status, 413);
}

fn not_ready(cluster: &Cluster) {
    let namespace = cluster.namespace("not-ready");
    // Nobody may write in this namespace: no key can be made.
    let quota = json!({"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "none"}, "spec": {"hard": {"secrets": "0"}}});
    let api = cluster.api();
    let quotas = format!("/api/v1/namespaces/{namespace}/resourcequotas");
    api.create(&quotas, &quota).unwrap();
    api.merge(&format!("{quotas}/none/status"), &json!({"status": {"hard": {"secrets": "0"}, "used": {"secrets": "0"}}})).unwrap();
    let controller = Controller::launch(cluster, &namespace, &[]);
    api.wait_for("the server", |_| tests::server::fetch(controller.port(), "/healthz").ok().filter(|(status, _)| *status == 200));
    api.wait_for("the failure to be told", |_| controller.log().contains("cannot make a sealing key").then_some(()));
    assert_eq!(ask(&controller, "GET", "/readyz", "c", "").status, 503);
    assert_eq!(ask(&controller, "GET", "/v1/cert.pem", "c", "").status, 500);
    api.delete(&format!("{quotas}/none")).unwrap();
    api.wait_for("a key", |_| (ask(&controller, "GET", "/readyz", "c", "").status == 200).then_some(()));
}

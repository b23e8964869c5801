//! What flags and environment change.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use serde_json::json;
use tests::cluster::Cluster;
use tests::controller::{Controller, data, seal, secrets, sources, wait_synced};
use tests::process::Home;
use tests::server;

use super::Test;

pub(crate) const CASES: &[(&str, Test)] = &[
    ("the_own_namespace_and_those_that_are_named_are_looked_at", namespaces),
    ("every_namespace_is_looked_at_by_default", all_namespaces),
    ("requests_to_the_server_are_paced_as_asked", paced),
    ("new_keys_and_certificates_are_as_asked", key_flags),
    ("flags_may_stand_in_the_environment_and_the_command_line_wins", environment),
    ("what_is_no_warning_goes_to_standard_output_or_not", streams),
    ("version_and_wrong_flags_need_no_cluster", without_a_cluster),
    ("a_client_that_dawdles_is_hung_up_on", dawdling),
    ("flags_without_effect_are_accepted", without_effect),
    ("arguments_of_the_external_secrets_operator_start_the_controller", drop_in),
];

fn namespaces(cluster: &Cluster) {
    let [own, named, other] = ["own", "named", "other"].map(|purpose| cluster.namespace(purpose));
    let flags = format!("--additional-namespaces={named}, never-made,{own}");
    let controller = Controller::start(cluster, &own, &["--all-namespaces=true", &flags]);
    let api = cluster.api();
    for namespace in [&other, &own, &named] {
        api.create(&sources(namespace), &seal(&controller.certificate(), namespace, "db", &[("a", "1")])).unwrap();
    }
    for namespace in [&own, &named] {
        wait_synced(&api, namespace, "db", true);
    }
    assert_eq!(data(&api, &other, "db"), None);
}

fn all_namespaces(cluster: &Cluster) {
    let [own, other] = ["seat", "anywhere"].map(|purpose| cluster.namespace(purpose));
    // The other cases' objects are none of its business.
    let controller = Controller::start(cluster, &own, &["--all-namespaces", "--label-selector=only=these"]);
    let api = cluster.api();
    let mut object = seal(&controller.certificate(), &other, "db", &[("a", "1")]);
    object["metadata"]["labels"] = json!({"only": "these"});
    api.create(&sources(&other), &object).unwrap();
    wait_synced(&api, &other, "db", true);
    api.delete(&format!("{}/db", secrets(&other))).unwrap();
    api.wait_for("the Secret to come back", |api| data(api, &other, "db"));
}

fn paced(cluster: &Cluster) {
    let namespace = cluster.namespace("paced");
    let controller = Controller::start(cluster, &namespace, &["--kubeclient-qps=2", "--kubeclient-burst=1"]);
    let api = cluster.api();
    let started = Instant::now();
    let names = ["a", "b", "c", "d", "e", "f", "g", "h"];
    for name in names {
        api.create(&sources(&namespace), &seal(&controller.certificate(), &namespace, name, &[("x", "y")])).unwrap();
    }
    for name in names {
        wait_synced(&api, &namespace, name, true);
    }
    // A Secret, an event and a status each: 24 requests, the first of which need not wait.
    assert!(started.elapsed() >= Duration::from_secs(10), "{:?}", started.elapsed());
    // Renewing the Lease does not wait behind all that.
    assert!(controller.runs() && controller.figure("sealed_secrets_controller_sealer_leader") == 1.0);
}

fn key_flags(cluster: &Cluster) {
    let namespace = cluster.namespace("key-flags");
    let flags = ["--key-size=3072", "--key-ttl=48h", "--my-cn=sealer.example", "--key-renew-period=0"];
    let controller = Controller::start(cluster, &namespace, &flags);
    let certificate = keys::Certificate::from_pem(controller.certificate().as_bytes()).unwrap();
    assert_eq!(certificate.key().modulus_length() * 8, 3072);
    assert_eq!(certificate.not_after().duration_since(certificate.not_before()).as_hours(), 48);
    let home = Home::new();
    let subject =
        home.command("openssl").args(["x509", "-noout", "-subject", "-ext", "keyUsage,basicConstraints"]).input(controller.certificate()).run();
    let subject = subject.success();
    assert!(subject.contains("CN = sealer.example") && subject.contains("Encipher Only") && subject.contains("CA:TRUE"), "{subject}");
}

fn environment(cluster: &Cluster) {
    let home = Home::new();
    let namespace = cluster.namespace("environment");
    // It ends by itself, a moment after it has made its key.
    let run = home.command("timeout").args(["--preserve-status", "20"]).arg(tests::controller());
    let run = run.args(["--all-namespaces=false", "--key-prefix=from-the-line", "--listen-addr=127.0.0.1:0", "--listen-metrics-addr=127.0.0.1:0"]);
    let run = run.env("POD_NAMESPACE", &namespace).env("SEALED_SECRETS_KEY_PREFIX", "from-the-environment").env("SEALED_SECRETS_KEY_SIZE", "2048");
    let run = run.env("SEALED_SECRETS_KUBECONFIG", cluster.kubeconfig()).env("SEALED_SECRETS_LOG_FORMAT", "json");
    let waiting = std::thread::spawn(move || run.run());
    let api = cluster.api();
    let key = api.wait_for("a key", |api| {
        let keys = api.read(&format!("{}?labelSelector=sealedsecrets.bitnami.com/sealed-secrets-key", secrets(&namespace))).ok()?;
        keys["items"][0]["metadata"]["name"].as_str().map(str::to_owned)
    });
    assert!(key.starts_with("from-the-line"), "{key}");
    let certificate = data(&api, &namespace, &key).unwrap()["tls.crt"].clone();
    assert_eq!(keys::Certificate::from_pem(certificate.as_bytes()).unwrap().key().modulus_length(), 256);
    let ended = waiting.join().unwrap();
    assert_eq!(ended.status, 0, "a controller that is asked to end has done nothing wrong");
    assert!(ended.text().lines().all(|line| line.starts_with('{')), "{}", ended.text());
}

fn streams(cluster: &Cluster) {
    let run = |flag: &str| {
        let home = Home::new();
        let namespace = cluster.namespace("streams");
        // A broken key makes a warning.
        let labels = json!({"sealedsecrets.bitnami.com/sealed-secrets-key": "active"});
        cluster
            .api()
            .create(&secrets(&namespace), &json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "x", "labels": labels}}))
            .unwrap();
        let run = home.command("timeout").args(["--preserve-status", "3"]).arg(tests::controller()).env("POD_NAMESPACE", &namespace);
        let run = run.args(["--all-namespaces=false", "--key-size=2048", "--listen-addr=127.0.0.1:0", "--listen-metrics-addr=127.0.0.1:0", flag]);
        run.arg(format!("--kubeconfig={}", cluster.kubeconfig().display())).run()
    };
    let (split, joined) = (run("--log-info-stdout=true"), run("--log-info-stdout=false"));
    assert!(split.text().contains(" INFO ") && !split.text().contains(" WARN "), "{}", split.text());
    assert!(split.error().contains(" WARN ") && !split.error().contains(" INFO "), "{}", split.error());
    assert!(joined.text().is_empty() && joined.error().contains(" INFO ") && joined.error().contains(" WARN "), "{}", joined.error());
}

fn without_a_cluster(_: &Cluster) {
    let home = Home::new();
    let run = |arguments: &[&str]| home.command(tests::controller()).args(arguments).run();
    let version = run(&["--version"]);
    assert_eq!((version.status, version.text()), (0, format!("controller version: {}\n", env!("CARGO_PKG_VERSION"))));
    assert_eq!(run(&["--help"]).status, 0);
    let wrong = run(&["--no-such-flag"]);
    assert!(wrong.status == 2 && wrong.error().contains("--no-such-flag"), "{}", wrong.error());
    let outside = run(&[]);
    assert!(outside.status == 1 && outside.error().contains("--kubeconfig"), "{}{}", outside.text(), outside.error());
    let absent = run(&["--kubeconfig=/nowhere"]);
    assert!(absent.status == 1 && absent.error().contains("/nowhere"), "{}", absent.error());
}

fn dawdling(cluster: &Cluster) {
    let namespace = cluster.namespace("dawdling");
    let controller = Controller::start(cluster, &namespace, &["--read-timeout=1s", "--write-timeout=1s"]);
    for sent in ["GET /healthz HT", "POST /v1/verify HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n{"] {
        let mut stream = TcpStream::connect(("127.0.0.1", controller.port())).unwrap();
        stream.write_all(sent.as_bytes()).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 408 "), "{answer}");
    }
    assert_eq!(tests::server::fetch(controller.port(), "/healthz").unwrap().0, 200);
}

fn without_effect(cluster: &Cluster) {
    let namespace = cluster.namespace("no-effect");
    let controller = Controller::start(cluster, &namespace, &["--max-unseal-retries=0", "--watch-for-secrets", "--rotate-period=0"]);
    assert!(controller.certificate().starts_with("-----BEGIN CERTIFICATE-----"));
}

/// What the chart of the operator tells its controller, with the addresses of a test.
fn drop_in(cluster: &Cluster) {
    let namespace = cluster.namespace("dropin");
    let tenant = cluster.namespace("tenant");
    let (port, live) = (server::free_port(), server::free_port());
    // The operator serves metrics where we serve the certificate: both find room there.
    let (listen, metrics, live_addr) =
        (format!("--listen-addr=127.0.0.1:{port}"), format!("--metrics-addr=127.0.0.1:{port}"), format!("--live-addr=127.0.0.1:{live}"));
    let only = format!("--namespace={tenant}");
    let arguments = [
        listen.as_str(),
        "--enable-leader-election=true",
        "--leader-election-id=external-secrets-controller",
        "--all-namespaces",
        only.as_str(),
        "--enable-cluster-store-reconciler=false",
        "--enable-cluster-external-secret-reconciler=false",
        "--enable-cluster-push-secret-reconciler=false",
        "--enable-push-secret-reconciler=false",
        "--controller-class=default",
        "--enable-flood-gate=true",
        "--concurrent=1",
        "--client-qps=50",
        "--client-burst=100",
        metrics.as_str(),
        "--loglevel=info",
        "--zap-time-encoding=epoch",
        live_addr.as_str(),
    ];
    let controller = Controller::launch(cluster, &namespace, &arguments);
    let api = cluster.api();
    let answers = |port: u16, path: &str| server::fetch(port, path).is_ok_and(|(status, _)| status == 200);
    api.wait_for("the controller to be ready", |_| answers(live, "/readyz").then_some(()));
    assert!(answers(live, "/healthz") && answers(port, "/metrics") && answers(port, "/v1/cert.pem") && answers(port, "/healthz"));
    api.read(&format!("/apis/coordination.k8s.io/v1/namespaces/{namespace}/leases/external-secrets-controller")).unwrap();
    let certificate = server::fetch(port, "/v1/cert.pem").unwrap().1;
    for namespace in [&namespace, &tenant] {
        api.create(&sources(namespace), &seal(&certificate, namespace, "db", &[("a", "1")])).unwrap();
    }
    wait_synced(&api, &tenant, "db", true);
    assert_eq!(data(&api, &namespace, "db"), None, "{}", controller.log());
}

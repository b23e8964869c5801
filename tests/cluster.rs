//! The real API server, and what is reached through it: any server on the loopback, and upstream's controller.
#![expect(clippy::unwrap_used, reason = "test code")]

use std::env;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};
use std::thread;
use std::time::Duration;

use tests::cluster::{Cluster, Exposed, NEEDS, Shared};
use tests::process::Home;
use tests::server::Server;
use tests::suite::{Case, case, run};
use tests::upstream::{self, Controller};
use tests::{ledger, peers};

/// Makes this program start a server and wait to be killed.
const HOLD: &str = "SEALER_TEST_HOLDS";

fn main() -> ExitCode {
    if let Some(folder) = env::var_os(HOLD) {
        hold(Path::new(&folder));
    }
    let cluster = Shared::default();
    let on_cluster = |name: &str, needs, test: fn(&Cluster)| -> Case {
        let cluster = cluster.clone();
        case(name, needs, move || test(cluster.get()))
    };
    let cases = vec![
        case("a_server_does_not_outlive_a_killed_test", &[], a_server_does_not_outlive_a_killed_test),
        on_cluster("each_test_has_a_namespace_of_its_own", NEEDS, each_test_has_a_namespace_of_its_own),
        on_cluster("a_server_on_the_loopback_answers_through_the_service_proxy", NEEDS, service_proxy),
        case("the_ledger_reads_flags_and_fields_of_the_real_peers", &["controller", "kubeseal"], the_ledger_reads_flags_and_fields),
        on_cluster("kubeseal_talks_to_the_real_controller", upstream::NEEDS_WITH_KUBESEAL, kubeseal_talks_to_the_real_controller),
    ];
    drop(cluster);
    run(cases)
}

fn hold(folder: &Path) -> ! {
    let _server = Server::start(Path::new("sh"), ["-c", "echo $$; exec sleep 600"], folder);
    loop {
        thread::sleep(Duration::from_secs(1));
    }
}

fn a_server_does_not_outlive_a_killed_test() {
    let home = Home::new();
    let folder = home.path().join("held");
    let mut test = Command::new(env::current_exe().unwrap()).env(HOLD, &folder).stdin(Stdio::null()).spawn().unwrap();
    let pid = eventually(|| std::fs::read_to_string(folder.join("log")).ok().filter(|log| log.ends_with('\n')));
    let process = Path::new("/proc").join(pid.trim());
    assert!(process.exists());
    // SIGKILL: nothing of the test gets to clean up.
    test.kill().unwrap();
    test.wait().unwrap();
    eventually(|| (!process.exists() && !folder.exists()).then_some(()));
}

fn eventually<T>(mut ask: impl FnMut() -> Option<T>) -> T {
    (0..600)
        .find_map(|_| {
            ask().or_else(|| {
                thread::sleep(Duration::from_millis(50));
                None
            })
        })
        .unwrap()
}

fn each_test_has_a_namespace_of_its_own(cluster: &Cluster) {
    let (one, other) = (cluster.namespace("own"), cluster.namespace("own"));
    assert_ne!(one, other);
    let found = cluster.api().read(&format!("/api/v1/namespaces/{one}")).unwrap();
    assert_eq!(found["status"]["phase"], "Active");
}

fn service_proxy(cluster: &Cluster) {
    let namespace = cluster.namespace("proxy");
    for port_name in ["http", ""] {
        let name = format!("echo{port_name}");
        cluster.expose(Exposed { namespace: &namespace, name: &name, port_name, port: echo() });
        let path = format!("/api/v1/namespaces/{namespace}/services/http:{name}:{port_name}/proxy/a/b");
        assert_eq!(cluster.api().text(&path).unwrap(), "GET /a/b HTTP/1.1\r\n");
    }
}

/// Starts a server that answers with the first line of what it is asked.
fn echo() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let mut line = String::new();
            BufReader::new(&stream).read_line(&mut line).unwrap();
            write!(stream, "HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{line}", line.len()).unwrap();
        }
    });
    port
}

fn kubeseal_talks_to_the_real_controller(cluster: &Cluster) {
    let controller = Controller::start(cluster, &[]).unwrap();
    let home = Home::new();
    let kubeseal = || home.command(peers::get("kubeseal").unwrap()).env("KUBECONFIG", cluster.kubeconfig());
    let certificate = kubeseal().arg("--fetch-cert").run().success();
    assert_eq!(certificate, controller.certificate());
    assert!(certificate.starts_with("-----BEGIN CERTIFICATE-----\n"), "{certificate}");

    let secret = r#"{"apiVersion":"v1","kind":"Secret","metadata":{"name":"s","namespace":"n"},"stringData":{"k":"dummy"}}"#;
    let sealed = kubeseal().input(secret).run().success();
    kubeseal().arg("--validate").input(sealed.clone()).run().success();
    let again = kubeseal().arg("--re-encrypt").input(sealed.clone()).run().success();
    assert_ne!(again, sealed);
    kubeseal().arg("--validate").input(again).run().success();
    let foreign = kubeseal().arg("--validate").input(sealed.replace("\"namespace\": \"n\"", "\"namespace\": \"m\"")).run();
    assert_eq!((foreign.status, foreign.error().as_str()), (1, "error: unable to decrypt sealed secret: s\n"));

    let metrics = ledger::controller_metrics(cluster, &controller).unwrap();
    for name in ["build_info", "condition_info", "http_requests_total", "unseal_errors_total", "unseal_requests_total"] {
        assert!(metrics.contains(&format!("sealed_secrets_controller_{name}")), "{metrics:?}");
    }
}

fn the_ledger_reads_flags_and_fields() -> Result<(), peers::Missing> {
    let flags = ledger::kubeseal_flags()?;
    assert!(["--controller-name", "--raw", "-o"].iter().all(|flag| flags.iter().any(|found| found == flag)), "{flags:?}");
    let flags = ledger::controller_flags()?;
    assert!(flags.contains(&"--key-renew-period".to_owned()), "{flags:?}");
    let fields = ledger::sealed_secret_fields()?;
    for field in ["spec.encryptedData", "spec.template.metadata.labels", "status.conditions[].lastTransitionTime"] {
        assert!(fields.contains(&field.to_owned()), "{fields:?}");
    }
    Ok(())
}

//! The controller where there is nothing else: an empty root that can not be written to, and a user without a name.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::json;
use tests::binary;
use tests::cluster::Cluster;
use tests::process::Home;
use tests::server::{self, Server};

use super::{Outcome, rights};

pub(crate) const NEEDS: &[&str] = &["etcd", "helm", "kube-apiserver", "unshare"];

/// Where a Pod finds its account.
const ACCOUNT: &str = "var/run/secrets/kubernetes.io/serviceaccount";

/// Makes the folder a root that can not be written to, sees that it is so, and becomes the program in it: uid 65532, without a capability.
const IN_A_ROOT: &str = r#"
mount --bind "$ROOT" "$ROOT" && mount -o remount,bind,nosuid,nodev,ro "$ROOT" || exit 90
if touch "$ROOT/file" 2>/dev/null; then exit 91; fi
exec unshare --user --map-user=65532 --map-group=65532 --root="$ROOT" /sealer-controller "$@"
"#;

pub(crate) fn needs_nothing() -> Outcome {
    let cluster = rights::cluster();
    let release = rights::Release::install(cluster, |_| json!({}))?;
    let home = Home::new();
    let root = furnish(&home, cluster, &release);
    let (port, metrics_port) = (server::free_port(), server::free_port());
    let mut arguments = vec![
        "-i".to_owned(),
        format!("PATH={}", std::env::var("PATH").unwrap_or_default()),
        format!("ROOT={}", root.display()),
        "KUBERNETES_SERVICE_HOST=127.0.0.1".to_owned(),
        format!("KUBERNETES_SERVICE_PORT={}", cluster.port()),
    ];
    arguments.extend(["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", IN_A_ROOT, "sh"].map(str::to_owned));
    arguments.extend(release.flags());
    arguments.extend([format!("--listen-addr=127.0.0.1:{port}"), format!("--listen-metrics-addr=127.0.0.1:{metrics_port}")]);
    arguments.push("--key-size=2048".to_owned());
    let mut controller = Server::start(Path::new("env"), arguments, &home.path().join("run"));
    controller.wait_until(|| server::fetch(port, "/readyz").is_ok_and(|(status, _)| status == 200));
    release.exercise(&server::fetch(port, "/v1/cert.pem").unwrap().1);
    assert!(server::fetch(metrics_port, "/metrics").unwrap().1.contains("sealer_leader 1"));
    Ok(())
}

/// Puts the program and its account into an empty folder; beside it what it is linked with, which is nothing for the one that is released.
fn furnish(home: &Home, cluster: &Cluster, release: &rights::Release) -> PathBuf {
    let root = home.path().join("root");
    let place = |from: &Path, to: &Path| {
        let to = root.join(to.strip_prefix("/").unwrap_or(to));
        fs::create_dir_all(to.parent().unwrap()).unwrap();
        fs::copy(from, to).unwrap();
    };
    place(binary::controller(), Path::new("sealer-controller"));
    place(&cluster.ca(), &Path::new(ACCOUNT).join("ca.crt"));
    home.write(Path::new("root").join(ACCOUNT).join("token"), &release.token);
    home.write(Path::new("root").join(ACCOUNT).join("namespace"), &release.own);
    let linked =
        Command::new("ldd").arg(binary::controller()).output().map(|run| String::from_utf8_lossy(&run.stdout).into_owned()).unwrap_or_default();
    for library in linked.split_whitespace().filter(|word| word.starts_with('/')) {
        place(Path::new(library), Path::new(library));
    }
    root
}

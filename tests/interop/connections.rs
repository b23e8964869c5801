//! Ways to the API server that a kubeconfig can name beside a token, and the one without a kubeconfig.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use tests::cluster::{Cluster, Exposed};
use tests::process::{Ended, Home};
use tests::{sealer, upstream};

use super::issuer::{CLIENT, Issuer, Style};
use super::{apiserver, keys, socks, tools};

/// Claims: `{"exp":1000000000}`.
const EXPIRED: &str = "eyJhbGciOiJub25lIn0.eyJleHAiOjEwMDAwMDAwMDB9.expired";

/// What the Service hands out.
fn certificate() -> String {
    read(&keys::home().path().join("cert.pem"))
}

/// The flags that name a Service with a certificate, in a namespace of its own.
fn controller(cluster: &Cluster) -> [String; 4] {
    let namespace = cluster.namespace("connections");
    let port = apiserver::start(certificate());
    cluster.expose(Exposed { namespace: &namespace, name: "fake", port_name: "http", port });
    ["--controller-namespace".to_owned(), namespace, "--controller-name".to_owned(), "fake".to_owned()]
}

/// A kubeconfig of the cluster with another user and more said of the cluster.
fn kubeconfig(cluster: &Cluster, user: Value, more: &[(&str, String)]) -> String {
    let text = fs::read_to_string(cluster.kubeconfig()).expect("the cluster has one");
    let mut config: Value = serde_saphyr::from_str(&text).expect("a kubeconfig is YAML");
    config["users"][0]["user"] = user;
    for (key, value) in more {
        config["clusters"][0]["cluster"][key] = json!(value);
    }
    serde_json::to_string_pretty(&config).expect("JSON is written")
}

fn oidc(config: Value) -> Value {
    json!({"auth-provider": {"name": "oidc", "config": config}})
}

fn fetch(home: &Home, tool: &Path, flags: &[String]) -> Ended {
    home.command(tool).args(["--kubeconfig", "kubeconfig", "--fetch-cert"]).args(flags).run()
}

fn cert(home: &Home, flags: &[String]) -> Ended {
    home.command(sealer()).args(["cert", "--kubeconfig", "kubeconfig"]).args(flags).run()
}

pub(crate) fn an_id_token_that_has_not_expired_is_used(cluster: &Cluster) {
    let (home, flags) = (Home::new(), controller(cluster));
    // Nobody listens there, so nobody is asked.
    let config = json!({"idp-issuer-url": "https://127.0.0.1:1", "client-id": "sealer", "id-token": cluster.id_token()});
    home.write("kubeconfig", kubeconfig(cluster, oidc(config), &[]));
    for tool in tools(&home) {
        assert_eq!(fetch(&home, &tool, &flags).success(), certificate());
    }
    assert!(cert(&home, &flags).success().contains("CERTIFICATE"));
    let mut user = oidc(json!({"idp-issuer-url": "https://127.0.0.1:1", "client-id": "sealer", "id-token": EXPIRED}));
    user["token"] = json!(cluster.token());
    home.write("kubeconfig", kubeconfig(cluster, user, &[]));
    for tool in tools(&home) {
        assert_eq!(fetch(&home, &tool, &flags).success(), certificate(), "a token goes before");
    }
}

fn expired(issuer: &Issuer, refresh_token: &str) -> Value {
    let [id, secret] = CLIENT;
    oidc(json!({
        "idp-issuer-url": issuer.url, "idp-certificate-authority-data": STANDARD.encode(&issuer.certificate),
        "client-id": id, "client-secret": secret, "id-token": EXPIRED, "refresh-token": refresh_token,
    }))
}

pub(crate) fn an_expired_id_token_is_refreshed_and_written_down(cluster: &Cluster) {
    let flags = controller(cluster);
    for style in [Style::Form, Style::Header] {
        let home = Home::new();
        let programs: [&dyn Fn() -> Ended; 3] =
            [&|| fetch(&home, &tools(&home)[0], &flags), &|| fetch(&home, &tools(&home)[1], &flags), &|| cert(&home, &flags)];
        for program in programs {
            let issuer = Issuer::start(style, cluster.id_token(), "refresh");
            let before = kubeconfig(cluster, expired(&issuer, "refresh"), &[]);
            let file = home.write("kubeconfig", &before);
            let ended = program();
            assert!(ended.success().contains("BEGIN CERTIFICATE"), "{style:?}");
            assert_eq!(issuer.refresh_token(), "refresh-next", "asked once");
            let after: Value = serde_saphyr::from_str(&read(&file)).expect("a kubeconfig is YAML");
            let mut expected: Value = serde_json::from_str(&before).expect("it was JSON");
            let config = &mut expected["users"][0]["user"]["auth-provider"]["config"];
            config["id-token"] = json!(cluster.id_token());
            config["refresh-token"] = json!("refresh-next");
            assert_eq!(after["users"], expected["users"], "{style:?}");
            // With what was written down it goes on without the issuer.
            program().success();
            assert_eq!(issuer.refresh_token(), "refresh-next");
        }
    }
}

pub(crate) fn a_failing_refresh_shows_no_credential(cluster: &Cluster) {
    let (home, flags) = (Home::new(), controller(cluster));
    let issuer = Issuer::start(Style::Header, cluster.id_token(), "refresh");
    let refused = expired(&issuer, "revoked-refresh-token");
    let changed = |field: &str, value: &str| {
        let mut user = refused.clone();
        user["auth-provider"]["config"][field] = json!(value);
        user
    };
    let stranger = STANDARD.encode(Issuer::start(Style::Header, "", "").certificate);
    let cases = [
        (refused.clone(), "failed to refresh token: oauth2: \"invalid_grant\""),
        (changed("refresh-token", ""), "No valid id-token, and cannot refresh without refresh-token"),
        (changed("idp-certificate-authority-data", &stranger), "certificate"),
        (changed("idp-issuer-url", "https://127.0.0.1:1"), "connection refused"),
        (changed("idp-issuer-url", &format!("{}/nowhere", issuer.url)), "failed to query metadata endpoint"),
        (changed("idp-issuer-url", &issuer.url.replace("https", "http")), "is not a https URL"),
        (changed("client-id", ""), "Must provide client-id"),
        (changed("id-token", "revoked-id-token"), "not a valid JWT"),
    ];
    for (user, said) in cases {
        let before = kubeconfig(cluster, user, &[]);
        let file = home.write("kubeconfig", &before);
        for ended in [fetch(&home, &tools(&home)[0], &flags), cert(&home, &flags)] {
            let (shown, error) = (ended.text() + &ended.error(), ended.error());
            assert!(ended.status != 0 && error.contains(said), "{said}: {error}");
            for secret in [EXPIRED, "revoked", CLIENT[1], "secret+of", "c2VhbGVyJTNBY2xpZW50"] {
                assert!(!shown.contains(secret), "{shown}");
            }
        }
        assert_eq!(read(&file), before);
    }
}

pub(crate) fn a_socks5_proxy_leads_to_the_api_server(cluster: &Cluster) {
    let (home, flags) = (Home::new(), controller(cluster));
    let (port, seen) = socks::start();
    let user = json!({"token": cluster.token()});
    // The proxy looks the name up, which nobody else could.
    let server = format!("https://api.cluster.invalid:{}", cluster.port());
    let cluster_says = |proxy: String| [("proxy-url", proxy), ("server", server.clone()), ("tls-server-name", "127.0.0.1".to_owned())];
    home.write("kubeconfig", kubeconfig(cluster, user.clone(), &cluster_says(format!("socks5://127.0.0.1:{port}"))));
    let programs: [&dyn Fn() -> Ended; 3] =
        [&|| fetch(&home, &tools(&home)[0], &flags), &|| fetch(&home, &tools(&home)[1], &flags), &|| cert(&home, &flags)];
    for program in programs {
        assert!(program().success().contains("CERTIFICATE"));
        let first = seen.recv_timeout(Duration::from_secs(10)).expect("the proxy saw the connection");
        assert_eq!(first, ("api.cluster.invalid".to_owned(), cluster.port()));
        while seen.try_recv().is_ok() {}
    }
    home.write("kubeconfig", kubeconfig(cluster, user, &cluster_says("socks5://joe:hunter2@127.0.0.1:1".to_owned())));
    for ended in [fetch(&home, &tools(&home)[0], &flags), cert(&home, &flags)] {
        let error = ended.error();
        assert!(ended.status != 0 && error.contains("SOCKS error") && !error.contains("hunter2"), "{error}");
    }
}

pub(crate) fn a_pod_needs_no_kubeconfig(cluster: &Cluster) {
    let (home, flags) = (Home::new(), controller(cluster));
    let run = |program: PathBuf, arguments: &[&str]| {
        let pod = upstream::in_a_pod(cluster, &home.path().join("pod"));
        home.command("env").args(pod).arg(program).args(arguments).args(&flags).run()
    };
    for tool in tools(&home) {
        assert_eq!(run(tool.clone(), &["--fetch-cert"]).success(), certificate());
        let refused = run(tool, &["--fetch-cert", "--token", "wrong"]);
        assert!(refused.status == 1 && refused.error().contains("Unauthorized"), "{}", refused.error());
    }
    assert!(run(sealer().to_owned(), &["cert"]).success().contains("CERTIFICATE"));
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).expect("the file is still there")
}

//! Every way to sign in, to the real Vault.

use std::sync::Arc;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use providers::ErrorKind;
use providers::provider::{Scope, Validity};
use rcgen::KeyPair;
use serde_json::{Value, json};
use tests::access::{NAMESPACE, TestAccess};
use tests::suite::Case;

use super::dev::Dev;
use super::{connect, key, read, source, waiting};
use crate::stub::{Reply, Stub};

pub(super) fn cases() -> Vec<Case> {
    vec![
        waiting("vault_is_signed_in_to_as_an_application", &["vault"], app_role),
        waiting("vault_is_signed_in_to_by_name_and_password", &["vault"], user_pass),
        waiting("vault_is_signed_in_to_with_a_signed_token", &["vault"], jwt),
        waiting("vault_is_signed_in_to_as_a_service_account", &["vault"], kubernetes),
        waiting("vault_is_signed_in_to_with_a_certificate", &["vault"], cert),
        waiting("vault_that_wants_a_certificate_at_the_connection_is_shown_one", &["vault"], connection),
        waiting("vault_trusts_authorities_and_after_their_change_the_new_ones", &["vault"], authorities),
        waiting("vault_of_a_cluster_store_without_a_consumer_is_unknown", &[], referent),
        waiting("vault_without_a_sign_in_is_asked_without_a_token", &[], nobody),
        waiting("vault_settings_that_cannot_be_are_refused", &[], refused),
    ]
}

/// A policy to read everything in `secret`, and something to read.
pub(super) fn ready() -> Arc<Dev> {
    let dev = Dev::shared();
    allow(&dev);
    dev
}

pub(super) fn allow(dev: &Dev) {
    dev.does("PUT", "sys/policies/acl/reader", json!({"policy": r#"path "secret/data/*" { capabilities = ["read"] }"#}));
    dev.puts("signed", &json!({"k": "v"}));
}

pub(super) fn settings(server: &str, auth: Value) -> Value {
    json!({"server": server, "path": "secret", "auth": auth})
}

/// The store reads with the right proof, and is denied with a wrong one.
pub(super) async fn check(settings: &Value, right: TestAccess, wrong: TestAccess, denied: &str) {
    let source_ = source(settings, &Arc::new(right)).await;
    assert_eq!(source_.validate().await.expect("we are welcome"), Validity::Valid);
    assert_eq!(read(&source_, key("signed")).await.expect("an answer").as_deref(), Some(r#"{"k":"v"}"#));
    let source_ = source(settings, &Arc::new(wrong)).await;
    let error = read(&source_, key("signed")).await.expect_err("the proof is wrong");
    assert_eq!((error.to_string().as_str(), error.kind()), (denied, ErrorKind::Denied));
}

async fn app_role() {
    let dev = ready();
    dev.mounts("approle", "auth/apps", &json!({}));
    dev.does("POST", "auth/apps/role/app", json!({"token_policies": "reader", "token_ttl": "1h"}));
    dev.does("POST", "auth/apps/role/app/role-id", json!({"role_id": "role-1"}));
    dev.does("POST", "auth/apps/role/app/custom-secret-id", json!({"secret_id": "hunter2-secret"}));
    let access = |secret: &str| TestAccess::new().with_secret("app", "secret", secret).with_secret("app", "role", "role-1");
    let secret = json!({"name": "app", "key": "secret"});
    for role in [json!({"roleId": " role-1 "}), json!({"roleRef": {"name": "app", "key": "role"}})] {
        let mut auth = json!({"appRole": {"path": "apps", "secretRef": secret}});
        for (name, value) in role.as_object().expect("fields") {
            auth["appRole"][name] = value.clone();
        }
        let denied = "sign in to Vault (appRole at auth/apps/login): Vault refuses (status 400)";
        check(&settings(&dev.address, auth), access("hunter2-secret"), access("hunter2-other"), denied).await;
    }
    let elsewhere = settings(&dev.address, json!({"appRole": {"path": "nowhere", "roleId": "role-1", "secretRef": secret}}));
    let error = read(&source(&elsewhere, &Arc::new(access("hunter2-secret"))).await, key("signed")).await.expect_err("there is none");
    assert_eq!(error.kind(), ErrorKind::Denied, "{error}");
}

async fn user_pass() {
    let dev = ready();
    dev.mounts("userpass", "auth/userpass", &json!({}));
    dev.does("POST", "auth/userpass/users/anna", json!({"password": "hunter2-\"word\"", "token_policies": "reader"}));
    let auth = json!({"userPass": {"username": "anna", "secretRef": {"name": "anna", "key": "password"}}});
    let access = |password: &str| TestAccess::new().with_secret("anna", "password", password);
    let denied = "sign in to Vault (userPass at auth/userpass/login/anna): Vault refuses (status 400)";
    check(&settings(&dev.address, auth), access("hunter2-\"word\""), access("hunter2-other"), denied).await;
}

/// A signed token with these claims.
fn signed(pair: &KeyPair, claims: &Value) -> String {
    let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &pair.serialize_der()).expect("a key");
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let text = format!("{}.{}", part(&json!({"alg": "ES256", "typ": "JWT", "kid": "1"})), part(claims));
    let signature = pair.sign(&SystemRandom::new(), text.as_bytes()).expect("a signature");
    format!("{text}.{}", URL_SAFE_NO_PAD.encode(signature))
}

fn claims(audience: &str) -> Value {
    let end = jiff::Timestamp::now().as_second() + 600;
    let account = json!({"namespace": NAMESPACE, "serviceaccount": {"name": "app", "uid": "u-1"}});
    json!({"iss": "tests", "sub": "system:serviceaccount:team-a:app", "aud": [audience], "exp": end, "iat": end - 700, "kubernetes.io": account})
}

async fn jwt() {
    let dev = ready();
    let pair = KeyPair::generate().expect("a key");
    dev.mounts("jwt", "auth/jwt", &json!({}));
    dev.does("POST", "auth/jwt/config", json!({"jwt_validation_pubkeys": [pair.public_key_pem()]}));
    let role = json!({"role_type": "jwt", "user_claim": "sub", "bound_audiences": ["vault"], "token_policies": "reader"});
    dev.does("POST", "auth/jwt/role/app", role);
    let denied = "sign in to Vault (jwt at auth/jwt/login): Vault refuses (status 400)";
    let access = |audience: &str| TestAccess::new().with_secret("jwt", "token", format!("{}\n", signed(&pair, &claims(audience))));
    let auth = json!({"jwt": {"role": "app", "secretRef": {"name": "jwt", "key": "token"}}});
    check(&settings(&dev.address, auth), access("vault"), access("other"), denied).await;

    let auth = json!({"jwt": {"role": "app", "kubernetesServiceAccountToken": {"serviceAccountRef": {"name": "app"}, "expirationSeconds": 700}}});
    let right = signed(&pair, &claims("vault"));
    let right = Arc::new(TestAccess::new().with_tokens(move |_, _, _, _| Ok(right.clone().into_bytes())));
    let source = source(&settings(&dev.address, auth), &right).await;
    assert!(read(&source, key("signed")).await.expect("an answer").is_some());
    assert_eq!(right.asked_tokens(), ["team-a/app vault 700"]);
}

async fn kubernetes() {
    let dev = ready();
    let pair = KeyPair::generate().expect("a key");
    let [right, wrong] = ["vault", "other"].map(|audience| signed(&pair, &claims(audience)));
    let known = right.clone();
    let cluster = Stub::start(move |asked| {
        assert_eq!(asked.line, "POST /apis/authentication.k8s.io/v1/tokenreviews");
        let user = json!({"username": "system:serviceaccount:team-a:app", "uid": "u-1", "groups": []});
        let status = json!({"authenticated": asked.body.contains(&known), "user": user, "audiences": ["vault"]});
        let review = json!({"kind": "TokenReview", "apiVersion": "authentication.k8s.io/v1", "status": status});
        Reply::new(201, review.to_string()).with("Content-Type", "application/json")
    });
    dev.mounts("kubernetes", "auth/cluster", &json!({}));
    dev.does("POST", "auth/cluster/config", json!({"kubernetes_host": cluster.address, "disable_local_ca_jwt": true, "token_reviewer_jwt": "x"}));
    let bound = json!({"bound_service_account_names": "app", "bound_service_account_namespaces": NAMESPACE, "audience": "vault"});
    let mut role = bound.clone();
    role["token_policies"] = json!("reader");
    dev.does("POST", "auth/cluster/role/app", role);
    let denied = "sign in to Vault (kubernetes at auth/cluster/login): Vault refuses (status 403)";
    let base = |more: Value| {
        let mut auth = json!({"kubernetes": {"mountPath": "cluster", "role": "app"}});
        for (name, value) in more.as_object().expect("fields") {
            auth["kubernetes"][name] = value.clone();
        }
        settings(&dev.address, auth)
    };
    let access = |token: &str| TestAccess::new().with_secret("account", "token", token);
    check(&base(json!({"secretRef": {"name": "account"}})), access(&right), access(&wrong), denied).await;
    let file = "/var/run/secrets/kubernetes.io/serviceaccount/token";
    let access = |token: &str| TestAccess::of(Scope::Cluster).with_file(file, token);
    check(&base(json!({})), access(&format!("{right}\n")), access(&wrong), denied).await;
    let error = read(&source(&base(json!({})), &Arc::new(TestAccess::new())).await, key("signed")).await.expect_err("it is not its own");
    assert_eq!(error.kind(), ErrorKind::Denied, "a SecretStore does not get the identity of this process: {error}");
    let access = Arc::new(TestAccess::new().with_tokens(move |_, _, _, _| Ok(right.clone().into_bytes())));
    let source = source(&base(json!({"serviceAccountRef": {"name": "app", "audiences": ["vault"]}})), &access).await;
    assert!(read(&source, key("signed")).await.expect("an answer").is_some());
    assert_eq!(access.asked_tokens(), ["team-a/app vault 600"]);
}

async fn cert() {
    let dev = Dev::start_with_tls();
    allow(&dev);
    let [right, wrong] = ["anna", "eve"].map(|name| {
        let pair = KeyPair::generate().expect("a key");
        let mut params = rcgen::CertificateParams::new(vec![format!("{name}.example")]).expect("parameters");
        params.extended_key_usages = vec![rcgen::ExtendedKeyUsagePurpose::ClientAuth];
        (params.self_signed(&pair).expect("a certificate").pem(), pair.serialize_pem())
    });
    dev.mounts("cert", "auth/cert", &json!({}));
    dev.does("POST", "auth/cert/certs/anna", json!({"certificate": right.0, "token_policies": "reader"}));
    let at = |key: &str| json!({"name": "anna", "key": key});
    let mut settings = settings(&dev.address, json!({"cert": {"clientCert": at("tls.crt"), "secretRef": at("tls.key"), "vaultRole": "anna"}}));
    settings["caProvider"] = json!({"type": "ConfigMap", "name": "ca", "key": "ca.crt"});
    let access = |(certificate, key): &(String, String)| {
        let access = TestAccess::new().with_secret("anna", "tls.crt", certificate).with_secret("anna", "tls.key", key);
        access.with_config_map("ca", "ca.crt", dev.authority())
    };
    let denied = "sign in to Vault (cert at auth/cert/login): Vault refuses (status 400)";
    check(&settings, access(&right), access(&wrong), denied).await;
}

/// A Vault with a second door, at which nobody is heard who shows no certificate.
async fn connection() {
    let home = tests::process::Home::new();
    let certificate = |name: &str, usage| {
        let pair = KeyPair::generate().expect("a key");
        let mut params = rcgen::CertificateParams::new(vec![name.to_owned()]).expect("parameters");
        params.extended_key_usages = vec![usage];
        (params.self_signed(&pair).expect("a certificate").pem(), pair.serialize_pem())
    };
    let server = certificate("127.0.0.1", rcgen::ExtendedKeyUsagePurpose::ServerAuth);
    let [ours, theirs] = ["ours.example", "theirs.example"].map(|name| certificate(name, rcgen::ExtendedKeyUsagePurpose::ClientAuth));
    let port = tests::server::free_port();
    home.write("server.pem", &server.0);
    home.write("server.key", &server.1);
    home.write("clients.pem", &ours.0);
    let listener = format!(
        "listener \"tcp\" {{\n address = \"127.0.0.1:{port}\"\n tls_cert_file = \"server.pem\"\n tls_key_file = \"server.key\"\n \
         tls_client_ca_file = \"clients.pem\"\n tls_require_and_verify_client_cert = true\n}}\n"
    );
    home.write("more.hcl", listener);
    let dev = Dev::start_with(home, "more.hcl");
    allow(&dev);
    let access = |(certificate, key): &(String, String)| {
        let access = TestAccess::new().with_secret("vault", "token", super::dev::ROOT).with_config_map("ca", "ca.crt", &server.0);
        Arc::new(access.with_secret("ours", "tls.crt", certificate).with_secret("ours", "tls.key", key))
    };
    let address = format!("https://127.0.0.1:{port}");
    let authority = json!({"type": "ConfigMap", "name": "ca", "key": "ca.crt"});
    // The keys of both are those that such Secrets have.
    let tls = json!({"certSecretRef": {"name": "ours"}, "keySecretRef": {"name": "ours"}});
    let shown = super::with_token(&address, &json!({"caProvider": authority, "tls": tls}));
    assert!(read(&source(&shown, &access(&ours)).await, key("signed")).await.expect("an answer").is_some());
    let silent = super::with_token(&address, &json!({"caProvider": authority}));
    for (settings, access) in [(shown, access(&theirs)), (silent, access(&ours))] {
        let error = read(&source(&settings, &access).await, key("signed")).await.expect_err("it shows nothing that counts");
        assert_eq!(error.kind(), ErrorKind::Busy, "{error}");
    }
}

async fn authorities() {
    let first = Dev::start_with_tls();
    let port = first.port();
    let access = TestAccess::new().with_secret("vault", "token", super::dev::ROOT).with_config_map("ca", "ca.crt", first.authority());
    let access = Arc::new(access);
    let mut settings = super::with_token(&first.address, &json!({"caProvider": {"type": "ConfigMap", "name": "ca", "key": "ca.crt"}}));
    let old = source(&settings, &access).await;
    assert_eq!(read(&old, key("none")).await.expect("an answer"), None);
    drop(first);
    let second = Dev::start_with_tls_at(port);
    // The connection that was kept breaks first.
    let _ = read(&old, key("none")).await;
    let error = read(&old, key("none")).await.expect_err("a stranger vouches for it");
    assert!(error.kind() == ErrorKind::Busy && error.to_string().contains("it cannot be reached"), "{error}");
    access.set_config_map("ca", "ca.crt", second.authority());
    assert_eq!(read(&source(&settings, &access).await, key("none")).await.expect("an answer"), None);
    settings["caProvider"] = Value::Null;
    settings["caBundle"] = json!(base64::engine::general_purpose::STANDARD.encode(second.authority()));
    assert_eq!(read(&source(&settings, &access).await, key("none")).await.expect("an answer"), None);
    settings["caBundle"] = json!("aHVudGVyMi1jYQ==");
    let error = connect(&settings, &access).await.err().expect("it is no certificate");
    assert_eq!(error.to_string(), "use the store: spec.provider.vault.caBundle holds no certificate");
}

async fn referent() {
    let stub = Stub::start(|_| Reply::new(403, r#"{"errors":["permission denied"]}"#));
    for (namespace, expected) in [(Value::Null, Some(Validity::Unknown)), (json!("admin"), None)] {
        let access = TestAccess::of(Scope::Cluster).for_nobody();
        access.set_secret("admin", "vault", "token", "hunter2-token");
        let auth = json!({"tokenSecretRef": {"name": "vault", "key": "token", "namespace": namespace}});
        let source = source(&settings(&stub.address, auth), &Arc::new(access)).await;
        assert_eq!(source.validate().await.ok(), expected);
    }
    assert_eq!(stub.lines(), ["GET /v1/auth/token/lookup-self"]);
}

async fn nobody() {
    let stub = Stub::start(|_| Reply::new(200, r#"{"data":{"data":{"k":"v"}}}"#));
    let source = source(&json!({"server": stub.address, "path": "secret"}), &Arc::new(TestAccess::new())).await;
    assert_eq!(read(&source, key("app")).await.expect("an answer").as_deref(), Some(r#"{"k":"v"}"#));
    let asked = stub.asked();
    assert_eq!(asked[0].line, "GET /v1/secret/data/app");
    assert_eq!((asked[0].header("x-vault-token"), asked[0].header("x-vault-request")), (None, Some("true")));
}

async fn refused() {
    let token = json!({"tokenSecretRef": {"name": "vault", "key": "token"}});
    let at = json!({"name": "a", "key": "b"});
    let access = Arc::new(TestAccess::new().with_secret("vault", "token", "hunter2-token").with_secret("a", "b", "hunter2-key"));
    for (settings, expected) in [
        (json!({"server": "ftp://v", "auth": token}), "spec.provider.vault.server is no address of http or https"),
        (json!({"server": "http://user:hunter2-word@v", "auth": token}), "spec.provider.vault.server is no address of http or https"),
        (json!({"server": "http://v", "auth": {}}), "spec.provider.vault.auth names no method"),
        (
            json!({"server": "http://v", "auth": {"gcp": {"role": "r"}}}),
            "spec.provider.vault.auth.gcp without secretRef (workloadIdentity, serviceAccountRef) is not supported",
        ),
        (json!({"server": "http://v", "auth": {"appRole": {"secretRef": at}}}), "spec.provider.vault.auth.appRole has neither roleId nor roleRef"),
        (json!({"server": "http://v", "auth": {"jwt": {"role": "r"}}}), "spec.provider.vault.auth.jwt has neither secretRef"),
        (json!({"server": "http://v", "tls": {"certSecretRef": at}}), "spec.provider.vault.tls needs both certSecretRef and keySecretRef"),
        (json!({"server": "http://v", "tls": {"certSecretRef": at, "keySecretRef": at}}), "our certificate and key are not PEM"),
        (json!({"server": "http://v", "version": "v1", "checkAndSet": {"required": true}}), "spec.provider.vault.checkAndSet"),
        (json!({"server": "http://v", "version": "v3"}), "the field version is not as it should be"),
        (
            json!({"server": "http://v", "headers": {"Y": "hunter2-header", "X": {"value": "hunter2-value", "secretKeyRef": at}}}),
            "spec.provider.vault.headers[X]",
        ),
        (json!({"server": "http://v", "caProvider": {"type": "Secret", "name": "x", "namespace": "y"}}), "spec.provider.vault.caProvider.namespace"),
        (json!({"path": "secret"}), "read spec.provider.vault"),
    ] {
        let error = connect(&settings, &access).await.err().expect("it cannot be").to_string();
        assert!(error.contains(expected) && !error.contains("hunter2-"), "{error}");
    }
    let unknown = json!({"server": "http://v", "auth": {"tokenSecretRef": {"name": "vault", "key": "token", "x": 1}, "y": 1}, "z": {"a": []}});
    assert!(connect(&unknown, &access).await.is_ok(), "fields of later releases");
}

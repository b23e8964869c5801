//! A service account of Google Cloud signs in to the real Vault, which asks a Google of our own for its public key and whether it is still there.

use std::sync::Arc;

use providers::ErrorKind;
use rcgen::{CertificateParams, KeyPair, PKCS_RSA_SHA256, RsaKeySize};
use serde_json::{Value, json};
use tests::access::TestAccess;
use tests::process::Home;
use tests::suite::Case;

use super::dev::{Dev, GOOGLE_KEY};
use super::signing_in::{allow, check, settings};
use super::{key, read, source, waiting};
use crate::stub::{Reply, Stub};

const ACCOUNT: &str = "app@project.iam.gserviceaccount.com";

pub(super) fn cases() -> Vec<Case> {
    vec![waiting("vault_is_signed_in_to_as_a_service_account_of_google", &["vault"], gcp)]
}

/// A key as Google hands it out.
fn handed_out(pair: &KeyPair, google: &str) -> Value {
    json!({
        "type": "service_account", "project_id": "project", "client_email": ACCOUNT, "client_id": "1", "token_uri": format!("{google}/token"),
        "private_key_id": "key-1", "private_key": pair.serialize_pem(),
    })
}

async fn gcp() {
    let pair = KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, RsaKeySize::_2048).expect("a key");
    let public = CertificateParams::new(vec![ACCOUNT.to_owned()]).expect("parameters").self_signed(&pair).expect("a certificate").pem();
    let google = Stub::start(move |asked| {
        let reply = |body: Value| Reply::new(200, body.to_string()).with("Content-Type", "application/json");
        match asked.line.split('?').next().unwrap_or_default() {
            "POST /token" => reply(json!({"access_token": "hunter2-google", "token_type": "Bearer", "expires_in": 3600})),
            line if line.starts_with("GET /service_accounts/v1/metadata/x509/") => reply(json!({"key-1": public})),
            line if line.starts_with("GET /v1/projects/-/serviceAccounts/") => reply(
                json!({"email": ACCOUNT, "uniqueId": "1", "projectId": "project", "name": format!("projects/project/serviceAccounts/{ACCOUNT}")}),
            ),
            _ => Reply::new(404, "{}"),
        }
    });
    let home = Home::new();
    home.write(GOOGLE_KEY, handed_out(&pair, &google.address).to_string());
    let dev = Dev::start_in(home);
    allow(&dev);
    dev.mounts("gcp", "auth/gcp", &json!({}));
    dev.does("POST", "auth/gcp/config", json!({"custom_endpoint": {"api": google.address, "iam": google.address}}));
    let role = json!({"type": "iam", "bound_service_accounts": ACCOUNT, "token_policies": "reader", "max_jwt_exp": "6m"});
    dev.does("POST", "auth/gcp/role/app", role);
    let auth = json!({"gcp": {"role": "app", "secretRef": {"secretAccessKeySecretRef": {"name": "google", "key": "key.json"}}}});
    let access = |key: &Value| TestAccess::new().with_secret("google", "key.json", key.to_string());
    let other = KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, RsaKeySize::_2048).expect("a key");
    let (right, wrong) = (handed_out(&pair, "http://unused"), handed_out(&other, "http://unused"));
    let denied = "sign in to Vault (gcp at auth/gcp/login): Vault refuses (status 400)";
    check(&settings(&dev.address, auth.clone()), access(&right), access(&wrong), denied).await;
    for broken in [json!("hunter2-key"), json!({"client_email": "a", "private_key_id": "b", "private_key": "hunter2-key"})] {
        let error = read(&source(&settings(&dev.address, auth.clone()), &Arc::new(access(&broken))).await, key("signed")).await;
        let error = error.expect_err("it is no key");
        assert_eq!(
            (error.kind(), error.to_string().as_str()),
            (ErrorKind::Denied, "sign in to Vault (gcp): the secret is no key of a service account")
        );
    }
}

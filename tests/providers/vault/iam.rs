//! Somebody whom AWS knows signs in to the real Vault, which asks a token service of our own who that is.

use std::sync::Arc;

use providers::ErrorKind;
use providers::provider::Scope;
use serde_json::{Value, json};
use tests::access::TestAccess;
use tests::suite::Case;

use super::dev::Dev;
use super::signing_in::{check, ready, settings};
use super::{key, read, source, waiting};
use crate::stub::{Asked, Reply, Stub};

const ROLE: &str = "arn:aws:iam::123456789012:role/reader";

pub(super) fn cases() -> Vec<Case> {
    vec![
        waiting("vault_is_signed_in_to_as_somebody_whom_aws_knows", &["vault"], keys),
        waiting("vault_is_signed_in_to_with_a_role_of_aws", &["vault"], role),
        waiting("vault_is_signed_in_to_as_a_service_account_that_aws_knows", &["vault"], account),
        waiting("vault_is_signed_in_to_as_this_process_by_who_may", &["vault"], ambient),
    ]
}

/// A token service that knows whoever has a key of this name, and hands out others for roles.
fn service(known: &'static str) -> Stub {
    Stub::start(move |asked| {
        let field = |name: &str| asked.body.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('=')).unwrap_or_default().to_owned();
        let handed = |id: &str| {
            let body = format!(
                "<R><AccessKeyId>{id}</AccessKeyId><SecretAccessKey>hunter2-s</SecretAccessKey><SessionToken>hunter2-t</SessionToken>\
                 <Expiration>2999-01-01T00:00:00Z</Expiration></R>"
            );
            Reply::new(200, body)
        };
        match field("Action").as_str() {
            "AssumeRole" if signer(asked) == "AKIDRIGHT" && field("ExternalId") == "of-the-owner" => handed("ASIAROLE"),
            "AssumeRoleWithWebIdentity" if field("WebIdentityToken") == "hunter2-token" => handed("ASIAWEB"),
            "GetCallerIdentity" if signer(asked) == known => {
                let result = "<Arn>arn:aws:iam::123456789012:user/anna</Arn><UserId>AIDA1</UserId><Account>123456789012</Account>";
                let answer = format!("<GetCallerIdentityResult>{result}</GetCallerIdentityResult>");
                Reply::new(200, format!("<GetCallerIdentityResponse>{answer}</GetCallerIdentityResponse>")).with("Content-Type", "text/xml")
            }
            _ => Reply::new(403, "<ErrorResponse><Error><Code>InvalidClientTokenId</Code></Error></ErrorResponse>"),
        }
    })
}

/// Whose key a request is signed with.
fn signer(asked: &Asked) -> String {
    let credential = asked.header("authorization").and_then(|signed| signed.split("Credential=").nth(1)?.split('/').next());
    credential.unwrap_or_default().to_owned()
}

/// Lets Vault ask that service, at a mount of its own; says how a store signs in there, besides how it does so to AWS.
fn trusting(service: &Stub, more: &Value) -> (Arc<Dev>, Value, String) {
    let dev = ready();
    let mount = format!("aws-{}", service.address.rsplit(':').next().expect("a port"));
    dev.mounts("aws", &format!("auth/{mount}"), &json!({}));
    let config = json!({"sts_endpoint": service.address, "sts_region": "us-east-1", "iam_server_id_header_value": "vault.example", "max_retries": 0});
    dev.does("POST", &format!("auth/{mount}/config/client"), config);
    let bound = "arn:aws:iam::123456789012:user/anna";
    let role = json!({"auth_type": "iam", "bound_iam_principal_arn": bound, "resolve_aws_unique_ids": false, "token_policies": "reader"});
    dev.does("POST", &format!("auth/{mount}/role/app"), role);
    let mut iam = json!({"path": mount, "vaultRole": "app", "vaultAwsIamServerID": "vault.example"});
    for (name, value) in more.as_object().into_iter().flatten() {
        iam[name] = value.clone();
    }
    let settings = settings(&dev.address, json!({ "iam": iam }));
    (dev, settings, format!("sign in to Vault (iam at auth/{mount}/login): Vault refuses (status 400)"))
}

fn secret_ref() -> Value {
    let at = |key: &str| json!({"name": "aws", "key": key});
    json!({"accessKeyIDSecretRef": at("id"), "secretAccessKeySecretRef": at("key")})
}

fn with_key(service: &Stub, id: &str) -> TestAccess {
    TestAccess::new().with_endpoint("AWS_STS_ENDPOINT", &service.address).with_secret("aws", "id", id).with_secret("aws", "key", "hunter2-aws\n")
}

async fn keys() {
    let service = service("AKIDRIGHT");
    let (_dev, mut settings, denied) = trusting(&service, &json!({"secretRef": secret_ref()}));
    check(&settings, with_key(&service, "AKIDRIGHT"), with_key(&service, "AKIDWRONG"), &denied).await;
    settings["auth"]["iam"]["vaultAwsIamServerID"] = json!("another.example");
    let source = source(&settings, &Arc::new(with_key(&service, "AKIDRIGHT"))).await;
    assert_eq!(read(&source, key("signed")).await.expect_err("the proof is for another Vault").kind(), ErrorKind::Denied);
    assert!(service.asked().iter().all(|asked| asked.body == "Action=GetCallerIdentity&Version=2011-06-15"));
}

async fn role() {
    let service = service("ASIAROLE");
    let more = json!({"secretRef": secret_ref(), "role": ROLE, "externalID": "of-the-owner"});
    let (_dev, mut settings, _) = trusting(&service, &more);
    let denied = format!("assume the role {ROLE}: AssumeRole answers InvalidClientTokenId");
    check(&settings, with_key(&service, "AKIDRIGHT"), with_key(&service, "AKIDWRONG"), &denied).await;
    settings["auth"]["iam"]["externalID"] = json!("of-somebody-else");
    let source = source(&settings, &Arc::new(with_key(&service, "AKIDRIGHT"))).await;
    assert_eq!(read(&source, key("signed")).await.expect_err("its owner wants another word").kind(), ErrorKind::Denied);
}

async fn account() {
    let service = service("ASIAWEB");
    let (_dev, settings, _) = trusting(&service, &json!({"jwt": {"serviceAccountRef": {"name": "reader"}}}));
    let access = |token: &'static str| {
        let access = TestAccess::new().with_endpoint("AWS_STS_ENDPOINT", &service.address);
        access.with_annotation("reader", "eks.amazonaws.com/role-arn", ROLE).with_tokens(move |_, _, _, _| Ok(token.into()))
    };
    let denied = format!("assume the role {ROLE} with a token: AssumeRoleWithWebIdentity answers InvalidClientTokenId");
    check(&settings, access("hunter2-token"), access("hunter2-other"), &denied).await;
}

/// Pod Identity: an agent beside us hands out keys, which serve no SecretStore.
async fn ambient() {
    let service = service("ASIAPOD");
    let agent = Stub::start(|asked| {
        if asked.header("authorization") != Some("hunter2-agent") {
            return Reply::new(403, "");
        }
        let handed = json!({"AccessKeyId": "ASIAPOD", "SecretAccessKey": "hunter2-s", "Token": "hunter2-t", "Expiration": "2999-01-01T00:00:00Z"});
        Reply::new(200, handed.to_string())
    });
    let (_dev, settings, _) = trusting(&service, &json!({}));
    let access = |scope: Scope, token: &str| {
        let access = TestAccess::of(scope).with_endpoint("AWS_STS_ENDPOINT", &service.address);
        let access = access.with_variable("AWS_CONTAINER_CREDENTIALS_FULL_URI", format!("{}/v1/credentials", agent.address));
        access.with_variable("AWS_CONTAINER_AUTHORIZATION_TOKEN", token)
    };
    let (right, wrong) = (access(Scope::Cluster, "hunter2-agent"), access(Scope::Cluster, "hunter2-other"));
    check(&settings, right, wrong, "ask the agent beside us for credentials of AWS: the agent answers status 403").await;
    let theirs = source(&settings, &Arc::new(access(Scope::Namespace, "hunter2-agent"))).await;
    let error = read(&theirs, key("signed")).await.expect_err("a SecretStore does not get the identity of this process");
    assert_eq!(error.to_string(), "use the identity of this process: this store must not");
}

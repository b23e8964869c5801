//! Who a store is to AWS: keys, roles, service accounts, and what this process is.

use std::sync::Arc;

use providers::provider::{Scope, Validity};
use providers::{ErrorKind, Reach};
use serde_json::{Value, json};
use tests::access::TestAccess;
use tests::suite::Case;

use super::super::stub::{Asked, Reply, Stub};
use super::moto::Moto;
use super::{CANARY, KEY_ID, access, at, key, quiet, read, source, waiting, with, with_keys};

const NEEDS: &[&str] = &["moto"];

const ROLE: &str = "arn:aws:iam::123456789012:role/reader";

pub(super) fn cases() -> Vec<Case> {
    vec![
        waiting("aws_a_session_token_goes_with_the_keys", &[], a_session_token_goes_with_the_keys),
        waiting("aws_signatures_are_those_that_moto_makes", NEEDS, signatures_are_those_that_moto_makes),
        waiting("aws_roles_are_assumed_in_turn_with_tags_and_external_id", NEEDS, roles_are_assumed_in_turn_with_tags_and_external_id),
        waiting("aws_the_policy_simple_adds_tags_that_nobody_overrides", &[], the_policy_simple_adds_tags_that_nobody_overrides),
        waiting("aws_a_service_account_stands_for_its_role", NEEDS, a_service_account_stands_for_its_role),
        waiting("aws_the_identity_of_this_process_serves_only_who_may", NEEDS, the_identity_of_this_process_serves_only_who_may),
        waiting("aws_an_agent_beside_us_hands_out_keys", &[], an_agent_beside_us_hands_out_keys),
        waiting("aws_a_machine_hands_out_keys_to_who_may", &[], a_machine_hands_out_keys_to_who_may),
        waiting("aws_validating_signs_in_and_reads_nothing", &[], validating_signs_in_and_reads_nothing),
    ]
}

fn settings(more: &Value) -> Value {
    with_keys("SecretsManager", "eu-west-1", more)
}

fn without_keys(more: &Value) -> Value {
    with(json!({"service": "SecretsManager", "region": "eu-west-1"}), more)
}

/// Which operation a request is.
pub(super) fn operation(asked: &Asked) -> String {
    let target = asked.header("x-amz-target").map(|target| target.rsplit('.').next().unwrap_or_default().to_owned());
    target.or_else(|| field(asked, "Action")).unwrap_or_else(|| asked.line.clone())
}

/// A field of a form.
fn field(asked: &Asked, name: &str) -> Option<String> {
    asked
        .body
        .split('&')
        .filter_map(|pair| pair.split_once('='))
        .find(|(key, _)| *key == name)
        .map(|(_, value)| value.replace("%3A", ":").replace("%2F", "/"))
}

/// Whose key a request is signed with.
fn signer(asked: &Asked) -> Option<String> {
    asked.header("authorization")?.split("Credential=").nth(1)?.split('/').next().map(str::to_owned)
}

/// What the token service answers, with a key of that name.
pub(super) fn credentials(id: &str, expires: &str) -> String {
    format!(
        "<R><Credentials><AccessKeyId>{id}</AccessKeyId><SecretAccessKey>{CANARY}s</SecretAccessKey><SessionToken>{CANARY}t</SessionToken>\
         <Expiration>{expires}</Expiration></Credentials></R>"
    )
}

pub(super) fn value() -> Reply {
    Reply::new(200, json!({"Name": "a", "SecretString": "bread"}).to_string())
}

async fn a_session_token_goes_with_the_keys() {
    let stub = Stub::start(|_| value());
    let selector = |key: &str| json!({"name": "aws", "key": key});
    let mut settings = settings(&json!({}));
    settings["auth"]["secretRef"]["sessionTokenSecretRef"] = selector("token");
    let access = Arc::new(access(&stub.address).with_secret("aws", "token", format!("{CANARY}token")));
    assert_eq!(read(&source(&settings, &access).await, key("a")).await.unwrap().as_deref(), Some("bread"));
    let asked = stub.asked();
    assert_eq!(asked[0].header("x-amz-security-token"), Some("hunter2-token"));
    let signature = asked[0].header("authorization").expect("a signature");
    assert!(signature.contains(&format!("Credential={KEY_ID}/")) && signature.contains("/eu-west-1/secretsmanager/aws4_request"), "{signature}");
    assert!(signature.contains("SignedHeaders=content-type;host;x-amz-date;x-amz-security-token;x-amz-target"), "{signature}");
    assert_eq!(asked[0].headers.iter().filter(|(name, _)| name == "content-type").count(), 1);
}

/// Moto computes each signature with the vendor's own code, and looks at policies.
async fn signatures_are_those_that_moto_makes() {
    let (moto, region) = (Moto::start(), "eu-west-1");
    moto.secrets(region, "CreateSecret", &json!({"Name": "mine", "SecretString": "bread"}));
    moto.secrets(region, "CreateSecret", &json!({"Name": "theirs", "SecretString": "hunter2-theirs"}));
    let keys = |user: &str, actions: &str| {
        moto.iam(&format!("Action=CreateUser&Version=2010-05-08&UserName={user}"));
        let policy = json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": [actions], "Resource": "*"}]}).to_string();
        let policy: String = policy.bytes().map(|byte| format!("%{byte:02X}")).collect();
        moto.iam(&format!("Action=PutUserPolicy&Version=2010-05-08&UserName={user}&PolicyName=p&PolicyDocument={policy}"));
        let made = moto.iam(&format!("Action=CreateAccessKey&Version=2010-05-08&UserName={user}"));
        let part = |name: &str| made.split(&format!("<{name}>")).nth(1).and_then(|rest| rest.split('<').next()).expect("a key").to_owned();
        (part("AccessKeyId"), part("SecretAccessKey"))
    };
    let (reader, lister) = (keys("reader", "secretsmanager:GetSecretValue"), keys("lister", "secretsmanager:ListSecrets"));
    moto.be_strict();
    let with =
        |id: &str, secret: &str| Arc::new(at(TestAccess::new(), &moto.address()).with_secret("aws", "id", id).with_secret("aws", "secret", secret));
    let settings = settings(&json!({}));
    let reads = async |access: &Arc<TestAccess>| read(&source(&settings, access).await, key("mine")).await;
    assert_eq!(reads(&with(&reader.0, &reader.1)).await.unwrap().as_deref(), Some("bread"));
    for access in [with(&lister.0, &lister.1), with(&reader.0, "hunter2-other"), with("AKIANOBODY", "hunter2-other")] {
        let error = reads(&access).await.unwrap_err();
        // Moto says why in XML, which this service of AWS does not speak.
        let said = "read secret mine from AWS Secrets Manager: GetSecretValue answers status 403";
        assert_eq!((error.kind(), error.to_string().as_str()), (ErrorKind::Denied, said));
    }
}

async fn roles_are_assumed_in_turn_with_tags_and_external_id() {
    let moto = Moto::shared();
    moto.secrets("eu-west-1", "CreateSecret", &json!({"Name": "of a role", "SecretString": "bread"}));
    let stub = Stub::start(|asked| Moto::shared().pass_on(asked));
    let first = "arn:aws:iam::123456789012:role/first";
    let settings = settings(&json!({
        "additionalRoles": [first], "role": ROLE, "externalID": "of-the-owner",
        "sessionTags": [{"key": "team", "value": "a"}, {"key": "env", "value": "prod"}], "transitiveTagKeys": ["team"],
    }));
    let source = source(&settings, &Arc::new(access(&stub.address))).await;
    for _ in 0..3 {
        assert_eq!(read(&source, key("of a role")).await.unwrap().as_deref(), Some("bread"));
    }
    let asked = stub.asked();
    let operations: Vec<String> = asked.iter().map(operation).collect();
    assert_eq!(operations, ["AssumeRole", "AssumeRole", "GetSecretValue", "GetSecretValue", "GetSecretValue"]);
    assert_eq!(
        (field(&asked[0], "RoleArn").as_deref(), field(&asked[0], "ExternalId"), field(&asked[0], "Tags.member.1.Key")),
        (Some(first), None, None)
    );
    let expected = format!(
        "Action=AssumeRole&Version=2011-06-15&RoleArn={ROLE}&RoleSessionName=external-secrets-provider-aws&ExternalId=of-the-owner\
         &Tags.member.1.Key=team&Tags.member.1.Value=a&Tags.member.2.Key=env&Tags.member.2.Value=prod&TransitiveTagKeys.member.1=team"
    );
    assert_eq!(asked[1].body.replace("%3A", ":").replace("%2F", "/"), expected);
    let signers: Vec<String> = asked.iter().filter_map(signer).collect();
    assert_eq!(signers[0], KEY_ID);
    assert!(signers[1] != signers[0] && signers[2] != signers[1] && signers[2..].iter().all(|signer| *signer == signers[2]), "{signers:?}");
    assert!(asked[1..].iter().all(|asked| asked.header("x-amz-security-token").is_some()));
}

async fn the_policy_simple_adds_tags_that_nobody_overrides() {
    let stub = Stub::start(|asked| match operation(asked).as_str() {
        "AssumeRole" => Reply::new(200, credentials("ASIA1", "2999-01-01T00:00:00Z")),
        _ => value(),
    });
    let custom = json!({"team": "a", "esoStoreName": "forged", "empty": ""});
    for (policy, scope, expected) in [
        ("None", Scope::Namespace, "k=v"),
        ("Simple", Scope::Namespace, "esoNamespace=team-a esoStoreKind=SecretStore esoStoreName=store k=v"),
        ("Custom", Scope::Cluster, "esoNamespace=team-a esoStoreKind=ClusterSecretStore esoStoreName=store k=v team=a"),
    ] {
        let more = json!({
            "role": ROLE, "sessionTagsPolicy": policy, "customSessionTags": custom, "sessionTags": [{"key": "k", "value": "v"}],
        });
        let access = at(TestAccess::of(scope), &stub.address).with_secret("aws", "id", KEY_ID).with_secret("aws", "secret", "hunter2-key");
        read(&source(&settings(&more), &Arc::new(access)).await, key("a")).await.unwrap();
        let asked = stub.asked();
        let form = asked.iter().rfind(|asked| operation(asked) == "AssumeRole").expect("a role");
        let tag = |number: usize| {
            Some(format!("{}={}", field(form, &format!("Tags.member.{number}.Key"))?, field(form, &format!("Tags.member.{number}.Value"))?))
        };
        assert_eq!((1..9).map_while(tag).collect::<Vec<_>>().join(" "), expected, "{policy}");
    }
}

async fn a_service_account_stands_for_its_role() {
    let moto = Moto::shared();
    moto.secrets("eu-west-1", "CreateSecret", &json!({"Name": "of an account", "SecretString": "bread"}));
    let stub = Stub::start(|asked| Moto::shared().pass_on(asked));
    let settings = without_keys(&json!({"auth": {"jwt": {"serviceAccountRef": {"name": "reader", "audiences": ["more"]}}}}));
    let account = |role: &str| {
        let access = at(TestAccess::new(), &stub.address).with_tokens(|_, _, _, _| Ok(b"hunter2-token\n".to_vec()));
        Arc::new(access.with_annotation("reader", "eks.amazonaws.com/role-arn", role))
    };
    let access = account(ROLE);
    assert_eq!(read(&source(&settings, &access).await, key("of an account")).await.unwrap().as_deref(), Some("bread"));
    assert_eq!(access.asked_tokens(), ["team-a/reader sts.amazonaws.com,more 600"]);
    let asked = stub.asked();
    let expected = format!(
        "Action=AssumeRoleWithWebIdentity&Version=2011-06-15&RoleArn={ROLE}&RoleSessionName=external-secrets-provider-aws&WebIdentityToken=hunter2-token"
    );
    assert_eq!((asked[0].body.replace("%3A", ":").replace("%2F", "/"), asked[0].header("authorization")), (expected, None));
    let other = Arc::new(
        at(TestAccess::new(), &stub.address)
            .with_tokens(|_, _, _, _| Ok(b"hunter2-token".to_vec()))
            .with_annotation("reader", "eks.amazonaws.com/role-arn", ROLE)
            .with_annotation("reader", "eks.amazonaws.com/audience", "mine"),
    );
    read(&source(&settings, &other).await, key("of an account")).await.unwrap();
    assert_eq!(other.asked_tokens(), ["team-a/reader mine,more 600"]);
    let error = read(&source(&settings, &account("")).await, key("of an account")).await.unwrap_err();
    let said = "sign in to AWS: service account reader has no annotation eks.amazonaws.com/role-arn";
    assert_eq!((error.kind(), error.to_string().as_str()), (ErrorKind::Denied, said));
}

async fn the_identity_of_this_process_serves_only_who_may() {
    let moto = Moto::shared();
    moto.secrets("eu-west-1", "CreateSecret", &json!({"Name": "ambient", "SecretString": "bread"}));
    let of = |scope: Scope| at(TestAccess::of(scope), &moto.address());
    let reads = async |access: TestAccess| read(&source(&without_keys(&json!({})), &Arc::new(access)).await, key("ambient")).await;
    let with_role = |access: TestAccess| {
        let access = access.with_variable("AWS_ROLE_ARN", ROLE).with_variable("AWS_WEB_IDENTITY_TOKEN_FILE", "/var/run/token");
        access.with_file("/var/run/token", "hunter2-token")
    };
    let with_id = |access: TestAccess| access.with_variable("AWS_ACCESS_KEY_ID", KEY_ID).with_variable("AWS_SECRET_ACCESS_KEY", "hunter2-key");
    assert_eq!(reads(with_id(of(Scope::Cluster))).await.unwrap().as_deref(), Some("bread"));
    assert_eq!(reads(with_role(of(Scope::Cluster))).await.unwrap().as_deref(), Some("bread"));
    for (access, said) in [
        (with_id(of(Scope::Namespace)), "this store must not"),
        (with_role(of(Scope::Namespace)), "this store must not"),
        (of(Scope::Cluster).with_variable("AWS_EC2_METADATA_DISABLED", "true"), "this process has no identity of its own"),
        (
            of(Scope::Cluster).with_variable("AWS_ROLE_ARN", ROLE).with_variable("AWS_WEB_IDENTITY_TOKEN_FILE", "/gone"),
            "AWS_WEB_IDENTITY_TOKEN_FILE names is missing",
        ),
    ] {
        let error = reads(access).await.unwrap_err();
        assert!(error.kind() == ErrorKind::Denied && error.to_string().contains(said), "{error}");
    }
}

async fn an_agent_beside_us_hands_out_keys() {
    let stub = Stub::start(|asked| {
        if asked.line != "GET /v1/credentials" {
            return value();
        }
        let handed = json!({"AccessKeyId": "ASIA2", "SecretAccessKey": "hunter2-s", "Token": "hunter2-t", "Expiration": "2999-01-01T00:00:00Z"});
        Reply::new(200, handed.to_string())
    });
    let access = at(TestAccess::of(Scope::Cluster), &stub.address)
        .with_variable("AWS_CONTAINER_CREDENTIALS_FULL_URI", format!("{}/v1/credentials", stub.address))
        .with_variable("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", "/var/run/token")
        .with_file("/var/run/token", "hunter2-agent\n");
    assert_eq!(read(&source(&without_keys(&json!({})), &Arc::new(access)).await, key("a")).await.unwrap().as_deref(), Some("bread"));
    let asked = stub.asked();
    assert_eq!((asked[0].header("authorization"), signer(&asked[1]).as_deref()), (Some("hunter2-agent"), Some("ASIA2")));
    // The token of this process goes to an agent, and to nobody else without TLS.
    for address in ["http://203.0.113.7/v1/credentials", "http://agent.example/v1", "file:///etc/passwd", "http://169.254.169.254/latest"] {
        let access = at(TestAccess::of(Scope::Cluster), &stub.address).with_variable("AWS_CONTAINER_CREDENTIALS_FULL_URI", address);
        let error = read(&source(&without_keys(&json!({})), &Arc::new(access)).await, key("a")).await.unwrap_err();
        assert!(error.kind() == ErrorKind::Denied && error.to_string().ends_with("is not an address that may be asked"), "{error}");
    }
}

/// IMDSv2: no visit without a token of its own.
async fn a_machine_hands_out_keys_to_who_may() {
    let stub = Stub::start(|asked| {
        let is_known = asked.header("x-aws-ec2-metadata-token") == Some("hunter2-visit");
        match asked.line.as_str() {
            "PUT /latest/api/token" if asked.header("x-aws-ec2-metadata-token-ttl-seconds") == Some("60") => Reply::new(200, "hunter2-visit"),
            "GET /latest/meta-data/iam/security-credentials/" if is_known => Reply::new(200, "reader\n"),
            "GET /latest/meta-data/iam/security-credentials/reader" if is_known => {
                let handed = json!({"Code": "Success", "AccessKeyId": "ASIA3", "SecretAccessKey": "hunter2-s", "Token": "hunter2-t"});
                Reply::new(200, with(handed, &json!({"Expiration": "2999-01-01T00:00:00Z"})).to_string())
            }
            "POST /" => value(),
            _ => Reply::new(401, CANARY),
        }
    });
    let of = |scope: Scope, address: &str| at(TestAccess::of(scope), &stub.address).with_variable("AWS_EC2_METADATA_SERVICE_ENDPOINT", address);
    let reads = async |access: TestAccess| read(&source(&without_keys(&json!({})), &Arc::new(access)).await, key("a")).await;
    // What no store may reach, this may.
    let access = of(Scope::Cluster, &stub.address).with_reach(Reach::default());
    assert_eq!(reads(access).await.unwrap().as_deref(), Some("bread"));
    assert_eq!(stub.asked().last().and_then(signer).as_deref(), Some("ASIA3"));
    assert_eq!(stub.lines().len(), 4);
    let error = reads(of(Scope::Namespace, &stub.address)).await.unwrap_err();
    assert!(error.to_string().contains("this store must not"), "{error}");
    for address in ["http://203.0.113.7", "http://localhost", "http://metadata.example", "file:///etc/passwd"] {
        let error = reads(of(Scope::Cluster, address)).await.unwrap_err();
        assert!(error.kind() == ErrorKind::Denied && error.to_string().contains("AWS_EC2_METADATA_SERVICE_ENDPOINT"), "{error}");
    }
    let error = reads(of(Scope::Cluster, &stub.address).with_variable("AWS_EC2_METADATA_DISABLED", "True")).await.unwrap_err();
    assert!(error.to_string().contains("no identity of its own"), "{error}");
    assert_eq!(stub.lines().len(), 4, "nobody else was there");
    let away = Stub::start(|_| Reply::new(404, CANARY));
    let error = reads(of(Scope::Cluster, &away.address)).await.unwrap_err();
    assert!(error.to_string().ends_with("it answers status 404"), "{error}");
    let unused = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let error = reads(of(Scope::Cluster, &format!("http://{unused}"))).await.unwrap_err();
    assert!(error.kind() == ErrorKind::Busy && error.to_string().contains("no metadata service of a machine answers"), "{error}");
}

async fn validating_signs_in_and_reads_nothing() {
    let stub = Stub::start(|asked| match operation(asked).as_str() {
        "AssumeRole" => Reply::new(200, credentials("ASIA1", "2999-01-01T00:00:00Z")),
        _ => value(),
    });
    let settings = settings(&json!({"role": ROLE}));
    assert_eq!(source(&settings, &Arc::new(access(&stub.address))).await.validate().await.unwrap(), Validity::Valid);
    assert_eq!(stub.asked().iter().map(operation).collect::<Vec<_>>(), ["AssumeRole"]);
    // Keys that each consumer has by itself are not there yet.
    let of_consumers = Arc::new(at(TestAccess::of(Scope::Cluster), &stub.address));
    assert_eq!(source(&settings, &of_consumers).await.validate().await.unwrap(), Validity::Unknown);
    let error = source(&settings, &Arc::new(at(TestAccess::new(), &stub.address))).await.validate().await.inspect_err(quiet).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Denied, "{error}");
}

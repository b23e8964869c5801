//! Secrets Manager, as moto has it.

use std::sync::Arc;

use providers::ErrorKind;
use providers::provider::{Lookup, Search};
use serde_json::{Value, json};
use tests::suite::Case;

use super::super::stub::Stub;
use super::moto::Moto;
use super::{
    CANARY, access, below, catalog, find, key, metadata, named, operations, read, read_at_once, read_bytes, source, tagged, version, waiting,
    with_keys,
};

const NEEDS: &[&str] = &["moto"];

pub(super) fn cases() -> Vec<Case> {
    vec![
        waiting("aws_a_secret_is_text_or_bytes", NEEDS, a_secret_is_text_or_bytes),
        waiting("aws_a_version_is_a_stage_or_an_id", NEEDS, a_version_is_a_stage_or_an_id),
        waiting("aws_what_is_missing_or_marked_for_deletion_is_no_error", NEEDS, what_is_missing_or_marked_for_deletion_is_no_error),
        waiting("aws_the_metadata_of_a_secret_are_its_tags", NEEDS, the_metadata_of_a_secret_are_its_tags),
        waiting("aws_secrets_are_found_by_name_path_and_tags", NEEDS, secrets_are_found_by_name_path_and_tags),
        waiting("aws_many_secrets_are_read_twenty_at_once", NEEDS, many_secrets_are_read_twenty_at_once),
        waiting("aws_who_may_not_read_batches_reads_one_by_one", NEEDS, who_may_not_read_batches_reads_one_by_one),
        waiting("aws_secrets_that_are_wanted_at_once_are_one_request", NEEDS, wanted_at_once_are_one_request),
        waiting("aws_a_prefix_is_put_in_front_once", NEEDS, a_prefix_is_put_in_front_once),
        waiting("aws_the_vendors_client_reads_the_same", &["boto3", "moto"], the_vendors_client_reads_the_same),
    ]
}

fn settings(region: &str) -> Value {
    with_keys("SecretsManager", region, &json!({}))
}

fn create(moto: &Moto, region: &str, name: &str, value: &str) {
    moto.secrets(region, "CreateSecret", &json!({"Name": name, "SecretString": value, "ClientRequestToken": "0".repeat(32)}));
}

async fn a_secret_is_text_or_bytes() {
    let (moto, region) = (Moto::shared(), "eu-west-1");
    let text = format!("{CANARY}\"ü\\n\n{{\"a\": 1}}");
    create(moto, region, "team/text", &text);
    moto.secrets(region, "CreateSecret", &json!({"Name": "team/bytes", "SecretBinary": "AP+AaHVudGVyMg=="}));
    let source = source(&settings(region), &Arc::new(access(&moto.address()))).await;
    assert_eq!(read(&source, key("team/text")).await.unwrap(), Some(text));
    assert_eq!(read_bytes(&source, key("team/bytes")).await.unwrap(), Some(b"\x00\xff\x80hunter2".to_vec()));
    let arn = moto.secrets(region, "DescribeSecret", &json!({"SecretId": "team/bytes"}))["ARN"].as_str().expect("an ARN").to_owned();
    assert!(read_bytes(&source, key(&arn)).await.unwrap().is_some());
    assert_eq!(source.lookup(), Lookup::EscapedThenPath);
}

async fn a_version_is_a_stage_or_an_id() {
    let (moto, region) = (Moto::shared(), "eu-west-2");
    create(moto, region, "a", "hunter2-old");
    let put = json!({"SecretId": "a", "SecretString": "hunter2-new", "ClientRequestToken": "1".repeat(32)});
    moto.secrets(region, "PutSecretValue", &put);
    let source = source(&settings(region), &Arc::new(access(&moto.address()))).await;
    for (asked, expected) in [
        (key("a"), Some("hunter2-new")),
        (version("a", ""), Some("hunter2-new")),
        (version("a", "AWSCURRENT"), Some("hunter2-new")),
        (version("a", "AWSPREVIOUS"), Some("hunter2-old")),
        (version("a", &format!("uuid/{}", "0".repeat(32))), Some("hunter2-old")),
        (version("a", &format!("uuid/{}", "1".repeat(32))), Some("hunter2-new")),
        (version("a", &format!("uuid/{}", "2".repeat(32))), None),
        (version("a", "AWSPENDING"), None),
    ] {
        assert_eq!(read(&source, asked.clone()).await.unwrap().as_deref(), expected, "{asked:?}");
    }
}

async fn what_is_missing_or_marked_for_deletion_is_no_error() {
    let (moto, region) = (Moto::shared(), "eu-west-3");
    create(moto, region, "doomed", "hunter2-doomed");
    let source = source(&settings(region), &Arc::new(access(&moto.address()))).await;
    assert!(read(&source, key("doomed")).await.unwrap().is_some());
    moto.secrets(region, "DeleteSecret", &json!({"SecretId": "doomed", "RecoveryWindowInDays": 7}));
    for asked in [key("doomed"), key("never"), metadata("never")] {
        assert_eq!(read(&source, asked.clone()).await.unwrap(), None, "{asked:?}");
    }
}

async fn the_metadata_of_a_secret_are_its_tags() {
    let (moto, region) = (Moto::shared(), "eu-central-1");
    let tags = json!([{"Key": "team", "Value": "a<b"}, {"Key": "env", "Value": "prod"}]);
    moto.secrets(region, "CreateSecret", &json!({"Name": "tagged", "SecretString": "hunter2-x", "Tags": tags}));
    create(moto, region, "plain", "hunter2-y");
    let source = source(&settings(region), &Arc::new(access(&moto.address()))).await;
    assert_eq!(read(&source, metadata("tagged")).await.unwrap().as_deref(), Some(r#"{"env":"prod","team":"a\u003cb"}"#));
    assert_eq!(read(&source, metadata("plain")).await.unwrap().as_deref(), Some("{}"));
}

async fn secrets_are_found_by_name_path_and_tags() {
    let (moto, region) = (Moto::shared(), "us-east-1");
    for (name, tag) in [("app/db", "prod"), ("app/cache", "test"), ("other/db", "prod")] {
        let tags = json!([{"Key": "env", "Value": tag}]);
        moto.secrets(region, "CreateSecret", &json!({"Name": name, "SecretString": format!("of {name}"), "Tags": tags}));
    }
    moto.secrets(region, "CreateSecret", &json!({"Name": "app/bytes", "SecretBinary": "YnJlYWQ="}));
    let catalog = catalog(&settings(region), &Arc::new(access(&moto.address()))).await;
    for (asked, expected) in [
        (named("db"), &["app/db=of app/db", "other/db=of other/db"][..]),
        (below("app/", named("")), &["app/bytes=bread", "app/cache=of app/cache", "app/db=of app/db"]),
        (below("app/", named("db")), &["app/db=of app/db"]),
        (tagged("env", "prod"), &["app/db=of app/db", "other/db=of other/db"]),
        (below("other", tagged("env", "prod")), &["other/db=of other/db"]),
        (Search { tags: tagged("env", "prod").tags, ..named("app") }, &["app/db=of app/db"]),
        (named("nothing"), &[]),
    ] {
        assert_eq!(find(&catalog, &asked).await.unwrap(), expected, "{asked:?}");
    }
    let error = find(&catalog, &below("app/", Search::default())).await.unwrap_err();
    assert_eq!(
        (error.kind(), error.to_string().as_str()),
        (ErrorKind::Invalid, "find secrets in AWS Secrets Manager: neither a name nor tags are given")
    );
}

/// 45 secrets: one list, three batches.
async fn many_secrets_are_read_twenty_at_once() {
    let (moto, region) = (Moto::shared(), "us-east-2");
    for number in 0..45 {
        create(moto, region, &format!("many-{number:02}"), "hunter2-x");
    }
    let stub = Stub::start(|asked| Moto::shared().pass_on(asked));
    let catalog = catalog(&settings(region), &Arc::new(access(&stub.address))).await;
    assert_eq!(find(&catalog, &named("many-")).await.unwrap().len(), 45);
    let operations: Vec<String> = stub.asked().iter().map(|asked| asked.header("x-amz-target").unwrap_or_default().to_owned()).collect();
    let batch = "secretsmanager.BatchGetSecretValue";
    assert_eq!(operations, ["secretsmanager.ListSecrets", batch, batch, batch]);
}

async fn who_may_not_read_batches_reads_one_by_one() {
    let (moto, region) = (Moto::shared(), "us-west-1");
    create(moto, region, "one", "hunter2-1");
    create(moto, region, "two", "hunter2-2");
    let stub = Stub::start(|asked| {
        if asked.header("x-amz-target").is_some_and(|target| target.contains("Batch")) {
            return super::super::stub::Reply::new(400, r#"{"__type":"AccessDeniedException","Message":"User: x is not authorized"}"#);
        }
        Moto::shared().pass_on(asked)
    });
    let catalog = catalog(&settings(region), &Arc::new(access(&stub.address))).await;
    assert_eq!(find(&catalog, &named("")).await.unwrap(), ["one=hunter2-1", "two=hunter2-2"]);
    // Where a path selects, there are no names to fall back on.
    assert_eq!(find(&catalog, &below("o", named(""))).await.unwrap_err().kind(), ErrorKind::Denied);
}

async fn a_prefix_is_put_in_front_once() {
    let (moto, region) = (Moto::shared(), "us-west-2");
    create(moto, region, "team-a/db", "hunter2-db");
    let settings = with_keys("SecretsManager", region, &json!({"prefix": "team-a/"}));
    let access = Arc::new(access(&moto.address()));
    assert_eq!(read(&source(&settings, &access).await, key("db")).await.unwrap().as_deref(), Some("hunter2-db"));
    assert_eq!(find(&catalog(&settings, &access).await, &named("db")).await.unwrap(), ["team-a/db=hunter2-db"]);
}

async fn the_vendors_client_reads_the_same() {
    let (moto, region) = (Moto::shared(), "ca-central-1");
    let made = moto.vendor(
        region,
        "s = client('secretsmanager')\n\
         s.create_secret(Name='text', SecretString='bread \u{fc}', Tags=[{'Key': 'k', 'Value': 'v'}])\n\
         s.create_secret(Name='bytes', SecretBinary=b'\\x00\\xff')\n\
         p = client('ssm')\n\
         p.put_parameter(Name='/text', Value='butter', Type='SecureString')\n\
         print(s.get_secret_value(SecretId='text')['SecretString'], s.get_secret_value(SecretId='bytes')['SecretBinary'].hex(),\n\
               p.get_parameter(Name='/text', WithDecryption=True)['Parameter']['Value'])",
    );
    let access = Arc::new(access(&moto.address()));
    let (secrets, parameters) = (source(&settings(region), &access).await, source(&with_keys("ParameterStore", region, &json!({})), &access).await);
    let text = read(&secrets, key("text")).await.unwrap().expect("text");
    let bytes = read_bytes(&secrets, key("bytes")).await.unwrap().expect("bytes");
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    let parameter = read(&parameters, key("/text")).await.unwrap().expect("a parameter");
    assert_eq!(format!("{text} {hex} {parameter}\n"), made);
    assert_eq!(made, "bread \u{fc} 00ff butter\n");
}

async fn wanted_at_once_are_one_request() {
    let (moto, region) = (Moto::shared(), "ap-south-1");
    for number in 0..24 {
        create(moto, region, &format!("s{number}"), &format!("hunter2-{number}"));
    }
    let arn = moto.secrets(region, "DescribeSecret", &json!({"SecretId": "s0"}))["ARN"].as_str().expect("an ARN").to_owned();
    let stub = Stub::start(|asked| Moto::shared().pass_on(asked));
    let source = source(&settings(region), &Arc::new(access(&stub.address))).await;
    let names = [arn, "never".to_owned()].into_iter().chain((1..24).map(|number| format!("s{number}")));
    let answers: Vec<Option<String>> = read_at_once(&source, names).await.into_iter().map(Result::unwrap).collect();
    let expected = |number: usize| Some(format!("hunter2-{number}"));
    assert_eq!((&answers[0], &answers[1]), (&expected(0), &None));
    assert_eq!(answers[2..], (1..24).map(expected).collect::<Vec<_>>());
    // Twenty and five; of the one that is missing there is more to know than that it is not among the others.
    assert_eq!(operations(&stub, 0), ["BatchGetSecretValue", "BatchGetSecretValue", "GetSecretValue"]);
    let old = super::version("s1", "AWSPREVIOUS");
    assert_eq!(read(&source, old).await.unwrap(), None);
    assert_eq!(operations(&stub, 3), ["GetSecretValue"], "a request for several knows no old versions");
}

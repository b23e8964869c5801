//! What goes wrong between a store and AWS.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use providers::selector::RetrySettings;
use providers::{ErrorKind, Reach};
use serde_json::json;
use tests::suite::Case;

use super::super::stub::{Reply, Stub};
use super::signing_in::credentials;
use super::{CANARY, access, catalog, find, key, metadata, named, read, source, tagged, waiting, with_keys};

pub(super) fn cases() -> Vec<Case> {
    vec![
        waiting("aws_who_is_throttled_hears_when_to_come_back", &[], who_is_throttled_hears_when_to_come_back),
        waiting("aws_no_answer_shows_what_it_holds", &[], no_answer_shows_what_it_holds),
        waiting("aws_who_never_answers_is_left", &[], who_never_answers_is_left),
        waiting("aws_an_answer_without_end_is_left", &[], an_answer_without_end_is_left),
        waiting("aws_a_redirect_is_not_followed", &[], a_redirect_is_not_followed),
        waiting("aws_pages_without_end_are_left", &[], pages_without_end_are_left),
        waiting("aws_what_does_not_fit_is_given_up", &[], what_does_not_fit_is_given_up),
        waiting("aws_a_batch_that_fails_in_part_fails", &[], a_batch_that_fails_in_part_fails),
        waiting("aws_an_address_that_is_not_allowed_is_not_asked", &[], an_address_that_is_not_allowed_is_not_asked),
        waiting("aws_whoever_runs_us_may_say_where_aws_is", &[], whoever_runs_us_may_say_where_aws_is),
        waiting("aws_is_asked_again_as_often_as_the_store_says", &[], asked_again_as_often_as_the_store_says),
        waiting("aws_the_token_service_fails_in_its_own_words", &[], the_token_service_fails_in_its_own_words),
    ]
}

fn settings() -> serde_json::Value {
    with_keys("SecretsManager", "eu-west-1", &json!({}))
}

async fn who_is_throttled_hears_when_to_come_back() {
    for (reply, status) in [(429, "status 429"), (400, "ThrottlingException")] {
        let stub = Stub::start(move |_| {
            let body = if reply == 400 { r#"{"__type":"ThrottlingException","message":"Rate exceeded"}"# } else { "hunter2-" };
            Reply::new(reply, body).with("Retry-After", "1")
        });
        let error = read(&source(&settings(), &Arc::new(access(&stub.address))).await, key("a")).await.unwrap_err();
        let said = format!("read secret a from AWS Secrets Manager: GetSecretValue answers {status}");
        assert_eq!((error.kind(), error.to_string(), error.retry_after()), (ErrorKind::Busy, said, Some(Duration::from_secs(1))));
    }
}

async fn no_answer_shows_what_it_holds() {
    let what = "read secret a from AWS Secrets Manager";
    for (status, body, kind, said) in [
        (200, r#"{"SecretString":"hunter2-half"#, ErrorKind::Invalid, "the answer to GetSecretValue is not as it should be"),
        (200, r#"{"SecretString":["hunter2-list"]}"#, ErrorKind::Invalid, "the answer to GetSecretValue is not as it should be"),
        (200, r#"["hunter2-list"]"#, ErrorKind::Invalid, "it has neither text nor bytes"),
        (200, r#"{"SecretBinary":"hunter2-!"}"#, ErrorKind::Invalid, "its bytes are not base64"),
        (200, r#"{"Name":"hunter2-"}"#, ErrorKind::Invalid, "it has neither text nor bytes"),
        (200, "<html>hunter2-</html>", ErrorKind::Invalid, "the answer to GetSecretValue is not as it should be"),
        (
            403,
            r#"{"__type":"AccessDeniedException","message":"RequestId hunter2-"}"#,
            ErrorKind::Denied,
            "GetSecretValue answers AccessDeniedException",
        ),
        (400, r#"{"__type":"hunter2- Credential=x","message":"RequestId"}"#, ErrorKind::Invalid, "GetSecretValue answers status 400"),
        (500, "hunter2-", ErrorKind::Busy, "GetSecretValue answers status 500"),
    ] {
        let stub = Stub::start(move |_| Reply::new(status, body));
        let error = read(&source(&settings(), &Arc::new(access(&stub.address))).await, key("a")).await.unwrap_err();
        assert_eq!((error.kind(), error.to_string()), (kind, format!("{what}: {said}")), "{body}");
    }
    let stub = Stub::start(|_| Reply::new(200, r#"{"SecretString":"hunter2-half"#).cut());
    let error = read(&source(&settings(), &Arc::new(access(&stub.address))).await, key("a")).await.unwrap_err();
    assert!(error.kind() == ErrorKind::Busy && error.to_string().contains("the connection breaks"), "{error}");
    let stub = Stub::start(|_| Reply::new(200, r#"{"Tags":[{"Value":"hunter2-"}]}"#));
    let error = read(&source(&settings(), &Arc::new(access(&stub.address))).await, metadata("a")).await.unwrap_err();
    assert_eq!(error.to_string(), "read the tags of secret a from AWS Secrets Manager: the answer to DescribeSecret is not as it should be");
}

async fn who_never_answers_is_left() {
    let stub = Stub::start(|_| Reply::new(200, r#"{"SecretString":"hunter2-late"}"#).after(Duration::from_secs(600)));
    let start = Instant::now();
    let error = read(&source(&settings(), &Arc::new(access(&stub.address))).await, key("a")).await.unwrap_err();
    assert_eq!((error.kind(), error.to_string().as_str()), (ErrorKind::Busy, "read secret a from AWS Secrets Manager: there is no answer in time"));
    assert!(start.elapsed() < Duration::from_secs(40), "{:?}", start.elapsed());
}

async fn an_answer_without_end_is_left() {
    let stub = Stub::start(|_| Reply::new(200, format!(r#"{{"SecretString":"{CANARY}{}"}}"#, "x".repeat(100_000_000))));
    let error = read(&source(&settings(), &Arc::new(access(&stub.address))).await, key("a")).await.unwrap_err();
    assert_eq!((error.kind(), error.to_string().as_str()), (ErrorKind::Busy, "read secret a from AWS Secrets Manager: the answer is too long"));
}

async fn a_redirect_is_not_followed() {
    let other = Stub::start(|_| Reply::new(200, r#"{"SecretString":"hunter2-other"}"#));
    let target = other.address.clone();
    let stub = Stub::start(move |_| Reply::new(307, "").with("Location", &target));
    let error = read(&source(&settings(), &Arc::new(access(&stub.address))).await, key("a")).await.unwrap_err();
    assert!(error.kind() == ErrorKind::Busy && error.to_string().contains("redirects"), "{error}");
    assert!(other.lines().is_empty());
}

async fn pages_without_end_are_left() {
    let stub = Stub::start(|_| Reply::new(200, r#"{"SecretList":[],"NextToken":"again"}"#));
    let error = find(&catalog(&settings(), &Arc::new(access(&stub.address))).await, &named("a")).await.unwrap_err();
    let said = "find secrets in AWS Secrets Manager: the pages of ListSecrets never end";
    assert_eq!((error.kind(), error.to_string().as_str()), (ErrorKind::Invalid, said));
    assert_eq!(stub.lines().len(), 2);
}

/// Every page is new, so that only the bytes tell when it is too much.
async fn what_does_not_fit_is_given_up() {
    for (service, operation, search) in [
        ("SecretsManager", "ListSecrets", named("")),
        ("SecretsManager", "BatchGetSecretValue", named("")),
        ("ParameterStore", "GetParametersByPath", named("")),
        ("ParameterStore", "GetParameters", tagged("team", "a")),
    ] {
        let pages = AtomicUsize::new(0);
        let stub = Stub::start(move |asked| {
            let asked = asked.header("x-amz-target").and_then(|target| target.split('.').next_back()).unwrap_or_default().to_owned();
            let page = pages.fetch_add(1, Ordering::Relaxed);
            let long = "x".repeat(if asked == operation { 900_000 } else { 1 });
            let name = |index: usize| format!("{page}-{index}");
            Reply::new(
                200,
                match asked.as_str() {
                    // Names alone are too much if they are long; there are enough short ones to ask for the values of.
                    "ListSecrets" if asked == operation => json!({"SecretList": [{"Name": format!("{page}{long}")}], "NextToken": name(0)}),
                    "ListSecrets" => json!({"SecretList": (0..2000).map(|index| json!({"Name": name(index)})).collect::<Vec<_>>()}),
                    "DescribeParameters" => json!({"Parameters": (0..2000).map(|index| json!({"Name": name(index)})).collect::<Vec<_>>()}),
                    "BatchGetSecretValue" => json!({"SecretValues": [{"Name": name(0), "SecretString": long}], "NextToken": name(0)}),
                    _ => json!({"Parameters": [{"Name": name(0), "Value": long}], "NextToken": name(0)}),
                }
                .to_string(),
            )
        });
        let catalog = catalog(&with_keys(service, "eu-west-1", &json!({})), &Arc::new(access(&stub.address))).await;
        let error = find(&catalog, &search).await.unwrap_err();
        assert!(error.to_string().ends_with("there are more than fit into 64 MiB; a narrower search helps"), "{operation}: {error}");
        assert!((70..90).contains(&stub.lines().len()), "{operation}: {}", stub.lines().len());
    }
}

/// Half of what was found would be taken for all that there is, and the other half be deleted.
async fn a_batch_that_fails_in_part_fails() {
    for (code, message, expected) in [
        ("DecryptionFailure", "", Err(ErrorKind::Denied)),
        ("InternalServiceError", "", Err(ErrorKind::Busy)),
        ("AccessDeniedException", "", Err(ErrorKind::Denied)),
        ("ResourceNotFoundException", "", Ok(1)),
        ("InvalidRequestException", "it was marked for deletion", Ok(1)),
    ] {
        let stub = Stub::start(move |asked| {
            if asked.header("x-amz-target").is_some_and(|target| target.ends_with("ListSecrets")) {
                return Reply::new(200, r#"{"SecretList":[{"Name":"a"},{"Name":"b"}]}"#);
            }
            let errors = json!([{"SecretId": "b", "ErrorCode": code, "Message": message}]);
            Reply::new(200, json!({"SecretValues": [{"Name": "a", "SecretString": "bread"}], "Errors": errors}).to_string())
        });
        let found = find(&catalog(&settings(), &Arc::new(access(&stub.address))).await, &named("")).await;
        assert_eq!(found.map(|found| found.len()).map_err(|error| error.kind()), expected, "{code}");
    }
}

async fn an_address_that_is_not_allowed_is_not_asked() {
    let stub = Stub::start(|_| Reply::new(200, r#"{"SecretString":"hunter2-x"}"#));
    let named = stub.address.replace("127.0.0.1", "localhost");
    let access = Arc::new(access(&named).with_reach(Reach::default()));
    let error = read(&source(&settings(), &access).await, key("a")).await.unwrap_err();
    assert!(error.to_string().contains("--allow-provider-cidr"), "{error}");
    assert!(stub.lines().is_empty());
}

async fn whoever_runs_us_may_say_where_aws_is() {
    let stub = Stub::start(|_| Reply::new(200, r#"{"SecretString":"bread"}"#));
    let access = Arc::new(access(&stub.address).with_reach(Reach::default()));
    assert_eq!(read(&source(&settings(), &access).await, key("a")).await.unwrap().as_deref(), Some("bread"));
}

async fn the_token_service_fails_in_its_own_words() {
    let role = "arn:aws:iam::123456789012:role/reader";
    let settings = with_keys("SecretsManager", "eu-west-1", &json!({"role": role}));
    let error = |code: &str| {
        format!(
            "<ErrorResponse><Error><Type>Sender</Type><Code>{code}</Code><Message>hunter2-</Message></Error><RequestId>1</RequestId></ErrorResponse>"
        )
    };
    for (status, body, kind, said) in [
        (403, error("AccessDenied"), ErrorKind::Denied, "AssumeRole answers AccessDenied"),
        (400, error("Throttling"), ErrorKind::Busy, "AssumeRole answers Throttling"),
        (400, error("IDPCommunicationError"), ErrorKind::Busy, "AssumeRole answers IDPCommunicationError"),
        (400, error("hunter2- hunter2-"), ErrorKind::Invalid, "AssumeRole answers status 400"),
        (200, "<html>hunter2-".to_owned(), ErrorKind::Invalid, "the answer to AssumeRole has no credentials"),
        (200, credentials("ASIA1", "hunter2-"), ErrorKind::Invalid, "the answer to AssumeRole has no credentials"),
    ] {
        let text = body.clone();
        let stub = Stub::start(move |_| Reply::new(status, text.clone()));
        let found = read(&source(&settings, &Arc::new(access(&stub.address))).await, key("a")).await.unwrap_err();
        assert_eq!((found.kind(), found.to_string()), (kind, format!("assume the role {role}: {said}")), "{body}");
    }
}

/// AWS throttles with status 400, in JSON and in XML.
async fn asked_again_as_often_as_the_store_says() {
    let said = |max_retries: Option<i32>| Some(RetrySettings { max_retries, retry_interval: Some("1ms".to_owned()) });
    let json = r#"{"__type":"ThrottlingException","message":"hunter2-"}"#;
    let xml = "<ErrorResponse><Error><Code>Throttling</Code><Message>hunter2-</Message></Error></ErrorResponse>";
    let other = r#"{"__type":"ValidationException","message":"hunter2-"}"#;
    for (retries, status, body, requests) in [
        (None, 400, json, 2),
        (said(None), 400, json, 3),
        (said(Some(0)), 400, json, 1),
        (said(Some(3)), 400, json, 4),
        (said(Some(3)), 400, xml, 4),
        (said(Some(3)), 503, "", 4),
        (said(Some(3)), 400, other, 1),
        (said(Some(3)), 400, "hunter2-", 1),
    ] {
        let stub = Stub::start(move |_| Reply::new(status, body));
        let settings = if body == xml { with_keys("SecretsManager", "eu-west-1", &json!({"role": "arn:aws:iam::1:role/r"})) } else { settings() };
        let access = Arc::new(access(&stub.address));
        let store = super::super::conformance::connected_with("aws", &settings, retries.as_ref(), access).await.unwrap();
        read(&store.source.expect("a source"), key("a")).await.unwrap_err();
        assert_eq!(stub.lines().len(), requests, "{retries:?} {body}");
    }
}

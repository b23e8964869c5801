//! How long a sign-in is kept.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use providers::ErrorKind;
use serde_json::json;
use tests::access::NAMESPACE;
use tests::suite::Case;

use super::super::stub::{Reply, Stub};
use super::signing_in::{credentials, operation, value};
use super::{access, key, read, source, waiting, with_keys};

pub(super) fn cases() -> Vec<Case> {
    vec![
        waiting("aws_a_sign_in_is_renewed_before_it_expires", &[], a_sign_in_is_renewed_before_it_expires),
        waiting("aws_many_readers_sign_in_once", &[], many_readers_sign_in_once),
        waiting("aws_an_expired_token_leads_to_one_sign_in", &[], an_expired_token_leads_to_one_sign_in),
        waiting("aws_keys_that_were_rotated_are_read_again", &[], keys_that_were_rotated_are_read_again),
        waiting("aws_keys_that_hold_serve_while_nobody_signs_in", &[], keys_that_hold_serve_while_nobody_signs_in),
    ]
}

fn in_an_hour() -> String {
    (jiff::Timestamp::now() + jiff::SignedDuration::from_hours(1)).to_string()
}

fn with_role() -> serde_json::Value {
    with_keys("SecretsManager", "eu-west-1", &json!({"role": "arn:aws:iam::123456789012:role/reader"}))
}

fn operations(stub: &Stub) -> String {
    let names = stub.asked().iter().map(|asked| operation(asked).chars().filter(char::is_ascii_uppercase).collect::<String>()).collect::<Vec<_>>();
    names.join(" ")
}

/// AR is AssumeRole, GSV is GetSecretValue.
async fn a_sign_in_is_renewed_before_it_expires() {
    let stub = Stub::start(|asked| if operation(asked) == "AssumeRole" { Reply::new(200, credentials("ASIA1", &in_an_hour())) } else { value() });
    let access = Arc::new(access(&stub.address));
    let source = source(&with_role(), &access).await;
    for (passes, expected) in [(0, "AR GSV"), (50, "AR GSV GSV"), (6, "AR GSV GSV AR GSV")] {
        access.advance(Duration::from_secs(passes * 60));
        assert_eq!(read(&source, key("a")).await.unwrap().as_deref(), Some("bread"));
        assert_eq!(operations(&stub), expected);
    }
}

async fn many_readers_sign_in_once() {
    let stub = Stub::start(|asked| match operation(asked).as_str() {
        "AssumeRole" => Reply::new(200, credentials("ASIA1", &in_an_hour())).after(Duration::from_millis(200)),
        _ => value(),
    });
    let source = source(&with_role(), &Arc::new(access(&stub.address))).await;
    let (one, two, three) = tokio::join!(read(&source, key("a")), read(&source, key("b")), read(&source, key("c")));
    assert!([one, two, three].iter().all(|answer| answer.as_ref().is_ok_and(Option::is_some)));
    // A server that does not know requests for several is asked for each.
    assert_eq!(operations(&stub), "AR BGSV GSV GSV GSV");
}

async fn an_expired_token_leads_to_one_sign_in() {
    let (signed_in, is_hopeless) = (AtomicUsize::new(0), Arc::new(AtomicBool::new(false)));
    let hopeless = Arc::clone(&is_hopeless);
    let stub = Stub::start(move |asked| {
        if operation(asked) == "AssumeRole" {
            let number = signed_in.fetch_add(1, Ordering::SeqCst);
            return Reply::new(200, credentials(&format!("ASIA{number}"), &in_an_hour()));
        }
        if hopeless.load(Ordering::SeqCst) || asked.header("authorization").is_some_and(|signature| signature.contains("ASIA0")) {
            return Reply::new(
                400,
                r#"{"__type":"ExpiredTokenException","message":"The security token hunter2-t included in the request is expired"}"#,
            );
        }
        value()
    });
    let source = source(&with_role(), &Arc::new(access(&stub.address))).await;
    assert_eq!(read(&source, key("a")).await.unwrap().as_deref(), Some("bread"));
    assert_eq!(operations(&stub), "AR GSV AR GSV");
    is_hopeless.store(true, Ordering::SeqCst);
    let error = read(&source, key("a")).await.unwrap_err();
    let said = "read secret a from AWS Secrets Manager: GetSecretValue answers ExpiredTokenException";
    assert_eq!((error.kind(), error.to_string().as_str()), (ErrorKind::Denied, said));
    assert_eq!(operations(&stub), "AR GSV AR GSV GSV AR GSV");
}

async fn keys_that_were_rotated_are_read_again() {
    let stub = Stub::start(|asked| {
        if asked.header("authorization").is_some_and(|signature| signature.contains("AKIANEW")) {
            return value();
        }
        Reply::new(400, r#"{"__type":"UnrecognizedClientException","message":"The security token included in the request is invalid."}"#)
    });
    let access = Arc::new(access(&stub.address));
    let source = source(&with_keys("SecretsManager", "eu-west-1", &json!({})), &access).await;
    // The same keys again would be refused again: nobody tries.
    assert_eq!(read(&source, key("a")).await.unwrap_err().kind(), ErrorKind::Denied);
    assert_eq!(operations(&stub), "GSV");
    access.set_secret(NAMESPACE, "aws", "id", "AKIANEW");
    assert_eq!(read(&source, key("a")).await.unwrap().as_deref(), Some("bread"));
    assert_eq!(read(&source, key("a")).await.unwrap().as_deref(), Some("bread"));
    assert_eq!(operations(&stub), "GSV GSV GSV GSV");
}

async fn keys_that_hold_serve_while_nobody_signs_in() {
    let is_away = Arc::new(AtomicBool::new(false));
    let away = Arc::clone(&is_away);
    let stub = Stub::start(move |asked| match operation(asked).as_str() {
        "AssumeRole" if away.load(Ordering::SeqCst) => Reply::new(503, ""),
        "AssumeRole" => Reply::new(200, credentials("ASIA1", &in_an_hour())),
        _ => value(),
    });
    let access = Arc::new(access(&stub.address));
    let source = source(&with_role(), &access).await;
    read(&source, key("a")).await.unwrap();
    is_away.store(true, Ordering::SeqCst);
    access.advance(Duration::from_secs(57 * 60));
    assert_eq!(read(&source, key("a")).await.unwrap().as_deref(), Some("bread"));
    access.advance(Duration::from_secs(4 * 60));
    let error = read(&source, key("a")).await.unwrap_err();
    let said = "assume the role arn:aws:iam::123456789012:role/reader: AssumeRole answers status 503";
    assert_eq!((error.kind(), error.to_string().as_str()), (ErrorKind::Busy, said));
}

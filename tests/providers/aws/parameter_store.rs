//! Parameter Store, as moto has it.

use std::sync::Arc;

use providers::ErrorKind;
use providers::provider::{Lookup, Search};
use serde_json::{Value, json};
use tests::suite::Case;

use super::super::stub::{Reply, Stub};
use super::moto::Moto;
use super::{access, below, catalog, find, key, metadata, named, operations, read, read_at_once, source, tagged, version, waiting, with_keys};

const NEEDS: &[&str] = &["moto"];

pub(super) fn cases() -> Vec<Case> {
    vec![
        waiting("aws_a_parameter_is_read_decrypted", NEEDS, a_parameter_is_read_decrypted),
        waiting("aws_a_version_of_a_parameter_is_a_number_or_a_label", NEEDS, a_version_of_a_parameter_is_a_number_or_a_label),
        waiting("aws_the_metadata_of_a_parameter_are_its_tags", NEEDS, the_metadata_of_a_parameter_are_its_tags),
        waiting("aws_parameters_are_found_by_name_path_and_tags", NEEDS, parameters_are_found_by_name_path_and_tags),
        waiting("aws_parameters_that_are_wanted_at_once_are_one_request", NEEDS, wanted_at_once_are_one_request),
        waiting("aws_who_may_not_read_paths_reads_one_by_one", NEEDS, who_may_not_read_paths_reads_one_by_one),
    ]
}

fn settings(region: &str) -> Value {
    with_keys("ParameterStore", region, &json!({}))
}

fn put(moto: &Moto, region: &str, name: &str, value: &str) {
    moto.parameters(region, "PutParameter", &json!({"Name": name, "Value": value, "Type": "SecureString", "Overwrite": true}));
}

async fn a_parameter_is_read_decrypted() {
    let (moto, region) = (Moto::shared(), "eu-west-1");
    put(moto, region, "/team/db", "hunter2-db");
    put(moto, region, "plain", "hunter2-plain");
    let access = Arc::new(access(&moto.address()));
    let parameters = source(&settings(region), &access).await;
    for (asked, expected) in [("/team/db", Some("hunter2-db")), ("plain", Some("hunter2-plain")), ("/never", None)] {
        assert_eq!(read(&parameters, key(asked)).await.unwrap().as_deref(), expected, "{asked}");
    }
    let prefixed = source(&with_keys("ParameterStore", region, &json!({"prefix": "/team/"})), &access).await;
    assert_eq!(read(&prefixed, key("db")).await.unwrap().as_deref(), Some("hunter2-db"));
    assert_eq!(parameters.lookup(), Lookup::EscapedThenPath);
}

async fn a_version_of_a_parameter_is_a_number_or_a_label() {
    let (moto, region) = (Moto::shared(), "eu-west-2");
    put(moto, region, "/a", "hunter2-1");
    put(moto, region, "/a", "hunter2-2");
    moto.parameters(region, "LabelParameterVersion", &json!({"Name": "/a", "ParameterVersion": 1, "Labels": ["stable"]}));
    let source = source(&settings(region), &Arc::new(access(&moto.address()))).await;
    for (asked, expected) in [("", "hunter2-2"), ("1", "hunter2-1"), ("2", "hunter2-2"), ("stable", "hunter2-1")] {
        assert_eq!(read(&source, version("/a", asked)).await.unwrap().as_deref(), Some(expected), "{asked}");
    }
    // An error, as in external-secrets: a version that was mistyped must not look like a parameter that was deleted.
    let error = read(&source, version("/a", "9")).await.unwrap_err();
    let said = "read parameter /a:9 from AWS Parameter Store: GetParameter answers ParameterVersionNotFound";
    assert_eq!((error.kind(), error.to_string().as_str()), (ErrorKind::Invalid, said));
}

async fn the_metadata_of_a_parameter_are_its_tags() {
    let (moto, region) = (Moto::shared(), "eu-west-3");
    let tags = json!([{"Key": "team", "Value": "a"}, {"Key": "env", "Value": "prod"}]);
    moto.parameters(region, "PutParameter", &json!({"Name": "/a", "Value": "hunter2-x", "Type": "SecureString", "Tags": tags}));
    let source = source(&settings(region), &Arc::new(access(&moto.address()))).await;
    assert_eq!(read(&source, metadata("/a")).await.unwrap().as_deref(), Some(r#"{"env":"prod","team":"a"}"#));
    assert_eq!(read(&source, metadata("/never")).await.unwrap(), None);
}

async fn parameters_are_found_by_name_path_and_tags() {
    let (moto, region) = (Moto::shared(), "eu-central-1");
    for number in 0..25 {
        let tags = json!([{"Key": "env", "Value": if number < 12 { "prod" } else { "test" }}]);
        let input = json!({"Name": format!("/app/p{number:02}"), "Value": number.to_string(), "Type": "SecureString", "Tags": tags});
        moto.parameters(region, "PutParameter", &input);
    }
    put(moto, region, "/other/p01", "else");
    let stub = Stub::start(|asked| Moto::shared().pass_on(asked));
    let catalog = catalog(&settings(region), &Arc::new(access(&stub.address))).await;
    assert_eq!(find(&catalog, &named("p01")).await.unwrap(), ["/app/p01=1", "/other/p01=else"]);
    assert_eq!(find(&catalog, &below("/app", named(""))).await.unwrap().len(), 25);
    assert_eq!(find(&catalog, &below("/other", named("p"))).await.unwrap(), ["/other/p01=else"]);
    let before = stub.asked().len();
    assert_eq!(find(&catalog, &tagged("env", "prod")).await.unwrap().len(), 12);
    // Twelve values, ten at once; how many pages the names take is moto's affair.
    let asked = stub.asked();
    let operations: Vec<&str> = asked.iter().skip(before).filter_map(|asked| asked.header("x-amz-target")).collect();
    assert!(operations.ends_with(&["AmazonSSM.DescribeParameters", "AmazonSSM.GetParameters", "AmazonSSM.GetParameters"]), "{operations:?}");
    assert!(!operations.contains(&"AmazonSSM.GetParameter"), "{operations:?}");
    assert_eq!(find(&catalog, &below("/other", tagged("env", "prod"))).await.unwrap(), [""; 0]);
    let both = Search { tags: tagged("env", "never").tags, ..named("p03") };
    assert_eq!(find(&catalog, &both).await.unwrap(), ["/app/p03=3"]);
    assert_eq!(find(&catalog, &Search::default()).await.unwrap_err().kind(), ErrorKind::Invalid);
}

async fn who_may_not_read_paths_reads_one_by_one() {
    let (moto, region) = (Moto::shared(), "us-east-1");
    put(moto, region, "/app/a", "hunter2-a");
    put(moto, region, "/app/b", "hunter2-b");
    let stub = Stub::start(|asked| {
        let target = asked.header("x-amz-target").unwrap_or_default();
        if target.ends_with("GetParametersByPath") || target.ends_with("GetParameters") {
            return Reply::new(400, r#"{"__type":"AccessDeniedException","Message":"User: x is not authorized"}"#);
        }
        Moto::shared().pass_on(asked)
    });
    let catalog = catalog(&settings(region), &Arc::new(access(&stub.address))).await;
    assert_eq!(find(&catalog, &below("/app", named(""))).await.unwrap(), ["/app/a=hunter2-a", "/app/b=hunter2-b"]);
}

async fn wanted_at_once_are_one_request() {
    let (moto, region) = (Moto::shared(), "ap-south-1");
    for number in 0..12 {
        put(moto, region, &format!("/p{number}"), &format!("hunter2-{number}"));
    }
    let (is_denied, forbids) = (std::sync::atomic::AtomicBool::new(false), std::sync::atomic::Ordering::SeqCst);
    let is_denied = Arc::new(is_denied);
    let denied = Arc::clone(&is_denied);
    let stub = Stub::start(move |asked| {
        if denied.load(forbids) && asked.header("x-amz-target").is_some_and(|target| target.ends_with("GetParameters")) {
            return Reply::new(400, r#"{"__type":"AccessDeniedException","Message":"User: x is not authorized"}"#);
        }
        Moto::shared().pass_on(asked)
    });
    let source = source(&settings(region), &Arc::new(access(&stub.address))).await;
    let names = || (0..13).map(|number| format!("/p{number}"));
    let expected: Vec<Option<String>> = (0..13).map(|number| (number < 12).then(|| format!("hunter2-{number}"))).collect();
    let answers = async || read_at_once(&source, names()).await.into_iter().map(Result::unwrap).collect::<Vec<_>>();
    assert_eq!(answers().await, expected);
    // Ten and three; of the one that is missing there is more to know than that it is not among the others.
    assert_eq!(operations(&stub, 0), ["GetParameters", "GetParameters", "GetParameter"]);
    assert_eq!(read(&source, key("/p1")).await.unwrap().as_deref(), Some("hunter2-1"));
    assert_eq!(operations(&stub, 3), ["GetParameter"], "one alone needs no other right");
    is_denied.store(true, forbids);
    assert_eq!(answers().await, expected);
    let before = stub.asked().len();
    assert_eq!(answers().await, expected);
    assert_eq!(operations(&stub, before), vec!["GetParameter"; 13], "who may not is not asked to again");
    let busy = Stub::start(|_| Reply::new(400, r#"{"__type":"ThrottlingException"}"#));
    let source = super::source(&settings(region), &Arc::new(access(&busy.address))).await;
    for answer in read_at_once(&source, names().take(3)).await {
        let error = answer.unwrap_err();
        assert_eq!(error.to_string(), "read 3 parameters from AWS Parameter Store: GetParameters answers ThrottlingException");
        assert_eq!(error.kind(), ErrorKind::Busy);
    }
    assert_eq!(operations(&busy, 0), ["GetParameters", "GetParameters"]);
}

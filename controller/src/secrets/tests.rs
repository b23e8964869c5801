use std::collections::BTreeMap;

use super::*;

fn live(change: impl FnOnce(&mut Value)) -> Live {
    let mut object = json!({
        "apiVersion": "v1",
        "kind": "Secret",
        "type": "Opaque",
        "data": {"a": "MQ==", "theirs": "eA=="},
        "metadata": {
            "name": "db",
            "namespace": "shop",
            "uid": "secret",
            "resourceVersion": "7",
            "finalizers": ["example.com/keep"],
            "managedFields": [{"manager": "x"}],
            "labels": {"l": "1"},
            "annotations": {"theirs": "x"},
        },
    });
    change(&mut object);
    Live::read_briefly(&object.to_string().into_bytes().into()).unwrap()
}

fn wanted(owned: bool, type_: Option<&str>) -> Wanted {
    let Value::Object(metadata) = json!({"name": "db", "namespace": "shop", "labels": {"l": "1"}}) else { unreachable!() };
    let data = BTreeMap::from([("a".to_owned(), SecretBytes::new(b"1".to_vec()))]);
    let desired = DesiredSecret {
        namespace: "shop".to_owned(),
        name: "db".to_owned(),
        metadata,
        type_: type_.map(str::to_owned),
        immutable: None,
        data,
        owned,
    };
    Wanted::new(desired, &json!({"kind": "SealedSecret", "uid": "source", "controller": true}))
}

fn written(wanted: &Wanted) -> Value {
    serde_json::from_slice(wanted.to_json().unwrap().expose()).unwrap()
}

#[test]
fn what_is_written_over_a_secret_keeps_what_is_the_servers_and_nothing_else() {
    let object = written(&wanted(true, None).over(&live(|_| ())));
    assert_eq!(object["data"], json!({"a": "MQ=="}));
    let metadata = &object["metadata"];
    assert_eq!((&metadata["uid"], &metadata["resourceVersion"]), (&json!("secret"), &json!("7")), "both are preconditions");
    assert_eq!(metadata["finalizers"], json!(["example.com/keep"]));
    assert_eq!((&metadata["labels"], &metadata["annotations"]), (&json!({"l": "1"}), &json!({})));
    assert_eq!(metadata["ownerReferences"][0]["uid"], "source");
    assert!(metadata["managedFields"].is_null());
}

#[test]
fn a_patch_adds_and_owns_only_what_is_managed_too() {
    let annotate = |names: &[&str]| {
        let annotations: Map<String, Value> = names.iter().map(|name| ((*name).to_owned(), json!(TRUE))).collect();
        live(|object| object["metadata"]["annotations"] = Value::Object(annotations))
    };
    let patched = written(&wanted(true, None).over(&annotate(&[PATCH])));
    assert_eq!(patched["data"], json!({"a": "MQ==", "theirs": "eA=="}));
    assert_eq!(patched["metadata"]["annotations"], json!({PATCH: TRUE}));
    assert!(patched["metadata"]["ownerReferences"].is_null());
    let both = written(&wanted(true, None).over(&annotate(&[PATCH, MANAGED])));
    assert_eq!(both["metadata"]["ownerReferences"][0]["uid"], "source");
}

#[test]
fn a_type_that_no_template_names_is_that_of_the_secret() {
    let theirs = live(|object| object["type"] = json!("example.com/x"));
    assert_eq!(written(&wanted(true, None).over(&theirs))["type"], "example.com/x");
    assert!(!wanted(true, None).is_of_another_type(&theirs) && wanted(true, Some("Opaque")).is_of_another_type(&theirs));
}

#[test]
fn a_secret_is_as_it_should_be_only_with_data_metadata_and_owner() {
    let ours = |change: fn(&mut Value)| {
        live(|object| {
            object["data"] = json!({"a": "MQ=="});
            object["metadata"]["ownerReferences"] = json!([{"uid": "source", "controller": true}]);
            change(object);
        })
    };
    let is = |live: Live, exactly| wanted(true, None).is(&live, exactly);
    assert!(is(ours(|_| ()), false));
    assert!(!is(ours(|_| ()), true), "a stranger's annotation goes when the object changes");
    assert!(is(ours(|object| object["metadata"]["annotations"] = json!({})), true));
    assert!(!is(ours(|object| object["data"]["a"] = json!("Mg==")), false));
    assert!(!is(ours(|object| object["data"]["b"] = json!("Mg==")), false));
    assert!(!is(ours(|object| object["metadata"]["labels"] = json!({"l": "2"})), false));
    assert!(!is(ours(|object| object["metadata"]["ownerReferences"] = json!([])), false));
}

#[test]
fn a_secret_belongs_to_its_controller_or_else_to_whom_it_names() {
    assert!(live(|object| object["metadata"]["ownerReferences"] = json!([{"uid": "source", "controller": true}])).belongs_to("source"));
    assert!(!live(|object| object["metadata"]["ownerReferences"] = json!([{"uid": "source"}])).belongs_to("source"), "an owner is no controller");
    let made_by = written(&wanted(false, None));
    assert_eq!(made_by["metadata"]["annotations"], json!({MADE_BY: "source"}));
    assert!(live(|object| object["metadata"]["annotations"] = json!({MADE_BY: "source"})).belongs_to("source"));
    let both = live(|object| {
        object["metadata"]["annotations"] = json!({MADE_BY: "source"});
        object["metadata"]["ownerReferences"] = json!([{"uid": "other", "controller": true}]);
    });
    assert!(!both.belongs_to("source"), "the controller counts more");
}

#[test]
fn what_others_track_by_is_never_inherited() {
    let mut desired = wanted(true, None).secret;
    let tracked: Map<String, Value> = NEVER_INHERITED.iter().map(|name| ((*name).to_owned(), json!("x"))).collect();
    desired.metadata.insert("annotations".to_owned(), Value::Object(tracked));
    let object = written(&Wanted::new(desired, &json!({"uid": "source"})));
    assert_eq!(object["metadata"]["annotations"], json!({}));
}

#[test]
fn a_tag_follows_data_and_type_and_nothing_else() {
    let tagger = Tagger::make().unwrap();
    let tag = |change: fn(&mut Value)| live(change).tag(&tagger);
    let before = tag(|_| ());
    assert!(tag(|object| object["metadata"]["labels"] = json!({})) == before);
    assert!(tag(|object| object["data"]["a"] = json!("Mg==")) != before);
    assert!(tag(|object| object["type"] = json!("example.com/x")) != before);
}

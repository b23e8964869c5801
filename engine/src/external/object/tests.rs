use super::*;

fn object(target: Value) -> ExternalSecret {
    let mut object = ExternalSecret { spec: serde_json::from_value(json!({ "target": target })).unwrap(), ..ExternalSecret::default() };
    object.metadata.name = Some("app".to_owned());
    object.metadata.namespace = Some("shop".to_owned());
    object.metadata.uid = Some("u1".to_owned());
    object
}

fn values(values: &[(&str, &str)]) -> BTreeMap<String, SecretBytes> {
    values.iter().map(|(key, value)| ((*key).to_owned(), SecretBytes::new(value.as_bytes().to_vec()))).collect()
}

const USER: [(&str, &str); 2] = [("password", "hunter2"), ("user", "admin")];

fn made(target: Value, creation: Creation, existing: Option<Value>) -> Result<Map<String, Value>> {
    let object = object(target);
    let kind = Kind::of(object.spec.target.as_ref().unwrap().manifest.as_ref().unwrap())?;
    let existing = existing.map(|existing| AnyObject(existing.as_object().unwrap().clone()));
    let parts = Parts {
        object: &object,
        kind: &kind,
        creation,
        values: values(&USER),
        texts: &Texts::default(),
        existing: existing.as_ref(),
        delimiters: &Delimiters::default(),
        now: Timestamp::UNIX_EPOCH,
    };
    compose(parts).map(|object| object.0)
}

fn config_map() -> Value {
    json!({"apiVersion": "v1", "kind": "ConfigMap"})
}

fn custom(template: Value) -> Value {
    json!({"manifest": {"apiVersion": "example.com/v1", "kind": "App"}, "template": template})
}

#[test]
fn without_a_template_values_stand_in_data_or_below_spec() {
    let map = made(json!({"manifest": config_map(), "name": "conf"}), Creation::Owner, None).unwrap();
    assert_eq!(map["data"], json!({"password": "hunter2", "user": "admin"}));
    assert_eq!((&map["metadata"]["name"], &map["metadata"]["namespace"]), (&json!("conf"), &json!("shop")));
    assert_eq!(map["metadata"]["labels"], json!({MANAGED: "true", CREATED_BY: created_by("shop", "app")}));
    assert_eq!(map["metadata"]["ownerReferences"][0]["uid"], "u1");
    let map = made(json!({"manifest": {"apiVersion": "example.com/v1", "kind": "App"}}), Creation::Orphan, None).unwrap();
    assert_eq!((&map["apiVersion"], &map["kind"]), (&json!("example.com/v1"), &json!("App")));
    assert_eq!(map["spec"], json!({"data": {"password": "hunter2", "user": "admin"}}));
    assert!(map["metadata"].get("ownerReferences").is_none() && map["metadata"]["labels"].get(CREATED_BY).is_none());
}

#[test]
fn templates_fill_fields_by_path() {
    let template = json!({
        "metadata": {"labels": {"team": "{{ .user }}"}},
        "templateFrom": [
            {"literal": "size: 3\nnested: {'on': true}\n", "target": "spec"},
            {"literal": "{{ .password | quote }}", "target": "spec.servers[0].password"},
            {"literal": "more: '{{ .user }}'", "target": "spec.nested"},
            {"literal": "note: '{{ .user }}'", "target": "Annotations"},
        ],
        "data": {"url": "https://{{ .user }}"},
    });
    let map = made(custom(template), Creation::Owner, None).unwrap();
    assert_eq!(map["spec"], json!({"size": 3, "nested": {"on": true, "more": "admin"}, "servers": [{"password": "hunter2"}]}));
    assert_eq!(map["data"], json!({"url": "https://admin"}), "values do not stand beside templates unless that is asked for");
    assert_eq!(map["metadata"]["annotations"]["note"], "admin");
    assert_eq!(map["metadata"]["labels"]["team"], "{{ .user }}", "external-secrets copies the metadata of a template as it is");
}

#[test]
fn what_fills_a_field_is_read_as_kubernetes_reads_it() {
    let spec =
        |literal: &str| Ok(made(custom(json!({"templateFrom": [{"literal": literal, "target": "spec"}]})), Creation::Owner, None)?["spec"].clone());
    let read: Result<Value> = spec("on: {'off': 1.0, n: 1.50}\n010: [1e3, 1e16, -0.0, 9007199254740993, 1e300]\n1.50: x\n");
    assert_eq!(read.unwrap().to_string(), r#"{"true":{"off":1,"false":1.5},"8":[1000,10000000000000000,0,9007199254740993,1e+300],"1.5":"x"}"#);
    assert!(spec("~: x").is_err(), "nothing is no key");
}

#[test]
fn values_stand_beside_templates_if_that_is_asked_for() {
    let target = json!({"manifest": config_map(), "template": {"mergePolicy": "Merge", "data": {"both": "{{ .user }}:{{ .password }}"}}});
    let map = made(target, Creation::Owner, None).unwrap();
    assert_eq!(map["data"], json!({"both": "admin:hunter2", "password": "hunter2", "user": "admin"}));
}

#[test]
fn a_value_that_looks_like_a_template_is_none() {
    let object =
        object(json!({"manifest": config_map(), "template": {"templateFrom": [{"configMap": {"name": "form", "items": [{"key": "file"}]}}]}}));
    let mut texts = Texts::default();
    texts.put(false, "form", "file", SecretBytes::new(b"u={{ .user }}".to_vec()));
    let parts = Parts {
        object: &object,
        kind: &Kind::of(object.spec.target.as_ref().unwrap().manifest.as_ref().unwrap()).unwrap(),
        creation: Creation::Owner,
        values: values(&[("user", "{{ .user | upper }}")]),
        texts: &texts,
        existing: None,
        delimiters: &Delimiters::default(),
        now: Timestamp::UNIX_EPOCH,
    };
    assert_eq!(compose(parts).unwrap().0["data"]["file"], "u={{ .user | upper }}");
}

#[test]
fn an_object_that_is_owned_is_replaced_and_keeps_what_others_say_about_it() {
    let existing = json!({
        "apiVersion": "v1", "kind": "ConfigMap", "data": {"old": "x"}, "status": {"seen": 1},
        "metadata": {"name": "app", "namespace": "shop", "uid": "c1", "resourceVersion": "7", "labels": {"theirs": "y"}, "finalizers": ["a/b"],
            "ownerReferences": [{"kind": "Other", "name": "o", "uid": "o1"}]},
    });
    let map = made(json!({"manifest": config_map()}), Creation::Owner, Some(existing)).unwrap();
    assert_eq!(map["data"], json!({"password": "hunter2", "user": "admin"}));
    assert_eq!((&map["status"], &map["metadata"]["resourceVersion"]), (&json!({"seen": 1}), &json!("7")));
    assert_eq!((&map["metadata"]["labels"]["theirs"], &map["metadata"]["finalizers"]), (&json!("y"), &json!(["a/b"])));
    let owners: Vec<&Value> = map["metadata"]["ownerReferences"].as_array().unwrap().iter().map(|owner| &owner["uid"]).collect();
    assert_eq!(owners, ["o1", "u1"]);
}

#[test]
fn an_object_that_is_added_to_loses_only_what_stood_under_our_name() {
    let ours = json!({"manager": "externalsecrets.external-secrets.io/app", "fieldsV1": {
        "f:metadata": {"f:labels": {"f:gone": {}}},
        "f:spec": {"f:secret": {}, "f:list": {}, "f:deep": {"f:word": {}, "f:map": {"f:x": {}}}},
    }});
    let existing = json!({
        "apiVersion": "example.com/v1", "kind": "App",
        "spec": {"secret": "old", "list": [1], "theirs": "kept", "deep": {"word": "old", "theirs": 2, "map": {"x": 1, "y": 2}}},
        "metadata": {"name": "app", "namespace": "shop", "labels": {"gone": "1", "theirs": "2"}, "managedFields": [ours]},
    });
    let template = json!({"templateFrom": [{"literal": "'{{ .password }}'", "target": "spec.token"}]});
    let map = made(custom(template), Creation::Merge, Some(existing)).unwrap();
    assert_eq!(map["spec"], json!({"list": [1], "theirs": "kept", "deep": {"theirs": 2, "map": {"y": 2}}, "token": "hunter2"}));
    let labels: Vec<&String> = map["metadata"]["labels"].as_object().unwrap().keys().collect();
    assert_eq!(labels, ["theirs", MANAGED]);
    assert!(map["metadata"].get("managedFields").is_none());
}

#[test]
fn what_cannot_be_put_together_is_told_without_a_value() {
    let refused = |target: Value| made(target, Creation::Owner, None).unwrap_err();
    let blocked = json!({"templateFrom": [{"literal": "'{{ .password }}'", "target": "spec.a"}, {"literal": "x", "target": "spec.a.b"}]});
    let no_yaml = json!({"templateFrom": [{"literal": "{{ .password }}: [", "target": "spec.a"}]});
    let decoded = json!({"templateFrom": [{"literal": "a", "target": "spec.a", "valuesDecodingStrategy": "Base64"}]});
    let closed = json!({"templateFrom": [{"literal": "[]", "target": "metadata.ownerReferences"}]});
    for template in [blocked, no_yaml, decoded, closed] {
        let error = refused(custom(template.clone()));
        let text = format!("{error:?}");
        assert!(error.kind() == ErrorKind::Input && text.contains("templateFrom["), "{template}: {text}");
        assert!(!text.contains("hunter2"), "{text}");
    }
    assert_eq!(refused(json!({"manifest": {"apiVersion": "example.com/v1", "kind": "App"}, "immutable": true})).kind(), ErrorKind::Input);
}

#[test]
fn what_is_no_text_goes_into_no_other_object_than_a_secret() {
    assert!(text(&SecretBytes::new(vec![0xff])).is_err());
}

#[test]
fn a_changed_content_is_no_valid_one_and_a_changed_status_is() {
    let mut object = AnyObject(made(custom(json!({"templateFrom": [{"literal": "{a: 1}", "target": "spec"}]})), Creation::Owner, None).unwrap());
    assert!(object.is_valid());
    object.0.insert("status".to_owned(), json!({"phase": "Running"}));
    assert!(object.is_valid());
    object.0.insert("spec".to_owned(), json!({"a": 2}));
    assert!(!object.is_valid());
}

#[test]
fn a_version_counts_generations_where_there_are_any() {
    let version = |metadata: Value| version(&metadata).1;
    let counted = |resource_version: &str, label: &str| json!({"generation": 2, "resourceVersion": resource_version, "labels": {"a": label}});
    assert_eq!(version(counted("7", "x")), version(counted("8", "x")));
    assert_ne!(version(counted("7", "x")), version(counted("7", "y")));
    assert_eq!(version(json!({"resourceVersion": "7"})), "7");
}

#[test]
fn nothing_of_an_object_is_printed() {
    let object = AnyObject(made(json!({"manifest": config_map()}), Creation::Owner, None).unwrap());
    assert_eq!(format!("{object:?}"), "AnyObject(..)");
    let masked = Value::Object(object.masked(Map::new())).to_string();
    assert!(masked.contains("(7 bytes)") && !masked.contains("hunter2"), "{masked}");
}

use serde_json::{Value, json};

use super::*;

fn store(settings: &Value) -> Result<Box<dyn Store>> {
    SYSTEM.store.unwrap().read(settings)
}

#[test]
fn settings_that_cannot_be_are_named() {
    let selector = json!({"name": "aws", "key": "id"});
    for (settings, expected) in [
        (json!({"service": "SecretsManager", "region": "eu-west-1"}), None),
        (json!({"service": "ParameterStore", "region": "us-gov-west-1", "secretsManager": {"recoveryWindowInDays": 7}, "new": 1}), None),
        (
            json!({"service": "CertificateManager", "region": "eu-west-1"}),
            Some("use the store: spec.provider.aws.service CertificateManager is not supported"),
        ),
        (json!({"service": "S3", "region": "x"}), Some("read spec.provider.aws: the field service is not as it should be")),
        (json!({"service": "SecretsManager", "region": ""}), Some("use the store: spec.provider.aws.region is not the name of a region")),
        (
            json!({"service": "SecretsManager", "region": "x.evil.example/"}),
            Some("use the store: spec.provider.aws.region is not the name of a region"),
        ),
        (
            json!({"service": "SecretsManager", "region": "x", "additionalRoles": ["a", ""]}),
            Some("use the store: spec.provider.aws.additionalRoles has an empty entry"),
        ),
        (
            json!({"service": "SecretsManager", "region": "x", "auth": {"jwt": {}}}),
            Some("use the store: spec.provider.aws.auth.jwt.serviceAccountRef has no name"),
        ),
        (
            json!({"service": "SecretsManager", "region": "x", "auth": {"secretRef": {"accessKeyIDSecretRef": selector}}}),
            Some("use the store: spec.provider.aws.auth.secretRef.secretAccessKeySecretRef needs a name and a key"),
        ),
        (
            json!({"service": "SecretsManager", "region": "x", "auth": {"secretRef": {
                "accessKeyIDSecretRef": selector, "secretAccessKeySecretRef": selector, "sessionTokenSecretRef": {"name": "a"}
            }}}),
            Some("use the store: spec.provider.aws.auth.secretRef.sessionTokenSecretRef needs a name and a key"),
        ),
    ] {
        let found = store(&settings).and_then(|store| store.check(Scope::Namespace)).err().map(|error| error.to_string());
        assert_eq!(found.as_deref(), expected, "{settings}");
    }
}

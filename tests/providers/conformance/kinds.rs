//! How each kind of store is set up, and how its system speaks.
//!
//! Every system that plays well has the secret `app` in a new and an old version, and another one that is called `other`.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use tests::access::TestAccess;
use tests::stub::{Asked, Reply};

use super::CANARY;

/// One kind of store.
pub(super) struct Kind {
    /// The field under `spec.provider`.
    pub(super) name: &'static str,
    /// Settings of a store whose system is at an address, and whose authority's certificate is this, PEM in base64.
    pub(super) settings: fn(&str, Option<&str>) -> Value,
    /// What the store may use.
    pub(super) access: fn(&str) -> TestAccess,
    /// A system that plays well.
    pub(super) play: fn(&Asked) -> Reply,
    /// What it is asked for the secret `app`: the path.
    pub(super) target: &'static str,
    /// How the system says no.
    pub(super) denied: fn() -> Reply,
    /// How the system says that it is too much.
    pub(super) throttled: fn() -> Reply,
    /// Whether it finds secrets.
    pub(super) finds: bool,
    /// How the old version is called, if there are versions.
    pub(super) old_version: Option<&'static str>,
    /// Whether settings may name certificates of authorities.
    pub(super) names_authorities: bool,
    /// Whether who writes the settings says where the system is, so that it may not be anywhere.
    pub(super) is_held_back: bool,
    /// Answers of another shape than a secret's, besides those that are none for anybody.
    pub(super) wrong: &'static [&'static str],
}

impl Kind {
    /// The question for the secret `app`.
    pub(super) fn question(&self) -> Asked {
        let headers = [
            ("authorization", format!("Bearer {CANARY}-token")),
            ("x-amz-target", "secretsmanager.GetSecretValue".to_owned()),
            ("x-vault-token", format!("{CANARY}-token")),
        ];
        let headers = headers.map(|(name, value)| (name.to_owned(), value)).into();
        Asked { method: "GET".to_owned(), target: self.target.to_owned(), headers, body: r#"{"SecretId":"app"}"#.to_owned() }
    }
}

/// All of them.
pub(super) const KINDS: &[Kind] = &[AWS, KUBERNETES, VAULT, WEBHOOK];

const AWS: Kind = Kind {
    name: "aws",
    settings: |_, _| {
        let keys = json!({"accessKeyIDSecretRef": {"name": "aws", "key": "id"}, "secretAccessKeySecretRef": {"name": "aws", "key": "key"}});
        json!({"service": "SecretsManager", "region": "eu-west-1", "auth": {"secretRef": keys}})
    },
    access: |url| {
        let access = TestAccess::new().with_secret("aws", "id", "AKIAIOSFODNN7EXAMPLE").with_secret("aws", "key", format!("{CANARY}-key"));
        access.with_endpoint("AWS_SECRETSMANAGER_ENDPOINT", url)
    },
    play: aws,
    target: "/",
    denied: || Reply::new(400, json!({"__type": "AccessDeniedException", "Message": CANARY})),
    throttled: || Reply::new(400, json!({"__type": "ThrottlingException", "message": CANARY})),
    finds: true,
    old_version: Some("AWSPREVIOUS"),
    names_authorities: false,
    is_held_back: false,
    wrong: &["{}", r#"{"SecretString": ["hunter2"]}"#, r#"{"SecretBinary": "hunter2!"}"#],
};

const KUBERNETES: Kind = Kind {
    name: "kubernetes",
    settings: |url, authority| {
        let token = json!({"token": {"bearerToken": {"name": "cluster", "key": "token"}}});
        json!({"server": {"url": url, "caBundle": authority}, "auth": token})
    },
    access: |_| TestAccess::new().with_secret("cluster", "token", format!("{CANARY}-token\n")),
    play: kubernetes,
    target: "/api/v1/namespaces/default/secrets/app",
    denied: || status(403, "Forbidden"),
    throttled: || status(429, "TooManyRequests"),
    finds: true,
    old_version: None,
    names_authorities: true,
    is_held_back: true,
    wrong: &[
        "{}",
        r#"{"kind": "Secret", "data": "hunter2"}"#,
        r#"{"kind": "Secret", "data": {"a": {"hunter2": 1}}}"#,
        r#"{"kind": "Secret", "data": {"a": "hunter2!"}}"#,
        r#"{"kind": "ConfigMap", "data": {"a": "aHVudGVyMg=="}}"#,
        r#"{"kind": "Secret", "metadata": {"labels": ["hunter2"]}}"#,
    ],
};

const VAULT: Kind = Kind {
    name: "vault",
    settings: |url, authority| json!({"server": url, "path": "secret", "version": "v2", "caBundle": authority, "auth": {"tokenSecretRef": {"name": "vault", "key": "token"}}}),
    access: |_| TestAccess::new().with_secret("vault", "token", format!("{CANARY}-token")),
    play: vault,
    target: "/v1/secret/data/app",
    denied: || Reply::new(403, json!({"errors": [CANARY]})),
    throttled: || Reply::new(429, json!({"errors": [CANARY]})),
    finds: true,
    old_version: Some("1"),
    names_authorities: true,
    is_held_back: true,
    wrong: &["{}", r#"{"data": "hunter2"}"#, r#"{"data": {"data": ["hunter2"]}}"#],
};

const WEBHOOK: Kind = Kind {
    name: "webhook",
    settings: |url, authority| {
        json!({
            "url": format!("{url}/{{{{ .remoteRef.key }}}}?version={{{{ .remoteRef.version }}}}"),
            "headers": {"Authorization": "Bearer {{ .login.token }}"},
            "secrets": [{"name": "login", "secretRef": {"name": "hook"}}],
            "result": {"jsonPath": "$.secret"},
            "caBundle": authority,
        })
    },
    access: |_| {
        let access = TestAccess::new().with_secret("hook", "token", format!("{CANARY}-token"));
        access.with_label("hook", "external-secrets.io/type", "webhook").with_templates(crate::webhook::render)
    },
    play: webhook,
    target: "/app?version=",
    denied: || Reply::new(403, CANARY),
    throttled: || Reply::new(429, CANARY),
    finds: false,
    old_version: Some("1"),
    names_authorities: true,
    is_held_back: true,
    wrong: &["{}", "\"hunter2\"", r#"{"secret": []}"#],
};

fn fields(version: &str) -> Value {
    json!({"user": "shop", "password": format!("{CANARY}-{version}")})
}

fn status(code: u16, reason: &str) -> Reply {
    Reply::new(code, json!({"kind": "Status", "status": "Failure", "reason": reason, "message": CANARY, "code": code}))
}

fn kubernetes(asked: &Asked) -> Reply {
    if asked.header("authorization") != Some(&format!("Bearer {CANARY}-token")) {
        return status(401, "Unauthorized");
    }
    let encode = |text: &Value| STANDARD.encode(text.as_str().unwrap_or_default());
    let data = |fields: &Value| json!({"user": encode(&fields["user"]), "password": encode(&fields["password"])});
    let secret = |name: &str| json!({"kind": "Secret", "apiVersion": "v1", "metadata": {"name": name}, "data": data(&fields("new"))});
    match asked.target.split('?').next().unwrap_or_default() {
        "/api/v1/namespaces/default/secrets/app" => Reply::new(200, secret("app")),
        "/api/v1/namespaces/default/secrets" if asked.target.contains("continue=") => {
            Reply::new(200, json!({"kind": "SecretList", "metadata": {}, "items": [secret("app")]}))
        }
        "/api/v1/namespaces/default/secrets" => {
            Reply::new(200, json!({"kind": "SecretList", "metadata": {"continue": "more"}, "items": [secret("other")]}))
        }
        _ => Reply::new(404, json!({"kind": "Status", "reason": "NotFound", "details": {"kind": "secrets", "name": "nothing"}, "code": 404})),
    }
}

fn webhook(asked: &Asked) -> Reply {
    if asked.header("authorization") != Some(&format!("Bearer {CANARY}-token")) {
        return Reply::new(401, "");
    }
    match asked.target.as_str() {
        "/app?version=" => Reply::new(200, json!({"secret": fields("new")})),
        "/app?version=1" => Reply::new(200, json!({"secret": [fields("old"), "more"]})),
        _ => Reply::new(404, ""),
    }
}

fn vault(asked: &Asked) -> Reply {
    if asked.header("x-vault-token") != Some(&format!("{CANARY}-token")) {
        return Reply::new(403, json!({"errors": ["permission denied"]}));
    }
    let metadata = |version: u8| json!({"version": version, "created_time": "2026-01-01T00:00:00Z", "deletion_time": "", "destroyed": false});
    let secret = |version: u8, name: &str| Reply::new(200, json!({"data": {"data": fields(name), "metadata": metadata(version)}}));
    match asked.target.split('?').next().unwrap_or_default() {
        "/v1/secret/data/app" if asked.target.contains("version=1") => secret(1, "old"),
        "/v1/secret/data/app" | "/v1/secret/data/other" => secret(2, "new"),
        "/v1/secret/metadata" | "/v1/secret/metadata/" => Reply::new(200, json!({"data": {"keys": ["app", "other"]}})),
        "/v1/auth/token/lookup-self" => Reply::new(200, json!({"data": {"ttl": 3600, "renewable": false}})),
        _ => Reply::new(404, json!({"errors": []})),
    }
}

fn aws(asked: &Asked) -> Reply {
    let body: Value = serde_json::from_str(&asked.body).unwrap_or_default();
    let secret = |name: &str, version: &str| json!({"Name": name, "ARN": name, "SecretString": fields(version).to_string()});
    let entry = |name: &str| json!({"Name": name, "ARN": name});
    match (asked.header("x-amz-target").unwrap_or_default(), body["SecretId"].as_str().unwrap_or_default()) {
        ("secretsmanager.GetSecretValue", "app") => Reply::new(200, secret("app", if body["VersionStage"] == "AWSPREVIOUS" { "old" } else { "new" })),
        ("secretsmanager.GetSecretValue", _) => Reply::new(400, json!({"__type": "ResourceNotFoundException", "Message": "there is none"})),
        ("secretsmanager.ListSecrets", _) => Reply::new(200, json!({"SecretList": [entry("app"), entry("other")]})),
        ("secretsmanager.BatchGetSecretValue", _) => Reply::new(200, json!({"SecretValues": [secret("app", "new"), secret("other", "new")]})),
        _ => Reply::new(400, json!({"__type": "UnknownOperationException"})),
    }
}

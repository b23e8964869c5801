//! Stores and ExternalSecrets in which every value and every credential is marked, wrong in every way: the mark must be in nothing that is told.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use serde_json::{Value, json};

use crate::stub::{Asked, Reply, Stub};

/// The mark.
pub const MARK: &str = "KanariEnvOgel7531";

/// The forms in which a secret may show up: as it is, in base64 at every offset, in hexadecimal and URL-encoded.
#[must_use]
pub fn forms(secret: &str) -> Vec<String> {
    let hexadecimal = |between: &str| secret.bytes().fold(String::new(), |text, byte| text + between + &format!("{byte:02x}"));
    let base64 = (0..3).map(|offset| {
        let text = STANDARD_NO_PAD.encode([&vec![b'x'; offset], secret.as_bytes()].concat());
        // The digits at the edges also depend on the neighbours.
        text.get(2 * offset..text.len() - 2).unwrap_or_default().to_owned()
    });
    let mut forms: Vec<String> = base64.collect();
    forms.extend([
        secret.to_owned(),
        secret.to_lowercase(),
        hexadecimal(""),
        hexadecimal("").to_uppercase(),
        hexadecimal("%"),
        hexadecimal("%").to_uppercase(),
        hexadecimal("\\x"),
    ]);
    forms.push(secret.bytes().map(|byte| byte.to_string()).collect::<Vec<_>>().join(","));
    forms
}

/// The first of the marks that is shown.
#[must_use]
pub fn find<'m>(shown: &[u8], marks: &'m [String]) -> Option<&'m String> {
    let text = String::from_utf8_lossy(shown);
    // A line break within a long text hides nothing.
    let joined = text.replace(['\n', ' '], "");
    marks.iter().find(|mark| text.contains(mark.as_str()) || joined.contains(mark.as_str()))
}

/// Templates that fail over the value `x`, each in its own way.
const TEMPLATES: [&str; 18] = [
    "{{ fail .x }}",
    "{{ .x | atoi | div 1 0 }}",
    "{{ index .x 99 }}",
    "{{ b64dec .x }}{{ fail (b64enc .x) }}",
    "{{ mustFromJson .x }}",
    "{{ mustRegexFind (printf \"(%s\" .x) .x }}",
    "{{ template \"none\" .x }}",
    "{{ .x.y.z }}",
    "{{ call .x }}",
    "{{ repeat 999999999 .x }}",
    "{{ if .x }}unclosed",
    "{{ pkcs12key .x }}{{ pkcs12cert .x }}",
    "{{ jwkPublicKeyPem .x }}",
    "{{ pemToPkcs12 .x .x }}",
    "{{ filterPEM .x .x }}",
    "{{ fromYaml .x | toString | fail }}",
    "{{ rsaDecrypt .x .x .x .x }}",
    "{{ genSignedCert .x nil nil 1 .x }}{{ semver .x }}",
];

/// A system that echoes whatever it is sent, and holds marked values. Its answer is by the last part of the path, whatever the system.
///
/// # Panics
/// If the loopback has no port.
#[must_use]
pub fn system() -> Stub {
    let stub = Stub::start();
    stub.play(|asked| {
        let said = echo(asked);
        // AWS has the name in the body, and all others in the path.
        let body: Value = serde_json::from_str(&asked.body).unwrap_or_default();
        let last = asked.target.split(['?', '&']).next().unwrap_or_default().rsplit('/').next().unwrap_or_default();
        match ["SecretId", "Name"].iter().find_map(|name| body[name].as_str()).unwrap_or(last) {
            "ok" => Reply::new(200, values()),
            "half" => Reply::Half(values().to_string()),
            "cut" => Reply::new(200, format!("{{\"x\": \"{MARK}")),
            "list" => Reply::new(200, json!([MARK])),
            "text" => Reply::new(200, MARK),
            "page" => Reply::new(200, format!("<html>{MARK}</html>")),
            "elsewhere" => Reply::new(302, &said).with("Location", format!("http://127.0.0.1:9/{MARK}?{MARK}")),
            "later" => Reply::new(429, &said).with("Retry-After", MARK),
            status => Reply::new(status.parse().unwrap_or(500), &said),
        }
    });
    stub
}

fn values() -> Value {
    json!({"x": MARK, "n": format!("{MARK}1"), "bad": format!("{MARK}: [{MARK}\n{MARK}"), "object": {"x": MARK}, "binary": STANDARD.encode(MARK)})
}

/// Everything of a request, as an error of a careless system would quote it.
fn echo(asked: &Asked) -> String {
    let headers: Vec<String> = asked.headers.iter().map(|(name, value)| format!("{name}: {value}")).collect();
    json!({"errors": [MARK, &asked.target, &headers, &asked.body], "message": format!("{MARK} {headers:?}"), "__type": "Other"}).to_string()
}

fn object(kind: &str, name: &str, spec: &Value) -> Value {
    json!({"apiVersion": "external-secrets.io/v1", "kind": kind, "metadata": {"name": name}, "spec": spec})
}

/// Credentials: every one is the mark, as it is and as part of what it should be.
#[must_use]
pub fn credentials() -> Vec<Value> {
    let pem = format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n", STANDARD.encode(MARK));
    let kubeconfig =
        format!("clusters: [{{name: a, cluster: {{server: 'https://127.0.0.1:9'}}}}]\nusers: [{{name: a, user: {{token: {MARK}}}}}]\n{MARK}: [");
    let data = json!({"token": MARK, "broken": format!("{MARK}\n{MARK}"), "pem": pem, "kubeconfig": kubeconfig});
    let metadata = json!({"name": "login", "labels": {"external-secrets.io/type": "webhook"}});
    vec![json!({"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "type": "Opaque", "stringData": data})]
}

fn key(key: &str) -> Value {
    json!({"name": "login", "key": key})
}

/// Providers by the names of their stores; all of them ask the system at `url`.
fn providers(url: &str) -> Vec<(String, Value)> {
    let mut providers = Vec::new();
    let secrets = json!([{"name": "login", "secretRef": {"name": "login"}}]);
    let hook = |more: Value| {
        let mut hook = json!({"url": format!("{url}/{{{{ .remoteRef.key }}}}?t={{{{ .login.token }}}}"), "secrets": secrets, "result": {}});
        hook["headers"] = json!({"Authorization": "Bearer {{ .login.token }}"});
        hook["body"] = json!("{{ .login.token }}");
        more.as_object().into_iter().flatten().for_each(|(name, value)| hook[name] = value.clone());
        json!({ "webhook": hook })
    };
    let hooks = [
        json!({}),
        json!({"url": "{{ .login.token }}"}),
        json!({"url": "http://{{ .login.token }}:99999/"}),
        json!({"url": "http://u:{{ .login.token }}@127.0.0.1:9/{{ .login.token }}"}),
        json!({"url": "{{ .login.token | fail }}"}),
        json!({"headers": {"X-Token": "{{ .login.broken }}"}}),
        json!({"headers": {"X-Token": "{{ .login.token | fail }}"}}),
        json!({"headers": {"X Token {{ .login.token }}": "x"}}),
        json!({"body": "{{ index .login.token 99 }}"}),
        json!({"result": {"jsonPath": "$.{{ .login.token }}[(("}}),
        json!({"result": {"jsonPath": "$.nothing.{{ .login.token }}"}}),
        json!({"caProvider": {"type": "Secret", "name": "login", "key": "token"}}),
        json!({"secrets": [{"name": "login", "secretRef": {"name": "login-that-is-not-there"}}]}),
    ];
    providers.extend(hooks.into_iter().enumerate().map(|(at, more)| (format!("hook-{at}"), hook(more))));
    let vaults = [
        json!({"tokenSecretRef": key("token")}),
        json!({"tokenSecretRef": key("broken")}),
        json!({"appRole": {"path": "approle", "roleId": "role", "secretRef": key("token")}}),
        json!({"userPass": {"path": "userpass", "username": "anna", "secretRef": key("token")}}),
        json!({"ldap": {"path": "ldap", "username": "anna", "secretRef": key("token")}}),
        json!({"jwt": {"path": "jwt", "role": "a", "secretRef": key("token")}}),
        json!({"cert": {"clientCert": key("token"), "secretRef": key("pem")}}),
        json!({"tokenSecretRef": {"name": "login", "key": "not-there"}}),
    ];
    for (at, auth) in vaults.into_iter().enumerate() {
        providers.push((format!("vault-{at}"), json!({"vault": {"server": url, "path": "secret", "version": "v2", "auth": auth}})));
    }
    let hidden =
        json!({"server": url, "path": "secret", "headers": {"X-One": {"secretKeyRef": key("broken")}}, "auth": {"tokenSecretRef": key("token")}});
    providers.push(("vault-headers".to_owned(), json!({ "vault": hidden })));
    for (at, auth) in [
        json!({"token": {"bearerToken": key("token")}}),
        json!({"token": {"bearerToken": key("broken")}}),
        json!({"cert": {"clientCert": key("token"), "clientKey": key("pem")}}),
    ]
    .into_iter()
    .enumerate()
    {
        providers.push((format!("cluster-{at}"), json!({"kubernetes": {"server": {"url": url}, "remoteNamespace": "default", "auth": auth}})));
    }
    providers.push(("cluster-file".to_owned(), json!({"kubernetes": {"authRef": key("kubeconfig"), "remoteNamespace": "default"}})));
    for service in ["SecretsManager", "ParameterStore"] {
        let auth = json!({"secretRef": {"accessKeyIDSecretRef": key("token"), "secretAccessKeySecretRef": key("token"), "sessionTokenSecretRef": key("token")}});
        providers.push((format!("aws-{}", service.to_lowercase()), json!({"aws": {"service": service, "region": "eu-west-1", "auth": auth}})));
    }
    providers
}

/// What the system answers.
const ANSWERS: [&str; 17] =
    ["ok", "half", "cut", "list", "text", "page", "elsewhere", "later", "400", "401", "403", "404", "412", "418", "500", "503", "201"];

/// Providers, and what the system answers to whom: the first of a kind meets every answer, each by a store of its own, since a store whose system fails
/// is left alone for a while.
fn pairs(url: &str) -> Vec<(String, Value, &'static str)> {
    let every = ["hook-0", "vault-0", "cluster-0", "aws-secretsmanager", "aws-parameterstore"];
    let answers = |name: &str| if every.contains(&name) { &ANSWERS[..] } else { &["ok", "403"] };
    let of = |(name, provider): (String, Value)| answers(&name).iter().map(move |answer| (format!("{name}-{answer}"), provider.clone(), *answer));
    providers(url).into_iter().flat_map(of).collect()
}

/// Names of stores, and what their system answers.
#[must_use]
pub fn answers(url: &str) -> Vec<(String, &'static str)> {
    pairs(url).into_iter().map(|(name, _, answer)| (name, answer)).collect()
}

/// Stores of all kinds, and `good`, which has values.
#[must_use]
pub fn stores(url: &str) -> Vec<Value> {
    let of = |(name, provider, _): (String, Value, _)| object("SecretStore", &name, &json!({ "provider": provider }));
    let mut stores: Vec<Value> = pairs(url).into_iter().map(of).collect();
    let large = json!({"x": MARK.repeat(70_000)}).to_string();
    let data = json!([{"key": "ok", "value": values().to_string()}, {"key": "text", "value": MARK}, {"key": "large", "value": large}]);
    stores.push(object("SecretStore", "good", &json!({"provider": {"fake": {"data": data}}})));
    stores
}

/// ExternalSecrets that fail over marked values, all but a few. Those that make labels and annotations of them, which are not secret, are called `public`.
#[must_use]
pub fn external_secrets(url: &str) -> Vec<Value> {
    let mut specs: Vec<Value> = Vec::new();
    for (store, _, answer) in pairs(url) {
        let find = answer == "418";
        let entry = if find { json!({"find": {"name": {"regexp": "."}}}) } else { json!({"extract": {"key": answer}}) };
        specs.push(json!({"secretStoreRef": {"name": store}, "dataFrom": [entry]}));
    }
    specs.extend(over_values());
    let is_public = |spec: &Value| ["labels", "annotations", "Labels", "Annotations"].iter().any(|word| spec["target"].to_string().contains(word));
    let name = |at: usize, spec: &Value| format!("{}-{at}", if is_public(spec) { "public" } else { "bad" });
    specs.iter().enumerate().map(|(at, spec)| object("ExternalSecret", &name(at, spec), spec)).collect()
}

/// What fails after the values were read.
fn over_values() -> Vec<Value> {
    let mut specs: Vec<Value> = Vec::new();
    let good = |more: Value| {
        let mut spec = json!({"secretStoreRef": {"name": "good"}, "dataFrom": [{"extract": {"key": "ok"}}]});
        more.as_object().into_iter().flatten().for_each(|(name, value)| spec[name] = value.clone());
        spec
    };
    let template = |template: Value| good(json!({"target": { "template": template }}));
    let one = |remote: Value| good(json!({"dataFrom": [], "data": [{"secretKey": "x", "remoteRef": remote}]}));
    let from = |extract: Value, rewrite: Value| good(json!({"dataFrom": [{"extract": extract, "rewrite": rewrite}]}));
    specs.extend(TEMPLATES.iter().map(|text| template(json!({"data": {"t": text}}))));
    for text in
        ["{{ .x }} {{ .x }}: v", "{{ .x }}: [1]", "{{ .bad }}", "{{ .x }}", "- {{ .x }}", "{{ .x }}: {a: {{ .x }}}", "\"{{ .x }}", "a: *{{ .x }}"]
    {
        for target in ["Data", "Labels", "Annotations"] {
            specs.push(template(json!({"templateFrom": [{"literal": text, "target": target}]})));
        }
        specs.push(template(json!({"templateFrom": [{"literal": text, "valuesDecodingStrategy": "Base64"}]})));
    }
    specs.extend([
        template(json!({"metadata": {"labels": {"a": "{{ .x }} no label"}}})),
        template(json!({"metadata": {"labels": {"a": "{{ repeat 9 .x }}"}}})),
        template(json!({"metadata": {"annotations": {"a": "{{ repeat 20000 .x }}"}}})),
        template(json!({"metadata": {"annotations": {"a b": "{{ .x }}"}}})),
        template(json!({"metadata": {"finalizers": ["no finalizer"]}})),
        template(json!({"data": {"t": "{{ repeat 70000 .x }}"}})),
        template(json!({"type": "kubernetes.io/tls"})),
        template(json!({"type": "kubernetes.io/dockerconfigjson", "data": {".dockerconfigjson": "{{ .x }}"}})),
        template(json!({"type": "kubernetes.io/ssh-auth"})),
        template(json!({"type": "kubernetes.io/service-account-token"})),
        template(json!({"type": "bootstrap.kubernetes.io/token"})),
        one(json!({"key": "ok", "property": "nowhere"})),
        one(json!({"key": "text", "property": "x"})),
        one(json!({"key": "text", "decodingStrategy": "Base64"})),
        one(json!({"key": "text", "decodingStrategy": "Base64URL"})),
        one(json!({"key": "nowhere"})),
        one(json!({"key": "large"})),
        from(json!({"key": "text"}), json!([])),
        from(json!({"key": "ok", "property": "x"}), json!([])),
        from(json!({"key": "ok", "decodingStrategy": "Base64"}), json!([])),
        from(json!({"key": "large"}), json!([])),
        from(json!({"key": "ok"}), json!([{"regexp": {"source": "((", "target": "x"}}])),
        from(json!({"key": "ok"}), json!([{"transform": {"template": "{{ .value | fail }}"}}])),
        from(json!({"key": "ok"}), json!([{"merge": {"into": "x", "conflictPolicy": "Error", "strategy": "Extract"}}])),
        good(json!({"target": {"name": "taken"}})),
        good(json!({"target": {"immutable": true, "name": "frozen", "creationPolicy": "CreateOrMerge"}})),
    ]);
    specs
}

//! Inputs in which every secret is the canary, wrong in every way; and the command lines that read them.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// The mark.
pub(crate) const CANARY: &str = tests::marked::MARK;

/// Templates that fail over the opened value.
pub(crate) const TEMPLATES: &[&str] = &[
    "{{ fail .password }}",
    "{{ fail (printf \"%s!\" .password) }}",
    "{{ .password.field }}",
    "{{ index .password 99 }}",
    "{{ slice .password 99 }}",
    "{{ index (list 1) .password }}",
    "{{ call .password }}",
    "{{ .password | mustFromJson }}",
    "{{ mustToDate \"2006\" .password }}",
    "{{ mustRegexMatch (printf \"(%s\" .password) \"x\" }}",
    "{{ semver .password }}",
    "{{ semverCompare .password \"1.0\" }}",
    "{{ duration .password }} {{ add 1 .password }} {{ div 1 (int .password) }}",
    "{{ decryptAES .password .password }}",
    "{{ buildCustomCert .password .password }}",
    "{{ genSignedCert .password nil nil 1 .password }}",
    "{{ derivePassword 1 .password .password .password .password }}",
    "{{ urlParse (printf \"http://%s:%%zz\" .password) }}",
    "{{ get .password \"x\" }}",
    "{{ range .password }}{{ .x }}{{ end }}",
    "{{ lt 1 .password }}",
    "{{ set .password \"a\" .password }}",
    "{{ mustMerge .password }}",
    "{{ repeat 99999999 .password }}",
    "{{ template \"t\" .password }}{{ define \"t\" }}{{ .x.y }}{{ end }}",
    "{{ mustSlice .password 1 }}",
    "{{ must_not_exist .password }}",
    "{{ .password | substr 9 1 | atoi | until }}{{ fail .password }}",
    "{{ dict .password }}{{ len 3 }}",
    "{{ mustDateModify .password now }}",
    "{{ bcrypt (repeat 9 .password) }}{{ fail .user }}",
    "{{ htpasswd .password .password }}{{ fail .password }}",
    "{{ printf \"%d %!\" .password | fail }}",
];

/// Lines of `stringData` or `data`, wrong around the secret.
pub(crate) const LINES: &[&str] = &[
    "stringData: {a: CANARY, a: CANARY}",
    "data: {a: CANARY!}",
    "data: {a: 'CANARY'}",
    "data: {a: CANARY=}",
    "data: {a: {b: CANARY}}",
    "stringData: {a: [CANARY]}",
    "stringData: [CANARY]",
    "stringData: CANARY",
    "data: !!binary CANARY",
    "stringData: {a: !!binary CANARY}",
    "stringData: {a: \"CANARY",
    "stringData: {a: 'CANARY",
    "stringData: {a: \"CANARY\\q\"}",
    "stringData: {a: [CANARY",
    "stringData: {a: *CANARY}",
    "stringData:\n  a: CANARY\n b: CANARY",
    "stringData:\n  a: CANARY: CANARY",
    "stringData:\n\ta: CANARY",
    "stringData:\n  a: 'CANARY' CANARY",
    "stringData:\n  a: |\n  CANARY\n x",
    "stringData:\n  - CANARY\n  a: CANARY",
    "stringData: {a: CANARY}\nimmutable: CANARY",
    "stringData: {a: CANARY}\ntype: [CANARY]",
    "stringData: {a: @CANARY}",
    "stringData: {a: `CANARY`}",
    "stringData: {a: %CANARY}",
    "stringData: {<<: CANARY}",
    "stringData: {<<: [CANARY]}",
    "stringData: {? [CANARY] : CANARY}",
    "stringData: {a: CANARY}\n}",
    "stringData: {a: CANARY}\nkind: Secret",
    "stringData: {a: CANARY}\nspec: {encryptedData: {a: CANARY}}",
];

/// Whole files; `B64` becomes the mark in base64.
const FILES: &[(&str, &str)] = &[
    (
        "plain.yaml",
        "apiVersion: v1\nkind: Secret\nmetadata:\n  name: db\n  namespace: shop\n  annotations:\n    kubectl.kubernetes.io/last-applied-configuration: '{\"stringData\":{\"password\":\"CANARY\"}}'\nstringData:\n  password: CANARY\ndata:\n  user: B64\n",
    ),
    ("plain/nameless.yaml", "apiVersion: v1\nkind: Secret\nstringData: {a: CANARY}\n"),
    ("plain/other-kind.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: db, namespace: shop}\ndata: {a: CANARY}\n"),
    ("plain/metadata.yaml", "apiVersion: v1\nkind: Secret\nmetadata: CANARY\nstringData: {a: CANARY}\n"),
    ("plain/scalar.yaml", "CANARY\n"),
    ("plain/list.yaml", "- CANARY\n- {a: CANARY}\n"),
    ("plain/broken.json", "{\"apiVersion\":\"v1\",\"kind\":\"Secret\",\"stringData\":{\"a\":\"CANARY"),
    ("plain/bare.json", "{\"apiVersion\":\"v1\",\"kind\":\"Secret\",\"stringData\":{\"a\":CANARY}}"),
    ("plain/escape.json", "{\"apiVersion\":\"v1\",\"kind\":\"Secret\",\"stringData\":{\"a\":\"CANARY\\ud800\"}}"),
    (
        "plain/number.json",
        "{\"apiVersion\":\"v1\",\"kind\":\"Secret\",\"metadata\":{\"name\":\"a\",\"namespace\":\"b\"},\"data\":{\"a\":\"CANARY*\"}}",
    ),
    ("sealed/not-base64.yaml", "SEALEDspec: {encryptedData: {a: \"CANARY!\", b: \"AgCANARY\"}}\n"),
    ("sealed/short.yaml", "SEALEDspec: {encryptedData: {a: B64, b: \"AgBCANARY7\"}}\n"),
    ("sealed/item-list.yaml", "SEALEDspec: {encryptedData: {a: [CANARY]}}\n"),
    ("sealed/no-map.yaml", "SEALEDspec: {encryptedData: CANARY}\n"),
    ("sealed/no-spec.yaml", "SEALEDspec: CANARY\n"),
    ("sealed/template.yaml", "SEALEDspec: {encryptedData: {}, template: {metadata: CANARY, data: [CANARY], type: [CANARY]}}\n"),
    ("sealed/blob.yaml", "SEALEDspec: {data: B64}\n"),
    ("sealed/both.yaml", "SEALEDspec: {data: B64, encryptedData: {a: B64}}\n"),
    ("sealed/twice.yaml", "SEALEDspec: {encryptedData: {a: CANARY, a: CANARY}}\n"),
    ("sealed/hint.yaml", "SEALEDspec: {encryptedData: {a: CANARY}}\nstatus: {conditions: CANARY}\n"),
    ("private/body.pem", "-----BEGIN PRIVATE KEY-----\nB64B64B64\n-----END PRIVATE KEY-----\n"),
    ("private/pkcs1.pem", "-----BEGIN RSA PRIVATE KEY-----\nB64\n-----END RSA PRIVATE KEY-----\n"),
    ("private/cut.pem", "-----BEGIN RSA PRIVATE KEY-----\nB64B64\n"),
    ("private/not-base64.pem", "-----BEGIN PRIVATE KEY-----\nCANARY!CANARY\n-----END PRIVATE KEY-----\n"),
    ("private/passphrase.pem", "-----BEGIN ENCRYPTED PRIVATE KEY-----\nB64\n-----END ENCRYPTED PRIVATE KEY-----\n"),
    ("private/headers.pem", "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: CANARY\n\nB64\n-----END RSA PRIVATE KEY-----\n"),
    ("private/elliptic.pem", "-----BEGIN EC PRIVATE KEY-----\nB64\n-----END EC PRIVATE KEY-----\n"),
    ("private/words.pem", "CANARY\n"),
    ("private/secret.yaml", "apiVersion: v1\nkind: Secret\nmetadata: {name: k, namespace: s}\nstringData: {tls.key: CANARY, tls.crt: CANARY}\n"),
    ("private/base64.yaml", "apiVersion: v1\nkind: Secret\nmetadata: {name: k, namespace: s}\ndata: {tls.key: CANARY!}\n"),
    ("private/no-key.yaml", "apiVersion: v1\nkind: Secret\nmetadata: {name: k, namespace: s}\nstringData: {other: CANARY}\n"),
    (
        "private/pem-in-secret.yaml",
        "apiVersion: v1\nkind: Secret\nmetadata: {name: k, namespace: s}\nstringData:\n  tls.key: |\n    -----BEGIN PRIVATE KEY-----\n    B64\n    -----END PRIVATE KEY-----\n",
    ),
    ("private/list.yaml", "apiVersion: v1\nkind: List\nitems:\n- CANARY\n- {kind: Secret, apiVersion: v1, data: {tls.key: B64}}\n"),
    (
        "kubeconfig.yaml",
        "apiVersion: v1\nkind: Config\ncurrent-context: c\ncontexts: [{name: c, context: {cluster: c, user: u}}]\nclusters: [{name: c, cluster: {server: 'https://127.0.0.1:1'}}]\nusers: [{name: u, user: {token: CANARY, password: CANARY, username: x}}]\n",
    ),
    ("config/broken.yaml", "apiVersion: v1\nkind: Config\nusers: [{name: u, user: {token: CANARY\n"),
    (
        "config/type.yaml",
        "apiVersion: v1\nkind: Config\ncurrent-context: c\ncontexts: [{name: c, context: {cluster: c, user: u}}]\nclusters: CANARY\nusers: [{name: u, user: {token: [CANARY]}}]\n",
    ),
    (
        "config/key.yaml",
        "apiVersion: v1\nkind: Config\ncurrent-context: c\ncontexts: [{name: c, context: {cluster: c, user: u}}]\nclusters: [{name: c, cluster: {server: 'https://127.0.0.1:1'}}]\nusers: [{name: u, user: {client-key-data: B64, client-certificate-data: B64}}]\n",
    ),
    (
        "config/base64.yaml",
        "apiVersion: v1\nkind: Config\ncurrent-context: c\ncontexts: [{name: c, context: {cluster: c, user: u}}]\nclusters: [{name: c, cluster: {server: 'https://127.0.0.1:1'}}]\nusers: [{name: u, user: {client-key-data: 'CANARY!'}}]\n",
    ),
    (
        "config/exec.yaml",
        "apiVersion: v1\nkind: Config\ncurrent-context: c\ncontexts: [{name: c, context: {cluster: c, user: u}}]\nclusters: [{name: c, cluster: {server: 'https://127.0.0.1:1'}}]\nusers: [{name: u, user: {exec: {apiVersion: client.authentication.k8s.io/v1, interactiveMode: Never, command: sh, args: ['-c', 'echo \"{CANARY\"; exit 3'], env: [{name: T, value: CANARY}]}}}]\n",
    ),
    (
        "config/server.yaml",
        "apiVersion: v1\nkind: Config\ncurrent-context: c\ncontexts: [{name: c, context: {cluster: c, user: u}}]\nclusters: [{name: c, cluster: {server: 'https://user:CANARY@127.0.0.1:1', proxy-url: 'http://u:CANARY@127.0.0.1:2'}}]\nusers: []\n",
    ),
];

const SEALED: &str = "apiVersion: bitnami.com/v1alpha1\nkind: SealedSecret\nmetadata: {name: db, namespace: shop}\n";

/// Every input with its name.
pub(crate) fn files() -> Vec<(String, Vec<u8>)> {
    let marked = |text: &str| text.replace("SEALED", SEALED).replace("CANARY", CANARY).replace("B64", &STANDARD.encode(CANARY)).into_bytes();
    let head = "apiVersion: v1\nkind: Secret\nmetadata: {name: db, namespace: shop}\n";
    let mut files: Vec<(String, Vec<u8>)> = FILES.iter().map(|(name, text)| ((*name).to_owned(), marked(text))).collect();
    files.extend(LINES.iter().enumerate().map(|(at, line)| (format!("plain/line-{at}.yaml"), marked(&format!("{head}{line}\n")))));
    files.push(("plain/bytes.yaml".to_owned(), [&marked("a: CANARY\nb: CANARY")[..], b"\xff\xfe"].concat()));
    let wide: Vec<u8> = CANARY.encode_utf16().flat_map(u16::to_le_bytes).collect();
    files.push(("plain/wide.yaml".to_owned(), [b"\xff\xfe", &wide[..], b"x"].concat()));
    files
}

/// Every command over every input that it could be given.
#[expect(clippy::too_many_lines, reason = "a table of command lines")]
pub(crate) fn commands(names: &[&str]) -> Vec<String> {
    let below = |folder: &str| names.iter().filter(|name| name.starts_with(folder)).map(|name| (*name).to_owned()).collect::<Vec<_>>();
    let mut lines = Vec::new();
    let mut each = |names: &[String], patterns: &[&str]| {
        lines.extend(names.iter().flat_map(|name| patterns.iter().map(|pattern| pattern.replace("FILE", name)).collect::<Vec<_>>()));
    };
    let seal =
        ["seal --cert alpha.crt FILE", "seal --cert alpha.crt --merge-into sealed.yaml FILE", "verify FILE", "kubeseal --cert alpha.crt -f FILE"];
    each(&[below("plain"), below("sealed/"), vec!["alpha.pem".to_owned(), "sealed.yaml".to_owned()]].concat(), &seal);
    each(
        &below("plain"),
        &[
            "kubeseal --cert alpha.crt --merge-into sealed.yaml -f FILE",
            "unseal --key alpha.pem FILE",
            "seal --cert alpha.crt --merge-into FILE plain.yaml",
        ],
    );
    let unseal = [
        "unseal --key alpha.pem FILE",
        "unseal --key foreign.pem FILE",
        "unseal --key alpha.pem --item none FILE",
        "unseal --key alpha.pem --output /dev/full FILE",
        "unseal --key alpha.pem --output none/none FILE",
        "reseal --key alpha.pem --key beta.pem --in-place FILE",
        "reseal --key foreign.pem FILE",
        "reseal --controller FILE",
        "verify --key alpha.pem FILE",
        "verify --key foreign.pem --cert foreign.crt --json FILE",
        "seal --cert alpha.crt --merge-into FILE plain.yaml",
        "kubeseal --recovery-unseal --recovery-private-key alpha.pem -f FILE",
        "kubeseal --recovery-unseal --recovery-private-key foreign.pem -f FILE",
        "kubeseal --validate -f FILE",
        "kubeseal --re-encrypt -f FILE",
        "kubeseal --cert alpha.crt --merge-into FILE -f plain.yaml",
    ];
    let sealed = ["sealed", "hintless", "other", "moved-", "cut-"].map(below).concat();
    each(&sealed, &unseal);
    each(
        &below("templates/"),
        &["unseal --key alpha.pem FILE", "kubeseal --recovery-unseal --recovery-private-key alpha.pem -f FILE", "verify --key alpha.pem FILE"],
    );
    let keys = [
        "unseal --key FILE sealed.yaml",
        "reseal --key FILE sealed.yaml",
        "verify --key FILE sealed.yaml",
        "keys import --keys imported FILE",
        "cert --cert FILE",
        "seal --cert FILE plain.yaml",
        "kubeseal --cert FILE -f plain.yaml",
        "kubeseal --recovery-unseal --recovery-private-key FILE -f sealed.yaml",
    ];
    each(&[below("private/"), below("plain.yaml"), below("foreign.pem")].concat(), &keys);
    let clusters = [
        "cert --kubeconfig FILE",
        "seal --kubeconfig FILE plain.yaml",
        "reseal --controller --kubeconfig FILE sealed.yaml",
        "kubeseal --kubeconfig FILE --fetch-cert",
        "kubeseal --kubeconfig FILE -f plain.yaml",
        "kubeseal --kubeconfig FILE --validate -f sealed.yaml",
    ];
    each(&[below("config/"), below("kubeconfig.yaml")].concat(), &clusters);
    for url in [
        "https://user:CANARY@127.0.0.1:1/cert.pem",
        "https://127.0.0.1:1/?token=CANARY",
        "http://CANARY@[::1",
        "https://a:CANARY@:x/",
        "file:///none",
        "ftp://u:CANARY@h/",
    ] {
        let url = url.replace("CANARY", CANARY);
        lines.extend(
            ["cert --cert", "verify sealed.yaml --cert", "seal plain.yaml --cert", "reseal --key alpha.pem sealed.yaml --cert"]
                .map(|verb| format!("{verb} {url}")),
        );
    }
    let others = [
        "keys list --keys private",
        "keys export --keys private",
        "keys new --keys private --key-size 2048",
        "local plain --keys private --out out",
        "local plain --keys fresh/keys --out out --key-size 2048",
        "local sealed --keys fresh/keys --out out --key-size 2048 --json",
        "local . --keys fresh/keys --out out --key-size 2048 --in-place",
        "seal --cert alpha.crt --output /dev/full plain.yaml",
        "seal --cert alpha.crt --out-dir plain plain",
        "kubeseal --raw --name a --namespace b --cert alpha.crt --from-file plain.yaml",
        "kubeseal --raw --name a --cert private/body.pem --from-file a=plain.yaml --namespace b",
    ];
    lines.extend(others.map(str::to_owned));
    // Credentials on the command line, some of them where none is expected.
    for credentials in [
        "--token CANARY",
        "--username u --password CANARY",
        "--token CANARY --username u --password CANARY",
        "--password CANARY",
        "--token=CANARY --bogus",
        "--tokens CANARY",
        "--token=CANARY --request-timeout CANARY",
        "--server https://u:CANARY@127.0.0.1:1",
        "--proxy-url http://u:CANARY@127.0.0.1:1 --token CANARY",
        "--as-group CANARY --token CANARY --client-key CANARY",
    ] {
        let verbs = ["--fetch-cert", "-f plain.yaml", "--validate -f sealed.yaml", "--re-encrypt -f sealed.yaml"];
        lines.extend(verbs.map(|verb| format!("kubeseal --server https://127.0.0.1:1 {} {verb}", credentials.replace("CANARY", CANARY))));
    }
    lines
}

/// Variables that bear a credential, for a command that fails.
pub(crate) const VARIABLES: [&[(&str, &str)]; 5] = [
    &[("SEALED_SECRETS_TOKEN", CANARY)],
    &[("SEALED_SECRETS_USERNAME", "u"), ("SEALED_SECRETS_PASSWORD", CANARY)],
    &[("SEALED_SECRETS_TOKEN", CANARY), ("SEALED_SECRETS_USERNAME", "u"), ("SEALED_SECRETS_PASSWORD", CANARY)],
    &[("HTTPS_PROXY", "http://u:KanariEnvOgel7531@127.0.0.1:1")],
    &[("HTTPS_PROXY", "KanariEnvOgel7531"), ("SEALED_SECRETS_SERVER", "https://u:KanariEnvOgel7531@127.0.0.1:1")],
];

//! What External Secrets adds to sprig, beside OpenSSL: it reads what we write, and we read what it writes.

use std::collections::BTreeMap;
use std::fs;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use keys::SecretBytes;
use templates::{Context, ErrorKind, Language, Limits, Template};
use tests::openssl::{ED25519, P256, chain, openssl, rsa_as_json, try_openssl};
use tests::suite::{Case, case};

pub(crate) fn cases() -> Vec<Case> {
    vec![
        case("certificates_are_picked_and_put_in_order", &["openssl"], certificates_are_picked_and_put_in_order),
        case("external_functions_fail_as_silently_as_theirs", &[], external_functions_fail_as_silently_as_theirs),
        case("jwk_becomes_pem_that_openssl_reads", &["openssl"], jwk_becomes_pem_that_openssl_reads),
        case("pkcs12_of_openssl_is_read", &["openssl"], pkcs12_of_openssl_is_read),
        case("pkcs12_of_ours_is_read_by_openssl", &["openssl"], pkcs12_of_ours_is_read_by_openssl),
        case("pkcs12_that_costs_too_much_is_refused", &["openssl"], pkcs12_that_costs_too_much_is_refused),
        case("yaml_is_read_and_written_as_by_sigs", &[], yaml_is_read_and_written_as_by_sigs),
        case("rsa_decrypt_opens_what_openssl_encrypts", &["openssl"], rsa_decrypt_opens_what_openssl_encrypts),
    ]
}

type Values<'v> = [(&'v str, &'v [u8])];

fn try_render(source: &str, values: &Values<'_>) -> Result<Vec<u8>, templates::Error> {
    let values: BTreeMap<String, SecretBytes> = values.iter().map(|(key, value)| ((*key).to_owned(), SecretBytes::from(value.to_vec()))).collect();
    let rendered = Template::parse_as(&Language::external_secrets(), "key", source.as_bytes())?.render(&Context::new(&values))?;
    // EXPOSE: compared with what OpenSSL has.
    Ok(rendered.expose().to_vec())
}

fn render(source: &str, values: &Values<'_>) -> Vec<u8> {
    try_render(source, values).unwrap_or_else(|error| panic!("{source}: {error}"))
}

fn text(source: &str, values: &Values<'_>) -> String {
    String::from_utf8(render(source, values)).expect("text")
}

fn certificates_are_picked_and_put_in_order() {
    let home = tempfile::tempdir().expect("a folder");
    let folder = home.path();
    chain(folder);
    let read = |name: &str| fs::read_to_string(folder.join(name)).expect("a file");
    let (all, leaf, key) = (read("chain.pem"), read("leaf.pem"), read("leaf.key"));
    let mixed = format!("{key}between\n{leaf}");
    let values: &Values<'_> = &[("all", all.as_bytes()), ("mixed", mixed.as_bytes()), ("leaf", leaf.as_bytes())];
    assert_eq!(text("{{ filterCertChain \"leaf\" .all }}", values), leaf);
    assert_eq!(text("{{ filterCertChain \"intermediate\" .all }}", values), read("middle.pem"));
    assert_eq!(text("{{ filterCertChain \"root\" .all }}", values), read("root.pem"));
    assert_eq!(text("{{ filterCertChain \"other\" .all }}", values), "");
    assert_eq!(text("{{ filterPEM \"private key\" .mixed }}", values), key);
    assert_eq!(text("{{ filterPEM \"CERTIFICATE\" .mixed }}", values), leaf);
    assert_eq!(text("{{ certSANs .leaf | join \" \" }}", values), "b.example a.example 10.0.0.1 fe80::1 a@b.example https://b.example/x");
    assert!(try_render("{{ filterPEM \"CERTIFICATE\" \"junk\" }}", values).is_err());
    assert!(try_render("{{ filterCertChain \"leaf\" \"\" }}", values).is_err());
    assert!(try_render("{{ filterCertChain \"leaf\" .mixed }}", values).is_err());
}

fn external_functions_fail_as_silently_as_theirs() {
    assert_eq!(text("{{ hexdec \"68690a\" }}", &[]), "hi\n");
    assert_eq!(text("{{ hexdec \"6g\" }}", &[]), "encoding/hex: invalid byte: U+0067 'g'");
    assert_eq!(text("{{ hexdec \"686\" }}", &[]), "encoding/hex: odd length hex string");
    assert_eq!(text("{{ htpasswd \"u\" \"p\" \"sha\" }}", &[]), "u:{SHA}UWuXg/ylF+7L0dBk2i0WUxCxl1k=");
    assert!(text("{{ htpasswd \"u\" \"p\" \"bcrypt\" }}", &[]).starts_with("u:$2a$10$"));
    assert_eq!(text("{{ htpasswd \"u:\" \"p\" \"sha\" }}", &[]), "invalid username: u:");
    for source in ["{{ htpasswd \"u\" \"p\" }}", "{{ env \"HOME\" }}", "{{ getHostByName \"x\" }}", "{{ getSecretKey \"x\" }}"] {
        assert!(try_render(source, &[]).is_err(), "{source}");
    }
    for source in ["{{ hexdec \"\" }}", "{{ pkcs12key \"\" }}", "{{ jwkPublicKeyPem \"{}\" }}", "{{ htpasswd \"u\" \"p\" \"sha\" }}"] {
        let sealed = Template::parse("key", source.as_bytes()).and_then(|template| template.render(&Context::new(&BTreeMap::new())));
        assert!(sealed.is_err(), "{source} in a template of Sealed Secrets");
    }
}

fn jwk_becomes_pem_that_openssl_reads() {
    let home = tempfile::tempdir().expect("a folder");
    let folder = home.path();
    openssl(folder, "genrsa -out leaf.key 2048");
    for private in [ED25519.to_owned(), P256.to_owned(), rsa_as_json(folder)] {
        let public = private.replace("\"d\":", "\"ignored\":");
        let pem = render("{{ jwkPrivateKeyPem .k }}", &[("k", private.as_bytes())]);
        fs::write(folder.join("key.pem"), &pem).expect("written");
        let again = openssl(folder, "pkey -in key.pem");
        assert_eq!(pem, again, "{}", &private[..20]);
        let theirs = openssl(folder, "pkey -in key.pem -pubout");
        assert_eq!(render("{{ jwkPublicKeyPem .k }}", &[("k", public.as_bytes())]), theirs, "{}", &private[..20]);
        assert!(try_render("{{ jwkPublicKeyPem .k }}", &[("k", private.as_bytes())]).is_err());
        let broken = private.replace(['A', 'B', 'C'], "D");
        let error = try_render("{{ jwkPrivateKeyPem .k }}", &[("k", broken.as_bytes())]);
        assert!(error.is_err() || private.contains("OKP"), "{}", &private[..20]);
    }
}

fn pkcs12_of_openssl_is_read() {
    let home = tempfile::tempdir().expect("a folder");
    let folder = home.path();
    chain(folder);
    let read = |name: &str| fs::read_to_string(folder.join(name)).expect("a file");
    let ordered = [read("leaf.pem"), read("middle.pem"), read("root.pem")].concat();
    let old = "-keypbe PBE-SHA1-3DES -certpbe PBE-SHA1-3DES -macalg sha1";
    let kinds = ["", old, "-legacy", "-keypbe AES-128-CBC -certpbe AES-192-CBC -macalg sha512 -iter 5000", "-keypbe NONE -certpbe NONE"];
    for (kind, key) in kinds.into_iter().flat_map(|kind| ["leaf", "middle"].map(|key| (kind, key))) {
        for (password, shown) in [("pässword", "pässword"), ("", "EMPTY")] {
            let line = format!("pkcs12 -export -inkey {key}.key -in {key}.pem -certfile chain.pem -out x.p12 -passout pass: {kind}");
            let made = try_openssl(folder, &line.replace("pass: ", &format!("pass:{password} ")));
            if kind == "-legacy" && made.is_err() {
                // Not every machine has the provider of old ciphers.
                continue;
            }
            made.unwrap_or_else(|error| panic!("{shown}: {error}"));
            let file = fs::read(folder.join("x.p12")).expect("a file");
            let values: &Values<'_> = &[("file", &file), ("pass", password.as_bytes())];
            let expected = String::from_utf8(openssl(folder, &format!("pkey -in {key}.key"))).expect("text");
            assert_eq!(text("{{ pkcs12keyPass .pass .file }}", values), expected, "{kind} {shown}");
            let certificates = text("{{ pkcs12certPass .pass .file }}", values);
            if key == "leaf" {
                assert!(certificates.starts_with(&read("leaf.pem")) && certificates.len() >= ordered.len(), "{kind} {shown}");
            }
            if password.is_empty() {
                assert_eq!(text("{{ pkcs12key .file }}", values), expected, "{kind}");
            }
            let error = try_render("{{ pkcs12keyPass \"wrong\" .file }}", values).expect_err("a wrong password");
            assert!(error.to_string().contains("is wrong"), "{error}");
        }
    }
}

fn pkcs12_of_ours_is_read_by_openssl() {
    let home = tempfile::tempdir().expect("a folder");
    let folder = home.path();
    chain(folder);
    let read = |name: &str| fs::read_to_string(folder.join(name)).expect("a file");
    let sorted = |name: &str| openssl(folder, &format!("pkey -in {name}"));
    let full = [read("leaf.pem"), read("middle.pem"), read("root.pem")].concat();
    openssl(folder, "rsa -in leaf.key -traditional -out pkcs1.key");
    openssl(folder, "ec -in middle.key -out sec1.key");
    let values = |key: &'static str| [("chain", full.clone()), ("key", read(key)), ("middle", read("middle.pem")), ("pass", "pässword".to_owned())];
    let made = |source: &str, key: &'static str| {
        let values = values(key);
        let values: Vec<(&str, &[u8])> = values.iter().map(|(name, value)| (*name, value.as_bytes())).collect();
        let file = BASE64_STANDARD.decode(render(source, &values)).expect("base64");
        fs::write(folder.join("ours.p12"), file).expect("written");
    };
    let plain = |bytes: Vec<u8>| {
        let text = String::from_utf8(bytes).expect("text");
        text.lines().skip_while(|line| !line.starts_with("-----BEGIN")).map(|line| format!("{line}\n")).collect::<String>()
    };
    let keys = |password: &str| plain(openssl(folder, &format!("pkcs12 -in ours.p12 -passin pass:{password} -nodes -nocerts"))).into_bytes();
    let leaf = |password: &str| plain(openssl(folder, &format!("pkcs12 -in ours.p12 -passin pass:{password} -nokeys -clcerts")));
    for key in ["leaf.key", "pkcs1.key"] {
        made("{{ pemToPkcs12Pass .chain .key .pass }}", key);
        assert_eq!(keys("pässword"), sorted("leaf.key"), "{key}");
        assert_eq!(leaf("pässword"), read("leaf.pem"));
        assert!(openssl(folder, "pkcs12 -in ours.p12 -passin pass:pässword -nokeys -cacerts").is_empty());
    }
    made("{{ pemToPkcs12 .middle .key }}", "sec1.key");
    assert_eq!(keys(""), sorted("middle.key"));
    made("{{ fullPemToPkcs12 .chain .key }}", "leaf.key");
    assert_eq!(leaf(""), read("leaf.pem"));
    let rest = String::from_utf8(openssl(folder, "pkcs12 -in ours.p12 -passin pass: -nokeys -cacerts")).expect("text");
    assert_eq!(rest.matches("BEGIN CERTIFICATE").count(), 2);
    made("{{ fullPemToPkcs12Pass .chain .key .pass }}", "leaf.key");
    let shown = try_openssl(folder, "pkcs12 -in ours.p12 -passin pass:pässword -info -noout");
    shown.unwrap_or_else(|error| panic!("{error}"));
    made("{{ pemTruststoreToPKCS12Pass .chain .pass }}", "leaf.key");
    let trusted = String::from_utf8(openssl(folder, "pkcs12 -in ours.p12 -passin pass:pässword -nokeys")).expect("text");
    assert_eq!((trusted.matches("BEGIN CERTIFICATE").count(), trusted.matches("friendlyName: CN=").count()), (3, 3), "{trusted}");
    made("{{ pemTruststoreToPKCS12 .chain }}", "leaf.key");
    openssl(folder, "pkcs12 -in ours.p12 -passin pass: -nokeys");
}

fn pkcs12_that_costs_too_much_is_refused() {
    let home = tempfile::tempdir().expect("a folder");
    let folder = home.path();
    openssl(folder, "req -x509 -newkey rsa:2048 -nodes -keyout a.key -out a.pem -days 9 -subj /CN=a");
    openssl(folder, "pkcs12 -export -inkey a.key -in a.pem -out x.p12 -passout pass: -macalg sha256");
    let mut file = fs::read(folder.join("x.p12")).expect("a file");
    // The rounds of the code are the last number of the file: 2048 in two bytes, here so many that they cost something.
    assert!(file.ends_with(&[2, 2, 8, 0]));
    let length = file.len();
    file[length - 2] = 0x7f;
    let wrong = try_render("{{ pkcs12key .f }}", &[("f", &file)]).expect_err("a wrong code");
    assert_eq!(wrong.kind(), ErrorKind::Exec, "{wrong}");
    let values = BTreeMap::from([("f".to_owned(), SecretBytes::from(file.clone()))]);
    let template = Template::parse_as(&Language::external_secrets(), "key", b"{{ pkcs12key .f }}").expect("a template");
    let limits = Limits { cost: 10, ..Limits::default() };
    let refused = template.render(&Context { limits, ..Context::new(&values) }).expect_err("too many rounds");
    assert_eq!(refused.kind(), ErrorKind::Limit, "{refused}");
    for (at, byte) in (0..length).flat_map(|at| [0, 0x7f, 0xff].map(|byte| (at, byte))).step_by(7) {
        let mut broken = file.clone();
        broken[at] = byte;
        assert!(try_render("{{ pkcs12key .f }}", &[("f", &broken)]).is_err(), "{at} {byte}");
    }
}

/// The expected texts are what sigs.k8s.io/yaml 1.6.0 made of the same JSON.
fn yaml_is_read_and_written_as_by_sigs() {
    let long = format!("{} {} {}", "a".repeat(41), "b".repeat(54), "c".repeat(18));
    let cases = [
        (r#"{"b":1,"a":[1,{"x":null,"y":[]}],"c":{},"k10":1,"k9":2}"#, "a:\n- 1\n- x: null\n  \"y\": []\nb: 1\nc: {}\nk9: 2\nk10: 1"),
        (
            r#"{"t":"true","n":"no","e":"","s":" lead","h":"a: b","sp":"a #b"}"#,
            "e: \"\"\nh: 'a: b'\n\"n\": \"no\"\ns: ' lead'\nsp: 'a #b'\nt: \"true\"",
        ),
        (r#"{"m":"l1\nl2\n","m2":"l1\nl2","lit":" x\ny"}"#, "lit: |2-\n   x\n  y\nm: |\n  l1\n  l2\nm2: |-\n  l1\n  l2"),
        (
            r#"{"q":"it's","dq":"\"x\"","num":"123","f":1.5,"big":12345678901,"tab":"a\tb"}"#,
            "big: 12345678901\ndq: '\"x\"'\nf: 1.5\nnum: \"123\"\nq: it's\ntab: \"a\\tb\"",
        ),
        (
            r#"{"dash":"- a","at":"@x","date":"2020-01-01","oct":"010","b60":"1:20","ctl":"\u0001","col":"a:","e1":"1e3","under":"1_000","u":"é"}"#,
            "at: '@x'\nb60: \"1:20\"\ncol: 'a:'\nctl: \"\\x01\"\ndash: '- a'\ndate: \"2020-01-01\"\ne1: \"1e3\"\noct: \"010\"\nu: é\nunder: \"1_000\"",
        ),
        (r#"[1,"a",[2,[3]],{"a":1,"b":[1]}]"#, "- 1\n- a\n- - 2\n  - - 3\n- a: 1\n  b:\n  - 1"),
        (r#"{"a\nb":[1],"<<":"<<"}"#, "<<: <<\n? |-\n  a\n  b\n: - 1"),
        ("1e21", "1e+21"),
        ("1e-7", "1e-07"),
        ("\"a\\n\"", "|\n  a"),
        ("null", "null"),
        ("[]", "[]"),
    ];
    for (json, yaml) in cases {
        assert_eq!(text("{{ .j | fromJson | toYaml }}", &[("j", json.as_bytes())]), yaml, "{json}");
    }
    let folded = format!("long: {} {}\n  {}", "a".repeat(41), "b".repeat(54), "c".repeat(18));
    assert_eq!(text("{{ dict \"long\" .l | toYaml }}", &[("l", long.as_bytes())]), folded);
    let read = [
        ("a: &x 1\nb: *x\nm: &m {p: 1}\nn:\n  <<: *m\n  q: 2", r#"{"a":1,"b":1,"false":{"p":1,"q":2},"m":{"p":1}}"#),
        ("a: !!str 1\nb: !!binary aGk=", r#"{"a":"1","b":"hi"}"#),
        ("a: 1\na: 2", r#"{"a":2}"#),
        ("a: 1\n---\nb: 2", r#"{"a":1}"#),
        (
            "o: 0o17\nn: off\nnn: n\ny: y\nf: 1e3\nneg: -5\np: +5\ndot: .5",
            r#"{"dot":0.5,"f":1000,"false":false,"neg":-5,"nn":false,"o":15,"p":5,"true":true}"#,
        ),
        ("", "{}"),
    ];
    for (yaml, json) in read {
        assert_eq!(text("{{ .y | fromYaml | toJson }}", &[("y", yaml.as_bytes())]), json, "{yaml}");
    }
    for broken in ["- a", "x", "a: b: c", "a: .inf", "a: *x"] {
        let values: &Values<'_> = &[("y", broken.as_bytes())];
        assert!(text("{{ .y | fromYaml | keys | join \" \" }}", values) == "Error", "{broken}");
    }
    let bomb = format!("a0: &a0 [x]\n{}", (1..40).map(|n| format!("a{n}: &a{n} [*a{0}, *a{0}]\n", n - 1)).collect::<String>());
    assert_eq!(try_render("{{ fromYaml .y | len }}", &[("y", bomb.as_bytes())]).map_err(|error| error.kind()), Err(ErrorKind::Limit));
}

fn rsa_decrypt_opens_what_openssl_encrypts() {
    let home = tempfile::tempdir().expect("a folder");
    let folder = home.path();
    openssl(folder, "genrsa -out a.key 2048");
    openssl(folder, "rsa -in a.key -traditional -out pkcs1.key");
    fs::write(folder.join("text"), "hunter2").expect("written");
    for (hash, digest) in [("SHA1", "sha1"), ("SHA256", "sha256"), ("SHA512", "sha512"), ("None", "sha256"), ("", "sha256")] {
        let padding = format!("-pkeyopt rsa_padding_mode:oaep -pkeyopt rsa_oaep_md:{digest} -pkeyopt rsa_mgf1_md:{digest}");
        let ciphertext = openssl(folder, &format!("pkeyutl -encrypt -inkey a.key -in text {padding}"));
        for key in ["a.key", "pkcs1.key"] {
            let key = fs::read(folder.join(key)).expect("a key");
            let values: &Values<'_> = &[("c", &ciphertext), ("k", &key), ("h", hash.as_bytes())];
            assert_eq!(text("{{ rsaDecrypt \"RSA-OAEP\" .h .c .k }}", values), "hunter2", "{hash}");
            assert_eq!(render("{{ rsaDecrypt \"None\" .h .c .k }}", values), ciphertext);
            assert!(try_render("{{ rsaDecrypt \"RSA-OAEP\" \"SHA1\" .c .k }}", values).is_err() || digest == "sha1");
            assert!(try_render("{{ rsaDecrypt \"RSA\" .h .c .k }}", values).is_err());
        }
    }
}

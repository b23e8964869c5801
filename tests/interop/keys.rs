//! Keys and certificates that the cases find in their home, made once a run: nothing secret is committed.

use std::fs;
use std::path::Path;
use std::sync::OnceLock;

use rcgen::{CertificateParams, KeyPair, PKCS_ECDSA_P256_SHA256, date_time_ymd};
use tests::process::Home;

/// A home with everything that the cases name:
///
/// `key.pem` (RSA-4096, PKCS#1), `key-pkcs8.pem`, `cert.pem`, `pub.pem`; `key2.pem` and `cert2.pem` of another key (RSA-2048); `expired.pem`,
/// `future.pem`, `chain.pem` (the second certificate, then the first), `ec.pem`, `ec-cert.pem`; keys as Secrets: `key-secret.yaml`,
/// `key2-secret.yaml`, `key-list.yaml` (a List of both); `keys21.pem` with both keys, the wrong one first.
pub(crate) fn home() -> Home {
    static MADE: OnceLock<Home> = OnceLock::new();
    let made = MADE.get_or_init(make);
    let home = Home::new();
    for entry in fs::read_dir(made.path()).expect("the folder is there") {
        let path = entry.expect("a name").path();
        if path.is_file() {
            fs::copy(&path, home.path().join(path.file_name().expect("a file has a name"))).expect("a file can be copied");
        }
    }
    home
}

fn make() -> Home {
    let home = Home::new();
    let openssl = |arguments: &[&str], input: &str| home.command("openssl").args(arguments).input(input).run().success();
    for (key, bits) in [("key", "4096"), ("key2", "2048")] {
        openssl(&["genrsa", "-traditional", "-out", &format!("{key}.pem"), bits], "");
        openssl(&["pkcs8", "-topk8", "-nocrypt", "-in", &format!("{key}.pem"), "-out", &format!("{key}-pkcs8.pem")], "");
    }
    openssl(&["rsa", "-in", "key.pem", "-pubout", "-out", "pub.pem"], "");
    let read = |name: &str| fs::read_to_string(home.path().join(name)).expect("it was just made");
    let (first, second) = (pair(&read("key-pkcs8.pem")), pair(&read("key2-pkcs8.pem")));
    let curve = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).expect("a key can be made");
    home.write("cert.pem", certificate(&first, 2020, 2090));
    home.write("cert2.pem", certificate(&second, 2020, 2090));
    home.write("expired.pem", certificate(&second, 2019, 2020));
    home.write("future.pem", certificate(&second, 2090, 2100));
    home.write("ec.pem", openssl(&["ec"], &curve.serialize_pem()));
    home.write("ec-cert.pem", certificate(&curve, 2020, 2090));
    home.write("chain.pem", read("cert2.pem") + &read("cert.pem"));
    home.write("keys21.pem", read("key2.pem") + &read("key.pem"));
    let base64 = |text: String| openssl(&["base64", "-A"], &text);
    let secret = |name: &str, key: &str| {
        format!("apiVersion: v1\nkind: Secret\nmetadata: {{name: {name}}}\ntype: kubernetes.io/tls\ndata:\n  tls.key: {}\n", base64(read(key)))
    };
    let (one, two) = (secret("one", "key.pem"), secret("two", "key2.pem"));
    let item = |secret: &str| format!("- {}\n", secret.trim_end().replace('\n', "\n  "));
    home.write("key-list.yaml", format!("apiVersion: v1\nkind: List\nitems:\n{}{}", item(&two), item(&one)));
    home.write("key-list-then-secret.yaml", format!("apiVersion: v1\nkind: List\nitems:\n{}---\n{one}", item(&two)));
    home.write("key-documents.yaml", format!("{two}---\n{one}"));
    home.write("key-secret.yaml", one);
    home.write("key2-secret.yaml", two);
    remove_folders(home.path());
    home
}

fn pair(pem: &str) -> KeyPair {
    KeyPair::from_pem(pem).expect("openssl made it")
}

fn certificate(key: &KeyPair, from: i32, to: i32) -> String {
    let mut params = CertificateParams::default();
    (params.not_before, params.not_after) = (date_time_ymd(from, 1, 2), date_time_ymd(to, 3, 4));
    params.self_signed(key).expect("a certificate can be signed").pem()
}

fn remove_folders(home: &Path) {
    let _ = fs::remove_dir_all(home.join("tmp"));
}

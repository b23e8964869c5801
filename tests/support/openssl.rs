//! Keys and certificates that OpenSSL makes.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;

/// RFC 8037, appendix A.
pub const ED25519: &str =
    r#"{"kty":"OKP","crv":"Ed25519","d":"nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#;

/// RFC 7517, appendix A.2.
pub const P256: &str = r#"{"kty":"EC","crv":"P-256","x":"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4","y":"4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM","d":"870MB6gfuTJ4HtUnUvYMyJpr5eUZNP4Bk43bVdj3eAE"}"#;

/// Runs OpenSSL in a folder, with the words of a line, of which `EMPTY` is none; what it writes counts if it succeeds.
///
/// # Errors
/// What it says no with.
///
/// # Panics
/// If it does not start.
pub fn try_openssl(folder: &Path, line: &str) -> Result<Vec<u8>, String> {
    let mut command = Command::new("openssl");
    let words = line.split_whitespace().map(|word| if word == "EMPTY" { "" } else { word });
    command.args(words).current_dir(folder).stdin(Stdio::null());
    let ended = command.output().expect("openssl starts");
    if ended.status.success() { Ok(ended.stdout) } else { Err(String::from_utf8_lossy(&ended.stderr).into_owned()) }
}

/// As [`try_openssl`], of what must succeed.
///
/// # Panics
/// If it does not.
#[expect(clippy::must_use_candidate, reason = "some of what it makes are files")]
pub fn openssl(folder: &Path, line: &str) -> Vec<u8> {
    try_openssl(folder, line).unwrap_or_else(|error| panic!("openssl {line}: {error}"))
}

/// A root, what it signed, and a leaf: `root`, `middle` and `leaf`, each with `.key` and `.pem`; all in `chain.pem`, in disorder.
///
/// # Panics
/// If OpenSSL does not make them.
pub fn chain(folder: &Path) {
    let request = "-nodes -days 9 -subj";
    openssl(folder, &format!("req -x509 -newkey rsa:2048 -keyout root.key -out root.pem {request} /CN=root"));
    openssl(
        folder,
        &format!(
            "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -keyout middle.key -out middle.pem {request} /CN=middle -CA root.pem -CAkey root.key"
        ),
    );
    let names = "subjectAltName=DNS:b.example,IP:10.0.0.1,email:a@b.example,URI:https://b.example/x,DNS:a.example,IP:fe80::1";
    openssl(
        folder,
        &format!(
            "req -x509 -newkey rsa:2048 -keyout leaf.key -out leaf.pem {request} /CN=leaf -CA middle.pem -CAkey middle.key -addext {names} -addext basicConstraints=CA:FALSE"
        ),
    );
    let all = ["middle.pem", "root.pem", "leaf.pem"].map(|name| fs::read(folder.join(name)).expect("a certificate"));
    fs::write(folder.join("chain.pem"), [b"junk\n", all.concat().as_slice()].concat()).expect("written");
}

/// The key of RSA in `leaf.key`, as JSON.
///
/// # Panics
/// If OpenSSL does not read it.
#[must_use]
pub fn rsa_as_json(folder: &Path) -> String {
    let shown = String::from_utf8(openssl(folder, "rsa -in leaf.key -noout -text")).expect("text");
    let number = |name: &str| -> String {
        let lines = shown.lines().skip_while(|line| !line.starts_with(name)).skip(1).take_while(|line| line.starts_with(' '));
        let digits: String = lines.flat_map(|line| line.trim().chars()).filter(|c| *c != ':').collect();
        let bytes: Vec<u8> = digits
            .as_bytes()
            .chunks(2)
            .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).expect("hexadecimal"), 16).expect("hexadecimal"))
            .collect();
        BASE64_URL_SAFE_NO_PAD.encode(bytes.into_iter().skip_while(|byte| *byte == 0).collect::<Vec<u8>>())
    };
    let [n, d, p, q] = ["modulus", "privateExponent", "prime1", "prime2"].map(number);
    format!(r#"{{"kty":"RSA","n":"{n}","e":"AQAB","d":"{d}","p":"{p}","q":"{q}"}}"#)
}

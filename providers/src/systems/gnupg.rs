//! GnuPG, through its own program: the keys stay with it and its agent.
//!
//! *Source*: sops `pgp/keysource.go`, v3.13.3. Its own reading of key rings of GnuPG 1 is left out: `gpg` reads them too.

use std::ffi::OsString;
use std::sync::Arc;

use keys::{BoxFuture, Credentials, Error, ErrorKind, Fields, KeyService, KindNames, MasterKeyKind, Result, SecretBytes};
use serde_json::Value;
use tokio::sync::Mutex;

use super::System;
use crate::process::{self, Ended};

/// This system.
pub(super) const SYSTEM: System = System { name: "gnupg", master_keys: &[&Pgp], store: None };

static NAMES: KindNames = KindNames { metadata: "pgp", flag: "pgp", rule: "pgp", group: "pgp", variable: "SOPS_PGP_FP", title: "PGP fingerprint" };

/// The longest message of gpg that is repeated, in characters.
const LONGEST_MESSAGE: usize = 200;

/// Variables that gpg needs, if they are set; all others it has from us.
const VARIABLES: [&str; 2] = ["GNUPGHOME", "GPG_TTY"];

/// The kind of key: `pgp`.
struct Pgp;

impl MasterKeyKind for Pgp {
    fn names(&self) -> &'static KindNames {
        &NAMES
    }

    fn is_remote(&self) -> bool {
        false
    }

    fn parse(&self, text: &str) -> Result<Fields> {
        let fingerprint = text.replace(' ', "");
        if fingerprint.is_empty() {
            return Err(Error::malformed("read a PGP fingerprint: it is empty"));
        }
        Ok(Fields::from_iter([("fp".to_owned(), Value::from(fingerprint))]))
    }

    fn identity(&self, fields: &Fields) -> String {
        text(fields, "fp").to_owned()
    }

    fn service(&self, credentials: Arc<dyn Credentials>) -> Box<dyn KeyService> {
        Box::new(Gpg { credentials, turn: Mutex::new(()) })
    }
}

fn text<'a>(fields: &'a Fields, name: &str) -> &'a str {
    fields.get(name).and_then(Value::as_str).unwrap_or_default()
}

/// Calls `gpg`, one call at a time: the agent does not like crowds, and a person can read one question only.
struct Gpg {
    credentials: Arc<dyn Credentials>,
    turn: Mutex<()>,
}

impl KeyService for Gpg {
    fn wrap<'a>(&'a self, fields: &'a Fields, key: &'a SecretBytes) -> BoxFuture<'a, Result<String>> {
        Box::pin(async move {
            let fingerprint = text(fields, "fp");
            let what = format!("wrap the data key for PGP key {fingerprint}");
            let arguments = ["--no-default-recipient", "--yes", "--encrypt", "-a", "-r", fingerprint, "--trusted-key"];
            let arguments: Vec<&str> = arguments.into_iter().chain([long_id(fingerprint), "--no-encrypt-to"]).collect();
            let ended = self.run(&arguments, key).await?;
            let message = taken(ended, &what, ErrorKind::Unsupported)?;
            // EXPOSE: an encrypted message, which is no secret.
            let message = std::str::from_utf8(message.expose()).map_err(|_| Error::malformed(format!("{what}: gpg wrote no text")))?;
            Ok(message.trim().to_owned())
        })
    }

    fn open<'a>(&'a self, fields: &'a Fields) -> BoxFuture<'a, Result<SecretBytes>> {
        Box::pin(async move {
            let what = format!("open the data key that is wrapped for PGP key {}", text(fields, "fp"));
            let ended = self.run(&["-d"], &SecretBytes::new(text(fields, "enc").as_bytes().to_vec())).await?;
            taken(ended, &what, ErrorKind::Unopenable)
        })
    }
}

impl Gpg {
    async fn run(&self, arguments: &[&str], input: &SecretBytes) -> Result<Ended> {
        let variable = |name: &str| {
            let value = self.credentials.variable(name)?;
            // EXPOSE: paths and names of terminals, which are no secrets.
            std::str::from_utf8(value.expose()).ok().map(str::to_owned)
        };
        let program = OsString::from(variable("SOPS_GPG_EXEC").unwrap_or_else(|| "gpg".to_owned()));
        let variables: Vec<(&str, String)> = VARIABLES.into_iter().filter_map(|name| Some((name, variable(name)?))).collect();
        let _turn = self.turn.lock().await;
        process::run(&program, arguments, &variables, input).await
    }
}

/// What gpg wrote, if it succeeded. Some versions succeed with nothing where a message is encrypted in a way that they do not know.
fn taken(ended: Ended, what: &str, kind: ErrorKind) -> Result<SecretBytes> {
    if !ended.success {
        return Err(Error::new(kind, format!("{what}: {}", harmless(&ended.errors))));
    }
    if ended.output.is_empty() {
        return Err(Error::new(kind, format!("{what}: gpg succeeded and wrote nothing")));
    }
    Ok(ended.output)
}

/// The long key id, which `--trusted-key` takes; a `!` at the end counts apart.
fn long_id(fingerprint: &str) -> &str {
    let length = 16 + usize::from(fingerprint.ends_with('!'));
    fingerprint.len().checked_sub(length).and_then(|start| fingerprint.get(start..)).unwrap_or(fingerprint)
}

/// The last line that gpg wrote, which says what went wrong, without anything that a terminal would obey.
fn harmless(errors: &str) -> String {
    let line = errors.lines().rev().find_map(|line| line.strip_prefix("gpg: ")).unwrap_or("gpg fails and does not say why");
    line.chars().filter(|one| !one.is_control()).take(LONGEST_MESSAGE).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fingerprint_is_read_without_its_spaces() {
        let fields = Pgp.parse("FBC7 B9E2 A4F9 289A C0C1  D484 3D16 CEE4 A27381B4").unwrap();
        assert_eq!(Pgp.identity(&fields), "FBC7B9E2A4F9289AC0C1D4843D16CEE4A27381B4");
        assert!(Pgp.parse(" ").is_err());
    }

    #[test]
    fn the_long_id_is_the_end_of_the_fingerprint() {
        for (fingerprint, expected) in [
            ("FBC7B9E2A4F9289AC0C1D4843D16CEE4A27381B4", "3D16CEE4A27381B4"),
            ("FBC7B9E2A4F9289AC0C1D4843D16CEE4A27381B4!", "3D16CEE4A27381B4!"),
            ("3D16CEE4A27381B4", "3D16CEE4A27381B4"),
            ("short", "short"),
            ("", ""),
            ("ääääääääääääääääää", "ääääääää"),
        ] {
            assert_eq!(long_id(fingerprint), expected, "{fingerprint}");
        }
    }

    #[test]
    fn of_what_gpg_says_one_line_remains() {
        let errors = "gpg: encrypted with 3072-bit RSA key\n      \"A person\"\ngpg: decryption failed: \u{1b}[31mNo secret key\n\n";
        assert_eq!(harmless(errors), "decryption failed: [31mNo secret key");
        assert_eq!(harmless("sh: segmentation fault"), "gpg fails and does not say why");
        assert_eq!(harmless(&format!("gpg: {}", "x".repeat(10_000))).len(), LONGEST_MESSAGE);
    }
}

//! The entry points of fuzzing: each takes any bytes, and panics only if a law is broken.

use std::path::Path;
use std::sync::OnceLock;

use engine::desired::{DesiredSecret, same_data};
use engine::manifest::{Encoding, Format, Manifest, Node, Object, write, write_secret};
use engine::verify::{Known, verify};
use engine::{ErrorKind, PlainSecret};
use jiff::Timestamp;
use keys::{Certificate, DataKey, Scope, Sealed, SecretBytes, UnsealingKey, WrappedKey};
use sops::{EncryptedFile, Lock, MacCheck, Manner, Metadata, PlainFile, Stash, Style};

use crate::process::Home;
use crate::sealer;

/// One entry point.
pub struct Entry {
    /// Its name, and that of its seeds and of its target for libFuzzer.
    pub name: &'static str,
    /// The peers without which it can not run.
    pub needs: &'static [&'static str],
    /// Takes any bytes.
    pub target: fn(&[u8]),
}

/// Every entry.
pub const ALL: &[Entry] = &[
    Entry { name: "kubeseal", needs: &["unshare"], target: kubeseal },
    entry("manifest", manifest),
    entry("pem", pem),
    entry("sealed", sealed),
    entry("sops_file", sops_file),
    entry("sops_metadata", sops_metadata),
    entry("splice", splice),
    entry("template", template),
];

const fn entry(name: &'static str, target: fn(&[u8])) -> Entry {
    Entry { name, needs: &[], target }
}

/// Runs kubeseal's face with an argument a line, in a network of its own; what leads out of its home is left out. libFuzzer's program lies
/// elsewhere than the one under test, which the variable `SEALER` names there.
///
/// # Panics
/// If a law is broken.
pub fn kubeseal(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let arguments = text.lines().filter(|argument| !argument.contains(['/', '\0'])).take(20);
    let program = std::env::var_os("SEALER").unwrap_or_else(|| sealer().into());
    let home = Home::new();
    home.write("cert.pem", include_bytes!("../../vectors/keys/alpha.crt"));
    let ended = home.command("unshare").args(["--user", "--map-root-user", "--net"]).arg(program).arg("kubeseal").args(arguments).input("{}").run();
    assert!([0, 1, 2].contains(&ended.status), "status {}: {}", ended.status, ended.error());
    assert!(!ended.error().contains("fault of sealer"), "{}", ended.error());
}

/// A manifest is read or refused, with a line that exists; what was read as a Secret or SealedSecret is read back after writing.
///
/// # Panics
/// If a law is broken.
pub fn manifest(data: &[u8]) {
    let parsed = Manifest::parse(&SecretBytes::new(data.to_vec()));
    let lines = data.iter().filter(|byte| **byte == b'\n').count() + data.iter().filter(|byte| **byte == b'\r').count() + 1;
    let within = |error: &engine::Error| {
        assert!(error.place().line.is_none_or(|line| (1..=lines + 1).contains(&line)), "{error}: the text has {lines} lines");
        assert_ne!(error.kind(), ErrorKind::Bug, "{error}");
    };
    let manifest = match parsed {
        Ok(manifest) => manifest,
        Err(error) => return within(&error),
    };
    if manifest.encoding() == Encoding::Utf8 {
        manifest.documents().iter().for_each(|node| spans(node, data.len()));
    }
    let objects = match manifest.objects() {
        Ok(objects) => objects,
        Err(error) => return within(&error),
    };
    for object in &objects {
        let known = Known { now: Timestamp::UNIX_EPOCH, certificates: &[], ring: None };
        verify(object, &known).iter().for_each(|finding| within(&finding.error));
        match PlainSecret::read(object) {
            Ok(secret) => written_secret_reads_back(secret),
            Err(error) => within(&error),
        }
        match object.to_sealed_secret() {
            Ok(sealed) => [Format::Json, Format::Yaml].iter().for_each(|format| {
                let text = write(&sealed, *format).expect("what was read can be written");
                with_only_object(text.as_bytes(), |object| {
                    let again = object.to_sealed_secret().expect("what was written can be read");
                    assert_eq!(again.spec.encrypted_data, sealed.spec.encrypted_data);
                });
            }),
            Err(error) => within(&error),
        }
    }
}

fn spans(node: &Node, length: usize) {
    assert!(node.span.start <= node.span.end && node.span.end <= length, "a value lies at {:?} of {length} bytes", node.span);
    for entry in node.entries() {
        assert!(entry.key_span.end <= length, "a key lies at {:?} of {length} bytes", entry.key_span);
        spans(&entry.value, length);
    }
}

fn written_secret_reads_back(secret: PlainSecret) {
    let PlainSecret { name, namespace, metadata, type_, immutable, data } = secret;
    let desired = DesiredSecret { namespace, name, metadata, type_, immutable, data, owned: true };
    for format in [Format::Json, Format::Yaml] {
        let text = write_secret(&desired, format).expect("what was read can be written");
        // EXPOSE: fuzzing makes its own secrets.
        with_only_object(text.expose(), |object| {
            let again = PlainSecret::read(object).expect("what was written can be read");
            assert!(same_data(&again.data, &desired.data), "a value changed on the way");
            assert_eq!(again.metadata, desired.metadata);
        });
    }
}

fn with_only_object(text: &[u8], check: impl FnOnce(&Object<'_>)) {
    let manifest = Manifest::parse(&SecretBytes::new(text.to_vec())).expect("what was written is a manifest");
    let objects = manifest.objects().expect("what was written is an object");
    let [object] = objects.as_slice() else { panic!("what was written is {} objects", objects.len()) };
    check(object);
}

/// Values are put into a manifest (the last line says what and where) and read back, or the change is refused.
///
/// # Panics
/// If a law is broken.
pub fn splice(data: &[u8]) {
    let cut = data.iter().rposition(|byte| *byte == b'\n').unwrap_or_default();
    let (text, order) = data.split_at(cut);
    let order = String::from_utf8_lossy(order);
    let Ok(manifest) = Manifest::parse(&SecretBytes::new(text.to_vec())) else { return };
    let Ok(objects) = manifest.objects() else { return };
    let mut puts = Vec::new();
    for at in 0..objects.len() {
        for (number, put) in order.trim_start().split(';').take(4).enumerate() {
            let (path, value) = put.split_once('=').unwrap_or((put, "v"));
            let path: Vec<&str> = path.split('.').collect();
            // A path within another is asked for by nobody.
            let clash = |other: &(usize, Vec<&str>, String)| other.0 == at && other.1.iter().zip(&path).all(|(one, other)| one == other);
            if !puts.iter().any(clash) {
                puts.push((at, path, format!("{value}{number}")));
            }
        }
    }
    let mut edits = manifest.edit();
    for (at, path, value) in &puts {
        edits.put(objects[*at].node, path, value.as_str());
    }
    let result = match edits.apply() {
        Ok(result) => Manifest::parse(&SecretBytes::new(result)).expect("a changed manifest is one"),
        // Refused, which loses nothing. For layouts that no person writes, such as lone carriage returns, it is the check of `apply` that refuses.
        Err(_) => return,
    };
    // A put may change what makes an object one, such as its kind.
    let Ok(after) = result.objects() else { return };
    if after.len() == objects.len() {
        for (at, path, value) in &puts {
            assert_eq!(after[*at].node.at(path).and_then(Node::text), Some(value.as_str()), "{path:?}");
        }
    }
}

/// A sealed item is refused, or its parts have the length of the whole; it opens only if nobody touched it.
///
/// # Panics
/// If a law is broken.
pub fn sealed(data: &[u8]) {
    for item in [Sealed::from_bytes(data.to_vec()), Sealed::from_base64(&String::from_utf8_lossy(data))].into_iter().flatten() {
        let again = Sealed::from_base64(&item.to_base64()).expect("what was written can be read");
        assert_eq!(again, item);
        let key = key();
        if item.rsa_length() == key.modulus_length() {
            match item.open(key, &Scope::Strict.label("shop", "db")) {
                Ok(secret) => assert!(secret.ct_eq(&SecretBytes::new(b"dummy-value".to_vec())), "a forged item opens"),
                Err(error) => assert_eq!(error.kind(), keys::ErrorKind::Unopenable, "{error}"),
            }
        }
    }
}

/// The private key of the seeds.
fn key() -> &'static UnsealingKey {
    static KEY: OnceLock<UnsealingKey> = OnceLock::new();
    KEY.get_or_init(|| {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors/keys/alpha.pem");
        std::fs::read(path).ok().and_then(|pem| UnsealingKey::from_pem(&SecretBytes::new(pem)).ok()).expect("the key of the tests can be read")
    })
}

/// A certificate or private key is refused, or reads back from what is written of it.
///
/// # Panics
/// If a law is broken.
pub fn pem(data: &[u8]) {
    if let Ok(certificate) = Certificate::from_pem(data) {
        let again = Certificate::from_pem(certificate.to_pem().as_bytes()).expect("what was written can be read");
        assert_eq!(again.fingerprint(), certificate.fingerprint());
        assert!((256..=1024).contains(&certificate.key().modulus_length()));
        let _ = (certificate.is_expired(Timestamp::UNIX_EPOCH), certificate.not_after().to_string());
    }
    match UnsealingKey::from_pem(&SecretBytes::new(data.to_vec())) {
        Ok(key) => {
            let text = key.to_pem().expect("a key can be written");
            let again = UnsealingKey::from_pem(&text).expect("what was written can be read");
            assert_eq!(again.identity(), key.identity());
        }
        Err(error) => assert_ne!(error.kind(), keys::ErrorKind::Internal, "{error}"),
    }
}

/// A template is refused, or rendered within its limits.
///
/// # Panics
/// If a law is broken.
pub fn template(data: &[u8]) {
    templates::fuzz_render(data);
}

/// A file of any format of sops, chosen by the first byte: what is encrypted, in place or as sops writes it, comes back.
///
/// # Panics
/// If a law is broken.
pub fn sops_file(data: &[u8]) {
    let Some((first, text)) = data.split_first() else { return };
    let store = sops::STORES[usize::from(*first) % sops::STORES.len()];
    let read = || PlainFile::parse(store, SecretBytes::new(text.to_vec()));
    if read().is_err() {
        return;
    }
    let key = DataKey::make().expect("randomness");
    let anew = Manner::Anew(Style::default());
    for manner in [Manner::InPlace, anew] {
        let Ok(plain) = read() else { panic!("a file is read once and not again") };
        let lock = Lock { key: &key, metadata: metadata(), now: "2026-01-01T00:00:00Z".to_owned(), stash: Stash::default() };
        let Ok((encrypted, _)) = plain.encrypt(lock, store, manner) else { continue };
        let file = EncryptedFile::parse(store, encrypted.duplicate()).expect("what was encrypted is read");
        let opened = file.decrypt(&key, MacCheck::Enforce, manner).expect("what was encrypted is decrypted");
        if manner == Manner::InPlace {
            let text = EncryptedFile::parse(store, encrypted).and_then(|file| file.decrypt_text(&key, MacCheck::Enforce));
            let text = text.expect("what is decrypted is, without a tree too").text;
            assert_eq!(String::from_utf8_lossy(text.expose()), String::from_utf8_lossy(opened.plain.source().expose()), "{}", store.name());
        }
        // What stands in the file says the same as before, however it is spelled.
        let shown = match manner {
            Manner::InPlace => PlainFile::parse(store, opened.plain.into_source()).expect("what was decrypted is read"),
            Manner::Anew(_) => opened.plain,
        };
        // Where a comment stands may change, what the values say may not.
        let written = |mut plain: PlainFile| {
            plain.document.branches.iter_mut().for_each(without_comments);
            plain.emit(store, Style::default())
        };
        let (Ok(shown), Ok(expected)) = (written(shown), read().and_then(written)) else { continue };
        assert_eq!(String::from_utf8_lossy(shown.expose()), String::from_utf8_lossy(expected.expose()), "{} {manner:?}", store.name());
    }
}

/// Any bytes as an encrypted file of each format: read or refused, and what is read is written back.
///
/// # Panics
/// If a law is broken.
pub fn sops_metadata(data: &[u8]) {
    for store in sops::STORES {
        if let Ok(file) = EncryptedFile::parse(*store, SecretBytes::new(data.to_vec())) {
            let before = file.metadata.clone();
            let Ok(written) = file.rewrite(*store, Manner::Anew(Style::default())) else { continue };
            let again = EncryptedFile::parse(*store, written).expect("what was written is read");
            assert_eq!(again.metadata, before, "{}", store.name());
        }
    }
}

fn without_comments(map: &mut sops::Map) {
    map.members.retain_mut(|member| match member {
        sops::Member::Comment(_) => false,
        sops::Member::Pair(pair) => {
            values_only(&mut pair.value);
            true
        }
    });
}

fn values_only(node: &mut sops::Node) {
    match node {
        sops::Node::Map(map) => without_comments(map),
        sops::Node::List(list) => list.elements.retain_mut(|element| match element {
            sops::Element::Comment(_) => false,
            sops::Element::Node(node) => {
                values_only(node);
                true
            }
        }),
        sops::Node::Leaf(_) => {}
    }
}

fn metadata() -> Metadata {
    let fields = [("enc".to_owned(), "dummy".into()), ("recipient".to_owned(), "age1dummy".into())].into_iter().collect();
    Metadata {
        groups: vec![vec![WrappedKey { kind: "age".to_owned(), fields }]],
        threshold: 0,
        last_modified: String::new(),
        mac: String::new(),
        rule: None,
        mac_only_encrypted: false,
        version: "3.13.3".to_owned(),
        unknown: keys::Fields::new(),
    }
}

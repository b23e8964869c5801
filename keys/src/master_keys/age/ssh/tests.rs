use std::collections::BTreeMap;
use std::sync::atomic::Ordering;

use super::super::tests::{Desk, changed, data_key, fails, fields, now, opens, variable};
use super::super::{Age, MasterKeyKind};
use super::*;

macro_rules! vector {
    ($name:literal) => {
        include_bytes!(concat!("../vectors/", $name)).as_slice()
    };
}

fn key_file(content: &'static [u8]) -> Desk {
    Desk { files: BTreeMap::from([("/key", content)]), ..variable("SOPS_AGE_SSH_PRIVATE_KEY_FILE", b"/key") }
}

/// Every private key of the vectors that needs no passphrase, its public half, and what age wrapped for it.
const KEYS: [(&[u8], &[u8], &[u8]); 5] = [
    (vector!("ed25519"), vector!("ed25519.pub"), vector!("ed25519.age")),
    (vector!("ed25519-pkcs8.pem"), vector!("ed25519-pkcs8.pub"), vector!("ed25519-pkcs8.age")),
    (vector!("rsa"), vector!("rsa.pub"), vector!("rsa.age")),
    (vector!("rsa-pkcs1.pem"), vector!("rsa.pub"), vector!("rsa.age")),
    (vector!("rsa-pkcs8.pem"), vector!("rsa.pub"), vector!("rsa.age")),
];

#[test]
fn what_age_wrapped_for_keys_of_ssh_opens() {
    for (private, _, enc) in KEYS {
        opens(key_file(private), enc);
    }
}

#[test]
fn what_we_wrap_for_keys_of_ssh_opens() {
    for (private, public, _) in KEYS {
        let kind_fields = Age.parse(str::from_utf8(public).unwrap()).unwrap();
        let enc = now(Age.service(std::sync::Arc::new(Desk::default())).wrap(&kind_fields, &data_key())).unwrap();
        opens(key_file(private), enc.as_bytes());
    }
}

#[test]
fn keys_of_the_home_and_of_a_command_are_looked_at() {
    for (path, key, enc) in
        [("/home/.ssh/id_ed25519", vector!("ed25519"), vector!("ed25519.age")), ("/home/.ssh/id_rsa", vector!("rsa"), vector!("rsa.age"))]
    {
        opens(Desk { files: BTreeMap::from([(path, key)]), ..Desk::default() }, enc);
        let told = format!("{path} (1 identity, which does not fit)");
        fails(Desk { files: BTreeMap::from([(path, key)]), ..Desk::default() }, vector!("x25519.age"), &[&told]);
    }
    let desk = Desk { commands: BTreeMap::from([("show", vector!("ed25519"))]), ..variable("SOPS_AGE_SSH_PRIVATE_KEY_CMD", b"show") };
    assert_eq!(*opens(desk, vector!("ed25519.age")).ran.lock().unwrap(), ["show SOPS_AGE_RECIPIENT=age1some"]);
}

#[test]
fn a_passphrase_is_asked_for_once_and_only_for_the_key_that_is_named() {
    for (key, enc) in [(vector!("ed25519-locked"), vector!("ed25519.age")), (vector!("rsa-locked"), vector!("rsa-locked.age"))] {
        let desk = std::sync::Arc::new(Desk { passphrase: Some("correct horse"), ..key_file(key) });
        let service = Age.service(std::sync::Arc::<Desk>::clone(&desk));
        now(service.open(&fields("", vector!("x25519.age")))).unwrap_err();
        assert_eq!(desk.asked.load(Ordering::SeqCst), 0);
        for _ in 0..2 {
            assert!(now(service.open(&fields("", enc))).unwrap().ct_eq(&data_key()));
        }
        assert_eq!(desk.asked.load(Ordering::SeqCst), 1);
        fails(Desk { passphrase: Some("wrong"), ..key_file(key) }, enc, &["/key (the passphrase is wrong)"]);
        fails(key_file(key), enc, &["there is nobody to ask"]);
    }
}

#[test]
fn files_that_are_no_usable_key_are_told_apart() {
    let cut = vector!("ed25519").split_at(200).0;
    for (content, expected) in [
        (&b"nothing"[..], "/key (it is not a private key of SSH)"),
        (cut, "/key (it is not a private key of SSH)"),
        (b"-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n-----END OPENSSH PRIVATE KEY-----\n", "/key (it is a damaged private key)"),
        (b"-----BEGIN EC PRIVATE KEY-----\nAAAA\n-----END EC PRIVATE KEY-----\n", "/key (it is not an Ed25519 key, nor an RSA key"),
        (b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", "/key (it is not an Ed25519 key, nor an RSA key"),
        (vector!("rsa-pem-locked.pem"), "/key (it is protected in an old way; `ssh-keygen -p` writes it anew)"),
        (vector!("rsa-locked.age"), "/key (it is not an Ed25519 key, nor an RSA key"),
    ] {
        fails(key_file(content), vector!("ed25519.age"), &[expected]);
    }
}

#[test]
fn a_changed_stanza_does_not_open() {
    for (private, enc) in [(vector!("ed25519"), vector!("ed25519.age")), (vector!("rsa-pkcs1.pem"), vector!("rsa.age"))] {
        let service = Age.service(std::sync::Arc::new(key_file(private)));
        for at in 22..160 {
            let one = changed(enc, |bytes| bytes[at] ^= 1);
            now(service.open(&fields("", one.as_bytes()))).expect_err(&format!("byte {at}"));
        }
        assert!(now(service.open(&fields("", enc))).is_ok());
    }
}

#[test]
fn a_point_that_makes_the_secret_known_is_refused() {
    assert!(exchange(&[7; 32], &[0; 32]).is_none());
    assert!(exchange(&[7; 32], &[9; 32]).is_some());
}

#[test]
fn small_and_foreign_public_keys_are_refused() {
    for text in [
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIP/////////////////////////////////////",
        "ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAAAgQChvUmmUjXTxgdUNjXORE0V50fuVZ/4Qwq+ZO69t1mSy/uxCmsqJ6e6ZtrdA5qL1nSOLsvN1aW6hrYHzjsaEaCMdWfTEGjNy7UAiBqQ7gQNJGXzEbQGfKqtn50vZvU81Gz6ECA0cHjlvUTulfJpMU5lmz8qFSq6ulxB3v6l/z6K1w==",
        "ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNoYTItbmlzdHAyNTY=",
    ] {
        assert!(PublicKey::parse(text).is_none(), "{text}");
    }
}

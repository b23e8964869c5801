//! Opening in process, beside the cryptography library alone: as many private operations of RSA-4096, on all cores.

use std::hint::black_box;
use std::thread;
use std::time::{Duration, Instant};

use aws_lc_rs::rsa::{KeySize, OAEP_SHA256_MGF1SHA256, OaepPrivateDecryptingKey, OaepPublicEncryptingKey, PrivateDecryptingKey};
use crds::SealedSecret;
use engine::open::open_all;
use engine::seal::{Hint, Target, seal};
use engine::{PlainSecret, key_secret};
use jiff::{SignedDuration, Timestamp};
use keys::{Certificate, CertificateRequest, KeyBits, KeyRing, Scope, SecretBytes, UnsealingKey};

/// What the row is called.
pub(crate) const NAME: &str = "unseal in process, 1,000 items";

/// Runs, unless somebody says otherwise.
pub(crate) const RUNS: usize = 9;

/// Private operations of a run.
pub(crate) const OPERATIONS: usize = 1000;

/// Opens a SealedSecret of many items with the engine, and does as many private operations bare, in turn; ours comes first in each pair.
pub(crate) fn measure(runs: usize) -> Vec<(Duration, Duration)> {
    let (ring, bare) = (ring(), Bare::new());
    let sealed = sealed(&ring);
    let ours = || timed(|| assert_eq!(open_all(&sealed, &ring).expect("every item opens").len(), OPERATIONS));
    let theirs = || timed(|| bare.work());
    let round = |round: usize| {
        if round.is_multiple_of(2) {
            let ours = ours();
            (ours, theirs())
        } else {
            let theirs = theirs();
            (ours(), theirs)
        }
    };
    // The first round warms up.
    (0..=runs).map(round).skip(1).collect()
}

fn timed(work: impl FnOnce()) -> Duration {
    let start = Instant::now();
    work();
    start.elapsed()
}

fn ring() -> KeyRing {
    let key = UnsealingKey::make(KeyBits::Rsa4096).expect("a key can be made");
    let not_before = Timestamp::now();
    let request = CertificateRequest { common_name: "", not_before, not_after: not_before + SignedDuration::from_hours(24) };
    let certificate = Certificate::make(&key, &request).expect("a certificate can be made");
    KeyRing::new(vec![key_secret::pair("bench".to_owned(), key, Some(certificate)).expect("they belong together")])
}

fn sealed(ring: &KeyRing) -> SealedSecret {
    let (_, certificate) = ring.newest().expect("the key has a certificate");
    let target = Target { namespace: "bench".to_owned(), name: "large".to_owned(), scope: Scope::Strict };
    let secret = PlainSecret {
        name: target.name.clone(),
        namespace: target.namespace.clone(),
        metadata: serde_json::Map::new(),
        type_: None,
        immutable: None,
        data: (0..OPERATIONS).map(|item| (format!("item-{item:04}"), SecretBytes::new(b"dummy-value".to_vec()))).collect(),
    };
    seal(&secret, &target, certificate, Hint::Written).expect("it can be sealed")
}

/// What the library does by itself, with nothing of ours around it.
struct Bare {
    key: OaepPrivateDecryptingKey,
    wrapped: Vec<Vec<u8>>,
}

impl Bare {
    fn new() -> Self {
        let key = PrivateDecryptingKey::generate(KeySize::Rsa4096).expect("a key can be made");
        let public = OaepPublicEncryptingKey::new(key.public_key()).expect("the key encrypts");
        let wrap = |_| {
            let mut buffer = vec![0; public.ciphertext_size()];
            public.encrypt(&OAEP_SHA256_MGF1SHA256, &[7; 32], &mut buffer, Some(b"bench/large")).expect("a session key can be wrapped").to_vec()
        };
        let wrapped = (0..OPERATIONS).map(wrap).collect();
        Self { key: OaepPrivateDecryptingKey::new(key).expect("the key decrypts"), wrapped }
    }

    /// Each core gets the same share.
    fn work(&self) {
        let cores = thread::available_parallelism().map_or(1, usize::from);
        thread::scope(|scope| {
            for share in self.wrapped.chunks(OPERATIONS.div_ceil(cores)) {
                scope.spawn(|| share.iter().for_each(|wrapped| self.open(wrapped)));
            }
        });
    }

    fn open(&self, wrapped: &[u8]) {
        let mut buffer = vec![0; self.key.min_output_size()];
        let opened = self.key.decrypt(&OAEP_SHA256_MGF1SHA256, wrapped, &mut buffer, Some(b"bench/large"));
        black_box(opened.expect("the key opens what it wrapped"));
    }
}

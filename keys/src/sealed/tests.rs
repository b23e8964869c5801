use proptest::prelude::*;

use super::*;
use crate::error::ErrorKind;
use crate::pair::KeyBits;
use crate::scope::Scope;
use crate::{Certificate, CertificateRequest};
use jiff::Timestamp;
use std::sync::LazyLock;

struct Pair {
    private: UnsealingKey,
    certificate: Certificate,
}

fn pair() -> Pair {
    let private = UnsealingKey::make(KeyBits::Rsa2048).unwrap();
    let request = CertificateRequest {
        common_name: "",
        not_before: Timestamp::from_second(1_000_000_000).unwrap(),
        not_after: Timestamp::from_second(4_000_000_000).unwrap(),
    };
    let certificate = Certificate::make(&private, &request).unwrap();
    Pair { private, certificate }
}

static PAIR: LazyLock<Pair> = LazyLock::new(pair);

fn seal(plaintext: &[u8]) -> Sealed {
    Sealed::seal(PAIR.certificate.key(), &Scope::Strict.label("ns", "db"), &SecretBytes::new(plaintext.to_vec())).unwrap()
}

fn open(item: &Sealed, label: &Label) -> Result<SecretBytes> {
    item.open(&PAIR.private, label)
}

#[test]
fn a_sealed_value_opens_under_its_label_only() {
    let item = seal(b"hunter2");
    assert_eq!(open(&item, &Scope::Strict.label("ns", "db")).unwrap().expose(), b"hunter2");
    for label in [
        Scope::Strict.label("ns", "other"),
        Scope::Strict.label("other", "db"),
        Scope::NamespaceWide.label("ns", "db"),
        Scope::ClusterWide.label("", ""),
    ] {
        assert_eq!(open(&item, &label).unwrap_err().kind(), ErrorKind::Unopenable);
    }
}

#[test]
fn a_sealed_value_opens_with_its_key_only() {
    let label = Scope::Strict.label("ns", "db");
    let error = seal(b"hunter2").open(&pair().private, &label).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unopenable);
}

#[test]
fn the_layout_is_length_rsa_part_and_aes_part() {
    let item = seal(b"four");
    assert_eq!(&item.bytes[..2], [1, 0]);
    assert_eq!(item.rsa_length(), 256);
    assert_eq!(item.bytes.len(), 2 + 256 + 4 + 16);
    assert_eq!(item.plaintext_length(), 4);
}

#[test]
fn every_flipped_byte_and_every_truncation_is_refused() {
    let whole = seal(b"hunter2");
    let label = Scope::Strict.label("ns", "db");
    for at in 0..whole.bytes.len() {
        let mut bytes = whole.bytes.clone();
        bytes[at] ^= 0x40;
        let refused = Sealed::from_bytes(bytes).and_then(|item| open(&item, &label));
        assert!(refused.is_err(), "byte {at} may be flipped");
        let cut = Sealed::from_bytes(whole.bytes[..at].to_vec()).and_then(|item| open(&item, &label));
        assert!(cut.is_err(), "cut at {at} opens");
    }
}

#[test]
fn base64_is_as_lenient_as_upstreams() {
    let item = seal(b"hunter2");
    let text = item.to_base64();
    let folded = text.as_bytes().chunks(76).map(|line| String::from_utf8_lossy(line).into_owned()).collect::<Vec<_>>().join("\r\n");
    assert_eq!(Sealed::from_base64(&folded).unwrap(), item);
    for bad in ["", "=", "A", "AA", "Ag==", "AgB!", &text[..text.len() - 1], &format!("{text} ")] {
        assert_eq!(Sealed::from_base64(bad).unwrap_err().kind(), ErrorKind::Malformed, "{bad}");
    }
}

#[test]
fn equal_values_never_seal_to_equal_bytes() {
    assert_ne!(seal(b"same"), seal(b"same"));
}

/// Seals by hand under a short AES key: upstream opens such items, though it makes none.
fn short_key_item<C: aes_gcm::KeyInit + aes_gcm::aead::AeadInOut>(key: &[u8]) -> Vec<u8> {
    let mut buffer = b"short".to_vec();
    let nonce = aes_gcm::aead::Nonce::<C>::try_from(&crate::aead::ZERO_NONCE[..]).unwrap();
    C::new_from_slice(key).unwrap().encrypt_in_place(&nonce, b"", &mut buffer).unwrap();
    buffer
}

#[test]
fn session_keys_of_every_aes_length_open() {
    let short = short_key_item::<aes_gcm::Aes128Gcm>(&[7; 16]);
    let middle = short_key_item::<aes_gcm::AesGcm<aes_gcm::aes::Aes192, aes_gcm::aead::consts::U12>>(&[7; 24]);
    let long = short_key_item::<aes_gcm::Aes256Gcm>(&[7; 32]);
    for (length, item) in [(16, short), (24, middle), (32, long)] {
        assert_eq!(crate::aead::decrypt(&vec![7; length], &item).unwrap().expose(), b"short");
        assert!(crate::aead::decrypt(&vec![8; length], &item).is_err());
        assert!(crate::aead::decrypt(&vec![7; length - 1], &item).is_err());
    }
}

#[test]
fn a_private_key_is_read_back_from_its_own_pem() {
    let pem = PAIR.private.to_pem().unwrap();
    assert!(pem.expose().starts_with(b"-----BEGIN RSA PRIVATE KEY-----\n"));
    let again = UnsealingKey::from_pem(&pem).unwrap();
    assert_eq!(again.identity(), PAIR.private.identity());
    assert_eq!(PAIR.certificate.identity(), PAIR.private.identity());
    assert_eq!(again.modulus_length(), 256);
}

#[test]
fn a_certificate_is_read_back_with_dates_and_fingerprint() {
    let again = Certificate::from_pem(PAIR.certificate.to_pem().as_bytes()).unwrap();
    assert_eq!(again.fingerprint(), PAIR.certificate.fingerprint());
    assert_eq!(again.not_before(), Timestamp::from_second(1_000_000_000).unwrap());
    assert_eq!(again.not_after(), Timestamp::from_second(4_000_000_000).unwrap());
    assert!(!again.is_expired(again.not_after()));
    assert!(again.is_expired(Timestamp::from_second(4_000_000_001).unwrap()));
    assert_eq!(again.key().modulus_length(), 256);
}

#[test]
fn a_private_key_in_pkcs8_is_read_and_a_protected_one_says_so() {
    let pkcs8 = pem::encode(&pem::Pem::new("PRIVATE KEY", PAIR.private.pkcs8().expose()));
    let again = UnsealingKey::from_pem(&SecretBytes::new(pkcs8.into_bytes())).unwrap();
    assert_eq!(again.identity(), PAIR.private.identity());
    let protected = pem::encode(&pem::Pem::new("ENCRYPTED PRIVATE KEY", vec![0_u8; 9]));
    let error = UnsealingKey::from_pem(&SecretBytes::new(protected.into_bytes())).unwrap_err();
    assert!(error.to_string().contains("passphrase"), "{error}");
}

#[test]
fn the_written_private_key_is_the_inner_key_and_nothing_else() {
    let pem = PAIR.private.to_pem().unwrap();
    let block = pem::parse(pem.expose()).unwrap();
    let pkcs8 = PAIR.private.pkcs8().expose();
    assert!(pkcs8.ends_with(block.contents()));
    // PKCS#1 starts with a sequence whose first member is the version, zero (RFC 8017 appendix A.1.2).
    assert_eq!((block.contents()[0], &block.contents()[4..7]), (0x30, &[2, 1, 0][..]));
}

#[test]
fn a_certificate_has_the_name_that_was_asked_for() {
    let subject = |common_name: &str| {
        let request =
            CertificateRequest { common_name, not_before: Timestamp::UNIX_EPOCH, not_after: Timestamp::from_second(4_000_000_000).unwrap() };
        let certificate = Certificate::make(&PAIR.private, &request).unwrap();
        let der = pem::parse(certificate.to_pem()).unwrap().into_contents();
        let (_, parsed) = x509_parser::parse_x509_certificate(&der).unwrap();
        parsed.subject().to_string()
    };
    assert_eq!(subject(""), "");
    assert_eq!(subject("shop"), "CN=shop");
}

#[test]
fn a_serial_number_is_positive_and_as_long_as_upstreams() {
    // Often enough that no bit is right by chance.
    for _ in 0..24 {
        let request =
            CertificateRequest { common_name: "", not_before: Timestamp::UNIX_EPOCH, not_after: Timestamp::from_second(4_000_000_000).unwrap() };
        let der = pem::parse(Certificate::make(&PAIR.private, &request).unwrap().to_pem()).unwrap().into_contents();
        let (_, parsed) = x509_parser::parse_x509_certificate(&der).unwrap();
        let serial = parsed.raw_serial();
        assert_eq!((serial.len(), serial[0] & 0xc0), (16, 0x40), "{serial:?}");
    }
}

#[test]
fn debug_shows_the_size_of_a_key_and_nothing_private() {
    assert_eq!(format!("{:?}", PAIR.certificate.key()), "SealingKey(2048 bits)");
    assert_eq!(format!("{:?}", PAIR.private), format!("UnsealingKey(2048 bits, {})", PAIR.private.identity()));
}

#[test]
fn a_cut_item_says_which_part_is_cut() {
    let whole = seal(b"");
    let reason = |length: usize| Sealed::from_bytes(whole.bytes[..length].to_vec()).unwrap_err().to_string();
    assert!(reason(1).contains("2-byte length"));
    assert!(reason(257).contains("255 bytes follow"));
    assert!(reason(258).contains("0 bytes follow the RSA part"));
    assert!(reason(258 + 15).contains("15 bytes follow the RSA part"));
    assert!(Sealed::from_bytes(whole.bytes[..258 + 16].to_vec()).is_ok());
}

#[test]
fn a_bundle_of_certificates_is_read_whole() {
    let one = PAIR.certificate.to_pem();
    let other = pair().certificate.to_pem();
    let read = Certificate::all_from_pem(format!("{one}{other}").as_bytes()).unwrap();
    assert_eq!(read.iter().map(Certificate::to_pem).collect::<Vec<_>>(), [one.clone(), other]);
    assert!(Certificate::all_from_pem(format!("{one}-----BEGIN CERTIFICATE-----\nMCow\n-----END CERTIFICATE-----\n").as_bytes()).is_err());
}

#[test]
fn what_is_no_certificate_or_key_is_refused_with_a_reason() {
    let check = |text: &str, part: &str| {
        let message = Certificate::from_pem(text.as_bytes()).unwrap_err().to_string();
        assert!(message.contains(part), "{message}");
    };
    check("", "no CERTIFICATE block");
    check("-----BEGIN PUBLIC KEY-----\nMCow\n-----END PUBLIC KEY-----\n", "bare public key");
    check("-----BEGIN CERTIFICATE-----\nMCow\n-----END CERTIFICATE-----\n", "broken DER");
    let key = |text: &str| UnsealingKey::from_pem(&SecretBytes::new(text.as_bytes().to_vec())).unwrap_err().kind();
    assert_eq!(key("nothing"), ErrorKind::Malformed);
    assert_eq!(key("-----BEGIN EC PRIVATE KEY-----\nMCow\n-----END EC PRIVATE KEY-----\n"), ErrorKind::Unsupported);
    assert_eq!(key("-----BEGIN RSA PRIVATE KEY-----\nMCow\n-----END RSA PRIVATE KEY-----\n"), ErrorKind::Unsupported);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_value_under_any_label_comes_back(plaintext in prop::collection::vec(any::<u8>(), 0..200), namespace in "[a-z-]{0,20}", name in "[a-z.-]{0,20}") {
        for scope in Scope::ALL {
            let label = scope.label(&namespace, &name);
            let item = Sealed::seal(PAIR.certificate.key(), &label, &SecretBytes::new(plaintext.clone())).unwrap();
            let again = Sealed::from_base64(&item.to_base64()).unwrap();
            let opened = open(&again, &label).unwrap();
            prop_assert_eq!(opened.expose(), &plaintext[..]);
        }
    }

    #[test]
    fn any_bytes_are_read_without_panic(bytes in prop::collection::vec(any::<u8>(), 0..700)) {
        if let Ok(item) = Sealed::from_bytes(bytes) {
            prop_assert!(open(&item, &Scope::ClusterWide.label("", "")).is_err());
        }
    }
}

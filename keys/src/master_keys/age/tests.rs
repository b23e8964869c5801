//! Files of the real age and the real sops, and everything that asks for identities. The private keys are of these tests only.

use std::collections::BTreeMap;
use std::future::Future;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Waker};

use super::*;

macro_rules! vector {
    ($name:literal) => {
        include_bytes!(concat!("vectors/", $name)).as_slice()
    };
}

/// What every file of the vectors holds: the bytes from 0 to 31.
pub(super) fn data_key() -> SecretBytes {
    SecretBytes::new((0..32).collect())
}

/// A door with a desk: everything that it answers lies there, and it counts what it was asked for.
#[derive(Default)]
pub(super) struct Desk {
    pub(super) variables: BTreeMap<&'static str, Vec<u8>>,
    pub(super) files: BTreeMap<&'static str, &'static [u8]>,
    pub(super) commands: BTreeMap<&'static str, &'static [u8]>,
    pub(super) passphrase: Option<&'static str>,
    pub(super) asked: AtomicUsize,
    pub(super) read: AtomicUsize,
    pub(super) ran: std::sync::Mutex<Vec<String>>,
}

impl Credentials for Desk {
    fn variable(&self, name: &str) -> Option<SecretBytes> {
        self.variables.get(name).map(|value| SecretBytes::new(value.clone()))
    }

    fn file(&self, path: &Path) -> Result<Option<SecretBytes>> {
        self.read.fetch_add(1, Ordering::SeqCst);
        if path == Path::new("/unreadable") {
            return Err(Error::malformed("read /unreadable: permission denied"));
        }
        Ok(self.files.get(path.to_str().unwrap()).map(|content| SecretBytes::new(content.to_vec())))
    }

    fn home(&self) -> Option<PathBuf> {
        Some(PathBuf::from("/home"))
    }

    fn configuration(&self) -> Option<PathBuf> {
        Some(PathBuf::from("/config"))
    }

    fn command(&self, command: &str, variable: Option<(&str, &str)>) -> Result<SecretBytes> {
        self.ran.lock().unwrap().push(format!("{command} {}={}", variable.unwrap().0, variable.unwrap().1));
        match self.commands.get(command) {
            Some(output) => Ok(SecretBytes::new(output.to_vec())),
            None => Err(Error::malformed("run the command: it fails")),
        }
    }

    fn passphrase(&self, _prompt: &str) -> Result<SecretBytes> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        self.passphrase.map(|text| SecretBytes::new(text.into())).ok_or_else(|| Error::malformed("ask for a passphrase: there is nobody to ask"))
    }
}

/// Nothing here waits: a future that is not ready at once is a mistake.
pub(super) fn now<T>(future: impl Future<Output = T>) -> T {
    match std::pin::pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => panic!("it waits"),
    }
}

pub(super) fn fields(recipient: &str, enc: &[u8]) -> Fields {
    Fields::from_iter([("recipient".to_owned(), recipient.into()), ("enc".to_owned(), str::from_utf8(enc).unwrap().into())])
}

pub(super) fn open(desk: &Arc<Desk>, enc: &[u8]) -> Result<SecretBytes> {
    now(Age.service(Arc::<Desk>::clone(desk)).open(&fields("age1some", enc)))
}

#[track_caller]
pub(super) fn opens(desk: Desk, enc: &[u8]) -> Arc<Desk> {
    let desk = Arc::new(desk);
    assert!(open(&desk, enc).unwrap().ct_eq(&data_key()));
    desk
}

#[track_caller]
pub(super) fn fails(desk: Desk, enc: &[u8], expected: &[&str]) -> Arc<Desk> {
    let desk = Arc::new(desk);
    let error = open(&desk, enc).unwrap_err();
    for part in expected {
        assert!(error.to_string().contains(part), "{part:?} is missing in: {error}");
    }
    assert!(!error.to_string().contains("AGE-SECRET") && !error.to_string().contains("BEGIN"), "{error}");
    desk
}

pub(super) fn variable(name: &'static str, value: &[u8]) -> Desk {
    Desk { variables: BTreeMap::from([(name, value.to_vec())]), ..Desk::default() }
}

fn files(files: &[(&'static str, &'static [u8])]) -> Desk {
    Desk { files: files.iter().copied().collect(), ..Desk::default() }
}

fn key_file(content: &'static [u8]) -> Desk {
    Desk { files: BTreeMap::from([("/keys", content)]), ..variable("SOPS_AGE_KEY_FILE", b"/keys") }
}

#[test]
fn every_place_of_an_identity_is_looked_at() {
    let key = vector!("x25519.txt");
    opens(variable("SOPS_AGE_KEY", key), vector!("x25519.age"));
    opens(key_file(key), vector!("x25519.age"));
    opens(Desk { commands: BTreeMap::from([("print it", key)]), ..variable("SOPS_AGE_KEY_CMD", b"print it") }, vector!("x25519.age"));
    opens(files(&[("/config/sops/age/keys.txt", key)]), vector!("x25519.age"));
}

#[test]
fn a_variable_holds_several_identities_by_newline_or_space() {
    let text = |name: &[u8]| String::from_utf8(name.to_vec()).unwrap().lines().last().unwrap().to_owned();
    let (other, right) = (age::x25519::Identity::generate(), text(vector!("x25519.txt")));
    let other = age::secrecy::ExposeSecret::expose_secret(&other.to_string()).to_owned();
    for joined in [format!("{other} {right}"), format!("# a comment\n\n{other}\r\n{right}\r\n"), format!("{right}\t{other}")] {
        opens(variable("SOPS_AGE_KEY", joined.as_bytes()), vector!("x25519.age"));
    }
}

#[test]
fn an_armored_file_opens_without_its_last_newline_and_with_other_line_ends() {
    let text = String::from_utf8(vector!("x25519.age").to_vec()).unwrap();
    for changed in [text.trim_end().to_owned(), format!("\n{text}\n\n"), text.replace('\n', "\r\n")] {
        opens(variable("SOPS_AGE_KEY", vector!("x25519.txt")), changed.as_bytes());
    }
}

/// An armored file whose bytes were changed.
pub(super) fn changed(enc: &[u8], change: impl FnOnce(&mut Vec<u8>)) -> String {
    let mut bytes = Vec::new();
    ArmoredReader::new(enc).read_to_end(&mut bytes).unwrap();
    change(&mut bytes);
    let mut armored = ArmoredWriter::wrap_output(Vec::new(), Format::AsciiArmor).unwrap();
    armored.write_all(&bytes).unwrap();
    String::from_utf8(armored.finish().unwrap()).unwrap()
}

#[test]
fn a_file_does_not_open_after_any_change_of_a_byte() {
    let desk = Arc::new(variable("SOPS_AGE_KEY", vector!("x25519.txt")));
    let enc = vector!("x25519.age");
    assert!(open(&desk, changed(enc, |_| ()).as_bytes()).is_ok());
    for at in 0..200 {
        let one = changed(enc, |bytes| bytes[at] ^= 1);
        let error = open(&desk, one.as_bytes()).expect_err(&format!("byte {at}"));
        assert!(error.to_string().starts_with("open the data key that is wrapped for age1some: "), "{error}");
        open(&desk, changed(enc, |bytes| bytes.truncate(at)).as_bytes()).expect_err(&format!("cut at {at}"));
    }
}

#[test]
fn what_is_no_age_file_is_told_from_one_that_was_changed() {
    let key = || variable("SOPS_AGE_KEY", vector!("x25519.txt"));
    for enc in [&b""[..], b"nothing", b"age-encryption.org/v1\n", b"-----BEGIN AGE ENCRYPTED FILE-----\n-----END AGE ENCRYPTED FILE-----\n"] {
        fails(key(), enc, &["open the data key that is wrapped for age1some: it is not an age file, or a damaged one"]);
    }
    let end = |bytes: &mut Vec<u8>| *bytes.last_mut().unwrap() ^= 1;
    fails(key(), changed(vector!("x25519.age"), end).as_bytes(), &["the content of the age file is damaged"]);
}

#[test]
fn where_nothing_opens_the_error_says_what_was_found_in_each_place() {
    let mut desk = files(&[("/config/sops/age/keys.txt", vector!("x25519.txt"))]);
    desk.variables.extend([("SOPS_AGE_KEY_FILE", b"/unreadable".to_vec()), ("SOPS_AGE_KEY_CMD", b"missing".to_vec())]);
    fails(
        desk,
        vector!("locked.age"),
        &[
            "SOPS_AGE_KEY (not set)",
            "SOPS_AGE_KEY_FILE /unreadable (read /unreadable: permission denied)",
            "SOPS_AGE_KEY_CMD (run the command: it fails)",
            "/config/sops/age/keys.txt (1 identity, which does not fit)",
        ],
    );
    fails(
        key_file(b"# only a comment\n"),
        vector!("x25519.age"),
        &["SOPS_AGE_KEY_FILE /keys (no identity)", "/config/sops/age/keys.txt (there is none)"],
    );
    fails(key_file(b"\nAGE-SECRET-KEY-1WRONG\n"), vector!("x25519.age"), &["/keys (line 2 is not an age identity)"]);
}

#[test]
fn nothing_is_read_before_it_is_needed_and_nothing_twice() {
    let desk = Arc::new(files(&[("/config/sops/age/keys.txt", vector!("x25519.txt"))]));
    let service = Age.service(Arc::<Desk>::clone(&desk));
    let recipient = "age1jautsf8er3crncm8";
    assert_eq!(desk.read.load(Ordering::SeqCst), 0);
    now(service.open(&fields(recipient, vector!("x25519.age")))).unwrap();
    let read = desk.read.load(Ordering::SeqCst);
    now(service.open(&fields(recipient, vector!("x25519.age")))).unwrap();
    now(service.open(&fields(recipient, vector!("locked.age")))).unwrap_err();
    assert_eq!(desk.read.load(Ordering::SeqCst), read);
}

#[test]
fn a_command_is_told_the_recipient_and_runs_once_for_each() {
    let desk = Desk { commands: BTreeMap::from([("print it", vector!("x25519.txt"))]), ..variable("SOPS_AGE_KEY_CMD", b"print it") };
    let desk = Arc::new(desk);
    let service = Age.service(Arc::<Desk>::clone(&desk));
    for recipient in ["age1one", "age1two", "age1one"] {
        now(service.open(&fields(recipient, vector!("x25519.age")))).unwrap();
    }
    assert_eq!(*desk.ran.lock().unwrap(), ["print it SOPS_AGE_RECIPIENT=age1one", "print it SOPS_AGE_RECIPIENT=age1two"]);
}

#[test]
fn a_passphrase_is_asked_for_once_and_only_if_nothing_else_opens() {
    for content in [vector!("locked.txt"), vector!("locked.bin")] {
        let desk = Arc::new(Desk { passphrase: Some("correct horse"), ..key_file(content) });
        let service = Age.service(Arc::<Desk>::clone(&desk));
        for _ in 0..2 {
            assert!(now(service.open(&fields("", vector!("locked.age")))).unwrap().ct_eq(&data_key()));
        }
        now(service.open(&fields("", vector!("x25519.age")))).unwrap_err();
        assert_eq!(desk.asked.load(Ordering::SeqCst), 1);
    }
    let mut both = key_file(vector!("locked.txt"));
    both.files.insert("/config/sops/age/keys.txt", vector!("x25519.txt"));
    assert_eq!(opens(both, vector!("x25519.age")).asked.load(Ordering::SeqCst), 0);
}

#[test]
fn a_wrong_passphrase_and_nobody_to_ask_are_told_apart() {
    let wrong = Desk { passphrase: Some("wrong"), ..key_file(vector!("locked.txt")) };
    fails(wrong, vector!("locked.age"), &["SOPS_AGE_KEY_FILE /keys (the passphrase is wrong)"]);
    fails(key_file(vector!("locked.txt")), vector!("locked.age"), &["(ask for a passphrase: there is nobody to ask)"]);
    fails(key_file(vector!("x25519.age")), vector!("x25519.age"), &["(it is an age file, but no passphrase opens it)"]);
}

#[test]
fn a_passphrase_that_asks_for_too_much_work_is_refused() {
    let header = "age-encryption.org/v1\n-> scrypt bBjlhJVYZeE4aqUdmtRHfw 30\nUnWfHMd3GyuB3BvKFFyqQVy0MBZJKDnQI3qLDBUPPLM\n--- 9Ts7mZUBN7lXFDNLTQoLNJ8lMeYgMbrNXvwtSWJ9fWs\n0123456789abcdef";
    fails(Desk { passphrase: Some("x"), ..key_file(header.as_bytes()) }, vector!("x25519.age"), &["asks for too much work"]);
}

#[test]
fn what_is_wrapped_is_an_armored_file_with_a_last_newline_and_opens() {
    let identity = age::x25519::Identity::generate();
    let recipient = identity.to_public().to_string();
    let secret = age::secrecy::ExposeSecret::expose_secret(&identity.to_string()).to_owned();
    let kind_fields = Age.parse(&format!(" {recipient}\n")).unwrap();
    assert_eq!(Age.identity(&kind_fields), recipient);
    let desk = Arc::new(variable("SOPS_AGE_KEY", secret.as_bytes()));
    let enc = now(Age.service(Arc::<Desk>::clone(&desk)).wrap(&kind_fields, &data_key())).unwrap();
    assert!(enc.starts_with("-----BEGIN AGE ENCRYPTED FILE-----\n") && enc.ends_with("\n-----END AGE ENCRYPTED FILE-----\n"), "{enc}");
    assert!(open(&desk, enc.as_bytes()).unwrap().ct_eq(&data_key()));
}

#[test]
fn what_is_no_recipient_is_refused_and_not_repeated() {
    let short = ["", "x", "age1"];
    let long = ["age1jautsf8er3crncm8", "AGE-SECRET-KEY-1XYZ", "ssh-dss AAAA", "ssh-ed25519 AAAB", "ssh-rsa AAAB", "age1pq1xyz", "age1../x1yz"];
    for text in short.iter().chain(&long) {
        let error = Age.parse(text).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Malformed);
        assert!(short.contains(text) || !error.to_string().contains(text), "{error}");
    }
}

#[test]
fn a_content_that_is_too_long_is_refused() {
    let identity = age::x25519::Identity::generate();
    let secret = age::secrecy::ExposeSecret::expose_secret(&identity.to_string()).to_owned();
    let fields = Age.parse(&identity.to_public().to_string()).unwrap();
    let desk = variable("SOPS_AGE_KEY", secret.as_bytes());
    let enc = now(Age.service(Arc::new(Desk::default())).wrap(&fields, &SecretBytes::new(vec![7; 64 * 1024 + 1]))).unwrap();
    fails(desk, enc.as_bytes(), &["the content of the age file is too long"]);
}

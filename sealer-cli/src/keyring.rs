//! Key files and folders of them to a key ring, and new keys to files.
//!
//! A key file is a Secret as `kubectl get secret -l sealedsecrets.bitnami.com/sealed-secrets-key -o yaml` prints it, one or many, or PEM blocks.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crds::names::ACTIVE;
use engine::desired::DesiredSecret;
use engine::manifest::{Format, Manifest, write_secret};
use engine::renewal::{DEFAULT_PERIOD, DEFAULT_VALIDITY, Renewal, Schedule, next};
use engine::{Error, ErrorKind, PlainSecret, Result, key_secret};
use jiff::{SignedDuration, Timestamp};
use keys::{Certificate, KeyBits, KeyRing, RingKey, SecretBytes, UnsealingKey};

use crate::input::{Claims, Source, files_below, has_ending, read_file};
use crate::local::place::{Private, refuse_git};
use crate::output::{Access, make_private_folder, note, write_file};

/// What every PEM block starts with.
const BEGIN: &[u8] = b"-----BEGIN ";

/// Endings of the files that are looked at in a folder of keys.
const KEY_FILES: [&str; 5] = ["yaml", "yml", "json", "pem", "key"];

// Where private keys are.
#[derive(clap::Args, Clone, Debug, Default)]
#[command(next_help_heading = "Private keys")]
pub(crate) struct KeyOptions {
    /// File with private keys: key Secrets (YAML or JSON), or PEM; may be repeated
    #[arg(long = "key", value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
    /// Folder with key files [default: $SEALER_KEYS or the local key store, unless --key is given]
    #[arg(long = "keys", value_name = "DIR")]
    pub(crate) folder: Option<PathBuf>,
}

impl KeyOptions {
    /// Reads every key that the user named, or those of the local key store.
    pub(crate) fn ring(&self) -> Result<KeyRing> {
        let mut keys = Vec::new();
        for file in &self.files {
            keys.extend(read_named(file)?.into_iter().map(|stored| stored.key));
        }
        if self.folder.is_some() || self.files.is_empty() {
            keys.extend(Store::find(self.folder.as_deref()).map_or_else(|_| Ok(Vec::new()), |store| store.read())?);
        }
        if keys.is_empty() {
            let error = Error::new(ErrorKind::Denied, "find a private key: none was given, and the local key store is empty");
            return Err(error.advise("Name key files with --key, or a folder of them with --keys"));
        }
        Ok(KeyRing::new(keys))
    }

    /// True if the user named keys.
    pub(crate) fn is_given(&self) -> bool {
        !self.files.is_empty() || Store::find(self.folder.as_deref()).is_ok_and(|store| store.named)
    }
}

/// The folder of the key store.
#[derive(Clone, Debug)]
pub(crate) struct Store {
    /// Where it is.
    pub(crate) folder: PathBuf,
    /// Whether the user named it, by a flag or a variable: then it has to be there.
    named: bool,
}

impl Store {
    /// Finds the store: what the command line names, then what `SEALER_KEYS` names, then the one of the user.
    ///
    /// # Errors
    /// NotFound: none is named, and there is no home folder.
    pub(crate) fn find(flag: Option<&Path>) -> Result<Self> {
        let variable = || std::env::var_os("SEALER_KEYS").filter(|value| !value.is_empty()).map(PathBuf::from);
        if let Some(folder) = flag.map(Path::to_path_buf).or_else(variable) {
            return Ok(Self { folder, named: true });
        }
        // Below `$XDG_DATA_HOME`, or below the home folder.
        let folder = data_home("XDG_DATA_HOME", ".local/share").map(|data| data.join("sealer/keys"));
        let homeless = || Error::new(ErrorKind::NotFound, "find the key store: there is no home folder").advise("Name it with --keys");
        Ok(Self { folder: folder.ok_or_else(homeless)?, named: false })
    }

    /// Reads the keys that are in use; the user's store may be missing, a folder that was named may not.
    pub(crate) fn read(&self) -> Result<Vec<RingKey>> {
        self.check()?;
        read_folder(&self.folder)
    }

    /// As [`Store::read`], with the keys that are out of use.
    pub(crate) fn read_every(&self) -> Result<Vec<Stored>> {
        self.check()?;
        read_every(&self.folder)
    }

    fn check(&self) -> Result<()> {
        if self.named && !self.folder.is_dir() {
            let error = Error::new(ErrorKind::NotFound, "find the folder of keys").in_file(self.folder.display().to_string());
            return Err(error.advise("Make keys there with sealer keys new, or name another folder with --keys"));
        }
        Ok(())
    }
}

/// A key as it is kept in a file.
pub(crate) struct Stored {
    /// The key.
    pub(crate) key: RingKey,
    /// What the label of its Secret says of its use.
    pub(crate) label: String,
}

impl Stored {
    /// True unless its label takes it out of use.
    pub(crate) fn is_active(&self) -> bool {
        self.label == ACTIVE
    }

    /// The Secret that holds it.
    pub(crate) fn to_secret(&self) -> Result<DesiredSecret> {
        key_secret::to_secret(key_secret::DEFAULT_PREFIX, &self.key.key, self.key.certificate.as_ref(), &self.label)
    }
}

/// Which keys of a file count.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Use {
    /// Those that are not labelled out of use; the others are not even read.
    Active,
    /// All.
    Every,
}

/// A folder of the XDG base directory specification; a relative one counts as not set.
pub(crate) fn data_home(variable: &str, below_home: &str) -> Option<PathBuf> {
    let set = std::env::var_os(variable).map(PathBuf::from).filter(|path| path.is_absolute());
    set.or_else(|| std::env::home_dir().filter(|home| home.is_absolute()).map(|home| home.join(below_home)))
}

/// Reads the keys of a folder that are in use; one that does not exist is empty.
pub(crate) fn read_folder(folder: &Path) -> Result<Vec<RingKey>> {
    Ok(read_below(folder, Use::Active)?.into_iter().map(|stored| stored.key).collect())
}

/// Reads every key of a folder; one that does not exist is empty.
pub(crate) fn read_every(folder: &Path) -> Result<Vec<Stored>> {
    read_below(folder, Use::Every)
}

/// Reads every key of a file that the user named.
pub(crate) fn read_named(file: &Path) -> Result<Vec<Stored>> {
    let source = read_file(file)?;
    let keys = read_keys(&source, Use::Every)?;
    if !keys.is_empty() {
        return Ok(keys);
    }
    let error =
        if is_pem(&source) { "read the private key: the file has no PRIVATE KEY block" } else { "read the sealing keys: there is none in the file" };
    Err(Error::input(error).in_file(&source.name))
}

fn read_below(folder: &Path, which: Use) -> Result<Vec<Stored>> {
    if !folder.exists() {
        return Ok(Vec::new());
    }
    let others = fs::metadata(folder).is_ok_and(|metadata| metadata.mode() & 0o077 != 0);
    if others {
        note(&format!("warning: other users can look into the folder of private keys {}; close it with chmod 700", folder.display()));
    }
    let mut keys = Vec::new();
    for file in files_below(folder, Claims::of(&|name| has_ending(name, &KEY_FILES)))? {
        keys.extend(read_keys(&read_file(&file)?, which)?);
    }
    Ok(keys)
}

fn read_keys(source: &Source, which: Use) -> Result<Vec<Stored>> {
    let fail = |error: Error| error.in_file(&source.name);
    if is_pem(source) {
        let keys = read_pem(source).map_err(fail)?;
        return Ok(keys.into_iter().map(|key| Stored { key, label: ACTIVE.to_owned() }).collect());
    }
    let manifest = Manifest::parse(&source.bytes).map_err(fail)?;
    let mut keys = Vec::new();
    for object in manifest.objects().map_err(fail)? {
        let secret = PlainSecret::read(&object).map_err(fail)?;
        let label = key_secret::label(&secret).to_owned();
        if which == Use::Every || label == ACTIVE {
            keys.push(Stored { key: key_secret::read(&secret).map_err(|error| fail(error.at_line(object.node.line)))?, label });
        }
    }
    Ok(keys)
}

fn is_pem(source: &Source) -> bool {
    // EXPOSE: only the first bytes are compared, to tell PEM from a manifest.
    source.bytes.expose().windows(BEGIN.len()).take(4096).any(|window| window == BEGIN) && !looks_like_manifest(source)
}

fn looks_like_manifest(source: &Source) -> bool {
    // EXPOSE: a manifest names its kind in plain sight; nothing is kept.
    let text = String::from_utf8_lossy(source.bytes.expose());
    text.contains("tls.key") && text.contains("kind")
}

/// Reads the private keys of a PEM file, each with the certificate of the file that fits it.
fn read_pem(source: &Source) -> Result<Vec<RingKey>> {
    let (mut keys, mut certificates) = (Vec::new(), Vec::new());
    for block in pem_blocks(&source.bytes) {
        // EXPOSE: a certificate may stand beside its key; the parser keeps nothing else.
        let certificate = Certificate::from_pem(block.expose()).ok();
        let found = certificate.is_some();
        certificates.extend(certificate);
        // EXPOSE: the block says what it is in its first line.
        if !found && String::from_utf8_lossy(block.expose()).lines().next().is_some_and(|line| line.contains("PRIVATE KEY-----")) {
            keys.push(UnsealingKey::from_pem(&block)?);
        }
    }
    let fits = |key: &UnsealingKey, certificate: &Certificate| certificate.identity() == key.identity();
    let strange = !certificates.is_empty() && !keys.iter().any(|key| certificates.iter().any(|certificate| fits(key, certificate)));
    let pair = |key: UnsealingKey| {
        let at = certificates.iter().position(|certificate| strange || fits(&key, certificate));
        key_secret::pair(source.name.clone(), key, at.map(|at| certificates.swap_remove(at)))
    };
    keys.into_iter().map(pair).collect()
}

/// Cuts a PEM text into its blocks.
pub(crate) fn pem_blocks(text: &SecretBytes) -> Vec<SecretBytes> {
    // EXPOSE: the file is cut into its blocks; each goes into a wiped copy of its own.
    let text = text.expose();
    let starts = text.windows(BEGIN.len()).enumerate().filter(|(_, window)| *window == BEGIN).map(|(at, _)| at);
    let starts: Vec<usize> = starts.chain([text.len()]).collect();
    starts.windows(2).map(|range| SecretBytes::new(text[range[0]..range[1]].to_vec())).collect()
}

// When and how new keys are made.
#[derive(clap::Args, Clone, Debug)]
#[command(next_help_heading = "New keys")]
pub(crate) struct RenewalOptions {
    /// Age at which the newest key gets a successor, such as 720h or 30d; 0 means never
    #[arg(long, value_name = "DURATION", value_parser = duration, default_value_t = Span(DEFAULT_PERIOD))]
    pub(crate) key_renew_period: Span,
    /// How long the certificate of a new key may seal
    #[arg(long, value_name = "DURATION", value_parser = validity, default_value_t = Span(DEFAULT_VALIDITY))]
    pub(crate) key_ttl: Span,
    /// Length of a new RSA key
    #[arg(long, value_name = "BITS", value_parser = ["2048", "3072", "4096", "8192"], default_value = "4096")]
    pub(crate) key_size: String,
}

/// A duration on the command line.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Span(pub(crate) SignedDuration);

impl std::fmt::Display for Span {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.0.as_secs() % 3600 == 0 { write!(f, "{}h", self.0.as_secs() / 3600) } else { write!(f, "{}s", self.0.as_secs()) }
    }
}

fn duration(text: &str) -> std::result::Result<Span, String> {
    if text == "0" {
        return Ok(Span(SignedDuration::ZERO));
    }
    // Days have 24 hours here; upstream knows no days at all.
    let seconds = text.strip_suffix('d').and_then(|days| days.parse::<i64>().ok()).and_then(|days| days.checked_mul(24 * 3600));
    let span = seconds.map(SignedDuration::from_secs).or_else(|| text.parse().ok());
    match span {
        Some(span) if !span.is_negative() => Ok(Span(span)),
        _ => Err("a duration looks like 720h, 90m, 10s or 30d".to_owned()),
    }
}

fn validity(text: &str) -> std::result::Result<Span, String> {
    duration(text)
        .and_then(|span| if span.0.as_secs() < 1 { Err("a certificate has to be valid for a second at least".to_owned()) } else { Ok(span) })
}

impl RenewalOptions {
    /// When keys follow each other.
    pub(crate) fn schedule(&self) -> Schedule {
        Schedule { period: self.key_renew_period.0, cutoff: None }
    }

    /// When the next key is due.
    pub(crate) fn next(&self, ring: &KeyRing, now: Timestamp) -> Renewal {
        let newest = ring.newest();
        // Without a certificate that may seal nothing goes on, whatever the schedule says.
        let end = newest.map(|(_, certificate)| certificate.not_after());
        match next(newest.map(|(key, _)| key.since), &self.schedule(), now) {
            _ if end.is_some_and(|end| end < now) => Renewal::Due,
            Renewal::At(moment) => Renewal::At(end.map_or(moment, |end| end.min(moment))),
            Renewal::Never => end.map_or(Renewal::Never, Renewal::At),
            Renewal::Due => Renewal::Due,
        }
    }

    /// Makes a key and its file in the folder; returns the name of its Secret.
    pub(crate) fn make(&self, folder: &Path, now: Timestamp) -> Result<String> {
        let bits = match self.key_size.as_str() {
            "2048" => KeyBits::Rsa2048,
            "3072" => KeyBits::Rsa3072,
            "8192" => KeyBits::Rsa8192,
            _ => KeyBits::Rsa4096,
        };
        let request = key_secret::KeyRequest { bits, validity: self.key_ttl.0, common_name: "", prefix: key_secret::DEFAULT_PREFIX };
        let secret = key_secret::make(&request, now)?;
        store(folder, &secret)?;
        Ok(secret.name)
    }
}

/// Writes a key Secret into a folder of keys, which Git must not pick up.
pub(crate) fn store(folder: &Path, secret: &DesiredSecret) -> Result<PathBuf> {
    refuse_git(folder, Private::Keys)?;
    make_private_folder(folder)?;
    let path = folder.join(format!("{}.yaml", secret.name));
    // EXPOSE: the key store is where private keys are kept; the file is open to its owner only.
    write_file(&path, write_secret(secret, Format::Yaml)?.expose(), Access::Owner)?;
    Ok(path)
}

//! `sealer keys`: a folder of sealing keys.

use std::path::{Path, PathBuf};

use engine::manifest::{Format, write_secret};
use engine::{Error, ErrorKind, harmless};
use jiff::Timestamp;
use keys::KeyRing;
use serde_json::json;

use crate::exit::Outcome;
use crate::keyring::{RenewalOptions, Store, read_every, read_named, store};
use crate::output::{Access, json_line, note, print, table, write};

/// What can be done with keys.
#[derive(clap::Subcommand)]
pub(crate) enum Command {
    /// List the keys of a folder, newest first
    List {
        #[command(flatten)]
        folder: Folder,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Make a new key, which seals from now on
    New {
        #[command(flatten)]
        folder: Folder,
        #[command(flatten)]
        renewal: RenewalOptions,
    },
    /// Copy keys of a cluster's backup into a folder
    #[command(
        after_help = "Example:  kubectl get secret -n kube-system -l sealedsecrets.bitnami.com/sealed-secrets-key -o yaml > keys.yaml && sealer keys import keys.yaml"
    )]
    Import {
        #[command(flatten)]
        folder: Folder,
        /// Files with key Secrets (YAML or JSON) or PEM
        #[arg(required = true, value_name = "FILE")]
        files: Vec<PathBuf>,
    },
    /// Print the keys of a folder as Secrets, for a backup or to apply to a cluster
    Export {
        #[command(flatten)]
        folder: Folder,
        /// Write to a file that only its owner can read
        #[arg(short, long, value_name = "FILE")]
        output: Option<PathBuf>,
    },
}

// Which folder.
#[derive(clap::Args)]
pub(crate) struct Folder {
    /// Folder of keys [default: $SEALER_KEYS or the local key store]
    #[arg(long = "keys", value_name = "DIR")]
    keys: Option<PathBuf>,
}

impl Folder {
    fn store(&self) -> engine::Result<Store> {
        Store::find(self.keys.as_deref())
    }
}

/// Runs the command.
pub(crate) fn run(command: &Command, now: Timestamp) -> Outcome {
    match command {
        Command::List { folder, json } => list(&KeyRing::new(folder.store()?.read()?), *json, now),
        Command::New { folder, renewal } => {
            let path = folder.store()?.folder;
            let name = renewal.make(&path, now)?;
            note(&format!("made {name} in {}", path.display()));
            Ok(())
        }
        Command::Import { folder, files } => import(&folder.store()?.folder, files),
        Command::Export { folder, output } => export(&folder.store()?, output.as_deref()),
    }
}

fn list(ring: &KeyRing, json: bool, now: Timestamp) -> Outcome {
    let newest = ring.newest().map(|(key, _)| key.key.identity());
    if json {
        let rows: Vec<_> = ring
            .keys()
            .iter()
            .map(|key| {
                let certificate = key.certificate.as_ref();
                json!({
                    "name": key.name,
                    "fingerprint": key.fingerprint().map(|fingerprint| fingerprint.to_string()),
                    "bits": key.key.modulus_length() * 8,
                    "notBefore": certificate.map(keys::Certificate::not_before),
                    "notAfter": certificate.map(keys::Certificate::not_after),
                    "seals": newest == Some(key.key.identity()) && certificate.is_some_and(|certificate| !certificate.is_expired(now)),
                })
            })
            .collect();
        return Ok(print(json_line(&serde_json::Value::from(rows)).as_bytes())?);
    }
    let mut rows = vec![["NAME", "CERTIFICATE", "BITS", "SINCE", "EXPIRES", "USE"].map(str::to_owned).to_vec()];
    for key in ring.keys() {
        let date = |moment: Timestamp| moment.strftime("%Y-%m-%d").to_string();
        let certificate = key.certificate.as_ref();
        let usage = match certificate {
            Some(certificate) if newest == Some(key.key.identity()) && !certificate.is_expired(now) => "seals and opens",
            _ => "opens",
        };
        rows.push(vec![
            key.name.clone(),
            key.fingerprint().map_or_else(|| "-".to_owned(), |fingerprint| fingerprint.short()),
            (key.key.modulus_length() * 8).to_string(),
            certificate.map_or_else(|| "-".to_owned(), |certificate| date(certificate.not_before())),
            certificate.map_or_else(|| "-".to_owned(), |certificate| date(certificate.not_after())),
            usage.to_owned(),
        ]);
    }
    Ok(print(table(&rows).as_bytes())?)
}

fn import(folder: &Path, files: &[PathBuf]) -> Outcome {
    let mut known: Vec<_> = read_every(folder)?.iter().map(|stored| stored.key.key.identity()).collect();
    let mut found = Vec::new();
    for file in files {
        found.extend(read_named(file)?);
    }
    for stored in found {
        let key = &stored.key;
        if !stored.is_active() {
            note(&format!("left out {}: its label says {:?}, which takes it out of use", harmless(&key.name), harmless(&stored.label)));
        } else if known.contains(&key.key.identity()) {
            note(&format!("{} is already there", harmless(&key.name)));
        } else if key.certificate.is_some() {
            let path = store(folder, &stored.to_secret()?)?;
            known.push(key.key.identity());
            note(&format!("imported {} as {}", harmless(&key.name), path.display()));
        } else {
            let error = Error::input("import the key: it has no certificate, so it could never be named or ordered");
            return Err(error.in_file(&key.name).advise("Put its certificate into the same file").into());
        }
    }
    Ok(())
}

/// Prints every key that the folder holds, with its own label: what is left out of a backup is lost.
fn export(folder: &Store, output: Option<&Path>) -> Outcome {
    let mut keys = folder.read_every()?;
    keys.sort_by_key(|stored| std::cmp::Reverse(stored.key.since));
    let mut text = zeroize::Zeroizing::new(Vec::new());
    for stored in &keys {
        // EXPOSE: the user asks for the private keys.
        text.extend_from_slice(write_secret(&stored.to_secret()?, Format::Yaml)?.expose());
    }
    if text.is_empty() {
        let error = Error::new(ErrorKind::NotFound, "export the keys: the key store has none");
        return Err(error.in_file(folder.folder.display().to_string()).into());
    }
    Ok(write(output, &text, Access::Owner)?)
}

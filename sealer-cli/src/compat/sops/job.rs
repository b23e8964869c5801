//! What every command of the face works with: flags, configuration, formats, keys.

use std::path::{Path, PathBuf};

use engine::{Keychain, LostGroup, LostKey, LostPart, Recipient};
use jiff::Timestamp;
use keys::KindNames;
use serde_json::json;
use sops::{CreationRule, EncryptedFile, KeyEntry, MacCheck, Manner, Metadata, Rule, Store, Style};

use super::failure::{Failure, Result, codes, lost_key, told};
use super::{context, files, log, version};
use crate::compat::urfave::Values;
use crate::files::{Desk, Found, Lookup};

/// The flag of each kind of master key, and the kind's name in the metadata, in the order in which a group gets them.
pub(super) const KINDS: [(&str, &str); 7] = [
    ("kms", "kms"),
    ("gcp-kms", "gcp_kms"),
    ("hckms", "hckms"),
    ("azure-kv", "azure_kv"),
    ("pgp", "pgp"),
    ("hc-vault-transit", "hc_vault"),
    ("age", "age"),
];

/// The name that people give the configuration by mistake.
const OTHER_NAME: &str = ".sops.yml";

/// One run of one command.
pub(super) struct Job<'v> {
    /// The flags of the program.
    pub(super) global: &'v Values,
    /// The flags of the command; those of the program where it has no command.
    pub(super) local: &'v Values,
    /// Keys, and the time.
    pub(super) desk: Desk,
    config: Option<Found>,
}

impl<'v> Job<'v> {
    /// Begins: the configuration is read.
    pub(super) fn new(global: &'v Values, local: &'v Values) -> Result<Self> {
        let desk = Desk::new(Timestamp::now()).map_err(|error| Failure::generic(told(&error)))?;
        Ok(Self { global, local, desk, config: configuration(global)? })
    }

    /// Tries keys in the order that was asked for.
    pub(super) fn in_order(self) -> Result<Self> {
        let order = self.local.text("decryption-order");
        if order.is_empty() {
            return Ok(self);
        }
        let kinds: Vec<String> = order.split(',').map(str::to_owned).collect();
        if let Some((_, kind)) = kinds.iter().enumerate().find(|(at, kind)| kinds.iter().take(*at).any(|other| other == *kind)) {
            return Err(Failure::new(codes::ORDER, format!("Duplicate decryption key type: {kind}")));
        }
        Ok(Self { desk: self.desk.in_order(Some(kinds)), ..self })
    }

    /// The format of the input. A name that nobody knows says nothing.
    pub(super) fn input(&self, name: &Path) -> &'static dyn Store {
        format(self.local.text("input-type"), name)
    }

    /// The format of the output.
    pub(super) fn output(&self, name: &Path) -> &'static dyn Store {
        format(self.local.text("output-type"), name)
    }

    /// How files of a format are laid out: as a flag says, or the configuration.
    pub(super) fn style(&self, store: &dyn Store) -> Result<Style> {
        if self.global.is_set("indent") && matches!(store.name(), "binary" | "json" | "yaml") {
            return Ok(Style { indent: Some(self.global.number("indent")) });
        }
        let style = self.config.as_ref().map_or_else(|| Ok(Style::default()), |config| config.style(store.name()));
        style.map_err(|error| Failure::generic(format!("error loading config: {}", told(&error))))
    }

    /// How a file is written.
    pub(super) fn manner(&self, store: &dyn Store) -> Result<Manner> {
        self.style(store).map(Manner::Anew)
    }

    /// The creation rule for a file; `None` if there is no configuration, or it has none.
    pub(super) fn rule(&self, name: &Path) -> Result<Option<CreationRule>> {
        let Some(config) = &self.config else { return Ok(None) };
        config.rule_for(name, &self.kinds()).map_err(|error| {
            let nothing_matches = error.message().contains("none of them matches");
            let text = if nothing_matches {
                "error loading config: no matching creation rules found".to_owned()
            } else {
                format!("error loading config: {}", told(&error))
            };
            Failure::generic(text)
        })
    }

    /// True if there is a configuration.
    pub(super) fn has_configuration(&self) -> bool {
        self.config.is_some()
    }

    /// What kinds of keys are called.
    pub(super) fn kinds(&self) -> Vec<&'static KindNames> {
        self.desk.keychain.names()
    }

    /// Master keys as flags name them: with commas between them, each flag after a prefix.
    pub(super) fn recipients(&self, prefix: &str) -> Result<Vec<Recipient>> {
        let mut recipients = Vec::new();
        for (flag, kind) in KINDS {
            let flag = format!("{prefix}{flag}");
            let listed = self.local.list(&flag).iter().map(String::as_str);
            let texts = listed.chain([self.local.text(&flag)]).flat_map(|text| text.split(',')).map(str::trim).filter(|text| !text.is_empty());
            for text in texts {
                let entry = if kind == "kms" { self.kms(text)? } else { json!(text) };
                recipients.push(recipient(&self.desk.keychain, &KeyEntry { kind, entry })?);
            }
        }
        Ok(recipients)
    }

    /// True if flags name a master key.
    pub(super) fn names_keys(&self, prefix: &str) -> bool {
        KINDS.iter().any(|(flag, _)| !self.local.text(&format!("{prefix}{flag}")).is_empty())
    }

    /// A key of KMS with what else flags say of it.
    fn kms(&self, arn: &str) -> Result<serde_json::Value> {
        let mut entry = json!({ "arn": arn });
        let profile = self.local.text("aws-profile");
        if !profile.is_empty() {
            entry["aws_profile"] = json!(profile);
        }
        let context = context::parse(self.local.text("encryption-context"))?;
        if !context.is_empty() {
            entry["context"] = json!(context);
        }
        Ok(if entry.as_object().is_some_and(|fields| fields.len() > 1) { entry } else { json!(arn) })
    }

    /// What is done about the MAC.
    pub(super) fn mac_check(&self) -> MacCheck {
        if self.local.is_on("ignore-mac") { MacCheck::DangerousIgnore } else { MacCheck::Enforce }
    }

    /// True if keys of this machine may be used.
    pub(super) fn may_use_keys(&self) -> bool {
        self.local.is_on("enable-local-keyservice")
    }

    /// Fails as sops does if no key may be used to open a file.
    pub(super) fn check_services(&self, metadata: &Metadata) -> Result<()> {
        if self.may_use_keys() {
            return Ok(());
        }
        let reason = if self.local.list("keyservice").is_empty() { String::new() } else { "this version asks no key services".to_owned() };
        let part = |key: &keys::WrappedKey| LostPart {
            kind: key.kind.clone(),
            identity: self.desk.keychain.identity(&key.kind, &key.fields),
            reason: reason.clone(),
        };
        let groups = metadata.groups.iter().map(|group| LostGroup { is_open: false, failures: group.iter().map(part).collect() });
        Err(Failure::new(codes::NO_KEY, lost_key(&LostKey { threshold: metadata.threshold, groups: groups.collect() })))
    }

    /// Fails as sops does if no key may be used to guard a data key.
    pub(super) fn check_wrapping(&self) -> Result<()> {
        if self.may_use_keys() {
            return Ok(());
        }
        let none = self.local.list("keyservice").is_empty();
        let why = if none { "no key services provided, cannot update master keys" } else { "this version asks no key services" };
        Err(Failure::generic(format!("Could not generate data key: [{why}]")))
    }

    /// Reads an encrypted file.
    pub(super) fn parse(&self, input: &files::Input, store: &'static dyn Store) -> Result<EncryptedFile> {
        let mut file = EncryptedFile::parse(store, input.bytes.duplicate()).map_err(|error| Failure::opening(&error.into(), store.name()))?;
        // The rule that holds where none is written is written the next time, as upstream does.
        file.metadata.rule.get_or_insert_with(Rule::default_suffix);
        Ok(file)
    }

    /// Opens a file whose values are shown, or encrypted under another key.
    pub(super) fn unlock(&self, input: &files::Input, store: &'static dyn Store) -> Result<engine::file::Unlocked> {
        self.open(self.parse(input, store)?.forgetting(), store)
    }

    /// Opens a file whose values change: those that do not keep their ciphertext.
    pub(super) fn unlock_to_change(&self, input: &files::Input, store: &'static dyn Store) -> Result<engine::file::Unlocked> {
        self.open(self.parse(input, store)?, store)
    }

    fn open(&self, file: EncryptedFile, store: &'static dyn Store) -> Result<engine::file::Unlocked> {
        version::check(&file.metadata.version)?;
        self.check_services(&file.metadata)?;
        let manner = Manner::Anew(Style::default());
        let unlocked = self.desk.wait(engine::file::unlock(&self.desk.keychain, file, self.mac_check(), manner));
        let unlocked = unlocked.map_err(|error| self.with_services(Failure::opening(&error, store.name())))?;
        for _ in 0..unlocked.file.lost_comments {
            log::warn_of_content(
                "Found possibly unencrypted comment in file. This is to be expected if the file being decrypted was created with an older version of SOPS.",
            );
        }
        Ok(unlocked)
    }

    /// Says that key services were not asked, where one might have opened the file.
    fn with_services(&self, failure: Failure) -> Failure {
        if failure.code != codes::NO_KEY || self.local.list("keyservice").is_empty() {
            return failure;
        }
        Failure { text: format!("{}\n\nThe key services that were named are not asked: this version cannot.", failure.text), ..failure }
    }
}

/// One master key.
pub(super) fn recipient(keychain: &Keychain, entry: &KeyEntry) -> Result<Recipient> {
    keychain.recipient(entry).map_err(|error| Failure::generic(told(&error)))
}

/// The formats of upstream. Files of others are bytes here, as they are there.
const FORMATS: [&str; 5] = ["binary", "dotenv", "ini", "json", "yaml"];

/// The format that was asked for, or that the name of the file says.
fn format(asked: &str, name: &Path) -> &'static dyn Store {
    let known = |store: &&'static dyn Store| FORMATS.contains(&store.name());
    let by_name = sops::of_name(&name.to_string_lossy());
    let found = sops::named(asked).filter(known).or_else(|| Some(by_name).filter(known)).or_else(|| sops::named("binary"));
    found.unwrap_or(by_name)
}

/// The configuration that a flag names, or the first one from this folder upwards.
fn configuration(global: &Values) -> Result<Option<Found>> {
    let named = PathBuf::from(global.text("config"));
    let lookup = if named.as_os_str().is_empty() { Lookup::From(Path::new(".")) } else { Lookup::Named(&named) };
    if let Lookup::Named(path) = lookup {
        let unread = |error| Failure::generic(format!("could not read config file: open {}: {}", path.display(), files::reason(&error)));
        std::fs::File::open(path).map_err(unread)?;
    }
    let wrong = |error: engine::Error| Failure::generic(format!("error loading config: Could not unmarshal config file: {}", told(&error)));
    let found = Found::find(lookup).map_err(wrong)?;
    if named.as_os_str().is_empty() {
        warn_of_other_name(found.as_ref());
    }
    Ok(found)
}

/// A configuration of another name is not read, which people should know.
fn warn_of_other_name(found: Option<&Found>) {
    let here = files::absolute(Path::new("."));
    let folders = here.ancestors().take_while(|folder| found.is_none_or(|found| found.folder() != *folder));
    let Some(other) = folders.map(|folder| folder.join(OTHER_NAME)).find(|path| path.is_file()) else { return };
    let other = crate::compat::quote(&other.display().to_string());
    log::warn(&format!("ignoring {other} when searching for config file; the config file must be called \".sops.yaml\""));
}

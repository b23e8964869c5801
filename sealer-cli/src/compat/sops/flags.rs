//! The flags of sops, in the parts that its commands share. Names, variables and defaults are upstream's; the sentences are ours.
//!
//! *Source*: `sops COMMAND --help` of v3.13.3, which `tests/ledger.rs` compares with the ledger.

use crate::compat::urfave::{Flag, Kind};

const fn text(names: &'static [&'static str], usage: &'static str) -> Flag {
    Flag::new(names, Kind::TEXT, usage)
}

const fn switch(names: &'static [&'static str], usage: &'static str) -> Flag {
    Flag::new(names, Kind::Switch, usage)
}

const fn list(names: &'static [&'static str], usage: &'static str) -> Flag {
    Flag::new(names, Kind::List, usage)
}

/// What only the program itself has, before its modes.
pub(super) static MODES: &[Flag] = &[
    switch(&["decrypt", "d"], "decrypt the file, to standard output"),
    switch(&["encrypt", "e"], "encrypt the file, to standard output"),
    switch(&["rotate", "r"], "encrypt the file under a new data key"),
    text(&["set"], "set one value of the file, which is written back: '[\"key\"][0] VALUE', the value as JSON"),
];

/// Versions, and what the program prints.
pub(super) static PROGRAM: &[Flag] = &[
    switch(&["disable-version-check"], "taken and not needed: nobody is asked for a newer version").or("SOPS_DISABLE_VERSION_CHECK"),
    switch(&["check-for-updates"], "taken and passed over: nobody is asked for a newer version"),
    switch(&["mac-only-encrypted"], "let only encrypted values count for the MAC"),
    text(&["unencrypted-comment-regex"], "leave values readable whose comment matches"),
    text(&["encrypted-comment-regex"], "encrypt only values whose comment matches"),
    text(&["config"], "use this configuration; none is looked for").or("SOPS_CONFIG"),
    Flag::new(&["indent"], Kind::Number, "spaces for each level of YAML and JSON"),
    switch(&["help", "h"], "show help"),
    switch(&["version", "v"], "print the version"),
];

/// Where key services are.
pub(super) static SERVICES: &[Flag] = &[
    Flag::new(&["enable-local-keyservice"], Kind::SwitchedOn, "use the keys of this machine").or("SOPS_ENABLE_LOCAL_KEYSERVICE"),
    list(&["keyservice"], "ask this key service too, as PROTOCOL://ADDRESS; may be repeated").or("SOPS_KEYSERVICE"),
];

/// Master keys of a new file.
pub(super) static KEYS: &[Flag] = &[
    text(&["kms", "k"], "AWS KMS keys to encrypt for, by ARN, with commas between them").or("SOPS_KMS_ARN"),
    text(&["aws-profile"], "profile of the AWS configuration"),
    text(&["gcp-kms"], "GCP KMS keys to encrypt for, by resource ID, with commas between them").or("SOPS_GCP_KMS_IDS"),
    text(&["hckms"], "Huawei Cloud KMS keys to encrypt for, as REGION:UUID, with commas between them").or("SOPS_HUAWEICLOUD_KMS_IDS"),
    text(&["azure-kv"], "Azure Key Vault keys to encrypt for, by URL, with commas between them").or("SOPS_AZURE_KEYVAULT_URLS"),
    text(&["hc-vault-transit"], "Vault transit keys to encrypt for, by URL, with commas between them").or("SOPS_VAULT_URIS"),
    text(&["pgp", "p"], "PGP keys to encrypt for, by fingerprint, with commas between them").or("SOPS_PGP_FP"),
    text(&["age", "a"], "age recipients to encrypt for, with commas between them").or("SOPS_AGE_RECIPIENTS"),
];

/// Master keys of a new group.
pub(super) static GROUP: &[Flag] = &[
    text(&["file", "f"], "file that gets the group"),
    list(&["pgp"], "PGP key of the group, by fingerprint; may be repeated"),
    list(&["kms"], "AWS KMS key of the group, by ARN; may be repeated"),
    text(&["aws-profile"], "profile of the AWS configuration"),
    list(&["gcp-kms"], "GCP KMS key of the group, by resource ID; may be repeated"),
    list(&["hckms"], "Huawei Cloud KMS key of the group, as REGION:UUID; may be repeated"),
    list(&["azure-kv"], "Azure Key Vault key of the group, by URL; may be repeated"),
    list(&["hc-vault-transit"], "Vault transit key of the group, by URL; may be repeated"),
    list(&["age"], "age recipient of the group; may be repeated"),
];

/// Which file loses a group.
pub(super) static GROUP_FILE: &[Flag] = &[text(&["file", "f"], "file that loses the group")];

/// Master keys that a file gets or loses.
pub(super) static CHANGES: &[Flag] = &[
    text(&["add-gcp-kms"], "add these GCP KMS keys"),
    text(&["rm-gcp-kms"], "remove these GCP KMS keys"),
    text(&["add-hckms"], "add these Huawei Cloud KMS keys"),
    text(&["rm-hckms"], "remove these Huawei Cloud KMS keys"),
    text(&["add-azure-kv"], "add these Azure Key Vault keys"),
    text(&["rm-azure-kv"], "remove these Azure Key Vault keys"),
    text(&["add-kms"], "add these AWS KMS keys"),
    text(&["rm-kms"], "remove these AWS KMS keys"),
    text(&["add-hc-vault-transit"], "add these Vault transit keys"),
    text(&["rm-hc-vault-transit"], "remove these Vault transit keys"),
    text(&["add-age"], "add these age recipients"),
    text(&["rm-age"], "remove these age recipients"),
    text(&["add-pgp"], "add these PGP keys"),
    text(&["rm-pgp"], "remove these PGP keys"),
];

/// Which values are encrypted.
pub(super) static RULES: &[Flag] = &[
    text(&["unencrypted-suffix"], "leave values readable under keys that end like this"),
    text(&["encrypted-suffix"], "encrypt only values under keys that end like this"),
    text(&["unencrypted-regex"], "leave values readable under keys that match"),
    text(&["encrypted-regex"], "encrypt only values under keys that match"),
];

/// What KMS is told beside the key.
pub(super) static CONTEXT: &[Flag] = &[text(&["encryption-context"], "context for KMS, as KEY:VALUE with commas between them")];

/// How many groups are needed.
pub(super) static THRESHOLD: &[Flag] =
    &[Flag::new(&["shamir-secret-sharing-threshold"], Kind::Number, "how many key groups are needed to open the file")];

/// Formats of input and output.
pub(super) static TYPES: &[Flag] = &[
    text(&["input-type"], "format of the input: binary, dotenv, ini, json or yaml; without it, what the name of the file says"),
    text(&["output-type"], "format of the output; without it, what the name of the file says"),
];

/// The format of input alone.
pub(super) static INPUT_TYPE: &[Flag] =
    &[text(&["input-type"], "format of the input: binary, dotenv, ini, json or yaml; without it, what the name of the file says")];

/// Where results go.
pub(super) static OUTPUT: &[Flag] =
    &[switch(&["in-place", "i"], "write the file back, instead of to standard output"), text(&["output"], "write to this file")];

/// Results of groups, which have no other file.
pub(super) static IN_PLACE: &[Flag] = &[switch(&["in-place", "i"], "write the file back, instead of to standard output")];

/// What the file is called for rules and formats.
pub(super) static NAME: &[Flag] = &[text(&["filename-override"], "take the file for one of this name: it says the format and the rule")];

/// Which part is printed.
pub(super) static EXTRACT: &[Flag] = &[text(&["extract"], "print one value or a part, as '[\"key\"][0]'")];

/// What is done about the MAC.
pub(super) static IGNORE_MAC: &[Flag] = &[switch(&["ignore-mac"], "trust values although their MAC may not fit")];

/// In which order keys are tried.
pub(super) static ORDER: &[Flag] = &[text(&["decryption-order"], "kinds of keys to try first, with commas between them").or("SOPS_DECRYPTION_ORDER")];

/// What a person edits.
pub(super) static SHOW_KEYS: &[Flag] = &[switch(&["show-master-keys", "s"], "show the block of keys in the editor")];

/// How much is told.
pub(super) static VERBOSE: &[Flag] = &[switch(&["verbose"], "taken and passed over: nothing more is told")];

/// Where the value of `set` is.
pub(super) static VALUE: &[Flag] = &[
    switch(&["value-file"], "take the value for the name of a file, in which the value is"),
    switch(&["value-stdin"], "read the value from standard input"),
];

/// What nothing to do means.
pub(super) static IDEMPOTENT: &[Flag] = &[switch(&["idempotent"], "leave the file alone if it is that way already")];

/// Nobody is asked.
pub(super) static YES: &[Flag] = &[switch(&["yes", "y"], "do not ask")];

/// Programs that get the plaintext.
pub(super) static CHILD: &[Flag] =
    &[switch(&["background"], "do not wait for the program (deprecated)"), text(&["user"], "run the program as this user")];

/// Plaintext in the environment.
pub(super) static EXEC_ENV: &[Flag] = &[
    switch(&["pristine"], "hand nothing of the environment on but the values"),
    switch(&["same-process"], "let the program take the place of this one"),
];

/// Plaintext in a file.
pub(super) static EXEC_FILE: &[Flag] =
    &[switch(&["no-fifo"], "use a file instead of a pipe"), text(&["filename"], "name of that file (default: tmp-file)")];

/// Plaintext elsewhere.
pub(super) static PUBLISH: &[Flag] =
    &[switch(&["omit-extensions"], "leave the ends of names out of the destination"), switch(&["recursive"], "publish everything below a folder")];

/// A server of keys.
pub(super) static KEYSERVICE: &[Flag] = &[
    Flag::new(&["network", "net"], Kind::Text { default: "tcp" }, "network to listen on: tcp or unix"),
    Flag::new(&["address", "addr"], Kind::Text { default: "127.0.0.1:5000" }, "address to listen on"),
    switch(&["prompt"], "ask before each request is answered"),
];

//! A home with identities of age, made by the real tool.

use tests::peers;
use tests::process::{Ended, Home, Run};
use tests::sealer;

/// Peers that the cases with age keys need.
pub(crate) const NEEDS: &[&str] = &["sops", "age-keygen"];

/// As [`NEEDS`], and the rights of root.
pub(crate) const NEEDS_ROOT: &[&str] = &["sops", "age-keygen", "chroot"];

/// A home with an identity in its usual place.
pub(crate) struct Place {
    /// The home, and the working folder.
    pub(crate) home: Home,
    /// The recipient of the identity.
    pub(crate) recipient: String,
}

impl Place {
    /// Makes an identity.
    pub(crate) fn new() -> Self {
        let home = Home::new();
        let (identity, recipient) = identity(&home);
        home.write(".config/sops/age/keys.txt", identity);
        Self { home, recipient }
    }

    /// Ours, about to run. Signals that the tests themselves ignore, as under `nohup`, are not ignored by it.
    pub(crate) fn sealer(&self, arguments: &[&str]) -> Run {
        self.home.command("env").arg("--default-signal").arg(sealer()).args(arguments)
    }

    /// The real sops, about to run.
    pub(crate) fn sops(&self, arguments: &[&str]) -> Run {
        let sops = peers::get("sops").expect("the case needs it");
        self.home.command(sops).env("SOPS_DISABLE_VERSION_CHECK", "1").args(arguments)
    }

    /// Encrypts a text by the real sops, and tells what it wrote.
    pub(crate) fn encrypted(&self, name: &str, text: &str) -> Vec<u8> {
        self.home.write(name, text);
        done(self.sops(&["encrypt", "--age", &self.recipient, name]).run())
    }

    /// Reads a file of the home.
    pub(crate) fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.home.path().join(name)).expect("the file is there")
    }
}

/// What a program wrote that must have succeeded.
#[track_caller]
pub(crate) fn done(ended: Ended) -> Vec<u8> {
    assert_eq!(ended.status, 0, "{}", ended.error());
    ended.stdout
}

/// Another identity, and its recipient.
pub(crate) fn identity(home: &Home) -> (String, String) {
    identity_of(home, &[])
}

/// The same of the kind that flags of `age-keygen` ask for.
pub(crate) fn identity_of(home: &Home, flags: &[&str]) -> (String, String) {
    let identity = home.command(peers::get("age-keygen").expect("the case needs it")).args(flags).run().success();
    let recipient = identity.lines().find_map(|line| line.strip_prefix("# public key: ")).expect("a public key").to_owned();
    (identity, recipient)
}

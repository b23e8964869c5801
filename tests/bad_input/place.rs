//! A home with the keys of the tests, in which nothing may be written by a command that fails.

use std::fs;
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use tests::process::{Ended, Home, changed};
use tests::sealer;

/// A plain Secret; what it holds is a dummy.
pub(crate) const SECRET: &str =
    "apiVersion: v1\nkind: Secret\nmetadata:\n  name: db\n  namespace: shop\nstringData:\n  password: dummy-value\n  user: shop\n";

/// A home with `alpha.pem`, `alpha.crt` and the other keys of `tests/vectors/keys`.
pub(crate) struct Place {
    pub(crate) home: Home,
}

impl Place {
    pub(crate) fn new() -> Self {
        let home = Home::new();
        for entry in fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors/keys")).unwrap().flatten() {
            fs::copy(entry.path(), home.path().join(entry.file_name())).unwrap();
        }
        // The folder of its temporary files is there from the first command on.
        home.command("true").run().success();
        Self { home }
    }

    /// A home that also holds [`SECRET`] sealed with alpha, in `sealed.yaml`.
    pub(crate) fn with_sealed() -> Self {
        let place = Self::new();
        place.home.write("sealed.yaml", place.seal(SECRET, &[]));
        place
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    pub(crate) fn read(&self, name: &str) -> String {
        String::from_utf8(fs::read(self.path(name)).unwrap()).unwrap()
    }

    /// Runs a command line, words between spaces.
    pub(crate) fn run(&self, line: &str) -> Ended {
        self.home.command(sealer()).args(line.split(' ').filter(|word| !word.is_empty())).run()
    }

    pub(crate) fn seal(&self, secret: &str, more: &[&str]) -> String {
        self.home.command(sealer()).args(["seal", "--cert", "alpha.crt"]).args(more).input(secret).run().success()
    }

    /// Runs a command that must fail with a status, say all of these words, print nothing else and write nothing.
    #[track_caller]
    pub(crate) fn refuse(&self, line: &str, status: i32, words: &[&str]) -> String {
        let before = self.home.snapshot();
        let ended = self.run(line);
        let said = ended.error();
        assert_eq!(ended.status, status, "{line}: {said}");
        for word in words {
            assert!(said.contains(word), "{line}: {word:?} is not in {said}");
        }
        assert!(ended.stdout.is_empty() || line.starts_with("verify") || line.starts_with("local"), "{line}: {}", ended.text());
        let after = self.home.snapshot();
        let changed = changed(&before, &after);
        assert!(changed.is_empty(), "{line}: {changed:?} changed");
        said
    }

    /// Changes the bytes of one sealed item of `sealed.yaml`; returns the line that it stands in.
    pub(crate) fn damage(&self, key: &str, change: impl FnOnce(&mut Vec<u8>)) -> usize {
        let text = self.read("sealed.yaml");
        let (at, line) = text.lines().enumerate().find(|(_, line)| line.trim_start().starts_with(&format!("{key}: A"))).unwrap();
        let item = line.split(": ").nth(1).unwrap();
        let mut bytes = STANDARD.decode(item).unwrap();
        change(&mut bytes);
        self.home.write("sealed.yaml", text.replace(item, &STANDARD.encode(bytes)));
        at + 1
    }
}

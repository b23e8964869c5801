//! SOPS files: the same work for ours and for the real sops.

use std::fmt::Write;
use std::path::{Path, PathBuf};

use tests::process::Home;

use crate::work::{Side, Work};

/// Leaves of the large files.
const MANY_LEAVES: usize = 10_000;

/// Leaves of the largest file, which shows how time and memory grow.
const MOST_LEAVES: usize = 100_000;

/// Number of files of the folder.
const MANY_FILES: usize = 300;

/// Where the programs find what they work on: an identity of age in its usual place, and files that the real sops encrypted.
pub(crate) struct Place {
    home: Home,
    sealer: PathBuf,
    sops: PathBuf,
    recipient: String,
}

impl Place {
    /// Makes an identity and files.
    pub(crate) fn new(sealer: &Path, sops: &Path, age_keygen: &Path) -> Self {
        let home = Home::new();
        let identity = home.command(age_keygen).run().success();
        home.write(".config/sops/age/keys.txt", &identity);
        let line = identity.lines().find_map(|line| line.strip_prefix("# public key: "));
        let place = Self { recipient: line.expect("a public key").to_owned(), home, sealer: sealer.to_owned(), sops: sops.to_owned() };
        for (name, text) in [
            ("small.yaml", yaml(5)),
            ("large.yaml", yaml(MANY_LEAVES)),
            ("flat.json", json(MANY_LEAVES, MANY_LEAVES)),
            ("nested.json", json(MANY_LEAVES, 10)),
            ("largest.yaml", yaml(MOST_LEAVES)),
        ] {
            place.home.write(name, text);
            place.encrypt(name, &format!("enc-{name}"));
        }
        for number in 0..MANY_FILES {
            place.home.write(file("plain", number), yaml(5));
            place.home.write(file("folder", number), "");
            place.encrypt(&file("plain", number), &file("folder", number));
        }
        place
    }

    fn encrypt(&self, from: &str, to: &str) {
        let arguments = ["encrypt", "--age", &self.recipient, "--output", to, from];
        self.home.command(&self.sops).args(arguments).run().success();
    }

    fn ours(&self, arguments: &[&str]) -> Side {
        self.side(&self.sealer, vec![arguments.iter().map(|&word| word.to_owned()).collect()])
    }

    fn theirs(&self, arguments: &[&str]) -> Side {
        self.side(&self.sops, vec![arguments.iter().map(|&word| word.to_owned()).collect()])
    }

    fn side(&self, program: &Path, commands: Vec<Vec<String>>) -> Side {
        Side { program: program.to_owned(), home: self.home.path().to_owned(), commands, fresh: None }
    }

    fn decrypting(&self, name: &'static str, runs: usize, target: &'static str, file: &str) -> Work {
        Work { name, runs, target, ours: self.ours(&["decrypt", file]), theirs: self.theirs(&["decrypt", file]) }
    }

    fn encrypting(&self, name: &'static str, runs: usize, target: &'static str, file: &str) -> Work {
        let arguments = ["encrypt", "--age", &self.recipient, file];
        Work { name, runs, target, ours: self.ours(&arguments), theirs: self.theirs(&arguments) }
    }

    fn folder(&self) -> [Work; 2] {
        let one = |number| vec!["decrypt".to_owned(), file("folder", number)];
        let into = |number| vec!["decrypt".to_owned(), "--output".to_owned(), file("theirs", number), file("folder", number)];
        let fresh = |side: Side, folder: &str| Side { fresh: Some(self.home.path().join(folder)), ..side };
        [
            Work {
                name: "decrypt 300 files of a folder to stdout",
                runs: 5,
                target: "one process, 30x",
                ours: self.ours(&["decrypt", "folder"]),
                theirs: self.side(&self.sops, (0..MANY_FILES).map(one).collect()),
            },
            Work {
                name: "decrypt 300 files into files, ours with fsync",
                runs: 5,
                target: "limited by the disk",
                ours: fresh(self.ours(&["decrypt", "--out-dir", "ours", "folder"]), "ours"),
                theirs: fresh(self.side(&self.sops, (0..MANY_FILES).map(into).collect()), "theirs"),
            },
        ]
    }
}

/// Every work over SOPS files.
pub(crate) fn all(place: &Place) -> Vec<Work> {
    let face = Work {
        name: "the same by `sealer sops`",
        runs: 51,
        target: "4x, 10 MiB",
        ours: place.ours(&["sops", "decrypt", "enc-small.yaml"]),
        theirs: place.theirs(&["decrypt", "enc-small.yaml"]),
    };
    let mut works = vec![
        place.decrypting("decrypt a small YAML file, age", 51, "4x, 10 MiB", "enc-small.yaml"),
        face,
        place.encrypting("encrypt YAML, 10,000 leaves", 11, "10x, half the memory", "large.yaml"),
        place.decrypting("decrypt YAML, 10,000 leaves", 11, "10x, half the memory", "enc-large.yaml"),
        place.encrypting("encrypt JSON, 10,000 leaves of one object", 3, "50x", "flat.json"),
        place.decrypting("decrypt JSON, 10,000 leaves of one object", 3, "20x", "enc-flat.json"),
        place.encrypting("encrypt JSON, 10,000 leaves in 1,000 objects", 11, "-", "nested.json"),
        place.decrypting("decrypt JSON, 10,000 leaves in 1,000 objects", 11, "-", "enc-nested.json"),
        place.encrypting("encrypt YAML, 100,000 leaves", 3, "linear, 10x the file's size in memory", "largest.yaml"),
        place.decrypting("decrypt YAML, 100,000 leaves", 3, "linear, 10x the file's size in memory", "enc-largest.yaml"),
    ];
    works.extend(place.folder());
    works
}

fn file(folder: &str, number: usize) -> String {
    format!("{folder}/{number:03}.yaml")
}

/// Mappings of ten values each, as long as passwords are.
fn yaml(leaves: usize) -> String {
    let mut text = String::new();
    for leaf in 0..leaves {
        if leaf % 10 == 0 {
            writeln!(text, "service-{:05}:", leaf / 10).expect("a string takes everything");
        }
        writeln!(text, "    password-{leaf:06}: dummy-value-number-{leaf:06}").expect("a string takes everything");
    }
    text
}

/// Such values as JSON, in objects of so many: sops takes longer for an object that holds more of them, by the square.
fn json(leaves: usize, an_object: usize) -> String {
    let objects = (0..leaves).step_by(an_object).map(|first| {
        let values = (first..(first + an_object).min(leaves)).map(|leaf| format!("    \"password-{leaf:06}\": \"dummy-value-number-{leaf:06}\""));
        format!("  \"service-{:05}\": {{\n{}\n  }}", first / an_object, values.collect::<Vec<_>>().join(",\n"))
    });
    format!("{{\n{}\n}}\n", objects.collect::<Vec<_>>().join(",\n"))
}

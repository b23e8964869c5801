//! The same work for both programs.

use std::fmt::Write;
use std::path::{Path, PathBuf};

use tests::process::Home;

/// Number of items of the large Secret.
const MANY_ITEMS: usize = 1000;

/// Number of files of the folder.
const MANY_FILES: usize = 300;

/// Where the programs find what they work on.
pub(crate) struct Place {
    home: Home,
    sealer: PathBuf,
    kubeseal: PathBuf,
}

/// One row of the table.
pub(crate) struct Work {
    /// What is done.
    pub(crate) name: &'static str,
    /// How often, unless somebody says otherwise.
    pub(crate) runs: usize,
    /// What is to be reached, for people.
    pub(crate) target: &'static str,
    /// How ours does it.
    pub(crate) ours: Side,
    /// How kubeseal does it.
    pub(crate) theirs: Side,
}

/// One program, and the command lines that do the work.
pub(crate) struct Side {
    /// The program.
    pub(crate) program: PathBuf,
    /// Its home and working folder.
    pub(crate) home: PathBuf,
    /// One process each.
    pub(crate) commands: Vec<Vec<String>>,
    /// A folder that is empty when it starts.
    pub(crate) fresh: Option<PathBuf>,
}

impl Place {
    /// Makes a key, a certificate and Secrets.
    pub(crate) fn new(sealer: &Path, kubeseal: &Path) -> Self {
        let home = Home::new();
        let make = |arguments: &[&str]| {
            home.command(sealer).args(arguments).run().success();
        };
        make(&["keys", "new", "--keys", "keys"]);
        make(&["cert", "--keys", "keys", "--output", "cert.pem"]);
        home.write("small.yaml", secret("small", 3));
        home.write("large.yaml", secret("large", MANY_ITEMS));
        for number in 0..MANY_FILES {
            home.write(format!("folder/{}", file(number)), secret(&format!("secret-{number}"), 3));
        }
        Self { home, sealer: sealer.to_owned(), kubeseal: kubeseal.to_owned() }
    }

    fn ours(&self, arguments: &[&str]) -> Side {
        self.side(&self.sealer, vec![words(arguments)])
    }

    fn theirs(&self, arguments: &[&str]) -> Side {
        self.side(&self.kubeseal, vec![words(arguments)])
    }

    fn side(&self, program: &Path, commands: Vec<Vec<String>>) -> Side {
        Side { program: program.to_owned(), home: self.home.path().to_owned(), commands, fresh: None }
    }

    fn folder(&self) -> Work {
        let with_out = |side: Side, out: &str| Side { fresh: Some(self.home.path().join(out)), ..side };
        let one = |number| {
            let (from, to) = (format!("folder/{}", file(number)), format!("theirs/{}", file(number)));
            words(&["--cert", "cert.pem", "-o", "yaml", "-f", &from, "-w", &to])
        };
        Work {
            name: "seal 300 files in one folder",
            runs: 5,
            target: "one process, 30x",
            ours: with_out(self.ours(&["seal", "--cert", "cert.pem", "--out-dir", "ours", "folder"]), "ours"),
            theirs: with_out(self.side(&self.kubeseal, (0..MANY_FILES).map(one).collect()), "theirs"),
        }
    }
}

/// Every work that whole programs do.
pub(crate) fn all(place: &Place) -> Vec<Work> {
    let seal = ["seal", "--cert", "cert.pem"];
    let kubeseal = ["--cert", "cert.pem", "-o", "yaml", "-f"];
    vec![
        Work {
            name: "seal one Secret, 3 items",
            runs: 101,
            target: "3x, 10 MiB",
            ours: place.ours(&[&seal[..], &["small.yaml"]].concat()),
            theirs: place.theirs(&[&kubeseal[..], &["small.yaml"]].concat()),
        },
        Work {
            name: "the same by `sealer kubeseal`",
            runs: 101,
            target: "3x, 10 MiB",
            ours: place.ours(&[&["kubeseal"], &kubeseal[..], &["small.yaml"]].concat()),
            theirs: place.theirs(&[&kubeseal[..], &["small.yaml"]].concat()),
        },
        Work {
            name: "seal one Secret, 1,000 items",
            runs: 15,
            target: "8x, all cores",
            ours: place.ours(&[&seal[..], &["large.yaml"]].concat()),
            theirs: place.theirs(&[&kubeseal[..], &["large.yaml"]].concat()),
        },
        place.folder(),
    ]
}

fn file(number: usize) -> String {
    format!("{number:03}.yaml")
}

fn words(arguments: &[&str]) -> Vec<String> {
    arguments.iter().map(|&argument| argument.to_owned()).collect()
}

/// A Secret with values as long as passwords are.
fn secret(name: &str, items: usize) -> String {
    let mut text = format!("apiVersion: v1\nkind: Secret\nmetadata:\n  name: {name}\n  namespace: bench\nstringData:\n");
    for item in 0..items {
        writeln!(text, "  item-{item:04}: dummy-value-number-{item:04}").expect("a string takes everything");
    }
    text
}

//! The ledger `tests/contract.toml`: what the peers' contracts ask for, and what shows that we do it.

use std::fs;
use std::path::Path;

use serde::Deserialize;

/// Every row of the ledger.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Contract {
    /// The rows.
    #[serde(rename = "row")]
    pub rows: Vec<Row>,
}

/// One thing that a contract asks for.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Row {
    /// Family and name, with dots.
    pub id: String,
    /// What it is, in our own words.
    #[serde(default)]
    pub says: String,
    /// The test that shows it, as `target::function`.
    pub test: Option<String>,
    /// The case file that shows it, from the root.
    pub case: Option<String>,
    /// Why we do otherwise.
    pub deviation: Option<String>,
    /// Why the row may lean on a test that other rows lean on too.
    pub because: Option<String>,
}

/// What stands behind a row.
#[derive(Debug)]
pub enum Proof<'a> {
    /// A test function.
    Test(&'a str),
    /// A case file.
    Case(&'a str),
    /// A reason.
    Deviation(&'a str),
}

impl Contract {
    /// Reads the ledger.
    ///
    /// # Panics
    /// If it is absent or malformed.
    #[must_use]
    pub fn read() -> Self {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("contract.toml");
        let text = fs::read_to_string(path).expect("tests/contract.toml");
        toml::from_str(&text).expect("a well-formed ledger")
    }

    /// The last parts of the ids of a family: `prefix` ends with a dot.
    #[must_use]
    pub fn names(&self, prefix: &str) -> Vec<String> {
        let mut names: Vec<String> = self.rows.iter().filter_map(|row| row.id.strip_prefix(prefix).map(str::to_owned)).collect();
        names.sort();
        names
    }
}

impl Row {
    /// What stands behind the row.
    ///
    /// # Errors
    /// If it is nothing, or more than one thing.
    pub fn proof(&self) -> Result<Proof<'_>, &'static str> {
        match (&self.test, &self.case, &self.deviation) {
            (Some(test), None, None) => Ok(Proof::Test(test)),
            (None, Some(case), None) => Ok(Proof::Case(case)),
            (None, None, Some(why)) => Ok(Proof::Deviation(why)),
            (None, None, None) => Err("nothing shows it, and no reason is given"),
            _ => Err("a row has one of test, case and deviation"),
        }
    }
}

//! Cases as files: one command line, run by ours and by the real tool in homes that are alike, and how ours differs, if it does.

use std::fmt::Debug;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;

use crate::process::Home;
use crate::suite::{Case, case};

/// One case for each TOML file of a folder below `tests/cmd`, by its name.
///
/// # Panics
/// If there is none.
pub fn cases(folder: &str, prefix: &str, needs: &'static [&'static str], check: fn(&Path) -> Result<(), String>) -> Vec<Case> {
    let entries = fs::read_dir(self::folder(folder)).into_iter().flatten().flatten().map(|entry| entry.path());
    let mut files: Vec<PathBuf> = entries.filter(|path| path.extension().is_some_and(|ending| ending == "toml")).collect();
    assert!(!files.is_empty(), "there is no case in {folder}");
    files.sort();
    let name = |file: &Path| format!("{prefix}{}", file.file_stem().unwrap_or_default().to_string_lossy());
    files.into_iter().map(|file| case(name(&file), needs, move || check(&file))).collect()
}

/// A folder below `tests/cmd`.
#[must_use]
pub fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("cmd").join(name)
}

/// Reads a case as it is written.
///
/// # Errors
/// If it cannot be read, or is none.
pub fn read<T: DeserializeOwned>(file: &Path) -> Result<T, String> {
    let text = fs::read_to_string(file).map_err(|error| error.to_string())?;
    toml::from_str(&text).map_err(|error| format!("{}: {error}", file.display()))
}

/// Our binary under any name, where temporary files lie.
///
/// # Panics
/// If it cannot be made.
#[must_use]
pub fn link(home: &Home, name: &str) -> PathBuf {
    let folder = home.path().join("tmp");
    fs::create_dir_all(&folder).expect("a folder can be made");
    let path = folder.join(name);
    if !path.exists() {
        symlink(crate::sealer(), &path).expect("a link can be made");
    }
    path
}

/// Compares what ours did with what somebody else did, or was expected to do.
///
/// # Errors
/// If it is not the same.
pub fn equal<S: Debug + PartialEq>(ours: &S, other: &S, whose: &str) -> Result<(), String> {
    if ours == other { Ok(()) } else { Err(format!("ours\n{ours:#?}\n{whose}\n{other:#?}")) }
}

/// Refuses a difference that is none any more.
///
/// # Errors
/// If both did the same.
pub fn still_differs<S: PartialEq>(ours: &S, theirs: &S) -> Result<(), String> {
    if ours == theirs { Err("both tools do the same now: take the difference out".to_owned()) } else { Ok(()) }
}

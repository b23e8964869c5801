//! The programs under test.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::SystemTime;

/// Finds the `sealer` that Cargo built beside this test program, and refuses one that is older than its sources.
///
/// Cargo builds it for `cargo test --workspace` because package `sealer-cli` has an integration test of its own.
///
/// # Panics
/// If it is absent, or older than one of the files it was built of.
pub fn sealer() -> &'static Path {
    static FOUND: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    found(FOUND.get_or_init(|| fresh("sealer", "sealer-cli")), "sealer-cli")
}

/// Finds the `sealer-controller` that Cargo built beside this test program, as [`sealer`] does.
///
/// # Panics
/// As [`sealer`].
pub fn controller() -> &'static Path {
    static FOUND: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    found(FOUND.get_or_init(|| fresh("sealer-controller", "controller")), "controller")
}

fn found(program: &'static Result<PathBuf, String>, package: &str) -> &'static Path {
    program.as_deref().unwrap_or_else(|reason| {
        let profile = if profile_folder().ends_with("release") { " --release" } else { "" };
        panic!("{reason}: run `cargo build -p {package}{profile}`")
    })
}

/// Crates that both programs are made of, beside their own.
const CRATES: [&str; 8] = ["crds", "engine", "gjson", "goregex", "keys", "providers", "sops", "templates"];

/// Passes a program on if it is not older than its sources: those of every crate of the workspace that it is made of, without their unit tests and
/// other programs, for which Cargo would not build it anew.
fn fresh(program: &str, package: &str) -> Result<PathBuf, String> {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the package lies in the workspace");
    let sources = CRATES.iter().chain([&package]).flat_map(|name| sources(&workspace.join(name).join("src"))).collect();
    // Benches may ask for the programs as they are shipped.
    let folder = env::var_os("SEALER_PROGRAMS").map_or_else(profile_folder, PathBuf::from);
    younger(folder.join(program), sources)
}

fn younger(program: PathBuf, sources: Vec<PathBuf>) -> Result<PathBuf, String> {
    let built = changed(&program).ok_or_else(|| format!("{} is not built", program.display()))?;
    if sources.is_empty() {
        return Err(format!("nobody knows what {} is built of", program.display()));
    }
    match sources.iter().find(|source| changed(source).is_none_or(|when| when > built)) {
        Some(source) => Err(format!("{} changed after {} was built", source.display(), program.display())),
        None => Ok(program),
    }
}

/// Source files below a folder.
fn sources(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    let product = entries.filter(|path| !["tests", "bin"].iter().any(|other| path.file_stem().is_some_and(|name| name == *other)));
    product.flat_map(|path| if path.is_dir() { sources(&path) } else { vec![path] }).collect()
}

/// Folder that Cargo builds into: `target`, or what stands for it.
pub fn target_folder() -> PathBuf {
    profile_folder().parent().expect("a profile's folder lies in the target folder").to_owned()
}

/// This test program lies in `target/PROFILE/deps`.
fn profile_folder() -> PathBuf {
    let program = env::current_exe().expect("a running program has a path");
    program.ancestors().nth(2).expect("a test program lies two folders deep").to_owned()
}

fn changed(path: &Path) -> Option<SystemTime> {
    fs::metadata(path).and_then(|file| file.modified()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources_are_all_files_but_unit_tests_and_other_programs() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["lib.rs", "a.rs", "a/b.rs", "a/tests.rs", "a/tests/c.rs", "bin/other.rs"] {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "").unwrap();
        }
        let mut found = sources(folder.path());
        found.sort();
        assert_eq!(found, ["a/b.rs", "a.rs", "lib.rs"].map(|name| folder.path().join(name)));
        let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        assert!(CRATES.iter().all(|name| !sources(&workspace.join(name).join("src")).is_empty()));
    }

    #[test]
    fn a_program_older_than_a_source_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let [program, source] = ["sealer", "a.rs"].map(|name| folder.path().join(name));
        let check = || younger(program.clone(), vec![source.clone()]);
        assert!(check().unwrap_err().ends_with("is not built"));
        fs::write(&source, "").unwrap();
        fs::write(&program, "").unwrap();
        assert_eq!(check(), Ok(program.clone()));
        assert!(younger(program.clone(), Vec::new()).unwrap_err().starts_with("nobody knows"));
        let later = SystemTime::now() + std::time::Duration::from_secs(60);
        fs::File::options().write(true).open(&source).unwrap().set_modified(later).unwrap();
        assert!(check().unwrap_err().contains("a.rs changed after"));
        fs::remove_file(&source).unwrap();
        assert!(check().unwrap_err().contains("a.rs changed after"));
    }
}

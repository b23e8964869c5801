//! Where results may go: private, and never where Git would pick plaintext up.

use std::path::{Component, Path, PathBuf};
use std::process::{Command, Stdio};

use engine::{Error, ErrorKind, Result};
use keys::Fingerprint;

use crate::input::file_error;

/// A folder name for a source folder: its own name, and enough of a digest of its path to tell it from others.
pub(crate) fn name_of(source: &Path) -> String {
    let digest = Fingerprint::of(source.as_os_str().as_encoded_bytes()).short();
    let name: String = source.file_name().map(|name| name.to_string_lossy().chars().take(64).collect()).unwrap_or_default();
    format!("{name}-{}", &digest[..8])
}

/// Makes a path absolute without asking that it exists.
pub(crate) fn absolute(path: &Path) -> Result<PathBuf> {
    std::path::absolute(path).map_err(|error| file_error("find the folder", &error).in_file(path.display().to_string()))
}

/// What is kept out of Git.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Private {
    /// Private keys.
    Keys,
    /// Native Secrets.
    Plaintext,
}

impl Private {
    fn refusal(self) -> (&'static str, &'static str) {
        match self {
            Self::Keys => (
                "write private keys there: the folder is inside a Git work tree and not ignored by Git as a whole",
                "Choose --keys outside of the work tree, or add the folder to .gitignore",
            ),
            Self::Plaintext => (
                "write plaintext there: it is inside a Git work tree and not ignored by Git as a whole",
                "Choose --out outside of the work tree, or add the folder to .gitignore",
            ),
        }
    }
}

/// Refuses a folder inside a Git work tree, unless Git ignores all of it and tracks nothing in it.
pub(crate) fn refuse_git(folder: &Path, what: Private) -> Result<()> {
    let folder = absolute(folder)?;
    let Some((named, real)) = folder.ancestors().find_map(|named| named.canonicalize().ok().map(|real| (named, real))) else {
        return Ok(());
    };
    let rest = folder.strip_prefix(named).unwrap_or(Path::new(""));
    if rest.components().any(|part| part == Component::ParentDir) {
        let error = Error::input("find the folder: it goes back up behind one that does not exist");
        return Err(error.in_file(folder.display().to_string()));
    }
    if !real.ancestors().any(|folder| folder.join(".git").exists()) {
        return Ok(());
    }
    // With an empty last part: the slash at the end says that it is a folder, even if it does not exist yet.
    let inside = real.join(rest).join("");
    // What is tracked stays tracked, whatever is ignored.
    let tracked = git(&real, &["--literal-pathspecs", "ls-files", "--"], &inside);
    let ignored = git(&real, &["check-ignore", "--no-index", "--"], &inside);
    if tracked.is_some_and(|files| files.is_empty()) && ignored.is_some() {
        return Ok(());
    }
    let (message, advice) = what.refusal();
    Err(Error::new(ErrorKind::Denied, message).in_file(folder.display().to_string()).advise(advice))
}

/// Asks Git about a path; None if it says no or fails.
fn git(folder: &Path, question: &[&str], path: &Path) -> Option<Vec<u8>> {
    let mut command = Command::new("git");
    // A hostile repository must not get a program of its own run.
    command.arg("-C").arg(folder).args(["-c", "core.fsmonitor=false"]).args(question).arg(path);
    command.envs([("GIT_NO_LAZY_FETCH", "1"), ("GIT_OPTIONAL_LOCKS", "0")]);
    for variable in ["GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"] {
        command.env_remove(variable);
    }
    let output = command.stdin(Stdio::null()).stderr(Stdio::null()).output().ok()?;
    output.status.success().then_some(output.stdout)
}

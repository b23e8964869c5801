//! Lines of strace to what they mean.

use std::fmt::{self, Display, Formatter};
use std::path::PathBuf;

/// Calls that read, end the process or set up its own memory.
const HARMLESS: &[&str] = &[
    "access",
    "arch_prctl",
    "execve",
    "exit",
    "exit_group",
    "faccessat",
    "faccessat2",
    "getcwd",
    "lstat",
    "newfstatat",
    "readlink",
    "readlinkat",
    "stat",
    "statfs",
    "statx",
];

/// Calls that start a thread or a process.
const THREADS: &[&str] = &["clone", "clone3"];

/// Calls that open a file, to read or to write.
const OPENING: &[&str] = &["open", "openat", "openat2"];

/// Calls that change the file system, by path.
const WRITING: &[&str] = &[
    "chmod",
    "chown",
    "creat",
    "fchmodat",
    "fchmodat2",
    "fchownat",
    "lchown",
    "link",
    "linkat",
    "mkdir",
    "mkdirat",
    "rename",
    "renameat",
    "renameat2",
    "rmdir",
    "symlink",
    "symlinkat",
    "truncate",
    "unlink",
    "unlinkat",
    "utimensat",
];

/// Flags of a file that is not only read.
const WRITE_FLAGS: &[&str] = &["O_WRONLY", "O_RDWR", "O_CREAT", "O_TRUNC", "O_TMPFILE"];

/// One call to the system.
pub(crate) struct Call {
    /// Its name.
    pub(crate) name: String,
    /// What it does to the world.
    pub(crate) effect: Effect,
    line: String,
}

/// What a call does to the world.
pub(crate) enum Effect {
    /// Nothing that anybody else could notice.
    None,
    /// Starts a thread.
    Thread,
    /// Changes files or folders.
    Write(Vec<PathBuf>),
    /// Whatever is in no list: network, processes, and what nobody has thought of.
    Other,
}

impl Call {
    /// Reads a line such as `openat(AT_FDCWD, "a", O_RDONLY) = 3`; None for one that is no call.
    pub(crate) fn read(line: &str) -> Option<Self> {
        let (name, arguments) = line.split_once('(')?;
        let is_name = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        is_name.then(|| Self { name: name.to_owned(), effect: effect(name, arguments), line: line.to_owned() })
    }
}

impl Display for Call {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(&self.line)
    }
}

fn effect(name: &str, arguments: &str) -> Effect {
    let opens = OPENING.contains(&name);
    if HARMLESS.contains(&name) || (opens && !WRITE_FLAGS.iter().any(|flag| arguments.contains(flag)) && arguments.contains('"')) {
        Effect::None
    } else if opens || WRITING.contains(&name) {
        let paths = paths(arguments);
        // Relative to another folder than the working folder, or unreadable: nobody knows where that is.
        let other_folder = arguments.contains("AT_FDCWD") != name.contains("at") && name != "creat" && name != "truncate";
        if paths.is_empty() || other_folder { Effect::Other } else { Effect::Write(paths) }
    } else if THREADS.contains(&name) && arguments.contains("CLONE_THREAD") {
        Effect::Thread
    } else {
        Effect::Other
    }
}

/// What stands between quotation marks. Names of the tests hold none themselves.
fn paths(arguments: &str) -> Vec<PathBuf> {
    arguments.split('"').skip(1).step_by(2).map(PathBuf::from).collect()
}

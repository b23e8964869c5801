//! Runs programs in a home of their own: nothing of the real environment reaches them but PATH.

use std::ffi::OsStr;
use std::fs;
use std::io::Write;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;

use tempfile::TempDir;

/// A temporary folder that stands for a person's home; it is removed when dropped.
pub struct Home {
    folder: TempDir,
}

/// What stands at a path: kind and mode, and the bytes of a file or the target of a link.
pub type Entry = (PathBuf, u32, Vec<u8>);

/// A program about to run in a [`Home`].
pub struct Run {
    command: Command,
    input: Vec<u8>,
}

/// A program that runs, and ends with the test.
pub struct Running(Child);

/// How a program ended, and what it said.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Ended {
    /// Exit code; 128 and the signal's number if a signal ended it, as in a shell.
    pub status: i32,
    /// What it wrote to its standard output.
    pub stdout: Vec<u8>,
    /// What it wrote to its standard error.
    pub stderr: Vec<u8>,
}

impl Home {
    /// Makes an empty home.
    ///
    /// # Panics
    /// If the machine has no room for it.
    #[must_use]
    pub fn new() -> Self {
        // Short, because a socket's path is no longer than 107 bytes.
        Self { folder: tempfile::Builder::new().prefix("sealer-").tempdir().expect("there is room for a folder") }
    }

    /// Where it lies.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Writes a file, and the folders that it lies in, and tells its path.
    ///
    /// # Panics
    /// If it cannot be written.
    pub fn write(&self, name: impl AsRef<Path>, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path().join(name);
        fs::create_dir_all(path.parent().expect("a file lies in a folder")).expect("its folder can be made");
        fs::write(&path, content).expect("a file can be written");
        path
    }

    /// Everything that lies in it, sorted.
    ///
    /// # Panics
    /// If something cannot be read, or is neither file, folder, link nor pipe.
    #[must_use]
    pub fn snapshot(&self) -> Vec<Entry> {
        let mut entries = Vec::new();
        walk(self.path(), &mut entries);
        entries.sort();
        entries
    }

    /// Prepares a program that runs in this home, with this home as working folder.
    ///
    /// It sees PATH, HOME, TMPDIR and the XDG variables, all within this home; no kubeconfig, no `SEALED_SECRETS_*`, nothing else.
    pub fn command(&self, program: impl AsRef<OsStr>) -> Run {
        let mut command = Command::new(program);
        command.env_clear().current_dir(self.path()).env("HOME", self.path()).env("LC_ALL", "C.UTF-8").env("TZ", "UTC");
        if let Some(path) = std::env::var_os("PATH") {
            command.env("PATH", path);
        }
        let folders = [
            ("TMPDIR", "tmp"),
            ("XDG_CACHE_HOME", ".cache"),
            ("XDG_CONFIG_HOME", ".config"),
            ("XDG_DATA_HOME", ".local/share"),
            ("XDG_RUNTIME_DIR", ".run"),
            ("XDG_STATE_HOME", ".local/state"),
        ];
        for (variable, name) in folders {
            command.env(variable, self.path().join(name));
        }
        fs::create_dir_all(self.path().join("tmp")).expect("a folder can be made");
        Run { command, input: Vec::new() }
    }
}

impl Default for Home {
    fn default() -> Self {
        Self::new()
    }
}

impl Run {
    /// Adds one argument.
    #[must_use]
    pub fn arg(mut self, argument: impl AsRef<OsStr>) -> Self {
        self.command.arg(argument);
        self
    }

    /// Adds arguments.
    #[must_use]
    pub fn args<S: AsRef<OsStr>>(mut self, arguments: impl IntoIterator<Item = S>) -> Self {
        self.command.args(arguments);
        self
    }

    /// Sets a variable of its environment.
    #[must_use]
    pub fn env(mut self, name: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    /// Sets its working folder.
    #[must_use]
    pub fn folder(mut self, folder: impl AsRef<Path>) -> Self {
        self.command.current_dir(folder);
        self
    }

    /// Sets what it reads from its standard input, which is empty otherwise.
    #[must_use]
    pub fn input(mut self, input: impl Into<Vec<u8>>) -> Self {
        self.input = input.into();
        self
    }

    /// Starts it, without input, and does not listen to what it says.
    ///
    /// # Panics
    /// If it does not start.
    #[must_use]
    pub fn start(mut self) -> Running {
        self.command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        Running(self.command.spawn().unwrap_or_else(|error| panic!("{} does not start ({error})", self.command.get_program().display())))
    }

    /// Runs it to its end.
    ///
    /// # Panics
    /// If it does not start.
    pub fn run(mut self) -> Ended {
        let program = self.command.get_program().to_owned();
        self.command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = self.command.spawn().unwrap_or_else(|error| panic!("{} does not start ({error})", program.display()));
        let stdin = child.stdin.take();
        let input = self.input;
        let writer = thread::spawn(move || {
            // A program need not read all of its input.
            let _ = stdin.map(|mut stdin| stdin.write_all(&input));
        });
        let output = child.wait_with_output().expect("a started program ends");
        writer.join().expect("the writer of its input does not panic");
        Ended { status: code(output.status), stdout: output.stdout, stderr: output.stderr }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Ended {
    /// Standard output as text.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.stdout).into_owned()
    }

    /// Standard error as text.
    #[must_use]
    pub fn error(&self) -> String {
        String::from_utf8_lossy(&self.stderr).into_owned()
    }

    /// Standard output as text, of a program that must have succeeded.
    ///
    /// # Panics
    /// If it failed; shows what it said.
    #[track_caller]
    pub fn success(&self) -> String {
        assert_eq!(self.status, 0, "stdout: {}\nstderr: {}", self.text(), self.error());
        self.text()
    }
}

/// Paths at which two snapshots differ.
#[must_use]
pub fn changed<'e>(before: &'e [Entry], after: &'e [Entry]) -> Vec<&'e Path> {
    let one_sided = |entry: &&Entry| before.binary_search(entry).is_ok() != after.binary_search(entry).is_ok();
    before.iter().chain(after).filter(one_sided).map(|(path, ..)| path.as_path()).collect()
}

fn walk(folder: &Path, entries: &mut Vec<Entry>) {
    for entry in fs::read_dir(folder).expect("a folder can be read").flatten() {
        let path = entry.path();
        let metadata = fs::symlink_metadata(&path).expect("what is there has metadata");
        let kind = metadata.file_type();
        let content = if kind.is_symlink() {
            fs::read_link(&path).expect("a link leads somewhere").into_os_string().into_encoded_bytes()
        } else if kind.is_file() {
            fs::read(&path).expect("a file can be read")
        } else {
            assert!(kind.is_dir() || kind.is_fifo(), "{} is something else", path.display());
            Vec::new()
        };
        if kind.is_dir() {
            walk(&path, entries);
        }
        entries.push((path, metadata.mode(), content));
    }
}

fn code(status: std::process::ExitStatus) -> i32 {
    use std::os::unix::process::ExitStatusExt;
    status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or_default())
}

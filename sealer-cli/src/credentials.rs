//! Where identities, tokens and passphrases come from at a terminal: the environment, files, commands and the person.

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Mutex;

use keys::{AgePlugins, Credentials, Error, SecretBytes};
use rustix::termios::{LocalModes, OptionalActions, tcgetattr, tcsetattr};
use zeroize::Zeroizing;

/// Largest file of identities, or answer of a command, that is read.
const MAX_BYTES: u64 = 1 << 20;

/// The terminal of the person, whatever standard input is.
const TERMINAL: &str = "/dev/tty";

/// The environment of the program.
#[derive(Debug, Default)]
pub(crate) struct Surroundings {
    /// One question at a time.
    terminal: Mutex<()>,
}

impl Credentials for Surroundings {
    fn variable(&self, name: &str) -> Option<SecretBytes> {
        std::env::var_os(name).filter(|value| !value.is_empty()).map(|value| SecretBytes::new(value.into_vec()))
    }

    fn file(&self, path: &Path) -> keys::Result<Option<SecretBytes>> {
        let fail = |error: std::io::Error| Error::from_outside(format!("read {}: {}", path.display(), plain(&error)));
        match File::open(path) {
            Ok(file) => limited(file).map(Some).map_err(fail),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(fail(error)),
        }
    }

    fn home(&self) -> Option<PathBuf> {
        std::env::home_dir().filter(|home| !home.as_os_str().is_empty())
    }

    fn configuration(&self) -> Option<PathBuf> {
        let named = std::env::var_os("XDG_CONFIG_HOME").filter(|folder| !folder.is_empty()).map(PathBuf::from);
        named.or_else(|| {
            self.home().map(|home| if cfg!(target_os = "macos") { home.join("Library/Application Support") } else { home.join(".config") })
        })
    }

    fn command(&self, command: &str, variable: Option<(&str, &str)>) -> keys::Result<SecretBytes> {
        let words = shlex::split(command).filter(|words| !words.is_empty());
        let words = words.ok_or_else(|| Error::from_outside("run a command for identities: its quotes are not closed"))?;
        let program = words.first().map(String::as_str).unwrap_or_default();
        let fail = |what: String| Error::from_outside(format!("run {program:?} for identities: {what}"));
        let mut child = Command::new(program);
        child.args(words.get(1..).unwrap_or_default()).envs(variable).stdin(Stdio::inherit()).stdout(Stdio::piped()).stderr(Stdio::inherit());
        let mut child = child.spawn().map_err(|error| fail(plain(&error)))?;
        let said = child.stdout.take().map_or_else(|| Ok(SecretBytes::new(Vec::new())), limited).map_err(|error| fail(plain(&error)));
        let status = child.wait().map_err(|error| fail(plain(&error)))?;
        if status.success() { said } else { Err(fail("it failed".to_owned())) }
    }

    fn passphrase(&self, prompt: &str) -> keys::Result<SecretBytes> {
        let _one = self.terminal.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        ask(prompt).map_err(|error| Error::from_outside(format!("ask for a passphrase: there is no terminal ({})", plain(&error))))
    }

    fn tell(&self, message: &str) {
        crate::output::note(&engine::harmless(message));
    }

    fn age_plugins(&self) -> Option<&dyn AgePlugins> {
        Some(engine::age_plugins())
    }
}

/// Reads one line from the terminal without showing it.
fn ask(prompt: &str) -> std::io::Result<SecretBytes> {
    let terminal = File::options().read(true).write(true).open(TERMINAL)?;
    let before = tcgetattr(&terminal)?;
    let mut hidden = before.clone();
    hidden.local_modes.remove(LocalModes::ECHO);
    hidden.local_modes.insert(LocalModes::ECHONL);
    (&terminal).write_all(format!("{}: ", engine::harmless(prompt)).as_bytes())?;
    tcsetattr(&terminal, OptionalActions::Flush, &hidden)?;
    let mut line = Zeroizing::new(Vec::with_capacity(1024));
    let read = BufReader::new(&terminal).take(MAX_BYTES).read_until(b'\n', &mut line);
    tcsetattr(&terminal, OptionalActions::Flush, &before)?;
    read?;
    while line.last().is_some_and(|byte| matches!(byte, b'\n' | b'\r')) {
        line.pop();
    }
    Ok(SecretBytes::new(std::mem::take(&mut *line)))
}

fn limited(reader: impl Read) -> std::io::Result<SecretBytes> {
    let mut bytes = Zeroizing::new(Vec::with_capacity(4096));
    reader.take(MAX_BYTES).read_to_end(&mut bytes)?;
    Ok(SecretBytes::new(std::mem::take(&mut *bytes)))
}

/// What the system says, without its number.
fn plain(error: &std::io::Error) -> String {
    let text = error.to_string();
    text.split(" (os error").next().unwrap_or_default().to_lowercase()
}

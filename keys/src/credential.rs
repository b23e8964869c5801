//! The port through which credentials come: the doors answer, since only they see an environment, files and a person.

use std::path::{Path, PathBuf};

use crate::AgePlugins;
use crate::error::Result;
use crate::secret::SecretBytes;

/// Where identities, tokens and passphrases come from.
pub trait Credentials: Send + Sync {
    /// Reads a variable of the environment; `None` if it is not set or empty.
    fn variable(&self, name: &str) -> Option<SecretBytes>;

    /// Reads a file; `None` if there is none.
    ///
    /// # Errors
    /// The file is there and cannot be read.
    fn file(&self, path: &Path) -> Result<Option<SecretBytes>>;

    /// The home folder of the user, if there is one.
    fn home(&self) -> Option<PathBuf>;

    /// The folder of configurations of the user (`~/.config` on Linux), if there is one.
    fn configuration(&self) -> Option<PathBuf>;

    /// Runs a command that the user configured, with a variable added to its environment, and takes what it prints.
    ///
    /// # Errors
    /// It does not start, or fails; the message has neither its output nor its arguments.
    fn command(&self, command: &str, variable: Option<(&str, &str)>) -> Result<SecretBytes>;

    /// Asks the person for a passphrase.
    ///
    /// # Errors
    /// There is nobody to ask.
    fn passphrase(&self, prompt: &str) -> Result<SecretBytes>;

    /// Tells the person something that no answer is expected to, such as to touch a device.
    fn tell(&self, _message: &str) {}

    /// What starts the plugins of age, which this crate cannot; `None` where there are none.
    fn age_plugins(&self) -> Option<&dyn AgePlugins> {
        None
    }
}

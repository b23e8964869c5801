//! Plaintext in a file for a program that reads one.

use engine::Result;
use keys::SecretBytes;

use super::{Ended, Launch, run};
use crate::private::{Pipe, PrivateFolder};
use crate::signals::Watch;

/// What the file is called if nobody says.
///
/// *Source*: sops `cmd/sops/subcommand/exec`, v3.13.3.
const NAME: &str = "tmp-file";

/// How the plaintext is handed over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Handing {
    /// As a file, in memory if the machine has such a place.
    File,
    /// As a pipe, which can be read once and touches no disk.
    Pipe,
}

/// Runs a program with the path of the plaintext where its command has `{}`. All of it is gone when this returns.
pub(crate) fn with_file(launch: &Launch, text: &SecretBytes, handing: Handing, name: Option<&str>) -> Result<Ended> {
    name.map_or(Ok(()), PrivateFolder::check_name)?;
    // Signals are looked at before there is anything to wipe, and until all of it is.
    let watch = Watch::start()?;
    let folder = PrivateFolder::make()?;
    let (path, pipe) = match handing {
        Handing::File => (folder.write(name.unwrap_or(NAME), text)?, None),
        Handing::Pipe => folder.pipe(name.unwrap_or(NAME)).map(|(path, pipe)| (path, Some(pipe)))?,
    };
    if let Some(user) = &launch.user {
        folder.give(&path, user.id, user.group)?;
    }
    if let Some(pipe) = pipe {
        feed(pipe, text.duplicate());
    }
    let launch = launch.with_path(path.as_os_str());
    run(&launch, &mut launch.command(&[])?, &watch)
}

/// Feeds the pipe to whoever opens it first, and to nobody else: they do not wait for ever.
///
/// Nobody waits for the thread: a program need not open the pipe, and the thread ends with us.
fn feed(pipe: Pipe, text: SecretBytes) {
    std::thread::spawn(move || pipe.feed(&text));
}

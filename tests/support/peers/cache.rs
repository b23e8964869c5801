//! The cache of the machine that peers are built into, `$XDG_CACHE_HOME/sealer/peers/HASH/NAME`, linked as `target/peers/bin/NAME`.

use std::env;
use std::fs::{self, File, TryLockError};
use std::io::{self, Write};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use aws_lc_rs::digest::Context;

use crate::binary;

/// Finds a program below a folder of the cache, or builds it there; one build at a time.
pub(super) fn program(name: &str, fingerprint: &str, build: impl FnOnce(&Path) -> Result<(), String>) -> Result<PathBuf, String> {
    let shelf = cache()?.join(fingerprint);
    let program = shelf.join(name);
    if !program.exists() {
        fs::create_dir_all(&shelf).map_err(|error| format!("cannot make {} ({error})", shelf.display()))?;
        let _lock = queue(name, &cache()?.join("lock")).map_err(|error| format!("cannot lock the cache ({error})"))?;
        // Another process may have built it while this one waited.
        if !program.exists() {
            build(&program)?;
        }
    }
    link(name, &program).map_err(|error| format!("cannot link {} ({error})", program.display()))?;
    Ok(program)
}

/// The name of a folder, of everything that was hashed.
pub(super) fn short(context: Context) -> String {
    context.finish().as_ref().iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

/// Tells whoever waits.
pub(super) fn say(line: &str) {
    // Nobody may be listening, and the build does not care.
    let _ = writeln!(io::stderr(), "peers: {line}");
}

fn cache() -> Result<PathBuf, String> {
    let base = env::var_os("XDG_CACHE_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
    let base = base.or_else(|| env::home_dir().map(|home| home.join(".cache"))).ok_or("there is no home folder to cache it in")?;
    Ok(base.join("sealer").join("peers"))
}

/// Waits for its turn: one build at a time, however many test programs run. The lock ends with the file.
fn queue(name: &str, path: &Path) -> io::Result<File> {
    let file = File::options().create(true).append(true).open(path)?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            say(&format!("{name} waits for another build to end"));
            file.lock()?;
        }
        Err(TryLockError::Error(error)) => return Err(error),
    }
    Ok(file)
}

/// Links a program where people look for it; whoever comes second wins.
fn link(name: &str, program: &Path) -> io::Result<()> {
    let folder = binary::target_folder().join("peers").join("bin");
    let place = folder.join(name);
    if fs::read_link(&place).is_ok_and(|found| found == program) {
        return Ok(());
    }
    fs::create_dir_all(&folder)?;
    let fresh = tempfile::tempdir_in(&folder)?;
    symlink(program, fresh.path().join(name))?;
    fs::rename(fresh.path().join(name), place)
}

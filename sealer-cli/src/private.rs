//! A folder for plaintext that other programs need as a file: closed to others, in memory where there is such a place, wiped at the end.

use std::fs::{self, DirEntry, File, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};

use engine::{Error, Result};
use keys::SecretBytes;
use rustix::fs::OFlags;
use tempfile::TempDir;

use crate::input::file_error;

/// How deep folders are wiped that other programs made in ours.
const MAX_DEPTH: usize = 32;

/// The folder; dropping it wipes and removes all that lies in it.
#[derive(Debug)]
pub(crate) struct PrivateFolder(TempDir);

impl PrivateFolder {
    /// Makes an empty one: in memory, or else where temporary files lie.
    pub(crate) fn make() -> Result<Self> {
        let mut places = vec![PathBuf::from("/dev/shm")];
        places.extend(std::env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from).filter(|place| place.is_absolute()));
        places.retain(|place| is_memory(place));
        places.push(std::env::temp_dir());
        let mut made = Err(io::ErrorKind::NotFound.into());
        for place in places {
            let mut builder = tempfile::Builder::new();
            made = builder.prefix(".sealer-").permissions(Permissions::from_mode(0o700)).tempdir_in(place);
            if made.is_ok() {
                break;
            }
        }
        let folder = made.map_err(|error| file_error("make a folder for plaintext", &error))?;
        Ok(Self(folder))
    }

    /// Where it lies.
    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    /// Gives the folder and a file in it to somebody else.
    pub(crate) fn give(&self, file: &Path, user: u32, group: u32) -> Result<()> {
        let given = [file, self.path()].into_iter().try_for_each(|path| chown(path, Some(user), Some(group)));
        given.map_err(|error| file_error("give the file for plaintext to the user", &error))
    }

    /// Writes a file that only its owner can read.
    pub(crate) fn write(&self, name: impl AsRef<Path>, text: &SecretBytes) -> Result<PathBuf> {
        let path = self.path().join(name);
        let written = File::options().write(true).create_new(true).mode(0o600).open(&path).and_then(|mut file| {
            // EXPOSE: the person asked for a program that reads the plaintext.
            file.write_all(text.expose())
        });
        written.map_err(|error| file_error("write the plaintext for the program", &error))?;
        Ok(path)
    }

    /// Makes a pipe that only its owner can read.
    pub(crate) fn pipe(&self, name: impl AsRef<Path>) -> Result<PathBuf> {
        let path = self.path().join(name);
        make_pipe(&path).map_err(|error| file_error("make a pipe for the plaintext", &error))?;
        Ok(path)
    }

    /// Checks that a name is one of a file right in the folder.
    pub(crate) fn check_name(name: &str) -> Result<()> {
        let mut parts = Path::new(name).components();
        match (parts.next(), parts.next()) {
            (Some(std::path::Component::Normal(part)), None) if part == name => Ok(()),
            _ => Err(Error::input("name the file for the plaintext: this is no name of a file, but a path")),
        }
    }
}

impl Drop for PrivateFolder {
    fn drop(&mut self) {
        wipe(self.path(), MAX_DEPTH);
        // The folder itself goes with the field.
    }
}

/// Writes over everything in a folder: what the editor left beside the file says the same as the file.
fn wipe(folder: &Path, depth: usize) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        match entry.file_type() {
            Ok(kind) if kind.is_dir() && depth > 0 => wipe(&entry.path(), depth - 1),
            Ok(kind) if kind.is_file() => {
                let _ = overwrite(&entry);
            }
            _ => {}
        }
    }
}

/// Writes zeros over a file, unless it has another name elsewhere, where it is not ours.
fn overwrite(entry: &DirEntry) -> io::Result<()> {
    let nofollow = OFlags::NOFOLLOW.bits().cast_signed();
    let mut file = File::options().write(true).custom_flags(nofollow).open(entry.path())?;
    let metadata = file.metadata()?;
    if metadata.is_file() && metadata.nlink() == 1 {
        io::copy(&mut io::Read::take(io::repeat(0), metadata.len()), &mut file)?;
        file.flush()?;
        file.sync_data()?;
    }
    Ok(())
}

#[cfg(not(target_vendor = "apple"))]
fn make_pipe(path: &Path) -> io::Result<()> {
    Ok(rustix::fs::mkfifoat(rustix::fs::CWD, path, rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR)?)
}

/// There the call is not to be had without `unsafe`.
#[cfg(target_vendor = "apple")]
fn make_pipe(path: &Path) -> io::Result<()> {
    let made = std::process::Command::new("/usr/bin/mkfifo").args(["-m", "600"]).arg(path).status()?;
    if made.success() { Ok(()) } else { Err(io::ErrorKind::Unsupported.into()) }
}

/// Whether a place is in memory only.
#[cfg(target_os = "linux")]
fn is_memory(place: &Path) -> bool {
    /// *Source*: `TMPFS_MAGIC` and `RAMFS_MAGIC` of Linux, `include/uapi/linux/magic.h`.
    const IN_MEMORY: [u32; 2] = [0x0102_1994, 0x8584_58f6];
    // The type of the field differs between machines; the numbers have 32 bits.
    rustix::fs::statfs(place).is_ok_and(|found| IN_MEMORY.iter().any(|magic| i128::from(found.f_type) & 0xffff_ffff == i128::from(*magic)))
}

/// Whether a place is in memory only.
#[cfg(not(target_os = "linux"))]
fn is_memory(_: &Path) -> bool {
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret() -> SecretBytes {
        SecretBytes::new(b"dummy".to_vec())
    }

    #[test]
    fn everything_in_a_private_folder_goes_with_it() {
        let outside = tempfile::NamedTempFile::new().unwrap();
        fs::write(outside.path(), "mine").unwrap();
        let folder = PrivateFolder::make().unwrap();
        let path = folder.path().to_owned();
        let file = folder.write("db.yaml", &secret()).unwrap();
        folder.pipe("pipe").unwrap();
        fs::create_dir_all(path.join("a/b")).unwrap();
        fs::write(path.join("a/b/.db.yaml.swp"), "dummy").unwrap();
        std::os::unix::fs::symlink(outside.path(), path.join("link")).unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().mode() & 0o777;
        assert_eq!((mode(&path), mode(&file)), (0o700, 0o600));
        drop(folder);
        assert!(!path.exists());
        assert_eq!(fs::read(outside.path()).unwrap(), b"mine");
    }

    #[test]
    fn a_file_is_written_over_before_it_goes_but_not_under_another_name() {
        let folder = tempfile::tempdir().unwrap();
        let (wiped, kept) = (folder.path().join("wiped"), folder.path().join("kept"));
        for path in [&wiped, &kept] {
            fs::write(path, "dummy").unwrap();
        }
        let elsewhere = tempfile::tempdir().unwrap();
        fs::hard_link(&kept, elsewhere.path().join("other")).unwrap();
        wipe(folder.path(), 1);
        assert_eq!((fs::read(wiped).unwrap(), fs::read(kept).unwrap()), (vec![0; 5], b"dummy".to_vec()));
    }

    #[test]
    fn a_name_leads_nowhere_else() {
        let check = |name: &str, good: bool| assert_eq!(PrivateFolder::check_name(name).is_ok(), good, "{name}");
        ["tmp-file", "a.yaml", ".env", "a b"].iter().for_each(|name| check(name, true));
        ["", ".", "..", "a/b", "/a", "../a", "a/", "./a"].iter().for_each(|name| check(name, false));
    }

    #[test]
    fn memory_is_known_as_such() {
        assert!(!is_memory(Path::new("/proc")) && !is_memory(Path::new("/absent")));
    }
}

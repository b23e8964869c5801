//! A folder for plaintext that other programs need as a file: closed to others, in memory where there is such a place, wiped at the end.

use std::ffi::OsString;
use std::fs::{File, Permissions};
use std::io::{self, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};

use engine::{Error, Result};
use keys::SecretBytes;
use rustix::fs::{AtFlags, CWD, Dir, FileType, Mode, OFlags, openat, statat, unlinkat};
use rustix::path::Arg;
use tempfile::TempDir;

use crate::input::file_error;

/// How deep folders are wiped that other programs made in ours.
const MAX_DEPTH: usize = 32;

/// The folder; dropping it wipes and removes all that lies in it.
///
/// It may be given to somebody else, who can put anything in its place, and a link in the place of anything in it. So whatever is done there
/// afterwards starts from the open folder and follows no link: it may be done by an administrator.
#[derive(Debug)]
pub(crate) struct PrivateFolder {
    place: TempDir,
    open: OwnedFd,
}

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
        let fail = |error: io::Error| file_error("make a folder for plaintext", &error);
        let place = made.map_err(fail)?;
        let open = open_folder(CWD, place.path()).map_err(fail)?;
        Ok(Self { place, open })
    }

    /// Where it lies.
    pub(crate) fn path(&self) -> &Path {
        self.place.path()
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

    /// Makes a pipe that only its owner can read, and the end at which it is fed.
    pub(crate) fn pipe(&self, name: impl AsRef<Path>) -> Result<(PathBuf, Pipe)> {
        let path = self.path().join(&name);
        let made = make_pipe(&path).and_then(|()| self.open.try_clone());
        let folder = made.map_err(|error| file_error("make a pipe for the plaintext", &error))?;
        Ok((path, Pipe { folder, name: name.as_ref().as_os_str().to_owned() }))
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
        let _ = wipe(&self.open, MAX_DEPTH);
        // The folder itself goes with the field.
    }
}

/// A pipe in a private folder.
#[derive(Debug)]
pub(crate) struct Pipe {
    folder: OwnedFd,
    name: OsString,
}

impl Pipe {
    /// Waits for a reader and gives it the plaintext, then takes the pipe away: who opens it a second time is told that it is gone.
    pub(crate) fn feed(&self, text: &SecretBytes) -> io::Result<()> {
        let mut file = File::from(openat(&self.folder, &*self.name, OFlags::WRONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC, Mode::empty())?);
        if file.metadata()?.file_type().is_fifo() {
            // EXPOSE: the person asked for a program that reads the plaintext; it need not read all of it.
            let _ = file.write_all(text.expose());
        }
        // Only then is the pipe closed: its reader sees the end when there is nothing left to open.
        Ok(unlinkat(&self.folder, &*self.name, AtFlags::empty())?)
    }
}

/// Opens a folder, which is no link.
fn open_folder(folder: impl AsFd, name: impl Arg) -> io::Result<OwnedFd> {
    Ok(openat(folder, name, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC, Mode::empty())?)
}

/// Writes over everything in a folder: what the editor left beside the file says the same as the file.
fn wipe(folder: &OwnedFd, depth: usize) -> io::Result<()> {
    for entry in Dir::read_from(folder)? {
        let entry = entry?;
        let name = entry.file_name();
        let Ok(found) = statat(folder, name, AtFlags::SYMLINK_NOFOLLOW) else { continue };
        // What cannot be wiped keeps nothing else from it.
        let _ = match FileType::from_raw_mode(found.st_mode) {
            FileType::Directory if depth > 0 && !matches!(name.to_bytes(), b"." | b"..") => {
                open_folder(folder, name).and_then(|inner| wipe(&inner, depth - 1))
            }
            FileType::RegularFile => overwrite(folder, name),
            _ => Ok(()),
        };
    }
    Ok(())
}

/// Writes zeros over a file, unless it has another name elsewhere, where it is not ours.
fn overwrite(folder: &OwnedFd, name: impl Arg) -> io::Result<()> {
    // Without waiting: something else may stand there by now.
    let flags = OFlags::WRONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    let mut file = File::from(openat(folder, name, flags, Mode::empty())?);
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
    Ok(rustix::fs::mkfifoat(CWD, path, Mode::RUSR | Mode::WUSR)?)
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
    use std::fs;

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
        wipe(&open_folder(CWD, folder.path()).unwrap(), 1).unwrap();
        assert_eq!((fs::read(wiped).unwrap(), fs::read(kept).unwrap()), (vec![0; 5], b"dummy".to_vec()));
    }

    #[test]
    fn a_link_in_place_of_the_folder_leads_nowhere() {
        let outside = tempfile::tempdir().unwrap();
        fs::create_dir(outside.path().join("a")).unwrap();
        let theirs = [outside.path().join("theirs"), outside.path().join("a/theirs"), outside.path().join("pipe")];
        theirs.iter().for_each(|path| fs::write(path, "theirs").unwrap());
        let folder = PrivateFolder::make().unwrap();
        let (path, moved) = (folder.path().to_owned(), folder.path().with_extension("moved"));
        folder.write("db.yaml", &secret()).unwrap();
        let (_, pipe) = folder.pipe("pipe").unwrap();
        fs::rename(&path, &moved).unwrap();
        std::os::unix::fs::symlink(outside.path(), &path).unwrap();
        fs::remove_file(moved.join("pipe")).unwrap();
        std::os::unix::fs::symlink(outside.path().join("pipe"), moved.join("pipe")).unwrap();
        assert!(pipe.feed(&secret()).is_err());
        drop(folder);
        assert!(theirs.iter().all(|path| fs::read(path).unwrap() == b"theirs"));
        assert_eq!(fs::read(moved.join("db.yaml")).unwrap(), vec![0; 5]);
        fs::remove_dir_all(&moved).unwrap();
        assert!(!path.is_symlink());
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

//! Bytes to files and to the terminal. Plaintext leaves here.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File, Permissions};
use std::io::{self, IsTerminal, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Component, Path, PathBuf};

use engine::{Error, ErrorKind, Result, harmless};
use keys::SecretBytes;
use tempfile::TempPath;

use crate::input::{Source, file_error, read_file, refuse_as_targets};

/// Who may read a file that did not exist before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    /// Its owner: for plaintext and keys.
    Owner,
    /// Whoever the user's mask allows: for sealed files and certificates.
    Default,
}

/// How the names of temporary files begin and end.
const TEMPORARY: (&str, &str) = (".sealer-", ".tmp");

/// Whether an entry of a folder is a temporary file of a program of ours, which was killed if it runs no more.
pub(crate) fn is_temporary(entry: &fs::DirEntry) -> bool {
    let name = entry.file_name();
    name.to_str().is_some_and(|name| name.starts_with(TEMPORARY.0) && name.ends_with(TEMPORARY.1))
        && entry.file_type().is_ok_and(|kind| kind.is_file())
}

/// A file that is complete on disk under another name; it vanishes unless it is put in its place.
pub(crate) struct Prepared {
    temporary: TempPath,
    target: PathBuf,
}

impl Prepared {
    /// The inode that the file will keep under its own name.
    pub(crate) fn inode(&self) -> Result<u64> {
        let metadata = fs::metadata(&self.temporary).map_err(|error| file_error("write the file", &error).in_file(self.target.display().to_string()));
        Ok(metadata?.ino())
    }
}

/// Writes a file as a whole or not at all: temporary file, fsync, rename, fsync of the folder.
///
/// A file that exists keeps its mode and owner; a link is followed and stays a link; a read-only file is refused. What is for its owner only is
/// closed to everybody else whatever was there before, and belongs to whoever writes it.
pub(crate) fn write_file(path: &Path, bytes: &[u8], access: Access) -> Result<()> {
    put_in_place(vec![prepare(path, bytes, access)?])
}

/// The first half of [`write_file`]: nothing changes yet under the file's own name.
pub(crate) fn prepare(path: &Path, bytes: &[u8], access: Access) -> Result<Prepared> {
    let fail = |error: Error| error.in_file(path.display().to_string());
    let io = |error: io::Error| fail(file_error("write the file", &error));
    let target = target(path).map_err(io)?;
    let existing = match fs::metadata(&target) {
        Ok(metadata) => Some(metadata),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => return Err(io(error)),
    };
    if existing.as_ref().is_some_and(|metadata| !metadata.is_file()) {
        return Err(fail(Error::input("write the file: there is something else of that name")));
    }
    if existing.as_ref().is_some_and(|metadata| metadata.permissions().readonly()) {
        return Err(fail(Error::new(ErrorKind::Denied, "write the file: it is read-only")));
    }
    // The mode of a new file goes through the user's mask, as for every program; one that will replace a file starts closed.
    let mode = if access == Access::Owner || existing.is_some() { 0o600 } else { 0o666 };
    let permissions = Permissions::from_mode(mode);
    let mut builder = tempfile::Builder::new();
    let builder = builder.prefix(TEMPORARY.0).suffix(TEMPORARY.1).permissions(permissions);
    let mut temporary = builder.tempfile_in(folder_of(&target)).map_err(io)?;
    temporary.write_all(bytes).map_err(io)?;
    let file = temporary.as_file();
    match existing {
        Some(metadata) if access == Access::Default => {
            let mode = keep_owner(file, &target, &metadata).map_err(io)?;
            file.set_permissions(Permissions::from_mode(mode)).map_err(io)?;
        }
        Some(metadata) => file.set_permissions(Permissions::from_mode(metadata.mode() & 0o700)).map_err(io)?,
        None => {}
    }
    file.sync_all().map_err(io)?;
    Ok(Prepared { temporary: temporary.into_temp_path(), target })
}

/// The second half of [`write_file`], for many files: each appears as a whole.
pub(crate) fn put_in_place(files: Vec<Prepared>) -> Result<()> {
    let mut folders = BTreeSet::new();
    for Prepared { temporary, target } in files {
        folders.insert(folder_of(&target).to_owned());
        temporary.persist(&target).map_err(|error| not_replaced(&error.error).in_file(target.display().to_string()))?;
    }
    for folder in folders {
        // A rename is only safe on disk once its folder is; some file systems can not sync folders, and then it is their best.
        if let Ok(folder) = File::open(folder) {
            let _ = folder.sync_all();
        }
    }
    Ok(())
}

/// Writes over a file that was read before, unless it was changed since: that change would be lost.
pub(crate) fn rewrite_file(path: &Path, before: &SecretBytes, bytes: &[u8]) -> Result<()> {
    put_in_place(vec![prepare_rewrite(path, before, bytes, Access::Default)?])
}

/// The first half of [`rewrite_file`].
pub(crate) fn prepare_rewrite(path: &Path, before: &SecretBytes, bytes: &[u8], access: Access) -> Result<Prepared> {
    if !read_file(path)?.bytes.ct_eq(before) {
        let error = Error::new(ErrorKind::Busy, "write the file: it was changed in the meantime").in_file(path.display().to_string());
        return Err(error.advise("Run the command again"));
    }
    prepare(path, bytes, access)
}

/// A path below a folder, of names that a stranger may have chosen: it never leaves the folder, neither by dots nor by a link.
pub(crate) fn below(folder: &Path, relative: impl AsRef<Path>) -> Result<PathBuf> {
    let mut path = folder.to_path_buf();
    for part in relative.as_ref().components() {
        let Component::Normal(name) = part else {
            let error = Error::input("find the file below the folder: its path leads out of it");
            return Err(error.in_file(folder.join(&relative).display().to_string()));
        };
        path.push(name);
        if path.is_symlink() {
            let error = Error::new(ErrorKind::Denied, "find the file below the folder: a link stands there, which may lead anywhere");
            return Err(error.in_file(path.display().to_string()).advise("Remove the link"));
        }
    }
    Ok(path)
}

/// Where the result of each source goes below a folder: never over a source, and no two of them to one place.
pub(crate) fn places(folder: &Path, sources: &[&Source]) -> Result<Vec<PathBuf>> {
    let mut taken: BTreeMap<PathBuf, &str> = BTreeMap::new();
    let mut paths = Vec::new();
    for source in sources {
        let path = below(folder, &source.relative)?;
        if let Some(other) = taken.insert(path.clone(), &source.name) {
            let error = Error::input(format!("write the results of {} and of {other} into one file", source.name));
            return Err(error.in_file(path.display().to_string()).advise("Name the folder above both, or take them one after the other"));
        }
        paths.push(path);
    }
    refuse_as_targets(sources.iter().copied(), &paths)?;
    Ok(paths)
}

fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

fn target(path: &Path) -> io::Result<PathBuf> {
    if fs::symlink_metadata(path).is_ok_and(|metadata| metadata.is_symlink()) { fs::canonicalize(path) } else { Ok(path.to_path_buf()) }
}

/// Why a file is not put in the place of another one.
fn not_replaced(error: &io::Error) -> Error {
    if error.kind() == io::ErrorKind::ResourceBusy {
        let error = Error::input("write the file: it is mounted by itself, and a file that is written as a whole takes the place of the old one");
        return error.advise("Mount the folder in which it lies");
    }
    file_error("write the file", error)
}

/// Gives a new file the owner and group of the one whose place it takes; the mode that it may have then.
///
/// Nobody but an administrator can give files away. Who may write the file still may: it becomes theirs, in its old group if they are in it.
fn keep_owner(file: &File, target: &Path, existing: &fs::Metadata) -> io::Result<u32> {
    let ours = file.metadata()?;
    if (ours.uid(), ours.gid()) == (existing.uid(), existing.gid()) {
        return Ok(existing.mode());
    }
    match std::os::unix::fs::fchown(file, Some(existing.uid()), Some(existing.gid())) {
        // The latter of an owner whom this container does not know.
        Err(error) if matches!(error.kind(), io::ErrorKind::PermissionDenied | io::ErrorKind::InvalidInput) => {}
        kept => return kept.map(|()| existing.mode()),
    }
    // A folder that they may write to is no right to its files.
    File::options().append(true).open(target)?;
    let kept = ours.gid() == existing.gid() || std::os::unix::fs::fchown(file, None, Some(existing.gid())).is_ok();
    Ok(mode_of_another(existing.mode(), kept))
}

/// The mode of a file that has another owner now: another group may do no more with it than everybody.
fn mode_of_another(mode: u32, keeps_group: bool) -> u32 {
    let everybody = mode & 0o007;
    if keeps_group { mode & 0o777 } else { mode & (0o700 | everybody << 3 | everybody) }
}

/// Makes a folder and those above it; a new one is open to its owner only.
pub(crate) fn make_private_folder(path: &Path) -> Result<()> {
    let mut builder = fs::DirBuilder::new();
    std::os::unix::fs::DirBuilderExt::mode(builder.recursive(true), 0o700);
    builder.create(path).map_err(|error| file_error("make the folder", &error).in_file(path.display().to_string()))
}

/// As [`make_private_folder`], and closes one that was open to others.
pub(crate) fn make_closed_folder(path: &Path) -> Result<()> {
    make_private_folder(path)?;
    let close = fs::metadata(path).and_then(|metadata| {
        let others = metadata.mode() & 0o077 != 0;
        if others { fs::set_permissions(path, Permissions::from_mode(metadata.mode() & 0o700)) } else { Ok(()) }
    });
    close.map_err(|error| file_error("close the folder to others", &error).in_file(path.display().to_string()))
}

/// Writes to standard output. A reader that went away is no error.
pub(crate) fn print(bytes: &[u8]) -> Result<()> {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(bytes).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(file_error("write to standard output", &error)),
        _ => Ok(()),
    }
}

/// Writes to a file, or to standard output if none is named.
pub(crate) fn write(path: Option<&Path>, bytes: &[u8], access: Access) -> Result<()> {
    path.map_or_else(|| print(bytes), |path| write_file(path, bytes, access))
}

/// A line of JSON. What could steer a terminal is escaped, as JSON allows, so that every name reads back as it is.
pub(crate) fn json_line(value: &serde_json::Value) -> String {
    let escape = |c: char| if harmless(c.encode_utf8(&mut [0; 4])).starts_with(c) { c.to_string() } else { format!("\\u{:04x}", u32::from(c)) };
    value.to_string().chars().map(escape).chain(["\n".to_owned()]).collect()
}

/// Says something to the person who runs the program.
pub(crate) fn note(text: &str) {
    // Whoever closed standard error does not want to hear it.
    let _ = writeln!(io::stderr().lock(), "{text}");
}

/// A word in colour, if standard error is a terminal that wants it.
pub(crate) fn paint(word: &str, code: &str) -> String {
    let plain = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty()) || !io::stderr().is_terminal();
    if plain { word.to_owned() } else { format!("\x1b[{code}m{word}\x1b[0m") }
}

/// A number and its noun.
pub(crate) fn plural(count: usize, noun: &str) -> String {
    if count == 1 { format!("1 {noun}") } else { format!("{count} {noun}s") }
}

/// Lines of cells, in columns as wide as they need to be.
pub(crate) fn table(rows: &[Vec<String>]) -> String {
    let shown = |cell: &String| harmless(cell).replace(['\n', '\t'], " ");
    let rows: Vec<Vec<String>> = rows.iter().map(|row| row.iter().map(shown).collect()).collect();
    let columns = rows.iter().map(Vec::len).max().unwrap_or_default();
    let width = |column: usize| rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max().unwrap_or_default();
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let line = |row: &Vec<String>| {
        let cells: Vec<String> = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}")).collect();
        cells.join("  ").trim_end().to_owned() + "\n"
    };
    rows.iter().map(line).collect()
}

/// A count that is shown while long work goes on, on a terminal only.
pub(crate) struct Progress {
    what: &'static str,
    total: usize,
    done: usize,
    started: std::time::Instant,
    shown: bool,
}

impl Progress {
    /// Starts to count.
    pub(crate) fn new(what: &'static str, total: usize) -> Self {
        Self { what, total, done: 0, started: std::time::Instant::now(), shown: false }
    }

    /// One more is done; shows how many, once it has taken longer than a person waits without wondering.
    pub(crate) fn step(&mut self) {
        self.done += 1;
        if self.started.elapsed().as_millis() > 500 && io::stderr().is_terminal() {
            self.shown = true;
            let _ = write!(io::stderr().lock(), "\r{} {}/{}", self.what, self.done, self.total);
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if self.shown {
            let _ = write!(io::stderr().lock(), "\r\x1b[K");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_group_may_do_no_more_than_everybody() {
        let check = |mode, keeps_group, expected| assert_eq!(mode_of_another(mode, keeps_group), expected, "{mode:o}");
        check(0o100_664, true, 0o664);
        check(0o104_664, true, 0o664);
        check(0o100_664, false, 0o644);
        check(0o100_660, false, 0o600);
        check(0o100_646, false, 0o646);
    }

    #[test]
    fn a_file_that_is_mounted_by_itself_is_told_as_such() {
        let busy = not_replaced(&io::Error::from(rustix::io::Errno::BUSY));
        assert!(busy.kind() == ErrorKind::Input && busy.to_string().contains("mounted by itself"), "{busy}");
        assert_eq!(not_replaced(&io::Error::from(rustix::io::Errno::NOSPC)).kind(), ErrorKind::Busy);
    }
}

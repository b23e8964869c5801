//! The person's editor on a private copy of a plaintext, until what comes of it is good.

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::fs;
use std::io::{IsTerminal, stdin};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus};
use std::time::Duration;

use engine::{Error, ErrorKind, Result, harmless};
use keys::SecretBytes;

use crate::input::{file_error, read_file};
use crate::output::{note, paint};
use crate::private::PrivateFolder;
use crate::signals::{Event, Watch, ask_to_end};

/// Variables that name the editor; the first that is set counts.
const VARIABLES: [&str; 2] = ["SOPS_EDITOR", "EDITOR"];

/// Editors that are tried where none is named.
///
/// *Source*: sops `cmd/sops/edit.go`, v3.13.3.
const USUAL: [&str; 3] = ["vim", "nano", "vi"];

/// How long an editor may take to put the terminal in order when a signal ends us.
const GRACE: Duration = Duration::from_secs(2);

/// How long after an editor that a signal ended we wait for the same signal: the terminal sends it to both.
const SAME_SIGNAL: Duration = Duration::from_millis(200);

/// What is thought of a text that comes out of the editor.
#[derive(Debug)]
pub(crate) enum Verdict<T> {
    /// It is good, and this came of it.
    Accepted(T),
    /// It is not, and this is whom to blame, and the reason: the person may go on with it.
    Again(ErrorKind, String),
}

/// What came of it all.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Edited<T> {
    /// A text was accepted, and this came of it.
    Accepted(T),
    /// The text is as it was.
    Unchanged,
    /// This signal asks the program to end; the copy is wiped.
    Interrupted(i32),
}

/// Why nothing came of it, for faces that tell these apart.
#[derive(Debug)]
pub(crate) enum Trouble {
    /// There is no editor, or it failed.
    Editor(Error),
    /// The copy cannot be made, or not be read afterwards.
    Copy(Error),
    /// The text is not accepted, and there is no way back to the editor.
    Text(Error),
}

impl From<Trouble> for Error {
    fn from(trouble: Trouble) -> Self {
        match trouble {
            Trouble::Editor(error) | Trouble::Copy(error) | Trouble::Text(error) => error,
        }
    }
}

/// Opens a text in the person's editor, under the name that it should have there, and gives what comes of it to `accept`.
///
/// The copy lies in a folder of its own, which is wiped when this returns, and it stays there until `accept` is done: nobody's work is lost because
/// a file could not be written. Where a text is not accepted, its author gets it back, if there is a terminal to ask at.
pub(crate) fn edit<T>(
    name: &OsStr,
    start: &SecretBytes,
    accept: impl FnMut(SecretBytes) -> Result<Verdict<T>>,
) -> std::result::Result<Edited<T>, Trouble> {
    let command = editor().map_err(Trouble::Editor)?;
    run(&command, name, start, accept)
}

/// An editor: its program and the first of its arguments.
#[derive(Debug, PartialEq, Eq)]
struct Editor(Vec<OsString>);

impl fmt::Display for Editor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.0.first().map(|program| program.to_string_lossy()).unwrap_or_default())
    }
}

fn run<T>(
    editor: &Editor,
    name: &OsStr,
    start: &SecretBytes,
    mut accept: impl FnMut(SecretBytes) -> Result<Verdict<T>>,
) -> std::result::Result<Edited<T>, Trouble> {
    let name = Path::new(name).file_name().unwrap_or(OsStr::new("file"));
    // Signals are looked at before there is anything to wipe, and until all of it is.
    let watch = Watch::start().map_err(Trouble::Copy)?;
    let folder = PrivateFolder::make().map_err(Trouble::Copy)?;
    let copy = folder.write(name, start).map_err(Trouble::Copy)?;
    loop {
        if let Some(signal) = open(editor, &copy, &watch)? {
            return Ok(Edited::Interrupted(signal));
        }
        let text = read_back(&copy)?;
        if text.ct_eq(start) {
            return Ok(Edited::Unchanged);
        }
        match accept(text).map_err(Trouble::Text)? {
            Verdict::Accepted(outcome) => return Ok(Edited::Accepted(outcome)),
            Verdict::Again(kind, why) => {
                if let Some(signal) = wait_to_go_back(kind, &why, &watch)? {
                    return Ok(Edited::Interrupted(signal));
                }
            }
        }
    }
}

/// Tells why a text is not accepted and waits for the person to go back to it; a signal if one came.
fn wait_to_go_back(kind: ErrorKind, why: &str, watch: &Watch) -> std::result::Result<Option<i32>, Trouble> {
    let refused = || Trouble::Text(Error::new(kind, format!("take the text over: {why}")).advise("The file is left as it was"));
    if !stdin().is_terminal() {
        return Err(refused());
    }
    let (error, help) = (paint("error:", "1;31"), paint("help:", "1"));
    note(&format!("{error} cannot take the text over: {}\n  {help} Press Enter to go back to the editor, or Ctrl+C to give up", harmless(why)));
    watch.enter();
    match watch.next() {
        Event::Asked(signal) => Ok(Some(signal)),
        Event::Entered => Ok(None),
        Event::Ended | Event::Nobody => Err(refused()),
    }
}

/// Runs the editor once; a signal if one came.
fn open(editor: &Editor, copy: &Path, watch: &Watch) -> std::result::Result<Option<i32>, Trouble> {
    let fail = |what: String| Trouble::Editor(Error::input(format!("edit the file with {editor}: {what}")));
    let (program, arguments) = editor.0.split_first().ok_or_else(|| fail("no program is named".to_owned()))?;
    let mut child = Command::new(program).args(arguments).arg(copy).spawn().map_err(|error| {
        let tried = format!("start the editor {editor}");
        Trouble::Editor(file_error(&tried, &error).advise("Name another one in EDITOR"))
    })?;
    watch.child(&child);
    if let Event::Asked(signal) = watch.next() {
        end(&mut child, watch);
        return Ok(Some(signal));
    }
    let status = child.wait().map_err(|error| fail(error.to_string()))?;
    if let (Some(_), Some(Event::Asked(signal))) = (status.signal(), status.signal().and_then(|_| watch.next_within(SAME_SIGNAL))) {
        return Ok(Some(signal));
    }
    if status.success() { Ok(None) } else { Err(fail(format!("{}, so the file is left as it was", told(status)))) }
}

/// Asks the editor to end, so that it leaves the terminal as it should be, and waits for it; not for ever.
fn end(child: &mut Child, watch: &Watch) {
    ask_to_end(child);
    while let Some(event) = watch.next_within(GRACE) {
        if event == Event::Ended {
            let _ = child.wait();
            return;
        }
    }
}

fn told(status: ExitStatus) -> String {
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("it ended with status {code}"),
        (None, signal) => format!("signal {} ended it", signal.unwrap_or_default()),
    }
}

/// Reads what the editor left.
fn read_back(copy: &Path) -> std::result::Result<SecretBytes, Trouble> {
    let lost = |what: &str| Error::input(format!("take the text over: {what}")).advise("The file is left as it was");
    if !fs::metadata(copy).is_ok_and(|metadata| metadata.is_file()) {
        return Err(Trouble::Copy(lost("the editor removed it")));
    }
    let text = read_file(copy).map_err(|error| Trouble::Copy(lost(error.message())))?.bytes;
    if text.is_empty() {
        return Err(Trouble::Copy(lost("the editor left an empty file")));
    }
    Ok(text)
}

/// The editor that the person wants.
fn editor() -> Result<Editor> {
    let named = VARIABLES.iter().find_map(|name| Some((*name, std::env::var_os(name).filter(|value| !value.is_empty())?)));
    match named {
        Some((name, value)) => words(name, &value),
        None => usual(&std::env::var_os("PATH").unwrap_or_default()).ok_or_else(|| {
            let error = Error::new(ErrorKind::NotFound, format!("find an editor: none of {} is there", USUAL.join(", ")));
            error.advise("Name one in EDITOR")
        }),
    }
}

/// Splits the value of a variable as a shell would.
fn words(variable: &str, value: &OsStr) -> Result<Editor> {
    let words = value.to_str().and_then(shlex::split).filter(|words| !words.is_empty());
    let words = words.ok_or_else(|| Error::input(format!("read the editor's name in {variable}: it is no command line")))?;
    Ok(Editor(words.into_iter().map(OsString::from).collect()))
}

fn usual(path: &OsStr) -> Option<Editor> {
    let folders: Vec<PathBuf> = std::env::split_paths(path).filter(|folder| folder.is_absolute()).collect();
    let runs = |path: &PathBuf| fs::metadata(path).is_ok_and(|metadata| metadata.is_file() && metadata.permissions().mode() & 0o111 != 0);
    USUAL.iter().find_map(|name| folders.iter().map(|folder| folder.join(name)).find(runs)).map(|path| Editor(vec![path.into_os_string()]))
}

#[cfg(test)]
mod tests;

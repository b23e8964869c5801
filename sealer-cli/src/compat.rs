//! CONTRACT: a face speaks another tool's command line.
//!
//! A face is a name and a function from a command line to an exit status. It is chosen by the name that the program was called by
//! (`kubeseal`, `sops.exe`) or by the first argument (`sealer kubeseal ...`). A face translates flags into the verbs of the engine and its
//! results into the words of the tool; it decides nothing by itself.

mod kubeseal;
mod number;
mod pflag;
mod sops;
mod urfave;

use std::ffi::OsString;
use std::path::Path;
use std::process::ExitCode;

pub(crate) use pflag::quote;

/// One face.
#[derive(Debug)]
pub(crate) struct Face {
    /// The tool's name.
    pub(crate) name: &'static str,
    /// What it does with a command line.
    pub(crate) run: fn(&Invocation) -> ExitCode,
}

/// How the tool was called.
#[derive(Debug)]
pub(crate) struct Invocation {
    /// The name that it was called by, as usage texts show it.
    pub(crate) program: String,
    /// What followed.
    pub(crate) arguments: Vec<String>,
}

/// LIST of the faces.
const FACES: &[&Face] = &[&kubeseal::FACE, &sops::FACE];

/// Runs the face that a command line asks for; None if it asks for none.
pub(crate) fn run(arguments: impl IntoIterator<Item = OsString>) -> Option<ExitCode> {
    let mut arguments = arguments.into_iter();
    let program = arguments.next()?.to_string_lossy().into_owned();
    let rest: Vec<OsString> = arguments.collect();
    if let Some(face) = by_program(&program) {
        return Some(start(face, program, &rest));
    }
    let (first, rest) = rest.split_first()?;
    let face = FACES.iter().find(|face| first == face.name)?;
    Some(start(face, format!("{program} {}", face.name), rest))
}

/// The face that bears the name of a program file.
fn by_program(program: &str) -> Option<&'static Face> {
    let file = Path::new(program).file_name()?.to_str()?;
    let name = file.strip_suffix(".exe").unwrap_or(file);
    FACES.iter().find(|face| face.name == name).copied()
}

fn start(face: &Face, program: String, arguments: &[OsString]) -> ExitCode {
    let arguments: Result<Vec<String>, &OsString> = arguments.iter().map(|argument| argument.to_str().map(str::to_owned).ok_or(argument)).collect();
    match arguments {
        Ok(arguments) => (face.run)(&Invocation { program, arguments }),
        Err(_) => {
            kubeseal::complain("an argument is not UTF-8");
            ExitCode::FAILURE
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_face_is_found_by_the_name_of_the_program() {
        for (program, found) in
            [("kubeseal", true), ("/usr/bin/kubeseal", true), ("kubeseal.exe", true), ("sops", true), ("sealer", false), ("kubeseal2", false)]
        {
            assert_eq!(by_program(program).is_some(), found, "{program}");
        }
        assert!(run(["sealer".into(), "seal".into()]).is_none());
        assert!(run([]).is_none());
    }
}

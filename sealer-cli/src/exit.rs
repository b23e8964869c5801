//! Errors to messages and exit codes of our own face.

use engine::{Error, ErrorKind};

use crate::output::{note, paint};

/// Exit code of a wrong command line (`EX_USAGE` of sysexits.h).
pub(crate) const USAGE: u8 = 64;

/// What a command ends with: every error that it met, or the status of a program that it ran.
pub(crate) type Outcome = Result<(), Errors>;

/// Errors of one run; one at least, unless it ends with the status of another program.
#[derive(Debug)]
pub(crate) struct Errors {
    /// What went wrong.
    pub(crate) list: Vec<Error>,
    /// Whether the command printed them already.
    told: bool,
    /// The status of a program that was run for the user: it is ours, too.
    status: Option<u8>,
}

impl From<Error> for Errors {
    fn from(error: Error) -> Self {
        Self { list: vec![error], told: false, status: None }
    }
}

impl Errors {
    /// Success if there are none.
    pub(crate) fn check(errors: Vec<Error>) -> Outcome {
        if errors.is_empty() { Ok(()) } else { Err(Self { list: errors, told: false, status: None }) }
    }

    /// Ends with the status of a program that was run for the user.
    pub(crate) fn status(status: u8) -> Outcome {
        if status == 0 { Ok(()) } else { Err(Self { list: Vec::new(), told: true, status: Some(status) }) }
    }

    /// As [`Errors::check`], of errors that were printed already.
    pub(crate) fn check_told(errors: Vec<Error>) -> Outcome {
        Self::check(errors).map_err(|errors| Self { told: true, ..errors })
    }
}

/// The exit code of a kind. 1 is not used, so that a crash of a shell or a wrapper is never taken for ours.
pub(crate) fn code(kind: ErrorKind) -> u8 {
    match kind {
        ErrorKind::Input => 2,
        ErrorKind::NotFound => 3,
        ErrorKind::Denied => 4,
        ErrorKind::Tampered => 5,
        ErrorKind::Busy => 6,
        _ => 70,
    }
}

/// Prints the errors and returns the exit code of the worst.
pub(crate) fn report(outcome: Outcome) -> u8 {
    let Err(Errors { list, told, status }) = outcome else { return 0 };
    if !told {
        list.iter().for_each(print);
    }
    status.or_else(|| ErrorKind::worst(list.iter().map(Error::kind)).map(code)).unwrap_or_default()
}

/// Prints one error, and what to do about it.
pub(crate) fn print(error: &Error) {
    say(&format!("{}cannot {}", error.place(), error.message()), error, &paint("error:", "1;31"));
    if error.kind() == ErrorKind::Bug {
        note(&format!("  {} This is a fault of sealer itself; please report it with the command that shows it", paint("help:", "1")));
    }
}

/// Prints something that was found in a file, which is no failure of ours.
pub(crate) fn print_finding(error: &Error, is_error: bool) {
    let word = if is_error { paint("error:", "1;31") } else { paint("warning:", "1;33") };
    say(&error.to_string(), error, &word);
}

fn say(text: &str, error: &Error, word: &str) {
    note(&format!("{word} {text}"));
    if let Some(advice) = error.advice() {
        note(&format!("  {} {advice}", paint("help:", "1")));
    }
}

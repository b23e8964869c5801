//! Sealer at the terminal: the composition root of the commands and of the faces that speak other tools' command lines.

mod certificate;
mod child;
mod cluster;
mod command;
mod commands;
mod compat;
mod credentials;
mod editor;
mod exit;
mod external;
mod files;
mod input;
mod keyring;
mod local;
mod output;
mod private;
mod signals;

use std::process::ExitCode;

use clap::Parser;
use clap::error::ErrorKind;
use jiff::Timestamp;
use zeroizing_alloc::ZeroAlloc;

/// Wipes whatever parsers, buffers and plain strings free: they held secrets once.
#[global_allocator]
static ALLOCATOR: ZeroAlloc<std::alloc::System> = ZeroAlloc(std::alloc::System);

fn main() -> ExitCode {
    harden();
    silence_panics();
    // A panic is a fault of ours like every other.
    std::panic::catch_unwind(run).unwrap_or_else(|_| ExitCode::from(exit::code(engine::ErrorKind::Bug)))
}

fn run() -> ExitCode {
    if let Some(status) = compat::run(std::env::args_os()) {
        return status;
    }
    let sealer = match command::Sealer::try_parse() {
        Ok(sealer) => sealer,
        Err(error) => return usage(&error),
    };
    ExitCode::from(exit::report(commands::run(sealer.command, Timestamp::now())))
}

/// Keeps secrets out of core dumps and away from other processes of the same user. Where the system refuses, the program still works.
fn harden() {
    let none = rustix::process::Rlimit { current: Some(0), maximum: Some(0) };
    let _ = rustix::process::setrlimit(rustix::process::Resource::Core, none);
    #[cfg(target_os = "linux")]
    let _ = rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable);
}

/// Makes a panic say where it happened and nothing else: its text may quote a secret.
fn silence_panics() {
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map_or_else(String::new, |place| format!(" at {}:{}", place.file(), place.line()));
        output::note(&format!(
            "error: cannot go on{place}\n  help: This is a fault of sealer itself; please report it with the command that shows it"
        ));
        // Where nothing unwinds this is the last word.
        #[cfg(panic = "abort")]
        std::process::exit(exit::code(engine::ErrorKind::Bug).into());
    }));
}

/// Help and version succeed; everything else is a wrong command line.
fn usage(error: &clap::Error) -> ExitCode {
    let _ = error.print();
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => ExitCode::SUCCESS,
        _ => ExitCode::from(exit::USAGE),
    }
}

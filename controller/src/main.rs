//! Sealer in a cluster: opens SealedSecrets, keeps their Secrets as they should be, and renews the keys.

mod api;
mod apply;
mod args;
mod context;
mod events;
mod external;
mod fair;
mod fights;
mod http;
mod index;
mod key;
mod keyring;
mod lease;
mod lenient;
mod limit;
mod listen;
mod logging;
mod metrics;
mod process;
mod queue;
mod reconciler;
mod runtime;
mod secrets;
mod seen;
mod slots;
mod status;
mod step;
mod transport;
mod trouble;
mod watch;
mod weight;

use std::io::{Write, stdout};
use std::process::ExitCode;
use std::sync::Arc;
use std::thread::available_parallelism;
use std::time::Duration;

use clap::Parser;
use tokio::runtime::Builder;
use tracing::error;
use zeroizing_alloc::ZeroAlloc;

use crate::slots::Slots;

/// Wipes whatever parsers, buffers and plain strings free: they held secrets once.
#[global_allocator]
static ALLOCATOR: ZeroAlloc<std::alloc::System> = ZeroAlloc(std::alloc::System);

/// How long at most a thread that waits for the network lets news pile up while private operations wait for a core: they are what everybody waits for then, and
/// each waking interrupts one.
const REST: Duration = Duration::from_millis(10);

fn main() -> ExitCode {
    harden();
    let arguments = args::Arguments::parse();
    if arguments.version {
        // Nobody may listen.
        let _ = writeln!(stdout(), "controller version: {}", env!("CARGO_PKG_VERSION"));
        return ExitCode::SUCCESS;
    }
    logging::start(&arguments);
    silence_panics();
    let (threads, slots) = (waiters(), Slots::new(cores()));
    // One thread needs nobody that gives it work.
    let mut builder = if threads == 1 { Builder::new_current_thread() } else { Builder::new_multi_thread() };
    let busy = Arc::clone(&slots);
    builder.worker_threads(threads).enable_all().on_thread_park(move || busy.rest(REST));
    let runtime = match builder.build() {
        Ok(runtime) => runtime,
        Err(error) => {
            error!(%error, "cannot start");
            return ExitCode::FAILURE;
        }
    };
    match runtime.block_on(runtime::run(arguments, slots)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            error!("cannot {why}");
            ExitCode::FAILURE
        }
    }
}

/// Threads that wait for the network, beside those that use keys: one for each eight cores has time to spare, and each one more is woken for nothing
/// and interrupts a private operation for it (with two on two cores: half a millisecond of processor time an object).
fn waiters() -> usize {
    cores().div_ceil(8)
}

fn cores() -> usize {
    available_parallelism().map_or(1, usize::from)
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
        let place = panic.location().map_or_else(String::new, |place| format!("{}:{}", place.file(), place.line()));
        error!(place, "a fault of the controller; please report it");
    }));
}

//! Signals that ask the program to end, children that end, and the person who presses Enter: whichever comes first.
//!
//! Only work that must tidy up looks at signals; for everything else they end the program, as they do by themselves.

use std::fs::File;
use std::io::{BufRead, stdin};
use std::process::Child;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use engine::{Error, ErrorKind, Result};
use rustix::io::Errno;
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, getpgrp, kill_process, waitid};
use rustix::termios::tcgetpgrp;
use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM};
use signal_hook::iterator::{Handle, Signals};

/// What asks the program to end.
const ASKING: [i32; 4] = [SIGHUP, SIGINT, SIGQUIT, SIGTERM];

/// What the terminal sends to all of its foreground when keys are pressed.
const BY_KEYS: [i32; 2] = [SIGINT, SIGQUIT];

/// True while signals do what they do by themselves.
static BY_THEMSELVES: OnceLock<Arc<AtomicBool>> = OnceLock::new();

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Event {
    /// This signal asks us to end.
    Asked(i32),
    /// The child ended; it waits to be asked how.
    Ended,
    /// The person pressed Enter.
    Entered,
    /// There is nobody who could press Enter.
    Nobody,
}

/// Looks at signals until it is dropped.
#[derive(Debug)]
pub(crate) struct Watch {
    events: Receiver<Event>,
    sender: Sender<Event>,
    handle: Handle,
}

impl Watch {
    /// Starts to look at signals. Those that were ignored when the program started stay so, as `nohup` wants it.
    pub(crate) fn start() -> Result<Self> {
        let fail = |_| Error::new(ErrorKind::Bug, "watch for signals");
        let heard: Vec<i32> = ASKING.into_iter().filter(|signal| !is_ignored(*signal)).collect();
        let by_themselves = BY_THEMSELVES.get_or_init(|| {
            let flag = Arc::new(AtomicBool::new(true));
            for signal in &heard {
                // Fails for signals only that nobody may handle.
                let _ = signal_hook::flag::register_conditional_default(*signal, Arc::clone(&flag));
            }
            flag
        });
        let mut signals = Signals::new(&heard).map_err(fail)?;
        by_themselves.store(false, Ordering::SeqCst);
        let ((sender, events), handle) = (channel(), signals.handle());
        let asked = sender.clone();
        std::thread::spawn(move || signals.forever().try_for_each(|signal| asked.send(Event::Asked(signal))));
        Ok(Self { events, sender, handle })
    }

    /// Tells when a child ends, and leaves it to be waited for: until then nobody else gets its number.
    pub(crate) fn child(&self, child: &Child) {
        let (sender, pid) = (self.sender.clone(), pid(child));
        std::thread::spawn(move || {
            if let Some(pid) = pid {
                while waitid(WaitId::Pid(pid), WaitIdOptions::EXITED | WaitIdOptions::NOWAIT).is_err_and(|error| error == Errno::INTR) {}
            }
            sender.send(Event::Ended)
        });
    }

    /// Tells when the person presses Enter, or that nobody is there.
    pub(crate) fn enter(&self) {
        let sender = self.sender.clone();
        std::thread::spawn(move || {
            let is_there = stdin().lock().read_line(&mut String::new()).is_ok_and(|read| read > 0);
            sender.send(if is_there { Event::Entered } else { Event::Nobody })
        });
    }

    /// Waits for what happens next.
    pub(crate) fn next(&self) -> Event {
        // We hold a sender ourselves, so the channel is never closed.
        self.events.recv().unwrap_or(Event::Nobody)
    }

    /// Waits for what happens next, but no longer than this.
    pub(crate) fn next_within(&self, time: Duration) -> Option<Event> {
        self.events.recv_timeout(time).ok()
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        if let Some(flag) = BY_THEMSELVES.get() {
            flag.store(true, Ordering::SeqCst);
        }
        self.handle.close();
    }
}

/// Ends the program as a signal would have done.
pub(crate) fn end_by(signal: i32) -> ! {
    let _ = signal_hook::low_level::emulate_default_handler(signal);
    std::process::exit(128 + signal)
}

/// Passes a signal on to a child, unless the terminal sent it to both of us.
pub(crate) fn pass_on(signal: i32, child: &Child) {
    if !BY_KEYS.contains(&signal) || !is_foreground() {
        send(signal, child);
    }
}

/// Asks a child to end.
pub(crate) fn ask_to_end(child: &Child) {
    send(SIGTERM, child);
}

fn send(signal: i32, child: &Child) {
    if let (Some(pid), Some(signal)) = (pid(child), Signal::from_named_raw(signal)) {
        // It may have ended by itself.
        let _ = kill_process(pid, signal);
    }
}

fn pid(child: &Child) -> Option<Pid> {
    i32::try_from(child.id()).ok().and_then(Pid::from_raw)
}

/// Whether the keys of the terminal send their signals to our group of processes.
fn is_foreground() -> bool {
    File::open("/dev/tty").is_ok_and(|terminal| tcgetpgrp(&terminal).is_ok_and(|group| group == getpgrp()))
}

/// Whether the program was started with a signal ignored. Only Linux tells.
fn is_ignored(signal: i32) -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:")).and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    mask.is_some_and(|mask| mask >> (signal - 1) & 1 == 1)
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    fn a_child_that_ended_is_told_and_still_there_to_be_asked() {
        let watch = Watch::start().unwrap();
        let mut child = Command::new("/bin/sh").args(["-c", "exit 3"]).spawn().unwrap();
        watch.child(&child);
        assert_eq!(watch.next(), Event::Ended);
        ask_to_end(&child);
        assert_eq!(child.wait().unwrap().code(), Some(3));
        assert_eq!(watch.next_within(Duration::from_millis(1)), None);
    }

    #[test]
    fn a_program_knows_what_it_ignores() {
        // The runtime of Rust ignores SIGPIPE, and never these.
        assert!(is_ignored(signal_hook::consts::SIGPIPE) || !cfg!(target_os = "linux"));
        assert!(!is_ignored(signal_hook::consts::SIGUSR1));
    }
}

//! Fuzzing in every run: plain functions over a committed corpus that is mutated for a while, from a fixed seed.
//!
//! `tests/fuzz` calls the same functions with libFuzzer where a nightly compiler is at hand.

use std::any::Any;
use std::fs;
use std::panic::{self, AssertUnwindSafe};
use std::path::Path;
use std::sync::mpsc;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

pub mod targets;

/// The longest that one call may take.
const PATIENCE: Duration = Duration::from_secs(1);

/// How long a call may take before it is said to hang: a busy machine makes every call longer.
const HANG: Duration = Duration::from_secs(60);

/// Inputs do not grow beyond it, so that a round stays short.
const MAX_BYTES: usize = 1 << 14;

/// Reads the committed seeds of an entry, in the order of their names.
///
/// # Panics
/// If there are none.
#[must_use]
pub fn seeds(entry: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/seeds").join(entry);
    let mut files: Vec<_> = fs::read_dir(&folder).expect("an entry has a folder of seeds").flatten().map(|file| file.path()).collect();
    files.sort();
    assert!(!files.is_empty(), "{} is empty", folder.display());
    files.into_iter().map(|file| fs::read(file).expect("a seed can be read")).collect()
}

/// Runs a target over its seeds, and then over mutations of them until the time is over; tells how many there were.
///
/// # Errors
/// The first input over which the target panicked, hung or took too long.
pub fn hunt(entry: &'static str, target: fn(&[u8]), time: Duration) -> Result<usize, String> {
    let current = Arc::new(Mutex::new((Instant::now(), Vec::new())));
    let (sender, receiver) = mpsc::channel();
    let worker = Arc::clone(&current);
    thread::spawn(move || sender.send(search(entry, target, time, &worker)));
    loop {
        match receiver.recv_timeout(PATIENCE) {
            Ok(result) => return result,
            Err(mpsc::RecvTimeoutError::Disconnected) => return Err(format!("{entry}: the search itself panicked")),
            Err(mpsc::RecvTimeoutError::Timeout) => {
                let (since, input) = &*current.lock().unwrap_or_else(PoisonError::into_inner);
                if since.elapsed() > HANG {
                    return Err(format!("{entry} hangs over {}", input.escape_ascii()));
                }
            }
        }
    }
}

fn search(entry: &str, target: fn(&[u8]), time: Duration, current: &Mutex<(Instant, Vec<u8>)>) -> Result<usize, String> {
    let seeds = seeds(entry);
    let mut mutator = Mutator { state: 0x5ea1_e25e_a1e2, seeds: &seeds };
    let started = Instant::now();
    for round in 0.. {
        if round >= seeds.len() && started.elapsed() >= time {
            return Ok(round);
        }
        let input = seeds.get(round).cloned().unwrap_or_else(|| mutator.next_input());
        *current.lock().unwrap_or_else(PoisonError::into_inner) = (Instant::now(), input.clone());
        let before = Instant::now();
        let result = panic::catch_unwind(AssertUnwindSafe(|| target(&input)));
        let slow = before.elapsed() > PATIENCE && again(target, &input) > PATIENCE;
        let what = match result {
            Err(panic) => text(panic.as_ref()),
            Ok(()) if slow => format!("it takes longer than {PATIENCE:?}"),
            Ok(()) => continue,
        };
        return Err(format!("{entry}, round {round}: {what}, over {}", input.escape_ascii()));
    }
    Ok(0)
}

/// The time of a second try: the first may have had to share the machine.
fn again(target: fn(&[u8]), input: &[u8]) -> Duration {
    let before = Instant::now();
    let _ = panic::catch_unwind(AssertUnwindSafe(|| target(input)));
    before.elapsed()
}

fn text(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().cloned().or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
    text.unwrap_or_else(|| "it panicked".to_owned())
}

/// Pieces that mean something to one reader or another.
const PIECES: &[&str] = &[
    "\n",
    "\r\n",
    "---\n",
    "...\n",
    ": ",
    "- ",
    "? ",
    "|\n",
    ">-\n",
    "&a ",
    "*a",
    "<<: ",
    "!!str ",
    "!!binary ",
    "# ",
    "{",
    "}",
    "[",
    "]",
    ",",
    "\"",
    "'",
    "\\u0000",
    "\u{feff}",
    "\t",
    "  ",
    "null",
    "~",
    "yes",
    "0x1",
    "1e999",
    "\0",
    "é",
    "\u{2028}",
    "{{",
    "}}",
    "{{ . }}",
    "{{ range . }}",
    "{{ end }}",
    "| ",
    "$x := ",
    "(",
    ")",
    "%s",
    "%!",
    "=",
    "--",
    "-----BEGIN ",
    "-----END ",
    "AgA=",
    "AQA=",
    "AAAAAAAA",
    "stringData",
    "encryptedData",
    "-9223372036854775808",
    "\u{202e}",
    "\u{1b}[2J",
];

/// Makes new inputs of known ones; SplitMix64 (Steele, Lea, Flood, 2014) decides how.
struct Mutator<'a> {
    state: u64,
    seeds: &'a [Vec<u8>],
}

impl Mutator<'_> {
    fn next_input(&mut self) -> Vec<u8> {
        let mut input = self.seed();
        for _ in 0..=self.below(4) {
            self.change(&mut input);
        }
        input.truncate(MAX_BYTES);
        input
    }

    fn seed(&mut self) -> Vec<u8> {
        let at = self.below(self.seeds.len());
        self.seeds.get(at).cloned().unwrap_or_default()
    }

    fn change(&mut self, input: &mut Vec<u8>) {
        let (from, to) = self.range(input.len());
        match self.below(8) {
            0 => drop(input.splice(from..to, [])),
            1 => {
                let part = input[from..to].to_vec();
                let at = self.below(input.len() + 1);
                drop(input.splice(at..at, part));
            }
            2 if from < input.len() => input[from] ^= 1 << self.below(8),
            3 if from < input.len() => input[from] = u8::try_from(self.below(256)).unwrap_or_default(),
            4 => {
                let other = self.seed();
                let (start, end) = self.range(other.len());
                drop(input.splice(from..to, other[start..end].iter().copied()));
            }
            5 => {
                let part = input[from..to].to_vec();
                let times = self.below(64);
                drop(input.splice(from..from, part.repeat(times)));
            }
            6 => input.truncate(from),
            _ => {
                let piece = PIECES[self.below(PIECES.len())];
                drop(input.splice(from..from, piece.bytes()));
            }
        }
    }

    /// A range, mostly a short one.
    fn range(&mut self, length: usize) -> (usize, usize) {
        let from = self.below(length + 1);
        let most = if self.below(4) == 0 { length - from } else { (length - from).min(16) };
        (from, from + self.below(most + 1))
    }

    fn below(&mut self, bound: usize) -> usize {
        self.state = self.state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.state ^ (self.state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        usize::try_from((mixed ^ (mixed >> 31)) >> 33).unwrap_or_default() % bound.max(1)
    }
}

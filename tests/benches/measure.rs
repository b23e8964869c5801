//! Whole processes, measured from their start to their end, in pairs that take turns.

use std::fs;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use wait4::Wait4;

use crate::work::{Side, Work};

/// Pairs that are run before anything is noted: caches of files and of the processor fill.
const WARM_UP: usize = 2;

/// What one run cost.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Cost {
    /// From the first start to the last end.
    pub(crate) wall: Duration,
    /// Processor time of all its threads, the system's part included.
    pub(crate) cpu: Duration,
    /// Largest resident set of any of its processes, in bytes.
    pub(crate) peak: u64,
}

/// The middle of many figures, and their ends.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Spread {
    /// The middle one.
    pub(crate) median: f64,
    /// The smallest one.
    pub(crate) least: f64,
    /// The largest one.
    pub(crate) most: f64,
}

impl Spread {
    /// Sorts figures out; there is one at least.
    pub(crate) fn of(figures: impl IntoIterator<Item = f64>) -> Self {
        let mut sorted: Vec<f64> = figures.into_iter().collect();
        sorted.sort_by(f64::total_cmp);
        let (least, most) = (sorted[0], sorted[sorted.len() - 1]);
        let median = f64::midpoint(sorted[(sorted.len() - 1) / 2], sorted[sorted.len() / 2]);
        Self { median, least, most }
    }
}

/// Runs both programs in turn, each first as often as the other, so that what else the machine does falls on both.
pub(crate) fn programs(work: &Work, runs: usize) -> Vec<(Cost, Cost)> {
    let mut pairs = Vec::with_capacity(runs);
    for round in 0..WARM_UP + runs {
        let pair = if round % 2 == 0 {
            let ours = run(&work.ours);
            (ours, run(&work.theirs))
        } else {
            let theirs = run(&work.theirs);
            (run(&work.ours), theirs)
        };
        if round >= WARM_UP {
            pairs.push(pair);
        }
    }
    pairs
}

/// Runs the commands of one side, one after the other.
fn run(side: &Side) -> Cost {
    if let Some(folder) = &side.fresh {
        let _ = fs::remove_dir_all(folder);
        fs::create_dir(folder).expect("a folder can be made");
    }
    let mut cost = Cost::default();
    let start = Instant::now();
    for arguments in &side.commands {
        let mut command = Command::new(&side.program);
        command.args(arguments).current_dir(&side.home).env_clear().env("HOME", &side.home);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let ended = command.spawn().and_then(Wait4::wait4).expect("the program starts");
        assert!(ended.status.success(), "{} {arguments:?} failed", side.program.display());
        cost.cpu += ended.rusage.utime + ended.rusage.stime;
        cost.peak = cost.peak.max(ended.rusage.maxrss);
    }
    cost.wall = start.elapsed();
    cost
}

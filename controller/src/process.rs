//! What the system says of this process.

use std::fs;
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// Figures of this process; zero where the system does not tell.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Figures {
    pub(crate) cpu_seconds: f64,
    pub(crate) resident_bytes: i64,
    pub(crate) open_files: i64,
}

/// CPU time that this thread took so far.
pub(crate) fn thread_time() -> Duration {
    Duration::try_from(clock_gettime(ClockId::ThreadCPUTime)).unwrap_or_default()
}

/// Reads the figures.
///
/// *Source*: proc(5): `stat` counts CPU time in hundredths of a second on every Linux, fields 14 and 15.
pub(crate) fn figures() -> Figures {
    let text = |name: &str| fs::read_to_string(format!("/proc/self/{name}")).unwrap_or_default();
    let stat = text("stat");
    // The second field may hold spaces, and ends with the last parenthesis.
    let fields: Vec<&str> = stat.rsplit_once(')').map_or("", |(_, rest)| rest).split_whitespace().collect();
    let ticks: f64 = fields.iter().skip(11).take(2).filter_map(|field| field.parse::<f64>().ok()).sum();
    let status = text("status");
    let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:")?.trim().strip_suffix(" kB")?.parse::<i64>().ok());
    Figures {
        cpu_seconds: ticks / 100.0,
        resident_bytes: resident.unwrap_or_default() * 1024,
        open_files: fs::read_dir("/proc/self/fd").map_or(0, |entries| i64::try_from(entries.count()).unwrap_or_default()),
    }
}

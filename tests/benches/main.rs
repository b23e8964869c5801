//! Sealer beside kubeseal, beside sops, and beside the bare cryptography library, in one run: only figures of the same run are compared.
//!
//! `cargo build --release -p sealer-cli && cargo bench -p tests` prints a Markdown table; after `--`, `--json` prints JSON, `--runs N` sets the
//! number of measured runs of each program, and other words select rows by a part of their name.
#![expect(clippy::expect_used, reason = "a bench that cannot go on must say so at once")]
#![expect(clippy::print_stderr, clippy::print_stdout, reason = "figures go to whoever started it")]

mod files;
mod measure;
mod report;
mod throughput;
mod work;

use std::path::PathBuf;
use std::process::ExitCode;

use tests::{peers, sealer};

use report::Row;

/// What the person who runs it asks for.
struct Options {
    json: bool,
    runs: Option<usize>,
    rows: Vec<String>,
}

fn main() -> ExitCode {
    let Some(options) = options(std::env::args().skip(1)) else {
        eprintln!("usage: cargo bench -p tests -- [--json] [--runs N] [ROW...]");
        return ExitCode::from(64);
    };
    let tools: Result<Vec<PathBuf>, peers::Missing> = ["kubeseal", "sops", "age-keygen"].into_iter().map(peers::get).collect();
    let tools = match tools {
        Ok(tools) => tools,
        Err(missing) => {
            eprintln!("{missing}");
            return ExitCode::FAILURE;
        }
    };
    let place = work::Place::new(sealer(), &tools[0]);
    let files = files::Place::new(sealer(), &tools[1], &tools[2]);
    let mut rows = Vec::new();
    // Programs come first: the peak that the system notes for a process is never below that of the one that started it.
    for work in work::all(&place).into_iter().chain(files::all(&files)).filter(|work| options.selects(work.name)) {
        rows.push(Row::of_programs(&work, &measure::programs(&work, options.runs.unwrap_or(work.runs))));
    }
    if options.selects(throughput::NAME) {
        rows.push(Row::of_throughput(&throughput::measure(options.runs.unwrap_or(throughput::RUNS))));
    }
    println!("{}", if options.json { report::json(&rows).to_string() } else { report::markdown(&rows) });
    ExitCode::SUCCESS
}

fn options(arguments: impl Iterator<Item = String>) -> Option<Options> {
    let mut options = Options { json: false, runs: None, rows: Vec::new() };
    let mut arguments = arguments;
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            // Cargo says so to every bench.
            "--bench" => {}
            "--json" => options.json = true,
            "--runs" => options.runs = Some(arguments.next()?.parse().ok().filter(|runs| *runs > 0)?),
            word if word.starts_with('-') => return None,
            _ => options.rows.push(argument),
        }
    }
    Some(options)
}

impl Options {
    fn selects(&self, name: &str) -> bool {
        self.rows.is_empty() || self.rows.iter().any(|part| name.contains(part.as_str()))
    }
}

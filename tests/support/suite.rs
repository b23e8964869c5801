//! Suites of named cases, some of which need peers: ignored where a peer is missing, failed where `CI=true`.

use std::collections::BTreeMap;
use std::env;
use std::fmt::Display;
use std::io::{self, Write};
use std::process::ExitCode;
use std::sync::{Arc, Mutex, PoisonError};

use libtest_mimic::{Arguments, Completion, Failed, Trial};

use crate::peers;

/// One named test.
pub struct Case {
    name: String,
    needs: &'static [&'static str],
    run: Box<dyn FnOnce() -> Result<(), String> + Send>,
}

/// What a case may return: nothing, or why it failed. It may also panic.
pub trait Outcome {
    /// Turns it into what is shown.
    fn into_result(self) -> Result<(), String>;
}

impl Outcome for () {
    fn into_result(self) -> Result<(), String> {
        Ok(())
    }
}

impl<E: Display> Outcome for Result<(), E> {
    fn into_result(self) -> Result<(), String> {
        self.map_err(|error| error.to_string())
    }
}

/// Declares a case; `needs` names the peers without which it cannot run.
pub fn case<O: Outcome>(name: impl Into<String>, needs: &'static [&'static str], run: impl FnOnce() -> O + Send + 'static) -> Case {
    Case { name: name.into(), needs, run: Box::new(|| run().into_result()) }
}

type Ignored = Arc<Mutex<BTreeMap<String, usize>>>;

/// Runs the cases of a test program (`harness = false`) with the arguments of `cargo test`: this is its `main`.
///
/// A peer is looked for when the first case that needs it starts, so a filter spares the building of the others. Where cases were ignored, the last
/// line says how many and why.
#[must_use]
pub fn run(cases: Vec<Case>) -> ExitCode {
    let ignored = Ignored::default();
    let trials = cases.into_iter().map(|case| trial(case, Arc::clone(&ignored))).collect();
    let conclusion = libtest_mimic::run(&Arguments::from_args(), trials);
    let reasons = ignored.lock().unwrap_or_else(PoisonError::into_inner);
    if !reasons.is_empty() {
        let total: usize = reasons.values().sum();
        let why: Vec<_> = reasons.iter().map(|(reason, count)| format!("{count}: {reason}")).collect();
        // The exit code is what counts if nobody listens.
        let _ = writeln!(io::stderr(), "{total} cases ignored for want of peers ({})", why.join("; "));
    }
    conclusion.exit_code()
}

fn trial(case: Case, ignored: Ignored) -> Trial {
    let Case { name, needs, run } = case;
    Trial::ignorable_test(name, move || {
        let missing = needs.iter().find_map(|peer| peers::get(peer).err());
        match missing {
            None => run().map(|()| Completion::Completed).map_err(Failed::from),
            Some(missing) if env::var_os("CI").is_some_and(|value| value == "true") => Err(Failed::from(missing)),
            Some(missing) => {
                *ignored.lock().unwrap_or_else(PoisonError::into_inner).entry(missing.to_string()).or_default() += 1;
                Ok(Completion::ignored_with(missing))
            }
        }
    })
}

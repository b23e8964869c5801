//! Installs Python programs, each into an environment of its own.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use aws_lc_rs::digest::{Context, SHA256};

use super::cache::{self, say};

/// How to install one program.
pub(super) struct Recipe {
    pub(super) name: &'static str,
    /// Holds `requirements.txt`: every package, each with its version.
    pub(super) folder: PathBuf,
    /// What Python is told to run; may be empty.
    pub(super) arguments: &'static str,
}

/// Finds a program in the cache, or installs it there.
pub(super) fn binary(recipe: &Recipe) -> Result<PathBuf, String> {
    cache::program(recipe.name, &fingerprint(recipe)?, |program| install(recipe, program))
}

/// Names what is installed: its packages, and the Python that runs them.
fn fingerprint(recipe: &Recipe) -> Result<String, String> {
    let path = requirements(recipe);
    let mut context = Context::new(&SHA256);
    context.update(run("python3", &["--version"])?.as_bytes());
    context.update(&fs::read(&path).map_err(|error| format!("cannot read {} ({error})", path.display()))?);
    Ok(cache::short(context))
}

fn requirements(recipe: &Recipe) -> PathBuf {
    recipe.folder.join("requirements.txt")
}

fn install(recipe: &Recipe, program: &Path) -> Result<(), String> {
    let start = Instant::now();
    let environment = program.with_file_name("environment");
    let (python, done) = (environment.join("bin").join("python").display().to_string(), environment.join("done"));
    // Several programs share one environment; what was begun and not ended is begun again.
    if !done.exists() {
        say(&format!("fetching {} (once a machine) as {} says", recipe.name, requirements(recipe).display()));
        run("python3", &["-m", "venv", "--clear", &environment.display().to_string()])?;
        let pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps", "--no-compile", "-r"];
        run(&python, &[&pip[..], &[&requirements(recipe).display().to_string()]].concat())?;
        fs::write(&done, "").map_err(|error| format!("cannot write {} ({error})", done.display()))?;
    }
    let partial = program.with_extension("partial");
    let text = format!("#!/bin/sh\nexec '{python}' {} \"$@\"\n", recipe.arguments);
    let written = fs::write(&partial, text).and_then(|()| fs::set_permissions(&partial, fs::Permissions::from_mode(0o755)));
    written.and_then(|()| fs::rename(&partial, program)).map_err(|error| format!("cannot keep {} ({error})", program.display()))?;
    say(&format!("{} is installed ({} s)", recipe.name, start.elapsed().as_secs()));
    Ok(())
}

fn run(program: &str, arguments: &[&str]) -> Result<String, String> {
    let run = Command::new(program).args(arguments).stdin(Stdio::null()).output();
    let run = run.map_err(|error| format!("`{program}` does not start ({error})"))?;
    if run.status.success() {
        return Ok(String::from_utf8_lossy(&run.stdout).into_owned());
    }
    let said = [run.stdout, run.stderr].map(|bytes| String::from_utf8_lossy(&bytes).trim().to_owned()).join(" ");
    Err(format!("`{program} {}` fails: {}", arguments.join(" "), said.trim()))
}

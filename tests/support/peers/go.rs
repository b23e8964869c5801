//! Builds Go programs.

use std::fs;
use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::time::Instant;

use aws_lc_rs::digest::{Context, SHA256};

use super::cache::{self, say};

/// How to build one program.
pub(super) struct Recipe {
    pub(super) name: &'static str,
    pub(super) folder: PathBuf,
    pub(super) package: &'static str,
    pub(super) link: &'static str,
}

/// Finds a program in the cache, or builds it there.
pub(super) fn binary(recipe: &Recipe) -> Result<PathBuf, String> {
    cache::program(recipe.name, &fingerprint(recipe)?, |program| build(recipe, &recipe.folder, recipe.package, program))
}

/// As [`binary`], of the root of a module, whose sources are copied, and files of the folder `replaced` over them: the compiler replaces none in the
/// place where it keeps modules.
pub(super) fn replaced(recipe: &Recipe) -> Result<PathBuf, String> {
    cache::program(recipe.name, &fingerprint(recipe)?, |program| {
        let copy = tempfile::tempdir().map_err(|error| format!("cannot make a folder ({error})"))?;
        for from in [sources(&recipe.folder, recipe.package)?, recipe.folder.join("replaced")] {
            copy_into(&from, copy.path()).map_err(|error| format!("cannot copy {} ({error})", from.display()))?;
        }
        build(recipe, copy.path(), ".", program)
    })
}

/// Copies what lies in a folder into another one, over what is there.
fn copy_into(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let place = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy_into(&entry.path(), &place)?;
        } else {
            // The content only: files of modules may not be written, and a copy of one may be replaced.
            fs::write(&place, fs::read(entry.path())?)?;
        }
    }
    Ok(())
}

/// Finds the unpacked sources of a module, fetching them if need be.
pub(super) fn sources(folder: &Path, module: &str) -> Result<PathBuf, String> {
    run_go(folder, &["mod", "download", module])?;
    Ok(PathBuf::from(run_go(folder, &["list", "-m", "-f", "{{.Dir}}", module])?.trim()))
}

/// Names what is built: its sources, its versions, its table entry and the compiler.
fn fingerprint(recipe: &Recipe) -> Result<String, String> {
    let (mut sources, mut folders) = (Vec::new(), vec![recipe.folder.clone()]);
    while let Some(folder) = folders.pop() {
        let entries = fs::read_dir(&folder).map_err(|error| format!("cannot read {} ({error})", folder.display()))?;
        for path in entries.filter_map(|entry| entry.ok().map(|entry| entry.path())) {
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| ["go", "mod", "sum"].iter().any(|kind| extension == *kind)) {
                sources.push(path);
            }
        }
    }
    sources.sort();
    let mut context = Context::new(&SHA256);
    for text in [recipe.name, recipe.package, recipe.link, &go_version()?] {
        context.update(text.as_bytes());
        context.update(b"\0");
    }
    for path in sources {
        context.update(&fs::read(&path).map_err(|error| format!("cannot read {} ({error})", path.display()))?);
        context.update(b"\0");
    }
    Ok(cache::short(context))
}

fn go_version() -> Result<String, String> {
    static VERSION: OnceLock<Result<String, String>> = OnceLock::new();
    VERSION.get_or_init(|| run_go(Path::new("/"), &["version"])).clone()
}

fn build(recipe: &Recipe, folder: &Path, package: &str, program: &Path) -> Result<(), String> {
    let start = Instant::now();
    let partial = program.with_extension("partial");
    say(&format!("fetching and building {} (once a machine) from {} in {}", recipe.name, recipe.package, recipe.folder.display()));
    let mut command = Command::new("go");
    command.args(["build", "-trimpath", "-buildvcs=false", "-mod=readonly", "-p", "2", "-ldflags", recipe.link, "-o"]);
    command.arg(&partial).arg(package).current_dir(folder);
    let mut child = command.stdin(Stdio::null()).stderr(Stdio::piped()).spawn().map_err(no_go)?;
    let mut last = Vec::new();
    for line in child.stderr.take().into_iter().flat_map(|stderr| BufReader::new(stderr).lines()).map_while(Result::ok) {
        say(&line);
        last.push(line);
        last.drain(..last.len().saturating_sub(3));
    }
    let status = child.wait().map_err(|error| format!("`go build` is lost ({error})"))?;
    if !status.success() {
        return Err(format!("`go build` fails: {}", last.join("; ")));
    }
    fs::rename(&partial, program).map_err(|error| format!("cannot keep {} ({error})", program.display()))?;
    say(&format!("{} is built ({} s)", recipe.name, start.elapsed().as_secs()));
    Ok(())
}

fn run_go(folder: &Path, arguments: &[&str]) -> Result<String, String> {
    let run = Command::new("go").args(arguments).current_dir(folder).stdin(Stdio::null()).output().map_err(no_go)?;
    if run.status.success() {
        Ok(String::from_utf8_lossy(&run.stdout).into_owned())
    } else {
        Err(format!("`go {}` fails: {}", arguments.join(" "), String::from_utf8_lossy(&run.stderr).trim()))
    }
}

fn no_go(error: io::Error) -> String {
    format!("`go` does not start ({error}); see go.dev/doc/install")
}

//! A program in the background that ends with us, however we end.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// A running program; it is killed when this is dropped, and when this process dies.
pub struct Server {
    name: String,
    watchdog: Child,
    log: PathBuf,
}

/// The watchdog keeps the program as its child and reads a pipe that only the test process can write to. The pipe ends when that process does, even by
/// SIGKILL, and the program with it. (A parent-death signal would come when the *thread* that started it ends.) It then removes the scratch folder.
const WATCHDOG: &str = r#"
exec 3<&0
"$@" </dev/null 3<&- &
program=$!
{ cat <&3 >/dev/null; kill -9 $program; } &
watcher=$!
exec 3<&-
wait $program
code=$?
kill -9 $watcher
test $code = 137 && rm -rf -- "$SCRATCH"
exit $code
"#;

impl Server {
    /// Starts a program whose output goes to a log in `folder`, which is removed when it is killed.
    ///
    /// # Panics
    /// If the watchdog does not start.
    #[must_use]
    pub fn start<S: AsRef<OsStr>>(program: &Path, arguments: impl IntoIterator<Item = S>, folder: &Path) -> Self {
        Self::start_with(Command::new("sh").args(["-c", WATCHDOG, "sh"]).arg(program).args(arguments), program, folder)
    }

    fn start_with(command: &mut Command, program: &Path, folder: &Path) -> Self {
        fs::create_dir_all(folder).expect("a folder can be made");
        let name = program.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let log = folder.join("log");
        let output = File::create(&log).expect("a log can be written");
        let errors = output.try_clone().expect("a log can be shared");
        // A group of its own: the terminal's Ctrl-C is for the test process, whose end is enough.
        command.env("SCRATCH", folder).stdin(Stdio::piped()).stdout(output).stderr(errors).process_group(0);
        Self { watchdog: command.spawn().expect("sh starts"), name, log }
    }

    /// Waits until the program is ready.
    ///
    /// # Panics
    /// If the program ends before, or takes more than two minutes; shows the end of its log.
    pub fn wait_until(&mut self, mut ready: impl FnMut() -> bool) {
        let start = Instant::now();
        while !ready() {
            let runs = self.runs();
            assert!(runs, "{} ended: {}", self.name, self.last_lines());
            assert!(start.elapsed() < Duration::from_secs(120), "{} is not ready: {}", self.name, self.last_lines());
            thread::sleep(Duration::from_millis(50));
        }
    }

    /// Whether the program runs.
    ///
    /// # Panics
    /// If the system does not tell.
    #[must_use]
    pub fn runs(&mut self) -> bool {
        self.watchdog.try_wait().expect("a child can be asked").is_none()
    }

    /// Everything that the program has said so far.
    #[must_use]
    pub fn log(&self) -> String {
        fs::read(&self.log).map(|log| String::from_utf8_lossy(&log).into_owned()).unwrap_or_default()
    }

    fn last_lines(&self) -> String {
        let log = self.log();
        let lines: Vec<_> = log.lines().collect();
        lines[lines.len().saturating_sub(20)..].join("\n")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.watchdog.stdin.take());
        // It was told to end, and nothing more can be done.
        let _ = self.watchdog.wait();
    }
}

/// Finds a port of the loopback that nobody listens on, below those that the system gives to clients (Linux: from 32,768), so that none takes it before
/// the server does.
///
/// # Panics
/// If a thousand in a row are taken.
#[must_use]
pub fn free_port() -> u16 {
    let free = (0..1_000).find_map(|_| {
        let mut dice = [0; 2];
        aws_lc_rs::rand::fill(&mut dice).ok()?;
        let port = 10_000 + u16::from_le_bytes(dice) % 20_000;
        TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok().then_some(port)
    });
    free.expect("the loopback has a free port")
}

/// Asks a plain HTTP server on the loopback; tells the status and the body.
///
/// # Errors
/// If nobody answers.
pub fn fetch(port: u16, path: &str) -> std::io::Result<(u16, String)> {
    exchange(port, &format!("GET {path} HTTP/1.0\r\nHost: localhost\r\n\r\n"))
}

/// As [`fetch`], with something to say, in JSON.
///
/// # Errors
/// If nobody answers.
pub fn post(port: u16, path: &str, body: &str) -> std::io::Result<(u16, String)> {
    ask(port, "POST", path, &[], body)
}

/// As [`fetch`], by any method, with further headers, and with something to say, in JSON.
///
/// # Errors
/// If nobody answers.
pub fn ask(port: u16, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> std::io::Result<(u16, String)> {
    let (length, headers) = (body.len(), headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect::<String>());
    let head = format!("{method} {path} HTTP/1.0\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n{headers}");
    exchange(port, &format!("{head}\r\n{body}"))
}

fn exchange(port: u16, request: &str) -> std::io::Result<(u16, String)> {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
    stream.set_read_timeout(Some(Duration::from_secs(30)))?;
    stream.write_all(request.as_bytes())?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    let answer = String::from_utf8_lossy(&answer);
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or_default();
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or_default();
    Ok((status, body.to_owned()))
}

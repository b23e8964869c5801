//! Go's own `text/template` with sprig, as a process that answers line by line.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};

/// What came of a rendering, on either side.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Outcome {
    Output(Vec<u8>),
    /// The template is not well-formed.
    Parse,
    /// It failed on the data.
    Exec,
    /// The process died, as it does of endless recursion.
    Died,
}

impl std::fmt::Debug for Outcome {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Output(bytes) => write!(f, "\"{}\"", bytes.escape_ascii()),
            Self::Parse => f.write_str("parse error"),
            Self::Exec => f.write_str("exec error"),
            Self::Died => f.write_str("death"),
        }
    }
}

/// The running process.
pub(crate) struct Oracle {
    program: PathBuf,
    running: Option<(Child, ChildStdin, BufReader<ChildStdout>)>,
}

impl Oracle {
    pub(crate) fn new(program: &Path) -> Self {
        Self { program: program.to_owned(), running: None }
    }

    /// Renders; the second of the pair is what Go says of an error.
    pub(crate) fn render(&mut self, source: &[u8], values: &BTreeMap<String, Vec<u8>>, missing_key: &str) -> (Outcome, String) {
        let values: BTreeMap<_, _> = values.iter().map(|(key, value)| (key, BASE64_STANDARD.encode(value))).collect();
        let request = json!({ "name": "key", "template": BASE64_STANDARD.encode(source), "values": values, "missingkey": missing_key });
        let answer = self.ask(&request.to_string()).unwrap_or_default();
        let Ok(answer) = serde_json::from_str::<Value>(&answer) else {
            self.running = None;
            return (Outcome::Died, String::new());
        };
        let why = answer["why"].as_str().unwrap_or_default().to_owned();
        let outcome = match answer["error"].as_str() {
            Some("parse") => Outcome::Parse,
            Some(_) => Outcome::Exec,
            None => Outcome::Output(BASE64_STANDARD.decode(answer["output"].as_str().unwrap_or_default()).unwrap_or_default()),
        };
        (outcome, why)
    }

    fn ask(&mut self, request: &str) -> std::io::Result<String> {
        if self.running.is_none() {
            let mut command = Command::new(&self.program);
            command.env_clear().env("TZ", "UTC").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
            let mut child = command.spawn()?;
            let pipes = child.stdin.take().zip(child.stdout.take());
            self.running = pipes.map(|(stdin, stdout)| (child, stdin, BufReader::new(stdout)));
        }
        let mut answer = String::new();
        if let Some((_, stdin, stdout)) = &mut self.running {
            writeln!(stdin, "{request}")?;
            stdin.flush()?;
            stdout.read_line(&mut answer)?;
        }
        Ok(answer)
    }
}

impl Drop for Oracle {
    fn drop(&mut self) {
        if let Some((child, ..)) = &mut self.running {
            // It ends by itself when its input does; nothing is lost if it cannot be killed.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

//! Plugins of age: `age-plugin-x` holds the keys of recipients `age1x1...`, and speaks stanzas through its standard input and output.
//!
//! A plugin is waited for without giving the thread away: it talks with a person who touches a device or types a word, and nothing of a run goes on
//! before that.
//!
//! *Source*: C2SP `age-plugin.md`.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::thread;
use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_STANDARD_NO_PAD;
use keys::{AgePlugins, AgeStanza, Credentials, Error, ErrorKind, Result, SecretBytes};

/// Length of a full line of a body.
const LINE: usize = 64;

/// The longest line, and the longest body, that a plugin may send, in bytes.
const LONGEST: u64 = 64 * 1024;

/// The most messages that a plugin may send.
const MOST_MESSAGES: usize = 1000;

/// The longest text of a plugin that is repeated, in characters.
const LONGEST_TEXT: usize = 300;

/// How long a plugin that said that it is done may take to end.
const ENDING: Duration = Duration::from_secs(1);

/// Starts a program for each question.
pub(super) struct Processes;

impl AgePlugins for Processes {
    fn wrap(&self, plugin: &str, recipient: &str, file_key: &SecretBytes, credentials: &dyn Credentials) -> Result<Vec<AgeStanza>> {
        let mut talk = Talk::begin(plugin, "recipient-v1", credentials, ErrorKind::Unsupported)?;
        talk.say("add-recipient", &[recipient], None)?;
        talk.say("wrap-file-key", &[], Some(file_key))?;
        talk.say("done", &[], None)?;
        let mut stanzas = Vec::new();
        talk.listen(|mut message| {
            if message.tag == "recipient-stanza" && message.arguments.len() >= 2 && message.arguments.first().is_some_and(|index| index == "0") {
                let arguments = message.arguments.split_off(2);
                stanzas.push(AgeStanza { tag: message.arguments.swap_remove(1), arguments, body: message.body });
            }
        })?;
        if stanzas.is_empty() { Err(talk.failed("it wraps nothing")) } else { Ok(stanzas) }
    }

    fn open(&self, plugin: &str, identity: &SecretBytes, stanzas: &[AgeStanza], credentials: &dyn Credentials) -> Result<Option<SecretBytes>> {
        let mut talk = Talk::begin(plugin, "identity-v1", credentials, ErrorKind::Unopenable)?;
        // EXPOSE: the identity is told to the plugin that it belongs to.
        let identity = std::str::from_utf8(identity.expose()).map_err(|_| talk.failed("its identity is not text"))?;
        talk.say("add-identity", &[identity], None)?;
        for stanza in stanzas {
            let arguments: Vec<&str> = ["0", &stanza.tag].into_iter().chain(stanza.arguments.iter().map(String::as_str)).collect();
            talk.say("recipient-stanza", &arguments, Some(&SecretBytes::new(stanza.body.clone())))?;
        }
        talk.say("done", &[], None)?;
        let mut key = None;
        talk.listen(|message| {
            if message.tag == "file-key" {
                key = Some(SecretBytes::new(message.body));
            }
        })?;
        Ok(key)
    }
}

/// A conversation with one plugin.
struct Talk<'a> {
    program: String,
    child: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
    credentials: &'a dyn Credentials,
    refused: ErrorKind,
}

impl<'a> Talk<'a> {
    fn begin(plugin: &str, protocol: &str, credentials: &'a dyn Credentials, refused: ErrorKind) -> Result<Self> {
        let program = format!("age-plugin-{plugin}");
        let fail = |what: &str| Error::new(ErrorKind::Unavailable, format!("start {program}: {what}"));
        let folders = credentials.variable("PATH").ok_or_else(|| fail("PATH is not set"))?;
        // EXPOSE: names of folders.
        let folders = std::str::from_utf8(folders.expose()).map_err(|_| fail("PATH is not text"))?;
        for folder in folders.split(':').map(Path::new).filter(|folder| folder.is_absolute()) {
            let mut command = Command::new(folder.join(&program));
            command.arg(format!("--age-plugin={protocol}")).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
            match command.spawn() {
                Ok(mut child) => {
                    let (input, output) = (child.stdin.take(), child.stdout.take().ok_or_else(|| fail("it has no output"))?);
                    return Ok(Self { program, child, input, output: BufReader::new(output), credentials, refused });
                }
                Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {}
                Err(error) => return Err(fail(&format!("it does not start ({error})"))),
            }
        }
        Err(fail("it is not in PATH"))
    }

    fn failed(&self, what: &str) -> Error {
        Error::new(ErrorKind::Unavailable, format!("talk with {}: {what}", self.program))
    }

    /// Sends a stanza; nothing in it can begin another one.
    fn say(&mut self, tag: &str, arguments: &[&str], body: Option<&SecretBytes>) -> Result<()> {
        if arguments.iter().any(|argument| argument.is_empty() || !argument.bytes().all(|byte| byte.is_ascii_graphic())) {
            return Err(self.failed("what it should be told is not plain text"));
        }
        let mut text = ["->", tag].into_iter().chain(arguments.iter().copied()).collect::<Vec<_>>().join(" ").into_bytes();
        // EXPOSE: the plugin is told what it should work on.
        let body = body.map(|body| SecretBytes::new(BASE64_STANDARD_NO_PAD.encode(body.expose()).into_bytes()));
        text.push(b'\n');
        // EXPOSE: the same, in lines; the last one is always shorter than the others.
        let body = body.as_ref().map_or(&[][..], SecretBytes::expose);
        for at in 0..=body.len() / LINE {
            text.extend_from_slice(body.get(at * LINE..).map_or(&[][..], |rest| rest.get(..LINE).unwrap_or(rest)));
            text.push(b'\n');
        }
        let text = SecretBytes::new(text);
        // EXPOSE: the same, as it is sent.
        let sent = self.input.as_mut().map(|input| input.write_all(text.expose()).and_then(|()| input.flush()));
        if matches!(sent, Some(Ok(()))) { Ok(()) } else { Err(self.failed("it does not listen")) }
    }

    /// Answers what the plugin asks until it is done; hands over what else it says.
    fn listen(&mut self, mut take: impl FnMut(AgeStanza)) -> Result<()> {
        for _ in 0..MOST_MESSAGES {
            let message = self.hear()?;
            match message.tag.as_str() {
                "done" => {
                    self.end();
                    return Ok(());
                }
                "error" => {
                    let text = plain(&message.body);
                    return Err(Error::new(self.refused, format!("talk with {}: it says {text:?}", self.program)));
                }
                "msg" => {
                    self.credentials.tell(&plain(&message.body));
                    self.say("ok", &[], None)?;
                }
                "request-secret" | "request-public" => self.ask(&message)?,
                "confirm" => self.confirm(&message)?,
                "recipient-stanza" | "file-key" => {
                    take(message);
                    self.say("ok", &[], None)?;
                }
                _ => self.say("unsupported", &[], None)?,
            }
        }
        Err(self.failed("it does not come to an end"))
    }

    fn ask(&mut self, message: &AgeStanza) -> Result<()> {
        match self.credentials.passphrase(&plain(&message.body)) {
            Ok(answer) => self.say("ok", &[], Some(&answer)),
            Err(_) => self.say("fail", &[], None),
        }
    }

    /// Asks for one of two words, or for a letter of it.
    fn confirm(&mut self, message: &AgeStanza) -> Result<()> {
        let word = |at: usize| message.arguments.get(at).and_then(|word| BASE64_STANDARD_NO_PAD.decode(word).ok()).map(|word| plain(&word));
        let (yes, no) = (word(0).unwrap_or_else(|| "yes".to_owned()), word(1));
        let choices = no.map_or_else(|| yes.clone(), |no| format!("{yes}/{no}"));
        match self.credentials.passphrase(&format!("{} [{choices}]", plain(&message.body))) {
            Ok(answer) => {
                // EXPOSE: the answer to yes or no.
                let answer = String::from_utf8_lossy(answer.expose()).trim().to_lowercase();
                let agreed = !answer.is_empty() && yes.to_lowercase().starts_with(&answer);
                self.say("ok", &[if agreed { "yes" } else { "no" }], None)
            }
            Err(_) => self.say("fail", &[], None),
        }
    }

    fn hear(&mut self) -> Result<AgeStanza> {
        let first = self.line()?;
        let mut words = first.strip_prefix("-> ").unwrap_or_default().split(' ').map(str::to_owned);
        let tag = words.next().filter(|tag| !tag.is_empty()).ok_or_else(|| self.failed("it does not speak the language of plugins"))?;
        let mut text = String::new();
        loop {
            let line = self.line()?;
            text.push_str(&line);
            if line.len() < LINE {
                break;
            }
            if line.len() > LINE || text.len() as u64 > LONGEST {
                return Err(self.failed("it says too much at once"));
            }
        }
        let body = BASE64_STANDARD_NO_PAD.decode(text).map_err(|_| self.failed("it does not speak the language of plugins"))?;
        Ok(AgeStanza { tag, arguments: words.collect(), body })
    }

    fn line(&mut self) -> Result<String> {
        let mut line = String::new();
        let read = (&mut self.output).take(LONGEST).read_line(&mut line);
        match read {
            Ok(_) if line.ends_with('\n') => {
                line.pop();
                Ok(line)
            }
            _ => Err(self.failed("it ends in the middle of the conversation")),
        }
    }

    /// Lets the program end by itself, and ends it if it does not.
    fn end(&mut self) {
        drop(self.input.take());
        let pause = Duration::from_millis(5);
        for _ in 0..ENDING.as_millis() / pause.as_millis() {
            if !matches!(self.child.try_wait(), Ok(None)) {
                return;
            }
            thread::sleep(pause);
        }
    }
}

impl Drop for Talk<'_> {
    fn drop(&mut self) {
        // It has ended, or nobody will listen to it any more.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A text of a plugin, without anything that a terminal would obey.
fn plain(text: &[u8]) -> String {
    String::from_utf8_lossy(text).chars().filter(|one| !one.is_control()).take(LONGEST_TEXT).collect()
}

#[cfg(test)]
mod tests;

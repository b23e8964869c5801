//! Lines on standard error, as the two logs of sops write them.

use engine::harmless;
use jiff::Timestamp;

use crate::compat::quote;
use crate::output::note;

/// Something that the user should know.
pub(super) fn warn(text: &str) {
    line("warning", text);
}

/// Something that the user should know about the content of a file.
pub(super) fn warn_of_content(text: &str) {
    note(&format!("[SOPS]\t time=\"{}\" level=warning msg={}", now(), quoted(text)));
}

/// Something that failed, after which more is done.
pub(super) fn error(text: &str) {
    line("error", text);
}

/// Something that failed, after which nothing is done.
pub(super) fn fatal(text: &str) {
    line("fatal", text);
}

fn line(level: &str, text: &str) {
    note(&format!("[CMD]\t time=\"{}\" level={level} msg={}", now(), quoted(text)));
}

/// A step of a command that tells its steps.
pub(super) fn step(text: &str) {
    let time = now();
    let time = time.trim_end_matches('Z').replace('-', "/").replace('T', " ");
    note(&format!("{time} {}", harmless(text)));
}

fn now() -> String {
    let now = Timestamp::now();
    Timestamp::from_second(now.as_second()).unwrap_or(now).to_string()
}

/// Quoted if it has more in it than letters, digits and some marks.
fn quoted(text: &str) -> String {
    let plain = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '-' | '.' | '_' | '/' | '@' | '^' | '+');
    if text.chars().all(plain) { text.to_owned() } else { quote(text) }
}

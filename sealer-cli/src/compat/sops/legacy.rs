//! The program without a command: what it does is said by flags, which stand before the file.

use keys::SecretBytes;
use sops::TreePath;

use super::failure::{Failure, Result, codes};
use super::files::{Input, Subject, deliver};
use super::job::Job;
use super::{check_output, decrypt, edit, encrypt, log, rotate, set, warn_of_more_arguments};
use crate::compat::urfave::Values;
use crate::output::Access;

/// What is to be done.
#[derive(Clone, Copy, Debug)]
struct Modes {
    decrypt: bool,
    encrypt: bool,
    rotate: bool,
    set: bool,
}

impl Modes {
    fn of(values: &Values) -> Self {
        let [decrypt, encrypt, rotate] = ["decrypt", "encrypt", "rotate"].map(|name| values.is_on(name));
        Self { decrypt, encrypt, rotate, set: !values.text("set").is_empty() }
    }

    fn count(self) -> usize {
        [self.decrypt, self.encrypt, self.rotate, self.set].into_iter().filter(|mode| *mode).count()
    }
}

/// Runs the program.
pub(super) fn run(values: &Values) -> Result<()> {
    let modes = Modes::of(values);
    if values.arguments.is_empty() {
        return Err(Failure::new(codes::NO_FILE, "Error: no file specified"));
    }
    warn_of_more_arguments(values);
    check_output(values)?;
    let subject = Subject::named(values.arguments.first().map(String::as_str), values.text("filename-override"));
    rotate::check_changes(values, &subject, "use `--kms` and `--pgp` instead")?;
    if modes.decrypt || modes.encrypt || modes.rotate {
        subject.check_exists()?;
    }
    if modes.count() > 1 {
        log::warn(
            "More than one command (--encrypt, --decrypt, --rotate, --set) has been specified. Only the changes made by the last one will be visible. Note \
            that this behavior is deprecated and will cause an error eventually.",
        );
    }
    let job = Job::new(values, values)?;
    // A file is only decrypted whatever its creation rule is; everything else fails on a broken one.
    let rule = if modes.decrypt && modes.count() == 1 { None } else { job.rule(&subject.name)? };
    let job = job.in_order()?;
    if modes.count() == 0 {
        return edit::edit(&job, &subject, rule.as_ref());
    }
    act(&job, modes, &subject, rule.as_ref())
}

/// Does what the modes say; only what the last of them makes is written.
fn act(job: &Job<'_>, modes: Modes, subject: &Subject, rule: Option<&sops::CreationRule>) -> Result<()> {
    let mut made: Option<(Input, SecretBytes, Access)> = None;
    if modes.encrypt {
        let recipe = encrypt::recipe(job, subject, rule)?;
        let encrypted =
            Input::of(subject.path.as_deref()).and_then(|input| encrypt::ciphertext(job, &input, subject, &recipe).map(|text| (input, text)));
        match encrypted {
            Ok((input, text)) => made = Some((input, text, Access::Default)),
            Err(failure) if modes.count() == 1 => return Err(failure),
            Err(_) => {}
        }
    }
    if modes.decrypt {
        let part = decrypt::part(job.local)?;
        let decrypted =
            Input::of(subject.path.as_deref()).and_then(|input| decrypt::plaintext(job, &input, subject, &part).map(|text| (input, text)));
        match decrypted {
            Ok((input, text)) => made = Some((input, text, Access::Owner)),
            Err(failure) if !modes.set => return Err(failure),
            Err(_) => {}
        }
    }
    if modes.rotate {
        let (input, text) = rotate::rotated(job, subject)?;
        made = Some((input, text, Access::Default));
    }
    if modes.set {
        let (path, value) = set_argument(job.local.text("set"))?;
        let (input, text, _) = set::changed(job, subject, &path, value)?;
        return set::write_back(subject, &input, &text);
    }
    let Some((input, text, access)) = made else { return Ok(()) };
    // EXPOSE: the user asks for the plaintext, or all values are encrypted.
    deliver(job, &input, text.expose(), access)
}

/// A path and a value, with a space between them.
fn set_argument(text: &str) -> Result<(TreePath, sops::Node)> {
    let invalid = || Failure::new(codes::SET, "Invalid --set format");
    let end = text.find("] ").ok_or_else(invalid)? + 1;
    let (path, value) = text.split_at(end);
    let value = set::value(&SecretBytes::new(value.trim_start_matches(' ').as_bytes().to_vec()))?;
    Ok((TreePath::parse(path).map_err(|_| invalid())?, value))
}

//! `sealer edit`: an encrypted file in the person's editor, and no byte changed that they did not change.

use std::path::{Path, PathBuf};

use engine::file::{Recipe, lock, relock, unlock};
use engine::{Error, ErrorKind};
use jiff::Timestamp;
use keys::SecretBytes;
use sops::{DecryptedFile, EncryptedFile, MacCheck, Manner, PlainFile, PlainText, Store, Style};

use crate::editor::{Edited, Verdict, edit};
use crate::exit::Outcome;
use crate::files::{ConfigOption, Desk, InputOption, OrderOption, example, is_not_encrypted, lost_comments, store};
use crate::input::{Source, read_file, refuse_unreadable};
use crate::output::{Access, note, rewrite_file, write_file};
use crate::signals::end_by;

// Arguments of the command.
#[derive(clap::Args)]
#[command(
    after_help = "The editor is that of SOPS_EDITOR or EDITOR, or vim, nano or vi. It works on a copy that only you can read, in memory where the machine has \
    such a place, and the copy is wiped afterwards. A file that is not there yet is made for the keys of its creation rule.\n\
    Example:  sealer edit db.enc.yaml\n\
    Example:  EDITOR='code --wait' sealer edit db.enc.yaml"
)]
pub(crate) struct Args {
    /// File
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Edit a file even if its MAC does not fit: whoever changed it had no key
    #[arg(long)]
    dangerous_ignore_mac: bool,
    #[command(flatten)]
    input: InputOption,
    #[command(flatten)]
    order: OrderOption,
    #[command(flatten)]
    config: ConfigOption,
}

/// Runs the command.
pub(crate) fn run(args: &Args, now: Timestamp) -> Outcome {
    let desk = Desk::new(now)?.in_order(args.order.decryption_order.clone());
    let store = store(args.input.input_type.as_deref(), &args.file)?;
    let edited = match read_file(&args.file) {
        Err(error) if error.kind() == ErrorKind::NotFound => create(args, &desk, store),
        source => change(args, &desk, store, &source?),
    };
    match edited.map_err(|error| error.in_file(args.file.display().to_string()))? {
        Edited::Accepted(()) => {}
        Edited::Unchanged => note(&format!("{}: nothing was changed", args.file.display())),
        Edited::Interrupted(signal) => end_by(signal),
    }
    Ok(())
}

/// Edits a file that is there.
fn change(args: &Args, desk: &Desk, store: &'static dyn Store, source: &Source) -> engine::Result<Edited<()>> {
    let check = if args.dangerous_ignore_mac { MacCheck::DangerousIgnore } else { MacCheck::Enforce };
    let encrypted = || Ok(EncryptedFile::parse(store, source.bytes.duplicate())?);
    let unlocked = encrypted().and_then(|file| desk.wait(unlock(&desk.keychain, file, check, Manner::InPlace)));
    let unlocked = unlocked.map_err(|error| {
        if is_not_encrypted(&error) { error.advise(format!("Run `sealer encrypt --in-place {}` first", args.file.display())) } else { error }
    })?;
    lost_comments(&source.name, unlocked.file.lost_comments);
    let (key, writing) = (unlocked.key, desk.writing(store, Manner::InPlace));
    let accept = |text| {
        // Each try takes the ciphertexts of the file anew: the one before may have used them up.
        let DecryptedFile { metadata, stash, .. } = encrypted()?.decrypt(&key, check, Manner::InPlace)?;
        let locked = PlainFile::parse(store, text).map_err(Error::from).and_then(|plain| relock(plain, &key, metadata, stash, &writing));
        // EXPOSE: a file whose values are encrypted is written.
        Ok(verdict(locked.and_then(refuse_unreadable).and_then(|text| rewrite_file(&args.file, &source.bytes, text.expose()))))
    };
    Ok(edit(args.file.as_os_str(), unlocked.file.plain.source(), accept)?)
}

/// Makes a file that is not there.
fn create(args: &Args, desk: &Desk, store: &'static dyn Store) -> engine::Result<Edited<()>> {
    let recipe = recipe(args, desk, store)?;
    // Bytes without a format are wrapped whole: nothing of them can be left readable.
    let manner = if store.reserves_names() { Manner::InPlace } else { Manner::Anew(Style::default()) };
    let writing = desk.writing(store, manner);
    let start = store.emit(&example(store), Style::default())?;
    let accept = |text| {
        let locked = PlainText::parse(store, text).map_err(Error::from);
        let locked = locked.and_then(|plain| desk.wait(lock(&desk.keychain, plain, &recipe, &writing))).and_then(refuse_unreadable);
        Ok(verdict(locked.and_then(|text| write_new(&args.file, &text))))
    };
    Ok(edit(args.file.as_os_str(), &start, accept)?)
}

/// Whatever is wrong, the author of the text may do something about it, and should not lose it.
fn verdict(done: engine::Result<()>) -> Verdict<()> {
    match done {
        Ok(()) => Verdict::Accepted(()),
        Err(error) => {
            let advice = error.advice().map(|advice| format!(". {advice}")).unwrap_or_default();
            Verdict::Again(error.kind(), format!("{error}{advice}"))
        }
    }
}

fn write_new(path: &Path, text: &SecretBytes) -> engine::Result<()> {
    if path.symlink_metadata().is_ok() {
        return Err(Error::new(ErrorKind::Busy, "write the file: it was made in the meantime").in_file(path.display().to_string()));
    }
    // EXPOSE: a file whose values are encrypted is written.
    write_file(path, text.expose(), Access::Default)
}

/// Whom a new file is for, and which of its values.
fn recipe(args: &Args, desk: &Desk, store: &'static dyn Store) -> engine::Result<Recipe> {
    let missing = || {
        let error = Error::new(ErrorKind::NotFound, "open the file: there is none, and no .sops.yaml with a creation rule to make it by");
        error.advise("Write a .sops.yaml beside the file, or encrypt a plaintext with `sealer encrypt`")
    };
    let config = args.config.find(&args.file)?.ok_or_else(missing)?;
    let rule = config.rule_for(&args.file, &desk.keychain.names())?.ok_or_else(missing)?;
    let mut recipe = desk.recipe(&rule)?;
    if recipe.groups.iter().all(Vec::is_empty) {
        return Err(missing());
    }
    recipe.rule = if store.reserves_names() { recipe.rule.or_else(|| Some(sops::Rule::default_suffix())) } else { None };
    recipe.check()?;
    Ok(recipe)
}

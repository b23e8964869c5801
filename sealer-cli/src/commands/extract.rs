//! `sealer extract`: one value of an encrypted file.

use std::path::PathBuf;

use engine::file::unlock;
use engine::{Error, ErrorKind};
use jiff::Timestamp;
use sops::{EncryptedFile, MacCheck, Manner, Node, Reached, Style, TreePath, Value};

use crate::exit::Outcome;
use crate::files::{Desk, InputOption, OrderOption, store};
use crate::input::read_file;
use crate::output::{Access, write};

// Arguments of the command.
#[derive(clap::Args)]
#[command(
    after_help = "A text is printed as it is, without a line break behind it.\nExample:  sealer extract db.enc.yaml '[\"database\"][\"password\"]'"
)]
pub(crate) struct Args {
    /// File
    #[arg(value_name = "FILE")]
    file: PathBuf,
    // Brackets would be links in a doc comment.
    #[arg(value_name = "PATH", help = r#"Where the value stands, as '["key"][0]'"#)]
    path: String,
    /// Write to a file that only its owner can read
    #[arg(short = 'w', long, value_name = "FILE")]
    output: Option<PathBuf>,
    #[command(flatten)]
    input: InputOption,
    /// Format of a value that has parts [default: that of the input]
    #[arg(long, value_name = "FORMAT")]
    output_type: Option<String>,
    #[command(flatten)]
    order: OrderOption,
}

/// Runs the command.
pub(crate) fn run(args: &Args, now: Timestamp) -> Outcome {
    let path = TreePath::parse(&args.path).map_err(Error::from)?;
    let desk = Desk::new(now)?.in_order(args.order.decryption_order.clone());
    let source = read_file(&args.file)?;
    let input = store(args.input.input_type.as_deref(), &args.file)?;
    let output = args.output_type.as_deref().map_or(Ok(input), |name| store(Some(name), &args.file))?;
    let in_file = |error: Error| error.in_file(&source.name);
    let file = EncryptedFile::parse(input, source.bytes.duplicate()).map_err(|error| in_file(error.into()))?.forgetting();
    let unlocked = desk.wait(unlock(&desk.keychain, file, MacCheck::Enforce, Manner::Anew(Style::default()))).map_err(in_file)?;
    let document = unlocked.file.plain.document;
    let empty = || in_file(Error::new(ErrorKind::NotFound, "find the value: the file is empty"));
    let reached = path.find(document.branches.first().ok_or_else(empty)?).map_err(|error| in_file(error.into()))?;
    let text = match reached {
        Reached::Node(Node::Leaf(leaf)) if matches!(leaf.value, Value::Text(_)) => {
            let Value::Text(text) = &leaf.value else { return Err(empty().into()) };
            text.duplicate()
        }
        Reached::Node(node) => output.emit_value(node, Style::default()).map_err(|error| in_file(error.into()))?,
        Reached::Top(_) => output.emit(&document, Style::default()).map_err(|error| in_file(error.into()))?,
    };
    // EXPOSE: the user asks for the plaintext.
    Ok(write(args.output.as_deref(), text.expose(), Access::Owner)?)
}

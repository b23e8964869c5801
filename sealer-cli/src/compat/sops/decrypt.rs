//! `sops decrypt`: a file in plaintext, or one part of it.

use engine::file::Unlocked;
use keys::SecretBytes;
use sops::{Document, Element, Map, Member, Node, PlainFile, Step, Store, TreePath, Value};

use super::failure::{Failure, Result, codes};
use super::files::{Input, Subject, deliver};
use super::job::Job;
use super::{check_output, warn_of_more_arguments};
use crate::compat::urfave::Values;
use crate::output::Access;

/// Runs the command.
pub(super) fn run(global: &Values, local: &Values) -> Result<()> {
    if local.arguments.is_empty() && local.is_on("in-place") {
        return Err(Failure::new(codes::CONFLICT, "Error: cannot use --in-place when reading from stdin"));
    }
    warn_of_more_arguments(local);
    check_output(local)?;
    let subject = Subject::named(local.arguments.first().map(String::as_str), local.text("filename-override"));
    subject.check_exists()?;
    let job = Job::new(global, local)?.in_order()?;
    let part = part(local)?;
    let input = Input::of(subject.path.as_deref())?;
    let text = plaintext(&job, &input, &subject, &part)?;
    // EXPOSE: the user asks for the plaintext.
    deliver(&job, &input, text.expose(), Access::Owner)
}

/// The path of the part that was asked for; an empty one is the whole.
pub(super) fn part(local: &Values) -> Result<TreePath> {
    TreePath::parse(local.text("extract")).map_err(|error| Failure::new(codes::PATH, format!("error parsing --extract path: cannot {error}")))
}

/// Decrypts a file, and lays out the part that was asked for.
pub(super) fn plaintext(job: &Job<'_>, input: &Input, subject: &Subject, part: &TreePath) -> Result<SecretBytes> {
    let store = job.output(&subject.name);
    let Unlocked { file, .. } = job.unlock(input, job.input(&subject.name))?;
    if part.steps().is_empty() {
        return emit(job, store, file.plain.document);
    }
    extracted(job, store, file.plain.document, part)
}

fn extracted(job: &Job<'_>, store: &'static dyn Store, mut document: Document, part: &TreePath) -> Result<SecretBytes> {
    let first = document.branches.first_mut().map(std::mem::take).unwrap_or_default();
    match reach(first, part.steps())? {
        Node::Map(map) => {
            // Of a file of several documents the others are shown too, as upstream does.
            if let Some(first) = document.branches.first_mut() {
                *first = map;
            }
            emit(job, store, document)
        }
        Node::Leaf(leaf) if matches!(leaf.value, Value::Text(_)) => match leaf.value {
            Value::Text(text) => Ok(text),
            _ => Ok(SecretBytes::new(Vec::new())),
        },
        node => store.emit_value(&node, job.style(store)?).map_err(|error| Failure::dumping("tree", &error)),
    }
}

fn emit(job: &Job<'_>, store: &'static dyn Store, document: Document) -> Result<SecretBytes> {
    let style = job.style(store)?;
    PlainFile::of_document(store, document).emit(store, style).map_err(|error| {
        let failure = Failure::dumping("file", &error);
        if store.name() != "binary" {
            return failure;
        }
        Failure { text: format!("{}\n\nThe file may hold more than one binary value: name the format with --output-type.", failure.text), ..failure }
    })
}

/// Follows a path, in the words that upstream has for those that lead nowhere.
fn reach(top: Map, steps: &[Step]) -> Result<Node> {
    let lost = |what: String| Failure::generic(format!("error truncating tree: {what}"));
    steps.iter().try_fold(Node::Map(top), |node, step| match (step, node) {
        (Step::Key(key), Node::Map(map)) => {
            let found = map.members.into_iter().find_map(|member| match member {
                Member::Pair(pair) if pair.key == *key => Some(pair.value),
                _ => None,
            });
            found.ok_or_else(|| lost(format!("component ['{key}'] not found")))
        }
        (Step::Key(key), _) => Err(lost(format!("component ['{key}'] not found"))),
        (Step::Index(index), Node::List(list)) => {
            let values = list.elements.into_iter().filter_map(|element| if let Element::Node(node) = element { Some(node) } else { None });
            values.into_iter().nth(*index).ok_or_else(|| lost(format!("component [{index}] accesses out of bounds")))
        }
        (Step::Index(index), _) => Err(lost(format!("component [{index}] is integer, but tree part is not a slice"))),
    })
}

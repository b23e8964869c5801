//! `sops set` and `sops unset`: one value of an encrypted file.

use std::path::Path;

use engine::file::{Unlocked, relock};
use keys::SecretBytes;
use sops::{DecryptedFile, Element, ErrorKind, List, Map, Member, Node, Reached, Step, Store, TreePath, Value, node_of_json};

use super::failure::{Failure, Result, codes, told};
use super::files::{Input, Subject, readable, reason, rewrite};
use super::job::Job;
use crate::compat::urfave::Values;
use crate::input::read_bounded;
use crate::output::Access;

/// Runs `set`.
pub(super) fn run(global: &Values, local: &Values) -> Result<()> {
    check_arguments(local)?;
    let subject = Subject::named(local.arguments.first().map(String::as_str), "");
    let job = Job::new(global, local)?;
    let path = path(local, "set")?;
    let value = value(&given(local)?)?;
    let job = job.in_order()?;
    let (input, text, changed) = changed(&job, &subject, &path, value)?;
    if !changed && local.is_on("idempotent") {
        return Ok(());
    }
    write_back(&subject, &input, &text)
}

/// Runs `unset`.
pub(super) fn run_unset(global: &Values, local: &Values) -> Result<()> {
    if local.arguments.len() != 2 {
        return Err(Failure::new(codes::NO_FILE, "Error: no file specified, or index is missing"));
    }
    let subject = Subject::named(local.arguments.first().map(String::as_str), "");
    let job = Job::new(global, local)?;
    let path = path(local, "unset")?;
    let job = job.in_order()?;
    let input = Input::of(subject.path.as_deref())?;
    let mut unlocked = job.unlock_to_change(&input, job.input(&subject.name))?;
    let top = unlocked.file.plain.document.branches.first_mut();
    if let Some((Reached::Node(Node::Leaf(_)), [_, ..])) = top.as_deref().map(|top| path.follow(top)) {
        return Err(Failure::generic("Unsupported type: a value has no parts"));
    }
    let unset = top.map_or(Ok(()), |top| path.unset(top));
    match unset {
        Err(error) if error.kind() == ErrorKind::NotFound && local.is_on("idempotent") => return Ok(()),
        Err(error) if error.kind() == ErrorKind::NotFound => return Err(Failure::generic(format!("Key not found: {}", told(&error.into())))),
        Err(error) => return Err(Failure::new(codes::SET, format!("Invalid unset index format: {}", told(&error.into())))),
        Ok(()) => {}
    }
    let text = closed(&job, &subject, unlocked)?;
    write_back(&subject, &input, &text)
}

/// Writes the file back that a value was changed of.
pub(super) fn write_back(subject: &Subject, input: &Input, text: &SecretBytes) -> Result<()> {
    // EXPOSE: a file whose values are encrypted is written.
    subject.path.as_deref().map_or(Ok(()), |path| rewrite(path, input, text.expose(), Access::Default))
}

fn check_arguments(local: &Values) -> Result<()> {
    let stdin = local.is_on("value-stdin");
    if stdin && local.is_on("value-file") {
        return Err(Failure::generic("Error: cannot use both --value-file and --value-stdin"));
    }
    let missing = |text: &str| Err(Failure::new(codes::NO_FILE, text));
    match (stdin, local.arguments.len()) {
        (true, 2) | (false, 3) => Ok(()),
        (true, _) => {
            missing("Error: file specified, or index and value are missing. Need precisely 2 positional arguments since --value-stdin is used.")
        }
        (false, _) => missing("Error: no file specified, or index and value are missing. Need precisely 3 positional arguments."),
    }
}

fn path(local: &Values, command: &str) -> Result<TreePath> {
    let path = TreePath::parse(local.arguments.get(1).map_or("", String::as_str));
    path.map_err(|_| Failure::new(codes::SET, format!("Invalid {command} index format")))
}

/// The text of the value, from where the flags say.
fn given(local: &Values) -> Result<SecretBytes> {
    let argument = local.arguments.get(2).map_or("", String::as_str);
    let fail = |what: &str, error: &std::io::Error| Failure::generic(format!("{what}: {}", reason(error)));
    if local.is_on("value-stdin") {
        return read_bounded(std::io::stdin().lock()).map_err(|error| fail("read standard input", &error));
    }
    if local.is_on("value-file") {
        let read = std::fs::File::open(Path::new(argument)).and_then(read_bounded);
        return read.map_err(|error| fail(&format!("open {argument}"), &error));
    }
    Ok(SecretBytes::new(argument.as_bytes().to_vec()))
}

/// Reads a value. A number alone is a fraction, as Go reads JSON: so it is stored, and so it loses digits beyond 2^53.
pub(super) fn value(text: &SecretBytes) -> Result<Node> {
    let value = node_of_json(text).map_err(|_| Failure::new(codes::SET, "Value for --set is not valid JSON"))?;
    match value {
        Node::List(_) => Err(Failure::new(codes::SET, "Invalid --set value format")),
        Node::Leaf(leaf) => Ok(match leaf.value {
            Value::Int(number) => Node::leaf(Value::Float(fraction(number))),
            value => Node::leaf(value),
        }),
        Node::Map(_) => object(text),
    }
}

/// Reads an object as a file of JSON is read: in it numbers are whole, and a key may stand twice.
fn object(text: &SecretBytes) -> Result<Node> {
    let invalid = || Failure::new(codes::SET, "Invalid --set value format");
    // EXPOSE: the value is parsed.
    let document = sops::named("json").ok_or_else(invalid)?.parse(text.expose()).map_err(|_| invalid())?;
    document.branches.into_iter().next().map(Node::Map).ok_or_else(invalid)
}

#[expect(clippy::cast_precision_loss, reason = "what upstream does")]
fn fraction(number: i64) -> f64 {
    number as f64
}

/// Reads a file and sets a value in it; the last part says whether that changed anything.
pub(super) fn changed(job: &Job<'_>, subject: &Subject, path: &TreePath, value: Node) -> Result<(Input, SecretBytes, bool)> {
    let input = Input::of(subject.path.as_deref())?;
    let mut unlocked = job.unlock_to_change(&input, job.input(&subject.name))?;
    let mut changed = true;
    if let Some(top) = unlocked.file.plain.document.branches.first_mut() {
        changed = !matches!(path.find(top), Ok(Reached::Node(node)) if same(node, &value));
        path.set(top, value).map_err(|error| Failure::new(codes::SET, format!("Invalid set index format: {}", told(&error.into()))))?;
    }
    if let Some(Step::Key(key)) = path.steps().first()
        && reserves(job.output(&subject.name), key)
    {
        return Err(Failure::encrypted_already());
    }
    Ok((input, closed(job, subject, unlocked)?, changed))
}

fn reserves(store: &dyn Store, key: &str) -> bool {
    match store.layout() {
        sops::MetadataLayout::Prefixed => key.starts_with("sops_"),
        _ => key == "sops",
    }
}

/// Encrypts changed content under the data key that it had.
pub(super) fn closed(job: &Job<'_>, subject: &Subject, unlocked: Unlocked) -> Result<SecretBytes> {
    let DecryptedFile { plain, metadata, stash, .. } = unlocked.file;
    let output = job.output(&subject.name);
    let text = relock(plain, &unlocked.key, metadata, stash, &job.desk.writing(output, job.manner(output)?));
    readable(text.map_err(|error| Failure::closing(&error))?)
}

/// True if two values say the same, comments apart.
fn same(one: &Node, other: &Node) -> bool {
    match (one, other) {
        (Node::Map(one), Node::Map(other)) => same_maps(one, other),
        (Node::List(one), Node::List(other)) => same_lists(one, other),
        (Node::Leaf(one), Node::Leaf(other)) => match (&one.value, &other.value) {
            (Value::Null, Value::Null) => true,
            (Value::Bool(one), Value::Bool(other)) => one == other,
            (Value::Int(one), Value::Int(other)) => one == other,
            (Value::Float(one), Value::Float(other)) => one.total_cmp(other).is_eq(),
            (Value::Time(one), Value::Time(other)) => one == other,
            (Value::Text(one), Value::Text(other)) => one.ct_eq(other),
            _ => false,
        },
        _ => false,
    }
}

fn same_maps(one: &Map, other: &Map) -> bool {
    let comments = |map: &Map| map.members.iter().filter(|member| matches!(member, Member::Comment(_))).count();
    let (mut ones, mut others) = (one.pairs(), other.pairs());
    let pairs = std::iter::from_fn(|| match (ones.next(), others.next()) {
        (None, None) => None,
        (Some(one), Some(other)) => Some(one.key == other.key && same(&one.value, &other.value)),
        _ => Some(false),
    });
    let same = pairs.into_iter().all(|same| same);
    same && comments(one) == comments(other)
}

fn same_lists(one: &List, other: &List) -> bool {
    let same = |(one, other): (&Element, &Element)| matches!((one, other), (Element::Node(one), Element::Node(other)) if same(one, other));
    one.elements.len() == other.elements.len() && one.elements.iter().zip(&other.elements).all(same)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Node> {
        value(&SecretBytes::new(text.as_bytes().to_vec()))
    }

    #[test]
    fn a_number_alone_is_a_fraction_and_one_in_an_object_is_not() {
        assert!(matches!(read("1"), Ok(Node::Leaf(leaf)) if matches!(leaf.value, Value::Float(_))));
        assert!(
            matches!(read(r#"{"a":1}"#), Ok(Node::Map(map)) if matches!(map.get("a"), Some(Node::Leaf(leaf)) if matches!(leaf.value, Value::Int(1))))
        );
        for bad in ["[1]", "x", "", "{", "1 2"] {
            assert_eq!(read(bad).map(drop).map_err(|failure| failure.code), Err(codes::SET), "{bad}");
        }
    }

    #[test]
    fn values_are_the_same_if_their_types_are() {
        let check = |one: &str, other: &str, expected| assert_eq!(same(&read(one).unwrap(), &read(other).unwrap()), expected, "{one} {other}");
        check("1", "1.0", true);
        check("\"1\"", "1", false);
        check(r#"{"a":[1,null]}"#, r#"{"a":[1,null]}"#, true);
        check(r#"{"a":[1,null]}"#, r#"{"a":[1]}"#, false);
        check(r#"{"a":1}"#, r#"{"a":1,"b":2}"#, false);
        check(r#"{"a":true}"#, r#"{"b":true}"#, false);
    }
}

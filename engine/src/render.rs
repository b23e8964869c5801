//! Templates over opened items.

use std::collections::BTreeMap;

use jiff::Timestamp;
use keys::SecretBytes;
use templates::{Context, Template};

use crate::error::{Error, ErrorKind};

/// Adds rendered entries to items, and takes out what the template sets to null.
///
/// Every template sees the items and the raw texts of its siblings; an item wins over a template of the same key.
///
/// *Source*: sealed-secrets `sealedsecret_expansion.go`, v0.38.4, and pull request 1871 for null.
///
/// # Errors
/// One for each template that does not parse or render.
pub(crate) fn render(
    texts: &BTreeMap<String, Option<String>>,
    items: BTreeMap<String, SecretBytes>,
    now: Option<Timestamp>,
) -> Result<BTreeMap<String, SecretBytes>, Vec<Error>> {
    let mut values: BTreeMap<String, SecretBytes> = items.iter().map(|(key, item)| (key.clone(), item.duplicate())).collect();
    for (key, text) in texts {
        if let Some(text) = text {
            values.entry(key.clone()).or_insert_with(|| SecretBytes::new(text.as_bytes().to_vec()));
        }
    }
    let context = Context { now, ..Context::new(&values) };
    let (mut data, mut failures) = (items, Vec::new());
    for (key, text) in texts {
        let Some(text) = text else {
            data.remove(key);
            continue;
        };
        match Template::parse(key, text.as_bytes()).and_then(|template| template.render(&context)) {
            Ok(rendered) => drop(data.entry(key.clone()).or_insert(rendered)),
            Err(error) => failures.push(Error::new(ErrorKind::Input, format!("render the template: {error}")).on_item(key)),
        }
    }
    if failures.is_empty() { Ok(data) } else { Err(failures) }
}

//! The context that KMS is told beside a key: `KEY:VALUE,...`.

use std::collections::BTreeMap;

use super::failure::{Failure, Result, codes};

/// Reads a context; an empty text is none.
pub(super) fn parse(text: &str) -> Result<BTreeMap<String, String>> {
    if text.is_empty() {
        return Ok(BTreeMap::new());
    }
    let pair = |pair: &str| pair.split_once(':').filter(|(_, value)| !value.contains(':')).map(|(key, value)| (key.to_owned(), value.to_owned()));
    let pairs: Option<BTreeMap<String, String>> = text.split(',').map(pair).collect();
    pairs.ok_or_else(|| Failure::new(codes::CONTEXT, "Invalid KMS encryption context format"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_context_is_pairs_with_colons() {
        let check = |text: &str, expected: Option<usize>| assert_eq!(parse(text).ok().map(|context| context.len()), expected, "{text}");
        check("", Some(0));
        check("a:b", Some(1));
        check("a:b,c:d", Some(2));
        check("a", None);
        check("a:b:c", None);
        check("a:b,", None);
    }
}

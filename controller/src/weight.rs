//! How much memory an object takes, wherever in it a stranger put how much.

use std::io::{Result, Write};

use serde::Serialize;

/// What a field or an element of a list takes besides its text, at most: an entry in a map of JSON values. A list of zeros takes many times its text.
const PART: usize = 48;

/// Counts what is written to it: bytes, and marks between parts.
#[derive(Default)]
struct Scale {
    bytes: usize,
    marks: usize,
}

impl Write for Scale {
    fn write(&mut self, text: &[u8]) -> Result<usize> {
        self.bytes += text.len();
        self.marks += text.iter().filter(|byte| matches!(byte, b',' | b':' | b'[' | b'{')).count();
        Ok(text.len())
    }

    fn flush(&mut self) -> Result<()> {
        Ok(())
    }
}

/// Bytes that an object takes in memory, about, and rather more than less.
pub(crate) fn weigh<T: Serialize>(object: &T) -> usize {
    let mut scale = Scale::default();
    // What cannot be written down is of no use to anybody, and is not held.
    serde_json::to_writer(&mut scale, object).map_or(usize::MAX / 2, |()| size_of::<T>() + scale.bytes + scale.marks * PART)
}

#[cfg(test)]
mod tests {
    use crds::{ExternalSecret, SealedSecret};
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn whatever_a_stranger_writes_into_an_object_has_its_weight() {
        let zeros = || Value::Array(vec![json!(0); 1000]);
        let text = "x".repeat(10_000);
        for template in
            [json!({ "metadata": { "odd": zeros() } }), json!({ "data": { "a": text } }), json!({ "metadata": { "annotations": { "a": text } } })]
        {
            let object: SealedSecret =
                serde_json::from_value(json!({ "metadata": {}, "spec": { "template": template, "encryptedData": {} } })).unwrap();
            assert!(weigh(&object) > 10_000, "{template}");
        }
        let object = |metadata: Value, data: Value| {
            weigh(&serde_json::from_value::<ExternalSecret>(json!({ "metadata": metadata, "spec": { "data": data } })).unwrap())
        };
        let least = object(json!({}), json!([]));
        assert!(object(json!({ "annotations": { "a": text } }), json!([])) > least + 10_000);
        assert!(object(json!({}), json!([{ "secretKey": "a", "remoteRef": { "key": text } }])) > least + 10_000);
    }

    #[test]
    fn an_ordinary_object_weighs_no_more_than_several_times_its_text() {
        let items: serde_json::Map<String, Value> = (0..3).map(|item| (format!("item{item}"), json!("A".repeat(740)))).collect();
        let object: SealedSecret = serde_json::from_value(json!({ "metadata": { "name": "db" }, "spec": { "encryptedData": items } })).unwrap();
        assert!((2_220..5_000).contains(&weigh(&object)), "{}", weigh(&object));
    }
}

//! Generates SealedSecrets of every shape that the schema allows; the same seed gives the same objects.

use serde_json::{Map, Value, json};

/// A generator of numbers that are random enough: SplitMix64 (Steele, Lea, Flood, 2014).
struct Dice(u64);

/// Makes `count` objects with distinct names.
pub fn generate(seed: u64, count: usize) -> impl Iterator<Item = Value> {
    let mut dice = Dice(seed);
    (0..count).map(move |index| {
        let mut spec = Map::new();
        if dice.one_in(2) {
            spec.insert("template".into(), template(&mut dice));
        }
        if dice.one_in(8) {
            spec.insert("data".into(), json!("AgBkdW1teQ=="));
        }
        spec.insert("encryptedData".into(), map(&mut dice, key, |dice| json!(text(dice))));
        let annotations = json!({"sealedsecrets.bitnami.com/cluster-wide": text(&mut dice), "sealer.dev/sealed-with": text(&mut dice)});
        json!({
            "apiVersion": "bitnami.com/v1alpha1",
            "kind": "SealedSecret",
            "metadata": {"name": format!("case-{index}"), "annotations": annotations},
            "spec": spec,
            "status": status(&mut dice),
        })
    })
}

fn template(dice: &mut Dice) -> Value {
    let mut template = Map::new();
    if dice.one_in(2) {
        template.insert("metadata".into(), metadata(dice));
    }
    if dice.one_in(2) {
        template.insert("type".into(), json!(["Opaque", "kubernetes.io/tls", "", "é/ü"][dice.below(4)]));
    }
    if dice.one_in(3) {
        template.insert("immutable".into(), json!(dice.one_in(2)));
    }
    if dice.one_in(2) {
        let item = |dice: &mut Dice| if dice.one_in(4) { Value::Null } else { json!(text(dice)) };
        let items = if dice.one_in(6) { Value::Null } else { map(dice, key, item) };
        template.insert("data".into(), items);
    }
    Value::Object(template)
}

fn metadata(dice: &mut Dice) -> Value {
    if dice.one_in(6) {
        return Value::Null;
    }
    let mut metadata = Map::new();
    for name in ["annotations", "labels"] {
        if dice.one_in(2) {
            metadata.insert(name.into(), map(dice, key, |dice| json!(text(dice))));
        }
    }
    for name in ["name", "namespace", "generateName", "neverHeardOf"] {
        if dice.one_in(3) {
            metadata.insert(name.into(), json!(text(dice)));
        }
    }
    if dice.one_in(4) {
        metadata.insert("finalizers".into(), json!([text(dice), text(dice)]));
    }
    for name in ["creationTimestamp", "managedFields", "x", "ключ"] {
        if dice.one_in(3) {
            metadata.insert(name.into(), anything(dice, 3));
        }
    }
    Value::Object(metadata)
}

fn status(dice: &mut Dice) -> Value {
    let synced = ["True", "False", "Unknown"][dice.below(3)];
    let condition = json!({
        "type": "Synced",
        "status": synced,
        "lastUpdateTime": "2026-02-03T04:05:06Z",
        "lastTransitionTime": "2026-01-02T03:04:05Z",
        "reason": text(dice),
        "message": text(dice),
    });
    json!({"observedGeneration": dice.below(1_000_000), "conditions": [condition]})
}

/// Any JSON at all, nulls included.
fn anything(dice: &mut Dice, depth: usize) -> Value {
    match dice.below(if depth == 0 { 5 } else { 7 }) {
        0 => Value::Null,
        1 => json!(dice.one_in(2)),
        2 => json!(dice.below(1 << 40)),
        3 => json!(-0.5),
        4 => json!(text(dice)),
        5 => (0..dice.below(4)).map(|_| anything(dice, depth - 1)).collect(),
        _ => map(dice, text, |dice| anything(dice, depth - 1)),
    }
}

fn map(dice: &mut Dice, mut key: impl FnMut(&mut Dice) -> String, mut value: impl FnMut(&mut Dice) -> Value) -> Value {
    (0..dice.below(6)).map(|_| (key(dice), value(dice))).collect::<Map<_, _>>().into()
}

/// A key that a Secret may have.
fn key(dice: &mut Dice) -> String {
    (0..=dice.below(20)).map(|_| char::from(b"abcxyzABCXYZ0189-_."[dice.below(19)])).collect()
}

fn text(dice: &mut Dice) -> String {
    const PIECES: &[&str] =
        &["a", "Ag==", " ", "\n", "é", "日本", "🦭", "\u{0}", "\u{202e}", "\"", "\\", "<&>", "{{ .x }}", "null", "true", "1e3", ": ", "# "];
    (0..dice.below(8)).map(|_| PIECES[dice.below(PIECES.len())]).collect()
}

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() >> 33).unwrap_or_default() % bound
    }

    fn one_in(&mut self, chances: usize) -> bool {
        self.below(chances) == 0
    }
}

//! Objects of one namespace that change all the time, and what their Secrets should hold.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::cluster::Api;
use crate::controller::{seal, secrets, sources};

/// Numbers that are random enough, the same in every run: SplitMix64 (Steele, Lea, Flood, 2014).
pub struct Dice(pub u64);

impl Dice {
    /// A number below a limit.
    pub fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % limit
    }
}

/// Objects that change, and what their Secrets should hold.
pub struct Moving<'a> {
    /// The server.
    pub api: &'a Api,
    /// The namespace.
    pub namespace: &'a str,
    /// What is sealed with, PEM.
    pub certificate: String,
    /// The value of each object that is there.
    pub expected: BTreeMap<String, String>,
    /// What decides.
    pub dice: Dice,
    /// How many values there were.
    pub step: u64,
}

impl Moving<'_> {
    /// Makes an object, or gives it another value.
    ///
    /// # Panics
    /// If the server refuses it.
    pub fn put(&mut self, name: &str) {
        self.step += 1;
        let value = format!("value-{}", self.step);
        let object = seal(&self.certificate, self.namespace, name, &[("x", &value)]);
        let path = format!("{}/{name}", sources(self.namespace));
        if self.expected.contains_key(name) {
            self.api.merge(&path, &json!({"spec": {"encryptedData": object["spec"]["encryptedData"]}})).expect("the server takes it");
        } else {
            self.api.create(&sources(self.namespace), &object).expect("the server takes it");
        }
        self.expected.insert(name.to_owned(), value);
    }

    /// Changes some objects: an edit, an end, a new one; an edit or the end of a Secret.
    ///
    /// # Panics
    /// If the server refuses it.
    pub fn change(&mut self, count: usize) {
        for _ in 0..count {
            let at = usize::try_from(self.dice.below(self.expected.len() as u64)).expect("the server takes it");
            let name = self.expected.keys().nth(at).expect("the server takes it").clone();
            match self.dice.below(6) {
                0 => {
                    self.api.delete(&format!("{}/{name}", sources(self.namespace))).expect("the server takes it");
                    self.expected.remove(&name);
                }
                1 => {
                    let fresh = format!("fresh-{}", self.step);
                    self.put(&fresh);
                }
                // It may not be there yet.
                2 => drop(self.api.delete(&format!("{}/{name}", secrets(self.namespace)))),
                3 => drop(self.api.merge(&format!("{}/{name}", secrets(self.namespace)), &json!({"stringData": {"x": "stranger"}}))),
                _ => self.put(&name),
            }
        }
    }

    /// Whether every object has its Secret, with its value.
    ///
    /// # Panics
    /// If the server does not answer.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        let list = self.api.read(&secrets(self.namespace)).expect("the server takes it");
        let made: BTreeMap<String, &Value> = list["items"]
            .as_array()
            .expect("the server takes it")
            .iter()
            .filter(|secret| secret["type"] == "Opaque")
            .map(|secret| (secret["metadata"]["name"].as_str().expect("the server takes it").to_owned(), secret))
            .collect();
        self.expected.iter().all(|(name, value)| {
            let encoded = keys::SecretBytes::new(value.clone().into_bytes()).to_base64();
            made.get(name).is_some_and(|secret| secret["data"]["x"].as_str().map(str::as_bytes) == Some(encoded.expose()))
        })
    }
}

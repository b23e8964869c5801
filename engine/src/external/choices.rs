//! Enumerations of an ExternalSecret, read when they are used: a word that is none of them is an error of that object alone.

use crds::external_secret::Rewrite as Shape;

use crate::collect::decode::DecodingStrategy;
use crate::collect::names::{ConversionStrategy, NullBytePolicy};
use crate::collect::rewrite::{ConflictPolicy, Merge, MergeStrategy, PriorityPolicy, Rewrite};
use crate::error::{Error, Result};

fn choice<T: Copy>(field: &str, text: Option<&str>, choices: &[(&str, T)]) -> Result<Option<T>> {
    let Some(text) = text.filter(|text| !text.is_empty()) else { return Ok(None) };
    let found = choices.iter().find(|(name, _)| *name == text).map(|(_, choice)| *choice);
    found.map(Some).ok_or_else(|| {
        let names: Vec<&str> = choices.iter().map(|(name, _)| *name).collect();
        Error::input(format!("use {field}: it is none of {}", names.join(", ")))
    })
}

/// How values are decoded.
pub(super) fn decoding(text: Option<&str>) -> Result<DecodingStrategy> {
    use DecodingStrategy::{Auto, Base64, Base64Url, None};
    let choices = [("Auto", Auto), ("Base64", Base64), ("Base64URL", Base64Url), ("None", None)];
    choice("decodingStrategy", text, &choices).map(|choice| choice.unwrap_or(None))
}

/// What becomes of characters that no key may have.
pub(super) fn conversion(text: Option<&str>) -> Result<ConversionStrategy> {
    let choices = [("Default", ConversionStrategy::Default), ("Unicode", ConversionStrategy::Unicode)];
    choice("conversionStrategy", text, &choices).map(Option::unwrap_or_default)
}

/// Whether a value may hold a null byte.
pub(super) fn null_bytes(text: Option<&str>) -> Result<NullBytePolicy> {
    let choices = [("Ignore", NullBytePolicy::Ignore), ("Fail", NullBytePolicy::Fail)];
    choice("nullBytePolicy", text, &choices).map(Option::unwrap_or_default)
}

/// What is done with keys.
pub(super) fn rewrite(shape: &Shape) -> Result<Rewrite> {
    match (&shape.regexp, &shape.transform, &shape.merge) {
        (Some(regexp), None, None) => Ok(Rewrite::Regexp { source: regexp.source.clone(), target: regexp.target.clone() }),
        (None, Some(transform), None) => Ok(Rewrite::Transform { template: transform.template.clone() }),
        (None, None, Some(merge)) => {
            let strategies = [("Extract", MergeStrategy::Extract), ("JSON", MergeStrategy::Json)];
            let conflicts = [("Error", ConflictPolicy::Error), ("Ignore", ConflictPolicy::Ignore)];
            let priorities = [("Strict", PriorityPolicy::Strict), ("IgnoreNotFound", PriorityPolicy::IgnoreNotFound)];
            Ok(Rewrite::Merge(Merge {
                strategy: choice("merge.strategy", merge.strategy.as_deref(), &strategies)?.unwrap_or_default(),
                into: merge.into.clone().unwrap_or_default(),
                conflicts: choice("merge.conflictPolicy", merge.conflict_policy.as_deref(), &conflicts)?.unwrap_or_default(),
                priority: merge.priority.clone(),
                missing: choice("merge.priorityPolicy", merge.priority_policy.as_deref(), &priorities)?.unwrap_or_default(),
            }))
        }
        _ => Err(Error::input("use rewrite: it should have one of merge, regexp and transform")),
    }
}

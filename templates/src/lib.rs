//! Go templates with the sprig functions over secret values.
//!
//! The language is that of Go's `text/template` 1.26 with sprig 3.3.0, byte for byte: strings are bytes and need not be
//! UTF-8. A rendering is bounded in output, steps, depth, memory and cost, and its errors never show a value.
//!
//! This crate does *not* know the environment, the file system, the network or the clock: the current time is passed
//! in, and time zones are those built into the program (`Local` is UTC). It knows nothing of Kubernetes either: data
//! are a flat map of bytes.

mod error;
mod eval;
mod function;
mod functions;
mod fuzz;
mod language;
mod lex;
mod limits;
mod literal;
mod node;
mod number;
mod parse;
mod print;
mod template;
mod unicode;
mod value;

pub use error::{Error, ErrorKind, Result};
pub use functions::dates::parse_duration;
pub use functions::external::yaml::{plain_key, plain_value};
pub use fuzz::fuzz_render;
pub use language::{Dialect, Language};
pub use limits::Limits;
pub use template::{Context, MissingKey, Template};

//! Systems outside of this process: what guards data keys, and what keeps secrets, over a network or in the process of another program.
//!
//! - [`SYSTEMS`]: every system, the kinds of master keys that it has, and the kind of store that it is.
//! - [`master_keys`], [`stores`]: all those kinds.
//! - [`AGE_PLUGINS`]: what starts the plugins of age.
//! - [`provider`]: what a store of secrets is and can do.
//! - [`tally`]: how much is held for one object.
//!
//! It does not know files of SOPS, Kubernetes, the environment or the clock: credentials come through [`keys::Credentials`] and [`provider::Access`]. Its
//! futures need a runtime of tokio with I/O and time.

mod authorities;
mod duration;
mod error;
mod http;
mod json;
mod process;
pub mod provider;
mod proxies;
mod reach;
mod retries;
pub mod selector;
mod systems;
pub mod tally;

pub use error::{Error, ErrorKind, Result};
pub use reach::Reach;
pub use systems::{AGE_PLUGINS, SYSTEMS, System, master_keys, stores};

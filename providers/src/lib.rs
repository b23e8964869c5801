//! Systems outside of this process: what guards data keys over a network, or in the process of another program.
//!
//! - [`SYSTEMS`]: every system, and the kinds of master keys that it has.
//! - [`master_keys`]: all those kinds.
//! - [`AGE_PLUGINS`]: what starts the plugins of age.
//!
//! It does not know files of SOPS, Kubernetes, the environment or the clock: credentials come through [`keys::Credentials`]. Its futures need a
//! runtime of tokio with I/O and time.

mod http;
mod process;
mod systems;

pub use systems::{AGE_PLUGINS, SYSTEMS, System, master_keys};

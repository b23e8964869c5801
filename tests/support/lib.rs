//! What the tests of this package stand on: the real peers, a real API server, and the binary under test.
//!
//! It knows nothing of sealing: it starts what others wrote, and hands over what they say.
#![expect(clippy::expect_used, reason = "test code: what cannot go on must say so at once")]

pub mod access;
pub mod binary;
pub mod cluster;
pub mod conformance;
pub mod contract;
pub mod controller;
pub mod disk;
pub mod flaky;
pub mod fuzz;
pub mod golden;
pub mod kill;
pub mod ledger;
pub mod manifests;
pub mod marked;
pub mod moving;
pub mod openssl;
pub mod operator;
pub mod packaging;
pub mod peers;
pub mod process;
pub mod server;
pub mod stub;
pub mod suite;
pub mod upstream;
pub mod vault;

pub use binary::{controller, sealer};

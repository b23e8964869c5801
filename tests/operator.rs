//! Beside the real External Secrets Operator: what it made stays as it is when ours comes, and the other way round; both make the same of the same objects.
#![expect(clippy::unwrap_used, reason = "test code")]

use std::process::ExitCode;

use tests::suite::run;

#[path = "operator/handover.rs"]
mod handover;
#[path = "operator/rendering.rs"]
mod rendering;
#[path = "operator/stage.rs"]
mod stage;

fn main() -> ExitCode {
    run(handover::cases().into_iter().chain(rendering::cases()).collect())
}

//! `cargo xtask torture`: promises that only time and bad luck can break, tried for many rounds on the real programs.

mod compare;
mod edit;
mod luck;
mod queue;
mod rule;
mod side;
mod sync;

use clap::Subcommand;

/// What is tortured.
#[derive(Debug, Subcommand)]
pub(crate) enum Torture {
    /// Edits on both sides of a shop, with kills of host and shop and answers that go wrong; then both sides are compared.
    Sync(sync::Options),
    /// A mixed load on the queue while its host is killed; then nothing is lost, nothing was done twice, nothing is stuck.
    Queue(queue::Options),
}

/// Runs one.
pub(crate) fn run(torture: &Torture) -> Result<(), String> {
    match torture {
        Torture::Sync(options) => sync::run(options),
        Torture::Queue(options) => queue::run(options),
    }
}

/// What the gate runs of it.
pub(crate) fn short(full: bool) -> Result<(), String> {
    sync::run(&sync::Options::of(if full { 100 } else { 3 }))
}

/// What the gate runs of the queue's.
pub(crate) fn short_queue(full: bool) -> Result<(), String> {
    queue::run(&queue::Options::of(if full { 1_000 } else { 25 }))
}

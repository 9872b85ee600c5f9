//! The store beside plain SQLite with the same rows.

use clap::Args;

use super::{
    folder,
    machine::Machine,
    release,
    room::{self, Rounds},
};

/// `cargo xtask bench store`.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Rounds.
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Print one JSON document instead of tables.
    #[arg(long)]
    json: bool,
}

pub(super) fn run(options: &Options) -> Result<(), String> {
    let built = release(&["bindery-tests"], &["bench-rooms"])?;
    let folder = folder().join("store");
    std::fs::create_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let machine = Machine::look(&folder)?;
    let mut rounds = Rounds::default();
    for _ in 0..options.rounds {
        rounds.add(room::run(&mut room::program(&built, "store", &folder))?);
    }
    room::report(&machine, &rounds, &[], options.json, false)
}

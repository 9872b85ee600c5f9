//! What a call into a plugin costs, and how long loading and reloading one take.

use clap::Args;

use super::{
    folder,
    machine::Machine,
    release,
    room::{self, Limit, Rounds},
};

/// `cargo xtask bench call`.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Rounds.
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Fail where a limit is missed.
    #[arg(long)]
    check: bool,
    /// Print one JSON document instead of tables.
    #[arg(long)]
    json: bool,
}

pub(super) fn run(options: &Options) -> Result<(), String> {
    let packages = ["bindery", "bindery-fault", "bindery-raw", "bindery-tests"];
    let built = release(&packages, &["bindery", "bench-rooms"])?;
    let folder = folder().join("call");
    std::fs::create_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let machine = Machine::look(&folder)?;
    let mut rounds = Rounds::default();
    for _ in 0..options.rounds {
        let mut command = room::program(&built, "call", &folder);
        command.args(["bindery", "libbindery_raw.so", "libbindery_fault.so"].map(|file| built.join(file)));
        rounds.add(room::run(&mut command)?);
    }
    let limit = |name: &str, at_most| Limit { name: name.to_owned(), by: None, at_most };
    let limits = [
        limit("in process: call, 256 under way", 1.0),
        limit("in a worker: call, 256 under way", 12.0),
        limit("reload: from the closed file to an answer of the new code", 300.0),
    ];
    room::report(&machine, &rounds, &limits, options.json, options.check)
}

//! An idle host's memory, its start over a large database, and what a record costs as bindings grow.

use std::time::{Duration, Instant};

use clap::Args;

use super::{
    folder,
    host::Stage,
    machine::Machine,
    release,
    room::{self, Limit, Rounds, Told},
};

/// `cargo xtask bench start`.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Starts of the host over the large database.
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Five million bindings instead of one.
    #[arg(long)]
    full: bool,
    /// Another number of bindings and of jobs.
    #[arg(long, conflicts_with = "full")]
    records: Option<usize>,
    /// Fail where a limit is missed.
    #[arg(long)]
    check: bool,
    /// Print one JSON document instead of tables.
    #[arg(long)]
    json: bool,
}

const READY: &str = "start over a large database until ready";
const IDLE: &str = "resident memory of an idle host with an empty database";
const IDLE_LARGE: &str = "resident memory of an idle host with a large database";

pub(super) fn run(options: &Options) -> Result<(), String> {
    let built = release(&["bindery", "bindery-tests"], &["bindery", "bench-rooms"])?;
    let folder = folder().join("start");
    std::fs::create_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let machine = Machine::look(&folder)?;
    let bindings = options.records.unwrap_or(if options.full { 5_000_000 } else { 1_000_000 });
    let jobs = bindings.min(1_000_000);
    let mut rounds = Rounds::default();
    let large = folder.join("large");
    let mut grow = room::program(&built, "grow", &large);
    rounds.add(room::run(grow.args([bindings.to_string(), jobs.to_string()]))?);
    let stage = Stage::over(&built.join("bindery"), &large);
    for number in 0..options.rounds {
        let begun = Instant::now();
        let serving = stage.serve()?;
        let ready = begun.elapsed();
        rest();
        let mut told = vec![
            Told { name: READY.to_owned(), unit: "ms".to_owned(), value: ready.as_secs_f64() * 1e3 },
            memory(IDLE_LARGE, serving.resident_kib()),
        ];
        drop(serving);
        let empty = Stage::fresh(&built.join("bindery"), &folder.join(format!("empty-{number}")))?;
        let serving = empty.serve()?;
        rest();
        told.push(memory(IDLE, serving.resident_kib()));
        rounds.add(told);
    }
    room::report(&machine, &rounds, &limits(bindings), options.json, options.check)
}

/// Idle is what a host is after what it does on its own at the start.
fn rest() {
    std::thread::sleep(Duration::from_secs(3));
}

fn memory(name: &str, kib: u64) -> Told {
    Told { name: name.to_owned(), unit: "MiB".to_owned(), value: kib as f64 / 1024.0 }
}

fn limits(bindings: usize) -> Vec<Limit> {
    let alone = |name: &str, at_most| Limit { name: name.to_owned(), by: None, at_most };
    let grown = |ids: &str, at_most| Limit {
        name: format!("record, {ids} ids, beside {bindings} bindings"),
        by: Some(format!("record, {ids} ids, beside 10000 bindings")),
        at_most,
    };
    vec![alone(IDLE, 25.0), alone(READY, 300.0), grown("rising", 1.3), grown("random", 2.7)]
}

//! `cargo xtask bench …`: what the product costs, beside its peers in the same rounds. The gate never runs it: a time is
//! measured and judged by people, never asserted by a test.

mod api;
mod call;
mod contender;
mod export;
mod host;
mod import;
mod machine;
mod peer;
mod room;
mod sample;
mod socket;
mod start;
mod store;
mod table;
mod target;

use std::{
    path::PathBuf,
    process::{Command, Stdio},
};

use clap::Subcommand;

use crate::{
    place,
    step::{cargo, shown},
};

/// What is measured.
#[derive(Subcommand)]
pub(crate) enum Bench {
    /// Importing a product API, beside plain Python, dlt and faucet-stream: all of it, nothing changed, 1 % changed.
    Import(import::Options),
    /// Exporting changed records to a shop, together and one by one, beside a plain script that sends the same bodies; and
    /// what it costs to see that a change is one's own.
    Export(export::Options),
    /// Calls into a plugin, in process and in a worker; loading and reloading one.
    Call(call::Options),
    /// The store beside plain SQLite with the same rows: enqueuing, claiming and finishing jobs, pages of records; and the
    /// parts of what a record costs.
    Store(store::Options),
    /// An idle host's memory, its start over a large database, and what a record costs as bindings grow.
    Start(start::Options),
}

/// Measures. Fails where something can't be measured, or where a limit is missed and was to be checked.
pub(crate) fn run(bench: &Bench) -> Result<(), String> {
    match bench {
        Bench::Import(options) => import::run(options),
        Bench::Export(options) => export::run(options),
        Bench::Call(options) => call::run(options),
        Bench::Store(options) => store::run(options),
        Bench::Start(options) => start::run(options),
    }
}

/// Where benchmarks keep their files: the disk that the checkout is on.
fn folder() -> PathBuf {
    place::target().join("bench")
}

/// Builds with optimisation and answers where the files are.
fn release(packages: &[&str], programs: &[&str]) -> Result<PathBuf, String> {
    let mut arguments = vec!["build", "--release"];
    arguments.extend(packages.iter().flat_map(|package| ["-p", package]));
    if !programs.is_empty() {
        arguments.push("--lib");
    }
    arguments.extend(programs.iter().flat_map(|program| ["--bin", program]));
    // What a command says on standard output is for its reader; cargo speaks on standard error.
    shown(cargo(&arguments).stdout(Stdio::null()))?;
    Ok(place::target().join("release"))
}

/// Runs a program that answers on standard output.
fn output(command: &mut Command) -> Result<String, String> {
    let name = command.get_program().to_string_lossy().into_owned();
    let output = command.stdin(Stdio::null()).output().map_err(|error| format!("{name}: {error}"))?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    if output.status.success() {
        return Ok(text);
    }
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    let end: Vec<&str> = said.lines().rev().take(12).collect();
    Err(format!("{name} ended with {}\n{text}{}", output.status, end.into_iter().rev().collect::<Vec<_>>().join("\n")))
}

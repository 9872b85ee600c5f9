//! Tasks of the repository: `cargo xtask check` is the gate, `cargo xtask demo` the quick start, `cargo xtask bench` measures.
#![expect(clippy::print_stdout, reason = "a task tells on standard output what it does")]

mod artifact;
mod bench;
mod check;
mod demo;
mod fixture;
mod new_plugin;
mod place;
mod recipe;
mod sdk;
mod shop;
mod stage;
mod step;
mod torture;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Tasks of the repository.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// The gate: formatting, lints, artefacts, all tests, documentation.
    Check {
        /// Only what an edit needs: formatting, lints, house rules, unit tests.
        #[arg(long, conflicts_with = "full")]
        quick: bool,
        /// Also the long tortures.
        #[arg(long)]
        full: bool,
    },
    /// The quick start: shop, host, connector, a sync, a change, a kill, and how to go on.
    Demo,
    /// The folder of a new connector that builds, passes its own tests and imports from the demo shop as it is.
    NewPlugin {
        /// Its id: lower case letters, digits and _.
        name: String,
        /// Make it in this folder, for a repository of your own; absent: under `plugins/`.
        #[arg(long, value_name = "DIR")]
        into: Option<std::path::PathBuf>,
    },
    /// Measures, beside peers in the same rounds.
    Bench {
        #[command(subcommand)]
        bench: bench::Bench,
    },
    /// Random work, faults and kills for many rounds; what was lost, twice or apart at their end is counted.
    Torture {
        #[command(subcommand)]
        torture: torture::Torture,
    },
    /// Builds what tests run (host, plugins, demo shop) and writes `target/artifacts.json`.
    Build {
        /// Only these, by their name in the manifest.
        names: Vec<String>,
    },
}

fn main() -> ExitCode {
    let done = match Arguments::parse().task {
        Task::Check { quick, full } => check::run(quick, full),
        Task::Demo => demo::run(),
        Task::NewPlugin { name, into } => new_plugin::make(&name, into.as_deref()),
        Task::Bench { bench } => bench::run(&bench),
        Task::Torture { torture } => torture::run(&torture),
        Task::Build { names } => artifact::build(&names).map(drop),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            println!("\nxtask: {message}");
            ExitCode::FAILURE
        }
    }
}

//! The one list of commands. Help, completions and `docs/cli.md` are made from it.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use super::{
    Serve, backend, binding, channel, conflict, cursor, export, job, plugin, record, review, schedule, status, sync,
    top, verify,
};
use crate::base::{Secret, config::DataDir, telemetry::Format};

/// Keeps your own records (products, orders, customers, stock, invoices) in step with the systems you sell, ship and
/// get paid through.
#[derive(Debug, Parser)]
#[command(
    name = "bindery",
    version,
    propagate_version = true,
    max_term_width = 100,
    after_help = "To begin:\n  \
                  bindery plugin install libdemo.so\n  \
                  bindery backend add shop --type demo --set api_url=https://shop.example --secret api_token=@token\n  \
                  bindery backend test shop\n  \
                  bindery sync shop --wait\n  \
                  bindery record search product.template --limit 5\n\n\
                  Exit code 0: done; 1: failed; 2: the command line makes no sense.\n\
                  `bindery explain CODE` says what an error means and what to do."
)]
pub(super) struct Arguments {
    /// The data directory. A running host is reached through its socket there; else the command works in process.
    #[arg(long, global = true, env = "BINDERY_DATA", value_name = "DIR", default_value = DataDir::DEFAULT)]
    pub data: PathBuf,
    /// Keep the store in a PostgreSQL database instead of the data directory: `postgres://user@host/database`. An address with
    /// a password is better kept in the environment, since others see the arguments of a process.
    #[arg(long, global = true, env = "BINDERY_STORE", value_name = "URL", hide_env_values = true, value_parser = secret)]
    pub store: Option<Secret>,
    /// Print the answer (and an error) as one JSON document.
    #[arg(long, global = true)]
    pub json: bool,
    #[command(subcommand)]
    pub command: Command,
}

impl Arguments {
    /// Where the host keeps its things.
    pub(super) fn data_dir(&self) -> DataDir {
        DataDir::new(&self.data).with_store(self.store.clone().filter(|address| !address.expose().is_empty()))
    }
}

/// An empty one is none, as where a variable is set to nothing.
fn secret(text: &str) -> Result<Secret, std::convert::Infallible> {
    Ok(Secret::new(text))
}

/// What can be done.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Run the host: jobs, plugins, and a socket in the data directory for the other commands.
    Serve(ServeArguments),
    /// Install connectors and see what they provide.
    #[command(subcommand)]
    Plugin(plugin::Command),
    /// Configure connections to outside systems.
    #[command(subcommand)]
    Backend(backend::Command),
    /// Bring a backend's records in step.
    Sync(sync::Sync),
    /// Send records of ours to a backend.
    Export(export::Export),
    /// Search and change our own records.
    #[command(subcommand)]
    Record(record::Command),
    /// See and mend the links between our records and external ids.
    #[command(subcommand)]
    Binding(binding::Command),
    /// Settle records that wait for a person.
    #[command(subcommand)]
    Review(review::Command),
    /// Settle records that were changed on both sides.
    #[command(subcommand)]
    Conflict(conflict::Command),
    /// See and steer jobs.
    #[command(subcommand)]
    Job(job::Command),
    /// See and set how many jobs run at once, how fast they start, and whether they may.
    #[command(subcommand)]
    Channel(channel::Command),
    /// Let things be done by themselves: syncs, comparisons, maintenance.
    #[command(subcommand)]
    Schedule(schedule::Command),
    /// See and move the points from which syncs go on.
    #[command(subcommand)]
    Cursor(cursor::Command),
    /// Compare a backend's bindings with the outside system.
    Verify(verify::Verify),
    /// Health of the host, its plugins, backends and jobs.
    Status,
    /// What the host does now: jobs, channels, alarms, drawn again and again.
    Top(top::Top),
    /// Who changed what.
    Audit(status::Audit),
    /// What an error code means and what to do; without a code, all of them.
    Explain {
        /// The code that an error message ends with.
        code: Option<String>,
    },
    /// Bring a data directory of an older version up to date. `serve` does it too; no other command does.
    Migrate,
    /// Print completions for a shell.
    Completions {
        /// The shell.
        shell: clap_complete::Shell,
    },
    /// The process that runs one plugin apart from the host. Started by the host only.
    #[command(hide = true)]
    PluginWorker {
        /// What the host passes.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true, hide = true)]
        arguments: Vec<std::ffi::OsString>,
    },
}

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// `bindery serve`.
#[derive(Debug, Args)]
pub(super) struct ServeArguments {
    /// Install the plugin files (`*.so`) of this folder, now and whenever one of them changes: a build of yours serves
    /// as soon as it is written. A refused one leaves the one before serving; a removed one stays installed.
    #[arg(long, env = "BINDERY_PLUGINS", value_name = "DIR")]
    plugins: Option<PathBuf>,
    /// What to log, as in `info,bindery::sync=debug`. `RUST_LOG` wins.
    #[arg(long, env = "BINDERY_LOG", value_name = "FILTER", default_value = "info")]
    log: String,
    /// How log lines look. They go to standard error.
    #[arg(long, env = "BINDERY_LOG_FORMAT", value_name = "FORMAT", default_value = "text")]
    log_format: LogFormat,
}

impl ServeArguments {
    pub(super) fn options(self, data: DataDir) -> Serve {
        Serve {
            data,
            plugins: self.plugins,
            log: self.log,
            format: match self.log_format {
                LogFormat::Text => Format::Text,
                LogFormat::Json => Format::Json,
            },
        }
    }
}

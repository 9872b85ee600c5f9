//! The command line: reads arguments, asks for one operation, shows the answer. It has no logic of its own, and works
//! alike through a running host's socket and, where there is none, in process.

mod application;
mod arguments;
mod backend;
mod binding;
mod channel;
mod conflict;
mod cursor;
mod domain;
mod error;
mod export;
mod input;
mod job;
mod link;
mod output;
mod plan;
mod plugin;
mod progress;
mod record;
pub mod reference;
mod review;
mod schedule;
mod session;
mod socket;
mod status;
mod sync;
mod top;
mod verify;

use std::process::ExitCode;

use clap::Parser;

pub use application::{Application, Opened, Serve};
pub use error::CODES;

use arguments::{Arguments, Command};
use output::Output;
use session::Session;

use crate::operation::wire::Problem;

/// Code of a failure that the answer on standard output has told already.
const SAID: &str = "";

/// A command's end: done, or why not.
type Done = Result<(), Box<Problem>>;

/// Runs the command line that the process was started with.
///
/// Exit code 0: done; 1: failed, with the reason on standard error; 2: the command line makes no sense.
pub fn run(application: &'static dyn Application) -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            // Nothing can be done where even the help can't be written.
            let _ = error.print();
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2));
        }
    };
    if let Command::PluginWorker { arguments } = arguments.command {
        return application.plugin_worker(arguments);
    }
    let output = Output::new(arguments.json);
    let outcome = match arguments.command {
        Command::Completions { shell } => output.completions(shell),
        Command::Explain { ref code } => status::explain(application, &output, code.as_deref()),
        _ => with_runtime(application, arguments, &output),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            if problem.code != SAID {
                output.problem(&problem);
            }
            ExitCode::FAILURE
        }
    }
}

fn with_runtime(application: &'static dyn Application, arguments: Arguments, output: &Output) -> Done {
    // Two workers carry one machine's work: connectors wait for the network, and the store writes on a thread of its own.
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .max_blocking_threads(16)
        .thread_name("bindery")
        .enable_all()
        .build()
        .map_err(error::Error::Runtime)?;
    let outcome = runtime.block_on(dispatch(application, arguments, output));
    // Blocking threads that hang in foreign code must not keep the process.
    runtime.shutdown_timeout(std::time::Duration::from_secs(1));
    outcome
}

async fn dispatch(application: &'static dyn Application, arguments: Arguments, output: &Output) -> Done {
    let data = arguments.data_dir();
    match arguments.command {
        Command::Serve(serve) => Ok(application.serve(serve.options(data)).await?),
        Command::Migrate => status::migrate(application, output, data).await,
        command => {
            let session = Session::new(application, data, output);
            let outcome = command.run(&session).await;
            let closed = session.close().await;
            outcome.and(closed)
        }
    }
}

impl Command {
    async fn run(self, session: &Session<'_>) -> Done {
        match self {
            Self::Plugin(command) => command.run(session).await,
            Self::Backend(command) => command.run(session).await,
            Self::Sync(command) => command.run(session).await,
            Self::Export(command) => command.run(session).await,
            Self::Record(command) => command.run(session).await,
            Self::Binding(command) => command.run(session).await,
            Self::Review(command) => command.run(session).await,
            Self::Conflict(command) => command.run(session).await,
            Self::Job(command) => command.run(session).await,
            Self::Channel(command) => command.run(session).await,
            Self::Schedule(command) => command.run(session).await,
            Self::Cursor(command) => command.run(session).await,
            Self::Verify(command) => command.run(session).await,
            Self::Status => status::show(session).await,
            Self::Top(top) => top.run(session).await,
            Self::Audit(command) => command.run(session).await,
            Self::Serve(_)
            | Self::Migrate
            | Self::Explain { .. }
            | Self::Completions { .. }
            | Self::PluginWorker { .. } => Ok(()),
        }
    }
}

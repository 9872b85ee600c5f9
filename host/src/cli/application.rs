//! What the command line needs of the program around it; `app` provides it. It keeps the direction of imports.

use std::{ffi::OsString, path::PathBuf, process::ExitCode, sync::Arc};

use futures_util::future::BoxFuture;

use crate::{
    base::{Code, Fault, config::DataDir, telemetry::Format},
    operation::Host,
};

/// How to run a host.
#[derive(Debug, Clone)]
pub struct Serve {
    /// Its data directory.
    pub data: DataDir,
    /// The folder whose plugin files are installed, now and whenever one changes.
    pub plugins: Option<PathBuf>,
    /// What to log.
    pub log: String,
    /// How log lines look.
    pub format: Format,
}

/// The program around the command line.
pub trait Application: Sync {
    /// Runs a host until it is told to stop.
    fn serve(&self, options: Serve) -> BoxFuture<'_, Result<(), Fault>>;

    /// Takes the data directory's lock and opens a host in process that runs only jobs of this command.
    fn open(&self, data: DataDir) -> BoxFuture<'_, Result<Box<dyn Opened>, Fault>>;

    /// Brings the data directory's schema up to date; answers the versions before and after.
    fn migrate(&self, data: DataDir) -> BoxFuture<'_, Result<(i64, i64), Fault>>;

    /// Runs the worker of one plugin; never returns to the command line.
    fn plugin_worker(&self, arguments: Vec<OsString>) -> ExitCode;

    /// Every code of the product.
    fn codes(&self) -> Vec<&'static Code>;
}

/// A host in process.
pub trait Opened: Send + Sync {
    /// What operations are called on.
    fn host(&self) -> &Arc<Host>;

    /// Ends jobs, closes the store, gives the lock back.
    fn close(self: Box<Self>) -> BoxFuture<'static, Result<(), Fault>>;
}

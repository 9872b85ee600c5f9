//! What `main` gives the command line: serving, working without a host, migrating, being a plugin's worker.

use std::{ffi::OsString, process::ExitCode, sync::Arc, time::Duration};

use futures_util::{FutureExt, future::BoxFuture};
use tokio::{
    signal::unix::{SignalKind, signal},
    time::Instant,
};

use super::{Error, Mode, Options, Running, directory, start};
use crate::{
    base::{Clock, Code, Fault, config::DataDir, socket::Address, telemetry},
    cli::{Application, Opened, Serve},
    operation::{Host, wire::VERSION},
    plugin,
    storage::{self, Store},
};

/// How long a command may hold the directory before a host gives up.
const PATIENCE: Duration = Duration::from_secs(10);
/// How often it is looked at meanwhile.
const LOOK: Duration = Duration::from_millis(50);

/// The program.
pub struct Program;

impl Application for Program {
    fn serve(&self, options: Serve) -> BoxFuture<'_, Result<(), Fault>> {
        async move { Ok(serve(options).await?) }.boxed()
    }

    fn open(&self, data: DataDir) -> BoxFuture<'_, Result<Box<dyn Opened>, Fault>> {
        async move {
            // Whoever types a command wants its answer; the log is for those who ask for it.
            telemetry::install("error", telemetry::Format::Text);
            let running = start(Options::new(data, Mode::Command)).await?;
            Ok(Box::new(running) as Box<dyn Opened>)
        }
        .boxed()
    }

    fn migrate(&self, data: DataDir) -> BoxFuture<'_, Result<(i64, i64), Fault>> {
        async move { Ok(migrate(data).await?) }.boxed()
    }

    fn plugin_worker(&self, _: Vec<OsString>) -> ExitCode {
        ExitCode::from(u8::try_from(plugin::worker::main()).unwrap_or(1))
    }

    fn codes(&self) -> Vec<&'static Code> {
        super::codes()
    }
}

impl Opened for Running {
    fn host(&self) -> &Arc<Host> {
        Self::host(self)
    }

    fn close(self: Box<Self>) -> BoxFuture<'static, Result<(), Fault>> {
        async move {
            self.stop().await;
            Ok(())
        }
        .boxed()
    }
}

async fn serve(options: Serve) -> Result<(), Error> {
    telemetry::install(&options.log, options.format);
    let cannot = |reason| Error::Directory { path: options.data.path().to_owned(), reason };
    // Heard from the first moment, so that a stop during the start is a stop, too.
    let mut terminate = signal(SignalKind::terminate()).map_err(cannot)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(cannot)?;
    let running = start_patiently(&options).await?;
    tracing::info!(version = VERSION, data = %options.data.path().display(), "ready");
    let name = tokio::select! {
        _ = terminate.recv() => "SIGTERM",
        _ = interrupt.recv() => "SIGINT",
    };
    tracing::info!(signal = name, "stopping; a second signal ends at once");
    tokio::select! {
        () = running.stop() => tracing::info!("stopped"),
        _ = terminate.recv() => tracing::warn!("ended before running jobs had stopped"),
        _ = interrupt.recv() => tracing::warn!("ended before running jobs had stopped"),
    }
    Ok(())
}

/// Starts a host. A command that holds the directory for a moment is waited for; another host is not.
async fn start_patiently(serve: &Serve) -> Result<Running, Error> {
    let end = Instant::now() + PATIENCE;
    loop {
        let plugins = serve.plugins.clone();
        match start(Options { plugins, ..Options::new(serve.data.clone(), Mode::Serve) }).await {
            Err(Error::InUse { .. }) if Instant::now() < end && !is_served(&serve.data).await => {
                tokio::time::sleep(LOOK).await;
            }
            outcome => return outcome,
        }
    }
}

async fn is_served(data: &DataDir) -> bool {
    match Address::new(&data.socket()) {
        Ok(address) => tokio::net::UnixStream::connect(address.as_path()).await.is_ok(),
        Err(_) => false,
    }
}

async fn migrate(data: DataDir) -> Result<(i64, i64), Error> {
    let _lock = directory::take(&data)?;
    let place = directory::store(&data)?;
    let look = storage::Options { migrate: false, set_up: false, ..storage::Options::of(place.clone()) };
    let before = match open(look).await {
        Ok(store) => {
            store.close().await;
            None
        }
        Err(storage::Error::Older { found, .. }) => Some(found),
        Err(error) => return Err(error.into()),
    };
    let known = storage::migrate::MIGRATIONS.last().map_or(0, |migration| migration.version);
    let store = open(storage::Options::of(place)).await?;
    super::start::catalogue(&store, &data, &Clock::system(), true).await?;
    store.close().await;
    Ok((before.unwrap_or(known), known))
}

async fn open(options: storage::Options) -> Result<Store, storage::Error> {
    let opened = tokio::task::spawn_blocking(move || Store::open(&options)).await;
    opened.unwrap_or(Err(storage::Error::Panicked))
}

//! Starting and stopping: the order in which rooms are opened and closed.

use std::{path::PathBuf, sync::Arc, time::Duration};

use tokio::{sync::watch, task::JoinHandle};

use super::{
    Error, directory, maintenance,
    upkeep::{self, Upkeep},
};
use crate::{
    api::{Readiness, Server},
    backend::{self, Backends},
    base::{Clock, Coded, Fault, config::DataDir},
    egress::{self, Egress},
    operation::{self, Caller, Host, Own, Work},
    plugin::{self, Registry, Watch},
    queue::{self, Handlers, Runner},
    record::{self, Catalogue, Current},
    schedule,
    security::{self, Keyring, Source, role::Rules},
    storage::{self, Durability, Store, lock::Lock},
    sync::{self, Engine},
};

/// What a host is started for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// To serve: migrates, runs all jobs, listens on the socket.
    Serve,
    /// For one command: migrates only what is new, runs only the jobs that the command asks for.
    Command,
}

/// How a host is started.
#[derive(Clone)]
pub struct Options {
    /// Its data directory.
    pub data: DataDir,
    /// What it is for.
    pub mode: Mode,
    /// Its clock.
    pub clock: Clock,
    /// The program that runs plugins apart; absent: this one.
    pub worker_program: Option<PathBuf>,
    /// The folder whose plugin files are installed, at the start and whenever one changes.
    pub plugins: Option<PathBuf>,
    /// Where the master key is looked for.
    pub keys: Source,
    /// How connectors call out.
    pub egress: egress::Options,
    /// Time between two rounds of what it does by itself: trying failed records again, removing what is over.
    pub upkeep_interval: Duration,
}

impl Options {
    /// The defaults over a data directory.
    pub fn new(data: DataDir, mode: Mode) -> Self {
        let (keys, egress) = (Source::from_environment(), egress::Options::default());
        let upkeep_interval = upkeep::INTERVAL;
        let (worker_program, plugins) = (None, None);
        Self { data, mode, clock: Clock::system(), worker_program, plugins, keys, egress, upkeep_interval }
    }
}

/// A started host.
pub struct Running {
    host: Arc<Host>,
    readiness: Readiness,
    server: Option<Server>,
    /// Ended with the host.
    tasks: Vec<JoinHandle<()>>,
    upkeep: Option<Upkeep>,
    // Given back last.
    _lock: Lock,
}

/// Starts a host: directory, store, models, plugins, runner, socket. A plugin that can't be loaded is listed with its
/// error; everything else that fails stops the start.
pub async fn start(options: Options) -> Result<Running, Error> {
    let lock = directory::take(&options.data)?;
    let (store, may_define) = open_store(&options).await?;
    let catalogue = Current::new(catalogue(&store, &options.data, &options.clock, may_define).await?);
    let mut plugin_options = plugin::Options::new(options.data.plugins());
    if let Some(program) = options.worker_program.clone() {
        plugin_options.worker_program = program;
    }
    // Before anything is started: a folder that is not there is a mistake in how the host was started.
    let folder = options.plugins.as_deref().map(Watch::folder).transpose()?;
    let plugins = Registry::open(store.clone(), options.clock.clone(), plugin_options).await?;
    let services =
        plugin::Services::new(store.clone(), options.clock.clone(), catalogue.clone(), sync::task::of_connector);
    let backends = open_backends(&options, &store, &catalogue, &plugins, services.clone()).await?;
    let sync = Engine::new(store.clone(), options.clock.clone(), catalogue.clone(), backends.clone());
    let (gate, handlers) = (backends.clone(), sync.handlers(handlers(&store, &options.clock)));
    let (mut tasks, clock) = (Vec::new(), options.clock.clone());
    let work = match options.mode {
        Mode::Command => Work::Own(Own::new(gate, handlers)),
        Mode::Serve => {
            let runner = Runner::start(store.clone(), clock, gate, handlers, queue::Options::default()).await?;
            tasks.push(tokio::spawn(watch_gate(backends.changes(), runner.clone())));
            Work::All(runner)
        }
    };
    let (started, rules) = (options.clock.now(), Rules::built_in());
    let (mode, upkeep_interval) = (options.mode, options.upkeep_interval);
    let host = Arc::new(Host {
        store,
        clock: options.clock,
        data: options.data,
        catalogue,
        rules,
        plugins,
        backends,
        sync,
        work,
        job_log: services.job_log().clone(),
        started,
    });
    let readiness = Readiness::default();
    let server = match mode {
        Mode::Command => None,
        Mode::Serve => Some(listen(&host, &readiness)?),
    };
    readiness.set(true);
    let upkeep = (mode == Mode::Serve).then(|| {
        // After readiness, since both take a moment and nothing waits for them.
        host.store.warm_up();
        Upkeep::start(host.clone(), upkeep_interval)
    });
    if mode == Mode::Serve {
        tasks.extend(followers(&host));
    }
    if let Some(folder) = folder {
        tasks.push(tokio::spawn(watch_plugins(host.clone(), folder)));
    }
    Ok(Running { host, readiness, server, tasks, upkeep, _lock: lock })
}

/// What goes on by itself: jobs are made of changes, for backends and for listeners, and at the times that are set; what
/// plugins log is kept. A command does the last at its end.
fn followers(host: &Host) -> [JoinHandle<()>; 4] {
    let (exporting, listening, job_log) = (host.sync.clone(), host.sync.clone(), host.job_log.clone());
    [
        tokio::spawn(async move { job_log.follow().await }),
        tokio::spawn(async move { exporting.follow_outbox().await }),
        tokio::spawn(async move { listening.tell_listeners().await }),
        tokio::spawn(schedule::follow(host.store.clone(), host.clock.clone())),
    ]
}

/// What runs jobs that are no sync.
fn handlers(store: &Store, clock: &Clock) -> Handlers {
    queue::trial::handlers(maintenance::handlers(Handlers::new(), store, clock), store, clock)
}

/// Tells the runner when jobs that were parked may run.
async fn watch_gate(mut changes: watch::Receiver<u64>, runner: Runner) {
    // It ends with the backends.
    while changes.changed().await.is_ok() {
        runner.gate_changed();
    }
}

/// Installs each file of the plugin folder that is new or was changed, as an operator would.
async fn watch_plugins(host: Arc<Host>, mut watch: Watch) {
    loop {
        let file = watch.changed().await;
        let request = serde_json::json!({ "file": file }).to_string();
        if let Err(problem) = operation::call(&host, &Caller::host(), "plugin.install", request).await {
            tracing::warn!(file = %file.display(), code = problem.code.name, "{}", problem.message);
        }
    }
}

async fn open_backends(
    options: &Options,
    store: &Store,
    catalogue: &Current,
    plugins: &Arc<Registry>,
    services: Arc<plugin::Services>,
) -> Result<Arc<Backends>, Error> {
    let (store, clock) = (store.clone(), options.clock.clone());
    let keyring = Keyring::open(&store, &clock, &options.data, &options.keys).await?;
    let egress = Egress::new(clock.clone(), trusting(options.egress.clone())?)
        .map_err(|error| Error::Egress(error.to_string()))?;
    let (plugins, catalogue) = (plugins.clone(), catalogue.clone());
    Ok(Backends::open(backend::Parts { store, clock, keyring, egress, plugins, services, catalogue }).await?)
}

/// Adds the authorities of the file that `BINDERY_CA_FILE` names to those of the system.
fn trusting(mut options: egress::Options) -> Result<egress::Options, Error> {
    if let Some(path) = std::env::var_os("BINDERY_CA_FILE").filter(|path| !path.is_empty()) {
        let pem = std::fs::read(&path)
            .map_err(|error| Error::Egress(format!("BINDERY_CA_FILE={}: {error}", path.to_string_lossy())))?;
        options.certificates.push(pem);
    }
    Ok(options)
}

async fn open_store(options: &Options) -> Result<(Store, bool), Error> {
    let mut place = storage::Options::of(directory::store(&options.data)?);
    // A new place is set up by whoever comes first; an older one is changed only by those who say so.
    place.migrate = options.mode == Mode::Serve;
    let may_migrate = place.migrate;
    let opened = tokio::task::spawn_blocking(move || Store::open(&place)).await;
    let store = opened.unwrap_or(Err(storage::Error::Panicked))?;
    let may_define = may_migrate || store.was_new();
    Ok((store, may_define))
}

pub(super) async fn catalogue(
    store: &Store,
    data: &DataDir,
    clock: &Clock,
    may_define: bool,
) -> Result<Catalogue, Error> {
    if !may_define {
        return Ok(store.read(|tx| Catalogue::load(tx)).await?);
    }
    let (files, now) = (model_files(data)?, clock.now());
    let install = move |tx: &mut dyn storage::Tx| {
        let catalogue = Catalogue::install_models(tx, &files)?;
        record::seed::install(tx, &catalogue, now)?;
        Ok::<_, record::Error>(catalogue)
    };
    Ok(store.write(Durability::Durable, install).await?)
}

/// The operator's own models and fields, by file name.
fn model_files(data: &DataDir) -> Result<Vec<(String, String)>, Error> {
    let directory = data.path().join("models");
    let Ok(entries) = std::fs::read_dir(&directory) else { return Ok(Vec::new()) };
    let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "toml"));
    paths.sort();
    paths
        .into_iter()
        .map(|path| match std::fs::read_to_string(&path) {
            Ok(text) => Ok((path.file_name().unwrap_or_default().to_string_lossy().into_owned(), text)),
            Err(reason) => Err(Error::ModelFile { path, reason }),
        })
        .collect()
}

fn listen(host: &Arc<Host>, readiness: &Readiness) -> Result<Server, Error> {
    let path = host.data.socket();
    let cannot = |reason| Error::Socket { path: path.clone(), reason };
    let owner = directory::effective_user().map_err(cannot)?;
    Server::start(&path, owner, host.clone(), readiness.clone()).map_err(cannot)
}

impl Running {
    /// What operations are called on.
    pub fn host(&self) -> &Arc<Host> {
        &self.host
    }

    /// Stops in the order of the way in: no new calls, no new jobs, running ones handed back, store closed, lock free.
    pub async fn stop(self) {
        self.readiness.set(false);
        if let Some(server) = self.server {
            server.stop().await;
        }
        if let Some(upkeep) = self.upkeep {
            upkeep.stop().await;
        }
        self.tasks.iter().for_each(JoinHandle::abort);
        self.host.stop_work().await;
        if let Err(error) = self.host.job_log.flush().await {
            tracing::warn!(%error, "lines that plugins logged for jobs were not stored");
        }
        self.host.store.close().await;
    }
}

impl<E: Coded> From<E> for Error
where
    E: Room,
{
    fn from(error: E) -> Self {
        Self::Room(Fault::from(error))
    }
}

/// Errors of rooms, which keep their own codes on the way up.
trait Room {}
impl Room for storage::Error {}
impl Room for queue::Error {}
impl Room for plugin::Error {}
impl Room for backend::Error {}
impl Room for security::Error {}
impl Room for crate::record::Error {}

//! The host's end: starts a worker, opens the instance in it, carries calls over, ends it, and starts the next.

use std::{
    os::{fd::OwnedFd, unix::net::UnixStream},
    path::{Path, PathBuf},
    process::{ExitStatus, Stdio},
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, Ordering},
    },
    time::{Duration, Instant},
};

use bindery_contract::{Error, ErrorClass, Manifest};
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{Child, Command},
    sync::Notify,
};
use zeroize::Zeroizing;

use super::{
    child::{DESCRIBE, Described, OPEN, PING},
    link::{Link, Side},
    sandbox::Sandbox,
};
use crate::plugin::{
    Generation,
    abi::{Door, Line},
    error::Error as Refusal,
    guard::{Answer, AnswerFuture},
    instance::Carrier,
    scope::lock,
};

/// How long a worker may take to load its file and to open its instance.
const STARTING: Duration = Duration::from_secs(10);
/// How long a worker whose call was given up may take to answer a ping.
const ALIVE: Duration = Duration::from_secs(1);
/// How long after its socket a worker may end.
const EXIT: Duration = Duration::from_millis(500);
/// The longest wait before a worker that keeps dying is started again.
const LONGEST: Duration = Duration::from_secs(30);

/// Reads a manifest in a process of its own.
pub(in crate::plugin) async fn describe(program: &Path, file: &Path) -> Result<(Manifest, Sandbox), Refusal> {
    let running = Running::start(program, file, "plugin", Arc::new(NoDoor)).await?;
    let answer = tokio::time::timeout(STARTING, running.link.clone().request(0, DESCRIBE, &[])).await;
    let bytes = match answer {
        Ok(Ok(bytes)) => bytes,
        Ok(Err(error)) => return Err(Refusal::Worker(error.message)),
        Err(_) => return Err(Refusal::Worker(format!("loading the file took longer than {STARTING:?}"))),
    };
    let described: Described = serde_json::from_slice(&bytes)
        .map_err(|error| Refusal::Worker(format!("its answer can't be read: {error}")))?;
    Ok((described.manifest?, described.sandbox))
}

/// An instance in a worker process. A worker that died is started anew by the next call.
pub(in crate::plugin) struct Process(Arc<Host>);

struct Host {
    program: PathBuf,
    file: PathBuf,
    plugin: String,
    door: Arc<dyn Door>,
    request: Zeroizing<Vec<u8>>,
    running: Mutex<Option<Arc<Running>>>,
    starting: tokio::sync::Mutex<Failures>,
}

#[derive(Default)]
struct Failures {
    in_a_row: u32,
    not_before: Option<Instant>,
}

impl Process {
    /// Starts a process and opens the instance in it.
    pub(in crate::plugin) async fn start(
        generation: &Generation,
        door: Arc<dyn Door>,
        request: Vec<u8>,
    ) -> Result<Self, Refusal> {
        let host = Host {
            program: generation.worker_program.clone(),
            file: generation.file.clone(),
            plugin: generation.plugin().to_owned(),
            door,
            request: Zeroizing::new(request),
            running: Mutex::default(),
            starting: tokio::sync::Mutex::default(),
        };
        let running = host.open().await?;
        *lock(&host.running) = Some(running);
        Ok(Self(Arc::new(host)))
    }
}

impl Host {
    async fn open(&self) -> Result<Arc<Running>, Refusal> {
        let running = Running::start(&self.program, &self.file, &self.plugin, self.door.clone()).await?;
        match tokio::time::timeout(STARTING, running.link.clone().request(0, OPEN, &self.request)).await {
            Ok(Ok(_)) => Ok(Arc::new(running)),
            Ok(Err(error)) => Err(Refusal::OpenFailed(error.to_string())),
            Err(_) => Err(Refusal::OpenFailed(format!("it took longer than {STARTING:?}"))),
        }
    }

    fn alive(&self) -> Option<Arc<Running>> {
        lock(&self.running).clone().filter(|running| !running.link.is_closed())
    }

    /// The running worker, or a new one; not before its time where it keeps dying.
    async fn running(&self) -> Result<Arc<Running>, Error> {
        if let Some(running) = self.alive() {
            return Ok(running);
        }
        let mut failures = self.starting.lock().await;
        if let Some(running) = self.alive() {
            return Ok(running);
        }
        let died = lock(&self.running).take();
        if died.is_some_and(|died| died.answered.load(Ordering::Relaxed) == 0) {
            failures.add();
        }
        if let Some(wait) = failures.wait() {
            let mut error = Error::new(ErrorClass::Retryable, "the worker process keeps dying; it is started later");
            error.detail.after_ms = u64::try_from(wait.as_millis()).ok();
            return Err(error);
        }
        match self.open().await {
            Ok(running) => {
                *lock(&self.running) = Some(running.clone());
                Ok(running)
            }
            Err(refusal) => {
                failures.add();
                Err(Error::new(ErrorClass::Retryable, refusal.to_string()))
            }
        }
    }

    async fn invoke(&self, call: u64, op: &str, payload: &[u8]) -> Answer {
        let running = self.running().await?;
        let answer = running.link.clone().request(call, op, payload).await;
        if !running.link.is_closed() && running.answered.fetch_add(1, Ordering::Relaxed) == 0 {
            *self.starting.lock().await = Failures::default();
        }
        answer
    }
}

impl Failures {
    fn add(&mut self) {
        self.in_a_row += 1;
        // The first death is no pattern: it is started again at once.
        if self.in_a_row > 1 {
            let wait = Duration::from_millis(100 << self.in_a_row.min(16));
            self.not_before = Some(Instant::now() + wait.min(LONGEST));
        }
    }

    fn wait(&self) -> Option<Duration> {
        self.not_before.and_then(|moment| moment.checked_duration_since(Instant::now())).filter(|wait| !wait.is_zero())
    }
}

impl Carrier for Process {
    fn invoke(&self, call: u64, op: &str, payload: Vec<u8>) -> AnswerFuture {
        let (host, op) = (self.0.clone(), op.to_owned());
        Box::pin(async move { host.invoke(call, &op, &payload).await })
    }

    /// A plugin that went over its time may hold its thread for ever: it is asked, and ended where it does not answer.
    fn give_up(&self, _call: u64) {
        let Some(running) = self.0.alive() else { return };
        tokio::spawn(async move {
            let ping = running.link.clone().request(0, PING, &[]);
            if tokio::time::timeout(ALIVE, ping).await.is_err() {
                tracing::error!(plugin = running.plugin, "a worker does not answer any more and is ended");
                running.end.notify_one();
            }
        });
    }
}

/// A worker process that runs.
struct Running {
    link: Arc<Link>,
    plugin: String,
    answered: AtomicU32,
    end: Arc<Notify>,
}

impl Running {
    async fn start(program: &Path, file: &Path, plugin: &str, door: Arc<dyn Door>) -> Result<Self, Refusal> {
        let failed = |error: std::io::Error| Refusal::Worker(format!("{}: {error}", program.display()));
        let (ours, theirs) = UnixStream::pair().map_err(failed)?;
        ours.set_nonblocking(true).map_err(failed)?;
        let mut child = Command::new(program)
            .arg("plugin-worker")
            .arg(file)
            .arg(door.level().to_string())
            .env_clear()
            .current_dir("/")
            .stdin(Stdio::from(OwnedFd::from(theirs)))
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .map_err(failed)?;
        let stream = tokio::net::UnixStream::from_std(ours).map_err(failed)?;
        let (link, reading) = Link::start(stream, Arc::new(Served(door)));
        let end = Arc::new(Notify::new());
        let name = plugin.to_owned();
        if let Some(stderr) = child.stderr.take() {
            let plugin = name.clone();
            tokio::spawn(async move {
                let mut lines = BufReader::new(stderr).lines();
                while let Ok(Some(line)) = lines.next_line().await {
                    tracing::warn!(target: "plugin", plugin, "{}", line.chars().take(1000).collect::<String>());
                }
            });
        }
        tokio::spawn(watch(child, reading, link.clone(), end.clone(), name.clone()));
        Ok(Self { link, plugin: name, answered: AtomicU32::new(0), end })
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.end.notify_one();
    }
}

/// Waits for the end of a worker, whichever way, and tells its pending calls how it came.
async fn watch(
    mut child: Child,
    reading: tokio::task::JoinHandle<std::io::Result<()>>,
    link: Arc<Link>,
    end: Arc<Notify>,
    plugin: String,
) {
    let mut reading = reading;
    let broke = tokio::select! {
        ended = &mut reading => match ended {
            Ok(Err(error)) => Some(error),
            _ => None,
        },
        () = end.notified() => Some(std::io::Error::other("the host ended it")),
    };
    // The socket's end comes a moment before the process's own. One that stays, or broke the rules, is ended.
    let patience = if broke.is_none() { EXIT } else { Duration::ZERO };
    let status = match tokio::time::timeout(patience, child.wait()).await {
        Ok(status) => status.ok(),
        Err(_) => {
            // An error means that it has ended in between.
            let _ = child.kill().await;
            None
        }
    };
    let broke = broke.map_or_else(String::new, |error| format!(" ({error})"));
    let how = status.map_or_else(|| "was ended".to_owned(), how_it_ended);
    tracing::warn!(plugin, "the worker process {how}{broke}");
    link.close();
    link.fail_all(&Error::new(ErrorClass::Retryable, format!("the worker process died: it {how}{broke}")));
}

fn how_it_ended(status: ExitStatus) -> String {
    use std::os::unix::process::ExitStatusExt;
    match status.signal() {
        Some(libc::SIGSEGV) => "was killed by a bad memory access (SIGSEGV)".to_owned(),
        Some(libc::SIGABRT) => "aborted (SIGABRT)".to_owned(),
        Some(signal) => format!("was killed by signal {signal}"),
        None => format!("exited with code {}", status.code().unwrap_or_default()),
    }
}

/// What the host does for its worker: the same door as in process.
struct Served(Arc<dyn Door>);

impl Side for Served {
    fn serve(&self, call: u64, service: &str, payload: Vec<u8>) -> AnswerFuture {
        self.0.serve(call, service, &payload)
    }

    fn log(&self, line: &Line<'_>) {
        self.0.log(line);
    }

    fn runtime(&self) -> tokio::runtime::Handle {
        tokio::runtime::Handle::current()
    }
}

/// Before there is an instance nothing is served.
struct NoDoor;

impl Door for NoDoor {
    fn log(&self, _line: &Line<'_>) {}

    fn level(&self) -> u8 {
        0
    }

    fn serve(&self, _call: u64, service: &str, _payload: &[u8]) -> AnswerFuture {
        let error = Error::new(ErrorClass::Denied, format!("{service} is not served before the instance is open"));
        Box::pin(std::future::ready(Err(error)))
    }
}

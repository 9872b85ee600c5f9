//! The worker's end: gives up what it can, loads one file, and runs one instance for the host at its standard input.
//!
//! Two threads: one talks to the host and notices when it is gone, the other runs the plugin and may be lost to it.

use std::{
    os::{fd::OwnedFd, unix::net::UnixStream},
    path::PathBuf,
    sync::{Arc, Mutex, OnceLock},
};

use bindery_contract::{Error, ErrorClass, Manifest};
use serde::{Deserialize, Serialize};

use super::{
    link::{Link, Side},
    sandbox::{self, Sandbox},
};
use crate::plugin::{
    abi::{Door, Line, Module, Opened},
    error::Error as Refusal,
    guard::{Answer, AnswerFuture},
    load,
    scope::lock,
};

/// Answers [`Described`].
pub(super) const DESCRIBE: &str = "@describe";
/// Opens the instance.
pub(super) const OPEN: &str = "@open";
/// Answers at once where the plugin's thread is alive.
pub(super) const PING: &str = "@ping";

/// What a worker says of the file that it has loaded.
#[derive(Serialize, Deserialize)]
pub(super) struct Described {
    pub(super) manifest: Result<Manifest, Refusal>,
    pub(super) sandbox: Sandbox,
}

/// What the `plugin-worker` command runs: `plugin-worker FILE LEVEL`, with the socket as standard input.
///
/// Call it first in `main`, before there is any thread. Returns the exit code of the process.
pub fn main() -> i32 {
    let mut arguments = std::env::args_os().skip(2);
    let (Some(file), Some(level)) = (arguments.next(), arguments.next()) else { return 2 };
    let level = level.to_str().and_then(|level| level.parse().ok()).unwrap_or(3);
    let Ok(socket) = socket() else { return 2 };
    let sandbox = sandbox::enter();
    // Loading runs the file's constructors: nothing of the host is in this process but the socket.
    let (module, manifest) = match load::open(&PathBuf::from(file)) {
        Ok((module, manifest)) => (Some(module), Ok(manifest)),
        Err(refusal) => (None, Err(refusal)),
    };
    let Ok(runtime) = tokio::runtime::Builder::new_current_thread().build() else { return 1 };
    let worker = Arc::new(Worker {
        module,
        described: serde_json::to_vec(&Described { manifest, sandbox }).unwrap_or_default(),
        opened: OnceLock::new(),
        link: OnceLock::new(),
        level,
        runtime: runtime.handle().clone(),
        opening: Mutex::new(()),
    });
    let talking = std::thread::Builder::new().name("host".to_owned()).spawn(move || talk(socket, worker));
    if talking.is_err() {
        return 1;
    }
    runtime.block_on(std::future::pending::<()>());
    0
}

/// Talks to the host until it is gone, then ends the process, whatever the plugin does at that moment.
fn talk(socket: UnixStream, worker: Arc<Worker>) {
    let code = (|| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
        runtime.block_on(async {
            let (link, reading) = Link::start(tokio::net::UnixStream::from_std(socket)?, worker.clone());
            // Set once: nothing else sets it.
            let _ = worker.link.set(link);
            reading.await.unwrap_or_else(|error| Err(std::io::Error::other(error)))
        })
    })()
    .map_or(1, |()| 0);
    exit(code);
}

#[allow(unsafe_code, reason = "handlers that a plugin registered must not run, and must not hold us up")]
fn exit(code: i32) -> ! {
    // SAFETY: ends the process at once; nothing of it is used afterwards.
    unsafe { libc::_exit(code) }
}

fn socket() -> std::io::Result<UnixStream> {
    let copy: OwnedFd = std::os::fd::AsFd::as_fd(&std::io::stdin()).try_clone_to_owned()?;
    let socket = UnixStream::from(copy);
    socket.set_nonblocking(true)?;
    Ok(socket)
}

struct Worker {
    module: Option<Module>,
    described: Vec<u8>,
    opened: OnceLock<Opened>,
    link: OnceLock<Arc<Link>>,
    level: u8,
    runtime: tokio::runtime::Handle,
    opening: Mutex<()>,
}

impl Worker {
    fn open(&self, request: &[u8]) -> Answer {
        let _one = lock(&self.opening);
        let (Some(module), Some(link)) = (self.module, self.link.get()) else {
            return Err(Error::new(ErrorClass::Failed, "the plugin is not loaded"));
        };
        if self.opened.get().is_some() {
            return Err(Error::new(ErrorClass::Failed, "the instance is open already"));
        }
        let opened = module.open(Arc::new(Remote { link: link.clone(), level: self.level }), request)?;
        let _ = self.opened.set(opened);
        Ok(Vec::new())
    }
}

impl Side for Worker {
    fn serve(&self, call: u64, op: &str, payload: Vec<u8>) -> AnswerFuture {
        let answer = match op {
            DESCRIBE => Ok(self.described.clone()),
            PING => Ok(Vec::new()),
            OPEN => self.open(&payload),
            op => match self.opened.get() {
                Some(opened) => return Box::pin(opened.invoke(call, op, &payload)),
                None => Err(Error::new(ErrorClass::Failed, "the instance is not open")),
            },
        };
        Box::pin(std::future::ready(answer))
    }

    fn log(&self, _line: &Line<'_>) {}

    fn runtime(&self) -> tokio::runtime::Handle {
        self.runtime.clone()
    }
}

/// The host as the plugin sees it from here.
struct Remote {
    link: Arc<Link>,
    level: u8,
}

impl Door for Remote {
    fn log(&self, line: &Line<'_>) {
        self.link.log(line);
    }

    fn level(&self) -> u8 {
        self.level
    }

    fn serve(&self, call: u64, service: &str, payload: &[u8]) -> AnswerFuture {
        let (link, service, payload) = (self.link.clone(), service.to_owned(), payload.to_vec());
        Box::pin(async move { link.request(call, &service, &payload).await })
    }
}

//! The whole host inside the test's process: started as the program starts it, asked as a face asks it, stopped and
//! started again. Its data directory, its clock and its way out are the test's. `Data` is the same for the real program.

use std::{sync::Arc, time::Duration};

use bindery::{
    app::{self, Mode, Options, Running},
    base::{Clock, Timestamp, config::DataDir},
    operation::{self, Caller, Host, sync::Standing, wire::Problem},
    security::Source,
    storage::{Signal, Store},
};
use bindery_shop::Shop;
use serde_json::{Value, json};

use crate::{Answer, Data, artifact, plugin};

/// How long anything may take before the test fails.
const PATIENCE: Duration = Duration::from_secs(60);
/// How often is looked where nothing is told: a job that was parked has not ended.
const LOOK: Duration = Duration::from_millis(100);

/// A host in this process.
pub struct TestHost {
    /// Its data directory, and the real command line on it.
    pub data: Data,
    options: Options,
    running: Option<Running>,
}

impl TestHost {
    /// A host over a new data directory, on the system's clock.
    pub async fn new() -> Self {
        Self::start(Data::new(), |_| {}).await
    }

    /// A host whose clock stands still until the test moves it.
    pub async fn at(time: Timestamp) -> Self {
        Self::start(Data::new(), |options| options.clock = Clock::manual(time)).await
    }

    /// A host over a data directory, with options changed.
    ///
    /// # Panics
    /// Where it does not start.
    pub async fn start(data: Data, change: impl FnOnce(&mut Options)) -> Self {
        let mut options = Self::options(&data);
        change(&mut options);
        let running = app::start(options.clone()).await.unwrap_or_else(|error| panic!("the host starts: {error}"));
        Self { data, options, running: Some(running) }
    }

    /// The options that a host over this directory starts with: it serves, keeps a made-up key beside the directory,
    /// and runs workers by the built program.
    pub fn options(data: &Data) -> Options {
        let keys = Source { config_home: Some(data.beside("config")), ..Source::default() };
        let worker_program = Some(artifact("bindery"));
        Options { keys, worker_program, ..Options::new(DataDir::new(data.path()), Mode::Serve) }
    }

    /// The clock that it runs on.
    pub fn clock(&self) -> &Clock {
        &self.options.clock
    }

    /// What operations are called on.
    pub fn host(&self) -> &Arc<Host> {
        self.running.as_ref().expect("it runs until the test stops it").host()
    }

    /// Its store.
    pub fn store(&self) -> &Store {
        &self.host().store
    }

    /// Where it listens.
    pub fn socket(&self) -> std::path::PathBuf {
        DataDir::new(self.data.path()).socket()
    }

    /// Asks as the owner, and expects an answer.
    ///
    /// # Panics
    /// Where it is refused, with the error.
    pub async fn call(&self, operation: &str, request: Value) -> Value {
        let answer = self.call_as(&Caller::owner(), operation, request.clone()).await;
        answer.unwrap_or_else(|problem| panic!("{operation} {request}: {problem:#?}"))
    }

    /// Asks as the owner, and expects an error.
    ///
    /// # Panics
    /// Where it is answered.
    pub async fn fails(&self, operation: &str, request: Value) -> Problem {
        match self.call_as(&Caller::owner(), operation, request.clone()).await {
            Ok(answer) => panic!("{operation} {request} was answered: {answer}"),
            Err(problem) => problem,
        }
    }

    /// Asks as somebody.
    pub async fn call_as(&self, caller: &Caller, operation: &str, request: Value) -> Result<Value, Problem> {
        let answer = operation::call(self.host(), caller, operation, request.to_string()).await?;
        Ok(serde_json::from_str(&answer).expect("operations answer JSON"))
    }

    /// Runs the real command line against it, through its socket.
    pub async fn run<I: AsRef<std::ffi::OsStr>>(&self, arguments: impl IntoIterator<Item = I>) -> Answer {
        let mut command = self.data.command();
        command.args(arguments).stdin(std::process::Stdio::null());
        let output = tokio::task::spawn_blocking(move || command.output()).await;
        Answer::new(output.expect("it does not panic").expect("the binary can be started"))
    }

    /// Installs a built plugin by the name of its folder.
    pub async fn install(&self, name: &str) {
        self.call("plugin.install", json!({ "file": plugin(name) })).await;
    }

    /// Installs the demo connector and adds the backend `shop` over a demo shop.
    pub async fn connect(&self, shop: &Shop) {
        self.install("demo").await;
        let (settings, secrets) = (json!({ "api_url": shop.url() }), json!({ "api_token": shop.token() }));
        let backend = json!({ "name": "shop", "backend_type": "demo", "settings": settings, "secrets": secrets });
        self.call("backend.add", backend).await;
    }

    /// Starts a sync and waits for its end; `more` holds members of `sync.start` such as `only`, `kind` and `force`.
    ///
    /// # Panics
    /// Where a job of it fails.
    pub async fn sync(&self, backend: &str, more: Value) -> Standing {
        let standing = self.try_sync(backend, more).await;
        let faults = standing.jobs.iter().filter_map(|job| job.job.error.as_ref()).collect::<Vec<_>>();
        assert_eq!(standing.failed, 0, "jobs failed: {faults:#?}");
        standing
    }

    /// The same for a sync that may fail.
    pub async fn try_sync(&self, backend: &str, more: Value) -> Standing {
        let mut request = json!({ "backend": backend });
        if let (Some(request), Value::Object(more)) = (request.as_object_mut(), more) {
            request.extend(more);
        }
        let started = self.call("sync.start", request).await;
        let jobs = started["jobs"].as_array().expect("jobs").iter().filter_map(|job| job["id"].as_i64());
        self.wait(&jobs.collect::<Vec<_>>()).await
    }

    /// Waits until none of the jobs, nor of those they enqueue, goes on by itself.
    ///
    /// # Panics
    /// Where that takes more than a minute.
    pub async fn wait(&self, jobs: &[i64]) -> Standing {
        let mut ended = self.store().listen(Signal::JobEnded);
        let end = tokio::time::Instant::now() + PATIENCE;
        loop {
            let standing = self.call("sync.progress", json!({ "jobs": jobs })).await;
            let standing: Standing = serde_json::from_value(standing).expect("a standing");
            if standing.finished {
                return standing;
            }
            assert!(tokio::time::Instant::now() < end, "jobs {jobs:?} don't end: {:#?}", standing.jobs);
            // Either wakes it; nothing is to be done about which.
            let _ = tokio::time::timeout(LOOK, ended.changed()).await;
        }
    }

    /// Records that a domain finds, with fields (none: those that tell a record).
    pub async fn rows(&self, model: &str, domain: Value, fields: &[&str]) -> Vec<Value> {
        let request = json!({ "model": model, "domain": domain, "fields": fields, "limit": 100_000 });
        let found = self.call("record.search", request).await;
        found["rows"].as_array().cloned().expect("rows")
    }

    /// How many records a domain finds.
    pub async fn count(&self, model: &str, domain: Value) -> u64 {
        let found = self.call("record.search", json!({ "model": model, "domain": domain, "limit": 1 })).await;
        found["total"].as_u64().expect("a search tells the total")
    }

    /// Bindings of a kind that have a status; both may be empty for all.
    pub async fn bindings(&self, backend: &str, kind: &str, status: &str) -> Vec<Value> {
        let some = |text: &str| if text.is_empty() { Value::Null } else { text.into() };
        let request = json!({ "backend": backend, "kind": some(kind), "status": some(status), "limit": 100_000 });
        let found = self.call("binding.list", request).await;
        found["bindings"].as_array().cloned().expect("bindings")
    }

    /// Stops it as a service manager does, and gives the directory back.
    pub async fn stop(mut self) -> Data {
        self.running.take().expect("it runs").stop().await;
        self.data
    }

    /// Stops it and starts it again over the same directory.
    pub async fn restart(self) -> Self {
        let options = self.options.clone();
        Self::start(self.stop().await, |fresh| *fresh = options).await
    }
}

//! The queue over a store of its own: jobs, a host that claims by hand, and a runner.

use std::sync::Arc;

use bindery::{
    base::{Clock, Code, Fault, Retry, Timestamp},
    model::job::{Enqueued, Fence, Job, NewJob, RetryPattern, RetryStep},
    queue::{self, Error, Gate, Handler, Handlers, OpenGate, Options, Outcome, Runner, Running, control},
    storage::{self, Durability::Durable, Store, Tx},
};
use serde_json::json;

static FLAKY: Code = Code { name: "test.flaky", cause: "The test wants it.", cure: "None.", retry: Retry::Later };

/// A fault that a retry may mend.
pub fn fault() -> Fault {
    Fault {
        code: &FLAKY,
        message: "as the test wants".to_owned(),
        cure: String::new(),
        retry_after: None,
        fields: Vec::new(),
    }
}

/// A job of the kind `test` that is tried again at once.
pub fn job() -> NewJob {
    NewJob { retry_pattern: Some(waiting(0)), ..NewJob::new("test", json!({})) }
}

/// A pattern that waits so many seconds before each retry.
pub fn waiting(seconds: u32) -> RetryPattern {
    RetryPattern(vec![RetryStep { attempt: 1, least: seconds.into(), most: seconds.into() }])
}

/// A store with nothing but jobs.
pub struct Place {
    _directory: tempfile::TempDir,
    /// The store.
    pub store: Store,
    /// The clock.
    pub clock: Clock,
}

impl Place {
    /// On the system's clock.
    pub fn new() -> Self {
        Self::with(Clock::system())
    }

    /// On a clock that stands still.
    pub fn still() -> Self {
        Self::with(Clock::manual(Timestamp(1_700_000_000_000_000)))
    }

    fn with(clock: Clock) -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let store = Store::open(&storage::Options::new(directory.path().join("test.db"))).expect("a store");
        Self { _directory: directory, store, clock }
    }

    /// A write.
    ///
    /// # Panics
    /// Where it fails.
    pub async fn write<T: Send + 'static>(
        &self,
        work: impl FnMut(&mut dyn Tx) -> Result<T, Error> + Send + 'static,
    ) -> T {
        self.store.write(Durable, work).await.expect("it is written")
    }

    /// Puts a job into the queue.
    pub async fn enqueue(&self, job: NewJob) -> Enqueued {
        let now = self.clock.now();
        self.write(move |tx| queue::enqueue(tx, now, &job)).await
    }

    /// A job as it stands.
    pub async fn show(&self, id: i64) -> Job {
        self.write(move |tx| control::show(tx, id)).await
    }

    /// Claims what is ready, as a host does; answers the fence of a job.
    ///
    /// # Panics
    /// Where the job is not among what was claimed.
    pub async fn claim(&self, id: i64) -> Fence {
        let now = self.clock.now();
        self.write(move |tx| {
            let claim = storage::job_claim::register(tx, now, "by hand", 1, "boot")?;
            storage::job_claim::sweep_due(tx, now, 1000)?;
            let claimed = storage::job_claim::claim(tx, now, 1, claim, 1000, None)?;
            let found = claimed.iter().find(|one| one.id == id).expect("it was ready");
            Ok(Fence { job: id, attempt: found.attempt, claim })
        })
        .await
    }

    /// Ends an attempt.
    pub async fn end(&self, fence: &Fence, outcome: Outcome) {
        let (now, fence) = (self.clock.now(), fence.clone());
        self.write(move |tx| queue::finish(tx, now, &fence, &outcome).map(drop)).await;
    }

    /// Starts a runner with a handler of the kind `test`.
    pub async fn run(&self, handler: impl Fn(Running) -> Outcome + Send + Sync + 'static, options: Options) -> Runner {
        self.run_with(Arc::new(OpenGate), Handlers::new().with("test", Arc::new(Plain(handler))), options).await
    }

    /// Starts a runner.
    ///
    /// # Panics
    /// Where it does not start.
    pub async fn run_with(&self, gate: Arc<dyn Gate>, handlers: Handlers, options: Options) -> Runner {
        let started = Runner::start(self.store.clone(), self.clock.clone(), gate, handlers, options).await;
        started.expect("the runner starts")
    }
}

impl Default for Place {
    fn default() -> Self {
        Self::new()
    }
}

/// A handler that is a function.
pub struct Plain<F>(pub F);

impl<F: Fn(Running) -> Outcome + Send + Sync> Handler for Plain<F> {
    fn run(&self, job: Running) -> futures_util::future::BoxFuture<'static, Outcome> {
        let outcome = (self.0)(job);
        Box::pin(async move { outcome })
    }
}

/// A handler that says when it has started, and ends when it is asked to stop.
pub struct Patient {
    /// Told of each start.
    pub started: tokio::sync::mpsc::UnboundedSender<i64>,
    /// Whether it listens at all.
    pub listens: bool,
}

impl Handler for Patient {
    fn run(&self, job: Running) -> futures_util::future::BoxFuture<'static, Outcome> {
        // Nobody may wait for it.
        let _ = self.started.send(job.id);
        let listens = self.listens;
        Box::pin(async move {
            if !listens {
                std::future::pending::<()>().await;
            }
            match job.cancel.cancelled().await {
                queue::CancelReason::Stopping => Outcome::HandBack,
                _ => Outcome::Cancelled,
            }
        })
    }
}

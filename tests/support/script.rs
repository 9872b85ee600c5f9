//! The connector of faults over a whole host, run by scripts of services: as a call in a scope of the test's, whose
//! writes the test commits itself, or as a job of the host.

use std::sync::Arc;

use bindery::{
    base::{Clock, config::DataDir},
    model::job::{Fence, NewJob},
    plugin::{self as plugins, Committed, Context, Guard, Isolation, Scope, commit},
    queue,
    storage::{self, Durability, Store},
    sync::task,
};
use bindery_contract::{Error, Frame, op};
use serde_json::{Value, json};

use crate::{Data, TestHost, plugin};

/// A host with the backend `shop` of the connector of faults.
pub struct Scripted {
    /// The host.
    pub host: TestHost,
    /// The backend.
    pub backend: i64,
}

impl Scripted {
    /// The connector in the host's own process.
    pub async fn in_process() -> Self {
        Self::new(Isolation::InProcess, json!({})).await
    }

    /// The connector in a process of its own.
    pub async fn in_worker() -> Self {
        Self::new(Isolation::Worker, json!({})).await
    }

    /// With settings.
    ///
    /// # Panics
    /// Where anything of it fails.
    pub async fn new(isolation: Isolation, settings: Value) -> Self {
        let host = TestHost::new().await;
        host.install("fault").await;
        host.host().plugins.install(&plugin("fault"), Some(isolation)).await.expect("it is fine");
        let backend = Self::add(&host, "shop", settings).await;
        Self { host, backend }
    }

    /// Adds another backend of the connector.
    pub async fn add(host: &TestHost, name: &str, settings: Value) -> i64 {
        let request = json!({ "name": name, "backend_type": "fault", "settings": settings });
        host.call("backend.add", request).await;
        let id = host.host().backends.by_name(name).expect("it was added").id;
        assert!(id > 0);
        id
    }

    /// The circumstances of a call for the backend, as its jobs have them.
    pub async fn context(&self) -> Context {
        self.host.host().backends.opened(self.backend).await.expect("it opens").context()
    }

    /// A scope for some calls.
    pub async fn scope(&self) -> Arc<Scope> {
        Scope::new(self.context().await)
    }

    /// Runs a script in a scope; answers what its steps answered.
    pub async fn call(&self, scope: &Arc<Scope>, steps: Value) -> Result<Vec<Value>, Error> {
        let opened = self.host.host().backends.opened(self.backend).await.expect("it opens");
        let payload = Frame::encode(&action(steps), &[]).expect("small");
        let answer = opened.call(scope.clone(), op::ACTION, payload).await?;
        let answered: op::ActAnswer = Frame::decode(&answer).and_then(|frame| frame.header()).expect("an answer");
        Ok(answered.result.as_array().cloned().expect("one answer for each step"))
    }

    /// Runs a script in a scope of its own and commits what it wrote.
    ///
    /// # Panics
    /// Where either fails.
    pub async fn done(&self, steps: Value) -> Vec<Value> {
        let scope = self.scope().await;
        let answers = self.call(&scope, steps).await.unwrap_or_else(|error| panic!("{error:?}"));
        self.commit(&scope).await.unwrap_or_else(|error| panic!("{error}"));
        answers
    }

    /// Commits what was written in a scope.
    pub async fn commit(&self, scope: &Arc<Scope>) -> Result<Committed, plugins::commit::Error> {
        let (writes, host) = (scope.take_writes(), self.host.host());
        let guard = Guard::new(scope.context(), host.catalogue.get(), self.host.clock().now());
        self.store().write(Durability::Durable, move |tx| commit(tx, &writes, &guard)).await
    }

    /// The store.
    pub fn store(&self) -> &Store {
        self.host.store()
    }

    /// Enqueues a script as a job; answers the job.
    pub async fn enqueue(&self, steps: Value) -> i64 {
        enqueue(self.store(), self.host.clock(), self.backend, steps).await
    }

    /// A fence of a job that nobody has claimed like that.
    pub async fn stale_fence(&self) -> Fence {
        Fence { job: self.enqueue(json!([{"do": "sleep", "ms": 1}])).await, attempt: 99, claim: 99 }
    }
}

/// Enqueues a script as a job of a backend in a data directory that no host holds.
///
/// # Panics
/// Where the store can't be opened.
pub fn enqueue_in(data: &Data, backend: &str, steps: Value) {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(async {
        let path = DataDir::new(data.path()).database();
        let store = Store::open(&storage::Options::new(path)).expect("the store opens");
        let all = store.read(|tx| storage::backend::all(tx)).await.expect("backends");
        let backend = all.iter().find(|known| known.name == backend).expect("the backend").id;
        enqueue(&store, &Clock::system(), backend, steps).await;
        store.close().await;
    });
}

/// Enqueues a script as a job of a backend; answers the job.
pub async fn enqueue(store: &Store, clock: &Clock, backend: i64, steps: Value) -> i64 {
    let payload = task::Action { backend, name: SCRIPT.to_owned(), arguments: json!({ "steps": steps }) };
    let mut job: NewJob = task::job(task::ACTION, Some(backend), &payload, "A script".to_owned());
    job.max_retries = 1;
    let now = clock.now();
    let enqueued = store.write(Durability::Durable, move |tx| queue::enqueue(tx, now, &job)).await;
    enqueued.expect("it is enqueued").id
}

const SCRIPT: &str = "action_script";

fn action(steps: Value) -> op::Act {
    op::Act { name: SCRIPT.to_owned(), arguments: json!({ "steps": steps }) }
}

/// Makes tests of functions that take a [`Scripted`]: each in the host's process, and through a worker process.
#[macro_export]
macro_rules! in_both {
    ($($test:ident),* $(,)?) => {
        mod in_process {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $test() {
                super::$test($crate::script::Scripted::in_process().await).await;
            })*
        }

        mod in_worker {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $test() {
                super::$test($crate::script::Scripted::in_worker().await).await;
            })*
        }
    };
}

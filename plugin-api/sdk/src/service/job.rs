//! Jobs that a connector enqueues.

use std::{future::IntoFuture, time::Duration};

pub use bindery_contract::manifest::Step;
use bindery_contract::service;
use serde::Serialize;

use crate::{
    Connector, Context,
    error::{Error, Result},
    host::BoxFuture,
};

/// What a job is to do.
///
/// ```
/// use bindery_plugin::Task;
///
/// let task = Task::import("acme.order", "7");
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Task(service::Task);

impl Task {
    #[cfg(any(feature = "testing", test))]
    pub(crate) const fn contract(&self) -> &service::Task {
        &self.0
    }

    #[cfg(any(feature = "testing", test))]
    pub(crate) const fn from_contract(task: service::Task) -> Self {
        Self(task)
    }

    /// Import one record.
    ///
    /// ```
    /// let _ = bindery_plugin::Task::import("acme.order", "7");
    /// ```
    pub fn import(kind: impl Into<String>, id: impl Into<String>) -> Self {
        Self(service::Task::Import { kind: kind.into(), id: id.into(), force: false })
    }

    /// Import one record even where it looks up to date.
    ///
    /// ```
    /// let _ = bindery_plugin::Task::import_by_force("acme.order", "7");
    /// ```
    pub fn import_by_force(kind: impl Into<String>, id: impl Into<String>) -> Self {
        Self(service::Task::Import { kind: kind.into(), id: id.into(), force: true })
    }

    /// Export one of our records.
    ///
    /// ```
    /// let _ = bindery_plugin::Task::export("acme.product", 12);
    /// ```
    pub fn export(kind: impl Into<String>, record: i64) -> Self {
        Self(service::Task::Export { kind: kind.into(), record })
    }

    /// A step of a whole sync.
    ///
    /// ```
    /// use bindery_plugin::{Step, Task};
    ///
    /// let _ = Task::sync(Step::Orders);
    /// ```
    pub const fn sync(step: Step) -> Self {
        Self(service::Task::Sync { step })
    }

    /// A declared action with its arguments.
    ///
    /// ```
    /// # use bindery_plugin::Task;
    /// let task = Task::action("action_refresh_taxes", &serde_json::json!({"country": "DE"}))?;
    /// # Ok::<_, bindery_plugin::Error>(())
    /// ```
    pub fn action(name: impl Into<String>, arguments: &impl Serialize) -> Result<Self> {
        Ok(Self(service::Task::Action { name: name.into(), arguments: serde_json::to_value(arguments)? }))
    }
}

/// A job being described; awaiting it enqueues it.
///
/// ```
/// # use bindery_plugin::prelude::*;
/// # async fn example<C: Connector>(cx: Context<C>) -> Result<()> {
/// let job = cx.with_delay().priority(5).eta_secs(60).identity("order-7").import("acme.order", "7").await?;
/// if job.deduplicated { info!(job.id, "was waiting already"); }
/// # Ok(()) }
/// ```
#[must_use = "a job is enqueued when it is awaited"]
pub struct Delayed<C: Connector> {
    cx: Context<C>,
    task: Option<Task>,
    options: service::Enqueue,
}

impl<C: Connector> Delayed<C> {
    pub(crate) fn new(cx: Context<C>) -> Self {
        Self { cx, task: None, options: service::Enqueue::default() }
    }

    /// 0 first; the host's default is 10.
    ///
    /// ```
    /// # use bindery_plugin::prelude::*;
    /// # fn example<C: Connector>(cx: Context<C>) { let _ = cx.with_delay().priority(5); }
    /// ```
    pub fn priority(mut self, priority: u32) -> Self {
        self.options.priority = Some(priority);
        self
    }

    /// Not before so many seconds from now.
    ///
    /// ```
    /// # use bindery_plugin::prelude::*;
    /// # fn example<C: Connector>(cx: Context<C>) { let _ = cx.with_delay().eta_secs(60); }
    /// ```
    pub fn eta_secs(mut self, seconds: u64) -> Self {
        self.options.eta_seconds = Some(seconds);
        self
    }

    /// Not before this time from now, in whole seconds.
    ///
    /// ```
    /// # use bindery_plugin::prelude::*;
    /// # fn example<C: Connector>(cx: Context<C>) { let _ = cx.with_delay().eta(std::time::Duration::from_secs(60)); }
    /// ```
    pub fn eta(self, time: Duration) -> Self {
        self.eta_secs(time.as_secs())
    }

    /// Attempts allowed; 0: endless under the host's cap. The host's default is 5.
    ///
    /// ```
    /// # use bindery_plugin::prelude::*;
    /// # fn example<C: Connector>(cx: Context<C>) { let _ = cx.with_delay().max_retries(10); }
    /// ```
    pub fn max_retries(mut self, retries: u32) -> Self {
        self.options.max_retries = Some(retries);
        self
    }

    /// Folds jobs: while one of this identity waits, no other is made.
    ///
    /// ```
    /// # use bindery_plugin::prelude::*;
    /// # fn example<C: Connector>(cx: Context<C>) { let _ = cx.with_delay().identity("taxes"); }
    /// ```
    pub fn identity(mut self, identity: impl Into<String>) -> Self {
        self.options.identity = Some(identity.into());
        self
    }

    /// Folds equal jobs until the first has ended, instead of only until it starts.
    ///
    /// ```
    /// # use bindery_plugin::prelude::*;
    /// # fn example<C: Connector>(cx: Context<C>) { let _ = cx.with_delay().identity("taxes").until_done(); }
    /// ```
    pub fn until_done(mut self) -> Self {
        self.options.until_done = true;
        self
    }

    /// A channel below the backend's own, for jobs that must not take the places of others. Its capacity is the
    /// operator's.
    ///
    /// ```
    /// # use bindery_plugin::prelude::*;
    /// # fn example<C: Connector>(cx: Context<C>) { let _ = cx.with_delay().channel("images"); }
    /// ```
    pub fn channel(mut self, name: impl Into<String>) -> Self {
        self.options.channel = Some(name.into());
        self
    }

    /// A line for people.
    ///
    /// ```
    /// # use bindery_plugin::prelude::*;
    /// # fn example<C: Connector>(cx: Context<C>) { let _ = cx.with_delay().description("Taxes of 2026"); }
    /// ```
    pub fn description(mut self, text: impl Into<String>) -> Self {
        self.options.description = Some(text.into());
        self
    }

    /// The task.
    ///
    /// ```
    /// # use bindery_plugin::prelude::*;
    /// # fn example<C: Connector>(cx: Context<C>) { let _ = cx.with_delay().task(Task::sync(Step::Orders)); }
    /// ```
    pub fn task(mut self, task: Task) -> Self {
        self.task = Some(task);
        self
    }

    /// The task of importing one record.
    ///
    /// ```
    /// # use bindery_plugin::prelude::*;
    /// # fn example<C: Connector>(cx: Context<C>) { let _ = cx.with_delay().import("acme.order", "7"); }
    /// ```
    pub fn import(self, kind: impl Into<String>, id: impl Into<String>) -> Self {
        self.task(Task::import(kind, id))
    }

    /// The task of exporting one of our records.
    ///
    /// ```
    /// # use bindery_plugin::prelude::*;
    /// # fn example<C: Connector>(cx: Context<C>) { let _ = cx.with_delay().export("acme.product", 12); }
    /// ```
    pub fn export(self, kind: impl Into<String>, record: i64) -> Self {
        self.task(Task::export(kind, record))
    }

    /// The task of exporting the record of a binding.
    ///
    /// ```
    /// # use bindery_plugin::prelude::*;
    /// # async fn example<C: Connector>(cx: Context<C>, binding: Binding<C>) -> Result<()> {
    /// cx.with_delay().eta_secs(60).export_record(&binding)?.await.map(|_| ())
    /// # }
    /// ```
    ///
    /// # Errors
    /// The binding has no record of ours.
    pub fn export_record(self, binding: &super::Binding<C>) -> Result<Self> {
        Ok(self.task(binding.task_of_export()?))
    }

    /// The task of one step of a whole sync.
    ///
    /// ```
    /// # use bindery_plugin::prelude::*;
    /// # fn example<C: Connector>(cx: Context<C>) { let _ = cx.with_delay().sync(Step::Orders); }
    /// ```
    pub fn sync(self, step: Step) -> Self {
        self.task(Task::sync(step))
    }
}

impl<C: Connector> IntoFuture for Delayed<C> {
    type Output = Result<Enqueued>;
    type IntoFuture = BoxFuture<Result<Enqueued>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move {
            let Self { cx, task, mut options } = self;
            options.task = task.ok_or_else(|| Error::failed("a job without a task was enqueued"))?.0;
            let answer: service::Enqueued = cx.ask_for(service::ENQUEUE, &options).await?;
            Ok(Enqueued { id: answer.id, deduplicated: answer.deduplicated })
        })
    }
}

/// A job that was enqueued.
///
/// ```
/// # use bindery_plugin::Enqueued;
/// let job = Enqueued { id: 7, deduplicated: false };
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Enqueued {
    /// Its id.
    pub id: i64,
    /// An equal job was waiting already; `id` is that one's.
    pub deduplicated: bool,
}

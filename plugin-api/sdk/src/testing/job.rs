//! Jobs under test: what a connector enqueued is trapped instead of run, looked at, and run where the test wants it.

use bindery_contract::{op, service};

use super::Harness;
use crate::{
    Connector, Task,
    error::{Error, Result},
};

/// Jobs that one test runs at most: a job that enqueues itself again would go on for ever.
const MOST: usize = 1_000;

/// A job that the connector enqueued, and that nobody has run.
///
/// ```
/// # fn example(job: bindery_plugin::testing::Trapped) { assert_eq!(job.priority(), Some(5)); }
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Trapped(service::Enqueue);

impl Trapped {
    /// What it is to do.
    ///
    /// ```
    /// # use bindery_plugin::{prelude::*, testing::Trapped};
    /// # fn example(job: Trapped) { assert_eq!(job.task(), Task::import("acme.order", "7")); }
    /// ```
    pub fn task(&self) -> Task {
        Task::from_contract(self.0.task.clone())
    }

    /// Its priority, where it says one: 0 first.
    ///
    /// ```
    /// # fn example(job: bindery_plugin::testing::Trapped) { assert_eq!(job.priority(), Some(5)); }
    /// ```
    pub const fn priority(&self) -> Option<u32> {
        self.0.priority
    }

    /// Seconds that it waits, where it does.
    ///
    /// ```
    /// # fn example(job: bindery_plugin::testing::Trapped) { assert_eq!(job.eta_secs(), Some(60)); }
    /// ```
    pub const fn eta_secs(&self) -> Option<u64> {
        self.0.eta_seconds
    }

    /// Attempts allowed, where it says so.
    ///
    /// ```
    /// # fn example(job: bindery_plugin::testing::Trapped) { assert_eq!(job.max_retries(), None); }
    /// ```
    pub const fn max_retries(&self) -> Option<u32> {
        self.0.max_retries
    }

    /// What folds it with equal ones.
    ///
    /// ```
    /// # fn example(job: bindery_plugin::testing::Trapped) { assert_eq!(job.identity(), Some("order-7")); }
    /// ```
    pub fn identity(&self) -> Option<&str> {
        self.0.identity.as_deref()
    }

    /// Its channel, where it has one of its own.
    ///
    /// ```
    /// # fn example(job: bindery_plugin::testing::Trapped) { assert_eq!(job.channel(), Some("images")); }
    /// ```
    pub fn channel(&self) -> Option<&str> {
        self.0.channel.as_deref()
    }

    /// Its line for people, where it has one of its own.
    ///
    /// ```
    /// # fn example(job: bindery_plugin::testing::Trapped) { assert_eq!(job.description(), None); }
    /// ```
    pub fn description(&self) -> Option<&str> {
        self.0.description.as_deref()
    }
}

impl<C: Connector> Harness<C> {
    /// Takes the jobs that were enqueued so far, in order. The next call answers only what came after.
    ///
    /// ```
    /// # use bindery_plugin::{prelude::*, testing::Harness};
    /// # fn example<C: Connector>(acme: Harness<C>) -> Result<()> {
    /// acme.action("action_refresh_orders", serde_json::json!({}))?;
    /// let jobs = acme.trap_jobs();
    /// assert_eq!(jobs.iter().map(|job| job.task()).collect::<Vec<_>>(), [Task::import("acme.order", "7")]);
    /// acme.perform(&jobs[0])
    /// # }
    /// ```
    pub fn trap_jobs(&self) -> Vec<Trapped> {
        self.fake.take_jobs().into_iter().map(Trapped).collect()
    }

    /// Runs a job's task as a host does: an import reads and maps (or is the connector's own), an export maps and sends a
    /// record that the test holds, an action and a step run their code.
    ///
    /// ```
    /// # use bindery_plugin::{prelude::*, testing::Harness};
    /// # fn example<C: Connector>(acme: Harness<C>) -> Result<()> {
    /// acme.trap_jobs().iter().try_for_each(|job| acme.perform(job))
    /// # }
    /// ```
    pub fn perform(&self, job: &Trapped) -> Result<()> {
        match &job.0.task {
            service::Task::Import { kind, id, force } => self.perform_import(kind, id, *force),
            service::Task::Export { kind, record } => self.perform_export(kind, *record),
            service::Task::Sync { step } => {
                let request = op::Sync { step: *step, filters: Vec::new(), force: false };
                self.ask_for::<op::SyncAnswer>(op::SYNC, &request, &[]).map(drop)
            }
            service::Task::Action { name, arguments } => self.action(name, arguments.clone()).map(drop),
            service::Task::Unknown => Err(Error::unsupported("a task of a newer contract")),
        }
    }

    /// Runs all that is enqueued, and what that enqueues in turn, in order; answers how many jobs.
    ///
    /// ```
    /// # use bindery_plugin::{prelude::*, testing::Harness};
    /// # fn example<C: Connector>(acme: Harness<C>) -> Result<()> { assert_eq!(acme.perform_jobs()?, 3); Ok(()) }
    /// ```
    pub fn perform_jobs(&self) -> Result<usize> {
        let mut count = 0;
        loop {
            let jobs = self.trap_jobs();
            if jobs.is_empty() {
                return Ok(count);
            }
            for job in &jobs {
                count += 1;
                if count > MOST {
                    return Err(Error::failed(format!("more than {MOST} jobs: one of them enqueues itself again")));
                }
                self.perform(job)?;
            }
        }
    }

    fn declared(&self, kind: &str) -> Result<bindery_contract::manifest::Kind> {
        let kinds = crate::boundary::manifest::<C>("0.0.0", "")?.kinds;
        kinds
            .into_iter()
            .find(|known| known.name == kind)
            .ok_or_else(|| Error::unsupported(format!("{} has no kind {kind:?}", C::ID)))
    }

    fn perform_import(&self, kind: &str, id: &str, force: bool) -> Result<()> {
        if self.declared(kind)?.import_hooks.iter().any(|hook| hook == "run") {
            return self.import_whole(kind, id, force);
        }
        let item = self.read(kind, id)?;
        self.create(kind, &item.json).map(drop)
    }

    fn perform_export(&self, kind: &str, record: i64) -> Result<()> {
        let declared = self.declared(kind)?;
        if declared.export_hooks.iter().any(|hook| hook == "run") {
            return self.export_whole(kind, record);
        }
        let (values, id) = self.fake.record(&declared.model, kind, record);
        let values = values.ok_or_else(|| {
            Error::failed(format!("the test holds no record {record} of {}: give it by `record`", declared.model))
        })?;
        let body = self.export(kind, id.as_deref(), &values.to_string(), None)?;
        self.send(kind, id.as_deref(), &body).map(drop)
    }
}

//! What a connector may ask of the host: each service finds the scope behind the call id and does its part.
//!
//! A service never trusts a payload for identity or rights; it takes both from the scope. It runs no plugin code.

mod ask;
mod binding;
pub mod http;
mod job;
mod reach;
mod record;
pub mod refusal;
mod state;

use std::sync::Arc;

use bindery_contract::{Error, ErrorClass, Frame, op::Done, service};

use super::{
    abi::{Door, Line},
    call::{Calls, Counters},
    generation::Generation,
    guard::{Answer, AnswerFuture},
    job_log::JobLog,
    scope::Scope,
};
use crate::{base::Clock, record::Current, storage::Store};
use ask::{Ask, Owner};

pub use job::Jobs;

/// What the services work with; one for the whole host.
pub struct Services {
    store: Store,
    clock: Clock,
    catalogue: Current,
    jobs: Jobs,
    job_log: JobLog,
}

impl Services {
    /// Services over a store with its models and kinds; `jobs` says which job does a task.
    pub fn new(store: Store, clock: Clock, catalogue: Current, jobs: Jobs) -> Arc<Self> {
        let job_log = JobLog::new(store.clone(), clock.clone());
        Arc::new(Self { store, clock, catalogue, jobs, job_log })
    }

    /// Where plugins' lines go that concern a job.
    pub fn job_log(&self) -> &JobLog {
        &self.job_log
    }

    async fn serve(&self, scope: Arc<Scope>, call: u64, owner: &Owner, service: &str, payload: &[u8]) -> Answer {
        let frame = Frame::decode(payload)?;
        let ask = Ask { services: self, scope: &scope, owner, call };
        let answer = match service {
            service::RECORD_SEARCH => ask.search(&frame).await,
            service::RECORD_COUNT => ask.count(&frame).await,
            service::RECORD_READ => ask.read_records(&frame).await,
            service::RECORD_CREATE => return ask.create(&frame),
            service::RECORD_WRITE => return ask.write(&frame),
            service::RECORD_UNLINK => return ask.unlink(&frame),
            service::BINDING_FIND => ask.find_binding(&frame).await,
            service::BINDING_BIND => return ask.bind(&frame),
            service::BINDING_UNBIND => ask.unbind(&frame).await,
            service::BINDING_MARK => ask.mark(&frame).await,
            service::ENQUEUE => ask.enqueue(&frame).await,
            service::CURSOR_GET => ask.cursor(&frame).await,
            service::CURSOR_SET => ask.set_cursor(&frame),
            service::KV_GET => ask.kv(&frame).await,
            service::KV_SET => ask.set_kv(&frame),
            service::KV_DELETE => ask.delete_kv(&frame),
            service::KV_LIST => ask.list_kv(&frame).await,
            service::CHECKPOINT => ask.checkpoint().await,
            _ => return self.serve_call(&scope, service, &frame).await,
        };
        Ok(answer?)
    }

    /// The services that need no store.
    async fn serve_call(&self, scope: &Scope, service: &str, frame: &Frame<'_>) -> Answer {
        match service {
            service::HTTP => http::send(scope, frame).await,
            service::HTTP_BODY => http::body(scope, frame),
            service::NOW => Frame::encode(&service::Now { now: self.clock.now().to_rfc3339() }, &[]),
            service::CANCELLED => {
                Frame::encode(&service::Cancelled { cancelled: scope.context().cancel.is_cancelled() }, &[])
            }
            service::SLEEP => sleep(scope, frame.header()?).await,
            service::PROGRESS => {
                let progress: service::Progress = frame.header()?;
                if let Some(handle) = &scope.context().progress {
                    let number = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
                    handle.set(number(progress.done), progress.total.map(number), progress.message);
                }
                Frame::encode(&Done {}, &[])
            }
            unknown => Err(Error::new(ErrorClass::Unsupported, format!("this host has no service {unknown:?}"))),
        }
    }
}

async fn sleep(scope: &Scope, request: service::Sleep) -> Answer {
    tokio::select! {
        biased;
        _ = scope.context().cancel.cancelled() => Err(Error::new(ErrorClass::Cancelled, "the call should stop")),
        () = tokio::time::sleep(std::time::Duration::from_millis(request.ms)) => Frame::encode(&Done {}, &[]),
    }
}

/// The least important level that is kept with jobs, whatever the host's own log shows: info.
const JOB_LEVEL: u8 = 3;

/// The host's door for one instance.
pub(super) struct Counter {
    plugin: String,
    generation: u64,
    instance: u64,
    owner: Arc<Owner>,
    calls: Arc<Calls>,
    counters: Arc<Counters>,
    services: Arc<Services>,
}

impl Counter {
    pub(super) fn new(generation: &Generation, instance: u64, services: Arc<Services>) -> Self {
        Self {
            plugin: generation.plugin().to_owned(),
            generation: generation.number,
            instance,
            owner: Arc::new(Owner::new(&generation.manifest)),
            calls: generation.calls.clone(),
            counters: generation.counters.clone(),
            services,
        }
    }
}

impl Door for Counter {
    fn log(&self, line: &Line<'_>) {
        let scope = self.calls.any(line.call);
        let context = scope.as_ref().map(|scope| scope.context());
        let backend = context.map_or("", |context| context.backend_name.as_str());
        let job = context.and_then(|context| context.job.as_ref()).map_or(0, |fence| fence.job);
        macro_rules! emit {
            ($level:ident) => {
                tracing::event!(
                    target: "plugin",
                    tracing::Level::$level,
                    plugin = self.plugin,
                    generation = self.generation,
                    backend,
                    job,
                    call = line.call,
                    module = %line.target,
                    fields = %line.fields,
                    spans = %line.spans,
                    "{}",
                    line.message
                )
            };
        }
        if let Some(fence) = context.and_then(|context| context.job.as_ref()).filter(|_| line.level <= JOB_LEVEL) {
            let level = i64::from(line.level.max(1)) - 1;
            let fields = line.fields.to_string();
            let text = if matches!(&*fields, "" | "{}") {
                line.message.to_string()
            } else {
                format!("{} {fields}", line.message)
            };
            self.services.job_log.add(fence, level, &text);
        }
        match line.level {
            0 | 1 => emit!(ERROR),
            2 => emit!(WARN),
            3 => emit!(INFO),
            4 => emit!(DEBUG),
            _ => emit!(TRACE),
        }
    }

    fn level(&self) -> u8 {
        let own: u8 = [
            tracing::enabled!(target: "plugin", tracing::Level::ERROR),
            tracing::enabled!(target: "plugin", tracing::Level::WARN),
            tracing::enabled!(target: "plugin", tracing::Level::INFO),
            tracing::enabled!(target: "plugin", tracing::Level::DEBUG),
            tracing::enabled!(target: "plugin", tracing::Level::TRACE),
        ]
        .into_iter()
        .map(u8::from)
        .sum();
        own.max(JOB_LEVEL)
    }

    fn serve(&self, call: u64, service: &str, payload: &[u8]) -> AnswerFuture {
        let scope = match self.calls.scope(call, self.instance) {
            Ok(scope) => scope,
            Err(error) => {
                self.counters.refused_id();
                return Box::pin(std::future::ready(Err(error)));
            }
        };
        self.counters.service();
        let (services, owner) = (self.services.clone(), self.owner.clone());
        let (service, payload) = (service.to_owned(), payload.to_vec());
        Box::pin(async move { services.serve(scope, call, &owner, &service, &payload).await })
    }
}

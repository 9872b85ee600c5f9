//! A backend at work: its connector, what it was granted, and the state it must still be in when something is written.
//!
//! A session is a snapshot. What is prepared with it is applied only while the backend is still at its epoch.

use std::sync::Arc;

use bindery_contract::{Error as ContractError, ErrorClass, Frame, Manifest, manifest};
use futures_util::future::BoxFuture;
use serde::Serialize;

use super::{Error, export::run::Counting, handler};
use crate::{
    backend::{self, Business, Opened, Serves},
    base::Timestamp,
    model::job::Fence,
    plugin::{Context, Guard, Scope, Writes},
    queue::{Cancel, ProgressHandle, Running},
    record::Catalogue,
};

/// Calls a connector. The plugin room's instance, or a scripted one in a test.
pub trait Caller: Send + Sync {
    /// Runs one op; payload and answer are frames.
    fn call(
        &self,
        scope: Arc<Scope>,
        op: &'static str,
        payload: Vec<u8>,
    ) -> BoxFuture<'static, Result<Vec<u8>, ContractError>>;
}

impl Caller for Arc<Opened> {
    fn call(
        &self,
        scope: Arc<Scope>,
        op: &'static str,
        payload: Vec<u8>,
    ) -> BoxFuture<'static, Result<Vec<u8>, ContractError>> {
        let opened = self.clone();
        Box::pin(async move { opened.as_ref().call(scope, op, payload).await })
    }
}

impl Caller for Arc<backend::Extension> {
    fn call(
        &self,
        scope: Arc<Scope>,
        op: &'static str,
        payload: Vec<u8>,
    ) -> BoxFuture<'static, Result<Vec<u8>, ContractError>> {
        let extension = self.clone();
        Box::pin(async move { extension.as_ref().call(scope, op, payload).await })
    }
}

/// An extension of this backend's connector: rules of another plugin, run in this backend's context.
pub struct Extension {
    /// The plugin that has the rules.
    pub caller: Arc<dyn Caller>,
    /// What it declares.
    pub declared: manifest::Extension,
    /// On whose behalf: the same backend, its own grants.
    pub context: Context,
    /// Stands for its code.
    pub digest: String,
}

/// Writes that code of a plugin has asked for on the way, to be committed with what the work comes to.
#[derive(Clone)]
pub struct Asked {
    /// The writes.
    pub writes: Writes,
    scope: Arc<Scope>,
}

impl Asked {
    /// What the calls of a scope have asked for; nothing, mostly.
    pub fn of(scope: &Arc<Scope>) -> Option<Self> {
        let writes = scope.take_writes();
        (!writes.is_empty()).then(|| Self { writes, scope: scope.clone() })
    }

    /// Behind what they are committed.
    pub fn guard(&self, catalogue: Catalogue, now: Timestamp) -> Guard {
        Guard::new(self.scope.context(), catalogue, now)
    }
}

impl std::fmt::Debug for Asked {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} writes asked for", self.writes.len())
    }
}

/// A backend at work.
pub struct Session {
    /// The backend's id.
    pub backend: i64,
    /// Its name.
    pub name: String,
    /// Its epoch when the session was opened.
    pub epoch: i64,
    /// Its connector.
    pub caller: Arc<dyn Caller>,
    /// What the connector declares.
    pub manifest: Arc<Manifest>,
    /// Digest of the connector's code, and of the settings that take part in mapping.
    pub mapped_by: Vec<String>,
    /// Extensions, in the order of their composition.
    pub extensions: Vec<Extension>,
    /// On whose behalf calls are made; job, cancel and progress are added for each piece of work.
    pub context: Context,
    /// The settings and the code that serve, for noticing a reload.
    pub serves: Serves,
    /// What the operator has set.
    pub business: Business,
}

/// What a piece of work adds to the calls it makes.
#[derive(Debug, Clone, Default)]
pub struct Behalf {
    /// The job, where there is one.
    pub job: Option<Fence>,
    /// The ask to stop.
    pub cancel: Cancel,
    /// Where the connector's own progress goes.
    pub progress: Option<ProgressHandle>,
    /// Nothing is written in the end: what plugins ask to write is forgotten.
    pub is_plan: bool,
    /// The run of an export that records are counted in.
    pub counting: Option<Counting>,
    /// The job is not tried again, whatever this attempt comes to.
    pub is_last_attempt: bool,
}

impl Behalf {
    /// The same for a look.
    pub fn plan(&self) -> Self {
        Self { is_plan: true, ..self.clone() }
    }
}

impl From<&Running> for Behalf {
    fn from(job: &Running) -> Self {
        Self {
            job: Some(job.fence.clone()),
            cancel: job.cancel.clone(),
            progress: Some(job.progress.clone()),
            is_plan: false,
            counting: None,
            is_last_attempt: job.max_retries != 0 && job.charged >= job.max_retries,
        }
    }
}

impl Session {
    /// A scope for calls on behalf of some work.
    pub fn scope(&self, behalf: &Behalf) -> Arc<Scope> {
        scope(&self.context, behalf)
    }

    /// Runs one op and gives the frame of its answer.
    pub async fn call<T: Serialize + Sync + ?Sized>(
        &self,
        scope: &Arc<Scope>,
        op: &'static str,
        header: &T,
        segments: &[&[u8]],
    ) -> Result<Vec<u8>, Error> {
        call(&*self.caller, scope, op, header, segments).await
    }

    /// Whether the connector answers an op.
    pub fn answers(&self, op: &str) -> bool {
        self.manifest.ops.iter().any(|name| name == op)
    }

    /// What the connector declares of a kind.
    pub fn kind(&self, name: &str) -> Result<&manifest::Kind, Error> {
        self.manifest.kind(name).ok_or_else(|| {
            let known: Vec<&str> = self.manifest.kinds.iter().map(|kind| kind.name.as_str()).collect();
            Error::UnknownKind { kind: name.to_owned(), known: known.join(", ") }
        })
    }
}

/// A scope over a context, on behalf of some work.
pub fn scope(context: &Context, behalf: &Behalf) -> Arc<Scope> {
    let mut context = context.clone();
    context.job = behalf.job.clone();
    context.cancel = behalf.cancel.clone();
    context.progress = behalf.progress.clone();
    context.is_plan = behalf.is_plan;
    Scope::new(context)
}

/// Runs one op of a connector or of an extension.
pub async fn call<T: Serialize + Sync + ?Sized>(
    caller: &dyn Caller,
    scope: &Arc<Scope>,
    op: &'static str,
    header: &T,
    segments: &[&[u8]],
) -> Result<Vec<u8>, Error> {
    let payload = Frame::encode(header, segments).map_err(Error::Connector)?;
    caller.call(scope.clone(), op, payload).await.map_err(|error| match scope.context().cancel.reason() {
        // The call ended because the work was asked to: that is no word of the connector.
        Some(reason) if error.class == ErrorClass::Cancelled => handler::stopped_by(reason),
        _ => Error::Connector(error),
    })
}

/// Reads the header of an answer.
pub fn header<T: serde::de::DeserializeOwned>(op: &'static str, answer: &[u8]) -> Result<T, Error> {
    Frame::decode(answer).and_then(|frame| frame.header()).map_err(|error| bad(op, &error))
}

/// The answer can't be used.
pub fn bad(op: &'static str, why: &impl std::fmt::Display) -> Error {
    Error::BadAnswer { op, why: why.to_string() }
}

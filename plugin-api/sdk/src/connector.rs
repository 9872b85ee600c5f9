//! The connector: an identifier, settings, components, and the template methods of a backend.

use std::future::Future;

use bindery_contract::{manifest::Step, op};
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::{Context, component::Components, error::Result};

/// What a plugin provides: implement it and export it with [`crate::export_connector!`].
///
/// See the [crate's page](crate) for a complete one.
pub trait Connector: Send + Sync + Sized + 'static {
    /// Identifier: lower case letters, digits and `_`, 2 to 40 long. Kinds and components are named after it.
    const ID: &'static str;
    /// Backend types it provides; its id unless said otherwise.
    const BACKEND_TYPES: &'static [&'static str] = &[Self::ID];
    /// Version of the shape of its cursors and stored values. Raise it with [`Connector::migrate_state`].
    const STATE_FORMAT: u32 = 1;
    /// Hosts it calls besides those that settings marked `host` name; `*.example.org` covers subdomains.
    const HOSTS: &'static [&'static str] = &[];
    /// Record models that its code reads and writes besides those that its kinds bind. The operator grants them to a
    /// backend; until then they are refused.
    const MODELS: &'static [&'static str] = &[];

    /// What an operator sets for a backend. [`crate::NoSettings`] where there is nothing to set.
    type Settings: DeserializeOwned + JsonSchema + Send + Sync;

    /// Declares everything it consists of.
    fn components(c: &mut Components<Self>);

    /// Whether the settings work: one cheap call that needs the credentials.
    fn test_connection(&self, cx: Context<Self>) -> impl Future<Output = Result<Report>> + Send;

    /// The step "customers" of a whole sync: by default the host's pipeline over the kinds of this step, import then
    /// export.
    fn sync_customers(
        &self,
        cx: Context<Self>,
        request: SyncRequest,
    ) -> impl Future<Output = Result<SyncAnswer>> + Send {
        let _ = (cx, request);
        async { Ok(SyncAnswer::Pipeline) }
    }

    /// The step "products": by default the host's pipeline, import then export.
    fn sync_products(
        &self,
        cx: Context<Self>,
        request: SyncRequest,
    ) -> impl Future<Output = Result<SyncAnswer>> + Send {
        let _ = (cx, request);
        async { Ok(SyncAnswer::Pipeline) }
    }

    /// The step "inventory": by default the host's pipeline, export.
    fn sync_inventory(
        &self,
        cx: Context<Self>,
        request: SyncRequest,
    ) -> impl Future<Output = Result<SyncAnswer>> + Send {
        let _ = (cx, request);
        async { Ok(SyncAnswer::Pipeline) }
    }

    /// The step "orders": by default the host's pipeline, import.
    fn sync_orders(&self, cx: Context<Self>, request: SyncRequest) -> impl Future<Output = Result<SyncAnswer>> + Send {
        let _ = (cx, request);
        async { Ok(SyncAnswer::Pipeline) }
    }

    /// A stored value of an older [`Connector::STATE_FORMAT`] in the present one; none: it can't be carried over.
    fn migrate_state(old: StoredState) -> Result<Option<Value>> {
        let _ = old;
        Ok(None)
    }
}

/// How a step of a whole sync is asked for.
///
/// ```
/// let request = bindery_plugin::SyncRequest::default();
/// assert!(!request.force);
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SyncRequest {
    /// Filters of the operator.
    pub filters: Vec<(String, String)>,
    /// Import even what looks unchanged.
    pub force: bool,
}

/// How a step of a whole sync is done.
///
/// ```
/// use bindery_plugin::SyncAnswer;
///
/// let answer = SyncAnswer::kinds(["acme.category", "acme.product"]);
/// let answer = SyncAnswer::NotSupported;
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SyncAnswer {
    /// The host runs its pipeline over the kinds of the step.
    Pipeline,
    /// The host runs its pipeline over these kinds, in this order.
    Kinds(Vec<String>),
    /// The connector did it itself, through the context; a line for people.
    Done(String),
    /// The connector does not do this step, and the operator is told so.
    NotSupported,
}

impl SyncAnswer {
    /// The host's pipeline over these kinds, in this order.
    ///
    /// ```
    /// let answer = bindery_plugin::SyncAnswer::kinds(["acme.product"]);
    /// ```
    pub fn kinds<T: Into<String>>(kinds: impl IntoIterator<Item = T>) -> Self {
        Self::Kinds(kinds.into_iter().map(Into::into).collect())
    }

    pub(crate) fn into_contract(self) -> op::SyncAnswer {
        match self {
            Self::Pipeline => op::SyncAnswer::Pipeline,
            Self::Kinds(kinds) => op::SyncAnswer::Kinds { kinds },
            Self::Done(message) => op::SyncAnswer::Done { message },
            Self::NotSupported => op::SyncAnswer::Unsupported,
        }
    }
}

/// A stored value that an older version of the connector left.
///
/// ```
/// # use bindery_plugin::StoredState;
/// fn is_cursor(old: &StoredState) -> bool { old.what == "cursor" }
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct StoredState {
    /// `cursor` or `kv`.
    pub what: String,
    /// The kind of a cursor, or the key of a stored value.
    pub key: String,
    /// The format it has.
    pub format: u32,
    /// The value.
    pub value: Value,
}

/// What a connection test found.
///
/// ```
/// use bindery_plugin::Report;
///
/// let report = Report::connected("Acme Shop").detail("version", "2.0");
/// assert_eq!(report.message(), "connected to Acme Shop");
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Report(op::Report);

impl Report {
    /// It answered; by which name.
    ///
    /// ```
    /// let _ = bindery_plugin::Report::connected("Acme Shop");
    /// ```
    pub fn connected(name: impl std::fmt::Display) -> Self {
        Self(op::Report { message: format!("connected to {name}"), details: Vec::new() })
    }

    /// Adds a line.
    ///
    /// ```
    /// let _ = bindery_plugin::Report::connected("Acme Shop").detail("currency", "EUR");
    /// ```
    pub fn detail(mut self, name: impl Into<String>, value: impl std::fmt::Display) -> Self {
        self.0.details.push((name.into(), value.to_string()));
        self
    }

    /// The line for people.
    ///
    /// ```
    /// assert_eq!(bindery_plugin::Report::connected("x").message(), "connected to x");
    /// ```
    pub fn message(&self) -> &str {
        &self.0.message
    }

    pub(crate) fn into_contract(self) -> op::Report {
        self.0
    }
}

impl<C: Connector> Context<C> {
    /// Does a step of a whole sync as the connector wants it.
    pub(crate) async fn sync(&self, sync: op::Sync) -> Result<op::SyncAnswer> {
        let (cx, request) = (self.clone(), SyncRequest { filters: sync.filters, force: sync.force });
        let connector = &self.instance.connector;
        let answer = match sync.step {
            Step::Customers => connector.sync_customers(cx, request).await,
            Step::Products => connector.sync_products(cx, request).await,
            Step::Inventory => connector.sync_inventory(cx, request).await,
            Step::Orders => connector.sync_orders(cx, request).await,
            Step::Unknown => Ok(SyncAnswer::NotSupported),
        };
        answer.map(SyncAnswer::into_contract)
    }
}

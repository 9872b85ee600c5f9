//! Importers and exporters: what happens around the mapping of a record. All of it is optional.

use std::{future::Future, sync::Arc};

pub use bindery_contract::{op::Written, record::Ref};

use crate::{
    Connector, Context, Kind,
    error::Result,
    host::BoxFuture,
    mapper::{Hooks, Source, Values},
};

type Skip<C> = Arc<dyn Fn(&Source, &Context<C>) -> Result<Option<String>> + Send + Sync>;
type Before<C> = Arc<dyn Fn(Source, Context<C>) -> BoxFuture<Result<()>> + Send + Sync>;
type Depend = Arc<dyn Fn(&Source) -> Result<Vec<Ref>> + Send + Sync>;
type Validate = Arc<dyn Fn(&Source, &Values) -> Result<()> + Send + Sync>;
type After<C> = Arc<dyn Fn(Written, Context<C>) -> BoxFuture<Result<()>> + Send + Sync>;
type WholeBatch<C> = Arc<dyn Fn(Kind, Batch, Context<C>) -> BoxFuture<Result<String>> + Send + Sync>;
type Whole<C> = Arc<dyn Fn(Kind, String, bool, Context<C>) -> BoxFuture<Result<()>> + Send + Sync>;

/// The hooks of a kind's import (or export), in the order in which they run.
///
/// ```
/// use bindery_plugin::prelude::*;
/// # struct Acme;
/// # impl Connector for Acme { const ID: &'static str = "acme"; type Settings = NoSettings;
/// #   fn components(_: &mut Components<Self>) {}
/// #   async fn test_connection(&self, _: Context<Self>) -> Result<Report> { Ok(Report::connected("Acme")) } }
///
/// struct OrderImporter;
///
/// impl Importer<Acme> for OrderImporter {
///     fn hooks(h: &mut ImportHooks<Acme>) {
///         h.must_skip(|order, _| Ok(order.boolean("/test")?.or(false).then(|| "a test order".to_owned())));
///         h.validate(|_, values| values.require(["name"]));
///         h.after(async |written, cx| {
///             info!(record = written.record, created = written.created, "imported");
///             cx.enqueue(Task::import("acme.invoice", written.id)).await.map(|_| ())
///         });
///     }
/// }
/// ```
pub trait Importer<C: Connector>: Send + Sync + 'static {
    /// Declares the hooks.
    fn hooks(h: &mut ImportHooks<C>);
}

/// The hooks of a kind's export, as those of its import.
///
/// ```
/// # use bindery_plugin::prelude::*;
/// struct ProductExporter;
///
/// impl<C: Connector> Exporter<C> for ProductExporter {
///     fn hooks(h: &mut ExportHooks<C>) {
///         h.must_skip(|record, _| Ok((!record.boolean("sale_ok")?.or(true)).then(|| "not for sale".to_owned())));
///     }
/// }
/// ```
pub trait Exporter<C: Connector>: Send + Sync + 'static {
    /// Declares the hooks.
    fn hooks(h: &mut ExportHooks<C>);
}

/// The table that an importer fills.
pub type ImportHooks<C> = SyncHooks<C>;
/// The table that an exporter fills. The source is our record; the values are the body's top-level entries.
pub type ExportHooks<C> = SyncHooks<C>;

/// Hooks around a mapping.
///
/// ```
/// # use bindery_plugin::prelude::*;
/// fn hooks<C: Connector>(h: &mut ImportHooks<C>) {
///     h.validate(|_, values| values.require(["name"]));
/// }
/// ```
pub struct SyncHooks<C: Connector> {
    pub(crate) skip: Option<Skip<C>>,
    pub(crate) before: Option<Before<C>>,
    pub(crate) depend: Option<Depend>,
    pub(crate) check: Option<Validate>,
    pub(crate) after: Option<After<C>>,
    pub(crate) whole: Option<Whole<C>>,
    pub(crate) batch: Option<WholeBatch<C>>,
}

/// What a whole batch importer is asked for.
///
/// ```
/// # use bindery_plugin::Batch;
/// let batch = Batch { filters: vec![("state".into(), "open".into())], force: false };
/// assert_eq!(batch.filter("state"), Some("open"));
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Batch {
    /// Filters given by the operator, name and value.
    pub filters: Vec<(String, String)>,
    /// Even what looks unchanged.
    pub force: bool,
}

impl Batch {
    /// The value of a filter.
    ///
    /// ```
    /// assert_eq!(bindery_plugin::Batch::default().filter("state"), None);
    /// ```
    pub fn filter(&self, name: &str) -> Option<&str> {
        self.filters.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

impl<C: Connector> Default for SyncHooks<C> {
    fn default() -> Self {
        Self { skip: None, before: None, depend: None, check: None, after: None, whole: None, batch: None }
    }
}

impl<C: Connector> SyncHooks<C> {
    /// Says why a record is not taken, or none.
    ///
    /// ```
    /// # use bindery_plugin::prelude::*;
    /// # fn hooks<C: Connector>(h: &mut ImportHooks<C>) {
    /// h.must_skip(|src, _| Ok(src.boolean("/draft")?.or(false).then(|| "a draft".to_owned())));
    /// # }
    /// ```
    pub fn must_skip(&mut self, hook: impl Fn(&Source, &Context<C>) -> Result<Option<String>> + Send + Sync + 'static) {
        self.skip = Some(Arc::new(hook));
    }

    /// Runs before the mapping; an error sets the record aside.
    ///
    /// ```
    /// # use bindery_plugin::prelude::*;
    /// # fn hooks<C: Connector>(h: &mut ImportHooks<C>) { h.before(async |_, cx| cx.checkpoint().await); }
    /// ```
    pub fn before<F>(&mut self, hook: impl Fn(Source, Context<C>) -> F + Send + Sync + 'static)
    where
        F: Future<Output = Result<()>> + Send + 'static,
    {
        self.before = Some(Arc::new(move |source, cx| Box::pin(hook(source, cx))));
    }

    /// Records that must be there first, besides those that the kind's `depends_on` names.
    ///
    /// ```
    /// # use bindery_plugin::prelude::*;
    /// # fn hooks<C: Connector>(h: &mut ImportHooks<C>) {
    /// h.dependencies(|src| Ok(src.id("/parent_id")?.option().map(|id| reference("acme.category", id)).into_iter().collect()));
    /// # }
    /// ```
    pub fn dependencies(&mut self, hook: impl Fn(&Source) -> Result<Vec<Ref>> + Send + Sync + 'static) {
        self.depend = Some(Arc::new(hook));
    }

    /// Refuses values before they are written.
    ///
    /// ```
    /// # use bindery_plugin::prelude::*;
    /// # fn hooks<C: Connector>(h: &mut ImportHooks<C>) { h.validate(|_, values| values.require(["name"])); }
    /// ```
    pub fn validate(&mut self, hook: impl Fn(&Source, &Values) -> Result<()> + Send + Sync + 'static) {
        self.check = Some(Arc::new(hook));
    }

    /// Runs after the record was committed, at least once.
    ///
    /// ```
    /// # use bindery_plugin::prelude::*;
    /// # fn hooks<C: Connector>(h: &mut ImportHooks<C>) { h.after(async |written, _| { info!(written.record); Ok(()) }); }
    /// ```
    pub fn after<F>(&mut self, hook: impl Fn(Written, Context<C>) -> F + Send + Sync + 'static)
    where
        F: Future<Output = Result<()>> + Send + 'static,
    {
        self.after = Some(Arc::new(move |written, cx| Box::pin(hook(written, cx))));
    }

    /// Does all of it itself, for one record: kind, external id (our id for an export), whether by force. The host's
    /// pipeline is not used for the kind then; what is written through the context is committed with the job.
    ///
    /// ```
    /// # use bindery_plugin::prelude::*;
    /// # fn hooks<C: Connector>(h: &mut ImportHooks<C>) {
    /// h.run(async |kind, id, _force, cx| {
    ///     let rate = cx.get(format!("/rates/{}", encode_segment(&id))).await?.source()?;
    ///     let record = cx.records("product.category").create(Values::new().set("name", rate.raw("/name")?)).await?;
    ///     cx.bindings(kind.as_str()).bind(id, record, Values::new()).await.map(|_| ())
    /// });
    /// # }
    /// ```
    pub fn run<F>(&mut self, hook: impl Fn(Kind, String, bool, Context<C>) -> F + Send + Sync + 'static)
    where
        F: Future<Output = Result<()>> + Send + 'static,
    {
        self.whole = Some(Arc::new(move |kind, id, force, cx| Box::pin(hook(kind, id, force, cx))));
    }

    /// Imports a set itself, instead of the host's pages: one job for each record, or all of it here with checkpoints.
    /// Answers a line for people. Imports only.
    ///
    /// ```
    /// # use bindery_plugin::prelude::*;
    /// # fn hooks<C: Connector>(h: &mut ImportHooks<C>) {
    /// h.batch(async |kind, batch, cx| {
    ///     let ids: Vec<u64> = cx.get("/order-ids").query("state", batch.filter("state")).await?.json()?;
    ///     for id in &ids {
    ///         cx.with_delay().import(kind.as_str(), id.to_string()).await?;
    ///     }
    ///     Ok(format!("{} orders are queued", ids.len()))
    /// });
    /// # }
    /// ```
    pub fn batch<F>(&mut self, hook: impl Fn(Kind, Batch, Context<C>) -> F + Send + Sync + 'static)
    where
        F: Future<Output = Result<String>> + Send + 'static,
    {
        self.batch = Some(Arc::new(move |kind, batch, cx| Box::pin(hook(kind, batch, cx))));
    }

    /// The names of those that are there, for the manifest.
    pub(crate) fn names(&self) -> Vec<String> {
        let hooks = [
            ("must_skip", self.skip.is_some()),
            ("before", self.before.is_some()),
            ("dependencies", self.depend.is_some()),
            ("validate", self.check.is_some()),
            ("after", self.after.is_some()),
            ("run", self.whole.is_some()),
            ("batch", self.batch.is_some()),
        ];
        hooks.iter().filter(|(_, is_there)| *is_there).map(|(name, _)| (*name).to_owned()).collect()
    }
}

impl<C: Connector> Hooks for SyncHooks<C> {
    fn dependencies(&self, source: &Source) -> Result<Vec<Ref>> {
        self.depend.as_ref().map_or_else(|| Ok(Vec::new()), |hook| hook(source))
    }

    fn has_checks(&self) -> bool {
        self.depend.is_some() || self.check.is_some()
    }

    fn validate(&self, source: &Source, values: &Values) -> Result<()> {
        self.check.as_ref().map_or(Ok(()), |hook| hook(source, values))
    }
}

/// Names a record of the remote: kind and external id.
///
/// ```
/// let customer = bindery_plugin::reference("acme.customer", "7");
/// assert_eq!(customer.kind, "acme.customer");
/// ```
pub fn reference(kind: impl Into<String>, id: impl Into<String>) -> Ref {
    Ref { kind: kind.into(), id: id.into() }
}

//! Listeners: code that hears of what happened to our records, once it was committed.
//!
//! The host keeps each event as a job, so none is lost and a failed one is tried again; a listener never runs within the
//! transaction that it hears of, and can't veto it.

use std::{future::Future, sync::Arc};

use bindery_contract::{
    manifest::{self, RecordOp},
    op,
};

use super::{ComponentBuilder, Components};
use crate::{
    Connector, Context,
    error::{Error, Result},
    host::BoxFuture,
};

/// The usage of listeners.
pub(crate) const LISTENER: &str = "listener";

type Skip<C> = Arc<dyn Fn(&RecordEvent, &Context<C>) -> Result<bool> + Send + Sync>;
type Hear<C> = Arc<dyn Fn(RecordEvent, Context<C>) -> BoxFuture<Result<()>> + Send + Sync>;

/// A listener with its code.
pub(crate) struct Listener<C: Connector> {
    pub(crate) declared: manifest::Listener,
    skip: Option<Skip<C>>,
    code: Vec<(RecordOp, Hear<C>)>,
}

impl<C: Connector> Listener<C> {
    /// Tells it what happened, unless it skips that.
    pub(crate) async fn hear(&self, told: op::Listen, cx: Context<C>) -> Result<()> {
        let event = RecordEvent(told);
        if let Some(skip) = &self.skip
            && skip(&event, &cx)?
        {
            return Ok(());
        }
        for (_, code) in self.code.iter().filter(|(op, _)| *op == event.0.op) {
            code(event.clone(), cx.clone()).await?;
        }
        Ok(())
    }
}

/// What happened to one of our records.
#[derive(Debug, Clone, PartialEq)]
pub struct RecordEvent(op::Listen);

impl RecordEvent {
    /// Its model.
    ///
    /// ```
    /// # fn example(event: bindery_plugin::RecordEvent) -> bool { event.model() == "product.template" }
    /// ```
    pub fn model(&self) -> &str {
        &self.0.model
    }

    /// Its id. It may have changed again, or be gone, by now: read it.
    ///
    /// ```
    /// # use bindery_plugin::prelude::*;
    /// # async fn example<C: Connector>(event: RecordEvent, cx: Context<C>) -> Result<()> {
    /// let found = cx.records(event.model()).fields(["name"]).read([event.record()]).await?;
    /// # Ok(()) }
    /// ```
    pub const fn record(&self) -> i64 {
        self.0.record
    }

    /// The fields that a write changed; none for a create and an unlink.
    ///
    /// ```
    /// # fn example(event: bindery_plugin::RecordEvent) -> bool { event.changed().iter().any(|field| field == "list_price") }
    /// ```
    pub fn changed(&self) -> &[String] {
        &self.0.changed
    }

    /// When it happened, RFC 3339.
    ///
    /// ```
    /// # fn example(event: bindery_plugin::RecordEvent) { let _ = event.at(); }
    /// ```
    pub fn at(&self) -> &str {
        &self.0.at
    }

    /// Its place in the host's log of changes: greater than that of what happened before, and the same whenever this is
    /// told again after a failure.
    ///
    /// ```
    /// # fn example(event: bindery_plugin::RecordEvent) -> String { format!("event-{}", event.number()) }
    /// ```
    pub const fn number(&self) -> i64 {
        self.0.event
    }
}

/// A listener being declared. What it has no code for, it is not told.
pub struct ListenerBuilder<'a, C: Connector> {
    components: &'a mut Components<C>,
    index: usize,
    part: usize,
}

impl<'c, C: Connector> ListenerBuilder<'c, C> {
    pub(super) fn new(components: &'c mut Components<C>, part: usize, name: &str, model: &str) -> Self {
        let declared =
            manifest::Listener { name: name.to_owned(), model: model.to_owned(), ..manifest::Listener::default() };
        components.listeners.push(Listener { declared, skip: None, code: Vec::new() });
        Self { index: components.listeners.len() - 1, part, components }
    }

    fn listener(&mut self) -> &mut Listener<C> {
        &mut self.components.listeners[self.index]
    }

    fn on<F>(mut self, op: RecordOp, code: impl Fn(RecordEvent, Context<C>) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<()>> + Send + 'static,
    {
        let listener = self.listener();
        listener.declared.ops.push(op);
        listener.code.push((op, Arc::new(move |event, cx| Box::pin(code(event, cx)))));
        self
    }

    /// Hears of records that were made.
    ///
    /// ```
    /// # use bindery_plugin::prelude::*;
    /// # fn components<C: Connector>(c: &mut Components<C>) {
    /// c.listener("acme.order.listener", "sale.order").on_record_create(async |event, cx| {
    ///     cx.with_delay().export("acme.order", event.record()).await.map(|_| ())
    /// });
    /// # }
    /// ```
    pub fn on_record_create<F>(self, code: impl Fn(RecordEvent, Context<C>) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<()>> + Send + 'static,
    {
        self.on(RecordOp::Create, code)
    }

    /// Hears of records whose fields changed.
    ///
    /// ```
    /// # use bindery_plugin::prelude::*;
    /// # fn components<C: Connector>(c: &mut Components<C>) {
    /// c.listener("acme.price.listener", "product.template").changed_by(["list_price"]).on_record_write(
    ///     async |event, cx| cx.put("/prices", &event.record()).await.map(|_| ()),
    /// );
    /// # }
    /// ```
    pub fn on_record_write<F>(self, code: impl Fn(RecordEvent, Context<C>) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<()>> + Send + 'static,
    {
        self.on(RecordOp::Write, code)
    }

    /// Hears of records that were removed: after it happened, so that there is nothing left to be read.
    ///
    /// ```
    /// # use bindery_plugin::prelude::*;
    /// # fn components<C: Connector>(c: &mut Components<C>) {
    /// c.listener("acme.partner.listener", "res.partner").on_record_unlink(async |event, cx| {
    ///     cx.kv(format!("price list of {}", event.record())).remove().await
    /// });
    /// # }
    /// ```
    pub fn on_record_unlink<F>(self, code: impl Fn(RecordEvent, Context<C>) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<()>> + Send + 'static,
    {
        self.on(RecordOp::Unlink, code)
    }

    /// Hears of a write only where one of these fields changed. The host looks, so that others cost nothing.
    ///
    /// ```
    /// # use bindery_plugin::prelude::*;
    /// # fn components<C: Connector>(c: &mut Components<C>) {
    /// c.listener("acme.price.listener", "product.template").changed_by(["list_price"]);
    /// # }
    /// ```
    pub fn changed_by<'a>(mut self, fields: impl IntoIterator<Item = &'a str>) -> Self {
        self.listener().declared.changed_by.extend(fields.into_iter().map(str::to_owned));
        self
    }

    /// Hears only of records that meet a domain, as JSON. The host looks, shortly after it happened; of what was removed
    /// it tells always.
    ///
    /// ```
    /// # use bindery_plugin::prelude::*;
    /// # fn components<C: Connector>(c: &mut Components<C>) {
    /// c.listener("acme.customer.listener", "res.partner").among(r#"[["parent_id", "=", false]]"#);
    /// # }
    /// ```
    pub fn among(mut self, domain: &str) -> Self {
        self.listener().declared.among = domain.to_owned();
        self
    }

    /// Hears also of what its own backend's imports changed. Without it these are left out, so that nothing goes round
    /// in circles.
    ///
    /// ```
    /// # use bindery_plugin::prelude::*;
    /// # fn components<C: Connector>(c: &mut Components<C>) {
    /// c.listener("acme.order.listener", "sale.order").own_changes();
    /// # }
    /// ```
    pub fn own_changes(mut self) -> Self {
        self.listener().declared.own_changes = true;
        self
    }

    /// Skips what a condition says. It runs in the plugin; what can be said by [`Self::changed_by`] and [`Self::among`]
    /// is cheaper there.
    ///
    /// ```
    /// # use bindery_plugin::prelude::*;
    /// # #[derive(Deserialize, JsonSchema)] struct Settings { tells_prices: bool }
    /// # fn components<C: Connector<Settings = Settings>>(c: &mut Components<C>) {
    /// c.listener("acme.price.listener", "product.template").skip_if(|_, cx| Ok(!cx.settings().tells_prices));
    /// # }
    /// ```
    pub fn skip_if(mut self, skip: impl Fn(&RecordEvent, &Context<C>) -> Result<bool> + Send + Sync + 'static) -> Self {
        self.listener().skip = Some(Arc::new(skip));
        self
    }

    /// Backend types it is for; without it, all of the plugin.
    ///
    /// ```
    /// # use bindery_plugin::prelude::*;
    /// # fn components<C: Connector>(c: &mut Components<C>) {
    /// c.listener("acme.order.listener", "sale.order").backend_types([C::ID]);
    /// # }
    /// ```
    pub fn backend_types<'a>(self, types: impl IntoIterator<Item = &'a str>) -> Self {
        ComponentBuilder { declared: &mut self.components.parts[self.part].declared }.backend_types(types);
        self
    }
}

/// What is wrong with the declarations of listeners.
pub(super) fn check<C: Connector>(listeners: &[Listener<C>], wrong: &mut Vec<String>) {
    for declared in listeners.iter().map(|listener| &listener.declared) {
        if declared.ops.is_empty() {
            wrong.push(format!("{} listens to nothing", declared.name));
        }
        let is_domain = |text: &str| serde_json::from_str::<Vec<serde_json::Value>>(text).is_ok();
        if !declared.among.is_empty() && !is_domain(&declared.among) {
            wrong.push(format!("the domain of {} is no JSON list: {}", declared.name, declared.among));
        }
        if !declared.changed_by.is_empty() && !declared.ops.contains(&RecordOp::Write) {
            wrong.push(format!("{} names fields of writes, but does not listen to any", declared.name));
        }
    }
}

/// The error of a listener that there is not.
pub(crate) fn missing(id: &str, name: &str) -> Error {
    Error::unsupported(format!("{id} has no listener {name:?}"))
}

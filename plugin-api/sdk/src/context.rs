//! The context of a call: the only door through which a connector reaches anything.
//!
//! What is not on it can't be done, and everything on it can be faked in a test. It carries the call's identity, so
//! that the host knows job, backend and grants of whatever is asked.

use std::sync::Arc;

use bindery_contract::{Frame, op, service};
use serde::{Serialize, de::DeserializeOwned};

use crate::{
    BoundBinder, Connector,
    component::{Lookup, Registry},
    error::Result,
    host::{Answer, Host},
    http::{Basic, Headers, Request, url},
    service::{self as services, Bindings, Cursor, Delayed, Records, State},
};

/// One opened connector: its settings, its components, its host.
pub(crate) struct Instance<C: Connector> {
    pub(crate) connector: C,
    pub(crate) settings: C::Settings,
    pub(crate) open: op::Open,
    pub(crate) base_url: String,
    pub(crate) registry: Registry<C>,
    pub(crate) host: Box<dyn Host>,
}

/// What is special about one call.
#[derive(Debug, Clone, Default)]
pub(crate) struct Call {
    pub(crate) id: u64,
    /// Index of the adapter whose headers and base count.
    pub(crate) adapter: Option<usize>,
    /// The key that all attempts of one create share.
    pub(crate) idempotency_key: Option<String>,
}

/// A cheap handle to everything a connector may use: clone it, move it into futures and closures.
///
/// ```
/// # use bindery_plugin::prelude::*;
/// # #[derive(Deserialize)] struct Shop { name: String }
/// async fn greet<C: Connector>(cx: Context<C>) -> Result<String> {
///     let shop: Shop = cx.get("/shop").await?.json()?;
///     info!(backend = cx.backend(), "the shop is {}", shop.name);
///     Ok(shop.name)
/// }
/// ```
pub struct Context<C: Connector> {
    pub(crate) instance: Arc<Instance<C>>,
    pub(crate) call: Arc<Call>,
}

impl<C: Connector> Clone for Context<C> {
    fn clone(&self) -> Self {
        Self { instance: Arc::clone(&self.instance), call: Arc::clone(&self.call) }
    }
}

impl<C: Connector> Context<C> {
    pub(crate) fn new(instance: Arc<Instance<C>>, call: u64) -> Self {
        Self { instance, call: Arc::new(Call { id: call, ..Call::default() }) }
    }

    /// This call as a component of one kind sees it.
    pub(crate) fn with_adapter(&self, adapter: usize) -> Self {
        let call = Call { adapter: Some(adapter), ..Call::clone(&self.call) };
        Self { instance: Arc::clone(&self.instance), call: Arc::new(call) }
    }

    pub(crate) fn with_idempotency_key(&self, key: Option<String>) -> Self {
        let call = Call { idempotency_key: key, ..Call::clone(&self.call) };
        Self { instance: Arc::clone(&self.instance), call: Arc::new(call) }
    }

    /// The settings of this backend, secrets in clear.
    ///
    /// ```
    /// # use bindery_plugin::prelude::*;
    /// # fn example<C: Connector>(cx: Context<C>) { let settings: &C::Settings = cx.settings(); }
    /// ```
    pub fn settings(&self) -> &C::Settings {
        &self.instance.settings
    }

    /// The name of the backend that this call works for.
    ///
    /// ```
    /// # use bindery_plugin::prelude::*;
    /// # fn example<C: Connector>(cx: Context<C>) { info!(backend = cx.backend(), "hello"); }
    /// ```
    pub fn backend(&self) -> &str {
        &self.instance.open.backend
    }

    /// The type of the backend: one of [`Connector::BACKEND_TYPES`].
    ///
    /// ```
    /// # use bindery_plugin::prelude::*;
    /// # fn example<C: Connector>(cx: Context<C>) -> bool { cx.backend_type() == "acme_plus" }
    /// ```
    pub fn backend_type(&self) -> &str {
        &self.instance.open.backend_type
    }

    /// Starts a GET.
    ///
    /// ```
    /// # use bindery_plugin::prelude::*;
    /// # async fn example<C: Connector>(cx: Context<C>) -> Result<()> { cx.get("/shop").query("full", true).await?; Ok(()) }
    /// ```
    pub fn get(&self, endpoint: impl AsRef<str>) -> Request<C> {
        self.make_request("GET", endpoint)
    }

    /// Starts a POST with a JSON body.
    ///
    /// ```
    /// # use bindery_plugin::prelude::*;
    /// # async fn example<C: Connector>(cx: Context<C>, values: Json) -> Result<()> { cx.post("/orders", &values).await?; Ok(()) }
    /// ```
    pub fn post(&self, endpoint: impl AsRef<str>, body: &(impl Serialize + ?Sized)) -> Request<C> {
        self.make_request("POST", endpoint).json(body)
    }

    /// Starts a PUT with a JSON body.
    ///
    /// ```
    /// # use bindery_plugin::prelude::*;
    /// # async fn example<C: Connector>(cx: Context<C>, values: Json) -> Result<()> { cx.put("/orders/7", &values).await?; Ok(()) }
    /// ```
    pub fn put(&self, endpoint: impl AsRef<str>, body: &(impl Serialize + ?Sized)) -> Request<C> {
        self.make_request("PUT", endpoint).json(body)
    }

    /// Starts a DELETE.
    ///
    /// ```
    /// # use bindery_plugin::prelude::*;
    /// # async fn example<C: Connector>(cx: Context<C>) -> Result<()> { cx.delete("/orders/7").await?; Ok(()) }
    /// ```
    pub fn delete(&self, endpoint: impl AsRef<str>) -> Request<C> {
        self.make_request("DELETE", endpoint)
    }

    /// Starts a request of any method, without a body. A whole URL as endpoint is taken as it is; the adapter's headers
    /// and credentials go along only to the base URL's own host.
    ///
    /// ```
    /// # use bindery_plugin::prelude::*;
    /// # async fn example<C: Connector>(cx: Context<C>) -> Result<()> { cx.make_request("PATCH", "/orders/7").json("x").await?; Ok(()) }
    /// ```
    pub fn make_request(&self, method: &str, endpoint: impl AsRef<str>) -> Request<C> {
        Request::new(self.clone(), method, endpoint.as_ref())
    }

    /// The URL of an endpoint: base and endpoint joined without doubling slashes, parameters encoded.
    ///
    /// ```
    /// # use bindery_plugin::prelude::*;
    /// # fn example<C: Connector>(cx: Context<C>) -> String { cx.build_url("/orders", [("state", "open")]) }
    /// ```
    pub fn build_url<'a>(&self, endpoint: &str, query: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
        let query: Vec<_> = query.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        url::with_query(url::join(&self.base_url(), endpoint), &query)
    }

    /// The headers that the adapter of this call adds to its requests, those of its parents first.
    ///
    /// ```
    /// # use bindery_plugin::prelude::*;
    /// # fn example<C: Connector>(cx: Context<C>) -> Headers { cx.api_headers() }
    /// ```
    pub fn api_headers(&self) -> Headers {
        let base = Headers::new().set("Accept", "application/json");
        self.registry().chain(self.adapter_index()).fold(base, |parent, adapter| adapter.api_headers(self, parent))
    }

    /// The user and secret that the adapter of this call sends, or those of the nearest parent.
    ///
    /// ```
    /// # use bindery_plugin::prelude::*;
    /// # fn example<C: Connector>(cx: Context<C>) -> Option<Basic> { cx.api_auth() }
    /// ```
    pub fn api_auth(&self) -> Option<Basic> {
        self.registry().chain(self.adapter_index()).rev().find_map(|adapter| adapter.api_auth(self))
    }

    /// Looks components up: `cx.components().for_kind("acme.order").usage("pricing").one::<Pricing>()?`.
    ///
    /// ```
    /// # use bindery_plugin::prelude::*;
    /// # struct Pricing;
    /// # fn example<C: Connector>(cx: Context<C>) -> Result<()> {
    /// let pricing = cx.components().usage("pricing").one::<Pricing>()?;
    /// # Ok(()) }
    /// ```
    pub fn components(&self) -> Lookup<'_, C> {
        Lookup::new(self)
    }

    /// The records of a model, or of a kind under its own name.
    ///
    /// ```
    /// # use bindery_plugin::prelude::*;
    /// # async fn example<C: Connector>(cx: Context<C>) -> Result<()> {
    /// let lamps = cx.records("product.template").domain(serde_json::json!([["name", "ilike", "lamp"]])).search().await?;
    /// # Ok(()) }
    /// ```
    pub fn records(&self, model: impl Into<String>) -> Records<C> {
        Records::new(self.clone(), model.into())
    }

    /// The binder of a kind: which record of ours is which record there.
    ///
    /// ```
    /// # use bindery_plugin::prelude::*;
    /// # async fn example<C: Connector>(cx: Context<C>) -> Result<()> {
    /// if let Some(partner) = cx.binder("acme.customer")?.to_internal("7").await? {
    ///     info!(partner, "known");
    /// }
    /// # Ok(()) }
    /// ```
    pub fn binder(&self, kind: impl Into<String>) -> Result<BoundBinder<C>> {
        BoundBinder::new(self.clone(), kind.into())
    }

    /// The bindings of a kind.
    ///
    /// ```
    /// # use bindery_plugin::prelude::*;
    /// # async fn example<C: Connector>(cx: Context<C>) -> Result<()> {
    /// let customer = cx.bindings("acme.customer").of_external("7").await?;
    /// # Ok(()) }
    /// ```
    pub fn bindings(&self, kind: impl Into<String>) -> Bindings<C> {
        Bindings::new(self.clone(), kind.into())
    }

    /// Enqueues a job, to be described: `cx.with_delay().priority(5).eta_secs(60).import("acme.order", "7")`.
    ///
    /// ```
    /// # use bindery_plugin::prelude::*;
    /// # async fn example<C: Connector>(cx: Context<C>) -> Result<()> {
    /// cx.with_delay().priority(5).eta_secs(60).import("acme.order", "7").await?;
    /// # Ok(()) }
    /// ```
    pub fn with_delay(&self) -> Delayed<C> {
        Delayed::new(self.clone())
    }

    /// Enqueues a job with default options.
    ///
    /// ```
    /// # use bindery_plugin::prelude::*;
    /// # async fn example<C: Connector>(cx: Context<C>) -> Result<()> {
    /// cx.enqueue(Task::import("acme.order", "7")).await?;
    /// # Ok(()) }
    /// ```
    pub async fn enqueue(&self, task: crate::service::Task) -> Result<crate::service::Enqueued> {
        self.with_delay().task(task).await
    }

    /// The stored cursor of a kind.
    ///
    /// ```
    /// # use bindery_plugin::prelude::*;
    /// # async fn example<C: Connector>(cx: Context<C>) -> Result<()> {
    /// let cursor = cx.cursor("acme.order").get().await?;
    /// # Ok(()) }
    /// ```
    pub fn cursor(&self, kind: impl Into<String>) -> Cursor<C> {
        Cursor::new(self.clone(), kind.into())
    }

    /// A stored value of the connector's own, per backend.
    ///
    /// ```
    /// # use bindery_plugin::prelude::*;
    /// # async fn example<C: Connector>(cx: Context<C>) -> Result<()> {
    /// cx.kv("last_report").set(&"2026-01-01").await?;
    /// # Ok(()) }
    /// ```
    pub fn kv(&self, key: impl Into<String>) -> State<C> {
        State::new(self.clone(), key.into())
    }

    /// The keys of stored values that begin so, in order.
    ///
    /// ```
    /// # use bindery_plugin::prelude::*;
    /// # async fn example<C: Connector>(cx: Context<C>) -> Result<()> {
    /// for key in cx.kv_keys("report:").await? { cx.kv(key).remove().await?; }
    /// # Ok(()) }
    /// ```
    pub async fn kv_keys(&self, start: impl Into<String>) -> Result<Vec<String>> {
        services::keys(self, start.into()).await
    }

    /// Asks the host for a service: one frame there, one back.
    pub(crate) async fn ask<A: Serialize>(&self, op: &str, header: &A, segments: &[&[u8]]) -> Result<Answer> {
        let payload = Frame::encode(header, segments)?;
        Ok(self.instance.host.invoke(self.call.id, op, &payload).await?)
    }

    /// Asks for a service whose answer is a header only.
    pub(crate) async fn ask_for<A: Serialize, T: DeserializeOwned>(&self, op: &str, header: &A) -> Result<T> {
        let answer = self.ask(op, header, &[]).await?;
        Ok(Frame::decode(&answer)?.header()?)
    }

    pub(crate) async fn tell<A: Serialize>(&self, op: &str, header: &A) -> Result<()> {
        self.ask_for::<A, op::Done>(op, header).await.map(|_| ())
    }

    /// Shows how far a long call is: units done, units in all where known, a line for people.
    ///
    /// ```
    /// # use bindery_plugin::prelude::*;
    /// # async fn example<C: Connector>(cx: Context<C>) -> Result<()> { cx.progress(3, Some(10), "invoices").await }
    /// ```
    pub async fn progress(&self, done: u64, total: Option<u64>, message: impl Into<String>) -> Result<()> {
        self.tell(service::PROGRESS, &service::Progress { done, total, message: message.into() }).await
    }

    /// Waits without holding a thread. An error of class `cancelled` where the call is to end.
    ///
    /// ```
    /// # use bindery_plugin::prelude::*;
    /// # async fn example<C: Connector>(cx: Context<C>) -> Result<()> { cx.sleep(std::time::Duration::from_secs(2)).await }
    /// ```
    pub async fn sleep(&self, time: std::time::Duration) -> Result<()> {
        let ms = u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        self.tell(service::SLEEP, &service::Sleep { ms }).await
    }

    /// Whether the host asks this call to end. Long loops look at it.
    ///
    /// ```
    /// # use bindery_plugin::prelude::*;
    /// # async fn example<C: Connector>(cx: Context<C>) -> Result<bool> { cx.cancelled().await }
    /// ```
    pub async fn cancelled(&self) -> Result<bool> {
        let answer: service::Cancelled = self.ask_for(service::CANCELLED, &op::Done {}).await?;
        Ok(answer.cancelled)
    }

    /// Commits what this call has written so far. Without it, all is committed with the outcome of the job, or nothing.
    ///
    /// ```
    /// # use bindery_plugin::prelude::*;
    /// # async fn example<C: Connector>(cx: Context<C>) -> Result<()> { cx.checkpoint().await }
    /// ```
    pub async fn checkpoint(&self) -> Result<()> {
        self.tell(service::CHECKPOINT, &op::Done {}).await
    }

    /// The host's time, RFC 3339 UTC.
    ///
    /// ```
    /// # use bindery_plugin::prelude::*;
    /// # async fn example<C: Connector>(cx: Context<C>) -> Result<String> { cx.now().await }
    /// ```
    pub async fn now(&self) -> Result<String> {
        let answer: service::Now = self.ask_for(service::NOW, &op::Done {}).await?;
        Ok(answer.now)
    }

    pub(crate) fn registry(&self) -> &Registry<C> {
        &self.instance.registry
    }

    /// The adapter of this call: that of the kind it is about, else the one that serves everything.
    pub(crate) fn adapter_index(&self) -> Option<usize> {
        self.call.adapter.or_else(|| self.registry().default_adapter(self.backend_type()))
    }

    /// That of the nearest adapter that says its own, so that parents pass theirs on; else the setting's.
    pub(crate) fn base_url(&self) -> String {
        let mut said = self.registry().chain(self.adapter_index()).rev().map(|adapter| adapter.base_url(self));
        said.find(|url| url != self.host_setting()).unwrap_or_else(|| self.host_setting().to_owned())
    }

    /// The value of the setting that is marked as the API's address; empty where none is.
    pub(crate) fn host_setting(&self) -> &str {
        &self.instance.base_url
    }
}

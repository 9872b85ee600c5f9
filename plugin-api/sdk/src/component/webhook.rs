//! Webhooks: how the remote signs them, and what its topics mean.
//!
//! The host receives, verifies, stores and retries; this only says what an event is about.

use std::{future::Future, sync::Arc};

use bindery_contract::{manifest, op, record::Ref};
use serde_json::{Value, json};

use crate::{
    Connector, Context, Json,
    error::{Error, Result},
    host::BoxFuture,
    importer::reference,
    mapper::Source,
};

type Handle<C> = Arc<dyn Fn(Event, Context<C>) -> BoxFuture<Result<Reaction>> + Send + Sync>;

/// The webhooks of a connector.
pub(crate) struct Webhooks<C: Connector> {
    pub(crate) declared: manifest::Webhooks,
    pub(crate) handlers: Vec<(String, Handle<C>)>,
}

impl<C: Connector> Webhooks<C> {
    pub(crate) fn new(scheme: Scheme) -> Self {
        Self { declared: manifest::Webhooks { scheme: scheme.0, topics: Vec::new() }, handlers: Vec::new() }
    }
}

/// How the remote signs its webhooks. The host verifies over the raw bytes, with the backend's webhook secret.
///
/// ```
/// use bindery_plugin::Scheme;
///
/// let scheme = Scheme::hmac_sha256("X-Acme-Signature");
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Scheme(Value);

impl Scheme {
    /// HMAC-SHA256 of the body in hexadecimal, in a header.
    ///
    /// ```
    /// let _ = bindery_plugin::Scheme::hmac_sha256("X-Acme-Signature");
    /// ```
    pub fn hmac_sha256(header: &str) -> Self {
        Self(json!({"name": "hmac", "algorithm": "sha256", "encoding": "hex", "header": header}))
    }

    /// HMAC-SHA256 of the body in base64, in a header.
    ///
    /// ```
    /// let _ = bindery_plugin::Scheme::hmac_sha256_base64("X-Acme-Signature");
    /// ```
    pub fn hmac_sha256_base64(header: &str) -> Self {
        Self(json!({"name": "hmac", "algorithm": "sha256", "encoding": "base64", "header": header}))
    }

    /// A scheme that the host knows by name: `standard_webhooks`, `stripe`, `shopify`, `github`, `woocommerce`,
    /// `bearer`, `basic`, `jws`.
    ///
    /// ```
    /// let _ = bindery_plugin::Scheme::named("stripe");
    /// ```
    pub fn named(name: &str) -> Self {
        Self(json!({ "name": name }))
    }
}

/// Webhook topics being declared.
pub struct WebhookBuilder<'a, C: Connector> {
    webhooks: &'a mut Webhooks<C>,
}

impl<'w, C: Connector> WebhookBuilder<'w, C> {
    pub(crate) const fn new(webhooks: &'w mut Webhooks<C>) -> Self {
        Self { webhooks }
    }

    /// A topic that means: import this record. As data, the host needs no code of the plugin to handle it.
    ///
    /// ```
    /// # use bindery_plugin::prelude::*;
    /// # fn components<C: Connector>(c: &mut Components<C>) {
    /// c.webhook(Scheme::named("shopify")).import("orders/create", "acme.order", "/id");
    /// # }
    /// ```
    pub fn import(self, topic: &str, kind: &str, id: &str) -> Self {
        self.webhooks.declared.topics.push(manifest::Topic {
            name: topic.to_owned(),
            kind: Some(kind.to_owned()),
            id: Some(id.to_owned()),
        });
        self
    }

    /// A topic that code looks at.
    ///
    /// ```
    /// # use bindery_plugin::prelude::*;
    /// # fn components<C: Connector>(c: &mut Components<C>) {
    /// c.webhook(Scheme::hmac_sha256("X-Acme-Signature")).on("order.paid", async |event, _cx| {
    ///     Ok(Reaction::import("acme.order", event.id("/order/id")?))
    /// });
    /// # }
    /// ```
    pub fn on<F>(self, topic: &str, code: impl Fn(Event, Context<C>) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<Reaction>> + Send + 'static,
    {
        self.webhooks.declared.topics.push(manifest::Topic { name: topic.to_owned(), kind: None, id: None });
        self.webhooks.handlers.push((topic.to_owned(), Arc::new(move |event, cx| Box::pin(code(event, cx)))));
        self
    }
}

/// A verified webhook.
#[derive(Debug, Clone)]
pub struct Event {
    pub(crate) head: op::Webhook,
    pub(crate) body: Vec<u8>,
}

impl Event {
    /// Its topic.
    ///
    /// ```
    /// # fn example(event: bindery_plugin::Event) -> bool { event.topic() == "order.created" }
    /// ```
    pub fn topic(&self) -> &str {
        &self.head.topic
    }

    /// A header; the name in any case.
    ///
    /// ```
    /// # fn example(event: bindery_plugin::Event) { let shop = event.header("X-Shop"); }
    /// ```
    pub fn header(&self, name: &str) -> Option<&str> {
        self.head.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// The body to be read by pointers.
    ///
    /// ```
    /// # fn example(event: bindery_plugin::Event) -> bindery_plugin::Result<()> { event.source()?.text("/state")?; Ok(()) }
    /// ```
    pub fn source(&self) -> Result<Source> {
        Source::parse(&self.body)
    }

    /// The body as JSON.
    ///
    /// ```
    /// # fn example(event: bindery_plugin::Event) -> bindery_plugin::Result<bindery_plugin::Json> { event.json() }
    /// ```
    pub fn json(&self) -> Result<Json> {
        Json::from_bytes(&self.body)
    }

    /// An external id in the body; an error where it is missing.
    ///
    /// ```
    /// # fn example(event: bindery_plugin::Event) -> bindery_plugin::Result<String> { event.id("/order/id") }
    /// ```
    pub fn id(&self, pointer: &str) -> Result<String> {
        let id = self.source()?.id(pointer)?.required(pointer)?;
        if id.is_empty() { Err(Error::invalid("the id is empty").at(pointer)) } else { Ok(id) }
    }
}

/// What a webhook means for the host.
///
/// ```
/// use bindery_plugin::Reaction;
///
/// let reaction = Reaction::import("acme.order", "7").and_import("acme.customer", "3");
/// ```
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Reaction(op::WebhookAnswer);

impl Reaction {
    /// Import a record.
    ///
    /// ```
    /// let _ = bindery_plugin::Reaction::import("acme.order", "7");
    /// ```
    pub fn import(kind: impl Into<String>, id: impl Into<String>) -> Self {
        Self::default().and_import(kind, id)
    }

    /// Import another record too.
    ///
    /// ```
    /// let _ = bindery_plugin::Reaction::default().and_import("acme.order", "7");
    /// ```
    pub fn and_import(mut self, kind: impl Into<String>, id: impl Into<String>) -> Self {
        self.0.import.push(reference(kind, id));
        self
    }

    /// A record is gone there.
    ///
    /// ```
    /// let _ = bindery_plugin::Reaction::deleted("acme.order", "7");
    /// ```
    pub fn deleted(kind: impl Into<String>, id: impl Into<String>) -> Self {
        let gone: Vec<Ref> = vec![reference(kind, id)];
        Self(op::WebhookAnswer { deleted: gone, ..op::WebhookAnswer::default() })
    }

    /// Nothing is to be done.
    ///
    /// ```
    /// let _ = bindery_plugin::Reaction::ignored();
    /// ```
    pub fn ignored() -> Self {
        Self(op::WebhookAnswer { ignored: true, ..op::WebhookAnswer::default() })
    }

    pub(crate) fn into_contract(self) -> op::WebhookAnswer {
        self.0
    }
}

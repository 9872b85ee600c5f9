//! Bindings: which record of ours is which record there.

use bindery_contract::{Frame, service};

use super::{Enqueued, Task};
use crate::{
    Connector, Context,
    error::{Error, Result},
    mapper::Values,
};

/// The bindings of one kind.
///
/// ```
/// # use bindery_plugin::prelude::*;
/// # async fn example<C: Connector>(cx: Context<C>) -> Result<()> {
/// if let Some(binding) = cx.bindings("acme.customer").of_external("7").await? {
///     info!(record = binding.record(), "known");
/// }
/// # Ok(()) }
/// ```
pub struct Bindings<C: Connector> {
    cx: Context<C>,
    kind: String,
}

impl<C: Connector> Bindings<C> {
    pub(crate) const fn new(cx: Context<C>, kind: String) -> Self {
        Self { cx, kind }
    }

    async fn find(self, external_id: Option<String>, record: Option<i64>) -> Result<Option<Binding<C>>> {
        let request = service::FindBinding { kind: self.kind, external_id, record };
        let found: service::Found = self.cx.ask_for(service::BINDING_FIND, &request).await?;
        Ok(found.binding.map(|inner| Binding { cx: self.cx, inner }))
    }

    /// The binding of an external id.
    ///
    /// ```
    /// # use bindery_plugin::prelude::*;
    /// # async fn example<C: Connector>(cx: Context<C>) -> Result<()> { cx.bindings("acme.order").of_external("7").await?; Ok(()) }
    /// ```
    pub async fn of_external(self, id: impl Into<String>) -> Result<Option<Binding<C>>> {
        self.find(Some(id.into()), None).await
    }

    /// The binding of a record of ours.
    ///
    /// ```
    /// # use bindery_plugin::prelude::*;
    /// # async fn example<C: Connector>(cx: Context<C>) -> Result<()> { cx.bindings("acme.order").of_record(7).await?; Ok(()) }
    /// ```
    pub async fn of_record(self, record: i64) -> Result<Option<Binding<C>>> {
        self.find(None, Some(record)).await
    }

    /// Links an external id and a record of ours, with extra fields of the kind.
    ///
    /// ```
    /// # use bindery_plugin::prelude::*;
    /// # async fn example<C: Connector>(cx: Context<C>) -> Result<()> {
    /// let binding = cx.bindings("acme.product").bind("7", 12, Values::new().set("external_sku", "A-1")).await?;
    /// binding.mark_sync_success().await?;
    /// # Ok(()) }
    /// ```
    pub async fn bind(self, external_id: impl Into<String>, record: i64, extra: Values) -> Result<Binding<C>> {
        let (request, extra) =
            (service::Bind { kind: self.kind, external_id: external_id.into(), record }, extra.into_json()?);
        let answer = self.cx.ask(service::BINDING_BIND, &request, &[extra.as_str().as_bytes()]).await?;
        let service::RecordId { id } = Frame::decode(&answer)?.header()?;
        let inner = service::Binding {
            id,
            kind: request.kind,
            external_id: Some(request.external_id),
            record: Some(record),
            sync_status: "pending".to_owned(),
            extra: extra.read()?,
            ..service::Binding::default()
        };
        Ok(Binding { cx: self.cx, inner })
    }
}

/// One binding.
pub struct Binding<C: Connector> {
    cx: Context<C>,
    inner: service::Binding,
}

impl<C: Connector> Binding<C> {
    /// Its id; a temporary one until it is committed.
    ///
    /// ```
    /// # use bindery_plugin::prelude::*;
    /// # fn example<C: Connector>(binding: Binding<C>) -> i64 { binding.id() }
    /// ```
    pub fn id(&self) -> i64 {
        self.inner.id
    }

    /// Our record, where there is one.
    ///
    /// ```
    /// # use bindery_plugin::prelude::*;
    /// # fn example<C: Connector>(binding: Binding<C>) { let id = binding.record(); }
    /// ```
    pub fn record(&self) -> Option<i64> {
        self.inner.record
    }

    /// The external id, where it is known.
    ///
    /// ```
    /// # use bindery_plugin::prelude::*;
    /// # fn example<C: Connector>(binding: Binding<C>) { let id = binding.external_id(); }
    /// ```
    pub fn external_id(&self) -> Option<&str> {
        self.inner.external_id.as_deref()
    }

    /// `pending`, `in_progress`, `success`, `failed` or `skipped`.
    ///
    /// ```
    /// # use bindery_plugin::prelude::*;
    /// # fn example<C: Connector>(binding: Binding<C>) -> bool { binding.sync_status() == "failed" }
    /// ```
    pub fn sync_status(&self) -> &str {
        &self.inner.sync_status
    }

    /// Time of the last sync, RFC 3339.
    ///
    /// ```
    /// # use bindery_plugin::prelude::*;
    /// # fn example<C: Connector>(binding: Binding<C>) { let date = binding.sync_date(); }
    /// ```
    pub fn sync_date(&self) -> Option<&str> {
        self.inner.sync_date.as_deref()
    }

    /// Failed attempts since the last success.
    ///
    /// ```
    /// # use bindery_plugin::prelude::*;
    /// # fn example<C: Connector>(binding: Binding<C>) { let count = binding.retry_count(); }
    /// ```
    pub fn retry_count(&self) -> u32 {
        self.inner.retry_count
    }

    /// Why the last attempt failed.
    ///
    /// ```
    /// # use bindery_plugin::prelude::*;
    /// # fn example<C: Connector>(binding: Binding<C>) { let why = binding.last_error(); }
    /// ```
    pub fn last_error(&self) -> Option<&str> {
        self.inner.last_error.as_deref()
    }

    /// The value of an extra field of the kind.
    ///
    /// ```
    /// # use bindery_plugin::prelude::*;
    /// # fn example<C: Connector>(binding: Binding<C>) { let sku = binding.extra("external_sku"); }
    /// ```
    pub fn extra(&self, field: &str) -> Option<&serde_json::Value> {
        self.inner.extra.get(field)
    }

    /// Whether another attempt is allowed.
    ///
    /// ```
    /// # use bindery_plugin::prelude::*;
    /// # fn example<C: Connector>(binding: Binding<C>) -> bool { binding.can_retry_sync() }
    /// ```
    pub fn can_retry_sync(&self) -> bool {
        self.inner.max_retries == 0 || self.inner.retry_count < self.inner.max_retries
    }

    /// Marks the record as synced: date now, error cleared, count 0.
    ///
    /// ```
    /// # use bindery_plugin::prelude::*;
    /// # async fn example<C: Connector>(binding: Binding<C>) -> Result<()> { binding.mark_sync_success().await }
    /// ```
    pub async fn mark_sync_success(&self) -> Result<()> {
        self.cx.tell(service::BINDING_MARK, &service::Mark { id: self.inner.id, failed: None }).await
    }

    /// Marks the record as failed, with a message: count one up.
    ///
    /// ```
    /// # use bindery_plugin::prelude::*;
    /// # async fn example<C: Connector>(binding: Binding<C>) -> Result<()> { binding.mark_sync_failed("no stock").await }
    /// ```
    pub async fn mark_sync_failed(&self, message: impl Into<String>) -> Result<()> {
        self.cx.tell(service::BINDING_MARK, &service::Mark { id: self.inner.id, failed: Some(message.into()) }).await
    }

    /// Exports our record to this binding's backend as soon as its turn comes: all of it, whatever has changed. Wait or
    /// give it another place in the queue with [`crate::Delayed::export_record`].
    ///
    /// ```
    /// # use bindery_plugin::prelude::*;
    /// # async fn example<C: Connector>(binding: Binding<C>) -> Result<()> { binding.export_record().await.map(|_| ()) }
    /// ```
    pub async fn export_record(&self) -> Result<Enqueued> {
        self.cx.with_delay().export_record(self)?.await
    }

    pub(crate) fn task_of_export(&self) -> Result<Task> {
        let record = self.inner.record;
        let record = record.ok_or_else(|| Error::invalid("the binding has no record of ours to be exported"))?;
        Ok(Task::export(self.inner.kind.as_str(), record))
    }

    /// Takes the link away; both records stay.
    ///
    /// ```
    /// # use bindery_plugin::prelude::*;
    /// # async fn example<C: Connector>(binding: Binding<C>) -> Result<()> { binding.unbind().await }
    /// ```
    pub async fn unbind(self) -> Result<()> {
        self.cx.tell(service::BINDING_UNBIND, &service::Unbind { id: self.inner.id }).await
    }
}

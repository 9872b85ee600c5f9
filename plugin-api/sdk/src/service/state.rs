//! Stored state: cursors by kind, and values of the connector's own. State lives in the host, never in statics.

use bindery_contract::service;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

use crate::{Connector, Context, error::Result};

/// The names of the services that read and write one sort of state.
pub(crate) struct Keys {
    get: &'static str,
    set: &'static str,
}

impl Keys {
    pub(crate) const CURSOR: Self = Self { get: service::CURSOR_GET, set: service::CURSOR_SET };
    pub(crate) const KV: Self = Self { get: service::KV_GET, set: service::KV_SET };
}

/// One stored value.
///
/// ```
/// # use bindery_plugin::prelude::*;
/// # async fn example<C: Connector>(cx: Context<C>) -> Result<()> {
/// let seen: u64 = cx.kv("seen").get().await?.unwrap_or(0);
/// cx.kv("seen").set(&(seen + 1)).await?;
/// # Ok(()) }
/// ```
pub struct State<C: Connector> {
    cx: Context<C>,
    key: String,
    keys: &'static Keys,
}

impl<C: Connector> State<C> {
    pub(crate) const fn new(cx: Context<C>, key: String, keys: &'static Keys) -> Self {
        Self { cx, key, keys }
    }

    /// The value, where there is one.
    ///
    /// ```
    /// # use bindery_plugin::prelude::*;
    /// # async fn example<C: Connector>(cx: Context<C>) -> Result<Option<u64>> { cx.kv("seen").get().await }
    /// ```
    pub async fn get<T: DeserializeOwned>(self) -> Result<Option<T>> {
        let stored: service::Stored = self.cx.ask_for(self.keys.get, &service::Key { key: self.key }).await?;
        Ok(if stored.value.is_null() { None } else { Some(serde_json::from_value(stored.value)?) })
    }

    /// Stores a value; committed with the outcome of the job, or at the next checkpoint.
    ///
    /// ```
    /// # use bindery_plugin::prelude::*;
    /// # async fn example<C: Connector>(cx: Context<C>) -> Result<()> { cx.kv("seen").set(&1).await }
    /// ```
    pub async fn set(self, value: &(impl Serialize + ?Sized)) -> Result<()> {
        let value = serde_json::to_value(value)?;
        self.cx.tell(self.keys.set, &service::Put { key: self.key, value }).await
    }

    /// Removes the value.
    ///
    /// ```
    /// # use bindery_plugin::prelude::*;
    /// # async fn example<C: Connector>(cx: Context<C>) -> Result<()> { cx.kv("seen").remove().await }
    /// ```
    pub async fn remove(self) -> Result<()> {
        self.cx.tell(self.keys.set, &service::Put { key: self.key, value: Value::Null }).await
    }
}

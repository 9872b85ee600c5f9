//! Stored state: cursors by kind, and values of the connector's own. State lives in the host, never in statics.

use bindery_contract::{Frame, op, service};
use serde::{Serialize, de::DeserializeOwned};

use crate::{Connector, Context, Json, connector::StoredState, error::Result};

/// The stored cursor of a kind: where the next sync of it begins.
///
/// ```
/// # use bindery_plugin::prelude::*;
/// # async fn example<C: Connector>(cx: Context<C>) -> Result<()> {
/// if cx.cursor("acme.order").get().await?.is_none() {
///     cx.cursor("acme.order").set("2026-01-01T00:00:00Z").await?;
/// }
/// # Ok(()) }
/// ```
pub struct Cursor<C: Connector> {
    cx: Context<C>,
    kind: String,
}

impl<C: Connector> Cursor<C> {
    pub(crate) const fn new(cx: Context<C>, kind: String) -> Self {
        Self { cx, kind }
    }

    /// The cursor, where there is one. One of an older [`Connector::STATE_FORMAT`] goes through
    /// [`Connector::migrate_state`].
    ///
    /// ```
    /// # use bindery_plugin::prelude::*;
    /// # async fn example<C: Connector>(cx: Context<C>) -> Result<Option<String>> { cx.cursor("acme.order").get().await }
    /// ```
    pub async fn get(self) -> Result<Option<String>> {
        let value = stored(&self.cx, service::CURSOR_GET, "cursor", self.kind).await?;
        value.map(|value| value.read()).transpose().map(Option::flatten)
    }

    /// Sets it.
    ///
    /// ```
    /// # use bindery_plugin::prelude::*;
    /// # async fn example<C: Connector>(cx: Context<C>) -> Result<()> { cx.cursor("acme.order").set("17").await }
    /// ```
    pub async fn set(self, value: impl AsRef<str>) -> Result<()> {
        store(&self.cx, service::CURSOR_SET, self.kind, &Json::of(value.as_ref())?).await
    }

    /// Takes it away: the next sync begins from the beginning.
    ///
    /// ```
    /// # use bindery_plugin::prelude::*;
    /// # async fn example<C: Connector>(cx: Context<C>) -> Result<()> { cx.cursor("acme.order").reset().await }
    /// ```
    pub async fn reset(self) -> Result<()> {
        store(&self.cx, service::CURSOR_SET, self.kind, &Json::null()).await
    }
}

/// A stored value of the connector's own, one for each backend and key.
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
}

impl<C: Connector> State<C> {
    pub(crate) const fn new(cx: Context<C>, key: String) -> Self {
        Self { cx, key }
    }

    /// The value, where there is one. One of an older [`Connector::STATE_FORMAT`] goes through
    /// [`Connector::migrate_state`].
    ///
    /// ```
    /// # use bindery_plugin::prelude::*;
    /// # async fn example<C: Connector>(cx: Context<C>) -> Result<Option<u64>> { cx.kv("seen").get().await }
    /// ```
    pub async fn get<T: DeserializeOwned>(self) -> Result<Option<T>> {
        let value = stored(&self.cx, service::KV_GET, "kv", self.key).await?;
        value.map(|value| value.read()).transpose()
    }

    /// Stores a value: at most 1 MB of JSON under a key of at most 200 bytes.
    ///
    /// ```
    /// # use bindery_plugin::prelude::*;
    /// # async fn example<C: Connector>(cx: Context<C>) -> Result<()> { cx.kv("seen").set(&7).await }
    /// ```
    pub async fn set(self, value: &(impl Serialize + ?Sized)) -> Result<()> {
        store(&self.cx, service::KV_SET, self.key, &Json::of(value)?).await
    }

    /// Removes it.
    ///
    /// ```
    /// # use bindery_plugin::prelude::*;
    /// # async fn example<C: Connector>(cx: Context<C>) -> Result<()> { cx.kv("seen").remove().await }
    /// ```
    pub async fn remove(self) -> Result<()> {
        self.cx.tell(service::KV_DELETE, &service::Key { key: self.key }).await
    }
}

pub(crate) async fn keys<C: Connector>(cx: &Context<C>, start: String) -> Result<Vec<String>> {
    let answer: service::Keys = cx.ask_for(service::KV_LIST, &service::Key { key: start }).await?;
    Ok(answer.keys)
}

async fn stored<C: Connector>(cx: &Context<C>, get: &str, what: &str, key: String) -> Result<Option<Json>> {
    let answer = cx.ask(get, &service::Key { key: key.clone() }, &[]).await?;
    let frame = Frame::decode(&answer)?;
    let Some(value) = frame.segments.first() else { return Ok(None) };
    let (value, format) = (Json::from_bytes(value)?, frame.header::<service::Stored>()?.state_format);
    if format >= C::STATE_FORMAT {
        return Ok(Some(value));
    }
    let old = StoredState { what: what.to_owned(), key, format, value: value.read()? };
    C::migrate_state(old)?.map(|value| Json::of(&value)).transpose()
}

async fn store<C: Connector>(cx: &Context<C>, set: &str, key: String, value: &Json) -> Result<()> {
    let answer = cx.ask(set, &service::Key { key }, &[value.as_str().as_bytes()]).await?;
    Frame::decode(&answer)?.header::<op::Done>()?;
    Ok(())
}

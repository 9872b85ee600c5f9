//! Adapters: how a connector talks to its remote, kind by kind.

use std::{future::Future, sync::Arc};

use bindery_contract::{op, record};

use crate::{
    Connector, Context, Json,
    error::{Error, Result},
    http::{Basic, Headers},
};

/// Talks to the remote: addresses, headers, credentials, and for each kind how to list, read, create, update, delete.
///
/// What an adapter does not implement is "not supported", or its parent's part where it [inherits](crate::component::AdapterBuilder::inherit).
///
/// ```
/// use bindery_plugin::prelude::*;
/// # struct Acme; #[derive(Deserialize, JsonSchema)] struct Settings { api_key: Secret }
/// # impl Connector for Acme { const ID: &'static str = "acme"; type Settings = Settings;
/// #   fn components(_: &mut Components<Self>) {}
/// #   async fn test_connection(&self, _: Context<Self>) -> Result<Report> { Ok(Report::connected("Acme")) } }
///
/// struct ShopAdapter;
///
/// impl Adapter<Acme> for ShopAdapter {
///     fn api_headers(&self, cx: &Context<Acme>, parent: Headers) -> Headers {
///         parent.bearer(&cx.settings().api_key).set("X-API-Version", "2.0")
///     }
///     async fn list(&self, cx: Context<Acme>, kind: Kind, query: ListQuery) -> Result<Page> {
///         let path = match kind.as_str() {
///             "acme.product" => "/products",
///             _ => return Err(kind.unsupported("list")),
///         };
///         cx.get(path).query("cursor", query.cursor).page("/items", "/id").next("/next").await
///     }
/// }
/// ```
pub trait Adapter<C: Connector>: Send + Sync + 'static {
    /// Where endpoints start: the parent's where this says nothing, and at last the value of the setting marked `host`.
    fn base_url(&self, cx: &Context<C>) -> String {
        cx.host_setting().to_owned()
    }

    /// The headers of every request, over those of the parent. They go only to the base URL's own host.
    fn api_headers(&self, cx: &Context<C>, parent: Headers) -> Headers {
        let _ = cx;
        parent
    }

    /// A user and secret for every request, sent as Basic; the parent's where this says none.
    fn api_auth(&self, cx: &Context<C>) -> Option<Basic> {
        let _ = cx;
        None
    }

    /// One page of a kind.
    fn list(&self, cx: Context<C>, kind: Kind, query: ListQuery) -> impl Future<Output = Result<Page>> + Send {
        let _ = (cx, query);
        async move { Err(kind.unsupported("list")) }
    }

    /// One record by its external id.
    fn read(&self, cx: Context<C>, kind: Kind, id: String) -> impl Future<Output = Result<External>> + Send {
        let _ = (cx, id);
        async move { Err(kind.unsupported("read")) }
    }

    /// Makes a record there. Without its new id in the answer, it will be made again.
    fn create(&self, cx: Context<C>, kind: Kind, values: Json) -> impl Future<Output = Result<External>> + Send {
        let _ = (cx, values);
        async move { Err(kind.unsupported("create")) }
    }

    /// Changes a record there.
    fn update(
        &self,
        cx: Context<C>,
        kind: Kind,
        id: String,
        values: Json,
    ) -> impl Future<Output = Result<External>> + Send {
        let _ = (cx, id, values);
        async move { Err(kind.unsupported("update")) }
    }

    /// Makes records there, many in one request; one outcome for each, in their order. Asked for kinds that declare a
    /// [batch](crate::component::KindBuilder::batch). An outcome of class `invalid` says that this one was not made, and why;
    /// an error of the whole call concerns all of them. What can't be told by a record's own key makes its create
    /// unknown, as for one that is sent alone: the host sends it again alone, with the same key, where the kind says that
    /// this is safe.
    ///
    /// ```
    /// use bindery_plugin::prelude::*;
    ///
    /// #[derive(Serialize)]
    /// struct New { reference: String, product: Json }
    ///
    /// async fn create_many<C: Connector>(cx: Context<C>, records: Vec<NewRecord>) -> Result<Vec<Result<External>>> {
    ///     let items: Vec<New> =
    ///         records.into_iter().map(|record| New { reference: record.key, product: record.values }).collect();
    ///     cx.post("/products/batch", &items).outcomes("/results", "/id").within("/product").failed("/error").await
    /// }
    /// ```
    fn create_many(
        &self,
        cx: Context<C>,
        kind: Kind,
        records: Vec<NewRecord>,
    ) -> impl Future<Output = Result<Vec<Result<External>>>> + Send {
        let _ = (cx, records);
        async move { Err(kind.unsupported("create_many")) }
    }

    /// Changes records there, many in one request; one outcome for each, in their order. Where this is not supported, they
    /// are changed one by one.
    fn update_many(
        &self,
        cx: Context<C>,
        kind: Kind,
        records: Vec<ChangedRecord>,
    ) -> impl Future<Output = Result<Vec<Result<External>>>> + Send {
        let _ = (cx, records);
        async move { Err(kind.unsupported("update_many")) }
    }

    /// Records by their external ids, as `list` gives them; those that are gone are left out. The host looks at what it is
    /// about to change with it. Where this is not supported, it reads them one by one.
    fn read_many(&self, cx: Context<C>, kind: Kind, ids: Vec<String>) -> impl Future<Output = Result<Page>> + Send {
        let _ = (cx, ids);
        async move { Err(kind.unsupported("read_many")) }
    }

    /// Removes a record there.
    fn delete(&self, cx: Context<C>, kind: Kind, id: String) -> impl Future<Output = Result<()>> + Send {
        let _ = (cx, id);
        async move { Err(kind.unsupported("delete")) }
    }

    /// Takes a record there out of use without deleting it.
    fn archive(&self, cx: Context<C>, kind: Kind, id: String) -> impl Future<Output = Result<()>> + Send {
        let _ = (cx, id);
        async move { Err(kind.unsupported("archive")) }
    }

    /// Searches for what a create may have made whose answer was lost: external ids, none where it made nothing. `key` is
    /// the idempotency key that it was sent with, `values` is what was sent.
    fn find(
        &self,
        cx: Context<C>,
        kind: Kind,
        key: String,
        values: Json,
    ) -> impl Future<Output = Result<Vec<String>>> + Send {
        let _ = (cx, key, values);
        async move { Err(kind.unsupported("find")) }
    }
}

/// A record that is to be made there together with others.
///
/// ```
/// use bindery_plugin::{Json, NewRecord};
///
/// let lamp = NewRecord { key: "9f2c".to_owned(), values: Json::of(&serde_json::json!({"title": "Lamp"}))? };
/// # Ok::<_, bindery_plugin::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct NewRecord {
    /// Its idempotency key: the same for all attempts, whether it is sent with others or alone.
    pub key: String,
    /// What is sent.
    pub values: Json,
}

/// A record that is to be changed there together with others.
///
/// ```
/// use bindery_plugin::{ChangedRecord, Json};
///
/// let lamp = ChangedRecord { id: "7".to_owned(), values: Json::of(&serde_json::json!({"price": 5}))? };
/// # Ok::<_, bindery_plugin::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct ChangedRecord {
    /// External id.
    pub id: String,
    /// What is sent: the fields that changed.
    pub values: Json,
}

/// The name of a kind in a call.
///
/// ```
/// use bindery_plugin::Kind;
///
/// let kind = Kind::new("acme.product");
/// assert_eq!(kind.unsupported("delete").to_string(), "acme.product: delete is not supported");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Kind(Arc<str>);

impl Kind {
    /// A kind by its name.
    ///
    /// ```
    /// assert_eq!(bindery_plugin::Kind::new("acme.product").as_str(), "acme.product");
    /// ```
    pub fn new(name: impl Into<Arc<str>>) -> Self {
        Self(name.into())
    }

    /// Its name, to match on.
    ///
    /// ```
    /// assert_eq!(bindery_plugin::Kind::new("acme.product").as_str(), "acme.product");
    /// ```
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The error that says that an operation is not supported for this kind.
    ///
    /// ```
    /// # use bindery_plugin::{ErrorClass, Kind};
    /// assert_eq!(Kind::new("acme.product").unsupported("list").class(), ErrorClass::Unsupported);
    /// ```
    pub fn unsupported(&self, operation: &str) -> Error {
        Error::unsupported(format!("{}: {operation} is not supported", self.0))
    }
}

impl std::fmt::Display for Kind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// Which page the host asks for.
///
/// ```
/// let query = bindery_plugin::ListQuery { cursor: Some("200".into()), ..Default::default() };
/// assert_eq!(query.offset(100).unwrap().page(), 3);
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ListQuery {
    /// Only what changed at or after this moment: the remote's clock, RFC 3339. Absent: all.
    pub since: Option<String>,
    /// What the last page gave as its next cursor. Absent: the first page.
    pub cursor: Option<String>,
    /// Items a page, where the operator has a wish.
    pub limit: Option<u32>,
    /// Filters of the operator.
    pub filters: Vec<(String, String)>,
}

impl ListQuery {
    /// The page as a count, for remotes that page by number or offset. `limit` holds where the operator has no wish.
    ///
    /// ```
    /// let at = bindery_plugin::ListQuery::default().offset(50).unwrap();
    /// assert_eq!((at.start(), at.page(), at.limit()), (0, 1, 50));
    /// ```
    pub fn offset(&self, limit: u32) -> Result<Offset> {
        let start = match &self.cursor {
            None => 0,
            Some(cursor) => {
                cursor.parse().map_err(|_| Error::invalid(format!("the cursor {cursor:?} is not a count of items")))?
            }
        };
        Ok(Offset(record::Offset { start, limit: self.limit.unwrap_or(limit).max(1).into() }))
    }

    /// The value of one of the operator's filters.
    ///
    /// ```
    /// let query = bindery_plugin::ListQuery { filters: vec![("state".into(), "open".into())], ..Default::default() };
    /// assert_eq!(query.filter("state"), Some("open"));
    /// ```
    pub fn filter(&self, name: &str) -> Option<&str> {
        self.filters.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

impl From<op::List> for ListQuery {
    fn from(list: op::List) -> Self {
        Self { since: list.since, cursor: list.cursor, limit: list.limit, filters: list.filters }
    }
}

/// Where a counted page starts.
///
/// ```
/// let at = bindery_plugin::ListQuery::default().offset(50).unwrap();
/// assert_eq!(at.limit(), 50);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Offset(pub(crate) record::Offset);

impl Offset {
    /// Items before this page.
    ///
    /// ```
    /// assert_eq!(bindery_plugin::ListQuery::default().offset(50).unwrap().start(), 0);
    /// ```
    pub const fn start(self) -> u64 {
        self.0.start
    }

    /// Items a page.
    ///
    /// ```
    /// assert_eq!(bindery_plugin::ListQuery::default().offset(50).unwrap().limit(), 50);
    /// ```
    pub const fn limit(self) -> u64 {
        self.0.limit
    }

    /// Number of the page, from 1.
    ///
    /// ```
    /// assert_eq!(bindery_plugin::ListQuery::default().offset(50).unwrap().page(), 1);
    /// ```
    pub const fn page(self) -> u64 {
        self.0.start / self.0.limit + 1
    }
}

/// A page of a kind: in a body that stayed in the host ([`crate::Request::page`]), or as items of your own making.
#[derive(Debug, Clone, PartialEq)]
pub struct Page {
    pub(crate) head: record::Page,
    pub(crate) items: Vec<Vec<u8>>,
}

impl Page {
    pub(crate) fn kept(spec: record::PageSpec) -> Self {
        Self { head: record::Page::Kept(spec), items: Vec::new() }
    }

    /// A page of items that code put together: the external id, the date of the last change there (RFC 3339), the
    /// item. `next` is the cursor of the next page.
    ///
    /// ```
    /// use bindery_plugin::{Json, Page};
    ///
    /// let item = Json::of(&serde_json::json!({"id": 7, "name": "Lamp"}))?;
    /// let page = Page::of_items([("7".to_owned(), None, item)], None);
    /// # Ok::<_, bindery_plugin::Error>(())
    /// ```
    pub fn of_items(items: impl IntoIterator<Item = (String, Option<String>, Json)>, next: Option<String>) -> Self {
        let (mut heads, mut bodies) = (Vec::new(), Vec::new());
        for (id, updated, item) in items {
            heads.push(record::ItemHead { id, updated, deleted: false });
            bodies.push(item.into_bytes());
        }
        Self { head: record::Page::Items { items: heads, next, total: None, as_of: None }, items: bodies }
    }

    /// Adds records that are gone there, to a page of items of your own making. Ids that were never imported are fine.
    ///
    /// ```
    /// let page = bindery_plugin::Page::of_items([], None).gone(["7".to_owned()]);
    /// ```
    pub fn gone(mut self, ids: impl IntoIterator<Item = String>) -> Self {
        if let record::Page::Items { items, .. } = &mut self.head {
            for id in ids {
                items.push(record::ItemHead { id, updated: None, deleted: true });
                self.items.push(b"null".to_vec());
            }
        }
        self
    }

    /// The remote's clock when it answered a page of items of your own making: RFC 3339, or what its `Date` header
    /// said. The next sync starts from that of the first page.
    ///
    /// ```
    /// let page = bindery_plugin::Page::of_items([], None).as_of("Tue, 24 Nov 2026 10:00:00 GMT");
    /// ```
    pub fn as_of(mut self, moment: impl Into<String>) -> Self {
        if let record::Page::Items { as_of, .. } = &mut self.head {
            *as_of = Some(moment.into());
        }
        self
    }
}

/// One record of the remote: in a body that stayed in the host ([`crate::Request::external`]), an item, or only its id.
#[derive(Debug, Clone, PartialEq)]
pub struct External {
    pub(crate) head: record::External,
    pub(crate) item: Option<Vec<u8>>,
}

impl External {
    pub(crate) const fn of(head: record::External) -> Self {
        Self { head, item: None }
    }

    /// Only the id is known.
    ///
    /// ```
    /// let made = bindery_plugin::External::id("7");
    /// ```
    pub fn id(id: impl Into<String>) -> Self {
        Self::of(record::External::Id { id: id.into() })
    }

    /// A record that code put together, in the shape that `list` gives it.
    ///
    /// ```
    /// # use bindery_plugin::{External, Json};
    /// let record = External::item("7", Json::of(&serde_json::json!({"id": 7}))?);
    /// # Ok::<_, bindery_plugin::Error>(())
    /// ```
    pub fn item(id: impl Into<String>, item: Json) -> Self {
        Self::dated(id.into(), None, item.into_bytes())
    }

    pub(crate) fn dated(id: String, updated: Option<String>, item: Vec<u8>) -> Self {
        let head = record::ItemHead { id, updated, deleted: false };
        Self { head: record::External::Item(head), item: Some(item) }
    }
}

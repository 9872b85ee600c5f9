//! Answers whose body stays in the host: the connector says where the items lie, the host cuts and compares them.

use std::future::IntoFuture;

use bindery_contract::record::{self, PageSpec};

use super::{Request, Response};
use crate::{
    Connector,
    adapter::{External, Offset, Page},
    error::Result,
    host::BoxFuture,
};

/// A page that stays in the host. Awaiting it sends the request.
///
/// ```
/// # use bindery_plugin::prelude::*;
/// # async fn example<C: Connector>(cx: Context<C>, query: ListQuery) -> Result<Page> {
/// cx.get("/products").query("cursor", query.cursor).page("/items", "/id")
///     .updated("/updated_at").next("/next").total("/total").deleted("/deleted_at").await
/// # }
/// ```
#[must_use = "a request is sent when it is awaited"]
pub struct KeptPage<C: Connector> {
    request: Request<C>,
    spec: PageSpec,
    by_link: bool,
}

impl<C: Connector> KeptPage<C> {
    pub(super) fn new(mut request: Request<C>, items: String, id: String) -> Self {
        request.head.keep = true;
        Self { request, spec: PageSpec { items, id, ..PageSpec::default() }, by_link: false }
    }

    /// Pointer to the date of the last change within an item.
    ///
    /// ```
    /// # use bindery_plugin::prelude::*;
    /// # fn example<C: Connector>(cx: Context<C>) { let _ = cx.get("/p").page("/items", "/id").updated("/updated_at"); }
    /// ```
    pub fn updated(mut self, pointer: impl Into<String>) -> Self {
        self.spec.updated = Some(pointer.into());
        self
    }

    /// Pointer to the next page's cursor within the body; absent, null or empty there: this is the last page.
    ///
    /// ```
    /// # use bindery_plugin::prelude::*;
    /// # fn example<C: Connector>(cx: Context<C>) { let _ = cx.get("/p").page("/items", "/id").next("/paging/next"); }
    /// ```
    pub fn next(mut self, pointer: impl Into<String>) -> Self {
        self.spec.next = Some(pointer.into());
        self
    }

    /// The next page's cursor itself, where the connector knows it.
    ///
    /// ```
    /// # use bindery_plugin::prelude::*;
    /// # fn example<C: Connector>(cx: Context<C>) { let _ = cx.get("/p").page("", "/id").next_cursor(Some("2".into())); }
    /// ```
    pub fn next_cursor(mut self, cursor: Option<String>) -> Self {
        self.spec.next_cursor = cursor;
        self
    }

    /// The next page is where the header `Link` says; its URL is the cursor.
    ///
    /// ```
    /// # use bindery_plugin::prelude::*;
    /// # fn example<C: Connector>(cx: Context<C>, query: ListQuery) {
    /// let _ = cx.get(query.cursor.as_deref().unwrap_or("/products")).page("", "/id").next_by_link();
    /// # }
    /// ```
    pub fn next_by_link(mut self) -> Self {
        self.by_link = true;
        self
    }

    /// Pages are counted: the next one starts behind the items of this one, until fewer than the limit come.
    ///
    /// ```
    /// # use bindery_plugin::prelude::*;
    /// # fn example<C: Connector>(cx: Context<C>, query: ListQuery) -> Result<()> {
    /// let at = query.offset(100)?;
    /// let _ = cx.get("/p").query("page", at.page()).query("per_page", at.limit()).page("", "/id").counted(at);
    /// # Ok(()) }
    /// ```
    pub fn counted(mut self, at: Offset) -> Self {
        self.spec.offset = Some(at.0);
        self
    }

    /// Pointer to the total number of records, for progress.
    ///
    /// ```
    /// # use bindery_plugin::prelude::*;
    /// # fn example<C: Connector>(cx: Context<C>) { let _ = cx.get("/p").page("/items", "/id").total("/total"); }
    /// ```
    pub fn total(mut self, pointer: impl Into<String>) -> Self {
        self.spec.total = Some(pointer.into());
        self
    }

    /// The remote's clock at the time of the answer (RFC 3339), where the header `Date` doesn't tell it.
    ///
    /// ```
    /// # use bindery_plugin::prelude::*;
    /// # fn example<C: Connector>(cx: Context<C>) {
    /// let _ = cx.get("/p").page("/items", "/id").as_of("2026-01-01T00:00:00Z");
    /// # }
    /// ```
    pub fn as_of(mut self, moment: impl Into<String>) -> Self {
        self.spec.as_of = Some(moment.into());
        self
    }

    /// Pointer that tells a deleted record within an item: there and neither null nor false means gone.
    ///
    /// ```
    /// # use bindery_plugin::prelude::*;
    /// # fn example<C: Connector>(cx: Context<C>) { let _ = cx.get("/p").page("/items", "/id").deleted("/deleted_at"); }
    /// ```
    pub fn deleted(mut self, pointer: impl Into<String>) -> Self {
        self.spec.deleted = Some(pointer.into());
        self
    }
}

impl<C: Connector> IntoFuture for KeptPage<C> {
    type Output = Result<Page>;
    type IntoFuture = BoxFuture<Result<Page>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move {
            let Self { request, mut spec, by_link } = self;
            let response: Response = request.send().await?;
            spec.handle = response.handle()?;
            if by_link {
                spec.next_cursor = response.next_link();
            }
            Ok(Page::kept(spec))
        })
    }
}

/// One record that stays in the host. Awaiting it sends the request.
///
/// ```
/// # use bindery_plugin::prelude::*;
/// # async fn example<C: Connector>(cx: Context<C>) -> Result<External> {
/// cx.get("/products/7").external("/id").within("/product").updated("/updated_at").await
/// # }
/// ```
#[must_use = "a request is sent when it is awaited"]
pub struct KeptRecord<C: Connector> {
    request: Request<C>,
    item: String,
    id: String,
    updated: Option<String>,
}

impl<C: Connector> KeptRecord<C> {
    pub(super) fn new(mut request: Request<C>, id: String) -> Self {
        request.head.keep = true;
        Self { request, item: String::new(), id, updated: None }
    }

    /// Pointer to the record within the body; without it the whole body is the record. The others lie within it.
    ///
    /// ```
    /// # use bindery_plugin::prelude::*;
    /// # fn example<C: Connector>(cx: Context<C>) { let _ = cx.get("/p/7").external("/id").within("/product"); }
    /// ```
    pub fn within(mut self, pointer: impl Into<String>) -> Self {
        self.item = pointer.into();
        self
    }

    /// Pointer to the date of the last change within the record.
    ///
    /// ```
    /// # use bindery_plugin::prelude::*;
    /// # fn example<C: Connector>(cx: Context<C>) { let _ = cx.get("/p/7").external("/id").updated("/updated_at"); }
    /// ```
    pub fn updated(mut self, pointer: impl Into<String>) -> Self {
        self.updated = Some(pointer.into());
        self
    }
}

impl<C: Connector> IntoFuture for KeptRecord<C> {
    type Output = Result<External>;
    type IntoFuture = BoxFuture<Result<External>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move {
            let Self { request, item, id, updated } = self;
            let handle = request.send().await?.handle()?;
            Ok(External::of(record::External::Kept { handle, item, id, updated }))
        })
    }
}

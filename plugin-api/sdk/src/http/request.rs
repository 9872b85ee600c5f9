//! A request being built; awaiting it sends it.

use std::{future::IntoFuture, time::Duration};

use bindery_contract::http;
use serde::Serialize;

use super::{Basic, Headers, KeptPage, KeptRecord, Outcomes, Response, url};
use crate::{
    Connector, Context, Decimal,
    error::{Error, Result},
    host::BoxFuture,
};

/// A request through the host. Awaiting it answers with the [`Response`]; a status outside 2xx is an error of the
/// right class.
///
/// ```
/// # use bindery_plugin::prelude::*;
/// # async fn example<C: Connector>(cx: Context<C>) -> Result<()> {
/// let shop = cx.get("/shop").await?;
/// let found = cx.get("/products").query("sku", "A-1").query("limit", 1).timeout_secs(10).await?;
/// let made = cx.post("/products", &serde_json::json!({"title": "Lamp"})).idempotent().await?;
/// # Ok(()) }
/// ```
#[must_use = "a request is sent when it is awaited"]
pub struct Request<C: Connector> {
    pub(crate) cx: Context<C>,
    pub(crate) head: http::Request,
    segments: Vec<Vec<u8>>,
    own_headers: Headers,
    wrong: Option<Error>,
}

impl<C: Connector> Request<C> {
    pub(crate) fn new(cx: Context<C>, method: &str, endpoint: &str) -> Self {
        let base = cx.base_url();
        let wrong = (base.is_empty() && !url::is_absolute(endpoint)).then(|| {
            Error::failed(format!(
                "{endpoint:?} has no base: no setting is marked \"host\", and no adapter has a base_url"
            ))
        });
        let head =
            http::Request { method: method.to_owned(), url: url::join(&base, endpoint), ..http::Request::default() };
        Self { cx, head, segments: Vec::new(), own_headers: Headers::new(), wrong }
    }

    /// Adds a parameter. A `None` adds nothing.
    ///
    /// ```
    /// # use bindery_plugin::prelude::*;
    /// # fn example<C: Connector>(cx: Context<C>, query: ListQuery) {
    /// let _ = cx.get("/orders").query("since", query.since).query("open", true);
    /// # }
    /// ```
    pub fn query(mut self, name: impl Into<String>, value: impl QueryValue) -> Self {
        if let Some(value) = value.into_query() {
            self.head.query.push((name.into(), value));
        }
        self
    }

    /// Adds parameters in order, such as the filters of an operator.
    ///
    /// ```
    /// # use bindery_plugin::prelude::*;
    /// # fn example<C: Connector>(cx: Context<C>, query: ListQuery) {
    /// let _ = cx.get("/orders").queries(query.filters);
    /// # }
    /// ```
    pub fn queries(mut self, pairs: impl IntoIterator<Item = (String, String)>) -> Self {
        self.head.query.extend(pairs);
        self
    }

    /// Sets a header of this request, over one of the adapter.
    ///
    /// ```
    /// # use bindery_plugin::prelude::*;
    /// # fn example<C: Connector>(cx: Context<C>) { let _ = cx.get("/report").header("Accept", "text/csv"); }
    /// ```
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.own_headers = self.own_headers.set(name, value);
        self
    }

    /// Limits the whole exchange.
    ///
    /// ```
    /// # use bindery_plugin::prelude::*;
    /// # fn example<C: Connector>(cx: Context<C>) {
    /// let _ = cx.get("/report").timeout(std::time::Duration::from_secs(120));
    /// # }
    /// ```
    pub fn timeout(mut self, limit: Duration) -> Self {
        self.head.timeout_ms = Some(u64::try_from(limit.as_millis()).unwrap_or(u64::MAX));
        self
    }

    /// Limits the whole exchange to seconds.
    ///
    /// ```
    /// # use bindery_plugin::prelude::*;
    /// # fn example<C: Connector>(cx: Context<C>) { let _ = cx.get("/report").timeout_secs(120); }
    /// ```
    pub fn timeout_secs(self, seconds: u64) -> Self {
        self.timeout(Duration::from_secs(seconds))
    }

    /// Sends a JSON body.
    ///
    /// ```
    /// # use bindery_plugin::prelude::*;
    /// # fn example<C: Connector>(cx: Context<C>) {
    /// let _ = cx.make_request("PATCH", "/products/7").json(&serde_json::json!({"price": 5}));
    /// # }
    /// ```
    pub fn json(mut self, body: &(impl Serialize + ?Sized)) -> Self {
        match serde_json::to_vec(body) {
            Ok(bytes) => self.bytes("application/json", bytes),
            Err(error) => {
                self.wrong = Some(Error::failed(format!("the body of {} can't be written: {error}", self.head.url)));
                self
            }
        }
    }

    /// Sends bytes.
    ///
    /// ```
    /// # use bindery_plugin::prelude::*;
    /// # fn example<C: Connector>(cx: Context<C>) { let _ = cx.make_request("PUT", "/logo").bytes("image/png", vec![0]); }
    /// ```
    pub fn bytes(mut self, content_type: impl Into<String>, body: Vec<u8>) -> Self {
        self.head.body = http::Body::Raw { content_type: content_type.into() };
        self.segments = vec![body];
        self
    }

    /// Sends a form field; the body becomes a form.
    ///
    /// ```
    /// # use bindery_plugin::prelude::*;
    /// # fn example<C: Connector>(cx: Context<C>) {
    /// let _ = cx.make_request("POST", "/token").form("grant_type", "client_credentials").form("scope", "read");
    /// # }
    /// ```
    pub fn form(mut self, name: impl Into<String>, value: impl QueryValue) -> Self {
        let Some(value) = value.into_query() else { return self };
        if let http::Body::Form { fields } = &mut self.head.body {
            fields.push((name.into(), value));
        } else {
            self.segments.clear();
            self.head.body = http::Body::Form { fields: vec![(name.into(), value)] };
        }
        self
    }

    /// Sends a part of a multipart body.
    ///
    /// ```
    /// # use bindery_plugin::prelude::*;
    /// # fn example<C: Connector>(cx: Context<C>) { let _ = cx.make_request("POST", "/upload").part("title", b"Logo".to_vec()); }
    /// ```
    pub fn part(self, name: impl Into<String>, bytes: Vec<u8>) -> Self {
        self.push_part(http::Part { name: name.into(), ..http::Part::default() }, bytes)
    }

    /// Sends a file as a part of a multipart body.
    ///
    /// ```
    /// # use bindery_plugin::prelude::*;
    /// # fn example<C: Connector>(cx: Context<C>, png: Vec<u8>) {
    /// let _ = cx.make_request("POST", "/upload").file("image", "logo.png", "image/png", png);
    /// # }
    /// ```
    pub fn file(
        self,
        name: impl Into<String>,
        file_name: impl Into<String>,
        content_type: impl Into<String>,
        bytes: Vec<u8>,
    ) -> Self {
        let (file_name, content_type) = (Some(file_name.into()), Some(content_type.into()));
        self.push_part(http::Part { name: name.into(), file_name, content_type, segment: 0 }, bytes)
    }

    fn push_part(mut self, mut part: http::Part, bytes: Vec<u8>) -> Self {
        if !matches!(self.head.body, http::Body::Multipart { .. }) {
            self.segments.clear();
            self.head.body = http::Body::Multipart { parts: Vec::new() };
        }
        part.segment = self.segments.len();
        self.segments.push(bytes);
        if let http::Body::Multipart { parts } = &mut self.head.body {
            parts.push(part);
        }
        self
    }

    /// Says that repeating it does no harm, so that the host may retry it after a cut connection.
    ///
    /// Within a create, the key that the host keeps for all attempts goes along as `Idempotency-Key`.
    ///
    /// ```
    /// # use bindery_plugin::prelude::*;
    /// # fn example<C: Connector>(cx: Context<C>, values: Json) { let _ = cx.post("/orders", &values).idempotent(); }
    /// ```
    pub fn idempotent(mut self) -> Self {
        self.head.idempotent = Some(true);
        self.head.idempotency_key = self.cx.call.idempotency_key.clone();
        self
    }

    /// Takes a status outside 2xx as an answer, not as an error.
    ///
    /// ```
    /// # use bindery_plugin::prelude::*;
    /// # fn example<C: Connector>(cx: Context<C>) { let _ = cx.get("/products/7").accept(404); }
    /// ```
    pub fn accept(mut self, status: u16) -> Self {
        self.head.accept_status.push(status);
        self
    }

    /// Makes the answer an error where this JSON pointer leads to a value (JSON-RPC, GraphQL).
    ///
    /// ```
    /// # use bindery_plugin::prelude::*;
    /// # fn example<C: Connector>(cx: Context<C>) {
    /// let _ = cx.post("/graphql", &serde_json::json!({"query": "{shop{name}}"})).error_at("/errors");
    /// # }
    /// ```
    pub fn error_at(mut self, pointer: impl Into<String>) -> Self {
        self.head.error_at = Some(pointer.into());
        self
    }

    /// Leaves the body in the host and answers with the page in it: the host cuts it into items.
    ///
    /// `items` points to the array within the body, `id` to the external id within an item.
    ///
    /// ```
    /// # use bindery_plugin::prelude::*;
    /// # async fn example<C: Connector>(cx: Context<C>) -> Result<Page> {
    /// cx.get("/products").page("/items", "/id").updated("/updated_at").next("/next").await
    /// # }
    /// ```
    pub fn page(self, items: impl Into<String>, id: impl Into<String>) -> KeptPage<C> {
        KeptPage::new(self, items.into(), id.into())
    }

    /// Leaves the body in the host and answers with the one record in it; `id` points to its external id.
    ///
    /// ```
    /// # use bindery_plugin::prelude::*;
    /// # async fn example<C: Connector>(cx: Context<C>) -> Result<External> {
    /// cx.get("/products/7").external("/id").updated("/updated_at").await
    /// # }
    /// ```
    pub fn external(self, id: impl Into<String>) -> KeptRecord<C> {
        KeptRecord::new(self, id.into())
    }

    /// Reads what became of many records that were sent in this request: `list` points to the outcomes within the body, in
    /// the order in which the records were sent, `id` to the external id within a record.
    ///
    /// ```
    /// # use bindery_plugin::prelude::*;
    /// # async fn example<C: Connector>(cx: Context<C>, bodies: Vec<Json>) -> Result<Vec<Result<External>>> {
    /// cx.post("/products/batch", &bodies).outcomes("/results", "/id").within("/product").failed("/error/message").await
    /// # }
    /// ```
    pub fn outcomes(self, list: impl Into<String>, id: impl Into<String>) -> Outcomes<C> {
        Outcomes::new(self, list.into(), id.into())
    }

    pub(crate) async fn send(mut self) -> Result<Response> {
        if let Some(wrong) = self.wrong {
            return Err(wrong);
        }
        let at_home = url::is_same_origin(&self.cx.base_url(), &self.head.url);
        let mut headers = if at_home { self.cx.api_headers() } else { Headers::new() };
        if at_home {
            self.head.basic = self.cx.api_auth().map(Basic::into_parts);
        }
        for (name, value) in self.own_headers.0 {
            headers = headers.set(name, value);
        }
        self.head.headers = headers.0;
        let segments: Vec<&[u8]> = self.segments.iter().map(Vec::as_slice).collect();
        let answer = self.cx.ask(bindery_contract::service::HTTP, &self.head, &segments).await?;
        Response::read(answer)
    }
}

impl<C: Connector> IntoFuture for Request<C> {
    type Output = Result<Response>;
    type IntoFuture = BoxFuture<Result<Response>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.send())
    }
}

/// What can be the value of a parameter or a form field. `None` leaves it out.
///
/// ```
/// use bindery_plugin::QueryValue;
///
/// assert_eq!(5.into_query().as_deref(), Some("5"));
/// assert_eq!(None::<&str>.into_query(), None);
/// ```
pub trait QueryValue {
    /// Its text, or none to leave it out.
    fn into_query(self) -> Option<String>;
}

macro_rules! query_values {
    ($($type:ty),*) => {
        $(impl QueryValue for $type {
            fn into_query(self) -> Option<String> {
                Some(self.to_string())
            }
        })*
    };
}

query_values!(&str, &String, bool, i32, i64, u16, u32, u64, usize, Decimal);

impl QueryValue for String {
    fn into_query(self) -> Option<String> {
        Some(self)
    }
}

impl<T: QueryValue> QueryValue for Option<T> {
    fn into_query(self) -> Option<String> {
        self.and_then(T::into_query)
    }
}

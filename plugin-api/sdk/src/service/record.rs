//! Our records, as far as the operator has granted them.

use bindery_contract::{Frame, service};
use serde::Deserialize;
use serde_json::{Value, value::RawValue};

use crate::{
    Connector, Context,
    error::{Error, Result},
    mapper::{Source, Values},
};

/// The records of one model, or of a kind under its own name.
///
/// ```
/// # use bindery_plugin::prelude::*;
/// # async fn example<C: Connector>(cx: Context<C>) -> Result<()> {
/// let found = cx.records("res.partner")
///     .domain(serde_json::json!([["email", "=", "ada@example.org"]])).fields(["name"]).limit(1).search().await?;
/// for partner in found {
///     info!(id = partner.id(), name = partner.text("name")?.or_default());
/// }
/// # Ok(()) }
/// ```
#[must_use = "nothing is asked before search, read, create, write or unlink"]
pub struct Records<C: Connector> {
    cx: Context<C>,
    search: service::Search,
}

#[derive(Deserialize)]
struct RawRows {
    rows: Vec<Box<RawValue>>,
}

impl<C: Connector> Records<C> {
    pub(crate) fn new(cx: Context<C>, model: String) -> Self {
        let domain = Value::Array(Vec::new());
        Self { cx, search: service::Search { model, domain, ..service::Search::default() } }
    }

    /// Which records: a domain in prefix notation.
    ///
    /// ```
    /// # use bindery_plugin::prelude::*;
    /// # fn example<C: Connector>(cx: Context<C>) {
    /// let _ = cx.records("product.template").domain(serde_json::json!(["|", ["active", "=", false], ["list_price", ">", 10]]));
    /// # }
    /// ```
    pub fn domain(mut self, domain: Value) -> Self {
        self.search.domain = domain;
        self
    }

    /// Which fields to read; without it, all.
    ///
    /// ```
    /// # use bindery_plugin::prelude::*;
    /// # fn example<C: Connector>(cx: Context<C>) { let _ = cx.records("res.partner").fields(["name", "email"]); }
    /// ```
    pub fn fields<T: Into<String>>(mut self, fields: impl IntoIterator<Item = T>) -> Self {
        self.search.fields = fields.into_iter().map(Into::into).collect();
        self
    }

    /// At most so many.
    ///
    /// ```
    /// # use bindery_plugin::prelude::*;
    /// # fn example<C: Connector>(cx: Context<C>) { let _ = cx.records("res.partner").limit(10); }
    /// ```
    pub fn limit(mut self, limit: u64) -> Self {
        self.search.limit = Some(limit);
        self
    }

    /// Without the first ones.
    ///
    /// ```
    /// # use bindery_plugin::prelude::*;
    /// # fn example<C: Connector>(cx: Context<C>) { let _ = cx.records("res.partner").offset(10); }
    /// ```
    pub fn offset(mut self, offset: u64) -> Self {
        self.search.offset = offset;
        self
    }

    /// In which order: `"name desc, id"`.
    ///
    /// ```
    /// # use bindery_plugin::prelude::*;
    /// # fn example<C: Connector>(cx: Context<C>) { let _ = cx.records("res.partner").order("name, id"); }
    /// ```
    pub fn order(mut self, order: impl Into<String>) -> Self {
        self.search.order = order.into();
        self
    }

    /// Archived ones too, where the domain does not speak of `active`.
    ///
    /// ```
    /// # use bindery_plugin::prelude::*;
    /// # fn example<C: Connector>(cx: Context<C>) { let _ = cx.records("product.template").archived(); }
    /// ```
    pub fn archived(mut self) -> Self {
        self.search.archived = true;
        self
    }

    /// How many there are, whatever the limit.
    ///
    /// ```
    /// # use bindery_plugin::prelude::*;
    /// # async fn example<C: Connector>(cx: Context<C>) -> Result<u64> { cx.records("res.partner").count().await }
    /// ```
    pub async fn count(self) -> Result<u64> {
        let answer: service::Count = self.cx.ask_for(service::RECORD_COUNT, &self.search).await?;
        Ok(answer.count)
    }

    /// The records that were asked for, at most 10,000 at once; what this call wrote is among them.
    ///
    /// ```
    /// # use bindery_plugin::prelude::*;
    /// # async fn example<C: Connector>(cx: Context<C>) -> Result<Vec<Record>> { cx.records("res.partner").search().await }
    /// ```
    pub async fn search(self) -> Result<Vec<Record>> {
        let rows: RawRows = self.cx.ask_for(service::RECORD_SEARCH, &self.search).await?;
        rows.rows.iter().map(|row| Record::read(row)).collect()
    }

    /// Records by id, in that order.
    ///
    /// ```
    /// # use bindery_plugin::prelude::*;
    /// # async fn example<C: Connector>(cx: Context<C>) -> Result<Vec<Record>> { cx.records("res.partner").read([1, 2]).await }
    /// ```
    pub async fn read(self, ids: impl IntoIterator<Item = i64>) -> Result<Vec<Record>> {
        let (model, fields) = (self.search.model, self.search.fields);
        let request = service::ReadRecords { model, ids: ids.into_iter().collect(), fields };
        let rows: RawRows = self.cx.ask_for(service::RECORD_READ, &request).await?;
        rows.rows.iter().map(|row| Record::read(row)).collect()
    }

    /// Creates a record. Its id is a temporary one, good wherever an id is wanted until this piece of work ends; it is
    /// never to be kept elsewhere.
    ///
    /// An unknown field or a wrong type is an error at once; what only the store can tell (a value that another record
    /// has) is one at the next search that would find it, at [`Context::checkpoint`], or the outcome of the job.
    ///
    /// ```
    /// # use bindery_plugin::prelude::*;
    /// # async fn example<C: Connector>(cx: Context<C>) -> Result<i64> {
    /// cx.records("product.category").create(Values::new().set("name", "Lamps")).await
    /// # }
    /// ```
    pub async fn create(self, values: Values) -> Result<i64> {
        self.change(service::RECORD_CREATE, None, values).await
    }

    /// Changes a record.
    ///
    /// ```
    /// # use bindery_plugin::prelude::*;
    /// # async fn example<C: Connector>(cx: Context<C>) -> Result<()> {
    /// cx.records("product.category").write(7, Values::new().set("name", "Lamps")).await
    /// # }
    /// ```
    pub async fn write(self, id: i64, values: Values) -> Result<()> {
        self.change(service::RECORD_WRITE, Some(id), values).await.map(|_| ())
    }

    /// Removes a record.
    ///
    /// ```
    /// # use bindery_plugin::prelude::*;
    /// # async fn example<C: Connector>(cx: Context<C>) -> Result<()> { cx.records("product.category").unlink(7).await }
    /// ```
    pub async fn unlink(self, id: i64) -> Result<()> {
        self.change(service::RECORD_UNLINK, Some(id), Values::new()).await.map(|_| ())
    }

    async fn change(self, op: &str, id: Option<i64>, values: Values) -> Result<i64> {
        let (values, request) = (values.into_json()?, service::WriteRecord { model: self.search.model, id });
        let answer = self.cx.ask(op, &request, &[values.as_str().as_bytes()]).await?;
        let written: service::RecordId = Frame::decode(&answer)?.header()?;
        Ok(written.id)
    }
}

/// One record: its id, and its fields to be read as a [`Source`] (`record.text("name")?`).
#[derive(Debug, Clone)]
pub struct Record {
    id: i64,
    source: Source,
}

impl Record {
    fn read(row: &RawValue) -> Result<Self> {
        let source = Source::parse(row.get().as_bytes())?;
        let id =
            source.integer("id")?.option().ok_or_else(|| Error::unreadable("the host gave a record without id"))?;
        Ok(Self { id, source })
    }

    /// Its id.
    ///
    /// ```
    /// # use bindery_plugin::prelude::*;
    /// # fn example(record: Record) { let id = record.id(); }
    /// ```
    pub const fn id(&self) -> i64 {
        self.id
    }
}

impl std::ops::Deref for Record {
    type Target = Source;

    fn deref(&self) -> &Source {
        &self.source
    }
}

//! A connector opened over the fake host, with one method for each thing a test wants of it.

use std::sync::Arc;

use bindery_contract::{
    Frame, op,
    record::{self, PrepareItem, Prepared, Ref},
};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, value::RawValue};

use super::{
    block::block_on,
    fake::{Fake, Scripted, Sent, bind_to, is_task},
};
use crate::{
    Connector, Context, ListQuery, RecordOp, Task, boundary,
    context::Instance,
    error::{Error, Result},
    json::pointer,
};

/// An opened connector under test. See the [module](super).
pub struct Harness<C: Connector> {
    instance: Arc<Instance<C>>,
    pub(super) fake: Fake,
}

/// One item of a page.
#[derive(Debug, Clone, PartialEq)]
pub struct Item {
    /// External id.
    pub id: String,
    /// Date of the last change there.
    pub updated: Option<String>,
    /// It is gone there.
    pub deleted: bool,
    /// The item as the remote wrote it.
    pub json: String,
}

/// A page.
#[derive(Debug, Clone, PartialEq)]
pub struct Listed {
    /// In order.
    pub items: Vec<Item>,
    /// The next page's cursor.
    pub next: Option<String>,
}

/// What a mapper made of a record. Values are read by `serde_json`; [`Mapped::text`] has them as written.
#[derive(Debug, Clone, PartialEq)]
pub struct Mapped {
    /// Fields of our record.
    pub values: Value,
    /// Extra fields of the binding.
    pub extra: Value,
    /// Why the importer skips it.
    pub skip: Option<String>,
    /// Lines, by field.
    pub lines: Vec<(String, Vec<Line>)>,
    /// Records that must be imported before.
    pub dependencies: Vec<(String, String)>,
    /// To be handed back next time.
    pub digests: Option<String>,
    /// The JSON text of the values.
    pub text: String,
}

/// A line that a mapper made.
#[derive(Debug, Clone, PartialEq)]
pub struct Line {
    /// Kind.
    pub kind: String,
    /// External id.
    pub id: String,
    /// Fields of our line.
    pub values: Value,
    /// Fields that only a new line gets.
    pub create_values: Value,
}

impl<C: Connector> Harness<C> {
    /// Opens the connector with settings.
    ///
    /// ```
    /// # use bindery_plugin::{prelude::*, testing::Harness};
    /// # fn example<C: Connector>(connector: C) -> Result<()> {
    /// let acme = Harness::open(connector, serde_json::json!({"api_url": "https://shop.example"}))?;
    /// # Ok(()) }
    /// ```
    pub fn open(connector: C, settings: Value) -> Result<Self> {
        let fake = Fake::default();
        let open = op::Open {
            backend: "test".to_owned(),
            backend_id: 1,
            backend_type: C::BACKEND_TYPES.first().copied().unwrap_or_default().to_owned(),
            settings,
            contract: bindery_contract::CONTRACT,
        };
        let instance = boundary::instance(connector, open, Box::new(fake.clone()))?;
        Ok(Self { instance: Arc::new(instance), fake })
    }

    /// The context of a call, for code that wants one.
    ///
    /// ```
    /// # use bindery_plugin::{prelude::*, testing::Harness};
    /// # fn example<C: Connector>(acme: Harness<C>) { assert_eq!(acme.context().backend(), "test"); }
    /// ```
    pub fn context(&self) -> Context<C> {
        Context::new(Arc::clone(&self.instance), 1)
    }

    /// Runs a future of the connector to its end.
    ///
    /// ```
    /// # use bindery_plugin::{prelude::*, testing::Harness};
    /// # fn example<C: Connector>(acme: Harness<C>) -> Result<()> { acme.run(acme.context().kv("seen").set(&1)) }
    /// ```
    pub fn run<F: Future>(&self, future: F) -> F::Output {
        block_on(future)
    }

    /// Adds a JSON answer to the script of a method and path. Answers are used up in order; the last one stays.
    ///
    /// ```
    /// # use bindery_plugin::{prelude::*, testing::Harness};
    /// # fn example<C: Connector>(acme: Harness<C>) { acme.respond("GET", "/shop", 200, serde_json::json!({"name": "Acme"})); }
    /// ```
    pub fn respond(&self, method: &str, path: &str, status: u16, body: Value) {
        self.respond_with(method, path, status, &[], body.to_string());
    }

    /// Adds any answer to the script: headers and a recorded text.
    ///
    /// ```
    /// # use bindery_plugin::{prelude::*, testing::Harness};
    /// # fn example<C: Connector>(acme: Harness<C>) { acme.respond_with("GET", "/shop", 429, &[("Retry-After", "2")], ""); }
    /// ```
    pub fn respond_with(
        &self,
        method: &str,
        path: &str,
        status: u16,
        headers: &[(&str, &str)],
        body: impl Into<String>,
    ) {
        let headers = headers.iter().map(|(name, value)| (name.to_ascii_lowercase(), (*value).to_owned())).collect();
        let scripted = Scripted { status, headers, body: body.into().into_bytes() };
        self.fake.state().script.entry((method.to_owned(), path.to_owned())).or_default().push_back(scripted);
    }

    /// A record of ours that searches and reads find: a JSON object with `id`.
    ///
    /// ```
    /// # use bindery_plugin::{prelude::*, testing::Harness};
    /// # fn example<C: Connector>(acme: Harness<C>) { acme.record("res.partner", serde_json::json!({"id": 1, "name": "Ada"})); }
    /// ```
    pub fn record(&self, model: &str, row: Value) {
        self.fake.state().records.entry(model.to_owned()).or_default().push(row);
    }

    /// A binding that lookups find.
    ///
    /// ```
    /// # use bindery_plugin::{prelude::*, testing::Harness};
    /// # fn example<C: Connector>(acme: Harness<C>) { acme.bind("acme.customer", "7", 12); }
    /// ```
    pub fn bind(&self, kind: &str, external_id: &str, record: i64) {
        bind_to(&mut self.fake.state(), kind, external_id, record);
    }

    /// What was sent so far.
    ///
    /// ```
    /// # use bindery_plugin::{prelude::*, testing::Harness};
    /// # fn example<C: Connector>(acme: Harness<C>) { assert_eq!(acme.sent().len(), 1); }
    /// ```
    pub fn sent(&self) -> Vec<Sent> {
        self.fake.state().sent.clone()
    }

    /// How many jobs were enqueued.
    ///
    /// ```
    /// # use bindery_plugin::{prelude::*, testing::Harness};
    /// # fn example<C: Connector>(acme: Harness<C>) { assert_eq!(acme.jobs(), 0); }
    /// ```
    pub fn jobs(&self) -> usize {
        self.fake.state().jobs.len()
    }

    /// Whether a job with this task was enqueued, whatever its options.
    ///
    /// ```
    /// # use bindery_plugin::{prelude::*, testing::Harness};
    /// # fn example<C: Connector>(acme: Harness<C>) { assert!(acme.is_enqueued(&Task::import("acme.order", "7"))); }
    /// ```
    pub fn is_enqueued(&self, task: &Task) -> bool {
        self.fake.state().jobs.iter().any(|job| is_task(job, task.contract()))
    }

    /// The values that code wrote to a model through the context.
    ///
    /// ```
    /// # use bindery_plugin::{prelude::*, testing::Harness};
    /// # fn example<C: Connector>(acme: Harness<C>) { assert!(acme.written("res.partner").is_empty()); }
    /// ```
    pub fn written(&self, model: &str) -> Vec<Value> {
        let state = self.fake.state();
        state.written.iter().filter(|(_, write, _)| write.model == model).map(|(.., values)| values.clone()).collect()
    }

    fn ask(&self, op: &str, header: &impl Serialize, segments: &[&[u8]]) -> Result<Vec<u8>> {
        let payload = Frame::encode(header, segments)?;
        block_on(boundary::dispatch(&self.context(), op, payload.into()))
    }

    pub(super) fn ask_for<T: DeserializeOwned>(
        &self,
        op: &str,
        header: &impl Serialize,
        segments: &[&[u8]],
    ) -> Result<T> {
        Ok(Frame::decode(&self.ask(op, header, segments)?)?.header()?)
    }

    /// Tests the connection; answers with the line for people.
    ///
    /// ```
    /// # use bindery_plugin::{prelude::*, testing::Harness};
    /// # fn example<C: Connector>(acme: Harness<C>) -> Result<String> { acme.test_connection() }
    /// ```
    pub fn test_connection(&self) -> Result<String> {
        let report: op::Report = self.ask_for(op::TEST_CONNECTION, &op::TestConnection {}, &[])?;
        Ok(report.message)
    }

    /// Lists a page, cut as the host cuts it.
    ///
    /// ```
    /// # use bindery_plugin::{prelude::*, testing::Harness};
    /// # fn example<C: Connector>(acme: Harness<C>) -> Result<()> { acme.list("acme.product", ListQuery::default())?; Ok(()) }
    /// ```
    pub fn list(&self, kind: &str, query: ListQuery) -> Result<Listed> {
        let ListQuery { since, cursor, limit, filters } = query;
        let request = op::List { kind: kind.to_owned(), since, cursor, limit, filters };
        let answer = self.ask(op::LIST, &request, &[])?;
        let frame = Frame::decode(&answer)?;
        match frame.header()? {
            record::Page::Kept(spec) => self.cut(&spec),
            record::Page::Items { items, next, .. } => {
                let items = items.into_iter().zip(&frame.segments).map(|(head, json)| {
                    let json = String::from_utf8_lossy(json).into_owned();
                    Item { id: head.id, updated: head.updated, deleted: head.deleted, json }
                });
                Ok(Listed { items: items.collect(), next })
            }
            record::Page::Unknown => Err(Error::unreadable("a page of an unknown form")),
        }
    }

    fn kept(&self, handle: u64) -> Result<crate::Source> {
        let index = usize::try_from(handle).unwrap_or(0).wrapping_sub(1);
        let body = self.fake.state().kept.get(index).cloned();
        crate::Source::parse(&body.ok_or_else(|| Error::unreadable("there is no such body"))?)
    }

    fn cut(&self, spec: &record::PageSpec) -> Result<Listed> {
        let body = self.kept(spec.handle)?;
        let mut items = Vec::new();
        for item in body.items(&spec.items)? {
            let updated = spec.updated.as_ref().map(|at| item.text(at)).transpose()?.and_then(crate::Maybe::option);
            let json = String::from_utf8_lossy(item.bytes()).into_owned();
            let deleted = spec.deleted.as_ref().map(|at| item.raw(at)).transpose()?.flatten();
            let deleted = deleted.is_some_and(|raw| !matches!(raw, "null" | "false"));
            items.push(Item { id: item.id(&spec.id)?.required(&spec.id)?, updated, deleted, json });
        }
        let next = match (&spec.next_cursor, &spec.next, spec.offset) {
            (Some(cursor), _, _) => Some(cursor.clone()),
            (None, Some(at), _) => body.id(at)?.option().filter(|next| !next.is_empty()),
            (None, None, Some(at)) if items.len() as u64 == at.limit => Some((at.start + at.limit).to_string()),
            _ => None,
        };
        Ok(Listed { items, next })
    }

    /// Reads a record: its JSON, as the remote wrote it.
    ///
    /// ```
    /// # use bindery_plugin::{prelude::*, testing::Harness};
    /// # fn example<C: Connector>(acme: Harness<C>) -> Result<()> { acme.read("acme.product", "7")?; Ok(()) }
    /// ```
    pub fn read(&self, kind: &str, id: &str) -> Result<Item> {
        self.external(op::READ, &op::Read { kind: kind.to_owned(), id: id.to_owned() }, &[])
    }

    /// Sends a body as a create, or as an update where there is an external id.
    ///
    /// ```
    /// # use bindery_plugin::{prelude::*, testing::Harness};
    /// # fn example<C: Connector>(acme: Harness<C>) -> Result<()> { acme.send("acme.product", None, "{}")?; Ok(()) }
    /// ```
    pub fn send(&self, kind: &str, id: Option<&str>, body: &str) -> Result<Item> {
        let key = id.is_none().then(|| "test-key".to_owned());
        let request = op::Send { kind: kind.to_owned(), id: id.map(str::to_owned), idempotency_key: key };
        self.external(if id.is_none() { op::CREATE } else { op::UPDATE }, &request, &[body.as_bytes()])
    }

    /// Removes a record there.
    ///
    /// ```
    /// # use bindery_plugin::{prelude::*, testing::Harness};
    /// # fn example<C: Connector>(acme: Harness<C>) -> Result<()> { acme.delete("acme.product", "7") }
    /// ```
    pub fn delete(&self, kind: &str, id: &str) -> Result<()> {
        let request = op::Read { kind: kind.to_owned(), id: id.to_owned() };
        self.ask_for::<op::Done>(op::DELETE, &request, &[]).map(|_| ())
    }

    fn external(&self, op: &str, request: &impl Serialize, segments: &[&[u8]]) -> Result<Item> {
        let answer = self.ask(op, request, segments)?;
        let frame = Frame::decode(&answer)?;
        match frame.header()? {
            record::External::Kept { handle, item, id, updated } => {
                let record = self.kept(handle)?.at(&item)?.required(&item)?;
                let updated = updated.map(|at| record.text(&at)).transpose()?.and_then(crate::Maybe::option);
                let json = String::from_utf8_lossy(record.bytes()).into_owned();
                Ok(Item { id: record.id(&id)?.required(&id)?, updated, deleted: false, json })
            }
            record::External::Item(head) => {
                let json = String::from_utf8_lossy(frame.segment(0)?).into_owned();
                Ok(Item { id: head.id, updated: head.updated, deleted: head.deleted, json })
            }
            record::External::Id { id } => Ok(Item { id, updated: None, deleted: false, json: String::new() }),
            record::External::Unknown => Err(Error::unreadable("a record of an unknown form")),
        }
    }

    /// Maps an item as for a record that will be created.
    ///
    /// ```
    /// # use bindery_plugin::{prelude::*, testing::Harness};
    /// # fn example<C: Connector>(acme: Harness<C>) -> Result<()> {
    /// assert_eq!(acme.create("acme.product", r#"{"id": 7, "title": "Lamp"}"#)?.values["name"], "Lamp");
    /// # Ok(()) }
    /// ```
    pub fn create(&self, kind: &str, item: &str) -> Result<Mapped> {
        self.map(kind, item, true, None)
    }

    /// Maps an item as for a record that is there, with the digests of the last time.
    ///
    /// ```
    /// # use bindery_plugin::{prelude::*, testing::Harness};
    /// # fn example<C: Connector>(acme: Harness<C>) -> Result<()> { acme.update("acme.product", "{}", None)?; Ok(()) }
    /// ```
    pub fn update(&self, kind: &str, item: &str, digests: Option<&str>) -> Result<Mapped> {
        self.map(kind, item, false, digests)
    }

    /// Maps items in one call, as an import does; answers with the bytes that would cross. For measuring.
    ///
    /// ```
    /// # use bindery_plugin::{prelude::*, testing::Harness};
    /// # fn example<C: Connector>(acme: Harness<C>) -> Result<()> { acme.prepare("acme.product", &["{}"])?; Ok(()) }
    /// ```
    pub fn prepare(&self, kind: &str, items: &[&str]) -> Result<Vec<u8>> {
        let heads = vec![PrepareItem { create: true, ..PrepareItem::default() }; items.len()];
        let request = op::Prepare { kind: kind.to_owned(), force: false, items: heads };
        let segments: Vec<&[u8]> = items.iter().map(|item| item.as_bytes()).collect();
        self.ask(op::PREPARE, &request, &segments)
    }

    fn map(&self, kind: &str, item: &str, create: bool, digests: Option<&str>) -> Result<Mapped> {
        let id = pointer::find(item.as_bytes(), 0..item.len(), "/id").ok().flatten();
        let id = id.map(|range| item[range].trim_matches('"').to_owned()).unwrap_or_default();
        let head = PrepareItem { id, create, digests: digests.map(str::to_owned), only: None };
        let request = op::Prepare { kind: kind.to_owned(), force: false, items: vec![head] };
        let answer = self.ask(op::PREPARE, &request, &[item.as_bytes()])?;
        let text = Frame::decode(&answer)?.segment(0)?;
        let mut prepared: Vec<Prepared<'_>> = serde_json::from_slice(text)?;
        let one = prepared.pop().ok_or_else(|| Error::unreadable("nothing was prepared"))?;
        match one.error {
            Some(error) => Err(error.into()),
            None => mapped(one),
        }
    }

    /// Maps a record of ours for the remote: the body's JSON text. `id` is the external id of one that is there.
    ///
    /// ```
    /// # use bindery_plugin::{prelude::*, testing::Harness};
    /// # fn example<C: Connector>(acme: Harness<C>) -> Result<()> { acme.export("acme.product", None, r#"{"name": "Lamp"}"#, None)?; Ok(()) }
    /// ```
    pub fn export(&self, kind: &str, id: Option<&str>, values: &str, changed: Option<&[&str]>) -> Result<String> {
        let changed = changed.map(|fields| fields.iter().map(|field| (*field).to_owned()).collect());
        let item = op::ExportItem { record: 1, id: id.map(str::to_owned), changed };
        let request = op::ExportPrepare { kind: kind.to_owned(), items: vec![item] };
        let answer = self.ask(op::EXPORT_PREPARE, &request, &[values.as_bytes()])?;
        let frame = Frame::decode(&answer)?;
        let mut items = frame.header::<op::ExportAnswer>()?.items;
        match items.pop() {
            Some(op::Exported::Body) => Ok(String::from_utf8_lossy(frame.segment(0)?).into_owned()),
            Some(op::Exported::Error { error }) => Err(error.into()),
            other => Err(Error::failed(format!("not exported: {other:?}"))),
        }
    }

    /// Runs a declared action, or a custom operation as `<component>.<operation>`.
    ///
    /// ```
    /// # use bindery_plugin::{prelude::*, testing::Harness};
    /// # fn example<C: Connector>(acme: Harness<C>) -> Result<()> { acme.action("action_ping", serde_json::json!({}))?; Ok(()) }
    /// ```
    pub fn action(&self, name: &str, arguments: Value) -> Result<Value> {
        let answer: op::ActAnswer = self.ask_for(op::ACTION, &op::Act { name: name.to_owned(), arguments }, &[])?;
        Ok(answer.result)
    }

    /// Imports one record by an importer of the connector's own.
    ///
    /// ```
    /// # use bindery_plugin::{prelude::*, testing::Harness};
    /// # fn example<C: Connector>(acme: Harness<C>) -> Result<()> { acme.import_whole("acme.rate", "EUR", false) }
    /// ```
    pub fn import_whole(&self, kind: &str, id: &str, force: bool) -> Result<()> {
        let request = op::ImportOne { kind: kind.to_owned(), id: id.to_owned(), force };
        self.ask_for::<op::Done>(op::IMPORT_RECORD, &request, &[]).map(drop)
    }

    /// Imports a set by a batch importer of the connector's own; answers its line for people.
    ///
    /// ```
    /// # use bindery_plugin::{prelude::*, testing::Harness};
    /// # fn example<C: Connector>(acme: Harness<C>) -> Result<String> { acme.import_batch("acme.rate", &[("day", "1")]) }
    /// ```
    pub fn import_batch(&self, kind: &str, filters: &[(&str, &str)]) -> Result<String> {
        let filters = filters.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let request = op::ImportBatch { kind: kind.to_owned(), filters, force: false };
        let answer: op::BatchAnswer = self.ask_for(op::IMPORT_BATCH, &request, &[])?;
        Ok(answer.message)
    }

    /// Exports one record by an exporter of the connector's own.
    ///
    /// ```
    /// # use bindery_plugin::{prelude::*, testing::Harness};
    /// # fn example<C: Connector>(acme: Harness<C>) -> Result<()> { acme.export_whole("acme.product", 12) }
    /// ```
    pub fn export_whole(&self, kind: &str, record: i64) -> Result<()> {
        let request = op::ExportOne { kind: kind.to_owned(), record, ..op::ExportOne::default() };
        self.ask_for::<op::Done>(op::EXPORT_RECORD, &request, &[]).map(drop)
    }

    /// Tells a listener what happened to a record of ours.
    ///
    /// ```
    /// # use bindery_plugin::{RecordOp, prelude::*, testing::Harness};
    /// # fn example<C: Connector>(acme: Harness<C>) -> Result<()> {
    /// acme.listen("acme.price.listener", RecordOp::Write, 12, &["list_price"])
    /// # }
    /// ```
    pub fn listen(&self, listener: &str, op: RecordOp, record: i64, changed: &[&str]) -> Result<()> {
        let declared = boundary::manifest::<C>("0.0.0", "")?.listeners;
        let known = declared.into_iter().find(|known| known.name == listener);
        let request = op::Listen {
            listener: listener.to_owned(),
            op,
            model: known.map(|known| known.model).unwrap_or_default(),
            record,
            changed: changed.iter().map(|field| (*field).to_owned()).collect(),
            at: "2026-01-01T00:00:00Z".to_owned(),
            event: 1,
        };
        self.ask_for::<op::Done>(op::LISTEN, &request, &[]).map(drop)
    }

    /// Handles a verified webhook: the records to import, as kind and external id.
    ///
    /// ```
    /// # use bindery_plugin::{prelude::*, testing::Harness};
    /// # fn example<C: Connector>(acme: Harness<C>) -> Result<()> { acme.webhook("order.paid", r#"{"order": {"id": 7}}"#)?; Ok(()) }
    /// ```
    pub fn webhook(&self, topic: &str, body: &str) -> Result<Vec<(String, String)>> {
        let request = op::Webhook { topic: topic.to_owned(), headers: Vec::new() };
        let answer: op::WebhookAnswer = self.ask_for(op::WEBHOOK, &request, &[body.as_bytes()])?;
        Ok(answer.import.into_iter().map(pair).collect())
    }
}

fn pair(target: Ref) -> (String, String) {
    (target.kind, target.id)
}

fn value(raw: Option<&RawValue>) -> Result<Value> {
    Ok(raw
        .map(|raw| serde_json::from_str(raw.get()))
        .transpose()?
        .unwrap_or_else(|| Value::Object(serde_json::Map::new())))
}

fn mapped(one: Prepared<'_>) -> Result<Mapped> {
    let mut lines = Vec::new();
    for children in one.children {
        let mut made = Vec::new();
        for line in children.lines {
            let (values, create_values) = (value(line.mapped.values)?, value(line.mapped.create_values)?);
            made.push(Line { kind: children.kind.to_string(), id: line.id.into_owned(), values, create_values });
        }
        lines.push((children.field.into_owned(), made));
    }
    Ok(Mapped {
        values: value(one.values)?,
        extra: value(one.extra)?,
        skip: one.skip.map(std::borrow::Cow::into_owned),
        lines,
        dependencies: one.dependencies.into_iter().map(pair).collect(),
        digests: one.digests.map(std::borrow::Cow::into_owned),
        text: one.values.map(|raw| raw.get().to_owned()).unwrap_or_default(),
    })
}

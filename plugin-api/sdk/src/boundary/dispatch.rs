//! Runs one op of the contract on an instance: reads the frame, calls the part that does it, writes the answer.

use std::sync::Arc;

use bindery_contract::{
    Frame, op,
    record::{PrepareItem, Prepared},
};
use serde::Serialize;

use crate::{
    Connector, Context, Json, Kind,
    adapter::{ChangedRecord, External, NewRecord, Page},
    component::Event,
    connector::StoredState,
    error::{Error, ErrorClass, Result},
    importer::{Batch, SyncHooks},
    mapper::{ExportItem, Hooks, Plan, Run, Source, fetch},
};

type Bytes = Vec<u8>;

/// Runs an op; what crosses is bytes both ways.
pub(crate) async fn dispatch<C: Connector>(cx: &Context<C>, op: &str, payload: Arc<[u8]>) -> Result<Bytes> {
    let frame = Frame::decode(&payload)?;
    match op {
        op::TEST_CONNECTION => {
            let report = cx.instance.connector.test_connection(cx.clone()).await?;
            header(&report.into_contract())
        }
        op::SYNC => header(&cx.sync(frame.header()?).await?),
        op::LIST => {
            let request: op::List = frame.header()?;
            page(&adapt(cx, Kind::new(request.kind.as_str()), Ask::List(request)).await?)
        }
        op::READ => {
            let op::Read { kind, id } = frame.header()?;
            external(&adapt(cx, Kind::new(kind), Ask::Read(id)).await?)
        }
        op::PREPARE => prepare(cx, &payload, &frame).await,
        op::AFTER_IMPORT => after(cx, frame.header()?, true).await,
        op::AFTER_EXPORT => after(cx, frame.header()?, false).await,
        op::EXPORT_PREPARE => export_prepare(cx, &payload, &frame).await,
        op::CREATE | op::UPDATE => {
            let request: op::Send = frame.header()?;
            let cx = cx.with_idempotency_key(request.idempotency_key);
            let (kind, body) = (Kind::new(request.kind), Json::from_bytes(frame.segment(0)?)?);
            let ask = match request.id {
                None => Ask::Create(body),
                Some(id) => Ask::Update(id, body),
            };
            external(&adapt(&cx, kind, ask).await?)
        }
        op::READ_MANY => {
            let op::ReadMany { kind, ids } = frame.header()?;
            page(&adapt(cx, Kind::new(kind), Ask::ReadMany(ids)).await?)
        }
        op::CREATE_MANY | op::UPDATE_MANY => many(cx, &frame).await,
        op::DELETE | op::ARCHIVE => {
            let op::Read { kind, id } = frame.header()?;
            let ask = if op == op::DELETE { Ask::Delete(id) } else { Ask::Archive(id) };
            adapt(cx, Kind::new(kind), ask).await?;
            header(&op::Done {})
        }
        op::FIND => find(cx, &frame).await,
        op::EXTEND => extend(cx, &payload, &frame).await,
        op::ACTION => action(cx, frame.header()?).await,
        op::WEBHOOK => webhook(cx, &frame).await,
        op::LISTEN => listen(cx, frame.header()?).await,
        op::IMPORT_RECORD => import_record(cx, frame.header()?).await,
        op::IMPORT_BATCH => import_batch(cx, frame.header()?).await,
        op::EXPORT_RECORD => export_record(cx, frame.header()?).await,
        op::MIGRATE_STATE => {
            let op::Migrate { what, key, from, value } = frame.header()?;
            let value = C::migrate_state(StoredState { what, key, format: from, value })?;
            header(&op::Migrated { value })
        }
        _ => Err(Error::unsupported(format!("{} does not answer the op {op:?}", C::ID))),
    }
}

fn header(answer: &impl Serialize) -> Result<Bytes> {
    Ok(Frame::encode(answer, &[])?)
}

/// What is asked of an adapter.
#[derive(Clone)]
enum Ask {
    List(op::List),
    Read(String),
    Create(Json),
    Update(String, Json),
    CreateMany(Vec<NewRecord>),
    UpdateMany(Vec<ChangedRecord>),
    ReadMany(Vec<String>),
    Delete(String),
    Archive(String),
    Find(String, Json),
}

/// What an adapter answered.
enum Told {
    Page(Page),
    Record(External),
    Outcomes(Vec<Result<External>>),
    Ids(Vec<String>),
    Done,
}

/// Asks the adapter of a kind; what it doesn't support is asked of its parents, the nearest first.
async fn adapt<C: Connector>(cx: &Context<C>, kind: Kind, ask: Ask) -> Result<Told> {
    let registry = cx.registry();
    let index = registry.one(crate::component::ADAPTER, cx.backend_type(), Some(kind.as_str()))?;
    let cx = cx.with_adapter(index);
    let mut refusal = None;
    for adapter in registry.chain(Some(index)).rev() {
        let (cx, kind) = (cx.clone(), kind.clone());
        let told = match ask.clone() {
            Ask::List(request) => adapter.list(cx, kind, request.into()).await.map(Told::Page),
            Ask::Read(id) => adapter.read(cx, kind, id).await.map(Told::Record),
            Ask::Create(values) => adapter.create(cx, kind, values).await.map(Told::Record),
            Ask::Update(id, values) => adapter.update(cx, kind, id, values).await.map(Told::Record),
            Ask::CreateMany(records) => adapter.create_many(cx, kind, records).await.map(Told::Outcomes),
            Ask::UpdateMany(records) => adapter.update_many(cx, kind, records).await.map(Told::Outcomes),
            Ask::ReadMany(ids) => adapter.read_many(cx, kind, ids).await.map(Told::Page),
            Ask::Delete(id) => adapter.delete(cx, kind, id).await.map(|()| Told::Done),
            Ask::Archive(id) => adapter.archive(cx, kind, id).await.map(|()| Told::Done),
            Ask::Find(key, body) => adapter.find(cx, kind, key, body).await.map(Told::Ids),
        };
        match told {
            Err(error) if error.class() == ErrorClass::Unsupported => refusal = refusal.or(Some(error)),
            other => return other,
        }
    }
    Err(refusal.unwrap_or_else(|| kind.unsupported("this")))
}

fn page(told: &Told) -> Result<Bytes> {
    let Told::Page(page) = told else { return Err(Error::unreadable("an adapter answered a list with no page")) };
    let items: Vec<&[u8]> = page.items.iter().map(Vec::as_slice).collect();
    Ok(Frame::encode(&page.head, &items)?)
}

fn external(told: &Told) -> Result<Bytes> {
    let Told::Record(record) = told else { return Err(Error::unreadable("an adapter answered with no record")) };
    let item: Vec<&[u8]> = record.item.iter().map(Vec::as_slice).collect();
    Ok(Frame::encode(&record.head, &item)?)
}

/// Sends many records; all of them are new, or all have ids.
async fn many<C: Connector>(cx: &Context<C>, frame: &Frame<'_>) -> Result<Bytes> {
    let op::SendMany { kind, items } = frame.header()?;
    let (mut new, mut changed) = (Vec::new(), Vec::new());
    for (number, item) in items.iter().enumerate() {
        let values = Json::from_bytes(frame.segment(number)?)?;
        match &item.id {
            Some(id) => changed.push(ChangedRecord { id: id.clone(), values }),
            None => new.push(NewRecord { key: item.idempotency_key.clone().unwrap_or_default(), values }),
        }
    }
    let ask = match (new.is_empty(), changed.is_empty()) {
        (_, true) => Ask::CreateMany(new),
        (true, false) => Ask::UpdateMany(changed),
        (false, false) => return Err(Error::unreadable("new records and changed ones were sent together")),
    };
    let Told::Outcomes(outcomes) = adapt(cx, Kind::new(kind), ask).await? else {
        return Err(Error::unreadable("an adapter answered many records with no outcomes"));
    };
    if outcomes.len() != items.len() {
        let why = format!("an adapter answered {} outcomes for {} records", outcomes.len(), items.len());
        return Err(Error::unreadable(why));
    }
    let (mut heads, mut segments) = (Vec::with_capacity(items.len()), Vec::with_capacity(items.len()));
    for outcome in outcomes {
        match outcome {
            Ok(record) => {
                heads.push(op::SentOne::Done { record: record.head });
                segments.push(record.item.unwrap_or_default());
            }
            Err(error) => {
                heads.push(op::SentOne::Error { error: error.into_contract() });
                segments.push(Vec::new());
            }
        }
    }
    let segments: Vec<&[u8]> = segments.iter().map(Vec::as_slice).collect();
    Ok(Frame::encode(&op::SentMany { items: heads }, &segments)?)
}

async fn find<C: Connector>(cx: &Context<C>, frame: &Frame<'_>) -> Result<Bytes> {
    let op::Find { kind, idempotency_key } = frame.header()?;
    let body = Json::from_bytes(frame.segment(0)?)?;
    match adapt(cx, Kind::new(kind), Ask::Find(idempotency_key, body)).await? {
        Told::Ids(ids) => header(&op::FindAnswer { ids }),
        _ => Err(Error::unreadable("an adapter answered a search with no ids")),
    }
}

/// The range of a segment within the payload, so that it can be shared instead of copied.
fn range(payload: &[u8], segment: &[u8]) -> std::ops::Range<usize> {
    let start = segment.as_ptr().addr() - payload.as_ptr().addr();
    start..start + segment.len()
}

async fn prepare<C: Connector>(cx: &Context<C>, payload: &Arc<[u8]>, frame: &Frame<'_>) -> Result<Bytes> {
    let request: op::Prepare = frame.header()?;
    if request.items.len() != frame.segments.len() {
        return Err(Error::unreadable("prepare needs one segment for each item"));
    }
    let kind = cx.registry().kind(&request.kind)?;
    let plan = kind.import.as_ref().ok_or_else(|| Kind::new(request.kind.as_str()).unsupported("import"))?;
    let hooks = kind.import_hooks.as_ref();
    let mut run = Run::new(plan);
    let mut out = Vec::with_capacity(payload.len());
    out.push(b'[');
    for (number, (item, segment)) in request.items.iter().zip(&frame.segments).enumerate() {
        if number > 0 {
            out.push(b',');
        }
        let start = out.len();
        let one = One { cx, plan, hooks, payload, range: range(payload, segment), item };
        let prepared =
            if one.is_quick() { one.map(&mut run, None, &mut out) } else { one.wait(&mut run, &mut out).await };
        if let Err(error) = prepared {
            out.truncate(start);
            let refused = Prepared { error: Some(error.into_contract()), ..Prepared::default() };
            serde_json::to_writer(&mut out, &refused)?;
        }
    }
    out.push(b']');
    Ok(Frame::encode(&op::PrepareAnswer { count: request.items.len() }, &[&out])?)
}

/// One record to prepare.
struct One<'a, C: Connector> {
    cx: &'a Context<C>,
    plan: &'a Plan<C>,
    hooks: Option<&'a SyncHooks<C>>,
    payload: &'a Arc<[u8]>,
    range: std::ops::Range<usize>,
    item: &'a PrepareItem,
}

impl<C: Connector> One<'_, C> {
    fn is_quick(&self) -> bool {
        !self.plan.is_async && self.hooks.is_none_or(|hooks| hooks.skip.is_none() && hooks.before.is_none())
    }

    fn map(&self, run: &mut Run<'_, C>, fetched: Option<&crate::mapper::Fetched>, out: &mut Bytes) -> Result<()> {
        let hooks = self.hooks.map(|hooks| -> &dyn Hooks { hooks });
        run.record(self.payload, self.range.clone(), self.item, fetched, hooks, out)
    }

    async fn wait(&self, run: &mut Run<'_, C>, out: &mut Bytes) -> Result<()> {
        if let Some(hooks) = self.hooks {
            let source = Source::within(Arc::clone(self.payload), self.range.clone());
            if let Some(skip) = &hooks.skip
                && let Some(reason) = skip(&source, self.cx)?
            {
                let skipped = Prepared { skip: Some(reason.into()), ..Prepared::default() };
                serde_json::to_writer(out, &skipped)?;
                return Ok(());
            }
            if let Some(before) = &hooks.before {
                before(source, self.cx.clone()).await?;
            }
        }
        let fetched = fetch(self.plan, self.cx, self.payload, self.range.clone(), self.item.create).await;
        self.map(run, Some(&fetched), out)
    }
}

async fn after<C: Connector>(cx: &Context<C>, request: op::After, import: bool) -> Result<Bytes> {
    let kind = cx.registry().kind(&request.kind)?;
    let hooks = if import { &kind.import_hooks } else { &kind.export_hooks };
    if let Some(after) = hooks.as_ref().and_then(|hooks| hooks.after.as_ref()) {
        for written in request.written {
            after(written, cx.clone()).await?;
        }
    }
    header(&op::Done {})
}

async fn export_prepare<C: Connector>(cx: &Context<C>, payload: &Arc<[u8]>, frame: &Frame<'_>) -> Result<Bytes> {
    let request: op::ExportPrepare = frame.header()?;
    let kind = cx.registry().kind(&request.kind)?;
    let plan = kind.export.as_ref().ok_or_else(|| Kind::new(request.kind.as_str()).unsupported("export"))?;
    let (mut answers, mut bodies) = (Vec::new(), Vec::new());
    for (number, head) in request.items.into_iter().enumerate() {
        let values = Source::within(Arc::clone(payload), range(payload, frame.segment(number)?));
        let item = ExportItem { head, values };
        let (answer, body) = match before_export(cx, kind.export_hooks.as_ref(), &item).await {
            Err(error) => (op::Exported::Error { error: error.into_contract() }, Vec::new()),
            Ok(Some(reason)) => (op::Exported::Skip { reason }, Vec::new()),
            Ok(None) => {
                plan.map(cx, kind.export_hooks.as_ref().map(|hooks| -> &(dyn Hooks + Sync) { hooks }), &item).await
            }
        };
        answers.push(answer);
        bodies.push(body);
    }
    let bodies: Vec<&[u8]> = bodies.iter().map(Vec::as_slice).collect();
    Ok(Frame::encode(&op::ExportAnswer { items: answers }, &bodies)?)
}

async fn before_export<C: Connector>(
    cx: &Context<C>,
    hooks: Option<&SyncHooks<C>>,
    item: &ExportItem,
) -> Result<Option<String>> {
    let Some(hooks) = hooks else { return Ok(None) };
    if let Some(skip) = &hooks.skip
        && let Some(reason) = skip(&item.values, cx)?
    {
        return Ok(Some(reason));
    }
    if let Some(before) = &hooks.before {
        before(item.values.clone(), cx.clone()).await?;
    }
    Ok(None)
}

async fn extend<C: Connector>(cx: &Context<C>, payload: &Arc<[u8]>, frame: &Frame<'_>) -> Result<Bytes> {
    let request: op::Extend = frame.header()?;
    let is_wanted = |known: &&crate::extension::Entry<C>| {
        known.declared.connector == request.connector && known.declared.name == request.name
    };
    let entry = cx.registry().extensions.iter().find(is_wanted).ok_or_else(|| {
        Error::unsupported(format!("{} has no extension {:?} of {}", C::ID, request.name, request.connector))
    })?;
    let (count, mut answer, mut merged) = (request.items.len(), op::ExtendAnswer::default(), Vec::new());
    for number in 0..count {
        let item = Source::within(Arc::clone(payload), range(payload, frame.segment(number)?));
        let values = Source::within(Arc::clone(payload), range(payload, frame.segment(count + number)?));
        match (entry.code)(item, values, cx.clone()).await.and_then(crate::Values::into_json) {
            Ok(values) => merged.push(values.into_bytes()),
            Err(error) => {
                answer.errors.push((number, error.into_contract()));
                merged.push(b"{}".to_vec());
            }
        }
    }
    let merged: Vec<&[u8]> = merged.iter().map(Vec::as_slice).collect();
    Ok(Frame::encode(&answer, &merged)?)
}

async fn action<C: Connector>(cx: &Context<C>, request: op::Act) -> Result<Bytes> {
    let operations = &cx.registry().operations;
    let operation = operations.iter().find(|known| known.declared.name == request.name).ok_or_else(|| {
        let known: Vec<_> = operations.iter().map(|known| known.declared.name.as_str()).collect();
        Error::unsupported(format!("{} has no action {:?}; it has {}", C::ID, request.name, known.join(", ")))
    })?;
    let owner = operation.component.as_ref();
    let adapter = owner.and_then(|name| cx.registry().parts.iter().position(|part| part.declared.name == *name));
    let cx = adapter.map_or_else(|| cx.clone(), |index| cx.with_adapter(index));
    let result = (operation.code)(cx, request.arguments).await?;
    header(&op::ActAnswer { result })
}

async fn webhook<C: Connector>(cx: &Context<C>, frame: &Frame<'_>) -> Result<Bytes> {
    let event = Event { head: frame.header()?, body: frame.segment(0)?.to_vec() };
    let webhooks = cx.registry().webhooks.as_ref();
    let handler = webhooks.and_then(|webhooks| webhooks.handlers.iter().find(|(topic, _)| *topic == event.head.topic));
    match handler {
        Some((_, code)) => header(&code(event, cx.clone()).await?.into_contract()),
        None => header(&op::WebhookAnswer { ignored: true, ..op::WebhookAnswer::default() }),
    }
}

async fn listen<C: Connector>(cx: &Context<C>, told: op::Listen) -> Result<Bytes> {
    let listener = cx.registry().listeners.iter().find(|known| known.declared.name == told.listener);
    let listener = listener.ok_or_else(|| crate::component::missing_listener(C::ID, &told.listener))?;
    listener.hear(told, cx.clone()).await?;
    header(&op::Done {})
}

async fn import_record<C: Connector>(cx: &Context<C>, request: op::ImportOne) -> Result<Bytes> {
    let kind = cx.registry().kind(&request.kind)?;
    let whole = kind.import_hooks.as_ref().and_then(|hooks| hooks.whole.as_ref());
    let whole = whole.ok_or_else(|| Kind::new(request.kind.as_str()).unsupported("an importer of its own"))?;
    whole(Kind::new(request.kind.as_str()), request.id, request.force, cx.clone()).await?;
    header(&op::Done {})
}

async fn import_batch<C: Connector>(cx: &Context<C>, request: op::ImportBatch) -> Result<Bytes> {
    let kind = cx.registry().kind(&request.kind)?;
    let whole = kind.import_hooks.as_ref().and_then(|hooks| hooks.batch.as_ref());
    let whole = whole.ok_or_else(|| Kind::new(request.kind.as_str()).unsupported("a batch importer of its own"))?;
    let batch = Batch { filters: request.filters, force: request.force };
    let message = whole(Kind::new(request.kind.as_str()), batch, cx.clone()).await?;
    header(&op::BatchAnswer { message })
}

async fn export_record<C: Connector>(cx: &Context<C>, request: op::ExportOne) -> Result<Bytes> {
    let kind = cx.registry().kind(&request.kind)?;
    let whole = kind.export_hooks.as_ref().and_then(|hooks| hooks.whole.as_ref());
    let whole = whole.ok_or_else(|| Kind::new(request.kind.as_str()).unsupported("an exporter of its own"))?;
    let cx = cx.with_idempotency_key(request.idempotency_key);
    whole(Kind::new(request.kind.as_str()), request.record.to_string(), request.changed.is_none(), cx).await?;
    header(&op::Done {})
}

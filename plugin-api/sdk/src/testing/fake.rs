//! A host that answers from a script and remembers what it was asked.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use bindery_contract::{
    Error, ErrorClass, Frame, http, op,
    service::{self, Task},
};
use serde::Serialize;
use serde_json::{Value, json};

use crate::host::{Answer, BoxFuture, Host};

/// A request that the connector sent.
///
/// ```
/// # fn example(sent: bindery_plugin::testing::Sent) { assert_eq!(sent.header("authorization"), Some("Bearer t")); }
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Sent {
    /// `GET`, `POST`, …
    pub method: String,
    /// URL without parameters.
    pub url: String,
    /// Parameters in order.
    pub query: Vec<(String, String)>,
    /// Headers in order.
    pub headers: Vec<(String, String)>,
    /// User of the credentials that go along as Basic.
    pub basic_user: Option<String>,
    /// Milliseconds that the request waits, where it says so.
    pub timeout_ms: Option<u64>,
    /// `Idempotency-Key`, where one goes along.
    pub idempotency_key: Option<String>,
    /// The body, as text.
    pub body: String,
}

impl Sent {
    /// A header; the name in any case.
    ///
    /// ```
    /// # fn example(sent: bindery_plugin::testing::Sent) { let _ = sent.header("accept"); }
    /// ```
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// A parameter.
    ///
    /// ```
    /// # fn example(sent: bindery_plugin::testing::Sent) { let _ = sent.parameter("cursor"); }
    /// ```
    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

/// An answer of the script.
#[derive(Debug, Clone)]
pub(super) struct Scripted {
    pub(super) status: u16,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Vec<u8>,
}

/// What the fake host holds.
#[derive(Default)]
pub(super) struct State {
    pub(super) script: BTreeMap<(String, String), VecDeque<Scripted>>,
    pub(super) sent: Vec<Sent>,
    pub(super) kept: Vec<Vec<u8>>,
    pub(super) jobs: Vec<service::Enqueue>,
    pub(super) records: BTreeMap<String, Vec<Value>>,
    pub(super) bindings: Vec<service::Binding>,
    pub(super) stored: BTreeMap<(bool, String), Vec<u8>>,
    pub(super) written: Vec<(String, service::WriteRecord, Value)>,
}

/// The fake host; clones share it.
#[derive(Clone, Default)]
pub(super) struct Fake(Arc<Mutex<State>>);

impl Fake {
    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes the jobs that were enqueued.
    pub(super) fn take_jobs(&self) -> Vec<service::Enqueue> {
        std::mem::take(&mut self.state().jobs)
    }

    /// A record of ours, and the external id that it is bound to.
    pub(super) fn record(&self, model: &str, kind: &str, record: i64) -> (Option<Value>, Option<String>) {
        let state = self.state();
        let mut rows = state.records.get(model).into_iter().flatten();
        let bound = state.bindings.iter().find(|binding| binding.kind == kind && binding.record == Some(record));
        (rows.find(|row| row["id"] == record).cloned(), bound.and_then(|binding| binding.external_id.clone()))
    }
}

impl Host for Fake {
    fn invoke(&self, _call: u64, op: &str, payload: &[u8]) -> BoxFuture<Result<Answer, Error>> {
        let answer = answer(&mut self.state(), op, payload).map(Answer::from);
        Box::pin(std::future::ready(answer))
    }
}

fn unreadable(error: serde_json::Error) -> Error {
    Error::new(ErrorClass::BadPayload, error.to_string())
}

fn told(answer: &impl Serialize) -> Result<Vec<u8>, Error> {
    Frame::encode(answer, &[])
}

fn answer(state: &mut State, op: &str, payload: &[u8]) -> Result<Vec<u8>, Error> {
    let frame = Frame::decode(payload)?;
    match op {
        service::HTTP => send(state, &frame),
        service::RECORD_SEARCH
        | service::RECORD_COUNT
        | service::RECORD_READ
        | service::RECORD_CREATE
        | service::RECORD_WRITE
        | service::RECORD_UNLINK => answer_record(state, op, &frame),
        service::BINDING_FIND | service::BINDING_BIND | service::BINDING_UNBIND | service::BINDING_MARK => {
            answer_binding(state, op, &frame)
        }
        service::ENQUEUE => {
            let asked: service::Enqueue = frame.header()?;
            let number = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
            let is_equal = |known: &service::Enqueue| known.identity.is_some() && known.identity == asked.identity;
            if let Some(at) = state.jobs.iter().position(is_equal) {
                return told(&service::Enqueued { id: number(at + 1), deduplicated: true });
            }
            state.jobs.push(asked);
            told(&service::Enqueued { id: number(state.jobs.len()), deduplicated: false })
        }
        service::CURSOR_GET
        | service::CURSOR_SET
        | service::KV_GET
        | service::KV_SET
        | service::KV_DELETE
        | service::KV_LIST => answer_state(state, op, &frame),
        service::CANCELLED => told(&service::Cancelled { cancelled: false }),
        service::NOW => told(&service::Now { now: "2026-01-01T00:00:00Z".to_owned() }),
        service::PROGRESS | service::SLEEP | service::CHECKPOINT => told(&op::Done {}),
        _ => Err(unknown(op)),
    }
}

fn unknown(op: &str) -> Error {
    Error::new(ErrorClass::Unsupported, format!("the test kit has no service {op:?}"))
}

fn answer_state(state: &mut State, op: &str, frame: &Frame) -> Result<Vec<u8>, Error> {
    let service::Key { key } = frame.header()?;
    let at = (op.starts_with("kv."), key.clone());
    match op {
        service::CURSOR_GET | service::KV_GET => {
            let value = state.stored.get(&at);
            let value: Vec<&[u8]> = value.iter().map(|value| value.as_slice()).collect();
            return Frame::encode(&service::Stored { state_format: u32::MAX }, &value);
        }
        service::KV_LIST => {
            let keys = state.stored.keys().filter(|(is_kv, known)| *is_kv && known.starts_with(&key));
            return told(&service::Keys { keys: keys.map(|(_, key)| key.clone()).collect() });
        }
        service::KV_DELETE => state.stored.remove(&at),
        _ => match frame.segment(0)? {
            b"null" => state.stored.remove(&at),
            value => state.stored.insert(at, value.to_vec()),
        },
    };
    told(&op::Done {})
}

fn answer_record(state: &mut State, op: &str, frame: &Frame) -> Result<Vec<u8>, Error> {
    match op {
        service::RECORD_SEARCH => {
            let search: service::Search = frame.header()?;
            let rows = state.records.get(&search.model).cloned().unwrap_or_default();
            let rows = rows.into_iter().filter(|row| fits(&search.domain, row));
            let rows = rows.skip(usize::try_from(search.offset).unwrap_or(usize::MAX));
            let limit = search.limit.map_or(usize::MAX, |limit| usize::try_from(limit).unwrap_or(usize::MAX));
            told(&service::Rows { rows: rows.take(limit).collect() })
        }
        service::RECORD_COUNT => {
            let search: service::Search = frame.header()?;
            let rows = state.records.get(&search.model).into_iter().flatten();
            told(&service::Count { count: rows.filter(|row| fits(&search.domain, row)).count() as u64 })
        }
        service::RECORD_READ => {
            let read: service::ReadRecords = frame.header()?;
            let rows = state.records.get(&read.model).into_iter().flatten();
            let rows = rows.filter(|row| row["id"].as_i64().is_some_and(|id| read.ids.contains(&id)));
            told(&service::Rows { rows: rows.cloned().collect() })
        }
        service::RECORD_CREATE | service::RECORD_WRITE | service::RECORD_UNLINK => {
            let write: service::WriteRecord = frame.header()?;
            let id = write.id.unwrap_or(-1 - i64::try_from(state.written.len()).unwrap_or(i64::MAX));
            let values = frame.segments.first().map(|values| serde_json::from_slice(values).map_err(unreadable));
            state.written.push((op.to_owned(), write, values.transpose()?.unwrap_or_default()));
            told(&service::RecordId { id })
        }
        _ => Err(unknown(op)),
    }
}

fn answer_binding(state: &mut State, op: &str, frame: &Frame) -> Result<Vec<u8>, Error> {
    match op {
        service::BINDING_FIND => {
            let find: service::FindBinding = frame.header()?;
            let is_it = |known: &&service::Binding| {
                known.kind == find.kind
                    && match &find.external_id {
                        Some(_) => known.external_id == find.external_id,
                        None => known.record == find.record,
                    }
            };
            told(&service::Found { binding: state.bindings.iter().find(is_it).cloned() })
        }
        service::BINDING_BIND => {
            let bind: service::Bind = frame.header()?;
            let binding = bind_to(state, &bind.kind, &bind.external_id, bind.record);
            told(&service::RecordId { id: binding.id })
        }
        service::BINDING_UNBIND => {
            let unbind: service::Unbind = frame.header()?;
            state.bindings.retain(|known| known.id != unbind.id);
            told(&op::Done {})
        }
        service::BINDING_MARK => {
            let mark: service::Mark = frame.header()?;
            for binding in state.bindings.iter_mut().filter(|known| known.id == mark.id) {
                binding.sync_status = if mark.failed.is_some() { "failed" } else { "success" }.to_owned();
                binding.retry_count = if mark.failed.is_some() { binding.retry_count + 1 } else { 0 };
                binding.last_error.clone_from(&mark.failed);
            }
            told(&op::Done {})
        }
        _ => Err(unknown(op)),
    }
}

pub(super) fn bind_to(state: &mut State, kind: &str, external_id: &str, record: i64) -> service::Binding {
    let binding = service::Binding {
        id: i64::try_from(state.bindings.len()).unwrap_or(i64::MAX) + 1,
        kind: kind.to_owned(),
        external_id: Some(external_id.to_owned()),
        record: Some(record),
        sync_status: "success".to_owned(),
        max_retries: 3,
        ..service::Binding::default()
    };
    state.bindings.push(binding.clone());
    binding
}

/// The terms of a domain that compare with `=` must hold; others are taken as they are.
fn fits(domain: &Value, row: &Value) -> bool {
    domain.as_array().into_iter().flatten().all(|term| match term.as_array().map(Vec::as_slice) {
        Some([field, operator, value]) if operator == "=" => row.get(field.as_str().unwrap_or_default()) == Some(value),
        _ => true,
    })
}

fn send(state: &mut State, frame: &Frame<'_>) -> Result<Vec<u8>, Error> {
    let request: http::Request = frame.header()?;
    let authority = request.url.find("://").map_or(0, |at| at + 3);
    let path = request.url[authority..].find('/').map_or("/", |at| &request.url[authority + at..]);
    let path = path.split('?').next().unwrap_or(path).to_owned();
    state.sent.push(Sent {
        method: request.method.clone(),
        url: request.url.clone(),
        query: request.query.clone(),
        headers: request.headers.clone(),
        basic_user: request.basic.as_ref().map(|(user, _)| user.clone()),
        timeout_ms: request.timeout_ms,
        idempotency_key: request.idempotency_key.clone(),
        body: frame.segments.first().map(|body| String::from_utf8_lossy(body).into_owned()).unwrap_or_default(),
    });
    let Some(queue) = state.script.get_mut(&(request.method.clone(), path.clone())) else {
        let message = format!("the test has no answer for {} {path}", request.method);
        return Err(Error::new(ErrorClass::Failed, message));
    };
    let last = queue.len() == 1;
    let scripted = if last { queue.front().cloned() } else { queue.pop_front() };
    let scripted = scripted.unwrap_or(Scripted { status: 200, headers: Vec::new(), body: b"{}".to_vec() });
    if !(200..300).contains(&scripted.status) && !request.accept_status.contains(&scripted.status) {
        let class = ErrorClass::of_status(scripted.status);
        let mut error = Error::new(class, format!("{} {path} answered with {}", request.method, scripted.status));
        error.detail.status = Some(scripted.status);
        let after = scripted.headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("retry-after"));
        error.detail.after_ms = after.and_then(|(_, value)| value.parse::<u64>().ok()).map(|seconds| seconds * 1000);
        return Err(error);
    }
    if let Some(pointer) = &request.error_at {
        let body: Value = serde_json::from_slice(&scripted.body).unwrap_or_default();
        if let Some(problem) = body.pointer(pointer).filter(|problem| !problem.is_null()) {
            return Err(Error::new(ErrorClass::Invalid, problem.to_string()));
        }
    }
    let length = scripted.body.len() as u64;
    let head = http::Response { status: scripted.status, headers: scripted.headers, handle: None, length };
    if request.keep {
        state.kept.push(scripted.body);
        let head = http::Response { handle: Some(state.kept.len() as u64), ..head };
        return Frame::encode(&head, &[]);
    }
    Frame::encode(&head, &[&scripted.body])
}

/// A task as the test kit shows it.
pub(super) fn is_task(job: &service::Enqueue, task: &Task) -> bool {
    json!(job.task) == json!(task)
}

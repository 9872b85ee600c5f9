//! One record of an outside system, as `read`, `create` and `update` answer it: its id, and the record where it came along.

use bindery_contract::{
    Frame, op,
    record::{External, ItemHead},
};
use bytes::Bytes;

use super::{
    Error,
    page::{self, Page},
    session::bad,
    slice::{Pointers, scalar},
    target::Target,
};
use crate::plugin::Scope;

/// What an answer tells.
pub struct Known {
    /// Theirs.
    pub id: String,
    /// The record, as a page of one; absent where the answer holds only its id.
    pub page: Option<Page>,
}

/// Reads an answer. The id that was asked for rules: an answer may not tell one.
pub fn read(
    target: &Target,
    scope: &Scope,
    op: &'static str,
    asked: Option<&str>,
    answer: Bytes,
) -> Result<Known, Error> {
    let frame = Frame::decode(&answer).map_err(|error| bad(op, &error))?;
    let head = frame.header().map_err(|error| bad(op, &error))?;
    let segment = frame.segments.first().copied();
    known(target, scope, op, asked, head, (&answer, segment))
}

/// What the head of a record tells, with the segment of the answer that holds its item.
pub fn known(
    target: &Target,
    scope: &Scope,
    op: &'static str,
    asked: Option<&str>,
    head: External,
    (answer, segment): (&Bytes, Option<&[u8]>),
) -> Result<Known, Error> {
    let known = match head {
        External::Kept { handle, item, id, updated } => {
            let kept = scope.kept(handle).ok_or_else(|| bad(op, &format!("there is no kept body {handle}")))?;
            kept_record(target, op, asked, kept.bytes.clone(), [&item, &id], updated.as_deref())?
        }
        External::Item(told) => {
            let segment = segment.ok_or_else(|| bad(op, &"the answer holds no item"))?;
            let at = segment.as_ptr() as usize - answer.as_ptr() as usize;
            let id = asked.map_or(told.id, str::to_owned);
            let head = ItemHead { id: id.clone(), updated: told.updated, deleted: false };
            let page = Page::one(answer.clone(), at..at + segment.len(), head, &target.digest)?;
            Known { id, page: Some(page) }
        }
        External::Id { id } if op != op::READ => Known { id: asked.map_or(id, str::to_owned), page: None },
        External::Id { .. } | External::Unknown => return Err(bad(op, &"the answer holds no record")),
    };
    if known.id.is_empty() {
        return Err(bad(op, &"the answer holds no id"));
    }
    Ok(known)
}

fn kept_record(
    target: &Target,
    op: &'static str,
    asked: Option<&str>,
    body: Bytes,
    [item, id]: [&str; 2],
    updated: Option<&str>,
) -> Result<Known, Error> {
    let start = page::start(&body);
    let text =
        std::str::from_utf8(&body).map_err(|error| Error::NotJson { why: error.to_string(), start: start.clone() })?;
    let pointers = Pointers::new([item]).map_err(|error| bad(op, &error))?;
    let found = pointers.find(text).map_err(|error| Error::NotJson { why: error.to_string(), start })?;
    let raw = found[0].ok_or_else(|| bad(op, &format!("there is no record at {item:?}")))?;
    let within = |pointer: &str| -> Result<Option<String>, Error> {
        let pointers = Pointers::new([pointer]).map_err(|error| bad(op, &error))?;
        let found = pointers.find(raw).unwrap_or_default();
        Ok(found.into_iter().flatten().next().and_then(scalar).map(|text| text.into_owned()))
    };
    let updated = updated.map(within).transpose()?.flatten();
    let id = match asked {
        Some(id) => id.to_owned(),
        None => within(id)?.unwrap_or_default(),
    };
    let at = raw.as_ptr() as usize - text.as_ptr() as usize;
    let head = ItemHead { id: id.clone(), updated, deleted: false };
    let span = at..at + raw.len();
    let page = if id.is_empty() { None } else { Some(Page::one(body.clone(), span, head, &target.digest)?) };
    Ok(Known { id, page })
}

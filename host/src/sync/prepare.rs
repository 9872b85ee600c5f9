//! What the connector makes of items: one call a batch, its answer decoded into typed values off the writer's thread.
//!
//! An item that the connector or the catalogue refuses is a problem of that item; only an answer that can't be used at
//! all, or a connector that can't work now, is an error of the run.

use std::sync::Arc;

use bindery_contract::{
    ErrorClass, Frame, op,
    record::{self as wire, PrepareItem, Ref},
    scan,
};
use serde_json::value::RawValue;

use super::{
    Error, extend,
    plan::{Children, Line, Write},
    problem::Problem,
    session::{self, Asked, Behalf, bad},
    target::Target,
};
use crate::{
    plugin::Scope,
    record::{Error as RecordError, Kind, Model, Values, decode},
};

/// Items a call.
const BATCH: usize = 500;

/// What became of an item.
#[derive(Debug)]
pub enum Mapped {
    /// The connector leaves it out.
    Skip(String),
    /// It can't be taken.
    Failed(Problem),
    /// Values, with the records that must be here first.
    Values(Box<Write>, Vec<Ref>),
}

/// An item to be prepared.
#[derive(Debug, Clone)]
pub struct Item<'a> {
    /// What the connector is told.
    pub head: PrepareItem,
    /// The payload.
    pub text: &'a str,
}

/// What became of items, in their order, with what the code that mapped them has asked to be written.
#[derive(Debug, Default)]
pub struct Prepared {
    /// One for each item.
    pub mapped: Vec<Mapped>,
    /// By the connector: values may name what is made by it.
    pub asked: Option<Asked>,
    /// By extensions.
    pub asked_besides: Vec<Asked>,
}

/// Prepares items.
pub async fn prepare(target: &Target, behalf: &Behalf, items: &[Item<'_>], force: bool) -> Result<Prepared, Error> {
    let mut calls = Calls { target, behalf, force, scope: target.session.scope(behalf), asked_besides: Vec::new() };
    let mapped = calls.prepare(items).await?;
    Ok(Prepared { mapped, asked: Asked::of(&calls.scope), asked_besides: calls.asked_besides })
}

/// The calls for one lot of items, all in one scope.
struct Calls<'t> {
    target: &'t Target,
    behalf: &'t Behalf,
    force: bool,
    scope: Arc<Scope>,
    asked_besides: Vec<Asked>,
}

impl Calls<'_> {
    async fn prepare(&mut self, items: &[Item<'_>]) -> Result<Vec<Mapped>, Error> {
        let mut all = Vec::with_capacity(items.len());
        for batch in items.chunks(BATCH) {
            match self.batch(batch).await {
                Ok(mapped) => all.extend(mapped),
                Err(Error::Connector(error)) if is_of_items(error.class) && batch.len() > 1 => {
                    // One of them spoils the call for all: each gets a call of its own.
                    for item in batch {
                        all.push(self.alone(item).await?);
                    }
                }
                Err(Error::Connector(error)) if is_of_items(error.class) => all.push(Mapped::Failed((&error).into())),
                Err(error) => return Err(error),
            }
        }
        Ok(all)
    }

    async fn alone(&mut self, item: &Item<'_>) -> Result<Mapped, Error> {
        match self.batch(std::slice::from_ref(item)).await {
            Ok(mut mapped) => mapped.pop().ok_or_else(|| bad(op::PREPARE, &"no entry for the item")),
            Err(Error::Connector(error)) if is_of_items(error.class) => Ok(Mapped::Failed((&error).into())),
            Err(error) => Err(error),
        }
    }

    async fn batch(&mut self, items: &[Item<'_>]) -> Result<Vec<Mapped>, Error> {
        let (target, force) = (self.target, self.force);
        let heads = items.iter().map(|item| item.head.clone()).collect();
        let request = op::Prepare { kind: target.name().to_owned(), force, items: heads };
        let segments: Vec<&[u8]> = items.iter().map(|item| item.text.as_bytes()).collect();
        let answer = target.session.call(&self.scope, op::PREPARE, &request, &segments).await?;
        let frame = Frame::decode(&answer).map_err(|error| bad(op::PREPARE, &error))?;
        let array = frame.segment(0).map_err(|error| bad(op::PREPARE, &error))?;
        if let Some(cut) = target.extensions.is_empty().then(|| cut(array)).flatten() {
            let mapped: Vec<Mapped> = cut.into_iter().map(|entry| taken_apart(target, entry)).collect();
            return match mapped.len() == items.len() {
                true => Ok(mapped),
                false => Err(bad(op::PREPARE, &format!("{} entries for {} items", mapped.len(), items.len()))),
            };
        }
        let mut mapped = Vec::with_capacity(items.len());
        let mut raw = Vec::with_capacity(if target.extensions.is_empty() { 0 } else { items.len() });
        for entry in entries(array)? {
            if !target.extensions.is_empty() {
                raw.push(entry.as_ref().ok().and_then(|entry| entry.values).map(RawValue::get));
            }
            mapped.push(match entry {
                Ok(entry) => decoded(target, &entry),
                Err(why) => Mapped::Failed(Problem::new("sync.bad_answer", why)),
            });
        }
        if mapped.len() != items.len() {
            return Err(bad(op::PREPARE, &format!("{} entries for {} items", mapped.len(), items.len())));
        }
        if !target.extensions.is_empty() {
            let asked = extend::extend(target, self.behalf, items, &raw, &mut mapped).await?;
            self.asked_besides.extend(asked);
        }
        Ok(mapped)
    }
}

/// Whether an error of a whole call may be the fault of one item in it.
fn is_of_items(class: ErrorClass) -> bool {
    matches!(
        class,
        ErrorClass::Panic | ErrorClass::Invalid | ErrorClass::Failed | ErrorClass::BadPayload | ErrorClass::Gone
    )
}

/// The entries of the answer. One that can't be read spoils only itself.
fn entries(array: &[u8]) -> Result<Vec<Result<wire::Prepared<'_>, String>>, Error> {
    if let Ok(all) = serde_json::from_slice::<Vec<wire::Prepared<'_>>>(array) {
        return Ok(all.into_iter().map(Ok).collect());
    }
    let slices: Vec<&RawValue> = serde_json::from_slice(array).map_err(|error| bad(op::PREPARE, &error))?;
    Ok(slices.into_iter().map(|raw| serde_json::from_str(raw.get()).map_err(|error| error.to_string())).collect())
}

/// An entry of the answer, and its values where it holds nothing else.
type Cut<'a> = (&'a str, Option<&'a str>);

/// Cuts the answer into its entries; none: it is no array of JSON. Most entries of an import hold values alone, and their text
/// is most of the answer: it is passed here and where it is decoded, and nowhere else.
fn cut(array: &[u8]) -> Option<Vec<Cut<'_>>> {
    let text = std::str::from_utf8(array).ok()?;
    let mut all = Vec::new();
    let end = scan::walk_array(array, scan::skip_space(array, 0), |start| {
        let (mut keys, mut values) = (0, None);
        let end = match array.get(start) {
            Some(b'{') => scan::object(array, start, |key, value| {
                keys += 1;
                values = (key == b"values").then_some(value);
            })?,
            _ => scan::skip_value(array, start)?,
        };
        all.push((&text[start..end], values.filter(|_| keys == 1).map(|values| &text[values])));
        Ok(end)
    });
    (scan::skip_space(array, end.ok()?) == array.len()).then_some(all)
}

fn taken_apart(target: &Target, (entry, values): Cut<'_>) -> Mapped {
    let values = values.and_then(|json| decode::values(&target.catalogue, &target.kind.model, json).ok());
    if let Some(values) = values {
        return Mapped::Values(Box::new(Write { values, ..Write::default() }), Vec::new());
    }
    match serde_json::from_str::<wire::Prepared<'_>>(entry) {
        Ok(entry) => decoded(target, &entry),
        Err(error) => Mapped::Failed(Problem::new("sync.bad_answer", error.to_string())),
    }
}

fn decoded(target: &Target, entry: &wire::Prepared<'_>) -> Mapped {
    if let Some(error) = &entry.error {
        return Mapped::Failed(error.into());
    }
    if let Some(reason) = &entry.skip {
        return Mapped::Skip(reason.clone().into_owned());
    }
    match taken(target, entry) {
        Ok(write) => Mapped::Values(Box::new(write), entry.dependencies.clone()),
        Err(problem) => Mapped::Failed(problem),
    }
}

fn taken(target: &Target, entry: &wire::Prepared<'_>) -> Result<Write, Problem> {
    Ok(Write {
        values: values(target, &target.kind.model, entry.values)?,
        extra: extra(&target.kind, entry.extra)?,
        digests: entry.digests.clone().map(|digests| digests.into_owned()),
        children: children(target, &target.kind.model, &entry.children)?,
        ..Write::default()
    })
}

/// Decodes an object of values for a model.
pub fn values(target: &Target, model: &Model, json: Option<&RawValue>) -> Result<Values, Problem> {
    match json {
        None => Ok(Values::new()),
        Some(json) => decode::values(&target.catalogue, model, json.get()).map_err(refused),
    }
}

fn extra(kind: &Kind, json: Option<&RawValue>) -> Result<Option<Values>, Problem> {
    json.map(|json| decode::extra(kind, json.get()).map_err(refused)).transpose()
}

fn refused(error: RecordError) -> Problem {
    crate::base::Fault::from(error).into()
}

fn children(target: &Target, parent: &Model, all: &[wire::Children<'_>]) -> Result<Vec<Children>, Problem> {
    all.iter().map(|children| one_field(target, parent, children)).collect()
}

fn one_field(target: &Target, parent: &Model, children: &wire::Children<'_>) -> Result<Children, Problem> {
    let name = &children.field;
    let field = parent.field(name).ok_or_else(|| Problem {
        field: Some(name.to_string()),
        ..Problem::new("record.invalid_value", format!("{} has no field {name:?}", parent.name))
    })?;
    let bindery_contract::FieldType::One2many { model, inverse } = &field.field_type else {
        return Err(Problem {
            field: Some(name.to_string()),
            ..Problem::new("record.invalid_value", format!("{}.{name} holds no lines", parent.name))
        });
    };
    let kind = target.catalogue.need_kind(&children.kind).map_err(refused)?.clone();
    let inverse = kind.model.field(inverse).filter(|_| kind.model.name == *model).ok_or_else(|| {
        let message =
            format!("{} is bound to {}, but {}.{name} holds {model}", kind.name, kind.model.name, parent.name);
        Problem::new("record.invalid_definition", message)
    })?;
    let mut seen = std::collections::HashSet::new();
    let mut lines = Vec::with_capacity(children.lines.len());
    for line in &children.lines {
        let at = |problem: Problem| Problem { message: format!("{name} {}: {}", line.id, problem.message), ..problem };
        if let Some(error) = &line.mapped.error {
            return Err(at(error.into()));
        }
        if line.mapped.skip.is_some() {
            continue;
        }
        if line.id.is_empty() || !seen.insert(&*line.id) {
            let message = if line.id.is_empty() { "a line has no id" } else { "two lines have this id" };
            return Err(at(Problem::new("sync.line_id", message)));
        }
        lines.push(Line {
            id: line.id.clone().into_owned(),
            values: values(target, &kind.model, line.mapped.values).map_err(at)?,
            create_values: values(target, &kind.model, line.mapped.create_values).map_err(at)?,
            extra: extra(&kind, line.mapped.extra).map_err(at)?,
            children: self::children(target, &kind.model, &line.mapped.children).map_err(at)?,
        });
    }
    Ok(Children { field: field.index, inverse: inverse.index, kind, lines })
}

/// Tells the hooks that run after a write. At least once.
pub async fn after(
    target: &Target,
    scope: &Arc<Scope>,
    op: &'static str,
    written: Vec<op::Written>,
) -> Result<(), Error> {
    let request = op::After { kind: target.name().to_owned(), written };
    let answer = target.session.call(scope, op, &request, &[]).await?;
    session::header::<op::Done>(op, &answer).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_cut_and_values_that_stand_alone_are_found() {
        let text = r#" [{"values": {"a": "]}"}}, {"values":{"a":1},"skip":"x"}, {}, {"error":{}}, 5 , {"v":{}}] "#;
        let found = cut(text.as_bytes()).expect("JSON");
        let alone: Vec<Option<&str>> = found.iter().map(|(_, values)| *values).collect();
        assert_eq!(alone, [Some(r#"{"a": "]}"}"#), None, None, None, None, None]);
        assert_eq!((found[1].0, found[4].0), (r#"{"values":{"a":1},"skip":"x"}"#, "5"));
        for text in ["", "{}", "[1", "[] x", r#"[{"values":}]"#] {
            assert_eq!(cut(text.as_bytes()), None, "{text}");
        }
        assert_eq!(cut(b"[\"\xff\"]"), None, "no text");
    }
}

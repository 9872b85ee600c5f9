//! Runs a plan over records: one pass finds the keys, data rules copy raw slices, code runs where there is some.
//!
//! This is the hot path of an import: nothing is parsed into a tree, and the buffers are kept from record to record.

use std::{ops::Range, sync::Arc};

use bindery_contract::{
    record::{PrepareItem, Ref},
    scan,
};
use serde_json::value::RawValue;

use super::{
    Source, Values, digest,
    plan::{Child, Data, Plan},
    rule::{Rule, Verb},
    source::scalar_text,
};
use crate::{
    Connector, Context,
    error::{Error, Result},
    json::pointer,
};

/// Where the value of a field lies.
#[derive(Clone)]
enum Cell {
    Absent,
    /// In the record.
    Record(Range<usize>),
    /// In the buffer.
    Buffer(Range<usize>),
    /// The constant of a rule.
    Constant(usize),
}

/// Whether a record will be created.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Creates {
    Yes,
    No,
    /// A line: only the host knows.
    Unknown,
}

/// What the host says about a record, and what code that had to wait has answered.
struct Head<'a> {
    creates: Creates,
    digests: Option<&'a str>,
    only: Option<&'a [String]>,
    fetched: Option<&'a Fetched>,
}

/// What `mapping` rules answered, before the rest runs: by rule, and by line of each list of lines.
#[derive(Default)]
pub(crate) struct Fetched {
    values: Vec<(usize, Result<Values>)>,
    lines: Vec<Vec<Self>>,
}

/// The parts of an importer that look at a record or at its values.
pub(crate) trait Hooks {
    /// Ids that must be imported before.
    fn dependencies(&self, source: &Source) -> Result<Vec<Ref>>;
    /// Whether [`Hooks::dependencies`] and [`Hooks::validate`] are there at all.
    fn has_checks(&self) -> bool;
    /// Refuses values.
    fn validate(&self, source: &Source, values: &Values) -> Result<()>;
}

/// The buffers of a plan that runs over many records.
pub(crate) struct Run<'p, C: Connector> {
    plan: &'p Plan<C>,
    found: Vec<Option<Range<usize>>>,
    /// Which key of the plan stood at which place of the last record: records of a page look alike.
    order: Vec<Option<usize>>,
    cells: Vec<Cell>,
    /// Fields that only a new line gets.
    create_cells: Vec<Cell>,
    buffer: Vec<u8>,
    lines: Vec<Run<'p, C>>,
}

impl<'p, C: Connector> Run<'p, C> {
    pub(crate) fn new(plan: &'p Plan<C>) -> Self {
        Self {
            plan,
            found: vec![None; plan.keys.len()],
            order: Vec::new(),
            cells: vec![Cell::Absent; plan.slots.len()],
            create_cells: vec![Cell::Absent; plan.slots.len()],
            buffer: Vec::new(),
            lines: plan.children.iter().map(|child| Run::new(&child.plan)).collect(),
        }
    }

    /// Maps one record and writes the `Prepared` of it. On an error, what was written is to be thrown away.
    pub(crate) fn record(
        &mut self,
        text: &Arc<[u8]>,
        range: Range<usize>,
        item: &PrepareItem,
        fetched: Option<&Fetched>,
        hooks: Option<&dyn Hooks>,
        out: &mut Vec<u8>,
    ) -> Result<()> {
        std::str::from_utf8(&text[range.clone()]).map_err(|_| Error::invalid("the record is not UTF-8 text"))?;
        let head = Head {
            creates: if item.create { Creates::Yes } else { Creates::No },
            digests: item.digests.as_deref(),
            only: item.only.as_deref(),
            fetched,
        };
        out.push(b'{');
        self.map(text, range.clone(), &head, out)?;
        if let Some(hooks) = hooks.filter(|hooks| hooks.has_checks()) {
            let source = Source::within(Arc::clone(text), range);
            hooks.validate(&source, &self.values(text)?)?;
            let dependencies = hooks.dependencies(&source)?;
            if !dependencies.is_empty() {
                part(out, b"\"dependencies\":");
                serde_json::to_writer(&mut *out, &dependencies)?;
            }
        }
        out.push(b'}');
        Ok(())
    }

    fn map(&mut self, text: &Arc<[u8]>, range: Range<usize>, head: &Head<'_>, out: &mut Vec<u8>) -> Result<()> {
        let start = scan::skip_space(text, range.start);
        self.find_keys(text, start)?;
        self.buffer.clear();
        self.cells.fill(Cell::Absent);
        self.create_cells.fill(Cell::Absent);
        let plan = self.plan;
        for data in &plan.data {
            let rule = &plan.rules[data.rule];
            if self.runs(rule, text, &range, head) {
                self.data(data, rule, text, head)?;
            }
        }
        for &index in &plan.code {
            let rule = &plan.rules[index];
            if self.runs(rule, text, &range, head) {
                let values = code(index, rule, text, &range, head)?;
                self.take(rule, values, head)?;
            }
        }
        let finalized = self.finalize(text, &range, head)?;
        self.write(text, finalized, out);
        self.write_lines(text, &range, head, out)?;
        self.write_digests(text, &range, out);
        Ok(())
    }

    fn find_keys(&mut self, text: &[u8], start: usize) -> Result<()> {
        self.found.fill(None);
        let (plan, found, order) = (self.plan, &mut self.found, &mut self.order);
        let mut place = 0;
        scan::object(text, start, |key, value| {
            let index = match order.get(place) {
                Some(Some(index)) if plan.keys[*index].as_bytes() == key => Some(*index),
                _ => {
                    let index = plan.keys.iter().position(|known| pointer::is_key(key, known));
                    if place == order.len() {
                        order.push(index);
                    } else {
                        order[place] = index;
                    }
                    index
                }
            };
            if let Some(index) = index {
                found[index] = Some(value);
            }
            place += 1;
        })
        .map_err(|error| match text.get(start) {
            Some(b'{') => Error::invalid(format!("the record is not JSON from byte {} on", error.at - start)),
            _ => Error::invalid("the record is not a JSON object"),
        })?;
        Ok(())
    }

    fn runs(&self, rule: &Rule<C>, text: &[u8], range: &Range<usize>, head: &Head<'_>) -> bool {
        if rule.only_create && head.creates == Creates::No {
            return false;
        }
        if let Some(only) = head.only
            && !rule.reads.iter().chain(&rule.changed_by).any(|read| only.contains(read))
        {
            return false;
        }
        if rule.changed_by.is_empty() || head.creates != Creates::No {
            return true;
        }
        let digest = rule_digest(rule, text, range);
        !head.digests.is_some_and(|known| digest::is_known(known, &rule.name, digest))
    }

    fn put(&mut self, rule: &Rule<C>, slot: usize, cell: Cell, head: &Head<'_>) {
        let later = rule.only_create && head.creates == Creates::Unknown;
        let cells = if later { &mut self.create_cells } else { &mut self.cells };
        cells[slot] = cell;
    }

    fn data(&mut self, data: &Data, rule: &Rule<C>, text: &Arc<[u8]>, head: &Head<'_>) -> Result<()> {
        let Some(key) = data.key else {
            self.put(rule, data.slot, Cell::Constant(data.rule), head);
            return Ok(());
        };
        let Some(mut at) = self.found[key].clone() else { return Ok(()) };
        if !data.rest.is_empty() {
            match pointer::find(text, at, &data.rest) {
                Ok(Some(inner)) => at = inner,
                Ok(None) => return Ok(()),
                Err(_) => return Err(Error::invalid("this is not JSON").at(&rule.reads[0])),
            }
        }
        let raw = &text[at.clone()];
        let start = self.buffer.len();
        let blame = |error: Error| if error.path().is_none() { error.at(&rule.reads[0]) } else { error };
        match &rule.verb {
            Verb::Direct { with: Some(change) } if raw != b"null" => {
                let json = change(&Source::within(Arc::clone(text), at)).map_err(blame)?;
                self.buffer.extend_from_slice(&json);
            }
            Verb::Lookup { model, field, create } => {
                reference(&mut self.buffer, text, at, &|buffer, value| {
                    let target = serde_json::json!({"$find": {"model": model, "field": field, "value": value, "create": create}});
                    serde_json::to_writer(buffer, &target).map_err(Error::from)
                })
                .map_err(blame)?;
            }
            Verb::Relation { kind } => {
                reference(&mut self.buffer, text, at, &|buffer, id| {
                    let target = serde_json::json!({"$ref": {"kind": kind, "id": id}});
                    serde_json::to_writer(buffer, &target).map_err(Error::from)
                })
                .map_err(blame)?;
            }
            _ => {
                self.put(rule, data.slot, Cell::Record(at), head);
                return Ok(());
            }
        }
        let cell = Cell::Buffer(start..self.buffer.len());
        self.put(rule, data.slot, cell, head);
        Ok(())
    }

    /// Takes the values that code made.
    fn take(&mut self, rule: &Rule<C>, values: Values, head: &Head<'_>) -> Result<()> {
        for (field, raw) in values.checked()?.fields {
            if !rule.sets.contains(&field) {
                let known = rule.sets.join(", ");
                return Err(Error::invalid(format!(
                    "the rule {:?} sets {field}, but declares only {known}",
                    rule.name
                )));
            }
            let slot = self.plan.slots.iter().position(|slot| slot.field == field);
            let slot = slot.expect("every field that a rule declares has a slot");
            let start = self.buffer.len();
            self.buffer.extend_from_slice(raw.get().as_bytes());
            self.put(rule, slot, Cell::Buffer(start..self.buffer.len()), head);
        }
        Ok(())
    }

    fn raw<'a>(&'a self, cell: &'a Cell, text: &'a [u8]) -> Option<&'a [u8]> {
        match cell {
            Cell::Absent => None,
            Cell::Record(range) => Some(&text[range.clone()]),
            Cell::Buffer(range) => Some(&self.buffer[range.clone()]),
            Cell::Constant(rule) => match &self.plan.rules[*rule].verb {
                Verb::Set { json } => Some(json),
                _ => None,
            },
        }
    }

    /// All values as code sees them.
    fn values(&self, text: &[u8]) -> Result<Values> {
        let mut values = Values::new();
        for (slot, cell) in self.plan.slots.iter().zip(&self.cells) {
            if let Some(raw) = self.raw(cell, text) {
                let raw = RawValue::from_string(std::str::from_utf8(raw)?.to_owned())?;
                values.fields.push((slot.field.clone(), raw));
            }
        }
        Ok(values)
    }

    fn finalize(&mut self, text: &Arc<[u8]>, range: &Range<usize>, head: &Head<'_>) -> Result<Option<Values>> {
        let mut values = None;
        for &index in &self.plan.finalize {
            let rule = &self.plan.rules[index];
            let Verb::Finalize(code) = &rule.verb else { continue };
            if self.runs(rule, text, range, head) {
                let so_far = match values.take() {
                    Some(values) => values,
                    None => self.values(text)?,
                };
                values = Some(code(&Source::within(Arc::clone(text), range.clone()), so_far)?.checked()?);
            }
        }
        Ok(values)
    }

    fn write(&self, text: &[u8], finalized: Option<Values>, out: &mut Vec<u8>) {
        match finalized {
            None => {
                self.write_cells(b"\"values\":", &self.cells, false, text, out);
                self.write_cells(b"\"extra\":", &self.cells, true, text, out);
            }
            Some(values) => {
                for (label, extra) in [(b"\"values\":".as_slice(), false), (b"\"extra\":", true)] {
                    let is_extra = |field: &str| self.plan.slots.iter().any(|s| s.field == field && s.is_extra);
                    let fields = values.fields.iter().filter(|(field, _)| is_extra(field) == extra);
                    let fields = fields.map(|(field, raw)| {
                        (format!("{}:", serde_json::Value::from(field.as_str())).into_bytes(), raw.get().as_bytes())
                    });
                    let fields: Vec<_> = fields.collect();
                    write_object(label, fields.iter().map(|(label, raw)| (label.as_slice(), *raw)), out);
                }
            }
        }
        self.write_cells(b"\"create_values\":", &self.create_cells, false, text, out);
    }

    fn write_cells(&self, name: &[u8], cells: &[Cell], extra: bool, text: &[u8], out: &mut Vec<u8>) {
        let slots = self.plan.slots.iter().zip(cells).filter(|(slot, _)| slot.is_extra == extra);
        write_object(name, slots.filter_map(|(slot, cell)| Some((slot.label.as_slice(), self.raw(cell, text)?))), out);
    }

    fn write_lines(
        &mut self,
        text: &Arc<[u8]>,
        range: &Range<usize>,
        head: &Head<'_>,
        out: &mut Vec<u8>,
    ) -> Result<()> {
        let plan = self.plan;
        let mut first = true;
        for (index, (child, run)) in plan.children.iter().zip(&mut self.lines).enumerate() {
            let Some(items) = line_ranges(child, text, range)? else { continue };
            if rule_is_left_out(&plan.rules[child.rule], head) {
                continue;
            }
            if first {
                part(out, b"\"children\":[");
            } else {
                out.push(b',');
            }
            first = false;
            out.extend_from_slice(b"{\"field\":");
            serde_json::to_writer(&mut *out, &child.field)?;
            out.extend_from_slice(b",\"kind\":");
            serde_json::to_writer(&mut *out, &child.kind)?;
            out.extend_from_slice(b",\"lines\":[");
            for (number, item) in items.into_iter().enumerate() {
                let at = format!("{}/{number}", child.pointer);
                if number > 0 {
                    out.push(b',');
                }
                out.extend_from_slice(b"{\"id\":");
                serde_json::to_writer(&mut *out, &line_id(child, text, &item, &at)?)?;
                out.extend_from_slice(b",\"mapped\":{");
                let fetched = head.fetched.and_then(|fetched| fetched.lines.get(index)?.get(number));
                let line = Head { creates: Creates::Unknown, digests: None, only: None, fetched };
                let nested = |error: Error| {
                    let path = format!("{at}{}", error.path().unwrap_or_default());
                    error.at(path)
                };
                run.map(text, item, &line, out).map_err(nested)?;
                out.extend_from_slice(b"}}");
            }
            out.extend_from_slice(b"]}");
        }
        if !first {
            out.push(b']');
        }
        Ok(())
    }

    fn write_digests(&self, text: &[u8], range: &Range<usize>, out: &mut Vec<u8>) {
        if !self.plan.has_digests {
            return;
        }
        let mut digests = String::new();
        for rule in self.plan.rules.iter().filter(|rule| !rule.changed_by.is_empty()) {
            digest::append(&mut digests, &rule.name, rule_digest(rule, text, range));
        }
        part(out, b"\"digests\":");
        out.extend_from_slice(serde_json::Value::from(digests).to_string().as_bytes());
    }
}

/// Starts another member of the object that is being written.
fn part(out: &mut Vec<u8>, name: &[u8]) {
    if out.last() != Some(&b'{') {
        out.push(b',');
    }
    out.extend_from_slice(name);
}

/// Writes an object as a member, unless it would be empty.
fn write_object<'a>(name: &[u8], mut fields: impl Iterator<Item = (&'a [u8], &'a [u8])>, out: &mut Vec<u8>) {
    let Some((label, raw)) = fields.next() else { return };
    part(out, name);
    out.push(b'{');
    out.extend_from_slice(label);
    out.extend_from_slice(raw);
    for (label, raw) in fields {
        out.push(b',');
        out.extend_from_slice(label);
        out.extend_from_slice(raw);
    }
    out.push(b'}');
}

/// Writes a symbolic reference for a value, or a list of them for a list. Null and empty text clear the field.
fn reference(
    buffer: &mut Vec<u8>,
    text: &[u8],
    at: Range<usize>,
    one: &dyn Fn(&mut Vec<u8>, &str) -> Result<()>,
) -> Result<()> {
    let raw = &text[at.clone()];
    if raw.first() == Some(&b'[') {
        let mut items = Vec::new();
        scan::array(text, at.start, |item| items.push(item)).map_err(|_| Error::invalid("this is not JSON"))?;
        buffer.push(b'[');
        for (number, item) in items.into_iter().enumerate() {
            if number > 0 {
                buffer.push(b',');
            }
            reference(buffer, text, item, one)?;
        }
        buffer.push(b']');
        return Ok(());
    }
    match scalar_text(raw) {
        Some(value) if raw != b"null" && !value.is_empty() => one(buffer, &value),
        Some(_) => {
            buffer.extend_from_slice(b"null");
            Ok(())
        }
        None => Err(Error::invalid("an object stands where an id or a text is expected")),
    }
}

fn code<C: Connector>(
    index: usize,
    rule: &Rule<C>,
    text: &Arc<[u8]>,
    range: &Range<usize>,
    head: &Head<'_>,
) -> Result<Values> {
    match &rule.verb {
        Verb::Compute(code) => code(&Source::within(Arc::clone(text), range.clone())),
        _ => {
            let fetched = head.fetched.and_then(|fetched| fetched.values.iter().find(|(known, _)| *known == index));
            fetched.map_or_else(|| Ok(Values::new()), |(_, values)| values.clone())
        }
    }
}

fn rule_digest<C: Connector>(rule: &Rule<C>, text: &[u8], range: &Range<usize>) -> u64 {
    let found = rule.changed_by.iter().map(|path| pointer::find(text, range.clone(), path).ok().flatten());
    digest::digest(found.map(|range| range.map(|range| &text[range])))
}

/// Whether a list of lines stays as it is this time.
fn rule_is_left_out<C: Connector>(rule: &Rule<C>, head: &Head<'_>) -> bool {
    rule.only_create && head.creates == Creates::No
        || head.only.is_some_and(|only| !rule.reads.iter().chain(&rule.changed_by).any(|read| only.contains(read)))
}

/// Where the lines of a record lie; none where the list is absent, an empty list where it is null.
fn line_ranges<C: Connector>(child: &Child<C>, text: &[u8], range: &Range<usize>) -> Result<Option<Vec<Range<usize>>>> {
    let broken = || Error::invalid("a list of objects is expected").at(&child.pointer);
    let Some(list) = pointer::find(text, range.clone(), &child.pointer).map_err(|_| broken())? else {
        return Ok(None);
    };
    let mut items = Vec::new();
    match text.get(list.start) {
        Some(b'[') => scan::array(text, list.start, |item| items.push(item)).map_err(|_| broken())?,
        Some(b'{') => scan::object(text, list.start, |_, item| items.push(item)).map_err(|_| broken())?,
        Some(b'n') => 0,
        _ => return Err(broken()),
    };
    Ok(Some(items))
}

fn line_id<C: Connector>(child: &Child<C>, text: &[u8], item: &Range<usize>, at: &str) -> Result<String> {
    let found = pointer::find(text, item.clone(), &child.id).ok().flatten();
    let id = found.map(|range| &text[range]).filter(|raw| *raw != b"null").and_then(scalar_text);
    id.filter(|id| !id.is_empty()).ok_or_else(|| {
        let path = format!("{at}{}", child.id);
        Error::invalid(format!("a line of {} has no id", child.kind)).at(path)
    })
}

/// Lets the code that asks the host answer, before the rest of the record is mapped.
pub(crate) fn fetch<'a, C: Connector>(
    plan: &'a Plan<C>,
    cx: &'a Context<C>,
    text: &'a Arc<[u8]>,
    range: Range<usize>,
    create: bool,
) -> BoxedFetch<'a> {
    Box::pin(async move {
        let mut fetched = Fetched::default();
        for &index in &plan.code {
            let rule = &plan.rules[index];
            if let Verb::Mapping(code) = &rule.verb
                && (create || !rule.only_create)
            {
                let source = Source::within(Arc::clone(text), range.clone());
                fetched.values.push((index, code(source, cx.clone()).await));
            }
        }
        for child in &plan.children {
            let mut lines = Vec::new();
            if child.plan.is_async {
                for item in line_ranges(child, text, &range).ok().flatten().unwrap_or_default() {
                    lines.push(fetch(&child.plan, cx, text, item, true).await);
                }
            }
            fetched.lines.push(lines);
        }
        fetched
    })
}

type BoxedFetch<'a> = std::pin::Pin<Box<dyn Future<Output = Fetched> + Send + 'a>>;

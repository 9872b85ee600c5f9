//! Lines under kinds of their own: which of ours is which of theirs, and whose change of one stands. It writes nothing.

use std::collections::{BTreeMap, HashSet};

use serde_json::{Map, Value as Json};
use xxhash_rust::xxh3::xxh3_128;

use super::{
    digest::Hash,
    merge::{self, Before, Merged, Side},
    plan::{Children, Line, Plan},
    under_way::{self, UnderWay},
};
use crate::{
    model::Value,
    record::{self, Binding, Error, Kind, Model, Row, Values, binding, encode},
    storage::{Tx, agreed, export},
};

/// What a line of theirs comes to here: the same again means that it has not changed there.
pub fn digest(kind: &Kind, inverse: usize, line: &Line) -> Hash {
    of_values(told(kind, inverse, line))
}

/// How a line of ours stands to the one that it is bound to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// It is what theirs is.
    Equal,
    /// It is what it was when both were last in step.
    Unchanged,
    /// It was changed here, and theirs was not, or is what was sent of ours before.
    Ours,
    /// Both were changed, or it can't be told.
    Both,
}

/// Compares a line of ours with theirs and with what both were last. A newer version alone tells nothing: a computed field
/// may have made it.
pub fn standing(
    tx: &mut dyn Tx,
    plan: &Plan,
    (children, line): (&Children, &Line),
    bound: &Binding,
    under_way: &UnderWay,
) -> Result<Standing, Error> {
    let Some(record) = bound.record.filter(|_| bound.record_version != bound.current_version) else {
        return Ok(Standing::Unchanged);
    };
    let (kind, told) = (&children.kind, told(&children.kind, children.inverse, line));
    let fields: Vec<usize> = told.keys().filter_map(|name| Some(kind.model.field(name)?.index)).collect();
    let rows = record::read(tx, plan.catalogue(), &kind.model, &[record], &fields)?;
    let Some(row) = rows.first() else { return Ok(Standing::Both) };
    let mine = of_values(under_way::values(&kind.model, row, |_| true));
    let is_sent = under_way.line(&kind.model.name, record).any(|sent| is_told(&told, sent));
    let theirs = of_values(told);
    Ok(match bound.payload_hash {
        _ if mine == theirs => Standing::Equal,
        _ if is_sent => Standing::Ours,
        Some(agreed) if agreed == mine => Standing::Unchanged,
        Some(agreed) if agreed == theirs => Standing::Ours,
        _ => Standing::Both,
    })
}

/// Brings a line that both sides have changed together, field by field; where both changed one, the side that is given stands.
pub fn merged(
    tx: &mut dyn Tx,
    plan: &Plan,
    (children, theirs): (&Children, Values),
    bound: &Binding,
    under_way: &UnderWay,
    stands: Side,
) -> Result<Merged, Error> {
    let (model, record) = (&children.kind.model, bound.record.unwrap_or_default());
    let fields: Vec<usize> = theirs.iter().map(|(field, _)| *field).collect();
    let rows = record::read(tx, plan.catalogue(), model, &[record], &fields)?;
    let missing = || Error::Missing { model: model.name.clone(), id: record };
    let agreed = agreed::of(tx, &[bound.id])?.pop().and_then(|(_, text)| serde_json::from_str(&text).ok());
    let under_way = under_way.of_line(&model.name, record);
    let before = Before { agreed: agreed.as_ref(), under_way: Some(&under_way) };
    Ok(merge::merge(model, before, rows.first().ok_or_else(missing)?, theirs, |_| Some(stands)))
}

/// Lines of theirs that both sides have now, by field and kind; as they are agreed on with their record.
pub fn ids(model: &Model, all: &[Children]) -> Map<String, Json> {
    let mut fields = Map::new();
    for children in all {
        let kinds = fields.entry(model.fields[children.field].name.clone()).or_insert_with(|| Json::Object(Map::new()));
        let ids: Vec<&str> = children.lines.iter().map(|line| line.id.as_str()).collect();
        kinds[&children.kind.name] = ids.into();
    }
    fields
}

/// Those of some new lines of theirs that both sides had: they were removed here, which is still to be sent.
pub fn removed<'l>(
    tx: &mut dyn Tx,
    plan: &Plan,
    (children, new): (&Children, &[&'l Line]),
    record: i64,
) -> Result<Vec<&'l str>, Error> {
    let (backend, target) = (plan.target.session.backend, &plan.target);
    if new.is_empty() || export::due(tx, backend, target.name(), record)?.is_none() {
        return Ok(Vec::new());
    }
    let Some(bound) = binding::find_by_record(tx, backend, &target.kind, record)? else { return Ok(Vec::new()) };
    let known = agreed::of(tx, &[bound.id])?.pop().and_then(|(_, text)| serde_json::from_str::<Json>(&text).ok());
    let known = known.unwrap_or_default();
    let known = &known[&target.kind.model.fields[children.field].name][&children.kind.name];
    let is_known = |id: &str| known.as_array().is_some_and(|known| known.iter().any(|known| known == id));
    Ok(new.iter().map(|line| line.id.as_str()).filter(|id| is_known(id)).collect())
}

/// Keeps what both sides have of a line.
pub fn agree(tx: &mut dyn Tx, binding: i64, children: &Children, line: &Line) -> Result<(), Error> {
    let told = told(&children.kind, children.inverse, line);
    Ok(agreed::put(tx, binding, &Json::Object(told).to_string())?)
}

/// Whether a line of ours is still what was sent of it, as far as theirs tells of it.
pub fn is_as_sent(
    tx: &mut dyn Tx,
    plan: &Plan,
    (children, line): (&Children, &Line),
    record: i64,
    sent: &under_way::Values,
) -> Result<bool, Error> {
    let (model, told) = (&children.kind.model, told(&children.kind, children.inverse, line));
    let fields: Vec<usize> = told.keys().filter_map(|name| Some(model.field(name)?.index)).collect();
    let rows = record::read(tx, plan.catalogue(), model, &[record], &fields)?;
    Ok(rows.first().is_some_and(|row| is_told(&under_way::values(model, row, |_| true), sent)))
}

/// What a line of ours came to when it was sent, as far as theirs tells of it: theirs, where any send was that.
pub fn digest_sent(children: &Children, line: &Line, record: i64, under_way: &UnderWay) -> Option<Hash> {
    let told = told(&children.kind, children.inverse, line);
    let mut sent = under_way.line(&children.kind.model.name, record);
    let newest = sent.next()?;
    let sent = std::iter::once(newest).chain(sent).find(|sent| is_told(&told, sent)).unwrap_or(newest);
    let told = sent.iter().filter(|(name, _)| told.contains_key(*name));
    Some(of_values(told.map(|(name, value)| (name.clone(), value.clone())).collect()))
}

/// Which lines of ours new ones of theirs are that were sent and never answered; by the place of theirs.
pub fn as_sent(children: &Children, theirs: &[&Line], ours: &[Row], under_way: &UnderWay) -> Vec<Option<usize>> {
    let mut free: Vec<bool> = vec![true; ours.len()];
    let of = |line: &Line, free: &[bool]| {
        let told = told(&children.kind, children.inverse, line);
        let is_it = |ours: &Row| under_way.line(&children.kind.model.name, ours.id).any(|sent| is_told(&told, sent));
        (0..ours.len()).find(|at| free[*at] && is_it(&ours[*at]))
    };
    let mut paired = Vec::with_capacity(theirs.len());
    for line in theirs {
        let found = of(line, &free);
        found.iter().for_each(|at| free[*at] = false);
        paired.push(found);
    }
    paired
}

/// Whether these values are among those that were sent.
fn is_told(values: &Map<String, Json>, sent: &under_way::Values) -> bool {
    values.iter().all(|(name, value)| sent.get(name).is_none_or(|sent| sent == value))
}

/// What theirs sets, without the record that it belongs to.
fn told(kind: &Kind, inverse: usize, line: &Line) -> Map<String, Json> {
    let mut values = merge::agreed(&kind.model, &line.values);
    values.remove(&kind.model.fields[inverse].name);
    values
}

fn of_values(values: Map<String, Json>) -> Hash {
    // Sorted, however the fields came.
    let sorted: BTreeMap<String, Json> = values.into_iter().collect();
    xxh3_128(serde_json::json!(sorted).to_string().as_bytes()).to_be_bytes()
}

/// Our lines of a field that are bound under none of the kinds that stand in it.
pub fn free(tx: &mut dyn Tx, plan: &Plan, model: &Model, record: i64, beside: &[&Children]) -> Result<Vec<Row>, Error> {
    let (backend, catalogue) = (plan.target.session.backend, plan.catalogue());
    let Some(one) = beside.first() else { return Ok(Vec::new()) };
    let rows = record::read(tx, catalogue, model, &[record], &[one.field])?;
    let ours = match rows.first().and_then(|row| row.values.first()) {
        Some((_, Value::Refs(lines))) => lines.clone(),
        _ => Vec::new(),
    };
    let mut bound: HashSet<i64> = HashSet::new();
    for children in beside {
        let bindings = binding::of_records(tx, backend, &children.kind, &ours)?;
        bound.extend(bindings.into_iter().filter_map(|binding| binding.record));
    }
    let free: Vec<i64> = ours.into_iter().filter(|line| !bound.contains(line)).collect();
    let model = &one.kind.model;
    let fields: Vec<usize> = model.fields.iter().filter(|f| f.is_stored()).map(|field| field.index).collect();
    record::read(tx, catalogue, model, &free, &fields)
}

/// Pairs lines of theirs with ours that are not bound yet: by their content, where it is told apart. Answers, for each of
/// theirs, the place of ours.
pub fn pair(kind: &Kind, theirs: &[&Line], ours: &[Row]) -> Vec<Option<usize>> {
    let mut free: Vec<bool> = vec![true; ours.len()];
    let mut paired = Vec::new();
    for line in theirs {
        let best = (0..ours.len())
            .filter(|at| free[*at])
            .map(|at| (alike(kind, line, &ours[at]), at))
            .filter(|(alike, _)| alike.0 * 2 > alike.1)
            .max_by(|((one, of), at), ((other, of_other), at_other)| {
                (one * of_other).cmp(&(other * of)).then(at_other.cmp(at))
            })
            .map(|(_, at)| at);
        if let Some(at) = best {
            free[at] = false;
        }
        paired.push(best);
    }
    paired
}

/// How many of the values that a line has are those of ours, and how many it has.
fn alike(kind: &Kind, line: &Line, ours: &Row) -> (usize, usize) {
    let theirs = merge::agreed(&kind.model, &line.values);
    let told = theirs.iter().filter(|(_, value)| !value.is_null() && !value.is_boolean());
    let mine = |name: &str| {
        let index = kind.model.field(name)?.index;
        ours.values.iter().find(|(at, _)| *at == index).map(|(_, value)| encode::value(value))
    };
    told.fold((0, 0), |(same, all), (name, value)| (same + usize::from(mine(name).as_ref() == Some(value)), all + 1))
}

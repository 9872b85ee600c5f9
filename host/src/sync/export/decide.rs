//! Which changes go to which backend: never to one that they came from, only to kinds whose mapper reads what changed.

use std::collections::{BTreeMap, BTreeSet};

use super::{due::Wanted, exporter::Exporter};
use crate::{
    model::Value,
    record::{
        self, Binding, Catalogue, Error, Model, Query, binding,
        outbox::{Event, Op},
    },
    storage::{self, Tx, export, intent, intent::Intent},
};

/// What becomes of a lot of changes.
#[derive(Default)]
pub struct Decided {
    /// To be exported.
    pub wanted: Vec<Wanted>,
    /// Bindings of what is exported: they are pending now.
    pub pending: Vec<i64>,
    /// Of these: bindings whose record was changed by somebody here.
    pub edited: Vec<i64>,
    /// Bindings that are never exported.
    pub skipped: Vec<i64>,
    /// Theirs whose record is gone here.
    pub removed: Vec<Removed>,
    /// Creates under way whose record is gone here.
    pub orphans: Vec<Intent>,
    /// Records that are gone here: model and id.
    pub tombstones: Vec<(i64, i64)>,
}

/// One of theirs whose record is gone here.
pub struct Removed {
    /// The exporter, by its place.
    pub exporter: usize,
    /// Theirs.
    pub external_id: String,
}

/// Candidates by exporter and record.
type Candidates = BTreeMap<(usize, i64), Wanted>;

/// Decides on changes.
pub fn decide(
    tx: &mut dyn Tx,
    catalogue: &Catalogue,
    exporters: &[Exporter],
    events: &[Event],
) -> Result<Decided, Error> {
    let mut decided = Decided::default();
    let mut candidates = Candidates::new();
    for event in events {
        if event.op == Op::Unlink {
            removed(tx, catalogue, exporters, event, &mut decided)?;
        }
        for (at, exporter) in exporters.iter().enumerate() {
            if event.passed(exporter.backend) {
                continue;
            }
            if event.model == exporter.kind.model.name && event.op != Op::Unlink {
                let changed = exporter.concerned(&event.changed);
                if event.op == Op::Create {
                    add(&mut candidates, (at, event.record), exporter, None, event);
                } else if changed.is_some() {
                    add(&mut candidates, (at, event.record), exporter, changed, event);
                }
            }
            // A line may be of the same model as the record that it belongs to.
            for lines in exporter.lines.iter().filter(|lines| lines.model == event.model) {
                if let Some(parent) = parent(tx, catalogue, &lines.model, lines.inverse, event.record)? {
                    add(&mut candidates, (at, parent), exporter, Some(vec![lines.field.clone()]), event);
                }
            }
        }
    }
    take(tx, catalogue, exporters, candidates, &mut decided)?;
    Ok(decided)
}

fn add(
    candidates: &mut Candidates,
    key: (usize, i64),
    exporter: &Exporter,
    changed: Option<Vec<String>>,
    event: &Event,
) {
    match candidates.get_mut(&key) {
        Some(wanted) => {
            wanted.fold(changed, &event.origin.chain);
            wanted.edited |= event.origin.backend.is_none();
        }
        None => {
            let wanted = Wanted {
                backend: exporter.backend,
                kind: exporter.kind.name.clone(),
                record: key.1,
                changed,
                chain: event.origin.chain.clone(),
                forced: false,
                edited: event.origin.backend.is_none(),
            };
            candidates.insert(key, wanted);
        }
    }
}

/// The record that a line belongs to now.
fn parent(
    tx: &mut dyn Tx,
    catalogue: &Catalogue,
    model: &str,
    inverse: usize,
    line: i64,
) -> Result<Option<i64>, Error> {
    let rows = record::read(tx, catalogue, catalogue.need_model(model)?, &[line], &[inverse])?;
    Ok(rows.first().and_then(|row| match row.values.first() {
        Some((_, Value::Ref(parent))) => Some(*parent),
        _ => None,
    }))
}

/// Takes the candidates that are bound, or may be new there.
fn take(
    tx: &mut dyn Tx,
    catalogue: &Catalogue,
    exporters: &[Exporter],
    candidates: Candidates,
    decided: &mut Decided,
) -> Result<(), Error> {
    let mut known: BTreeMap<(usize, i64), Binding> = BTreeMap::new();
    for (at, exporter) in exporters.iter().enumerate() {
        let ids: Vec<i64> = candidates.range((at, i64::MIN)..=(at, i64::MAX)).map(|((_, record), _)| *record).collect();
        if ids.is_empty() {
            continue;
        }
        for binding in binding::of_records(tx, exporter.backend, &exporter.kind, &ids)? {
            known.extend(binding.record.map(|record| ((at, record), binding)));
        }
    }
    let new = new_ones(tx, catalogue, exporters, &candidates, &known)?;
    for (key, wanted) in candidates {
        match known.get(&key) {
            Some(binding) if binding.no_export => decided.skipped.push(binding.id),
            Some(binding) => {
                decided.pending.push(binding.id);
                decided.edited.extend(wanted.edited.then_some(binding.id));
                decided.wanted.push(wanted);
            }
            None if new.contains(&key) => decided.wanted.push(wanted),
            None => {}
        }
    }
    Ok(())
}

/// The candidates that are not bound and may be made there.
fn new_ones(
    tx: &mut dyn Tx,
    catalogue: &Catalogue,
    exporters: &[Exporter],
    candidates: &Candidates,
    known: &BTreeMap<(usize, i64), Binding>,
) -> Result<BTreeSet<(usize, i64)>, Error> {
    let mut new = BTreeSet::new();
    for (at, exporter) in exporters.iter().enumerate().filter(|(_, exporter)| exporter.takes_new) {
        let of = candidates.range((at, i64::MIN)..=(at, i64::MAX)).map(|(key, _)| *key);
        let ids: Vec<i64> = of.filter(|key| !known.contains_key(key)).map(|(_, record)| record).collect();
        let found = among(tx, catalogue, &exporter.kind.model, &exporter.among, ids)?;
        new.extend(found.into_iter().map(|record| (at, record)));
    }
    Ok(new)
}

/// Those of some records that meet conditions. Archived ones count.
pub fn among(
    tx: &mut dyn Tx,
    catalogue: &Catalogue,
    model: &Model,
    conditions: &[serde_json::Value],
    ids: Vec<i64>,
) -> Result<Vec<i64>, Error> {
    if conditions.is_empty() || ids.is_empty() {
        return Ok(ids);
    }
    let mut domain = vec![serde_json::json!(["id", "in", ids])];
    domain.extend(conditions.iter().cloned());
    let domain = serde_json::Value::Array(domain);
    record::search(tx, catalogue, model, &Query { domain, archived: true, ..Query::default() })
}

fn removed(
    tx: &mut dyn Tx,
    catalogue: &Catalogue,
    exporters: &[Exporter],
    event: &Event,
    decided: &mut Decided,
) -> Result<(), storage::Error> {
    let Some(model) = catalogue.model(&event.model) else { return Ok(()) };
    decided.tombstones.push((model.id, event.record));
    for exporter in exporters.iter().filter(|exporter| exporter.kind.model.id == model.id) {
        decided.orphans.extend(intent::open(tx, exporter.backend, &exporter.kind.name, event.record)?);
    }
    for bound in export::bound(tx, model.id, event.record)? {
        let of = |exporter: &Exporter| exporter.backend == bound.backend && exporter.kind.name == bound.kind;
        if let Some(exporter) = exporters.iter().position(of)
            && !event.passed(bound.backend)
        {
            decided.removed.push(Removed { exporter, external_id: bound.external_id });
        }
    }
    Ok(())
}

//! Which records an export of a kind is about.

use std::collections::{HashMap, HashSet};

use serde_json::{Map, Value as Json};

use super::{decide, exporter};
use crate::{
    backend,
    base::Fault,
    record::{self, Query, binding},
    storage::{Tx, agreed, export, export::Among},
    sync::{Error, engine::Engine, merge, target::Target},
};

/// What somebody wants to be exported.
#[derive(Debug, Clone, PartialEq)]
pub enum Choice {
    /// These records.
    Ids(Vec<i64>),
    /// What a domain finds.
    Domain(serde_json::Value),
    /// What is due, and what is new where the policy says so.
    Due,
    /// That, and what differs from when it was in step.
    Differing,
}

/// Records read at a time.
const PAGE: u64 = 1_000;

impl Engine {
    /// The records of a choice, by id.
    pub(in crate::sync) async fn chosen(&self, target: &Target, choice: &Choice) -> Result<Vec<i64>, Error> {
        let (target, choice) = (target.clone(), choice.clone());
        self.store.read(move |tx| chosen(tx, &target, &choice)).await
    }
}

fn chosen(tx: &mut dyn Tx, target: &Target, choice: &Choice) -> Result<Vec<i64>, Error> {
    let model = &target.kind.model;
    let mut ids = match choice {
        Choice::Ids(ids) => {
            // One that is not there is a mistake of whoever asks.
            let there = model.table.versions(tx, ids)?;
            if let Some(missing) = ids.iter().find(|id| !there.iter().any(|(known, _)| known == *id)) {
                return Err(Error::NotFound { what: format!("record {missing} of {}", model.name) });
            }
            ids.clone()
        }
        Choice::Domain(domain) => {
            let query = Query { domain: domain.clone(), order: "id".to_owned(), ..Query::default() };
            record::search(tx, &target.catalogue, model, &query).map_err(Fault::from)?
        }
        Choice::Due | Choice::Differing => {
            let mut ids = all(tx, target, export::records_due)?;
            if *choice == Choice::Differing {
                let newer = all(tx, target, export::records_differing)?;
                ids.extend(differing(tx, target, newer)?);
            }
            if target.session.business.export(target.name()) == backend::Export::All {
                let unbound = all(tx, target, export::records_unbound)?;
                let mut conditions = target.matched_among.clone();
                conditions.extend(target.session.business.export_domain(target.name()).iter().cloned());
                let among = decide::among(tx, &target.catalogue, model, &conditions, unbound);
                ids.extend(among.map_err(Fault::from)?);
            }
            ids
        }
    };
    ids.sort_unstable();
    ids.dedup();
    Ok(ids)
}

/// Of records with a newer version than the one that was in step, those that differ in what is sent: the version rises with
/// fields that are the host's own, too. Where that can't be told, a record is taken to differ.
fn differing(tx: &mut dyn Tx, target: &Target, newer: Vec<i64>) -> Result<Vec<i64>, Error> {
    let model = &target.kind.model;
    let sent = exporter::reads(&target.declared).filter(|_| target.export_extensions.is_empty());
    let fields: Option<Vec<usize>> =
        sent.and_then(|names| names.iter().map(|name| Some(model.field(name)?.index)).collect());
    let Some(fields) = fields.filter(|fields| !fields.is_empty()) else { return Ok(newer) };
    let mut differing = Vec::new();
    for ids in newer.chunks(usize::try_from(PAGE).unwrap_or(usize::MAX)) {
        let bound = binding::of_records(tx, target.session.backend, &target.kind, ids).map_err(Fault::from)?;
        let bindings: Vec<i64> = bound.iter().map(|binding| binding.id).collect();
        let known: HashMap<i64, Map<String, Json>> = agreed::of(tx, &bindings)?
            .into_iter()
            .filter_map(|(binding, text)| Some((binding, serde_json::from_str(&text).ok()?)))
            .collect();
        let known: HashMap<i64, &Map<String, Json>> =
            bound.iter().filter_map(|binding| Some((binding.record?, known.get(&binding.id)?))).collect();
        let rows = record::read(tx, &target.catalogue, model, ids, &fields).map_err(Fault::from)?;
        let is_as_agreed = |row: &&record::Row| {
            let agreed = known.get(&row.id);
            let is_same = |(at, value): &(usize, crate::model::Value)| {
                agreed.is_some_and(|agreed| agreed.get(&model.fields[*at].name) == Some(&merge::of_value(value)))
            };
            row.values.iter().all(is_same)
        };
        let same: HashSet<i64> = rows.iter().filter(is_as_agreed).map(|row| row.id).collect();
        differing.extend(ids.iter().filter(|id| !same.contains(id)));
    }
    Ok(differing)
}

type Find = fn(&mut dyn Tx, &Among<'_>) -> Result<Vec<i64>, crate::storage::Error>;

fn all(tx: &mut dyn Tx, target: &Target, find: Find) -> Result<Vec<i64>, Error> {
    let (mut ids, mut after) = (Vec::new(), 0);
    loop {
        let page = find(tx, &target.among(after, PAGE))?;
        after = page.last().copied().unwrap_or(after);
        let is_last = (page.len() as u64) < PAGE;
        ids.extend(page);
        if is_last {
            return Ok(ids);
        }
    }
}

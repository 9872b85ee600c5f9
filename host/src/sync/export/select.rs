//! Which records an export of a kind is about.

use super::decide;
use crate::{
    backend,
    base::Fault,
    record::{self, Query},
    storage::{Tx, export, export::Among},
    sync::{Error, engine::Engine, target::Target},
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
                ids.extend(all(tx, target, export::records_differing)?);
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

type Find = fn(&mut dyn Tx, &Among<'_>) -> Result<Vec<i64>, crate::storage::Error>;

fn all(tx: &mut dyn Tx, target: &Target, find: Find) -> Result<Vec<i64>, Error> {
    let (mut ids, mut after) = (Vec::new(), 0);
    loop {
        let among = Among {
            backend: target.session.backend,
            kind: target.kind.id,
            name: target.name(),
            table: target.kind.model.table.name.as_str(),
            after,
            limit: PAGE,
        };
        let page = find(tx, &among)?;
        after = page.last().copied().unwrap_or(after);
        let is_last = (page.len() as u64) < PAGE;
        ids.extend(page);
        if is_last {
            return Ok(ids);
        }
    }
}

//! Use case of links that come from elsewhere: an existing installation knows which external id is which record.

use serde::{Deserialize, Serialize};

use super::{Caller, Host, binding::Bind};
use crate::{
    base::Fault,
    record::{self, Change, Kind},
    storage::{self, Durability, Tx},
};

/// Links of an existing installation. All are taken, or none: where one can't be, the answer says which and why.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Import {
    /// The links.
    pub links: Vec<Bind>,
    /// Only say what would come of them.
    #[serde(default)]
    pub check: bool,
}

/// What came of links.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Imported {
    /// Links made.
    pub bound: u64,
    /// Links that were there already.
    pub unchanged: u64,
    /// Links that can't be made; then none was made.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub refused: Vec<Refused>,
}

/// A link that can't be made.
#[derive(Debug, Serialize, Deserialize)]
pub struct Refused {
    /// Its place among the links, from 0.
    pub at: usize,
    /// Why.
    pub reason: String,
}

/// Why a transaction ends without a change.
enum Undone {
    /// On purpose, with what it found.
    Found(Imported),
    /// By an error that no link is to blame for.
    Failed(storage::Error),
}

impl From<storage::Error> for Undone {
    fn from(error: storage::Error) -> Self {
        Self::Failed(error)
    }
}

/// A link whose names are known.
struct Known {
    at: usize,
    backend: i64,
    kind: std::sync::Arc<Kind>,
    link: Bind,
}

pub(super) async fn import(host: &Host, caller: &Caller, request: Import) -> Result<Imported, Fault> {
    let change = Change::local(&caller.actor, host.clock.now());
    let (rows, check) = (request.links.len(), request.check);
    let (known, refused) = names(host, request.links);
    let unknown: Vec<(usize, String)> = refused;
    let work = move |tx: &mut dyn Tx| {
        let mut sum = Imported::default();
        sum.refused.extend(unknown.iter().map(|(at, reason)| Refused { at: *at, reason: reason.clone() }));
        for one in &known {
            match tx.savepoint(|tx| bind(tx, one, &change))? {
                Ok(true) => sum.bound += 1,
                Ok(false) => sum.unchanged += 1,
                Err(record::Error::Storage(error)) => return Err(Undone::Failed(error)),
                Err(error) => sum.refused.push(Refused { at: one.at, reason: error.to_string() }),
            }
        }
        sum.refused.sort_by_key(|refused| refused.at);
        match check || !sum.refused.is_empty() {
            true => Err(Undone::Found(sum)),
            false => Ok(sum),
        }
    };
    match host.store.write_weighted(Durability::Durable, rows, work).await {
        Ok(sum) | Err(Undone::Found(sum)) => Ok(sum),
        Err(Undone::Failed(error)) => Err(error.into()),
    }
}

/// Looks the names up; answers the links whose names are known, and why the others' are not.
fn names(host: &Host, links: Vec<Bind>) -> (Vec<Known>, Vec<(usize, String)>) {
    let (catalogue, mut known, mut refused) = (host.catalogue.get(), Vec::with_capacity(links.len()), Vec::new());
    for (at, link) in links.into_iter().enumerate() {
        match (host.backend_id(&link.backend), catalogue.need_kind(&link.kind)) {
            (Ok(backend), Ok(kind)) => known.push(Known { at, backend, kind: kind.clone(), link }),
            (Err(fault), _) => refused.push((at, fault.message)),
            (_, Err(error)) => refused.push((at, error.to_string())),
        }
    }
    (known, refused)
}

/// Makes a link; answers whether it was not there already.
fn bind(tx: &mut dyn Tx, one: &Known, change: &Change) -> Result<bool, record::Error> {
    let Known { backend, kind, link, .. } = one;
    let there = record::binding::find(tx, *backend, kind, &link.external_id)?;
    if there.is_some_and(|there| there.record == Some(link.record)) {
        return Ok(false);
    }
    record::binding::bind(tx, *backend, kind, Some(&link.external_id), Some(link.record), None, change)?;
    Ok(true)
}

//! Searching: the ERP's domains, as JSON, over models.

use serde_json::Value as Json;

use super::{Catalogue, Error, Model};
use crate::storage::Tx;

/// What is searched for.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Query {
    /// The domain: a JSON array in prefix notation; null or `[]`: everything.
    pub domain: Json,
    /// At most this many.
    pub limit: Option<u64>,
    /// Records to leave out first.
    pub offset: u64,
    /// `name desc, id`; empty: the model's order.
    pub order: String,
    /// Whether archived records are found too, where the domain does not speak of `active`.
    pub archived: bool,
}

/// Ids of the records that a query finds, in order.
pub fn search(tx: &mut dyn Tx, catalogue: &Catalogue, model: &Model, query: &Query) -> Result<Vec<i64>, Error> {
    let _ = (tx, catalogue, query);
    Err(Error::UnknownModel(model.name.clone()))
}

/// How many records a query finds, whatever its limit.
pub fn count(tx: &mut dyn Tx, catalogue: &Catalogue, model: &Model, query: &Query) -> Result<u64, Error> {
    let _ = (tx, catalogue, query);
    Err(Error::UnknownModel(model.name.clone()))
}

//! Searching: the ERP's domains, as JSON, over models.

mod compile;
mod order;
mod parse;

use serde_json::Value as Json;

use super::{Catalogue, Error, Model};
use crate::storage::{Tx, condition::Condition, record as tables};

pub(super) use compile::{equal, leaf_condition, scalar};
pub use parse::{Expression, Leaf, Operator, parse, parse_text};

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
    let condition = condition(catalogue, model, query)?;
    let order = if query.order.trim().is_empty() { &model.order } else { &query.order };
    let order = order::order(catalogue, model, order)?;
    Ok(tables::search(tx, &model.table.name, &condition, &order, query.limit, query.offset)?)
}

/// How many records a query finds, whatever its limit.
pub fn count(tx: &mut dyn Tx, catalogue: &Catalogue, model: &Model, query: &Query) -> Result<u64, Error> {
    Ok(tables::count(tx, &model.table.name, &condition(catalogue, model, query)?)?)
}

fn condition(catalogue: &Catalogue, model: &Model, query: &Query) -> Result<Condition, Error> {
    let wrong = |problem: String| Error::Domain { model: model.name.clone(), problem };
    let expression = parse(&query.domain).map_err(&wrong)?;
    let mut condition = compile::condition(catalogue, model, &expression).map_err(&wrong)?;
    if !query.archived
        && !expression.speaks_of("active")
        && let Some(active) = model.field("active").and_then(|field| field.column.as_deref())
    {
        let shown = compile::equal(active, &crate::model::Value::Bool(true));
        condition = Condition::All(vec![shown, condition]);
    }
    Ok(condition)
}

//! Rows of the outbox that tell of the same for several records, gathered to be written by one statement: an import makes a
//! hundred records of a model in a row, and each would cost a statement of its own. It never decides when they are written.

use super::{Param, outbox::NewRow};

/// Most rows that are gathered.
const MOST: usize = 500;

/// Rows that differ in their record only.
#[derive(Debug, Default)]
pub(super) struct Gathered(Option<Rows>);

#[derive(Debug)]
pub(super) struct Rows {
    model: i64,
    op: i64,
    backend: Option<i64>,
    chain: Option<String>,
    actor: Option<String>,
    changed: Option<String>,
    at: i64,
    records: Vec<i64>,
}

impl Gathered {
    pub fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    /// Whether a row goes with those that are here.
    pub fn takes(&self, row: &NewRow<'_>) -> bool {
        self.0.as_ref().is_some_and(|rows| {
            rows.records.len() < MOST
                && (rows.model, rows.op, rows.backend, rows.at) == (row.model, row.op, row.backend, row.at)
                && rows.chain.as_deref() == row.chain
                && rows.actor.as_deref() == row.actor
                && rows.changed.as_deref() == row.changed
        })
    }

    /// Adds a row that goes with those that are here, or the first one.
    pub fn add(&mut self, row: &NewRow<'_>) {
        let rows = self.0.get_or_insert_with(|| Rows {
            model: row.model,
            op: row.op,
            backend: row.backend,
            chain: row.chain.map(str::to_owned),
            actor: row.actor.map(str::to_owned),
            changed: row.changed.map(str::to_owned),
            at: row.at,
            records: Vec::new(),
        });
        rows.records.push(row.record);
    }

    /// What was gathered; none: nothing.
    pub fn rows(self) -> Option<Rows> {
        self.0
    }
}

impl Rows {
    /// The row, where it is one.
    pub fn alone(&self) -> Option<NewRow<'_>> {
        let [record] = self.records[..] else { return None };
        Some(NewRow {
            model: self.model,
            record,
            op: self.op,
            backend: self.backend,
            chain: self.chain.as_deref(),
            actor: self.actor.as_deref(),
            changed: self.changed.as_deref(),
            at: self.at,
        })
    }

    /// How many.
    pub fn count(&self) -> i64 {
        i64::try_from(self.records.len()).unwrap_or(i64::MAX)
    }

    /// The parameters of the statement that writes them. `first`: the id of the first of them; the list counts from 1.
    pub fn params(&self, first: i64) -> [Param<'_>; 9] {
        [
            Param::Int(first - 1),
            Param::Int(self.model),
            Param::Int(self.op),
            self.backend.into(),
            self.chain.as_deref().into(),
            self.actor.as_deref().into(),
            self.changed.as_deref().into(),
            Param::Int(self.at),
            Param::Ints(&self.records),
        ]
    }
}

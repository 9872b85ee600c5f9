//! SQL of the audit log: lines are added and read, never changed.

use super::{Error, Param, Statement, Tx};
use crate::base::Timestamp;

/// A line of the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// Its id; ignored where it is added.
    pub id: i64,
    /// When.
    pub at: Timestamp,
    /// Who.
    pub actor: String,
    /// Asked for what.
    pub operation: String,
    /// With what, as JSON.
    pub request: String,
    /// `done`, or the code of the fault.
    pub outcome: String,
}

static ADD: Statement =
    Statement::new("insert into audit(at, actor, operation, request, outcome) values (?1, ?2, ?3, ?4, ?5)");
static PAGE: Statement = Statement::new(
    "select id, at, actor, operation, request, outcome from audit where id < ?1 order by id desc limit ?2",
);

/// Adds a line.
pub fn add(tx: &mut dyn Tx, row: &Row) -> Result<(), Error> {
    let text = |text| Param::Text(text);
    tx.execute(&ADD, &[row.at.0.into(), text(&row.actor), text(&row.operation), text(&row.request), text(&row.outcome)])
        .map(drop)
}

/// Lines with an id below one, newest first.
pub fn page(tx: &mut dyn Tx, before: i64, limit: i64) -> Result<Vec<Row>, Error> {
    tx.query(&PAGE, &[before.into(), limit.into()], |row| {
        Ok(Row {
            id: row.int(0)?,
            at: Timestamp(row.int(1)?),
            actor: row.string(2)?,
            operation: row.string(3)?,
            request: row.string(4)?,
            outcome: row.string(5)?,
        })
    })
}

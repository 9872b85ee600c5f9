//! What both sides had when they were last in step. What is a change, and whose, is the sync room's.

use super::{Error, Statement, Tx};

static GET: Statement = Statement::new("select binding, field_values from agreed where binding {ints:1}");
static PUT: Statement = Statement::new(
    "insert into agreed(binding, field_values) values (?1, ?2) \
     on conflict(binding) do update set field_values = excluded.field_values",
);
static FORGET: Statement = Statement::new("delete from agreed where binding = ?1");

/// The values of some bindings, as JSON; those without are missing.
pub fn of(tx: &mut dyn Tx, bindings: &[i64]) -> Result<Vec<(i64, String)>, Error> {
    tx.query(&GET, &[super::Param::Ints(bindings)], |row| Ok((row.int(0)?, row.string(1)?)))
}

/// Keeps values.
pub fn put(tx: &mut dyn Tx, binding: i64, values: &str) -> Result<(), Error> {
    tx.execute(&PUT, &[binding.into(), values.into()]).map(drop)
}

/// Forgets them: it is not known what both sides had.
pub fn forget(tx: &mut dyn Tx, binding: i64) -> Result<(), Error> {
    tx.execute(&FORGET, &[binding.into()]).map(drop)
}

//! What of records is under way to their backends. What it tells is the sync room's.

use super::{Error, Param, Statement, Tx};

static GET: Statement = Statement::new("select binding, field_values from under_way where binding {ints:1}");
static PUT: Statement = Statement::new(
    "insert into under_way(binding, field_values) values (?1, ?2) \
     on conflict(binding) do update set field_values = excluded.field_values",
);
static FORGET: Statement = Statement::new("delete from under_way where binding = ?1");

/// What is under way of some bindings, as JSON; those of which nothing is are missing.
pub fn of(tx: &mut dyn Tx, bindings: &[i64]) -> Result<Vec<(i64, String)>, Error> {
    tx.query(&GET, &[Param::Ints(bindings)], |row| Ok((row.int(0)?, row.string(1)?)))
}

/// Notes what is sent now, in place of what was.
pub fn put(tx: &mut dyn Tx, binding: i64, values: &str) -> Result<(), Error> {
    tx.execute(&PUT, &[binding.into(), values.into()]).map(drop)
}

/// Nothing is under way any more.
pub fn forget(tx: &mut dyn Tx, binding: i64) -> Result<(), Error> {
    tx.execute(&FORGET, &[binding.into()]).map(drop)
}

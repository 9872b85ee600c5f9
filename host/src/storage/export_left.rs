//! Rows of the records that the run of an export still has to account for. What becomes of them is the sync room's.

use super::{Error, Param, Statement, Tx};

/// A chunk of records that are still to be accounted for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chunk {
    /// The smallest id that it began with.
    pub first: i64,
    /// Ids, ascending.
    pub records: Vec<i64>,
}

/// Keeps a chunk of a run; an empty one is taken away.
pub fn put(tx: &mut dyn Tx, run: i64, chunk: &Chunk) -> Result<(), Error> {
    static UPSERT: Statement = Statement::new(
        "insert into export_left(run, first, records) values (?1, ?2, ?3) \
         on conflict(run, first) do update set records = excluded.records",
    );
    static DELETE: Statement = Statement::new("delete from export_left where run = ?1 and first = ?2");
    if chunk.records.is_empty() {
        tx.execute(&DELETE, &[run.into(), chunk.first.into()])?;
        return Ok(());
    }
    let bytes: Vec<u8> = chunk.records.iter().flat_map(|id| id.to_le_bytes()).collect();
    tx.execute(&UPSERT, &[run.into(), chunk.first.into(), Param::Blob(&bytes)])?;
    Ok(())
}

/// The chunk of a run that a record is in, if it is still in any.
pub fn around(tx: &mut dyn Tx, run: i64, record: i64) -> Result<Option<Chunk>, Error> {
    static SELECT: Statement = Statement::new(
        "select first, records from export_left where run = ?1 and first <= ?2 order by first desc limit 1",
    );
    tx.first(&SELECT, &[run.into(), record.into()], |row| Ok(Chunk { first: row.int(0)?, records: ids(row.blob(1)?) }))
}

/// All chunks of a run, in order.
pub fn all(tx: &mut dyn Tx, run: i64) -> Result<Vec<Chunk>, Error> {
    static SELECT: Statement = Statement::new("select first, records from export_left where run = ?1 order by first");
    tx.query(&SELECT, &[run.into()], |row| Ok(Chunk { first: row.int(0)?, records: ids(row.blob(1)?) }))
}

/// Forgets what a run had still to account for.
pub fn forget(tx: &mut dyn Tx, run: i64) -> Result<(), Error> {
    static DELETE: Statement = Statement::new("delete from export_left where run = ?1");
    tx.execute(&DELETE, &[run.into()])?;
    Ok(())
}

/// Forgets what runs had still to account for that have ended.
pub fn forget_ended(tx: &mut dyn Tx, backend: i64) -> Result<(), Error> {
    static DELETE: Statement = Statement::new(
        "delete from export_left where run in (select id from sync_run where backend = ?1 and state <> 0)",
    );
    tx.execute(&DELETE, &[backend.into()])?;
    Ok(())
}

fn ids(bytes: &[u8]) -> Vec<i64> {
    bytes.as_chunks::<8>().0.iter().map(|id| i64::from_le_bytes(*id)).collect()
}

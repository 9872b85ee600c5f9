//! Rows of what was sent and came back changed, by binding. What they tell is the sync room's.

use super::{Error, Param, Statement, Tx};

/// The trail of a binding, as JSON.
pub fn trail(tx: &mut dyn Tx, binding: i64) -> Result<Option<String>, Error> {
    static SELECT: Statement = Statement::new("select trail from bounce where binding = ?1");
    tx.first(&SELECT, &[binding.into()], |row| row.string(0))
}

/// Keeps the trail of a binding, in place of what was.
pub fn put(tx: &mut dyn Tx, binding: i64, trail: &str, now: i64) -> Result<(), Error> {
    static UPSERT: Statement = Statement::new(
        "insert into bounce(binding, trail, updated_at) values (?1, ?2, ?3) \
         on conflict(binding) do update set trail = excluded.trail, updated_at = excluded.updated_at",
    );
    tx.execute(&UPSERT, &[binding.into(), trail.into(), now.into()]).map(drop)
}

/// Forgets the trails of bindings.
pub fn forget(tx: &mut dyn Tx, bindings: &[i64]) -> Result<(), Error> {
    static DELETE: Statement = Statement::new("delete from bounce where binding {ints:1}");
    tx.execute(&DELETE, &[Param::Ints(bindings)]).map(drop)
}

/// Forgets the trails of a record, in whichever backends it is bound.
pub fn forget_record(tx: &mut dyn Tx, model: i64, record: i64) -> Result<(), Error> {
    static DELETE: Statement = Statement::new(
        "delete from bounce where binding in (select b.id from binding b join record_kind k on k.id = b.kind \
         where k.model = ?1 and b.record = ?2)",
    );
    tx.execute(&DELETE, &[model.into(), record.into()]).map(drop)
}

/// Removes trails that ended before a moment, at most `limit`: none of a record that waits for a person.
pub fn prune(tx: &mut dyn Tx, before: i64, limit: u64) -> Result<u64, Error> {
    static DELETE: Statement = Statement::new(
        "delete from bounce where binding in (select b.binding from bounce b where b.updated_at < ?1 and not exists \
         (select 1 from review r where r.binding = b.binding and r.state = 0) order by b.binding limit ?2)",
    );
    tx.execute(&DELETE, &[before.into(), Param::Int(i64::try_from(limit).unwrap_or(i64::MAX))])
}

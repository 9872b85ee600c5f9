//! SQL of the edges between jobs: who waits for whom, and for which end.

use super::{Error, Statement, Tx, job::Stored};
use crate::{base::Timestamp, model::job::Condition};

fn number(condition: Condition) -> i64 {
    match condition {
        Condition::Done => 1,
        Condition::Failed => 2,
        Condition::Always => 3,
    }
}

/// Whether an end of a parent is the one that an edge waits for.
pub fn is_met(condition: Condition, parent: Stored) -> bool {
    met_by(parent).contains(&number(condition))
}

fn met_by(parent: Stored) -> &'static [i64] {
    match parent {
        Stored::Done => &[1, 3],
        Stored::Failed => &[2, 3],
        Stored::Cancelled => &[3],
        _ => &[],
    }
}

static INSERT: Statement =
    Statement::new("insert into job_edge(parent, child, condition, met) values (?1, ?2, ?3, ?4)");
static COUNT_DEPENDENT: Statement = Statement::new("update job set dependents = dependents + 1 where id = ?1");

/// Adds an edge.
pub fn insert(tx: &mut dyn Tx, parent: i64, child: i64, condition: Condition, met: bool) -> Result<(), Error> {
    tx.execute(&INSERT, &[parent.into(), child.into(), number(condition).into(), met.into()])?;
    tx.execute(&COUNT_DEPENDENT, &[parent.into()]).map(drop)
}

static RELEASE: Statement = Statement::new(
    "update job set waiting = waiting - 1,
       state = case when state = 0 and waiting = 1 then case when eta > ?3 then 7 else 1 end else state end
     where id in (select child from job_edge where parent = ?1 and met = 0 and condition {ints:2})",
);
static MEET: Statement =
    Statement::new("update job_edge set met = 1 where parent = ?1 and met = 0 and condition {ints:2}");

/// Tells children that an end they waited for has come; those that wait for nothing else become ready.
pub fn release_children(tx: &mut dyn Tx, now: Timestamp, parent: i64, end: Stored) -> Result<(), Error> {
    tx.execute(&RELEASE, &[parent.into(), super::Param::Ints(met_by(end)), now.0.into()])?;
    tx.execute(&MEET, &[parent.into(), super::Param::Ints(met_by(end))]).map(drop)
}

static RULED_OUT: Statement = Statement::new(
    "select job.id, job.dependents from job_edge join job on job.id = job_edge.child
     where job_edge.parent = ?1 and job_edge.met = 0 and job.state = 0 order by job.id limit ?2",
);

/// Children that still wait for another end than the one that came, at most so many, each with the number of its own
/// dependents.
pub fn ruled_out(tx: &mut dyn Tx, parent: i64, limit: i64) -> Result<Vec<(i64, i64)>, Error> {
    tx.query(&RULED_OUT, &[parent.into(), limit.into()], |row| Ok((row.int(0)?, row.int(1)?)))
}

static FORLORN: Statement = Statement::new(
    "select job.id, min(job_edge.parent) from job join job_edge on job_edge.child = job.id
       join job parent on parent.id = job_edge.parent
     where job.state = 0 and job_edge.met = 0 and parent.state in (3, 4, 5) group by job.id order by job.id limit ?1",
);

/// Jobs that wait for an end which will not come any more, at most so many, each with a parent that ended otherwise.
/// Reads the whole table: it is asked only where one transaction could not call all of them off.
pub fn forlorn(tx: &mut dyn Tx, limit: i64) -> Result<Vec<(i64, i64)>, Error> {
    tx.query(&FORLORN, &[limit.into()], |row| Ok((row.int(0)?, row.int(1)?)))
}

static REVIVABLE: Statement = Statement::new(
    "select job.id from job_edge join job on job.id = job_edge.child
     where job_edge.parent = ?1 and job_edge.met = 0 and job.state = 5 and job.error_code = ?2
       and not exists (select 1 from job_edge other join job parent on parent.id = other.parent
         where other.child = job.id and other.met = 0 and parent.state in (3, 4, 5))
     order by job.id",
);

/// Children that were called off because of this parent and of no other one.
pub fn revivable(tx: &mut dyn Tx, parent: i64, code: &str) -> Result<Vec<i64>, Error> {
    tx.query(&REVIVABLE, &[parent.into(), code.into()], |row| row.int(0))
}

static OPEN_EDGES: Statement =
    Statement::new("select child from job_edge where parent = ?1 and met = 0 order by child");
static HAS_EDGE: Statement = Statement::new("select 1 from job_edge where parent = ?1 and child = ?2");
static MOVE_EDGE: Statement = Statement::new("update job_edge set parent = ?3 where parent = ?1 and child = ?2");
static DROP_EDGE: Statement = Statement::new("delete from job_edge where parent = ?1 and child = ?2");
static WAIT_LESS: Statement = Statement::new("update job set waiting = waiting - 1 where id = ?1");

/// Lets those who waited for a job wait for its equal instead.
pub fn move_children(tx: &mut dyn Tx, from: i64, to: i64) -> Result<(), Error> {
    for child in tx.query(&OPEN_EDGES, &[from.into()], |row| row.int(0))? {
        if tx.first(&HAS_EDGE, &[to.into(), child.into()], |_| Ok(()))?.is_some() {
            // It waits for both: once is enough.
            tx.execute(&DROP_EDGE, &[from.into(), child.into()])?;
            tx.execute(&WAIT_LESS, &[child.into()])?;
        } else {
            tx.execute(&MOVE_EDGE, &[from.into(), child.into(), to.into()])?;
            tx.execute(&COUNT_DEPENDENT, &[to.into()])?;
        }
    }
    Ok(())
}

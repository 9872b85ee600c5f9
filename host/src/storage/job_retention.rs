//! SQL of removing ended jobs, in chunks.

use super::{Error, Param, Statement, Tx};
use crate::base::Timestamp;

static CHUNK_END: Statement =
    Statement::new("select max(id) from (select id from job where id > ?1 order by id limit ?2) as chunk");
static DELETE: Statement = Statement::new(
    "delete from job where id > ?1 and id <= ?2
       and state in (3, 4, 5)
       and ended < coalesce((select ?6 - case when job.state = 4 then keep_failed else keep_done end from job_channel
                             where job_channel.id = job.channel),
                            case state when 3 then ?3 when 4 then ?4 else ?5 end)",
);

/// Before which end a job in each ended state is removed.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Of jobs that succeeded.
    pub done: Timestamp,
    /// Of jobs that failed.
    pub failed: Timestamp,
    /// Of jobs that were called off.
    pub cancelled: Timestamp,
    /// Now: from here channels with a time of their own count.
    pub now: Timestamp,
}

/// Looks at the next `rows` jobs after an id and removes what is over. Answers where to go on, `None` at the end,
/// and how many it removed. Going by id needs no index that every completion would pay for.
pub fn prune_chunk(tx: &mut dyn Tx, after: i64, rows: i64, limits: &Limits) -> Result<(Option<i64>, u64), Error> {
    let end = tx.first(&CHUNK_END, &[after.into(), rows.into()], |row| row.opt_int(0))?.flatten();
    let Some(end) = end else { return Ok((None, 0)) };
    let params: [Param<'_>; 6] = [
        after.into(),
        end.into(),
        limits.done.0.into(),
        limits.failed.0.into(),
        limits.cancelled.0.into(),
        limits.now.0.into(),
    ];
    Ok((Some(end), tx.execute(&DELETE, &params)?))
}

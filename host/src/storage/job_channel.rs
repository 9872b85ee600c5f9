//! SQL of the queue's channels.

use super::{Error, Row, Statement, Tx};
use crate::model::job::Channel;

const COLUMNS: &str = "id, name, parent, capacity, interval_millis, paused, sequential, keep_done, keep_failed";
static ALL: std::sync::LazyLock<Statement> =
    std::sync::LazyLock::new(|| Statement::generated(format!("select {COLUMNS} from job_channel order by name")));
static BY_NAME: Statement = Statement::new("select id from job_channel where name = ?1");
static INSERT: Statement = Statement::new("insert into job_channel(name, parent, capacity) values (?1, ?2, ?3)");
static UPDATE: Statement = Statement::new(
    "update job_channel set capacity = ?2, interval_millis = ?3, paused = ?4, sequential = ?5, keep_done = ?6,
       keep_failed = ?7
     where id = ?1",
);

fn read(row: &dyn Row) -> Result<Channel, Error> {
    Ok(Channel {
        id: row.int(0)?,
        name: row.string(1)?,
        parent: row.opt_int(2)?,
        capacity: row.opt_int(3)?,
        interval: row.int(4)?,
        paused: row.bool(5)?,
        sequential: row.bool(6)?,
        keep_done: row.opt_int(7)?,
        keep_failed: row.opt_int(8)?,
    })
}

/// All channels, by name.
pub fn all(tx: &mut dyn Tx) -> Result<Vec<Channel>, Error> {
    tx.query(&ALL, &[], read)
}

/// A channel's id.
pub fn find(tx: &mut dyn Tx, name: &str) -> Result<Option<i64>, Error> {
    tx.first(&BY_NAME, &[name.into()], |row| row.int(0))
}

/// Adds a channel.
pub fn insert(tx: &mut dyn Tx, name: &str, parent: i64, capacity: Option<i64>) -> Result<i64, Error> {
    tx.insert(&INSERT, &[name.into(), parent.into(), capacity.into()])
}

/// Changes a channel.
pub fn update(tx: &mut dyn Tx, channel: &Channel) -> Result<(), Error> {
    let params = [
        channel.id.into(),
        channel.capacity.into(),
        channel.interval.into(),
        channel.paused.into(),
        channel.sequential.into(),
        channel.keep_done.into(),
        channel.keep_failed.into(),
    ];
    tx.execute(&UPDATE, &params).map(drop)
}

/// How many jobs of each channel may start.
pub fn ready(tx: &mut dyn Tx) -> Result<Vec<(i64, i64)>, Error> {
    static READY: Statement = Statement::new("select channel, count(*) from job where state = 1 group by channel");
    tx.query(&READY, &[], |row| Ok((row.int(0)?, row.int(1)?)))
}

/// The first job of a channel that was started and neither runs nor has ended well: in a sequential one it holds up the
/// others.
pub fn held_by(tx: &mut dyn Tx, channel: i64) -> Result<Option<i64>, Error> {
    static HELD: Statement =
        Statement::new("select min(id) from job where channel = ?1 and state in (4, 6, 7) and attempt > 0");
    Ok(tx.first(&HELD, &[channel.into()], |row| row.opt_int(0))?.flatten())
}

/// Gives a job that goes back to a sequential channel its old place: those behind it must not overtake it.
pub fn keep_place(tx: &mut dyn Tx, job: i64) -> Result<(), Error> {
    static KEEP: Statement = Statement::new(
        "update job set eta = created where id = ?1 and state = 1 and attempt > 0
           and channel in (select id from job_channel where sequential = 1)",
    );
    tx.execute(&KEEP, &[job.into()]).map(drop)
}

//! SQL of the queue's channels.

use super::{Error, Row, Statement, Tx};
use crate::model::job::Channel;

const COLUMNS: &str = "id, name, parent, capacity, interval_millis, paused";
static ALL: std::sync::LazyLock<Statement> =
    std::sync::LazyLock::new(|| Statement::generated(format!("select {COLUMNS} from job_channel order by name")));
static BY_NAME: Statement = Statement::new("select id from job_channel where name = ?1");
static INSERT: Statement = Statement::new("insert into job_channel(name, parent, capacity) values (?1, ?2, ?3)");
static UPDATE: Statement =
    Statement::new("update job_channel set capacity = ?2, interval_millis = ?3, paused = ?4 where id = ?1");

fn read(row: &dyn Row) -> Result<Channel, Error> {
    Ok(Channel {
        id: row.int(0)?,
        name: row.string(1)?,
        parent: row.opt_int(2)?,
        capacity: row.opt_int(3)?,
        interval: row.int(4)?,
        paused: row.bool(5)?,
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
    tx.execute(&UPDATE, &[channel.id.into(), channel.capacity.into(), channel.interval.into(), channel.paused.into()])
        .map(drop)
}

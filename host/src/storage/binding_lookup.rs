//! Look-ups of bindings by what a page brings, each with its record's version. It judges nothing.

use super::{
    Error, Param, Statement, Tx,
    binding::{COLUMNS, hash, read, status},
};
use crate::model::binding::{Binding, Status};

/// Look-ups of the bindings of one kind with the versions of their records: one set of texts for each record table.
#[derive(Debug)]
pub struct Lookup {
    page: Statement,
    glance: Statement,
    standing: Statement,
    by_record: Statement,
}

/// What decides whether there is anything to do for a record that was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Glance {
    /// Digest of the payload that was last in step.
    pub payload_hash: Option<[u8; 16]>,
    /// Digest of what mapped it.
    pub map_fingerprint: Option<i64>,
    /// How its last sync went.
    pub sync_status: Status,
    /// How often it failed since.
    pub retry_count: i64,
    /// Our record's version when it was last in step.
    pub record_version: Option<i64>,
    /// Our record's version now; absent: there is no record.
    pub current_version: Option<i64>,
}

/// What decides whether a plan still holds: which record a binding stands for, and the record's version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// The binding.
    pub binding: i64,
    /// Ours.
    pub record: Option<i64>,
    /// Our record's version now.
    pub version: Option<i64>,
}

impl Lookup {
    /// The look-ups for kinds over a record table.
    pub fn new(table: &str) -> Self {
        // The list comes first: each of its ids is looked up where it is, and the answers come in its order.
        let listed = |columns: &str, key: &str| {
            format!(
                "select {columns}, r.version from {{each:3}} wanted cross join binding b left join \"{table}\" r \
                 on r.id = b.record where b.backend = ?1 and b.kind = ?2 and b.{key} = wanted.value{{in_turn:wanted}}"
            )
        };
        Self {
            page: Statement::generated(listed(COLUMNS, "external_id")),
            glance: Statement::generated(listed(
                "b.external_id, b.payload_hash, b.map_fingerprint, b.sync_status, b.retry_count, b.record_version",
                "external_id",
            )),
            standing: Statement::generated(listed("b.external_id, b.id, b.record", "external_id")),
            by_record: Statement::generated(listed(COLUMNS, "record")),
        }
    }

    /// Bindings by external ids, each of them different, in their order; those that are missing are not in the answer.
    pub fn page(&self, tx: &mut dyn Tx, backend: i64, kind: i64, ids: &[&str]) -> Result<Vec<Binding>, Error> {
        tx.query(&self.page, &[Param::Int(backend), Param::Int(kind), Param::Texts(ids)], read)
    }

    /// A glance at bindings by external ids, each of them different; in their place, where they are bound. Nothing is copied
    /// that a record on which nothing changed doesn't need: most are such.
    pub fn glance(&self, tx: &mut dyn Tx, backend: i64, kind: i64, ids: &[&str]) -> Result<Vec<Option<Glance>>, Error> {
        let mut found = vec![None; ids.len()];
        let mut rest = ids.iter().zip(&mut found);
        tx.visit(&self.glance, &[Param::Int(backend), Param::Int(kind), Param::Texts(ids)], &mut |row| {
            let id = row.text(0)?;
            let (_, place) = rest
                .find(|(wanted, _)| **wanted == id)
                .ok_or_else(|| Error::Shape("bindings come in another order than they were asked for".to_owned()))?;
            *place = Some(Glance {
                payload_hash: hash(row.opt_blob(1)?),
                map_fingerprint: row.opt_int(2)?,
                sync_status: status(row.int(3)?)?,
                retry_count: row.int(4)?,
                record_version: row.opt_int(5)?,
                current_version: row.opt_int(6)?,
            });
            Ok(())
        })?;
        Ok(found)
    }

    /// How bindings stand, by external ids: what every write of a page looks at once more.
    pub fn standing(
        &self,
        tx: &mut dyn Tx,
        backend: i64,
        kind: i64,
        ids: &[&str],
    ) -> Result<Vec<(String, Standing)>, Error> {
        tx.query(&self.standing, &[Param::Int(backend), Param::Int(kind), Param::Texts(ids)], |row| {
            let standing = Standing { binding: row.int(1)?, record: row.opt_int(2)?, version: row.opt_int(3)? };
            Ok((row.string(0)?, standing))
        })
    }

    /// Bindings by records.
    pub fn by_record(&self, tx: &mut dyn Tx, backend: i64, kind: i64, ids: &[i64]) -> Result<Vec<Binding>, Error> {
        tx.query(&self.by_record, &[Param::Int(backend), Param::Int(kind), Param::Ints(ids)], read)
    }
}

//! Migrations: numbered texts in `migration/`, run once, in order, each with its checksum kept. Forward only.

use super::{Error, Param, Statement, Tx};

/// One migration.
pub struct Migration {
    /// Its number; the order.
    pub version: i64,
    /// Its name.
    pub name: &'static str,
    /// DDL in the portable subset.
    pub ddl: &'static str,
}

/// All of them, in order.
pub const MIGRATIONS: &[Migration] = &[
    Migration { version: 1, name: "meta", ddl: include_str!("migration/0001_meta.sql") },
    Migration { version: 2, name: "job", ddl: include_str!("migration/0002_job.sql") },
    Migration { version: 5, name: "plugin", ddl: include_str!("migration/0005_plugin.sql") },
    Migration { version: 6, name: "sync", ddl: include_str!("migration/0006_sync.sql") },
];

static APPLIED: Statement = Statement::new("select version, name, checksum from migration order by version");
static RECORD: Statement = Statement::new("insert into migration(version, name, checksum) values (?1, ?2, ?3)");

/// Brings the schema up to date. Refuses a database of a newer program, and one whose past differs from ours.
pub fn migrate(tx: &mut dyn Tx) -> Result<(), Error> {
    tx.define(
        "create table if not exists migration(version bigint primary key, name text not null, checksum text not null)",
    )?;
    let applied = tx.query(&APPLIED, &[], |row| Ok((row.int(0)?, row.string(1)?, row.string(2)?)))?;
    let known = MIGRATIONS.last().map_or(0, |m| m.version);
    if let Some((found, ..)) = applied.iter().find(|(version, ..)| *version > known) {
        return Err(Error::Newer { found: *found, known });
    }
    for migration in MIGRATIONS {
        let checksum = format!("{:032x}", xxhash_rust::xxh3::xxh3_128(migration.ddl.as_bytes()));
        match applied.iter().find(|(version, ..)| *version == migration.version) {
            Some((version, name, sum)) if *sum != checksum => {
                return Err(Error::MigrationChanged { version: *version, name: name.clone() });
            }
            Some(_) => {}
            None => {
                tx.define(migration.ddl)?;
                tx.execute(
                    &RECORD,
                    &[Param::Int(migration.version), Param::Text(migration.name), Param::Text(&checksum)],
                )?;
            }
        }
    }
    Ok(())
}

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

/// All of them, in the order in which they run.
pub const MIGRATIONS: &[Migration] = &[
    Migration { version: 1, name: "meta", ddl: include_str!("migration/0001_meta.sql") },
    Migration { version: 2, name: "job", ddl: include_str!("migration/0002_job.sql") },
    // Tables of records refer to backends, which PostgreSQL wants to see first.
    Migration { version: 4, name: "backend", ddl: include_str!("migration/0004_backend.sql") },
    Migration { version: 3, name: "record", ddl: include_str!("migration/0003_record.sql") },
    Migration { version: 5, name: "plugin", ddl: include_str!("migration/0005_plugin.sql") },
    Migration { version: 6, name: "sync", ddl: include_str!("migration/0006_sync.sql") },
    Migration { version: 7, name: "audit", ddl: include_str!("migration/0007_audit.sql") },
    Migration { version: 8, name: "quarantine_mapper", ddl: include_str!("migration/0008_quarantine_mapper.sql") },
    Migration { version: 9, name: "run_state_format", ddl: include_str!("migration/0009_run_state_format.sql") },
    Migration { version: 10, name: "export", ddl: include_str!("migration/0010_export.sql") },
    Migration { version: 11, name: "conflict", ddl: include_str!("migration/0011_conflict.sql") },
    Migration { version: 12, name: "bounce", ddl: include_str!("migration/0012_bounce.sql") },
    Migration { version: 13, name: "consumer", ddl: include_str!("migration/0013_consumer.sql") },
    Migration { version: 14, name: "export_run", ddl: include_str!("migration/0014_export_run.sql") },
    Migration { version: 15, name: "schedule", ddl: include_str!("migration/0015_schedule.sql") },
    Migration { version: 16, name: "channel", ddl: include_str!("migration/0016_channel.sql") },
    Migration { version: 17, name: "export_pause", ddl: include_str!("migration/0017_export_pause.sql") },
    Migration { version: 18, name: "under_way", ddl: include_str!("migration/0018_under_way.sql") },
];

static APPLIED: Statement = Statement::new("select version, name, checksum from migration order by version");
static RECORD: Statement = Statement::new("insert into migration(version, name, checksum) values (?1, ?2, ?3)");

/// Looks whether the schema is up to date, and changes nothing. An empty database is not.
pub fn check(tx: &mut dyn Tx, is_empty: bool) -> Result<(), Error> {
    let known = MIGRATIONS.last().map_or(0, |m| m.version);
    let applied = if is_empty { Vec::new() } else { read_applied(tx)? };
    compare(&applied, known)?;
    let found = applied.last().map_or(0, |(version, ..)| *version);
    if applied.len() < MIGRATIONS.len() { Err(Error::Older { found, known }) } else { Ok(()) }
}

type Applied = (i64, String, String);

fn read_applied(tx: &mut dyn Tx) -> Result<Vec<Applied>, Error> {
    tx.query(&APPLIED, &[], |row| Ok((row.int(0)?, row.string(1)?, row.string(2)?)))
}

fn checksum(migration: &Migration) -> String {
    format!("{:032x}", xxhash_rust::xxh3::xxh3_128(migration.ddl.as_bytes()))
}

/// Refuses what a newer program has done, and a past that differs from ours.
fn compare(applied: &[Applied], known: i64) -> Result<(), Error> {
    if let Some((found, ..)) = applied.iter().rev().find(|(version, ..)| *version > known) {
        return Err(Error::Newer { found: *found, known });
    }
    for (version, name, sum) in applied {
        let ours = MIGRATIONS.iter().find(|migration| migration.version == *version);
        if ours.is_none_or(|migration| checksum(migration) != *sum) {
            return Err(Error::MigrationChanged { version: *version, name: name.clone() });
        }
    }
    Ok(())
}

/// Brings the schema up to date. Refuses a database of a newer program, and one whose past differs from ours.
pub fn migrate(tx: &mut dyn Tx) -> Result<(), Error> {
    tx.define(
        "create table if not exists migration(version bigint primary key, name text not null, checksum text not null)",
    )?;
    let applied = read_applied(tx)?;
    compare(&applied, MIGRATIONS.last().map_or(0, |m| m.version))?;
    for migration in MIGRATIONS {
        if applied.iter().any(|(version, ..)| *version == migration.version) {
            continue;
        }
        tx.define(migration.ddl)?;
        let sum = checksum(migration);
        tx.execute(&RECORD, &[Param::Int(migration.version), Param::Text(migration.name), Param::Text(&sum)])?;
    }
    Ok(())
}

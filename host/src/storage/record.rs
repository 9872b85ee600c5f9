//! Record tables: DDL, and statements generated for sets of columns and kept, so that each text is made once.
//!
//! Names come from the catalogue, which has checked them; values are parameters. What a column means is the record
//! room's business.

use std::sync::{Arc, Mutex, PoisonError};

use super::{
    Error, Param, Row, Statement, Tx,
    condition::{Column, Condition, Operand, Rendering},
};
use crate::base::Map;

/// A record table with the statements made for it. Column numbers are places in `columns`.
#[derive(Debug)]
pub struct Table {
    /// Its name.
    pub name: String,
    /// Its columns by number; empty where a number has none.
    pub columns: Vec<String>,
    inserts: Known,
    updates: Known,
    selects: Known,
    reads: Known,
    versions: Statement,
    delete: Statement,
}

type Known = Mutex<Map<Box<[usize]>, Arc<Statement>>>;

/// How the rows of a search are ordered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Order {
    /// By a column.
    Column {
        /// The column.
        column: Column,
        /// Largest first.
        descending: bool,
    },
    /// By a column of the row that a column refers to.
    Through {
        /// The column that refers.
        column: String,
        /// The table referred to.
        table: String,
        /// The column there.
        by: String,
        /// Largest first.
        descending: bool,
    },
}

impl Table {
    /// A table by name and columns.
    pub fn new(name: String, columns: Vec<String>) -> Self {
        Self {
            inserts: Known::default(),
            updates: Known::default(),
            selects: Known::default(),
            reads: Known::default(),
            versions: Statement::generated(format!("select id, version from \"{name}\" where id {{ints:1}}")),
            delete: Statement::generated(format!("delete from \"{name}\" where id = ?1")),
            name,
            columns,
        }
    }

    /// Inserts a row; answers its id. `params` holds the moment first, then one for each column number. `constants` are
    /// columns whose value is the same whenever they are constant, as SQL has it.
    pub fn insert(
        &self,
        tx: &mut dyn Tx,
        numbers: &[usize],
        constants: &[(usize, &str)],
        params: &[Param<'_>],
    ) -> Result<i64, Error> {
        let mut key = Vec::with_capacity(numbers.len() + constants.len() + 1);
        key.extend_from_slice(numbers);
        key.push(usize::MAX);
        key.extend(constants.iter().map(|(number, _)| *number));
        let statement = kept(&self.inserts, &key, || {
            let mut names = String::new();
            let mut places = String::new();
            for (number, literal) in constants {
                names.push_str(&format!(", \"{}\"", self.columns[*number]));
                places.push_str(&format!(", {literal}"));
            }
            for (at, number) in numbers.iter().enumerate() {
                names.push_str(&format!(", \"{}\"", self.columns[*number]));
                places.push_str(&format!(", ?{}", at + 2));
            }
            format!(
                "insert into \"{0}\"(id, version, create_date, write_date{names}) \
                 values ({{next_id:{0}}}, 1, ?1, ?1{places})",
                self.name
            )
        });
        tx.insert(&statement, params)
    }

    /// Updates a row and raises its version by `step` (0 or 1). `params`: id, moment, step, then one for each column
    /// number.
    pub fn update(&self, tx: &mut dyn Tx, numbers: &[usize], params: &[Param<'_>]) -> Result<(), Error> {
        let statement = kept(&self.updates, numbers, || {
            let sets: String = numbers
                .iter()
                .enumerate()
                .map(|(at, number)| format!(", \"{}\" = ?{}", self.columns[*number], at + 4))
                .collect();
            format!("update \"{}\" set version = version + ?3, write_date = ?2{sets} where id = ?1", self.name)
        });
        tx.execute(&statement, params)?;
        Ok(())
    }

    /// Shows rows by id: id, version, then one column for each number. In no order.
    pub fn select(
        &self,
        tx: &mut dyn Tx,
        numbers: &[usize],
        ids: &[i64],
        each: &mut dyn FnMut(&dyn Row) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let statement = kept(&self.selects, numbers, || {
            let names: String = numbers.iter().map(|number| format!(", \"{}\"", self.columns[*number])).collect();
            format!("select id, version{names} from \"{}\" where id {{ints:1}}", self.name)
        });
        tx.visit(&statement, &[Param::Ints(ids)], each)
    }

    /// Shows one row as [`Table::select`] does: the look-up before every write.
    pub fn select_one(
        &self,
        tx: &mut dyn Tx,
        numbers: &[usize],
        id: i64,
        each: &mut dyn FnMut(&dyn Row) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let statement = kept(&self.reads, numbers, || {
            let names: String = numbers.iter().map(|number| format!(", \"{}\"", self.columns[*number])).collect();
            format!("select id, version{names} from \"{}\" where id = ?1", self.name)
        });
        tx.visit(&statement, &[Param::Int(id)], each)
    }

    /// The versions of rows.
    pub fn versions(&self, tx: &mut dyn Tx, ids: &[i64]) -> Result<Vec<(i64, i64)>, Error> {
        tx.query(&self.versions, &[Param::Ints(ids)], |row| Ok((row.int(0)?, row.int(1)?)))
    }

    /// Removes a row.
    pub fn delete(&self, tx: &mut dyn Tx, id: i64) -> Result<(), Error> {
        tx.execute(&self.delete, &[Param::Int(id)])?;
        Ok(())
    }
}

fn kept(known: &Known, numbers: &[usize], make: impl FnOnce() -> String) -> Arc<Statement> {
    let mut known = known.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(found) = known.get(numbers) {
        return Arc::clone(found);
    }
    let statement = Arc::new(Statement::generated(make()));
    known.insert(numbers.into(), Arc::clone(&statement));
    statement
}

/// Ids of the rows of a table that meet a condition, in order.
pub fn search(
    tx: &mut dyn Tx,
    table: &str,
    condition: &Condition,
    order: &[Order],
    limit: Option<u64>,
    offset: u64,
) -> Result<Vec<i64>, Error> {
    let mut out = Rendering::default();
    out.push(&format!("select t.id from \"{table}\" t where "));
    out.condition(condition, "t");
    for (at, by) in order.iter().enumerate() {
        out.push(if at == 0 { " order by " } else { ", " });
        let descending = match by {
            Order::Column { column, descending } => {
                out.column(column, "t");
                descending
            }
            Order::Through { column, table, by, descending } => {
                out.push(&format!("(select o.\"{by}\" from \"{table}\" o where o.id = t.\"{column}\")"));
                descending
            }
        };
        out.push(if *descending { " desc nulls last" } else { " asc nulls first" });
    }
    if limit.is_some() || offset > 0 {
        // An offset needs a limit before it; no limit is the largest there is.
        out.push(" limit ");
        out.operand(Operand::Int(limit.and_then(|limit| i64::try_from(limit).ok()).unwrap_or(i64::MAX)));
        out.push(" offset ");
        out.operand(Operand::Int(i64::try_from(offset).unwrap_or(i64::MAX)));
    }
    let statement = Statement::generated(std::mem::take(&mut out.text));
    let lists = out.lists();
    tx.query(&statement, &out.params(&lists), |row| row.int(0))
}

/// How many rows of a table meet a condition.
pub fn count(tx: &mut dyn Tx, table: &str, condition: &Condition) -> Result<u64, Error> {
    let mut out = Rendering::default();
    out.push(&format!("select count(*) from \"{table}\" t where "));
    out.condition(condition, "t");
    let statement = Statement::generated(std::mem::take(&mut out.text));
    let lists = out.lists();
    let found = tx.first(&statement, &out.params(&lists), |row| row.int(0))?;
    Ok(found.unwrap_or_default().unsigned_abs())
}

/// A column to be made.
#[derive(Debug, Clone)]
pub struct NewColumn<'a> {
    /// Its name.
    pub name: &'a str,
    /// What it holds.
    pub holds: Holds<'a>,
}

/// What a column holds.
#[derive(Debug, Clone, Copy)]
pub enum Holds<'a> {
    /// Integers: numbers, booleans, decimals, times.
    Int,
    /// Text.
    Text,
    /// Bytes.
    Blob,
    /// The id of a row of a table.
    Reference(&'a str),
}

fn column_ddl(column: &NewColumn<'_>) -> String {
    let name = column.name;
    match column.holds {
        Holds::Int => format!("\"{name}\" bigint"),
        Holds::Text => format!("\"{name}\" text"),
        Holds::Blob => format!("\"{name}\" {{blob}}"),
        Holds::Reference(table) => format!("\"{name}\" bigint {{refers:{table}}}"),
    }
}

fn reference_index(table: &str, column: &NewColumn<'_>) -> String {
    let name = column.name;
    match column.holds {
        // References are looked up backwards whenever a record is removed; empty ones cost nothing.
        Holds::Reference(_) => format!(
            "create index if not exists \"{table}_{name}\" on \"{table}\"(\"{name}\") where \"{name}\" is not null;\n"
        ),
        _ => String::new(),
    }
}

/// Makes a record table with its columns.
pub fn create_table(tx: &mut dyn Tx, table: &str, columns: &[NewColumn<'_>]) -> Result<(), Error> {
    let list: String = columns.iter().map(|column| format!(", {}", column_ddl(column))).collect();
    let indexes: String = columns.iter().map(|column| reference_index(table, column)).collect();
    tx.define(&format!(
        "create table \"{table}\"(id {{row_id}}, version bigint not null, create_date bigint not null, \
         write_date bigint not null{list});\n{indexes}"
    ))?;
    columns.iter().try_for_each(|column| refer(tx, table, column))
}

/// Adds a column, empty in every row.
pub fn add_column(tx: &mut dyn Tx, table: &str, column: &NewColumn<'_>) -> Result<(), Error> {
    tx.define(&format!(
        "alter table \"{table}\" add column {};\n{}",
        column_ddl(column),
        reference_index(table, column)
    ))?;
    refer(tx, table, column)
}

fn refer(tx: &mut dyn Tx, table: &str, column: &NewColumn<'_>) -> Result<(), Error> {
    match column.holds {
        Holds::Reference(to) => tx.refer(table, column.name, to),
        _ => Ok(()),
    }
}

/// Makes the table of a many2many field.
pub fn create_link_table(tx: &mut dyn Tx, link: &str, of: &str, to: &str) -> Result<(), Error> {
    tx.define(&format!(
        "create table if not exists \"{link}\"(record bigint not null references \"{of}\"(id) on delete cascade, \
         target bigint not null references \"{to}\"(id) on delete cascade, primary key(record, target));\n\
         create index if not exists \"{link}_target\" on \"{link}\"(target);"
    ))
}

/// Values that stand several times in a column, at most ten of them, as text.
pub fn duplicates(tx: &mut dyn Tx, table: &str, column: &str) -> Result<Vec<String>, Error> {
    let statement = Statement::generated(format!(
        "select cast(\"{column}\" as text), count(*) from \"{table}\" where \"{column}\" is not null \
         group by \"{column}\" having count(*) > 1 order by 1 limit 10"
    ));
    tx.query(&statement, &[], |row| Ok(format!("{} ({} times)", row.text(0)?, row.int(1)?)))
}

/// Makes a column unique. Look for [`duplicates`] first.
pub fn create_unique(tx: &mut dyn Tx, table: &str, column: &str) -> Result<(), Error> {
    tx.define(&format!("create unique index if not exists \"{table}_{column}_unique\" on \"{table}\"(\"{column}\")"))
}

/// Makes look-ups by a column cheap; empty ones cost nothing.
pub fn create_index(tx: &mut dyn Tx, table: &str, column: &str) -> Result<(), Error> {
    tx.define(&format!(
        "create index if not exists \"{table}_{column}_match\" on \"{table}\"(\"{column}\") \
         where \"{column}\" is not null"
    ))
}

/// Makes a column free again.
pub fn drop_unique(tx: &mut dyn Tx, table: &str, column: &str) -> Result<(), Error> {
    tx.define(&format!("drop index if exists \"{table}_{column}_unique\""))
}

/// Ids of the rows that a column of theirs ties to a row.
pub fn referring(tx: &mut dyn Tx, table: &str, column: &str, to: i64) -> Result<Vec<i64>, Error> {
    let statement = Statement::generated(format!("select id from \"{table}\" where \"{column}\" = ?1 order by id"));
    tx.query(&statement, &[Param::Int(to)], |row| row.int(0))
}

/// Pairs (row, row that refers to it) by a column.
pub fn lines(tx: &mut dyn Tx, table: &str, column: &str, of: &[i64]) -> Result<Vec<(i64, i64)>, Error> {
    let statement = Statement::generated(format!(
        "select \"{column}\", id from \"{table}\" where \"{column}\" {{ints:1}} order by id"
    ));
    tx.query(&statement, &[Param::Ints(of)], |row| Ok((row.int(0)?, row.int(1)?)))
}

/// Pairs (record, target) of a many2many field.
pub fn links(tx: &mut dyn Tx, link: &str, of: &[i64]) -> Result<Vec<(i64, i64)>, Error> {
    let statement = Statement::generated(format!(
        "select record, target from \"{link}\" where record {{ints:1}} order by record, target"
    ));
    tx.query(&statement, &[Param::Ints(of)], |row| Ok((row.int(0)?, row.int(1)?)))
}

/// Links a target.
pub fn link(tx: &mut dyn Tx, link: &str, record: i64, target: i64) -> Result<(), Error> {
    let statement = Statement::generated(format!(
        "insert into \"{link}\"(record, target) values (?1, ?2) on conflict (record, target) do nothing"
    ));
    tx.execute(&statement, &[Param::Int(record), Param::Int(target)])?;
    Ok(())
}

/// Takes a link away.
pub fn unlink(tx: &mut dyn Tx, link: &str, record: i64, target: i64) -> Result<(), Error> {
    let statement = Statement::generated(format!("delete from \"{link}\" where record = ?1 and target = ?2"));
    tx.execute(&statement, &[Param::Int(record), Param::Int(target)])?;
    Ok(())
}

/// Ids of the rows whose column has a text, at most `limit`.
pub fn with_text(tx: &mut dyn Tx, table: &str, column: &str, texts: &[&str]) -> Result<Vec<(String, i64)>, Error> {
    let statement = Statement::generated(format!(
        "select \"{column}\", id from \"{table}\" where \"{column}\" {{texts:1}} order by id"
    ));
    tx.query(&statement, &[Param::Texts(texts)], |row| Ok((row.string(0)?, row.int(1)?)))
}

/// The number of rows that meet a condition, then sums of columns over them; 0 where there is none.
pub fn sums(tx: &mut dyn Tx, table: &str, condition: &Condition, columns: &[&str]) -> Result<Vec<i64>, Error> {
    let mut out = Rendering::default();
    out.push("select count(*)");
    for column in columns {
        out.push(&format!(", coalesce(sum(t.\"{column}\"), 0)"));
    }
    out.push(&format!(" from \"{table}\" t where "));
    out.condition(condition, "t");
    let statement = Statement::generated(std::mem::take(&mut out.text));
    let lists = out.lists();
    let found = tx.first(&statement, &out.params(&lists), |row| (0..=columns.len()).map(|at| row.int(at)).collect())?;
    Ok(found.unwrap_or_default())
}

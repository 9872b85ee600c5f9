//! The SQLite engine: parameters, rows and errors of the store in terms of rusqlite.

use std::{cell::RefCell, path::Path, time::Duration};

use rusqlite::{
    CachedStatement, Connection, ErrorCode,
    types::{ToSqlOutput, Value, ValueRef},
};

use super::{
    Error, Param, Row, Signal, Statement, Tx,
    gathered::Gathered,
    outbox::{self, NewRow},
    sequence::{Mark, Sequences},
};

/// How long a connection waits for another one's lock.
pub(super) const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// Bytes of a page.
pub(super) const PAGE_BYTES: u64 = 8192;
/// "BIND": marks a file as a database of this program.
const APPLICATION: i64 = 0x4249_4e44;

/// Opens the writer's connection. Refuses a file of another program.
pub(super) fn open_writer(path: &Path) -> Result<Connection, Error> {
    let connection = Connection::open(path)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    claim_file(&connection, path)?;
    connection.execute_batch(
        "pragma journal_mode=wal; pragma synchronous=full; pragma foreign_keys=on; pragma temp_store=memory;
         pragma cache_size=-32768; pragma wal_autocheckpoint=0",
    )?;
    keep_plans(&connection)?;
    rusqlite::vtab::array::load_module(&connection)?;
    super::text::register(&connection)?;
    Ok(connection)
}

/// Statements are prepared once. Without the guarantee of stable plans SQLite looks at the values of parameters too, and
/// prepares a statement anew whenever other ones are bound.
fn keep_plans(connection: &Connection) -> Result<(), Error> {
    connection.set_prepared_statement_cache_capacity(256);
    connection.set_db_config(rusqlite::config::DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    Ok(())
}

fn claim_file(connection: &Connection, path: &Path) -> Result<(), Error> {
    match connection.query_row("pragma application_id", [], |row| row.get::<_, i64>(0))? {
        APPLICATION => Ok(()),
        0 if is_empty(connection)? => {
            // The size of pages can only be chosen while the file is empty.
            Ok(connection
                .execute_batch(&format!("pragma page_size={PAGE_BYTES}; pragma application_id={APPLICATION}"))?)
        }
        _ => Err(Error::Foreign(path.display().to_string())),
    }
}

/// Whether nothing has been defined yet.
pub(super) fn is_empty(connection: &Connection) -> Result<bool, Error> {
    Ok(connection.query_row("select count(*) = 0 from sqlite_schema", [], |row| row.get(0))?)
}

/// What is wrong with the file, and which references lead to nothing.
pub(super) fn find_damage(tx: &mut dyn Tx) -> Result<Vec<String>, Error> {
    static QUICK: Statement = Statement::own("pragma quick_check(100)");
    static REFERENCES: Statement = Statement::own("pragma foreign_key_check");
    let mut found = tx.query(&QUICK, &[], |row| row.string(0))?;
    found.retain(|line| line != "ok");
    let lost = tx.query(&REFERENCES, &[], |row| {
        let (table, id, to) = (row.string(0)?, row.opt_int(1)?.unwrap_or_default(), row.string(2)?);
        Ok(format!("row {id} of {table} refers to a row of {to} that does not exist"))
    })?;
    found.extend(lost.into_iter().take(100));
    Ok(found)
}

/// Opens a connection that can't write.
pub(super) fn open_reader(path: &Path) -> Result<Connection, Error> {
    let connection = Connection::open(path)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.execute_batch("pragma temp_store=memory; pragma cache_size=-16384; pragma query_only=on")?;
    keep_plans(&connection)?;
    rusqlite::vtab::array::load_module(&connection)?;
    super::text::register(&connection)?;
    Ok(connection)
}

/// Opens a connection that only makes checkpoints.
pub(super) fn open_checkpointer(path: &Path) -> Result<Connection, Error> {
    let connection = Connection::open(path)?;
    connection.execute_batch("pragma synchronous=normal; pragma cache_size=-256; pragma wal_autocheckpoint=0")?;
    Ok(connection)
}

impl From<rusqlite::Error> for Error {
    fn from(error: rusqlite::Error) -> Self {
        let text = error.to_string();
        let rusqlite::Error::SqliteFailure(failure, _) = &error else { return Self::Engine(text) };
        match (failure.code, failure.extended_code) {
            (ErrorCode::DiskFull, _) => Self::DiskFull(text),
            (_, rusqlite::ffi::SQLITE_IOERR_WRITE | rusqlite::ffi::SQLITE_IOERR_SHMSIZE) => Self::NotWritten(text),
            (ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked, _) => Self::Locked(text),
            (ErrorCode::OperationInterrupted, _) => Self::Timeout,
            (ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase, _) => Self::Damaged(text),
            (ErrorCode::ReadOnly | ErrorCode::CannotOpen | ErrorCode::PermissionDenied, _) => Self::NotWritable(text),
            (_, rusqlite::ffi::SQLITE_CONSTRAINT_UNIQUE | rusqlite::ffi::SQLITE_CONSTRAINT_PRIMARYKEY) => {
                Self::Unique(text)
            }
            (_, rusqlite::ffi::SQLITE_CONSTRAINT_FOREIGNKEY) => Self::ForeignKey(text),
            (ErrorCode::ConstraintViolation, _) => Self::Check(text),
            _ => Self::Engine(text),
        }
    }
}

impl rusqlite::ToSql for Param<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(match self {
            Self::Null => ToSqlOutput::Borrowed(ValueRef::Null),
            Self::Int(value) => ToSqlOutput::Borrowed(ValueRef::Integer(*value)),
            Self::Text(value) => ToSqlOutput::Borrowed(ValueRef::Text(value.as_bytes())),
            Self::Blob(value) => ToSqlOutput::Borrowed(ValueRef::Blob(value)),
            Self::Ints(values) => list(values.iter().copied()),
            Self::Texts(values) => list(values.iter().map(|text| (*text).to_owned())),
        })
    }
}

/// A list that a statement reads as a table of one column, `rarray`. The name is also the type of the pointer that is
/// handed over, which is how that table knows it.
fn list<T: Into<Value>>(values: impl Iterator<Item = T>) -> ToSqlOutput<'static> {
    ToSqlOutput::from_rc(std::rc::Rc::new(values.map(Into::into).collect::<Vec<Value>>()), c"rarray")
}

struct SqliteRow<'a>(&'a rusqlite::Row<'a>);

impl SqliteRow<'_> {
    fn shape(&self, column: usize, wanted: &str) -> Error {
        let name = self.0.as_ref().column_name(column).unwrap_or("?").to_owned();
        Error::Shape(format!("column {name} is not {wanted}"))
    }
}

impl Row for SqliteRow<'_> {
    fn opt_int(&self, column: usize) -> Result<Option<i64>, Error> {
        match self.0.get_ref(column)? {
            ValueRef::Null => Ok(None),
            ValueRef::Integer(value) => Ok(Some(value)),
            _ => Err(self.shape(column, "an integer")),
        }
    }
    fn opt_text(&self, column: usize) -> Result<Option<&str>, Error> {
        match self.0.get_ref(column)? {
            ValueRef::Null => Ok(None),
            ValueRef::Text(value) => std::str::from_utf8(value).map(Some).map_err(|_| self.shape(column, "UTF-8")),
            _ => Err(self.shape(column, "text")),
        }
    }
    fn opt_blob(&self, column: usize) -> Result<Option<&[u8]>, Error> {
        match self.0.get_ref(column)? {
            ValueRef::Null => Ok(None),
            ValueRef::Blob(value) => Ok(Some(value)),
            _ => Err(self.shape(column, "bytes")),
        }
    }
}

/// A transaction (or a read) over a connection.
pub(super) struct SqliteTx<'a> {
    connection: &'a Connection,
    /// Statements that the transaction has used: a page runs the same few hundreds of times, and the connection's own
    /// cache hashes the whole text at each look-up.
    in_hand: Vec<InHand<'a>>,
    definitions: u64,
    /// Signals to send once it has committed.
    pub signals: u8,
    /// That the file system had no room for what was written so far.
    pub refused: Option<Error>,
    /// Where ids of new rows come from; absent where nothing can be written.
    sequences: Option<&'a RefCell<Sequences>>,
    /// How they stood at each savepoint that is open.
    marks: Vec<Mark>,
    /// Rows of the outbox that are not written yet.
    gathered: Gathered,
}

/// Most statements that a transaction keeps in hand; those of a page fit in.
const IN_HAND: usize = 16;

struct InHand<'a> {
    /// Where the text lies: quick to compare. Another text may come to lie there later, so that it is compared too.
    address: usize,
    text: String,
    prepared: CachedStatement<'a>,
}

impl<'a> SqliteTx<'a> {
    /// Over a connection on which a transaction has begun.
    pub fn new(connection: &'a Connection) -> Self {
        Self {
            connection,
            in_hand: Vec::new(),
            definitions: 0,
            signals: 0,
            refused: None,
            sequences: None,
            marks: Vec::new(),
            gathered: Gathered::default(),
        }
    }

    /// The same for a transaction that writes.
    pub fn writing(connection: &'a Connection, sequences: &'a RefCell<Sequences>) -> Self {
        Self { sequences: Some(sequences), ..Self::new(connection) }
    }

    /// Writes the rows of the outbox that were gathered.
    pub fn write_gathered(&mut self) -> Result<(), Error> {
        static INSERT: Statement = Statement::own(
            "insert into outbox(id, model, record, op, backend, chain, actor, changed, at) \
             select ?1 + r.rowid, ?2, r.value, ?3, ?4, ?5, ?6, ?7, ?8 from rarray(?9) r",
        );
        let gathered = std::mem::take(&mut self.gathered);
        let Some(rows) = gathered.rows() else { return Ok(()) };
        if let Some(row) = rows.alone() {
            return outbox::insert(self, &row);
        }
        let sequences = self.sequences.ok_or_else(read_only)?;
        let first = sequences.borrow_mut().next_of(&mut &*self.connection, "outbox", rows.count());
        let first = self.noted(first)?;
        let params = rows.params(first);
        refuse_nul(&params)?;
        let written = self.prepared(&INSERT)?.execute(rusqlite::params_from_iter(&params));
        self.noted(written.map_err(Error::from))?;
        Ok(())
    }

    /// Forgets the rows of the outbox that were gathered: what they tell of is undone.
    pub fn forget_gathered(&mut self) {
        self.gathered = Gathered::default();
    }

    /// A statement that names the outbox finds all of it.
    fn before(&mut self, statement: &Statement) -> Result<(), Error> {
        if !self.gathered.is_empty() && statement.names_outbox() { self.write_gathered() } else { Ok(()) }
    }

    /// Runs a statement; answers how many rows it changed, and the id that was given for it.
    fn run(&mut self, statement: &Statement, params: &[Param<'_>]) -> Result<(u64, Option<i64>), Error> {
        refuse_nul(params)?;
        self.before(statement)?;
        let id = match (statement.numbers(), self.sequences) {
            (Some(table), Some(sequences)) => {
                let id = sequences.borrow_mut().next(&mut &*self.connection, table);
                Some(self.noted(id)?)
            }
            (Some(_), None) => return Err(read_only()),
            (None, _) => None,
        };
        let given = id.map(Param::Int);
        let count = self.prepared(statement)?.execute(rusqlite::params_from_iter(params.iter().chain(&given)));
        Ok((self.noted(count.map_err(Error::from))? as u64, id))
    }

    /// Remembers where the file system had no room: SQLite has then ended the transaction.
    fn noted<T>(&mut self, result: Result<T, Error>) -> Result<T, Error> {
        if let Err(error @ (Error::DiskFull(_) | Error::NotWritten(_))) = &result {
            self.refused = Some(error.clone());
        }
        result
    }

    fn prepared(&mut self, statement: &Statement) -> Result<&mut CachedStatement<'a>, Error> {
        let text = statement.sqlite();
        let address = text.as_ptr().addr();
        let known = self.in_hand.iter().position(|one| one.address == address && one.text == text);
        let at = match known {
            Some(at) => at,
            None => {
                if self.in_hand.len() >= IN_HAND {
                    self.in_hand.remove(0);
                }
                let prepared = self.connection.prepare_cached(text)?;
                self.in_hand.push(InHand { address, text: text.to_owned(), prepared });
                self.in_hand.len() - 1
            }
        };
        Ok(&mut self.in_hand[at].prepared)
    }
}

fn read_only() -> Error {
    Error::Engine("this transaction can't write".to_owned())
}

/// How much a transaction has changed so far. SQLite does not count definitions, so we do.
#[derive(PartialEq, Eq)]
pub(super) struct Changes(u64, u64);

impl Changes {
    /// Up to now.
    pub fn of(tx: &SqliteTx<'_>) -> Self {
        Self(tx.connection.total_changes(), tx.definitions)
    }
}

/// Not every engine can store the character.
pub(super) fn refuse_nul(params: &[Param<'_>]) -> Result<(), Error> {
    // Most texts are short: setting up a wide search costs more than it saves.
    let has_nul = |text: &str| match text.as_bytes() {
        long if long.len() > 64 => memchr::memchr(0, long).is_some(),
        // Without leaving early, so that it is a few wide comparisons.
        short => short.iter().fold(false, |found, byte| found | (*byte == 0)),
    };
    let found = params.iter().any(|param| match param {
        Param::Text(text) => has_nul(text),
        Param::Texts(texts) => texts.iter().any(|text| has_nul(text)),
        _ => false,
    });
    if found { Err(Error::Nul) } else { Ok(()) }
}

fn read_each(
    statement: &mut CachedStatement<'_>,
    params: &[Param<'_>],
    each: &mut dyn FnMut(&dyn Row) -> Result<(), Error>,
) -> Result<(), Error> {
    let mut rows = statement.query(rusqlite::params_from_iter(params))?;
    while let Some(row) = rows.next()? {
        each(&SqliteRow(row))?;
    }
    Ok(())
}

impl Tx for SqliteTx<'_> {
    fn execute(&mut self, statement: &Statement, params: &[Param<'_>]) -> Result<u64, Error> {
        Ok(self.run(statement, params)?.0)
    }
    fn insert(&mut self, statement: &Statement, params: &[Param<'_>]) -> Result<i64, Error> {
        let (_, id) = self.run(statement, params)?;
        Ok(id.unwrap_or_else(|| self.connection.last_insert_rowid()))
    }
    fn visit(
        &mut self,
        statement: &Statement,
        params: &[Param<'_>],
        each: &mut dyn FnMut(&dyn Row) -> Result<(), Error>,
    ) -> Result<(), Error> {
        refuse_nul(params)?;
        self.before(statement)?;
        let visited = read_each(self.prepared(statement)?, params, each);
        self.noted(visited)
    }
    fn log(&mut self, row: &NewRow<'_>) -> Result<(), Error> {
        if self.sequences.is_none() {
            return Err(read_only());
        }
        if !self.gathered.takes(row) {
            self.write_gathered()?;
        }
        self.gathered.add(row);
        Ok(())
    }
    fn signal(&mut self, signal: Signal) {
        self.signals |= signal.bit();
    }
    fn define(&mut self, ddl: &str) -> Result<(), Error> {
        self.write_gathered()?;
        self.definitions += 1;
        Ok(self.connection.execute_batch(&super::statement::sqlite(ddl))?)
    }
    fn refer(&mut self, _: &str, _: &str, _: &str) -> Result<(), Error> {
        // It stands in the definition of the column.
        Ok(())
    }
    fn open_savepoint(&mut self) -> Result<(), Error> {
        // What was gathered before is no part of what may be undone.
        self.write_gathered()?;
        self.connection.prepare_cached("savepoint inner_work")?.execute([])?;
        self.marks.extend(self.sequences.map(|sequences| sequences.borrow().mark()));
        Ok(())
    }
    fn close_savepoint(&mut self, keep: bool) -> Result<(), Error> {
        let mark = self.marks.pop();
        if !keep {
            self.forget_gathered();
            if let (Some(sequences), Some(mark)) = (self.sequences, mark) {
                sequences.borrow_mut().go_back(mark);
            }
            self.connection.prepare_cached("rollback to inner_work")?.execute([])?;
        }
        self.connection.prepare_cached("release inner_work")?.execute([])?;
        Ok(())
    }
}

//! A transaction on PostgreSQL. There a statement that fails spoils the transaction, while closures may go on after it as
//! on SQLite: where one does, it runs again *carefully*, with a savepoint around each statement.

use std::time::Instant;

use super::{
    super::{
        Error, Param, Row, Signal, Statement, Tx, outbox,
        sequence::{Mark, Sequences},
        sqlite::refuse_nul,
    },
    dialect,
    link::{Link, insert_text},
    value::PostgresRow,
};

/// A transaction (or a read) over a connection.
pub(super) struct PostgresTx<'a> {
    link: &'a mut Link,
    /// Where ids of new rows come from; absent where nothing can be written.
    sequences: Option<&'a mut Sequences>,
    /// How sequences and references stood at each savepoint that is open.
    marks: Vec<(Option<Mark>, usize)>,
    /// References that are made when the closure ends, as statements.
    references: Vec<String>,
    /// A savepoint around each statement.
    pub is_careful: bool,
    /// A statement has failed, and nothing works until its savepoint is undone.
    is_broken: bool,
    /// Something was asked of it while it was broken.
    is_spoilt: bool,
    /// Signals to send once it has committed.
    pub signals: u8,
    /// Rows that were changed, and definitions.
    pub changes: u64,
    /// That the server had no room for what was written so far.
    pub refused: Option<Error>,
    until: Option<Instant>,
}

impl<'a> PostgresTx<'a> {
    /// For reading, until then.
    pub fn reading(link: &'a mut Link, until: Instant) -> Self {
        Self { until: Some(until), ..Self::over(link, None) }
    }

    /// For writing.
    pub fn writing(link: &'a mut Link, sequences: &'a mut Sequences) -> Self {
        Self::over(link, Some(sequences))
    }

    fn over(link: &'a mut Link, sequences: Option<&'a mut Sequences>) -> Self {
        Self {
            link,
            sequences,
            marks: Vec::new(),
            references: Vec::new(),
            is_careful: false,
            is_broken: false,
            is_spoilt: false,
            signals: 0,
            changes: 0,
            refused: None,
            until: None,
        }
    }

    /// Whether what was done since can only be undone.
    pub fn is_unusable(&self) -> bool {
        self.is_broken || self.is_spoilt
    }

    /// The connection, between two closures.
    pub fn link(&mut self) -> &mut Link {
        self.link
    }

    /// The closure has ended well: makes the references that it wants.
    pub fn make_references(&mut self) -> Result<(), Error> {
        let references = std::mem::take(&mut self.references);
        references.iter().try_for_each(|text| self.step(|link| link.batch(text)))
    }

    /// The closure has failed.
    pub fn forget_references(&mut self) {
        self.references.clear();
    }

    /// Where ids come from, between two closures.
    pub fn sequences(&mut self) -> Option<&mut Sequences> {
        self.sequences.as_deref_mut()
    }

    /// Runs one statement.
    fn step<T>(&mut self, run: impl FnOnce(&mut Link) -> Result<T, Error>) -> Result<T, Error> {
        if self.is_broken {
            self.is_spoilt = true;
            return Err(Error::Broken);
        }
        if self.until.is_some_and(|until| Instant::now() > until) {
            return Err(Error::Timeout);
        }
        if self.is_careful {
            self.link.batch("savepoint one_statement")?;
        }
        let result = run(self.link);
        if let Err(error @ (Error::DiskFull(_) | Error::NotWritten(_))) = &result {
            self.refused = Some(error.clone());
        }
        match (&result, self.is_careful) {
            (Ok(_), true) => self.link.batch("release one_statement")?,
            (Err(_), true) => self.link.batch("rollback to one_statement; release one_statement")?,
            (Err(_), false) => self.is_broken = true,
            (Ok(_), false) => {}
        }
        result
    }

    /// The id that the store gives to the new row, where it does.
    fn next_id(&mut self, statement: &Statement) -> Result<Option<i64>, Error> {
        match (statement.numbers(), &mut self.sequences) {
            (None, _) => Ok(None),
            (Some(_), None) => Err(Error::Engine("this transaction can't write".to_owned())),
            (Some(_), Some(_)) if self.is_broken => {
                self.is_spoilt = true;
                Err(Error::Broken)
            }
            (Some(table), Some(sequences)) => {
                let id = sequences.next(self.link, table);
                if id.is_err() {
                    self.is_broken = true;
                }
                id.map(Some)
            }
        }
    }
}

fn all<'a>(params: &'a [Param<'a>], id: Option<&'a Param<'a>>) -> Vec<&'a Param<'a>> {
    params.iter().chain(id).collect()
}

impl Tx for PostgresTx<'_> {
    fn execute(&mut self, statement: &Statement, params: &[Param<'_>]) -> Result<u64, Error> {
        refuse_nul(params)?;
        let id = self.next_id(statement)?.map(Param::Int);
        let changed = self.step(|link| link.execute(statement.postgres(), &all(params, id.as_ref())))?;
        self.changes += changed;
        Ok(changed)
    }

    fn insert(&mut self, statement: &Statement, params: &[Param<'_>]) -> Result<i64, Error> {
        refuse_nul(params)?;
        if let Some(id) = self.next_id(statement)? {
            let given = Param::Int(id);
            self.step(|link| link.execute(statement.postgres(), &all(params, Some(&given))))?;
            self.changes += 1;
            return Ok(id);
        }
        let rows = self.step(|link| link.query(&insert_text(statement), &all(params, None)))?;
        self.changes += 1;
        match rows.first() {
            Some(row) => (&PostgresRow(row) as &dyn Row).int(0),
            None => Err(Error::Shape("nothing was inserted".to_owned())),
        }
    }

    fn log(&mut self, row: &outbox::NewRow<'_>) -> Result<(), Error> {
        outbox::insert(self, row)
    }

    fn visit(
        &mut self,
        statement: &Statement,
        params: &[Param<'_>],
        each: &mut dyn FnMut(&dyn Row) -> Result<(), Error>,
    ) -> Result<(), Error> {
        refuse_nul(params)?;
        let id = self.next_id(statement)?.map(Param::Int);
        let rows = self.step(|link| link.query(statement.postgres(), &all(params, id.as_ref())))?;
        if !statement.text().trim_start().starts_with("select") {
            // What returns rows of a change has changed something, as far as we know.
            self.changes += 1;
        }
        rows.iter().try_for_each(|row| each(&PostgresRow(row)))
    }

    fn signal(&mut self, signal: Signal) {
        self.signals |= signal.bit();
    }

    fn define(&mut self, ddl: &str) -> Result<(), Error> {
        self.step(|link| link.batch(&dialect::definition(ddl)))?;
        self.changes += 1;
        Ok(())
    }

    fn refer(&mut self, table: &str, column: &str, to: &str) -> Result<(), Error> {
        let text = format!("alter table \"{table}\" add foreign key (\"{column}\") references \"{to}\"(id)");
        self.references.push(dialect::translate(&text));
        Ok(())
    }

    fn open_savepoint(&mut self) -> Result<(), Error> {
        if self.is_broken {
            self.is_spoilt = true;
            return Err(Error::Broken);
        }
        self.link.batch("savepoint inner_work")?;
        self.marks.push((self.sequences.as_ref().map(|sequences| sequences.mark()), self.references.len()));
        Ok(())
    }

    fn close_savepoint(&mut self, keep: bool) -> Result<(), Error> {
        let (mark, references) = self.marks.pop().unwrap_or_default();
        if keep && self.is_broken {
            self.is_spoilt = true;
            return Err(Error::Broken);
        }
        if keep {
            return self.link.batch("release inner_work");
        }
        if let (Some(sequences), Some(mark)) = (&mut self.sequences, mark) {
            sequences.go_back(mark);
        }
        self.references.truncate(references);
        self.link.batch("rollback to inner_work; release inner_work")?;
        self.is_broken = false;
        Ok(())
    }
}

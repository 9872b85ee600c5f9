//! Ids of rows in tables that get many rows. Each id is given once, even where its row is removed later.
//!
//! SQLite's `autoincrement` keeps the same promise by searching a table of all sequences, and writing to it, at every
//! insert. The writer is the only one that inserts, on PostgreSQL too, so it keeps count itself and reserves ids in blocks,
//! in the transaction that uses the first of a block. Ids of a reserved block that a killed process had left are never
//! given.

use std::collections::HashMap;

use rusqlite::{Connection, OptionalExtension as _};

use super::{Error, Statement};

/// Ids that are reserved at once, and that a killed process may leave out.
const BLOCK: i64 = 100;

/// What is left to give, by table.
#[derive(Debug, Default)]
pub(super) struct Sequences {
    numbers: HashMap<String, usize>,
    left: Vec<Option<Left>>,
}

#[derive(Debug, Clone, Copy)]
struct Left {
    next: i64,
    /// The last one that is reserved.
    last: i64,
}

/// How sequences stood, to go back to with the transaction.
#[derive(Debug)]
pub(super) struct Mark(Vec<Option<Left>>);

impl Sequences {
    /// The next id of a table.
    pub fn next(&mut self, book: &mut impl Book, table: &str) -> Result<i64, Error> {
        self.next_of(book, table, 1)
    }

    /// The next ids of a table, that many in a row; answers the first.
    pub fn next_of(&mut self, book: &mut impl Book, table: &str, count: i64) -> Result<i64, Error> {
        let at = match self.numbers.get(table) {
            Some(at) => *at,
            None => {
                self.numbers.insert(table.to_owned(), self.numbers.len());
                self.numbers.len() - 1
            }
        };
        if self.left.len() <= at {
            self.left.resize(at + 1, None);
        }
        let mut left = match self.left[at] {
            Some(left) => left,
            None => {
                let last = book.last(table)?;
                Left { next: last + 1, last }
            }
        };
        if left.next + count - 1 > left.last {
            left.last = left.next + count.max(BLOCK) - 1;
            book.reserve(table, left.last)?;
        }
        let id = left.next;
        left.next += count;
        self.left[at] = Some(left);
        Ok(id)
    }

    /// How they stand.
    pub fn mark(&self) -> Mark {
        Mark(self.left.clone())
    }

    /// What was given since was given in vain: the rows, and the reservations, are undone.
    pub fn go_back(&mut self, mark: Mark) {
        self.left = mark.0;
    }

    /// Gives back what is reserved and not used, at an orderly end.
    pub fn give_back(&mut self, book: &mut impl Book) -> Result<(), Error> {
        for (table, at) in &self.numbers {
            if let Some(Some(left)) = self.left.get(*at)
                && left.next <= left.last
            {
                book.reserve(table, left.next - 1)?;
            }
        }
        self.left.clear();
        Ok(())
    }
}

/// Where it is written down which ids are reserved.
pub(super) trait Book {
    /// The last one that is reserved for a table; 0 where none is.
    fn last(&mut self, table: &str) -> Result<i64, Error>;
    /// All up to this one are reserved.
    fn reserve(&mut self, table: &str, last: i64) -> Result<(), Error>;
}

/// The table of reservations.
pub(super) const DEFINITION: &str =
    "create table if not exists reserved_id(table_name text primary key, last bigint not null)";
/// Reserves; the same for every engine.
pub(super) static RESERVE: Statement = Statement::new(
    "insert into reserved_id(table_name, last) values (?1, ?2) on conflict (table_name) do update set last = ?2",
);
/// What is reserved.
pub(super) static RESERVED: Statement = Statement::new("select last from reserved_id where table_name = ?1");

impl Book for &Connection {
    fn last(&mut self, table: &str) -> Result<i64, Error> {
        let mut select = self.prepare_cached(RESERVED.sqlite())?;
        Ok(select.query_row([table], |row| row.get(0)).optional()?.unwrap_or_default())
    }

    fn reserve(&mut self, table: &str, last: i64) -> Result<(), Error> {
        let mut upsert = self.prepare_cached(RESERVE.sqlite())?;
        upsert.execute(rusqlite::params![table, last])?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn database() -> Connection {
        let connection = Connection::open_in_memory().expect("a database");
        connection.execute_batch(DEFINITION).expect("a table");
        connection
    }

    fn take(sequences: &mut Sequences, connection: &Connection, count: usize) -> Vec<i64> {
        (0..count).map(|_| sequences.next(&mut &*connection, "t").expect("an id")).collect()
    }

    #[test]
    fn ids_rise_and_tables_count_for_themselves() {
        let (connection, mut sequences) = (database(), Sequences::default());
        let wanted: Vec<i64> = (1..=250).collect();
        assert_eq!(take(&mut sequences, &connection, 250), wanted);
        assert_eq!(sequences.next(&mut &connection, "u").expect("an id"), 1);
        assert_eq!(take(&mut sequences, &connection, 1), [251]);
    }

    #[test]
    fn no_id_comes_twice_after_a_kill_and_none_is_left_out_after_an_orderly_end() {
        let connection = database();
        assert_eq!(take(&mut Sequences::default(), &connection, 2), [1, 2]);
        let mut second = Sequences::default();
        assert_eq!(take(&mut second, &connection, 2), [101, 102]);
        second.give_back(&mut &connection).expect("given back");
        assert_eq!(take(&mut Sequences::default(), &connection, 1), [103]);
    }

    #[test]
    fn ids_in_a_row_go_on_where_the_last_one_was_and_are_reserved() {
        let (connection, mut sequences) = (database(), Sequences::default());
        assert_eq!(take(&mut sequences, &connection, 1), [1]);
        for (count, first) in [(60, 2), (60, 62), (250, 122), (1, 372)] {
            assert_eq!(sequences.next_of(&mut &connection, "t", count).expect("ids"), first);
        }
        let after = Sequences::default().next(&mut &connection, "t").expect("an id");
        assert!(after > 372, "{after} was given already");
    }

    #[test]
    fn what_is_undone_is_given_again() {
        let (connection, mut sequences) = (database(), Sequences::default());
        connection.execute_batch("begin").expect("begun");
        let mark = sequences.mark();
        assert_eq!(take(&mut sequences, &connection, 3), [1, 2, 3]);
        connection.execute_batch("rollback").expect("undone");
        sequences.go_back(mark);
        assert_eq!(take(&mut sequences, &connection, 100).len(), 100);
        let mark = sequences.mark();
        connection.execute_batch("begin").expect("begun");
        assert_eq!(take(&mut sequences, &connection, 1), [101]);
        connection.execute_batch("rollback").expect("undone");
        sequences.go_back(mark);
        // The reservation was undone too, so it is made again.
        assert_eq!(take(&mut sequences, &connection, 1), [101]);
        assert_eq!(take(&mut Sequences::default(), &connection, 1), [201]);
    }
}

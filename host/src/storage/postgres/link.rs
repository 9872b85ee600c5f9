//! One connection: statements prepared once, and what comes of running them. It blocks, and ends on the thread that uses
//! it; it decides nothing about transactions.

use std::{sync::Arc, time::Duration};

use postgres::{Client, NoTls, types::ToSql, types::Type};

use super::{
    super::{Error, Param, Statement, sequence},
    address::Address,
    value::type_of,
};
use crate::base::Map;

/// Statements that are kept prepared: searches are made at run time, and there is no end of them.
const KEPT: usize = 512;

/// A connection.
pub(in super::super) struct Link {
    client: Client,
    prepared: Map<String, Vec<Arc<Prepared>>>,
    count: usize,
}

struct Prepared {
    statement: postgres::Statement,
}

impl Prepared {
    /// Whether it takes these parameters. NULL is sent as whatever type it is.
    fn takes(&self, params: &[Param<'_>]) -> bool {
        let known = self.statement.params();
        known.len() == params.len()
            && known.iter().zip(params).all(|(known, param)| matches!(param, Param::Null) || *known == type_of(param))
    }
}

impl Link {
    /// Connects. A server that hangs is noticed by the limits of the address.
    pub fn open(address: &Address) -> Result<Self, Error> {
        let client = address.config.connect(NoTls)?;
        Ok(Self { client, prepared: Map::default(), count: 0 })
    }

    /// Whether it was lost.
    pub fn is_lost(&self) -> bool {
        self.client.is_closed()
    }

    /// Runs texts without parameters, as many as stand there.
    pub fn batch(&mut self, text: &str) -> Result<(), Error> {
        Ok(self.client.batch_execute(text)?)
    }

    /// The first value of the last row that texts without parameters answer.
    pub fn ask(&mut self, text: &str) -> Result<Option<String>, Error> {
        let messages = self.client.simple_query(text)?;
        Ok(messages.iter().rev().find_map(|message| match message {
            postgres::SimpleQueryMessage::Row(row) => row.get(0).map(str::to_owned),
            _ => None,
        }))
    }

    /// Runs a statement; answers how many rows it changed.
    pub fn execute(&mut self, text: &str, params: &[&Param<'_>]) -> Result<u64, Error> {
        let prepared = self.prepare(text, params)?;
        Ok(self.client.execute(&prepared.statement, &given(params))?)
    }

    /// Runs a query.
    pub fn query(&mut self, text: &str, params: &[&Param<'_>]) -> Result<Vec<postgres::Row>, Error> {
        let prepared = self.prepare(text, params)?;
        Ok(self.client.query(&prepared.statement, &given(params))?)
    }

    fn prepare(&mut self, text: &str, params: &[&Param<'_>]) -> Result<Arc<Prepared>, Error> {
        let owned: Vec<Param<'_>> = params.iter().map(|param| **param).collect();
        let found = self.prepared.get(text).and_then(|all| all.iter().find(|one| one.takes(&owned)));
        if let Some(found) = found {
            return Ok(Arc::clone(found));
        }
        if self.count >= KEPT {
            self.prepared.clear();
            self.count = 0;
        }
        let types: Vec<Type> = owned.iter().map(type_of).collect();
        let prepared = Arc::new(Prepared { statement: self.client.prepare_typed(text, &types)? });
        self.prepared.entry(text.to_owned()).or_default().push(Arc::clone(&prepared));
        self.count += 1;
        Ok(prepared)
    }

    /// Waits for the lock of the session that says: this process is the one that writes here. It ends with the session.
    pub fn take_ownership(&mut self, patience: Duration) -> Result<(), Error> {
        // A backend of ours that was killed or cut off lets go as soon as its server notices.
        self.batch(&format!("set lock_timeout = {}", patience.as_millis()))?;
        let taken = self.batch("select pg_advisory_lock(1112100420, hashtext(current_schema()))");
        self.batch("set lock_timeout = 0")?;
        taken.map_err(|error| match error {
            Error::Locked(_) => Error::Locked("it works in this database".to_owned()),
            error => error,
        })
    }
}

fn given<'a>(params: &'a [&'a Param<'a>]) -> Vec<&'a (dyn ToSql + Sync)> {
    params.iter().map(|param| *param as &(dyn ToSql + Sync)).collect()
}

impl sequence::Book for Link {
    fn last(&mut self, table: &str) -> Result<i64, Error> {
        let rows = self.query(sequence::RESERVED.postgres(), &[&Param::Text(table)])?;
        let last = rows.first().map(|row| row.try_get(0)).transpose();
        Ok(last.map_err(|error| Error::Shape(error.to_string()))?.unwrap_or_default())
    }

    fn reserve(&mut self, table: &str, last: i64) -> Result<(), Error> {
        self.execute(sequence::RESERVE.postgres(), &[&Param::Text(table), &Param::Int(last)])?;
        Ok(())
    }
}

/// The text that is sent for an insert: it answers the id where the store does not give it.
pub(super) fn insert_text(statement: &Statement) -> String {
    format!("{} returning id", statement.postgres())
}

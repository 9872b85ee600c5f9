//! What a connector keeps between calls: cursors by kind, and values of its own; and the checkpoint that commits early.

use bindery_contract::{Frame, op::Done, service};
use serde_json::value::RawValue;

use super::{
    ask::Ask,
    record::text,
    refusal::{Refusal, Told},
};
use crate::{
    plugin::{
        commit::{self, commit},
        write::What,
    },
    queue,
    record::{cursor, kv},
    storage::{Durability, Tx},
};

/// Bytes of a key.
const MOST_KEY: usize = 200;
/// Bytes of a value.
const MOST_VALUE: usize = 1 << 20;

impl Ask<'_> {
    pub(super) async fn cursor(&self, frame: &Frame<'_>) -> Result<Vec<u8>, Told> {
        let service::Key { key } = frame.header()?;
        self.own_kind(&key)?;
        let waiting = self.scope.last(|write| match &write.what {
            What::Cursor { kind, value, state_format } if *kind == key => Some((value.clone(), *state_format)),
            _ => None,
        });
        let (value, format) = match waiting {
            Some(waiting) => waiting,
            None => {
                let (backend, kind) = (self.backend(), key.clone());
                let read = self.services.store.read(move |tx| -> Result<_, Told> {
                    let cursor = cursor::get(tx, backend, &kind)?;
                    Ok((cursor.value, cursor.state_format))
                });
                read.await?
            }
        };
        let value = value.map(|value| serde_json::Value::from(value).to_string());
        self.stored(&format!("the cursor of {key}"), value, format)
    }

    pub(super) fn set_cursor(&self, frame: &Frame<'_>) -> Result<Vec<u8>, Told> {
        let service::Key { key: kind } = frame.header()?;
        self.own_kind(&kind)?;
        let value: Option<String> = serde_json::from_slice(frame.segment(0)?)
            .map_err(|_| Refusal::Wrong(format!("the cursor of {kind} is a text, or null")))?;
        self.push(What::Cursor { kind, value, state_format: self.owner.state_format })?;
        Ok(Frame::encode(&Done {}, &[])?)
    }

    pub(super) async fn kv(&self, frame: &Frame<'_>) -> Result<Vec<u8>, Told> {
        let service::Key { key } = frame.header()?;
        let waiting = self.scope.last(|write| match &write.what {
            What::Stored { key: known, value, state_format } if *known == key => Some((value.clone(), *state_format)),
            _ => None,
        });
        let (value, format) = match waiting {
            Some(waiting) => waiting,
            None => {
                let (backend, key) = (self.backend(), key.clone());
                let read = self.services.store.read(move |tx| -> Result<_, Told> { Ok(kv::text(tx, backend, &key)?) });
                read.await?.map_or((None, 0), |(value, format)| (Some(value), format))
            }
        };
        self.stored(&format!("the value {key:?}"), value, format)
    }

    pub(super) fn set_kv(&self, frame: &Frame<'_>) -> Result<Vec<u8>, Told> {
        let service::Key { key } = frame.header()?;
        let value = text(frame.segment(0)?)?;
        let wrong = |why: String| Told::from(Refusal::Wrong(why));
        if key.is_empty() || key.len() > MOST_KEY {
            return Err(wrong(format!("a key has 1 to {MOST_KEY} bytes")));
        }
        if value.len() > MOST_VALUE {
            return Err(wrong(format!("the value {key:?} has {} bytes; {MOST_VALUE} are allowed", value.len())));
        }
        serde_json::from_str::<&RawValue>(value).map_err(|error| wrong(format!("the value {key:?}: {error}")))?;
        self.store(key, Some(value.to_owned()).filter(|value| value.trim() != "null"))
    }

    pub(super) fn delete_kv(&self, frame: &Frame<'_>) -> Result<Vec<u8>, Told> {
        let service::Key { key } = frame.header()?;
        self.store(key, None)
    }

    pub(super) async fn list_kv(&self, frame: &Frame<'_>) -> Result<Vec<u8>, Told> {
        let service::Key { key: start } = frame.header()?;
        let backend = self.backend();
        let read = self.services.store.read(move |tx| -> Result<_, Told> { Ok(kv::keys(tx, backend)?) });
        let mut keys: std::collections::BTreeSet<String> = read.await?.into_iter().collect();
        for what in self.scope.writes().iter() {
            match what {
                What::Stored { key, value: Some(_), .. } => keys.insert(key.clone()),
                What::Stored { key, value: None, .. } => keys.remove(key),
                _ => false,
            };
        }
        let keys = keys.into_iter().filter(|key| key.starts_with(&start)).collect();
        Ok(Frame::encode(&service::Keys { keys }, &[])?)
    }

    /// Commits what this call has written so far. Where that fails, what it covered is gone.
    pub(super) async fn checkpoint(&self) -> Result<Vec<u8>, Told> {
        let done = Ok(Frame::encode(&Done {}, &[])?);
        if self.scope.context().is_plan {
            return done;
        }
        let (writes, guard) = (self.scope.take_writes_of(self.call), self.guard());
        if writes.is_empty() {
            return done;
        }
        let (store, rows) = (&self.services.store, writes.len());
        let work = move |tx: &mut dyn Tx| {
            let committed = commit(tx, &writes, &guard)?;
            // A job that moves its cursor comes nearer to its end; one that only writes may write the same for ever.
            if let (true, Some(fence)) = (committed.moved_cursor, &guard.fence) {
                queue::moved_on(tx, fence).map_err(|error| match error {
                    queue::Error::Storage(error) => commit::Error::Storage(error),
                    error => commit::Error::Fenced(error),
                })?;
            }
            Ok::<_, commit::Error>(committed)
        };
        let committed = store.write_weighted(Durability::Durable, rows, work).await?;
        self.scope.committed(&committed.ids);
        done
    }

    fn store(&self, key: String, value: Option<String>) -> Result<Vec<u8>, Told> {
        self.push(What::Stored { key, value, state_format: self.owner.state_format })?;
        Ok(Frame::encode(&Done {}, &[])?)
    }

    fn stored(&self, what: &str, value: Option<String>, state_format: u32) -> Result<Vec<u8>, Told> {
        let known = self.owner.state_format;
        if value.is_some() && state_format > known {
            return Err(Refusal::NewerState { what: what.to_owned(), found: state_format, known }.into());
        }
        let segments: Vec<&[u8]> = value.iter().map(String::as_bytes).collect();
        Ok(Frame::encode(&service::Stored { state_format }, &segments)?)
    }
}

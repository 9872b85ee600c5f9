//! Where a run starts: at the page that an earlier attempt has committed last, at the kind's cursor, or at the beginning.
//!
//! What an earlier build of the connector has stored is brought into the present format here, and only here. A format
//! that is newer than the connector's is refused: a guess would skip records.

use bindery_contract::op;
use serde_json::Value;

use super::{
    Error,
    engine::Engine,
    pipeline::Wish,
    session::{self, Behalf},
    target::Target,
};
use crate::{
    base::{Fault, Timestamp},
    model::job::Fence,
    queue,
    record::cursor::{self, Cursor},
    storage::{Durability, Tx, run},
};

/// Why a run ended of which nobody said so.
pub(super) const ABANDONED: &str = "its job ended before it did";

impl Engine {
    /// The run of this job and kind that an earlier attempt left open, or a new one; and what people should know of it.
    pub(super) async fn begin(
        &self,
        target: &Target,
        wish: &Wish,
        behalf: &Behalf,
    ) -> Result<(run::Run, Option<String>), Error> {
        let note = self.carry_over(target, behalf).await?;
        let begin = Begin {
            target: target.clone(),
            fence: behalf.job.clone(),
            forced: wish.force,
            filtered: !wish.filters.is_empty(),
            now: self.clock.now(),
        };
        let run = self.store.write(Durability::Durable, move |tx| begin.apply(tx)).await?;
        Ok((run, note))
    }

    /// Where a run that is not forced would start, for a look.
    pub(super) async fn since(&self, target: &Target) -> Result<Option<String>, Error> {
        let cursor = self.cursor(target).await?;
        let is_present = stands(target, &cursor)? == Stands::Present;
        Ok(cursor.value.filter(|_| is_present && target.declared.incremental))
    }

    async fn cursor(&self, target: &Target) -> Result<Cursor, Error> {
        let known = target.clone();
        self.store.read(move |tx| Ok(cursor::get(tx, known.session.backend, known.name()).map_err(Fault::from)?)).await
    }

    /// Brings the cursor of a kind into the connector's present format. Where the connector can't, the kind is read from
    /// the beginning; that is said.
    async fn carry_over(&self, target: &Target, behalf: &Behalf) -> Result<Option<String>, Error> {
        if !target.declared.incremental {
            return Ok(None);
        }
        let cursor = self.cursor(target).await?;
        if stands(target, &cursor)? == Stands::Present {
            return Ok(None);
        }
        let format = target.session.manifest.state_format;
        let (from, version) = (cursor.state_format, cursor.version);
        let value = self.migrated(target, behalf, cursor).await?;
        let note = value.is_none().then(|| {
            format!("the cursor of format {from} can't be carried over into format {format}: everything is read anew")
        });
        let (known, fence, now) = (target.clone(), behalf.job.clone(), self.clock.now());
        self.store
            .write(Durability::Durable, move |tx| -> Result<_, Error> {
                check_fence(tx, fence.as_ref())?;
                let by = format!("format {from} to {format}");
                let to = cursor::Move { value: value.as_deref(), state_format: format, by: &by, now };
                cursor::advance(tx, known.session.backend, known.name(), version, &to).map_err(
                    |error| match error {
                        crate::record::Error::CursorChanged { .. } => Error::CursorChanged,
                        error => Error::Below(error.into()),
                    },
                )?;
                Ok(())
            })
            .await?;
        Ok(note)
    }

    async fn migrated(&self, target: &Target, behalf: &Behalf, cursor: Cursor) -> Result<Option<String>, Error> {
        if !target.session.answers(op::MIGRATE_STATE) {
            return Ok(None);
        }
        let request = op::Migrate {
            what: "cursor".to_owned(),
            key: cursor.key,
            from: cursor.state_format,
            value: cursor.value.map(Value::String).unwrap_or_default(),
        };
        let scope = target.session.scope(behalf);
        let answer = target.session.call(&scope, op::MIGRATE_STATE, &request, &[]).await?;
        let migrated: op::Migrated = session::header(op::MIGRATE_STATE, &answer)?;
        Ok(match migrated.value {
            None | Some(Value::Null) => None,
            Some(Value::String(text)) => Some(text),
            Some(other) => Some(other.to_string()),
        })
    }
}

/// How a stored cursor stands to the connector.
#[derive(Debug, PartialEq, Eq)]
enum Stands {
    /// It can be used as it is, or there is none.
    Present,
    /// It is of an older format.
    Older,
}

fn stands(target: &Target, cursor: &Cursor) -> Result<Stands, Error> {
    let known = target.session.manifest.state_format;
    match cursor.state_format {
        _ if cursor.value.is_none() => Ok(Stands::Present),
        // An operator's word on a kind that no run has moved yet: it is meant for the connector that is there.
        0 => Ok(Stands::Present),
        found if found == known => Ok(Stands::Present),
        found if found < known => Ok(Stands::Older),
        found => Err(Error::NewerState { kind: target.name().to_owned(), found, known }),
    }
}

struct Begin {
    target: Target,
    fence: Option<Fence>,
    forced: bool,
    filtered: bool,
    now: Timestamp,
}

impl Begin {
    fn apply(&self, tx: &mut dyn Tx) -> Result<run::Run, Error> {
        let (target, format) = (&self.target, self.target.session.manifest.state_format);
        check_fence(tx, self.fence.as_ref())?;
        let start = self.start(tx)?;
        if let Some(fence) = &self.fence
            && let Some(open) = run::open_of_job(tx, fence.job, target.name(), run::Direction::Import)?
        {
            if open.state_format.is_none_or(|of| of == i64::from(format)) {
                return Ok(open);
            }
            // Its page cursor is of another format: it starts over, from the cursor that was committed last.
            run::restart(tx, open.id, &start)?;
            return found(tx, open.id);
        }
        let id = run::insert(tx, &start)?;
        run::abandon(tx, id, &start, ABANDONED)?;
        found(tx, id)
    }

    fn start(&self, tx: &mut dyn Tx) -> Result<run::Start<'_>, Error> {
        let target = &self.target;
        let cursor = cursor::get(tx, target.session.backend, target.name()).map_err(Fault::from)?;
        let since = cursor.value.filter(|_| target.declared.incremental && !self.forced && !self.filtered);
        Ok(run::Start {
            job: self.fence.as_ref().map(|fence| fence.job),
            backend: target.session.backend,
            kind: target.name(),
            direction: run::Direction::Import,
            now: self.now.0,
            forced: self.forced,
            filtered: self.filtered,
            complete: since.is_none() && !self.filtered,
            since,
            cursor_version: cursor.version,
            state_format: target.session.manifest.state_format,
        })
    }
}

fn found(tx: &mut dyn Tx, id: i64) -> Result<run::Run, Error> {
    run::get(tx, id)?.ok_or_else(|| Error::NotFound { what: format!("run {id}") })
}

pub(super) fn check_fence(tx: &mut dyn Tx, fence: Option<&Fence>) -> Result<(), Error> {
    let Some(fence) = fence else { return Ok(()) };
    queue::check_fence(tx, fence).map_err(|error| match error {
        queue::Error::Stale { .. } => Error::Fenced,
        other => Error::Below(other.into()),
    })
}

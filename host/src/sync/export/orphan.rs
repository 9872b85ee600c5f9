//! Creates whose record was removed here before it was known what became of them. It is looked for there, and goes the way
//! of every removal; what can't be found out is put up for review, and is left to nobody else.

use serde_json::json;

use super::intent::{Found, Intent};
use crate::{
    backend::LocalDeletion,
    model::job::NewJob,
    queue::Outcome,
    storage::{
        Durability, Tx, intent,
        intent::State,
        review::{self, UNKNOWN_CREATE},
    },
    sync::{
        Error,
        engine::Engine,
        session::Behalf,
        target::Target,
        task::{self, ExportDeletion},
    },
};

/// What is known of theirs.
pub(super) enum Theirs {
    /// It is there.
    There(String),
    /// That is all: nothing is to be removed there.
    Over(Outcome),
}

/// The job that clears up after a create whose record is gone.
pub(in crate::sync) fn job(intent: &Intent) -> NewJob {
    let payload = ExportDeletion {
        backend: intent.backend,
        kind: intent.kind.clone(),
        intent: Some(intent.id),
        ..ExportDeletion::default()
    };
    task::export_deletion(&payload)
}

impl Engine {
    /// Finds out what became of a create whose record is gone.
    pub(super) async fn orphan(&self, target: &Target, behalf: &Behalf, id: i64) -> Result<Theirs, Error> {
        let Some(open) = self.store.read(move |tx| intent::get(tx, id)).await? else { return Ok(over("it was bound")) };
        // A send that is under way comes to its end first.
        let _held = self.exporting.take(open.backend, &open.kind, open.record).await;
        let Some(open) = self.store.read(move |tx| intent::get(tx, id)).await? else { return Ok(over("it was bound")) };
        let theirs = match open.state {
            State::Bound => return Ok(over("it was bound")),
            State::Planned => return self.give_up(&open, "nothing was sent").await,
            _ if target.session.business.local_deletion(target.name()) == LocalDeletion::Ignore => {
                return self.give_up(&open, "removals here are ignored there").await;
            }
            State::Known => open.external_id.clone().unwrap_or_default(),
            State::Sent if target.declared.idempotent_create => self.send_intent(target, behalf, &open).await?.id,
            State::Sent | State::Unknown => match self.find(target, behalf, &open).await? {
                Found::One(theirs) => theirs,
                Found::None => return self.give_up(&open, "it was not made there").await,
                Found::Unclear => {
                    let (known, now) = (target.clone(), self.clock.now().0);
                    self.store.write(Durability::Durable, move |tx| put_up(tx, &known, &open, now)).await?;
                    return Ok(over("a person decides"));
                }
            },
        };
        Ok(Theirs::There(theirs))
    }

    /// Theirs is removed, or was found to be gone.
    pub(super) async fn close_orphan(&self, id: i64, theirs: &str) -> Result<(), Error> {
        let (theirs, now) = (theirs.to_owned(), self.clock.now().0);
        self.store
            .write(Durability::Durable, move |tx| -> Result<_, Error> {
                if let Some(open) = intent::get(tx, id)? {
                    intent::close(tx, open.backend, &open.kind, open.record, &theirs, now)?;
                }
                Ok(())
            })
            .await
    }

    async fn give_up(&self, open: &Intent, why: &'static str) -> Result<Theirs, Error> {
        let (id, backend, kind, record, now) =
            (open.id, open.backend, open.kind.clone(), open.record, self.clock.now().0);
        self.store
            .write(Durability::Durable, move |tx| -> Result<_, Error> {
                intent::drop(tx, id)?;
                Ok(review::close_ours(tx, (backend, &kind, UNKNOWN_CREATE, record), review::SENT, now)?)
            })
            .await?;
        Ok(over(why))
    }
}

fn over(why: &str) -> Theirs {
    Theirs::Over(Outcome::Done(json!({ "action": "nothing", "reason": why })))
}

/// Nobody knows whether it is there, and nothing here refers to it any more.
fn put_up(tx: &mut dyn Tx, target: &Target, open: &Intent, now: i64) -> Result<(), Error> {
    intent::put(tx, open.id, State::Unknown, None, open.error.as_deref(), now)?;
    let kind = target.name();
    let reason = format!(
        "record {} was removed here, and nobody knows whether it was created there as {kind}: look for it there",
        open.record
    );
    let hold = review::Hold {
        backend: open.backend,
        kind,
        cause: UNKNOWN_CREATE,
        ours: Some(open.record),
        external_id: "",
        binding: None,
        reason: &reason,
        candidates: "[]",
        payload: &String::from_utf8_lossy(&open.payload),
        external_updated_at: None,
        now,
    };
    Ok(review::hold(tx, &hold)?)
}

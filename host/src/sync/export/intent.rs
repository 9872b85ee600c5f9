//! Creates that are never made twice: an intent is kept before anything is sent, with the exact bytes and one key for all
//! attempts, and whatever stops us in between, the next attempt knows what is known.
//!
//! planned → sent → known → bound. A send whose fate is not known is settled by sending the same again, where the connector
//! says that its key makes that safe; else by a search; else a person decides, and it is never sent again by itself.

use bindery_contract::{ErrorClass, op};
use xxhash_rust::xxh3::xxh3_128;

use super::{
    answer,
    ours::Ours,
    outcome::{Arrived, Fate, Sent},
    prepare::{self, Body},
    send::{self, Answer},
};
use crate::{
    base::{Fault, Timestamp, id::random_hex},
    model::job::Fence,
    queue,
    record::binding,
    storage::{self, Durability, Tx, intent, intent::State, review},
    sync::{
        Error,
        engine::Engine,
        problem::Problem,
        review::UNKNOWN_CREATE,
        session::{self, Asked, Behalf},
        target::Target,
        under_way,
    },
};

pub use intent::Intent;

/// What became of an intent that was found open.
pub enum Settled {
    /// It never went out: the create is planned anew.
    Anew,
    /// The record is bound now.
    Bound,
    /// A person decides.
    Parked(Problem),
}

/// What is known of a create that failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Failed {
    /// The outside system refused it: nothing was made.
    Refused,
    /// It was put off before anything was made.
    PutOff,
    /// Nobody knows.
    Unknown,
}

impl Engine {
    /// Creates a record there, behind an intent.
    pub(super) async fn create(
        &self,
        target: &Target,
        behalf: &Behalf,
        ours: &Ours,
        body: &[u8],
    ) -> Result<Answer, Error> {
        let (known, fence, at) = (target.clone(), behalf.job.clone(), self.circumstances(&target.session, behalf));
        let (key, payload, record) = (random_hex(), body.to_vec(), ours.due.record);
        let sending = ours.sending(target);
        let planned = self
            .store
            .write(Durability::Durable, move |tx| -> Result<_, Error> {
                check(tx, &known, fence.as_ref())?;
                let backend = known.session.backend;
                let bound = binding::bind(tx, backend, &known.kind, None, Some(record), None, &at.change);
                let bound = bound.map_err(Fault::from)?;
                under_way::note(tx, sending.clone().map(|sending| (bound.id, sending)).into_iter().collect())?;
                intent::plan(tx, (backend, known.name(), record), &key, &payload, at.now.0)?;
                Ok(intent::open(tx, backend, known.name(), record)?)
            })
            .await?;
        let planned = planned.ok_or_else(|| Error::Refused("the intent vanished".to_owned()))?;
        self.send_intent(target, behalf, &planned).await
    }

    /// Sends an intent, and keeps what is known of it then.
    pub(super) async fn send_intent(
        &self,
        target: &Target,
        behalf: &Behalf,
        planned: &Intent,
    ) -> Result<Answer, Error> {
        let id = planned.id;
        let (known, fence, now) = (target.clone(), behalf.job.clone(), self.clock.now().0);
        self.store
            .write(Durability::Durable, move |tx| -> Result<_, Error> {
                check(tx, &known, fence.as_ref())?;
                Ok(intent::sent(tx, id, now)?)
            })
            .await?;
        let sent = send::create(target, behalf, &planned.idempotency_key, &planned.payload).await;
        let now = self.clock.now().0;
        match sent {
            Ok(answer) => {
                let theirs = answer.id.clone();
                self.store
                    .write(Durability::Durable, move |tx| intent::put(tx, id, State::Known, Some(&theirs), None, now))
                    .await?;
                Ok(answer)
            }
            Err(error) => {
                let (failed, why) = (fate(&error), error.to_string());
                self.store
                    .write(Durability::Durable, move |tx| match failed {
                        Failed::Refused => intent::drop(tx, id),
                        Failed::PutOff => intent::put(tx, id, State::Planned, None, Some(&why), now),
                        Failed::Unknown => intent::put(tx, id, State::Sent, None, Some(&why), now),
                    })
                    .await?;
                Err(error)
            }
        }
    }

    /// Settles an intent that an earlier attempt has left open.
    pub(super) async fn settle(
        &self,
        target: &Target,
        behalf: &Behalf,
        ours: &Ours,
        open: &Intent,
    ) -> Result<Settled, Error> {
        let id = open.id;
        let mut answer = match open.state {
            State::Planned => {
                self.store.write(Durability::Durable, move |tx| intent::drop(tx, id)).await?;
                return Ok(Settled::Anew);
            }
            State::Known | State::Bound => {
                let theirs = open.external_id.clone().unwrap_or_default();
                Answer { id: theirs, page: None, asked: None }
            }
            State::Unknown => return Ok(Settled::Parked(unknown(target, open))),
            State::Sent if target.declared.idempotent_create => self.send_intent(target, behalf, open).await?,
            State::Sent => match self.find(target, behalf, open).await? {
                Found::One(theirs) => Answer { id: theirs, page: None, asked: None },
                Found::None => {
                    self.store.write(Durability::Durable, move |tx| intent::drop(tx, id)).await?;
                    return Ok(Settled::Anew);
                }
                Found::Unclear => {
                    let problem = unknown(target, open);
                    let (now, open, known) = (self.clock.now(), open.clone(), target.clone());
                    self.store.write(Durability::Durable, move |tx| park(tx, &known, &open, (None, None), now)).await?;
                    return Ok(Settled::Parked(problem));
                }
            },
        };
        let asked = self.as_sent(target, behalf, ours, open).await?;
        if asked.is_some() {
            send::read_back(target, behalf, &mut answer).await;
        }
        let theirs = match answer.page.take().filter(|_| asked.is_some()) {
            Some(page) => answer::theirs(self, target, behalf, Some(page)).await?,
            None => None,
        };
        let asked = asked.filter(|_| theirs.is_some());
        let hash = xxh3_128(&open.payload).to_be_bytes();
        let fate = Fate::Arrived(Box::new(Arrived { external_id: answer.id, created: true, hash, theirs }));
        // Where ours has changed since it was sent, it is bound, and what is due stays due.
        let sent = if asked.is_some() { Sent::new(ours, fate) } else { Sent::unsettled(ours, fate) };
        let asked = asked.into_iter().flatten().chain(answer.asked).collect();
        self.apply_sent(target, behalf, sent, asked).await?;
        Ok(Settled::Bound)
    }

    /// Whether ours is still what was sent: then, what the connector asks to be written with it.
    async fn as_sent(
        &self,
        target: &Target,
        behalf: &Behalf,
        ours: &Ours,
        open: &Intent,
    ) -> Result<Option<Vec<Asked>>, Error> {
        if ours.external_id().is_some() {
            return Ok(None);
        }
        let (body, asked) = prepare::prepare(target, behalf, ours).await?;
        Ok(Some(asked).filter(|_| matches!(body, Body::Send(body) if body == open.payload)))
    }

    /// Searches for what an intent may have made.
    pub(super) async fn find(&self, target: &Target, behalf: &Behalf, open: &Intent) -> Result<Found, Error> {
        if !target.session.answers(op::FIND) {
            return Ok(Found::Unclear);
        }
        let request = op::Find { kind: target.name().to_owned(), idempotency_key: open.idempotency_key.clone() };
        let scope = target.session.scope(behalf);
        let answer = match target.session.call(&scope, op::FIND, &request, &[&open.payload]).await {
            Ok(answer) => session::header::<op::FindAnswer>(op::FIND, &answer)?,
            Err(error) if error.is_unsupported() => return Ok(Found::Unclear),
            Err(error) => return Err(error),
        };
        // One that is bound to another record of ours is not the one.
        let (known, record) = (target.clone(), open.record);
        self.store
            .read(move |tx| -> Result<_, Error> {
                let mut free = Vec::new();
                for id in answer.ids {
                    let bound = binding::find(tx, known.session.backend, &known.kind, &id).map_err(Fault::from)?;
                    if bound.is_none_or(|bound| bound.record.is_none_or(|bound| bound == record)) {
                        free.push(id);
                    }
                }
                Ok(match free.as_mut_slice() {
                    [] => Found::None,
                    [one] => Found::One(std::mem::take(one)),
                    _ => Found::Unclear,
                })
            })
            .await
    }
}

/// What a search has found.
pub(super) enum Found {
    /// Nothing.
    None,
    /// This one of theirs.
    One(String),
    /// It can't be told.
    Unclear,
}

/// Nothing is sent for a job that another worker has, or with settings that are not those any more.
pub(super) fn check(tx: &mut dyn Tx, target: &Target, fence: Option<&Fence>) -> Result<(), Error> {
    if let Some(fence) = fence {
        queue::check_fence(tx, fence).map_err(|error| match error {
            queue::Error::Stale { .. } => Error::Fenced,
            other => Error::Below(other.into()),
        })?;
    }
    match storage::backend::epoch(tx, target.session.backend)? {
        Some((epoch, true)) if epoch == target.session.epoch => Ok(()),
        _ => Err(Error::EpochChanged),
    }
}

/// What an error tells of the create that met it.
pub(super) fn fate(error: &Error) -> Failed {
    let Error::Connector(error) = error else { return Failed::Unknown };
    match (error.class, error.detail.status) {
        (ErrorClass::RateLimited, _) => Failed::PutOff,
        (ErrorClass::Auth | ErrorClass::Denied | ErrorClass::Unsupported, _) => Failed::Refused,
        (ErrorClass::Invalid | ErrorClass::Gone | ErrorClass::Failed, Some(400..=499)) => Failed::Refused,
        (ErrorClass::Invalid, None) => Failed::Refused,
        _ => Failed::Unknown,
    }
}

/// Nobody knows what became of it: a person decides.
pub fn park(
    tx: &mut dyn Tx,
    target: &Target,
    open: &Intent,
    (theirs, why): (Option<&str>, Option<&str>),
    now: Timestamp,
) -> Result<(), Error> {
    let why = why.or(open.error.as_deref());
    intent::put(tx, open.id, State::Unknown, theirs, why, now.0)?;
    let bound = binding::find_by_record(tx, open.backend, &target.kind, open.record).map_err(Fault::from)?;
    // Where there is none, ours was removed: nobody waits for it.
    let Some(bound) = bound else { return Ok(()) };
    let hold = review::Hold {
        backend: open.backend,
        kind: &open.kind,
        cause: UNKNOWN_CREATE,
        ours: Some(open.record),
        external_id: theirs.unwrap_or_default(),
        binding: Some(bound.id),
        reason: &unknown(target, &Intent { error: why.map(str::to_owned), ..open.clone() }).message,
        candidates: "[]",
        payload: &String::from_utf8_lossy(&open.payload),
        external_updated_at: None,
        now: now.0,
    };
    Ok(review::hold(tx, &hold)?)
}

fn unknown(target: &Target, open: &Intent) -> Problem {
    let why = open.error.as_deref().unwrap_or("the host was stopped while it was sent");
    let message = format!("nobody knows whether {} {} was created there: {why}", target.name(), open.record);
    Problem { retry: false, ..Problem::new("sync.unknown_create", message) }
}

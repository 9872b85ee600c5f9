//! Creates of many records in one request: each stands behind an intent of its own, with its own key, and what is known of
//! one says nothing of the others.

use bindery_contract::ErrorClass;

use super::{
    intent::{self, Failed},
    ours::Ours,
    send::{self, Answer},
};
use crate::{
    base::{Fault, id::random_hex},
    record::binding,
    storage::{Durability, intent as rows, intent::State},
    sync::{
        Error,
        engine::Engine,
        session::Behalf,
        target::Target,
        under_way::{self, Sending},
    },
};

/// A create that has been planned: its intent, and its key.
type Planned = Vec<(i64, String)>;

/// Their id, or how the create failed and why.
type Known = Result<String, (Failed, String)>;

/// What became of the records of a request; none: they are to be sent one by one.
pub(super) type Outcomes = Option<Vec<Result<Answer, Error>>>;

/// A record and the body to send.
pub(super) type New<'o> = (&'o Ours, &'o [u8]);

impl Engine {
    /// Creates records there in one request. An error concerns all of them: their intents say what is known.
    pub(super) async fn create_many(
        &self,
        target: &Target,
        behalf: &Behalf,
        all: &[New<'_>],
    ) -> Result<Outcomes, Error> {
        let planned = match self.plan_many(target, behalf, all).await {
            Ok(planned) => planned,
            // One of them is gone: each alone finds out.
            Err(Error::Below(fault)) if fault.code.name.starts_with("record.") => return Ok(None),
            Err(error) => return Err(error),
        };
        let records: Vec<(&str, &[u8])> =
            planned.iter().zip(all).map(|((_, key), (_, body))| (key.as_str(), *body)).collect();
        let sent = send::create_many(target, behalf, &records).await;
        self.keep_known(&planned, &sent).await?;
        match sent {
            Ok(outcomes) => Ok(Some(outcomes)),
            Err(error) if is_one_by_one(&error) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Plans the creates and notes that they are sent now, before anything is.
    async fn plan_many(&self, target: &Target, behalf: &Behalf, all: &[New<'_>]) -> Result<Planned, Error> {
        let (known, fence, at) = (target.clone(), behalf.job.clone(), self.circumstances(&target.session, behalf));
        let new: Vec<(i64, String, Vec<u8>, Option<Sending>)> = all
            .iter()
            .map(|(ours, body)| (ours.due.record, random_hex(), body.to_vec(), ours.sending(target)))
            .collect();
        self.store
            .write_weighted(Durability::Durable, new.len() * 2, move |tx| -> Result<_, Error> {
                intent::check(tx, &known, fence.as_ref())?;
                let (backend, mut planned) = (known.session.backend, Planned::with_capacity(new.len()));
                let mut notes = Vec::with_capacity(new.len());
                for (record, key, body, sending) in &new {
                    let bound = binding::bind(tx, backend, &known.kind, None, Some(*record), None, &at.change);
                    let bound = bound.map_err(Fault::from)?;
                    notes.extend(sending.clone().map(|sending| (bound.id, sending)));
                    let id = rows::plan(tx, (backend, known.name(), *record), key, body, at.now.0)?;
                    rows::sent(tx, id, at.now.0)?;
                    planned.push((id, key.clone()));
                }
                under_way::note(tx, notes)?;
                Ok(planned)
            })
            .await
    }

    /// Keeps what is known of each, before anything else is done with it.
    async fn keep_known(
        &self,
        planned: &Planned,
        sent: &Result<Vec<Result<Answer, Error>>, Error>,
    ) -> Result<(), Error> {
        let now = self.clock.now().0;
        let known = |outcome: Result<&Answer, &Error>| match outcome {
            Ok(answer) => Ok(answer.id.clone()),
            Err(error) if is_one_by_one(error) => Err((Failed::Refused, error.to_string())),
            Err(error) => Err((intent::fate(error), error.to_string())),
        };
        let all: Vec<(i64, Known)> = match sent {
            Ok(outcomes) => planned.iter().zip(outcomes).map(|((id, _), one)| (*id, known(one.as_ref()))).collect(),
            Err(error) => planned.iter().map(|(id, _)| (*id, known(Err(error)))).collect(),
        };
        self.store
            .write_weighted(Durability::Durable, all.len(), move |tx| {
                for (id, known) in &all {
                    match known {
                        Ok(theirs) => rows::put(tx, *id, State::Known, Some(theirs), None, now)?,
                        Err((Failed::Refused, _)) => rows::drop(tx, *id)?,
                        Err((Failed::PutOff, why)) => rows::put(tx, *id, State::Planned, None, Some(why), now)?,
                        Err((Failed::Unknown, why)) => rows::put(tx, *id, State::Sent, None, Some(why), now)?,
                    }
                }
                Ok(())
            })
            .await
    }
}

/// Whether a request as a whole was refused before anything came of it, maybe because of one record in it.
pub(super) fn is_one_by_one(error: &Error) -> bool {
    let Error::Connector(error) = error else { return false };
    match error.class {
        ErrorClass::Unsupported => true,
        ErrorClass::Invalid | ErrorClass::Gone | ErrorClass::Failed => {
            matches!(error.detail.status, Some(400..=499))
                || (error.class == ErrorClass::Invalid && error.detail.status.is_none())
        }
        _ => false,
    }
}

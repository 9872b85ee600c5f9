//! Sends a body to the outside system, and reads what it answers: in the shape of a read, or read after it.

use bindery_contract::{Frame, op};
use bytes::Bytes;

use crate::sync::{
    Error, external, fetch,
    page::Page,
    session::{Asked, Behalf, bad},
    target::Target,
};

/// What the outside system has answered.
pub struct Answer {
    /// Theirs.
    pub id: String,
    /// The record as it stands there now; absent where neither the answer nor a read tells.
    pub page: Option<Page>,
    /// What the connector has asked to be written meanwhile.
    pub asked: Option<Asked>,
}

/// Sends a change.
pub async fn update(target: &Target, behalf: &Behalf, id: &str, body: &[u8]) -> Result<Answer, Error> {
    let request = op::Send { kind: target.name().to_owned(), id: Some(id.to_owned()), idempotency_key: None };
    send(target, behalf, op::UPDATE, &request, body).await
}

/// Sends a new record.
pub async fn create(target: &Target, behalf: &Behalf, key: &str, body: &[u8]) -> Result<Answer, Error> {
    let request = op::Send { kind: target.name().to_owned(), id: None, idempotency_key: Some(key.to_owned()) };
    send(target, behalf, op::CREATE, &request, body).await
}

async fn send(
    target: &Target,
    behalf: &Behalf,
    op: &'static str,
    request: &op::Send,
    body: &[u8],
) -> Result<Answer, Error> {
    let scope = target.session.scope(behalf);
    let answer = Bytes::from(target.session.call(&scope, op, request, &[body]).await?);
    let known = external::read(target, &scope, op, request.id.as_deref(), answer)?;
    Ok(Answer { id: known.id, page: known.page, asked: Asked::of(&scope) })
}

/// Sends changes together: ids and bodies. One outcome for each; an error of the call concerns all of them.
pub async fn update_many(
    target: &Target,
    behalf: &Behalf,
    changes: &[(&str, &[u8])],
) -> Result<Vec<Result<Answer, Error>>, Error> {
    let one = |id: &str| op::SendOne { id: Some(id.to_owned()), idempotency_key: None };
    let items = changes.iter().map(|(id, _)| one(id)).collect();
    let bodies: Vec<&[u8]> = changes.iter().map(|(_, body)| *body).collect();
    send_many(target, behalf, op::UPDATE_MANY, items, &bodies).await
}

/// Sends new records together: keys and bodies.
pub async fn create_many(
    target: &Target,
    behalf: &Behalf,
    records: &[(&str, &[u8])],
) -> Result<Vec<Result<Answer, Error>>, Error> {
    let one = |key: &str| op::SendOne { id: None, idempotency_key: Some(key.to_owned()) };
    let items = records.iter().map(|(key, _)| one(key)).collect();
    let bodies: Vec<&[u8]> = records.iter().map(|(_, body)| *body).collect();
    send_many(target, behalf, op::CREATE_MANY, items, &bodies).await
}

async fn send_many(
    target: &Target,
    behalf: &Behalf,
    op: &'static str,
    items: Vec<op::SendOne>,
    bodies: &[&[u8]],
) -> Result<Vec<Result<Answer, Error>>, Error> {
    let scope = target.session.scope(behalf);
    let request = op::SendMany { kind: target.name().to_owned(), items };
    let answer = Bytes::from(target.session.call(&scope, op, &request, bodies).await?);
    let frame = Frame::decode(&answer).map_err(|error| bad(op, &error))?;
    let told: op::SentMany = frame.header().map_err(|error| bad(op, &error))?;
    if told.items.len() != bodies.len() {
        return Err(bad(op, &format!("{} outcomes for {} records", told.items.len(), bodies.len())));
    }
    // What code asks to be written while it sends many is committed with the first of them that was taken.
    let mut asked = Asked::of(&scope);
    let outcomes = told.items.into_iter().enumerate().zip(&request.items).map(|((number, sent), item)| match sent {
        op::SentOne::Done { record } => {
            let segment = frame.segments.get(number).copied();
            let known = external::known(target, &scope, op, item.id.as_deref(), record, (&answer, segment))?;
            Ok(Answer { id: known.id, page: known.page, asked: asked.take() })
        }
        op::SentOne::Error { error } => Err(Error::Connector(error)),
        op::SentOne::Unknown => Err(bad(op, &"an outcome of a newer contract")),
    });
    Ok(outcomes.collect())
}

/// Reads the record where the answer did not hold it. Where that can't be done, the next import finds it.
pub async fn read_back(target: &Target, behalf: &Behalf, answer: &mut Answer) {
    if answer.page.is_none() && target.session.answers(op::READ) {
        answer.page = fetch::read(target, behalf, &answer.id).await.ok();
    }
}

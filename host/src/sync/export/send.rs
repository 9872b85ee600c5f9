//! Sends a body to the outside system, and reads what it answers: in the shape of a read, or read after it.

use bindery_contract::op;
use bytes::Bytes;

use crate::sync::{
    Error, external, fetch,
    page::Page,
    session::{Asked, Behalf},
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

/// Reads the record where the answer did not hold it. Where that can't be done, the next import finds it.
pub async fn read_back(target: &Target, behalf: &Behalf, answer: &mut Answer) {
    if answer.page.is_none() && target.session.answers(op::READ) {
        answer.page = fetch::read(target, behalf, &answer.id).await.ok();
    }
}

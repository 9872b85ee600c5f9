//! What the connector makes of a record of ours: the body to send, or why not.

use bindery_contract::{
    ErrorClass, Frame,
    op::{self, ExportAnswer, ExportItem, ExportPrepare, Exported},
};

use super::{extend, ours::Ours};
use crate::sync::{
    Error,
    problem::Problem,
    session::{Asked, Behalf, bad},
    target::Target,
};

/// What became of a record.
pub enum Body {
    /// To be sent, byte for byte.
    Send(Vec<u8>),
    /// The connector leaves it out.
    Skip(String),
    /// These must be there first: kinds and records.
    Needs(Vec<(String, i64)>),
    /// It can't be exported.
    Failed(Problem),
}

/// Has a record mapped; also what the connector has asked to be written meanwhile.
pub async fn prepare(target: &Target, behalf: &Behalf, ours: &Ours) -> Result<(Body, Vec<Asked>), Error> {
    let scope = target.session.scope(behalf);
    let request = ExportPrepare { kind: target.name().to_owned(), items: vec![item(ours)] };
    let body = match target.session.call(&scope, op::EXPORT_PREPARE, &request, &[ours.json.as_bytes()]).await {
        Ok(answer) => read(&answer, 1)?.pop().ok_or_else(|| bad(op::EXPORT_PREPARE, &"no answer for the record"))?,
        Err(Error::Connector(error)) if is_of_record(error.class) => Body::Failed((&error).into()),
        Err(error) => return Err(error),
    };
    let mut asked: Vec<Asked> = Asked::of(&scope).into_iter().collect();
    let body = match body {
        Body::Send(body) if !target.export_extensions.is_empty() => {
            extend::extend(target, behalf, ours, body, &mut asked).await?
        }
        body => body,
    };
    Ok((body, asked))
}

/// Has several records mapped in one call. None where they are to be mapped one by one: the call as a whole fails, or
/// code has asked for writes, which belong to one of them.
pub async fn prepare_many(target: &Target, behalf: &Behalf, all: &[Ours]) -> Result<Option<Vec<Body>>, Error> {
    let scope = target.session.scope(behalf);
    let items = all.iter().map(item).collect();
    let request = ExportPrepare { kind: target.name().to_owned(), items };
    let segments: Vec<&[u8]> = all.iter().map(|ours| ours.json.as_bytes()).collect();
    let answer = match target.session.call(&scope, op::EXPORT_PREPARE, &request, &segments).await {
        Ok(answer) => answer,
        Err(Error::Connector(error)) if is_of_record(error.class) => return Ok(None),
        Err(error) => return Err(error),
    };
    let bodies = read(&answer, all.len())?;
    Ok(Asked::of(&scope).is_none().then_some(bodies))
}

fn item(ours: &Ours) -> ExportItem {
    ExportItem { record: ours.due.record, id: ours.external_id().map(str::to_owned), changed: ours.changed() }
}

fn read(answer: &[u8], count: usize) -> Result<Vec<Body>, Error> {
    let frame = Frame::decode(answer).map_err(|error| bad(op::EXPORT_PREPARE, &error))?;
    let head: ExportAnswer = frame.header().map_err(|error| bad(op::EXPORT_PREPARE, &error))?;
    if head.items.len() != count {
        return Err(bad(op::EXPORT_PREPARE, &format!("{} answers for {count} records", head.items.len())));
    }
    let bodies = head.items.into_iter().enumerate().map(|(number, exported)| {
        Ok(match exported {
            Exported::Body => {
                Body::Send(frame.segment(number).map_err(|error| bad(op::EXPORT_PREPARE, &error))?.to_vec())
            }
            Exported::Skip { reason } => Body::Skip(reason),
            Exported::Needs { records } => Body::Needs(records),
            Exported::Error { error } => Body::Failed((&error).into()),
            Exported::Unknown => return Err(bad(op::EXPORT_PREPARE, &"an answer of a newer contract")),
        })
    });
    bodies.collect()
}

/// Whether an error of the call is the record's, and no reason to try the call again.
fn is_of_record(class: ErrorClass) -> bool {
    matches!(
        class,
        ErrorClass::Panic | ErrorClass::Invalid | ErrorClass::Failed | ErrorClass::BadPayload | ErrorClass::Gone
    )
}

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
    let item =
        ExportItem { record: ours.due.record, id: ours.external_id().map(str::to_owned), changed: ours.changed() };
    let request = ExportPrepare { kind: target.name().to_owned(), items: vec![item] };
    let body = match target.session.call(&scope, op::EXPORT_PREPARE, &request, &[ours.json.as_bytes()]).await {
        Ok(answer) => read(&answer)?,
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

fn read(answer: &[u8]) -> Result<Body, Error> {
    let frame = Frame::decode(answer).map_err(|error| bad(op::EXPORT_PREPARE, &error))?;
    let head: ExportAnswer = frame.header().map_err(|error| bad(op::EXPORT_PREPARE, &error))?;
    Ok(match head.items.into_iter().next() {
        Some(Exported::Body) => Body::Send(frame.segment(0).map_err(|error| bad(op::EXPORT_PREPARE, &error))?.to_vec()),
        Some(Exported::Skip { reason }) => Body::Skip(reason),
        Some(Exported::Needs { records }) => Body::Needs(records),
        Some(Exported::Error { error }) => Body::Failed((&error).into()),
        Some(Exported::Unknown) => return Err(bad(op::EXPORT_PREPARE, &"an answer of a newer contract")),
        None => return Err(bad(op::EXPORT_PREPARE, &"no answer for the record")),
    })
}

/// Whether an error of the call is the record's, and no reason to try the call again.
fn is_of_record(class: ErrorClass) -> bool {
    matches!(
        class,
        ErrorClass::Panic | ErrorClass::Invalid | ErrorClass::Failed | ErrorClass::BadPayload | ErrorClass::Gone
    )
}

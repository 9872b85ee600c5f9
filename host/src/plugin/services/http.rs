//! HTTP on behalf of a call, through its backend's way out, and bodies that stay here under a handle.

use std::pin::Pin;

use bindery_contract::{
    Error, ErrorClass, Frame,
    http::{Request, Response},
    op::Done,
    service::Body,
};
use bytes::Bytes;

use crate::plugin::{
    guard::Answer,
    scope::{Kept, Scope},
};

/// An answer of a remote as the way out gives it.
#[derive(Debug, Clone, Default)]
pub struct Answered {
    /// HTTP status.
    pub status: u16,
    /// Headers in lower case.
    pub headers: Vec<(String, String)>,
    /// The whole body.
    pub body: Bytes,
}

/// A request on its way.
pub type Sending<'a> = Pin<Box<dyn Future<Output = Result<Answered, Error>> + Send + 'a>>;

/// A backend's way out: allowed hosts, rate budget, retries and caps are behind it.
pub trait Egress: Send + Sync {
    /// Sends one request; `segments` are those of its frame.
    fn send<'a>(&'a self, request: &'a Request, segments: &'a [&'a [u8]]) -> Sending<'a>;
}

pub(super) async fn send(scope: &Scope, frame: &Frame<'_>) -> Answer {
    let request: Request = frame.header()?;
    let Some(egress) = &scope.context().egress else {
        return Err(Error::new(ErrorClass::Denied, "this call may not use the network"));
    };
    let answered = tokio::select! {
        biased;
        _ = scope.context().cancel.cancelled() => return Err(Error::new(ErrorClass::Cancelled, "the call should stop")),
        answered = egress.send(&request, &frame.segments) => answered?,
    };
    if let Some(pointer) = &request.error_at {
        check_error_at(&answered, pointer)?;
    }
    let mut response = Response {
        status: answered.status,
        headers: answered.headers,
        handle: None,
        length: answered.body.len() as u64,
    };
    if request.keep {
        let date = response.headers.iter().find(|(name, _)| name == "date").map(|(_, value)| value.clone());
        response.handle = Some(scope.keep(Kept { bytes: answered.body, date }));
        return Frame::encode(&response, &[]);
    }
    Frame::encode(&response, &[&answered.body])
}

pub(super) fn body(scope: &Scope, frame: &Frame<'_>) -> Answer {
    let wanted: Body = frame.header()?;
    let bytes = scope.body(wanted.handle).ok_or_else(|| {
        Error::new(ErrorClass::Gone, format!("no body is kept under handle {} in this call", wanted.handle))
    })?;
    Frame::encode(&Done {}, &[&bytes])
}

/// A value other than null at `pointer` makes the answer an error, although its status says 200.
fn check_error_at(answered: &Answered, pointer: &str) -> Result<(), Error> {
    let Ok(body) = serde_json::from_slice::<serde_json::Value>(&answered.body) else { return Ok(()) };
    let Some(found) = body.pointer(pointer).filter(|value| !value.is_null()) else { return Ok(()) };
    let message = ["/message", "/0/message", "/data/message"]
        .iter()
        .find_map(|at| found.pointer(at))
        .and_then(serde_json::Value::as_str)
        .map_or_else(|| found.to_string(), str::to_owned);
    let mut error = Error::new(ErrorClass::Failed, format!("the remote answered an error: {message}"));
    error.detail.status = Some(answered.status);
    error.detail.place = Some(found.to_string().chars().take(300).collect());
    Err(error)
}

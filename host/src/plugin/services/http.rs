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

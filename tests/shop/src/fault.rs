//! Faults on demand: what goes wrong with the next requests that match.

use axum::{
    body::Body,
    http::{HeaderValue, Response, StatusCode, header},
};
use bytes::Bytes;
use futures_util::stream;
use serde::Deserialize;
use serde_json::Value;

use crate::pattern::Pattern;

/// What goes wrong.
#[derive(Clone, Debug, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Fault {
    /// An error status with a JSON body.
    Status {
        /// The status.
        status: u16,
        /// Seconds for `Retry-After`.
        #[serde(default)]
        retry_after: Option<u64>,
        /// More headers.
        #[serde(default)]
        headers: Vec<(String, String)>,
    },
    /// 429 with `Retry-After` and `X-RateLimit-*`.
    RateLimit {
        /// Seconds.
        retry_after: u64,
    },
    /// The connection is cut within the body.
    Cut {
        /// Bytes sent before.
        after: usize,
    },
    /// The body comes in small pieces.
    Slow {
        /// Bytes a piece.
        chunk: usize,
        /// Milliseconds between pieces.
        delay_ms: u64,
    },
    /// A body that goes on for ever.
    Unending,
    /// A page for people, with status 200.
    Html,
    /// JSON that ends too early, in a complete body.
    BrokenJson,
    /// A body beyond reason: valid JSON.
    Huge {
        /// Its size.
        #[serde(default = "five_megabytes")]
        bytes: usize,
    },
    /// One item of a list has a value of another type.
    WrongType {
        /// Place in the page, from 0.
        item: usize,
        /// Its field.
        field: String,
        /// What stands there instead.
        value: Value,
    },
    /// One item of a list has no id.
    WithoutId {
        /// Place in the page, from 0.
        item: usize,
    },
    /// One item of a list comes a second time, at the end of the page.
    DuplicateId {
        /// Place in the page, from 0.
        item: usize,
    },
    /// Every page has a next one, each with a cursor and items never seen before.
    Endless,
    /// Every page after the first names itself as the next one.
    RepeatedCursor,
    /// Cursor, page and offset are ignored: always the first page.
    IgnoresPaging,
    /// Any answer.
    Raw {
        /// Its status.
        #[serde(default = "ok")]
        status: u16,
        /// Its content type.
        #[serde(default = "json")]
        content_type: String,
        /// Its body.
        body: String,
    },
    /// Sends the client elsewhere, with 302.
    Redirect {
        /// Where.
        to: String,
    },
}

fn five_megabytes() -> usize {
    5 * 1024 * 1024
}

fn ok() -> u16 {
    200
}

fn json() -> String {
    "application/json".to_owned()
}

/// A fault with the requests it is meant for.
pub(crate) struct Armed {
    pub(crate) on: Pattern,
    pub(crate) skip: u32,
    /// How often; without it, until removed.
    pub(crate) times: Option<u32>,
    pub(crate) fault: Fault,
}

/// The fault of a request; counts it.
pub(crate) fn pick(armed: &mut Vec<Armed>, method: &str, path: &str) -> Option<Fault> {
    let at = armed.iter().position(|rule| rule.on.matches(method, path))?;
    let rule = &mut armed[at];
    if rule.skip > 0 {
        rule.skip -= 1;
        return None;
    }
    let fault = rule.fault.clone();
    if let Some(times) = &mut rule.times {
        *times = times.saturating_sub(1);
        if *times == 0 {
            armed.remove(at);
        }
    }
    Some(fault)
}

impl Fault {
    /// A rate limit.
    pub fn rate_limit(retry_after: u64) -> Self {
        Self::RateLimit { retry_after }
    }

    /// An error status.
    pub fn status(status: u16) -> Self {
        Self::Status { status, retry_after: None, headers: Vec::new() }
    }

    /// JSON text instead of the true answer.
    pub fn raw(body: impl Into<String>) -> Self {
        Self::Raw { status: ok(), content_type: json(), body: body.into() }
    }

    /// The whole answer, where the request never gets to the shop.
    pub(crate) fn instead(&self) -> Option<Response<Body>> {
        Some(match self {
            Self::Status { status, retry_after, headers } => {
                let mut response = failure(*status, "fault", "asked to fail");
                for (name, value) in headers {
                    set(&mut response, name, value);
                }
                if let Some(seconds) = retry_after {
                    set(&mut response, "retry-after", &seconds.to_string());
                }
                response
            }
            Self::RateLimit { retry_after } => rate_limited(10, *retry_after),
            Self::Html => {
                answer(200, "text/html; charset=utf-8", "<!doctype html><title>Maintenance</title><h1>Back soon</h1>")
            }
            Self::BrokenJson => answer(200, "application/json", r#"{"items":[{"id":1,"title":"Half a"#),
            Self::Huge { bytes } => {
                let padding = "x".repeat(bytes.saturating_sub(37));
                answer(200, "application/json", format!(r#"{{"items":[],"next":null,"padding":"{padding}"}}"#))
            }
            Self::Unending => {
                let blank = Bytes::from_static(&[b' '; 16 * 1024]);
                answer(
                    200,
                    "application/json",
                    Body::from_stream(stream::repeat(Ok::<_, std::convert::Infallible>(blank))),
                )
            }
            Self::Raw { status, content_type, body } => answer(*status, content_type, body.clone()),
            Self::Redirect { to } => {
                let mut response = answer(302, "text/plain", "elsewhere");
                set(&mut response, "location", to);
                response
            }
            _ => return None,
        })
    }

    /// The true answer, sent badly.
    pub(crate) async fn spoil(&self, response: Response<Body>) -> Response<Body> {
        match self {
            Self::Cut { after } => {
                let (mut parts, bytes) = collect(response).await;
                parts.headers.insert(header::CONTENT_LENGTH, HeaderValue::from(bytes.len()));
                let start = bytes.slice(..(*after).min(bytes.len()));
                let pieces = stream::unfold(Some(start), |piece| async move {
                    match piece {
                        Some(piece) => Some((Ok(piece), None)),
                        None => {
                            // Gives the server the time to send what it has.
                            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
                            Some((Err(std::io::Error::other("cut, as asked")), None))
                        }
                    }
                });
                Response::from_parts(parts, Body::from_stream(pieces))
            }
            Self::Slow { chunk, delay_ms } => {
                let (parts, bytes) = collect(response).await;
                let (chunk, delay) = ((*chunk).max(1), std::time::Duration::from_millis(*delay_ms));
                let pieces = stream::unfold(bytes, move |mut rest| async move {
                    if rest.is_empty() {
                        return None;
                    }
                    tokio::time::sleep(delay).await;
                    let piece = rest.split_to(chunk.min(rest.len()));
                    Some((Ok::<_, std::io::Error>(piece), rest))
                });
                Response::from_parts(parts, Body::from_stream(pieces))
            }
            _ => response,
        }
    }
}

async fn collect(response: Response<Body>) -> (axum::http::response::Parts, Bytes) {
    let (parts, body) = response.into_parts();
    (parts, axum::body::to_bytes(body, usize::MAX).await.unwrap_or_default())
}

fn set(response: &mut Response<Body>, name: &str, value: &str) {
    if let (Ok(name), Ok(value)) = (header::HeaderName::try_from(name), HeaderValue::from_str(value)) {
        response.headers_mut().insert(name, value);
    }
}

/// An answer of any kind.
pub(crate) fn answer(status: u16, content_type: &str, body: impl Into<Body>) -> Response<Body> {
    let mut response = Response::new(body.into());
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    set(&mut response, "content-type", content_type);
    response
}

/// The shop's error body.
pub(crate) fn failure(status: u16, code: &str, message: &str) -> Response<Body> {
    let body = serde_json::json!({"error": {"code": code, "message": message}}).to_string();
    answer(status, "application/json", body)
}

/// 429, as a shop says it.
pub(crate) fn rate_limited(limit: u64, retry_after: u64) -> Response<Body> {
    let mut response = failure(429, "rate_limited", "too many requests");
    set(&mut response, "retry-after", &retry_after.to_string());
    limits(&mut response, limit, 0);
    response
}

/// The headers that tell the budget.
pub(crate) fn limits(response: &mut Response<Body>, limit: u64, remaining: u64) {
    set(response, "x-ratelimit-limit", &limit.to_string());
    set(response, "x-ratelimit-remaining", &remaining.to_string());
}

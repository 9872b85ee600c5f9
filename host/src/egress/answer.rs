//! Reads an answer: the body up to its cap, and what only looks like an answer. It judges no status.

use std::time::Duration;

use bindery_contract::{Error, ErrorClass, http::Request};
use bytes::{Bytes, BytesMut};
use reqwest::{
    Response,
    header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderMap},
};
use serde_json::Value;

use super::failure::{Again, Failure, message, shorten};

/// Most bytes that are made room for before they arrive.
const PROMISED: u64 = 1 << 20;

/// Reads the whole body. What counts is what arrives, decompressed, never what a header promises.
pub(super) async fn body(mut response: Response, cap: u64, what: &str) -> Result<Bytes, Failure> {
    let announced = response.headers().get(CONTENT_LENGTH).and_then(|v| v.to_str().ok()?.parse::<u64>().ok());
    if let Some(length) = announced.filter(|length| *length > cap) {
        return Err(too_large(what, cap, &format!("announces {length} bytes")));
    }
    // A promise only saves growing step by step; it must not make us take memory that never fills.
    let promised = announced.unwrap_or_default().min(PROMISED);
    let mut body = BytesMut::with_capacity(usize::try_from(promised).unwrap_or_default());
    while let Some(chunk) = response.chunk().await.map_err(|error| Failure::network(&error, what))? {
        if body.len() as u64 + chunk.len() as u64 > cap {
            return Err(too_large(what, cap, "is longer"));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body.freeze())
}

fn too_large(what: &str, cap: u64, found: &str) -> Failure {
    let mut error = Error::new(
        ErrorClass::Failed,
        format!("{what}: the body {found}, and this backend accepts {cap} bytes (after decompression)"),
    );
    error.detail.cure =
        Some("ask for smaller pages in the backend's settings, or raise its limit `max_body_bytes`".to_owned());
    Failure::last(error)
}

/// A page for people where data was wanted: a login form, a maintenance note, the wrong address.
pub(super) fn refuse_html(headers: &HeaderMap, body: &[u8], what: &str, status: u16) -> Result<(), Failure> {
    let content_type = headers.get(CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or_default();
    let start = body.trim_ascii_start();
    let looks = content_type.contains("html") || (content_type.is_empty() && is_html(start));
    if !looks || start.is_empty() || matches!(start[0], b'{' | b'[') {
        return Ok(());
    }
    let text = shorten(&String::from_utf8_lossy(&start[..start.len().min(2_000)]));
    let mut error =
        Error::new(ErrorClass::Failed, format!("{what} answered HTML where data was expected: {}", message(body)));
    error.detail.status = Some(status);
    error.detail.place = Some(text);
    error.detail.cure =
        Some("check the address (base path, version) and whether the system asks for a login".to_owned());
    Err(Failure::last(error))
}

fn is_html(start: &[u8]) -> bool {
    let head = start[..start.len().min(15)].to_ascii_lowercase();
    head.starts_with(b"<!doctype html") || head.starts_with(b"<html")
}

/// A value other than null at the request's `error_at` makes the answer an error, although its status says 200.
pub(super) fn refuse_error(request: &Request, body: &[u8], what: &str, status: u16) -> Result<(), Failure> {
    let Some(pointer) = &request.error_at else { return Ok(()) };
    let Ok(json) = serde_json::from_slice::<Value>(body) else { return Ok(()) };
    let Some(found) = json.pointer(pointer).filter(|value| !value.is_null()) else { return Ok(()) };
    let said = words(found);
    let (class, again) = match code(found).as_str() {
        "throttled" | "rate_limited" | "too_many_requests" => (ErrorClass::RateLimited, Again::Always),
        "unauthenticated" | "unauthorized" | "forbidden" | "access_denied" => (ErrorClass::Auth, Again::Never),
        _ => (ErrorClass::Invalid, Again::Never),
    };
    let mut error = Error::new(class, format!("{what} answered an error: {said}"));
    error.detail.status = Some(status);
    error.detail.place = Some(shorten(&found.to_string()));
    let after = (again == Again::Always).then_some(Duration::from_secs(1));
    Err(Failure { error, again, after })
}

/// The sentence in an error value of JSON-RPC, GraphQL and the like.
fn words(found: &Value) -> String {
    let places = ["/data/message", "/message", "/0/message", "/data/name", "/detail", ""];
    let sentence = places.iter().find_map(|at| found.pointer(at)?.as_str().filter(|text| !text.is_empty()));
    shorten(&sentence.map_or_else(|| found.to_string(), str::to_owned))
}

fn code(found: &Value) -> String {
    let places = ["/0/extensions/code", "/extensions/code", "/code", "/0/code", "/type"];
    let text = places.iter().find_map(|at| found.pointer(at)?.as_str()).unwrap_or_default();
    text.to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error_of(body: &str) -> Option<Error> {
        let request = Request { error_at: Some("/error".to_owned()), ..Request::default() };
        refuse_error(&request, body.as_bytes(), "POST x", 200).err().map(|failure| failure.error)
    }

    #[test]
    fn a_value_at_the_pointer_is_an_error() {
        assert_eq!(error_of(r#"{"result":1,"error":null}"#), None);
        assert_eq!(error_of(r#"{"result":1}"#), None);
        assert_eq!(error_of("no json"), None);
        for (body, class, said) in [
            (
                r#"{"error":{"code":200,"message":"Server Error","data":{"message":"no such field"}}}"#,
                ErrorClass::Invalid,
                "no such field",
            ),
            (r#"{"error":["UserError",["Quantity","negative"]]}"#, ErrorClass::Invalid, "UserError"),
            (
                r#"{"error":[{"message":"slow down","extensions":{"code":"THROTTLED"}}]}"#,
                ErrorClass::RateLimited,
                "slow down",
            ),
            (r#"{"error":{"code":"UNAUTHENTICATED","message":"expired"}}"#, ErrorClass::Auth, "expired"),
            (r#"{"error":"plain"}"#, ErrorClass::Invalid, "plain"),
        ] {
            let error = error_of(body).expect(body);
            assert_eq!(error.class, class, "{body}");
            assert!(error.message.contains(said), "{}", error.message);
        }
    }

    #[test]
    fn a_page_for_people_is_not_data() {
        let html = |content_type: &'static str, body: &str| {
            let mut headers = HeaderMap::new();
            if !content_type.is_empty() {
                headers.insert(CONTENT_TYPE, content_type.parse().expect("value"));
            }
            refuse_html(&headers, body.as_bytes(), "GET x", 200).err().map(|failure| failure.error)
        };
        let error = html("text/html; charset=utf-8", "<html><title>Log in</title></html>").expect("refused");
        assert!(error.message.contains("Log in"), "{}", error.message);
        assert!(html("", "  <!DOCTYPE html><p>x").is_some());
        assert!(html("application/json", "<html>").is_none());
        assert!(html("text/html", r#"{"badly":"labelled"}"#).is_none());
        assert!(html("text/html", "").is_none());
    }
}

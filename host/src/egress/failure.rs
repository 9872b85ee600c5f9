//! What went wrong with one attempt, and whether another one may help. Messages come out without secrets.

use std::{error::Error as _, time::Duration};

use bindery_contract::{Error, ErrorClass};
use reqwest::StatusCode;

use super::address::Refused;

/// Longest part of a remote's text that is shown.
const SHOWN: usize = 300;

/// A failed attempt.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) error: Error,
    pub(super) again: Again,
    /// How long the server wants to be left alone, by everybody.
    pub(super) after: Option<Duration>,
}

/// Whether another attempt may be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Again {
    Never,
    /// Where doing it twice does no harm.
    Repeatable,
    /// The server did not do anything.
    Always,
}

impl Failure {
    pub(super) fn last(error: Error) -> Self {
        Self { error, again: Again::Never, after: None }
    }

    /// A request that got no whole answer.
    pub(super) fn network(error: &reqwest::Error, what: &str) -> Self {
        if let Some(refused) = find::<Refused>(error) {
            let mut denied = Error::new(ErrorClass::Denied, format!("{what}: {refused}"));
            denied.detail.cure = Some(PRIVATE_CURE.to_owned());
            return Self::last(denied);
        }
        if is_untrusted(error) {
            let mut failed =
                Error::new(ErrorClass::Failed, format!("{what}: its certificate is refused ({})", causes(error)));
            failed.detail.cure = Some(CERTIFICATE_CURE.to_owned());
            return Self::last(failed);
        }
        let (verb, again) = match () {
            () if error.is_builder() => {
                return Self::last(Error::new(ErrorClass::BadPayload, format!("{what}: {}", causes(error))));
            }
            () if error.is_dns() => ("the host name can't be resolved", Again::Always),
            () if error.is_connect() => ("no connection", Again::Always),
            () if error.is_decode() => ("the answer was cut, or its compression is damaged", Again::Repeatable),
            () => ("the connection was cut", Again::Repeatable),
        };
        let mut error = Error::new(ErrorClass::Retryable, format!("{what}: {verb} ({})", causes(error)));
        error.detail.cure = Some("check that the address is right and that the system is up".to_owned());
        Self { error, again, after: None }
    }

    pub(super) fn timeout(what: &str, limit: Duration) -> Self {
        let message = format!("{what}: no whole answer within {} s", limit.as_secs_f32());
        Self { error: Error::new(ErrorClass::Retryable, message), again: Again::Repeatable, after: None }
    }

    /// An answer whose status says that it is an error.
    pub(super) fn status(status: StatusCode, what: &str, body: &[u8], after: Option<Duration>) -> Self {
        let class = match status.as_u16() {
            401 | 403 | 407 => ErrorClass::Auth,
            404 | 410 => ErrorClass::Gone,
            429 => ErrorClass::RateLimited,
            408 | 425 | 500..=599 => ErrorClass::Retryable,
            400 | 405 | 406 | 409 | 411..=424 | 428 | 451 => ErrorClass::Invalid,
            _ => ErrorClass::Failed,
        };
        let said = message(body);
        let text = if said.is_empty() { String::new() } else { format!(": {said}") };
        let mut error = Error::new(class, format!("{what} answered {status}{text}"));
        error.detail.status = Some(status.as_u16());
        error.detail.after_ms = after.map(|after| u64::try_from(after.as_millis()).unwrap_or(u64::MAX));
        error.detail.cure = cure(class).map(str::to_owned);
        let again = match status.as_u16() {
            429 => Again::Always,
            502..=504 => Again::Repeatable,
            _ => Again::Never,
        };
        Self { error, again, after }
    }
}

pub(super) const PRIVATE_CURE: &str =
    "private addresses are called only where a host setting of the backend names them";

const CERTIFICATE_CURE: &str = "renew the certificate there, or name the company's own authority in BINDERY_CA_FILE";

fn cure(class: ErrorClass) -> Option<&'static str> {
    match class {
        ErrorClass::Auth => Some("check the backend's credentials and what they are allowed to do there"),
        ErrorClass::Invalid => Some("the remote refuses what was sent; its message says what to correct"),
        ErrorClass::RateLimited => Some("nothing to do: it is tried again when the remote allows it"),
        _ => None,
    }
}

/// The remote's own words in an error body: the usual members of a JSON body, else the text without tags.
pub(super) fn message(body: &[u8]) -> String {
    if let Ok(json) = serde_json::from_slice::<serde_json::Value>(body) {
        return shorten(&spoken(&json).unwrap_or_else(|| json.to_string()));
    }
    shorten(&without_tags(&String::from_utf8_lossy(&body[..body.len().min(20_000)])))
}

fn spoken(json: &serde_json::Value) -> Option<String> {
    const PLACES: [&str; 14] = [
        "/error/data/message",
        "/error/message",
        "/error_description",
        "/message",
        "/detail",
        "/errors/0/message",
        "/errors/0/detail",
        "/errors/0",
        "/error",
        "/errors",
        "/title",
        "/0/message",
        "/data/message",
        "/fault/faultstring",
    ];
    PLACES.iter().find_map(|place| match json.pointer(place)? {
        serde_json::Value::String(text) if !text.trim().is_empty() => Some(text.clone()),
        other @ serde_json::Value::Object(_) if *place == "/errors" => Some(other.to_string()),
        _ => None,
    })
}

/// Words between tags; what scripts and styles hold is no text.
fn without_tags(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(open) = rest.find('<') {
        out.push_str(&rest[..open]);
        out.push(' ');
        let tail = &rest[open..];
        let lower = tail.get(..8).unwrap_or(tail).to_ascii_lowercase();
        let close = ["script", "style"].into_iter().find(|name| lower[1..].starts_with(name));
        let end = close.and_then(|name| tail.find(&format!("</{name}"))).filter(|end| *end > 0).unwrap_or(0);
        rest = tail[end..].find('>').map_or("", |gt| &tail[end + gt + 1..]);
    }
    out.push_str(rest);
    out
}

/// One line of bounded length.
pub(super) fn shorten(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}

fn find<T: std::error::Error + 'static>(error: &reqwest::Error) -> Option<&T> {
    let mut source = error.source();
    while let Some(cause) = source {
        if let Some(found) = cause.downcast_ref::<T>() {
            return Some(found);
        }
        source = cause.source();
    }
    None
}

/// Whether the server's certificate is to blame.
fn is_untrusted(error: &(dyn std::error::Error + 'static)) -> bool {
    if matches!(error.downcast_ref::<rustls::Error>(), Some(rustls::Error::InvalidCertificate(_))) {
        return true;
    }
    // An I/O error hides what it wraps from `source`.
    let wrapped = error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
    wrapped.is_some_and(|inner| is_untrusted(inner)) || error.source().is_some_and(is_untrusted)
}

/// The causes behind an error, without the URL (which may hold a secret), each said once.
fn causes(error: &reqwest::Error) -> String {
    let mut parts: Vec<String> = Vec::new();
    let mut source = error.source();
    while let Some(cause) = source {
        let text = cause.to_string();
        if !parts.iter().any(|part| part.contains(&text)) {
            parts.push(text);
        }
        source = cause.source();
    }
    if parts.is_empty() { "no cause given".to_owned() } else { parts.join(": ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statuses_fall_into_classes() {
        for (status, class, again) in [
            (400, ErrorClass::Invalid, Again::Never),
            (401, ErrorClass::Auth, Again::Never),
            (403, ErrorClass::Auth, Again::Never),
            (404, ErrorClass::Gone, Again::Never),
            (408, ErrorClass::Retryable, Again::Never),
            (409, ErrorClass::Invalid, Again::Never),
            (410, ErrorClass::Gone, Again::Never),
            (422, ErrorClass::Invalid, Again::Never),
            (429, ErrorClass::RateLimited, Again::Always),
            (500, ErrorClass::Retryable, Again::Never),
            (503, ErrorClass::Retryable, Again::Repeatable),
            (304, ErrorClass::Failed, Again::Never),
        ] {
            let failure = Failure::status(StatusCode::from_u16(status).expect("status"), "GET x", b"", None);
            assert_eq!((failure.error.class, failure.again), (class, again), "{status}");
        }
    }

    #[test]
    fn the_remotes_own_words_are_found() {
        for (body, expected) in [
            (r#"{"error":{"code":1,"message":"no such product"}}"#, "no such product"),
            (r#"{"errors":[{"detail":"price is negative"}]}"#, "price is negative"),
            (r#"{"errors":{"sku":["taken"]}}"#, r#"{"sku":["taken"]}"#),
            (r#"{"error":"invalid_grant","error_description":"expired"}"#, "expired"),
            (r#"{"code":7}"#, r#"{"code":7}"#),
            ("<html><style>a{}</style><h1>Bad\n gateway</h1></html>", "Bad gateway"),
            ("<h1>502 <é", "502"),
            ("plain text", "plain text"),
            ("", ""),
        ] {
            assert_eq!(message(body.as_bytes()), expected, "{body}");
        }
        assert_eq!(message("é".repeat(1000).as_bytes()).chars().count(), SHOWN + 1);
    }
}

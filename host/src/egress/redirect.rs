//! Where a redirect leads and what may go along. Whether the target is granted is checked where it is called.

use bindery_contract::{Error, ErrorClass};
use reqwest::{
    Method, StatusCode,
    header::{ACCEPT, ACCEPT_LANGUAGE, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, HeaderMap, USER_AGENT},
};

use super::request::{Payload, Prepared};

/// Most redirects that are followed for one request.
pub(super) const MOST: usize = 5;

/// The request that a redirect asks for; `None` where the status is none or names no place.
pub(super) fn follow(sent: &Prepared, status: StatusCode, headers: &HeaderMap) -> Result<Option<Prepared>, Error> {
    if !matches!(status.as_u16(), 301 | 302 | 303 | 307 | 308) {
        return Ok(None);
    }
    let Some(location) = headers.get("location").and_then(|location| location.to_str().ok()) else {
        return Ok(None);
    };
    let mut url =
        sent.url.join(location).map_err(|error| denied(format!("the remote redirects to what is no URL ({error})")))?;
    url.set_fragment(None);
    if sent.url.scheme() == "https" && url.scheme() != "https" {
        return Err(denied("the remote redirects from https to plain http, where credentials could be read"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(denied("the remote redirects to a URL with credentials in it"));
    }
    let mut next = Prepared { url, ..sent.clone() };
    let becomes_get = match status.as_u16() {
        303 => sent.method != Method::HEAD,
        301 | 302 => sent.method == Method::POST,
        _ => false,
    };
    if becomes_get {
        next.method = Method::GET;
        next.payload = Payload::None;
        for name in [CONTENT_TYPE, CONTENT_LENGTH, CONTENT_ENCODING] {
            next.headers.remove(name);
        }
    }
    if next.url.origin() != sent.url.origin() {
        if !matches!(next.payload, Payload::None) {
            return Err(denied(
                "the remote redirects a request with a body to another host; the body is not handed on",
            ));
        }
        // Any other header may be a credential of the first host, whatever its name.
        next.headers = [ACCEPT, ACCEPT_LANGUAGE, USER_AGENT]
            .into_iter()
            .filter_map(|name| sent.headers.get(&name).map(|value| (name, value.clone())))
            .collect();
    }
    Ok(Some(next))
}

fn denied(message: impl Into<String>) -> Error {
    let mut error = Error::new(ErrorClass::Denied, message);
    error.detail.cure =
        Some("set the backend's host setting to the address that it redirects to, if it is right".into());
    error
}

#[cfg(test)]
mod tests {
    use bindery_contract::http::{Body, Request};
    use reqwest::header::{HeaderValue, LOCATION};

    use super::*;

    fn sent(method: &str, url: &str) -> Prepared {
        let mut request = Request { method: method.to_owned(), url: url.to_owned(), ..Request::default() };
        request.headers = vec![("X-Api-Key".to_owned(), "hidden".to_owned())];
        request.basic = Some(("user".to_owned(), Some("pw".to_owned())));
        if method == "POST" {
            request.body = Body::Raw { content_type: "application/json".to_owned() };
        }
        Prepared::new(&request, &[b"{}"]).expect("fine")
    }

    fn to(sent: &Prepared, status: u16, location: &str) -> Result<Option<Prepared>, Error> {
        let headers = [(LOCATION, HeaderValue::from_str(location).expect("value"))].into_iter().collect();
        follow(sent, StatusCode::from_u16(status).expect("status"), &headers)
    }

    #[test]
    fn credentials_stay_with_their_host() {
        let first = sent("GET", "https://a.org/x");
        let same = to(&first, 302, "/y?z=1").expect("allowed").expect("redirect");
        assert_eq!(same.url.as_str(), "https://a.org/y?z=1");
        assert!(same.headers.contains_key("x-api-key") && same.headers.contains_key("authorization"));
        for other in ["https://b.org/", "https://a.org:444/"] {
            let next = to(&first, 302, other).expect("allowed").expect("redirect");
            assert_eq!(next.headers.len(), 1, "only Accept goes along to {other}");
        }
    }

    #[test]
    fn a_redirect_never_leaves_https() {
        let first = sent("GET", "https://a.org/x");
        for bad in ["http://a.org/x", "http://b.org/", "ftp://a.org/", "https://u:p@a.org/", "https://["] {
            assert!(to(&first, 302, bad).is_err(), "{bad}");
        }
        assert!(to(&sent("GET", "http://a.org/x"), 301, "https://a.org/x").expect("allowed").is_some());
    }

    #[test]
    fn methods_change_as_the_status_says() {
        let post = sent("POST", "https://a.org/x");
        for (status, method) in [(301, "GET"), (302, "GET"), (303, "GET"), (307, "POST"), (308, "POST")] {
            let next = to(&post, status, "/y").expect("allowed").expect("redirect");
            assert_eq!(next.method.as_str(), method, "{status}");
            assert_eq!(next.payload.len(), if method == "GET" { 0 } else { 2 });
        }
        assert!(to(&post, 307, "https://b.org/").is_err(), "a body is not handed to another host");
        assert!(to(&post, 304, "/y").expect("no redirect").is_none());
    }
}

//! Turns a connector's request into what is sent: URL, headers, body. It checks texts and grants nothing.

use base64::Engine as _;
use bindery_contract::{
    Error, ErrorClass,
    http::{Body, Part, Request},
};
use bytes::Bytes;
use reqwest::{
    Method,
    header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue},
};
use url::Url;

use crate::base::Secret;

/// Headers that belong to the connection; a connector that sets them could smuggle a second request.
const RESERVED: [&str; 10] = [
    "host",
    "content-length",
    "transfer-encoding",
    "connection",
    "keep-alive",
    "upgrade",
    "te",
    "trailer",
    "expect",
    "proxy-authorization",
];

/// A request ready to be sent, as often as needed.
#[derive(Clone)]
pub(super) struct Prepared {
    pub(super) method: Method,
    pub(super) url: Url,
    pub(super) headers: HeaderMap,
    pub(super) payload: Payload,
    /// Doing it twice does no harm.
    pub(super) repeatable: bool,
    /// What Basic made of the credentials, so that it can be taken out of messages.
    pub(super) basic: Option<Secret>,
}

#[derive(Clone)]
pub(super) enum Payload {
    None,
    Bytes(Bytes),
    Multipart(Vec<(Part, Bytes)>),
}

impl Payload {
    pub(super) fn len(&self) -> u64 {
        match self {
            Self::None => 0,
            Self::Bytes(bytes) => bytes.len() as u64,
            Self::Multipart(parts) => parts.iter().map(|(_, bytes)| bytes.len() as u64).sum(),
        }
    }
}

impl Prepared {
    pub(super) fn new(request: &Request, segments: &[&[u8]]) -> Result<Self, Error> {
        let method = if request.method.is_empty() { "GET" } else { &request.method };
        let method = Method::from_bytes(method.to_ascii_uppercase().as_bytes())
            .map_err(|_| bad(format!("{method:?} is not an HTTP method")))?;
        let mut headers = headers(&request.headers)?;
        let payload = payload(&request.body, segments, &mut headers)?;
        let mut basic = None;
        if let Some((user, secret)) = &request.basic {
            let pair = zeroize::Zeroizing::new(format!("{user}:{}", secret.as_deref().unwrap_or_default()));
            let encoded = base64::engine::general_purpose::STANDARD.encode(pair.as_bytes());
            headers.insert(AUTHORIZATION, sensitive(&format!("Basic {encoded}"))?);
            basic = Some(Secret::new(encoded));
        }
        if let Some(key) = &request.idempotency_key {
            headers.insert(HeaderName::from_static("idempotency-key"), value("Idempotency-Key", key)?);
        }
        headers.entry(ACCEPT).or_insert(HeaderValue::from_static("application/json, */*;q=0.5"));
        let safe = [Method::GET, Method::HEAD, Method::PUT, Method::DELETE, Method::OPTIONS].contains(&method);
        Ok(Self {
            url: url(request)?,
            repeatable: request.idempotent.unwrap_or(safe || request.idempotency_key.is_some()),
            method,
            headers,
            payload,
            basic,
        })
    }

    /// Whether the connector said that it can read HTML.
    pub(super) fn wants_html(&self) -> bool {
        let accept = self.headers.get(ACCEPT).and_then(|accept| accept.to_str().ok()).unwrap_or_default();
        accept.contains("html") || accept.contains("text/*")
    }
}

fn url(request: &Request) -> Result<Url, Error> {
    let mut url = Url::parse(&request.url).map_err(|error| bad(format!("the URL can't be read: {error}")))?;
    if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() {
        return Err(bad("the URL must be absolute, with http or https"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(bad("credentials don't belong in a URL; send them as basic or in a header"));
    }
    url.set_fragment(None);
    if !request.query.is_empty() {
        url.query_pairs_mut().extend_pairs(&request.query);
    }
    Ok(url)
}

fn headers(pairs: &[(String, String)]) -> Result<HeaderMap, Error> {
    let mut headers = HeaderMap::with_capacity(pairs.len() + 3);
    for (name, text) in pairs {
        let parsed = HeaderName::from_bytes(name.as_bytes())
            .map_err(|_| bad(format!("{name:?} is not the name of a header")))?;
        if RESERVED.contains(&parsed.as_str()) {
            return Err(bad(format!("the header {name} is the host's own; leave it out")));
        }
        let text = if is_credential(parsed.as_str()) { sensitive(text)? } else { value(name, text)? };
        headers.append(parsed, text);
    }
    Ok(headers)
}

fn is_credential(name: &str) -> bool {
    ["authorization", "cookie", "key", "token", "secret", "signature"].iter().any(|word| name.contains(word))
}

fn payload(body: &Body, segments: &[&[u8]], headers: &mut HeaderMap) -> Result<Payload, Error> {
    let segment = |index: usize| {
        let found = segments.get(index).copied().ok_or_else(|| bad(format!("the body's segment {index} is missing")));
        found.map(Bytes::copy_from_slice)
    };
    let mut typed = |content_type: &str| -> Result<(), Error> {
        if !content_type.is_empty() {
            let value = value("Content-Type", content_type)?;
            headers.insert(CONTENT_TYPE, value);
        }
        Ok(())
    };
    match body {
        Body::None => Ok(Payload::None),
        Body::Raw { content_type } => {
            typed(content_type)?;
            Ok(Payload::Bytes(segment(0)?))
        }
        Body::Form { fields } => {
            typed("application/x-www-form-urlencoded")?;
            let mut form = url::form_urlencoded::Serializer::new(String::new());
            Ok(Payload::Bytes(form.extend_pairs(fields).finish().into()))
        }
        Body::Multipart { parts } => {
            let parts = parts.iter().map(|part| Ok((part.clone(), segment(part.segment)?)));
            Ok(Payload::Multipart(parts.collect::<Result<_, Error>>()?))
        }
        Body::Unknown => Err(Error::new(
            ErrorClass::Unsupported,
            "the body is of a newer contract than this host's; update the host",
        )),
    }
}

/// A multipart form, made anew for each attempt.
pub(super) fn form(parts: &[(Part, Bytes)]) -> Result<reqwest::multipart::Form, Error> {
    let mut form = reqwest::multipart::Form::new();
    for (part, bytes) in parts {
        let mut made = reqwest::multipart::Part::stream_with_length(bytes.clone(), bytes.len() as u64);
        if let Some(name) = &part.file_name {
            made = made.file_name(name.clone());
        }
        if let Some(content_type) = &part.content_type {
            made = made.mime_str(content_type).map_err(|_| bad(format!("{content_type:?} is not a content type")))?;
        }
        form = form.part(part.name.clone(), made);
    }
    Ok(form)
}

fn value(name: &str, text: &str) -> Result<HeaderValue, Error> {
    HeaderValue::from_bytes(text.as_bytes())
        .map_err(|_| bad(format!("the header {name} holds a character that no header may hold")))
}

fn sensitive(text: &str) -> Result<HeaderValue, Error> {
    let mut value = value("with the credentials", text)?;
    value.set_sensitive(true);
    Ok(value)
}

fn bad(message: impl Into<String>) -> Error {
    Error::new(ErrorClass::BadPayload, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(url: &str) -> Request {
        Request { url: url.to_owned(), ..Request::default() }
    }

    #[test]
    fn parameters_are_encoded_and_appended() {
        let mut request = request("https://x.org/a?b=1#frag");
        request.query = vec![("q".to_owned(), "a b&c=é".to_owned()), ("q".to_owned(), "2".to_owned())];
        let prepared = Prepared::new(&request, &[]).expect("fine");
        assert_eq!(prepared.url.as_str(), "https://x.org/a?b=1&q=a+b%26c%3D%C3%A9&q=2");
        assert_eq!(prepared.method, Method::GET);
    }

    #[test]
    fn what_may_be_repeated_is_known() {
        for (method, idempotent, key, expected) in [
            ("GET", None, None, true),
            ("put", None, None, true),
            ("DELETE", None, None, true),
            ("POST", None, None, false),
            ("PATCH", None, None, false),
            ("POST", Some(true), None, true),
            ("POST", None, Some("k"), true),
            ("GET", Some(false), None, false),
        ] {
            let request = Request {
                method: method.to_owned(),
                idempotent,
                idempotency_key: key.map(str::to_owned),
                ..request("https://x.org/")
            };
            assert_eq!(Prepared::new(&request, &[]).expect("fine").repeatable, expected, "{method}");
        }
    }

    #[test]
    fn what_could_smuggle_is_refused() {
        for (name, text) in [
            ("Host", "evil"),
            ("Transfer-Encoding", "chunked"),
            ("Content-Length", "5"),
            ("X-A", "a\r\nHost: evil"),
            ("X A", "a"),
        ] {
            let mut request = request("https://x.org/");
            request.headers = vec![(name.to_owned(), text.to_owned())];
            let error = Prepared::new(&request, &[]).err().expect(name);
            assert_eq!(error.class, ErrorClass::BadPayload);
            assert!(!error.message.contains("evil"));
        }
        for url in ["", "/relative", "ftp://x.org/", "https://user:pw@x.org/", "file:///etc/passwd"] {
            assert!(Prepared::new(&request(url), &[]).is_err(), "{url:?}");
        }
    }
}

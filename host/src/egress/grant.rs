//! What one backend may call: host names, and the secrets that must not leak on the way. It resolves nothing.

use std::{borrow::Cow, net::IpAddr};

use bindery_contract::{Error, ErrorClass};
use url::{Host, Url};

use crate::base::{Redactor, Secret};

/// The permission of one backend to call out. Cheap enough to make once per backend epoch; shared behind an `Arc`.
#[derive(Debug, Clone)]
pub struct Grant {
    backend: i64,
    name: String,
    patterns: Vec<Pattern>,
    named: Vec<Origin>,
    redactor: Redactor,
    max_body: Option<u64>,
}

/// A host of a manifest: `api.example.org`, `*.example.org`, with a port or a scheme where they are not https's.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Pattern {
    scheme: String,
    /// In lower case, without the `*.`.
    host: String,
    subdomains: bool,
    port: u16,
}

/// Scheme, host and port as the operator typed them into a setting.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Origin {
    scheme: String,
    host: String,
    port: u16,
}

/// Why a text can't be granted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not a host that can be called: {why}")]
pub struct BadHost {
    /// The text.
    pub text: String,
    /// What is wrong with it.
    pub why: String,
}

/// How far a granted call may reach.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reach {
    /// Public addresses only.
    Public,
    /// What the operator named: its private network too.
    Named,
}

impl Grant {
    /// A grant of nothing, for a backend.
    pub fn new(backend: i64, name: impl Into<String>) -> Self {
        Self {
            backend,
            name: name.into(),
            patterns: Vec::new(),
            named: Vec::new(),
            redactor: Redactor::default(),
            max_body: None,
        }
    }

    /// Adds a host that the manifest asks for: `api.example.org` (https, port 443), `*.example.org` (its subdomains),
    /// `api.example.org:8443`, `http://legacy.example.org`. Public addresses only.
    pub fn allow_host(mut self, pattern: &str) -> Result<Self, BadHost> {
        let bad = |why: &str| BadHost { text: pattern.to_owned(), why: why.to_owned() };
        let (scheme, rest) = pattern.split_once("://").unwrap_or(("https", pattern));
        let (subdomains, rest) = match rest.strip_prefix("*.") {
            Some(rest) => (true, rest),
            None => (false, rest),
        };
        if rest.contains('*') {
            return Err(bad("a * stands only for subdomains, as in *.example.org"));
        }
        let origin = origin(&format!("{scheme}://{rest}")).map_err(|why| bad(&why))?;
        if subdomains && !origin.host.contains('.') {
            return Err(bad("a * needs a domain of two parts or more after it"));
        }
        self.patterns.push(Pattern { scheme: origin.scheme, host: origin.host, subdomains, port: origin.port });
        Ok(self)
    }

    /// Adds exactly the scheme, host and port of a URL that the operator typed, wherever they lead.
    pub fn allow_url(mut self, url: &str) -> Result<Self, BadHost> {
        let origin = origin(url).map_err(|why| BadHost { text: url.to_owned(), why })?;
        if !self.named.contains(&origin) {
            self.named.push(origin);
        }
        Ok(self)
    }

    /// Adds a value that must never appear in a message, a log line or an error.
    pub fn hide(mut self, secret: &Secret) -> Self {
        self.redactor.add(secret.expose());
        self
    }

    /// Sets the largest body this backend accepts, in bytes.
    pub fn max_body(mut self, bytes: u64) -> Self {
        self.max_body = Some(bytes);
        self
    }

    /// The backend it was made for.
    pub fn backend(&self) -> i64 {
        self.backend
    }

    /// The backend's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The host names, as an operator reads them.
    pub fn hosts(&self) -> Vec<String> {
        let named = self.named.iter().map(|o| shown(&o.scheme, "", &o.host, o.port));
        let asked =
            self.patterns.iter().map(|p| shown(&p.scheme, if p.subdomains { "*." } else { "" }, &p.host, p.port));
        named.chain(asked).collect()
    }

    /// A text without this backend's secrets.
    pub fn redact<'t>(&self, text: &'t str) -> Cow<'t, str> {
        self.redactor.redact(text)
    }

    /// What takes this backend's secrets out of texts.
    pub fn redactor(&self) -> &Redactor {
        &self.redactor
    }

    pub(super) fn body_cap(&self) -> Option<u64> {
        self.max_body
    }

    /// Whether a URL may be called, and how far it may reach.
    pub(super) fn check(&self, url: &Url) -> Result<Reach, Error> {
        let (Some(host), Some(port)) = (url.host_str(), url.port_or_known_default()) else {
            return Err(self.denied(url));
        };
        let is = |o: &Origin| o.scheme == url.scheme() && o.host == host && o.port == port;
        if self.named.iter().any(is) {
            return Ok(Reach::Named);
        }
        if self.patterns.iter().any(|pattern| pattern.matches(url.scheme(), host, port)) {
            return Ok(Reach::Public);
        }
        Err(self.denied(url))
    }

    fn denied(&self, url: &Url) -> Error {
        let whole = shown(url.scheme(), "", url.host_str().unwrap_or("?"), url.port_or_known_default().unwrap_or(0));
        let mut error = Error::new(
            ErrorClass::Denied,
            format!("backend {} may not call {}", self.name, self.redactor.redact(&whole)),
        );
        let hosts = self.hosts();
        error.detail.cure = Some(if hosts.is_empty() {
            "no host is granted: the connector's manifest names none and no host setting is filled in".to_owned()
        } else {
            format!("granted are {}; set the backend's host setting to call another one", hosts.join(", "))
        });
        error
    }
}

impl Pattern {
    fn matches(&self, scheme: &str, host: &str, port: u16) -> bool {
        let name = if self.subdomains {
            host.strip_suffix(&self.host).is_some_and(|head| head.len() > 1 && head.ends_with('.'))
        } else {
            host == self.host
        };
        name && self.port == port && self.scheme == scheme
    }
}

fn origin(text: &str) -> Result<Origin, String> {
    let url = Url::parse(text).map_err(|error| error.to_string())?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(format!("{} is neither http nor https", url.scheme()));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("credentials don't belong in a URL; use the settings made for them".to_owned());
    }
    let (Some(host), Some(port)) = (url.host_str(), url.port_or_known_default()) else {
        return Err("it names no host".to_owned());
    };
    Ok(Origin { scheme: url.scheme().to_owned(), host: host.to_owned(), port })
}

fn shown(scheme: &str, prefix: &str, host: &str, port: u16) -> String {
    match (scheme, port) {
        ("https", 443) | ("http", 80) => format!("{scheme}://{prefix}{host}"),
        _ => format!("{scheme}://{prefix}{host}:{port}"),
    }
}

/// The address in a URL whose host is one.
pub(super) fn literal(url: &Url) -> Option<IpAddr> {
    match url.host()? {
        Host::Ipv4(address) => Some(address.into()),
        Host::Ipv6(address) => Some(address.into()),
        Host::Domain(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reach(grant: &Grant, url: &str) -> Option<Reach> {
        grant.check(&url.parse().expect(url)).ok()
    }

    #[test]
    fn only_what_is_granted_may_be_called() {
        let grant = Grant::new(1, "shop").allow_host("api.example.org").expect("host");
        let grant = grant.allow_host("*.cdn.example.org").expect("pattern");
        let grant = grant.allow_url("http://127.0.0.1:8080/api/").expect("url");
        for (url, expected) in [
            ("https://api.example.org/x", Some(Reach::Public)),
            ("https://API.example.org/x", Some(Reach::Public)),
            ("http://api.example.org/x", None),
            ("https://api.example.org:8443/x", None),
            ("https://a.cdn.example.org/", Some(Reach::Public)),
            ("https://cdn.example.org/", None),
            ("https://evilcdn.example.org/", None),
            ("https://api.example.org.evil.net/", None),
            ("http://127.0.0.1:8080/other", Some(Reach::Named)),
            ("http://127.0.0.1:8081/", None),
            ("https://127.0.0.1:8080/", None),
            ("http://2130706433:8080/", Some(Reach::Named)),
        ] {
            assert_eq!(reach(&grant, url), expected, "{url}");
        }
    }

    #[test]
    fn a_refusal_says_what_is_granted() {
        let grant = Grant::new(1, "shop").allow_host("api.example.org:8443").expect("host");
        let error = grant.check(&"http://other/".parse().expect("url")).expect_err("refused");
        assert_eq!(error.class, ErrorClass::Denied);
        assert!(error.detail.cure.as_deref().unwrap_or_default().contains("https://api.example.org:8443"));
    }

    #[test]
    fn what_is_no_host_is_refused() {
        for bad in ["*", "*.org", "a.*.org", "", "ftp://x.org", "https://user:pw@x.org"] {
            assert!(Grant::new(1, "x").allow_host(bad).is_err(), "{bad:?}");
        }
        assert!(Grant::new(1, "x").allow_url("example.org").is_err());
    }
}

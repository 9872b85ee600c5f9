//! URLs: base and endpoint joined without doubling slashes, parameters and path segments encoded.

use std::fmt::Write;

/// Percent-encodes a text so that it is one segment of a path, whatever it holds.
///
/// ```
/// use bindery_plugin::encode_segment;
///
/// assert_eq!(format!("/products/{}", encode_segment("a/b c")), "/products/a%2Fb%20c");
/// assert_eq!(encode_segment(".."), "%2E%2E");
/// ```
pub fn encode_segment(text: &str) -> String {
    if matches!(text, "." | "..") {
        return text.replace('.', "%2E");
    }
    encode(text)
}

fn encode(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => out.push(char::from(byte)),
            _ => {
                let _ = write!(out, "%{byte:02X}");
            }
        }
    }
    out
}

/// An endpoint at a base. A whole URL stays as it is; the endpoint's own query comes after the base's.
pub(crate) fn join(base: &str, endpoint: &str) -> String {
    if is_absolute(endpoint) {
        return endpoint.to_owned();
    }
    let (base, base_query) = split_query(base);
    let (path, query) = split_query(endpoint);
    let mut url = base.trim_end_matches('/').to_owned();
    let path = path.trim_start_matches('/');
    if !path.is_empty() {
        url.push('/');
        url.push_str(path);
    }
    let queries: Vec<&str> = [base_query, query].into_iter().flatten().filter(|q| !q.is_empty()).collect();
    if !queries.is_empty() {
        url.push('?');
        url.push_str(&queries.join("&"));
    }
    url
}

/// A URL with parameters appended, encoded.
pub(crate) fn with_query(mut url: String, query: &[(String, String)]) -> String {
    for (name, value) in query {
        url.push(if url.contains('?') { '&' } else { '?' });
        let _ = write!(url, "{}={}", encode(name), encode(value));
    }
    url
}

pub(crate) fn is_absolute(endpoint: &str) -> bool {
    let starts = |scheme: &str| endpoint.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme));
    starts("https://") || starts("http://")
}

/// Whether two whole URLs have the same scheme, host and port as written: only then credentials go along.
pub(crate) fn is_same_origin(left: &str, right: &str) -> bool {
    fn origin(url: &str) -> String {
        let authority = url.find("://").map_or(0, |at| at + 3);
        let end = url[authority..].find(['/', '?', '#', '\\']).map_or(url.len(), |at| authority + at);
        url[..end].to_ascii_lowercase()
    }
    origin(left) == origin(right)
}

fn split_query(url: &str) -> (&str, Option<&str>) {
    url.split_once('?').map_or((url, None), |(path, query)| (path, Some(query)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slashes_are_never_doubled_and_never_missing() {
        for (base, endpoint) in [
            ("https://a.example/api", "products"),
            ("https://a.example/api/", "products"),
            ("https://a.example/api", "/products"),
            ("https://a.example/api/", "/products"),
        ] {
            assert_eq!(join(base, endpoint), "https://a.example/api/products");
        }
        assert_eq!(join("https://a.example/", ""), "https://a.example");
        assert_eq!(join("https://a.example/api", "products/"), "https://a.example/api/products/");
    }

    #[test]
    fn queries_of_both_sides_are_kept() {
        assert_eq!(join("https://a.example/?db=x", "/p?y=1"), "https://a.example/p?db=x&y=1");
        let url = with_query(join("https://a.example", "/p?y=1"), &[("q".into(), "a b&c".into())]);
        assert_eq!(url, "https://a.example/p?y=1&q=a%20b%26c");
    }

    #[test]
    fn a_whole_url_stays_and_its_origin_is_told() {
        let next = "https://a.example/api?page=2";
        assert_eq!(join("https://a.example/api", next), next);
        assert!(is_same_origin("https://A.example/api", next));
        for other in ["https://b.example/", "http://a.example/", "https://a.example.evil/", "https://a.example@evil/"] {
            assert!(!is_same_origin("https://a.example", other), "{other}");
        }
    }

    #[test]
    fn a_segment_can_not_leave_its_place() {
        assert_eq!(encode_segment("../x?y#z%"), "..%2Fx%3Fy%23z%25");
        assert_eq!(encode_segment("é"), "%C3%A9");
    }
}

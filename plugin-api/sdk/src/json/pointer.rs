//! JSON pointers (RFC 6901) over text: `/address/city`, `/lines/0/id`. Without a leading slash, the name of one key.
//!
//! It never builds a tree: a pointer is followed by scanning.

use std::{borrow::Cow, ops::Range};

use bindery_contract::scan::{self, Malformed};

/// The steps of a pointer; none of them: the whole value.
pub(crate) fn steps(pointer: &str) -> Vec<String> {
    match pointer.strip_prefix('/') {
        Some(rest) => rest.split('/').map(|step| unescape(step).into_owned()).collect(),
        None if pointer.is_empty() => Vec::new(),
        None => vec![pointer.to_owned()],
    }
}

fn unescape(step: &str) -> Cow<'_, str> {
    if step.contains('~') { Cow::Owned(step.replace("~1", "/").replace("~0", "~")) } else { Cow::Borrowed(step) }
}

/// The range that a pointer leads to within `text[within]`, or none where a step leads nowhere.
pub(crate) fn find(text: &[u8], within: Range<usize>, pointer: &str) -> Result<Option<Range<usize>>, Malformed> {
    let start = scan::skip_space(text, within.start);
    let mut here = start..within.end;
    match pointer.strip_prefix('/') {
        None if pointer.is_empty() => Ok(Some(here)),
        None => entry(text, &here, pointer),
        Some(rest) => {
            for step in rest.split('/') {
                match entry(text, &here, &unescape(step))? {
                    Some(next) => here = next,
                    None => return Ok(None),
                }
            }
            Ok(Some(here))
        }
    }
}

/// The entry of an object by key (the last of equal ones), or of an array by number.
pub(crate) fn entry(text: &[u8], within: &Range<usize>, step: &str) -> Result<Option<Range<usize>>, Malformed> {
    let mut found = None;
    match text.get(within.start) {
        Some(b'{') => {
            scan::object(text, within.start, |key, value| {
                if is_key(key, step) {
                    found = Some(value);
                }
            })?;
        }
        Some(b'[') => {
            let Ok(wanted) = step.parse::<usize>() else { return Ok(None) };
            let mut number = 0;
            scan::array(text, within.start, |item| {
                if number == wanted {
                    found = Some(item);
                }
                number += 1;
            })?;
        }
        _ => {}
    }
    Ok(found)
}

/// Whether a raw key is this name. Keys with escapes are rare and decoded.
#[inline]
pub(crate) fn is_key(raw: &[u8], name: &str) -> bool {
    raw == name.as_bytes() || raw.contains(&b'\\') && decode(raw).is_some_and(|key| key == name)
}

/// A raw string without its quotes, decoded.
pub(crate) fn decode(raw: &[u8]) -> Option<String> {
    let quoted = [b"\"".as_slice(), raw, b"\""].concat();
    serde_json::from_slice(&quoted).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at<'t>(text: &'t str, pointer: &str) -> Option<&'t str> {
        find(text.as_bytes(), 0..text.len(), pointer).expect("well-formed").map(|range| &text[range])
    }

    #[test]
    fn pointers_lead_through_objects_and_arrays() {
        let text = r#" {"a":{"b c":[10,{"d/e":"x"},20]},"~":1,"caf\u00e9":2,"n":null}"#;
        assert_eq!(at(text, "/a/b c/0"), Some("10"));
        assert_eq!(at(text, "/a/b c/1/d~1e"), Some("\"x\""));
        assert_eq!(at(text, "/a/b c/9"), None);
        assert_eq!(at(text, "/~0"), Some("1"));
        assert_eq!(at(text, "/café"), Some("2"));
        assert_eq!(at(text, "n"), Some("null"));
        assert_eq!(at(text, "/n/x"), None);
        assert_eq!(at(text, "/missing"), None);
    }

    #[test]
    fn the_last_of_equal_keys_counts() {
        assert_eq!(at(r#"{"a":1,"a":2}"#, "/a"), Some("2"));
    }
}

//! One pass over JSON text that finds where values lie.
//!
//! It trusts nothing: what it hands on has balanced brackets and closed strings, and [`is_value`] checks a slice fully
//! before it is copied into an answer. It never decodes more than it is asked for.

use std::ops::Range;

/// The text is not JSON. `at` is the byte where reading stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Malformed {
    pub(crate) at: usize,
}

type Scan<T> = Result<T, Malformed>;

const fn malformed<T>(at: usize) -> Scan<T> {
    Err(Malformed { at })
}

/// The index of the first byte at or after `at` that is not white space.
#[inline]
pub(crate) fn skip_space(text: &[u8], mut at: usize) -> usize {
    while at < text.len() && matches!(text[at], b' ' | b'\n' | b'\r' | b'\t') {
        at += 1;
    }
    at
}

/// Calls `entry` with the raw key (without quotes) and the range of the value of every entry of the object at `at`;
/// answers the index behind the object.
#[inline]
pub(crate) fn object<'t>(text: &'t [u8], at: usize, mut entry: impl FnMut(&'t [u8], Range<usize>)) -> Scan<usize> {
    if text.get(at) != Some(&b'{') {
        return malformed(at);
    }
    let mut at = skip_space(text, at + 1);
    if text.get(at) == Some(&b'}') {
        return Ok(at + 1);
    }
    loop {
        if text.get(at) != Some(&b'"') {
            return malformed(at);
        }
        let key_end = skip_string(text, at)?;
        let key = &text[at + 1..key_end - 1];
        at = skip_space(text, key_end);
        if text.get(at) != Some(&b':') {
            return malformed(at);
        }
        let start = skip_space(text, at + 1);
        let end = skip_value(text, start)?;
        entry(key, start..end);
        at = skip_space(text, end);
        match text.get(at) {
            Some(b',') => at = skip_space(text, at + 1),
            Some(b'}') => return Ok(at + 1),
            _ => return malformed(at),
        }
    }
}

/// Calls `item` with the range of every item of the array at `at`; answers the index behind the array.
pub(crate) fn array(text: &[u8], at: usize, mut item: impl FnMut(Range<usize>)) -> Scan<usize> {
    if text.get(at) != Some(&b'[') {
        return malformed(at);
    }
    let mut at = skip_space(text, at + 1);
    if text.get(at) == Some(&b']') {
        return Ok(at + 1);
    }
    loop {
        let end = skip_value(text, at)?;
        item(at..end);
        at = skip_space(text, end);
        match text.get(at) {
            Some(b',') => at = skip_space(text, at + 1),
            Some(b']') => return Ok(at + 1),
            _ => return malformed(at),
        }
    }
}

/// The index behind the value at `at`.
#[inline]
pub(crate) fn skip_value(text: &[u8], at: usize) -> Scan<usize> {
    match text.get(at) {
        Some(b'"') => skip_string(text, at),
        Some(b'{' | b'[') => skip_container(text, at),
        Some(b'-' | b'0'..=b'9' | b't' | b'f' | b'n') => {
            let rest = &text[at..];
            let length = rest
                .iter()
                .position(|b| matches!(b, b',' | b'}' | b']' | b' ' | b'\n' | b'\r' | b'\t' | b':' | b'"'))
                .unwrap_or(rest.len());
            Ok(at + length)
        }
        _ => malformed(at),
    }
}

/// The index behind the string whose opening quote is at `at`. Eight bytes at a time: most of a record is text.
#[inline]
fn skip_string(text: &[u8], at: usize) -> Scan<usize> {
    const ONES: u64 = u64::MAX / 255;
    const HIGHS: u64 = ONES << 7;
    let mut index = at + 1;
    loop {
        while let Some(chunk) = text.get(index..index + 8).and_then(|c| c.first_chunk::<8>()) {
            let word = u64::from_le_bytes(*chunk);
            let quote = word ^ (ONES * b'"' as u64);
            let slash = word ^ (ONES * b'\\' as u64);
            let found = (quote.wrapping_sub(ONES) & !quote | slash.wrapping_sub(ONES) & !slash) & HIGHS;
            if found != 0 {
                index += found.trailing_zeros() as usize / 8;
                break;
            }
            index += 8;
        }
        match text.get(index) {
            Some(b'"') => return Ok(index + 1),
            Some(b'\\') => index += 2,
            Some(_) => index += 1,
            None => return malformed(text.len()),
        }
    }
}

/// Brackets must close in the order they were opened; a stack of bits remembers 64 levels, more is refused.
fn skip_container(text: &[u8], at: usize) -> Scan<usize> {
    let (mut kinds, mut depth, mut index) = (0u64, 0u32, at);
    loop {
        match text.get(index) {
            Some(b'"') => {
                index = skip_string(text, index)?;
                continue;
            }
            Some(open @ (b'{' | b'[')) => {
                if depth == 64 {
                    return malformed(index);
                }
                kinds = kinds << 1 | u64::from(*open == b'{');
                depth += 1;
            }
            Some(close @ (b'}' | b']')) => {
                if (kinds & 1 == 1) != (*close == b'}') {
                    return malformed(index);
                }
                kinds >>= 1;
                depth -= 1;
                if depth == 0 {
                    return Ok(index + 1);
                }
            }
            Some(_) => {}
            None => return malformed(index),
        }
        index += 1;
    }
}

/// Whether a slice is exactly one well-formed JSON value. `text` must be UTF-8.
pub(crate) fn is_value(text: &[u8]) -> bool {
    match text.first() {
        Some(b'"') => is_string(text),
        Some(b't') => text == b"true",
        Some(b'f') => text == b"false",
        Some(b'n') => text == b"null",
        Some(b'-' | b'0'..=b'9') => is_number(text),
        Some(b'{' | b'[') => serde_json::from_slice::<serde::de::IgnoredAny>(text).is_ok(),
        _ => false,
    }
}

/// Whether the text is a JSON number.
pub(crate) fn is_number(text: &[u8]) -> bool {
    fn digits(text: &[u8]) -> usize {
        text.iter().take_while(|b| b.is_ascii_digit()).count()
    }
    let mut rest = text.strip_prefix(b"-").unwrap_or(text);
    let whole = digits(rest);
    if whole == 0 || whole > 1 && rest[0] == b'0' {
        return false;
    }
    rest = &rest[whole..];
    if let [b'.', fraction @ ..] = rest {
        let length = digits(fraction);
        if length == 0 {
            return false;
        }
        rest = &fraction[length..];
    }
    if let [b'e' | b'E', exponent @ ..] = rest {
        let exponent = match exponent {
            [b'+' | b'-', after @ ..] => after,
            all => all,
        };
        let length = digits(exponent);
        if length == 0 {
            return false;
        }
        rest = &exponent[length..];
    }
    rest.is_empty()
}

fn is_string(text: &[u8]) -> bool {
    let [b'"', inner @ .., b'"'] = text else { return false };
    let mut index = 0;
    while let Some(&byte) = inner.get(index) {
        index += match byte {
            b'"' | 0..0x20 => return false,
            b'\\' => match inner.get(index + 1) {
                Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => 2,
                Some(b'u') => match inner.get(index + 2..index + 6) {
                    Some(hex) if hex.iter().all(u8::is_ascii_hexdigit) => 6,
                    _ => return false,
                },
                _ => return false,
            },
            _ => 1,
        };
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(text: &str) -> Scan<Vec<(&str, &str)>> {
        let mut found = Vec::new();
        object(text.as_bytes(), 0, |key, value| {
            found.push((std::str::from_utf8(key).expect("utf-8"), &text[value]));
        })?;
        Ok(found)
    }

    #[test]
    fn an_object_is_cut_into_keys_and_raw_values() {
        let text = r#"{ "a" : 1.50, "b":"x\"y,}" ,"c":{"d":[1,{"e":"]"}]},"f":[ ],"g":null}"#;
        let want = [("a", "1.50"), ("b", r#""x\"y,}""#), ("c", r#"{"d":[1,{"e":"]"}]}"#), ("f", "[ ]"), ("g", "null")];
        assert_eq!(keys(text).expect("well-formed"), want);
        assert_eq!(keys("{}").expect("well-formed"), []);
    }

    #[test]
    fn every_truncation_is_an_error() {
        let text = r#"{"a":"long enough for a word \\ and more","b":{"c":[1,2,{}]},"d":true}"#;
        for cut in 0..text.len() {
            assert!(keys(&text[..cut]).is_err(), "{}", &text[..cut]);
        }
    }

    #[test]
    fn brackets_must_match() {
        for text in [r#"{"a":[1}}"#, r#"{"a":{"b":1]}"#, r#"{"a":]}"#, r#"{"a" 1}"#, r#"{a:1}"#, r#"{"a":1,}"#] {
            assert!(keys(text).is_err(), "{text}");
        }
        let deep = format!("{{\"a\":{}{}}}", "[".repeat(65), "]".repeat(65));
        assert!(keys(&deep).is_err());
    }

    #[test]
    fn a_value_is_checked_as_serde_json_checks_it() {
        let texts = [
            "1",
            "-0",
            "0.5",
            "1e5",
            "1E+5",
            "-12.50e-3",
            "01",
            "1.",
            ".5",
            "-",
            "1e",
            "+1",
            "1a",
            "true",
            "tru",
            "truex",
            "false",
            "null",
            "nul",
            "\"a\"",
            "\"a",
            "\"\\q\"",
            "\"\\u12\"",
            "\"\\u00e9\"",
            "\"\t\"",
            "\"é\"",
            "[1,2]",
            "[1,]",
            "{\"a\":1}",
            "{\"a\":}",
            "",
            "\"a\"b\"",
            "{}",
        ];
        for text in texts {
            let want = serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok();
            assert_eq!(is_value(text.as_bytes()), want, "{text:?}");
        }
    }

    #[test]
    fn strings_end_where_they_end_at_every_alignment() {
        for length in 0..40 {
            for quote in 0..length {
                let mut body = "é".repeat(length);
                body.insert_str(quote * 2, "\\\"");
                let text = format!("{{\"k\":\"{body}\",\"z\":1}}");
                assert_eq!(keys(&text).expect("well-formed").len(), 2, "{text}");
            }
        }
    }
}

//! One pass over JSON text that finds where values lie. Host and connectors cut the same texts, so they cut alike.
//!
//! It checks everything that it passes (RFC 8259), and builds and decodes nothing: a number keeps its digits, a string
//! its escapes. It trusts only that the text is UTF-8.

use std::ops::Range;

/// The text is not JSON. `at` is the byte where reading stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Malformed {
    /// Offset in bytes from the start of the text.
    pub at: usize,
}

impl std::fmt::Display for Malformed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "this is not JSON from byte {} on", self.at)
    }
}

impl std::error::Error for Malformed {}

/// What a scan comes to.
pub type Scan<T> = Result<T, Malformed>;

const fn malformed<T>(at: usize) -> Scan<T> {
    Err(Malformed { at })
}

/// The range of the one value that the text is, without the white space around it.
///
/// ```
/// use bindery_contract::scan;
/// assert_eq!(scan::whole(b" [1, 2] "), Ok(1..7));
/// assert_eq!(scan::whole(b"[1, 2] x"), Err(scan::Malformed { at: 7 }));
/// ```
pub fn whole(text: &[u8]) -> Scan<Range<usize>> {
    let start = skip_space(text, 0);
    let end = skip_value(text, start)?;
    let rest = skip_space(text, end);
    if rest == text.len() { Ok(start..end) } else { malformed(rest) }
}

/// The index of the first byte at or after `at` that is not white space.
#[inline]
pub fn skip_space(text: &[u8], mut at: usize) -> usize {
    while at < text.len() && matches!(text[at], b' ' | b'\n' | b'\r' | b'\t') {
        at += 1;
    }
    at
}

/// Calls `entry` with the raw key (without quotes) and the range of the value of every entry of the object at `at`;
/// answers the index behind the object.
///
/// ```
/// use bindery_contract::scan;
/// let (text, mut found) = (br#"{"a": 1.50, "b": [2]}"#, Vec::new());
/// scan::object(text, 0, |key, value| found.push((key, &text[value]))).expect("JSON");
/// assert_eq!(found, [(b"a".as_slice(), b"1.50".as_slice()), (b"b", b"[2]")]);
/// ```
#[inline]
pub fn object<'t>(text: &'t [u8], at: usize, mut entry: impl FnMut(&'t [u8], Range<usize>)) -> Scan<usize> {
    walk_object(text, at, |key, start| {
        let end = skip_value(text, start)?;
        entry(key, start..end);
        Ok(end)
    })
}

/// As [`object()`], where `entry` walks over the value itself: it is told where the value starts and answers the index
/// behind it.
#[inline]
pub fn walk_object<'t>(
    text: &'t [u8],
    at: usize,
    mut entry: impl FnMut(&'t [u8], usize) -> Scan<usize>,
) -> Scan<usize> {
    if text.get(at) != Some(&b'{') {
        return malformed(at);
    }
    let mut at = skip_space(text, at + 1);
    if text.get(at) == Some(&b'}') {
        return Ok(at + 1);
    }
    loop {
        let (key, start) = skip_key(text, at)?;
        at = skip_space(text, entry(&text[key], start)?);
        match text.get(at) {
            Some(b',') => at = skip_space(text, at + 1),
            Some(b'}') => return Ok(at + 1),
            _ => return malformed(at),
        }
    }
}

/// Calls `item` with the range of every item of the array at `at`; answers the index behind the array.
///
/// ```
/// use bindery_contract::scan;
/// let (text, mut found) = (b"[1, \"two\"]", Vec::new());
/// scan::array(text, 0, |item| found.push(&text[item])).expect("JSON");
/// assert_eq!(found, [b"1".as_slice(), b"\"two\""]);
/// ```
#[inline]
pub fn array(text: &[u8], at: usize, mut item: impl FnMut(Range<usize>)) -> Scan<usize> {
    walk_array(text, at, |start| {
        let end = skip_value(text, start)?;
        item(start..end);
        Ok(end)
    })
}

/// As [`array()`], where `item` walks over the value itself.
#[inline]
pub fn walk_array(text: &[u8], at: usize, mut item: impl FnMut(usize) -> Scan<usize>) -> Scan<usize> {
    if text.get(at) != Some(&b'[') {
        return malformed(at);
    }
    let mut at = skip_space(text, at + 1);
    if text.get(at) == Some(&b']') {
        return Ok(at + 1);
    }
    loop {
        at = skip_space(text, item(at)?);
        match text.get(at) {
            Some(b',') => at = skip_space(text, at + 1),
            Some(b']') => return Ok(at + 1),
            _ => return malformed(at),
        }
    }
}

/// The index behind the value at `at`.
#[inline]
pub fn skip_value(text: &[u8], at: usize) -> Scan<usize> {
    match text.get(at) {
        Some(b'{' | b'[') => skip_container(text, at),
        _ => skip_scalar(text, at),
    }
}

#[inline]
fn skip_scalar(text: &[u8], at: usize) -> Scan<usize> {
    match text.get(at) {
        Some(b'"') => skip_string(text, at),
        Some(b'-' | b'0'..=b'9') => skip_number(text, at),
        Some(b't') => skip_word(text, at, b"true"),
        Some(b'f') => skip_word(text, at, b"false"),
        Some(b'n') => skip_word(text, at, b"null"),
        _ => malformed(at),
    }
}

#[inline]
fn skip_word(text: &[u8], at: usize, word: &[u8]) -> Scan<usize> {
    if text[at..].starts_with(word) { Ok(at + word.len()) } else { malformed(at) }
}

#[inline]
fn skip_number(text: &[u8], at: usize) -> Scan<usize> {
    let digits = |from: usize| from + text[from..].iter().take_while(|byte| byte.is_ascii_digit()).count();
    let some_digits = |from: usize| Some(digits(from)).filter(|end| *end > from).ok_or(Malformed { at: from });
    let start = if text[at] == b'-' { at + 1 } else { at };
    // A zero in front stands alone; what follows it is then no value's end.
    let mut end = if text.get(start) == Some(&b'0') { start + 1 } else { some_digits(start)? };
    if text.get(end) == Some(&b'.') {
        end = some_digits(end + 1)?;
    }
    if let Some(b'e' | b'E') = text.get(end) {
        end = some_digits(if let Some(b'+' | b'-') = text.get(end + 1) { end + 2 } else { end + 1 })?;
    }
    Ok(end)
}

/// The range of the raw key at `at`, and where its value starts.
#[inline]
fn skip_key(text: &[u8], at: usize) -> Scan<(Range<usize>, usize)> {
    if text.get(at) != Some(&b'"') {
        return malformed(at);
    }
    let end = skip_string(text, at)?;
    let colon = skip_space(text, end);
    if text.get(colon) != Some(&b':') {
        return malformed(colon);
    }
    Ok((at + 1..end - 1, skip_space(text, colon + 1)))
}

/// The index behind the string whose opening quote is at `at`. Eight bytes at a time: most of a record is text.
#[inline]
fn skip_string(text: &[u8], at: usize) -> Scan<usize> {
    const ONES: u64 = u64::MAX / 255;
    const HIGHS: u64 = ONES << 7;
    let mut index = at + 1;
    loop {
        while let Some(chunk) = text.get(index..index + 8).and_then(|chunk| chunk.first_chunk::<8>()) {
            let word = u64::from_le_bytes(*chunk);
            let quote = word ^ (ONES * b'"' as u64);
            let slash = word ^ (ONES * b'\\' as u64);
            let control = word.wrapping_sub(ONES * 0x20) & !word;
            // The lowest byte that is marked is marked rightly; a borrow spoils only those above it.
            let found = (quote.wrapping_sub(ONES) & !quote | slash.wrapping_sub(ONES) & !slash | control) & HIGHS;
            if found != 0 {
                index += found.trailing_zeros() as usize / 8;
                break;
            }
            index += 8;
        }
        match text.get(index) {
            Some(b'"') => return Ok(index + 1),
            Some(b'\\') => index = skip_escape(text, index)?,
            Some(0x20..) => index += 1,
            _ => return malformed(index),
        }
    }
}

#[inline]
fn skip_escape(text: &[u8], at: usize) -> Scan<usize> {
    match text.get(at + 1) {
        Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => Ok(at + 2),
        Some(b'u') => match text.get(at + 2..at + 6) {
            Some(digits) if digits.iter().all(u8::is_ascii_hexdigit) => Ok(at + 6),
            _ => malformed(at),
        },
        _ => malformed(at),
    }
}

/// The index behind the object or array at `at`, however deep it is: nothing here calls itself.
fn skip_container(text: &[u8], mut at: usize) -> Scan<usize> {
    let mut open = Open::default();
    loop {
        match text.get(at) {
            Some(b'{') => {
                open.push(true);
                at = skip_space(text, at + 1);
                if text.get(at) != Some(&b'}') {
                    at = skip_key(text, at)?.1;
                    continue;
                }
            }
            Some(b'[') => {
                open.push(false);
                at = skip_space(text, at + 1);
                if text.get(at) != Some(&b']') {
                    continue;
                }
            }
            _ => at = skip_scalar(text, at)?,
        }
        loop {
            at = skip_space(text, at);
            match (text.get(at), open.is_object()) {
                (Some(b','), true) => {
                    at = skip_key(text, skip_space(text, at + 1))?.1;
                    break;
                }
                (Some(b','), false) => {
                    at = skip_space(text, at + 1);
                    break;
                }
                (Some(b'}'), true) | (Some(b']'), false) => {
                    at += 1;
                    if open.pop() {
                        return Ok(at);
                    }
                }
                _ => return malformed(at),
            }
        }
    }
}

/// Which brackets are open: a bit each, the innermost lowest.
#[derive(Default)]
struct Open {
    bits: u64,
    depth: usize,
    /// Full words of the levels further out.
    outer: Vec<u64>,
}

impl Open {
    fn push(&mut self, is_object: bool) {
        if self.depth > 0 && self.depth.is_multiple_of(64) {
            self.outer.push(self.bits);
        }
        self.bits = self.bits << 1 | u64::from(is_object);
        self.depth += 1;
    }

    /// Closes the innermost one; answers whether it was the last.
    fn pop(&mut self) -> bool {
        self.depth -= 1;
        self.bits >>= 1;
        if self.depth > 0 && self.depth.is_multiple_of(64) {
            self.bits = self.outer.pop().unwrap_or_default();
        }
        self.depth == 0
    }

    fn is_object(&self) -> bool {
        self.bits & 1 == 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXTS: [&str; 51] = [
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
        "[,]",
        "[1 2]",
        "[1,,2]",
        "{,}",
        "{\"a\":1,}",
        "{\"a\":1 \"b\":2}",
        "{\"a\",1}",
        "[\"a\":1]",
        "{1:2}",
        " 1 ",
        "1 2",
        "-01",
        "00",
        "1e+",
        "\"\u{1f}\"",
        "\"\u{7f}\u{80}\u{ff}\"",
        "\"\\ud800\"",
        "\"long enough for a word \u{1}\"",
    ];

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
        for depth in [63, 64, 65, 128, 129, 100_000] {
            let deep = format!("{{\"a\":{}{}}}", "[".repeat(depth), "]".repeat(depth));
            assert!(keys(&deep).is_ok(), "{depth}");
            let torn = format!("{{\"a\":{}}}{}}}", "[".repeat(depth), "]".repeat(depth - 1));
            assert!(keys(&torn).is_err(), "{depth}");
            let mixed = format!("{}1{}", "{\"k\":[".repeat(depth), "]}".repeat(depth));
            assert_eq!(whole(mixed.as_bytes()), Ok(0..mixed.len()), "{depth}");
        }
    }

    #[test]
    fn a_value_is_checked_as_serde_json_checks_it() {
        for text in TEXTS {
            let want = serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok();
            assert_eq!(whole(text.as_bytes()).is_ok(), want, "{text:?}");
            let within = format!("[{{\"k\": {text} , \"l\":0}}]");
            let want = serde_json::from_str::<serde::de::IgnoredAny>(&within).is_ok();
            assert_eq!(whole(within.as_bytes()).is_ok(), want, "{within:?}");
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

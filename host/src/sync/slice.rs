//! Finds values in raw JSON by their pointers, in one pass and without a tree: what is found stays a slice of the text.
//!
//! Pointers are RFC 6901. It never interprets what it finds, and it knows nothing of pages or records.

use std::borrow::Cow;

use bindery_contract::scan::{self, Malformed, Scan};

/// Pointers, compiled: one pass over a text finds them all.
///
/// Where a key comes twice, the last one rules. A pointer is answered under the index that it was given.
#[derive(Debug, Clone)]
pub struct Pointers {
    nodes: Vec<Node>,
    count: usize,
}

#[derive(Debug, Clone, Default)]
struct Node {
    /// Names (and array positions as text) that lead on, with the node they lead to.
    steps: Vec<(Box<str>, usize)>,
    /// Indices of the pointers that end here.
    ends: Vec<usize>,
}

/// A text that is no JSON pointer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a JSON pointer: it is empty or starts with a slash, and has at most {DEEPEST} steps")]
pub struct BadPointer(pub String);

/// Most steps of a pointer.
const DEEPEST: usize = 128;

impl Pointers {
    /// Compiles pointers; the empty pointer is the whole text.
    pub fn new<'p>(pointers: impl IntoIterator<Item = &'p str>) -> Result<Self, BadPointer> {
        let mut compiled = Self { nodes: vec![Node::default()], count: 0 };
        for pointer in pointers {
            let at = compiled.node_of(pointer)?;
            compiled.nodes[at].ends.push(compiled.count);
            compiled.count += 1;
        }
        Ok(compiled)
    }

    fn node_of(&mut self, pointer: &str) -> Result<usize, BadPointer> {
        if pointer.is_empty() {
            return Ok(0);
        }
        let bad = || BadPointer(pointer.to_owned());
        let tail = pointer.strip_prefix('/').filter(|tail| tail.split('/').count() <= DEEPEST).ok_or_else(bad)?;
        let mut at = 0;
        for token in tail.split('/') {
            let name = token.replace("~1", "/").replace("~0", "~");
            at = match self.nodes[at].steps.iter().find(|(step, _)| **step == *name) {
                Some((_, next)) => *next,
                None => {
                    self.nodes.push(Node::default());
                    let next = self.nodes.len() - 1;
                    self.nodes[at].steps.push((name.into(), next));
                    next
                }
            };
        }
        Ok(at)
    }

    /// Looks all pointers up in a text that may be anything. A text that is not JSON to its end is an error.
    pub fn find<'a>(&self, text: &'a str) -> Scan<Vec<Option<&'a str>>> {
        let mut search = Search { pointers: self, text, found: vec![None; self.count], list: None };
        search.whole()?;
        Ok(search.found)
    }

    /// As [`Pointers::find`], with the value of the first pointer taken apart: each element, with what `inner` finds in
    /// it, in the same pass, since most of a page's text is its list.
    pub fn find_list<'a>(&self, text: &'a str, inner: &Self) -> Scan<(List<'a>, Vec<Option<&'a str>>)> {
        let alone = |node: &Node| node.steps.is_empty() && node.ends == [0];
        let node = self.nodes.iter().position(alone);
        let take_apart = Some(TakeApart { node: node.unwrap_or(usize::MAX), inner, list: List::Absent });
        let mut search = Search { pointers: self, text, found: vec![None; self.count], list: take_apart };
        search.whole()?;
        let (list, found) = (search.list.map(|apart| apart.list).unwrap_or_default(), search.found);
        // Something else ends, or leads on, where the list stands: the list is passed once more.
        match found.first().copied().flatten().filter(|_| node.is_none()) {
            Some(value) => Ok((List::of(value, inner, 0)?.0, found)),
            None => Ok((list, found)),
        }
    }
}

/// A value that should be a list.
#[derive(Debug, Default)]
pub enum List<'a> {
    /// There is no such value.
    #[default]
    Absent,
    /// It is null.
    Null,
    /// It is no list.
    Scalar,
    /// The values of an array, or of an object in its order.
    Elements(Elements<'a>),
}

/// Elements of a list, each as a slice, with what was looked for in it.
#[derive(Debug, Default)]
pub struct Elements<'a> {
    all: Vec<&'a str>,
    /// For each element as many as there are pointers.
    found: Vec<Option<&'a str>>,
}

impl<'a> Elements<'a> {
    /// How many.
    pub fn count(&self) -> usize {
        self.all.len()
    }

    /// Each with what was found in it.
    pub fn iter(&self) -> impl Iterator<Item = (&'a str, &[Option<&'a str>])> {
        let each = self.found.len().checked_div(self.all.len()).unwrap_or_default();
        self.all.iter().enumerate().map(move |(number, element)| (*element, &self.found[number * each..][..each]))
    }

    fn walk(&mut self, text: &'a str, at: usize, inner: &Pointers) -> Scan<usize> {
        let room = self.found.len();
        self.found.resize(room + inner.count, None);
        let mut search = Search { pointers: inner, text, found: std::mem::take(&mut self.found), list: None };
        let end = search.element(at, room);
        self.found = search.found;
        self.all.push(&text[at..end?]);
        end
    }
}

impl<'a> List<'a> {
    /// Takes the value at `at` apart; answers the index behind it, too.
    fn of(text: &'a str, inner: &Pointers, at: usize) -> Scan<(Self, usize)> {
        let bytes = text.as_bytes();
        let mut elements = Elements { all: Vec::with_capacity(128), found: Vec::with_capacity(128 * inner.count) };
        let end = match bytes.get(at) {
            Some(b'[') => scan::walk_array(bytes, at, |start| elements.walk(text, start, inner))?,
            Some(b'{') => scan::walk_object(bytes, at, |_, start| elements.walk(text, start, inner))?,
            first => {
                let list = if first == Some(&b'n') { Self::Null } else { Self::Scalar };
                return Ok((list, scan::skip_value(bytes, at)?));
            }
        };
        Ok((Self::Elements(elements), end))
    }
}

/// The text of a scalar: a string unescaped, a number as it is written. `None` for null, booleans, lists and objects,
/// and for strings that are no text (a lone surrogate).
pub fn scalar(raw: &str) -> Option<Cow<'_, str>> {
    match raw.as_bytes().first()? {
        b'"' if !raw.contains('\\') => Some(Cow::Borrowed(&raw[1..raw.len() - 1])),
        b'"' => serde_json::from_str::<String>(raw).ok().map(Cow::Owned),
        b'-' | b'0'..=b'9' => Some(Cow::Borrowed(raw)),
        _ => None,
    }
}

/// Whether a value says yes: there and neither null nor false.
pub fn is_set(value: Option<&str>) -> bool {
    value.is_some_and(|value| !matches!(value, "null" | "false"))
}

/// One pass over a text.
struct Search<'p, 'a> {
    pointers: &'p Pointers,
    text: &'a str,
    found: Vec<Option<&'a str>>,
    list: Option<TakeApart<'p, 'a>>,
}

/// The node whose value is taken apart, and what it came to.
struct TakeApart<'p, 'a> {
    node: usize,
    inner: &'p Pointers,
    list: List<'a>,
}

impl Search<'_, '_> {
    fn whole(&mut self) -> Scan<()> {
        let bytes = self.text.as_bytes();
        let end = self.value(scan::skip_space(bytes, 0), 0, 0)?;
        let rest = scan::skip_space(bytes, end);
        if rest == bytes.len() { Ok(()) } else { Err(Malformed { at: rest }) }
    }

    /// One element, whose values are answered from place `room` on.
    fn element(&mut self, at: usize, room: usize) -> Scan<usize> {
        self.value(at, 0, room)
    }

    /// Walks the value at `at` along a node; answers the index behind it.
    fn value(&mut self, at: usize, node: usize, room: usize) -> Scan<usize> {
        let (bytes, pointers) = (self.text.as_bytes(), self.pointers);
        let Node { steps, ends } = &pointers.nodes[node];
        let end = match (bytes.get(at), &mut self.list) {
            (_, Some(apart)) if apart.node == node => {
                let (list, end) = List::of(self.text, apart.inner, at)?;
                apart.list = list;
                end
            }
            (Some(b'{'), _) if !steps.is_empty() => {
                scan::walk_object(bytes, at, |key, start| match steps.iter().find(|(step, _)| is_key(key, step)) {
                    Some((_, next)) => self.value(start, *next, room),
                    None => scan::skip_value(bytes, start),
                })?
            }
            (Some(b'['), _) if !steps.is_empty() => {
                let mut position = 0_usize;
                scan::walk_array(bytes, at, |start| {
                    let next = steps.iter().find(|(step, _)| step.parse() == Ok(position));
                    position += 1;
                    match next {
                        Some((_, next)) => self.value(start, *next, room),
                        None => scan::skip_value(bytes, start),
                    }
                })?
            }
            _ => scan::skip_value(bytes, at)?,
        };
        for place in ends {
            self.found[room + place] = Some(&self.text[at..end]);
        }
        Ok(end)
    }
}

/// Whether a raw key is this name. Keys with escapes are rare and decoded.
#[inline]
fn is_key(raw: &[u8], name: &str) -> bool {
    raw == name.as_bytes()
        || raw.contains(&b'\\')
            && serde_json::from_slice::<String>(&[b"\"", raw, b"\""].concat()).is_ok_and(|key| key == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, pointers: &[&str], expected: &[Option<&str>]) {
        let compiled = Pointers::new(pointers.iter().copied()).expect("pointers");
        let found = compiled.find(text).expect(text);
        assert_eq!(found, expected, "{text}");
    }

    #[test]
    fn values_are_found_as_they_are_written() {
        check(r#"{"id": 9007199254740993, "b": 1}"#, &["/id"], &[Some("9007199254740993")]);
        check(r#"{"a": {"b": [10, {"c": 1.50}]}}"#, &["/a/b/1/c", "/a/b/0"], &[Some("1.50"), Some("10")]);
        check(r#"[1, 2]"#, &["", "/1"], &[Some("[1, 2]"), Some("2")]);
        check(r#"{"a": {"b": 1}}"#, &["/a", "/a/b"], &[Some(r#"{"b": 1}"#), Some("1")]);
        check(r#"{"x/y": 1, "m~n": 2, "": 3}"#, &["/x~1y", "/m~0n", "/"], &[Some("1"), Some("2"), Some("3")]);
        check(r#"{"\u0061": 1}"#, &["/a"], &[Some("1")]);
        check(r#"{"a": null, "b": "x"}"#, &["/a/b", "/b/c", "/c"], &[None, None, None]);
        check("5", &["", "/a"], &[Some("5"), None]);
    }

    #[test]
    fn what_is_not_json_to_its_end_is_an_error() {
        let pointers = Pointers::new(["/a"]).expect("pointer");
        for text in ["<html>", "", r#"{"a": 1"#, r#"{"a": 1} x"#, r#"{"a": 1,}"#, r#"{"b": [1, }"#] {
            assert!(pointers.find(text).is_err(), "{text}");
        }
        assert_eq!(Pointers::new(["a"]).expect_err("no slash"), BadPointer("a".into()));
    }

    #[test]
    fn a_list_is_taken_apart_wherever_it_stands() {
        let inner = Pointers::new(["/a"]).expect("pointer");
        for (text, pointers, expected) in [
            (r#"{"n": 1, "data": [1, {"a": 2}]}"#, ["/data", "/n"], Some(vec!["1", "{\"a\": 2}"])),
            (r#"{"data": {"x": 1, "y": 2}, "n": 1}"#, ["/data", "/n"], Some(vec!["1", "2"])),
            // Something else ends, or leads on, where the list stands.
            ("[3, 1]", ["", "/1"], Some(vec!["3", "1"])),
            ("[1]", ["", ""], Some(vec!["1"])),
            (r#"{"data": 5, "n": 1}"#, ["/data", "/n"], None),
        ] {
            let (list, found) = Pointers::new(pointers).expect("pointers").find_list(text, &inner).expect(text);
            let List::Elements(elements) = list else {
                assert!(expected.is_none() && matches!(list, List::Scalar), "{text}: {list:?}");
                continue;
            };
            assert_eq!(Some(elements.iter().map(|(element, _)| element).collect::<Vec<_>>()), expected, "{text}");
            assert!(found[1].is_some_and(|value| matches!(value, "1" | "[1]")), "{text}");
        }
        let data = Pointers::new(["/data"]).expect("pointer");
        assert!(matches!(data.find_list(r#"{"data": null}"#, &inner).expect("JSON").0, List::Null));
        assert!(matches!(data.find_list("{}", &inner).expect("JSON").0, List::Absent));
    }

    #[test]
    fn elements_are_searched_in_the_same_pass() {
        let (outer, inner) = (Pointers::new(["/d"]).expect("outer"), Pointers::new(["/id", "/m/at"]).expect("inner"));
        let text = r#"{"d": [{"id": 7, "m": {"at": "x"}}, {}, 5, {"m": {"at": null}, "id": "b"}], "n": 1}"#;
        let (List::Elements(elements), _) = outer.find_list(text, &inner).expect(text) else { panic!("a list") };
        let found: Vec<&[Option<&str>]> = elements.iter().map(|(_, found)| found).collect();
        let nothing = [None, None].as_slice();
        assert_eq!(found, [&[Some("7"), Some("\"x\"")], nothing, nothing, &[Some("\"b\""), Some("null")]]);
        let none = Pointers::new([]).expect("none");
        let (List::Elements(elements), _) = outer.find_list(text, &none).expect(text) else { panic!("a list") };
        assert!(elements.count() == 4 && elements.iter().all(|(_, found)| found.is_empty()));
    }

    #[test]
    fn a_deep_text_is_no_overflow() {
        let deep = "[".repeat(100_000) + &"]".repeat(100_000);
        let found = Pointers::new(["/0/0/0"]).expect("pointer").find(&deep).expect("JSON");
        assert_eq!(found[0].map(str::len), Some(deep.len() - 6));
        let steps = "/0".repeat(128);
        let found = Pointers::new([steps.as_str()]).expect("pointer").find(&deep).expect("JSON");
        assert_eq!(found[0].map(str::len), Some(deep.len() - 256));
        assert!(Pointers::new([format!("{steps}/0").as_str()]).is_err());
    }

    #[test]
    fn a_lone_surrogate_spoils_its_own_value_only() {
        let text = r#"[{"id": 1, "t": "\ud800"}, {"id": 2}]"#;
        let (whole, inner) = (Pointers::new([""]).expect("whole"), Pointers::new(["/t"]).expect("pointer"));
        let (List::Elements(items), _) = whole.find_list(text, &inner).expect("JSON") else { panic!("an array") };
        let found: Vec<_> = items.iter().map(|(_, found)| found[0]).collect();
        assert_eq!((found[0].map(scalar), found[1]), (Some(None), None));
    }

    #[test]
    fn scalars_keep_their_text() {
        for (raw, text) in [
            (r#""a\nb""#, Some("a\nb")),
            (r#""""#, Some("")),
            ("12345678901234567890", Some("12345678901234567890")),
            ("-1.50", Some("-1.50")),
            ("null", None),
            ("true", None),
            ("[1]", None),
        ] {
            assert_eq!(scalar(raw).as_deref(), text, "{raw}");
        }
    }
}

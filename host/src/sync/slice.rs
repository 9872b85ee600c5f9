//! Finds values in raw JSON by their pointers, in one pass and without a tree: what is found stays a slice of the text.
//!
//! Pointers are RFC 6901. It never interprets what it finds, and it knows nothing of pages or records.

use std::borrow::Cow;

use serde::de::{DeserializeSeed, Deserializer as _, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

/// A set of pointers, compiled once and looked up together. Values are found under the index of their pointer.
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
#[error("{0:?} is not a JSON pointer: it is empty or starts with a slash")]
pub struct BadPointer(pub String);

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
        let tail = pointer.strip_prefix('/').ok_or_else(|| BadPointer(pointer.to_owned()))?;
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
    pub fn find<'a>(&self, text: &'a str) -> Result<Vec<Option<&'a RawValue>>, serde_json::Error> {
        Ok(self.search(text, usize::MAX)?.found)
    }

    /// As [`Pointers::find`], with the value of the first pointer taken apart: in the same pass, where nothing else ends
    /// or leads on there, since most of a page's text is its list.
    pub fn find_list<'a>(&self, text: &'a str) -> Result<(List<'a>, Vec<Option<&'a RawValue>>), serde_json::Error> {
        let alone = |node: &Node| node.steps.is_empty() && node.ends == [0];
        let node = self.nodes.iter().position(alone).unwrap_or(usize::MAX);
        let search = self.search(text, node)?;
        let list = match search.found.first().copied().flatten() {
            Some(value) => list(value),
            None => search.list,
        };
        Ok((list, search.found))
    }

    fn search<'a>(&self, text: &'a str, list: usize) -> Result<Search<'_, 'a>, serde_json::Error> {
        let mut search = Search::new(self, usize::MAX, list);
        let mut input = serde_json::Deserializer::from_str(text);
        Walk { at: 0, search: &mut search }.deserialize(&mut input)?;
        input.end()?;
        Ok(search)
    }

    /// Looks all pointers up in a value that was checked already, and stops as soon as all are found.
    pub fn find_in<'a>(&self, value: &'a RawValue) -> Vec<Option<&'a RawValue>> {
        let mut search = Search::new(self, self.count, usize::MAX);
        let mut input = serde_json::Deserializer::from_str(value.get());
        // The value is JSON, so the only error is the one that ends the walk early.
        let _ = Walk { at: 0, search: &mut search }.deserialize(&mut input);
        search.found
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
    /// The values of an array, or of an object in its order, each as a slice.
    Elements(Vec<&'a RawValue>),
}

/// Takes a value apart.
fn list(value: &RawValue) -> List<'_> {
    serde_json::Deserializer::from_str(value.get()).deserialize_any(Elements).unwrap_or_default()
}

struct Elements;

impl<'de> Visitor<'de> for Elements {
    type Value = List<'de>;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("any value")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        let mut all = Vec::with_capacity(128);
        while let Some(element) = seq.next_element()? {
            all.push(element);
        }
        Ok(List::Elements(all))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut all = Vec::with_capacity(128);
        while let Some((_, element)) = map.next_entry::<IgnoredAny, _>()? {
            all.push(element);
        }
        Ok(List::Elements(all))
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(List::Null)
    }
    fn visit_bool<E>(self, _: bool) -> Result<Self::Value, E> {
        Ok(List::Scalar)
    }
    fn visit_i64<E>(self, _: i64) -> Result<Self::Value, E> {
        Ok(List::Scalar)
    }
    fn visit_u64<E>(self, _: u64) -> Result<Self::Value, E> {
        Ok(List::Scalar)
    }
    fn visit_f64<E>(self, _: f64) -> Result<Self::Value, E> {
        Ok(List::Scalar)
    }
    fn visit_str<E>(self, _: &str) -> Result<Self::Value, E> {
        Ok(List::Scalar)
    }
}

/// The text of a scalar: a string unescaped, a number as it is written. `None` for null, booleans, lists and objects,
/// and for strings that are no text (a lone surrogate).
pub fn scalar(value: &RawValue) -> Option<Cow<'_, str>> {
    let raw = value.get();
    match raw.as_bytes().first()? {
        b'"' if !raw.contains('\\') => Some(Cow::Borrowed(&raw[1..raw.len() - 1])),
        b'"' => serde_json::from_str::<String>(raw).ok().map(Cow::Owned),
        b'-' | b'0'..=b'9' => Some(Cow::Borrowed(raw)),
        _ => None,
    }
}

/// Whether a value says yes: there and neither null nor false.
pub fn is_set(value: Option<&RawValue>) -> bool {
    value.is_some_and(|value| !matches!(value.get(), "null" | "false"))
}

struct Search<'n, 'a> {
    nodes: &'n [Node],
    found: Vec<Option<&'a RawValue>>,
    /// How many are still to be found before the walk may end early.
    missing: usize,
    /// The node whose value is taken apart.
    list_node: usize,
    list: List<'a>,
}

impl<'n, 'a> Search<'n, 'a> {
    fn new(pointers: &'n Pointers, missing: usize, list_node: usize) -> Self {
        let found = vec![None; pointers.count];
        Self { nodes: &pointers.nodes, found, missing, list_node, list: List::Absent }
    }

    fn take(&mut self, at: usize, value: &'a RawValue) {
        for end in &self.nodes[at].ends {
            if self.found[*end].replace(value).is_none() {
                self.missing -= 1;
            }
        }
    }
}

/// Walks one value of the text along the node that leads to it.
struct Walk<'s, 'n, 'a> {
    at: usize,
    search: &'s mut Search<'n, 'a>,
}

impl<'de> DeserializeSeed<'de> for Walk<'_, '_, 'de> {
    type Value = ();
    fn deserialize<D: serde::Deserializer<'de>>(self, input: D) -> Result<(), D::Error> {
        let node = &self.search.nodes[self.at];
        if node.ends.is_empty() {
            return input.deserialize_any(self);
        }
        if self.at == self.search.list_node {
            self.search.list = input.deserialize_any(Elements)?;
            return Ok(());
        }
        let leads_on = !node.steps.is_empty();
        let value = <&RawValue as serde::Deserialize>::deserialize(input)?;
        self.search.take(self.at, value);
        if leads_on {
            // Some pointers end here and others lead on: the value is walked once more, as the text that it is.
            let _ = serde_json::Deserializer::from_str(value.get()).deserialize_any(self);
        }
        Ok(())
    }
}

impl<'de> Walk<'_, '_, 'de> {
    fn done<E: serde::de::Error>(&self) -> Result<(), E> {
        if self.search.missing == 0 { Err(E::custom("all found")) } else { Ok(()) }
    }
}

impl<'de> Visitor<'de> for Walk<'_, '_, 'de> {
    type Value = ();

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("any value")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(next) = map.next_key_seed(Step { node: &self.search.nodes[self.at] })? {
            match next {
                Some(at) => map.next_value_seed(Walk { at, search: self.search })?,
                None => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
            self.done()?;
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        for position in 0_usize.. {
            let node = &self.search.nodes[self.at];
            let next = node.steps.iter().find(|(step, _)| step.parse() == Ok(position)).map(|(_, next)| *next);
            let more = match next {
                Some(at) => seq.next_element_seed(Walk { at, search: self.search })?,
                None => seq.next_element::<IgnoredAny>()?.map(drop),
            };
            if more.is_none() {
                break;
            }
            self.done()?;
        }
        Ok(())
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }
    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }
    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }
    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }
    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }
    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }
}

/// Reads a name and answers the node that it leads to.
struct Step<'n> {
    node: &'n Node,
}

impl<'de> DeserializeSeed<'de> for Step<'_> {
    type Value = Option<usize>;
    fn deserialize<D: serde::Deserializer<'de>>(self, input: D) -> Result<Self::Value, D::Error> {
        input.deserialize_str(self)
    }
}

impl Visitor<'_> for Step<'_> {
    type Value = Option<usize>;
    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a name")
    }
    fn visit_str<E>(self, name: &str) -> Result<Self::Value, E> {
        Ok(self.node.steps.iter().find(|(step, _)| **step == *name).map(|(_, next)| *next))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, pointers: &[&str], expected: &[Option<&str>]) {
        let compiled = Pointers::new(pointers.iter().copied()).expect("pointers");
        let found = compiled.find(text).expect(text);
        assert_eq!(found.iter().map(|f| f.map(RawValue::get)).collect::<Vec<_>>(), expected, "{text}");
        let value: &RawValue = serde_json::from_str(text).expect(text);
        let found = compiled.find_in(value);
        assert_eq!(found.iter().map(|f| f.map(RawValue::get)).collect::<Vec<_>>(), expected, "early: {text}");
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
        for (text, pointers, expected) in [
            (r#"{"n": 1, "data": [1, {"a": 2}]}"#, ["/data", "/n"], Some(vec!["1", "{\"a\": 2}"])),
            (r#"{"data": {"x": 1, "y": 2}, "n": 1}"#, ["/data", "/n"], Some(vec!["1", "2"])),
            // Something else ends, or leads on, where the list stands.
            ("[3, 1]", ["", "/1"], Some(vec!["3", "1"])),
            ("[1]", ["", ""], Some(vec!["1"])),
            (r#"{"data": 5, "n": 1}"#, ["/data", "/n"], None),
        ] {
            let (list, found) = Pointers::new(pointers).expect("pointers").find_list(text).expect(text);
            let List::Elements(found_there) = list else {
                assert!(expected.is_none() && matches!(list, List::Scalar), "{text}: {list:?}");
                continue;
            };
            assert_eq!(Some(found_there.into_iter().map(RawValue::get).collect::<Vec<_>>()), expected, "{text}");
            assert!(found[1].is_some_and(|value| matches!(value.get(), "1" | "[1]")), "{text}");
        }
        let data = Pointers::new(["/data"]).expect("pointer");
        assert!(matches!(data.find_list(r#"{"data": null}"#).expect("JSON").0, List::Null));
        assert!(matches!(data.find_list("{}").expect("JSON").0, List::Absent));
    }

    #[test]
    fn a_deep_text_is_no_overflow() {
        let deep = "[".repeat(100_000) + &"]".repeat(100_000);
        let found = Pointers::new(["/0/0/0"]).expect("pointer").find(&deep).expect("JSON");
        assert_eq!(found[0].map(|value| value.get().len()), Some(deep.len() - 6));
        let steps = "/0".repeat(1000);
        assert!(Pointers::new([steps.as_str()]).expect("pointer").find(&deep).is_err());
    }

    #[test]
    fn a_lone_surrogate_spoils_its_own_value_only() {
        let text = r#"[{"id": 1, "t": "\ud800"}, {"id": 2}]"#;
        let all: &RawValue = serde_json::from_str(text).expect("raw");
        let List::Elements(items) = list(all) else { panic!("an array") };
        assert_eq!(items.len(), 2);
        let pointers = Pointers::new(["/t"]).expect("pointer");
        assert_eq!(scalar(pointers.find_in(items[0])[0].expect("there")), None);
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
            let value: &RawValue = serde_json::from_str(raw).expect(raw);
            assert_eq!(scalar(value).as_deref(), text, "{raw}");
        }
    }
}

//! A page of an outside system: its items as slices of the body, with what is known of them without a connector.
//!
//! It keeps the body and builds no tree. It never decides what becomes of an item.

use std::ops::Range;

use bindery_contract::{
    record::{self, Offset, PageSpec},
    scan,
};
use bytes::Bytes;

use super::{
    digest::{Digest, Hash},
    error::Error,
    session::Asked,
    slice::{self, Elements, List, Pointers, scalar},
};
use crate::base::Set;

/// A page.
#[derive(Debug)]
pub struct Page {
    /// What the items lie in.
    body: Bytes,
    /// The items, in order.
    pub items: Vec<Item>,
    /// Items without a usable id, in order.
    pub nameless: Vec<Nameless>,
    /// The next page's cursor; `None`: this was the last.
    pub next: Option<String>,
    /// The number of all records, where it is known.
    pub total: Option<u64>,
    /// The outside system's clock.
    pub as_of: Option<String>,
    /// What the connector has asked to be written while it fetched the page.
    pub asked: Vec<Asked>,
}

/// One item of a page.
#[derive(Debug, Clone)]
pub struct Item {
    span: Range<usize>,
    /// External id, never empty.
    pub id: String,
    /// Date of the last change there, as it is written there.
    pub updated: Option<String>,
    /// It is gone there.
    pub deleted: bool,
    /// Digest of what counts of it.
    pub hash: Hash,
}

/// An item that can't be told from others.
#[derive(Debug, Clone)]
pub struct Nameless {
    span: Range<usize>,
    /// What is wrong with its id.
    pub why: String,
}

impl Page {
    /// The text of an item.
    pub fn text(&self, item: &Item) -> &str {
        self.slice(&item.span)
    }

    /// The text of an item without an id.
    pub fn nameless_text(&self, item: &Nameless) -> &str {
        self.slice(&item.span)
    }

    fn slice(&self, span: &Range<usize>) -> &str {
        std::str::from_utf8(&self.body[span.clone()]).expect("items are slices of checked text")
    }

    /// A page whose items lie in a body that was kept. `clock` is the answer's `Date`, where the page tells no other.
    pub fn kept(body: Bytes, spec: &PageSpec, digest: &Digest, clock: Option<String>) -> Result<Self, Error> {
        let not_json = |why: String| Error::NotJson { why, start: start(&body) };
        let text = std::str::from_utf8(&body).map_err(|error| not_json(error.to_string()))?;
        let outer = pointers([Some(&spec.items), spec.next.as_ref(), spec.total.as_ref()])?;
        let inner = pointers([Some(&spec.id), spec.updated.as_ref(), spec.deleted.as_ref()])?;
        let (list, found) = outer.find_list(text, &inner).map_err(|error| not_json(error.to_string()))?;
        let mut rest = found[1..].iter().copied();
        let next_value = spec.next.as_ref().and_then(|_| rest.next().flatten());
        let total = spec.total.as_ref().and_then(|_| rest.next().flatten());
        let list = match list {
            List::Elements(list) => list,
            List::Null => Elements::default(),
            List::Absent | List::Scalar => {
                return Err(Error::NoItems { pointer: spec.items.clone(), start: start(&body) });
            }
        };
        let (items, nameless) = sliced(&list, text, spec, digest);
        let next = next_cursor(spec, next_value, list.count());
        let total = total.and_then(scalar).and_then(|text| text.parse().ok());
        let as_of = spec.as_of.clone().or(clock);
        Ok(Self { items, nameless, next, total, as_of, asked: Vec::new(), body })
    }

    /// A page whose items the connector sent itself; `segments` are slices of `body`.
    pub fn sent(body: Bytes, segments: &[Range<usize>], page: SentPage, digest: &Digest) -> Result<Self, Error> {
        if segments.len() != page.items.len() {
            let why = format!("{} items and {} segments", page.items.len(), segments.len());
            return Err(Error::BadAnswer { op: bindery_contract::op::LIST, why });
        }
        let mut items = Vec::with_capacity(segments.len());
        let mut nameless = Vec::new();
        for (span, head) in segments.iter().zip(page.items) {
            let (span, text) = value(&body, span).map_err(|why| Error::BadAnswer {
                op: bindery_contract::op::LIST,
                why: format!("item {:?}: {why}", head.id),
            })?;
            match usable(&head.id) {
                Ok(()) => items.push(Item {
                    span,
                    hash: digest.of(text),
                    id: head.id,
                    updated: head.updated,
                    deleted: head.deleted,
                }),
                Err(why) => nameless.push(Nameless { span, why: why.to_owned() }),
            }
        }
        Ok(Self { body, items, nameless, next: page.next, total: page.total, as_of: page.as_of, asked: Vec::new() })
    }

    /// A page without items.
    pub fn empty() -> Self {
        Self {
            body: Bytes::new(),
            items: Vec::new(),
            nameless: Vec::new(),
            next: None,
            total: None,
            as_of: None,
            asked: Vec::new(),
        }
    }

    /// A page of one record that was read on its own. The id asked for rules: an answer may not tell one.
    pub fn one(body: Bytes, span: Range<usize>, head: record::ItemHead, digest: &Digest) -> Result<Self, Error> {
        let sent = SentPage { items: vec![head], ..SentPage::default() };
        Self::sent(body, &[span], sent, digest)
    }

    /// One of its items on a page of its own.
    pub fn alone(&self, item: &Item) -> Self {
        Self { body: self.body.clone(), items: vec![item.clone()], ..Self::empty() }
    }

    /// Takes items out that come again further down, so that the last one rules; answers how many.
    pub fn drop_duplicates(&mut self) -> usize {
        let before = self.items.len();
        let mut seen = Set::with_capacity_and_hasher(before, Default::default());
        let keep: Vec<bool> = self.items.iter().rev().map(|item| seen.insert(item.id.as_str())).collect();
        if seen.len() == before {
            return 0;
        }
        let mut keep = keep.into_iter().rev();
        self.items.retain(|_| keep.next().unwrap_or(true));
        before - self.items.len()
    }
}

/// What a connector says of a page whose items it sent itself.
#[derive(Debug, Default)]
pub struct SentPage {
    /// One for each segment.
    pub items: Vec<record::ItemHead>,
    /// The next page's cursor.
    pub next: Option<String>,
    /// The number of all records.
    pub total: Option<u64>,
    /// The outside system's clock.
    pub as_of: Option<String>,
}

/// The range of a segment without the white space around its one JSON value, and its text.
fn value<'b>(body: &'b [u8], span: &Range<usize>) -> Result<(Range<usize>, &'b str), String> {
    let text = std::str::from_utf8(&body[span.clone()]).map_err(|error| error.to_string())?;
    let within = scan::whole(text.as_bytes()).map_err(|error| error.to_string())?;
    Ok((span.start + within.start..span.start + within.end, &text[within]))
}

fn sliced(list: &Elements<'_>, text: &str, spec: &PageSpec, digest: &Digest) -> (Vec<Item>, Vec<Nameless>) {
    let base = text.as_ptr() as usize;
    let mut items = Vec::with_capacity(list.count());
    let mut nameless = Vec::new();
    for (raw, found) in list.iter() {
        let start = raw.as_ptr() as usize - base;
        let span = start..start + raw.len();
        let mut rest = found[1..].iter().copied();
        let updated = spec.updated.as_ref().and_then(|_| rest.next().flatten());
        let deleted = spec.deleted.as_ref().and_then(|_| rest.next().flatten());
        match found[0].map(scalar) {
            Some(Some(id)) if usable(&id).is_ok() => items.push(Item {
                span,
                id: id.into_owned(),
                updated: updated.and_then(scalar).filter(|text| !text.is_empty()).map(|text| text.into_owned()),
                deleted: slice::is_set(deleted),
                hash: digest.of(raw),
            }),
            Some(Some(id)) => {
                let why = usable(&id).err().unwrap_or_default();
                nameless.push(Nameless { span, why: format!("at {:?}: {why}", spec.id) });
            }
            Some(None) => {
                nameless.push(Nameless { span, why: format!("at {:?}: it is no text and no number", spec.id) })
            }
            None => nameless.push(Nameless { span, why: format!("there is nothing at {:?}", spec.id) }),
        }
    }
    (items, nameless)
}

/// Whether a text can be an external id. `0` can.
fn usable(id: &str) -> Result<(), &'static str> {
    match id {
        "" => Err("the external id is empty"),
        _ if id.contains('\0') => Err("the external id holds a NUL"),
        _ if id.len() > 1024 => Err("the external id is longer than 1024 bytes"),
        _ => Ok(()),
    }
}

fn next_cursor(spec: &PageSpec, value: Option<&str>, found: usize) -> Option<String> {
    if let Some(next) = &spec.next_cursor {
        return Some(next.clone()).filter(|next| !next.is_empty());
    }
    if spec.next.is_some() {
        return value.and_then(scalar).filter(|next| !next.is_empty()).map(|next| next.into_owned());
    }
    let Offset { start, limit } = spec.offset?;
    let found = found as u64;
    (found > 0 && found >= limit).then(|| (start + found).to_string())
}

fn pointers<'s>(of: impl IntoIterator<Item = Option<&'s String>>) -> Result<Pointers, Error> {
    Pointers::new(of.into_iter().flatten().map(String::as_str))
        .map_err(|error| Error::BadAnswer { op: bindery_contract::op::LIST, why: error.to_string() })
}

/// The first characters of a body, for people.
pub fn start(body: &[u8]) -> String {
    let head = String::from_utf8_lossy(&body[..body.len().min(160)]);
    let mut text: String = head.chars().take(80).collect();
    if body.len() > text.len() {
        text.push('…');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec() -> PageSpec {
        PageSpec { items: "/data".into(), id: "/id".into(), next: Some("/next".into()), ..PageSpec::default() }
    }

    fn page(body: &str, spec: &PageSpec) -> Result<Page, Error> {
        Page::kept(Bytes::from(body.to_owned()), spec, &Digest::without(&[]).expect("none"), None)
    }

    fn ids(page: &Page) -> Vec<&str> {
        page.items.iter().map(|item| item.id.as_str()).collect()
    }

    #[test]
    fn items_stay_slices_of_the_body() {
        let spec = PageSpec {
            updated: Some("/at".into()),
            deleted: Some("/gone".into()),
            total: Some("/meta/total".into()),
            ..spec()
        };
        let body = r#"{"meta": {"total": 12}, "data": [{"id": "a", "at": "2026-01-01T00:00:00Z"},
            {"id": 9007199254740993, "gone": true}, {"id": 0, "gone": false, "at": null}], "next": "p2"}"#;
        let page = page(body, &spec).expect("page");
        assert_eq!(ids(&page), ["a", "9007199254740993", "0"]);
        assert_eq!(page.text(&page.items[1]), r#"{"id": 9007199254740993, "gone": true}"#);
        assert_eq!(page.items.iter().map(|i| i.deleted).collect::<Vec<_>>(), [false, true, false]);
        assert_eq!(page.items[0].updated.as_deref(), Some("2026-01-01T00:00:00Z"));
        assert_eq!((page.next.as_deref(), page.total), (Some("p2"), Some(12)));
    }

    #[test]
    fn an_item_without_id_is_set_apart() {
        let body = r#"{"data": [{"id": 1}, {"x": 1}, {"id": null}, {"id": ""}, {"id": true}, 7, {"id": "a\u0000b"}]}"#;
        let page = page(body, &spec()).expect("page");
        assert_eq!(ids(&page), ["1"]);
        assert_eq!(page.nameless.len(), 6);
        assert_eq!(page.nameless_text(&page.nameless[4]), "7");
        assert!(page.nameless[2].why.contains("empty"), "{:?}", page.nameless);
    }

    #[test]
    fn what_is_no_page_says_what_it_is() {
        for body in ["<html><body>Sign in</body></html>", "", "{\"data\": [", "\u{1}"] {
            assert!(matches!(page(body, &spec()), Err(Error::NotJson { .. })), "{body}");
        }
        let error = page("<html>Sign in</html>", &spec()).expect_err("html");
        assert!(error.to_string().contains("<html>Sign in"), "{error}");
        for body in ["{\"items\": []}", "{\"data\": 5}", "[]"] {
            assert!(matches!(page(body, &spec()), Err(Error::NoItems { .. })), "{body}");
        }
        assert!(page("{\"data\": null}", &spec()).expect("no items").items.is_empty());
    }

    #[test]
    fn the_next_cursor_is_read_counted_or_given() {
        let next = |spec: &PageSpec, body: &str| page(body, spec).expect(body).next;
        for (body, expected) in [
            (r#"{"data": [], "next": null}"#, None),
            (r#"{"data": [], "next": ""}"#, None),
            (r#"{"data": [], "next": false}"#, None),
            (r#"{"data": []}"#, None),
            (r#"{"data": [], "next": 2}"#, Some("2")),
        ] {
            assert_eq!(next(&spec(), body).as_deref(), expected, "{body}");
        }
        let counted = PageSpec { next: None, offset: Some(Offset { start: 4, limit: 2 }), ..spec() };
        assert_eq!(next(&counted, r#"{"data": [{"id": 1}, {"id": 2}]}"#).as_deref(), Some("6"));
        assert_eq!(next(&counted, r#"{"data": [{"id": 1}]}"#), None);
        let given = PageSpec { next_cursor: Some("x".into()), ..spec() };
        assert_eq!(next(&given, r#"{"data": [], "next": "y"}"#).as_deref(), Some("x"));
    }

    #[test]
    fn of_an_id_that_comes_twice_the_last_item_rules() {
        let mut page = page(r#"{"data": [{"id": 1, "v": 1}, {"id": 2}, {"id": 1, "v": 2}]}"#, &spec()).expect("page");
        assert_eq!(page.drop_duplicates(), 1);
        assert_eq!(ids(&page), ["2", "1"]);
        assert_eq!(page.text(&page.items[1]), r#"{"id": 1, "v": 2}"#);
    }

    #[test]
    fn a_sent_page_must_fit_its_heads() {
        let body = Bytes::from_static(b"{\"a\":1}{\"a\":2}");
        let head = |id: &str| record::ItemHead { id: id.into(), ..record::ItemHead::default() };
        let digest = Digest::without(&[]).expect("none");
        let sent = SentPage { items: vec![head("1"), head("")], ..SentPage::default() };
        let page = Page::sent(body.clone(), &[0..7, 7..14], sent, &digest).expect("page");
        assert_eq!((ids(&page), page.nameless.len()), (vec!["1"], 1));
        assert!(Page::sent(body, std::slice::from_ref(&(0..7)), SentPage::default(), &digest).is_err());
    }
}

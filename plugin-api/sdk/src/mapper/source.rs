//! The record as the remote sent it, read by pointers.
//!
//! Nothing is parsed before it is asked for, and numbers keep their text until a type reads them.

use std::{ops::Range, sync::Arc};

use bindery_contract::scan;
use serde::{Serialize, Serializer, de::DeserializeOwned};

use crate::{
    error::{Error, Result},
    json::{Decimal, pointer},
};

/// A JSON value of the remote (or a row of ours): cheap to clone, read by [JSON pointers](https://www.rfc-editor.org/rfc/rfc6901).
///
/// A pointer without a leading slash is the name of one key. Every reader tells *absent*, *null* and a *value* apart,
/// and names the pointer where the type is wrong.
///
/// ```
/// use bindery_plugin::{Maybe, Source};
///
/// let item = Source::parse(br#"{"title": "Lamp", "price": 12.30, "note": null, "address": {"city": "Ghent"}}"#)?;
/// assert_eq!(item.text("/title")?, Maybe::Value("Lamp".to_owned()));
/// assert_eq!(item.text("/note")?, Maybe::Null);
/// assert_eq!(item.text("/colour")?, Maybe::Absent);
/// assert_eq!(item.decimal("/price")?.or_default().to_string(), "12.30");
/// assert_eq!(item.text("/price").unwrap_err().to_string(), "a number stands where text is expected (at /price)");
/// # Ok::<_, bindery_plugin::Error>(())
/// ```
#[derive(Clone)]
pub struct Source {
    text: Arc<[u8]>,
    range: Range<usize>,
    /// Pointer of this value within the record, for messages.
    path: Arc<str>,
}

impl Source {
    /// A source of JSON text.
    ///
    /// ```
    /// assert!(bindery_plugin::Source::parse(b"{}").is_ok());
    /// assert!(bindery_plugin::Source::parse(b"<html>").is_err());
    /// ```
    pub fn parse(text: &[u8]) -> Result<Self> {
        serde_json::from_slice::<serde::de::IgnoredAny>(text)
            .map_err(|error| Error::invalid(format!("this is not JSON: {error}")))?;
        let start = scan::skip_space(text, 0);
        let end = text.trim_ascii_end().len();
        Ok(Self { text: text.into(), range: start..end, path: "".into() })
    }

    /// A value within a larger text; `range` must hold one value.
    pub(crate) fn within(text: Arc<[u8]>, range: Range<usize>) -> Self {
        Self { text, range, path: "".into() }
    }

    fn find(&self, pointer: &str) -> Result<Option<&[u8]>> {
        let found = pointer::find(&self.text, self.range.clone(), pointer)
            .map_err(|error| Error::invalid(format!("the record is not JSON from byte {} on", error.at)))?;
        Ok(found.map(|range| &self.text[range]))
    }

    fn read<T>(&self, pointer: &str, want: &str, read: impl FnOnce(&[u8]) -> Option<T>) -> Result<Maybe<T>> {
        Ok(match self.find(pointer)? {
            None => Maybe::Absent,
            Some(b"null") => Maybe::Null,
            Some(raw) => Maybe::Value(read(raw).ok_or_else(|| self.wrong(pointer, want, raw))?),
        })
    }

    fn wrong(&self, pointer: &str, want: &str, raw: &[u8]) -> Error {
        let what = match raw.first() {
            Some(b'"') => "text",
            Some(b'{') => "an object",
            Some(b'[') => "a list",
            Some(b't' | b'f') => "a truth value",
            _ => "a number",
        };
        Error::invalid(format!("{what} stands where {want} is expected")).at(format!("{}{pointer}", self.path))
    }

    /// Text.
    ///
    /// ```
    /// # use bindery_plugin::Source;
    /// assert_eq!(Source::parse(br#"{"a": "x"}"#)?.text("/a")?.option().as_deref(), Some("x"));
    /// # Ok::<_, bindery_plugin::Error>(())
    /// ```
    pub fn text(&self, pointer: &str) -> Result<Maybe<String>> {
        self.read(pointer, "text", |raw| serde_json::from_slice(raw).ok())
    }

    /// Text, or a number or truth value as its text: for ids, which remotes send as either.
    ///
    /// ```
    /// # use bindery_plugin::Source;
    /// assert_eq!(Source::parse(br#"{"id": 7}"#)?.id("/id")?.option().as_deref(), Some("7"));
    /// # Ok::<_, bindery_plugin::Error>(())
    /// ```
    pub fn id(&self, pointer: &str) -> Result<Maybe<String>> {
        self.read(pointer, "an id", scalar_text)
    }

    /// A whole number.
    ///
    /// ```
    /// # use bindery_plugin::Source;
    /// assert_eq!(Source::parse(br#"{"n": 0}"#)?.integer("/n")?.option(), Some(0));
    /// # Ok::<_, bindery_plugin::Error>(())
    /// ```
    pub fn integer(&self, pointer: &str) -> Result<Maybe<i64>> {
        self.read(pointer, "a whole number", |raw| std::str::from_utf8(raw).ok()?.parse().ok())
    }

    /// An exact decimal: a number, or text that is one.
    ///
    /// ```
    /// # use bindery_plugin::Source;
    /// let item = Source::parse(br#"{"a": 1.50, "b": "0.10"}"#)?;
    /// assert_eq!((item.decimal("/a")?.or_default() + item.decimal("/b")?.or_default()).to_string(), "1.60");
    /// # Ok::<_, bindery_plugin::Error>(())
    /// ```
    pub fn decimal(&self, pointer: &str) -> Result<Maybe<Decimal>> {
        self.read(pointer, "a number", |raw| scalar_text(raw)?.trim().parse().ok())
    }

    /// A truth value.
    ///
    /// ```
    /// # use bindery_plugin::Source;
    /// assert_eq!(Source::parse(br#"{"on": false}"#)?.boolean("/on")?.option(), Some(false));
    /// # Ok::<_, bindery_plugin::Error>(())
    /// ```
    pub fn boolean(&self, pointer: &str) -> Result<Maybe<bool>> {
        self.read(pointer, "true or false", |raw| match raw {
            b"true" => Some(true),
            b"false" => Some(false),
            _ => None,
        })
    }

    /// The value as it was written, or none where it is absent.
    ///
    /// ```
    /// # use bindery_plugin::Source;
    /// assert_eq!(Source::parse(br#"{"n": 1.10}"#)?.raw("/n")?, Some("1.10"));
    /// # Ok::<_, bindery_plugin::Error>(())
    /// ```
    pub fn raw(&self, pointer: &str) -> Result<Option<&str>> {
        self.find(pointer)?.map(|raw| Ok(std::str::from_utf8(raw)?)).transpose()
    }

    /// A value as a type of yours.
    ///
    /// ```
    /// # use bindery_plugin::Source;
    /// let tags: Vec<String> = Source::parse(br#"{"tags": ["a", "b"]}"#)?.parse_at("/tags")?.or_default();
    /// # Ok::<_, bindery_plugin::Error>(())
    /// ```
    pub fn parse_at<T: DeserializeOwned>(&self, pointer: &str) -> Result<Maybe<T>> {
        Ok(match self.find(pointer)? {
            None => Maybe::Absent,
            Some(b"null") => Maybe::Null,
            Some(raw) => Maybe::Value(
                serde_json::from_slice(raw)
                    .map_err(|error| Error::invalid(error.to_string()).at(format!("{}{pointer}", self.path)))?,
            ),
        })
    }

    /// A value within this one, to be read on.
    ///
    /// ```
    /// # use bindery_plugin::Source;
    /// let order = Source::parse(br#"{"to": {"city": "Ghent"}}"#)?;
    /// assert_eq!(order.at("/to")?.option().unwrap().text("/city")?.option().as_deref(), Some("Ghent"));
    /// # Ok::<_, bindery_plugin::Error>(())
    /// ```
    pub fn at(&self, pointer: &str) -> Result<Maybe<Self>> {
        let found = pointer::find(&self.text, self.range.clone(), pointer)
            .map_err(|error| Error::invalid(format!("the record is not JSON from byte {} on", error.at)))?;
        Ok(match found {
            None => Maybe::Absent,
            Some(range) if &self.text[range.clone()] == b"null" => Maybe::Null,
            Some(range) => Maybe::Value(self.inner(range, pointer)),
        })
    }

    /// The items of a list, or the values of an object; none where it is absent or null.
    ///
    /// ```
    /// # use bindery_plugin::Source;
    /// let order = Source::parse(br#"{"lines": [{"sku": "A"}, {"sku": "B"}]}"#)?;
    /// assert_eq!(order.items("/lines")?[1].text("/sku")?.option().as_deref(), Some("B"));
    /// # Ok::<_, bindery_plugin::Error>(())
    /// ```
    pub fn items(&self, pointer: &str) -> Result<Vec<Self>> {
        let Maybe::Value(list) = self.at(pointer)? else { return Ok(Vec::new()) };
        let (at, mut ranges) = (list.range.start, Vec::new());
        let scanned = match list.text.get(at) {
            Some(b'[') => scan::array(&list.text, at, |item| ranges.push(item)),
            Some(b'{') => scan::object(&list.text, at, |_, item| ranges.push(item)),
            _ => return Err(self.wrong(pointer, "a list", &list.text[list.range.clone()])),
        };
        scanned.map_err(|error| Error::invalid(format!("the record is not JSON from byte {} on", error.at)))?;
        Ok(ranges.into_iter().enumerate().map(|(n, range)| list.inner(range, &format!("/{n}"))).collect())
    }

    fn inner(&self, range: Range<usize>, pointer: &str) -> Self {
        let path = if pointer.is_empty() { Arc::clone(&self.path) } else { format!("{}{pointer}", self.path).into() };
        Self { text: Arc::clone(&self.text), range, path }
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.text[self.range.clone()]
    }
}

/// The text of a text, a number or a truth value.
pub(crate) fn scalar_text(raw: &[u8]) -> Option<String> {
    match raw.first()? {
        b'"' => serde_json::from_slice(raw).ok(),
        b'{' | b'[' => None,
        _ => std::str::from_utf8(raw).ok().map(str::to_owned),
    }
}

impl std::fmt::Debug for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&String::from_utf8_lossy(self.bytes()))
    }
}

/// What stands at a pointer: nothing, null, or a value. `0`, `""` and `false` are values.
///
/// ```
/// use bindery_plugin::Maybe;
///
/// assert_eq!(Maybe::Value(2).map(|n| n + 1), Maybe::Value(3));
/// assert_eq!(Maybe::<i64>::Null.or_default(), 0);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Maybe<T> {
    /// Nothing stands there: leave our field alone.
    Absent,
    /// Null stands there: clear our field.
    Null,
    /// A value.
    Value(T),
}

impl<T> Maybe<T> {
    /// The value, where there is one.
    ///
    /// ```
    /// # use bindery_plugin::Maybe;
    /// assert_eq!(Maybe::Value(1).option(), Some(1));
    /// ```
    pub fn option(self) -> Option<T> {
        match self {
            Self::Value(value) => Some(value),
            Self::Absent | Self::Null => None,
        }
    }

    /// The value, or another.
    ///
    /// ```
    /// # use bindery_plugin::Maybe;
    /// assert_eq!(Maybe::Absent.or(1), 1);
    /// ```
    pub fn or(self, other: T) -> T {
        self.option().unwrap_or(other)
    }

    /// The value, or the default of its type.
    ///
    /// ```
    /// # use bindery_plugin::Maybe;
    /// assert_eq!(Maybe::<String>::Null.or_default(), "");
    /// ```
    pub fn or_default(self) -> T
    where
        T: Default,
    {
        self.option().unwrap_or_default()
    }

    /// The value, or an error that names what is missing.
    ///
    /// ```
    /// # use bindery_plugin::Maybe;
    /// assert_eq!(Maybe::<i64>::Null.required("/sku").unwrap_err().to_string(), "a value is missing (at /sku)");
    /// ```
    pub fn required(self, pointer: &str) -> Result<T> {
        self.option().ok_or_else(|| Error::invalid("a value is missing").at(pointer))
    }

    /// Changes the value, leaving absent and null as they are.
    ///
    /// ```
    /// # use bindery_plugin::Maybe;
    /// assert_eq!(Maybe::Value("a").map(str::len), Maybe::Value(1));
    /// ```
    pub fn map<U>(self, change: impl FnOnce(T) -> U) -> Maybe<U> {
        match self {
            Self::Absent => Maybe::Absent,
            Self::Null => Maybe::Null,
            Self::Value(value) => Maybe::Value(change(value)),
        }
    }

    /// Whether nothing stands there.
    ///
    /// ```
    /// assert!(bindery_plugin::Maybe::<i64>::Absent.is_absent());
    /// ```
    pub const fn is_absent(&self) -> bool {
        matches!(self, Self::Absent)
    }
}

impl<T> From<Option<T>> for Maybe<T> {
    fn from(option: Option<T>) -> Self {
        option.map_or(Self::Null, Self::Value)
    }
}

/// Absent is written as null; [`crate::Values::set_maybe`] leaves it out instead.
impl<T: Serialize> Serialize for Maybe<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Value(value) => value.serialize(serializer),
            Self::Absent | Self::Null => serializer.serialize_none(),
        }
    }
}

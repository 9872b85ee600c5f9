//! A JSON value as text: what is sent to a remote, or passed on without being read.

use serde::{Deserialize, Serialize, Serializer, de::DeserializeOwned};
use serde_json::value::RawValue;

use crate::{
    error::{Error, Result},
    mapper::Source,
};

/// A JSON value that keeps the text it was written with: numbers keep their digits.
///
/// ```
/// use bindery_plugin::Json;
///
/// let body: Json = r#"{"price": 12.30}"#.parse()?;
/// assert_eq!(body.wrapped("product").to_string(), r#"{"product":{"price": 12.30}}"#);
/// # Ok::<_, bindery_plugin::Error>(())
/// ```
#[derive(Debug, Clone, Deserialize)]
#[serde(transparent)]
pub struct Json(Box<RawValue>);

impl Json {
    /// The JSON of a value.
    ///
    /// ```
    /// assert_eq!(bindery_plugin::Json::of(&[1, 2])?.to_string(), "[1,2]");
    /// # Ok::<_, bindery_plugin::Error>(())
    /// ```
    pub fn of(value: &(impl Serialize + ?Sized)) -> Result<Self> {
        Ok(Self(serde_json::value::to_raw_value(value)?))
    }

    pub(crate) fn null() -> Self {
        Self(RawValue::NULL.to_owned())
    }

    pub(crate) fn from_bytes(bytes: &[u8]) -> Result<Self> {
        serde_json::from_slice(bytes).map(Self).map_err(|e| Error::unreadable(format!("not JSON: {e}")))
    }

    /// The value under one key of an object, as many remotes want it.
    ///
    /// ```
    /// # use bindery_plugin::Json;
    /// assert_eq!(Json::of(&1)?.wrapped("n").to_string(), r#"{"n":1}"#);
    /// # Ok::<_, bindery_plugin::Error>(())
    /// ```
    pub fn wrapped(&self, key: &str) -> Self {
        let text = format!("{{{}:{}}}", serde_json::Value::from(key), self.0.get());
        Self(RawValue::from_string(text).expect("a value under a quoted key is an object"))
    }

    /// As a type of yours.
    ///
    /// ```
    /// # use bindery_plugin::Json;
    /// assert_eq!(Json::of(&[1, 2])?.read::<Vec<i32>>()?, [1, 2]);
    /// # Ok::<_, bindery_plugin::Error>(())
    /// ```
    pub fn read<T: DeserializeOwned>(&self) -> Result<T> {
        Ok(serde_json::from_str(self.0.get())?)
    }

    /// To be read by pointers.
    ///
    /// ```
    /// # use bindery_plugin::Json;
    /// let body: Json = r#"{"price": 12.30}"#.parse()?;
    /// assert_eq!(body.source()?.raw("/price")?, Some("12.30"));
    /// # Ok::<_, bindery_plugin::Error>(())
    /// ```
    pub fn source(&self) -> Result<Source> {
        Source::parse(self.0.get().as_bytes())
    }

    /// Its text.
    ///
    /// ```
    /// assert_eq!(bindery_plugin::Json::of("a")?.as_str(), "\"a\"");
    /// # Ok::<_, bindery_plugin::Error>(())
    /// ```
    pub fn as_str(&self) -> &str {
        self.0.get()
    }

    pub(crate) fn into_bytes(self) -> Vec<u8> {
        String::from(Box::<str>::from(self.0)).into_bytes()
    }
}

impl PartialEq for Json {
    fn eq(&self, other: &Self) -> bool {
        self.0.get() == other.0.get()
    }
}

impl std::str::FromStr for Json {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        Self::from_bytes(text.as_bytes())
    }
}

impl std::fmt::Display for Json {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.0.get())
    }
}

impl Serialize for Json {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

//! What code sets: fields with tri-state values.

use serde::Serialize;
use serde_json::value::RawValue;

use super::Maybe;
use crate::{
    error::{Error, Result},
    json::Json,
};

/// Fields and their values, in order. A field that is not in it is left alone, one that is null is cleared.
///
/// ```
/// use bindery_plugin::{Maybe, Values};
///
/// let values = Values::new().set("weight", 0).set("note", None::<String>).set_maybe("color", Maybe::<String>::Absent);
/// assert_eq!(values.into_json()?.to_string(), r#"{"weight":0,"note":null}"#);
/// # Ok::<_, bindery_plugin::Error>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct Values {
    pub(crate) fields: Vec<(String, Box<RawValue>)>,
    wrong: Option<Error>,
}

/// Sets one field, for rules that set just that.
///
/// ```
/// use bindery_plugin::set;
///
/// assert_eq!(set("weight", 12)?.into_json()?.to_string(), r#"{"weight":12}"#);
/// # Ok::<_, bindery_plugin::Error>(())
/// ```
pub fn set(field: impl Into<String>, value: impl Serialize) -> Result<Values> {
    Values::new().set(field, value).checked()
}

impl Values {
    /// No fields.
    ///
    /// ```
    /// assert!(bindery_plugin::Values::new().is_empty());
    /// ```
    pub const fn new() -> Self {
        Self { fields: Vec::new(), wrong: None }
    }

    /// Sets a field; a `None` clears it. What can't be written as JSON is an error of the rule.
    ///
    /// ```
    /// # use bindery_plugin::Values;
    /// let values = Values::new().set("name", "Lamp").set("active", false);
    /// ```
    pub fn set(mut self, field: impl Into<String>, value: impl Serialize) -> Self {
        let field = field.into();
        match serde_json::value::to_raw_value(&value) {
            Ok(raw) => self.put(field, raw),
            Err(error) => self.wrong = Some(Error::invalid(error.to_string()).field(field)),
        }
        self
    }

    /// Sets a field as a source says: absent leaves it alone, null clears it.
    ///
    /// ```
    /// # use bindery_plugin::{Source, Values};
    /// let item = Source::parse(b"{}")?;
    /// assert!(Values::new().set_maybe("name", item.text("/title")?).is_empty());
    /// # Ok::<_, bindery_plugin::Error>(())
    /// ```
    pub fn set_maybe(self, field: impl Into<String>, value: Maybe<impl Serialize>) -> Self {
        if value.is_absent() { self } else { self.set(field, value) }
    }

    /// Sets a many2one field to the record bound to an external id; the host resolves it.
    ///
    /// ```
    /// # use bindery_plugin::Values;
    /// let values = Values::new().set_bound("partner_id", "acme.customer", "7");
    /// ```
    pub fn set_bound(self, field: impl Into<String>, kind: &str, external_id: &str) -> Self {
        self.set(field, serde_json::json!({"$ref": {"kind": kind, "id": external_id}}))
    }

    /// Sets a many2one field to the record with a value in a field; the host resolves it.
    ///
    /// ```
    /// # use bindery_plugin::Values;
    /// let values = Values::new().set_found("country_id", "res.country", "code", "BE");
    /// ```
    pub fn set_found(self, field: impl Into<String>, model: &str, by: &str, value: &str) -> Self {
        self.set(field, serde_json::json!({"$find": {"model": model, "field": by, "value": value}}))
    }

    /// The top-level entries of an object.
    pub(crate) fn of_object(json: &Json) -> Result<Self> {
        let map: std::collections::BTreeMap<String, Box<RawValue>> = json.read()?;
        Ok(Self { fields: map.into_iter().collect(), wrong: None })
    }

    pub(crate) fn put(&mut self, field: String, raw: Box<RawValue>) {
        self.fields.retain(|(known, _)| *known != field);
        self.fields.push((field, raw));
    }

    /// The JSON text of a field's value, where it is set.
    ///
    /// ```
    /// # use bindery_plugin::Values;
    /// assert_eq!(Values::new().set("qty", 0).get("qty"), Some("0"));
    /// ```
    pub fn get(&self, field: &str) -> Option<&str> {
        self.fields.iter().find(|(known, _)| known == field).map(|(_, raw)| raw.get())
    }

    /// Takes a field out, so that it is left alone.
    ///
    /// ```
    /// # use bindery_plugin::Values;
    /// assert!(Values::new().set("qty", 0).without("qty").is_empty());
    /// ```
    pub fn without(mut self, field: &str) -> Self {
        self.fields.retain(|(known, _)| known != field);
        self
    }

    /// Whether no field is set.
    ///
    /// ```
    /// assert!(bindery_plugin::Values::new().is_empty());
    /// ```
    pub fn is_empty(&self) -> bool {
        self.fields.is_empty()
    }

    /// An error where a needed field is neither set to a value nor left alone on purpose: for `validate` before a create.
    ///
    /// ```
    /// # use bindery_plugin::Values;
    /// assert!(Values::new().set("name", "").require(["name"]).is_err());
    /// ```
    pub fn require<'a>(&self, fields: impl IntoIterator<Item = &'a str>) -> Result<()> {
        for field in fields {
            if matches!(self.get(field), None | Some("null" | "\"\"")) {
                return Err(Error::invalid(format!("{field} needs a value")).field(field));
            }
        }
        Ok(())
    }

    pub(crate) fn checked(self) -> Result<Self> {
        match self.wrong {
            Some(wrong) => Err(wrong),
            None => Ok(self),
        }
    }

    /// As a JSON object.
    ///
    /// ```
    /// assert_eq!(bindery_plugin::Values::new().set("a", 1).into_json()?.as_str(), r#"{"a":1}"#);
    /// # Ok::<_, bindery_plugin::Error>(())
    /// ```
    pub fn into_json(self) -> Result<Json> {
        let mut text = String::from("{");
        for (index, (field, raw)) in self.checked()?.fields.iter().enumerate() {
            if index > 0 {
                text.push(',');
            }
            text.push_str(&serde_json::to_string(field)?);
            text.push(':');
            text.push_str(raw.get());
        }
        text.push('}');
        text.parse()
    }
}

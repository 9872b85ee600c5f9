//! JSON into typed values, field by field, without a tree between. Numbers keep their text until the type reads them.

mod line;
mod scalar;

use std::borrow::Cow;

use bindery_contract::{
    field::FieldType,
    scan::{self, Malformed},
};

use super::{Catalogue, Error, Field, Input, Kind, Model, Values};
use crate::model::Value;

pub use scalar::{date, datetime, scalar};

/// Reads a JSON object of values for a model. Unknown fields, wrong types and computed fields are errors that name
/// model and field; all of them are gathered into one [`Error::Invalid`].
pub fn values(catalogue: &Catalogue, model: &Model, json: &str) -> Result<Values, Error> {
    let mut reading = Reading { catalogue: Some(catalogue), values: Vec::new(), problems: Vec::new() };
    reading.object(json, |name| model.field(name).ok_or_else(|| model.no_field(name)))?;
    reading.end(&model.name)
}

/// Reads a JSON object of a kind's extra fields.
pub fn extra(kind: &Kind, json: &str) -> Result<Values, Error> {
    let mut reading = Reading { catalogue: None, values: Vec::new(), problems: Vec::new() };
    reading.object(json, |name| kind.field(name).ok_or_else(|| "there is no such field".to_owned()))?;
    reading.end(&kind.name)
}

/// The pairs of a JSON object, undecoded, in order.
pub(super) fn pairs(json: &str) -> Result<Vec<(Cow<'_, str>, &str)>, String> {
    let mut out = Vec::with_capacity(16);
    each_pair(json, &mut |key, raw| out.push((key, raw)))?;
    Ok(out)
}

/// The items of a JSON array, undecoded, in order.
pub(super) fn items(json: &str) -> Result<Vec<&str>, String> {
    let (bytes, mut items) = (json.as_bytes(), Vec::new());
    let end = scan::array(bytes, scan::skip_space(bytes, 0), |item| items.push(&json[item]))
        .map_err(|e| plain(e, "array"))?;
    ends(bytes, end).map(|()| items)
}

struct Reading<'a> {
    catalogue: Option<&'a Catalogue>,
    values: Values,
    problems: Vec<(String, String)>,
}

impl<'a> Reading<'a> {
    fn object<'f>(&mut self, json: &str, field: impl Fn(&str) -> Result<&'f Field, String>) -> Result<(), Error> {
        self.values.reserve(16);
        let read = each_pair(json, &mut |key, raw| {
            match field(&key) {
                Ok(field) => match self.input(field, raw) {
                    Ok(input) => match self.values.iter_mut().find(|(index, _)| *index == field.index) {
                        Some(known) => known.1 = input,
                        None => self.values.push((field.index, input)),
                    },
                    Err(problem) => self.problems.push((field.name.clone(), problem)),
                },
                Err(problem) => self.problems.push((key.into_owned(), problem)),
            };
        });
        if let Err(problem) = read {
            self.problems.push((String::new(), problem));
        }
        Ok(())
    }

    fn input(&self, field: &Field, json: &str) -> Result<Input, String> {
        // A copy of a delegated field is worked out too, but a write of it goes where it is kept.
        if field.computed && (field.delegated.is_none() || field.is_elsewhere()) {
            return Err("the host works this field out; it can't be set".to_owned());
        }
        match &field.field_type {
            FieldType::Many2one { .. } => Ok(match line::target(json)? {
                None => Input::Value(Value::Null),
                Some(super::Target::Id(id)) => Input::Value(Value::Ref(id)),
                Some(super::Target::Symbolic(symbolic)) => Input::Symbolic(symbolic),
            }),
            FieldType::One2many { model, .. } | FieldType::Many2many { model } => {
                let catalogue = self.catalogue.ok_or("a binding holds no relations to many")?;
                let model = catalogue.model(model).ok_or_else(|| format!("there is no model {model}"))?;
                Ok(Input::Lines(line::commands(catalogue, model, json)?))
            }
            other => scalar(other, json).map(Input::Value),
        }
    }

    fn end(self, model: &str) -> Result<Values, Error> {
        if self.problems.is_empty() {
            Ok(self.values)
        } else {
            Err(Error::Invalid { model: model.to_owned(), fields: self.problems })
        }
    }
}

/// Shows the pairs of a JSON object in order, undecoded.
fn each_pair<'j>(json: &'j str, each: &mut dyn FnMut(Cow<'j, str>, &'j str)) -> Result<(), String> {
    let bytes = json.as_bytes();
    let start = scan::skip_space(bytes, 0);
    let mut bad_key = None;
    let end = scan::object(bytes, start, |key, value| match name(key) {
        Some(key) => each(key, &json[value]),
        None => bad_key = Some(value.start),
    });
    match bad_key {
        Some(at) => Err(plain(Malformed { at }, "object of fields and values")),
        None => ends(bytes, end.map_err(|error| plain(error, "object of fields and values"))?),
    }
}

/// A key, borrowed where it has no escapes. None where it is no text (a lone surrogate).
fn name(raw: &[u8]) -> Option<Cow<'_, str>> {
    if raw.contains(&b'\\') {
        return serde_json::from_slice(&[b"\"", raw, b"\""].concat()).ok().map(Cow::Owned);
    }
    std::str::from_utf8(raw).ok().map(Cow::Borrowed)
}

fn ends(text: &[u8], at: usize) -> Result<(), String> {
    let rest = scan::skip_space(text, at);
    if rest == text.len() { Ok(()) } else { Err(plain(Malformed { at: rest }, "single value")) }
}

fn plain(error: Malformed, wanted: &str) -> String {
    format!("a JSON {wanted} is wanted: {error}")
}

//! One field on both sides, brought to the same text: an amount without needless zeros, a relation as Tryton's id.

use std::{cell::RefCell, collections::BTreeMap};

use bindery_tests::Tryton;
use serde_json::{Map, Value, json};

use super::ours::Ids;

/// A row as either side gives it.
pub type Row = Map<String, Value>;

/// How a field is compared.
#[derive(Clone, Copy)]
pub enum How {
    /// A text; empty is none.
    Text,
    /// A number of any kind.
    Number,
    /// A date.
    Date,
    /// Yes or no.
    Truth,
    /// A relation to records of a kind.
    To(&'static str),
    /// Several relations, in any order.
    Many(&'static str),
    /// A field of the record that Tryton's relation points to; ours is a text, or a record of that model with a name.
    Of(&'static str, &'static str, Option<&'static str>),
    /// A field of the only one of Tryton's `products`, found among a model's records by a field that names the product; the
    /// row's own field where there are several.
    Only(&'static str, &'static str, &'static str, &'static str),
    /// A relation to records of a kind, where the type of Tryton's record is (or is not) this one; else none.
    Typed(&'static str, &'static str, bool, &'static str),
    /// Several relations of the record that Tryton's relation points to, in any order.
    Through(&'static str, &'static str, &'static str),
    /// The row's own text; where it has none, the name of the product that it leads to.
    OrProduct,
    /// What ours must be, worked out from Tryton's row; ours is then compared in the way named.
    Made(&'static How, fn(&Row) -> Value),
}

/// A field: our name, Tryton's name, how.
pub type Field = (&'static str, &'static str, How);

/// A field of every record of a model, by id.
type Column = BTreeMap<u64, String>;

/// Tryton's side, with what relations lead to read once.
pub struct Theirs<'t> {
    tryton: &'t Tryton,
    known: RefCell<BTreeMap<(&'static str, &'static str, &'static str), Column>>,
}

impl<'t> Theirs<'t> {
    pub fn new(tryton: &'t Tryton) -> Self {
        Self { tryton, known: RefCell::default() }
    }

    /// What Tryton says.
    pub fn say(&self, row: &Row, (_, name, how): &Field) -> String {
        // What is worked out asks for several.
        let value = name.split(' ').next().and_then(|name| row.get(name)).unwrap_or(&Value::Null);
        match how {
            How::Text | How::Truth | How::Number | How::Date => plain(value, how),
            How::To(_) => plain(value, &How::Number),
            How::Many(_) => sorted(value.as_array().into_iter().flatten().map(Value::to_string)),
            How::Of(model, field, _) => {
                // Of several records, the first.
                let id = value.as_u64().or_else(|| value.as_array().and_then(|ids| ids.first()?.as_u64()));
                id.map_or_else(|| "-".to_owned(), |id| self.of(model, "id", field, id))
            }
            How::Only(model, key, field, otherwise) => match value.as_array().map(Vec::as_slice) {
                Some([only]) => self.of(model, key, field, only.as_u64().expect("an id")),
                _ => row.get(*otherwise).map_or_else(|| "-".to_owned(), |own| plain(own, &How::Text)),
            },
            How::Typed(model, wanted, is_wanted, _) => match value.as_u64() {
                Some(id) if (self.of(model, "id", "type", id) == *wanted) == *is_wanted => plain(value, &How::Number),
                _ => "-".to_owned(),
            },
            How::Through(model, field, _) => {
                value.as_u64().map(|id| self.of(model, "id", field, id)).unwrap_or_default()
            }
            How::OrProduct => match (plain(value, &How::Text), row["product"].as_u64()) {
                (own, Some(product)) if own == "-" => self.of("product.product", "id", "name", product),
                (own, _) => own,
            },
            How::Made(How::To(_), make) => plain(&make(row), &How::Number),
            How::Made(how, make) => plain(&make(row), how),
        }
    }

    /// A field of the record of a model that another of its fields leads to; none where there is no such record.
    fn of(&self, model: &'static str, key: &'static str, field: &'static str, id: u64) -> String {
        let mut known = self.known.borrow_mut();
        let values = known.entry((model, key, field)).or_insert_with(|| {
            let rows = self.tryton.read(model, json!([]), &[key, field]);
            let say = |value: &Value| match value.as_array() {
                Some(many) => sorted(many.iter().map(Value::to_string)),
                None => plain(value, &How::Text),
            };
            let entry = |row: &Value| Some((row[key].as_u64()?, say(&row[field])));
            rows.iter().filter_map(entry).collect()
        });
        values.get(&id).cloned().unwrap_or_else(|| "-".to_owned())
    }
}

/// What we say.
pub fn ours(ids: &Ids<'_>, row: &Row, (name, _, how): &Field) -> String {
    let value = row.get(*name).unwrap_or_else(|| panic!("we have no field {name}: {row:?}"));
    match how {
        How::To(kind) | How::Of(_, _, Some(kind)) | How::Typed(_, _, _, kind) | How::Made(How::To(kind), _) => {
            ids.of(kind, value)
        }
        How::Many(kind) | How::Through(_, _, kind) => {
            sorted(value.as_array().into_iter().flatten().map(|one| ids.of(kind, one)))
        }
        How::Date | How::Of(..) | How::Only(..) | How::OrProduct => plain(value, &How::Text),
        How::Made(how, _) => plain(value, how),
        how => plain(value, how),
    }
}

fn plain(value: &Value, how: &How) -> String {
    match (value, how) {
        (Value::Null, How::Truth) => "false".to_owned(),
        (Value::Null, _) => "-".to_owned(),
        (Value::Bool(yes), _) => yes.to_string(),
        (Value::Number(number), How::Truth) => (number.as_f64() != Some(0.0)).to_string(),
        (Value::Number(number), _) => number_text(&number.to_string()),
        (Value::String(text), How::Number) => number_text(text),
        (Value::String(text), _) if text.is_empty() => "-".to_owned(),
        (Value::String(text), _) => text.clone(),
        (Value::Object(object), _) if object.contains_key("decimal") => {
            number_text(object["decimal"].as_str().expect("a decimal"))
        }
        (Value::Object(object), _) if object.contains_key("year") => date(value),
        (other, _) => panic!("not a plain value: {other}"),
    }
}

/// A number without needless zeros, and without an exponent.
fn number_text(text: &str) -> String {
    let written = text.contains('e').then(|| format!("{:.12}", text.parse::<f64>().expect("a number")));
    let text = written.as_deref().unwrap_or(text);
    let text = if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { text };
    if text == "-0" { "0".to_owned() } else { text.to_owned() }
}

/// `{"year": 2026, …}` as `2026-01-05`.
pub fn date(value: &Value) -> String {
    let part = |name: &str| value[name].as_u64().expect("a part of a date");
    format!("{:04}-{:02}-{:02}", part("year"), part("month"), part("day"))
}

fn sorted(texts: impl Iterator<Item = String>) -> String {
    let mut texts: Vec<String> = texts.collect();
    texts.sort();
    texts.join(" ")
}

//! Typed values into JSON: decimals as text without needless zeros, times as RFC 3339, bytes as base64, relations as
//! ids.

use base64::Engine as _;
use bindery_contract::field::FieldType;
use serde_json::{Map, Value as Json};

use super::{Kind, Model, Row, Values, values::Input};
use crate::{
    base::Timestamp,
    model::{Decimal, Value},
};

/// A row as a JSON object: `id`, then its fields by name.
pub fn row(model: &Model, row: &Row) -> Map<String, Json> {
    let mut object = Map::with_capacity(row.values.len() + 1);
    object.insert("id".to_owned(), row.id.into());
    for (index, item) in &row.values {
        object.insert(model.fields[*index].name.clone(), value(item));
    }
    object
}

/// A value as JSON.
pub fn value(value: &Value) -> Json {
    match value {
        Value::Null => Json::Null,
        Value::Bool(value) => (*value).into(),
        Value::Integer(value) | Value::Ref(value) => (*value).into(),
        Value::Decimal(value) => decimal(*value).into(),
        Value::Text(value) => value.as_str().into(),
        Value::Date(days) => date(*days).into(),
        Value::Datetime(at) => at.to_rfc3339().into(),
        Value::Binary(bytes) => base64::engine::general_purpose::STANDARD.encode(bytes).into(),
        Value::Refs(ids) => ids.clone().into(),
    }
}

/// A decimal without needless zeros: `12.5`, `12`.
pub fn decimal(value: Decimal) -> String {
    let text = value.to_string();
    match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => text,
    }
}

/// `2026-11-24` of days since 1970-01-01.
pub fn date(days: i32) -> String {
    let start = jiff::civil::date(1970, 1, 1);
    let span = jiff::Span::new().try_days(days);
    span.and_then(|span| start.checked_add(span)).map_or_else(|_| format!("@{days}d"), |date| date.to_string())
}

/// The extra fields of a kind's binding, from how they are stored.
pub fn extra(kind: &Kind, stored: Option<&str>) -> Map<String, Json> {
    let stored: Map<String, Json> = stored.and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
    let field = |field: &super::Field| {
        let kept = stored.get(&field.name).unwrap_or(&Json::Null);
        (field.name.clone(), value(&from_stored(&field.field_type, kept)))
    };
    kind.fields.iter().map(field).collect()
}

/// Sets extra fields in how they are stored; those that are not set stay, and so do those that nobody declares now.
pub(super) fn store_extra(kind: &Kind, stored: Option<&str>, values: &Values) -> String {
    let mut object: Map<String, Json> = stored.and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
    for (index, input) in values {
        if let Input::Value(value) = input {
            object.insert(kind.fields[*index].name.clone(), to_stored(value));
        }
    }
    Json::Object(object).to_string()
}

/// A value as it stands in a binding's `extra`: as in a column, so that the store compares it alike.
pub(super) fn to_stored(value: &Value) -> Json {
    match value {
        Value::Null | Value::Refs(_) => Json::Null,
        Value::Bool(value) => i64::from(*value).into(),
        Value::Integer(value) | Value::Ref(value) => (*value).into(),
        Value::Decimal(value) => value.units.into(),
        Value::Text(value) => value.as_str().into(),
        Value::Date(days) => (*days).into(),
        Value::Datetime(at) => at.0.into(),
        Value::Binary(bytes) => base64::engine::general_purpose::STANDARD.encode(bytes).into(),
    }
}

/// The value that stands so in a binding's `extra`.
pub(super) fn from_stored(field_type: &FieldType, json: &Json) -> Value {
    let number = json.as_i64();
    let read = match field_type {
        FieldType::Text | FieldType::Selection { .. } => json.as_str().map(|text| Value::Text(text.to_owned())),
        FieldType::Integer => number.map(Value::Integer),
        FieldType::Decimal { scale } => number.map(|units| Value::Decimal(Decimal { units, scale: *scale })),
        FieldType::Money { .. } => {
            number.map(|units| Value::Decimal(Decimal { units, scale: super::field::MONEY_SCALE }))
        }
        FieldType::Boolean => number.map(|number| Value::Bool(number != 0)),
        FieldType::Date => number.and_then(|days| i32::try_from(days).ok()).map(Value::Date),
        FieldType::Datetime => number.map(|at| Value::Datetime(Timestamp(at))),
        FieldType::Many2one { .. } => number.map(Value::Ref),
        FieldType::Binary => json
            .as_str()
            .and_then(|text| base64::engine::general_purpose::STANDARD.decode(text).ok())
            .map(Value::Binary),
        FieldType::One2many { .. } | FieldType::Many2many { .. } | FieldType::Unknown => None,
    };
    read.unwrap_or(Value::Null)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_lose_only_needless_zeros() {
        for (units, scale, expected) in
            [(12_500, 3, "12.5"), (12_000, 3, "12"), (-1, 2, "-0.01"), (0, 4, "0"), (100, 0, "100")]
        {
            assert_eq!(decimal(Decimal { units, scale }), expected);
        }
    }

    #[test]
    fn dates_come_back_as_they_went() {
        for text in ["1900-01-01", "1969-12-31", "1970-01-01", "2026-11-24", "9999-12-31"] {
            assert_eq!(date(super::super::decode::date(text).expect(text)), text);
        }
    }
}

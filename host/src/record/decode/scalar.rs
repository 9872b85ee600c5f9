//! One JSON value by the type of its field. Every refusal says what was wanted and what was there.

use std::borrow::Cow;

use base64::Engine as _;
use bindery_contract::field::FieldType;

use crate::{
    base::Timestamp,
    model::{Decimal, Value, temporary::is_temporary},
    record::field::MONEY_SCALE,
};

/// Reads a value of any type but the relations to many. `null` is [`Value::Null`] for all of them.
pub fn scalar(field_type: &FieldType, json: &str) -> Result<Value, String> {
    if json == "null" {
        return Ok(Value::Null);
    }
    match field_type {
        FieldType::Text => Ok(Value::Text(text(json)?.into_owned())),
        FieldType::Integer => integer(json).map(Value::Integer),
        FieldType::Decimal { scale } => decimal(json, *scale),
        FieldType::Money { .. } => decimal(json, MONEY_SCALE),
        FieldType::Boolean => match json {
            "true" => Ok(Value::Bool(true)),
            "false" => Ok(Value::Bool(false)),
            _ => Err(format!("true or false is wanted, not {}", shown(json))),
        },
        FieldType::Date => date(&text(json)?).map(Value::Date),
        FieldType::Datetime => datetime(&text(json)?).map(Value::Datetime),
        FieldType::Selection { options } => {
            let word = text(json)?;
            if options.iter().any(|option| *option == word) {
                Ok(Value::Text(word.into_owned()))
            } else {
                Err(format!("{word:?} is none of {}", options.join(", ")))
            }
        }
        FieldType::Binary => base64::engine::general_purpose::STANDARD
            .decode(text(json)?.as_bytes())
            .map(Value::Binary)
            .map_err(|e| format!("not base64: {e}")),
        FieldType::Many2one { .. } => match integer(json) {
            // A temporary id is replaced before the write, by whoever gave it.
            Ok(id) if id > 0 || is_temporary(id) => Ok(Value::Ref(id)),
            _ => Err(format!("the id of a record is wanted, not {}", shown(json))),
        },
        FieldType::One2many { .. } | FieldType::Many2many { .. } | FieldType::Unknown => {
            Err("this type has no single value".to_owned())
        }
    }
}

/// The text of a JSON string: no NUL, no half of a surrogate pair.
pub(super) fn text(json: &str) -> Result<Cow<'_, str>, String> {
    let inner = json.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    let inner = inner.ok_or_else(|| format!("a text is wanted, not {}", shown(json)))?;
    if !inner.as_bytes().contains(&b'\\') {
        return Ok(Cow::Borrowed(inner));
    }
    let text: String = serde_json::from_str(json).map_err(|error| {
        let said = error.to_string();
        // The escapes are known to be whole here, so what ends too early is a pair.
        if said.contains("surrogate") || said.contains("end of hex escape") {
            "the text holds half of a surrogate pair (\\ud800 to \\udfff), which is no character".to_owned()
        } else {
            format!("the text can't be read: {error}")
        }
    })?;
    if text.contains('\0') {
        return Err("the text holds a NUL character (\\u0000)".to_owned());
    }
    Ok(Cow::Owned(text))
}

fn integer(json: &str) -> Result<i64, String> {
    if let Ok(number) = json.parse::<i64>() {
        return Ok(number);
    }
    if !is_number(json) {
        return Err(format!("an integer is wanted, not {}", shown(json)));
    }
    Decimal::parse(json, 0).map(|decimal| decimal.units).map_err(|e| e.to_string())
}

fn decimal(json: &str, scale: u8) -> Result<Value, String> {
    let text = match json.as_bytes().first() {
        Some(b'"') => text(json)?,
        _ if is_number(json) => Cow::Borrowed(json),
        _ => return Err(format!("a number is wanted, not {}", shown(json))),
    };
    Decimal::parse(&text, scale).map(Value::Decimal).map_err(|e| e.to_string())
}

fn is_number(json: &str) -> bool {
    matches!(json.as_bytes().first(), Some(b'-' | b'0'..=b'9'))
}

/// Days since 1970-01-01 of `2026-11-24`.
pub fn date(text: &str) -> Result<i32, String> {
    let wrong = || format!("{text:?} is no date as in 2026-11-24");
    // The library also takes times; a date with more than a date in it is a mistake.
    if text.len() != 10 {
        return Err(wrong());
    }
    let date: jiff::civil::Date = text.parse().map_err(|_| wrong())?;
    let days = date.since(jiff::civil::date(1970, 1, 1)).map_err(|_| wrong())?;
    Ok(days.get_days())
}

/// An instant of RFC 3339, or of the ERP's `2026-11-24 10:00:00`, which is UTC.
pub fn datetime(text: &str) -> Result<Timestamp, String> {
    if let Some(at) = Timestamp::parse_rfc3339(text) {
        return Ok(at);
    }
    let plain = text.len() == 19 && text.as_bytes()[10] == b' ';
    let read = plain.then(|| text.parse::<jiff::civil::DateTime>().ok()).flatten();
    let read = read.and_then(|at| jiff::tz::Offset::UTC.to_timestamp(at).ok());
    read.map(|at| Timestamp(at.as_microsecond()))
        .ok_or_else(|| format!("{text:?} is no time as in 2026-11-24T10:00:00Z (an offset or Z is needed)"))
}

/// A value as it stands in messages: cut where it is long.
pub(super) fn shown(json: &str) -> String {
    const MOST: usize = 60;
    match json.char_indices().nth(MOST) {
        Some((at, _)) => format!("{}…", &json[..at]),
        None => json.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(field_type: &FieldType, json: &str, expected: Result<Value, &str>) {
        match (scalar(field_type, json), expected) {
            (Ok(value), Ok(wanted)) => assert_eq!(value, wanted, "{json}"),
            (Err(problem), Err(part)) => assert!(problem.contains(part), "{json}: {problem}"),
            (found, wanted) => panic!("{json}: found {found:?}, wanted {wanted:?}"),
        }
    }

    fn decimal(units: i64, scale: u8) -> Result<Value, &'static str> {
        Ok(Value::Decimal(Decimal { units, scale }))
    }

    #[test]
    fn zero_false_and_empty_text_are_values() {
        check(&FieldType::Integer, "0", Ok(Value::Integer(0)));
        check(&FieldType::Decimal { scale: 2 }, "0", decimal(0, 2));
        check(&FieldType::Boolean, "false", Ok(Value::Bool(false)));
        check(&FieldType::Text, "\"\"", Ok(Value::Text(String::new())));
        for field_type in [FieldType::Text, FieldType::Integer, FieldType::Boolean, FieldType::Date] {
            check(&field_type, "null", Ok(Value::Null));
        }
    }

    #[test]
    fn numbers_are_exact_or_refused() {
        check(&FieldType::Integer, "9007199254740993", Ok(Value::Integer(9_007_199_254_740_993)));
        check(&FieldType::Integer, "9223372036854775807", Ok(Value::Integer(i64::MAX)));
        check(&FieldType::Integer, "9223372036854775808", Err("more digits than the field holds"));
        check(&FieldType::Integer, "1.5", Err("more than 0 digits after the point"));
        check(&FieldType::Integer, "2.0", Ok(Value::Integer(2)));
        check(&FieldType::Integer, "\"2\"", Err("an integer is wanted"));
        check(&FieldType::Decimal { scale: 6 }, "\"19.990000\"", decimal(19_990_000, 6));
        check(&FieldType::Decimal { scale: 6 }, "19.99", decimal(19_990_000, 6));
        check(&FieldType::Decimal { scale: 2 }, "12345678901234567890", Err("more digits than the field holds"));
        check(&FieldType::Decimal { scale: 2 }, "0.001", Err("more than 2 digits after the point"));
        check(&FieldType::Decimal { scale: 2 }, "true", Err("a number is wanted, not true"));
        check(&FieldType::Money { currency: "c".into() }, "-1.5", decimal(-15_000, 4));
    }

    #[test]
    fn texts_with_nul_or_half_a_surrogate_pair_are_refused() {
        check(&FieldType::Text, "\"a\\u0000b\"", Err("NUL"));
        check(&FieldType::Text, "\"\\ud800\"", Err("surrogate"));
        check(&FieldType::Text, "\"\\udc00x\"", Err("surrogate"));
        check(&FieldType::Text, "\"\\ud83d\\ude00\"", Ok(Value::Text("😀".into())));
        check(&FieldType::Text, "12", Err("a text is wanted, not 12"));
        check(&FieldType::Text, "\"a \\\"quoted\\\" é\"", Ok(Value::Text("a \"quoted\" é".into())));
    }

    #[test]
    fn dates_before_1970_survive() {
        check(&FieldType::Date, "\"1970-01-01\"", Ok(Value::Date(0)));
        check(&FieldType::Date, "\"1969-12-31\"", Ok(Value::Date(-1)));
        check(&FieldType::Date, "\"1900-01-01\"", Ok(Value::Date(-25_567)));
        check(&FieldType::Date, "\"2026-02-30\"", Err("no date"));
        check(&FieldType::Date, "\"2026-02-03T00:00:00Z\"", Err("no date"));
        check(&FieldType::Datetime, "\"1969-12-31T23:59:59Z\"", Ok(Value::Datetime(Timestamp(-1_000_000))));
        check(&FieldType::Datetime, "\"1970-01-01 00:00:01\"", Ok(Value::Datetime(Timestamp(1_000_000))));
        check(&FieldType::Datetime, "\"2026-02-03T00:00:00\"", Err("an offset or Z is needed"));
    }

    #[test]
    fn words_bytes_and_ids_are_checked() {
        let selection = FieldType::Selection { options: vec!["draft".into(), "done".into()] };
        check(&selection, "\"done\"", Ok(Value::Text("done".into())));
        check(&selection, "\"gone\"", Err("\"gone\" is none of draft, done"));
        check(&FieldType::Binary, "\"AAEC\"", Ok(Value::Binary(vec![0, 1, 2])));
        check(&FieldType::Binary, "\"?\"", Err("not base64"));
        let many2one = FieldType::Many2one { model: "a.b".into() };
        check(&many2one, "7", Ok(Value::Ref(7)));
        check(&many2one, "0", Err("the id of a record is wanted"));
        check(&many2one, "\"7\"", Err("the id of a record is wanted"));
    }
}

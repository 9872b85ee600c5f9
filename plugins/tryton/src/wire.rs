//! Tryton's JSON: values in objects with a `__class__`, booleans as 0 and 1, domains in base64. It asks nothing.

use base64::{Engine, prelude::BASE64_URL_SAFE};
use bindery_plugin::{prelude::*, serde_json};

/// Base64 of JSON, as the parameters `d` (domain) and `o` (order) and the context header want it.
pub fn encoded(json: &str) -> String {
    BASE64_URL_SAFE.encode(json)
}

/// The clause "made or changed at or after": `write_date` is empty until a record's first edit, hence both dates.
///
/// `paths` are dotted paths to the records whose change counts (`""` is the record itself). `since` is RFC 3339 in UTC.
pub fn changed_since(paths: &[&str], since: &str) -> Result<String> {
    let moment = moment(since)?;
    let clauses: Vec<String> = paths
        .iter()
        .flat_map(|path| ["write_date", "create_date"].map(|date| format!("[[\"{path}{date}\",\">=\",{moment}]]")))
        .collect();
    Ok(format!("[\"OR\",{}]", clauses.join(",")))
}

/// The clause that a field has a value, as an operator's filter names it: a number where it is one, else text.
pub fn equals(field: &str, value: &str) -> Result<String> {
    let value = match value.parse::<i64>() {
        Ok(number) => serde_json::Value::from(number),
        Err(_) => value.into(),
    };
    Ok(serde_json::to_string(&(field, "=", value))?)
}

/// RFC 3339 in UTC as Tryton writes a moment.
pub fn moment(text: &str) -> Result<String> {
    datetime(text).ok_or_else(|| Error::invalid(format!("{text:?} is not a time in UTC")))
}

/// `2026-11-24T10:00:00.5Z` as Tryton writes it.
fn datetime(text: &str) -> Option<String> {
    let (date, time) = text.strip_suffix('Z')?.split_once('T')?;
    let numbers =
        |text: &str, separator| -> Option<Vec<u32>> { text.split(separator).map(|n| n.parse().ok()).collect() };
    let (clock, fraction) = time.split_once('.').unwrap_or((time, ""));
    let ([year, month, day], [hour, minute, second]) =
        (<[u32; 3]>::try_from(numbers(date, '-')?).ok()?, <[u32; 3]>::try_from(numbers(clock, ':')?).ok()?);
    let microsecond: u32 = format!("{fraction:0<6.6}").parse().ok()?;
    Some(format!(
        "{{\"__class__\":\"datetime\",\"year\":{year},\"month\":{month},\"day\":{day},\"hour\":{hour},\"minute\":{minute},\
         \"second\":{second},\"microsecond\":{microsecond}}}"
    ))
}

/// `{"__class__": "Decimal", "decimal": "28.00"}`, or null.
pub fn decimal(src: &Source, pointer: &str) -> Result<Maybe<Decimal>> {
    match src.at(pointer)? {
        Maybe::Value(object) => object.decimal("/decimal"),
        Maybe::Null => Ok(Maybe::Null),
        Maybe::Absent => Ok(Maybe::Absent),
    }
}

/// `{"__class__": "date", "year": 2026, "month": 1, "day": 5}` as `2026-01-05`.
pub fn date(src: &Source, pointer: &str) -> Result<Maybe<String>> {
    let object = match src.at(pointer)? {
        Maybe::Value(object) => object,
        Maybe::Null => return Ok(Maybe::Null),
        Maybe::Absent => return Ok(Maybe::Absent),
    };
    let part = |pointer| object.integer(pointer)?.required(pointer);
    Ok(Maybe::Value(format!("{:04}-{:02}-{:02}", part("/year")?, part("/month")?, part("/day")?)))
}

/// The day of a moment, `2026-01-05T…`, as Tryton writes a date.
pub fn day(moment: &str) -> Option<serde_json::Value> {
    let numbers: Vec<u32> =
        moment.get(..10)?.split('-').map(|number| number.parse().ok()).collect::<Option<Vec<u32>>>()?;
    let [year, month, day] = <[u32; 3]>::try_from(numbers).ok()?;
    Some(serde_json::json!({"__class__": "date", "year": year, "month": month, "day": day}))
}

/// A boolean: `true`, or `1` where the database is SQLite.
pub fn truth(src: &Source, pointer: &str) -> Result<Maybe<bool>> {
    Ok(match src.raw(pointer)? {
        None => Maybe::Absent,
        Some("null") => Maybe::Null,
        Some(raw) => Maybe::Value(matches!(raw, "true" | "1")),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_taken_apart_exactly() {
        assert!(datetime("2026-11-24T10:00:00.5Z").unwrap().ends_with("\"second\":0,\"microsecond\":500000}"));
        assert!(datetime("2026-11-24T10:00:59Z").unwrap().ends_with("\"second\":59,\"microsecond\":0}"));
        for text in ["", "2026-11-24", "2026-11-24T10:00:00+02:00", "2026-11T10:00:00Z"] {
            assert_eq!(datetime(text), None, "{text}");
        }
    }

    #[test]
    fn values_in_objects_are_read_and_null_stays_null() {
        let src = Source::parse(
            br#"{"price":{"__class__":"Decimal","decimal":"28.00"},"none":null,"day":{"__class__":"date","year":2026,"month":1,"day":5},"yes":1,"no":0}"#,
        )
        .unwrap();
        assert_eq!(decimal(&src, "/price").unwrap().option().unwrap().to_string(), "28.00");
        assert!(matches!(decimal(&src, "/none").unwrap(), Maybe::Null));
        assert!(matches!(decimal(&src, "/missing").unwrap(), Maybe::Absent));
        assert_eq!(date(&src, "/day").unwrap().option().unwrap(), "2026-01-05");
        assert_eq!(truth(&src, "/yes").unwrap().option(), Some(true));
        assert_eq!(truth(&src, "/no").unwrap().option(), Some(false));
    }
}

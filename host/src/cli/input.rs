//! Arguments that are more than a word: `key=value`, values from files, from standard input, JSON. It asks nobody.

use std::{collections::BTreeMap, io::Read, path::Path};

use serde_json::Value;

use super::error::Error;

/// One `key=value` of the command line.
pub(super) type Pair = (String, String);

/// Splits `key=value`; used by clap, so a bad one is a usage error.
pub(super) fn pair(text: &str) -> Result<Pair, String> {
    match text.split_once('=') {
        Some((key, value)) if !key.trim().is_empty() => Ok((key.trim().to_owned(), value.to_owned())),
        _ => Err("expected KEY=VALUE".to_owned()),
    }
}

/// Splits `key=@FILE` or `key=-`. A secret on the command line itself is refused: every user of the machine sees it.
pub(super) fn secret_pair(text: &str) -> Result<Pair, String> {
    let (key, source) = pair(text).map_err(|_| "expected KEY=@FILE or KEY=-".to_owned())?;
    match source.strip_prefix('@') {
        Some(file) if !file.is_empty() => Ok((key, source)),
        None if source == "-" => Ok((key, source)),
        _ => Err(format!(
            "a secret is not given on the command line, where others can see it: use {key}=@FILE, or {key}=- to read it \
             from standard input"
        )),
    }
}

/// The texts of pairs; a later one wins.
pub(super) fn texts(pairs: Vec<Pair>) -> BTreeMap<String, String> {
    pairs.into_iter().collect()
}

/// The secrets that `key=@FILE` and `key=-` point to, without the line end that editors leave.
pub(super) fn secrets(pairs: Vec<Pair>) -> Result<BTreeMap<String, String>, Error> {
    if pairs.iter().filter(|(_, source)| source == "-").count() > 1 {
        return Err(Error::value("--secret", "standard input can be read only once; use @FILE for the others"));
    }
    pairs
        .into_iter()
        .map(|(key, source)| {
            let text = source_text(&source)?;
            Ok((key, text.trim_end_matches(['\n', '\r']).to_owned()))
        })
        .collect()
}

/// The text of `-`, `@FILE`, or the argument itself.
pub(super) fn source_text(source: &str) -> Result<String, Error> {
    if source == "-" {
        let mut text = String::new();
        std::io::stdin().read_to_string(&mut text).map_err(|reason| Error::File { path: "-".into(), reason })?;
        return Ok(text);
    }
    match source.strip_prefix('@') {
        Some(file) => {
            std::fs::read_to_string(Path::new(file)).map_err(|reason| Error::File { path: file.into(), reason })
        }
        None => Ok(source.to_owned()),
    }
}

/// Values of a record: JSON (`--values`, `@FILE`, `-`) with `key=value` pairs on top. A pair's value is JSON where it
/// reads as JSON (`12`, `true`, `null`, `[1, 2]`), else text.
pub(super) fn values(document: Option<String>, pairs: Vec<Pair>) -> Result<Value, Error> {
    let mut values = match document {
        Some(source) => json("--values", &source_text(&source)?)?,
        None => Value::Object(serde_json::Map::new()),
    };
    let Value::Object(map) = &mut values else {
        return Err(Error::value("--values", "expected a JSON object of field names and values"));
    };
    for (key, text) in pairs {
        // A number goes through as text, since fields read both, and digits must not get lost on the way.
        let value = match serde_json::from_str(&text) {
            Ok(Value::Number(_)) | Err(_) => Value::String(text),
            Ok(value) => value,
        };
        map.insert(key, value);
    }
    Ok(values)
}

/// Reads JSON, or says where it stops being JSON.
pub(super) fn json(argument: &str, text: &str) -> Result<Value, Error> {
    serde_json::from_str(text).map_err(|error| Error::value(argument, format_args!("not JSON: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_in_the_open_is_refused() {
        for text in ["key=hunter2", "key=", "key=@", "key"] {
            assert!(secret_pair(text).is_err(), "{text}");
        }
        assert_eq!(secret_pair("key=-"), Ok(("key".to_owned(), "-".to_owned())));
        assert_eq!(secret_pair("key=@a=b"), Ok(("key".to_owned(), "@a=b".to_owned())));
    }

    #[test]
    fn a_value_may_hold_an_equals_sign_and_be_empty() {
        assert_eq!(pair("filter=a=b"), Ok(("filter".to_owned(), "a=b".to_owned())));
        assert_eq!(pair("note="), Ok(("note".to_owned(), String::new())));
        assert!(pair("=x").is_err());
    }

    #[test]
    fn digits_of_a_number_are_kept() {
        let values = values(None, vec![pair("price=12345678901234567.89").expect("pair")]).expect("values");
        assert_eq!(values["price"], "12345678901234567.89");
    }
}

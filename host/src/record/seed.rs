//! Records that everybody needs and nobody should type: the countries of ISO 3166 and the currencies of ISO 4217. They
//! are made once; what is there already is left as it is.

use serde_json::{Map, Value as Json};
use xxhash_rust::xxh3::xxh3_64;

use super::{Catalogue, Change, Error, decode, store};
use crate::{
    base::Timestamp,
    storage::{Tx, catalogue as rows, record as tables},
};

/// Model, the field that tells its records apart, and the file.
const FILES: &[(&str, &str, &str)] = &[
    ("res.currency", "name", include_str!("../../models/data/res.currency.csv")),
    ("res.country", "code", include_str!("../../models/data/res.country.csv")),
];
/// Under which name it is noted what was made.
const OWNER: &str = "bindery/seed";

/// Makes those that are missing; cheap where nothing has changed since the last time.
pub fn install(tx: &mut dyn Tx, catalogue: &Catalogue, now: Timestamp) -> Result<(), Error> {
    let all: String = FILES.iter().map(|(.., text)| *text).collect();
    let digest = format!("{:016x}", xxh3_64(all.as_bytes()));
    if rows::installed(tx, OWNER)?.as_deref() == Some(&digest) {
        return Ok(());
    }
    let change = Change::local("bindery", now);
    for (name, key, text) in FILES {
        let model = catalogue.need_model(name)?;
        let wrong = |error: csv::Error| Error::Definition(format!("the records of {name}: {error}"));
        let mut table = csv::Reader::from_reader(text.as_bytes());
        let lines: Vec<Map<String, Json>> = table.deserialize().collect::<Result<_, _>>().map_err(wrong)?;
        let keys: Vec<&str> = lines.iter().filter_map(|line| line.get(*key)?.as_str()).collect();
        let there = tables::with_text(tx, &model.table.name, key, &keys)?;
        for line in &lines {
            let is_there = there.iter().any(|(known, _)| Some(known.as_str()) == line.get(*key).and_then(Json::as_str));
            if !is_there {
                let values = decode::values(catalogue, model, &Json::Object(line.clone()).to_string())?;
                store::create(tx, catalogue, model, &values, &change)?;
            }
        }
    }
    Ok(rows::note_installed(tx, OWNER, &digest)?)
}

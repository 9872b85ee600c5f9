//! What follows from a partner: its addresses, and the terms of the company it belongs to.

use super::{id, text};
use crate::{
    model::Value,
    record::{Error, compute::Inputs, domain},
};
use serde_json::json;

/// Companies above a contact that are looked at; trees of companies are not deeper.
const DEEPEST: usize = 10;

/// The partner's address for a purpose (`invoice`, `delivery`): the first contact below it of that type, else itself.
pub(super) fn address(inputs: &mut Inputs<'_, '_>, partner: i64, purpose: &str) -> Result<i64, Error> {
    let own = inputs.other("res.partner", partner, &["type"])?;
    if own.first().is_some_and(|own| text(own) == purpose) {
        return Ok(partner);
    }
    let found = first(inputs, "res.partner", &json!([["parent_id", "=", partner], ["type", "=", purpose]]), "id")?;
    Ok(found.unwrap_or(partner))
}

/// A property of a partner: its own, else that of the company above it.
pub(super) fn property(inputs: &mut Inputs<'_, '_>, partner: i64, name: &str) -> Result<Value, Error> {
    let mut at = Some(partner);
    for _ in 0..DEEPEST {
        let Some(partner) = at else { break };
        let found = inputs.other("res.partner", partner, &[name, "parent_id"])?;
        let [value, parent] = found.as_slice() else { break };
        if *value != Value::Null {
            return Ok(value.clone());
        }
        at = id(parent);
    }
    Ok(Value::Null)
}

/// The fiscal position that holds for a partner: its own, else the first that applies by itself where it is.
pub(super) fn fiscal_position(inputs: &mut Inputs<'_, '_>, partner: i64, place: i64) -> Result<Option<i64>, Error> {
    if let Some(own) = id(&property(inputs, partner, "property_account_position_id")?) {
        return Ok(Some(own));
    }
    let found = inputs.other("res.partner", place, &["country_id"])?;
    let Some(country) = found.first().and_then(id) else { return Ok(None) };
    let taxed = property(inputs, partner, "vat")? != Value::Null;
    let mut domain = vec![json!(["auto_apply", "=", true]), json!(["country_id", "=", country])];
    if !taxed {
        domain.push(json!(["vat_required", "=", false]));
    }
    first(inputs, "account.fiscal.position", &json!(domain), "vat_required desc, sequence, id")
}

/// The first record that a domain finds.
fn first(
    inputs: &mut Inputs<'_, '_>,
    model: &str,
    domain: &serde_json::Value,
    order: &str,
) -> Result<Option<i64>, Error> {
    let catalogue = inputs.work.catalogue;
    let model = catalogue.need_model(model)?;
    let query =
        domain::Query { domain: domain.clone(), limit: Some(1), order: order.to_owned(), ..domain::Query::default() };
    Ok(domain::search(inputs.work.tx, catalogue, model, &query)?.first().copied())
}

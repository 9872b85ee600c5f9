//! Names that are made of several records: a contact with its company, a category or a location with its parents.

use super::{Cause, Compute, Inputs, Sets, Way};
use crate::{model::Value, record::Error};

/// `Company, Contact`.
pub(super) static PARTNER: Compute = Compute {
    model: "res.partner",
    sets: &["display_name"],
    reads: &["name", "parent_id"],
    early: true,
    causes: &[Cause { model: "res.partner", fields: &["name"], way: Way::Down("parent_id") }],
    run: |inputs| {
        let name = inputs.text("name");
        let parent = match inputs.reference("parent_id") {
            None => None,
            Some(parent) if Some(parent) == inputs.record => return Err(inputs.wrong("parent_id", ITSELF)),
            Some(parent) => inputs.other("res.partner", parent, &["name"])?.pop(),
        };
        let whole = match parent {
            Some(Value::Text(parent)) if name.is_empty() => parent,
            Some(Value::Text(parent)) => format!("{parent}, {name}"),
            _ => name,
        };
        Ok(vec![("display_name", Value::Text(whole))])
    },
};

/// `All / Shoes / Boots`.
pub(super) static CATEGORY: Compute = Compute {
    model: "product.category",
    sets: &["complete_name"],
    reads: &["name", "parent_id"],
    early: true,
    causes: &[Cause { model: "product.category", fields: &["complete_name"], way: Way::Down("parent_id") }],
    run: |inputs| path(inputs, "product.category", "parent_id", " / "),
};

/// `WH/Stock/Shelf 1`.
pub(super) static LOCATION: Compute = Compute {
    model: "stock.location",
    sets: &["complete_name"],
    reads: &["name", "location_id"],
    early: true,
    causes: &[Cause { model: "stock.location", fields: &["complete_name"], way: Way::Down("location_id") }],
    run: |inputs| path(inputs, "stock.location", "location_id", "/"),
};

const ITSELF: &str = "a record can't be its own parent, nor its parent's";
/// Levels that a tree may have; more than anybody needs.
const DEEPEST: usize = 100;

fn path(inputs: &mut Inputs<'_, '_>, model: &str, parent: &'static str, between: &str) -> Result<Sets, Error> {
    let mut names = vec![inputs.text("name")];
    let mut above = inputs.reference(parent);
    while let Some(id) = above {
        if Some(id) == inputs.record || names.len() > DEEPEST {
            return Err(inputs.wrong(parent, ITSELF));
        }
        let found = inputs.other(model, id, &["name", parent])?;
        let [name, next] = found.as_slice() else { break };
        if let Value::Text(name) = name {
            names.push(name.clone());
        }
        above = if let Value::Ref(id) = next { Some(*id) } else { None };
    }
    names.reverse();
    Ok(vec![("complete_name", Value::Text(names.join(between)))])
}

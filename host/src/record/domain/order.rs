//! The order of a search: `name desc, id`.

use bindery_contract::field::FieldType;

use crate::{
    record::{Catalogue, Error, Model},
    storage::{condition::Column, record::Order},
};

/// Reads an order. A many2one orders by what names its target. The id comes last, so that pages never overlap.
pub(super) fn order(catalogue: &Catalogue, model: &Model, text: &str) -> Result<Vec<Order>, Error> {
    let mut out = Vec::new();
    let mut has_id = false;
    for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
        let wrong = |problem: String| Error::Domain { model: model.name.clone(), problem };
        let (name, direction) = part.split_once(char::is_whitespace).unwrap_or((part, "asc"));
        let descending = match direction.trim().to_ascii_lowercase().as_str() {
            "asc" => false,
            "desc" => true,
            other => return Err(wrong(format!("order {part:?}: {other:?} is neither asc nor desc"))),
        };
        if name == "id" {
            has_id = true;
            out.push(Order::Column { column: Column::Named("id".to_owned()), descending });
            continue;
        }
        let field = model.field(name).ok_or_else(|| wrong(format!("order {part:?}: there is no field {name:?}")))?;
        if let Some(delegated) = field.delegated.filter(|_| field.is_elsewhere() && !field.is_to_many()) {
            let link = &model.fields[delegated.link];
            let target = catalogue.need_model(link.target().unwrap_or_default())?;
            out.push(Order::Through {
                column: link.name.clone(),
                table: target.table.name.clone(),
                by: target.fields[delegated.field].name.clone(),
                descending,
            });
            continue;
        }
        if !field.is_stored() {
            return Err(wrong(format!("order {part:?}: a relation to many has no order")));
        }
        let target = field.target().and_then(|target| catalogue.model(target));
        let named = target.and_then(|target| Some((target, target.field(&target.display)?)));
        out.push(match named {
            Some((target, display)) if !matches!(display.field_type, FieldType::Many2one { .. }) => Order::Through {
                column: name.to_owned(),
                table: target.table.name.clone(),
                by: display.name.clone(),
                descending,
            },
            _ => Order::Column { column: Column::Named(name.to_owned()), descending },
        });
    }
    if !has_id {
        out.push(Order::Column { column: Column::Named("id".to_owned()), descending: false });
    }
    Ok(out)
}

//! What variants have of their template, and what a template has of its variants.

use super::{Cause, Compute, Way};
use crate::{
    model::{Decimal, Value},
    storage::{
        condition::{Column, Comparison, Condition, Operand, Subquery},
        record as tables,
    },
};

/// Digits after the point of quantities.
const QUANTITY_SCALE: u8 = 6;

/// The template's name, and `[code] name`.
pub(super) static VARIANT_NAME: Compute = Compute {
    model: "product.product",
    sets: &["name", "display_name"],
    reads: &["product_tmpl_id", "default_code"],
    early: true,
    causes: &[Cause { model: "product.template", fields: &["name"], way: Way::Down("product_tmpl_id") }],
    run: |inputs| {
        let name = match inputs.reference("product_tmpl_id") {
            Some(template) => inputs.other("product.template", template, &["name"])?.pop(),
            None => None,
        };
        let Some(Value::Text(name)) = name else { return Ok(Vec::new()) };
        let code = inputs.text("default_code");
        let shown = if code.is_empty() { name.clone() } else { format!("[{code}] {name}") };
        Ok(vec![("name", Value::Text(name)), ("display_name", Value::Text(shown))])
    },
};

/// What lies in internal locations.
pub(super) static VARIANT_STOCK: Compute = Compute {
    model: "product.product",
    sets: &["qty_available"],
    reads: &[],
    early: false,
    causes: &[Cause {
        model: "stock.quant",
        fields: &["product_id", "location_id", "quantity"],
        way: Way::Up("product_id"),
    }],
    run: |inputs| {
        let Some(id) = inputs.record else { return Ok(Vec::new()) };
        let internal = Condition::Compare(
            Column::Named("usage".to_owned()),
            Comparison::Equal,
            Operand::Text("internal".to_owned()),
        );
        let locations = Subquery::Select {
            table: inputs.work.catalogue.need_model("stock.location")?.table.name.clone(),
            column: Column::Named("id".to_owned()),
            condition: internal,
        };
        let condition = Condition::All(vec![
            Condition::Compare(Column::Named("product_id".to_owned()), Comparison::Equal, Operand::Int(id)),
            Condition::Within(Column::Named("location_id".to_owned()), Box::new(locations)),
        ]);
        let table = &inputs.work.catalogue.need_model("stock.quant")?.table.name;
        let sums = tables::sums(inputs.work.tx, table, &condition, &["quantity"])?;
        let units = sums.get(1).copied().unwrap_or_default();
        Ok(vec![("qty_available", Value::Decimal(Decimal { units, scale: QUANTITY_SCALE }))])
    },
};

/// How many variants there are, and what lies of them in internal locations.
pub(super) static TEMPLATE: Compute = Compute {
    model: "product.template",
    sets: &["product_variant_count", "qty_available"],
    reads: &[],
    early: false,
    causes: &[Cause {
        model: "product.product",
        fields: &["product_tmpl_id", "qty_available"],
        way: Way::Up("product_tmpl_id"),
    }],
    run: |inputs| {
        let sums = inputs.sums("product_variant_ids", &["qty_available"])?;
        let [count, units] = sums.as_slice() else { return Ok(Vec::new()) };
        let quantity = Decimal { units: *units, scale: QUANTITY_SCALE };
        Ok(vec![("product_variant_count", Value::Integer(*count)), ("qty_available", Value::Decimal(quantity))])
    },
};

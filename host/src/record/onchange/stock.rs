//! Transfers: what follows from the order they are for, from the product, and what a move has of its transfer.

use super::{Onchange, product};
use crate::model::Value;

/// The order: where it goes, by what policy, and its number.
pub(super) static PICKING_ORDER: Onchange = Onchange {
    model: "stock.picking",
    when: &["sale_id"],
    reads: &[],
    sets: &["partner_id", "origin", "move_type", "warehouse_id", "company_id"],
    run: |inputs| {
        let Some(order) = inputs.reference("sale_id") else { return Ok(Vec::new()) };
        let fields = ["partner_shipping_id", "name", "picking_policy", "warehouse_id", "company_id"];
        let found = inputs.other("sale.order", order, &fields)?;
        Ok(["partner_id", "origin", "move_type", "warehouse_id", "company_id"].into_iter().zip(found).collect())
    },
};

/// The product: description and unit.
pub(super) static MOVE_PRODUCT: Onchange = Onchange {
    model: "stock.move",
    when: &["product_id"],
    reads: &[],
    sets: &["name", "product_uom"],
    run: |inputs| {
        let Some(chosen) = inputs.reference("product_id") else { return Ok(Vec::new()) };
        let Some(found) = product::Product::read(inputs, chosen)? else { return Ok(Vec::new()) };
        let name = Some(found.display_name).filter(|name| !name.is_empty());
        Ok(vec![("name", name.map_or(Value::Null, Value::Text)), ("product_uom", found.uom)])
    },
};

/// The transfer: from where to where, when, for whom.
pub(super) static MOVE_PICKING: Onchange = Onchange {
    model: "stock.move",
    when: &["picking_id"],
    reads: &[],
    sets: &["location_id", "location_dest_id", "date", "partner_id", "origin", "company_id"],
    run: |inputs| {
        let Some(picking) = inputs.reference("picking_id") else { return Ok(Vec::new()) };
        let fields = ["location_id", "location_dest_id", "scheduled_date", "partner_id", "origin", "company_id"];
        let found = inputs.other("stock.picking", picking, &fields)?;
        let sets = ["location_id", "location_dest_id", "date", "partner_id", "origin", "company_id"];
        Ok(sets.into_iter().zip(found).collect())
    },
};

//! Lines of sales and invoices: the same in Tryton, under two models here.

use bindery_plugin::prelude::*;

use crate::{Tryton, wire};

/// The rules of a line, with our names of its quantity and unit.
pub fn rules(r: &mut Rules<Tryton>, quantity: &'static str, unit: &'static str) {
    r.direct("/quantity", quantity);
    r.direct("/sequence", "sequence");
    r.relation("/product/id", "tryton.variant").set("product_id");
    r.lookup("/unit/name", "uom.uom", "name").set(unit).or_create();
    wire::decimal_rule(r, "/unit_price", "price_unit");
    r.compute("name", ["/description", "/product/name"], ["name"], |src| {
        let described = src.text("/description")?.option().filter(|text| !text.is_empty());
        set("name", described.map_or_else(|| src.text("/product/name").map(Maybe::option), |text| Ok(Some(text)))?)
    });
    r.compute("display_type", ["/type"], ["display_type"], |src| match src.text("/type")?.or_default().as_str() {
        "title" | "subtotal" => set("display_type", "line_section"),
        "comment" => set("display_type", "line_note"),
        _ => Ok(Values::new()),
    });
}

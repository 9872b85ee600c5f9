//! Lines of sales and invoices: the same in Tryton, under two models here.

use bindery_plugin::prelude::*;

use super::rule;
use crate::Tryton;

/// What a line's fields are called here.
pub struct Names {
    pub quantity: &'static str,
    pub unit: &'static str,
    pub taxes: &'static str,
    /// How our model marks a line that is neither a heading nor a note.
    pub plain: Option<&'static str>,
}

/// The rules of a line.
pub fn rules(r: &mut Rules<Tryton>, names: &'static Names) {
    r.compute("sequence", ["/sequence"], ["sequence"], |src| set("sequence", src.integer("/sequence")?.or(10)));
    r.relation("/taxes", "tryton.tax").set(names.taxes);
    rule::quantity(r, "/quantity", names.quantity);
    rule::bound(r, "/product", "product_id", "tryton.variant");
    rule::bound(r, "/unit", names.unit, "tryton.uom");
    rule::decimal(r, "/unit_price", "price_unit");
    rule::decimal(r, "/amount", "amount");
    r.compute("name", ["/description", "/product"], ["name"], |src| {
        let described = src.text("/description")?.option().filter(|text| !text.is_empty());
        set("name", described.map_or_else(|| src.text("/product/name").map(Maybe::option), |text| Ok(Some(text)))?)
    });
    r.compute("display_type", ["/type"], ["display_type"], |src| match src.text("/type")?.or_default().as_str() {
        "title" | "subtotal" => set("display_type", "line_section"),
        "comment" => set("display_type", "line_note"),
        _ => set("display_type", names.plain),
    });
}

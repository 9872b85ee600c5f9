//! Categories, templates and variants. Codes and costs stand on variants in Tryton; a template with one takes them over.

use bindery_plugin::prelude::*;

use super::rule;
use crate::{Tryton, wire};

/// A product category.
pub struct Category;

impl ImportMapper<Tryton> for Category {
    fn rules(r: &mut Rules<Tryton>) {
        r.direct("/name", "name");
        rule::bound(r, "/parent", "parent_id", "tryton.category");
    }
}

/// A product template.
pub struct Template;

impl ImportMapper<Tryton> for Template {
    fn rules(r: &mut Rules<Tryton>) {
        r.direct("/name", "name");
        rule::bound(r, "/default_uom", "uom_id", "tryton.uom");
        rule::truth(r, "/active", "active");
        rule::truth(r, "/salable", "sale_ok");
        rule::decimal(r, "/list_price", "list_price");
        rule::decimal(r, "/cost_price", "standard_price");
        for (pointer, field) in [("/customer_taxes_used", "taxes_id"), ("/supplier_taxes_used", "supplier_taxes_id")] {
            rule::inner_bounds(r, "/account_category", pointer, field, "tryton.tax");
        }
        r.compute("type", ["/type", "/consumable"], ["type"], |src| {
            let kind = src.text("/type")?.or_default();
            let consumable = wire::truth(src, "/consumable")?.or_default();
            set(
                "type",
                if kind == "service" {
                    "service"
                } else if consumable {
                    "consu"
                } else {
                    "product"
                },
            )
        });
        r.compute("code", ["/code", "/products"], ["default_code", "barcode", "description"], |src| {
            let variants = src.items("/products")?;
            let [only] = variants.as_slice() else {
                let none = None::<String>;
                return Ok(set("default_code", src.text("/code")?.option())?
                    .set("barcode", none.clone())
                    .set("description", none));
            };
            let values = set("default_code", only.text("/code")?.option())?;
            Ok(values.set("barcode", barcode(only)?).set("description", only.text("/description")?.option()))
        });
        r.compute("category", ["/categories"], ["categ_id"], |src| {
            match src.parse_at::<Vec<u64>>("/categories")?.or_default().first() {
                Some(id) => Ok(Values::new().set_bound("categ_id", "tryton.category", &id.to_string())),
                None => set("categ_id", None::<i64>),
            }
        });
        r.children("/products", "/id", "product_variant_ids", "tryton.variant", Variant);
    }
}

/// A variant: a line of its template, or on its own where a line elsewhere names one that is not here yet.
pub struct Variant;

impl ImportMapper<Tryton> for Variant {
    fn rules(r: &mut Rules<Tryton>) {
        rule::text(r, "/code", "default_code");
        // Our variants share the description of their template.
        rule::text(r, "/description", "variant_description");
        rule::bound(r, "/template", "product_tmpl_id", "tryton.product");
        rule::truth(r, "/active", "active");
        rule::decimal(r, "/list_price_used", "lst_price");
        rule::decimal(r, "/cost_price", "standard_price");
        r.compute("barcode", ["/identifiers"], ["barcode"], |src| set("barcode", barcode(src)?));
    }
}

/// The number under a bar code, or else the first number of another type.
fn barcode(variant: &Source) -> Result<Option<String>> {
    let mut first = None;
    for identifier in variant.items("/identifiers")? {
        let code = identifier.text("/code")?.option();
        if matches!(identifier.text("/type")?.or_default().as_str(), "ean" | "isbn" | "upc") {
            return Ok(code);
        }
        first = first.or(code);
    }
    Ok(first)
}

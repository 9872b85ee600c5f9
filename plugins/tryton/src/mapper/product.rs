//! Categories, templates and variants. Codes and costs stand on variants in Tryton; a template with one takes them over.

use bindery_plugin::prelude::*;

use crate::{Tryton, wire};

/// A product category.
pub struct Category;

impl ImportMapper<Tryton> for Category {
    fn rules(r: &mut Rules<Tryton>) {
        r.direct("/name", "name");
        r.relation("/parent", "tryton.category").set("parent_id");
    }
}

/// A product template.
pub struct Template;

impl ImportMapper<Tryton> for Template {
    fn rules(r: &mut Rules<Tryton>) {
        r.direct("/name", "name");
        r.lookup("/default_uom/name", "uom.uom", "name").set("uom_id").or_create();
        wire::truth_rule(r, "/active", "active");
        wire::truth_rule(r, "/salable", "sale_ok");
        wire::decimal_rule(r, "/list_price", "list_price");
        wire::decimal_rule(r, "/cost_price", "standard_price");
        r.compute("type", ["/type"], ["type"], |src| {
            set("type", if src.text("/type")?.option().as_deref() == Some("service") { "service" } else { "product" })
        });
        r.compute("code", ["/code", "/products"], ["default_code", "barcode", "description"], |src| {
            let variants = src.items("/products")?;
            let [only] = variants.as_slice() else { return set("default_code", src.text("/code")?.option()) };
            let values = set("default_code", only.text("/code")?.option())?;
            Ok(values.set("barcode", barcode(only)?).set("description", only.text("/description")?.option()))
        });
        r.compute("category", ["/categories"], ["categ_id"], |src| match src.items("/categories")?.first() {
            Some(category) => {
                let id = category.id("/id")?.required("/categories/0/id")?;
                Ok(Values::new().set_bound("categ_id", "tryton.category", &id))
            }
            None => set("categ_id", None::<i64>),
        });
        r.children("/products", "/id", "product_variant_ids", "tryton.variant", Variant);
    }
}

/// A variant: a line of its template, or on its own where a line elsewhere names one that is not here yet.
pub struct Variant;

impl ImportMapper<Tryton> for Variant {
    fn rules(r: &mut Rules<Tryton>) {
        r.direct("/code", "default_code");
        r.direct("/description", "description");
        r.relation("/template/id", "tryton.product").set("product_tmpl_id");
        wire::truth_rule(r, "/active", "active");
        wire::decimal_rule(r, "/list_price_used", "lst_price");
        wire::decimal_rule(r, "/cost_price", "standard_price");
        r.compute("barcode", ["/identifiers"], ["barcode"], |src| set("barcode", barcode(src)?));
    }
}

fn barcode(variant: &Source) -> Result<Option<String>> {
    match variant.items("/identifiers")?.first() {
        Some(identifier) => Ok(identifier.text("/code")?.option()),
        None => Ok(None),
    }
}

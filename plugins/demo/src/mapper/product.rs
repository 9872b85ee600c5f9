//! The catalogue: categories, taxes, products with their variants.

use bindery_plugin::prelude::*;

use crate::Demo;

/// `/categories`, a tree.
pub struct CategoryImport;

impl ImportMapper<Demo> for CategoryImport {
    fn rules(r: &mut Rules<Demo>) {
        r.direct("/name", "name");
        r.relation("/parent_id", "demo.category").set("parent_id");
    }
}

/// Our categories as the shop wants them.
pub struct CategoryExport;

impl ExportMapper<Demo> for CategoryExport {
    fn rules(r: &mut ExportRules<Demo>) {
        r.direct("name", "/name");
        r.relation("parent_id", "demo.category", "/parent_id").numeric();
    }
}

/// `/taxes`, all of them percentages.
pub struct TaxImport;

impl ImportMapper<Demo> for TaxImport {
    fn rules(r: &mut Rules<Demo>) {
        r.direct("/name", "name");
        r.direct("/rate", "amount");
        r.direct("/included", "price_include");
        r.set("amount_type", "percent").only_create();
        r.set("type_tax_use", "sale").only_create();
    }
}

/// `/products`.
pub struct ProductImport;

impl ImportMapper<Demo> for ProductImport {
    fn rules(r: &mut Rules<Demo>) {
        r.direct("/title", "name");
        r.direct("/sku", "default_code");
        r.direct("/barcode", "barcode");
        r.direct("/description", "description");
        r.direct("/price", "list_price");
        r.direct("/cost", "standard_price");
        r.direct("/weight", "weight");
        r.direct("/volume", "volume");
        r.direct("/active", "active");
        r.direct("/image", "image_1920");
        r.direct("/sku", "external_sku");
        r.direct("/price", "external_price");
        r.set("type", "product").only_create();
        r.lookup("/currency", "res.currency", "name").set("currency_id").or_create();
        r.lookup("/unit", "uom.uom", "name").set("uom_id").or_create();
        r.relation("/category_id", "demo.category").set("categ_id");
        r.relation("/tax_ids", "demo.tax").set("taxes_id");
        r.children("/variants", "/id", "product_variant_ids", "demo.variant", VariantImport);
    }
}

/// The variants of a product.
struct VariantImport;

impl ImportMapper<Demo> for VariantImport {
    fn rules(r: &mut Rules<Demo>) {
        r.direct("/sku", "default_code");
        r.direct("/barcode", "barcode");
        r.direct("/price", "lst_price");
        r.compute("combination", ["/options"], ["combination_indices"], |variant| {
            let options = variant.parse_at::<std::collections::BTreeMap<String, String>>("/options")?;
            set(
                "combination_indices",
                options.map(|options| {
                    options.iter().map(|(name, value)| format!("{name}: {value}")).collect::<Vec<_>>().join(", ")
                }),
            )
        });
    }
}

/// Our products as the shop wants them.
pub struct ProductExport;

impl ExportMapper<Demo> for ProductExport {
    fn rules(r: &mut ExportRules<Demo>) {
        r.direct("name", "/title");
        r.direct("default_code", "/sku");
        r.direct("barcode", "/barcode");
        r.direct("description", "/description");
        r.direct("list_price", "/price").with(|price| Ok(price.decimal("")?.or_default().round(2)));
        r.direct("standard_price", "/cost").with(|cost| Ok(cost.decimal("")?.or_default().round(2)));
        r.direct("weight", "/weight").with(|weight| weight.decimal("").map(Maybe::or_default));
        r.direct("active", "/active");
        r.relation("categ_id", "demo.category", "/category_id").numeric();
        r.relation("taxes_id", "demo.tax", "/tax_ids").numeric();
    }
}

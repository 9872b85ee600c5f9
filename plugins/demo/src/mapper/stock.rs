//! Stock by warehouse. The shop knows no locations: each warehouse is one.

use bindery_plugin::prelude::*;

use crate::Demo;

/// `/warehouses` as the locations that stock lies in.
pub struct LocationImport;

impl ImportMapper<Demo> for LocationImport {
    fn rules(r: &mut Rules<Demo>) {
        r.direct("/code", "name").with(|code| Ok(format!("{}/Stock", code.text("")?.or_default())));
        r.set("usage", "internal").only_create();
    }
}

/// `/warehouses`.
pub struct WarehouseImport;

impl ImportMapper<Demo> for WarehouseImport {
    fn rules(r: &mut Rules<Demo>) {
        r.direct("/name", "name");
        r.direct("/code", "code");
        r.relation("/id", "demo.location").set("lot_stock_id");
    }
}

/// `/stock`: what lies where.
pub struct StockImport;

impl ImportMapper<Demo> for StockImport {
    fn rules(r: &mut Rules<Demo>) {
        r.direct("/quantity", "quantity");
        r.direct("/reserved", "reserved_quantity");
        r.relation("/variant_id", "demo.variant").set("product_id");
        r.relation("/warehouse_id", "demo.location").set("location_id");
    }
}

/// What we have, for the shop.
pub struct StockExport;

impl ExportMapper<Demo> for StockExport {
    fn rules(r: &mut ExportRules<Demo>) {
        r.direct("quantity", "/quantity").with(|quantity| Ok(quantity.decimal("")?.or_default().round(0)));
    }
}

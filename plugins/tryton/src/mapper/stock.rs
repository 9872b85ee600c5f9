//! Warehouses, locations, and the quantity of each product at each storage location.

use bindery_plugin::prelude::*;

use super::rule;
use crate::Tryton;

/// A warehouse: in Tryton a location of that type.
pub struct Warehouse;

impl ImportMapper<Tryton> for Warehouse {
    fn rules(r: &mut Rules<Tryton>) {
        r.direct("/name", "name");
        rule::text(r, "/code", "code");
        rule::truth(r, "/active", "active");
    }
}

/// Any other location.
pub struct Location;

impl ImportMapper<Tryton> for Location {
    fn rules(r: &mut Rules<Tryton>) {
        r.direct("/name", "name");
        rule::text(r, "/code", "location_code");
        rule::truth(r, "/active", "active");
        r.compute("parent", ["/parent"], ["location_id", "warehouse_id"], |src| {
            let none = set("location_id", None::<i64>)?.set("warehouse_id", None::<i64>);
            let Maybe::Value(id) = src.id("/parent/id")? else { return Ok(none) };
            Ok(match src.text("/parent/type")?.or_default().as_str() {
                "warehouse" => none.set_bound("warehouse_id", "tryton.warehouse", &id),
                _ => none.set_bound("location_id", "tryton.location", &id),
            })
        });
        r.compute("usage", ["/type"], ["usage"], |src| {
            set(
                "usage",
                match src.text("/type")?.required("/type")?.as_str() {
                    "storage" => "internal",
                    "supplier" => "supplier",
                    "customer" => "customer",
                    "lost_found" => "inventory",
                    "production" => "production",
                    "drop" => "transit",
                    _ => "view",
                },
            )
        });
    }
}

/// How many of a product lie at a location.
pub struct Quantity;

impl ImportMapper<Tryton> for Quantity {
    fn rules(r: &mut Rules<Tryton>) {
        rule::quantity(r, "/quantity", "quantity");
        r.relation("/product", "tryton.variant").set("product_id");
        r.relation("/location", "tryton.location").set("location_id");
    }
}

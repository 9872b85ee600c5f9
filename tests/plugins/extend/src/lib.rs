//! An extension of the demo connector: one rule that follows another, two that stand in place of one, and one that comes
//! last. What each sets tells a test that it ran, on what, and when.
#![forbid(unsafe_code)]

use bindery_plugin::prelude::*;

/// The extension.
pub struct Extend;

impl Extension for Extend {
    const ID: &'static str = "extend";
    type Settings = NoSettings;

    fn rules(e: &mut Extending<Self>) {
        e.component("demo", ">=0.1, <1", "demo.product.import.mapper")
            .after("name", "marked_name", [], ["name"], async |_, values, _| {
                set("name", format!("{} (marked)", values.text("/name")?.or_default()))
            })
            .instead("weight", "grams", ["/weight"], ["weight"], async |_, values, _| {
                // What the rule itself would have set is not there any more.
                set("weight", if values.raw("/weight")?.is_some() { 1 } else { 7 })
            })
            .instead("type", "service", [], ["type"], async |_, _, _| set("type", "service"))
            .last("described", ["/sku"], ["description"], async |item, values, _| {
                let (sku, name) = (item.text("/sku")?.or_default(), values.text("/name")?.or_default());
                set("description", format!("{sku} is {name}"))
            });
        e.component("demo", ">=0.1, <1", "demo.customer.export.mapper")
            .after("/name", "sent_ref", ["/ref"], ["/ref"], async |partner, _, _| {
                set("/ref", partner.text("/ref")?.option())
            })
            .instead("/phone", "sent_phone", ["/phone"], ["/phone"], async |partner, body, _| {
                // What the rule itself would have set is not there any more.
                let kept = if body.raw("/phone")?.is_some() { "kept" } else { "extended" };
                set("/phone", format!("{kept} {}", partner.text("/phone")?.or_default()))
            });
    }
}

export_connector!(Extend);

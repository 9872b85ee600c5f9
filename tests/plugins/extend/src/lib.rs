//! An extension of the demo connector: one rule that follows another, two that stand in place of one, and one that comes
//! last. What each sets tells a test that it ran, on what, and when.
#![forbid(unsafe_code)]

use bindery_plugin::prelude::*;
use schemars::JsonSchema;
use serde::Deserialize;

/// The extension.
pub struct Extend;

/// What an operator sets for it.
#[derive(Deserialize, JsonSchema)]
pub struct Settings {
    /// Stands behind names.
    #[serde(default = "marked")]
    mark: String,
    /// Its length stands behind descriptions.
    stamp: Option<Secret>,
}

fn marked() -> String {
    "marked".to_owned()
}

impl Extension for Extend {
    const ID: &'static str = "extend";
    type Settings = Settings;

    fn rules(e: &mut Extending<Self>) {
        e.component("demo", ">=0.1, <1", "demo.product.import.mapper")
            .after("name", "marked_name", [], ["name"], async |_, values, cx| {
                set("name", format!("{} ({})", values.text("/name")?.or_default(), cx.settings().mark))
            })
            .instead("weight", "grams", ["/weight"], ["weight"], async |_, values, _| {
                // What the rule itself would have set is not there any more.
                set("weight", if values.raw("/weight")?.is_some() { 1 } else { 7 })
            })
            .instead("type", "service", [], ["type"], async |_, _, _| set("type", "service"))
            .last("described", ["/sku"], ["description"], async |item, values, cx| {
                let (sku, name) = (item.text("/sku")?.or_default(), values.text("/name")?.or_default());
                let stamp = cx.settings().stamp.as_ref().filter(|stamp| !stamp.is_empty());
                let stamped = stamp.map(|stamp| format!(", stamped with {} letters", stamp.expose().len()));
                let stamped = stamped.unwrap_or_default();
                set("description", format!("{sku} is {name}{stamped}"))
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

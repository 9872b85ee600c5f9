//! The test kit: mappers and adapters against recorded or scripted HTTP, without a host.
//!
//! ```
//! use bindery_plugin::{prelude::*, testing::Harness};
//! use serde_json::json;
//! # #[derive(Deserialize, JsonSchema)]
//! # struct Settings { #[schemars(extend("host" = true))] api_url: String }
//! # struct Acme;
//! # impl Connector for Acme { const ID: &'static str = "acme"; type Settings = Settings;
//! #   fn components(c: &mut Components<Self>) { c.adapter("acme.adapter", Shop); c.kind("acme.product", "product.template").import(Products); }
//! #   async fn test_connection(&self, _: Context<Self>) -> Result<Report> { Ok(Report::connected("Acme")) } }
//! # struct Products; impl ImportMapper<Acme> for Products { fn rules(r: &mut Rules<Acme>) { r.direct("/title", "name"); } }
//! # struct Shop; impl Adapter<Acme> for Shop {
//! #   async fn list(&self, cx: Context<Acme>, _: Kind, _: ListQuery) -> Result<Page> { cx.get("/products").page("/items", "/id").await } }
//!
//! let acme = Harness::open(Acme, json!({"api_url": "https://shop.example"}))?;
//! acme.respond("GET", "/products", 200, json!({"items": [{"id": 7, "title": "Lamp"}]}));
//!
//! let page = acme.list("acme.product", ListQuery::default())?;
//! assert_eq!(page.items[0].id, "7");
//! let mapped = acme.create("acme.product", &page.items[0].json)?;
//! assert_eq!(mapped.values, json!({"name": "Lamp"}));
//! # Ok::<_, Error>(())
//! ```

mod block;
mod fake;
mod harness;
mod job;

pub use bindery_contract::manifest::Manifest;
pub use fake::Sent;
pub use harness::{Harness, Item, Line, Listed, Mapped};
pub use job::Trapped;

use crate::{
    Connector, boundary,
    error::{Error, Result},
};

/// Checks everything that a host checks when it loads the connector, and answers with its manifest.
///
/// Besides that it asks what good practice asks: every custom operation and every action says in a line what it does.
///
/// ```
/// # use bindery_plugin::prelude::*;
/// # struct Acme;
/// # impl Connector for Acme { const ID: &'static str = "acme"; type Settings = NoSettings;
/// #   fn components(_: &mut Components<Self>) {}
/// #   async fn test_connection(&self, _: Context<Self>) -> Result<Report> { Ok(Report::connected("Acme")) } }
/// let manifest = bindery_plugin::testing::check_manifest::<Acme>()?;
/// assert_eq!(manifest.id, "acme");
/// # Ok::<_, Error>(())
/// ```
pub fn check_manifest<C: Connector>() -> Result<Manifest> {
    let manifest = boundary::manifest::<C>("0.0.0", "")?;
    let silent: Vec<_> =
        manifest.actions.iter().filter(|a| a.description.trim().is_empty()).map(|a| &*a.name).collect();
    if silent.is_empty() {
        Ok(manifest)
    } else {
        Err(Error::failed(format!("these do not say what they do: {}", silent.join(", "))))
    }
}

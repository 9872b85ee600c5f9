//! Write connectors for [Bindery](https://github.com/bindery/bindery): no FFI, no runtime, no HTTP library, no database.
//!
//! A connector says what it consists of, and the host does the rest: storage, queue, paging, comparing, retrying,
//! rate limits, secrets. This is a complete one:
//!
//! ```
//! //! Acme Shop: products and orders of an Acme web shop.
//! use bindery_plugin::prelude::*;
//!
//! /// Drawn as the backend's form, asked by the command line, documented, validated.
//! #[derive(Deserialize, JsonSchema)]
//! struct Settings {
//!     /// Address of the shop's API.
//!     #[schemars(extend("group" = "API Configuration", "host" = true))]   // becomes an allowed host
//!     api_url: String,
//!     #[schemars(extend("group" = "API Configuration"))]
//!     api_key: Secret,                                                    // the type alone makes it a secret
//!     /// Records asked for at a time.
//!     #[schemars(extend("page" = "Synchronization"), range(min = 1, max = 250))]
//!     #[serde(default = "hundred")]
//!     page_size: u32,
//! }
//!
//! fn hundred() -> u32 {
//!     100
//! }
//!
//! struct Acme;
//!
//! impl Connector for Acme {
//!     const ID: &'static str = "acme";
//!     type Settings = Settings;
//!
//!     fn components(c: &mut Components<Self>) {
//!         c.adapter("acme.adapter", ShopAdapter);                         // usage backend.adapter, every kind
//!         c.kind("acme.product", "product.template")
//!             .field("external_price", field::decimal(4)).read_only()
//!             .field("external_sku", field::text()).read_only()
//!             .unique("acme_sku", ["backend", "external_sku"], "Two products of one shop can't share a SKU")
//!             .matched_by("default_code")                                 // first sync of an existing catalogue
//!             .import(ProductImport);
//!         c.kind("acme.customer", "res.partner").matched_by("email").import(CustomerImport);
//!         c.kind("acme.order", "sale.order").depends_on("partner_id", "acme.customer").import(OrderImport);
//!         c.kind("acme.order_line", "sale.order.line");
//!         c.webhook(Scheme::hmac_sha256("X-Acme-Signature")).import("order.created", "acme.order", "/order/id");
//!     }
//!
//!     async fn test_connection(&self, cx: Context<Self>) -> Result<Report> {
//!         let shop = cx.get("/shop").await?.source()?;
//!         Ok(Report::connected(shop.text("/name")?.or_default()))
//!     }
//!
//!     async fn sync_inventory(&self, _: Context<Self>, _: SyncRequest) -> Result<SyncAnswer> {
//!         Ok(SyncAnswer::NotSupported)                                    // the other steps run the pipeline
//!     }
//! }
//!
//! struct ShopAdapter;
//!
//! /// Where the records of a kind are.
//! fn path(kind: &Kind) -> Result<&'static str> {
//!     match kind.as_str() {
//!         "acme.product" => Ok("/products"),
//!         "acme.customer" => Ok("/customers"),
//!         "acme.order" => Ok("/orders"),
//!         _ => Err(kind.unsupported("reading it")),
//!     }
//! }
//!
//! impl Adapter<Acme> for ShopAdapter {
//!     fn api_headers(&self, cx: &Context<Acme>, parent: Headers) -> Headers {
//!         parent.bearer(&cx.settings().api_key).set("X-API-Version", "2.0")
//!     }
//!
//!     async fn list(&self, cx: Context<Acme>, kind: Kind, query: ListQuery) -> Result<Page> {
//!         cx.get(path(&kind)?)
//!             .query("updated_min", query.since)
//!             .query("cursor", query.cursor)
//!             .query("limit", cx.settings().page_size)
//!             .page("/items", "/id").updated("/updated_at").next("/next").await   // the body stays in the host
//!     }
//!
//!     async fn read(&self, cx: Context<Acme>, kind: Kind, id: String) -> Result<External> {
//!         cx.get(format!("{}/{}", path(&kind)?, encode_segment(&id))).external("/id").await
//!     }
//! }
//!
//! struct ProductImport;
//!
//! impl ImportMapper<Acme> for ProductImport {
//!     fn rules(r: &mut Rules<Acme>) {
//!         r.direct("/title", "name");
//!         r.direct("/sku", "default_code");
//!         r.direct("/sku", "external_sku");                               // a field of the binding
//!         r.direct("/price", "list_price");                               // exact: numbers keep their digits
//!         r.direct("/price", "external_price");
//!         r.set("type", "consu").only_create();
//!         r.lookup("/category_name", "product.category", "name").set("categ_id");
//!         r.compute("weight", ["/grams"], ["weight"], |src| {
//!             set("weight", src.decimal("/grams")?.map(|grams| grams.shift(-3)))
//!         });
//!     }
//! }
//!
//! struct CustomerImport;
//!
//! impl ImportMapper<Acme> for CustomerImport {
//!     fn rules(r: &mut Rules<Acme>) {
//!         r.direct("/name", "name");
//!         r.direct("/email", "email");
//!     }
//! }
//!
//! struct OrderImport;
//!
//! impl ImportMapper<Acme> for OrderImport {
//!     fn rules(r: &mut Rules<Acme>) {
//!         r.direct("/number", "name");
//!         r.relation("/customer_id", "acme.customer").set("partner_id");
//!         r.children("/lines", "/id", "order_line", "acme.order_line", LineImport);
//!     }
//! }
//!
//! struct LineImport;
//!
//! impl ImportMapper<Acme> for LineImport {
//!     fn rules(r: &mut Rules<Acme>) {
//!         r.direct("/title", "name");
//!         r.direct("/quantity", "product_uom_qty");
//!     }
//! }
//!
//! export_connector!(Acme);
//! # fn main() { bindery_plugin::testing::check_manifest::<Acme>().unwrap(); }
//! ```
//!
//! The crate of a connector is a `cdylib` (and an `rlib`, for its tests) with direct dependencies on `bindery-plugin`,
//! `serde` and `schemars`. The feature `testing` brings the test kit (`testing`): mappers and adapters without a host.
#![warn(missing_docs)]

mod adapter;
mod binder;
#[doc(hidden)]
pub mod boundary;
pub mod component;
mod connector;
mod context;
mod error;
mod extension;
mod host;
mod http;
mod importer;
mod json;
mod mapper;
mod service;
mod settings;
#[cfg(any(feature = "testing", test))]
pub mod testing;

pub use adapter::{Adapter, ChangedRecord, External, Kind, ListQuery, NewRecord, Offset, Page};
pub use binder::{Binder, BoundBinder};
pub use bindery_contract::manifest::{Direction, RecordOp, Step};
pub use component::{Components, Event, Reaction, RecordEvent, Scheme, field};
pub use connector::{Connector, Report, StoredState, SyncAnswer, SyncRequest};
pub use context::Context;
pub use error::{Error, ErrorClass, Result};
pub use extension::{Extended, Extending, Extension};
pub use http::{Basic, Headers, KeptPage, KeptRecord, Outcomes, QueryValue, Request, Response, encode_segment};
pub use importer::{Batch, ExportHooks, Exporter, ImportHooks, Importer, Ref, SyncHooks, Written, reference};
pub use json::{Decimal, Json};
pub use mapper::{ExportMapper, ExportMarks, ExportRules, ImportMapper, Marks, Maybe, Rules, Source, Values, set};
pub use service::{Binding, Bindings, Cursor, Delayed, Enqueued, Record, Records, State, Task};
pub use settings::{NoSettings, Secret};
pub use {schemars, serde, serde_json, tracing};

/// Base64 of bytes, as binary fields want them.
///
/// ```
/// assert_eq!(bindery_plugin::encode_base64(b"png"), "cG5n");
/// ```
pub fn encode_base64(bytes: &[u8]) -> String {
    use base64::Engine;
    base64::engine::general_purpose::STANDARD.encode(bytes)
}

/// Everything that a connector usually names.
pub mod prelude {
    pub use crate::{
        Adapter, Basic, Batch, Binder, Binding, ChangedRecord, Components, Connector, Context, Decimal, Direction,
        Error, ErrorClass, Event, ExportHooks, ExportMapper, ExportRules, Exporter, Extending, Extension, External,
        Headers, ImportHooks, ImportMapper, Importer, Json, Kind, ListQuery, Maybe, NewRecord, NoSettings, Page,
        QueryValue, Reaction, Record, RecordEvent, Report, Result, Rules, Scheme, Secret, Source, Step, StoredState,
        SyncAnswer, SyncRequest, Task, Values, encode_base64, encode_segment, export_connector, field, reference, set,
    };
    pub use schemars::JsonSchema;
    pub use serde::{Deserialize, Serialize};
    pub use tracing::{debug, error, info, trace, warn};
}

/// Makes the plugin's file of a [`Connector`], or of an [`Extension`]. Once per crate.
///
/// The connector is named by its type; one that is not a unit struct is followed by how it is made:
/// `export_connector!(Acme, Acme::new())`.
///
/// ```
/// # use bindery_plugin::prelude::*;
/// # struct Acme;
/// # impl Connector for Acme { const ID: &'static str = "acme"; type Settings = NoSettings;
/// #   fn components(_: &mut Components<Self>) {}
/// #   async fn test_connection(&self, _: Context<Self>) -> Result<Report> { Ok(Report::connected("Acme")) } }
/// export_connector!(Acme);
/// # fn main() {}
/// ```
#[macro_export]
macro_rules! export_connector {
    ($connector:ident) => {
        $crate::export_connector!($connector, $connector);
    };
    ($connector:ty, $make:expr) => {
        const _: () = {
            struct Exported;

            impl $crate::boundary::Plugin for Exported {
                type Connector = $connector;
                const VERSION: &'static str = env!("CARGO_PKG_VERSION");
                const DESCRIPTION: &'static str = env!("CARGO_PKG_DESCRIPTION");

                fn make() -> $connector {
                    $make
                }
            }

            extern "C" fn constructor() -> $crate::boundary::RootModuleResult {
                $crate::boundary::root::<Exported>()
            }

            // The name is that of `bindery_abi::ROOT_SYMBOL`, which a test of that crate holds to what hosts look for.
            // SAFETY: no other symbol has this name: a library exports one connector.
            #[unsafe(export_name = "_1as_0lib_1header_0root_bmodule_bloader")]
            static HEADER: $crate::boundary::LibHeader = unsafe { $crate::boundary::header(constructor) };
        };
    };
}

/// The connector of the repository's README compiles.
#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
struct Readme;

//! Demo Shop: the whole catalogue, customers, orders, stock and invoices of the demo shop.
//!
//! A model to write connectors from: what there is (here), how to reach it (`adapter`), what becomes what (`mapper`).
#![forbid(unsafe_code)]

mod adapter;
mod mapper;

use adapter::ShopAdapter;
use bindery_plugin::prelude::*;
use mapper::{
    CategoryExport, CategoryImport, CustomerExport, CustomerImport, InvoiceImport, LocationImport, NeedsProducts,
    OrderImport, OrderImporter, PaymentImport, ProductExport, ProductImport, StockExport, StockImport, TaxImport,
    WarehouseImport,
};

/// Drawn as the backend's form, asked by the command line, documented, validated.
#[derive(Deserialize, JsonSchema)]
pub struct Settings {
    /// Address of the shop's API.
    #[schemars(extend("group" = "API Configuration", "host" = true))]
    pub api_url: String,
    /// Token of an API user of the shop.
    #[schemars(extend("group" = "API Configuration"))]
    pub api_token: Secret,
    /// Records asked for at a time.
    #[schemars(extend("page" = "Synchronization"), range(min = 1, max = 250))]
    #[serde(default = "page_size")]
    pub page_size: u32,
    /// Import orders that the customer has not confirmed yet.
    #[schemars(extend("page" = "Synchronization"))]
    #[serde(default = "draft_orders")]
    pub draft_orders: bool,
}

const fn page_size() -> u32 {
    100
}

const fn draft_orders() -> bool {
    true
}

/// The connector.
pub struct Demo;

impl Connector for Demo {
    const ID: &'static str = "demo";
    type Settings = Settings;

    fn components(c: &mut Components<Self>) {
        c.adapter("demo.adapter", ShopAdapter);
        catalogue(c);
        c.kind("demo.customer", "res.partner")
            .matched_by("email")
            .matched_among(r#"[["parent_id", "=", false]]"#)
            .import(CustomerImport)
            .export(CustomerExport)
            .idempotent_create()
            .batch(100);
        c.kind("demo.address", "res.partner");
        sales(c);
        stock(c);
        c.webhook(Scheme::hmac_sha256("X-Demo-Signature")).import("order.created", "demo.order", "/order/id").import(
            "product.updated",
            "demo.product",
            "/product/id",
        );
        c.action("action_shop_info", "Shop information", async |cx, _: NoSettings| {
            cx.get("/shop").await?.json::<Json>()
        })
        .description("Shows what the shop says about itself.");
    }

    async fn test_connection(&self, cx: Context<Self>) -> Result<Report> {
        let shop = cx.get("/shop").await?.source()?;
        Ok(Report::connected(shop.text("/name")?.or_default())
            .detail("version", shop.text("/version")?.or_default())
            .detail("currency", shop.text("/currency")?.or_default()))
    }
}

fn catalogue(c: &mut Components<Demo>) {
    c.kind("demo.category", "product.category")
        .matched_by("name")
        .import(CategoryImport)
        .export(CategoryExport)
        .idempotent_create();
    // A short list that has no dates worth asking by: read whole each time, so that what is gone there is noticed.
    c.kind("demo.tax", "account.tax").step(Step::Products).full_scan().matched_by("name").import(TaxImport);
    c.kind("demo.product", "product.template")
        .field("external_sku", field::text())
        .read_only()
        .field("external_price", field::decimal(4))
        .read_only()
        .unique("demo_sku", ["backend", "external_sku"], "Two products of one shop can't share a SKU")
        .matched_by("default_code")
        .depends_on("categ_id", "demo.category")
        .depends_on("taxes_id", "demo.tax")
        .import(ProductImport)
        .export(ProductExport)
        .idempotent_create()
        .batch(100);
    c.kind("demo.variant", "product.product");
}

fn sales(c: &mut Components<Demo>) {
    c.kind("demo.order", "sale.order")
        .depends_on("partner_id", "demo.customer")
        .import(OrderImport)
        .importer(OrderImporter);
    c.kind("demo.order_line", "sale.order.line");
    c.kind("demo.invoice", "account.move")
        .step(Step::Orders)
        .depends_on("partner_id", "demo.customer")
        .import(InvoiceImport)
        .importer(NeedsProducts);
    c.kind("demo.invoice_line", "account.move.line");
    c.kind("demo.payment", "account.payment")
        .step(Step::Orders)
        .depends_on("partner_id", "demo.customer")
        .import(PaymentImport);
}

fn stock(c: &mut Components<Demo>) {
    c.kind("demo.location", "stock.location").step(Step::Inventory).direction(Direction::Import).import(LocationImport);
    c.kind("demo.warehouse", "stock.warehouse")
        .step(Step::Inventory)
        .direction(Direction::Import)
        .matched_by("code")
        .depends_on("lot_stock_id", "demo.location")
        .import(WarehouseImport);
    c.kind("demo.stock", "stock.quant")
        .direction(Direction::Both)
        .depends_on("location_id", "demo.location")
        .import(StockImport)
        .importer(NeedsProducts)
        .export(StockExport);
}

export_connector!(Demo);

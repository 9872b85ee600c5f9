//! Tryton, through its REST interface: products and variants, parties, stock by location, sales and invoices come in.
//!
//! Tested against Tryton 8.2. It needs an application key with access to REST, validated by its user.

use bindery_plugin::prelude::*;

mod adapter;
mod mapper;
mod wire;

use adapter::{TrytonAdapter, explained};
use mapper::{export, invoice, party, product, reference, sale, stock};

/// How to reach a Tryton database.
#[derive(Deserialize, JsonSchema)]
pub struct Settings {
    /// Address of the database: `https://erp.example.com/DATABASE`.
    #[schemars(extend("group" = "API Configuration", "host" = true))]
    #[expect(dead_code, reason = "the adapter's base address is the setting that names the host")]
    api_url: String,
    /// The application key, as `user application` in Tryton shows it once validated.
    #[schemars(extend("group" = "API Configuration"))]
    api_key: Secret,
    /// Number of the company whose prices and stock are read. Without one, Tryton answers them empty.
    #[schemars(extend("group" = "API Configuration", "mapping" = true), range(min = 1))]
    #[serde(default = "first")]
    company: u32,
    /// Language of names and descriptions, as Tryton codes it (`fr`, `pt_BR`); empty: that of the database.
    #[schemars(extend("group" = "API Configuration", "mapping" = true))]
    #[serde(default)]
    language: Option<String>,
    /// Records asked for at a time.
    #[schemars(extend("page" = "Synchronization"), range(min = 1, max = 1000))]
    #[serde(default = "hundred")]
    page_size: u32,
}

fn first() -> u32 {
    1
}

fn hundred() -> u32 {
    100
}

/// The date of the last change tells who was last, and is no change itself.
const UNCOMPARED: [&str; 1] = ["/_timestamp"];

/// The connector.
pub struct Tryton;

impl Connector for Tryton {
    const ID: &'static str = "tryton";
    type Settings = Settings;

    fn components(c: &mut Components<Self>) {
        c.adapter("tryton.adapter", TrytonAdapter);
        references(c);
        parties(c);
        products(c);
        inventory(c);
        documents(c);
    }

    async fn test_connection(&self, cx: Context<Self>) -> Result<Report> {
        let company = cx.get(format!("/rest/model/company.company/{}", cx.settings().company));
        let company = company.query("f", "party.name").query("f", "currency.code").accept(404).await;
        let company = explained(company)?;
        if company.status() == 404 {
            return Err(Error::invalid(format!(
                "there is no company {}, or the key's user may not see it",
                cx.settings().company
            ))
            .field("company")
            .cure("set company to the number of a company of the key's user"));
        }
        let company = company.source()?;
        // Unknown models are answered with 500: sales are the module that needs all the others.
        let sales = cx.get("/rest/model/sale.sale").query("f", "id").query("s", 1).accept(500).await?;
        if sales.status() == 500 {
            return Err(Error::failed("Tryton has no sales: its module `sale` is not activated")
                .cure("activate the module sale; it brings parties, products, stock and invoices along"));
        }
        let name = company.text("/party/name")?.or_default();
        Ok(Report::connected(name).detail("currency", company.text("/currency/code")?.or_default()))
    }
}

/// What others refer to. Countries are many and few are used: they come when they are needed.
fn references(c: &mut Components<Tryton>) {
    c.kind("tryton.currency", "res.currency")
        .matched_by("name")
        .step(Step::Customers)
        .direction(Direction::Import)
        .import(reference::Currency);
    c.kind("tryton.payment_term", "account.payment.term")
        .matched_by("name")
        .step(Step::Customers)
        .direction(Direction::Import)
        .import(reference::PaymentTerm);
    c.kind("tryton.country", "res.country").matched_by("code").direction(Direction::Manual).import(reference::Country);
    c.kind("tryton.subdivision", "res.country.state")
        .matched_by("code")
        .direction(Direction::Manual)
        .import(reference::Subdivision);
    c.kind("tryton.uom", "uom.uom")
        .matched_by("name")
        .step(Step::Products)
        .direction(Direction::Import)
        .import(reference::Unit);
    c.kind("tryton.tax", "account.tax").matched_by("name").direction(Direction::Import).import(reference::Tax);
}

/// Addresses and contact mechanisms come with their party; on their own only where a sale names one that is not here.
fn parties(c: &mut Components<Tryton>) {
    c.kind("tryton.party", "res.partner")
        .matched_by("ref")
        .matched_by("email")
        .matched_among(r#"[["parent_id","=",false]]"#)
        .scan_finds_deleted()
        .ignored_paths(UNCOMPARED)
        .import(party::Party)
        .export(export::Party);
    c.kind("tryton.address", "res.partner").direction(Direction::Manual).import(party::Address);
    c.kind("tryton.contact_mechanism", "res.partner")
        .field("mechanism_type", field::text())
        .read_only()
        .field("mechanism_value", field::text())
        .read_only()
        .direction(Direction::Manual)
        .import(party::ContactMechanism);
}

/// Variants come with their template; on their own only where a line names one that is not here yet.
fn products(c: &mut Components<Tryton>) {
    c.kind("tryton.category", "product.category")
        .matched_by("name")
        .scan_finds_deleted()
        .ignored_paths(UNCOMPARED)
        .import(product::Category)
        .export(export::Category);
    c.kind("tryton.product", "product.template")
        .matched_by("default_code")
        .scan_finds_deleted()
        .ignored_paths(UNCOMPARED)
        .import(product::Template)
        .export(export::Template);
    c.kind("tryton.variant", "product.product")
        .field("variant_description", field::text())
        .read_only()
        .direction(Direction::Manual)
        .ignored_paths(UNCOMPARED)
        .import(product::Variant)
        .export(export::SingleVariant);
}

fn inventory(c: &mut Components<Tryton>) {
    c.kind("tryton.warehouse", "stock.warehouse")
        .matched_by("name")
        .direction(Direction::Import)
        .full_scan()
        .import(stock::Warehouse);
    c.kind("tryton.location", "stock.location")
        .field("location_code", field::text())
        .read_only()
        .direction(Direction::Import)
        .full_scan()
        .import(stock::Location);
    c.kind("tryton.stock", "stock.quant").direction(Direction::Import).import(stock::Quantity);
}

/// Sales and invoices with their lines, and the amounts of both as Tryton rounds them.
fn documents(c: &mut Components<Tryton>) {
    c.kind("tryton.sale", "sale.order")
        .field("untaxed_amount", field::decimal(4))
        .read_only()
        .field("tax_amount", field::decimal(4))
        .read_only()
        .field("total_amount", field::decimal(4))
        .read_only()
        .scan_finds_deleted()
        .ignored_paths(UNCOMPARED)
        .direction(Direction::Both)
        .import(sale::Sale)
        .export(export::Sale);
    c.kind("tryton.sale_line", "sale.order.line").field("amount", field::decimal(4)).read_only();
    c.kind("tryton.invoice", "account.move")
        .field("untaxed_amount", field::decimal(4))
        .read_only()
        .field("tax_amount", field::decimal(4))
        .read_only()
        .field("total_amount", field::decimal(4))
        .read_only()
        .step(Step::Orders)
        .scan_finds_deleted()
        .direction(Direction::Import)
        .import(invoice::Invoice);
    c.kind("tryton.invoice_line", "account.move.line").field("amount", field::decimal(4)).read_only();
}

export_connector!(Tryton);

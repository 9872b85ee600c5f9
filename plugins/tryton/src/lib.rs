//! Tryton, through its REST interface: products and variants, parties, stock by location, sales and invoices come in.
//!
//! Tested against Tryton 8.2. It needs an application key with access to REST, validated by its user.

use bindery_plugin::prelude::*;

mod adapter;
mod mapper;
mod wire;

use adapter::TrytonAdapter;
use mapper::{invoice, party, product, sale, stock};

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

/// The connector.
pub struct Tryton;

impl Connector for Tryton {
    const ID: &'static str = "tryton";
    type Settings = Settings;

    fn components(c: &mut Components<Self>) {
        c.adapter("tryton.adapter", TrytonAdapter);

        c.kind("tryton.party", "res.partner").matched_by("ref").matched_by("email").import(party::Party);
        c.kind("tryton.address", "res.partner");
        c.kind("tryton.contact_mechanism", "res.partner");

        c.kind("tryton.category", "product.category").matched_by("name").import(product::Category);
        c.kind("tryton.product", "product.template").matched_by("default_code").import(product::Template);
        // Variants come with their template; on their own only where a line names one that is not here yet.
        c.kind("tryton.variant", "product.product").direction(Direction::Manual).import(product::Variant);

        c.kind("tryton.warehouse", "stock.warehouse").direction(Direction::Import).full_scan().import(stock::Warehouse);
        c.kind("tryton.location", "stock.location").direction(Direction::Import).full_scan().import(stock::Location);
        c.kind("tryton.stock", "stock.quant").direction(Direction::Import).full_scan().import(stock::Quantity);

        c.kind("tryton.sale", "sale.order").import(sale::Sale);
        c.kind("tryton.sale_line", "sale.order.line");
        c.kind("tryton.invoice", "account.move")
            .step(Step::Orders)
            .direction(Direction::Import)
            .import(invoice::Invoice);
        c.kind("tryton.invoice_line", "account.move.line");
    }

    async fn test_connection(&self, cx: Context<Self>) -> Result<Report> {
        let company = cx.get(format!("/rest/model/company.company/{}", cx.settings().company));
        let company = company.query("f", "party.name").query("f", "currency.code").await?.source()?;
        let name = company.text("/party/name")?.or_default();
        Ok(Report::connected(name).detail("currency", company.text("/currency/code")?.or_default()))
    }
}

export_connector!(Tryton);

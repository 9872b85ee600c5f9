//! One of each: a connector that uses the parts of the SDK that the specification names, so that tests can see them work
//! over the real host. Its test of a connection shows what its settings ask for.
#![forbid(unsafe_code)]

mod adapter;
mod component;
mod listener;

use bindery_plugin::prelude::*;

/// What an operator sets.
#[derive(Deserialize, JsonSchema)]
pub struct Settings {
    /// Address of the API.
    #[schemars(extend("group" = "API Configuration", "host" = true))]
    #[serde(default = "example")]
    api_url: String,
    /// Key of the API.
    #[schemars(extend("group" = "API Configuration"))]
    api_key: Secret,
    /// Second half of the key, where there is one.
    #[schemars(extend("group" = "API Configuration"))]
    #[serde(default)]
    api_secret: Option<Secret>,
    /// Records asked for at a time.
    #[schemars(extend("page" = "Synchronization"), range(min = 1, max = 250))]
    #[serde(default = "hundred")]
    page_size: u32,
    /// Where stock is counted.
    #[schemars(extend("page" = "Advanced", "record" = "stock.warehouse"))]
    #[serde(default)]
    warehouse: Option<i64>,
    /// What the test of the connection shows: `requests`, `urls` or `components`. `deaf` and `hoarse` are for its listeners.
    #[schemars(extend("page" = "Advanced"))]
    #[serde(default)]
    show: String,
}

fn example() -> String {
    "https://api.example.com".to_owned()
}

fn hundred() -> u32 {
    100
}

/// The connector.
pub struct Specimen;

impl Connector for Specimen {
    const ID: &'static str = "specimen";
    const BACKEND_TYPES: &'static [&'static str] = &["specimen", "specimen_plus"];
    const MODELS: &'static [&'static str] = &["product.category", "res.country"];
    type Settings = Settings;

    fn components(c: &mut Components<Self>) {
        adapter::declare(c);
        component::declare(c);
        listener::declare(c);
        c.kind("specimen.product", "product.template")
            .field("external_sku", field::text())
            .read_only()
            .field("external_price", field::decimal(4))
            .read_only()
            .unique("specimen_sku", ["backend", "external_sku"], "Two products can't share a SKU")
            .import(ProductImport)
            .importer(ProductImporter);
        c.kind("specimen.customer", "res.partner").import(CustomerImport);
        c.kind("specimen.order", "sale.order").step(Step::Orders).import(CustomerImport);
    }

    async fn test_connection(&self, cx: Context<Self>) -> Result<Report> {
        match cx.settings().show.as_str() {
            "requests" => adapter::requests(&cx).await,
            "urls" => Ok(adapter::urls(&cx)),
            "components" => component::report(&cx),
            _ => Ok(Report::connected(cx.components().named::<component::Price>("specimen.pricing")?.0)
                .detail("api_url", &cx.settings().api_url)
                .detail("warehouse", cx.settings().warehouse.unwrap_or_default())),
        }
    }

    async fn sync_customers(&self, _: Context<Self>, _: SyncRequest) -> Result<SyncAnswer> {
        Ok(SyncAnswer::kinds(["specimen.customer"]))
    }

    async fn sync_inventory(&self, _: Context<Self>, _: SyncRequest) -> Result<SyncAnswer> {
        Ok(SyncAnswer::NotSupported)
    }
}

struct ProductImport;

impl ImportMapper<Specimen> for ProductImport {
    fn rules(r: &mut Rules<Specimen>) {
        r.direct("/name", "name");
        r.direct("/sku", "default_code");
        r.direct("/sku", "external_sku");
        r.direct("/price", "external_price");
        r.direct("/cents", "list_price").with(|cents| Ok(cents.decimal("")?.or_default().shift(-2)));
        r.set("type", "consu").only_create();
        r.direct("/barcode", "barcode").changed_by(["/barcode", "/sku"]);
        r.lookup("/category_name", "product.category", "name").set("categ_id");
        r.mapping("described", ["/text"], ["description"], async |item, cx| {
            let Some(text) = item.text("/text")?.option() else { return Ok(Values::new()) };
            set("description", format!("{text} ({})", cx.backend()))
        });
        // Made on the way: its id is a temporary one until the page is written.
        // Refused where the country is known: its code is unique, which is seen when the page is written.
        r.mapping("made_in", ["/made_in"], [], async |item, cx| {
            if let Some(code) = item.text("/made_in")?.option() {
                cx.records("res.country").create(Values::new().set("name", &code).set("code", &code)).await?;
            }
            Ok(Values::new())
        });
        r.mapping("shelved", ["/shelf"], ["categ_id"], async |item, cx| {
            let Some(shelf) = item.text("/shelf")?.option() else { return Ok(Values::new()) };
            set("categ_id", cx.records("product.category").create(Values::new().set("name", shelf)).await?)
        });
    }
}

struct ProductImporter;

impl Importer<Specimen> for ProductImporter {
    fn hooks(h: &mut ImportHooks<Specimen>) {
        h.must_skip(|item, _| Ok(item.boolean("/test")?.or(false).then(|| "a test product".to_owned())));
        h.validate(|_, values| values.require(["name"]));
    }
}

struct CustomerImport;

impl ImportMapper<Specimen> for CustomerImport {
    fn rules(r: &mut Rules<Specimen>) {
        r.direct("/name", "name");
    }
}

export_connector!(Specimen);

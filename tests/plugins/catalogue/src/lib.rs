//! The connector that the import benchmark measures: products of the peers' product API, with 15 fields each.
//!
//! `incremental` decides whether the API is asked only for what changed, or for everything as the plain floor does.

use bindery_plugin::prelude::*;

/// Where the API is.
#[derive(Deserialize, JsonSchema)]
pub struct Settings {
    /// Address of the product API.
    #[schemars(extend("host" = true))]
    #[expect(dead_code, reason = "the adapter's base address is the setting that names the host")]
    api_url: String,
    /// Ask only for what changed since the last sync.
    #[serde(default)]
    incremental: bool,
}

/// The connector.
pub struct Catalogue;

impl Connector for Catalogue {
    const ID: &'static str = "catalogue";
    type Settings = Settings;

    fn components(c: &mut Components<Self>) {
        c.adapter("catalogue.adapter", ProductApi);
        c.kind("catalogue.product", "product.template").direction(Direction::Import).import(Product);
    }

    async fn test_connection(&self, cx: Context<Self>) -> Result<Report> {
        cx.get("/stats").await?;
        Ok(Report::connected("product API"))
    }
}

struct ProductApi;

impl Adapter<Catalogue> for ProductApi {
    async fn list(&self, cx: Context<Catalogue>, _: Kind, query: ListQuery) -> Result<Page> {
        let at = query.offset(100)?;
        let since = query.since.filter(|_| cx.settings().incremental);
        cx.get("/products")
            .query("page", at.page())
            .query("updated_since", since)
            .page("/data", "/id")
            .updated("/updated_at")
            .counted(at)
            .total("/total")
            .await
    }
}

struct Product;

impl ImportMapper<Catalogue> for Product {
    fn rules(r: &mut Rules<Catalogue>) {
        for (pointer, field) in [
            ("/title", "name"),
            ("/sku", "default_code"),
            ("/barcode", "barcode"),
            ("/description", "description"),
            ("/price", "list_price"),
            ("/compare_at_price", "compare_list_price"),
            ("/taxable", "sale_ok"),
            ("/weight_grams", "weight"),
            ("/vendor", "description_purchase"),
            ("/product_type", "description_sale"),
            ("/tags", "description_ecommerce"),
            ("/image_url", "website_url"),
            ("/handle", "hs_code"),
            ("/inventory_quantity", "sequence"),
        ] {
            r.direct(pointer, field);
        }
        r.set("type", "product").only_create();
    }
}

export_connector!(Catalogue);

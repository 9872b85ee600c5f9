//! The connector, of whatever format its crate says.

use bindery_plugin::{prelude::*, serde_json::Value};

/// Where the shop is.
#[derive(Deserialize, JsonSchema)]
pub struct Settings {
    /// Address of the shop's API.
    #[schemars(extend("host" = true))]
    pub api_url: String,
    /// Token of an API user of the shop.
    pub api_token: Secret,
}

/// The connector.
pub struct Format;

struct ShopAdapter;

impl Adapter<Format> for ShopAdapter {
    fn api_headers(&self, cx: &Context<Format>, parent: Headers) -> Headers {
        parent.bearer(&cx.settings().api_token)
    }

    async fn list(&self, cx: Context<Format>, _: Kind, query: ListQuery) -> Result<Page> {
        let since = query.since.map(|since| since.trim_start_matches("old:").to_owned());
        cx.get("/categories")
            .query("updated_since", since)
            .query("cursor", query.cursor)
            .query("limit", 2)
            .page("/items", "/id")
            .updated("/updated_at")
            .next("/next")
            .await
    }
}

struct CategoryImport;

impl ImportMapper<Format> for CategoryImport {
    fn rules(r: &mut Rules<Format>) {
        r.direct("/name", "name");
    }
}

impl Connector for Format {
    const ID: &'static str = "format";
    const STATE_FORMAT: u32 = crate::STATE_FORMAT;
    type Settings = Settings;

    fn components(c: &mut Components<Self>) {
        c.adapter("format.adapter", ShopAdapter);
        c.kind("format.category", "product.category").import(CategoryImport);
    }

    fn migrate_state(old: StoredState) -> Result<Option<Value>> {
        let carried = old.value.as_str().and_then(|value| value.strip_prefix("old:"));
        Ok(carried.map(|value| Value::from(value.to_owned())))
    }

    async fn test_connection(&self, _: Context<Self>) -> Result<Report> {
        Ok(Report::connected("categories"))
    }
}

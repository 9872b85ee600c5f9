//! The shop's API as an outside system that knows no idempotency keys and answers a create with nothing but an id.

use bindery_plugin::prelude::*;

use crate::Exporter;

/// All resources.
pub struct ShopApi;

/// Customers can be searched for.
pub struct CustomerApi;

fn resource(kind: &Kind) -> &'static str {
    match kind.as_str() {
        "exporter.category" => "/categories",
        "exporter.customer" => "/customers",
        "exporter.order" => "/orders",
        _ => "/products",
    }
}

fn item(kind: &Kind, id: &str) -> String {
    format!("{}/{}", resource(kind), encode_segment(id))
}

impl Adapter<Exporter> for ShopApi {
    fn api_headers(&self, cx: &Context<Exporter>, parent: Headers) -> Headers {
        parent.bearer(&cx.settings().api_token)
    }

    async fn list(&self, cx: Context<Exporter>, kind: Kind, query: ListQuery) -> Result<Page> {
        let asked = cx.get(resource(&kind)).query("updated_since", query.since).query("cursor", query.cursor);
        asked.page("/items", "/id").updated("/updated_at").next("/next").await
    }

    async fn read(&self, cx: Context<Exporter>, kind: Kind, id: String) -> Result<External> {
        cx.get(item(&kind, &id)).external("/id").updated("/updated_at").await
    }

    async fn create(&self, cx: Context<Exporter>, kind: Kind, values: Json) -> Result<External> {
        let made = cx.post(resource(&kind), &values).await?.source()?;
        Ok(External::id(made.id("/id")?.required("/id")?))
    }

    async fn update(&self, cx: Context<Exporter>, kind: Kind, id: String, values: Json) -> Result<External> {
        cx.put(item(&kind, &id), &values).await?;
        Ok(External::id(id))
    }

    async fn delete(&self, cx: Context<Exporter>, kind: Kind, id: String) -> Result<()> {
        cx.delete(item(&kind, &id)).await.map(|_| ())
    }
}

impl Adapter<Exporter> for CustomerApi {
    fn api_headers(&self, _: &Context<Exporter>, parent: Headers) -> Headers {
        parent
    }

    async fn find(&self, cx: Context<Exporter>, _: Kind, _: String, values: Json) -> Result<Vec<String>> {
        let sent = values.source()?;
        let email = sent.text("/email")?.required("/email")?;
        let found = cx.get("/customers").query("email", email).await?.source()?;
        found.items("/items")?.iter().map(|one| one.id("/id")?.required("/id")).collect()
    }
}

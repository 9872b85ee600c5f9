//! How the shop is reached: one REST resource for each kind.

use bindery_plugin::prelude::*;

use crate::Demo;

/// Talks to the shop's JSON API.
pub struct ShopAdapter;

/// The resource that holds the records of a kind.
fn resource(kind: &Kind) -> Result<&'static str> {
    Ok(match kind.as_str() {
        "demo.category" => "/categories",
        "demo.tax" => "/taxes",
        "demo.product" => "/products",
        "demo.customer" => "/customers",
        "demo.order" => "/orders",
        "demo.invoice" => "/invoices",
        "demo.payment" => "/payments",
        "demo.location" | "demo.warehouse" => "/warehouses",
        "demo.stock" => "/stock",
        _ => return Err(kind.unsupported("reading it on its own")),
    })
}

fn item(kind: &Kind, id: &str) -> Result<String> {
    Ok(format!("{}/{}", resource(kind)?, encode_segment(id)))
}

impl Adapter<Demo> for ShopAdapter {
    fn api_headers(&self, cx: &Context<Demo>, parent: Headers) -> Headers {
        parent.bearer(&cx.settings().api_token)
    }

    async fn list(&self, cx: Context<Demo>, kind: Kind, query: ListQuery) -> Result<Page> {
        cx.get(resource(&kind)?)
            .query("updated_since", query.since)
            .query("cursor", query.cursor)
            .query("limit", query.limit.unwrap_or(cx.settings().page_size))
            .queries(query.filters)
            .page("/items", "/id")
            .updated("/updated_at")
            .next("/next")
            .total("/total")
            .await
    }

    async fn read(&self, cx: Context<Demo>, kind: Kind, id: String) -> Result<External> {
        cx.get(item(&kind, &id)?).external("/id").updated("/updated_at").await
    }

    async fn create(&self, cx: Context<Demo>, kind: Kind, values: Json) -> Result<External> {
        cx.post(resource(&kind)?, &values).idempotent().external("/id").updated("/updated_at").await
    }

    async fn update(&self, cx: Context<Demo>, kind: Kind, id: String, values: Json) -> Result<External> {
        cx.put(item(&kind, &id)?, &values).external("/id").updated("/updated_at").await
    }

    async fn delete(&self, cx: Context<Demo>, kind: Kind, id: String) -> Result<()> {
        cx.delete(item(&kind, &id)?).await.map(|_| ())
    }

    async fn archive(&self, cx: Context<Demo>, kind: Kind, id: String) -> Result<()> {
        match kind.as_str() {
            "demo.product" | "demo.customer" => {
                let values = Values::new().set("active", false).into_json()?;
                cx.put(item(&kind, &id)?, &values).await.map(|_| ())
            }
            _ => Err(kind.unsupported("archive")),
        }
    }
}

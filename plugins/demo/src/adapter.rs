//! How the shop is reached: one REST resource for each kind.

use bindery_plugin::{Outcomes, Request, prelude::*};

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

/// Many records in one request.
#[derive(Serialize)]
struct Batch {
    items: Vec<Item>,
}

/// One of them: changed where it has an id, else made, once for a key.
#[derive(Serialize)]
struct Item {
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<String>,
    values: Json,
}

/// What the shop answers to many records: a status each, and the record or an error.
fn outcomes(request: Request<Demo>) -> Outcomes<Demo> {
    request
        .outcomes("/results", "/id")
        .within("/record")
        .updated("/updated_at")
        .status("/status")
        .failed("/error/message")
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

    async fn read_many(&self, cx: Context<Demo>, kind: Kind, ids: Vec<String>) -> Result<Page> {
        cx.get(resource(&kind)?)
            .query("ids", ids.join(","))
            .query("limit", ids.len())
            .page("/items", "/id")
            .updated("/updated_at")
            .await
    }

    async fn create_many(
        &self,
        cx: Context<Demo>,
        kind: Kind,
        records: Vec<NewRecord>,
    ) -> Result<Vec<Result<External>>> {
        let items = records.into_iter().map(|NewRecord { key, values }| Item { id: None, key: Some(key), values });
        outcomes(cx.post(format!("{}/batch", resource(&kind)?), &Batch { items: items.collect() }).idempotent()).await
    }

    async fn update_many(
        &self,
        cx: Context<Demo>,
        kind: Kind,
        records: Vec<ChangedRecord>,
    ) -> Result<Vec<Result<External>>> {
        let mut items = Vec::with_capacity(records.len());
        for ChangedRecord { id, values } in records {
            let id = id.parse().map_err(|_| Error::invalid(format!("{kind} {id}: the shop's ids are numbers")))?;
            items.push(Item { id: Some(id), key: None, values });
        }
        outcomes(cx.put(format!("{}/batch", resource(&kind)?), &Batch { items })).await
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

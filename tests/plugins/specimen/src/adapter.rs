//! Its adapters: one for everything, and one for products that builds on it.

use std::time::Duration;

use bindery_plugin::prelude::*;

use crate::Specimen;

struct Api;

impl Adapter<Specimen> for Api {
    fn api_headers(&self, cx: &Context<Specimen>, parent: Headers) -> Headers {
        match cx.settings().api_secret {
            Some(_) => parent.set("X-API-Version", "2.0"),
            None => parent.bearer(&cx.settings().api_key).set("X-API-Version", "2.0"),
        }
    }

    fn api_auth(&self, cx: &Context<Specimen>) -> Option<Basic> {
        cx.settings().api_secret.as_ref().map(|secret| Basic::new("specimen").secret(secret))
    }

    async fn list(&self, cx: Context<Specimen>, kind: Kind, query: ListQuery) -> Result<Page> {
        let path = kind.as_str().trim_start_matches("specimen.").to_owned();
        cx.get(format!("/{path}s"))
            .query("limit", cx.settings().page_size)
            .query("updated_min", query.since)
            .queries(query.filters)
            .page("/items", "/id")
            .updated("/updated_at")
            .await
    }

    async fn read(&self, cx: Context<Specimen>, kind: Kind, id: String) -> Result<External> {
        let path = kind.as_str().trim_start_matches("specimen.").to_owned();
        cx.get(format!("/{path}s/{}", encode_segment(&id))).external("/id").updated("/updated_at").await
    }
}

struct ProductApi;

impl Adapter<Specimen> for ProductApi {
    fn api_headers(&self, _: &Context<Specimen>, parent: Headers) -> Headers {
        parent.set("X-API-Version", "3.0").set("X-Products", "yes")
    }
}

pub(crate) fn declare(c: &mut Components<Specimen>) {
    c.adapter("specimen.adapter", Api).operation(
        "ping",
        "Asks whether the API is awake.",
        async |cx, _: NoSettings| cx.get("/ping").await?.json::<Json>(),
    );
    c.adapter("specimen.product.adapter", ProductApi).inherit("specimen.adapter").apply_on(["specimen.product"]);
}

/// One request of each form.
pub(crate) async fn requests(cx: &Context<Specimen>) -> Result<Report> {
    let answer: Json = cx.get("/things").query("state", "a&b").query("absent", None::<String>).await?.json()?;
    cx.post("/things", &answer).await?;
    cx.put("things/7", &answer).timeout(Duration::from_secs(5)).await?;
    cx.delete("/things/7").header("X-Reason", "sold").await?;
    cx.make_request("PATCH", "/things/8").json(&["price"]).await?;
    cx.make_request("POST", "/token").form("grant_type", "client credentials").form("scope", "read").await?;
    let logo = b"\x89PNG".to_vec();
    cx.make_request("POST", "/upload")
        .part("title", b"Logo".to_vec())
        .file("image", "logo.png", "image/png", logo)
        .await?;
    Ok(Report::connected("requests"))
}

/// What becomes of endpoints.
pub(crate) fn urls(cx: &Context<Specimen>) -> Report {
    let plain = |endpoint: &str| cx.build_url(endpoint, []);
    Report::connected("urls")
        .detail("slash", plain("/things"))
        .detail("none", plain("things"))
        .detail("query", cx.build_url("/things", [("name", "Zoë & co"), ("page", "2")]))
        .detail("both", cx.build_url("/things?a=1", [("b", "2")]))
}

//! Adapters: the methods of HTTP, what goes along with every request, and the operations that the host asks for.

use bindery_plugin::{prelude::*, testing::Harness};
use serde_json::{Value, json};

struct Acme;

#[derive(Deserialize, JsonSchema)]
struct Settings {
    #[schemars(extend("host" = true))]
    #[expect(dead_code, reason = "the SDK reads it as the base of requests")]
    api_url: String,
    api_key: Secret,
    user: String,
}

impl Connector for Acme {
    const ID: &'static str = "acme";
    type Settings = Settings;

    fn components(c: &mut Components<Self>) {
        c.kind("acme.product", "product.template").import(Products);
        c.adapter("acme.adapter", Shop).operation("close", "Closes an order there.", async |cx, order: Order| {
            cx.post(format!("/orders/{}/close", order.id), &Value::Null).await.map(|answer| answer.status())
        });
        c.component("acme.clerk", "clerk", Clerk("Ada"));
    }

    async fn test_connection(&self, cx: Context<Self>) -> Result<Report> {
        let shop: Value = cx.get("/shop").await?.json()?;
        Ok(Report::connected(shop["name"].as_str().unwrap_or_default()))
    }
}

struct Clerk(&'static str);

#[derive(Deserialize, JsonSchema)]
struct Order {
    id: u64,
}

struct Products;

impl ImportMapper<Acme> for Products {
    fn rules(r: &mut Rules<Acme>) {
        r.direct("/title", "name");
    }
}

struct Shop;

impl Adapter<Acme> for Shop {
    fn api_headers(&self, cx: &Context<Acme>, parent: Headers) -> Headers {
        parent.bearer(&cx.settings().api_key).set("X-API-Version", "2.0")
    }

    fn api_auth(&self, cx: &Context<Acme>) -> Option<Basic> {
        Some(Basic::new(cx.settings().user.clone()).secret(&cx.settings().api_key))
    }

    async fn list(&self, cx: Context<Acme>, _: Kind, query: ListQuery) -> Result<Page> {
        cx.get("/products").query("state", query.filter("state")).page("/items", "/id").await
    }

    async fn read(&self, cx: Context<Acme>, _: Kind, id: String) -> Result<External> {
        cx.get(format!("/products/{}", encode_segment(&id))).external("/id").await
    }

    async fn create(&self, cx: Context<Acme>, _: Kind, values: Json) -> Result<External> {
        cx.post("/products", &values).external("/id").await
    }

    async fn update(&self, cx: Context<Acme>, _: Kind, id: String, values: Json) -> Result<External> {
        cx.put(format!("/products/{id}"), &values).external("/id").await
    }

    async fn delete(&self, cx: Context<Acme>, _: Kind, id: String) -> Result<()> {
        cx.delete(format!("/products/{id}")).await.map(drop)
    }
}

fn acme() -> Harness<Acme> {
    let settings = json!({"api_url": "https://shop.example/api/", "api_key": "the-key", "user": "ada"});
    Harness::open(Acme, settings).expect("sound declarations")
}

#[test]
fn each_operation_is_its_method_at_its_place() {
    let acme = acme();
    let one = json!({"id": 7, "title": "A lamp"});
    acme.respond("GET", "/api/products", 200, json!({"items": [one]}));
    acme.respond("GET", "/api/products/7", 200, one.clone());
    acme.respond("POST", "/api/products", 201, one.clone());
    acme.respond("PUT", "/api/products/7", 200, one.clone());
    acme.respond("DELETE", "/api/products/7", 204, Value::Null);
    let filters = vec![("state".to_owned(), "open".to_owned())];
    acme.list("acme.product", ListQuery { filters, ..ListQuery::default() }).expect("listed");
    acme.read("acme.product", "7").expect("read");
    acme.send("acme.product", None, r#"{"title":"A lamp"}"#).expect("created");
    acme.send("acme.product", Some("7"), r#"{"title":"Two lamps"}"#).expect("updated");
    acme.delete("acme.product", "7").expect("deleted");
    let sent = acme.sent();
    let told: Vec<(&str, &str, &str)> =
        sent.iter().map(|sent| (sent.method.as_str(), sent.url.as_str(), sent.body.as_str())).collect();
    assert_eq!(
        told,
        [
            ("GET", "https://shop.example/api/products", ""),
            ("GET", "https://shop.example/api/products/7", ""),
            ("POST", "https://shop.example/api/products", r#"{"title":"A lamp"}"#),
            ("PUT", "https://shop.example/api/products/7", r#"{"title":"Two lamps"}"#),
            ("DELETE", "https://shop.example/api/products/7", ""),
        ]
    );
    assert_eq!(sent[0].query, [("state".to_owned(), "open".to_owned())], "the operator's filters reach the adapter");
}

#[test]
fn every_request_has_the_headers_and_credentials_of_the_adapter_and_its_own() {
    let acme = acme();
    acme.respond("PATCH", "/api/a b", 200, json!({}));
    let cx = acme.context();
    let asked = cx.make_request("PATCH", "/a b").header("X-Trace", "9").timeout_secs(3).json(&json!({"n": 1}));
    acme.run(async move { asked.await }).expect("answered");
    let sent = &acme.sent()[0];
    let header = |name: &str| sent.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str());
    assert_eq!(header("Authorization"), Some("Bearer the-key"));
    assert_eq!((header("X-API-Version"), header("X-Trace")), (Some("2.0"), Some("9")));
    assert_eq!((sent.basic_user.as_deref(), sent.timeout_ms), (Some("ada"), Some(3_000)));
}

#[test]
fn the_connection_is_tested_and_operations_of_ones_own_are_run_through_the_adapter() {
    let acme = acme();
    acme.respond("GET", "/api/shop", 200, json!({"name": "Lamps"}));
    acme.respond("POST", "/api/orders/5/close", 202, json!({}));
    assert_eq!(acme.test_connection().expect("connected"), "connected to Lamps");
    assert_eq!(acme.action("acme.adapter.close", json!({"id": 5})).expect("closed"), 202);
    assert_eq!(acme.context().components().named::<Clerk>("acme.clerk").expect("by name").0, "Ada");
    assert_eq!((acme.context().backend().is_empty(), acme.context().settings().user.as_str()), (false, "ada"));
}

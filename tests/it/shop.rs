//! The demo shop behaves like a shop, and misbehaves when asked to.

use bindery_tests::{Fault, Options, Point, Shop, http};
use reqwest::{Client, Response, StatusCode};
use serde_json::{Value, json};

struct Customer {
    shop: Shop,
    client: Client,
}

impl Customer {
    fn new(options: Options) -> Self {
        Self { shop: Shop::start(options), client: http() }
    }

    async fn ask(&self, path: &str) -> reqwest::Result<Response> {
        self.client.get(format!("{}{path}", self.shop.url())).bearer_auth(self.shop.token()).send().await
    }

    async fn json(&self, path: &str) -> Value {
        serde_json::from_slice(&self.ask(path).await.unwrap().bytes().await.unwrap()).unwrap()
    }

    async fn post(&self, path: &str, body: Value, key: &str) -> (StatusCode, Value) {
        let request = self.client.post(format!("{}{path}", self.shop.url())).bearer_auth(self.shop.token());
        let response = request.header("idempotency-key", key).body(body.to_string()).send().await.unwrap();
        (response.status(), serde_json::from_slice(&response.bytes().await.unwrap()).unwrap())
    }

    /// Ids of all pages.
    async fn walk(&self, query: &str) -> Vec<u64> {
        let mut ids = Vec::new();
        let mut cursor = String::new();
        loop {
            let page = self.json(&format!("/products?limit=7&{query}{cursor}")).await;
            ids.extend(page["items"].as_array().unwrap().iter().map(|item| item["id"].as_u64().unwrap()));
            match page["next"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => return ids,
            }
        }
    }
}

#[tokio::test]
async fn the_same_options_give_the_same_bytes() {
    let (one, two) = (Customer::new(Options::default()), Customer::new(Options::default()));
    for path in ["/products?limit=250", "/orders?limit=250", "/invoices", "/stock", "/customers", "/payments"] {
        let one = one.ask(path).await.unwrap().bytes().await.unwrap();
        assert!(one.len() > 100);
        assert_eq!(one, two.ask(path).await.unwrap().bytes().await.unwrap());
    }
}

#[tokio::test]
async fn without_the_token_nothing_is_told() {
    let customer = Customer::new(Options::default());
    let response = customer.client.get(format!("{}/products", customer.shop.url())).send().await.unwrap();
    assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn cursor_page_and_offset_walk_over_every_item_once() {
    let customer = Customer::new(Options { products: 30, ..Options::default() });
    assert_eq!(customer.walk("").await, (1..=30).collect::<Vec<_>>());
    let third = customer.json("/products?limit=7&page=3").await;
    assert_eq!((third["items"][0]["id"].as_u64(), third["pages"].as_u64()), (Some(15), Some(5)));
    assert_eq!(customer.json("/products?limit=7&offset=28").await["items"].as_array().unwrap().len(), 2);
    assert_eq!(customer.ask("/products?limit=251").await.unwrap().status(), StatusCode::UNPROCESSABLE_ENTITY);
}

#[tokio::test]
async fn updated_since_gives_what_changed_in_the_order_of_change() {
    let customer = Customer::new(Options { products: 30, ..Options::default() });
    let before = customer.json("/shop").await["time"].as_str().unwrap().to_owned();
    let touched = customer.shop.touch("products", 9);
    customer.shop.edit("products", 2, json!({"price": 9.99}));
    let mut expected = touched;
    expected.push(2);
    assert_eq!(customer.walk(&format!("updated_since={before}")).await, expected);
    assert!(customer.ask("/products/2").await.unwrap().text().await.unwrap().contains("\"price\":9.99"));
}

#[tokio::test]
async fn a_repeated_post_with_its_key_makes_one_order() {
    let customer = Customer::new(Options::default());
    let before = customer.shop.len("orders");
    let order = json!({"customer_id": 1, "lines": [{"product_id": 1, "quantity": 2}]});
    let first = customer.post("/orders", order.clone(), "key-1").await;
    let again = customer.post("/orders", order, "key-1").await;
    assert_eq!(first, again);
    assert_eq!(first.0, StatusCode::CREATED);
    assert_eq!(customer.shop.len("orders"), before + 1);
    assert_eq!(
        customer.post("/orders", json!({"customer_id": 2, "lines": []}), "key-1").await.0,
        StatusCode::UNPROCESSABLE_ENTITY
    );
    assert_eq!(customer.post("/orders", json!({"customer_id": 2}), "key-2").await.1["error"]["field"], "lines");
}

#[tokio::test]
async fn stock_on_the_product_follows_the_warehouses() {
    let customer = Customer::new(Options::default());
    let row = customer.shop.item("stock", 1);
    let before = customer.shop.item("products", 1)["stock"].as_i64().unwrap();
    customer.shop.edit("stock", 1, json!({"quantity": row["quantity"].as_i64().unwrap() + 5}));
    assert_eq!(customer.shop.item("products", 1)["stock"].as_i64(), Some(before + 5));
}

#[tokio::test]
async fn faults_come_as_often_as_asked() {
    let customer = Customer::new(Options::default());
    customer.shop.fault("GET /products", 2, Fault::rate_limit(7));
    for _ in 0..2 {
        let response = customer.ask("/products").await.unwrap();
        assert_eq!(response.status(), StatusCode::TOO_MANY_REQUESTS);
        assert_eq!(response.headers()["retry-after"], "7");
        assert_eq!(response.headers()["x-ratelimit-remaining"], "0");
    }
    assert_eq!(customer.ask("/products").await.unwrap().status(), StatusCode::OK);
    assert_eq!(customer.shop.count("GET /products"), 3);
    customer.shop.fault_after("GET /products", 1, 1, Fault::status(503));
    assert_eq!(customer.ask("/products").await.unwrap().status(), StatusCode::OK);
    assert_eq!(customer.ask("/products").await.unwrap().status(), StatusCode::SERVICE_UNAVAILABLE);
}

#[tokio::test]
async fn a_cut_connection_is_an_error_to_the_client() {
    let customer = Customer::new(Options::default());
    customer.shop.fault("GET /products", 1, Fault::Cut { after: 100 });
    let response = customer.ask("/products").await.unwrap();
    assert!(response.bytes().await.is_err());
}

#[tokio::test]
async fn pages_can_be_bent() {
    let customer = Customer::new(Options::default());
    let shop = &customer.shop;
    shop.fault("GET /products", 1, Fault::WithoutId { item: 1 });
    assert!(customer.json("/products").await["items"][1].get("id").is_none());
    shop.fault("GET /products", 1, Fault::DuplicateId { item: 0 });
    let page = customer.json("/products").await;
    assert_eq!(page["items"].as_array().unwrap().last().unwrap()["id"], 1);
    shop.fault("GET /products", 1, Fault::WrongType { item: 2, field: "price".to_owned(), value: json!("dear") });
    assert_eq!(customer.json("/products").await["items"][2]["price"], "dear");
    shop.fault("GET /products", 1, Fault::Html);
    assert!(customer.ask("/products").await.unwrap().text().await.unwrap().starts_with("<!doctype html>"));
    shop.fault("GET /products", 1, Fault::Huge { bytes: 5_000_000 });
    assert_eq!(customer.ask("/products").await.unwrap().bytes().await.unwrap().len(), 5_000_000);
    shop.fault("GET /products", 1, Fault::BrokenJson);
    assert!(serde_json::from_slice::<Value>(&customer.ask("/products").await.unwrap().bytes().await.unwrap()).is_err());
}

#[tokio::test]
async fn paging_can_be_broken_in_three_ways() {
    let customer = Customer::new(Options::default());
    let next = async |query: &str| {
        customer.json(&format!("/products?limit=7{query}")).await["next"].as_str().unwrap().to_owned()
    };
    customer.shop.fault("GET /products", 2, Fault::Endless);
    let first = next("").await;
    assert_ne!(first, next(&format!("&cursor={first}")).await);
    customer.shop.fault("GET /products", 2, Fault::RepeatedCursor);
    let first = next("").await;
    assert_eq!(first, next(&format!("&cursor={first}")).await);
    customer.shop.fault("GET /products", 2, Fault::IgnoresPaging);
    let first = next("").await;
    assert_eq!(customer.json(&format!("/products?limit=7&cursor={first}")).await["items"][0]["id"], 1);
}

#[tokio::test]
async fn a_gate_holds_one_request_until_it_is_released() {
    let customer = Customer::new(Options::default());
    let before = customer.shop.gate("GET /products/7");
    let held = customer.ask("/products/7");
    let release = async {
        before.arrived().await;
        customer.shop.edit("products", 7, json!({"title": "Changed while held"}));
        before.release();
    };
    let (response, ()) = tokio::join!(held, release);
    assert!(response.unwrap().text().await.unwrap().contains("Changed while held"));

    let after = customer.shop.gate_at("POST /customers", Point::After);
    let made = customer.post("/customers", json!({"name": "Ada"}), "key");
    let look = async {
        after.arrived().await;
        let made = customer.shop.items("customers").last().unwrap()["name"] == "Ada";
        after.release();
        made
    };
    let ((status, _), was_made) = tokio::join!(made, look);
    assert!(was_made && status == StatusCode::CREATED);
}

#[tokio::test]
async fn a_standing_limit_tells_its_budget() {
    let customer = Customer::new(Options::default());
    customer.shop.limit(0.1, 2.0);
    let first = customer.ask("/products").await.unwrap();
    assert_eq!((first.status(), &first.headers()["x-ratelimit-remaining"]), (StatusCode::OK, &"1".parse().unwrap()));
    customer.ask("/products").await.unwrap();
    let third = customer.ask("/products").await.unwrap();
    assert_eq!(third.status(), StatusCode::TOO_MANY_REQUESTS);
    assert!(third.headers()["retry-after"].to_str().unwrap().parse::<u64>().unwrap() >= 9);
}

#[tokio::test]
async fn any_text_can_stand_for_an_item() {
    let customer = Customer::new(Options::default());
    let text = r#"{"id":3,"title":"\ud800","price":12345678901234567890.12,"updated_at":"1969-12-31T23:00:00Z"}"#;
    customer.shop.put_raw("products", 3, text);
    assert_eq!(customer.ask("/products/3").await.unwrap().text().await.unwrap(), text);
}

#[tokio::test]
async fn a_shop_that_was_killed_comes_back_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let options = Options { keep: Some(folder.path().join("shop.jsonl")), ..Options::default() };
    let customer = Customer::new(options.clone());
    let (status, made) = customer.post("/products", json!({"title": "Kept", "sku": "K-1"}), "key-1").await;
    assert_eq!(status, StatusCode::CREATED);
    let gone = customer.client.delete(format!("{}/products/2", customer.shop.url())).bearer_auth(customer.shop.token());
    assert_eq!(gone.send().await.unwrap().status(), StatusCode::NO_CONTENT);
    let before = customer.shop.items("products");
    drop(customer);
    // A line that was cut off is no change.
    let mut file = std::fs::File::options().append(true).open(folder.path().join("shop.jsonl")).unwrap();
    std::io::Write::write_all(&mut file, br#"{"change":"put","resource":"produ"#).unwrap();
    let customer = Customer::new(options);
    assert_eq!(customer.shop.items("products"), before);
    let again = customer.post("/products", json!({"title": "Kept", "sku": "K-1"}), "key-1").await;
    assert_eq!(again, (StatusCode::CREATED, made), "a keyed request is answered as before, and makes nothing");
    let (_, next) = customer.post("/products", json!({"title": "Next"}), "key-2").await;
    assert_eq!(next["id"], before.last().unwrap()["id"].as_u64().unwrap() + 1);
}

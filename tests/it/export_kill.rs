//! `kill -9` of the real program around a create: before it is sent, when it is sent, once it has arrived, once it is
//! answered, before it is bound. In the end it is there once, and bound.

use std::time::{Duration, Instant};

use bindery_tests::{Data, Fault, Gate, Options, Point, Shop, TestHost};
use serde_json::{Value, json};

/// A directory whose new records go to the shop, of the demo connector or of the one without keys.
fn prepared(type_name: &str, kind: &str) -> (Data, Shop) {
    let (data, shop) =
        (Data::new(), Shop::start(Options { products: 0, customers: 0, orders: 0, ..Options::default() }));
    match type_name {
        "demo" => data.connect(&shop),
        plugin => {
            data.install(plugin);
            let token = format!("api_token=@{}", data.write("token", shop.token()).display());
            let url = format!("api_url={}", shop.url());
            data.run(["backend", "add", "shop", "--type", plugin, "--set", &url, "--secret", &token]).ok();
        }
    }
    data.run(["backend", "set", "shop", "--kind", kind, "--set", "export=all"]).ok();
    (data, shop)
}

fn make(data: &Data, model: &str, values: &Value) -> i64 {
    let mut command = vec!["record".to_owned(), "create".to_owned(), model.to_owned(), "--json".to_owned()];
    let fields = values.as_object().expect("fields");
    command.extend(fields.iter().map(|(name, value)| format!("{name}={}", value.as_str().unwrap_or_default())));
    let made = data.run(command).ok().json();
    made["ids"][0].as_i64().unwrap_or_else(|| panic!("an id: {made}"))
}

/// Whether the export was tried and waits for its next attempt.
fn is_put_off(data: &Data) -> bool {
    let waiting = data.run(["job", "list", "--state", "pending", "--json"]).ok().json();
    waiting["jobs"]
        .as_array()
        .expect("jobs")
        .iter()
        .any(|job| job["kind"] == "export.record" && !job["error"].is_null())
}

/// Starts the host for the last time, in process, and lets everything come to its end.
async fn finished(data: Data) -> TestHost {
    let host = TestHost::start(data, |_| {}).await;
    host.exported().await;
    host.retry_exports().await;
    host
}

async fn is_there_once(host: &TestHost, shop: &Shop, (kind, resource): (&str, &str), record: i64) {
    let there = shop.items(resource);
    assert_eq!(there.len(), 1, "{there:#?}");
    let binding = host.binding_of("shop", kind, record).await.expect("it is bound");
    assert_eq!(binding["external_id"], there[0]["id"].to_string(), "{binding}");
    assert_eq!(binding["sync_status"], "success", "{binding}");
    assert_eq!(host.store().check().await.expect("the database is sound"), Vec::<String>::new());
}

/// Makes a record and kills the host when its request stands at the gate, so long after it was let go.
async fn kill_at(data: &Data, gate: Gate, model: &str, values: Value, later: Option<Duration>) -> i64 {
    let host = data.serve();
    let record = make(data, model, &values);
    gate.arrived().await;
    if let Some(later) = later {
        let end = Instant::now() + later;
        gate.release();
        while Instant::now() < end {
            std::hint::spin_loop();
        }
    }
    host.kill();
    gate.release();
    record
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_before_it_was_sent_it_is_made_once() {
    let (data, shop) = prepared("demo", "demo.product");
    // The shop puts it off: the intent is planned, and nothing was made.
    shop.fault_always("POST /products", Fault::RateLimit { retry_after: 3_600 });
    let host = data.serve();
    let record = make(&data, "product.template", &json!({ "name": "Planned", "default_code": "P-1" }));
    while !is_put_off(&data) {}
    host.kill();
    shop.clear_faults();
    let host = finished(data).await;
    is_there_once(&host, &shop, ("demo.product", "products"), record).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_while_it_is_sent_or_once_it_has_arrived_it_is_made_once() {
    for point in [Point::Before, Point::After] {
        let (data, shop) = prepared("demo", "demo.product");
        let gate = shop.gate_at("POST /products", point);
        let record =
            kill_at(&data, gate, "product.template", json!({ "name": "Sent", "default_code": "S-1" }), None).await;
        let host = finished(data).await;
        is_there_once(&host, &shop, ("demo.product", "products"), record).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_just_after_the_answer_it_is_made_once() {
    for later in [0, 100, 300, 1_000, 3_000, 10_000] {
        let (data, shop) = prepared("demo", "demo.product");
        let gate = shop.gate_at("POST /products", Point::After);
        let later = Some(Duration::from_micros(later));
        let record =
            kill_at(&data, gate, "product.template", json!({ "name": "Answered", "default_code": "A-1" }), later).await;
        let host = finished(data).await;
        is_there_once(&host, &shop, ("demo.product", "products"), record).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_between_answer_and_bind_it_is_bound_even_where_nothing_could_be_sent_again() {
    let (data, shop) = prepared("exporter", "exporter.category");
    shop.delete_all("categories");
    // The answer holds the id alone; the read that follows stands at the gate.
    let gate = shop.gate("GET /categories/*");
    let record = kill_at(&data, gate, "product.category", json!({ "name": "Known" }), None).await;
    let host = finished(data).await;
    is_there_once(&host, &shop, ("exporter.category", "categories"), record).await;
    assert_eq!(shop.count("POST /categories"), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_with_its_fate_unknown_it_is_searched_for() {
    let (data, shop) = prepared("exporter", "exporter.customer");
    let gate = shop.gate_at("POST /customers", Point::After);
    let values = json!({ "name": "Searched", "email": "searched@example.org" });
    let record = kill_at(&data, gate, "res.partner", values, None).await;
    let host = finished(data).await;
    is_there_once(&host, &shop, ("exporter.customer", "customers"), record).await;
    assert_eq!(shop.count("POST /customers"), 1);
}

/// Makes three records while nothing is exported, asks for their export, and kills the host when the request that holds
/// all of them stands at the gate.
async fn kill_batch_at(data: &Data, gate: Gate, later: Option<Duration>) -> Vec<i64> {
    data.run(["backend", "set", "shop", "--kind", "demo.product", "--set", "export=none"]).ok();
    let host = data.serve();
    let values = |number: usize| json!({ "name": format!("Lamp {number}"), "default_code": format!("L-{number}") });
    let records: Vec<i64> = (0..3).map(|number| make(data, "product.template", &values(number))).collect();
    data.run(["export", "shop", "--kind", "demo.product", "--domain", "[]"]).ok();
    gate.arrived().await;
    if let Some(later) = later {
        let end = Instant::now() + later;
        gate.release();
        while Instant::now() < end {
            std::hint::spin_loop();
        }
    }
    host.kill();
    gate.release();
    records
}

async fn all_are_there_once(host: &TestHost, shop: &Shop, records: &[i64]) {
    let there = shop.items("products");
    assert_eq!(there.len(), records.len(), "{there:#?}");
    for (number, record) in records.iter().enumerate() {
        let binding = host.binding_of("shop", "demo.product", *record).await.expect("it is bound");
        let title = format!("Lamp {number}");
        let theirs = there.iter().find(|item| item["title"] == title).expect("it is there");
        assert_eq!(binding["external_id"], theirs["id"].to_string(), "{binding}");
        assert_eq!(binding["sync_status"], "success", "{binding}");
    }
    assert_eq!(host.store().check().await.expect("the database is sound"), Vec::<String>::new());
}

/// The creates are noted as planned and as sent in one commit: a kill between that and the request leaves the same as one
/// that stands before the shop has done anything.
#[tokio::test(flavor = "multi_thread")]
async fn killed_while_a_batch_is_sent_or_once_it_has_arrived_each_is_made_once() {
    for point in [Point::Before, Point::After] {
        let (data, shop) = prepared("demo", "demo.product");
        let gate = shop.gate_at("POST /products/batch", point);
        let records = kill_batch_at(&data, gate, None).await;
        let host = finished(data).await;
        all_are_there_once(&host, &shop, &records).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_just_after_the_answer_to_a_batch_each_is_made_once() {
    for later in [0, 300, 1_000, 3_000, 10_000] {
        let (data, shop) = prepared("demo", "demo.product");
        let gate = shop.gate_at("POST /products/batch", Point::After);
        let records = kill_batch_at(&data, gate, Some(Duration::from_micros(later))).await;
        let host = finished(data).await;
        all_are_there_once(&host, &shop, &records).await;
    }
}

/// Changes three products that both have while nothing is exported, asks for their export, and kills the host when the
/// request that holds all of them stands at the gate.
async fn kill_changes_at(point: Point) -> (Data, Shop) {
    let shop = Shop::start(Options { products: 3, customers: 0, orders: 0, ..Options::default() });
    let data = Data::new();
    data.connect(&shop);
    data.run(["sync", "shop", "--only", "products"]).ok();
    data.run(["backend", "set", "shop", "--kind", "demo.product", "--set", "export=none"]).ok();
    let found = data.run(["binding", "list", "--backend", "shop", "--kind", "demo.product", "--json"]).ok().json();
    let host = data.serve();
    for binding in found["bindings"].as_array().expect("bindings") {
        let record = binding["record"].to_string();
        let name = format!("name=Changed {}", binding["external_id"].as_str().expect("an id"));
        data.run(["record", "write", "product.template", &record, &name]).ok();
    }
    let gate = shop.gate_at("PUT /products/batch", point);
    data.run(["export", "shop", "--kind", "demo.product", "--domain", "[]"]).ok();
    gate.arrived().await;
    host.kill();
    gate.release();
    (data, shop)
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_while_changes_are_sent_together_or_once_they_have_arrived_each_is_there() {
    for point in [Point::Before, Point::After] {
        let (data, shop) = kill_changes_at(point).await;
        let host = finished(data).await;
        for binding in host.bindings("shop", "demo.product", "").await {
            let id: u64 = binding["external_id"].as_str().expect("an id").parse().expect("a number");
            assert_eq!(shop.item("products", id)["title"], format!("Changed {id}"));
            assert_eq!(binding["sync_status"], "success", "{binding}");
        }
        assert_eq!(shop.items("products").len(), 3);
        assert_eq!(host.import("demo.product").await.updated, 0, "nothing comes back as a change");
        host.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_with_its_fate_unknown_and_nothing_to_search_by_a_person_decides() {
    let (data, shop) = prepared("exporter", "exporter.category");
    shop.delete_all("categories");
    let gate = shop.gate_at("POST /categories", Point::After);
    let record = kill_at(&data, gate, "product.category", json!({ "name": "Parked" }), None).await;
    let host = finished(data).await;
    let binding = host.binding_of("shop", "exporter.category", record).await.expect("it says why");
    assert_eq!(binding["sync_status"], "failed", "{binding}");
    assert!(binding["last_error"].as_str().unwrap_or_default().contains("nobody knows whether"), "{binding}");
    assert_eq!((shop.count("POST /categories"), shop.len("categories")), (1, 1));
}

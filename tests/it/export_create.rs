//! Creates in the outside system: made once, whatever is refused, put off or lost on the way, and whoever sees them first.

use bindery_tests::{Fault, Options, Point, Shop, TestHost};
use serde_json::{Value, json};

fn small() -> Options {
    Options { products: 4, customers: 3, orders: 0, ..Options::default() }
}

/// A host whose new products and categories go to the shop.
async fn giving(shop: &Shop) -> TestHost {
    let host = TestHost::in_step(shop).await;
    for kind in ["demo.product", "demo.category"] {
        host.set_policy("shop", kind, json!({ "export": "all" })).await;
    }
    host
}

/// A host with a backend that knows no idempotency keys.
async fn keyless(shop: &Shop) -> TestHost {
    let host = TestHost::new().await;
    host.connect_exporter(shop).await;
    for kind in ["exporter.category", "exporter.customer", "exporter.order"] {
        host.set_policy("other", kind, json!({ "export": "all" })).await;
    }
    host
}

fn titled(shop: &Shop, resource: &str, field: &str, value: &str) -> Vec<Value> {
    shop.items(resource).into_iter().filter(|item| item[field] == value).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_product_is_made_there_once_after_the_category_that_it_needs() {
    let shop = Shop::start(small());
    let host = giving(&shop).await;
    host.set_policy("shop", "demo.category", json!({ "export": "bound" })).await;
    let category = host.make("product.category", json!({ "name": "Hats" })).await;
    let values = json!({ "name": "Top hat", "default_code": "HAT-1", "list_price": "19.90", "categ_id": category });
    let record = host.make("product.template", values).await;
    host.exported().await;
    let (hats, made) = (titled(&shop, "categories", "name", "Hats"), titled(&shop, "products", "title", "Top hat"));
    assert_eq!((hats.len(), made.len()), (1, 1));
    assert_eq!((&made[0]["category_id"], &made[0]["price"]), (&hats[0]["id"], &json!(19.9)));
    let binding = host.binding_of("shop", "demo.product", record).await.expect("it is bound");
    assert_eq!(
        (&binding["external_id"], &binding["sync_status"]),
        (&json!(made[0]["id"].to_string()), &json!("success"))
    );
    let account = host.import("demo.product").await;
    assert_eq!((account.created, account.updated), (0, 0), "{account:?}");
    host.exported().await;
    assert_eq!(shop.count("POST /products"), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn records_that_need_each_other_are_refused_with_their_names() {
    let shop = Shop::start(small());
    let host = giving(&shop).await;
    let tax = host.make("account.tax", json!({ "name": "Ours", "amount": 7 })).await;
    let record = host.make("product.template", json!({ "name": "Taxed", "taxes_id": [[6, 0, [tax]]] })).await;
    host.exported().await;
    let binding = host.binding_of("shop", "demo.product", record).await.expect("it says why");
    let why = binding["last_error"].as_str().unwrap_or_default();
    assert!(why.contains(&format!("demo.tax {tax}")) && why.contains("can't be exported"), "{why}");
    assert_eq!(titled(&shop, "products", "title", "Taxed").len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_import_that_sees_it_first_binds_it_and_makes_no_second_record() {
    let shop = Shop::start(small());
    let host = giving(&shop).await;
    let gate = shop.gate_at("POST /products", Point::After);
    let record = host.make("product.template", json!({ "name": "Seen first", "default_code": "SEEN-1" })).await;
    gate.arrived().await;
    host.import("demo.product").await;
    gate.release();
    host.exported().await;
    assert_eq!(host.count("product.template", json!([["name", "=", "Seen first"]])).await, 1);
    let there = titled(&shop, "products", "title", "Seen first");
    let binding = host.binding_of("shop", "demo.product", record).await.expect("it is bound");
    assert_eq!((there.len(), &binding["external_id"]), (1, &json!(there[0]["id"].to_string())));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_import_that_can_not_tell_waits_until_it_is_bound() {
    let shop = Shop::start(small());
    let host = keyless(&shop).await;
    let gate = shop.gate_at("POST /categories", Point::After);
    let record = host.make("product.category", json!({ "name": "Waited for" })).await;
    gate.arrived().await;
    // Told by a webhook, say: the kind has nothing by which it could be matched.
    let there = titled(&shop, "categories", "name", "Waited for")[0]["id"].to_string();
    let single = json!({ "backend": "other", "kind": "exporter.category", "id": there });
    let started = host.call("sync.start", single).await;
    let job = started["jobs"][0]["id"].as_i64().expect("a job");
    host.job_when(job, "done", |job| job.state.is_ended()).await;
    assert_eq!(host.count("product.category", json!([["name", "=", "Waited for"]])).await, 1);
    gate.release();
    host.exported().await;
    host.wait(&[job]).await;
    assert_eq!(host.count("product.category", json!([["name", "=", "Waited for"]])).await, 1);
    let binding = host.binding_of("other", "exporter.category", record).await.expect("it is bound");
    assert_eq!(binding["external_id"], there);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_is_seen_half_made_or_in_other_letters_waits_until_it_is_bound() {
    for (sku, seen) in [("HALF-1", ""), ("Rewritten-1", " rewritten-1")] {
        let shop = Shop::start(small());
        let host = giving(&shop).await;
        let gate = shop.gate_at("POST /products", Point::After);
        let record = host.make("product.template", json!({ "name": "Seen half", "default_code": sku })).await;
        gate.arrived().await;
        let there = titled(&shop, "products", "title", "Seen half")[0]["id"].clone();
        shop.edit("products", there.as_u64().expect("a number"), json!({ "sku": seen }));
        shop.add("products", json!({ "title": "Somebody else's", "sku": "ELSE-1" }));
        let started = host.call("sync.start", json!({ "backend": "shop", "kind": "demo.product" })).await;
        let job = started["jobs"][0]["id"].as_i64().expect("a job");
        host.job_when(job, "done", |job| job.state.is_ended()).await;
        let count = async |name: &str| host.count("product.template", json!([["name", "=", name]])).await;
        assert_eq!((count("Seen half").await, count("Somebody else's").await), (1, 1), "seen as {seen:?}");
        shop.edit("products", there.as_u64().expect("a number"), json!({ "sku": sku }));
        gate.release();
        host.exported().await;
        host.wait(&[job]).await;
        assert_eq!(count("Seen half").await, 1, "seen as {seen:?}");
        let binding = host.binding_of("shop", "demo.product", record).await.expect("it is bound");
        assert_eq!(
            (&binding["external_id"], &binding["sync_status"]),
            (&json!(there.to_string()), &json!("success")),
            "{binding}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_answer_is_asked_for_again_with_the_same_key() {
    let shop = Shop::start(small());
    let host = giving(&shop).await;
    shop.fault_always("POST /products", Fault::Cut { after: 3 });
    let record = host.make("product.template", json!({ "name": "Cut", "default_code": "CUT-1" })).await;
    let job = host.exporting("demo.product").await;
    host.failing(job).await;
    shop.clear_faults();
    host.retry_exports().await;
    assert_eq!(titled(&shop, "products", "title", "Cut").len(), 1);
    let keys: Vec<_> =
        shop.requests().into_iter().filter(|one| one.method == "POST").map(|one| one.idempotency_key).collect();
    assert!(keys.len() > 1 && keys.iter().all(|key| key.is_some() && *key == keys[0]), "{keys:?}");
    assert_eq!(host.binding_of("shop", "demo.product", record).await.expect("bound")["sync_status"], "success");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_made_before_a_lost_create_is_settled_arrives_too() {
    let shop = Shop::start(small());
    let host = giving(&shop).await;
    shop.fault_always("POST /products", Fault::Cut { after: 3 });
    let record = host.make("product.template", json!({ "name": "Old name", "default_code": "CUT-2" })).await;
    let job = host.exporting("demo.product").await;
    host.failing(job).await;
    host.call("record.write", json!({ "model": "product.template", "id": record, "values": { "name": "New name" } }))
        .await;
    shop.clear_faults();
    host.exported().await;
    host.retry_exports().await;
    assert_eq!(titled(&shop, "products", "title", "Old name").len(), 0);
    assert_eq!(titled(&shop, "products", "title", "New name").len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_create_is_told_and_succeeds_once_it_is_mended() {
    let shop = Shop::start(small());
    let host = giving(&shop).await;
    shop.fault_always("POST /products", Fault::status(422));
    let record = host.make("product.template", json!({ "name": "Refused" })).await;
    host.exported().await;
    let binding = host.binding_of("shop", "demo.product", record).await.expect("it says why");
    assert_eq!((&binding["sync_status"], &binding["external_id"]), (&json!("failed"), &Value::Null), "{binding}");
    shop.clear_faults();
    host.call("record.write", json!({ "model": "product.template", "id": record, "values": { "name": "Mended" } }))
        .await;
    host.exported().await;
    assert_eq!(titled(&shop, "products", "title", "Mended").len(), 1);
    assert_eq!(host.binding_of("shop", "demo.product", record).await.expect("bound")["sync_status"], "success");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_keys_a_lost_create_is_searched_for() {
    for (name, point) in [("Arrived", Point::After), ("Never arrived", Point::Before)] {
        let fault = match point {
            Point::After => Fault::Cut { after: 3 },
            Point::Before => Fault::status(503),
        };
        let shop = Shop::start(small());
        let host = keyless(&shop).await;
        shop.fault("POST /customers", 1, fault);
        let email = format!("{}@example.org", name.replace(' ', "."));
        let record = host.make("res.partner", json!({ "name": name, "email": email })).await;
        let job = host.exporting("exporter.customer").await;
        host.failing(job).await;
        shop.clear_faults();
        host.retry_exports().await;
        assert_eq!(titled(&shop, "customers", "name", name).len(), 1, "{name}");
        let binding = host.binding_of("other", "exporter.customer", record).await.expect("it is bound");
        assert_eq!(binding["sync_status"], "success", "{binding}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_keys_and_without_a_search_a_person_decides_and_nothing_is_sent_again() {
    let shop = Shop::start(small());
    let host = keyless(&shop).await;
    shop.fault("POST /categories", 1, Fault::Cut { after: 3 });
    let record = host.make("product.category", json!({ "name": "Unknown" })).await;
    let job = host.exporting("exporter.category").await;
    host.failing(job).await;
    host.retry_exports().await;
    let binding = host.binding_of("other", "exporter.category", record).await.expect("it says why");
    assert_eq!(binding["sync_status"], "failed");
    let why = binding["last_error"].as_str().unwrap_or_default();
    assert!(why.contains("nobody knows whether"), "{why}");
    assert_eq!(shop.count("POST /categories"), 1);
    // The person finds it there, and says so.
    let there = titled(&shop, "categories", "name", "Unknown")[0]["id"].to_string();
    let bind = json!({ "backend": "other", "kind": "exporter.category", "external_id": there, "record": record });
    host.call("binding.bind", bind).await;
    host.call("record.write", json!({ "model": "product.category", "id": record, "values": { "name": "Known" } }))
        .await;
    host.exported().await;
    assert_eq!((shop.count("POST /categories"), titled(&shop, "categories", "name", "Known").len()), (1, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn lines_of_a_new_record_are_bound_to_ours() {
    let shop = Shop::start(small());
    let host = keyless(&shop).await;
    let customer = host.make("res.partner", json!({ "name": "Buyer", "email": "buyer@example.org" })).await;
    let lines =
        json!([[0, 0, { "name": "First", "product_uom_qty": 2 }], [0, 0, { "name": "Second", "product_uom_qty": 3 }]]);
    let order = host.make("sale.order", json!({ "partner_id": customer, "note": "Ours", "order_line": lines })).await;
    host.exported().await;
    let there = titled(&shop, "orders", "note", "Ours");
    assert_eq!(there.len(), 1, "{:#?}", host.binding_of("other", "exporter.order", order).await);
    let ids: Vec<String> = there[0]["lines"].as_array().unwrap().iter().map(|line| line["id"].to_string()).collect();
    let bound = host.bindings("other", "exporter.order_line", "").await;
    let mut known: Vec<_> = bound.iter().filter_map(|one| one["external_id"].as_str().map(str::to_owned)).collect();
    known.sort();
    assert_eq!(known, ids);
    let account = host.sync("other", json!({ "kind": "exporter.order" })).await;
    assert_eq!(account.failed, 0);
    assert_eq!(
        host.count("sale.order.line", json!([["order_id", "=", order]])).await,
        2,
        "no line came back as another one"
    );
}

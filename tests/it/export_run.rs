//! The account of an export: every record that it was offered is in it, whatever became of it, whatever stops the work in
//! between.

use bindery_tests::{Data, Fault, Options, Point, Shop, TestHost};
use serde_json::{Value, json};

fn small() -> Options {
    Options { products: 6, customers: 3, orders: 0, ..Options::default() }
}

/// Exports products of the backend `shop` and answers what the job came to.
async fn export(host: &TestHost, mut request: Value) -> Value {
    request["backend"] = "shop".into();
    request["kind"] = "demo.product".into();
    let job = host.call("export.start", request).await["jobs"][0]["id"].as_i64().expect("a job");
    host.wait(&[job]).await;
    host.job(job).await["result"].clone()
}

/// How the sync of products stands.
async fn status(host: &TestHost) -> Value {
    let status = host.call("status.show", json!({})).await;
    let kinds = status["backends"][0]["kinds"].as_array().expect("kinds").clone();
    kinds.into_iter().find(|kind| kind["kind"] == "demo.product").expect("products")
}

fn counts(account: &Value) -> [i64; 7] {
    ["offered", "created", "updated", "unchanged", "skipped", "quarantined", "failed"]
        .map(|count| account[count].as_i64().unwrap_or_else(|| panic!("{count}: {account}")))
}

#[tokio::test(flavor = "multi_thread")]
async fn each_record_that_was_offered_is_in_the_account_whether_sent_alone_or_with_others() {
    for batch_size in [1, 100] {
        let shop = Shop::start(small());
        let host = TestHost::in_step(&shop).await;
        let settings = json!({ "conflict": "ask", "batch_size": batch_size });
        host.set_policy("shop", "demo.product", settings).await;
        host.edit("demo.product", "3", json!({ "no_export": true })).await;
        shop.edit("products", 2, json!({ "title": "Changed there too" }));
        for id in ["1", "2", "5"] {
            host.edit("demo.product", id, json!({ "name": format!("Changed {id}") })).await;
        }
        // What was changed here goes out by itself, but for what is in conflict. Of none of them all was sent yet.
        host.exported().await;
        host.make("product.template", json!({ "name": "New", "default_code": "NEW-1" })).await;
        host.make("product.template", json!({ "name": "Newer", "default_code": "NEW-2" })).await;
        let tax = host.make("account.tax", json!({ "name": "Unknown there", "amount": 3 })).await;
        host.make("product.template", json!({ "name": "Bad", "taxes_id": [[6, 0, [tax]]] })).await;
        let result = export(&host, json!({ "domain": [] })).await;
        assert_eq!(counts(&result["account"]), [9, 2, 4, 0, 1, 1, 1], "{result:#}");
        assert_eq!(result["account"]["held"], 1);
        assert_eq!(result["counts"], json!({ "exported": 6, "created": 2, "skipped": 1, "errors": 2 }));
        let shown = status(&host).await;
        let last = &shown["last_export"];
        assert_eq!((&last["state"], &last["unaccounted"]), (&json!("done"), &json!(0)), "{shown:#}");
        assert_eq!(last["account"], result["account"]);
        assert_eq!(shown["last_run"]["account"]["offered"], 6, "the import has an account of its own: {shown:#}");
        let text = host.run(["status"]).await.ok().out;
        assert!(text.contains("9 offered: 2 created, 4 updated, 1 skipped, 1 quarantined, 1 failed"), "{text}");
        let again = export(&host, json!({ "domain": [] })).await;
        assert_eq!(counts(&again["account"]), [9, 0, 0, 6, 1, 1, 1], "{again:#}");
        host.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn records_that_others_need_are_no_part_of_the_sum() {
    let shop = Shop::start(small());
    let host = TestHost::in_step(&shop).await;
    for kind in ["demo.product", "demo.category"] {
        host.set_policy("shop", kind, json!({ "export": "none" })).await;
    }
    let category = host.make("product.category", json!({ "name": "Lamps" })).await;
    let values = json!({ "name": "Lamp", "default_code": "L-1", "categ_id": category });
    let record = host.make("product.template", values).await;
    let result = export(&host, json!({ "ids": [record] })).await;
    assert_eq!(counts(&result["account"]), [1, 1, 0, 0, 0, 0, 0], "{result:#}");
    assert_eq!(result["account"]["dependencies"], 1, "{result:#}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_second_half_of_a_step_has_an_account_which_the_command_shows() {
    let shop = Shop::start(small());
    let host = TestHost::in_step(&shop).await;
    host.set_policy("shop", "demo.product", json!({ "export": "all" })).await;
    let data = host.stop().await;
    data.run(["record", "create", "product.template", "name=Ours", "default_code=OURS-1"]).ok();
    let shown = data.run(["sync", "shop", "--only", "products"]).ok().out;
    let line = shown.lines().find(|line| line.contains("export demo.product")).expect("a line of the export");
    let words: Vec<&str> = line.split_whitespace().skip(2).collect();
    assert_eq!(words, ["1", "1", "0", "0", "0", "0", "0"], "{shown}");
    let host = TestHost::start(data, |_| {}).await;
    assert_eq!(counts(&status(&host).await["last_export"]["account"]), [1, 1, 0, 0, 0, 0, 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_is_called_off_says_what_was_done_and_the_next_one_does_the_rest() {
    let shop = Shop::start(small());
    let host = TestHost::in_step(&shop).await;
    host.set_policy("shop", "demo.product", json!({ "export": "none", "batch_size": 1 })).await;
    let number = |number: usize| json!({ "name": format!("Lamp {number}"), "default_code": format!("L-{number}") });
    for at in 0..12 {
        host.make("product.template", number(at)).await;
    }
    let gate = shop.gate("POST /products");
    let request = json!({ "backend": "shop", "kind": "demo.product", "domain": [["name", "=like", "Lamp%"]] });
    let job = host.call("export.start", request).await["jobs"][0]["id"].as_i64().expect("a job");
    gate.arrived().await;
    host.call("job.cancel", json!({ "ids": [job] })).await;
    gate.release();
    host.wait(&[job]).await;
    let shown = status(&host).await;
    assert_eq!(shown["last_export"]["state"], "cancelled", "{shown:#}");
    let account = &shown["last_export"]["account"];
    assert_eq!(shown["last_export"]["unaccounted"], 0);
    let there = shop.items("products").len() as u64 - 6;
    assert!(there < 12 && account["created"].as_u64() <= Some(there), "{there} are there: {shown:#}");
    let rest = export(&host, json!({ "domain": [["name", "=like", "Lamp%"]] })).await;
    assert_eq!(rest["account"]["offered"], 12);
    assert_eq!(shop.items("products").len(), 6 + 12);
}

/// A directory with lamps that are not in the shop, and an export of them under way that stands at a gate.
async fn killed_at(batch_size: usize, on: &str, done_before: usize) -> (Data, Shop, i64) {
    let shop = Shop::start(Options { products: 0, customers: 0, orders: 0, ..Options::default() });
    let data = Data::new();
    data.connect(&shop);
    let size = format!("batch_size={batch_size}");
    data.run(["backend", "set", "shop", "--kind", "demo.product", "--set", "export=none", "--set", &size]).ok();
    for at in 0..12 {
        let (name, code) = (format!("name=Lamp {at}"), format!("default_code=L-{at}"));
        data.run(["record", "create", "product.template", &name, &code]).ok();
    }
    let gate = shop.gate_at(on, Point::After);
    let host = data.serve();
    let started = data.run(["export", "shop", "--kind", "demo.product", "--domain", "[]", "--json"]).ok().json();
    let job = started["jobs"][0]["id"].as_i64().expect("a job");
    gate.arrived().await;
    // What else is under way is taken in before the host is gone.
    let counted = || data.run(["status", "--json"]).ok().json()["backends"][0]["kinds"][0]["last_export"].clone();
    while counted()["account"]["created"].as_u64() != Some(done_before as u64) {}
    host.kill();
    gate.release();
    (data, shop, job)
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_in_the_middle_it_goes_on_and_each_record_is_counted_once() {
    for (batch_size, on, done_before) in [(1, "POST /products", 11), (4, "POST /products/batch", 8)] {
        let (data, shop, job) = killed_at(batch_size, on, done_before).await;
        let host = TestHost::start(data, |_| {}).await;
        host.exported().await;
        host.call("job.retry", json!({ "ids": [job] })).await;
        host.wait(&[job]).await;
        let result = host.job(job).await["result"].clone();
        assert_eq!(counts(&result["account"]), [12, 12, 0, 0, 0, 0, 0], "{batch_size}: {result:#}");
        assert_eq!(shop.items("products").len(), 12);
        assert_eq!(status(&host).await["last_export"]["unaccounted"], 0);
        let left = host.store().read(|tx| bindery::storage::export_left::all(tx, 1)).await.expect("it is read");
        assert!(left.is_empty(), "{left:?}");
        host.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_has_to_wait_for_the_shop_counts_nothing_twice() {
    let shop = Shop::start(small());
    let host = TestHost::in_step(&shop).await;
    host.set_policy("shop", "demo.product", json!({ "export": "none", "batch_size": 1 })).await;
    for at in 0..12 {
        let values = json!({ "name": format!("Lamp {at}"), "default_code": format!("L-{at}") });
        host.make("product.template", values).await;
    }
    shop.fault_after("POST /products", 5, 1_000, Fault::status(503));
    let request = json!({ "backend": "shop", "kind": "demo.product", "domain": [["name", "=like", "Lamp%"]] });
    let job = host.call("export.start", request).await["jobs"][0]["id"].as_i64().expect("a job");
    host.failing(job).await;
    let shown = status(&host).await;
    assert_eq!((&shown["last_export"]["state"], &shown["last_export"]["unaccounted"]), (&json!("running"), &json!(0)));
    shop.clear_faults();
    host.retry(job).await;
    let result = host.job(job).await["result"].clone();
    assert_eq!(counts(&result["account"]), [12, 12, 0, 0, 0, 0, 0], "{result:#}");
}

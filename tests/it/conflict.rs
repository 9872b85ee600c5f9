//! Both sides change the same record between two syncs: what only one side changed survives, and about the rest the
//! operator's policy decides, or a person.

use bindery_tests::{Options, Shop, TestHost};
use serde_json::{Value, json};

async fn in_step(policy: &str) -> (TestHost, Shop) {
    let shop = Shop::start(Options { products: 6, customers: 4, orders: 2, ..Options::default() });
    let host = TestHost::over(&shop).await;
    for kind in ["demo.category", "demo.tax", "demo.product"] {
        host.import(kind).await;
    }
    host.exported().await;
    host.call("backend.set", json!({ "name": "shop", "texts": { "conflict": policy } })).await;
    shop.clear_requests();
    (host, shop)
}

/// Theirs changes first, then ours, and nothing has told this host of theirs.
async fn both_change(host: &TestHost, shop: &Shop, theirs: Value, ours: Value) {
    shop.edit("products", 1, theirs);
    host.edit("demo.product", "1", ours).await;
    host.exported().await;
}

async fn ours(host: &TestHost) -> Value {
    let record = host.record("demo.product", "1", &["name", "description", "list_price"]).await;
    json!([record["name"], record["description"], record["list_price"].as_str().map(|text| text.parse::<f64>().ok())])
}

fn theirs(shop: &Shop) -> Value {
    let item = shop.item("products", 1);
    json!([item["title"], item["description"], item["price"]])
}

async fn conflicts(host: &TestHost) -> Vec<Value> {
    host.call("conflict.list", json!({})).await["conflicts"].as_array().expect("conflicts").clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_only_one_side_changed_survives_whatever_the_policy_is() {
    for policy in ["remote", "local", "newest", "ask"] {
        let (host, shop) = in_step(policy).await;
        both_change(&host, &shop, json!({ "description": "By them" }), json!({ "name": "By us" })).await;
        host.import("demo.product").await;
        host.exported().await;
        let both = [ours(&host).await, theirs(&shop)];
        for side in &both {
            assert_eq!((&side[0], &side[1]), (&json!("By us"), &json!("By them")), "{policy}: {both:?}");
        }
        assert_eq!(conflicts(&host).await, [] as [Value; 0], "{policy}");
        host.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_relation_whose_target_came_in_for_it_is_agreed_on_too() {
    let shop = Shop::start(Options { products: 6, customers: 0, orders: 0, ..Options::default() });
    let host = TestHost::over(&shop).await;
    // Categories come in because products need them.
    host.import("demo.product").await;
    host.exported().await;
    let (before, category) =
        (shop.item("products", 1)["category_id"].clone(), shop.item("products", 2)["category_id"].clone());
    assert_ne!(before, category);
    let other = host.binding("demo.category", &category.to_string()).await["record"].clone();
    both_change(&host, &shop, json!({ "description": "By them" }), json!({ "categ_id": other })).await;
    host.import("demo.product").await;
    host.exported().await;
    let item = shop.item("products", 1);
    assert_eq!((&item["category_id"], &item["description"]), (&category, &json!("By them")));
    let [one, two] =
        [host.record("demo.product", "1", &["categ_id"]).await, host.record("demo.product", "2", &["categ_id"]).await];
    assert_eq!(one["categ_id"], two["categ_id"]);
    host.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_relation_that_we_changed_survives_another_one_that_leads_to_something_new_there() {
    let (host, shop) = in_step("remote").await;
    let (before, category) =
        (shop.item("products", 1)["category_id"].clone(), shop.item("products", 2)["category_id"].clone());
    assert_ne!(before, category);
    let tax = shop.add("taxes", json!({ "name": "New", "rate": 3 }));
    let other = host.binding("demo.category", &category.to_string()).await["record"].clone();
    both_change(&host, &shop, json!({ "tax_ids": [tax] }), json!({ "categ_id": other })).await;
    host.import("demo.product").await;
    host.exported().await;
    let item = shop.item("products", 1);
    assert_eq!((&item["category_id"], &item["tax_ids"]), (&category, &json!([tax])));
    let [one, two] =
        [host.record("demo.product", "1", &["categ_id"]).await, host.record("demo.product", "2", &["categ_id"]).await];
    assert_eq!(one["categ_id"], two["categ_id"]);
    host.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_field_goes_as_the_policy_says() {
    for (policy, stands) in [("remote", "By them"), ("local", "By us"), ("newest", "By us")] {
        let (host, shop) = in_step(policy).await;
        both_change(&host, &shop, json!({ "title": "By them", "price": 7.5 }), json!({ "name": "By us" })).await;
        host.import("demo.product").await;
        host.exported().await;
        let both = [ours(&host).await, theirs(&shop)];
        assert_eq!(both[0], both[1], "{policy}");
        assert_eq!((&both[0][0], &both[0][2]), (&json!(stands), &json!(7.5)), "{policy}");
        host.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_younger_one_wins_where_theirs_is_younger() {
    let (host, shop) = in_step("newest").await;
    // The shop's own clock stands in the past; this change comes from tomorrow.
    host.edit("demo.product", "1", json!({ "name": "By us" })).await;
    let mut item = shop.item("products", 1);
    item["title"] = json!("By them");
    item["updated_at"] = json!("2999-01-01T00:00:00Z");
    shop.put_raw("products", 1, &item.to_string());
    host.import("demo.product").await;
    host.exported().await;
    assert_eq!((ours(&host).await[0].clone(), theirs(&shop)[0].clone()), (json!("By them"), json!("By them")));
    host.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_field_may_have_a_policy_of_its_own() {
    let (host, shop) = in_step("remote").await;
    let texts = json!({ "conflict_fields": "{\"list_price\": \"local\"}" });
    host.call("backend.set", json!({ "name": "shop", "kind": "demo.product", "texts": texts })).await;
    let by_us = json!({ "name": "By us", "list_price": "99.50" });
    both_change(&host, &shop, json!({ "title": "By them", "price": 7.5 }), by_us).await;
    host.import("demo.product").await;
    host.exported().await;
    let both = [ours(&host).await, theirs(&shop)];
    assert_eq!(both[0], both[1]);
    assert_eq!((&both[0][0], &both[0][2]), (&json!("By them"), &json!(99.5)));
    let wrong = json!({ "conflict_fields": "{\"list_price\": \"mine\"}" });
    let refused = host.fails("backend.set", json!({ "name": "shop", "kind": "demo.product", "texts": wrong })).await;
    assert!(refused.fields.iter().any(|(name, _)| name.contains("conflict_fields")));
    host.stop().await;
}

/// A record that both sides changed, held for a person; answers the conflict.
async fn held(host: &TestHost, shop: &Shop) -> Value {
    let by_us = json!({ "name": "By us", "list_price": "99.50", "description": "Only by us" });
    both_change(host, shop, json!({ "title": "By them", "price": 7.5 }), by_us).await;
    let mut all = conflicts(host).await;
    assert_eq!(all.len(), 1, "{all:?}");
    all.remove(0)
}

#[tokio::test(flavor = "multi_thread")]
async fn where_a_person_decides_the_record_waits_and_nothing_else_does() {
    let (host, shop) = in_step("ask").await;
    let before = ours(&host).await;
    let conflict = held(&host, &shop).await;
    let fields: Vec<(&Value, &Value, &Value)> = conflict["fields"]
        .as_array()
        .expect("fields")
        .iter()
        .map(|f| (&f["field"], &f["ours"], &f["theirs"]))
        .collect();
    assert_eq!(
        fields,
        [(&json!("name"), &json!("By us"), &json!("By them")), (&json!("list_price"), &json!("99.5"), &json!("7.5"))]
    );
    assert_eq!(conflict["fields"][0]["agreed"], before[0]);
    // Neither side is touched, by imports and exports alike.
    host.import("demo.product").await;
    host.edit("demo.product", "1", json!({ "barcode": "111" })).await;
    host.exported().await;
    assert_eq!(shop.count("PUT /products/1"), 0);
    assert_eq!((ours(&host).await[0].clone(), theirs(&shop)[0].clone()), (json!("By us"), json!("By them")));
    let binding = host.binding("demo.product", "1").await;
    assert_eq!(binding["sync_status"], "failed");
    assert!(binding["last_error"].as_str().expect("a reason").contains("name, list_price"), "{binding}");
    // Others go on.
    host.edit("demo.product", "2", json!({ "name": "Goes on" })).await;
    host.exported().await;
    assert_eq!(shop.item("products", 2)["title"], "Goes on");
    assert_eq!(conflicts(&host).await.len(), 1, "it is one conflict, however often it is met");
    let status = host.call("status.show", json!({})).await;
    assert!(status.to_string().contains("bindery conflict list --backend shop"), "{status}");
    host.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_settles_it_for_ours_theirs_or_field_by_field() {
    let by_field = json!({ "fields": { "name": "theirs", "list_price": "ours" } });
    for (decision, name, price) in [
        (json!({ "rest": "ours" }), "By us", 99.5),
        (json!({ "rest": "theirs" }), "By them", 7.5),
        (by_field, "By them", 99.5),
        (json!({ "rest": "theirs", "fields": { "name": "ours" } }), "By us", 7.5),
    ] {
        let (host, shop) = in_step("ask").await;
        let id = held(&host, &shop).await["id"].clone();
        let mut request = decision.clone();
        request["id"] = id.clone();
        let resolved = host.call("conflict.resolve", request.clone()).await;
        host.wait(&[resolved["job"].as_i64().expect("a job")]).await;
        host.exported().await;
        let both = [ours(&host).await, theirs(&shop)];
        assert_eq!(both[0], both[1], "{decision}");
        assert_eq!(both[0], json!([name, "Only by us", price]), "{decision}");
        assert_eq!(conflicts(&host).await, [] as [Value; 0], "{decision}");
        assert_eq!(host.binding("demo.product", "1").await["sync_status"], "success");
        let account = host.import("demo.product").await;
        assert_eq!((account.updated, account.quarantined), (0, 0), "{decision}: {account:?}");
        let again = host.fails("conflict.resolve", request).await;
        assert!(again.message.contains("settled already"), "{}", again.message);
        host.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_decided_must_be_part_of_the_conflict() {
    let (host, shop) = in_step("ask").await;
    let id = held(&host, &shop).await["id"].clone();
    let other = json!({ "id": id, "fields": { "barcode": "ours" } });
    let refused = host.fails("conflict.resolve", other).await;
    assert!(refused.message.contains("there are name, list_price"), "{}", refused.message);
    let nothing = host.fails("conflict.resolve", json!({ "id": id })).await;
    assert!(nothing.message.contains("`rest`"), "{}", nothing.message);
    // One field of two: the other still waits.
    let one = host.call("conflict.resolve", json!({ "id": id, "fields": { "name": "theirs" } })).await;
    host.wait(&[one["job"].as_i64().expect("a job")]).await;
    let left = conflicts(&host).await;
    assert_eq!(left.len(), 1);
    assert_ne!(left[0]["id"], id);
    host.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_conflict_that_goes_away_by_itself_is_closed() {
    let (host, shop) = in_step("ask").await;
    held(&host, &shop).await;
    // Somebody brings theirs to the same values.
    shop.edit("products", 1, json!({ "title": "By us", "price": 99.5 }));
    host.import("demo.product").await;
    host.exported().await;
    assert_eq!(conflicts(&host).await, [] as [Value; 0]);
    assert_eq!(ours(&host).await, theirs(&shop));
    host.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn lines_go_with_the_record() {
    for (side, barcode) in [("ours", "1111"), ("theirs", "2222")] {
        let (host, shop) = in_step("ask").await;
        let mut variants = shop.item("products", 1)["variants"].clone();
        let variant = variants[0]["id"].to_string();
        variants[0]["barcode"] = json!("2222");
        shop.edit("products", 1, json!({ "title": "By them", "variants": variants }));
        host.edit("demo.variant", &variant, json!({ "barcode": "1111" })).await;
        host.edit("demo.product", "1", json!({ "name": "By us" })).await;
        host.exported().await;
        let id = conflicts(&host).await[0]["id"].clone();
        let resolved = host.call("conflict.resolve", json!({ "id": id, "rest": side })).await;
        host.wait(&[resolved["job"].as_i64().expect("a job")]).await;
        assert_eq!(host.record("demo.variant", &variant, &["barcode"]).await["barcode"], barcode, "{side}");
        host.stop().await;
    }
}

//! Two shops that each make something else of the same value, later and by themselves: the storm ends by itself, and
//! nothing but that one record waits for a person.

use bindery_tests::{Habit, Options, Shop, TestHost, When};
use serde_json::{Value, json};

const KIND: &str = "demo.customer";

/// Two shops with the same three customers, in step. The first writes names in capitals, the second in small letters.
async fn storm() -> (TestHost, [Shop; 2]) {
    let options = |customers| Options { products: 0, customers, orders: 0, ..Options::default() };
    let shops = [Shop::start(options(3)), Shop::start(options(0))];
    let host = TestHost::hub(&shops.each_ref(), KIND).await;
    shops[0].habit("customers", "name", Habit::Upper, When::Later);
    shops[1].habit("customers", "name", Habit::Lower, When::Later);
    (host, shops)
}

async fn record(host: &TestHost, at: usize) -> i64 {
    host.bindings("shop0", KIND, "").await[at]["record"].as_i64().expect("it is bound")
}

async fn name(host: &TestHost, record: i64, name: &str) {
    host.call("record.write", json!({ "model": "res.partner", "id": record, "values": { "name": name } })).await;
    host.exported().await;
}

/// Each shop is asked what is new, so many times.
async fn rounds(host: &TestHost, count: usize) {
    for _ in 0..count {
        for backend in ["shop0", "shop1"] {
            host.sync(backend, json!({ "kind": KIND })).await;
            host.exported().await;
        }
    }
}

async fn items(host: &TestHost) -> Vec<Value> {
    host.call("review.list", json!({})).await["items"].as_array().expect("items").clone()
}

/// The one record that bounces, and its item.
async fn stopped(host: &TestHost, shops: &[Shop; 2]) -> (i64, Value) {
    let record = record(host, 0).await;
    shops.iter().for_each(Shop::clear_requests);
    name(host, record, "Ada Lovelace").await;
    rounds(host, 12).await;
    let mut items = items(host).await;
    assert_eq!(items.len(), 1, "{items:?}");
    (record, items.remove(0))
}

fn names(shop: &Shop) -> Vec<String> {
    let items = shop.items("customers");
    let mut names: Vec<String> = items.iter().filter_map(|item| item["name"].as_str().map(str::to_owned)).collect();
    names.sort();
    names
}

#[tokio::test(flavor = "multi_thread")]
async fn a_storm_between_two_shops_ends_by_itself_and_only_that_record_waits() {
    let (host, shops) = storm().await;
    let (record, item) = stopped(&host, &shops).await;
    let sent = shops.each_ref().map(Shop::writes);
    // Two changes may go round at once, each in its own form: what tells is that of the three forms none is sent a fourth time.
    assert!(sent.iter().all(|sent| (2..=9).contains(sent)), "a few rounds, not twelve: {sent:?}");
    for bodies in shops.each_ref().map(|shop| shop.bodies("PUT /customers/1")) {
        let often = |body: &Value| bodies.iter().filter(|other| *other == body).count();
        assert!(bodies.iter().all(|body| often(body) <= 3), "{bodies:#?}");
    }
    rounds(&host, 5).await;
    assert_eq!(shops.each_ref().map(Shop::writes), sent, "it has come to its end");
    // It is told wherever a person looks.
    assert_eq!((&item["cause"], &item["record"]), (&json!("bounce"), &json!(record)), "{item}");
    assert!(item["reason"].as_str().is_some_and(|reason| reason.contains("came back changed (name)")), "{item}");
    let backend = item["backend"].as_str().expect("a backend");
    let binding = host.binding_of(backend, KIND, record).await.expect("it is bound");
    assert_eq!(binding["sync_status"], "failed", "{binding}");
    assert!(binding["last_error"].as_str().is_some_and(|error| error.contains("came back changed")), "{binding}");
    let status = host.call("status.show", json!({})).await.to_string();
    assert!(status.contains(&format!("bindery review list --backend {backend}")), "{status}");
    // Other records go on, both ways.
    let other = self::record(&host, 1).await;
    host.call("record.write", json!({ "model": "res.partner", "id": other, "values": { "comment": "Goes on" } })).await;
    host.exported().await;
    for shop in &shops {
        let notes: Vec<Value> = shop.items("customers").into_iter().map(|item| item["note"].clone()).collect();
        assert!(notes.contains(&json!("Goes on")), "{notes:?}");
    }
    host.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_real_edit_goes_on_and_settles_it() {
    let (host, shops) = storm().await;
    let (record, _) = stopped(&host, &shops).await;
    shops.iter().for_each(Shop::clear_habits);
    name(&host, record, "Grace Hopper").await;
    rounds(&host, 2).await;
    for shop in &shops {
        assert!(names(shop).contains(&"Grace Hopper".to_owned()), "{:?}", names(shop));
    }
    assert_eq!(items(&host).await, [] as [Value; 0]);
    for backend in ["shop0", "shop1"] {
        assert_eq!(host.binding_of(backend, KIND, record).await.expect("bound")["sync_status"], "success");
    }
    host.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_edit_in_a_shop_goes_on_too() {
    let (host, shops) = storm().await;
    let (record, item) = stopped(&host, &shops).await;
    shops.iter().for_each(Shop::clear_habits);
    let at = usize::from(item["backend"] == "shop0");
    let other = format!("shop{at}");
    let binding = host.binding_of(&other, KIND, record).await.expect("bound");
    let id = binding["external_id"].as_str().and_then(|id| id.parse().ok()).expect("a number");
    shops[at].edit("customers", id, json!({ "name": "Edited there" }));
    rounds(&host, 2).await;
    for shop in &shops {
        assert!(names(shop).contains(&"Edited there".to_owned()), "{:?}", names(shop));
    }
    assert_eq!(items(&host).await, [] as [Value; 0]);
    host.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_sends_it_once_more_or_leaves_it_out() {
    for decision in ["send", "skip"] {
        let (host, shops) = storm().await;
        let (record, item) = stopped(&host, &shops).await;
        let at = usize::from(item["backend"] == "shop1");
        shops.iter().for_each(Shop::clear_requests);
        let wrong = host.fails("review.resolve", json!({ "id": item["id"], "decision": "create" })).await;
        assert!(wrong.message.contains("send, skip"), "{}", wrong.message);
        host.call("review.resolve", json!({ "id": item["id"], "decision": decision })).await;
        host.exported().await;
        assert_eq!(shops[at].writes(), usize::from(decision == "send"), "{decision}");
        shops[at].clear_habits();
        rounds(&host, 6).await;
        let binding = host.binding_of(item["backend"].as_str().expect("a name"), KIND, record).await.expect("bound");
        match decision {
            "send" => assert_eq!((names(&shops[0]), &binding["sync_status"]), (names(&shops[1]), &json!("success"))),
            _ => assert_eq!((&binding["no_export"], shops[at].writes()), (&json!(true), 0), "{binding}"),
        }
        assert_eq!(items(&host).await, [] as [Value; 0], "{decision}");
        host.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn values_that_grow_with_every_round_are_stopped_too() {
    let (host, shops) = storm().await;
    shops.iter().for_each(Shop::clear_habits);
    shops[0].habit("customers", "note", Habit::Append("!"), When::Later);
    shops[1].habit("customers", "note", Habit::Append("?"), When::Later);
    shops.iter().for_each(Shop::clear_requests);
    let record = record(&host, 0).await;
    host.call("record.write", json!({ "model": "res.partner", "id": record, "values": { "comment": "Hm" } })).await;
    host.exported().await;
    rounds(&host, 30).await;
    let sent = shops.each_ref().map(Shop::writes);
    assert!(sent.iter().all(|sent| *sent <= 22), "{sent:?}");
    // Each shop's send of that record stops by itself, one item for each; whether the second one is asked for any more
    // depends on whose turn it was.
    let waiting = items(&host).await;
    let of = |backend: &str| waiting.iter().filter(|item| item["backend"] == backend).count();
    assert!(waiting.iter().all(|item| item["cause"] == "bounce" && item["record"] == record), "{waiting:#?}");
    assert!(!waiting.is_empty() && of("shop0") <= 1 && of("shop1") <= 1, "{waiting:#?}");
    rounds(&host, 3).await;
    assert_eq!(shops.each_ref().map(Shop::writes), sent);
    assert_eq!(items(&host).await, waiting);
    host.stop().await;
}

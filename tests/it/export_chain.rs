//! Several backends at once: a change goes to each other one, once, and never back.

use bindery_tests::{Options, Shop, TestHost};
use serde_json::{Value, json};

const KIND: &str = "demo.customer";

fn shops(count: usize) -> Vec<Shop> {
    let options = |customers| Options { products: 0, customers, orders: 0, ..Options::default() };
    (0..count).map(|at| Shop::start(options(if at == 0 { 3 } else { 0 }))).collect()
}

fn names(shop: &Shop) -> Vec<String> {
    let mut names: Vec<String> =
        shop.items("customers").iter().filter_map(|item| item["name"].as_str().map(str::to_owned)).collect();
    names.sort();
    names
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_made_in_one_shop_appears_in_the_others_and_does_not_echo() {
    let all = shops(3);
    let host = TestHost::hub(&all.iter().collect::<Vec<_>>(), KIND).await;
    assert_eq!((names(&all[1]), names(&all[2])), (names(&all[0]), names(&all[0])));
    assert_eq!(all[0].writes(), 0, "nothing goes back to where it came from");
    for (name, shop) in ["shop0", "shop1", "shop2"].iter().zip(&all) {
        shop.clear_requests();
        host.sync(name, json!({ "kind": KIND })).await;
    }
    host.exported().await;
    assert!(all.iter().all(|shop| shop.writes() == 0), "a round without a change sends nothing");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_in_one_shop_reaches_the_others_once() {
    let all = shops(3);
    let host = TestHost::hub(&all.iter().collect::<Vec<_>>(), KIND).await;
    let id = all[1].items("customers")[0]["id"].as_u64().expect("an id");
    all[1].edit("customers", id, json!({ "name": "Changed in the second" }));
    all.iter().for_each(Shop::clear_requests);
    host.sync("shop1", json!({ "kind": KIND })).await;
    host.exported().await;
    for (name, shop) in ["shop0", "shop1", "shop2"].iter().zip(&all) {
        host.sync(name, json!({ "kind": KIND })).await;
        assert!(names(shop).contains(&"Changed in the second".to_owned()), "{name}");
    }
    host.exported().await;
    let writes: Vec<usize> = all.iter().map(Shop::writes).collect();
    assert_eq!(writes, [1, 0, 1]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_one_shop_makes_of_a_value_reaches_the_others_and_the_loop_ends() {
    let all = shops(2);
    let host = TestHost::hub(&all.iter().collect::<Vec<_>>(), KIND).await;
    let bound = host.bindings("shop0", KIND, "").await;
    let record: &Value = &bound[0]["record"];
    // Each shop gets a few of the changes, the last one among these.
    for number in 0..50 {
        let values = json!({ "comment": format!("Note {number}") });
        host.call("record.write", json!({ "model": "res.partner", "id": record, "values": values })).await;
    }
    host.exported().await;
    for shop in &all {
        let notes: Vec<Value> = shop.items("customers").into_iter().map(|item| item["note"].clone()).collect();
        assert!(notes.contains(&json!("Note 49")), "{notes:?}");
    }
    all.iter().for_each(Shop::clear_requests);
    for name in ["shop0", "shop1", "shop0", "shop1"] {
        host.sync(name, json!({ "kind": KIND })).await;
        host.exported().await;
    }
    assert!(all.iter().all(|shop| shop.writes() == 0), "it has come to rest");
}

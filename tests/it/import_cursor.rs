//! Where the next import starts: the remote's own time less an overlap, moved only with the last page, seen and moved by
//! people.

use bindery_tests::{Options, Shop, TestHost};
use serde_json::json;

const KIND: &str = "demo.customer";

async fn connected() -> (TestHost, Shop) {
    let shop = Shop::start(Options { products: 3, customers: 40, orders: 0, ..Options::default() });
    let host = TestHost::over(&shop).await;
    host.call("backend.set", json!({ "name": "shop", "settings": { "page_size": 10 } })).await;
    (host, shop)
}

/// The `updated_since` of the last list request.
fn since(shop: &Shop) -> Option<String> {
    let last = shop.requests().into_iter().rfind(|entry| entry.path == "/customers").expect("a request");
    let asked = last.query.split('&').find_map(|part| part.strip_prefix("updated_since=").map(str::to_owned));
    asked.map(|text| text.replace("%3A", ":"))
}

#[tokio::test(flavor = "multi_thread")]
async fn it_starts_at_the_latest_change_there_less_the_overlap() {
    let (host, shop) = connected().await;
    host.import(KIND).await;
    // The last of them was changed at 00:00:40 by the shop's clock, which is not ours.
    assert_eq!(shop.item("customers", 40)["updated_at"], "2026-01-01T00:00:40Z");
    assert_eq!(host.cursor(KIND).await.as_deref(), Some("2026-01-01T00:00:10Z"));
    let account = host.import(KIND).await;
    assert_eq!(since(&shop).as_deref(), Some("2026-01-01T00:00:10Z"));
    assert_eq!(
        (account.offered, account.unchanged),
        (31, 31),
        "the overlap is read again, and costs nothing: {account}"
    );
    assert_eq!(host.cursor(KIND).await.as_deref(), Some("2026-01-01T00:00:10Z"));
}

#[tokio::test(flavor = "multi_thread")]
async fn records_of_one_instant_are_all_seen_on_whichever_page_they_are() {
    let (host, shop) = connected().await;
    // A page ends in the midst of these: all thirty were changed at the same moment.
    for id in 1..=30 {
        let mut item = shop.item("customers", id);
        item["updated_at"] = "2026-01-02T00:00:00Z".into();
        item["name"] = format!("Moved {id}").into();
        shop.put_raw("customers", id, &item.to_string());
    }
    assert_eq!(host.import(KIND).await.created, 40);
    assert_eq!(host.cursor(KIND).await.as_deref(), Some("2026-01-01T23:59:30Z"));
    // One more of the same instant, committed there after our run had passed it.
    let mut late = shop.item("customers", 1);
    late["id"] = 500.into();
    late["email"] = "late@example.org".into();
    late["addresses"] = json!([]);
    shop.put_raw("customers", 500, &late.to_string());
    let account = host.import(KIND).await;
    assert_eq!(account.created, 1, "{account}");
    assert!(host.bound(KIND).await.contains(&"500".to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn people_see_its_history_move_it_and_rewind_it() {
    let (host, shop) = connected().await;
    host.import(KIND).await;
    let first = host.cursor(KIND).await.unwrap();
    shop.edit("customers", 3, json!({ "phone": "+49 1" }));
    host.import(KIND).await;
    let second = host.cursor(KIND).await.unwrap();
    assert!(second > first, "{first} {second}");
    let history = host.call("cursor.history", json!({ "backend": "shop", "kind": KIND })).await;
    let values: Vec<&str> =
        history["moves"].as_array().unwrap().iter().filter_map(|one| one["value"].as_str()).collect();
    assert_eq!(values, [second.as_str(), first.as_str()]);
    assert!(history["moves"][0]["by"].as_str().is_some_and(|by| by.starts_with("run ")), "{history}");
    // Rewound: what lies between is read again, and nothing of it is written twice.
    host.run(["cursor", "set", "shop", KIND, "2026-01-01T00:00:00Z"]).await.ok();
    let account = host.import(KIND).await;
    assert_eq!((since(&shop).as_deref(), account.offered), (Some("2026-01-01T00:00:00Z"), 40), "{account}");
    assert_eq!(account.unchanged, 40, "{account}");
    assert_eq!(host.cursor(KIND).await, Some(second));
    // Reset: a full list.
    host.run(["cursor", "reset", "shop", KIND]).await.ok();
    assert_eq!(host.cursor(KIND).await, None);
    let account = host.import(KIND).await;
    assert_eq!((since(&shop), account.unchanged), (None, 40), "{account}");
    let told = host.run(["cursor", "history", "shop", KIND]).await.ok().out;
    for by in ["run ", "owner"] {
        assert!(told.contains(by), "{told}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_value_that_the_shop_does_not_understand_is_told_and_can_be_put_right() {
    let (host, _shop) = connected().await;
    host.call("cursor.set", json!({ "backend": "shop", "kind": KIND, "value": "yesterday" })).await;
    let job = host.start_sync(json!({ "kind": KIND })).await;
    let failed = host.failing(job).await;
    assert!(failed.error.as_ref().is_some_and(|error| error.message.contains("must be RFC 3339")), "{failed:?}");
    assert_eq!(host.cursor(KIND).await.as_deref(), Some("yesterday"));
    host.call("cursor.reset", json!({ "backend": "shop", "kind": KIND })).await;
    assert_eq!(host.import(KIND).await.created, 40);
}

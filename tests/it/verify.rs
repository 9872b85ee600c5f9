//! A comparison mends in the direction that is asked for: both ways, towards here, towards there.

use bindery_tests::{Fault, Options, Shop, TestHost};
use serde_json::{Value, json};

const KIND: &str = "demo.customer";

/// Customers that differ: the first changed there, the second here, the third on both sides, the fourth is gone there; and
/// one of ours is not there yet. Nothing of ours went out, since the shop refused whatever it was asked.
async fn apart() -> (TestHost, Shop, i64) {
    let shop = Shop::start(Options { products: 0, customers: 5, orders: 0, ..Options::default() });
    let host = TestHost::in_step(&shop).await;
    host.set_policy("shop", KIND, json!({ "export": "all", "conflict": "remote" })).await;
    for method in ["GET /*", "PUT /*", "POST /*"] {
        shop.fault_always(method, Fault::Status { status: 422, retry_after: None, headers: Vec::new() });
    }
    shop.edit("customers", 1, json!({ "name": "There" }));
    host.edit(KIND, "2", json!({ "name": "Here" })).await;
    shop.edit("customers", 3, json!({ "name": "There" }));
    host.edit(KIND, "3", json!({ "name": "Here" })).await;
    assert!(shop.delete("customers", 4));
    let ours = host.make("res.partner", json!({ "name": "New here", "email": "new@example.org" })).await;
    host.exported().await;
    shop.clear_faults();
    shop.clear_requests();
    (host, shop, ours)
}

async fn verify(host: &TestHost, repair: Option<&str>) -> Value {
    let started = host.call("verify.start", json!({ "backend": "shop", "kind": KIND, "repair": repair })).await;
    let job = started["jobs"][0]["id"].as_i64().expect("a job");
    let standing = host.wait(&[job]).await;
    standing.jobs[0].job.result.clone().unwrap_or_else(|| panic!("{:#?}", standing.jobs[0]))["kinds"][0].clone()
}

/// Names of the first three customers, here and there.
async fn names(host: &TestHost, shop: &Shop) -> ([String; 3], [String; 3]) {
    let text = |value: &Value| value["name"].as_str().unwrap_or_default().to_owned();
    let mut here = Vec::new();
    for id in ["1", "2", "3"] {
        here.push(text(&host.record(KIND, id, &["name"]).await));
    }
    let there = [1, 2, 3].map(|id| text(&shop.item("customers", id)));
    (here.try_into().expect("three"), there)
}

fn all(names: [&str; 3]) -> ([String; 3], [String; 3]) {
    (names.map(str::to_owned), names.map(str::to_owned))
}

fn made(shop: &Shop) -> usize {
    shop.items("customers").iter().filter(|item| item["email"] == "new@example.org").count()
}

#[tokio::test(flavor = "multi_thread")]
async fn without_repair_it_is_listed_and_nothing_is_written_on_either_side() {
    let (host, shop, ours) = apart().await;
    let found = verify(&host, None).await;
    assert_eq!((&found["changed"], &found["edited"]), (&json!(["1", "3"]), &json!(["2"])), "{found}");
    assert_eq!((&found["gone"], &found["unsent"]), (&json!(["4"]), &json!([ours])), "{found}");
    assert_eq!((shop.writes(), &found["repaired"]), (0, &json!(0)));
    host.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn both_ways_each_change_goes_to_the_other_side_and_the_policy_decides_the_rest() {
    let (host, shop, _) = apart().await;
    let mended = verify(&host, Some("both")).await;
    assert_eq!(mended["unrepaired"], json!([]), "{mended}");
    assert_eq!(names(&host, &shop).await, all(["There", "Here", "There"]));
    assert_eq!(made(&shop), 1);
    let again = verify(&host, None).await;
    assert_eq!(
        (&again["changed"], &again["edited"], &again["unsent"]),
        (&json!([]), &json!([]), &json!([])),
        "{again}"
    );
    host.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn towards_here_all_of_theirs_stands() {
    let (host, shop, ours) = apart().await;
    let second = shop.item("customers", 2)["name"].as_str().expect("a name").to_owned();
    let mended = verify(&host, Some("theirs")).await;
    assert_eq!(mended["unrepaired"], json!([]), "{mended}");
    host.exported().await;
    assert_eq!(names(&host, &shop).await, all(["There", &second, "There"]));
    assert_eq!(shop.writes(), 0, "{:?}", shop.requests());
    assert_eq!(verify(&host, None).await["unsent"], json!([ours]));
    host.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn towards_there_all_of_ours_stands() {
    let (host, shop, _) = apart().await;
    let first = host.record(KIND, "1", &["name"]).await["name"].as_str().expect("a name").to_owned();
    let mended = verify(&host, Some("ours")).await;
    // What is gone there stays gone, unless the operator wants it made anew.
    assert_eq!(mended["unrepaired"][0][0], "4", "{mended}");
    assert_eq!(names(&host, &shop).await, all([&first, "Here", "Here"]));
    assert_eq!((made(&shop), mended["repaired"].clone()), (1, json!(4)));
    host.set_policy("shop", KIND, json!({ "missing_remotely": "recreate" })).await;
    assert_eq!(verify(&host, Some("ours")).await["unrepaired"], json!([]));
    let equal = verify(&host, None).await;
    let differs = ["missing", "changed", "edited", "gone", "unsent", "dangling"].map(|name| equal[name].clone());
    assert!(differs.iter().all(|ids| *ids == json!([])), "{equal}");
    assert_eq!(shop.len("customers"), 6);
    host.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_line_takes_the_side_and_tells_what_it_did() {
    let (host, shop, _) = apart().await;
    let plan = host.run(["verify", "shop", "--kind", KIND]).await.ok().out;
    for word in ["--repair\n", "--repair=theirs", "--repair=ours", "not there: "] {
        assert!(plan.contains(word), "{word}: {plan}");
    }
    let mended = host.run(["verify", "shop", "--kind", KIND, "--repair=ours"]).await;
    assert!(mended.out.contains("4 records are mended, 1 are not"), "{mended:?}");
    let document = host.run(["verify", "shop", "--kind", KIND, "--repair", "--json"]).await.ok().json();
    assert_eq!(document["jobs"][0]["result"]["repaired"], "both", "{document}");
    let wrong = host.run(["verify", "shop", "--repair=mine"]).await;
    assert!(wrong.err.contains("both, theirs, ours"), "{}", wrong.err);
    drop(shop);
    host.stop().await;
}

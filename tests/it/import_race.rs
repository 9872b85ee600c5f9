//! What happens to an import in the middle of which something else happens. Gates of the shop hold its requests, so that
//! every order of events is made, not hoped for. The end state is right, each record is accounted for, and nothing is
//! lost or made twice.

use bindery::{
    model::job::{Job, State},
    sync::Account,
};
use bindery_tests::{Options, Point, Shop, TestHost, import::account, plugin};
use serde_json::{Value, json};

const KIND: &str = "demo.customer";
const LIST: &str = "GET /customers";

/// Thirty customers in pages of ten.
async fn three_pages() -> (TestHost, Shop) {
    let shop = Shop::start(Options { products: 3, customers: 30, orders: 0, ..Options::default() });
    let host = TestHost::over(&shop).await;
    host.call("backend.set", json!({ "name": "shop", "settings": { "page_size": 10 } })).await;
    (host, shop)
}

/// Starts a full import and holds it where it asks for a page, 0 the first; at its arrival the pages before the one
/// that was prepared meanwhile are stored.
async fn held_at(host: &TestHost, shop: &Shop, page: u64, point: Point, force: bool) -> (i64, bindery_tests::Gate) {
    let mut passing = Vec::new();
    for _ in 0..page {
        passing.push(shop.gate_at(LIST, point));
    }
    let gate = shop.gate_at(LIST, point);
    let job = host.start_sync(json!({ "kind": KIND, "force": force })).await;
    for earlier in passing {
        earlier.arrived().await;
        earlier.release();
    }
    gate.arrived().await;
    (job, gate)
}

async fn ended(host: &TestHost, job: i64) -> Job {
    host.wait(&[job]).await;
    host.job_when(job, "ended", |job| job.state.is_ended()).await
}

/// All customers are here, each once, as they are there.
async fn in_step(host: &TestHost, shop: &Shop) {
    let there = shop.items("customers");
    let ids: Vec<String> = there.iter().map(|item| item["id"].to_string()).collect();
    assert_eq!(host.bound(KIND).await, ids);
    assert_eq!(host.count("res.partner", json!([["parent_id", "=", null]])).await, ids.len() as u64);
    let mut ours = names(host.rows("res.partner", json!([["parent_id", "=", null]]), &["name"]).await);
    let mut theirs = names(there);
    ours.sort();
    theirs.sort();
    assert_eq!(ours, theirs);
}

fn names(rows: Vec<Value>) -> Vec<String> {
    rows.iter().map(|row| row["name"].as_str().expect("a name").to_owned()).collect()
}

/// The account in the result of a job.
fn counted(job: &Job) -> Account {
    let result = job.result.as_ref().unwrap_or_else(|| panic!("no result: {job:#?}"));
    let account: Account = serde_json::from_value(result["account"].clone()).expect("an account");
    assert_eq!(account.unaccounted(), 0, "{account}");
    account
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_imported_alone_while_its_page_is_on_the_way_is_made_once_and_newest() {
    let (host, shop) = three_pages().await;
    // The page was made, and is held before it arrives; then the customer changes and is imported alone.
    let (job, gate) = held_at(&host, &shop, 0, Point::After, false).await;
    shop.edit("customers", 4, json!({ "name": "Changed Since" }));
    let alone = host.sync("shop", json!({ "kind": KIND, "id": "4" })).await;
    assert_eq!(alone.failed, 0);
    gate.release();
    let account = counted(&ended(&host, job).await);
    // What came with the page is older than what was imported alone.
    assert_eq!((account.offered, account.created, account.unchanged), (30, 29, 1), "{account}");
    assert_eq!(host.record(KIND, "4", &["name"]).await["name"], "Changed Since");
    in_step(&host, &shop).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_imported_alone_after_its_page_was_planned_is_imported_anew() {
    let shop = Shop::start(Options { products: 3, customers: 30, orders: 8, ..Options::default() });
    let host = TestHost::over(&shop).await;
    let customer = |order: u64| shop.item("orders", order)["customer_id"].clone();
    let other = (2..=8).find(|order| customer(*order) != customer(1)).expect("orders of several customers");
    // The page of orders is planned, and waits for the first order's customer.
    let gate = shop.gate(&format!("GET /customers/{}", customer(1)));
    let job = host.start_sync(json!({ "kind": "demo.order" })).await;
    gate.arrived().await;
    host.sync("shop", json!({ "kind": "demo.order", "id": other.to_string() })).await;
    gate.release();
    let account = counted(&ended(&host, job).await);
    assert_eq!((account.offered, account.created, account.requeued), (8, 7, 1), "{account}");
    host.wait(&[job]).await;
    let jobs = host.call("job.list", json!({ "run": job, "kind": "import.record" })).await;
    assert_eq!(
        (&jobs["jobs"][0]["payload"]["id"], &jobs["jobs"][0]["state"]),
        (&json!(other.to_string()), &json!("done"))
    );
    assert_eq!(host.bound("demo.order").await.len(), 8);
    assert_eq!(host.count("sale.order", json!([])).await, 8);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_changed_here_while_its_page_is_prepared_is_looked_at_again() {
    let (host, shop) = three_pages().await;
    host.call("backend.set", json!({ "name": "shop", "settings": { "export": "none" } })).await;
    host.import(KIND).await;
    for id in [4, 14] {
        shop.edit("customers", id, json!({ "name": format!("Theirs {id}") }));
    }
    // Both are on one page; while it is on the way, one of ours changes.
    let (job, gate) = held_at(&host, &shop, 0, Point::After, false).await;
    let ours = host.binding(KIND, "4").await["record"].clone();
    let change = json!({ "model": "res.partner", "id": ours, "values": { "name": "Ours", "function": "Buyer" } });
    host.call("record.write", change).await;
    gate.release();
    let account = counted(&ended(&host, job).await);
    assert_eq!(account.offered, account.updated + account.unchanged + account.requeued, "{account}");
    assert_eq!(host.record(KIND, "4", &["name", "function"]).await["name"], "Theirs 4", "remote wins");
    assert_eq!(host.record(KIND, "4", &["function"]).await["function"], "Buyer", "what they don't say stays");
    assert_eq!(host.record(KIND, "14", &["name"]).await["name"], "Theirs 14");
    in_step(&host, &shop).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_jobs_on_one_record_make_it_once() {
    let (host, shop) = three_pages().await;
    // Different jobs, since they ask for different things; both have read the record before either writes.
    let (first, second) =
        (shop.gate_at("GET /customers/7", Point::After), shop.gate_at("GET /customers/7", Point::After));
    let one = host.start_sync(json!({ "kind": KIND, "id": "7" })).await;
    first.arrived().await;
    let other = host.start_sync(json!({ "kind": KIND, "id": "7", "force": true })).await;
    second.arrived().await;
    first.release();
    second.release();
    let (one, other) = (ended(&host, one).await, ended(&host, other).await);
    host.wait(&[one.id, other.id]).await;
    let (one, other) = (counted(&one), counted(&other));
    assert_eq!(one.created + other.created, 1, "{one} / {other}");
    assert_eq!(host.bound(KIND).await, ["7"]);
    assert_eq!(host.count("res.partner", json!([["parent_id", "=", null]])).await, 1);
    assert_eq!(host.count("res.partner", json!([["parent_id", "!=", null]])).await, 2, "its addresses, once");
    assert_eq!(host.binding(KIND, "7").await["sync_status"], "success");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_equal_import_folds_into_the_one_under_way() {
    let (host, shop) = three_pages().await;
    let (job, gate) = held_at(&host, &shop, 1, Point::Before, false).await;
    assert_eq!(host.start_sync(json!({ "kind": KIND })).await, job);
    gate.release();
    assert_eq!(counted(&ended(&host, job).await).created, 30);
    assert_eq!(shop.count(LIST), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plain_and_a_forced_import_at_once_make_each_record_once() {
    let (host, shop) = three_pages().await;
    let (plain, held) = held_at(&host, &shop, 1, Point::After, false).await;
    let forced = host.start_sync(json!({ "kind": KIND, "force": true })).await;
    let forced = ended(&host, forced).await;
    held.release();
    let plain = ended(&host, plain).await;
    // Whoever came first moved the cursor; the other one's work is done, and it says why it ended.
    assert_eq!(forced.state, State::Done);
    let error = plain.error.as_ref().expect("the cursor moved under it");
    assert_eq!(error.code, "sync.cursor_changed", "{error:?}");
    host.import(KIND).await;
    in_step(&host, &shop).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_unbound_while_its_page_is_on_the_way_is_bound_to_the_same_record() {
    let (host, shop) = three_pages().await;
    host.import(KIND).await;
    let before = host.binding(KIND, "15").await;
    shop.edit("customers", 15, json!({ "name": "Found Again" }));
    let (job, gate) = held_at(&host, &shop, 0, Point::After, false).await;
    let unbound = host.call("binding.unbind", json!({ "ids": [before["id"]] })).await;
    assert_eq!(unbound["changed"], 1);
    gate.release();
    assert_eq!(ended(&host, job).await.state, State::Done);
    // The e-mail address still matches the record that the binding left behind.
    let after = host.binding(KIND, "15").await;
    assert_eq!(after["record"], before["record"]);
    assert_ne!(after["id"], before["id"]);
    in_step(&host, &shop).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backend_disabled_in_the_middle_writes_nothing_more_and_goes_on_when_enabled() {
    let (host, shop) = three_pages().await;
    let (job, gate) = held_at(&host, &shop, 2, Point::Before, false).await;
    host.call("backend.disable", json!({ "name": "shop" })).await;
    let stored = host.bound(KIND).await.len();
    gate.release();
    let parked = host.job_when(job, "parked", |job| job.parked.is_some()).await;
    assert!(parked.parked.as_ref().is_some_and(|why| why.contains("disabled")), "{parked:?}");
    assert_eq!(host.bound(KIND).await.len(), stored, "nothing was written after it was disabled");
    assert_eq!(host.cursor(KIND).await, None);
    host.call("backend.enable", json!({ "name": "shop" })).await;
    let done = ended(&host, job).await;
    let account = counted(&done);
    assert_eq!((account.offered, account.created), (30, 30), "{account}");
    in_step(&host, &shop).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_secret_aborts_what_was_prepared_with_the_old_one_and_the_run_goes_on() {
    let (host, shop) = three_pages().await;
    let (job, gate) = held_at(&host, &shop, 1, Point::After, false).await;
    host.call("backend.set", json!({ "name": "shop", "secrets": { "api_token": shop.token() } })).await;
    gate.release();
    let done = ended(&host, job).await;
    let attempts = host.job(job).await["attempts"].clone();
    assert_eq!(attempts[0]["code"], "sync.backend_changed", "{attempts:#}");
    let account = counted(&done);
    assert_eq!((account.offered, account.created), (30, 30), "{account}");
    in_step(&host, &shop).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cursor_reset_in_the_middle_is_not_overwritten() {
    let (host, shop) = three_pages().await;
    host.import(KIND).await;
    shop.touch("customers", 25);
    let (job, gate) = held_at(&host, &shop, 1, Point::Before, false).await;
    host.call("cursor.reset", json!({ "backend": "shop", "kind": KIND })).await;
    gate.release();
    let failed = ended(&host, job).await;
    assert_eq!(
        (failed.state, failed.error.map(|error| error.code)),
        (State::Failed, Some("sync.cursor_changed".into()))
    );
    assert_eq!(host.cursor(KIND).await, None, "what the operator set stands");
    let again = host.import(KIND).await;
    assert_eq!(again.offered, 30, "the next run starts at the new cursor: {again}");
    in_step(&host, &shop).await;
    assert!(host.cursor(KIND).await.is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plugin_installed_anew_in_the_middle_takes_over_at_the_next_attempt_or_run() {
    let (host, shop) = three_pages().await;
    let before = host.call("plugin.show", json!({ "id": "demo" })).await["generation"].as_u64();
    let (job, gate) = held_at(&host, &shop, 1, Point::After, false).await;
    host.call("plugin.install", json!({ "file": plugin("demo") })).await;
    gate.release();
    let account = counted(&ended(&host, job).await);
    assert_eq!((account.offered, account.created), (30, 30), "{account}");
    let after = host.call("plugin.show", json!({ "id": "demo" })).await["generation"].as_u64();
    assert!(after >= before);
    in_step(&host, &shop).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_import_keeps_its_pages_and_a_new_one_finishes() {
    let (host, shop) = three_pages().await;
    let (job, gate) = held_at(&host, &shop, 2, Point::Before, false).await;
    host.call("job.cancel", json!({ "ids": [job] })).await;
    let cancelled = ended(&host, job).await;
    gate.release();
    assert_eq!(cancelled.state, State::Cancelled);
    let stored = host.bound(KIND).await.len();
    assert!((10..=20).contains(&stored), "{stored}");
    let standing = host.sync("shop", json!({ "kind": KIND })).await;
    let rest = account(&standing, KIND);
    assert_eq!(rest.created, 30 - stored as i64, "{rest}");
    in_step(&host, &shop).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_stopped_while_the_connector_waits_for_an_answer_loses_no_job() {
    let (host, shop) = three_pages().await;
    let gate = shop.gate("GET /customers/7");
    let job = host.start_sync(json!({ "kind": KIND, "id": "7" })).await;
    gate.arrived().await;
    let host = host.restart().await;
    gate.release();
    let done = ended(&host, job).await;
    assert_eq!((done.state, done.charged), (State::Done, 1), "a stop costs no attempt: {:?}", done.error);
    assert_eq!(host.bound(KIND).await, ["7"]);
    // Called off, it ends as such rather than as a failure of the connector.
    let gate = shop.gate("GET /customers/8");
    let job = host.start_sync(json!({ "kind": KIND, "id": "8" })).await;
    gate.arrived().await;
    host.call("job.cancel", json!({ "ids": [job] })).await;
    let ended = ended(&host, job).await;
    assert_eq!((ended.state, ended.error), (State::Cancelled, None));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_stopped_in_the_middle_goes_on_at_the_page_where_it_was() {
    let (host, shop) = three_pages().await;
    let (job, gate) = held_at(&host, &shop, 2, Point::Before, false).await;
    host.bound_when(KIND, 20).await;
    let host = host.restart().await;
    gate.release();
    let done = ended(&host, job).await;
    // The one that brought the last page.
    assert_eq!((done.state, done.charged), (State::Done, 1), "a stop costs no attempt: {done:?}");
    assert_eq!(counted(&done).created, 30);
    assert!(shop.count(LIST) <= 5, "pages that are stored are not read again: {}", shop.count(LIST));
    in_step(&host, &shop).await;
}

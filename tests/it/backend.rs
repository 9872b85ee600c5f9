//! Backends: settings are checked one by one, changes make work under way stale, and a new build of a plugin never takes
//! a working backend down.

use std::sync::Arc;

use bindery::{
    backend::{self, Backends, Change, Error, New, Opened, Status},
    base::{Coded, Fault},
    plugin::Scope,
    queue::Verdict,
    storage::Durability,
};
use bindery_contract::{ErrorClass, Frame, http};
use bindery_tests::{
    backend::{Ground, change, schema, shop},
    fake_http::{FakeHttp, Reply},
};
use serde_json::{Value, json};

async fn with_shop() -> (Ground, Arc<Backends>, i64) {
    let ground = Ground::new().await;
    let backends = ground.backends().await;
    let id = backends.add(shop("http://127.0.0.1:9/api")).await.expect("it is complete").id;
    (ground, backends, id)
}

async fn epoch_holds(ground: &Ground, id: i64, epoch: i64) -> Result<(), Error> {
    ground.store.write(Durability::Durable, move |tx| backend::check_epoch(tx, id, epoch)).await
}

async fn get(opened: &Opened, url: &str) -> Result<Value, bindery_contract::Error> {
    let request = http::Request { url: url.to_owned(), ..http::Request::default() };
    let payload = Frame::encode(&request, &[]).expect("small");
    let answer = opened.call(Scope::new(opened.context()), "serve:http", payload).await?;
    Frame::decode(&answer)?.header()
}

#[tokio::test]
async fn a_backend_is_kept_over_a_restart_and_shown_without_its_secrets() {
    let (ground, backends, id) = with_shop().await;
    backends.set("shop", change(&[("timeout_ms", "5000")], &[])).await.expect("fine");
    drop(backends);
    let backends = ground.backends().await;
    let shown = serde_json::to_value(backends.shown(&backends.by_name("shop").expect("it is there"))).expect("JSON");
    assert_eq!(shown["id"], id);
    assert_eq!(shown["settings"], json!({"api_url": "http://127.0.0.1:9/api", "page_size": 100}));
    assert_eq!(shown["secrets"], json!({"api_key": "***"}));
    assert_eq!(shown["business"]["timeout_ms"], 5000);
    assert_eq!(shown["connection"]["status"], "unknown");
    assert_eq!(shown["hosts"], json!(["http://127.0.0.1:9"]));
    assert_eq!(shown["created_at"], "2026-11-24T04:00:00Z");
    assert!(!shown.to_string().contains("the-key-of-the-shop"));
}

#[tokio::test]
async fn wrong_settings_are_refused_one_by_one_and_nothing_is_stored() {
    let ground = Ground::new().await;
    let backends = ground.backends().await;
    let new = New {
        change: change(&[("api_ulr", "x"), ("page_size", "1000"), ("shelf", "3")], &[("api_key", "k")]),
        ..shop("")
    };
    let fault = Fault::from(backends.add(new).await.expect_err("refused"));
    assert_eq!(fault.code.name, "backend.settings");
    let fields: Vec<&str> = fault.fields.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(fields, ["api_key", "api_ulr", "api_url", "page_size"]);
    assert!(fault.message.contains("did you mean api_url?"), "{}", fault.message);
    assert!(backends.list().is_empty() && ground.backends().await.list().is_empty());
    let shelf = New { change: change(&[("api_url", "http://x"), ("shelf", "3")], &[("api_key", "key")]), ..shop("") };
    let fault = Fault::from(backends.add(shelf).await.expect_err("refused"));
    assert_eq!(fault.fields[0].0, "shelf", "{fault}");
}

#[tokio::test]
async fn unknown_names_and_types_say_what_is_known() {
    let (_ground, backends, _) = with_shop().await;
    let error = backends.by_name("shpo").expect_err("unknown").to_string();
    assert!(error.contains("did you mean \"shop\"?"), "{error}");
    let other = New { name: "other".to_owned(), backend_type: "acme".to_owned(), ..shop("") };
    let error = backends.add(other).await.expect_err("no such type");
    assert!(matches!(error, Error::UnknownType { .. }) && error.to_string().contains("known are raw"), "{error}");
    let error = backends.add(shop("http://x")).await.expect_err("taken");
    assert_eq!(error.code().name, "backend.name_taken");
    let error = backends.add(New { name: "My Shop".to_owned(), ..shop("http://x") }).await.expect_err("no name");
    assert_eq!(error.code().name, "backend.bad_name");
}

#[tokio::test]
async fn whatever_makes_work_stale_raises_the_epoch() {
    let (ground, backends, id) = with_shop().await;
    let epoch = || backends.get(id).expect("it is there").epoch;
    let first = epoch();
    epoch_holds(&ground, id, first).await.expect("nothing changed");
    backends.set("shop", change(&[("page_size", "100")], &[])).await.expect("fine");
    let second = epoch();
    assert!(second > first, "a setting");
    backends.set("shop", change(&[("page_size", "100")], &[])).await.expect("fine");
    assert_eq!(epoch(), second, "the same again is no change");
    backends.set("shop", change(&[], &[("api_key", "another")])).await.expect("fine");
    let third = epoch();
    assert!(third > second, "a secret");
    backends.disable("shop").await.expect("fine");
    let fourth = epoch();
    assert!(fourth > third, "disabling");
    let stale = epoch_holds(&ground, id, third).await.expect_err("stale");
    assert_eq!(stale.code().name, "backend.epoch_changed");
    assert!(epoch_holds(&ground, id, fourth).await.is_err(), "a disabled backend writes nothing");
    backends.enable("shop").await.expect("fine");
    assert_eq!(epoch(), fourth);
    epoch_holds(&ground, id, fourth).await.expect("enabled again");
}

#[tokio::test]
async fn the_gate_parks_with_a_reason_and_tells_when_to_ask_again() {
    let (_ground, backends, id) = with_shop().await;
    assert_eq!(backends.may_run(id), Verdict::Run);
    let mut changes = backends.changes();
    changes.mark_unchanged();
    backends.disable("shop").await.expect("fine");
    assert!(changes.has_changed().expect("it lives"));
    let parked = |id: i64, part: &str| match backends.may_run(id) {
        Verdict::Park { reason } => assert!(reason.contains(part), "{reason}"),
        Verdict::Run => panic!("it is not parked"),
    };
    parked(id, "shop is disabled");
    assert!(matches!(backends.opened(id).await, Err(Error::Disabled(_))));
    backends.remove("shop").await.expect("nothing refers to it");
    parked(id, "does not exist");
}

#[tokio::test]
async fn an_instance_is_opened_once_for_each_epoch_and_build() {
    let (ground, backends, id) = with_shop().await;
    let first = backends.opened(id).await.expect("it opens");
    assert!(Arc::ptr_eq(&first, &backends.opened(id).await.expect("it is open")));
    backends.set("shop", change(&[("page_size", "7")], &[])).await.expect("fine");
    let second = backends.opened(id).await.expect("it opens");
    assert!(!Arc::ptr_eq(&first, &second) && second.epoch > first.epoch);
    assert_eq!(second.mapping_settings()["page_size"], 7);
    ground.install("1.1.0", schema()).await;
    let third = backends.opened(id).await.expect("it opens");
    assert_eq!((third.manifest().version.as_str(), third.epoch), ("1.1.0", second.epoch));
    assert_eq!(second.manifest().version, "1.0.0", "whoever holds the old one keeps it");
}

#[tokio::test]
async fn a_build_that_refuses_the_settings_leaves_the_one_before_serving() {
    let (ground, backends, id) = with_shop().await;
    let before = backends.opened(id).await.expect("it opens");
    let mut narrow = schema();
    narrow["required"] = json!(["api_url", "api_key", "region"]);
    narrow["properties"]["region"] = json!({"type": "string"});
    ground.install("2.0.0", narrow).await;
    let after = backends.opened(id).await.expect("the one before serves");
    assert!(Arc::ptr_eq(&before, &after));
    assert_eq!(backends.may_run(id), Verdict::Run);
    let shown = backends.shown(&backends.get(id).expect("it is there"));
    assert!(shown.trouble.expect("it is shown").contains("region"));
    // After a restart nothing of the old build is left: the backend waits, and says why.
    let backends = ground.backends().await;
    assert!(matches!(backends.opened(id).await, Err(Error::Settings { .. })));
    assert!(matches!(backends.may_run(id), Verdict::Park { reason } if reason.contains("region")));
    backends.set("shop", change(&[("region", "eu")], &[])).await.expect("fine");
    assert_eq!(backends.opened(id).await.expect("it opens").manifest().version, "2.0.0");
    assert_eq!(backends.may_run(id), Verdict::Run);
}

#[tokio::test]
async fn a_test_of_the_connection_is_kept() {
    let (ground, backends, id) = with_shop().await;
    backends.disable("shop").await.expect("fine");
    ground.clock.advance_seconds(60);
    let checked = backends.test_connection("shop").await.expect("a disabled backend can be tested");
    assert_eq!(checked.message, "raw");
    let connection = backends.get(id).expect("it is there").connection.clone();
    assert_eq!((connection.status, connection.message.as_deref()), (Status::Ok, Some("raw")));
    assert_eq!(connection.checked_at.expect("when").to_rfc3339(), "2026-11-24T04:01:00Z");
    backends.set("shop", change(&[("refuse", "yes")], &[])).await.expect("fine");
    backends.test_connection("shop").await.expect_err("the connector refuses to open");
    let connection = ground.backends().await.get(id).expect("it is there").connection.clone();
    assert_eq!(connection.status, Status::Failed);
    assert!(connection.message.expect("why").contains("refused to be opened"));
}

#[tokio::test]
async fn a_connector_calls_where_the_operator_said_and_nowhere_else() {
    let server = FakeHttp::start(|_, _| Reply::json(r#"{"a":1}"#)).await;
    let other = FakeHttp::start(|_, _| Reply::json("{}")).await;
    let ground = Ground::new().await;
    let backends = ground.backends().await;
    let id = backends.add(shop(server.url())).await.expect("it is complete").id;
    let opened = backends.opened(id).await.expect("it opens");
    let answer = get(&opened, &format!("{}/x", server.url())).await.expect("answered");
    assert_eq!(answer["status"], 200);
    let error = get(&opened, other.url()).await.expect_err("denied");
    assert_eq!(error.class, ErrorClass::Denied);
    assert_eq!(other.received().len(), 0);
    backends.set("shop", change(&[("api_url", other.url())], &[])).await.expect("fine");
    let opened = backends.opened(id).await.expect("it opens");
    get(&opened, other.url()).await.expect("now it is the one");
}

#[tokio::test]
async fn an_error_of_the_connector_comes_without_secrets() {
    let server = FakeHttp::start(|_, _| Reply::new(401, &[], "bad key the-key-of-the-shop")).await;
    let ground = Ground::new().await;
    let backends = ground.backends().await;
    let id = backends.add(shop(server.url())).await.expect("it is complete").id;
    let opened = backends.opened(id).await.expect("it opens");
    let error = get(&opened, server.url()).await.expect_err("refused");
    assert_eq!(error.class, ErrorClass::Auth);
    assert!(error.message.contains("bad key ***"), "{}", error.message);
    // An op that the connector does not know answers its name; here it holds the secret.
    let payload = Frame::encode(&json!({}), &[]).expect("small");
    let error = opened.call(Scope::new(opened.context()), "the-key-of-the-shop", payload).await.expect_err("unknown");
    assert!(!format!("{error:?}").contains("the-key"), "{error:?}");
}

#[tokio::test]
async fn null_and_values_are_taken_as_they_are() {
    let (_ground, backends, _) = with_shop().await;
    let values = |value: Value| Change { values: value.as_object().expect("object").clone(), ..Change::default() };
    let backend = backends.set("shop", values(json!({"page_size": 7}))).await.expect("fine");
    assert_eq!(backend.settings["page_size"], 7);
    let backend = backends.set("shop", values(json!({"page_size": null}))).await.expect("fine");
    assert!(!backend.settings.contains_key("page_size"));
    let error = backends.set("shop", values(json!({"api_key": "plain"}))).await.expect_err("a secret");
    assert!(error.to_string().contains("--secret api_key") && !error.to_string().contains("plain"), "{error}");
    let remove = Change { secrets: vec![("api_key".to_owned(), None)], ..Change::default() };
    let error = backends.set("shop", remove).await.expect_err("it is required");
    assert!(error.to_string().contains("api_key is required"), "{error}");
}

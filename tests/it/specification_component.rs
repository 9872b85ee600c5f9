//! The specification's components over the real host: names, usages, what they apply to, and how they are found.

use std::collections::BTreeMap;

use bindery_tests::fake_http::{FakeHttp, Reply};
use serde_json::{Value, json};

use crate::specification_adapter::specimen;

/// What the specimen's look-ups find in a backend of a type.
async fn found(backend_type: &str) -> BTreeMap<String, String> {
    let server = FakeHttp::start(|_, _| Reply::json("{}")).await;
    let host = specimen(&server, "components").await;
    let settings = json!({ "api_url": server.url(), "show": "components" });
    let backend = json!({
        "name": "two", "backend_type": backend_type, "settings": settings, "secrets": { "api_key": "key-of-two" },
    });
    host.call("backend.add", backend).await;
    let tested = host.call("backend.test", json!({ "name": "two" })).await;
    let pair = |pair: &Value| (pair[0].as_str().unwrap().to_owned(), pair[1].as_str().unwrap().to_owned());
    tested["details"].as_array().unwrap().iter().map(pair).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_most_specific_component_wins() {
    let found = found("specimen").await;
    let expected = [("kind", "kind"), ("model of the kind", "model"), ("another model", "model"), ("neither", "any")];
    for (asked, wanted) in expected {
        assert_eq!(found[asked], wanted, "{asked}");
    }
    assert_eq!(found["named"], "model");
    assert_eq!(found["all"], "first second");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_component_of_a_backend_type_comes_before_one_of_any() {
    let found = found("specimen_plus").await;
    assert_eq!((found["neither"].as_str(), found["kind"].as_str()), ("backend type", "kind"));
}

#[tokio::test(flavor = "multi_thread")]
async fn none_and_several_are_told_apart_with_the_candidates() {
    let found = found("specimen").await;
    for word in ["several", "specimen.check.first", "specimen.check.second"] {
        assert!(found["several"].contains(word), "{found:?}");
    }
    assert!(found["none"].starts_with("no component of usage") && found["none"].contains("weighing"), "{found:?}");
    let unnamed = &found["none of that name"];
    assert!(unnamed.contains("specimen.nothing") && unnamed.contains("specimen.pricing"), "{found:?}");
}

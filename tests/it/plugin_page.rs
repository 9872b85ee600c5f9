//! Wrong pages and records that a connector's own code makes: each ends with a clear error or a quarantined record, and
//! never with a run that does not end. Pages of a remote that misbehaves are in `import`.

use bindery::operation::sync::Standing;
use bindery_tests::TestHost;
use serde_json::{Value, json};

/// Imports the fault connector's tags with a page of a kind; `wrong` may be empty.
async fn import(wrong: &str) -> (TestHost, Standing) {
    let host = TestHost::new().await;
    host.install("fault").await;
    host.call("backend.add", json!({ "name": "odd", "backend_type": "fault" })).await;
    let filters = if wrong.is_empty() { json!({}) } else { json!({ "page": wrong }) };
    let standing = host.try_sync("odd", json!({ "kind": "fault.tag", "filters": filters })).await;
    (host, standing)
}

/// Code and message of the error that the run ended with.
fn error(standing: &Standing) -> String {
    let jobs = serde_json::to_value(&standing.jobs).expect("jobs are JSON");
    let errors = jobs.as_array().expect("jobs").iter().map(|job| job["error"].clone()).filter(|error| !error.is_null());
    Value::Array(errors.collect()).to_string()
}

async fn names(host: &TestHost) -> Vec<String> {
    let rows = host.rows("product.tag", json!([["name", "in", ["One", "Two"]]]), &["name"]).await;
    let mut names: Vec<String> = rows.iter().filter_map(|row| row["name"].as_str().map(str::to_owned)).collect();
    names.sort();
    names
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sound_page_and_one_whose_next_cursor_is_empty_are_imported() {
    for (page, wanted) in [("", vec!["One", "Two"]), ("empty_cursor", vec!["One"])] {
        let (host, standing) = import(page).await;
        assert_eq!(standing.failed, 0, "{page}: {}", error(&standing));
        assert_eq!(names(&host).await, wanted, "{page}");
        host.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cursor_that_comes_again_ends_the_run_with_an_error() {
    let (host, standing) = import("same_cursor").await;
    assert!(standing.failed > 0, "{:#?}", standing.jobs);
    assert!(error(&standing).contains("sync."), "with a code: {}", error(&standing));
    host.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_without_an_id_is_told_and_the_others_arrive() {
    let (host, standing) = import("empty_id").await;
    assert_eq!(standing.failed, 0, "{}", error(&standing));
    let jobs = serde_json::to_value(&standing.jobs).expect("jobs are JSON");
    let result =
        jobs.as_array().expect("jobs").iter().map(|job| &job["result"]).find(|result| result["account"].is_object());
    let result = result.expect("the run's account");
    assert_eq!((&result["account"]["offered"], &result["account"]["quarantined"]), (&json!(2), &json!(1)), "{result}");
    assert_eq!(result["problems"][0][1]["code"], "sync.no_id", "{result}");
    assert_eq!(names(&host).await, ["Two"]);
    host.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_panic_in_a_page_is_the_run_s_error_and_the_next_run_works() {
    let (host, standing) = import("panic").await;
    assert!(error(&standing).contains("panic in list"), "{}", error(&standing));
    let again = host.try_sync("odd", json!({ "kind": "fault.tag" })).await;
    assert_eq!(again.failed, 0, "{}", error(&again));
    assert_eq!(names(&host).await, ["One", "Two"]);
    host.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_value_of_the_wrong_type_and_one_that_is_missing_quarantine_that_record_alone() {
    for page in ["wrong_value", "no_name"] {
        let (host, standing) = import(page).await;
        assert_eq!(standing.failed, 0, "{page}: {}", error(&standing));
        assert_eq!(names(&host).await, ["One"], "{page}: the good one arrives");
        let failed = host.bindings("odd", "fault.tag", "failed").await;
        assert_eq!(failed.len(), 1, "{page}: {failed:?}");
        assert_eq!(failed[0]["external_id"], "2");
        assert!(!failed[0]["last_error"].as_str().expect("why").is_empty());
        host.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn records_that_depend_on_each_other_in_a_circle_end() {
    let host = TestHost::new().await;
    host.install("fault").await;
    host.call("backend.add", json!({ "name": "odd", "backend_type": "fault" })).await;
    host.try_sync("odd", json!({ "kind": "fault.partner" })).await;
    let bound = host.bindings("odd", "fault.partner", "").await;
    assert_eq!(bound.len(), 3, "each is accounted for: {bound:?}");
    host.stop().await;
}

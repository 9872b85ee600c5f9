//! `bindery job` on the real program, with a host and without: seen, waited for, tried again, called off.

use bindery_tests::{Data, Fault, Options, Shop};
use serde_json::Value;

fn connected() -> (Data, Shop) {
    let shop = Shop::start(Options { products: 3, customers: 1, orders: 1, ..Options::default() });
    let data = Data::new();
    data.connect(&shop);
    (data, shop)
}

fn jobs(data: &Data, more: &[&str]) -> Vec<Value> {
    let listed = data.run([&["job", "list", "--json"], more].concat()).ok().json();
    listed["jobs"].as_array().expect("a list").clone()
}

#[test]
fn jobs_are_listed_by_state_kind_backend_and_run_and_in_pages() {
    let (data, _shop) = connected();
    data.run(["sync", "shop", "--wait"]).ok();
    let all = jobs(&data, &[]);
    assert!(all.len() > 1 && all.iter().all(|job| job["state"] == "done" && job["backend_name"] == "shop"), "{all:?}");
    let ids: Vec<i64> = all.iter().filter_map(|job| job["id"].as_i64()).collect();
    assert!(ids.windows(2).all(|pair| pair[0] > pair[1]), "newest first: {ids:?}");
    assert_eq!(jobs(&data, &["--limit", "1"]).len(), 1);
    assert_eq!(jobs(&data, &["--before", &ids[0].to_string()]).len(), all.len() - 1);
    assert!(jobs(&data, &["--state", "failed"]).is_empty());
    let root = all.last().expect("the first one")["id"].to_string();
    assert_eq!(jobs(&data, &["--run", &root]).len(), all.len());
    let kind = all[0]["kind"].as_str().expect("a text");
    assert!(jobs(&data, &["--kind", kind, "--backend", "shop"]).iter().all(|job| job["kind"] == kind));
    let shown = data.run(["job", "show", &root]).ok().out;
    assert!(shown.contains("done") && shown.contains("ATTEMPT"), "{shown}");
    assert_eq!(data.run(["job", "list", "--state", "sleeping"]).code, Some(2));
}

#[test]
fn a_failed_job_says_why_and_is_tried_again_by_hand() {
    let (data, shop) = connected();
    shop.fault_always("GET /products*", Fault::status(403));
    let said = data.run(["sync", "shop", "--kind", "demo.product", "--wait"]).fails(1);
    assert!(said.contains("code: cli.jobs_failed") && said.contains("403"), "{said}");
    let failed = jobs(&data, &["--state", "failed"]);
    let id = failed[0]["id"].to_string();
    let shown = data.run(["job", "show", &id]).ok().out;
    assert!(shown.contains("403"), "{shown}");
    let waited = data.run(["job", "wait", &id]).fails(1);
    assert!(waited.contains("403"), "a failed job fails whoever waits for it: {waited}");

    shop.clear_faults();
    // Without a host the command runs it to its end.
    data.run(["job", "retry", &id]).ok();
    let again = data.run(["job", "show", &id, "--json"]).ok().json();
    assert_eq!((&again["state"], again["attempts"].as_array().map(Vec::len)), (&Value::from("done"), Some(2)));
    let refused = data.run(["job", "cancel", &id]).fails(1);
    assert!(refused.contains("only a job that has not ended"), "{refused}");
}

#[test]
fn a_waiting_job_is_called_off_and_comes_back() {
    let (data, _shop) = connected();
    let host = data.serve();
    let queued = data.run(["sync", "shop", "--kind", "demo.tax", "--eta", "3600", "--json"]).ok().json();
    let id = queued["jobs"][0]["id"].to_string();
    assert!(data.run(["job", "cancel", &id]).ok().out.contains("called off"));
    assert_eq!(data.run(["job", "show", &id, "--json"]).ok().json()["state"], "cancelled");
    let said = data.run(["job", "cancel", &id, "4711", "--json"]).ok().json();
    assert_eq!(said["skipped"].as_array().map(Vec::len), Some(2), "{said}");
    assert!(data.run(["job", "retry", &id]).ok().out.contains("put back"));
    data.run(["job", "wait", &id]).ok();
    assert_eq!(data.run(["job", "show", &id, "--json"]).ok().json()["state"], "done");
    assert!(host.stop());
}

#[test]
fn a_run_is_called_off_as_a_whole_while_it_works() {
    let (data, shop) = connected();
    let gate = shop.gate("GET /products");
    let host = data.serve();
    let queued = data.run(["sync", "shop", "--json"]).ok().json();
    let id = queued["jobs"][0]["id"].to_string();
    gate.wait_arrived();
    data.run(["job", "cancel", &id, "--run"]).ok();
    gate.release();
    let said = data.run(["job", "wait", &id]).fails(1);
    assert!(said.contains("called off"), "{said}");
    let open = jobs(&data, &["--run", &id]);
    assert!(
        open.iter().all(|job| ["cancelled", "done"].contains(&job["state"].as_str().unwrap_or_default())),
        "{open:?}"
    );
    assert!(host.stop());
}

#[test]
fn a_job_that_waits_for_nobody_is_run_by_a_command_without_a_host() {
    let (data, _shop) = connected();
    let host = data.serve();
    let queued = data.run(["sync", "shop", "--kind", "demo.tax", "--eta", "3600", "--json"]).ok().json();
    let id = queued["jobs"][0]["id"].to_string();
    data.run(["backend", "disable", "shop"]).ok();
    data.run(["job", "retry", &id]).ok();
    let said = data.run(["job", "wait", &id]).fails(1);
    assert!(said.contains("parked") && said.contains("shop"), "{said}");
    data.run(["backend", "enable", "shop"]).ok();
    data.run(["job", "wait", &id]).ok();
    let queued = data.run(["sync", "shop", "--kind", "demo.tax", "--eta", "2", "--json"]).ok().json();
    assert!(host.stop());
    let id = queued["jobs"][0]["id"].to_string();
    data.run(["job", "wait", &id]).ok();
    assert_eq!(data.run(["job", "show", &id, "--json"]).ok().json()["state"], "done");
}

#[test]
fn test_jobs_are_made_filtered_and_changed_by_filter() {
    let data = Data::new();
    let host = data.serve();
    data.run(["channel", "pause", "root.trial"]).ok();
    let make = ["job", "create-test", "--size", "30", "--channel", "root.trial", "--json"];
    let made = data.run(make).ok().json();
    assert_eq!(
        (&made["count"], made["last"].as_i64().zip(made["first"].as_i64()).map(|(last, first)| last - first)),
        (&Value::from(30), Some(29))
    );
    assert_eq!(jobs(&data, &["--channel", "root.trial", "--state", "pending"]).len(), 30);
    let listed = data.run(["channel", "list", "--json"]).ok().json();
    let trial = listed["channels"].as_array().expect("channels").iter().find(|one| one["name"] == "root.trial");
    assert_eq!(trial.map(|one| (&one["ready"], &one["paused"])), Some((&Value::from(30), &Value::from(true))));
    let seen = data.run(["top", "--json"]).ok().json();
    assert_eq!(seen["status"]["jobs"]["pending"], 30);
    let drawn = data.run(["top", "--once"]).ok().out;
    assert!(drawn.contains("30 pending") && drawn.contains("root.trial") && drawn.contains("paused"), "{drawn}");
    let called_off = data.run(["job", "cancel", "--kind", "test", "--limit", "25"]).ok().out;
    assert!(called_off.contains("25 jobs are called off"), "{called_off}");
    let done = data.run(["job", "done", "--state", "pending", "--channel", "root.trial", "--json"]).ok().json();
    assert_eq!(done["changed"].as_array().map(Vec::len), Some(5));
    data.run(["channel", "resume", "root.trial"]).ok();
    data.run(["job", "retry", "--state", "cancelled"]).ok();
    let made = data.run([
        "job",
        "create-test",
        "--size",
        "5",
        "--chain",
        "--failure-rate",
        "0.3",
        "--max-retries",
        "0",
        "--json",
    ]);
    let last = made.ok().json()["last"].to_string();
    data.run(["job", "wait", &last]).ok();
    let refused = data.run(["job", "cancel"]).fails(2);
    assert!(refused.contains("required"), "all jobs are not called off by a slip: {refused}");
    assert!(host.stop());
}

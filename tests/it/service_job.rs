//! Jobs, state and checkpoints as a connector reaches them: with the outcome or not at all, and never past a fence.

use bindery::plugin::{Context, Scope, commit};
use bindery_tests::{
    Data, in_both,
    script::{self, Scripted},
};
use serde_json::{Value, json};

in_both!(
    a_job_is_enqueued_with_the_outcome_and_equal_ones_fold,
    a_job_that_fails_leaves_neither_records_nor_jobs,
    a_checkpoint_survives_a_later_failure,
    a_wrong_epoch_or_fence_refuses_the_commit,
    state_is_kept_for_each_backend_and_seen_before_it_is_committed,
    a_call_that_never_commits_is_stopped,
    a_plan_commits_nothing,
    importers_of_ones_own_are_run_by_the_host_and_commit_with_the_job,
);

async fn jobs(connector: &Scripted) -> Vec<Value> {
    let listed = connector.host.call("job.list", json!({"limit": 100})).await;
    listed["jobs"].as_array().cloned().expect("jobs")
}

async fn a_job_is_enqueued_with_the_outcome_and_equal_ones_fold(connector: Scripted) {
    let idle = json!([{"do": "sleep", "ms": 0}]);
    let later = |identity: &str| {
        json!({"do": "enqueue", "action": "action_script", "arguments": {"steps": idle}, "priority": 3, "eta": 3600,
               "max_retries": 2, "identity": identity, "channel": "slow", "description": "Later"})
    };
    let scope = connector.scope().await;
    let steps = json!([later("one"), later("one"), later("two")]);
    let answers = connector.call(&scope, steps).await.expect("it is answered");
    assert_eq!(answers[1], json!({"id": answers[0]["id"], "deduplicated": true}));
    assert_eq!(answers[2]["deduplicated"], false);
    assert_eq!(jobs(&connector).await.len(), 0, "nothing is enqueued before the commit");
    let committed = connector.commit(&scope).await.expect("committed");
    assert_eq!(committed.jobs, 2);
    let enqueued = jobs(&connector).await;
    assert_eq!(enqueued.len(), 2);
    let job = &enqueued[0]["job"];
    let job = if job.is_null() { &enqueued[0] } else { job };
    assert_eq!((&job["priority"], &job["max_retries"], &job["description"]), (&json!(3), &json!(2), &json!("Later")));
    assert_eq!(job["channel"], format!("root.backend.{}.slow", connector.backend));
    let again = connector.done(json!([later("one")])).await;
    assert_eq!(again[0]["deduplicated"], true, "one waits already");
    assert!(again[0]["id"].as_i64().expect("an id") > 0, "and that one is there");
    let foreign = json!([{"do": "enqueue", "kind": "other.thing", "external_id": "7", "may_fail": true}]);
    assert_eq!(connector.done(foreign).await[0]["code"], "plugin.wrong_request");
}

async fn a_job_that_fails_leaves_neither_records_nor_jobs(connector: Scripted) {
    let steps = json!([
        {"do": "record.create", "model": "res.partner", "values": {"name": "Lost"}},
        {"do": "enqueue", "action": "action_script", "arguments": {"steps": []}, "description": "Child"},
        {"do": "fail", "message": "as asked"},
    ]);
    let job = connector.enqueue(steps).await;
    let standing = connector.host.wait(&[job]).await;
    assert_eq!((standing.failed, standing.jobs.len()), (1, 1), "no child was made");
    let job = connector.enqueue(json!([{"do": "record.count", "model": "product.template"}])).await;
    let standing = connector.host.wait(&[job]).await;
    let error = serde_json::to_string(&standing.jobs[0]).expect("JSON");
    assert!(error.contains("plugin.model_not_granted"), "what the host refused keeps its code: {error}");
    assert_eq!(connector.host.count("res.partner", json!([["name", "=", "Lost"]])).await, 0);
    let steps = json!([
        {"do": "record.create", "model": "res.partner", "values": {"name": "Kept"}},
        {"do": "enqueue", "action": "action_script", "arguments": {"steps": []}, "description": "Child"},
    ]);
    let job = connector.enqueue(steps).await;
    let standing = connector.host.wait(&[job]).await;
    assert_eq!((standing.failed, standing.jobs.len()), (0, 2), "the child belongs to the same run");
    assert_eq!(connector.host.count("res.partner", json!([["name", "=", "Kept"]])).await, 1);
}

async fn a_checkpoint_survives_a_later_failure(connector: Scripted) {
    let job = connector
        .enqueue(json!([
            {"do": "record.create", "model": "res.partner", "values": {"name": "First"}, "as": "first"},
            {"do": "checkpoint"},
            {"do": "record.create", "model": "res.partner", "values": {"name": "Second", "parent_id": "$first"}, "as": "second"},
            {"do": "record.search", "model": "res.partner", "domain": [["parent_id", "=", "$first"]]},
            {"do": "checkpoint"},
            {"do": "record.create", "model": "res.partner", "values": {"name": "Third", "parent_id": "$second"}},
            {"do": "fail", "message": "as asked"},
        ]))
        .await;
    assert_eq!(connector.host.wait(&[job]).await.failed, 1);
    let there = connector
        .host
        .rows("res.partner", json!([["name", "in", ["First", "Second", "Third"]]]), &["name", "parent_id"])
        .await;
    let names: Vec<&str> = there.iter().filter_map(|row| row["name"].as_str()).collect();
    assert_eq!(names, ["First", "Second"]);
    assert_eq!(there[1]["parent_id"], there[0]["id"], "ids of before a checkpoint are good after it");
    // A checkpoint that fails takes back what it covers, and says so; the call may go on.
    let answers = connector
        .done(json!([
            {"do": "record.write", "model": "res.partner", "id": 99_999, "values": {"name": "x"}},
            {"do": "record.create", "model": "res.partner", "values": {"name": "Fourth"}, "as": "fourth"},
            {"do": "checkpoint", "may_fail": true},
            {"do": "record.read", "model": "res.partner", "id": "$fourth", "may_fail": true},
            {"do": "record.create", "model": "res.partner", "values": {"name": "Fifth"}},
        ]))
        .await;
    assert_eq!(answers[2]["code"], "record.missing");
    assert_eq!(answers[3]["code"], "plugin.unknown_id");
    let there = connector.host.count("res.partner", json!([["name", "in", ["Fourth", "Fifth"]]])).await;
    assert_eq!(there, 1);
}

async fn a_wrong_epoch_or_fence_refuses_the_commit(connector: Scripted) {
    let steps = json!([{"do": "record.create", "model": "res.partner", "values": {"name": "Void"}}]);
    let early = json!([steps[0], {"do": "checkpoint"}]);
    let taken = Context { job: Some(connector.stale_fence().await), ..connector.context().await };
    let scope = Scope::new(taken.clone());
    connector.call(&scope, steps.clone()).await.expect("it is asked for");
    let error = connector.commit(&scope).await.expect_err("the job is not ours");
    assert!(matches!(error, commit::Error::Fenced(_)), "{error}");
    let error = connector.call(&Scope::new(taken), early.clone()).await.expect_err("nor at a checkpoint");
    assert_eq!(error.detail.code.as_deref(), Some("queue.stale_attempt"));
    let before = connector.scope().await;
    connector.call(&before, steps).await.expect("it is asked for");
    connector.host.call("backend.set", json!({"name": "shop", "settings": {"models": ["product.template"]}})).await;
    let error = connector.commit(&before).await.expect_err("the backend was changed");
    assert!(matches!(error, commit::Error::BackendChanged), "{error}");
    let error = connector.call(&before, early).await.expect_err("nor at a checkpoint");
    assert_eq!(error.detail.code.as_deref(), Some("plugin.backend_changed"));
    assert_eq!(connector.host.count("res.partner", json!([["name", "=", "Void"]])).await, 0);
}

async fn state_is_kept_for_each_backend_and_seen_before_it_is_committed(connector: Scripted) {
    let answers = connector
        .done(json!([
            {"do": "kv.get", "key": "report:1"},
            {"do": "kv.set", "key": "report:1", "value": {"n": [1, "x", null]}},
            {"do": "kv.set", "key": "report:2", "value": false},
            {"do": "kv.get", "key": "report:1"},
            {"do": "kv.list", "key": "report:"},
            {"do": "kv.remove", "key": "report:2"},
            {"do": "kv.get", "key": "report:2"},
            {"do": "cursor.get", "key": "fault.partner"},
            {"do": "cursor.set", "key": "fault.partner", "value": "2026-01-01T00:00:00Z"},
            {"do": "cursor.get", "key": "fault.partner"},
            {"do": "cursor.set", "key": "no.kind", "value": "1", "may_fail": true},
            {"do": "kv.set", "key": "", "value": 1, "may_fail": true},
        ]))
        .await;
    assert_eq!((&answers[0], &answers[3]), (&Value::Null, &json!({"n": [1, "x", null]})));
    assert_eq!((&answers[4], &answers[6]), (&json!(["report:1", "report:2"]), &Value::Null));
    assert_eq!((&answers[7], &answers[9]), (&Value::Null, &json!("2026-01-01T00:00:00Z")));
    assert_eq!(
        (&answers[10]["code"], &answers[11]["code"]),
        (&json!("plugin.wrong_request"), &json!("plugin.wrong_request"))
    );
    let shown = connector.host.call("cursor.show", json!({"backend": "shop"})).await;
    assert!(shown.to_string().contains("2026-01-01T00:00:00Z"), "{shown}");
    let backend = Scripted::add(&connector.host, "other", json!({})).await;
    let read = json!([{"do": "kv.get", "key": "report:1"}, {"do": "cursor.get", "key": "fault.partner"}]);
    let other = Scripted { backend, ..connector };
    assert_eq!(other.done(read).await, [Value::Null, Value::Null]);
}

async fn a_call_that_never_commits_is_stopped(connector: Scripted) {
    let set = json!({"do": "kv.set", "key": "n", "value": 1});
    let many = json!([
        {"do": "repeat", "times": 5_000, "step": set},
        {"do": "kv.set", "key": "n", "value": 2, "may_fail": true},
        {"do": "checkpoint"},
        {"do": "kv.set", "key": "n", "value": 3},
    ]);
    let answers = connector.done(many).await;
    assert_eq!(answers[1]["code"], "plugin.too_many_writes");
    assert_eq!(connector.done(json!([{"do": "kv.get", "key": "n"}])).await[0], 3);
}

async fn a_plan_commits_nothing(connector: Scripted) {
    let scope = Scope::new(Context { is_plan: true, ..connector.context().await });
    let steps = json!([
        {"do": "record.create", "model": "res.partner", "values": {"name": "Planned"}},
        {"do": "checkpoint"},
        {"do": "record.count", "model": "res.partner", "domain": [["name", "=", "Planned"]]},
    ]);
    let answers = connector.call(&scope, steps).await.expect("it is answered");
    assert_eq!(answers[2], 1, "it is still seen by the call");
    assert_eq!(connector.host.count("res.partner", json!([["name", "=", "Planned"]])).await, 0);
}

async fn importers_of_ones_own_are_run_by_the_host_and_commit_with_the_job(connector: Scripted) {
    let host = &connector.host;
    let one = |id: &str, force: bool| json!({"kind": "fault.whole", "id": id, "force": force});
    for (force, what) in [(false, "created"), (true, "updated"), (true, "unchanged")] {
        let standing = host.sync("shop", one("7", force)).await;
        let result = standing.jobs[0].job.result.as_ref().expect("a result");
        assert_eq!((standing.jobs.len(), &result["account"][what]), (1, &json!(1)), "{what}: {result}");
    }
    let rows = host.rows("res.partner", json!([["name", "like", "Whole"]]), &["name", "comment"]).await;
    assert_eq!((rows.len(), &rows[0]["comment"]), (1, &json!("forced: true")), "the second found what the first made");
    assert_eq!(host.bindings("shop", "fault.whole", "").await[0]["external_id"], "7");
    assert_eq!(host.try_sync("shop", one("bad", false)).await.failed, 1);
    let standing = host.sync("shop", json!({"kind": "fault.whole", "filters": {"ids": "8,9,10"}})).await;
    assert_eq!(standing.jobs.len(), 4, "the batch and the jobs that it enqueued are one run");
    assert_eq!(host.count("res.partner", json!([["name", "like", "Whole"]])).await, 4);
}

#[test]
fn a_host_that_is_killed_after_a_checkpoint_keeps_what_it_covers_and_no_more() {
    let data = Data::new();
    data.install("fault");
    data.run(["backend", "add", "shop", "--type", "fault"]).ok();
    let steps = json!([
        {"do": "record.create", "model": "res.partner", "values": {"name": "Before"}},
        {"do": "checkpoint"},
        {"do": "record.create", "model": "res.partner", "values": {"name": "After"}},
        {"do": "log", "text": "the checkpoint is passed"},
        {"do": "sleep", "ms": 600_000},
    ]);
    script::enqueue_in(&data, "shop", steps);
    let host = data.serve();
    let line = host.wait_for("the checkpoint is passed");
    assert!(line.contains("call") && line.contains("job") && line.contains("shop"), "a line says whose it is: {line}");
    host.kill();
    assert_eq!(data.count("res.partner", r#"[["name", "=", "Before"]]"#), 1);
    assert_eq!(data.count("res.partner", r#"[["name", "=", "After"]]"#), 0);
}

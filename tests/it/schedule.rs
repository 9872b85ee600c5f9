//! Schedules: off until they are set, each time once, whatever the clock or the host does.

use bindery::{
    app::Options as HostOptions,
    base::{Clock, Timestamp},
    model::job::State,
    schedule,
};
use bindery_tests::{Data, Options, Shop, TestHost};
use serde_json::{Value, json};

const DAY: i64 = 86_400;

fn start() -> Timestamp {
    Timestamp::parse_rfc3339("2026-11-24T10:30:00Z").expect("a time")
}

/// A host whose clock stands still, with the backend `shop`.
async fn host(shop: &Shop) -> TestHost {
    let host = TestHost::start(Data::new(), |options: &mut HostOptions| options.clock = Clock::manual(start())).await;
    host.connect(shop).await;
    host
}

fn shop() -> Shop {
    Shop::start(Options { products: 1, customers: 1, orders: 1, ..Options::default() })
}

async fn set(host: &TestHost, more: Value) -> Value {
    let mut request = json!({ "name": "shop.sync_orders", "cron": "0 * * * *" });
    request.as_object_mut().expect("an object").extend(more.as_object().cloned().expect("an object"));
    host.call("schedule.set", request).await
}

/// Lets the clock of schedules see the time that is.
async fn tick(host: &TestHost) {
    schedule::tick(host.store(), host.clock()).await.expect("schedules can be seen to");
}

async fn jobs(host: &TestHost) -> Vec<Value> {
    host.call("job.list", json!({ "kind": "sync.step" })).await["jobs"].as_array().cloned().expect("jobs")
}

async fn last(host: &TestHost) -> Value {
    let listed = host.call("schedule.list", json!({ "set": true })).await;
    listed["schedules"][0]["last"]["outcome"].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_is_off_until_it_is_set_and_then_each_time_has_one_job() {
    let shop = shop();
    let host = host(&shop).await;
    let listed = host.call("schedule.list", json!({})).await;
    let all = listed["schedules"].as_array().expect("schedules");
    assert!(all.iter().all(|one| one["state"] == "off"), "{all:#?}");
    let names: Vec<&str> = all.iter().filter_map(|one| one["name"].as_str()).collect();
    for name in ["prune", "check", "shop.sync_all", "shop.sync_orders", "shop.sync_inventory", "shop.verify"] {
        assert!(names.contains(&name), "{name}: {names:?}");
    }
    host.clock().advance_seconds(DAY);
    tick(&host).await;
    assert_eq!(jobs(&host).await.len(), 0, "nothing is done by itself");
    let shown = set(&host, json!({})).await;
    assert_eq!((&shown["state"], &shown["next"]), (&json!("on"), &json!("2026-11-25T11:00:00Z")));
    host.clock().advance_seconds(30 * 60);
    for _ in 0..3 {
        tick(&host).await;
    }
    let jobs = jobs(&host).await;
    assert_eq!(jobs.len(), 1, "{jobs:#?}");
    assert_eq!(last(&host).await, "queued");
    let id = jobs[0]["id"].as_i64().expect("an id");
    host.job_when(id, "done", |job| job.state == State::Done).await;
    assert!(!host.bound("demo.order").await.is_empty(), "the orders are here");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_running_host_sees_to_it_by_itself() {
    let host = TestHost::at(Timestamp::parse_rfc3339("2026-11-24T10:29:58Z").expect("a time")).await;
    host.call("schedule.set", json!({ "name": "check", "cron": "* * * * *" })).await;
    let id = host.call("schedule.run", json!({ "name": "check" })).await["id"].as_i64().expect("an id");
    let job = host.job_when(id, "done", |job| job.state == State::Done).await;
    assert_eq!(job.result, Some(json!({ "problems": [] })));
    // The next full minute is two seconds away: the host sleeps until then, and then finds that it has come.
    host.clock().advance_seconds(3);
    let end = tokio::time::Instant::now() + std::time::Duration::from_secs(30);
    let mut told = host.store().listen(bindery::storage::Signal::Job);
    loop {
        told.mark_unchanged();
        let jobs = host.call("job.list", json!({ "kind": "maintenance.check" })).await;
        if jobs["jobs"].as_array().is_some_and(|jobs| jobs.len() > 1) {
            return;
        }
        assert!(tokio::time::timeout_at(end, told.changed()).await.is_ok(), "the minute has passed and nothing came");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_time_that_overlaps_is_left_out_or_waits_as_was_set() {
    let shop = shop();
    for (overlap, outcome, count) in [("skip", "overlapped", 1), ("queue_one", "overlapped", 1), ("allow", "queued", 3)]
    {
        let host = host(&shop).await;
        // Parked jobs have not ended.
        set(&host, json!({ "overlap": overlap })).await;
        host.call("backend.disable", json!({ "name": "shop" })).await;
        for _ in 0..3 {
            host.clock().advance_seconds(3_600);
            tick(&host).await;
            // One that is being looked at is neither waiting nor parked.
            for job in jobs(&host).await {
                let id = job["id"].as_i64().expect("an id");
                host.job_when(id, "parked", |job| job.parked.is_some()).await;
            }
        }
        assert_eq!((last(&host).await, jobs(&host).await.len()), (json!(outcome), count), "{overlap}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_passed_while_no_host_ran_is_made_up_for_once_or_left_out_as_was_set() {
    let shop = shop();
    for (missed, outcome, count) in [("run_once", "queued", 1), ("skip", "missed", 0)] {
        let host = host(&shop).await;
        set(&host, json!({ "missed": missed })).await;
        let clock = host.clock().clone();
        let options = TestHost::options(&host.data);
        let data = host.stop().await;
        clock.advance_seconds(DAY);
        let again = TestHost::start(data, |fresh| *fresh = HostOptions { clock, ..options }).await;
        tick(&again).await;
        assert_eq!((last(&again).await, jobs(&again).await.len()), (json!(outcome), count), "{missed}");
        let listed = again.call("schedule.list", json!({ "set": true })).await;
        assert_eq!(listed["schedules"][0]["next"], "2026-11-25T11:00:00Z", "and it goes on from there");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_is_set_back_by_a_day_does_not_silence_it() {
    let shop = shop();
    let host = host(&shop).await;
    set(&host, json!({ "overlap": "allow" })).await;
    host.clock().advance_seconds(3_600);
    tick(&host).await;
    host.clock().advance_seconds(-DAY);
    tick(&host).await;
    let listed = host.call("schedule.list", json!({ "set": true })).await;
    assert_eq!(listed["schedules"][0]["next"], "2026-11-23T12:00:00Z");
    host.clock().advance_seconds(3_600);
    tick(&host).await;
    assert_eq!(jobs(&host).await.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_paused_schedule_lets_its_times_pass_and_a_removed_one_is_off() {
    let shop = shop();
    let host = host(&shop).await;
    set(&host, json!({ "overlap": "allow" })).await;
    let name = json!({ "name": "shop.sync_orders" });
    assert_eq!(host.call("schedule.pause", name.clone()).await["state"], "paused");
    host.clock().advance_seconds(DAY);
    tick(&host).await;
    assert_eq!(jobs(&host).await.len(), 0);
    let resumed = host.call("schedule.resume", name.clone()).await;
    assert_eq!((&resumed["state"], &resumed["next"]), (&json!("on"), &json!("2026-11-25T11:00:00Z")));
    tick(&host).await;
    assert_eq!(jobs(&host).await.len(), 0, "what passed is not made up for");
    assert_eq!(host.call("schedule.remove", name).await["state"], "off");
    host.clock().advance_seconds(DAY);
    tick(&host).await;
    assert_eq!(jobs(&host).await.len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_makes_no_sense_is_refused_with_a_cure() {
    let shop = shop();
    let host = host(&shop).await;
    for (request, code) in [
        (json!({ "name": "shop.sync_orders", "cron": "every day" }), "schedule.expression"),
        (json!({ "name": "shop.sync_orders", "cron": "0 0 30 2 *" }), "schedule.never"),
        (json!({ "name": "shop.sync_orders", "cron": "0 0 * * *", "zone": "Berlin" }), "schedule.zone"),
        (json!({ "name": "shop.sync_orders", "cron": "0 0 * * *", "jitter": 90_000 }), "schedule.jitter"),
        (json!({ "name": "shop.sync_orders" }), "operation.value"),
        (json!({ "name": "shop.tidy_up", "cron": "0 0 * * *" }), "operation.value"),
    ] {
        assert_eq!(host.fails("schedule.set", request.clone()).await.code, code, "{request}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_line_sets_shows_and_runs_it() {
    let shop = shop();
    let host = host(&shop).await;
    let set = ["schedule", "set", "shop.sync_products", "--cron", "30 6 * * 1-5", "--zone", "Europe/Berlin"];
    let shown = host.run(set).await.ok().out;
    assert!(shown.contains("2026-11-25T05:30:00Z") && shown.contains("Europe/Berlin"), "{shown}");
    let changed = host.run(["schedule", "set", "shop.sync_products", "--jitter", "60", "--json"]).await.ok().json();
    assert_eq!((&changed["times"]["cron"], &changed["times"]["jitter"]), (&json!("30 6 * * 1-5"), &json!(60)));
    let run = host.run(["schedule", "run", "shop.sync_products", "--wait", "--json"]).await.ok().json();
    assert_eq!(run["finished"], true);
    assert!(!host.bound("demo.product").await.is_empty());
    let listed = host.run(["schedule", "list", "shop", "--set"]).await.ok().out;
    assert!(listed.contains("shop.sync_products") && !listed.contains("shop.verify"), "{listed}");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_host_it_is_run_by_the_command() {
    let shop = shop();
    let host = host(&shop).await;
    let data = host.stop().await;
    data.run(["schedule", "set", "shop.sync_customers", "--cron", "0 3 * * *"]).ok();
    data.run(["schedule", "run", "shop.sync_customers"]).ok();
    assert!(data.count("res.partner", "[]") > 0);
    let check = data.run(["schedule", "run", "check", "--json"]).ok().json();
    assert_eq!(check["jobs"][0]["result"], json!({ "problems": [] }));
}

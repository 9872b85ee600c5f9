//! `kill -9` of the real program in the middle of imports, again and again: it finishes, nothing is missing, nothing is
//! there twice, and the accounts and cursors are those of a run that nobody disturbed.

use std::{
    path::Path,
    time::{Duration, Instant, SystemTime},
};

use bindery::operation::{Caller, sync::Standing};
use bindery_tests::{Data, HostProcess, Options, Point, Shop, TestHost, full, import::account};
use serde_json::{Value, json};

/// Kinds with the shop's resource that each is of.
const KINDS: [(&str, &str); 7] = [
    ("demo.customer", "customers"),
    ("demo.category", "categories"),
    ("demo.tax", "taxes"),
    ("demo.product", "products"),
    ("demo.stock", "stock"),
    ("demo.order", "orders"),
    ("demo.invoice", "invoices"),
];

/// Where in the life of a request, or just after it, the host is killed.
#[derive(Debug, Clone, Copy)]
enum Moment {
    /// It has asked and waits: during the fetch.
    Asked,
    /// The shop has answered, and the host has not got it.
    Answered,
    /// The page is here: so long after its answer was let go, it is being prepared or written.
    Later(Duration),
    /// The log of the database grows: a commit is being written.
    Writing,
}

/// A small generator: the same seed gives the same kills.
struct Seed(u64);

impl Seed {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % bound
    }

    fn moment(&mut self) -> Moment {
        match self.below(4) {
            0 => Moment::Asked,
            1 => Moment::Answered,
            2 => Moment::Later(Duration::from_micros(self.below(12_000))),
            _ => Moment::Writing,
        }
    }
}

fn prepared(options: Options, page_size: u32) -> (Data, Shop) {
    let (data, shop) = (Data::new(), Shop::start(options));
    data.connect(&shop);
    data.run(["backend", "set", "shop", "--set", &format!("page_size={page_size}")]).ok();
    (data, shop)
}

/// Starts a sync on a running host; answers its job.
fn start(data: &Data, more: &[&str]) -> i64 {
    let started = data.run([&["sync", "shop", "--json"], more].concat()).ok().json();
    started["jobs"][0]["id"].as_i64().expect("a job")
}

/// Kills the host at a moment of the request that comes after `skip` others; whether the run got that far.
async fn kill_at(data: &Data, host: HostProcess, shop: &Shop, (skip, moment): (u32, Moment)) -> bool {
    let point = if matches!(moment, Moment::Asked) { Point::Before } else { Point::After };
    let gate = shop.gate_after("GET /*", skip, point);
    // Waiting jobs don't wait for their time: what is tested is not how patient the host is.
    while tokio::time::timeout(Duration::from_millis(200), gate.arrived()).await.is_err() {
        if is_over(data) {
            return false;
        }
        retry_waiting(data);
    }
    match moment {
        Moment::Asked | Moment::Answered => {}
        Moment::Later(time) => {
            gate.release();
            let end = Instant::now() + time;
            while Instant::now() < end {
                std::hint::spin_loop();
            }
        }
        Moment::Writing => {
            let log = data.path().join("bindery.db-wal");
            let (before, end) = (stand(&log), Instant::now() + Duration::from_secs(10));
            gate.release();
            while stand(&log) == before && Instant::now() < end {
                std::hint::spin_loop();
            }
        }
    }
    host.kill();
    true
}

/// Whether nothing is left to do.
fn is_over(data: &Data) -> bool {
    let counts = data.run(["status", "--json"]).ok().json()["jobs"].clone();
    ["waiting", "pending", "running"].iter().all(|state| counts[*state].as_u64().unwrap_or(0) == 0)
}

fn stand(file: &Path) -> Option<(u64, SystemTime)> {
    let metadata = std::fs::metadata(file).ok()?;
    Some((metadata.len(), metadata.modified().ok()?))
}

fn retry_waiting(data: &Data) {
    let waiting = data.run(["job", "list", "--state", "pending", "--json"]).ok().json();
    let ids: Vec<String> = waiting["jobs"].as_array().expect("jobs").iter().map(|job| job["id"].to_string()).collect();
    for id in ids {
        // One that began meanwhile needs no help.
        data.run(["job", "retry", &id]);
    }
}

/// Starts the host for the last time, in process, and lets the job come to its end.
async fn finished(data: Data, job: i64) -> (TestHost, Standing) {
    let host = TestHost::start(data, |_| {}).await;
    let standing = loop {
        if let Ok(standing) = tokio::time::timeout(Duration::from_millis(500), host.wait(&[job])).await {
            break standing;
        }
        let waiting = host.call("job.list", json!({ "state": "pending" })).await;
        let ids: Vec<&Value> = waiting["jobs"].as_array().expect("jobs").iter().map(|job| &job["id"]).collect();
        // Those that began meanwhile are left alone, and need no help.
        let _ = host.call_as(&Caller::owner(), "job.retry", json!({ "ids": ids })).await;
    };
    assert_eq!(standing.failed, 0, "{:#?}", standing.jobs);
    (host, standing)
}

/// Everything of the shop is here once, and equal.
async fn in_step(host: &TestHost, shop: &Shop, kinds: &[(&str, &str)]) {
    assert_eq!(host.store().check().await.expect("the database is sound"), Vec::<String>::new());
    for (kind, resource) in kinds {
        let mut there: Vec<u64> = shop.items(resource).iter().filter_map(|item| item["id"].as_u64()).collect();
        let mut here: Vec<u64> = host.bound(kind).await.iter().filter_map(|id| id.parse().ok()).collect();
        there.sort_unstable();
        here.sort_unstable();
        assert_eq!(here, there, "{kind}");
    }
    // One binding a record, one record a binding: nothing was made and then forgotten.
    let all = host.bindings("shop", "", "").await;
    assert!(all.iter().all(|binding| binding["sync_status"] == "success"), "{all:#?}");
    let bound = |kinds: &[&str]| all.iter().filter(|one| kinds.iter().any(|kind| one["kind"] == *kind)).count() as u64;
    for (model, kinds) in [
        ("res.partner", &["demo.customer", "demo.address"][..]),
        ("product.template", &["demo.product"]),
        ("sale.order", &["demo.order"]),
        ("sale.order.line", &["demo.order_line"]),
        ("stock.quant", &["demo.stock"]),
        ("account.move", &["demo.invoice"]),
        ("account.payment", &["demo.payment"]),
    ] {
        let request = json!({ "model": model, "domain": [], "limit": 1, "archived": true });
        assert_eq!(host.call("record.search", request).await["total"], bound(kinds), "{model}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_whole_sync_killed_a_dozen_times_comes_out_as_if_nothing_had_been() {
    let options = Options { products: 90, customers: 60, orders: 60, ..Options::default() };
    let (data, shop) = prepared(options, 20);
    let (mut seed, kills) = (Seed(0x5eed_0fb1_2026), if full() { 40 } else { 12 });
    let (mut job, mut killed) = (None, 0);
    for _ in 0..kills {
        let host = data.serve();
        job = job.or_else(|| Some(start(&data, &[])));
        let aim = (seed.below(3) as u32, seed.moment());
        killed += u32::from(kill_at(&data, host, &shop, aim).await);
    }
    assert!(killed >= 10, "the sync is too short for this test: it was killed {killed} times");
    let job = job.expect("one was started");
    let (host, standing) = finished(data, job).await;
    for (kind, resource) in KINDS {
        let account = account(&standing, kind);
        assert_eq!(account.unaccounted(), 0, "{kind}: {account}");
        assert_eq!(account.offered, shop.len(resource) as i64, "each record is counted once: {kind}: {account}");
        assert_eq!(account.quarantined + account.failed + account.skipped, 0, "{kind}: {account}");
        assert_eq!(host.cursor(kind).await.is_some(), kind != "demo.tax", "taxes are always read whole: {kind}");
    }
    in_step(&host, &shop, &KINDS).await;
    let again = host.sync("shop", json!({ "force": true })).await;
    for (kind, resource) in KINDS {
        assert_eq!(bindery_tests::import::account(&again, kind).unchanged, shop.len(resource) as i64, "{kind}");
    }
}

/// Pages of customers, and a host killed at one moment of each of them in turn.
async fn killed_at_each_page(moment: Moment) {
    let options = Options { products: 3, customers: 60, orders: 0, ..Options::default() };
    let (data, shop) = prepared(options, 5);
    let (mut job, mut killed) = (None, 0);
    for _ in 0..3 {
        let host = data.serve();
        job = job.or_else(|| Some(start(&data, &["--kind", "demo.customer"])));
        killed += u32::from(kill_at(&data, host, &shop, (0, moment)).await);
    }
    assert!(killed >= 2, "{killed}");
    let (host, standing) = finished(data, job.expect("one was started")).await;
    let account = account(&standing, "demo.customer");
    assert_eq!((account.offered, account.created), (60, 60), "{moment:?}: {account}");
    let attempts = host.job(standing.jobs[0].job.id).await["attempts"].clone();
    assert!(attempts.as_array().is_some_and(|attempts| attempts.iter().any(is_lost)), "{attempts:#}");
    in_step(&host, &shop, &KINDS[..1]).await;
}

fn is_lost(attempt: &Value) -> bool {
    attempt["code"] == "queue.host_died"
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_during_a_fetch() {
    killed_at_each_page(Moment::Asked).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_between_pages() {
    killed_at_each_page(Moment::Answered).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_in_the_middle_of_a_commit() {
    killed_at_each_page(Moment::Writing).await;
}

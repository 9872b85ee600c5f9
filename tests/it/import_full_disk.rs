//! A disk that fills in the middle of an import: it is told at once and where one looks, nothing that was answered is
//! lost, the host and its commands can still be ended, and once there is room the same job goes on by itself.

use std::time::{Duration, Instant};

use bindery_tests::{Answer, Data, Options, Shop, SmallDisk};
use serde_json::Value;

/// So many that they don't fit.
const CUSTOMERS: u64 = 20_000;

fn shop() -> Shop {
    Shop::start(Options { products: 3, customers: CUSTOMERS, orders: 0, ..Options::default() })
}

/// Asks until the answer is as wanted: what a person at a terminal does.
fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + Duration::from_secs(120);
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < end, "never {what}");
    }
}

fn job(data: &Data, id: i64) -> Value {
    data.run(["job", "show", &id.to_string(), "--json"]).ok().json()
}

fn start(data: &Data) -> i64 {
    let started = data.run(["sync", "shop", "--only", "customers", "--json"]).ok().json();
    started["jobs"][0]["id"].as_i64().expect("a job")
}

/// What `status` says is wrong about the disk.
fn alarm(data: &Data) -> Option<String> {
    let status = data.run(["status", "--json"]).ok().json();
    let alarms = status["alarms"].as_array().expect("alarms").clone();
    let words = alarms.iter().filter_map(|alarm| alarm["message"].as_str());
    words.map(str::to_owned).find(|text| is_told(text))
}

fn is_told(text: &str) -> bool {
    text.contains("storage.disk_full") || text.contains("storage.not_written")
}

/// Everything of the shop is here once, besides what the test has made itself.
fn in_step(data: &Data, own: u64) {
    assert_eq!(data.count("res.partner", r#"[["parent_id","=",null],["name","not like","own "]]"#), CUSTOMERS);
    assert_eq!(data.count("res.partner", r#"[["name","like","own "]]"#), own, "what was answered is there");
    let again = data.run(["sync", "shop", "--only", "customers", "--force", "--wait", "--json"]).ok().json();
    let account = &again["jobs"][0]["result"]["kinds"][0]["account"];
    let account = if account.is_null() { &again["jobs"][0]["result"]["account"] } else { account };
    assert_eq!(account["unchanged"], CUSTOMERS, "{again:#}");
}

/// Makes records until one is refused; answers how many were answered with success.
fn fill_up(data: &Data) -> u64 {
    (0..2_000)
        .find(|at| {
            let (name, comment) = (format!("name=own {at}"), format!("comment={}", "x".repeat(100_000)));
            let made = data.run(["record", "create", "res.partner", &name, &comment]);
            made.code != Some(0) && is_told(&made.fails(1))
        })
        .expect("one is refused")
}

fn waits_and_goes_on(disk: &SmallDisk) {
    let (data, shop) = (disk.data(), shop());
    data.connect(&shop);
    disk.fill();
    let host = disk.serve();
    let id = start(data);
    let told = until("told", || alarm(data));
    assert!(told.starts_with("nothing can be stored"), "{told}");
    let so_far = job(data, id)["progress"]["done"].as_u64().expect("a number");
    assert!(so_far < CUSTOMERS, "the disk is too large for this test");
    let own = fill_up(data);
    assert!(alarm(data).is_some(), "it is still told");
    disk.free(Some(&host));
    let done = until("done", || Some(job(data, id)).filter(|job| job["state"] == "done"));
    assert_eq!(done["charged"], 0, "meeting a full disk costs no attempt, and pages were committed since: {done:#}");
    assert_eq!(done["result"]["account"]["created"], CUSTOMERS, "{done:#}");
    in_step(data, own);
    assert!(host.stop());
}

#[test]
fn an_import_waits_for_room_on_a_full_file_system_and_goes_on_by_itself() {
    waits_and_goes_on(&SmallDisk::mounted());
}

#[test]
fn an_import_waits_where_files_may_not_grow_and_goes_on_by_itself() {
    waits_and_goes_on(&SmallDisk::limited());
}

#[test]
fn a_host_on_a_full_disk_can_be_stopped_and_the_next_one_finishes() {
    let (disk, shop) = (SmallDisk::mounted(), shop());
    let data = disk.data();
    data.connect(&shop);
    disk.fill();
    let host = disk.serve();
    let id = start(data);
    until("told", || alarm(data));
    let own = fill_up(data);
    assert!(host.stop(), "it ends though it can't store how its jobs stand");
    disk.free(None);
    let host = data.serve();
    until("done", || Some(job(data, id)).filter(|job| job["state"] == "done"));
    in_step(data, own);
    assert!(host.stop());
}

#[test]
fn a_command_without_a_host_ends_on_a_full_disk_and_says_why() {
    let (disk, shop) = (SmallDisk::limited(), shop());
    let data = disk.data();
    data.connect(&shop);
    let mut command = disk.command();
    command.args(["sync", "shop", "--only", "customers", "--wait"]);
    let said = Answer::of(command).fails(1);
    assert!(is_told(&said), "{said}");
    data.run(["sync", "shop", "--only", "customers", "--wait"]).ok();
    in_step(data, 0);
}

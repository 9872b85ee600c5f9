//! The ground an import stands on gives way: a database that another process holds, a key that is gone. It
//! is told, nothing that was answered is lost, and the same job finishes when the ground is firm again.

use std::time::{Duration, Instant};

use bindery_tests::{Data, Options, Shop};
use serde_json::Value;

fn shop() -> Shop {
    Shop::start(Options { products: 3, customers: 2000, orders: 0, ..Options::default() })
}

/// Asks until the answer is as wanted: what a person at a terminal does.
fn until(what: &str, mut look: impl FnMut() -> Option<Value>) -> Value {
    let end = Instant::now() + Duration::from_secs(60);
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < end, "never {what}");
    }
}

fn job(data: &Data, id: &Value) -> Value {
    data.run(["job", "show", &id.to_string(), "--json"]).ok().json()
}

#[test]
fn a_database_held_by_another_process_is_told_and_left_alone() {
    let (data, shop) = (Data::new(), shop());
    data.connect(&shop);
    data.run(["sync", "shop", "--only", "customers", "--wait"]).ok();
    let other = rusqlite::Connection::open(data.path().join("bindery.db")).unwrap();
    other.execute_batch("pragma locking_mode=exclusive; begin exclusive").unwrap();
    let said = data.run(["sync", "shop", "--only", "customers", "--wait"]).fails(1);
    for word in ["storage.locked", "another process", "Stop the other process"] {
        assert!(said.contains(word), "{word:?} is missing in\n{said}");
    }
    other.execute_batch("commit").unwrap();
    drop(other);
    data.run(["sync", "shop", "--only", "customers", "--wait"]).ok();
    assert_eq!(data.count("res.partner", r#"[["parent_id","=",null]]"#), 2000);
}

#[test]
fn a_sync_whose_key_is_gone_is_parked_with_the_reason_and_done_when_the_key_is_back() {
    let (data, shop) = (Data::new(), shop());
    data.connect(&shop);
    let (key, away) = (data.beside("config"), data.beside("away"));
    std::fs::rename(&key, &away).unwrap();
    let host = data.serve();
    let started = data.run(["sync", "shop", "--only", "customers", "--json"]).ok().json();
    let id = &started["jobs"][0]["id"];
    let parked = until("parked", || Some(job(&data, id)).filter(|job| job["parked"].is_string()));
    let why = parked["parked"].as_str().unwrap();
    assert!(why.contains("shop") && why.contains("api_token") && why.contains("key"), "{why}");
    assert_eq!(shop.count("GET /customers"), 0, "nothing is asked without the secret");
    assert!(host.stop());
    // A wrong key is no better than none.
    std::fs::remove_dir_all(&key).unwrap_or_default();
    let host = data.serve();
    until("parked", || Some(job(&data, id)).filter(|job| job["parked"].is_string()));
    assert!(host.stop());
    std::fs::remove_dir_all(&key).unwrap_or_default();
    std::fs::rename(&away, &key).unwrap();
    let host = data.serve();
    let done = until("done", || Some(job(&data, id)).filter(|job| job["state"] == "done"));
    assert_eq!(done["result"]["account"]["created"], 2000, "{done:#}");
    assert!(host.stop());
}

//! The ground an import stands on gives way: a full disk, a database that another process holds, a key that is gone. It
//! is told, nothing that was answered is lost, and the same job finishes when the ground is firm again.

use std::{
    path::PathBuf,
    process::Command,
    time::{Duration, Instant},
};

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

/// A small file system of its own under a data directory; gone when dropped.
struct SmallDisk(PathBuf);

impl SmallDisk {
    /// None where this process may not mount.
    fn mount(place: PathBuf, megabytes: u32) -> Option<Self> {
        std::fs::create_dir_all(&place).unwrap();
        let size = format!("size={megabytes}m,mode=0700");
        let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", &size, "none"]).arg(&place).output();
        mounted.is_ok_and(|output| output.status.success()).then_some(Self(place))
    }

    fn filler(&self) -> PathBuf {
        self.0.join("filler")
    }

    /// Takes all that is free but for some kilobytes.
    fn fill(&self, but: usize) {
        use std::io::Write as _;
        let mut file = std::fs::File::create(self.filler()).unwrap();
        let block = [1_u8; 4096];
        let mut written: u64 = 0;
        while file.write_all(&block).is_ok() {
            written += 4096;
        }
        file.set_len(written.saturating_sub(but as u64 * 1024)).unwrap();
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Lazily: a host that is being killed may still hold files.
        let _ = Command::new("umount").arg("--lazy").arg(&self.0).output();
    }
}

#[test]
fn a_full_disk_stops_the_import_and_room_lets_it_finish() {
    let (data, shop) = (Data::new(), shop());
    let Some(disk) = SmallDisk::mount(data.path(), 64) else {
        eprintln!("skipped: a file system of its own can't be mounted here; run it as root");
        return;
    };
    data.connect(&shop);
    let host = data.serve();
    data.run(["record", "create", "product.template", "name=Before"]).ok();
    disk.fill(64);
    let started = data.run(["sync", "shop", "--only", "customers", "--json"]).ok().json();
    let id = &started["jobs"][0]["id"];
    let told = until("told", || Some(job(&data, id)).filter(|job| job["error"].is_object()));
    assert_eq!(told["error"]["code"], "storage.disk_full", "{told:#}");
    let shown = data.run(["job", "show", &id.to_string()]).ok().out;
    for word in ["the disk is full", "Free space", "storage.disk_full"] {
        assert!(shown.contains(word), "{word:?} is missing in\n{shown}");
    }
    assert_eq!(data.count("product.template", "[]"), 1, "what is there can be read");
    std::fs::remove_file(disk.filler()).unwrap();
    // It would go on by itself when its time comes; nobody wants to wait for that.
    let done = until("done", || {
        let found = job(&data, id);
        if found["state"] == "pending" {
            data.run(["job", "retry", &id.to_string()]);
        }
        (found["state"] != "pending" && found["state"] != "started").then_some(found)
    });
    assert_eq!(done["state"], "done", "{done:#}");
    assert_eq!(data.count("res.partner", r#"[["parent_id","=",null]]"#), 2000);
    assert!(host.stop());
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

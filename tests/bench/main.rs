//! Measures rooms of the host by themselves, for `cargo xtask bench`: calls into a plugin, the store, records,
//! growth.
//!
//! `bench-rooms call FOLDER BINDERY RAW.so FAULT.so`, `bench-rooms store FOLDER`, `bench-rooms grow FOLDER BINDINGS JOBS`.
//! Each prints lines of JSON, `{"name", "unit", "value"}`. It judges nothing.
#![expect(clippy::print_stdout, reason = "a program that is read by another")]

mod call;
mod grow;
mod record;
mod store;

use std::path::{Path, PathBuf};

// As in the real program, since allocations are part of what is measured.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() {
    let arguments: Vec<PathBuf> = std::env::args_os().skip(1).map(PathBuf::from).collect();
    let (what, rest) = arguments.split_first().expect("what to measure");
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    match (what.to_str(), rest) {
        (Some("call"), [folder, bindery, raw, fault]) => {
            runtime.block_on(call::run(&fresh(folder), bindery, raw, fault))
        }
        (Some("store"), [folder]) => runtime.block_on(async {
            let folder = fresh(folder);
            store::run(&folder).await;
            record::run(&folder).await;
        }),
        (Some("grow"), [folder, bindings, jobs]) => {
            let number = |path: &Path| path.to_str().and_then(|text| text.parse().ok()).expect("a number");
            runtime.block_on(grow::run(&fresh(folder), number(bindings), number(jobs)));
        }
        _ => panic!("see the head of this program"),
    }
}

fn fresh(folder: &Path) -> PathBuf {
    // Nothing to remove at the first run.
    let _ = std::fs::remove_dir_all(folder);
    std::fs::create_dir_all(folder).expect("a folder can be made");
    folder.to_owned()
}

/// Prints one measurement.
fn tell(name: &str, unit: &str, value: f64) {
    println!("{}", serde_json::json!({ "name": name, "unit": unit, "value": value }));
}

//! What a record costs as bindings grow, and a large database to start a host over.

use std::{path::Path, time::Instant};

use bindery::{
    base::Timestamp,
    model::job::NewJob,
    queue,
    record::{self, Catalogue, Change, Values, binding, decode},
    storage::{self, Durability::Durable, Store, Tx, backend},
};
use bindery_contract::manifest::{Kind, Manifest};
use bindery_tests::records::backend_row;
use serde_json::json;

use super::tell;

const NOW: Timestamp = Timestamp(1_764_000_000_000_000);
pub(super) const KIND: &str = "catalogue.product";
/// Records of a page.
const PAGE: usize = 100;
/// Records of a measurement beside what is there already.
const MORE: usize = 10_000;
/// Numbers from here on are those of records that are measured.
const NEW: usize = 1_000_000_000;

/// Models, a kind and a backend in a new store.
pub(super) async fn ground(store: &Store) -> (i64, Catalogue) {
    store
        .write(Durable, |tx| -> Result<_, record::Error> {
            Catalogue::install_models(tx, &[])?;
            let kind = Kind { name: KIND.into(), model: "product.template".into(), import: true, ..Kind::default() };
            let manifest = Manifest { id: "catalogue".into(), kinds: vec![kind], ..Manifest::default() };
            let catalogue = Catalogue::register(tx, "catalogue", &manifest)?;
            let row = backend::Row { enabled: false, ..backend_row("shop", "catalogue") };
            Ok((backend::insert(tx, &row)?, catalogue))
        })
        .await
        .expect("a new store takes them")
}

/// Writes a page of new records with their bindings and outbox rows.
pub(super) async fn page(store: &Store, catalogue: &Catalogue, backend: i64, ids: Vec<String>) {
    let catalogue = catalogue.clone();
    let rows = ids.len() * 3;
    let write = move |tx: &mut dyn Tx| write_page(tx, &catalogue, backend, &ids);
    store.write_weighted(Durable, rows, write).await.expect("they are new");
}

fn write_page(tx: &mut dyn Tx, catalogue: &Catalogue, backend: i64, ids: &[String]) -> Result<(), record::Error> {
    let kind = catalogue.need_kind(KIND)?;
    let change = Change::from_backend(backend, NOW);
    let texts: Vec<&str> = ids.iter().map(String::as_str).collect();
    assert!(binding::find_page(tx, backend, kind, &texts)?.is_empty(), "they are new");
    for id in ids {
        let values = product(catalogue, id)?;
        let record = record::create(tx, catalogue, &kind.model, &values, &change)?;
        let synced = binding::Synced {
            payload_hash: Some([7; 16]),
            map_fingerprint: Some(1),
            record_version: 1,
            external_updated_at: Some("2026-11-24T10:00:00Z"),
            ..binding::Synced::default()
        };
        binding::insert_synced(tx, backend, kind, id, record, &synced, &change)?;
    }
    Ok(())
}

/// The values of a product as the catalogue connector maps them.
pub(super) fn product(catalogue: &Catalogue, id: &str) -> Result<Values, record::Error> {
    let model = catalogue.need_model("product.template")?;
    let json = json!({
        "name": format!("steel lamp {id}"), "default_code": format!("SKU-{id}"), "barcode": format!("40{id}"),
        "description": "garden travel wireless kitchen compact vintage ".repeat(12), "list_price": "123.45",
        "compare_list_price": "130.00", "sale_ok": true, "weight": 350, "description_purchase": "Vendor 12",
        "description_sale": "garden", "website_url": "https://images.example.org/p/main-large.jpg",
    });
    decode::values(catalogue, model, &json.to_string())
}

pub(super) async fn run(folder: &Path, bindings: usize, jobs: usize) {
    let data = folder.join("data");
    std::fs::create_dir_all(&data).expect("a folder can be made");
    let store = Store::open(&storage::Options::new(data.join("bindery.db"))).expect("a new store");
    store.warm_up();
    let (backend, catalogue) = ground(&store).await;
    let mut there = 0;
    for wanted in [10_000, 100_000, 1_000_000, 5_000_000].into_iter().filter(|wanted| *wanted <= bindings) {
        while there < wanted {
            let count = (wanted - there).min(10_000);
            fill(&store, backend, &catalogue, there, count).await;
            there += count;
        }
        for (name, id) in [("rising", rising as fn(usize) -> String), ("random", scattered)] {
            let begun = Instant::now();
            for at in 0..MORE / PAGE {
                let ids = (0..PAGE).map(|one| id(NEW + there + at * PAGE + one)).collect();
                page(&store, &catalogue, backend, ids).await;
            }
            let each = begun.elapsed().as_secs_f64() * 1e6 / MORE as f64;
            tell(&format!("record, {name} ids, beside {wanted} bindings"), "µs", each);
        }
    }
    let mut left = jobs;
    while left > 0 {
        let now = left.min(5_000);
        let all = move |tx: &mut dyn Tx| {
            for _ in 0..now {
                // Of a backend that is switched off, so that nobody runs them.
                let job = NewJob { backend: Some(backend), ..NewJob::new("sync.kind", json!({ "kind": KIND })) };
                queue::enqueue(tx, NOW, &job)?;
            }
            Ok::<_, queue::Error>(())
        };
        store.write_weighted(Durable, now, all).await.expect("they are enqueued");
        left -= now;
    }
    store.close().await;
}

/// Many new records in one transaction: only to have them there.
async fn fill(store: &Store, backend: i64, catalogue: &Catalogue, from: usize, count: usize) {
    let catalogue = catalogue.clone();
    let write = move |tx: &mut dyn Tx| {
        let half = count / 2;
        let mut ids: Vec<String> = (from..from + half).map(|id| id.to_string()).collect();
        ids.extend((from + half..from + count).map(scattered));
        write_page(tx, &catalogue, backend, &ids)
    };
    store.write_weighted(Durable, count, write).await.expect("they are new");
}

/// An id that is greater than those before.
fn rising(number: usize) -> String {
    number.to_string()
}

/// An id that is nowhere near the one of its neighbour.
fn scattered(number: usize) -> String {
    let mixed = (number as u64).wrapping_add(0x9e37_79b9_7f4a_7c15).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    format!("{:016x}", mixed ^ (mixed >> 31))
}

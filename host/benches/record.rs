//! What a record costs: decoding 15 fields, and writing record, binding and outbox row. `cargo bench --bench record`.
#![allow(clippy::print_stdout, reason = "a benchmark prints what it measured")]

use std::{collections::HashMap, hint::black_box, sync::Arc, time::Instant};

use bindery::{
    base::Timestamp,
    record::{self, Binding, Catalogue, Change, Error, Kind, Model, binding, binding::Synced, decode},
    storage::{Durability, Options, Store, backend},
};
use bindery_contract::manifest::{Kind as KindDeclaration, Manifest};

const RECORDS: usize = 50_000;
const PAGE: usize = 100;
const NOW: Timestamp = Timestamp(1_764_000_000_000_000);

fn item(number: usize, price: usize) -> String {
    format!(
        r#"{{"name":"Product {number}","default_code":"SKU-{number}","description":"{}","description_sale":"A sentence \"quoted\" for sale","barcode":"40{number:011}","active":true,"list_price":"{price}.99","standard_price":"7.5","weight":1.25,"volume":0,"sale_ok":true,"purchase_ok":false,"type":"consu","sequence":{number},"website_url":"https://example.org/p/{number}"}}"#,
        "words of a description ".repeat(12)
    )
}

struct Bench {
    runtime: tokio::runtime::Runtime,
    store: Store,
    catalogue: Catalogue,
    kind: Arc<Kind>,
    backend: i64,
}

fn main() {
    let directory = tempfile::tempdir().expect("a directory");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let store = Store::open(&Options::new(directory.path().join("bench.db"))).expect("a store");
    let at = Instant::now();
    runtime.block_on(store.write(Durability::Durable, |tx| Catalogue::install_models(tx, &[]))).expect("models");
    println!("install all models               {:>8.1} ms", at.elapsed().as_secs_f64() * 1e3);
    let at = Instant::now();
    runtime.block_on(store.write(Durability::Durable, |tx| Catalogue::install_models(tx, &[]))).expect("models");
    println!("start with all models installed  {:>8.1} ms", at.elapsed().as_secs_f64() * 1e3);
    let (catalogue, backend) = runtime
        .block_on(store.write(Durability::Durable, |tx| {
            let row = backend::Row {
                id: 0,
                name: "shop".to_owned(),
                backend_type: "acme".to_owned(),
                plugin: "acme".to_owned(),
                enabled: true,
                epoch: 1,
                settings: "{}".to_owned(),
                business: "{}".to_owned(),
                connection_status: "unknown".to_owned(),
                connection_message: None,
                checked_at: None,
                created_at: NOW,
                updated_at: NOW,
            };
            let backend = backend::insert(tx, &row)?;
            let kind = KindDeclaration {
                name: "acme.product".to_owned(),
                model: "product.template".to_owned(),
                ..KindDeclaration::default()
            };
            let manifest = Manifest { kinds: vec![kind], ..Manifest::default() };
            Ok::<_, Error>((Catalogue::register(tx, "acme", &manifest)?, backend))
        }))
        .expect("a kind");
    let kind = Arc::clone(catalogue.need_kind("acme.product").expect("the kind"));
    let bench = Bench { runtime, store, catalogue, kind, backend };
    bench.decoding();
    bench.creating();
    bench.updating(1, "update, one field differs");
    bench.updating(1, "update, nothing differs");
}

impl Bench {
    fn model(&self) -> &Model {
        &self.kind.model
    }

    fn decoding(&self) {
        let items: Vec<String> = (0..RECORDS).map(|number| item(number, number)).collect();
        let at = Instant::now();
        for item in &items {
            black_box(decode::values(&self.catalogue, self.model(), item).expect("is read"));
        }
        report("decode 15 fields", at);
    }

    fn creating(&self) {
        let at = Instant::now();
        for page in 0..RECORDS / PAGE {
            let (catalogue, kind, backend) = (self.catalogue.clone(), Arc::clone(&self.kind), self.backend);
            let rows: Vec<(String, record::Values)> = (page * PAGE..(page + 1) * PAGE)
                .map(|number| {
                    let values = decode::values(&catalogue, &kind.model, &item(number, number)).expect("is read");
                    (number.to_string(), values)
                })
                .collect();
            let work = self.store.write(Durability::Relaxed, move |tx| {
                let change = Change::from_backend(backend, NOW);
                for (external_id, values) in &rows {
                    let id = record::create(tx, &catalogue, &kind.model, values, &change)?;
                    let synced = Synced { payload_hash: Some([7; 16]), record_version: 1, ..Synced::default() };
                    binding::insert_synced(tx, backend, &kind, external_id, id, &synced, &change)?;
                }
                Ok::<_, Error>(())
            });
            self.runtime.block_on(work).expect("is written");
        }
        report("decode + create + bind + outbox", at);
    }

    fn updating(&self, more: usize, what: &str) {
        let at = Instant::now();
        for page in 0..RECORDS / PAGE {
            let (catalogue, kind, backend) = (self.catalogue.clone(), Arc::clone(&self.kind), self.backend);
            let rows: Vec<(i64, String, record::Values)> = (page * PAGE..(page + 1) * PAGE)
                .map(|number| {
                    let values =
                        decode::values(&catalogue, &kind.model, &item(number, number + more)).expect("is read");
                    (number as i64 + 1, number.to_string(), values)
                })
                .collect();
            let work = self.store.write(Durability::Relaxed, move |tx| {
                let change = Change::from_backend(backend, NOW);
                let ids: Vec<&str> = rows.iter().map(|(_, external_id, _)| external_id.as_str()).collect();
                let known = binding::find_page(tx, backend, &kind, &ids)?;
                let known: HashMap<&str, &Binding> =
                    known.iter().filter_map(|one| Some((one.external_id.as_deref()?, one))).collect();
                for (id, external_id, values) in &rows {
                    let binding = known[external_id.as_str()];
                    let written = record::write(tx, &catalogue, &kind.model, *id, values, &change)?;
                    let synced =
                        Synced { payload_hash: Some([8; 16]), record_version: written.version, ..Synced::default() };
                    binding::update_synced(tx, binding.id, &kind, *id, &synced, &change)?;
                }
                Ok::<_, Error>(())
            });
            self.runtime.block_on(work).expect("is written");
        }
        report(what, at);
    }
}

fn report(what: &str, since: Instant) {
    println!("{what:<32} {:>8.2} µs a record", since.elapsed().as_secs_f64() * 1e6 / RECORDS as f64);
}

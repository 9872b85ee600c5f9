//! What a record costs in its parts: reading its values, making it with its binding and outbox row, changing it, and
//! finding out that nothing differs.

use std::{collections::HashMap, hint::black_box, path::Path, time::Instant};

use bindery::{
    base::Timestamp,
    record::{self, Catalogue, Change, Error, binding, binding::Synced},
    storage::{self, Durability::Relaxed, Store, Tx},
};

use super::{
    grow::{self, KIND, product},
    tell,
};

/// Records of one measurement, and of a page.
const RECORDS: usize = 20_000;
const PAGE: usize = 100;
const NOW: Timestamp = Timestamp(1_764_000_000_000_000);

pub(super) async fn run(folder: &Path) {
    let store = Store::open(&storage::Options::new(folder.join("record.db"))).expect("a new store");
    store.warm_up();
    let (backend, catalogue) = grow::ground(&store).await;
    let begun = Instant::now();
    for number in 0..RECORDS {
        black_box(product(&catalogue, &number.to_string()).expect("it is read"));
    }
    each("values are read", begun);
    let begun = Instant::now();
    for page in pages() {
        grow::page(&store, &catalogue, backend, page.map(|number| number.to_string()).collect()).await;
    }
    each("read, made and bound", begun);
    for (name, other) in [("read and changed", true), ("read, nothing differs", false)] {
        let begun = Instant::now();
        for page in pages() {
            let (catalogue, ids) = (catalogue.clone(), page.map(|number| number.to_string()).collect::<Vec<_>>());
            let work = move |tx: &mut dyn Tx| change_page(tx, &catalogue, backend, &ids, other);
            store.write(Relaxed, work).await.expect("they are there");
        }
        each(name, begun);
    }
    store.close().await;
}

fn pages() -> impl Iterator<Item = std::ops::Range<usize>> {
    (0..RECORDS / PAGE).map(|page| page * PAGE..(page + 1) * PAGE)
}

fn each(what: &str, since: Instant) {
    tell(&format!("a record: {what}"), "µs", since.elapsed().as_secs_f64() * 1e6 / RECORDS as f64);
}

/// Writes known records again: with other values, or with the values that they had after that.
fn change_page(tx: &mut dyn Tx, catalogue: &Catalogue, backend: i64, ids: &[String], other: bool) -> Result<(), Error> {
    let (kind, change) = (catalogue.need_kind(KIND)?, Change::from_backend(backend, NOW));
    let texts: Vec<&str> = ids.iter().map(String::as_str).collect();
    let known = binding::find_page(tx, backend, kind, &texts)?;
    let known: HashMap<&str, _> = known.iter().filter_map(|one| Some((one.external_id.as_deref()?, one))).collect();
    for id in ids {
        let bound = known[id.as_str()];
        let record = bound.record.expect("it was bound to a record");
        let values = product(catalogue, &format!("{id} anew"))?;
        let written = record::write(tx, catalogue, &kind.model, record, &values, &change)?;
        assert_eq!(!written.changed.is_empty(), other, "what is measured is what was meant");
        let synced = Synced { payload_hash: Some([8; 16]), record_version: written.version, ..Synced::default() };
        binding::update_synced(tx, bound.id, kind, record, &synced, &change)?;
    }
    Ok(())
}

//! Bindings: both ends, the marks of a sync, extra fields and rules of a kind, and a kind under its own name.

use bindery::{
    base::Coded,
    record::{
        Binding, Change, Error, Query,
        binding::{self, Filter, Status, Synced},
        named,
    },
};
use bindery_contract::{
    field::{FieldDecl, FieldType},
    manifest::{Constraint, Kind, Manifest},
};
use bindery_tests::records::{NOW, Records};
use serde_json::{Value as Json, json};

fn manifest() -> Manifest {
    let price = FieldDecl { read_only: true, ..FieldDecl::new("external_price", FieldType::Decimal { scale: 4 }) };
    let kind = Kind {
        name: "acme.product".to_owned(),
        model: "product.template".to_owned(),
        fields: vec![FieldDecl::new("external_sku", FieldType::Text), price],
        constraints: vec![Constraint {
            name: "acme_sku".to_owned(),
            unique: vec!["backend".to_owned(), "external_sku".to_owned()],
            message: "Two products of one shop can't share a SKU".to_owned(),
        }],
        ..Kind::default()
    };
    let customer = Kind { name: "acme.customer".to_owned(), model: "res.partner".to_owned(), ..Kind::default() };
    Manifest { kinds: vec![kind, customer], ..Manifest::default() }
}

struct Bound {
    records: Records,
    backend: i64,
    product: i64,
}

fn bound() -> Bound {
    let mut records = Records::new();
    records.register("acme", manifest()).expect("is registered");
    let backend = records.backend("shop");
    let product = records.create("product.template", json!({"name": "Bolt"})).expect("is created");
    Bound { records, backend, product }
}

impl Bound {
    fn bind(&self, external_id: Option<&str>, record: Option<i64>) -> Result<Binding, Error> {
        self.records.bind(self.backend, "acme.product", external_id, record, json!({}))
    }

    fn get(&self, id: i64) -> Binding {
        self.records.run(move |tx| binding::get(tx, id)).expect("is there")
    }

    fn list(&self, filter: Filter) -> Vec<Binding> {
        self.records.run(move |tx| binding::list(tx, &filter)).expect("are listed")
    }

    fn create(&self, values: Json) -> Result<i64, Error> {
        let (catalogue, change) = (self.records.catalogue.clone(), Change::local("test", NOW));
        self.records.run(move |tx| named::create(tx, &catalogue, "acme.product", &values.to_string(), &change))
    }

    fn write(&self, id: i64, values: Json) -> Result<Vec<String>, Error> {
        let (catalogue, change) = (self.records.catalogue.clone(), Change::local("test", NOW));
        self.records.run(move |tx| named::write(tx, &catalogue, "acme.product", id, &values.to_string(), &change))
    }

    fn search(&self, domain: Json) -> Vec<i64> {
        let catalogue = self.records.catalogue.clone();
        let query = Query { domain, ..Query::default() };
        self.records.run(move |tx| named::search(tx, &catalogue, "acme.product", &query)).expect("is searched")
    }

    fn read(&self, id: i64, fields: &[&str]) -> Json {
        let catalogue = self.records.catalogue.clone();
        let fields: Vec<String> = fields.iter().map(|name| (*name).to_owned()).collect();
        let rows = self.records.run(move |tx| named::read(tx, &catalogue, "acme.product", &[id], &fields));
        Json::Object(rows.expect("is read").remove(0))
    }
}

#[test]
fn either_end_may_be_missing_but_not_both_and_no_id_is_empty() {
    let bound = bound();
    let quarantined = bound.bind(Some("0"), None).expect("is bound");
    assert_eq!((quarantined.external_id.as_deref(), quarantined.record), (Some("0"), None));
    let waiting = bound.bind(None, Some(bound.product)).expect("is bound");
    assert_eq!((waiting.external_id.as_deref(), waiting.record), (None, Some(bound.product)));
    assert_eq!(waiting.sync_status, Status::Pending);
    for (external_id, record) in [(None, None), (Some(""), Some(bound.product)), (Some(""), None)] {
        let error = bound.bind(external_id, record).expect_err("is refused");
        assert_eq!(error.code().name, "record.invalid_value", "{external_id:?} {record:?}");
    }
    assert_eq!(bound.bind(Some("9"), Some(77)).expect_err("is refused").code().name, "record.missing");
}

#[test]
fn an_end_that_was_missing_is_filled_in_and_another_one_is_refused() {
    let bound = bound();
    let waiting = bound.bind(None, Some(bound.product)).expect("is bound");
    let whole = bound.bind(Some("7"), Some(bound.product)).expect("is bound");
    assert_eq!((whole.id, whole.external_id.as_deref()), (waiting.id, Some("7")));
    assert_eq!(bound.bind(Some("7"), Some(bound.product)).expect("again").id, waiting.id);
    let other = bound.records.create("product.template", json!({"name": "Nut"})).expect("is created");
    for (external_id, record) in [("8", bound.product), ("7", other)] {
        let error = bound.bind(Some(external_id), Some(record)).expect_err("is refused");
        assert_eq!(error.code().name, "record.not_unique", "{external_id}");
    }
    // Another backend, and another kind, are another matter.
    let second = bound.records.backend("second");
    bound.records.bind(second, "acme.product", Some("7"), Some(bound.product), json!({})).expect("is bound");
    let partner = bound.records.create("res.partner", json!({"name": "Ada"})).expect("is created");
    bound.records.bind(bound.backend, "acme.customer", Some("7"), Some(partner), json!({})).expect("is bound");
}

#[test]
fn marks_count_attempts_and_forget_them_on_success() {
    let bound = bound();
    let id = bound.bind(Some("7"), Some(bound.product)).expect("is bound").id;
    for attempt in 1..=5 {
        bound.records.run(move |tx| binding::mark_sync_failed(tx, id, "no", Some(NOW), NOW)).expect("is marked");
        let failed = bound.get(id);
        assert_eq!((failed.sync_status, failed.retry_count), (Status::Failed, attempt));
        assert_eq!(failed.can_retry_sync(), attempt < 5);
        let due = Filter { due: Some(NOW), ..Filter::default() };
        assert_eq!(bound.list(due).len(), usize::from(attempt < 5));
    }
    bound.records.run(move |tx| binding::mark_sync_success(tx, id, NOW)).expect("is marked");
    let done = bound.get(id);
    assert_eq!(
        (done.sync_status, done.retry_count, done.last_error, done.sync_date),
        (Status::Success, 0, None, Some(NOW))
    );
    let lost = bound.records.run(|tx| binding::mark_sync_success(tx, 99, NOW)).expect_err("is refused");
    assert_eq!(lost.code().name, "record.no_binding");
}

#[test]
fn a_sync_keeps_what_the_next_one_compares() {
    let bound = bound();
    let (backend, product, kind) = (bound.backend, bound.product, bound.records.kind("acme.product"));
    let page = bound
        .records
        .run(move |tx| {
            let change = Change::from_backend(backend, NOW);
            let synced = Synced {
                payload_hash: Some([1; 16]),
                map_fingerprint: Some(-5),
                changed_by: Some("a=1"),
                record_version: 1,
                external_updated_at: Some("2026-01-01"),
                export_hash: None,
                extra: None,
            };
            let id = binding::insert_synced(tx, backend, &kind, "7", product, &synced, &change)?;
            let again = Synced { payload_hash: Some([2; 16]), record_version: 4, ..Synced::default() };
            binding::update_synced(tx, id, &kind, product, &again, &change)?;
            binding::find_page(tx, backend, &kind, &["6", "7", "8"])
        })
        .expect("is synced");
    assert_eq!(page.len(), 1);
    let seen = &page[0];
    assert_eq!((seen.payload_hash, seen.map_fingerprint, seen.changed_by.as_deref()), (Some([2; 16]), None, None));
    assert_eq!((seen.record_version, seen.current_version, seen.sync_status), (Some(4), Some(1), Status::Success));
    let id = seen.id;
    bound.records.run(move |tx| binding::resync(tx, id, NOW)).expect("is forgotten");
    assert_eq!((bound.get(id).payload_hash, bound.get(id).sync_status), (None, Status::Pending));
}

#[test]
fn quarantine_makes_the_binding_where_it_is_missing() {
    let bound = bound();
    let (backend, kind) = (bound.backend, bound.records.kind("acme.product"));
    let (first, second) = bound
        .records
        .run(move |tx| {
            let first = binding::quarantine(tx, backend, &kind, "7", "bad", None, NOW)?;
            Ok((first, binding::quarantine(tx, backend, &kind, "7", "still bad", None, NOW)?))
        })
        .expect("is quarantined");
    assert_eq!(first, second);
    let held = bound.get(first);
    assert_eq!((held.record, held.retry_count, held.last_error.as_deref()), (None, 2, Some("still bad")));
    let failed = Filter { status: Some(Status::Failed), backend: Some(backend), ..Filter::default() };
    assert_eq!(bound.list(failed).len(), 1);
}

#[test]
fn removing_a_record_takes_its_bindings_and_unbinding_leaves_the_record() {
    let bound = bound();
    let id = bound.bind(Some("7"), Some(bound.product)).expect("is bound").id;
    bound.records.run(move |tx| binding::unbind(tx, id)).expect("is unbound");
    assert_eq!(bound.records.search("product.template", json!([])).expect("is found"), [bound.product]);
    bound.bind(Some("7"), Some(bound.product)).expect("is bound");
    bound.records.unlink("product.template", bound.product).expect("is removed");
    assert!(bound.list(Filter::default()).is_empty());
}

#[test]
fn the_rule_of_a_kind_speaks_with_its_own_words() {
    let bound = bound();
    let sku = json!({"external_sku": "A"});
    bound.records.bind(bound.backend, "acme.product", Some("1"), None, sku.clone()).expect("is bound");
    let error =
        bound.records.bind(bound.backend, "acme.product", Some("2"), None, sku.clone()).expect_err("is refused");
    assert_eq!(error.to_string(), "acme.product: Two products of one shop can't share a SKU");
    assert_eq!(error.code().name, "record.constraint");
    let second = bound.records.backend("second");
    bound.records.bind(second, "acme.product", Some("2"), None, sku).expect("is bound");
}

#[test]
fn a_kind_is_one_record_under_its_own_name() {
    let bound = bound();
    let id = bound
        .create(
            json!({"backend": bound.backend, "external_id": "7", "external_sku": "A", "name": "Nut", "list_price": 3}),
        )
        .expect("is created");
    let row = bound.read(id, &["external_id", "external_sku", "name", "list_price", "sync_status", "kind"]);
    assert_eq!(
        row,
        json!({"id": id, "external_id": "7", "external_sku": "A", "name": "Nut", "list_price": "3",
               "sync_status": "pending", "kind": "acme.product"})
    );
    let changed =
        bound.write(id, json!({"name": "Nut 2", "external_sku": "B", "no_export": true})).expect("is written");
    assert_eq!(changed, ["external_sku", "name"]);
    let record = bound.read(id, &["record"])["record"].as_i64().expect("a record");
    assert_eq!(bound.records.get("product.template", record, "name"), json!("Nut 2"));

    for (domain, expected) in [
        (json!([]), vec![id]),
        (json!([["external_sku", "=", "B"]]), vec![id]),
        (json!([["external_sku", "=", "A"]]), vec![]),
        (json!([["name", "ilike", "nut"], ["external_id", "=", "7"]]), vec![id]),
        (json!([["record.name", "=", "Nut 2"]]), vec![id]),
        (json!([["sync_status", "in", ["pending", "failed"]]]), vec![id]),
        (json!([["backend", "=", "shop"]]), vec![id]),
        (json!([["backend", "=", "other"]]), vec![]),
        (json!(["!", ["no_export", "=", true]]), vec![]),
        (json!([["external_price", "=", false]]), vec![id]),
    ] {
        assert_eq!(bound.search(domain.clone()), expected, "{domain}");
    }

    let guarded = bound.write(id, json!({"external_price": 3})).expect_err("is refused");
    assert!(guarded.to_string().contains("external_price: only connectors"), "{guarded}");
    let guarded = bound.write(id, json!({"sync_status": "success"})).expect_err("is refused");
    assert!(guarded.to_string().contains("sync_status"), "{guarded}");
    let missing = bound.create(json!({"name": "x"})).expect_err("is refused");
    assert_eq!(missing.to_string(), "acme.product: backend: a value is required");

    let catalogue = bound.records.catalogue.clone();
    let change = Change::local("test", NOW);
    bound.records.run(move |tx| named::unlink(tx, &catalogue, "acme.product", &[id], &change)).expect("is unbound");
    assert_eq!(bound.records.get("product.template", record, "name"), json!("Nut 2"));
}

#[test]
fn references_are_resolved_made_or_named() {
    let bound = bound();
    let partner = bound.records.create("res.partner", json!({"name": "Ada", "ref": "A"})).expect("is created");
    bound.records.bind(bound.backend, "acme.customer", Some("c7"), Some(partner), json!({})).expect("is bound");
    let backend = bound.backend;
    let create = |values: Json| {
        let (catalogue, change) = (bound.records.catalogue.clone(), Change::from_backend(backend, NOW));
        bound.records.run(move |tx| named::create(tx, &catalogue, "sale.order", &values.to_string(), &change))
    };
    let order = create(json!({
        "partner_id": {"$ref": {"kind": "acme.customer", "id": "c7"}},
        "warehouse_id": {"$find": {"model": "stock.warehouse", "field": "code", "value": "WH", "create": false}},
    }));
    assert_eq!(
        order.expect_err("is refused").to_string(),
        "sale.order.warehouse_id: stock.warehouse with code = \"WH\" is not here"
    );
    let order = create(json!({
        "partner_id": {"$find": {"model": "res.partner", "field": "ref", "value": "A"}},
        "tag_ids": [{"$find": {"model": "sale.order.tag", "field": "name", "value": "web", "create": true}}],
    }))
    .expect("is created");
    let row = bound.records.read("sale.order", order, &["partner_id", "tag_ids"]);
    assert_eq!(row["partner_id"], json!(partner));
    assert_eq!(bound.records.get("sale.order.tag", row["tag_ids"][0].as_i64().expect("an id"), "name"), json!("web"));

    bound.records.create("res.partner", json!({"name": "Eve", "ref": "A"})).expect("is created");
    let several = create(json!({"partner_id": {"$find": {"model": "res.partner", "field": "ref", "value": "A"}}}));
    assert_eq!(several.expect_err("is refused").code().name, "record.ambiguous_reference");
    let unbound = create(json!({"partner_id": {"$ref": {"kind": "acme.customer", "id": "c8"}}}));
    assert_eq!(unbound.expect_err("is refused").code().name, "record.unresolved_reference");
}

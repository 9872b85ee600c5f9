//! The generic binding of the specification, by its own names: each field and each method of it.

use bindery::record::{Change, Query, binding, binding::Status, named};
use bindery_contract::{
    field::{FieldDecl, FieldType},
    manifest::{Constraint, Kind, Manifest},
};
use bindery_tests::records::{NOW, Records};
use serde_json::{Value as Json, json};

/// The specification's own example: a binding model over `product.template` with two fields that only syncs write.
fn example() -> (Records, i64) {
    let read_only = |field: FieldDecl| FieldDecl { read_only: true, ..field };
    let kind = Kind {
        name: "myconnector.product.template".to_owned(),
        model: "product.template".to_owned(),
        fields: vec![
            read_only(FieldDecl::new("external_sku", FieldType::Text)),
            read_only(FieldDecl::new("external_price", FieldType::Decimal { scale: 6 })),
        ],
        constraints: vec![Constraint {
            name: "backend_external_uniq".to_owned(),
            unique: vec!["backend".to_owned(), "external_id".to_owned()],
            message: "Product binding must be unique per backend".to_owned(),
        }],
        ..Kind::default()
    };
    let mut records = Records::new();
    records.register("myconnector", Manifest { kinds: vec![kind], ..Manifest::default() }).expect("is registered");
    let backend = records.backend("shop");
    (records, backend)
}

const KIND: &str = "myconnector.product.template";

fn create(records: &Records, values: Json, change: Change) -> Result<i64, bindery::record::Error> {
    let catalogue = records.catalogue.clone();
    records.run(move |tx| named::create(tx, &catalogue, KIND, &values.to_string(), &change))
}

fn read(records: &Records, id: i64) -> Json {
    let catalogue = records.catalogue.clone();
    let rows = records.run(move |tx| named::read(tx, &catalogue, KIND, &[id], &[]));
    Json::Object(rows.expect("is read").remove(0))
}

/// A binding as an import makes it.
fn imported() -> (Records, i64, i64) {
    let (records, backend) = example();
    let values = json!({"external_id": "7", "name": "Bolt", "external_sku": "B-7", "external_price": "1.5"});
    let id = create(&records, values, Change::from_backend(backend, NOW)).expect("is created");
    (records, backend, id)
}

#[test]
fn backend_id_external_id_and_the_record_are_kept() {
    let (records, backend, id) = imported();
    let row = read(&records, id);
    assert_eq!((&row["backend"], &row["external_id"], &row["kind"]), (&json!(backend), &json!("7"), &json!(KIND)));
    let record = row["record"].as_i64().expect("odoo_id is required: there is a record");
    assert_eq!(records.get("product.template", record, "name"), json!("Bolt"));
    assert_eq!((&row["external_sku"], &row["external_price"]), (&json!("B-7"), &json!("1.5")));
}

#[test]
fn a_new_binding_is_pending_and_may_be_tried() {
    let (records, _, id) = imported();
    let row = read(&records, id);
    assert_eq!(
        (&row["sync_status"], &row["retry_count"], &row["last_error"]),
        (&json!("pending"), &json!(0), &json!(null))
    );
    assert_eq!((&row["sync_date"], &row["max_retries"], &row["no_export"]), (&json!(null), &json!(5), &json!(false)));
}

#[test]
fn mark_sync_success_sets_date_and_status_and_forgets_error_and_count() {
    let (records, _, id) = imported();
    records.run(move |tx| binding::mark_sync_failed(tx, id, "no", None, NOW)).expect("is marked");
    records.run(move |tx| binding::mark_sync_success(tx, id, NOW.plus_seconds(5))).expect("is marked");
    let row = read(&records, id);
    assert_eq!((&row["sync_status"], &row["sync_date"]), (&json!("success"), &json!(NOW.plus_seconds(5).to_rfc3339())));
    assert_eq!((&row["retry_count"], &row["last_error"]), (&json!(0), &json!(null)));
}

#[test]
fn mark_sync_failed_keeps_the_message_counts_and_leaves_the_last_success_dated() {
    let (records, _, id) = imported();
    records.run(move |tx| binding::mark_sync_success(tx, id, NOW)).expect("is marked");
    for (attempt, message) in [(1, "the shop is closed"), (2, "ü — still closed")] {
        records
            .run(move |tx| binding::mark_sync_failed(tx, id, message, None, NOW.plus_seconds(60)))
            .expect("is marked");
        let row = read(&records, id);
        assert_eq!((&row["sync_status"], &row["last_error"]), (&json!("failed"), &json!(message)));
        assert_eq!((&row["retry_count"], &row["sync_date"]), (&json!(attempt), &json!(NOW.to_rfc3339())));
    }
}

#[test]
fn can_retry_sync_holds_while_the_count_is_below_the_most() {
    let (records, _, id) = imported();
    let can = |records: &Records| records.run(move |tx| binding::get(tx, id)).expect("is there").can_retry_sync();
    let catalogue = records.catalogue.clone();
    let change = Change::local("test", NOW);
    records
        .run(move |tx| named::write(tx, &catalogue, KIND, id, r#"{"max_retries": 2}"#, &change).map(drop))
        .expect("is written");
    for expected in [true, false, false] {
        records.run(move |tx| binding::mark_sync_failed(tx, id, "no", None, NOW)).expect("is marked");
        assert_eq!(can(&records), expected);
    }
    records.run(move |tx| binding::mark_sync_success(tx, id, NOW)).expect("is marked");
    assert!(can(&records), "a success begins anew");
}

#[test]
fn every_status_is_kept_and_found() {
    let (records, _, id) = imported();
    for (status, word) in [
        (Status::Pending, "pending"),
        (Status::InProgress, "in_progress"),
        (Status::Success, "success"),
        (Status::Failed, "failed"),
        (Status::Skipped, "skipped"),
    ] {
        records.run(move |tx| binding::set_status(tx, id, status, NOW)).expect("is set");
        assert_eq!(read(&records, id)["sync_status"], json!(word));
        let catalogue = records.catalogue.clone();
        let query = Query { domain: json!([["sync_status", "=", word]]), ..Query::default() };
        let found = records.run(move |tx| named::search(tx, &catalogue, KIND, &query)).expect("is searched");
        assert_eq!(found, [id], "{word}");
    }
}

#[test]
fn no_export_and_max_retries_are_written_under_the_kinds_name() {
    let (records, _, id) = imported();
    let catalogue = records.catalogue.clone();
    let change = Change::local("test", NOW);
    let values = r#"{"no_export": true, "max_retries": 9, "name": "Nut"}"#;
    records.run(move |tx| named::write(tx, &catalogue, KIND, id, values, &change).map(drop)).expect("is written");
    let row = read(&records, id);
    assert_eq!((&row["no_export"], &row["max_retries"], &row["name"]), (&json!(true), &json!(9), &json!("Nut")));
    // The record was written through.
    let record = row["record"].as_i64().expect("a record");
    assert_eq!(records.get("product.template", record, "name"), json!("Nut"));
    for (values, field) in [
        (r#"{"sync_status": "success"}"#, "sync_status"),
        (r#"{"retry_count": 0}"#, "retry_count"),
        (r#"{"sync_date": null}"#, "sync_date"),
        (r#"{"last_error": null}"#, "last_error"),
        (r#"{"external_sku": "mine"}"#, "external_sku"),
    ] {
        let (catalogue, change) = (records.catalogue.clone(), Change::local("test", NOW));
        let refused = records.run(move |tx| named::write(tx, &catalogue, KIND, id, values, &change).map(drop));
        let refused = refused.expect_err("people don't write it").to_string();
        assert!(refused.starts_with(&format!("{KIND}: {field}: ")), "{refused}");
    }
}

#[test]
fn unique_backend_and_external_id_speaks_with_the_connectors_words() {
    let (records, backend, _) = imported();
    let values = json!({"external_id": "7", "name": "Other"});
    let refused = create(&records, values, Change::from_backend(backend, NOW)).expect_err("is refused").to_string();
    assert_eq!(refused, format!("{KIND}: Product binding must be unique per backend"));
    let other = records.backend("other");
    let values = json!({"external_id": "7", "name": "Other"});
    create(&records, values, Change::from_backend(other, NOW)).expect("another backend has its own ids");
}

#[test]
fn deleting_the_record_takes_the_binding_and_deleting_the_binding_keeps_the_record() {
    let (records, backend, id) = imported();
    let record = read(&records, id)["record"].as_i64().expect("a record");
    let (catalogue, change) = (records.catalogue.clone(), Change::local("test", NOW));
    records.run(move |tx| named::unlink(tx, &catalogue, KIND, &[id], &change)).expect("is removed");
    assert_eq!(records.get("product.template", record, "name"), json!("Bolt"));
    let values = json!({"external_id": "7", "record": record});
    let again = create(&records, values, Change::from_backend(backend, NOW)).expect("is bound again");
    records.unlink("product.template", record).expect("is removed");
    let gone = records.run(move |tx| binding::get(tx, again)).expect_err("it went along").to_string();
    assert!(gone.contains("there is no binding"), "{gone}");
}

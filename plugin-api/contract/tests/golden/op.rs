//! Examples of the ops: what a host asks of a connector, and what it is answered.

use std::borrow::Cow;

use bindery_contract::{
    manifest::{RecordOp, Step},
    op::{
        self, Act, ActAnswer, After, BatchAnswer, Done, ExportAnswer, ExportItem, ExportOne, ExportPrepare, Exported,
        Extend, ExtendAnswer, FindAnswer, ImportBatch, ImportOne, List, Listen, Migrate, Migrated, Prepare,
        PrepareAnswer, Read, Report, Send, Sync, SyncAnswer, TestConnection, Webhook, WebhookAnswer, Written,
    },
    record::{Children, External, Find, ItemHead, Line, Offset, Page, PageSpec, PrepareItem, Prepared, Ref},
};
use serde_json::{json, value::RawValue};

use super::{Example, example, example_of, host::error};

pub fn examples() -> Vec<Example> {
    [connection(), reading(), mapping(), prepared(), exporting(), rest()].into_iter().flatten().collect()
}

fn kind() -> String {
    "acme.product".to_owned()
}

fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn connection() -> Vec<Example> {
    let sync = Sync { step: Step::Orders, filters: pairs(&[("state", "open")]), force: true };
    let answer = |name, answer: SyncAnswer, least| example_of(name, answer, least);
    vec![
        example("test_connection.request", TestConnection {}),
        example(
            "test_connection.answer",
            Report { message: "Acme 2.0".into(), details: pairs(&[("currency", "EUR")]) },
        ),
        example_of("sync.request", sync, r#"{"step":"orders"}"#),
        answer("sync.answer.pipeline", SyncAnswer::Pipeline, r#"{"how":"pipeline"}"#),
        answer("sync.answer.kinds", SyncAnswer::Kinds { kinds: vec![kind()] }, r#"{"how":"kinds","kinds":[]}"#),
        answer("sync.answer.done", SyncAnswer::Done { message: "12 orders".into() }, r#"{"how":"done"}"#),
        answer("sync.answer.unsupported", SyncAnswer::Unsupported, r#"{"how":"unsupported"}"#),
    ]
}

fn reading() -> Vec<Example> {
    let list = List {
        kind: kind(),
        since: Some("2026-11-24T07:00:00Z".into()),
        cursor: Some("abc".into()),
        limit: Some(100),
        filters: pairs(&[("active", "true")]),
    };
    let spec = PageSpec {
        handle: 5,
        items: "/items".into(),
        id: "/id".into(),
        updated: Some("/updated_at".into()),
        next: Some("/next".into()),
        next_cursor: Some("def".into()),
        offset: Some(Offset { start: 100, limit: 50 }),
        total: Some("/total".into()),
        as_of: Some("2026-11-24T07:00:00Z".into()),
        deleted: Some("/deleted_at".into()),
    };
    let head = || ItemHead { id: "7".into(), updated: Some("2026-11-24T06:00:00Z".into()), deleted: true };
    let items = Page::Items {
        items: vec![head(), ItemHead { id: "0".into(), ..ItemHead::default() }],
        next: Some("def".into()),
        total: Some(300),
        as_of: Some("2026-11-24T07:00:00Z".into()),
    };
    let kept =
        External::Kept { handle: 5, item: "/product".into(), id: "/id".into(), updated: Some("/updated".into()) };
    let read = || Read { kind: kind(), id: "7".into() };
    vec![
        example("list.request", list),
        example_of("list.answer.kept", Page::Kept(spec), r#"{"form":"kept"}"#),
        example_of("list.answer.items", items, r#"{"form":"items","items":[]}"#),
        example("read.request", read()),
        example_of("read.answer.kept", kept, r#"{"form":"kept","handle":1,"item":"","id":"/id"}"#),
        example_of("read.answer.item", External::Item(head()), r#"{"form":"item"}"#),
        example_of("read.answer.id", External::Id { id: "7".into() }, r#"{"form":"id","id":"7"}"#),
        example("delete.request", read()),
        example("delete.answer", Done {}),
        example("archive.request", read()),
        example("archive.answer", Done {}),
        example("find.request", op::Find { kind: kind(), idempotency_key: "0192-7".into() }),
        example("find.answer", FindAnswer { ids: vec!["7".into()] }),
    ]
}

fn items() -> Vec<PrepareItem> {
    vec![
        PrepareItem {
            id: "7".into(),
            create: true,
            digests: Some("name=00ff".into()),
            only: Some(vec!["/title".into()]),
        },
        PrepareItem { id: "0".into(), ..PrepareItem::default() },
    ]
}

fn mapping() -> Vec<Example> {
    let written = vec![Written { id: "7".into(), record: 12, created: true }];
    let after = || After { kind: kind(), written: written.clone() };
    let find = Find { model: "res.country".into(), field: "code".into(), value: "DE".into(), create: true };
    vec![
        example("prepare.request", Prepare { kind: kind(), force: true, items: items() }),
        example("prepare.answer", PrepareAnswer { count: 2 }),
        example_of("reference.answer.ref", Ref { kind: kind(), id: "7".into() }, r#"{"kind":"a.b","id":"7"}"#),
        example_of("reference.answer.find", find, r#"{"model":"a","field":"b","value":"c"}"#),
        example("after_import.request", after()),
        example("after_import.answer", Done {}),
        example("after_export.request", after()),
        example("after_export.answer", Done {}),
        example(
            "extend.request",
            Extend { connector: "acme".into(), kind: kind(), name: "brand".into(), items: items() },
        ),
        example("extend.answer", ExtendAnswer { errors: vec![(1, error())] }),
    ]
}

/// Items of the answer of `prepare`, which borrow what they came in.
fn prepared() -> Vec<Example> {
    let again = |bytes: &[u8]| {
        let value: Prepared<'_> = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
        serde_json::to_vec(&value).map_err(|error| error.to_string())
    };
    let of = |name, value: &Prepared<'_>| Example {
        name,
        encoded: serde_json::to_vec(value).expect("it is JSON"),
        again,
        least: "{}",
    };
    let raw = |text: &'static str| -> Option<&'static RawValue> { serde_json::from_str(text).ok() };
    let line =
        Prepared { values: raw(r#"{"quantity":2}"#), create_values: raw(r#"{"sequence":1}"#), ..Prepared::default() };
    let full = Prepared {
        values: raw(r#"{"list_price":12.30,"name":null,"big":90071992547409931}"#),
        extra: raw(r#"{"external_sku":"A-1"}"#),
        children: vec![Children {
            field: Cow::Borrowed("order_line"),
            kind: Cow::Borrowed("acme.order_line"),
            lines: vec![Line { id: Cow::Borrowed("1"), mapped: line }],
        }],
        dependencies: vec![Ref { kind: "acme.category".into(), id: "3".into() }],
        digests: Some(Cow::Borrowed("name=00ff")),
        ..Prepared::default()
    };
    let skipped = Prepared { skip: Some(Cow::Borrowed("a draft")), ..Prepared::default() };
    let failed = Prepared { error: Some(error()), ..Prepared::default() };
    vec![
        of("prepare.answer.item", &full),
        of("prepare.answer.item.skip", &skipped),
        of("prepare.answer.item.error", &failed),
    ]
}

fn exporting() -> Vec<Example> {
    let item = ExportItem { record: 12, id: Some("7".into()), changed: Some(vec!["name".into()]) };
    let answers = vec![
        Exported::Body,
        Exported::Skip { reason: "a draft".into() },
        Exported::Needs { records: vec![("acme.category".into(), 3)] },
        Exported::Error { error: error() },
    ];
    let send = |id| Send { kind: kind(), id, idempotency_key: Some("bindery-42".into()) };
    let id = || External::Id { id: "7".into() };
    let many = |id| {
        let item = op::SendOne { id, idempotency_key: Some("bindery-42".into()) };
        op::SendMany { kind: kind(), items: vec![item, op::SendOne::default()] }
    };
    let sent = || op::SentMany {
        items: vec![
            op::SentOne::Done { record: id() },
            op::SentOne::Done { record: External::Item(ItemHead { id: "8".into(), ..ItemHead::default() }) },
            op::SentOne::Error { error: error() },
        ],
    };
    vec![
        example("export_prepare.request", ExportPrepare { kind: kind(), items: vec![item] }),
        example("export_prepare.answer", ExportAnswer { items: answers }),
        example("create.request", send(None)),
        example_of("create.answer", id(), r#"{"form":"id","id":"7"}"#),
        example("update.request", send(Some("7".into()))),
        example_of("update.answer", id(), r#"{"form":"id","id":"7"}"#),
        example("read_many.request", op::ReadMany { kind: kind(), ids: vec!["7".into(), "8".into()] }),
        example_of(
            "read_many.answer",
            Page::Items {
                items: vec![ItemHead { id: "7".into(), ..ItemHead::default() }],
                next: None,
                total: None,
                as_of: None,
            },
            r#"{"form":"items","items":[]}"#,
        ),
        example("create_many.request", many(None)),
        example("create_many.answer", sent()),
        example("update_many.request", many(Some("7".into()))),
        example("update_many.answer", sent()),
    ]
}

fn rest() -> Vec<Example> {
    let of = |id: &str| Ref { kind: kind(), id: id.to_owned() };
    vec![
        example("action.request", Act { name: "action_refresh".into(), arguments: json!({"all": true}) }),
        example("action.answer", ActAnswer { result: json!({"count": 3}) }),
        example(
            "webhook.request",
            Webhook { topic: "order.created".into(), headers: pairs(&[("x-acme-signature", "00ff")]) },
        ),
        example("webhook.answer", WebhookAnswer { import: vec![of("7")], deleted: vec![of("8")], ignored: true }),
        example_of(
            "listen.request",
            Listen {
                listener: "acme.price.listener".into(),
                op: RecordOp::Write,
                model: "product.template".into(),
                record: 12,
                changed: vec!["list_price".into()],
                at: "2026-11-24T10:00:00Z".into(),
                event: 4711,
            },
            r#"{"listener":"acme.price.listener","op":"create","model":"product.template","record":12}"#,
        ),
        example("listen.answer", Done {}),
        example("import_record.request", ImportOne { kind: kind(), id: "7".into(), force: true }),
        example("import_record.answer", Done {}),
        example(
            "import_batch.request",
            ImportBatch { kind: kind(), filters: pairs(&[("state", "open")]), force: true },
        ),
        example("import_batch.answer", BatchAnswer { message: "3 queued".into() }),
        example(
            "export_record.request",
            ExportOne {
                kind: kind(),
                record: 12,
                id: Some("7".into()),
                changed: Some(vec!["name".into()]),
                idempotency_key: Some("k-1".into()),
            },
        ),
        example("export_record.answer", Done {}),
        example(
            "migrate_state.request",
            Migrate { what: "cursor".into(), key: kind(), from: 1, value: json!({"since": "2026"}) },
        ),
        example("migrate_state.answer", Migrated { value: Some(json!({"since": "2026-01-01"})) }),
    ]
}

//! Examples of the services: what a connector asks of its host, and what it is answered.

use bindery_contract::{
    http::{Body, Part, Request, Response},
    manifest::Step,
    op::Done,
    service::{
        Bind, Binding, Body as KeptBody, Cancelled, Count, Enqueue, Enqueued, FindBinding, Found, Key, Keys, Mark, Now,
        Progress, ReadRecords, RecordId, Rows, Search, Sleep, Stored, Task, Unbind, WriteRecord,
    },
};
use serde_json::json;

use super::{Example, example};

pub fn examples() -> Vec<Example> {
    [http(), records(), bindings(), jobs(), state()].into_iter().flatten().collect()
}

fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn http() -> Vec<Example> {
    let request = |body: Body| Request {
        method: "POST".into(),
        url: "https://shop.example.org/api/products".into(),
        query: pairs(&[("page", "2"), ("q", "a b")]),
        headers: pairs(&[("accept", "application/json")]),
        basic: Some(("user".into(), Some("secret".into()))),
        body,
        timeout_ms: Some(20_000),
        idempotent: Some(true),
        idempotency_key: Some("bindery-42".into()),
        accept_status: vec![404],
        keep: true,
        error_at: Some("/error".into()),
    };
    let part = Part {
        name: "image".into(),
        file_name: Some("a.png".into()),
        content_type: Some("image/png".into()),
        segment: 0,
    };
    vec![
        example("http.request", request(Body::Raw { content_type: "application/json".into() })),
        example("http.request.form", request(Body::Form { fields: pairs(&[("grant_type", "password")]) })),
        example("http.request.multipart", request(Body::Multipart { parts: vec![part] })),
        example("http.request.least", Request { method: "GET".into(), ..Request::default() }),
        example(
            "http.answer",
            Response { status: 200, headers: pairs(&[("etag", "\"5\"")]), handle: Some(3), length: 1_234 },
        ),
        example("http.body.request", KeptBody { handle: 3 }),
        example("http.body.answer", Done {}),
    ]
}

fn records() -> Vec<Example> {
    let search = Search {
        model: "product.template".into(),
        domain: json!(["&", ["active", "=", true], ["list_price", ">", "12.30"]]),
        fields: vec!["name".into(), "list_price".into()],
        limit: Some(80),
        offset: 160,
        order: "name desc, id".into(),
        archived: true,
    };
    let read = ReadRecords { model: "acme.product".into(), ids: vec![1, 2], fields: vec!["name".into()] };
    let rows = || Rows { rows: vec![json!({"id": 1, "name": "Lamp"})] };
    let write = |id| WriteRecord { model: "product.template".into(), id };
    vec![
        example("record.count.request", search.clone()),
        example("record.count.answer", Count { count: 300 }),
        example("record.search.request", search),
        example("record.search.answer", rows()),
        example("record.read.request", read),
        example("record.read.answer", rows()),
        example("record.create.request", write(None)),
        example("record.create.answer", RecordId { id: -1 }),
        example("record.write.request", write(Some(7))),
        example("record.write.answer", RecordId { id: 7 }),
        example("record.unlink.request", write(Some(7))),
        example("record.unlink.answer", RecordId { id: 7 }),
    ]
}

fn bindings() -> Vec<Example> {
    let binding = Binding {
        id: 9,
        kind: "acme.product".into(),
        external_id: Some("0".into()),
        record: Some(7),
        sync_date: Some("2026-11-24T07:00:00Z".into()),
        sync_status: "success".into(),
        retry_count: 1,
        max_retries: 5,
        last_error: Some("slow".into()),
        extra: json!({"external_sku": "A-1"}),
    };
    let found = Found { binding: Some(binding) };
    vec![
        example(
            "binding.find.request",
            FindBinding { kind: "acme.product".into(), external_id: Some("0".into()), record: Some(7) },
        ),
        example("binding.find.answer", found.clone()),
        example("binding.find.answer.none", Found::default()),
        example("binding.bind.request", Bind { kind: "acme.product".into(), external_id: "0".into(), record: 7 }),
        example("binding.bind.answer", RecordId { id: -2 }),
        example("binding.mark.request", Mark { id: 9, failed: Some("refused".into()) }),
        example("binding.mark.answer", Done {}),
        example("binding.unbind.request", Unbind { id: 9 }),
        example("binding.unbind.answer", Done {}),
    ]
}

fn jobs() -> Vec<Example> {
    let enqueue = |task| Enqueue {
        task,
        priority: Some(5),
        eta_seconds: Some(60),
        max_retries: Some(3),
        identity: Some("product 7".into()),
        until_done: true,
        channel: Some("slow".into()),
        description: Some("Product 7".into()),
    };
    let kind = || "acme.product".to_owned();
    vec![
        example("enqueue.request", enqueue(Task::Import { kind: kind(), id: "7".into(), force: true })),
        example("enqueue.request.export", enqueue(Task::Export { kind: kind(), record: 7 })),
        example("enqueue.request.sync", enqueue(Task::Sync { step: Step::Orders })),
        example(
            "enqueue.request.action",
            enqueue(Task::Action { name: "action_refresh".into(), arguments: json!({"all": true}) }),
        ),
        example("enqueue.answer", Enqueued { id: 42, deduplicated: true }),
        example("progress.request", Progress { done: 3, total: Some(9), message: "page 3".into() }),
        example("progress.answer", Done {}),
        example("sleep.request", Sleep { ms: 1_500 }),
        example("sleep.answer", Done {}),
        example("cancelled.request", Done {}),
        example("cancelled.answer", Cancelled { cancelled: true }),
        example("checkpoint.request", Done {}),
        example("checkpoint.answer", Done {}),
    ]
}

fn state() -> Vec<Example> {
    let key = || Key { key: "acme.product".into() };
    let stored = || Stored { state_format: 2 };
    vec![
        example("cursor.get.request", key()),
        example("cursor.get.answer", stored()),
        example("cursor.set.request", key()),
        example("cursor.set.answer", Done {}),
        example("kv.get.request", key()),
        example("kv.get.answer", stored()),
        example("kv.set.request", key()),
        example("kv.set.answer", Done {}),
        example("kv.delete.request", key()),
        example("kv.delete.answer", Done {}),
        example("kv.list.request", key()),
        example("kv.list.answer", Keys { keys: vec!["a".into(), "b".into()] }),
        example("now.request", Done {}),
        example("now.answer", Now { now: "2026-11-24T07:00:00Z".into() }),
    ]
}

//! Asks of the host what a script says, one service after the other, so that a test can try every service, and every
//! order of them, through the real SDK.
//!
//! A step is an object with `do`, the arguments of that service, and perhaps `as`: the name of what it answers. A text
//! `"$name"` anywhere in a later step stands for that answer, or for its `id`.

use std::{collections::HashMap, time::Duration};

use bindery_plugin::{prelude::*, serde_json::Map};
use serde_json::{Value, json};

use crate::Fault;

/// The arguments of the action.
#[derive(Deserialize, JsonSchema)]
pub struct Script {
    /// The steps.
    steps: Vec<Map<String, Value>>,
}

/// Runs a script; answers what each step answered.
pub async fn run(cx: Context<Fault>, script: Script) -> Result<Vec<Value>> {
    let mut named = HashMap::new();
    let mut answers = Vec::new();
    for step in script.steps {
        let mut step = Value::Object(step);
        put_names(&mut step, &named);
        let answer = match one(&cx, &step).await {
            // What is expected to fail shows how, and the script goes on.
            Err(error) if step["may_fail"] == true => {
                json!({"error": error.message(), "class": error.class(), "code": error.code()})
            }
            answer => answer?,
        };
        if let Some(name) = step["as"].as_str() {
            named.insert(format!("${name}"), answer.get("id").unwrap_or(&answer).clone());
        }
        answers.push(answer);
    }
    Ok(answers)
}

/// An importer of its own, which asks nobody outside.
pub struct Whole;

impl Importer<Fault> for Whole {
    fn hooks(h: &mut ImportHooks<Fault>) {
        h.run(async |kind, id, force, cx| {
            if id == "bad" {
                return Err(Error::invalid("a bad one"));
            }
            let values = Values::new().set("name", format!("Whole {id}")).set("comment", format!("forced: {force}"));
            match cx.binder(kind.as_str())?.to_internal(id.as_str()).await? {
                Some(known) => cx.records("res.partner").write(known, values).await,
                None => {
                    let made = cx.records("res.partner").create(values).await?;
                    cx.binder(kind.as_str())?.bind(id, made).await
                }
            }
        });
        h.batch(async |kind, batch, cx| {
            let ids: Vec<&str> = batch.filter("ids").unwrap_or_default().split(',').collect();
            for id in &ids {
                cx.with_delay().import(kind.as_str(), *id).await?;
            }
            Ok(format!("{} queued", ids.len()))
        });
    }
}

fn put_names(value: &mut Value, named: &HashMap<String, Value>) {
    match value {
        Value::String(text) => {
            if let Some(known) = named.get(text) {
                *value = known.clone();
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| put_names(item, named)),
        Value::Object(pairs) => pairs.values_mut().for_each(|item| put_names(item, named)),
        _ => {}
    }
}

async fn one(cx: &Context<Fault>, step: &Value) -> Result<Value> {
    let what = text(step, "do");
    match what.split_once('.') {
        Some(("record", what)) => record(cx, what, step).await,
        Some(("binding", what)) => binding(cx, what, step).await,
        Some(("kv" | "cursor", _)) => state(cx, &what, step).await,
        _ => other(cx, &what, step).await,
    }
}

async fn record(cx: &Context<Fault>, what: &str, step: &Value) -> Result<Value> {
    let mut records = cx.records(text(step, "model"));
    if let Some(fields) = step["fields"].as_array() {
        records = records.fields(fields.iter().filter_map(Value::as_str));
    }
    if !step["domain"].is_null() {
        records = records.domain(step["domain"].clone());
    }
    let id = step["id"].as_i64().unwrap_or_default();
    match what {
        "search" => rows(records.order(text(step, "order")).search().await?),
        "count" => Ok(json!(records.count().await?)),
        "read" => rows(records.read([id]).await?),
        "create" => Ok(json!({"id": records.create(values(step, "values")).await?})),
        "write" => records.write(id, values(step, "values")).await.map(|()| Value::Null),
        "unlink" => records.unlink(id).await.map(|()| Value::Null),
        _ => Err(unknown(what)),
    }
}

async fn binding(cx: &Context<Fault>, what: &str, step: &Value) -> Result<Value> {
    let bindings = cx.bindings(text(step, "kind"));
    if what == "bind" {
        let record = step["record"].as_i64().unwrap_or_default();
        let made = bindings.bind(text(step, "external_id"), record, values(step, "extra")).await?;
        return Ok(json!({"id": made.id()}));
    }
    let found = match step["external_id"].as_str() {
        Some(id) => bindings.of_external(id).await?,
        None => bindings.of_record(step["record"].as_i64().unwrap_or_default()).await?,
    };
    let Some(found) = found else { return Ok(Value::Null) };
    match what {
        "find" => Ok(json!({
            "id": found.id(), "record": found.record(), "external_id": found.external_id(),
            "sync_status": found.sync_status(), "retry_count": found.retry_count(), "last_error": found.last_error(),
            "sku": found.extra("sku"), "can_retry": found.can_retry_sync(), "is_dated": found.sync_date().is_some(),
        })),
        "success" => found.mark_sync_success().await.map(|()| Value::Null),
        "failed" => found.mark_sync_failed(text(step, "message")).await.map(|()| Value::Null),
        "unbind" => found.unbind().await.map(|()| Value::Null),
        _ => Err(unknown(what)),
    }
}

async fn state(cx: &Context<Fault>, what: &str, step: &Value) -> Result<Value> {
    let key = text(step, "key");
    match what {
        "kv.get" => Ok(json!(cx.kv(key).get::<Value>().await?)),
        "kv.set" => cx.kv(key).set(&step["value"]).await.map(|()| Value::Null),
        "kv.remove" => cx.kv(key).remove().await.map(|()| Value::Null),
        "kv.list" => Ok(json!(cx.kv_keys(key).await?)),
        "cursor.get" => Ok(json!(cx.cursor(key).get().await?)),
        "cursor.set" => cx.cursor(key).set(text(step, "value")).await.map(|()| Value::Null),
        "cursor.reset" => cx.cursor(key).reset().await.map(|()| Value::Null),
        _ => Err(unknown(what)),
    }
}

async fn other(cx: &Context<Fault>, what: &str, step: &Value) -> Result<Value> {
    match what {
        "enqueue" => {
            let mut job = cx.with_delay();
            if let Some(priority) = step["priority"].as_u64() {
                job = job.priority(u32::try_from(priority).unwrap_or(u32::MAX));
            }
            if let Some(seconds) = step["eta"].as_u64() {
                job = job.eta_secs(seconds);
            }
            if let Some(retries) = step["max_retries"].as_u64() {
                job = job.max_retries(u32::try_from(retries).unwrap_or(u32::MAX));
            }
            if let Some(identity) = step["identity"].as_str() {
                job = job.identity(identity);
            }
            if let Some(channel) = step["channel"].as_str() {
                job = job.channel(channel);
            }
            if let Some(line) = step["description"].as_str() {
                job = job.description(line);
            }
            let task = match step["action"].as_str() {
                Some(name) => Task::action(name, &step["arguments"])?,
                None => Task::import(text(step, "kind"), text(step, "external_id")),
            };
            let made = job.task(task).await?;
            Ok(json!({"id": made.id, "deduplicated": made.deduplicated}))
        }
        "checkpoint" => cx.checkpoint().await.map(|()| Value::Null),
        "progress" => cx.progress(3, Some(10), "a third").await.map(|()| Value::Null),
        "sleep" => {
            let time = Duration::from_millis(step["ms"].as_u64().unwrap_or_default());
            cx.sleep(time).await.map(|()| Value::Null)
        }
        "log" => {
            info!("{}", text(step, "text"));
            Ok(Value::Null)
        }
        "http" => http(cx, step).await,
        "fail" => Err(Error::failed(text(step, "message"))),
        "panic" => panic!("panic in a script"),
        "repeat" => {
            for _ in 0..step["times"].as_u64().unwrap_or_default() {
                Box::pin(one(cx, &step["step"])).await?;
            }
            Ok(Value::Null)
        }
        _ => Err(unknown(what)),
    }
}

async fn http(cx: &Context<Fault>, step: &Value) -> Result<Value> {
    let mut request = cx.make_request(&text(step, "method"), text(step, "path"));
    for (name, value) in pairs(step, "headers") {
        request = request.header(name, value);
    }
    for (name, value) in pairs(step, "form") {
        request = request.form(name, value);
    }
    for (name, value) in pairs(step, "parts") {
        request = request.part(name, value.into_bytes());
    }
    for (name, value) in pairs(step, "files") {
        request = request.file(name, "note.txt", "text/plain", value.into_bytes());
    }
    if let Some(ms) = step["timeout_ms"].as_u64() {
        request = request.timeout(Duration::from_millis(ms));
    }
    if let Some(pointer) = step["error_at"].as_str() {
        request = request.error_at(pointer);
    }
    let answer = request.await?;
    Ok(json!({"status": answer.status(), "bytes": answer.bytes().len(), "kind": answer.header("content-type")}))
}

fn pairs(step: &Value, name: &str) -> Vec<(String, String)> {
    let pairs = step[name].as_object().into_iter().flatten();
    pairs.map(|(name, value)| (name.clone(), value.as_str().unwrap_or_default().to_owned())).collect()
}

fn text(step: &Value, name: &str) -> String {
    step[name].as_str().unwrap_or_default().to_owned()
}

fn values(step: &Value, name: &str) -> Values {
    let pairs = step[name].as_object().into_iter().flatten();
    pairs.fold(Values::new(), |values, (field, value)| values.set(field, value))
}

fn rows(records: Vec<Record>) -> Result<Value> {
    records
        .iter()
        .map(|record| record.parse_at::<Value>("").map(|row| row.or_default()))
        .collect::<Result<Vec<_>>>()
        .map(Value::Array)
}

fn unknown(what: &str) -> Error {
    Error::invalid(format!("there is no step {what:?}"))
}

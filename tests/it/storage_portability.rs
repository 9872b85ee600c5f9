//! Every statement that the host can issue stays within what SQLite and PostgreSQL both understand. What is checked is
//! what a whole run really sends (generated statements among it), and every statement that stands in `storage`.

use std::collections::BTreeSet;

use bindery::{
    base::Clock,
    model::job::{Condition, Dependency, NewJob, Scope},
    queue,
    record::{Query, binding, cursor, kv, outbox},
    storage::{self, Durability::Durable, Options, Store},
};
use bindery_contract::{
    field::{FieldDecl, FieldType},
    manifest::{Constraint, Kind, Manifest},
};
use bindery_tests::{
    Data, Options as ShopOptions, Shop, TestHost,
    portable::problems,
    records::{NOW, Records},
};
use serde_json::json;

#[test]
fn what_one_engine_alone_understands_is_found() {
    for (statement, expected) in [
        ("select id from job where kind like ?1", "like"),
        ("insert or ignore into job(id) values (?1)", "insert or"),
        ("replace into job(id) values (?1)", "replace"),
        ("select rowid from job", "rowid"),
        ("select id from job where id = ?", "a number"),
        ("select ifnull(a, 0) from job", "ifnull"),
        ("select max(a, b) from job", "max"),
        ("select strftime('%s', at) from job", "strftime"),
        ("select value from json_each(?1)", "json_each"),
        ("select extra ->> 'a' from binding", "->>"),
        ("select id from job where a == 1", "=="),
        ("select id from job where a is ?1", "is distinct"),
        ("select id from job limit 5, 10", "limit"),
        ("select id from job limit -1", "limit"),
        ("delete from job where id = ?1 limit 5", "limit"),
        ("update job set a = 1 order by id limit 3", "order"),
        ("select a from (select a from job)", "alias"),
        ("insert into job(id) values (?1) on conflict do update set a = 1", "conflict"),
        ("create table t(id integer primary key autoincrement)", "integer"),
        ("create table t(id {identity}, n real)", "real"),
        ("create table t(a text) without rowid", "without"),
        ("select sum(state = 3) from job", "sum"),
        ("select id from job where paused", "truth"),
        ("select id from job where not paused and a = 1", "truth"),
        ("select true", "true"),
        ("pragma table_info(job)", "pragma"),
        ("select `id` from job", "`"),
        ("select id from job where id {anything:1}", "token"),
        ("select id from a; select id from b", "one statement"),
    ] {
        let found = problems(statement).join("; ");
        assert!(found.contains(expected), "{statement}: {found:?} does not speak of {expected}");
    }
    for fine in [
        "select id, count(*), max(at) from job where a {ints:1} and b is not distinct from ?2 group by id order by id desc limit ?3",
        "insert into a(b, c) values (?1, ?2) on conflict(b) where c = 1 do update set c = excluded.c returning id",
        "update job set state = case when eta > ?3 then 7 else 1 end where id in (select id from job where x = 1 limit ?1)",
        "with recursive s1(id) as (select id from t union select c.id from t c join s1 p on c.a = p.id) select id from s1",
        "select 1 from (select id from job order by id limit ?1) as chunk where not coalesce(a = 1, 1 = 0)",
        "create table t(id {identity}, b {blob}, n bigint not null default 0, check (a is not null or n <> 0))",
    ] {
        assert_eq!(problems(fine), Vec::<String>::new(), "{fine}");
    }
}

#[test]
fn statements_in_the_source_are_portable() {
    let mut looked_at = 0;
    for (place, text) in statements_in_the_source() {
        let found = problems(&text);
        assert!(found.is_empty(), "{place}: {text}\n{}", found.join("\n"));
        looked_at += 1;
    }
    assert!(looked_at > 150, "only {looked_at} statements were found");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_whole_run_sends_is_portable() {
    tokio::task::spawn_blocking(records_of_every_kind).await.expect("it ran");
    jobs_in_every_way().await;
    a_host_with_the_demo_shop().await;
    let seen = storage::statement::seen();
    let mut verbs = BTreeSet::new();
    for text in &seen {
        let found = problems(text);
        assert!(found.is_empty(), "{text}\n{}", found.join("\n"));
        verbs.extend(text.split_whitespace().next().map(str::to_lowercase));
    }
    assert!(seen.len() > 300, "only {} statements were seen", seen.len());
    for verb in ["select", "insert", "update", "delete", "create", "alter"] {
        assert!(verbs.contains(verb), "no {verb} was seen");
    }
}

/// Generated statements: models made and extended, every operator over every type, kinds with extra fields.
fn records_of_every_kind() {
    let mut records = Records::new();
    let manifest = Manifest {
        kinds: vec![Kind {
            name: "acme.product".to_owned(),
            model: "product.template".to_owned(),
            fields: vec![
                FieldDecl::new("external_sku", FieldType::Text),
                FieldDecl::new("external_price", FieldType::Decimal { scale: 6 }),
            ],
            constraints: vec![Constraint {
                name: "sku".to_owned(),
                unique: vec!["backend".to_owned(), "external_sku".to_owned()],
                message: "twice".to_owned(),
            }],
            ..Kind::default()
        }],
        ..Manifest::default()
    };
    records.register("acme", manifest).expect("is registered");
    let file = "extend = 'product.template'\nfields = [{name = 'x_code', type = 'text', unique = true}, {name = 'x_of', \
                type = 'many2many', model = 'res.partner'}, {name = 'x_day', type = 'date'}]";
    records.install(&[("mine.toml", file)]).expect("is installed");
    records_are_made_and_changed(&records);
    every_operator_over_every_field(&records);
    a_kind_is_used(&records);
}

fn records_are_made_and_changed(records: &Records) {
    let category = records.create("product.category", json!({"name": "All"})).expect("made");
    let tax = records.create("account.tax", json!({"name": "VAT", "amount": 21})).expect("made");
    let product = records
        .create("product.product", json!({"name": "Boot", "categ_id": category, "taxes_id": [tax], "x_code": "a"}))
        .expect("made");
    let partner = records.create("res.partner", json!({"name": "Ada"})).expect("made");
    let order = json!({"partner_id": partner, "order_line": [{"product_id": product}]});
    let order = records.create("sale.order", order).expect("made");
    records.write("sale.order", order, json!({"order_line": {"clear": true}})).ok();
    records.write("product.product", product, json!({"list_price": 5, "taxes_id": []})).expect("written");
}

fn every_operator_over_every_field(records: &Records) {
    for model in records.catalogue.models().cloned().collect::<Vec<_>>() {
        for field in &model.fields {
            for operator in
                ["=", "!=", "in", "not in", ">", "<=", "like", "not ilike", "=ilike", "child_of", "parent_of"]
            {
                for value in [json!(null), json!("a"), json!(1), json!(true), json!([1, null]), json!("2026-01-01")] {
                    // Those that make no sense are refused before a statement is made.
                    let domain = json!(["!", [field.name, operator, value]]);
                    let _ = records.query(&model.name, Query { domain, limit: Some(1), ..Query::default() });
                }
            }
            let order = format!("{} desc", field.name);
            let _ = records.query(&model.name, Query { order, limit: Some(1), offset: 1, ..Query::default() });
        }
    }
}

fn a_kind_is_used(records: &Records) {
    let backend = records.backend("shop");
    let kind = records.kind("acme.product");
    let catalogue = records.catalogue.clone();
    let change = bindery::record::Change::local("test", NOW);
    records
        .run(move |tx| {
            let values =
                json!({"backend": backend, "external_id": "1", "external_sku": "s", "name": "Lamp"}).to_string();
            let id = bindery::record::named::create(tx, &catalogue, "acme.product", &values, &change)?;
            let values = json!({"external_price": 3, "list_price": 4}).to_string();
            bindery::record::named::write(tx, &catalogue, "acme.product", id, &values, &change)?;
            for domain in [
                json!([["external_sku", "ilike", "s"], ["name", "=", "Lamp"], ["external_price", ">", 1]]),
                json!([["backend", "=", "shop"], ["sync_status", "in", ["pending", "failed"]]]),
                json!([["external_sku", "in", ["a", "s"]], ["external_price", "in", [3]]]),
            ] {
                for order in ["", "external_sku desc, name", "external_price, sync_date"] {
                    let query = Query { domain: domain.clone(), order: order.to_owned(), ..Query::default() };
                    bindery::record::named::search_read(tx, &catalogue, "acme.product", &query, &[])?;
                    bindery::record::named::count(tx, &catalogue, "acme.product", &query)?;
                }
            }
            binding::find_page(tx, backend, &kind, &["1", "2"])?;
            binding::mark_sync_failed(tx, id, "no", Some(NOW), NOW)?;
            binding::mark_sync_success(tx, id, NOW)?;
            binding::tally(tx, backend)?;
            binding::resync(tx, id, NOW)?;
            outbox::advance(tx, "test", 1, NOW)?;
            outbox::prune(tx, NOW.plus_seconds(10), 10)?;
            outbox::forget(tx, "test")?;
            kv::set(tx, backend, "a", &json!(1), 1, NOW)?;
            kv::get(tx, backend, "a")?;
            cursor::list(tx, backend)?;
            let record = binding::get(tx, id)?.record.expect("it has one");
            let model = catalogue.need_model("product.template")?;
            bindery::record::unlink(tx, &catalogue, model, &[record], &change)
        })
        .expect("all of it is understood");
}

/// Statements of the queue: identities, edges, channels, retries, pruning.
async fn jobs_in_every_way() {
    let place = tempfile::tempdir().expect("a directory");
    let store = Store::open(&Options::new(place.path().join("test.db"))).expect("a store");
    let work = |tx: &mut dyn storage::Tx| {
        let job = || NewJob::new("test", json!({}));
        let parent = queue::enqueue(tx, NOW, &job())?.id;
        for condition in [Condition::Done, Condition::Failed, Condition::Always] {
            let after = vec![Dependency { job: parent, condition }];
            queue::enqueue(tx, NOW, &NewJob { after, ..job() })?;
        }
        for scope in [Scope::UntilStart, Scope::UntilDone] {
            let identity = Some(("a".to_owned(), scope));
            let twin = queue::enqueue(tx, NOW, &NewJob { identity: identity.clone(), ..job() })?.id;
            queue::enqueue(tx, NOW, &NewJob { identity, spawned_by: Some(parent), ..job() })?;
            queue::control::cancel(tx, NOW, twin)?;
            queue::control::retry(tx, NOW, twin)?;
        }
        queue::control::counts(tx)?;
        queue::channel::list(tx)?;
        Ok::<_, queue::Error>(parent)
    };
    let parent = store.write(Durable, work).await.expect("all of it is understood");
    queue::control::cancel_run(&store, &Clock::system(), parent).await.expect("it is called off");
}

/// The demo connector over the demo shop: everything that a sync, a plan, a check and a person's commands send.
async fn a_host_with_the_demo_shop() {
    let shop = Shop::start(ShopOptions { products: 5, customers: 3, orders: 3, ..ShopOptions::default() });
    let host = TestHost::start(Data::new(), |_| {}).await;
    host.connect(&shop).await;
    host.sync("shop", json!({})).await;
    shop.touch("products", 2);
    host.sync("shop", json!({"force": true})).await;
    host.sync("shop", json!({"plan": true})).await;
    for (operation, request) in [
        ("verify.start", json!({"backend": "shop"})),
        ("status.show", json!({})),
        ("binding.list", json!({"backend": "shop", "kind": "demo.product", "status": "success", "after": 1})),
        ("binding.resync", json!({"backend": "shop", "kind": "demo.product"})),
        ("binding.unbind", json!({"backend": "shop", "kind": "demo.tax"})),
        ("job.list", json!({"state": "done", "backend": "shop", "kind": "import.kind", "before": 1000})),
        ("review.list", json!({"backend": "shop"})),
        ("cursor.show", json!({"backend": "shop"})),
        ("cursor.reset", json!({"backend": "shop"})),
        ("cursor.history", json!({"backend": "shop", "kind": "demo.product"})),
        ("audit.list", json!({})),
        ("plugin.list", json!({})),
        ("backend.disable", json!({"name": "shop"})),
        ("backend.enable", json!({"name": "shop"})),
    ] {
        // Which of them exist is another test's business; those that do have sent their statements.
        let _ = host.call_as(&bindery::operation::Caller::owner(), operation, request).await;
    }
    host.stop().await;
}

/// (file and line, text) of every string in `storage` that is a whole statement.
fn statements_in_the_source() -> Vec<(String, String)> {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../host/src/storage");
    let mut found = Vec::new();
    for entry in std::fs::read_dir(&root).expect("the room is there").flatten() {
        let (path, name) = (entry.path(), entry.file_name().to_string_lossy().into_owned());
        let text = std::fs::read_to_string(&path).unwrap_or_default();
        // The engine speaks its own language, and so do its tests.
        if ["sqlite.rs", "reader.rs", "writer.rs", "checkpoint.rs", "store.rs"].contains(&name.as_str()) {
            continue;
        }
        let text = text.split("#[cfg(test)]").next().unwrap_or_default();
        for (line, literal) in bindery_tests::portable::literals(text) {
            let verb = literal.split_whitespace().next().unwrap_or_default().to_lowercase();
            let is_statement =
                ["select", "insert", "update", "delete", "with", "create", "alter", "drop"].contains(&verb.as_str());
            if is_statement && literal.contains(' ') && !bindery_tests::portable::is_template(&literal) {
                found.push((format!("{name}:{line}"), literal));
            }
        }
    }
    for entry in std::fs::read_dir(root.join("migration")).expect("the migrations are there").flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let text = std::fs::read_to_string(entry.path()).expect("readable");
        let text: String =
            text.lines().map(|line| line.split("--").next().unwrap_or_default().to_owned() + "\n").collect();
        for statement in text.split(';').map(str::trim).filter(|statement| !statement.is_empty()) {
            found.push((name.clone(), statement.to_owned()));
        }
    }
    found
}

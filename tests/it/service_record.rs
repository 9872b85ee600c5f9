//! Records and bindings as a connector reaches them: it sees what it wrote, and nothing is there before the commit.

use bindery_contract::ErrorClass;
use bindery_tests::{TestHost, in_both, script::Scripted};
use serde_json::{Value, json};

in_both!(
    a_call_sees_what_it_wrote_and_nobody_else_does_before_the_commit,
    a_record_that_is_not_committed_can_be_named_in_every_place,
    lines_and_the_record_of_a_kind_have_ids_before_they_are_there,
    a_binding_is_found_from_both_ends_marked_and_taken_away,
    a_wrong_value_is_an_error_at_once_and_what_the_store_knows_at_the_next_read,
    a_call_that_fails_leaves_nothing,
    models_that_are_neither_bound_nor_granted_are_refused,
    a_connector_meets_only_the_bindings_of_its_own_backend,
    numbers_keep_their_digits,
);

async fn partners(host: &TestHost, name: &str) -> u64 {
    host.count("res.partner", json!([["name", "=", name]])).await
}

async fn a_call_sees_what_it_wrote_and_nobody_else_does_before_the_commit(connector: Scripted) {
    let scope = connector.scope().await;
    let found = connector
        .call(
            &scope,
            json!([
                {"do": "record.create", "model": "res.partner", "values": {"name": "Ada", "email": "a@b.c"}, "as": "ada"},
                {"do": "record.write", "model": "res.partner", "id": "$ada", "values": {"email": "ada@b.c"}},
                {"do": "record.search", "model": "res.partner", "domain": [["name", "=", "Ada"]], "fields": ["email"]},
                {"do": "record.read", "model": "res.partner", "id": "$ada", "fields": ["name"]},
                {"do": "record.count", "model": "res.partner", "domain": [["id", "=", "$ada"]]},
            ]),
        )
        .await
        .expect("it is answered");
    let ada = found[0]["id"].as_i64().expect("an id");
    assert!(ada < 0, "it is a temporary one");
    assert_eq!(found[2], json!([{"id": ada, "email": "ada@b.c"}]));
    assert_eq!(found[3], json!([{"id": ada, "name": "Ada"}]));
    assert_eq!(found[4], 1);
    assert_eq!(partners(&connector.host, "Ada").await, 0, "nothing is committed");
    let committed = connector.commit(&scope).await.expect("committed");
    let id = committed.ids.get(ada).expect("it is known");
    let rows = connector.host.rows("res.partner", json!([["id", "=", id]]), &["email"]).await;
    assert_eq!(rows[0]["email"], "ada@b.c");
    // A record that was removed by the call is gone for the call, and there for others until the commit.
    let scope = connector.scope().await;
    let gone = connector
        .call(
            &scope,
            json!([
                {"do": "record.unlink", "model": "res.partner", "id": id},
                {"do": "record.count", "model": "res.partner", "domain": [["name", "=", "Ada"]]},
            ]),
        )
        .await
        .expect("it is answered");
    assert_eq!((&gone[1], partners(&connector.host, "Ada").await), (&json!(0), 1));
    connector.commit(&scope).await.expect("committed");
    assert_eq!(partners(&connector.host, "Ada").await, 0);
}

async fn a_record_that_is_not_committed_can_be_named_in_every_place(connector: Scripted) {
    let answers = connector
        .done(json!([
            {"do": "record.create", "model": "res.partner", "values": {"name": "Mill"}, "as": "mill"},
            {"do": "record.create", "model": "res.partner", "values": {"name": "Ada", "parent_id": "$mill"}, "as": "ada"},
            {"do": "record.search", "model": "res.partner", "domain": [["parent_id", "=", "$mill"]], "fields": ["parent_id"]},
            {"do": "record.search", "model": "res.partner", "domain": [["parent_id.name", "=", "Mill"]], "fields": ["name"]},
            {"do": "binding.bind", "kind": "fault.partner", "external_id": "7", "record": "$ada", "as": "bound"},
            {"do": "binding.find", "kind": "fault.partner", "record": "$ada"},
            {"do": "kv.set", "key": "boss", "value": {"id": "$mill"}},
        ]))
        .await;
    let (mill, ada) = (&answers[0]["id"], &answers[1]["id"]);
    assert_eq!(answers[2], json!([{"id": ada, "parent_id": mill}]), "relations show the temporary ids");
    assert_eq!(answers[3], json!([{"id": ada, "name": "Ada"}]));
    assert_eq!((&answers[5]["id"], &answers[5]["record"]), (&answers[4]["id"], ada));
    let rows = connector.host.rows("res.partner", json!([["name", "=", "Ada"]]), &["parent_id"]).await;
    let real = rows[0]["parent_id"].as_i64().expect("a parent");
    let kept = connector.done(json!([{"do": "kv.get", "key": "boss"}])).await;
    assert_eq!(kept[0]["id"], real, "what is kept names the record as it is");
    let bound = connector.host.bindings("shop", "fault.partner", "").await;
    assert_eq!((&bound[0]["external_id"], &bound[0]["record"]), (&json!("7"), &rows[0]["id"]));
}

async fn lines_and_the_record_of_a_kind_have_ids_before_they_are_there(connector: Scripted) {
    let answers = connector
        .done(json!([
            {"do": "record.create", "model": "fault.partner",
             "values": {"external_id": "9", "sku": "S-9", "name": "Grace", "email": "g@h.i"}, "as": "bound"},
            {"do": "record.read", "model": "fault.partner", "id": "$bound", "fields": ["record", "sku", "name"]},
            {"do": "record.search", "model": "res.partner", "domain": [["name", "=", "Grace"]], "fields": ["id"], "as": "found"},
            {"do": "record.create", "model": "sale.order",
             "values": {"name": "SO-1", "partner_id": {"$ref": {"kind": "fault.partner", "id": "9"}},
                        "order_line": [{"name": "A lamp", "product_uom_qty": 2}]}, "as": "order"},
            {"do": "record.search", "model": "sale.order.line", "domain": [["order_id", "=", "$order"]], "fields": ["order_id"]},
        ]))
        .await;
    let record = &answers[1][0]["record"];
    assert!(record.as_i64().expect("an id") < 0);
    assert_eq!((&answers[1][0]["sku"], &answers[1][0]["name"]), (&json!("S-9"), &json!("Grace")));
    assert_eq!(&answers[2][0]["id"], record, "one record has one id, however it is found");
    let line = answers[4][0]["id"].as_i64().expect("a line");
    assert!(line < 0 && Some(line) != answers[3]["id"].as_i64());
    let orders = connector.host.rows("sale.order", json!([["partner_id.name", "=", "Grace"]]), &["order_line"]).await;
    assert_eq!(orders[0]["order_line"].as_array().map(Vec::len), Some(1));
}

async fn a_binding_is_found_from_both_ends_marked_and_taken_away(connector: Scripted) {
    let answers = connector
        .done(json!([
            {"do": "record.create", "model": "res.partner", "values": {"name": "Ada"}, "as": "ada"},
            {"do": "binding.bind", "kind": "fault.partner", "external_id": "0", "record": "$ada", "extra": {"sku": "A-1"}},
            {"do": "binding.find", "kind": "fault.partner", "external_id": "0"},
            {"do": "binding.failed", "kind": "fault.partner", "external_id": "0", "message": "no stock"},
            {"do": "binding.find", "kind": "fault.partner", "record": "$ada"},
            {"do": "binding.success", "kind": "fault.partner", "external_id": "0"},
            {"do": "binding.find", "kind": "fault.partner", "record": "$ada"},
            {"do": "binding.find", "kind": "fault.partner", "external_id": "no such"},
        ]))
        .await;
    assert_eq!((&answers[2]["sync_status"], &answers[2]["sku"]), (&json!("pending"), &json!("A-1")), "\"0\" is an id");
    let failed = &answers[4];
    assert_eq!((&failed["sync_status"], &failed["last_error"]), (&json!("failed"), &json!("no stock")));
    assert_eq!((&failed["retry_count"], &failed["can_retry"]), (&json!(1), &json!(true)));
    let good = &answers[6];
    assert_eq!(
        (&good["sync_status"], &good["last_error"], &good["retry_count"]),
        (&json!("success"), &Value::Null, &json!(0))
    );
    assert_eq!(good["is_dated"], true);
    assert_eq!(answers[7], Value::Null);
    let after = connector
        .done(json!([
            {"do": "binding.unbind", "kind": "fault.partner", "external_id": "0"},
            {"do": "binding.find", "kind": "fault.partner", "external_id": "0"},
        ]))
        .await;
    assert_eq!(after[1], Value::Null);
    assert_eq!(connector.host.bindings("shop", "fault.partner", "").await.len(), 0);
    assert_eq!(partners(&connector.host, "Ada").await, 1, "the record stays");
    let empty =
        json!([{"do": "binding.bind", "kind": "fault.partner", "external_id": "", "record": 1, "may_fail": true}]);
    assert_eq!(connector.done(empty).await[0]["code"], "record.invalid_value");
}

async fn a_wrong_value_is_an_error_at_once_and_what_the_store_knows_at_the_next_read(connector: Scripted) {
    let scope = connector.scope().await;
    let answers = connector
        .call(
            &scope,
            json!([
                {"do": "record.create", "model": "res.partner", "values": {"nmae": "Ada"}, "may_fail": true},
                {"do": "record.create", "model": "res.partner", "values": {"name": 5}, "may_fail": true},
                {"do": "record.create", "model": "no.model", "values": {}, "may_fail": true},
                {"do": "record.write", "model": "res.partner", "id": 99_999, "values": {"name": "Ada"}},
                {"do": "record.count", "model": "res.partner", "may_fail": true},
            ]),
        )
        .await
        .expect("it is answered");
    assert_eq!(answers[0]["code"], "record.invalid_value");
    assert!(answers[0]["error"].as_str().expect("a text").contains("res.partner: nmae"), "{}", answers[0]);
    assert_eq!(answers[1]["code"], "record.invalid_value");
    assert_eq!(answers[2]["code"], "plugin.model_not_granted", "what is not granted is not even told from what is not");
    assert_eq!((&answers[4]["code"], &answers[4]["class"]), (&json!("record.missing"), &json!("gone")));
    let error = connector.commit(&scope).await.expect_err("the record is not there");
    assert!(error.to_string().contains("write res.partner 99999"), "{error}");
}

async fn a_call_that_fails_leaves_nothing(connector: Scripted) {
    let scope = connector.scope().await;
    let made = json!([{"do": "record.create", "model": "res.partner", "values": {"name": "Kept"}}]);
    connector.call(&scope, made).await.expect("it is answered");
    for end in [json!({"do": "fail", "message": "no more"}), json!({"do": "panic"})] {
        let steps = json!([
            {"do": "record.create", "model": "res.partner", "values": {"name": "Lost"}},
            {"do": "enqueue", "kind": "fault.partner", "external_id": "7"},
            {"do": "kv.set", "key": "lost", "value": 1},
            end,
        ]);
        connector.call(&scope, steps).await.expect_err("it fails");
    }
    connector.commit(&scope).await.expect("the other call's is committed");
    assert_eq!((partners(&connector.host, "Kept").await, partners(&connector.host, "Lost").await), (1, 0));
    assert_eq!(connector.done(json!([{"do": "kv.list", "key": ""}])).await[0], json!([]));
    let jobs = connector.host.call("job.list", json!({})).await;
    assert_eq!(jobs["jobs"].as_array().map(Vec::len), Some(0), "{jobs}");
}

async fn models_that_are_neither_bound_nor_granted_are_refused(connector: Scripted) {
    let ways = json!([
        {"do": "record.search", "model": "product.template", "may_fail": true},
        {"do": "record.create", "model": "product.template", "values": {"name": "A lamp"}, "may_fail": true},
        {"do": "record.search", "model": "sale.order.line", "domain": [["product_id.name", "=", "x"]], "may_fail": true},
        {"do": "record.create", "model": "sale.order.line", "may_fail": true,
         "values": {"name": "x", "product_id": {"$find": {"model": "product.product", "field": "default_code", "value": "x"}}}},
        {"do": "record.search", "model": "sale.order.line", "order": "product_id.name", "may_fail": true},
        {"do": "binding.find", "kind": "other.product", "external_id": "1", "may_fail": true},
    ]);
    let answers = connector.done(ways.clone()).await;
    for (way, answer) in ways.as_array().expect("a list").iter().zip(&answers) {
        assert_eq!(answer["code"], "plugin.model_not_granted", "{way}: {answer}");
        assert_eq!(answer["class"], "denied", "{way}");
    }
    assert!(
        answers[0]["error"].as_str().expect("a text").contains("product.template is not granted to backend \"shop\"")
    );
    let scope = connector.scope().await;
    let denied = json!([{"do": "record.count", "model": "product.template"}]);
    let error = connector.call(&scope, denied.clone()).await.expect_err("denied");
    assert_eq!(error.class, ErrorClass::Denied);
    let cure = error.detail.cure.expect("a cure");
    assert!(cure.contains("bindery backend set shop --set models=product.template"), "{cure}");
    connector.host.call("backend.set", json!({"name": "shop", "settings": {"models": ["product.template"]}})).await;
    assert_eq!(connector.done(denied).await[0], 0, "granted");
}

async fn a_connector_meets_only_the_bindings_of_its_own_backend(connector: Scripted) {
    let made = json!([
        {"do": "record.create", "model": "res.partner", "values": {"name": "Ada"}, "as": "ada"},
        {"do": "binding.bind", "kind": "fault.partner", "external_id": "7", "record": "$ada", "as": "bound"},
    ]);
    connector.done(made).await;
    let bound = connector.host.bindings("shop", "fault.partner", "").await;
    let (binding, record) = (bound[0]["id"].clone(), bound[0]["record"].clone());
    let backend = Scripted::add(&connector.host, "other", json!({})).await;
    let other = Scripted { backend, ..connector };
    let answers = other
        .done(json!([
            {"do": "binding.find", "kind": "fault.partner", "external_id": "7"},
            {"do": "record.search", "model": "fault.partner", "domain": []},
            {"do": "record.read", "model": "fault.partner", "id": binding},
            {"do": "record.count", "model": "fault.partner", "domain": ["|", ["external_id", "=", "7"], ["id", ">", 0]]},
        ]))
        .await;
    assert_eq!(answers, [Value::Null, json!([]), json!([]), json!(0)]);
    for (what, values) in [("record.write", json!({"external_id": "8"})), ("record.unlink", json!({}))] {
        let scope = other.scope().await;
        let steps = json!([{"do": what, "model": "fault.partner", "id": binding, "values": values}]);
        other.call(&scope, steps).await.expect("it is asked for");
        let error = other.commit(&scope).await.expect_err("it is another backend's");
        assert!(error.to_string().contains("there is no binding"), "{error}");
    }
    let scope = other.scope().await;
    let foreign = json!([{"do": "record.create", "model": "fault.partner",
        "values": {"backend": 1, "external_id": "9", "record": record}}]);
    other.call(&scope, foreign).await.expect("it is asked for");
    other.commit(&scope).await.expect_err("it is another backend's");
}

async fn numbers_keep_their_digits(connector: Scripted) {
    let answers = connector
        .done(json!([
            {"do": "kv.set", "key": "big", "value": 9_007_199_254_740_993_i64},
            {"do": "kv.get", "key": "big"},
            {"do": "record.create", "model": "res.partner", "values": {"name": "Ada"}, "as": "ada"},
            {"do": "record.create", "model": "sale.order", "values": {"name": "SO-2", "partner_id": "$ada",
             "order_line": [{"name": "x", "product_uom_qty": "0.1", "price_unit": "1234567.89"}]}, "as": "order"},
            {"do": "record.search", "model": "sale.order.line", "domain": [["order_id", "=", "$order"]], "fields": ["price_unit"]},
        ]))
        .await;
    assert_eq!(answers[1], 9_007_199_254_740_993_i64);
    assert_eq!(answers[4][0]["price_unit"], "1234567.89");
}

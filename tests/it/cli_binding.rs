//! `bindery binding` on the real program: links are seen, made, mended, taken away, and carried as CSV.

use bindery_tests::{Data, Options, Shop};
use serde_json::{Value, json};

fn synced() -> (Data, Shop) {
    let shop = Shop::start(Options { products: 5, customers: 2, orders: 1, ..Options::default() });
    let data = Data::new();
    data.connect(&shop);
    data.run(["sync", "shop", "--only", "products", "--wait"]).ok();
    (data, shop)
}

fn list(data: &Data, more: &[&str]) -> Vec<Value> {
    let listed = data.run([&["binding", "list", "--json"], more].concat()).ok().json();
    listed["bindings"].as_array().expect("a list").clone()
}

#[test]
fn bindings_are_listed_by_backend_kind_and_status_and_in_pages() {
    let (data, shop) = synced();
    let products = list(&data, &["--kind", "demo.product"]);
    assert_eq!(products.len(), shop.items("products").len());
    assert!(products.iter().all(|binding| binding["sync_status"] == "success" && binding["record"].is_i64()));
    assert!(list(&data, &["--status", "failed"]).is_empty());
    let first = data.run(["binding", "list", "--kind", "demo.product", "--limit", "2", "--json"]).ok().json();
    let after = first["next"].to_string();
    let second = list(&data, &["--kind", "demo.product", "--after", &after]);
    assert_eq!(second.len(), products.len() - 2);
    assert!(data.run(["binding", "list", "--backend", "shpo"]).fails(1).contains("did you mean \"shop\"?"));
    assert!(data.run(["binding", "list", "--kind", "demo.prodct"]).fails(1).contains("did you mean \"demo.product\"?"));
    let shown = data.run(["binding", "show", &products[0]["id"].to_string()]).ok().out;
    assert!(shown.contains("demo.product") && shown.contains("by itself"), "{shown}");
}

#[test]
fn a_failed_binding_is_tried_again_and_a_changed_one_is_synced_from_the_start() {
    let (data, shop) = synced();
    shop.put_raw("products", 2, r#"{"id": 2, "title": 5, "price": "cheap", "updated_at": "2027-01-01T00:00:00Z"}"#);
    data.run(["sync", "shop", "--kind", "demo.product", "--id", "2", "--wait"]);
    let failed = list(&data, &["--status", "failed"]);
    assert_eq!(failed.len(), 1, "{failed:?}");
    assert!(
        failed[0]["last_error"].as_str().is_some_and(|error| error.contains("name: a text is wanted")),
        "{failed:?}"
    );
    let id = failed[0]["id"].to_string();
    // Still broken there: the command says so, and nothing is lost.
    let again = data.run(["binding", "retry", &id]);
    assert!(!list(&data, &["--status", "failed"]).is_empty(), "{}{}", again.out, again.err);
    shop.edit("products", 2, json!({ "title": "Lamp", "price": 5.0 }));
    data.run(["binding", "retry", "--status", "failed", "--backend", "shop"]).ok();
    assert!(list(&data, &["--status", "failed"]).is_empty());

    let record = failed[0]["record"].to_string();
    data.run(["record", "write", "product.template", &record, "name=Changed here"]).ok();
    data.run(["binding", "resync", &id]).ok();
    let shown = data.run(["record", "show", "product.template", &record, "--fields", "name", "--json"]).ok().json();
    assert_eq!(shown["rows"][0]["name"], "Lamp");
}

#[test]
fn unbinding_keeps_the_record_and_binding_by_hand_brings_it_back() {
    let (data, _shop) = synced();
    let before = list(&data, &["--kind", "demo.product"]);
    let (id, external_id, record) =
        (&before[1]["id"], before[1]["external_id"].as_str().expect("text"), &before[1]["record"]);
    let said = data.run(["binding", "unbind", &id.to_string()]).ok().out;
    assert!(said.contains("the records stay"), "{said}");
    assert_eq!(list(&data, &["--kind", "demo.product"]).len(), before.len() - 1);
    data.run(["record", "show", "product.template", &record.to_string()]).ok();
    let bound = data.run(["binding", "bind", "shop", "demo.product", external_id, &record.to_string(), "--json"]);
    assert_eq!(bound.ok().json()["external_id"], external_id);
    let other = before[0]["record"].to_string();
    let refused = data.run(["binding", "bind", "shop", "demo.product", external_id, &other]).fails(1);
    assert!(refused.contains("code: record."), "{refused}");
    let nothing = data.run(["binding", "unbind"]).fails(2);
    assert!(nothing.contains("<ID>"), "{nothing}");
}

#[test]
fn links_go_to_a_file_and_come_back_as_they_were() {
    let (data, _shop) = synced();
    let all = list(&data, &["--limit", "1000"]);
    let file = data.beside("links.csv");
    let file = file.to_str().expect("a path in UTF-8");
    let exported = data.run(["binding", "export", file, "--json"]).ok().json();
    let text = std::fs::read_to_string(file).expect("it was written");
    assert!(text.starts_with("backend,kind,external_id,record\n"), "{text}");
    assert_eq!(exported["exported"], text.lines().count() - 1);
    // On standard output it is the file alone.
    assert_eq!(data.run(["binding", "export", "-"]).ok().out, text);

    let again = data.run(["binding", "import", file, "--json"]).ok().json();
    assert_eq!((&again["bound"], &again["unchanged"]), (&json!(0), &exported["exported"]));
    data.run(["binding", "unbind", "--backend", "shop"]).ok();
    assert!(list(&data, &[]).is_empty());
    let back = data.run_with_input(["binding", "import", "-", "--json"], &text).ok().json();
    assert_eq!((&back["bound"], &back["unchanged"]), (&exported["exported"], &json!(0)));
    let key = |one: &Value| (one["kind"].to_string(), one["external_id"].to_string(), one["record"].to_string());
    let (mut was, mut is): (Vec<_>, Vec<_>) =
        (all.iter().map(key).collect(), list(&data, &["--limit", "1000"]).iter().map(key).collect());
    was.sort();
    is.sort();
    assert_eq!(was, is);
    // What was known before is not imported as something new.
    let count = data.count("product.template", "[]");
    data.run(["sync", "shop", "--only", "products", "--wait"]).ok();
    assert_eq!(data.count("product.template", "[]"), count);
}

#[test]
fn bad_rows_are_told_with_their_lines_all_at_once_and_none_is_taken() {
    let (data, _shop) = synced();
    data.run(["binding", "unbind", "--backend", "shop"]).ok();
    let text = "backend,kind,external_id,record\n\
                shop,demo.product,1,1\n\
                shop,demo.product,2,two\n\
                shpo,demo.product,3,1\n\
                shop,demo.prodct,4,1\n\
                shop,demo.product,,1\n\
                shop,demo.product,6\n\
                shop,demo.product,7,99999\n\
                \"shop\",\"demo.product\",\"two\nlines\",2\n\
                shop,demo.product,9,1\n";
    let answer = data.run_with_input(["binding", "import", "-", "--json"], text);
    assert_eq!(answer.code, Some(1), "{}", answer.out);
    let error = &answer.json()["error"];
    let fields: Vec<(String, String)> = serde_json::from_value(error["fields"].clone()).expect("lines and reasons");
    let lines: Vec<&str> = fields.iter().map(|(line, _)| line.as_str()).collect();
    assert_eq!(lines, ["line 3", "line 4", "line 5", "line 6", "line 7", "line 8", "line 11"], "{fields:?}");
    for (at, part) in
        ["two", "did you mean \"shop\"?", "did you mean \"demo.product\"?", "external_id is empty", "3 columns"]
            .iter()
            .enumerate()
    {
        assert!(fields[at].1.contains(part), "{fields:?}");
    }
    assert!(list(&data, &[]).is_empty(), "none of the rows is taken");
    let said = data.run_with_input(["binding", "import", "-"], text).fails(1);
    assert!(said.contains("7 rows can't be used") && said.contains("line 11"), "{said}");
    let said = data.run_with_input(["binding", "import", "-"], "a,b\n1,2\n").fails(1);
    assert!(said.contains("the first line must be backend,kind,external_id,record"), "{said}");
}

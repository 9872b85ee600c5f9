//! `bindery record` and `bindery cursor` on the real program.

use bindery_tests::{Data, Options, Shop};
use serde_json::json;

fn products(data: &Data) {
    for (name, price) in [("Lamp", "10"), ("Desk", "200.5"), ("Chair", "50")] {
        data.run(["record", "create", "product.template", &format!("name={name}"), &format!("list_price={price}")])
            .ok();
    }
}

fn names(data: &Data, arguments: &[&str]) -> Vec<String> {
    let found = data.run([&["record", "search", "product.template"], arguments, &["--json"]].concat()).ok().json();
    let rows = found["rows"].as_array().expect("rows").clone();
    rows.iter().filter_map(|row| row["name"].as_str().map(str::to_owned)).collect()
}

#[test]
fn records_are_searched_by_domain_fields_limit_offset_and_order() {
    let data = Data::new();
    products(&data);
    assert_eq!(names(&data, &["[]", "--order", "list_price desc"]), ["Desk", "Chair", "Lamp"]);
    assert_eq!(names(&data, &["[[\"list_price\",\">\",20]]", "--order", "name"]), ["Chair", "Desk"]);
    // As the ERP writes it, too.
    assert_eq!(names(&data, &["['|', ('name', 'ilike', 'lam'), ('active', '=', False)]"]), ["Lamp"]);
    assert_eq!(names(&data, &["[]", "--order", "name", "--limit", "1", "--offset", "1"]), ["Desk"]);
    let found =
        data.run(["record", "search", "product.template", "--fields", "name,list_price", "--limit", "1", "--json"]);
    let found = found.ok().json();
    assert_eq!(found["rows"][0].as_object().map(|row| row.len()), Some(3), "{found}");
    assert_eq!(found["total"], 3);
    let said = data.run(["record", "search", "product.template", "--limit", "1"]).ok().out;
    assert!(said.contains("1 of 3; `--limit` and `--offset` show more."), "{said}");

    data.run(["record", "write", "product.template", "1", "active=false"]).ok();
    assert_eq!(names(&data, &["[]"]).len(), 2);
    assert_eq!(names(&data, &["[]", "--archived"]).len(), 3);
    for (domain, wanted) in [
        ("[[\"list_price\",\">\"]]", "domain"),
        ("[[\"lits_price\",\">\",1]]", "did you mean \"list_price\"?"),
        ("[(", "not JSON"),
        ("[\"&\",[\"name\",\"=\",1]]", "domain"),
    ] {
        let said = data.run(["record", "search", "product.template", domain]).fails(1);
        assert!(said.contains(wanted), "{domain}: {said}");
    }
    let said = data.run(["record", "search", "product.template", "--order", "lits_price"]).fails(1);
    assert!(said.contains("lits_price"), "{said}");
}

#[test]
fn records_are_created_shown_changed_and_removed() {
    let data = Data::new();
    let file = data.write("partner.json", r#"{"name": "Ada", "child_ids": [{"name": "Office", "type": "invoice"}]}"#);
    let made = data.run([
        "record",
        "create",
        "res.partner",
        "--values",
        &format!("@{}", file.display()),
        "email=ada@x",
        "--json",
    ]);
    let id = made.ok().json()["ids"][0].to_string();
    let shown =
        data.run(["record", "show", "res.partner", &id, "--fields", "name,email,child_ids", "--json"]).ok().json();
    assert_eq!((&shown["rows"][0]["name"], &shown["rows"][0]["email"]), (&json!("Ada"), &json!("ada@x")));
    assert_eq!(shown["rows"][0]["child_ids"].as_array().map(Vec::len), Some(1));
    let said = data.run(["record", "write", "res.partner", &id, "email=null", "phone=5"]).ok().out;
    assert!(said.contains("email") && said.contains("phone"), "{said}");
    let said = data.run(["record", "write", "res.partner", &id, "phone=5"]).ok().out;
    assert!(said.contains("has these values already"), "{said}");
    let said = data.run(["record", "write", "res.partner", &id, "emial=x", "active=perhaps"]).fails(1);
    assert!(said.contains("emial") && said.contains("did you mean \"email\"?") && said.contains("active"), "{said}");
    let said = data.run(["record", "create", "res.partnr", "name=x"]).fails(1);
    assert!(said.contains("did you mean \"res.partner\"?"), "{said}");
    data.run(["record", "unlink", "res.partner", &id]).ok();
    let said = data.run(["record", "unlink", "res.partner", &id]).fails(1);
    assert!(said.contains("there is no record"), "{said}");
}

#[test]
fn models_and_their_fields_are_shown() {
    let data = Data::new();
    let said = data.run(["record", "models"]).ok().out;
    assert!(said.contains("product.template") && said.contains("sale.order"), "{said}");
    let said = data.run(["record", "models", "sale.order"]).ok().out;
    assert!(said.contains("partner_id") && said.contains("res.partner") && said.contains("required"), "{said}");
    let said = data.run(["record", "models", "sale.ordr"]).fails(1);
    assert!(said.contains("did you mean \"sale.order\"?"), "{said}");
}

#[test]
fn cursors_are_seen_moved_and_put_back() {
    let shop = Shop::start(Options { products: 3, customers: 1, orders: 1, ..Options::default() });
    let data = Data::new();
    data.connect(&shop);
    assert!(data.run(["cursor", "show", "shop"]).ok().out.contains("Nothing was synced yet"));
    data.run(["sync", "shop", "--kind", "demo.product", "--wait"]).ok();
    let shown = data.run(["cursor", "show", "shop", "demo.product", "--json"]).ok().json();
    let value = shown["cursors"][0]["value"].clone();
    assert!(value.is_string(), "{shown}");
    data.run(["cursor", "set", "shop", "demo.product", "2030-01-01T00:00:00Z"]).ok();
    shop.clear_requests();
    data.run(["sync", "shop", "--kind", "demo.product", "--wait"]).ok();
    let asked = shop.requests().iter().any(|entry| format!("{entry:?}").contains("updated_since=2030-01-01"));
    assert!(asked, "it goes on from there: {:?}", shop.requests());
    let reset = data.run(["cursor", "reset", "shop"]).ok().out;
    assert!(reset.contains("(from the start)"), "{reset}");
    let history = data.run(["cursor", "history", "shop", "demo.product", "--json"]).ok().json();
    let moves = history["moves"].as_array().expect("moves");
    assert!(moves.len() >= 3 && moves[0]["value"].is_null(), "{history}");
    assert!(history.to_string().contains(value.as_str().expect("a text")), "{history}");
    let said = data.run(["cursor", "show", "shpo"]).fails(1);
    assert!(said.contains("did you mean \"shop\"?"), "{said}");
    let said = data.run(["cursor", "set", "shop", "demo.prodct", "x"]).fails(1);
    assert!(said.contains("demo.prodct"), "{said}");
}

#[test]
fn countries_and_currencies_come_with_the_program_and_stay_as_they_are_changed() {
    let data = Data::new();
    assert_eq!(data.count("res.country", "[]"), 249);
    let found =
        data.run(["record", "search", "res.country", "[[\"code\",\"in\",[\"DE\",\"NO\",\"NA\"]]]", "--fields", "name"]);
    let said = found.ok().out;
    assert!(said.contains("Germany") && said.contains("Norway") && said.contains("Namibia"), "{said}");
    let yen = data.run(["record", "search", "res.currency", "[[\"name\",\"=\",\"JPY\"]]", "--json"]).ok().json();
    let id = yen["rows"][0]["id"].to_string();
    let shown = data.run(["record", "show", "res.currency", &id, "--json"]).ok().json();
    assert_eq!((&shown["rows"][0]["decimal_places"], &shown["rows"][0]["rounding"]), (&json!(0), &json!("1")));
    data.run(["record", "write", "res.currency", &id, "symbol=円"]).ok();
    let before = data.count("res.currency", "[]");
    assert!(data.serve().stop());
    assert_eq!(data.count("res.currency", "[]"), before);
    let shown = data.run(["record", "show", "res.currency", &id, "--json"]).ok().json();
    assert_eq!(shown["rows"][0]["symbol"], "円");
}

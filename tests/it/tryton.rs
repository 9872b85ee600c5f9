//! The real ERP: Tryton, seeded, served from a fresh copy, and imported by the real program and connector.

use bindery_tests::{Data, Tryton, plugin};

#[test]
fn products_parties_stock_sales_and_invoices_arrive_and_arrive_once() {
    let (tryton, data) = (Tryton::serve(300, 100, 200), Data::new());
    data.run(["plugin", "install", plugin("tryton").to_str().expect("a path in UTF-8")]).ok();
    data.write("key", &tryton.key);
    let (url, key) = (format!("api_url={}", tryton.url), format!("api_key=@{}", data.beside("key").display()));
    // A customer of ours that exists there too is matched, not made again.
    data.run(["record", "create", "res.partner", "name=Known before", "email=c007@example.org"]).ok();
    data.run(["backend", "add", "erp", "--type", "tryton", "--set", &url, "--secret", &key]).ok();
    data.run(["sync", "erp", "--wait"]).ok();

    let search = |model: &str, domain: &str| data.run(["record", "search", model, domain, "--json"]).ok().json();
    let count = |model: &str, domain: &str| search(model, domain)["total"].as_u64().expect("a total");
    let counts = || {
        [
            ("product.product", "[]"),
            ("res.partner", r#"[["parent_id","=",false]]"#),
            ("res.partner", "[]"),
            ("sale.order", "[]"),
            ("sale.order.line", "[]"),
            ("account.move", "[]"),
            ("stock.quant", r#"[["quantity",">",0]]"#),
        ]
        .map(|(model, domain)| count(model, domain))
    };
    let first = counts();
    assert_eq!(first[0], 300, "variants");
    assert_eq!(first[1], 101, "parties, with the company's own");
    assert_eq!((first[3], first[4], first[5]), (200, 399, 100), "sales, their lines, invoices");
    assert_eq!(first[6], 300, "products in stock");
    assert_eq!(count("res.partner", r#"[["name","=","Known before"]]"#), 0, "it took the name from there");

    let product = &search("product.template", r#"[["default_code","=","P007"]]"#)["rows"][0];
    assert_eq!((&product["name"], &product["list_price"]), (&"Product 007".into(), &"17".into()));
    let partner = &search("res.partner", r#"[["ref","=","C007"]]"#)["rows"][0];
    assert_eq!(partner["email"], "c007@example.org");
    let order = &search("sale.order", r#"[["client_order_ref","=","REF0199"]]"#)["rows"][0];
    assert_eq!((&order["state"], &order["amount_total"]), (&"sale".into(), &"1536".into()));

    data.run(["sync", "erp", "--force", "--wait"]).ok();
    assert_eq!(counts(), first, "a second import makes nothing");
}

//! `kill -9` of the host around a create of a partner, a product and a confirmed order, at every request that it takes. Tryton
//! knows no idempotency keys: what a create has made is searched for, and none is made twice.

use serde_json::{Value, json};

use super::{
    compare,
    gateway::{
        Arrival, Gateway,
        Point::{self, Answered, Asked},
    },
    giving, make,
    ours::Ours,
    refused, small,
};

/// Makes a record with the host running, and kills the host when the request is held; then lets everything come to its end.
fn killed(ours: &Ours, arrival: Arrival, make: impl FnOnce(&Ours) -> u64) -> u64 {
    let host = ours.data.serve();
    let record = make(ours);
    let held = arrival.wait(|| ());
    host.kill();
    held.cut();
    let host = ours.data.serve();
    ours.wait_for_jobs(|| ours.hurry());
    assert!(host.stop(), "it stops as asked");
    record
}

#[test]
fn killed_around_a_create_a_partner_a_product_and_an_order_are_each_made_once() {
    let tryton = small();
    let gateway = Gateway::before(&tryton.base);
    let ours = giving(&tryton, &gateway.base);
    let at = |point: Point, wanted: &'static str| {
        gateway.hold(point, move |request| match wanted.strip_prefix('*') {
            Some(end) => request.starts_with("POST ") && request.ends_with(end),
            None => request == wanted,
        })
    };
    for point in [Asked, Answered] {
        let name = format!("{point:?}");
        killed(&ours, at(point, "POST party.party"), |ours| make::partner(ours, &format!("KILL-{name}")));
        killed(&ours, at(point, "POST product.template"), |ours| make::product(ours, &format!("KILL-{name}")));
    }
    let moments =
        [(Asked, "POST sale.sale"), (Answered, "POST sale.sale"), (Answered, "*/quote"), (Answered, "*/confirm")];
    for (nth, (point, request)) in moments.iter().copied().enumerate() {
        let order = killed(&ours, at(point, request), |ours| make::order(ours, &format!("KILL-{nth}"), "sale"));
        assert_eq!(refused(&ours, "tryton.sale", order), "", "{point:?} {request}");
    }
    let named = |model: &str, field: &str| -> Vec<Value> {
        tryton.read(model, json!([[field, "like", "KILL-%"]]), &[field]).iter().map(|row| row[field].clone()).collect()
    };
    assert_eq!(named("party.party", "code"), ["KILL-Asked", "KILL-Answered"]);
    assert_eq!(named("product.product", "code"), ["KILL-Asked", "KILL-Answered"]);
    let sales = tryton.read("sale.sale", json!([["reference", "like", "KILL-%"]]), &["reference", "state"]);
    let found: Vec<String> = sales.iter().map(|sale| format!("{} {}", sale["reference"], sale["state"])).collect();
    let expected: Vec<String> = (0..moments.len()).map(|nth| format!("\"KILL-{nth}\" \"processing\"")).collect();
    assert_eq!(found, expected);
    ours.sync(&[]);
    compare::all(&tryton, &ours);
}

#[test]
fn killed_before_a_refusal_is_known_here_it_is_refused_again_and_nothing_is_left_there() {
    let tryton = small();
    let gateway = Gateway::before(&tryton.base);
    let ours = giving(&tryton, &gateway.base);
    let arrival = gateway.hold(Answered, |request| request == "POST party.party");
    let wrong = json!({"name": "Wrong", "vat": "BE0000000001"});
    let record = killed(&ours, arrival, |ours| ours.create("res.partner", wrong));
    let said = refused(&ours, "tryton.party", record);
    assert!(said.contains("BE0000000001") && said.contains("not valid"), "{said}");
    assert_eq!(tryton.read("party.party", json!([["name", "=", "Wrong"]]), &["id"]), [] as [Value; 0]);
    ours.write("res.partner", record, json!({"vat": "BE0403170701"}));
    ours.export("tryton.party");
    assert_eq!(refused(&ours, "tryton.party", record), "");
    assert_eq!(tryton.read("party.party", json!([["name", "=", "Wrong"]]), &["id"]).len(), 1);
    ours.sync(&[]);
    compare::all(&tryton, &ours);
}

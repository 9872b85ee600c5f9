//! The real ERP: Tryton, seeded, served from a fresh copy, and imported by the real program and connector.
//!
//! Both sides are read apart: Tryton's through the interface of its own clients, ours from the records.

use std::collections::BTreeMap;

use bindery_tests::Tryton;
use serde_json::json;

mod both;
mod change;
mod compare;
mod field;
mod gateway;
mod hub;
mod kill;
mod kind;
mod make;
mod mixed;
mod ours;
mod write;

use gateway::Gateway;
use ours::Ours;

/// The seed of all tests here.
fn seeded() -> Tryton {
    Tryton::serve(300, 100, 200)
}

/// A smaller seed, for tests that look at few records.
fn small() -> Tryton {
    Tryton::serve(30, 20, 24)
}

/// In step with Tryton, and new records of ours go there.
fn giving(tryton: &Tryton, base: &str) -> Ours {
    let ours = Ours::connected(tryton, base);
    ours.run(&["backend", "set", "erp", "--set", "export=all", "--set", "local_deletion=delete"]).ok();
    ours.sync(&[]);
    ours
}

/// Why a record of ours is not there, as its binding says.
fn refused(ours: &Ours, kind: &str, record: u64) -> String {
    let domain = json!([["record", "=", record]]).to_string();
    let found = ours.run(&["record", "search", kind, &domain, "--fields", "last_error", "--json"]).ok().json();
    found["rows"][0]["last_error"].as_str().unwrap_or_default().to_owned()
}

/// What a sync wrote, by kind; kinds for which it wrote nothing are left out.
fn written(accounts: &BTreeMap<String, [u64; 3]>) -> BTreeMap<&str, [u64; 2]> {
    let counts = accounts.iter().map(|(kind, [created, updated, _])| (kind.as_str(), [*created, *updated]));
    counts.filter(|(_, counts)| *counts != [0, 0]).collect()
}

#[test]
fn every_field_arrives_changes_arrive_alone_and_a_second_sync_writes_nothing() {
    let tryton = seeded();
    let ours = Ours::connected(&tryton, &tryton.base);
    let first = ours.sync(&[]);
    assert_eq!(first["tryton.sale"], [200, 0, 0]);
    compare::all(&tryton, &ours);

    assert_eq!(written(&ours.sync(&[])), BTreeMap::new(), "nothing changed");
    let forced = ours.sync(&["--force"]);
    assert_eq!(written(&forced), BTreeMap::new(), "nothing changed, and all was looked at");
    assert_eq!(forced["tryton.sale"], [0, 0, 200]);

    let expected = change::twenty(&tryton);
    assert_eq!(written(&ours.sync(&[])), expected);
    compare::all(&tryton, &ours);
    assert_eq!(written(&ours.sync(&["--force"])), BTreeMap::new(), "all of the changes had arrived");
}

#[test]
fn what_was_here_is_matched_and_what_is_unclear_is_held() {
    let tryton = seeded();
    let ours = Ours::connected(&tryton, &tryton.base);
    let create = |model: &str, values: &[&str]| {
        ours.run(&[&["record", "create", model], values].concat()).ok();
    };
    create("res.partner", &["name=Known before", "email=c007@example.org", "comment=Ours"]);
    create("product.template", &["name=Known product", "default_code=P007", "description_sale=Ours"]);
    for name in ["One of two", "Two of two"] {
        create("res.partner", &[&format!("name={name}"), "ref=C009"]);
        create("product.template", &[&format!("name={name}"), "default_code=P008"]);
    }
    // Somebody's contact with the address of a party is no party.
    create("res.partner", &["name=Parent"]);
    let parent = ours
        .read("res.partner", &["id", "name"])
        .iter()
        .find(|row| row["name"] == "Parent")
        .map(|row| row["id"].to_string());
    let contact = format!(r#"{{"parent_id": {}}}"#, parent.expect("it was made"));
    create("res.partner", &["name=A contact", "email=c010@example.org", "--values", &contact]);
    ours.run(&["sync", "erp", "--wait"]).ok();

    let one = |model: &str, domain: &str, fields: &str| {
        let found = ours.run(&["record", "search", model, domain, "--fields", fields, "--json"]).ok().json();
        assert_eq!(found["rows"].as_array().map(Vec::len), Some(1), "{model} {domain}: {found}");
        found["rows"][0].clone()
    };
    let partner = one("res.partner", r#"[["ref","=","C007"]]"#, "name,email,comment");
    assert_eq!((&partner["name"], &partner["comment"]), (&json!("Customer 007"), &json!("Ours")));
    let product = one("product.template", r#"[["default_code","=","P007"]]"#, "name,description_sale");
    assert_eq!((&product["name"], &product["description_sale"]), (&json!("Product 007"), &json!("Ours")));
    assert_eq!(one("res.partner", r#"[["name","=","A contact"]]"#, "ref")["ref"], json!(null));
    one("tryton.party", r#"[["ref","=","C010"]]"#, "name");

    let held = ours.run(&["review", "list", "--json"]).ok().json();
    let mut kinds: Vec<&str> =
        held["items"].as_array().expect("a list").iter().map(|item| item["kind"].as_str().expect("a kind")).collect();
    kinds.sort_unstable();
    assert_eq!(kinds, ["tryton.party", "tryton.product"], "{held}");
    assert_eq!(ours.count("res.partner", r#"[["ref","=","C009"]]"#), 2, "no third one is made");
}

#[test]
fn a_host_killed_ten_times_in_the_middle_of_a_sync_finishes_with_nothing_missing_and_nothing_twice() {
    let tryton = seeded();
    let gateway = Gateway::before(&tryton.base);
    let ours = Ours::connected(&tryton, &gateway.base);
    let mut random = 2026_u64;
    for _ in 0..10 {
        let host = ours.data.serve();
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let arrival = gateway.after(1 + (random >> 33) as u32 % 12);
        // What the last kill cut goes on by itself. Where it comes to its end, everything is looked at again.
        let go_on = || {
            if ours.open_jobs().is_empty() {
                ours.run(&["sync", "erp", "--force"]).ok();
            }
        };
        go_on();
        let held = arrival.wait(go_on);
        host.kill();
        drop(held);
    }
    let host = ours.data.serve();
    ours.wait_for_jobs(|| ());
    ours.sync(&[]);
    assert!(host.stop(), "it stops as asked");
    compare::all(&tryton, &ours);
}

#[test]
fn a_wrong_key_is_said_and_a_stopped_tryton_is_waited_for() {
    let mut tryton = seeded();
    let gateway = Gateway::before(&tryton.base);
    let ours = Ours::connected(&tryton, &gateway.base);
    ours.add("stranger", &tryton.base, "no-such-key");
    let said = ours.run(&["backend", "test", "stranger"]).fails(1);
    assert!(said.contains("401") && said.contains("application key"), "{said}");
    let said = ours.run(&["sync", "stranger", "--wait"]).fails(1);
    assert!(said.contains("401"), "{said}");
    assert_eq!(ours.count("res.partner", "[]"), 0);

    let host = ours.data.serve();
    let arrival = gateway.after(12);
    ours.run(&["sync", "erp"]).ok();
    let held = arrival.wait(|| ());
    tryton.tell("stop");
    drop(held);
    let message = ours.wait_for_error();
    assert!(message.contains("127.0.0.1"), "it says what it could not reach: {message}");
    tryton.tell("start");
    ours.wait_for_jobs(|| ours.hurry());
    assert!(host.stop(), "it stops as asked");
    ours.sync(&[]);
    compare::all(&tryton, &ours);
}

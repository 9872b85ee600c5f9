//! The real host is killed while its jobs run: what it answered is there after the restart, what it had started is taken
//! back at once, and nothing is done twice.

use std::collections::BTreeSet;

use bindery_tests::{Data, Options, Shop};
use serde_json::Value;

/// Rounds of killing.
const ROUNDS: u64 = 4;
/// Products of the shop.
const PRODUCTS: u64 = 24;

/// Asks a running host for one import; answers the job, or nothing where the host died before it answered.
fn asked(data: &Data, product: u64) -> Option<i64> {
    let id = product.to_string();
    let answer = data.run(["sync", "shop", "--kind", "demo.product", "--id", &id, "--force", "--json"]);
    (answer.code == Some(0)).then(|| answer.json()["jobs"][0]["id"].as_i64().expect("an id"))
}

fn shown(data: &Data, job: i64) -> Value {
    data.run(["job", "show", &job.to_string(), "--json"]).ok().json()
}

#[test]
fn a_killed_host_keeps_what_it_answered_and_does_nothing_twice() {
    let shop = Shop::start(Options { products: PRODUCTS, customers: 1, orders: 1, ..Options::default() });
    let data = Data::new();
    data.connect(&shop);
    let mut answered = BTreeSet::new();
    let mut held = BTreeSet::new();
    for round in 0..ROUNDS {
        let host = data.serve();
        // One job hangs in the middle of its request when the host dies.
        let product = 1 + round;
        let gate = shop.gate(&format!("GET /products/{product}"));
        let hanging = asked(&data, product).expect("the host lives");
        gate.wait_arrived();
        let many = 2 + round * 2;
        let jobs: Vec<Option<i64>> = std::thread::scope(|scope| {
            let data = &data;
            // Never one that hangs in another round: an equal job would take its place.
            let ask = |at: u64| scope.spawn(move || asked(data, ROUNDS + 1 + (round * 5 + at) % (PRODUCTS - ROUNDS)));
            let asks: Vec<_> = (1..=many).map(ask).collect();
            asks.into_iter().map(|ask| ask.join().expect("it ran")).collect()
        });
        host.kill();
        gate.release();
        held.insert(hanging);
        answered.insert(hanging);
        answered.extend(jobs.into_iter().flatten());
    }
    let host = data.serve();
    for job in &answered {
        data.run(["job", "wait", &job.to_string()]).ok();
    }
    for job in &answered {
        went_as_promised(&data, *job, held.contains(job), &answered);
    }
    assert!(host.stop());
    // Each product came once, whatever was asked and killed.
    let ids: BTreeSet<String> =
        data.run(["binding", "list", "--kind", "demo.product", "--limit", "1000", "--json"]).ok().json()["bindings"]
            .as_array()
            .expect("bindings")
            .iter()
            .map(|one| one["external_id"].to_string())
            .collect();
    assert_eq!(ids.len() as u64, data.count("product.template", "[]"));
}

/// Looks at how the attempts of a job went.
fn went_as_promised(data: &Data, job: i64, is_held: bool, answered: &BTreeSet<i64>) {
    let shown = shown(data, job);
    if let Some(twin) = shown["merged_into"].as_i64() {
        // An equal one, asked for while this one ran, does its work; its own end is looked at like the others'.
        assert!(answered.contains(&twin), "{shown}");
        return;
    }
    let attempts = shown["attempts"].as_array().expect("attempts");
    let outcomes: Vec<&str> = attempts.iter().filter_map(|one| one["outcome"].as_str()).collect();
    assert_eq!(shown["state"], "done", "{shown}");
    assert_eq!(outcomes.iter().filter(|outcome| **outcome == "done").count(), 1, "{outcomes:?}");
    assert!(outcomes[..outcomes.len() - 1].iter().all(|outcome| *outcome == "lost"), "{outcomes:?}");
    if is_held {
        assert_eq!(outcomes[0], "lost", "it ran when the host died: {outcomes:?}");
        // Taken back at once, the first time: no wait of a retry lies between.
        let seconds = |text: &Value| {
            let text = text.as_str().expect("a time");
            bindery::base::Timestamp::parse_rfc3339(text).expect("a time").0 / 1_000_000
        };
        let (ended, next) = (seconds(&attempts[0]["ended"]), seconds(&attempts[1]["started"]));
        assert!(next - ended < 10, "{shown}");
    }
}

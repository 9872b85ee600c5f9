//! Somebody waits for an import at a terminal, and presses Ctrl-C: the import is not lost, and it is said where it is.

use std::{
    io::{BufRead as _, BufReader, Read as _},
    process::{Child, ChildStderr, Command, Stdio},
};

use bindery_tests::{Data, Options, Point, Shop};
use serde_json::Value;

/// What a command says on standard error.
type Told = BufReader<ChildStderr>;

fn prepared() -> (Data, Shop) {
    let shop = Shop::start(Options { products: 3, customers: 30, orders: 0, ..Options::default() });
    let data = Data::new();
    data.connect(&shop);
    data.run(["backend", "set", "shop", "--set", "page_size=10"]).ok();
    (data, shop)
}

/// `sync --wait` in the midst of its second page.
fn waiting(data: &Data, shop: &Shop) -> (Child, Told, bindery_tests::Gate) {
    let gate = shop.gate_after("GET /customers", 1, Point::Before);
    let mut command = data.command();
    command.args(["sync", "shop", "--kind", "demo.customer", "--wait"]);
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    gate.wait_arrived();
    // It tells of the job only once it listens.
    let mut told = BufReader::new(child.stderr.take().unwrap());
    let mut line = String::new();
    told.read_line(&mut line).unwrap();
    assert!(line.starts_with("job "), "{line}");
    (child, told, gate)
}

/// Presses Ctrl-C, and gives what was said then.
fn interrupted(mut child: Child, mut told: Told) -> String {
    let sent = Command::new("kill").arg("-INT").arg(child.id().to_string()).status();
    assert!(sent.is_ok_and(|status| status.success()));
    let mut said = String::new();
    told.read_to_string(&mut said).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(1), "{said}");
    said
}

/// The job's end on a running host.
fn finished(data: &Data) -> Value {
    let end = std::time::Instant::now() + std::time::Duration::from_secs(60);
    loop {
        let found = data.run(["job", "list", "--kind", "import.kind", "--json"]).ok().json()["jobs"][0].clone();
        if !matches!(found["state"].as_str(), Some("pending" | "started")) {
            return found;
        }
        assert!(std::time::Instant::now() < end, "{found:#}");
    }
}

#[test]
fn without_a_host_the_job_waits_for_the_next_one() {
    let (data, shop) = prepared();
    let (child, told, gate) = waiting(&data, &shop);
    let said = interrupted(child, told);
    gate.release();
    assert!(said.contains("cli.interrupted"), "{said}");
    let job = data.run(["job", "list", "--kind", "import.kind", "--json"]).ok().json()["jobs"][0].clone();
    assert_eq!((&job["state"], &job["charged"]), (&"pending".into(), &0.into()), "no attempt is lost: {job:#}");
    let host = data.serve();
    let done = finished(&data);
    assert_eq!((&done["state"], &done["result"]["account"]["created"]), (&"done".into(), &30.into()), "{done:#}");
    assert_eq!(data.count("res.partner", r#"[["parent_id","=",null]]"#), 30);
    assert!(host.stop());
}

#[test]
fn with_a_host_the_job_goes_on_there() {
    let (data, shop) = prepared();
    let host = data.serve();
    let (child, told, gate) = waiting(&data, &shop);
    let said = interrupted(child, told);
    assert!(said.contains("cli.interrupted"), "{said}");
    gate.release();
    let done = finished(&data);
    assert_eq!((&done["state"], &done["attempt"]), (&"done".into(), &1.into()), "{done:#}");
    assert_eq!(done["result"]["account"]["created"], 30);
    assert!(host.stop());
}

//! Our side: the program on a data directory of its own, and what its records say, in the words of Tryton's ids.

use std::{
    cell::RefCell,
    collections::BTreeMap,
    time::{Duration, Instant},
};

use bindery_tests::{Answer, Data, Tryton};
use serde_json::Value;

/// How long jobs may take before the test fails.
const PATIENCE: Duration = Duration::from_secs(120);

/// The program, connected to Tryton under the name `erp`.
pub struct Ours {
    pub data: Data,
}

impl Ours {
    /// Connects at an address with the right key.
    pub fn connected(tryton: &Tryton, base: &str) -> Self {
        let ours = Self { data: Data::new() };
        ours.data.install("tryton");
        ours.add("erp", base, &tryton.key);
        // As there: each tax is rounded once a document.
        let company = ["name=Ours", "tax_calculation_rounding_method=round_globally"];
        ours.run(&[&["record", "create", "res.company"], &company[..]].concat()).ok();
        ours
    }

    /// Adds a backend.
    pub fn add(&self, name: &str, base: &str, key: &str) {
        let key = format!("api_key=@{}", self.data.write(&format!("{name}.key"), key).display());
        let url = format!("api_url={base}/tryton");
        let settings = ["--set", &url, "--set", "page_size=40", "--set", "remote_deletion=delete", "--secret", &key];
        self.run(&[&["backend", "add", name, "--type", "tryton"], &settings[..]].concat()).ok();
    }

    /// Runs a command.
    pub fn run(&self, arguments: &[&str]) -> Answer {
        self.data.run(arguments)
    }

    /// Syncs all and answers created, updated and unchanged by kind.
    #[track_caller]
    pub fn sync(&self, more: &[&str]) -> BTreeMap<String, [u64; 3]> {
        let before = self.newest_job();
        self.run(&[&["sync", "erp", "--wait"], more].concat()).ok();
        let mut accounts = BTreeMap::new();
        for job in self.rows_of(&["job", "list", "--limit", "50", "--json"], "jobs") {
            let id = job["id"].as_i64().expect("an id");
            if id <= before {
                continue;
            }
            let shown = self.run(&["job", "show", &id.to_string(), "--json"]).ok().json();
            for kind in shown["result"]["kinds"].as_array().into_iter().flatten() {
                let name = kind["kind"].as_str().expect("a name").to_owned();
                let count = |what: &str| kind["account"][what].as_u64().unwrap_or_else(|| panic!("{kind}"));
                assert_eq!(count("failed") + count("quarantined"), 0, "{kind}");
                accounts.insert(name, ["created", "updated", "unchanged"].map(count));
            }
        }
        accounts
    }

    /// Jobs that are not at their end.
    pub fn open_jobs(&self) -> Vec<Value> {
        let jobs = self.rows_of(&["job", "list", "--limit", "100", "--json"], "jobs");
        let is_open =
            |job: &Value| ["pending", "started", "wait_dependencies"].iter().any(|state| job["state"] == *state);
        jobs.into_iter().filter(is_open).collect()
    }

    /// Calls jobs that wait before their next attempt, as an operator does who knows that the other side is back.
    pub fn hurry(&self) {
        for job in self.open_jobs().iter().filter(|job| job["state"] == "pending") {
            // Refused where it has begun meanwhile.
            self.run(&["job", "retry", &job["id"].to_string()]);
        }
    }

    /// Asks the running host until all jobs are at their end.
    #[track_caller]
    pub fn wait_for_jobs(&self, meanwhile: impl Fn()) {
        let started = Instant::now();
        while let jobs = self.open_jobs()
            && !jobs.is_empty()
        {
            assert!(started.elapsed() < PATIENCE, "they never end: {jobs:?}");
            meanwhile();
        }
    }

    /// Asks the running host until a job says why an attempt failed.
    #[track_caller]
    pub fn wait_for_error(&self) -> String {
        let started = Instant::now();
        loop {
            let jobs = self.open_jobs();
            if let Some(job) = jobs.iter().find(|job| job["state"] == "pending" && !job["error"].is_null()) {
                return job["error"].to_string();
            }
            assert!(started.elapsed() < PATIENCE, "no attempt failed: {jobs:?}");
        }
    }

    fn newest_job(&self) -> i64 {
        let jobs = self.rows_of(&["job", "list", "--limit", "1", "--json"], "jobs");
        jobs.first().map_or(0, |job| job["id"].as_i64().expect("an id"))
    }

    fn rows_of(&self, command: &[&str], list: &str) -> Vec<Value> {
        self.run(command).ok().json()[list].as_array().expect("a list").clone()
    }

    /// All records of a model or kind, archived ones too.
    #[track_caller]
    pub fn read(&self, model: &str, fields: &[&str]) -> Vec<Value> {
        let fields = fields.join(",");
        let command = ["record", "search", model, "[]", "--archived", "--limit", "5000", "--fields", &fields, "--json"];
        self.rows_of(&command, "rows")
    }

    /// Makes a record and answers its id.
    #[track_caller]
    pub fn create(&self, model: &str, values: Value) -> u64 {
        let made = self.run(&["record", "create", model, "--values", &values.to_string(), "--json"]).ok().json();
        made["ids"][0].as_u64().unwrap_or_else(|| panic!("{made}"))
    }

    /// Changes a record.
    #[track_caller]
    pub fn write(&self, model: &str, id: u64, values: Value) {
        self.run(&["record", "write", model, &id.to_string(), "--values", &values.to_string()]).ok();
    }

    /// The id of the one record that a domain finds.
    #[track_caller]
    pub fn one(&self, model: &str, domain: Value) -> u64 {
        let command = ["record", "search", model, &domain.to_string(), "--archived", "--fields", "id", "--json"];
        let found = self.rows_of(&command, "rows");
        assert_eq!(found.len(), 1, "{model} {domain}: {found:?}");
        found[0]["id"].as_u64().expect("an id")
    }

    /// The lines of an order.
    #[track_caller]
    pub fn lines_of(&self, order: u64) -> Vec<u64> {
        let lines = self.read("sale.order.line", &["id", "order_id"]);
        let of_order = lines.iter().filter(|line| line["order_id"] == order);
        of_order.map(|line| line["id"].as_u64().expect("an id")).collect()
    }

    /// Sends what is due of a kind.
    pub fn export(&self, kind: &str) -> Answer {
        self.run(&["export", "erp", "--kind", kind, "--wait", "--json"])
    }

    /// How many records a domain finds, archived ones too.
    #[track_caller]
    pub fn count(&self, model: &str, domain: &str) -> u64 {
        let found = self.run(&["record", "search", model, domain, "--archived", "--limit", "1", "--json"]).ok().json();
        found["total"].as_u64().expect("a total")
    }
}

/// The external ids of our records, by kind, read when they are first needed.
pub struct Ids<'o> {
    ours: &'o Ours,
    known: RefCell<BTreeMap<String, BTreeMap<i64, String>>>,
}

impl<'o> Ids<'o> {
    pub fn new(ours: &'o Ours) -> Self {
        Self { ours, known: RefCell::default() }
    }

    /// The external id that a record has under a kind (or, of a model without one, its name).
    pub fn of(&self, kind: &str, record: &Value) -> String {
        let Some(record) = record.as_i64() else { return "-".to_owned() };
        let mut known = self.known.borrow_mut();
        let ids = known.entry(kind.to_owned()).or_insert_with(|| {
            let (key, value) = if kind.starts_with("tryton.") { ("record", "external_id") } else { ("id", "name") };
            let rows = self.ours.read(kind, &[key, value]);
            rows.iter()
                .map(|row| (row[key].as_i64().expect("an id"), row[value].as_str().unwrap_or("-").to_owned()))
                .collect()
        });
        ids.get(&record).cloned().unwrap_or_else(|| format!("our {record}"))
    }
}

//! What every command answers with `--json`, kept as snapshots, so that a change of an answer is seen: scripts read it.
//! Ids, times, sizes and places differ from run to run and are taken out.

use bindery_tests::{Answer, Data, Options, Shop};
use serde_json::{Map, Value, json};

/// Members whose value is never twice the same.
const PASSING: &[&str] = &[
    "at",
    "build",
    "checked_at",
    "created",
    "created_at",
    "create_date",
    "cursor_moved",
    "data",
    "digest",
    "ended",
    "eta",
    "external_updated_at",
    "file",
    "host",
    "installed_at",
    "moved",
    "sha256",
    "started",
    "sync_date",
    "time",
    "updated_at",
    "write_date",
];

/// Numbers that are measured.
const MEASURES: &[&str] = &["cursor_age", "database_bytes", "free_bytes", "process"];

/// The document without what passes. Lists of many are cut, since their length is another test's business.
fn lasting(value: &Value, folder: &str) -> Value {
    match value {
        Value::Object(members) => {
            let kept = |(name, value): (&String, &Value)| {
                let passes = match value {
                    Value::String(_) => PASSING.contains(&name.as_str()),
                    Value::Number(_) => MEASURES.contains(&name.as_str()),
                    _ => false,
                };
                let value = if passes { json!(format!("[{name}]")) } else { lasting(value, folder) };
                (name.clone(), value)
            };
            Value::Object(members.iter().map(kept).collect::<Map<_, _>>())
        }
        Value::Array(items) => Value::Array(items.iter().take(3).map(|item| lasting(item, folder)).collect()),
        Value::String(text) if text.contains("127.0.0.1:") => {
            let (before, rest) = text.split_once("127.0.0.1:").expect("it holds it");
            json!(format!("{before}[address]{}", rest.trim_start_matches(|char: char| char.is_ascii_digit())))
        }
        Value::String(text) if is_now(text) => json!("[time]"),
        Value::String(text) if text.contains(folder) => json!(text.replace(folder, "[folder]")),
        // Amounts are texts; what has a point is a duration.
        Value::Number(number) if number.is_f64() => json!("[seconds]"),
        other => other.clone(),
    }
}

/// A time of this run, not one of the shop's.
fn is_now(text: &str) -> bool {
    let now = bindery::base::Clock::system().now().0;
    bindery::base::Timestamp::parse_rfc3339(text).is_some_and(|at| (now - at.0).abs() < 86_400_000_000)
}

struct Scene {
    data: Data,
    shop: Shop,
}

impl Scene {
    /// A small shop, all of it synced, one binding broken, one order that waits.
    fn new() -> Self {
        let shop = Shop::start(Options { products: 3, customers: 2, orders: 2, ..Options::default() });
        let data = Data::new();
        data.connect(&shop);
        data.run(["backend", "test", "shop"]).ok();
        data.run(["sync", "shop", "--wait"]).ok();
        Self { data, shop }
    }

    /// Makes a record of ours; answers its id.
    fn makes(&self, arguments: &[&str]) -> String {
        let made = self.data.run([&["record", "create", "--json"], arguments].concat()).ok().json();
        made["ids"][0].to_string()
    }

    #[track_caller]
    fn keeps(&self, name: &str, arguments: &[&str]) -> Value {
        self.kept(name, &self.data.run(arguments.iter().chain(&["--json"])))
    }

    #[track_caller]
    fn kept(&self, name: &str, answer: &Answer) -> Value {
        assert!(answer.err.is_empty(), "with --json nothing is beside the document: {}", answer.err);
        let document = answer.json();
        let folder = self.data.as_ref().to_str().expect("a path in UTF-8");
        let shown = json!({ "exit": answer.code, "answer": lasting(&document, folder) });
        insta::with_settings!({ snapshot_path => "../snapshots/cli", prepend_module_to_snapshot => false }, {
            insta::assert_json_snapshot!(name, shown);
        });
        document
    }
}

#[test]
fn reading_commands() {
    let scene = Scene::new();
    for (name, arguments) in [
        ("plugin_list", &["plugin", "list"][..]),
        ("plugin_show", &["plugin", "show", "demo"]),
        ("backend_list", &["backend", "list"]),
        ("backend_show", &["backend", "show", "shop"]),
        ("record_models", &["record", "models", "product.category"]),
        (
            "record_search",
            &["record", "search", "product.template", "[]", "--fields", "name,list_price,categ_id", "--order", "id"],
        ),
        (
            "record_search_kind",
            &[
                "record",
                "search",
                "demo.product",
                "[[\"external_id\",\"=\",\"2\"]]",
                "--fields",
                "name,external_id,sync_status",
            ],
        ),
        ("record_show", &["record", "show", "product.category", "1"]),
        ("binding_list", &["binding", "list", "--kind", "demo.product", "--limit", "2"]),
        ("binding_show", &["binding", "show", "1"]),
        ("job_list", &["job", "list", "--limit", "1"]),
        ("job_show", &["job", "show", "1"]),
        ("job_log", &["job", "log", "1"]),
        ("cursor_show", &["cursor", "show", "shop", "demo.product"]),
        ("cursor_history", &["cursor", "history", "shop", "demo.product"]),
        ("review_list", &["review", "list"]),
        ("status", &["status"]),
        ("audit", &["audit", "--limit", "2"]),
        ("explain", &["explain", "storage.disk_full"]),
        ("migrate", &["migrate"]),
    ] {
        scene.keeps(name, arguments);
    }
}

#[test]
fn changing_commands() {
    let scene = Scene::new();
    let links = scene.data.beside("links.csv");
    let links = links.to_str().expect("a path in UTF-8").to_owned();
    scene.shop.edit("products", 2, json!({ "title": "Another lamp" }));
    for (name, arguments) in [
        ("sync_plan", &["sync", "shop", "--kind", "demo.product", "--plan"][..]),
        ("sync_one", &["sync", "shop", "--kind", "demo.product", "--id", "2", "--wait"]),
        ("sync_kind", &["sync", "shop", "--kind", "demo.product", "--wait"]),
        ("verify", &["verify", "shop", "--kind", "demo.product"]),
        ("record_create", &["record", "create", "res.partner", "name=Ada", "email=ada@example.org"]),
        ("record_write", &["record", "write", "product.template", "1", "list_price=7.5"]),
        ("record_write_same", &["record", "write", "product.template", "1", "list_price=7.50"]),
        ("binding_export", &["binding", "export", &links, "--kind", "demo.category"]),
        ("binding_import", &["binding", "import", &links]),
        ("binding_resync", &["binding", "resync", "1"]),
        ("binding_retry", &["binding", "retry", "1"]),
        ("binding_unbind", &["binding", "unbind", "--kind", "demo.payment"]),
        ("cursor_set", &["cursor", "set", "shop", "demo.product", "2026-01-01T00:00:00Z"]),
        ("cursor_reset", &["cursor", "reset", "shop", "demo.product"]),
        ("backend_set", &["backend", "set", "shop", "--set", "page_size=50"]),
        ("backend_test", &["backend", "test", "shop"]),
        ("backend_disable", &["backend", "disable", "shop"]),
        ("sync_disabled", &["sync", "shop", "--kind", "demo.tax", "--wait"]),
        ("backend_enable", &["backend", "enable", "shop"]),
        ("record_unlink", &["record", "unlink", "product.tag", "1"]),
        ("backend_remove", &["backend", "remove", "shop"]),
    ] {
        scene.keeps(name, arguments);
    }
}

#[test]
fn review_commands() {
    let shop = Shop::start(Options { products: 3, customers: 3, orders: 0, ..Options::default() });
    let scene = Scene { data: Data::new(), shop };
    scene.data.connect(&scene.shop);
    // Two of ours match each customer there: none is guessed.
    let ours: Vec<String> = (1..=3)
        .flat_map(|customer| ["One", "Two"].map(|twin| (customer, twin)))
        .map(|(customer, twin)| {
            let (name, email) = (format!("name={twin}"), format!("email=customer.{customer}@example.org"));
            scene.makes(&["res.partner", &name, &email])
        })
        .collect();
    scene.data.run(["sync", "shop", "--kind", "demo.customer", "--wait"]).ok();
    let listed = scene.keeps("review_list_held", &["review", "list", "--backend", "shop"]);
    let items: Vec<String> =
        listed["items"].as_array().expect("items").iter().map(|item| item["id"].to_string()).collect();
    scene.keeps("review_show", &["review", "show", &items[0]]);
    scene.keeps("review_resolve_bind", &["review", "resolve", &items[0], "--bind", &ours[0]]);
    scene.keeps("review_resolve_create", &["review", "resolve", &items[1], "--create"]);
    scene.keeps("review_resolve_skip", &["review", "resolve", &items[2], "--skip"]);
    for (name, arguments) in [
        ("error_review_settled", &["review", "resolve", &items[0], "--create"][..]),
        ("error_no_review", &["review", "show", "4711"]),
    ] {
        let answer = scene.data.run(arguments.iter().chain(&["--json"]));
        assert_eq!(answer.code, Some(1), "{arguments:?}: {}", answer.out);
        scene.kept(name, &answer);
    }
}

#[test]
fn binding_by_hand_and_repair() {
    let scene = Scene::new();
    let ours = scene.makes(&["product.category", "name=By hand"]);
    scene.keeps("binding_bind", &["binding", "bind", "shop", "demo.category", "4711", &ours]);
    // A record that is taken away here without a word to the shop, and one that was changed there.
    let lost = scene.data.run(["binding", "list", "--kind", "demo.product", "--json"]).ok().json();
    scene.data.run(["binding", "unbind", &lost["bindings"][0]["id"].to_string()]).ok();
    scene.shop.edit("products", 2, json!({ "title": "Another lamp" }));
    scene.keeps("verify_repair", &["verify", "shop", "--kind", "demo.product", "--repair"]);
    scene.keeps("verify_repaired", &["verify", "shop", "--kind", "demo.product"]);
}

#[test]
fn commands_that_steer_a_host() {
    let scene = Scene::new();
    let host = scene.data.serve();
    scene.keeps("sync_queued", &["sync", "shop", "--kind", "demo.tax", "--eta", "3600", "--priority", "3"]);
    let jobs = scene.data.run(["job", "list", "--state", "pending", "--json"]).ok().json();
    let id = jobs["jobs"][0]["id"].to_string();
    scene.keeps("job_cancel", &["job", "cancel", &id]);
    scene.keeps("job_retry", &["job", "retry", &id]);
    scene.keeps("job_wait", &["job", "wait", &id]);
    assert!(host.stop());
}

#[test]
fn errors() {
    let scene = Scene::new();
    let links = scene.data.write("bad.csv", "backend,kind,external_id,record\nshop,demo.tax,1,x\nshopp,demo.tax,1,1\n");
    let links = links.to_str().expect("a path in UTF-8").to_owned();
    for (name, arguments) in [
        ("error_no_job", &["job", "show", "4711"][..]),
        ("error_no_backend", &["backend", "show", "shpo"]),
        ("error_no_model", &["record", "search", "prodcut.template"]),
        ("error_no_field", &["record", "write", "product.template", "1", "lits_price=3"]),
        ("error_domain", &["record", "search", "product.template", "[[\"list_price\",\"~\",3]]"]),
        ("error_settings", &["backend", "set", "shop", "--set", "page_size=many"]),
        ("error_links", &["binding", "import", &links]),
        ("error_code", &["explain", "storage.disk_ful"]),
        ("error_no_plugin", &["plugin", "show", "dmeo"]),
        ("error_no_file", &["plugin", "install", "/nonexistent.so"]),
    ] {
        let answer = scene.data.run(arguments.iter().chain(&["--json"]));
        assert_eq!(answer.code, Some(1), "{arguments:?}: {}", answer.out);
        scene.kept(name, &answer);
    }
}

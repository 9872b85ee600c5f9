//! What is unclear at load, children that stand for their parents, binders, and importers and exporters of one's own.

use std::future::Future;

use bindery_plugin::{
    prelude::*,
    testing::{Harness, check_manifest},
};
use serde_json::{Value, json};

/// A connector that declares what a test wants.
macro_rules! connector {
    ($name:ident, |$c:ident| $components:block) => {
        struct $name;

        impl Connector for $name {
            const ID: &'static str = "acme";
            const BACKEND_TYPES: &'static [&'static str] = &["acme", "acme_pro"];
            type Settings = Settings;

            fn components($c: &mut Components<Self>) $components

            async fn test_connection(&self, _: Context<Self>) -> Result<Report> {
                Ok(Report::connected("nothing"))
            }
        }
    };
}

#[derive(Deserialize, JsonSchema)]
struct Settings {
    #[schemars(extend("host" = true))]
    #[serde(default)]
    #[expect(dead_code, reason = "the SDK reads it as the base of requests")]
    api_url: String,
}

#[derive(Debug, PartialEq)]
struct Tax(&'static str);

connector!(Acme, |c| {
    c.kind("acme.order", "sale.order");
    c.kind("acme.country", "res.country");
    c.several("note");
    c.component("acme.note.one", "note", Tax("one"));
    c.component("acme.note.two", "note", Tax("two"));
    c.binder("acme.country.binder", ByCode).apply_on(["acme.country"]);
});

struct ByCode;

impl Binder<Acme> for ByCode {
    fn external_field(&self) -> Option<&'static str> {
        Some("code")
    }
}

fn acme() -> Harness<Acme> {
    Harness::open(Acme, json!({})).expect("sound declarations")
}

connector!(Unclear, |c| {
    c.kind("acme.order", "sale.order");
    c.component("acme.one", "tax", Tax("one")).apply_on(["acme.order"]);
    c.component("acme.two", "tax", Tax("two")).apply_on(["acme.order"]);
});

#[test]
fn what_is_unclear_is_an_error_at_load_that_lists_the_candidates() {
    let error = check_manifest::<Unclear>().expect_err("unclear");
    assert!(error.to_string().contains("acme.one, acme.two"), "{error}");
}

struct Base;
struct Child;

impl Adapter<Family> for Base {
    fn api_headers(&self, _: &Context<Family>, parent: Headers) -> Headers {
        parent.set("X-Base", "1").set("X-Who", "base")
    }

    async fn read(&self, cx: Context<Family>, _: Kind, id: String) -> Result<External> {
        cx.get(format!("/base/{id}")).external("/id").await
    }
}

impl Adapter<Family> for Child {
    fn api_headers(&self, _: &Context<Family>, parent: Headers) -> Headers {
        parent.set("X-Who", "child")
    }
}

connector!(Family, |c| {
    c.kind("acme.order", "sale.order");
    c.adapter("acme.base", Base);
    c.adapter("acme.child", Child).inherit("acme.base");
});

#[test]
fn a_child_stands_for_its_parent_and_has_its_headers_and_what_it_does_not_do_itself() {
    let family = Harness::open(Family, json!({"api_url": "https://shop.example"})).expect("a child is not unclear");
    family.respond("GET", "/base/7", 200, json!({"id": 7}));
    family.read("acme.order", "7").expect("the parent reads");
    let sent = family.sent();
    let header = |name: &str| sent[0].headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str());
    assert_eq!((header("X-Base"), header("X-Who")), (Some("1"), Some("child")));
}

fn run<F: Future>(acme: &Harness<Acme>, future: F) -> F::Output {
    acme.run(future)
}

#[test]
fn a_binder_of_its_own_looks_in_a_field_and_any_other_kind_in_its_bindings() {
    let acme = acme();
    acme.record("res.country", json!({"id": 20, "code": "BE"}));
    acme.bind("acme.order", "7", 12);
    let cx = acme.context();
    let country = cx.binder("acme.country").expect("its own");
    assert_eq!(run(&acme, country.to_internal("BE")).expect("asked"), Some(20));
    assert_eq!(run(&acme, country.to_internal("XX")).expect("asked"), None);
    assert_eq!(run(&acme, country.to_external(20)).expect("asked").as_deref(), Some("BE"));
    let order = cx.binder("acme.order").expect("the host's");
    assert_eq!(run(&acme, order.to_internal("7")).expect("asked"), Some(12));
    assert_eq!(run(&acme, order.to_external(12)).expect("asked").as_deref(), Some("7"));
    run(&acme, order.bind("8", 13)).expect("bound");
    assert_eq!(run(&acme, order.to_external(13)).expect("asked").as_deref(), Some("8"));
    assert!(cx.binder("acme.no").is_err(), "a kind that there is not");
}

struct Whole;

impl Importer<Batches> for Whole {
    fn hooks(h: &mut ImportHooks<Batches>) {
        h.run(async |kind, id, force, cx| {
            let name = format!("{kind} {id} {force}");
            let record = cx.records("sale.order").create(Values::new().set("name", name)).await?;
            cx.binder(kind.as_str())?.bind(id, record).await
        });
        h.batch(async |kind, batch, cx| {
            for id in batch.filter("ids").unwrap_or_default().split(',') {
                cx.with_delay().import(kind.as_str(), id).await?;
            }
            Ok("queued".to_owned())
        });
    }
}

impl Exporter<Batches> for Whole {
    fn hooks(h: &mut ExportHooks<Batches>) {
        h.run(async |kind, record, _, cx| cx.kv(kind.as_str()).set(&record).await);
    }
}

connector!(Batches, |c| {
    c.kind("acme.order", "sale.order").importer(Whole).exporter(Whole);
});

#[test]
fn importers_and_exporters_of_ones_own_do_all_of_it() {
    let acme = Harness::open(Batches, json!({})).expect("sound declarations");
    acme.import_whole("acme.order", "7", true).expect("imported");
    assert_eq!(acme.written("sale.order"), [json!({"name": "acme.order 7 true"})]);
    let said = acme.import_batch("acme.order", &[("ids", "1,2,3")]).expect("imported");
    assert_eq!((said.as_str(), acme.jobs()), ("queued", 3));
    assert!(acme.is_enqueued(&Task::import("acme.order", "2")));
    let jobs = acme.trap_jobs();
    assert_eq!((jobs.len(), acme.jobs()), (3, 0), "they are taken");
    assert_eq!(jobs[1].task(), Task::import("acme.order", "2"));
    assert_eq!((jobs[1].priority(), jobs[1].eta_secs(), jobs[1].identity()), (None, None, None));
    acme.perform(&jobs[1]).expect("performed");
    assert_eq!(acme.written("sale.order")[1], json!({"name": "acme.order 2 false"}));
    acme.import_batch("acme.order", &[("ids", "4,5")]).expect("imported");
    assert_eq!(acme.perform_jobs().expect("performed"), 2);
    assert_eq!(acme.written("sale.order").len(), 4);
    acme.export_whole("acme.order", 12).expect("exported");
    let kept: Option<Value> = acme.run(acme.context().kv("acme.order").get()).expect("read");
    assert_eq!(kept, Some(json!("12")));
}

//! A connector whose outside system knows no idempotency keys, with an exporter of every sort: the fixture for tests of
//! exports. It talks to the demo shop.

mod adapter;

use adapter::{CustomerApi, ShopApi};
use bindery_plugin::{
    prelude::*,
    serde_json::{Map, Value, json},
};

/// Where the shop is.
#[derive(Deserialize, JsonSchema)]
pub struct Settings {
    /// Address of the shop's API.
    #[schemars(extend("host" = true))]
    #[expect(dead_code, reason = "the adapter's base address is the setting that names the host")]
    api_url: String,
    /// Its token.
    api_token: Secret,
}

/// The connector.
pub struct Exporter;

impl Connector for Exporter {
    const ID: &'static str = "exporter";
    type Settings = Settings;

    fn components(c: &mut Components<Self>) {
        c.adapter("exporter.adapter", ShopApi);
        c.adapter("exporter.customer.adapter", CustomerApi).inherit("exporter.adapter").apply_on(["exporter.customer"]);
        c.kind("exporter.category", "product.category").import(CategoryImport).export(CategoryExport);
        c.kind("exporter.customer", "res.partner")
            .import(CustomerImport)
            .export(CustomerExport)
            .exporter(CustomerExporter);
        c.kind("exporter.product", "product.template").export(ProductExport).exporter(ProductExporter);
        c.kind("exporter.order", "sale.order").direction(Direction::Both).import(OrderImport).export(OrderExport);
        c.kind("exporter.order_line", "sale.order.line");
        c.kind("exporter.order_note", "sale.order.line");
        c.action("action_export", "Export one", async |cx, asked: Asked| {
            let binding = cx.bindings(&asked.kind).of_record(asked.record).await?;
            let binding = binding.ok_or_else(|| Error::invalid("the record is not bound"))?;
            let job = match asked.later {
                false => binding.export_record().await?,
                true => cx.with_delay().priority(5).eta_secs(60).export_record(&binding)?.await?,
            };
            Ok(job.id)
        });
        c.action("action_sync_later", "Sync products later", async |cx, _: NoSettings| {
            let job = cx.with_delay().priority(5).eta_secs(60).sync(Step::Products).await?;
            Ok(job.id)
        });
    }

    async fn test_connection(&self, cx: Context<Self>) -> Result<Report> {
        cx.get("/shop").await?;
        Ok(Report::connected("shop"))
    }
}

/// What is to be exported.
#[derive(Deserialize, JsonSchema)]
struct Asked {
    kind: String,
    record: i64,
    #[serde(default)]
    later: bool,
}

struct CategoryImport;

impl ImportMapper<Exporter> for CategoryImport {
    fn rules(r: &mut Rules<Exporter>) {
        r.direct("/name", "name");
    }
}

struct CategoryExport;

impl ExportMapper<Exporter> for CategoryExport {
    fn rules(r: &mut ExportRules<Exporter>) {
        r.direct("name", "/name");
        r.relation("parent_id", "exporter.category", "/parent_id").numeric();
    }
}

struct CustomerImport;

impl ImportMapper<Exporter> for CustomerImport {
    fn rules(r: &mut Rules<Exporter>) {
        r.direct("/name", "name");
        r.direct("/email", "email");
        r.direct("/note", "comment");
    }
}

struct CustomerExport;

impl ExportMapper<Exporter> for CustomerExport {
    fn rules(r: &mut ExportRules<Exporter>) {
        r.direct("name", "/name");
        r.direct("email", "/email");
        r.direct("comment", "/note");
        r.set("/language", "de").only_create();
        r.compute("contact", ["name", "phone"], ["/phone"], |partner| {
            set("/phone", partner.text("phone")?.option().map(|phone| format!("tel {phone}")))
        })
        .changed_by(["phone"]);
    }
}

struct CustomerExporter;

impl bindery_plugin::Exporter<Exporter> for CustomerExporter {
    fn hooks(h: &mut ExportHooks<Exporter>) {
        h.must_skip(|partner, _| {
            let name = partner.text("name")?.or_default();
            Ok(name.starts_with("Private").then(|| "a private customer".to_owned()))
        });
        h.validate(|partner, _| match partner.text("email")?.option() {
            Some(email) if !email.contains('@') => Err(Error::invalid("the email is none").field("email")),
            _ => Ok(()),
        });
        h.after(async |written, cx| cx.kv(format!("sent {}", written.record)).set(&written.created).await);
    }
}

struct ProductExport;

impl ExportMapper<Exporter> for ProductExport {
    fn rules(r: &mut ExportRules<Exporter>) {
        r.direct("name", "/title");
    }
}

/// Does it all itself, and binds what it makes.
struct ProductExporter;

impl bindery_plugin::Exporter<Exporter> for ProductExporter {
    fn hooks(h: &mut ExportHooks<Exporter>) {
        h.run(async |kind, record, _all, cx| {
            let record: i64 = record.parse().map_err(|_| Error::invalid("no id"))?;
            let found = cx.records("product.template").fields(["name"]).read([record]).await?;
            let name =
                found.first().map(|found| found.text("name")).transpose()?.map(Maybe::or_default).unwrap_or_default();
            let body = Values::new().set("title", format!("Whole {name}")).into_json()?;
            match cx
                .bindings(kind.as_str())
                .of_record(record)
                .await?
                .and_then(|known| known.external_id().map(str::to_owned))
            {
                Some(id) => cx.put(format!("/products/{id}"), &body).await.map(|_| ()),
                None => {
                    let made = cx.post("/products", &body).idempotent().await?.source()?;
                    let id = made.id("/id")?.required("/id")?;
                    cx.bindings(kind.as_str()).bind(id, record, Values::new()).await.map(|_| ())
                }
            }
        });
    }
}

struct OrderImport;

impl ImportMapper<Exporter> for OrderImport {
    fn rules(r: &mut Rules<Exporter>) {
        r.direct("/note", "note");
        r.relation("/customer_id", "exporter.customer").set("partner_id");
        r.children("/lines", "/id", "order_line", "exporter.order_line", LineImport);
        r.children("/notes", "/id", "order_line", "exporter.order_note", NoteImport);
    }
}

struct LineImport;

impl ImportMapper<Exporter> for LineImport {
    fn rules(r: &mut Rules<Exporter>) {
        r.direct("/title", "name");
        r.direct("/quantity", "product_uom_qty");
    }
}

/// Notes stand among our lines, and apart there.
struct NoteImport;

impl ImportMapper<Exporter> for NoteImport {
    fn rules(r: &mut Rules<Exporter>) {
        r.direct("/text", "name");
        r.set("display_type", "line_note");
    }
}

struct OrderExport;

impl ExportMapper<Exporter> for OrderExport {
    fn rules(r: &mut ExportRules<Exporter>) {
        r.direct("note", "/note");
        r.relation("partner_id", "exporter.customer", "/customer_id").numeric();
        r.children("order_line", "/lines", "exporter.order_line", LineExport);
        r.finalize(|_, body| Json::of(&with_notes(body.read()?)));
    }
}

/// The notes among the lines in a list of their own.
fn with_notes(mut body: Map<String, Value>) -> Map<String, Value> {
    let Some(Value::Array(all)) = body.remove("lines") else { return body };
    let (notes, lines): (Vec<_>, Vec<_>) = all.into_iter().partition(|line| line["display_type"] == "line_note");
    let note = |line: Value| match line.get("id") {
        Some(id) => json!({"id": id, "text": line["title"]}),
        None => json!({"text": line["title"]}),
    };
    body.insert("notes".to_owned(), notes.into_iter().map(note).collect());
    body.insert("lines".to_owned(), lines.into());
    body
}

struct LineExport;

impl ExportMapper<Exporter> for LineExport {
    fn rules(r: &mut ExportRules<Exporter>) {
        r.direct("name", "/title");
        r.direct("product_uom_qty", "/quantity");
        r.direct("display_type", "/display_type");
        r.compute("id", ["external"], ["/id"], |line| {
            let known = [line.id("/external/exporter.order_line")?, line.id("/external/exporter.order_note")?];
            match known.into_iter().find_map(Maybe::option) {
                Some(id) => set("/id", id.parse::<i64>().ok()),
                None => Ok(Values::new()),
            }
        });
    }
}

export_connector!(Exporter);

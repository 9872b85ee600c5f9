//! Orders with their lines.

use bindery_plugin::{Ref, prelude::*};

use crate::Demo;

/// `/orders`.
pub struct OrderImport;

impl ImportMapper<Demo> for OrderImport {
    fn rules(r: &mut Rules<Demo>) {
        r.direct("/number", "name");
        r.direct("/number", "client_order_ref").only_create();
        r.direct("/placed_at", "date_order");
        r.direct("/note", "note");
        r.relation("/customer_id", "demo.customer").set("partner_id");
        r.relation("/billing_address_id", "demo.address").set("partner_invoice_id");
        r.relation("/shipping_address_id", "demo.address").set("partner_shipping_id");
        r.lookup("/currency", "res.currency", "name").set("currency_id").or_create();
        r.compute("state", ["/state"], ["state"], |order| {
            set(
                "state",
                match order.text("/state")?.or_default().as_str() {
                    "draft" => "draft",
                    "confirmed" | "shipped" => "sale",
                    "done" => "done",
                    "cancelled" => "cancel",
                    other => {
                        return Err(Error::invalid(format!("the shop has a new state of orders: {other}")).at("/state"));
                    }
                },
            )
        });
        r.children("/lines", "/id", "order_line", "demo.order_line", LineImport);
    }
}

/// The lines of an order.
struct LineImport;

impl ImportMapper<Demo> for LineImport {
    fn rules(r: &mut Rules<Demo>) {
        r.direct("/title", "name");
        r.direct("/quantity", "product_uom_qty");
        r.direct("/price", "price_unit");
        r.direct("/discount", "discount");
        r.relation("/variant_id", "demo.variant").set("product_id");
        r.relation("/tax_ids", "demo.tax").set("tax_id");
    }
}

/// What happens around the import of an order.
pub struct OrderImporter;

impl Importer<Demo> for OrderImporter {
    fn hooks(h: &mut ImportHooks<Demo>) {
        h.must_skip(|order, cx| {
            let is_draft = order.text("/state")?.or_default() == "draft";
            Ok((is_draft && !cx.settings().draft_orders).then(|| "the customer has not confirmed it".to_owned()))
        });
        h.validate(|_, values| values.require(["name", "partner_id"]));
        h.dependencies(products);
    }
}

/// What refers to variants needs their products first, since variants come with them.
pub struct NeedsProducts;

impl Importer<Demo> for NeedsProducts {
    fn hooks(h: &mut ImportHooks<Demo>) {
        h.dependencies(products);
    }
}

/// The products of a record and of its lines.
fn products(record: &Source) -> Result<Vec<Ref>> {
    let mut found = Vec::new();
    for place in record.items("/lines")?.iter().chain([record]) {
        if let Some(id) = place.id("/product_id")?.option() {
            found.push(reference("demo.product", id));
        }
    }
    Ok(found)
}

//! Sales and their lines.

use bindery_plugin::prelude::*;

use super::{
    line::{self, Names},
    rule,
};
use crate::{Tryton, wire};

/// A sale.
pub struct Sale;

impl ImportMapper<Tryton> for Sale {
    fn rules(r: &mut Rules<Tryton>) {
        rule::text(r, "/reference", "client_order_ref");
        rule::text(r, "/comment", "note");
        for (pointer, field, kind) in [
            ("/party", "partner_id", "tryton.party"),
            ("/invoice_address", "partner_invoice_id", "tryton.address"),
            ("/shipment_address", "partner_shipping_id", "tryton.address"),
            ("/currency", "currency_id", "tryton.currency"),
            ("/payment_term", "payment_term_id", "tryton.payment_term"),
            ("/warehouse", "warehouse_id", "tryton.warehouse"),
        ] {
            rule::bound(r, pointer, field, kind);
        }
        rule::amounts(r);
        r.compute("name", ["/number", "/id"], ["name"], |src| {
            let number = src.text("/number")?.option();
            // Drafts have no number yet; Tryton shows them by id as well.
            set("name", number.map_or_else(|| Ok::<_, Error>(format!("({})", src.id("/id")?.required("/id")?)), Ok)?)
        });
        r.compute("state", ["/state"], ["state"], |src| set("state", state(&src.text("/state")?.required("/state")?)?));
        r.compute("invoice_status", ["/invoice_state"], ["invoice_status"], |src| {
            set(
                "invoice_status",
                match src.text("/invoice_state")?.or_default().as_str() {
                    "pending" | "awaiting payment" | "partially paid" | "paid" => "invoiced",
                    "waiting" | "exception" => "to invoice",
                    _ => "no",
                },
            )
        });
        r.compute("delivery_status", ["/shipment_state"], ["delivery_status"], |src| {
            set(
                "delivery_status",
                match src.text("/shipment_state")?.or_default().as_str() {
                    "waiting" | "exception" => Some("pending"),
                    "partially shipped" => Some("partial"),
                    "sent" => Some("full"),
                    _ => None,
                },
            )
        });
        r.compute("date_order", ["/sale_date"], ["date_order"], |src| {
            let day = wire::date(src, "/sale_date")?;
            Ok(Values::new().set_maybe("date_order", day.map(|day| format!("{day}T00:00:00Z"))))
        });
        r.children("/lines", "/id", "order_line", "tryton.sale_line", SaleLine);
    }
}

fn state(theirs: &str) -> Result<&'static str> {
    Ok(match theirs {
        "draft" => "draft",
        "quotation" => "sent",
        "confirmed" | "processing" => "sale",
        "done" => "done",
        "cancelled" => "cancel",
        other => return Err(Error::invalid(format!("{other:?} is not a state of a sale")).at("/state")),
    })
}

/// A line of a sale.
pub struct SaleLine;

impl ImportMapper<Tryton> for SaleLine {
    fn rules(r: &mut Rules<Tryton>) {
        static NAMES: Names = Names { quantity: "product_uom_qty", unit: "product_uom", taxes: "tax_id", plain: None };
        line::rules(r, &NAMES);
    }
}

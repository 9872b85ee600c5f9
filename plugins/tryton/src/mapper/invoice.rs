//! Invoices and their lines. A negative total makes a credit note, as Tryton has no other mark.

use bindery_plugin::prelude::*;

use super::line;
use crate::{Tryton, wire};

/// An invoice.
pub struct Invoice;

impl ImportMapper<Tryton> for Invoice {
    fn rules(r: &mut Rules<Tryton>) {
        r.direct("/number", "name");
        r.direct("/reference", "ref");
        r.relation("/party", "tryton.party").set("partner_id");
        r.lookup("/currency/code", "res.currency", "name").set("currency_id").or_create();
        wire::date_rule(r, "/invoice_date", "invoice_date");
        r.compute("move_type", ["/type", "/total_amount"], ["move_type"], |src| {
            let total =
                wire::decimal(src, "/total_amount")?.option().map(|total| total.to_string()).unwrap_or_default();
            set(
                "move_type",
                match (src.text("/type")?.required("/type")?.as_str(), total.starts_with('-')) {
                    ("out", false) => "out_invoice",
                    ("out", true) => "out_refund",
                    ("in", false) => "in_invoice",
                    ("in", true) => "in_refund",
                    (other, _) => return Err(Error::invalid(format!("{other:?} is not a type of invoice")).at("/type")),
                },
            )
        });
        r.compute("state", ["/state"], ["state", "payment_state"], |src| {
            let (state, payment) = match src.text("/state")?.required("/state")?.as_str() {
                "draft" | "validated" => ("draft", "not_paid"),
                "posted" => ("posted", "not_paid"),
                "paid" => ("posted", "paid"),
                "cancelled" => ("cancel", "not_paid"),
                other => return Err(Error::invalid(format!("{other:?} is not a state of an invoice")).at("/state")),
            };
            Ok(set("state", state)?.set("payment_state", payment))
        });
        r.children("/lines", "/id", "invoice_line_ids", "tryton.invoice_line", InvoiceLine);
    }
}

/// A line of an invoice.
pub struct InvoiceLine;

impl ImportMapper<Tryton> for InvoiceLine {
    fn rules(r: &mut Rules<Tryton>) {
        line::rules(r, "quantity", "product_uom_id");
    }
}

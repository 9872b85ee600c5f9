//! Invoices and their lines. A negative total makes a credit note, as Tryton has no other mark; signs stay as they are.

use bindery_plugin::prelude::*;

use super::{
    line::{self, Names},
    rule,
};
use crate::{Tryton, wire};

/// An invoice.
pub struct Invoice;

impl ImportMapper<Tryton> for Invoice {
    fn rules(r: &mut Rules<Tryton>) {
        rule::text(r, "/reference", "ref");
        rule::text(r, "/origins", "invoice_origin");
        rule::text(r, "/comment", "narration");
        rule::bound(r, "/party", "partner_id", "tryton.party");
        rule::bound(r, "/currency", "currency_id", "tryton.currency");
        rule::bound(r, "/payment_term", "invoice_payment_term_id", "tryton.payment_term");
        rule::date(r, "/invoice_date", "invoice_date");
        rule::decimal(r, "/amount_to_pay", "amount_residual");
        rule::amounts(r);
        r.compute("name", ["/number"], ["name"], |src| {
            set("name", src.text("/number")?.option().unwrap_or_else(|| "/".to_owned()))
        });
        r.compute("date", ["/accounting_date", "/invoice_date"], ["date"], |src| {
            let accounted = wire::date(src, "/accounting_date")?.option();
            set("date", accounted.or(wire::date(src, "/invoice_date")?.option()))
        });
        r.compute("invoice_date_due", ["/lines_to_pay"], ["invoice_date_due"], |src| {
            let mut last = None;
            for line in src.items("/lines_to_pay")? {
                last = last.max(wire::date(&line, "/maturity_date")?.option());
            }
            set("invoice_date_due", last)
        });
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
        static NAMES: Names =
            Names { quantity: "quantity", unit: "product_uom_id", taxes: "tax_ids", plain: Some("product") };
        line::rules(r, &NAMES);
    }
}

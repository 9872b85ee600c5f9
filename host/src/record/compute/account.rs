//! Amounts of invoices and of their lines.

use super::{
    Cause, Compute, Way, sale,
    total::{self, Document},
};
use crate::model::Value;

/// What a line comes to, in the invoice's currency.
pub(super) static LINE: Compute = Compute {
    model: "account.move.line",
    sets: &["currency_id", "price_subtotal", "price_tax", "price_total"],
    reads: &["move_id", "quantity", "price_unit", "discount", "tax_ids"],
    early: false,
    causes: &[Cause { model: "account.move", fields: &["currency_id"], way: Way::Down("move_id") }],
    run: |inputs| {
        let currency = match inputs.reference("move_id") {
            Some(invoice) => inputs.other("account.move", invoice, &["currency_id"])?.pop().unwrap_or(Value::Null),
            None => Value::Null,
        };
        let mut sets = sale::line(inputs, "quantity", "tax_ids", &currency)?;
        sets.push(("currency_id", currency));
        Ok(sets)
    },
};

/// What an invoice comes to: the sum of its lines.
pub(super) static MOVE: Compute = Compute {
    model: "account.move",
    sets: &["amount_untaxed", "amount_tax", "amount_total"],
    reads: &["invoice_line_ids", "company_id", "currency_id"],
    early: false,
    causes: &[Cause {
        model: "account.move.line",
        fields: &[
            "move_id",
            "price_subtotal",
            "price_tax",
            "price_total",
            "quantity",
            "price_unit",
            "discount",
            "tax_ids",
        ],
        way: Way::Up("move_id"),
    }],
    run: |inputs| {
        total::of(
            inputs,
            &Document { lines: "invoice_line_ids", model: "account.move.line", quantity: "quantity", taxes: "tax_ids" },
        )
    },
};

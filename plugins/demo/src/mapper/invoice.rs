//! Invoices and payments.

use bindery_plugin::prelude::*;

use crate::Demo;

/// `/invoices`, credit notes among them.
pub struct InvoiceImport;

impl ImportMapper<Demo> for InvoiceImport {
    fn rules(r: &mut Rules<Demo>) {
        r.direct("/number", "name");
        r.direct("/date", "invoice_date");
        r.direct("/due_date", "invoice_date_due");
        r.relation("/customer_id", "demo.customer").set("partner_id");
        r.lookup("/currency", "res.currency", "name").set("currency_id").or_create();
        r.compute("type", ["/type"], ["move_type"], |invoice| {
            let is_credit = invoice.text("/type")?.or_default() == "credit_note";
            set("move_type", if is_credit { "out_refund" } else { "out_invoice" })
        });
        r.compute("state", ["/state"], ["state", "payment_state"], |invoice| {
            let (state, payment) = match invoice.text("/state")?.or_default().as_str() {
                "posted" => ("posted", "not_paid"),
                "paid" => ("posted", "paid"),
                "cancelled" => ("cancel", "not_paid"),
                _ => ("draft", "not_paid"),
            };
            Ok(Values::new().set("state", state).set("payment_state", payment))
        });
        r.children("/lines", "/id", "invoice_line_ids", "demo.invoice_line", LineImport);
    }
}

/// The lines of an invoice.
struct LineImport;

impl ImportMapper<Demo> for LineImport {
    fn rules(r: &mut Rules<Demo>) {
        r.direct("/title", "name");
        r.direct("/quantity", "quantity");
        r.direct("/price", "price_unit");
        r.direct("/discount", "discount");
        r.relation("/variant_id", "demo.variant").set("product_id");
        r.relation("/tax_ids", "demo.tax").set("tax_ids");
    }
}

/// `/payments`.
pub struct PaymentImport;

impl ImportMapper<Demo> for PaymentImport {
    fn rules(r: &mut Rules<Demo>) {
        r.direct("/amount", "amount");
        r.direct("/date", "date");
        r.direct("/method", "payment_method_name");
        r.set("payment_type", "inbound").only_create();
        r.set("partner_type", "customer").only_create();
        r.set("state", "posted");
        r.relation("/customer_id", "demo.customer").set("partner_id");
        r.relation("/invoice_id", "demo.invoice").set("move_id");
        r.lookup("/currency", "res.currency", "name").set("currency_id").or_create();
    }
}

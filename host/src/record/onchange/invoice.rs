//! Invoices and payments: what follows from the partner, the product and the journal.

use super::{Onchange, id, partner, product, reference, text};
use crate::{
    model::Value,
    record::{Error, compute::Inputs},
};

/// Whether a kind of invoice is a vendor's.
fn is_purchase(move_type: &str) -> bool {
    move_type.starts_with("in_")
}

/// The partner: delivery address, fiscal position, payment terms; a vendor's bank account.
pub(super) static MOVE_PARTNER: Onchange = Onchange {
    model: "account.move",
    when: &["partner_id"],
    reads: &["move_type", "partner_shipping_id"],
    sets: &[
        "partner_shipping_id",
        "fiscal_position_id",
        "invoice_payment_term_id",
        "partner_bank_id",
        "invoice_user_name",
    ],
    run: |inputs| {
        let Some(chosen) = inputs.reference("partner_id") else { return Ok(Vec::new()) };
        let move_type = inputs.text("move_type");
        if move_type == "entry" {
            return Ok(Vec::new());
        }
        let purchase = is_purchase(&move_type);
        let delivery = match inputs.reference("partner_shipping_id") {
            Some(delivery) => delivery,
            None => partner::address(inputs, chosen, "delivery")?,
        };
        let terms = if purchase { "property_supplier_payment_term_id" } else { "property_payment_term_id" };
        let bank = if purchase { inputs.list_of("res.partner", chosen, "bank_ids")?.first().copied() } else { None };
        Ok(vec![
            ("partner_shipping_id", if purchase { Value::Null } else { Value::Ref(delivery) }),
            ("fiscal_position_id", reference(partner::fiscal_position(inputs, chosen, delivery)?)),
            ("invoice_payment_term_id", partner::property(inputs, chosen, terms)?),
            ("partner_bank_id", reference(bank)),
            ("invoice_user_name", partner::property(inputs, chosen, "user_name")?),
        ])
    },
};

/// The journal's currency, else the company's.
pub(super) static MOVE_CURRENCY: Onchange = Onchange {
    model: "account.move",
    when: &["journal_id", "company_id"],
    reads: &[],
    sets: &["currency_id"],
    run: currency,
};

/// The journal's currency, else the company's.
pub(super) static PAYMENT_JOURNAL: Onchange = Onchange {
    model: "account.payment",
    when: &["journal_id", "company_id"],
    reads: &[],
    sets: &["currency_id"],
    run: currency,
};

fn currency(inputs: &mut Inputs<'_, '_>) -> Result<Vec<(&'static str, Value)>, Error> {
    let mut found = Value::Null;
    for (field, model) in [("journal_id", "account.journal"), ("company_id", "res.company")] {
        if let Some(id) = inputs.reference(field).filter(|_| found == Value::Null) {
            found = inputs.other(model, id, &["currency_id"])?.pop().unwrap_or(Value::Null);
        }
    }
    Ok(vec![("currency_id", found)])
}

/// Date and terms: when it is due.
pub(super) static MOVE_DUE: Onchange = Onchange {
    model: "account.move",
    when: &["invoice_date"],
    reads: &["invoice_payment_term_id"],
    sets: &["invoice_date_due"],
    run: |inputs| {
        let (Value::Date(date), Some(terms)) =
            (inputs.get("invoice_date"), inputs.reference("invoice_payment_term_id"))
        else {
            return Ok(Vec::new());
        };
        let found = inputs.other("account.payment.term", terms, &["nb_days"])?;
        let days = match found.first() {
            Some(Value::Integer(days)) => i32::try_from(*days).ok(),
            _ => Some(0),
        };
        let due = days.and_then(|days| date.checked_add(days));
        Ok(vec![("invoice_date_due", due.map_or(Value::Null, Value::Date))])
    },
};

/// The product: name, unit, price (a vendor's invoice: cost), taxes by the invoice's fiscal position.
pub(super) static LINE_PRODUCT: Onchange = Onchange {
    model: "account.move.line",
    when: &["product_id"],
    reads: &["move_id"],
    sets: &["name", "product_uom_id", "price_unit", "tax_ids"],
    run: |inputs| {
        let Some(chosen) = inputs.reference("product_id") else { return Ok(Vec::new()) };
        let Some(found) = product::Product::read(inputs, chosen)? else { return Ok(Vec::new()) };
        let (mut purchase, mut position) = (false, None);
        if let Some(invoice) = inputs.reference("move_id") {
            let of = inputs.other("account.move", invoice, &["move_type", "fiscal_position_id"])?;
            if let [move_type, at] = of.as_slice() {
                (purchase, position) = (is_purchase(text(move_type)), id(at));
            }
        }
        let taxes = if purchase { "supplier_taxes_id" } else { "taxes_id" };
        Ok(vec![
            ("name", found.line_name()),
            ("product_uom_id", found.uom.clone()),
            ("price_unit", if purchase { found.cost.clone() } else { Value::Decimal(found.price) }),
            ("tax_ids", product::taxes(inputs, found.template, taxes, position)?),
        ])
    },
};

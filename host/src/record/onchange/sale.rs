//! Sales orders: what follows from the customer, and what a line has of its product.

use super::{Onchange, id, partner, price, product, reference};
use crate::model::Value;

/// The customer: addresses, pricelist, fiscal position, payment terms, salesperson.
pub(super) static ORDER_PARTNER: Onchange = Onchange {
    model: "sale.order",
    when: &["partner_id"],
    reads: &["partner_shipping_id"],
    sets: &[
        "partner_invoice_id",
        "partner_shipping_id",
        "pricelist_id",
        "fiscal_position_id",
        "payment_term_id",
        "user_name",
        "team_id",
    ],
    run: |inputs| {
        let Some(customer) = inputs.reference("partner_id") else { return Ok(Vec::new()) };
        let invoice = partner::address(inputs, customer, "invoice")?;
        let delivery = match inputs.reference("partner_shipping_id") {
            Some(delivery) => delivery,
            None => partner::address(inputs, customer, "delivery")?,
        };
        Ok(vec![
            ("partner_invoice_id", Value::Ref(invoice)),
            ("partner_shipping_id", Value::Ref(delivery)),
            ("pricelist_id", partner::property(inputs, customer, "property_product_pricelist")?),
            ("fiscal_position_id", reference(partner::fiscal_position(inputs, customer, delivery)?)),
            ("payment_term_id", partner::property(inputs, customer, "property_payment_term_id")?),
            ("user_name", partner::property(inputs, customer, "user_name")?),
            ("team_id", partner::property(inputs, customer, "team_id")?),
        ])
    },
};

/// The pricelist's currency, else the company's.
pub(super) static ORDER_CURRENCY: Onchange = Onchange {
    model: "sale.order",
    when: &["pricelist_id", "company_id"],
    reads: &[],
    sets: &["currency_id"],
    run: |inputs| {
        let mut found = Value::Null;
        for (field, model) in [("pricelist_id", "product.pricelist"), ("company_id", "res.company")] {
            if let Some(id) = inputs.reference(field).filter(|_| found == Value::Null) {
                found = inputs.other(model, id, &["currency_id"])?.pop().unwrap_or(Value::Null);
            }
        }
        Ok(vec![("currency_id", found)])
    },
};

/// The product: name, unit, price by the order's pricelist, taxes by its fiscal position.
pub(super) static LINE_PRODUCT: Onchange = Onchange {
    model: "sale.order.line",
    when: &["product_id"],
    reads: &["order_id", "product_uom_qty", "product_uom"],
    sets: &["name", "product_template_id", "product_uom", "price_unit", "tax_id", "customer_lead"],
    run: |inputs| {
        let Some(chosen) = inputs.reference("product_id") else { return Ok(Vec::new()) };
        let Some(found) = product::Product::read(inputs, chosen)? else { return Ok(Vec::new()) };
        let quantity = inputs.decimal("product_uom_qty");
        let (mut pricelist, mut at, mut position) = (None, inputs.work.change.now, None);
        if let Some(order) = inputs.reference("order_id") {
            (pricelist, at) = price::circumstances(inputs, order)?;
            position = inputs.other("sale.order", order, &["fiscal_position_id"])?.first().and_then(id);
        }
        let price = price::listed(inputs, pricelist, &found, quantity, at)?;
        Ok(vec![
            ("name", found.line_name()),
            ("product_template_id", Value::Ref(found.template)),
            ("product_uom", found.uom.clone()),
            ("price_unit", Value::Decimal(price)),
            ("tax_id", product::taxes(inputs, found.template, "taxes_id", position)?),
            ("customer_lead", found.lead.clone()),
        ])
    },
};

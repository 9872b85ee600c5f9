//! Amounts of sales orders and of their lines.

use super::{
    Cause, Compute, Inputs, Sets, Way, amount,
    total::{self, Document},
};
use crate::{
    model::{Decimal, Value},
    record::{Error, field::MONEY_SCALE},
};

/// What a line comes to, in the order's currency.
pub(super) static LINE: Compute = Compute {
    model: "sale.order.line",
    sets: &["currency_id", "price_subtotal", "price_tax", "price_total"],
    reads: &["order_id", "product_uom_qty", "price_unit", "discount", "tax_id"],
    early: false,
    causes: &[Cause { model: "sale.order", fields: &["currency_id"], way: Way::Down("order_id") }],
    run: |inputs| {
        let currency = match inputs.reference("order_id") {
            Some(order) => inputs.other("sale.order", order, &["currency_id"])?.pop().unwrap_or(Value::Null),
            None => Value::Null,
        };
        let mut sets = line(inputs, "product_uom_qty", "tax_id", &currency)?;
        sets.push(("currency_id", currency));
        Ok(sets)
    },
};

/// What an order comes to: the sum of its lines.
pub(super) static ORDER: Compute = Compute {
    model: "sale.order",
    sets: &["amount_untaxed", "amount_tax", "amount_total"],
    reads: &["order_line", "company_id", "currency_id"],
    early: false,
    causes: &[Cause {
        model: "sale.order.line",
        fields: &[
            "order_id",
            "price_subtotal",
            "price_tax",
            "price_total",
            "product_uom_qty",
            "price_unit",
            "discount",
            "tax_id",
        ],
        way: Way::Up("order_id"),
    }],
    run: |inputs| {
        total::of(
            inputs,
            &Document { lines: "order_line", model: "sale.order.line", quantity: "product_uom_qty", taxes: "tax_id" },
        )
    },
};

/// Subtotal, tax and total of a line.
pub(super) fn line(
    inputs: &mut Inputs<'_, '_>,
    quantity: &'static str,
    taxes: &'static str,
    currency: &Value,
) -> Result<Sets, Error> {
    let currency = if let Value::Ref(id) = currency { Some(*id) } else { None };
    let places = amount::places(inputs, currency)?;
    let ids = inputs.lines(taxes)?;
    let taxes = amount::taxes(inputs, ids)?;
    let found = amount::amounts(
        inputs.decimal(quantity),
        inputs.decimal("price_unit"),
        inputs.decimal("discount"),
        &taxes,
        places,
    );
    let found = found.ok_or_else(|| inputs.wrong("price_unit", "the amount of the line is too large"))?;
    Ok(vec![
        ("price_subtotal", money(found.untaxed)),
        ("price_tax", money(found.tax)),
        ("price_total", money(found.total)),
    ])
}

pub(super) fn money(units: i64) -> Value {
    Value::Decimal(Decimal { units, scale: MONEY_SCALE })
}

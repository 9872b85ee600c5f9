//! What a pricelist makes of a price: the first of its rules that fits product, quantity and date.

use serde_json::json;

use super::{id, product::Product, text};
use crate::{
    base::Timestamp,
    model::{Decimal, Value},
    record::{Error, compute::Inputs, domain},
};

/// What a product is sold for by a pricelist.
pub(super) fn listed(
    inputs: &mut Inputs<'_, '_>,
    pricelist: Option<i64>,
    product: &Product,
    quantity: Decimal,
    at: Timestamp,
) -> Result<Decimal, Error> {
    let Some(pricelist) = pricelist else { return Ok(product.price) };
    for rule in rules(inputs, pricelist, product)? {
        let fields = [
            "min_quantity",
            "compute_price",
            "fixed_price",
            "percent_price",
            "price_discount",
            "price_surcharge",
            "date_start",
            "date_end",
        ];
        let found = inputs.other("product.pricelist.item", rule, &fields)?;
        let [least, way, fixed, percent, discount, surcharge, start, end] = found.as_slice() else { continue };
        let holds = units(least) <= quantity.units
            && !matches!(start, Value::Datetime(start) if at < *start)
            && !matches!(end, Value::Datetime(end) if at > *end);
        if !holds {
            continue;
        }
        let price = match text(way) {
            "percentage" => lessened(product.price, percent),
            "formula" => lessened(product.price, discount)
                .and_then(|price| price.units.checked_add(units(surcharge)).map(|units| Decimal { units, ..price })),
            _ => Some(if let Value::Decimal(fixed) = fixed { *fixed } else { product.price }),
        };
        return price.ok_or_else(|| inputs.wrong("price_unit", "the price by the pricelist is too large"));
    }
    Ok(product.price)
}

/// The rules of a pricelist that speak of a product, the closest first.
fn rules(inputs: &mut Inputs<'_, '_>, pricelist: i64, product: &Product) -> Result<Vec<i64>, Error> {
    let mut domain = vec![json!(["pricelist_id", "=", pricelist])];
    let mut speaks = vec![
        json!(["applied_on", "=", "3_global"]),
        json!(["product_id", "=", product.id]),
        json!(["product_tmpl_id", "=", product.template]),
    ];
    speaks.extend(product.category.map(|category| json!(["categ_id", "parent_of", category])));
    domain.extend(std::iter::repeat_n(json!("|"), speaks.len() - 1));
    domain.extend(speaks);
    let catalogue = inputs.work.catalogue;
    let query = domain::Query {
        domain: json!(domain),
        order: "applied_on, min_quantity desc, id desc".to_owned(),
        ..domain::Query::default()
    };
    domain::search(inputs.work.tx, catalogue, catalogue.need_model("product.pricelist.item")?, &query)
}

fn units(value: &Value) -> i64 {
    if let Value::Decimal(value) = value { value.units } else { 0 }
}

/// A price less a percentage of it, rounded half away from zero.
fn lessened(price: Decimal, percent: &Value) -> Option<Decimal> {
    let (percent, scale) = match percent {
        Value::Decimal(percent) => (i128::from(percent.units), u32::from(percent.scale)),
        _ => return Some(price),
    };
    let whole = 100 * 10_i128.pow(scale);
    let exact = i128::from(price.units).checked_mul(whole - percent)?;
    let half = if exact < 0 { -whole / 2 } else { whole / 2 };
    Some(Decimal { units: i64::try_from((exact + half) / whole).ok()?, ..price })
}

/// The pricelist and the date of an order, for its lines.
pub(super) fn circumstances(inputs: &mut Inputs<'_, '_>, order: i64) -> Result<(Option<i64>, Timestamp), Error> {
    let found = inputs.other("sale.order", order, &["pricelist_id", "date_order"])?;
    let at = match found.get(1) {
        Some(Value::Datetime(at)) => *at,
        _ => inputs.work.change.now,
    };
    Ok((found.first().and_then(id), at))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_percentage_is_taken_off_exactly() {
        let price = |units| Decimal { units, scale: 6 };
        let percent = |units| Value::Decimal(Decimal { units, scale: 4 });
        for (units, off, expected) in
            [(10_000_000, 100_000, 9_000_000), (1, 500_000, 1), (-1, 500_000, -1), (5, 0, 5), (10, -100_000, 11)]
        {
            assert_eq!(lessened(price(units), &percent(off)), Some(price(expected)), "{units} less {off}");
        }
        assert_eq!(lessened(price(7), &Value::Null), Some(price(7)));
    }
}

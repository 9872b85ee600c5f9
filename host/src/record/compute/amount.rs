//! Amounts of lines: quantity, price, discount and taxes, exactly, rounded once to the currency as the ERP does (half
//! away from zero).

use super::Inputs;
use crate::{
    model::{Decimal, Value},
    record::{Error, field::MONEY_SCALE},
};

/// A tax as far as an amount needs it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Tax {
    /// The record.
    pub(super) id: i64,
    /// `percent`, `fixed` or `division`.
    pub(super) amount_type: String,
    /// Percent, or an amount for each unit.
    pub(super) amount: Decimal,
    /// Whether the price contains it.
    pub(super) price_include: bool,
    /// Whether taxes after it are counted on top of it.
    pub(super) include_base_amount: bool,
}

/// What a line comes to, in units of money.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Amounts {
    pub(super) untaxed: i64,
    pub(super) tax: i64,
    pub(super) total: i64,
}

/// Fractions are kept with this many digits until the end.
const FINE: u32 = 12;

/// What a line comes to. `places`: digits after the point in its currency. `None`: it does not fit.
pub(super) fn amounts(
    quantity: Decimal,
    price: Decimal,
    discount: Decimal,
    taxes: &[Tax],
    places: u8,
) -> Option<Amounts> {
    let (base, shares) = exact(quantity, price, discount, taxes)?;
    let untaxed = i64::try_from(rounded(base, places)).ok()?;
    let tax = i64::try_from(shares.into_iter().map(|share| rounded(share, places)).sum::<i128>()).ok()?;
    Some(Amounts { untaxed, tax, total: untaxed.checked_add(tax)? })
}

/// The untaxed amount of a line and what each tax adds to it, before they are rounded.
pub(super) fn exact(quantity: Decimal, price: Decimal, discount: Decimal, taxes: &[Tax]) -> Option<(i128, Vec<i128>)> {
    let discounted =
        product(fine(price)?, fine(Decimal { units: 100, scale: 0 })?.checked_sub(fine(discount)?)?)? / 100;
    let gross = product(fine(quantity)?, discounted)?;
    let mut included = 0_i128;
    let mut included_percent = 0_i128;
    for tax in taxes.iter().filter(|tax| tax.price_include) {
        match tax.amount_type.as_str() {
            "fixed" => included += product(fine(tax.amount)?, fine(quantity)?)?,
            "division" => included += product(gross, fine(tax.amount)?)? / 100,
            _ => included_percent += fine(tax.amount)?,
        }
    }
    let one = 10_i128.pow(FINE);
    let base = (gross - included).checked_mul(one)? / (one + included_percent / 100);
    let mut shares = Vec::with_capacity(taxes.len());
    let mut counted = base;
    for tax in taxes {
        let share = match tax.amount_type.as_str() {
            "fixed" => product(fine(tax.amount)?, fine(quantity)?)?,
            "division" if tax.price_include => product(gross, fine(tax.amount)?)? / 100,
            "division" => counted.checked_mul(one)? / (one - fine(tax.amount)? / 100).max(1) - counted,
            _ => product(counted, fine(tax.amount)?)? / 100,
        };
        shares.push(share);
        if tax.include_base_amount {
            counted += share;
        }
    }
    Some((base, shares))
}

fn fine(value: Decimal) -> Option<i128> {
    i128::from(value.units).checked_mul(10_i128.pow(FINE.checked_sub(value.scale.into())?))
}

fn product(a: i128, b: i128) -> Option<i128> {
    let one = 10_i128.pow(FINE);
    // Split, so that the product of two fine numbers stays within 128 bits.
    let (whole, rest) = (a / one, a % one);
    whole.checked_mul(b)?.checked_add(rest.checked_mul(b)? / one)
}

/// Units of money, rounded half away from zero at the digits that the currency has.
pub(super) fn rounded(value: i128, places: u8) -> i128 {
    let places = u32::from(places.min(MONEY_SCALE));
    let step = 10_i128.pow(FINE - places);
    let half = if value < 0 { -step / 2 } else { step / 2 };
    (value + half) / step * 10_i128.pow(u32::from(MONEY_SCALE) - places)
}

/// Digits after the point in a currency; 2 where there is none.
pub(super) fn places(inputs: &mut Inputs<'_, '_>, currency: Option<i64>) -> Result<u8, Error> {
    let Some(currency) = currency else { return Ok(2) };
    let found = inputs.other("res.currency", currency, &["decimal_places"])?;
    Ok(match found.first() {
        Some(Value::Integer(places)) => u8::try_from(*places).unwrap_or(2),
        _ => 2,
    })
}

/// Taxes by id, in their order; groups count as what they are made of.
pub(super) fn taxes(inputs: &mut Inputs<'_, '_>, ids: Vec<i64>) -> Result<Vec<Tax>, Error> {
    let model = inputs.work.catalogue.need_model("account.tax")?;
    let children = super::index(model, "children_tax_ids");
    let mut found = Vec::new();
    for id in ids {
        let fields = ["amount_type", "amount", "price_include", "include_base_amount", "sequence"];
        let values = inputs.other("account.tax", id, &fields)?;
        let [Value::Text(amount_type), amount, include, base, sequence] = values.as_slice() else { continue };
        if amount_type == "group" {
            let of = crate::record::row::many(inputs.work.tx, inputs.work.catalogue, model, children, &[id])?;
            // A group within a group is none: one level is what the ERP's forms allow.
            for child in of.into_values().flatten().filter(|child| *child != id) {
                let values = inputs.other("account.tax", child, &fields)?;
                if let [Value::Text(amount_type), amount, include, base, sequence] = values.as_slice() {
                    found.push((order(sequence), tax(child, amount_type, amount, include, base)));
                }
            }
        } else {
            found.push((order(sequence), tax(id, amount_type, amount, include, base)));
        }
    }
    found.sort_by_key(|(sequence, tax)| (*sequence, tax.id));
    Ok(found.into_iter().map(|(_, tax)| tax).collect())
}

fn order(sequence: &Value) -> i64 {
    if let Value::Integer(sequence) = sequence { *sequence } else { 0 }
}

fn tax(id: i64, amount_type: &str, amount: &Value, include: &Value, base: &Value) -> Tax {
    Tax {
        id,
        amount_type: amount_type.to_owned(),
        amount: super::number(amount, 4),
        price_include: *include == Value::Bool(true),
        include_base_amount: *base == Value::Bool(true),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decimal(text: &str) -> Decimal {
        Decimal::parse(text, 6).expect(text)
    }

    fn tax(amount_type: &str, amount: &str, price_include: bool) -> Tax {
        Tax {
            id: 1,
            amount_type: amount_type.into(),
            amount: decimal(amount),
            price_include,
            include_base_amount: false,
        }
    }

    fn check(line: (&str, &str, &str), taxes: &[Tax], expected: (&str, &str, &str)) {
        let found = amounts(decimal(line.0), decimal(line.1), decimal(line.2), taxes, 2).expect("fits");
        let money = |text: &str| Decimal::parse(text, MONEY_SCALE).expect(text).units;
        let wanted = Amounts { untaxed: money(expected.0), tax: money(expected.1), total: money(expected.2) };
        assert_eq!(found, wanted, "{line:?} {taxes:?}");
    }

    #[test]
    fn lines_come_to_what_the_erp_makes_of_them() {
        check(("3", "19.99", "0"), &[], ("59.97", "0", "59.97"));
        check(("3", "19.99", "10"), &[], ("53.97", "0", "53.97"));
        check(("1", "0.125", "0"), &[], ("0.13", "0", "0.13"));
        check(("-1", "0.125", "0"), &[], ("-0.13", "0", "-0.13"));
        check(("2", "50", "0"), &[tax("percent", "21", false)], ("100", "21", "121"));
        check(("1", "121", "0"), &[tax("percent", "21", true)], ("100", "21", "121"));
        check(("2", "10", "0"), &[tax("fixed", "0.5", false)], ("20", "1", "21"));
        check(("1", "90", "0"), &[tax("division", "10", false)], ("90", "10", "100"));
        check(("1", "100", "0"), &[tax("division", "10", true)], ("90", "10", "100"));
        let compound = Tax { include_base_amount: true, ..tax("percent", "10", false) };
        check(("1", "100", "0"), &[compound, tax("percent", "10", false)], ("100", "21", "121"));
        check(("0", "100", "0"), &[tax("percent", "21", false)], ("0", "0", "0"));
    }

    #[test]
    fn what_does_not_fit_is_not_cut() {
        let huge = Decimal { units: i64::MAX, scale: 0 };
        assert_eq!(amounts(huge, huge, decimal("0"), &[], 2), None);
    }
}

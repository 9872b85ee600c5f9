//! Totals of documents: sums over the lines, or, where the company rounds taxes once a document, the exact tax of all
//! lines, rounded once for each tax.

use std::collections::BTreeMap;

use super::{Inputs, Sets, amount, number, sale::money};
use crate::{
    model::Value,
    record::{Error, domain},
};

/// What the fields of a document and of its lines are called.
pub(super) struct Document {
    /// The document's field of lines.
    pub(super) lines: &'static str,
    /// The lines' model.
    pub(super) model: &'static str,
    /// A line's quantity.
    pub(super) quantity: &'static str,
    /// A line's taxes.
    pub(super) taxes: &'static str,
}

/// Untaxed amount, tax and total.
pub(super) fn of(inputs: &mut Inputs<'_, '_>, document: &Document) -> Result<Sets, Error> {
    let sums = inputs.sums(document.lines, &["price_subtotal", "price_tax", "price_total"])?;
    let [count, untaxed, tax, total] = sums[..] else { return Ok(Vec::new()) };
    let (tax, total) = match count > 0 && rounds_globally(inputs)? {
        true => {
            let tax = tax_of_all(inputs, document)?;
            let sum = untaxed.checked_add(tax);
            (tax, sum.ok_or_else(|| inputs.wrong("amount_total", "the total is too large"))?)
        }
        false => (tax, total),
    };
    Ok(vec![("amount_untaxed", money(untaxed)), ("amount_tax", money(tax)), ("amount_total", money(total))])
}

/// Whether the document's company rounds taxes once a document. A document that names none is the first company's.
fn rounds_globally(inputs: &mut Inputs<'_, '_>) -> Result<bool, Error> {
    let company = match inputs.reference("company_id") {
        Some(company) => Some(company),
        None => {
            let catalogue = inputs.work.catalogue;
            let query = domain::Query { order: "id".to_owned(), limit: Some(1), ..domain::Query::default() };
            let model = catalogue.need_model("res.company")?;
            domain::search(inputs.work.tx, catalogue, model, &query)?.pop()
        }
    };
    let Some(company) = company else { return Ok(false) };
    let found = inputs.other("res.company", company, &["tax_calculation_rounding_method"])?;
    Ok(matches!(found.first(), Some(Value::Text(method)) if method == "round_globally"))
}

/// The taxes of all lines, each tax rounded once.
fn tax_of_all(inputs: &mut Inputs<'_, '_>, document: &Document) -> Result<i64, Error> {
    let currency = inputs.reference("currency_id");
    let places = amount::places(inputs, currency)?;
    let mut by_tax: BTreeMap<i64, i128> = BTreeMap::new();
    for line in inputs.lines(document.lines)? {
        let found = inputs.other(document.model, line, &[document.quantity, "price_unit", "discount"])?;
        let [quantity, price, discount] = &found[..] else { continue };
        let ids = inputs.list_of(document.model, line, document.taxes)?;
        let taxes = amount::taxes(inputs, ids)?;
        let exact = amount::exact(number(quantity, 0), number(price, 0), number(discount, 0), &taxes);
        let (_, shares) = exact.ok_or_else(|| inputs.wrong("amount_tax", "the amount of a line is too large"))?;
        for (tax, share) in taxes.iter().zip(shares) {
            *by_tax.entry(tax.id).or_default() += share;
        }
    }
    let sum: i128 = by_tax.into_values().map(|share| amount::rounded(share, places)).sum();
    i64::try_from(sum).map_err(|_| inputs.wrong("amount_tax", "the tax is too large"))
}
